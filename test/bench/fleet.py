#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Chunks on 1, 2, 4, 8 and 16 workers on this machine, each with a stand-in engine of one slot that takes 2 seconds for a
chunk: how near the rate is to as many times that of one worker, what the head costs, and what is moved.

    python3 test/bench/fleet.py [--workers 1,2,4,8,16] [--latency 2] [--units 20] [--death] [--alone]
    python3 test/bench/fleet.py --workers '' --crowd 1000
    python3 test/bench/fleet.py --workers '' --overhead 5

Rate: chunks from the first request to the last answer of all engines. Processor: share of all cores that everything on this
machine used meanwhile, the stand-ins included; a row above 80 % says nothing of other machines, and is marked. Head: its
processor time for a chunk. Moved: bytes that workers fetched for a chunk; least: the size of the video by its chunks.
--alone: the same analysis by one machine, to compare. --death: the time from kill -9 of a worker until another engine gets
its chunk, ack wait 5 s. --overhead: so many pairs of an analysis by one machine, and of one by a head and one worker there, with
one engine: wall time, and processor time of head, worker and server. --crowd: units a second of one head, whose
journal is a file in memory, and so many workers that do each unit at once, played over 16 connections by `fleet_try`, which is
beside the build's tests; processor time of head, NATS server and workers for a unit. Needs
nats-server (PATH, NATS_SERVER or `tools/setup fleet`)."""
import argparse
import json
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import time
from pathlib import Path

import bench

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "flow"))
import nats

CORES = len(os.sched_getaffinity(0))
CHUNK = 2  # seconds of video
ACK_WAIT = 5


class Machine:
    """A process with folders of its own, and its engine."""

    def __init__(self, folder, name, latency):
        self.dir, self.name = folder / name, name
        self.dir.mkdir()
        self.engine = bench.flow.FakeEngine(self.dir, "--slots", "1", "--latency", str(latency), "--model", "same")
        self.env = {k: v for k, v in os.environ.items() if not k.startswith("VDET_")}
        self.env |= {f"XDG_{kind}_HOME": str(self.dir / kind.lower()) for kind in ("DATA", "CONFIG", "CACHE")}
        self.env |= {"VDET_ENGINE_URL": self.engine.url, "VDET_SAMPLE_POLICY": "even", "VDET_CHECK_VERIFY": "none",
                     "VDET_TEXT_SCREEN": "off", "VDET_FLEET_ADDRESS": "", "VDET_FLEET_LISTEN": "127.0.0.1:0",
                     "VDET_FLEET_ACK_WAIT": str(ACK_WAIT)}

    def start(self, *args):
        self.log = open(self.dir / "log", "ab")
        self.process = subprocess.Popen([bench.flow.VDET, *map(str, args)], cwd=self.dir, env=self.env, stdin=subprocess.DEVNULL,
                                        stdout=self.log, stderr=self.log)

    def wait(self):
        """Processor seconds that it and its children used."""
        _, status, used = os.wait4(self.process.pid, 0)
        self.process.returncode = os.waitstatus_to_exitcode(status)
        self.log.close()
        if self.process.returncode:
            raise RuntimeError(f"{self.name}: exit {self.process.returncode}\n{(self.dir / 'log').read_text()}")
        return used.ru_utime + used.ru_stime

    def stop(self):
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGTERM)
            self.wait()

    def fetched(self):
        return sum(map(int, re.findall(r"(\d+) bytes from the head", (self.dir / "log").read_text())))

    def spans(self):
        """(begin, end) of what was described."""
        begins = [r["time"] for r in self.engine.lines("begin") if any("Stretch " in t for t in r["texts"])]
        return begins, [r["time"] for r in self.engine.lines("end")][:len(begins)]


def busy():
    """Seconds that the cores of this machine were busy since it started."""
    user, nice, system, _, _, irq, soft, *_ = map(int, Path("/proc/stat").read_text().split("\n")[0].split()[1:])
    return (user + nice + system + irq + soft) / os.sysconf("SC_CLK_TCK")


class Bench:
    def __init__(self, options):
        self.o = options
        self.folder = bench.scratch() / "fleet"
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)

    def video(self, chunks):
        path = self.folder / f"{chunks}.mp4"
        if not path.exists():
            bench.flow.make_video(path, chunks * CHUNK)
        return path

    def begin(self, name, workers, chunks, fleet=True):
        """The head, its workers and the server; the analysis has begun."""
        place = self.folder / name
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
        server = nats.Nats(place) if fleet else None
        link = ("--fleet", server.url) if fleet else ()
        machines = [Machine(place, f"w{i}", self.o.latency) for i in range(workers)]
        for m in machines:
            m.start("worker", *link, "--fleet-name", m.name, "--log-level", "info")
        head = Machine(place, "head", self.o.latency)
        while fleet and workers and self.listed(head, link) < workers:
            time.sleep(0.2)
        head.start("analyze", self.video(chunks), "--chunk-duration", CHUNK, "--chunk-frames", 2, *link)
        return head, machines, server

    def listed(self, head, link):
        # The workers greet any head; without one, those that have connected are counted.
        return sum("Ctrl-C ends it" in (w / "log").read_text() for w in head.dir.parent.glob("w*") if (w / "log").exists())

    def run(self, workers):
        chunks = self.o.units * max(workers, 1)
        used, at = busy(), time.monotonic()
        head, machines, server = self.begin(f"run{workers}", workers, chunks, workers > 0)
        cost = head.wait()
        wall, used = time.monotonic() - at, busy() - used
        for m in machines:
            m.stop()
        if server:
            server.stop()
        spans = [m.spans() for m in machines or [head]]
        begin, end = min(min(b) for b, _ in spans if b), max(max(e) for _, e in spans if e)
        for m in [head, *machines]:
            m.engine.stop()
        return {"workers": workers, "chunks": chunks, "rate": chunks / (end - begin), "span": end - begin, "wall": wall,
                "processor": used / wall / CORES, "head": cost / chunks, "moved": sum(m.fetched() for m in machines) / chunks,
                "least": self.video(chunks).stat().st_size / chunks}

    def death(self):
        """Until the chunk of a killed worker is in another engine."""
        head, (a, b), server = self.begin("death", 2, 2 * self.o.units)
        while len(a.spans()[0]) < 2:
            time.sleep(0.05)
        a.process.kill()
        killed = time.time()
        a.process.wait()
        lost = a.engine.stretches()[-1]
        head.wait()
        again = [r["time"] for r in b.engine.lines("begin") if any(f"Stretch {lost}," in t for t in r["texts"])]
        b.stop()
        server.stop()
        for m in (head, a, b):
            m.engine.stop()
        return again[0] - killed if again else None


    def overhead(self, pairs):
        """Medians of one machine, and of a head with one worker."""
        rows = {False: [], True: []}
        for i in range(2 * pairs):
            fleet = bool(i % 2) != bool(i // 2 % 2)
            at = time.monotonic()
            head, machines, server = self.begin("overhead", int(fleet), self.o.units, fleet)
            begun = time.monotonic() if fleet else at
            used = head.wait()
            wall = time.monotonic() - begun
            for m in machines:
                m.process.send_signal(signal.SIGTERM)
                used += m.wait()
            if server:
                server.process.terminate()
                _, _, cost = os.wait4(server.process.pid, 0)
                used += cost.ru_utime + cost.ru_stime
                server.process.returncode = 0
            for m in (head, *machines):
                m.engine.stop()
            rows[fleet].append((wall, used))
        middle = {k: [statistics.median(column) for column in zip(*v)] for k, v in rows.items()}
        return {"alone_s": middle[False][0], "fleet_s": middle[True][0], "alone_processor_s": middle[False][1],
                "fleet_processor_s": middle[True][1]}

    def crowd(self, workers, units, ahead):
        """One head, and workers that take no time."""
        place = self.folder / "crowd"
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
        program = os.environ.get("FLEET_TRY") or str(Path(bench.flow.VDET).parents[2] / "test" / "flow" / "fleet_try")
        name, memory = "0123456789abcdef", Path("/dev/shm") / f"vdet-crowd-{os.getpid()}"
        server = nats.Nats(place)
        crowd = subprocess.Popen([program, "crowd", server.url, name, str(workers)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        used, at = busy(), time.monotonic()
        with open(place / "head.log", "w") as log:
            head = subprocess.Popen([program, "head", server.url, name, str(memory), f"n={units}", f"threads={ahead}", "ack_wait=60"],
                                    stdout=subprocess.PIPE, stderr=log, text=True)
        times = [time.monotonic() for line in head.stdout if '"event":"done"' in line]
        cost, share = [], (busy() - used) / (time.monotonic() - at) / CORES
        for p in (head, crowd, server.process):
            if p is not head:
                p.terminate()
            _, _, u = os.wait4(p.pid, 0)
            p.returncode = 0
            cost.append(u.ru_utime + u.ru_stime)
        memory.unlink()
        # Without the beginning and the end, where not all have work.
        a, b = len(times) // 10, len(times) * 9 // 10
        return {"workers": workers, "units": len(times), "ahead": ahead, "per_s": (b - a) / (times[b] - times[a]), "processor": share,
                "head_ms": 1000 * cost[0] / len(times), "nats_ms": 1000 * cost[2] / len(times), "crowd_ms": 1000 * cost[1] / len(times)}


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--workers", default="1,2,4,8,16")
    p.add_argument("--latency", type=float, default=2)
    p.add_argument("--units", type=int, default=20, help="chunks for each worker")
    p.add_argument("--alone", action="store_true")
    p.add_argument("--death", action="store_true")
    p.add_argument("--overhead", type=int, default=0, metavar="PAIRS")
    p.add_argument("--crowd", type=int, default=0, metavar="WORKERS")
    p.add_argument("--crowd-units", type=int, default=20000)
    p.add_argument("--crowd-ahead", type=int, default=2000, help="units that the head gives out at the same time")
    b = Bench(p.parse_args())
    one = None
    if b.o.workers or b.o.alone:
        print("| workers | chunks | time | chunks a second | of linear | processor | head, of a chunk | moved, of a chunk | least |")
        print("|---|---|---|---|---|---|---|---|---|", flush=True)
    for n in ([0] if b.o.alone else []) + [int(n) for n in b.o.workers.split(",") if n]:
        r = b.run(n)
        one = r["rate"] if n == 1 else one
        share = f"{r['rate'] / (n * one):.3f}" if n and one else ""
        mark = " (does not count)" if r["processor"] > 0.8 else ""
        print(f"| {n or 'no fleet'} | {r['chunks']} | {r['span']:.1f} s | {r['rate']:.3f} | {share}{mark} | {100 * r['processor']:.0f} % | "
              f"{1000 * r['head']:.0f} ms | {r['moved'] / 1000:.0f} kB | {r['least'] / 1000:.0f} kB |", flush=True)
    if b.o.overhead:
        print(json.dumps(b.overhead(b.o.overhead)), flush=True)
    if b.o.crowd:
        print(json.dumps(b.crowd(b.o.crowd, b.o.crowd_units, b.o.crowd_ahead)), flush=True)
    if b.o.death:
        print(json.dumps({"death_s": b.death(), "ack_wait_s": ACK_WAIT}))


if __name__ == "__main__":
    main()
