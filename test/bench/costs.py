#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What `vdet plan` estimates, and what the job then costs, with the demo model.

    python3 test/bench/costs.py [--duration 10min]     needs 10 MB in $BENCH_DIR

Each shape of a job is run in a data folder of its own. The plan is made before anything was measured and again afterwards.
The requests are those in the journal; the tokens are those of the engine, which a limit a day (`cap`) makes it count."""
import argparse
import json
import shutil
import sqlite3
import subprocess

import bench

CHUNKS = ["--chunk-duration", "12", "--chunk-frames", "4", "--frame-size", "640"]
SHAPES = {
    "doubtful": [*CHUNKS, "--verify", "doubtful"],
    "all": [*CHUNKS, "--verify", "all"],
    "two passes": [*CHUNKS, "--verify", "doubtful", "--passes", "2"],
    "long chunks": ["--chunk-duration", "60", "--chunk-frames", "6", "--frame-size", "640", "--verify", "doubtful"],
    "even": [*CHUNKS, "--sample-policy", "even", "--verify", "doubtful"],
}
STEPS = ["describing", "joining", "checks", "second_pass", "summary"]


def vdet(*args):
    return subprocess.run([str(bench.VDET), *map(str, args)], check=True, capture_output=True, text=True).stdout


def estimate(video, data, options):
    return json.loads(vdet("plan", video, "--data-dir", data, *options))["estimate"]


def journal(data):
    """Requests of each step, and the tokens of all of them: read, written."""
    db = sqlite3.connect(data / "vdet.db")

    def one(sql):
        return db.execute(sql).fetchone()

    answers = [json.loads(text) for text, in db.execute("SELECT text FROM answer")]
    checks = one("SELECT (SELECT count(*) FROM verdict WHERE code <> '') + (SELECT count(*) FROM control)")[0]
    requests, *tokens = one("SELECT sum(requests), sum(prompt_tokens), sum(output_tokens) FROM spending")
    counts = {"describing": one("SELECT sum(attempts) FROM chunk")[0], "joining": sum("same" in a for a in answers),
              "checks": checks, "second_pass": one("SELECT count(*) FROM second_pass WHERE earlier <> ''")[0],
              "summary": sum("sentences" in a for a in answers)}
    return counts, requests, tokens


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--duration", default="10min")
    a = p.parse_args()
    folder = bench.scratch()
    video = folder / f"costs-{a.duration}.mp4"
    if not video.exists():
        vdet("world", "--duration", a.duration, video)
    print("| job | | describing | joining | checks | second pass | summary | requests | tokens read | written |")
    print("|---" * 10 + "|")
    for name, options in SHAPES.items():
        data = folder / f"costs-{name.replace(' ', '-')}"
        shutil.rmtree(data, ignore_errors=True)
        before = estimate(video, data, options)
        # A model that leaves a hole ends with another exit code.
        subprocess.run([str(bench.VDET), "analyze", str(video), "--data-dir", str(data), "--endpoint", "demo=auto,cap=1000000Mtok",
                        "--output", str(data / "out"), *options], check=False, capture_output=True)
        counts, requests, (read, written) = journal(data)
        after = estimate(video, data, options)
        for row, e in ("plan, nothing measured", before), ("plan, measured", after):
            steps = (str(e["steps"][s]["requests"]) for s in STEPS)
            print(f"| {name} | {row} | {' | '.join(steps)} | {e['requests']:,} | {e['prompt_tokens']:,} | {e['output_tokens']:,} |")
        print(f"| {name} | job | {' | '.join(str(counts[s]) for s in STEPS)} | {requests:,} | {read:,} | {written:,} |", flush=True)


if __name__ == "__main__":
    main()
