#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A, A', B, D: the cost of extracting pictures from a long video, compared with PyAV, OpenCV and ffmpeg.

usage: sampler.py FILE… [--frames 144] [--dense SECONDS] [--workers 2] [--peers av,cv,ffmpeg] [--vdet PATH]
- exact: this number of frames, evenly spaced, each the one that is shown at its time, scaled to a width of 1280;
- keyframes: the same number, each moved to a keyframe: the nearest, for PyAV the one before;
- dense: one frame per second of the first SECONDS, scaled likewise, compared with `ffmpeg -vf fps=1,scale` (0 = skip).
vdet's pictures are also encoded as JPEG, in the same sandboxed child as in an analysis; those of the peers stay in memory
as RGB. Every decoder has one thread. Times are CPU times (user and system, of the whole process tree), because wall times
on a shared machine mean little; these are printed, too. Ratios are relative to PyAV. Peers that are not installed are
skipped (Debian: python3-av, python3-opencv)."""
import argparse
import concurrent.futures
import importlib.util
import json
import os
import socket
import struct
import subprocess
import sys
from pathlib import Path

import bench

HELLO, ERROR, DONE, PROBE, INFO, FRAMES, FRAME, WALK, WALKED = 1, 2, 3, 16, 17, 32, 33, 48, 49
WIDTH = 1280


class Worker:
    """A decoder child of vdet, used by its protocol (src/protocol/media-wire.h)."""

    def __init__(self, vdet, path):
        ours, theirs = socket.socketpair()
        self.socket = ours
        with open(path, "rb") as f:
            self.process = subprocess.Popen(
                ["/bin/sh", "-c", f'exec "$0" -x media 2147483648 on none 3<&{theirs.fileno()} 4<&{f.fileno()}', vdet],
                pass_fds=[theirs.fileno(), f.fileno()], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        theirs.close()
        self.hear(HELLO)

    def read(self, n):
        data = bytearray()
        while len(data) < n:
            more = self.socket.recv(min(n - len(data), 1 << 20))
            if not more:
                raise RuntimeError("the decoder child has gone")
            data += more
        return bytes(data)

    def hear(self, *kinds):
        kind, head, blob = struct.unpack("<III", self.read(16)[4:])
        head = json.loads(self.read(head))
        blob = self.read(blob)
        if kind not in kinds:
            raise RuntimeError(f"the decoder child says {kind}: {head}")
        return kind, head, blob

    def say(self, kind, head):
        h = json.dumps(head).encode()
        self.socket.sendall(b"VDW1" + struct.pack("<III", kind, len(h), 0) + h)

    def frames(self, times, key=False):
        """The pts of the frames that are shown at these times, or of the nearest keyframes, in microseconds."""
        out = []
        for i in range(0, len(times), 4096):
            self.say(FRAMES, {"times": times[i:i + 4096], "size": WIDTH, "thumb_size": 0, "quality": 85, "keyframes": key})
            while (answer := self.hear(FRAME, DONE))[0] == FRAME:
                out.append(answer[1].get("pts"))
        return out

    def end(self):
        peak = bench.MemoryWatch.peak(self.process.pid)
        self.socket.close()
        self.process.wait()
        return peak


def part_vdet(vdet, path, times, workers, key):
    crew = [Worker(vdet, path) for _ in range(workers)]
    share = (len(times) + workers - 1) // workers
    with concurrent.futures.ThreadPoolExecutor(workers) as pool:
        found = list(pool.map(lambda i: crew[i].frames(times[i * share:(i + 1) * share], key), range(workers)))
    return {"pts": sum(found, []), "memory": max(w.end() for w in crew)}


def part_av(path, times, key):
    import av
    pts = []
    with av.open(path) as c:
        s = c.streams.video[0]
        s.thread_type, s.codec_context.thread_count = "SLICE", 1
        start = s.start_time or 0
        for t in times:
            goal, last = start + round(t / 1e6 / s.time_base), None
            c.seek(goal, stream=s, backward=True, any_frame=False)
            for f in c.decode(s):
                if last is not None and f.pts > goal:
                    break
                last = f
                if key or f.pts >= goal:
                    break
            last.reformat(WIDTH, last.height * WIDTH // last.width, "rgb24").to_ndarray()
            pts.append(round((last.pts - start) * s.time_base * 1000000))
    return {"pts": pts}


def part_cv(path, times):
    import cv2
    cv2.setNumThreads(1)
    os.environ["OPENCV_FFMPEG_CAPTURE_OPTIONS"] = "threads;1"
    video = cv2.VideoCapture(path, cv2.CAP_FFMPEG)
    rate = video.get(cv2.CAP_PROP_FPS)
    for t in times:
        video.set(cv2.CAP_PROP_POS_FRAMES, int(t / 1e6 * rate))
        ok, f = video.read()
        if ok:
            cv2.cvtColor(cv2.resize(f, (WIDTH, f.shape[0] * WIDTH // f.shape[1]), interpolation=cv2.INTER_AREA), cv2.COLOR_BGR2RGB)
    return {}


def part_ffmpeg(path, times):
    for t in times:
        subprocess.run(["ffmpeg", "-v", "error", "-nostdin", "-threads", "1", "-ss", f"{t / 1e6:.6f}", "-i", path, "-map", "0:v:0",
                        "-frames:v", "1", "-vf", f"scale={WIDTH}:-2", "-pix_fmt", "rgb24", "-f", "rawvideo", "-y", "/dev/null"],
                       check=True)
    return {}


def part_dense(path, seconds):
    subprocess.run(["ffmpeg", "-v", "error", "-nostdin", "-threads", "1", "-filter_threads", "1", "-t", str(seconds), "-i", path,
                    "-map", "0:v:0", "-vf", f"fps=1,scale={WIDTH}:-2", "-pix_fmt", "rgb24", "-f", "rawvideo", "-y", "/dev/null"],
                   check=True)
    return {}


def run_part(name, *arguments):
    """(output of the part, wall time, CPU time, largest resident size of one process in MB)"""
    out, wall, busy, memory = bench.timed(sys.executable, __file__, "--part", json.dumps([name, *arguments]))
    said = json.loads(out)
    return said, wall, busy, said["memory"] / 1e6 if said.get("memory") else memory


def row(task, who, result, base, note=""):
    _, wall, busy, memory = result
    ratio = f"{busy / base:.2f}" if base else ""
    print(f"| {task} | {who} | {busy:.1f} s | {wall:.1f} s | {memory:.0f} MB | {ratio} | {note} |", flush=True)


def same(a, b):
    return sum(x is not None and abs(x - y) < 1500 for x, y in zip(a, b))


def measure(path, a):
    length = bench.duration(path)
    # 4 ms more: exactly at the time of a frame, rounding would decide whether it is shown already.
    times = [int((i + 0.5) * length / a.frames * 1e6) + 4000 for i in range(a.frames)]
    peers = [p for p in a.peers.split(",") if p == "ffmpeg" or importlib.util.find_spec({"av": "av", "cv": "cv2"}[p])]
    subprocess.run(["cat", str(path)], stdout=subprocess.DEVNULL, check=True)  # all reads from the page cache, if it fits
    print(f"\n{path.name}, {length / 60:.0f} minutes, {path.stat().st_size / 1e6:.0f} MB\n\n"
          "| task | by | processor | wall | memory | of PyAV's exact | |\n|---|---|---|---|---|---|---|", flush=True)
    task, base, exact = f"{a.frames} exact", None, None
    if "av" in peers:
        exact = run_part("av", str(path), times, False)
        base = exact[2]
        row(task, "PyAV", exact, base)
    ours = run_part("vdet", a.vdet, str(path), times, 1, False)
    row(task, "vdet, 1 worker", ours, base, f"{same(ours[0]['pts'], exact[0]['pts'])} of {len(times)} the same" if exact else "")
    if a.workers > 1:
        row(task, f"vdet, {a.workers} workers", run_part("vdet", a.vdet, str(path), times, a.workers, False), base)
    if "cv" in peers:
        row(task, "OpenCV", run_part("cv", str(path), times), base)
    if "ffmpeg" in peers:
        row(task, "ffmpeg, one a frame", run_part("ffmpeg", str(path), times), base)
    if exact:
        keys = run_part("av", str(path), times, True)
        row(f"{a.frames} keyframes", "PyAV", keys, base)
        row(f"{a.frames} keyframes", "vdet, 1 worker", run_part("vdet", a.vdet, str(path), times, 1, True), base)
    if a.dense:
        seconds = int(min(a.dense, length))
        each = [i * 1000000 for i in range(seconds)]
        peer = run_part("dense", str(path), seconds)
        row(f"1 a second of {seconds} s", "ffmpeg fps=1", peer, None)
        ours = run_part("vdet", a.vdet, str(path), each, 1, False)
        row(f"1 a second of {seconds} s", "vdet, 1 worker", ours, None, f"{ours[2] / peer[2]:.2f} of ffmpeg's")


def main():
    if sys.argv[1:2] == ["--part"]:
        name, *arguments = json.loads(sys.argv[2])
        print(json.dumps(globals()[f"part_{name}"](*arguments)))
        return
    p = argparse.ArgumentParser()
    p.add_argument("files", nargs="+", type=Path)
    p.add_argument("--frames", type=int, default=144)
    p.add_argument("--dense", type=float, default=0)
    p.add_argument("--workers", type=int, default=2)
    p.add_argument("--peers", default="av,cv,ffmpeg")
    p.add_argument("--vdet", default=str(bench.VDET))
    a = p.parse_args()
    for path in a.files:
        measure(path.resolve(), a)


if __name__ == "__main__":
    main()
