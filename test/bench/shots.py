#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Edited films: the share of shots of at least a second that get a frame, at 1 frame per 10 s and at twice as many.

usage: shots.py [--vdet PATH] [--seeds 1-3] [--minutes 6] [--work FOLDER]
Each film consists of pieces of 1 to 24 s of ../shared/media (scenes.py lists the parts without a cut), joined by hard cuts, so
that the budget of 1 frame per 10 s has about one frame for each shot. Films stay in FOLDER and are used again."""
import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path

from scenes import MEDIA, PURE, ROOT

SHORTEST, LONGEST, LEAST = 1.0, 24.0, 1.0


def make_film(path, seed, seconds):
    """The film, and the times at which its shots begin and end."""
    r = random.Random(seed)
    command, graph, at, shots, last = ["ffmpeg", "-v", "error", "-y"], [], 0, [], None
    while at < seconds * 25:
        last = r.choice([p for p in PURE if p != last])
        a, b = r.choice(PURE[last])
        n = int(min(r.uniform(SHORTEST, LONGEST), b - a - 0.1) * 25)
        start = r.uniform(a, b - n / 25)
        i = len(shots)
        command += ["-ss", f"{start:.3f}", "-t", f"{n / 25 + 1:.3f}", "-i", str(MEDIA / last)]
        graph.append(f"[{i}:v:0]fps=25,scale=640:360:force_original_aspect_ratio=increase,crop=640:360,setsar=1,"
                     f"format=yuv420p,tpad=stop=-1:stop_mode=clone,trim=end_frame={n},setpts=PTS-STARTPTS[p{i}]")
        shots.append((at / 25, (at + n) / 25))
        at += n
    joined = "".join(f"[p{i}]" for i in range(len(shots)))
    subprocess.run([*command, "-filter_complex", ";".join(graph) + f";{joined}concat=n={len(shots)}:v=1[v]", "-map", "[v]", "-c:v",
                    "libx264", "-preset", "veryfast", "-crf", "24", str(path)], check=True, stdin=subprocess.DEVNULL)
    return shots


def film(work, seed, minutes):
    path, truth = work / f"film-{seed}-{minutes}.mp4", work / f"film-{seed}-{minutes}.json"
    if not truth.exists():
        truth.write_text(json.dumps(make_film(path, seed, 60 * minutes)))
    return path, json.loads(truth.read_text())


def sample_times(vdet, data, path, policy, frames):
    out = subprocess.run([vdet, "plan", "--chunk-duration", "300", "--chunk-frames", str(frames), "--sample-policy", policy,
                          str(path)], capture_output=True, text=True, check=True, env=os.environ | {"XDG_DATA_HOME": str(data)})
    return sorted({t for c in json.loads(out.stdout)["chunks"] for t in c["times"]})


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--vdet", default=str(ROOT / "build" / "src" / "app" / "vdet"))
    p.add_argument("--seeds", default="1-3")
    p.add_argument("--minutes", type=int, default=6)
    p.add_argument("--work", type=Path)
    a = p.parse_args()
    if not MEDIA.is_dir():
        sys.exit("skipped: the shared media are not here")
    work = a.work or Path(tempfile.mkdtemp(prefix="vdet-shots-"))
    work.mkdir(parents=True, exist_ok=True)
    first, _, last = a.seeds.partition("-")
    print("| film | shots | frames per 300 s | policy | frames | shots with a frame |\n|---|---|---|---|---|---|")
    sums, data = {}, tempfile.TemporaryDirectory(prefix="vdet-shots-")
    for seed in range(int(first), int(last or first) + 1):
        path, shots = film(work, seed, a.minutes)
        shots = [s for s in shots if s[1] - s[0] >= LEAST]
        for frames in (30, 60):
            for policy in ("even", "adaptive", "scene"):
                at = sample_times(a.vdet, data.name, path, policy, frames)
                seen = sum(any(s[0] <= t < s[1] for t in at) for s in shots)
                print(f"| {path.stem} | {len(shots)} | {frames} | {policy} | {len(at)} | {seen} ({seen / len(shots):.2f}) |", flush=True)
                total = sums.setdefault((frames, policy), [0, 0])
                total[0] += seen
                total[1] += len(shots)
    for (frames, policy), (seen, n) in sums.items():
        print(f"| **all** | {n} | {frames} | {policy} | | **{seen / n:.3f}** |")


if __name__ == "__main__":
    main()
