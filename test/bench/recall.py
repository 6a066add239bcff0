#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Recall of sampling: the share of short events for which a frame is chosen. Also: the number of frames in a quiet hour.

    recall.py [--seeds 1-4] [--minutes 30] [--work DIR] [--world camera]

Events of 0.5 to 5 s, 20 per hour, in two kinds of long video:
- drawn: the demo world (`vdet world`), whose truth is known;
- real: parts of a recording in which a car is visible, inserted at random times into hours that consist of parts of the
  same recording without one (../shared/media/cctv_car.mp4; skipped if it does not exist).
With --world camera instead: drawn recordings of a fixed camera (camera_world.py), with an event a minute.
An event counts as seen if at least one frame that `vdet plan` chooses is within it. No model is needed. Seeds are fixed;
videos stay in DIR and are used again."""
import argparse
import json
import os
import random
import subprocess
import tempfile
import time
from pathlib import Path

import camera_world

ROOT = Path(__file__).resolve().parent.parent.parent
VDET = os.environ.get("VDET", str(ROOT / "build" / "src" / "app" / "vdet"))
MEDIA = ROOT.parent / "shared" / "media"
CAR, QUIET = [(4.6, 8.2), (14.4, 18.7), (25.4, 27.7)], [(0, 4), (9, 13.5), (19.5, 24.5)]  # see MANIFEST.md there
BUDGETS = [("6 per 300 s", 6), ("1 per 10 s", 30)]
POLICIES = ["even", "keyframe", "adaptive"]


def ffmpeg(*args):
    subprocess.run(["ffmpeg", "-v", "error", "-y", *map(str, args)], check=True, stdin=subprocess.DEVNULL)


def times(path, *options):
    out = subprocess.run([VDET, "plan", str(path), *map(str, options)], check=True, capture_output=True, text=True).stdout
    plan = json.loads(out)
    return sorted({t for c in plan["chunks"] for t in c["times"]}), plan


def keyframe_times(path, options):
    """The keyframe nearest to each time of even sampling; not by vdet, whose index does not decode all of them."""
    out = subprocess.run(["ffprobe", "-v", "error", "-select_streams", "v", "-skip_frame", "nokey", "-show_entries",
                          "frame=best_effort_timestamp_time", "-of", "csv=p=0", str(path)], check=True, capture_output=True,
                         text=True).stdout
    keys = [float(line.strip(",")) for line in out.split()]
    at, plan = times(path, "--sample-policy", "even", *options)
    return sorted({min(keys, key=lambda k: abs(k - t)) for t in at}), plan


def index_cost(path):
    """Seconds that indexing took, and that decoding the whole file takes on one thread."""
    began = time.monotonic()
    subprocess.run([VDET, "index", "--fresh", str(path)], check=True, capture_output=True)
    index = time.monotonic() - began
    began = time.monotonic()
    ffmpeg("-threads", 1, "-i", path, "-map", "0:v", "-f", "null", "-")
    return index, time.monotonic() - began


def drawn(work, seed, minutes):
    path = work / f"world-{seed}-{minutes * 60}.mp4"
    if not path.exists():
        subprocess.run([VDET, "world", "--seed", str(seed), "--duration", f"{minutes}min", "--events", "20", "--shortest",
                        "0.5", "--longest", "5", "--cuts", "0", "--width", "320", "--height", "180", str(path)], check=True,
                       capture_output=True)
    truth = json.loads(path.with_suffix(".truth.json").read_text())
    return path, [e["visible"] for e in truth["events"]]


def real(work, seed, minutes):
    """Pieces of the recording in random order, joined and encoded as one video."""
    rng = random.Random(seed)
    path, events, pieces, at = work / f"real-{seed}-{minutes * 60}.mp4", [], [], 0.0
    planted = sorted(rng.uniform(5, minutes * 60 - 10) for _ in range(minutes * 20 // 60))
    while at < minutes * 60:
        if planted and at >= planted[0]:
            planted.pop(0)
            a, b = rng.choice(CAR)
            length = rng.uniform(0.5, min(5, b - a))
            start = rng.uniform(a, b - length)
        else:
            a, b = rng.choice(QUIET)
            length = rng.uniform(1, b - a)
            start = rng.uniform(a, b - length)
            length = min(length, max(0.2, planted[0] - at)) if planted else length
        frames = max(1, round(length * 12.5))
        first = round(start * 12.5)
        if (a, b) in CAR:
            events.append([[at, at + frames / 12.5]])
        pieces.append((first, frames))
        at += frames / 12.5
    if not path.exists():
        small = work / "car.yuv"
        ffmpeg("-i", MEDIA / "cctv_car.mp4", "-vf", "scale=384:216", "-r", 12.5, "-pix_fmt", "yuv420p", small)
        frames, size = small.read_bytes(), 384 * 216 * 3 // 2
        encoder = subprocess.Popen(["ffmpeg", "-v", "error", "-y", "-f", "rawvideo", "-s", "384x216", "-r", "12.5", "-pix_fmt",
                                    "yuv420p", "-i", "-", "-c:v", "libx264", "-preset", "veryfast", "-g", "50", str(path)],
                                   stdin=subprocess.PIPE)
        for first, n in pieces:
            for k in range(first, first + n):
                encoder.stdin.write(frames[k * size:(k + 1) * size])
        encoder.stdin.close()
        assert encoder.wait() == 0
    return path, events


def quiet(work, kind, minutes):
    """Nothing happens, except for weather and camera noise."""
    path = work / f"quiet-{kind}-{minutes * 60}.mp4"
    if path.exists():
        return path
    still = ["-f", "lavfi", "-i", "smptehdbars=s=320x180:r=10"]
    if MEDIA.is_dir():
        ffmpeg("-ss", 1, "-i", MEDIA / "cctv_car.mp4", "-vf", "scale=320:180", "-frames:v", 1, work / "still.png")
        still = ["-loop", 1, "-framerate", 10, "-i", work / "still.png"]
    grain = "noise=alls=12:allf=t"
    filters = {
        "noise": f"[0]{grain}",
        "rain": "color=black:s=320x180:r=10,noise=alls=100:allf=t,lutyuv=y='if(gt(val,70),190,0)':u=128:v=128,"
                f"avgblur=sizeX=1:sizeY=7[r];[0]{grain}[s];[s][r]blend=all_mode=screen:all_opacity=0.5",
        "exposure": f"[0]eq=brightness='0.12*gt(mod(t,90),45)':eval=frame,{grain}",
    }
    ffmpeg(*still, "-filter_complex", filters[kind] + ",format=yuv420p", "-t", minutes * 60, "-c:v", "libx264", "-preset",
           "veryfast", "-g", 40, path)
    return path


def recall_rows(sort, videos):
    rows, index, decode, length = [], 0, 0, 0
    for path, _ in videos:
        a, b = index_cost(path)
        index, decode = index + a, decode + b
    for label, frames in BUDGETS:
        for policy in POLICIES:
            seen = total = drawn_frames = length = 0
            for path, events in videos:
                options = ["--chunk-frames", frames]
                at, plan = (keyframe_times(path, options) if policy == "keyframe"
                            else times(path, "--sample-policy", policy, *options))
                seen += sum(any(a <= t < b for t in at for a, b in spans) for spans in events)
                total += len(events)
                drawn_frames += len(at)
                length += plan["duration"]
            rows.append((sort, label, policy, f"{seen / total:.2f}", f"{seen} of {total}", f"{drawn_frames * 3600 / length:.0f}",
                         f"{index * 3600 / length:.1f} s" if policy == "adaptive" else "none"))
            print("|", " | ".join(rows[-1]), "|", flush=True)
    print(f"\nindex of the {sort} videos: {index:.1f} s for {length / 3600:.1f} h; decoding them completely on one thread: "
          f"{decode:.1f} s; ratio {index / decode:.2f}\n", flush=True)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--seeds", default="1-4")
    p.add_argument("--minutes", type=int, default=30)
    p.add_argument("--work", type=Path)
    p.add_argument("--world", choices=("all", "camera"), default="all")
    o = p.parse_args()
    first, _, last = o.seeds.partition("-")
    seeds = range(int(first), int(last or first) + 1)
    with tempfile.TemporaryDirectory() as tmp:
        work = o.work or Path(tmp)
        work.mkdir(parents=True, exist_ok=True)
        os.environ["XDG_DATA_HOME"] = str(work / "data")
        head = "| video | budget | policy | recall | seen | frames an hour | index an hour |\n|---|---|---|---|---|---|---|"
        print(head, flush=True)
        if o.world == "camera":
            recall_rows("camera", [camera_world.recording(work, s, o.minutes) for s in seeds])
            return
        recall_rows("drawn", [drawn(work, s, o.minutes) for s in seeds])
        if MEDIA.is_dir():
            print(head, flush=True)
            recall_rows("real", [real(work, s, o.minutes) for s in seeds])
        print("| quiet video | budget | frames an hour | of these in bursts | bursts an hour |\n|---|---|---|---|---|", flush=True)
        for kind in ("noise", "rain", "exposure"):
            path = quiet(work, kind, o.minutes)
            for label, frames in BUDGETS:
                at, plan = times(path, "--chunk-frames", frames)
                hour = 3600 / plan["duration"]
                print(f"| {kind} | {label} | {len(at) * hour:.0f} | {(len(at) - plan['sum']['floor']) * hour:.0f} | "
                      f"{plan['sum']['bursts'] * hour:.0f} |", flush=True)


if __name__ == "__main__":
    main()
