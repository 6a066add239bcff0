#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Memory that remains between chunks: resident memory of each process of a long job after a number of chunks.

    python3 test/bench/steady.py [--chunks 200] [--engine auto|fake] [--latency S] [OPTION…]     needs 0.1 GB in $BENCH_DIR

One chunk per second of a drawn video, with two pictures of 640 pixels; with `auto` the demo model describes them, in a
llama-server child, one request at a time. Anonymous memory (RssAnon) is printed: without the pages of files, which the
system may reclaim at any moment. These figures do not depend on the load of the machine; the last line, the share of time
during which the engine was busy, does."""
import argparse
import json

import bench


def processes(pid):
    """Anonymous memory of the process and of its children, by role."""
    found = {"vdet": bench.flow.anonymous(pid)}
    for child, command in bench.flow.children(pid).items():
        name = "llama-server" if any(a.endswith("llama-server") for a in command) else "decoders" if "media" in command else None
        if name:
            found[name] = found.get(name, 0) + bench.flow.anonymous(child)
    return found


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--chunks", type=int, default=200)
    p.add_argument("--engine", choices=["auto", "fake"], default="auto")
    p.add_argument("--latency", default="0", help="of the fake engine, in seconds")
    a, extra = p.parse_known_args()
    folder = bench.scratch()
    video = folder / f"steady-{a.chunks}.mp4"  # some seconds more: at the last mark the job is still running
    if not video.exists():
        bench.flow.make_video(video, a.chunks + 3, "640x360")
    engine = bench.flow.FakeEngine(folder, "--latency", a.latency) if a.engine == "fake" else None
    choice = ["--engine", engine.url] if engine else []  # a folder without models: the demo model
    job = bench.start(["analyze", video, "--fresh", *choice, "--chunk-duration", "1", "--chunk-frames", "2", "--sample-policy",
                       "even", "--frame-size", "640", "--slots", "1", "--output", folder / "out", "--format", "json",
                       "--progress", "json", "--job-timeout", "0", *extra], folder)
    marks = {5, 50, a.chunks} | set(range(100, a.chunks, 100))
    print("| after chunk | vdet | decoders | llama-server |\n|---|---|---|---|")
    done = 0
    while done < a.chunks:
        if bench.flow.read_event(job.stdout, "chunk", timeout=3600)["state"] not in ("done", "hole"):
            continue
        done += 1
        if done in marks:
            now = processes(job.pid)
            cells = (f"{now[n] / 1e6:.1f} MB" if n in now else "-" for n in ("vdet", "decoders", "llama-server"))
            print(f"| {done} | {' | '.join(cells)} |", flush=True)
    job.communicate()
    if engine:
        engine.stop()
    run = json.loads((folder / "out" / "report.json").read_text())["run"]
    print(f"engine busy {run['engine_busy']:.1f} s of {run['wall_time']:.1f} s: {100 * run['engine_busy'] / run['wall_time']:.1f} %")
    return job.returncode if job.returncode != 3 else 0  # the demo model may leave a hole


if __name__ == "__main__":
    raise SystemExit(main())
