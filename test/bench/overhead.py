#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The overhead of vdet: 1 - engine busy / wall, with a fake engine that takes a fixed time for each of 24 chunks.

    python3 test/bench/overhead.py [LATENCY [SLOTS [POLICY [HOURS]]]]        (default: 5 s, 1 slot, even, 2 hours)

1080p, a new file; chunks of 6 frames, evenly spaced, so that no index is made; with the policy adaptive the index is made
meanwhile, and the number of chunks depends on it: then the same index is also made alone, and wall is compared with the
longer of the two. Busy is the time with at least one request in flight,
including that of the summary; wall is the time of the whole program, job that of the analysis."""
import json
import shutil
import sys

import bench

latency = float(sys.argv[1]) if len(sys.argv) > 1 else 5
slots = int(sys.argv[2]) if len(sys.argv) > 2 else 1
policy = sys.argv[3] if len(sys.argv) > 3 else "even"
hours = float(sys.argv[4]) if len(sys.argv) > 4 else 2
folder = bench.scratch()
shutil.rmtree(folder / "vdet", ignore_errors=True)  # the store of the previous run knows the file
engine = bench.flow.FakeEngine(folder, "--slots", str(slots), "--latency", str(latency))
video = bench.long_video(folder, round(hours * 3600))
took, _, _ = bench.run(["analyze", video, "--fresh", "--engine", engine.url, "--slots", slots, "--sample-policy", policy,
                        "--output", folder / "out"], folder)
report = json.loads((folder / "out" / "report.json").read_text())
busy, job = report["run"]["engine_busy"], report["run"]["wall_time"]
print("| policy | chunks | latency | slots | wall | job | engine busy | overhead, of wall | of job |")
print("|---|---|---|---|---|---|---|---|---|")
print(f"| {policy} | {len(report['chunks'])} | {latency:g} s | {slots} | {took:.2f} s | {job:.2f} s | {busy:.2f} s | "
      f"{100 * (1 - busy / took):.1f} % | {100 * (1 - busy / job):.1f} % |")
engine.stop()
if policy != "even":
    index, _, _ = bench.run(["index", "--fresh", video], folder)
    longer = max(busy, index)
    print(f"\nThe index alone took {index:.2f} s. Wall is {took / longer:.3f} times the longer of engine and index "
          f"(target: 1.03 times and 2 s more, {1.03 * longer + 2:.2f} s).")
