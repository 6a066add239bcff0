#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Damaged videos: mutations of MP4, MKV, TS, FLV and AVI through `vdet index` and `vdet analyze`. See README.md.

    mutate.py [--count N] [--seed S] [--keep FOLDER]

Mutation n has the seed S + n, which names its file: `--count 1 --seed ITS_SEED` makes it again, and --keep leaves the files of
failures in a folder. VDET names the program, best one that was built with AddressSanitizer."""
import argparse
import json
import os
import random
import re
import resource
import shutil
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "flow"))
import flow  # noqa: E402

FORMATS = {"mp4": "libx264", "mkv": "libx264", "ts": "mpeg2video", "flv": "flv", "avi": "mpeg4"}
BATCH = 20  # files of one command, since a start costs more than a file
ANALYZED = 4  # every fourth batch
MEMORY_MB = 1500  # of one process, under a sanitizer; not hard_rss_limit_mb, whose thread keeps vdet from forking its children
HEADER = 4096
FAULTS = re.compile(flow.FAULTS.pattern + r"|crashed on this file|exceeded its memory limit|SIGKILL|SIGSYS")
# Sizes and counts that parsers stumble over.
WORDS = [0, 1, 7, 8, 0x7F, 0x80, 0xFF, 0xFFFF, 0x10000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFF8, 0xFFFFFFFF]


def make_videos(folder):
    """Small ones with sound, each of another codec and container."""
    found = {}
    for ending, codec in FORMATS.items():
        path = folder / f"good.{ending}"
        subprocess.run(["ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", "testsrc2=s=96x64:r=8:d=2", "-f", "lavfi", "-i",
                        "sine=d=2:r=22050", "-c:v", codec, "-g", "5", "-pix_fmt", "yuv420p", "-c:a", "mp2" if ending == "ts"
                        else "aac" if ending != "avi" else "pcm_s16le", "-b:a", "32k", "-shortest", str(path)], check=True,
                       stdin=subprocess.DEVNULL)
        found[ending] = path.read_bytes()
    return found


def place(rnd, data):
    """Headers and indexes, at both ends, deserve more of it than payload."""
    where = rnd.random()
    if where < 0.4:
        return rnd.randrange(min(HEADER, len(data)))
    return len(data) - 1 - rnd.randrange(min(HEADER, len(data))) if where < 0.6 else rnd.randrange(len(data))


def mutate(data, rnd):
    data = bytearray(data)
    for _ in range(rnd.randint(1, 8)):
        if len(data) < 64:
            break
        at, n = place(rnd, data), rnd.choice([1, 4, 16, 64, 188, 1000])
        kind = rnd.choice(["flip", "byte", "fill", "remove", "repeat", "copy", "size", "size", "swap", "cut"])
        if kind == "flip":
            data[at] ^= 1 << rnd.randrange(8)
        elif kind == "byte":
            data[at] = rnd.randrange(256)
        elif kind == "fill":
            data[at:at + n] = bytes([rnd.choice([0, 0xFF])]) * len(data[at:at + n])
        elif kind == "remove":
            del data[at:at + n]
        elif kind == "repeat":
            data[at:at] = data[at:at + n] * rnd.randint(1, 4)
        elif kind == "copy":
            other = rnd.randrange(len(data))
            data[at:at + n] = data[other:other + len(data[at:at + n])]
        elif kind == "swap":
            other = rnd.randrange(len(data))
            data[at:at + n], data[other:other + n] = data[other:other + n], data[at:at + n]
        elif kind == "size":
            word = rnd.choice(WORDS + [len(data), rnd.getrandbits(32)])
            data[at:at + 4] = struct.pack(rnd.choice("<>") + "I", word)
        elif rnd.random() < 0.3:
            del data[at:]
    return bytes(data)


def peak_mb():
    """Of the largest process so far that has ended."""
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss >> 10


class Storm:
    def __init__(self, seed, keep):
        self.dir = Path(tempfile.mkdtemp(prefix="vdet-mutate-"))
        self.seed, self.keep, self.good = seed, keep, make_videos(self.dir)
        self.engine = flow.FakeEngine(self.dir)
        self.failures, self.refused, self.accepted = [], 0, 0
        self.env = {k: v for k, v in os.environ.items() if not k.startswith("VDET_")}
        self.env["ASAN_OPTIONS"] = (f"max_allocation_size_mb={MEMORY_MB}:allocator_may_return_null=1:" +
                                    self.env.get("ASAN_OPTIONS", ""))

    def close(self):
        self.engine.stop()
        shutil.rmtree(self.dir)

    def write(self, folder, seed):
        rnd = random.Random(seed)
        ending = rnd.choice(sorted(self.good))
        path = folder / f"{seed}.{ending}"
        path.write_bytes(mutate(self.good[ending], rnd))
        return path

    def vdet(self, folder, *arguments):
        try:
            return subprocess.run([flow.VDET, *map(str, arguments), "--data-dir", str(folder / "data")], cwd=folder, text=True,
                                  env=self.env, stdin=subprocess.DEVNULL, capture_output=True, timeout=flow.TIMEOUT)
        except subprocess.TimeoutExpired as e:
            return subprocess.CompletedProcess(e.args, -1, "", "it hangs")

    def index(self, folder, files):
        """Why each file failed the test; empty if none did."""
        r = self.vdet(folder, "index", "--json", *files)
        lines = {}
        for line in r.stdout.splitlines():
            x = json.loads(line)
            lines[x["source"]] = x
        looked = {name for name, x in lines.items() if x["decoded"] > 0}
        return self.judge(r, files, lines, looked, (0, 1))

    def analyze(self, folder, files):
        # Some claim to be hours long.
        r = self.vdet(folder, "analyze", "--engine", self.engine.url, "--chunk-duration", 1, "--chunk-frames", 1, "--to", 60,
                      "--format", "json", "--output", folder / "out", *files)
        reports = [json.loads(p.read_text()) for p in (folder / "out").rglob("report.json")]
        looked = {x["source"]["name"] for x in reports if any(c["samples"] for c in x["chunks"]) or not x["complete"]}
        return self.judge(r, files, {x["source"]["name"]: x for x in reports}, looked, (0, 1, 3))

    def judge(self, r, files, results, looked, codes):
        wrong = []
        for path in files:
            told = re.search(rf"error: .*{re.escape(path.name)}", r.stderr)
            self.refused += path.name not in results
            self.accepted += path.name in results
            if path.name not in results and not told:
                wrong.append(f"{path.name}: neither a result nor a message")
            elif path.name in results and path.name not in looked and not told:
                wrong.append(f"{path.name}: complete, although no picture was looked at")
        if r.returncode not in codes or FAULTS.search(r.stderr):
            wrong.append(f"exit {r.returncode}")
        if peak_mb() > MEMORY_MB:
            wrong.append(f"a process took {peak_mb()} MB")
        return [f"{w}\n{r.stderr[-6000:]}" for w in wrong]

    def batch(self, number, seeds):
        command = self.analyze if number % ANALYZED == ANALYZED - 1 else self.index
        with tempfile.TemporaryDirectory(dir=self.dir) as folder:
            folder = Path(folder)
            files = [self.write(folder, seed) for seed in seeds]
            if not command(folder, files):
                return
        for seed in seeds:  # which of them is it
            with tempfile.TemporaryDirectory(dir=self.dir) as folder:
                path = self.write(Path(folder), seed)
                for wrong in command(Path(folder), [path]):
                    print(f"FAILED: {command.__name__}, seed {seed}: {wrong}", flush=True)
                    self.failures.append(seed)
                    if self.keep:
                        shutil.copy(path, self.keep)


def main():
    p = argparse.ArgumentParser(description="Feeds damaged videos to vdet.")
    p.add_argument("--count", type=int, default=300)
    p.add_argument("--seed", type=int, default=random.randrange(1 << 30))
    p.add_argument("--keep", type=Path)
    o = p.parse_args()
    print(f"{o.count} mutations from seed {o.seed}", flush=True)
    if o.keep:
        o.keep.mkdir(exist_ok=True)
    storm, start = Storm(o.seed, o.keep), time.monotonic()
    try:
        for number, first in enumerate(range(o.seed, o.seed + o.count, BATCH)):
            if number and number % 50 == 0:
                print(f"{number * BATCH} done", flush=True)
            storm.batch(number, range(first, min(first + BATCH, o.seed + o.count)))
    finally:
        storm.close()
    print(f"{storm.accepted} accepted, {storm.refused} refused, {len(storm.failures)} failed {storm.failures or ''}; "
          f"{time.monotonic() - start:.0f} s, at most {peak_mb()} MB in one process")
    return 1 if storm.failures else 0


if __name__ == "__main__":
    sys.exit(main())
