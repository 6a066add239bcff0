"""Our own cost: 1 - engine busy / wall, with a stand-in engine that takes a fixed time for each of 24 chunks.

    python3 test/bench/overhead.py [LATENCY [SLOTS]]        (default: 5 s, 1 slot)

Two hours of 1080p, 24 chunks of 6 frames spread evenly, so that no index is made. Busy is the time during which at least one request was in flight."""
import json
import sys

import bench

latency = float(sys.argv[1]) if len(sys.argv) > 1 else 5
slots = int(sys.argv[2]) if len(sys.argv) > 2 else 1
folder = bench.scratch()
engine = bench.flow.FakeEngine(folder, "--slots", str(slots), "--latency", str(latency))
video = bench.long_video(folder, 7200)
took, _, _ = bench.run(["analyze", video, "--fresh", "--engine", engine.url, "--slots", slots, "--sample-policy", "even", "--output", folder / "out"], folder)
run = json.loads((folder / "out" / "report.json").read_text())["run"]
busy = run["engine_busy"]
print("| latency | slots | wall | engine busy | overhead |\n|---|---|---|---|---|")
print(f"| {latency:g} s | {slots} | {took:.2f} s | {busy:.2f} s | {100 * (1 - busy / took):.1f} % |")
engine.stop()
