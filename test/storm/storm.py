#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A storm: the program is killed at random moments, and nothing that it promised is lost. See README.md.

    storm.py [--count N] [--seed S] [--only analyze|serve] [--keep-going]

Plays N rounds with the seeds S, S+1, …, and prints each. A round does the same again with `--count 1 --seed ITS_SEED`;
when a kill by the clock hits depends on the machine. VDET names the program, as in the flow tests."""
import os
import random
import shutil
import sys
import tempfile
from pathlib import Path

import play
from rounds import flow
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


def main():
    p = play.parser("Kills vdet at random moments.", 50)
    p.add_argument("--only", choices=sorted(KINDS))
    o = p.parse_args()
    play.begin(o)

    def choose(seed):
        kind = o.only or random.Random(seed).choice(sorted(KINDS))
        return f"{kind}, seed {seed}", KINDS[kind]()
    return play.play_all(o, Base(), choose, lambda r: f"{r.kills} kills")


if __name__ == "__main__":
    os.environ.pop("LD_PRELOAD", None)
    sys.exit(main())
