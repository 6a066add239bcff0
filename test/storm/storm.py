#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A storm: the program is killed at random moments, and nothing that it promised is lost. See README.md.

    storm.py [--count N] [--seed S] [--only analyze|serve] [--keep-going]

Plays N rounds with the seeds S, S+1, …, and prints each. A round does the same again with `--count 1 --seed ITS_SEED`;
when a kill by the clock hits depends on the machine. VDET names the program, as in the flow tests."""
import argparse
import os
import random
import shutil
import sys
import tempfile
import time
import traceback
from pathlib import Path

from rounds import adopt_orphans, flow
from analyze_round import AnalyzeRound
from serve_round import ServeRound

KINDS = {"analyze": AnalyzeRound, "serve": ServeRound}
LATENCY = "0.05"  # of the engine: a moment that a kill can hit


class Base:
    """What outlives a round."""

    def __init__(self):
        self.dir = Path(tempfile.mkdtemp(prefix="vdet-storm-"))
        self.videos = self.dir / "videos"
        self.videos.mkdir()
        flow.make_video(self.videos / "a.mp4", 4, "160x90")
        flow.make_video(self.videos / "b.mkv", 6, "128x96", source="testsrc")
        self.engine = flow.FakeEngine(self.dir, "--latency", LATENCY)
        self.engines = [self.engine]
        self.reports = {}
        self.seconds = {}  # of an undisturbed round

    def data(self, name):
        return (self.videos / name).read_bytes()

    def close(self):
        for engine in self.engines:
            engine.stop()
        shutil.rmtree(self.dir)


def play(kind, seed, base):
    """A round; its kills. None if it failed."""
    round_, start = KINDS[kind](), time.monotonic()
    try:
        round_.begin(seed, base)
        round_.play()
    except Exception:
        print(f"FAILED: {kind}, seed {seed}\n" + "\n".join(f"  {line}" for line in round_.story))
        print("\n".join(traceback.format_exc(chain=False).splitlines()[-14:]))
        return None
    finally:
        round_.doCleanups()
        sys.stdout.flush()
    print(f"{kind}, seed {seed}: {round_.kills} kills, {time.monotonic() - start:.1f} s", flush=True)
    return round_.kills


def main():
    p = argparse.ArgumentParser(description="Kills vdet at random moments.")
    p.add_argument("--count", type=int, default=50)
    p.add_argument("--seed", type=int, default=random.randrange(1 << 30))
    p.add_argument("--only", choices=sorted(KINDS))
    p.add_argument("--keep-going", action="store_true", help="play the other rounds after one that failed")
    o = p.parse_args()
    print(f"storm of {o.count} rounds from seed {o.seed}", flush=True)
    adopt_orphans()
    base, kills, failed, start = Base(), 0, [], time.monotonic()
    try:
        for seed in range(o.seed, o.seed + o.count):
            kind = o.only or random.Random(seed).choice(sorted(KINDS))
            n = play(kind, seed, base)
            kills += n or 0
            if n is None:
                failed.append(seed)
                if not o.keep_going:
                    break
    finally:
        base.close()
    print(f"{kills} kills, {len(failed)} rounds failed {failed or ''}, {time.monotonic() - start:.0f} s")
    return 1 if failed else 0


if __name__ == "__main__":
    os.environ.pop("LD_PRELOAD", None)
    sys.exit(main())
