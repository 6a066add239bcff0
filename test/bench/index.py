#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""C and E: the cost of indexing a long video, compared with ffmpeg's scan of every frame, and by length.

usage: index.py FILE… [--vdet PATH] [--peer FILE] [--threads N]
Times are CPU times (user and system, all children), because wall times on a shared machine mean little; these are printed,
too. The peer, `ffmpeg -vf select=gt(scene,0.3)`, decodes --peer (default: the first FILE), and its time is scaled to the
length of each FILE: if all are made by looping one segment, that is exact except for noise."""
import argparse
import json
import os
import subprocess
import tempfile
from pathlib import Path

import bench

ROOT = Path(__file__).resolve().parents[2]


def main():
    p = argparse.ArgumentParser()
    p.add_argument("files", nargs="+", type=Path)
    p.add_argument("--vdet", default=str(ROOT / "build" / "src" / "app" / "vdet"))
    p.add_argument("--peer", type=Path)
    p.add_argument("--threads", default="0", help="threads of the peer; 0 = ffmpeg's choice")
    a = p.parse_args()
    peer = a.peer or a.files[0]
    subprocess.run(["cat", *map(str, a.files), str(peer)], stdout=subprocess.DEVNULL)  # all reads from the page cache
    _, wall, busy, memory = bench.timed("ffmpeg", "-v", "error", "-threads", a.threads, "-i", peer, "-map", "0:v:0", "-vf",
                                  "select='gt(scene,0.3)'", "-f", "null", "-")
    rate = busy / bench.duration(peer)
    print(f"ffmpeg scene filter: {busy:.1f} s of processor ({wall:.1f} s wall) for {bench.duration(peer):.0f} s of video, "
          f"{memory:.0f} MB\n")
    print("| video | CPU | pictures | decoded completely | wall | MB | of ffmpeg's full decode |\n|---|---|---|---|---|---|---|")
    for f in a.files:
        with tempfile.TemporaryDirectory() as data:
            out, wall, busy, memory = bench.timed(a.vdet, "index", "--json", f, env=os.environ | {"XDG_DATA_HOME": data})
        x = json.loads(out)
        print(f"| {x['duration'] / 3600:.2f} h | {busy:.1f} s | {x['decoded']} | {x['looked']:.0f} s | {wall:.1f} s | "
              f"{memory:.0f} | {busy / (rate * x['duration']):.3f} |", flush=True)


if __name__ == "__main__":
    main()
