#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Resident memory of the main process and of a decoder child, from ten minutes to ten hours of 1080p.

    python3 test/bench/memory.py [HOURS…] [OPTION=VALUE…]   (default: 0.17 2 10)   needs about 1 GB per hour in $BENCH_DIR"""
import sys

import bench

extra = [a for a in sys.argv[1:] if not a[0].isdigit()]
hours = [float(a) for a in sys.argv[1:] if a[0].isdigit()] or [1 / 6, 2, 10]
folder = bench.scratch()
engine = bench.flow.FakeEngine(folder, "--slots", "2")
print("| video | chunks | seconds | main process | decoder child |\n|---|---|---|---|---|")
for h in hours:
    seconds = round(h * 60) * 60
    video = bench.long_video(folder, seconds)
    took, main, child = bench.run(["analyze", video, "--fresh", "--engine", engine.url, "--output", folder / "out",
                                   "--job-timeout", "0", *extra], folder)
    print(f"| {h:.2g} h | {max(1, seconds // 300)} | {took:.0f} | {main / 1e6:.0f} MB | {child / 1e6:.0f} MB |", flush=True)
engine.stop()
