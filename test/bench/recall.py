#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Recall of sampling: the share of short events for which a frame is chosen. Also: the number of frames in a quiet hour.

    recall.py [--seeds 1-4] [--minutes 30] [--work DIR] [--world camera]
    recall.py --folder DIR

Events of 0.5 to 5 s, 20 per hour, in two kinds of long video:
- drawn: the demo world (`vdet world`), whose truth is known;
- real: parts of a recording in which a car is visible, inserted at random times into hours that consist of parts of the
  same recording without one (../shared/media/cctv_car.mp4; skipped if it does not exist).
With --world camera instead: drawn recordings of a fixed camera (camera_world.py), with an event a minute.
With --folder instead: each RECORDING.mp4 in DIR that has a RECORDING.truth.json, {"events": [{"a": 1.5, "b": 3, "kind":
"car"}], "distract": [{"a": 60, "b": 85, "kind": "rain"}]}, in seconds; an event whose "a" is null is left out.
An event counts as seen if at least one frame that `vdet plan` chooses is within it. No model is needed. Seeds are fixed;
videos stay in the --work folder and are used again.

Of the events without a frame of the adaptive plan, the table counts those that the index did not notice (no score above
the least of an event within them), those that it noticed, and of these, those whose score is also above the usual movement
of the recording, so that the plan could have known. "Possible" is what the best plan with as many frames could have seen.
The last column counts the frames in rain and changes of light, outside of events, and their share."""
import argparse
import json
import os
import random
import re
import statistics
import subprocess
import tempfile
from collections import namedtuple
from pathlib import Path

import camera_world

ROOT = Path(__file__).resolve().parent.parent.parent
VDET = os.path.abspath(os.environ.get("VDET", ROOT / "build" / "src" / "app" / "vdet"))
MEDIA = ROOT.parent / "shared" / "media"
CAR, QUIET = [(4.6, 8.2), (14.4, 18.7), (25.4, 27.7)], [(0, 4), (9, 13.5), (19.5, 24.5)]  # see MANIFEST.md there
BUDGETS = [("6 per 300 s", 6), ("1 per 10 s", 30)]
POLICIES = ["even", "keyframe", "adaptive"]
HEAD = ["video", "budget", "policy", "recall", "seen", "possible", "frames an hour", "index an hour",
        "no frame: unnoticed, noticed, above the usual", "in rain or light"]
WEATHER = ("rain", "light")
Video = namedtuple("Video", "path events weather", defaults=[[]])  # each event: the spans of time in which it is visible


def constant(name, path):
    return float(re.search(rf"define {name} ([\d.]+)", (ROOT / path).read_text())[1])


EVENT, TIMES = constant("INDEX_SCORE_EVENT", "src/index/index.h"), constant("MEDIAN_TIMES", "src/plan/plan-peaks.c")


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


def scores(path):
    """Times and scores of the index, and the least score that the plan takes for an event (src/plan/plan-peaks.c)."""
    out = subprocess.run([VDET, "index", "--json", str(path)], check=True, capture_output=True, text=True).stdout
    found = [(t, score) for t, score, _ in json.loads(out)["scores"]]
    return found, max(EVENT, TIMES * statistics.median_low([s for _, s in found] or [0]))


def is_in(t, spans):
    """A frame at 1/3 s is at 0.333333 s to vdet."""
    return any(a - 1e-5 <= t < b - 1e-5 for a, b in spans)


def best(found, spans):
    return max((score for t, score in found if is_in(t, spans)), default=0)


def processor(run):
    """Seconds of processor time that the programs which run() starts take; on a busy machine these vary least."""
    before = os.times()
    run()
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def index_cost(path):
    """Of indexing the file, and of decoding it wholly."""
    return (processor(lambda: subprocess.run([VDET, "index", "--fresh", str(path)], check=True, capture_output=True)),
            processor(lambda: ffmpeg("-threads", 1, "-i", path, "-map", "0:v", "-f", "null", "-")))


def drawn(work, seed, minutes):
    path = work / f"world-{seed}-{minutes * 60}.mp4"
    if not path.exists():
        subprocess.run([VDET, "world", "--seed", str(seed), "--duration", f"{minutes}min", "--events", "20", "--shortest",
                        "0.5", "--longest", "5", "--cuts", "0", "--width", "320", "--height", "180", str(path)], check=True,
                       capture_output=True)
    truth = json.loads(path.with_suffix(".truth.json").read_text())
    return Video(path, [e["visible"] for e in truth["events"]])


def join(path, video, rate, pieces):
    """Encodes pieces of a video, (first frame, number of frames), as one video of 384x216."""
    small, size = path.with_suffix(".yuv"), 384 * 216 * 3 // 2
    ffmpeg("-i", video, "-vf", "scale=384:216", "-r", rate, "-pix_fmt", "yuv420p", small)
    encoder = subprocess.Popen(["ffmpeg", "-v", "error", "-y", "-f", "rawvideo", "-s", "384x216", "-r", str(rate), "-pix_fmt",
                                "yuv420p", "-i", "-", "-c:v", "libx264", "-preset", "veryfast", "-g", "50", str(path)],
                               stdin=subprocess.PIPE)
    with open(small, "rb") as frames:
        for first, n in pieces:
            frames.seek(first * size)
            encoder.stdin.write(frames.read(n * size))
    encoder.stdin.close()
    assert encoder.wait() == 0
    small.unlink()


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
        join(path, MEDIA / "cctv_car.mp4", 12.5, pieces)
    return Video(path, events)


def recorded(path):
    """A video whose truth is in a file beside it."""
    truth = json.loads(path.with_suffix(".truth.json").read_text())
    return Video(path, [[[e["a"], e["b"]]] for e in truth["events"] if e["a"] is not None],
                 [(d["a"], d["b"]) for d in truth.get("distract", []) if d["kind"] in WEATHER])


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


def line(cells):
    print("|", " | ".join(map(str, cells)), "|", flush=True)


class Row:
    """The sums of one budget and policy over some videos."""

    def __init__(self, *names):
        self.names, self.unseen, self.misses = names, [0, 0, 0], []
        self.seen = self.total = self.possible = self.frames = self.length = self.rain = 0

    def add(self, video, at, length, found, least):
        hit = [any(is_in(t, spans) for t in at) for spans in video.events]
        self.seen += sum(hit)
        self.total += len(hit)
        self.possible += min(len(at), len(hit))
        self.frames += len(at)
        self.length += length
        self.rain += sum(is_in(t, video.weather) and not any(is_in(t, spans) for spans in video.events) for t in at)
        for spans in (spans for spans, seen in zip(video.events, hit) if not seen):
            score = best(found, spans)
            for k, counts in enumerate((score < EVENT, score >= EVENT, score >= least)):
                self.unseen[k] += counts
            self.misses.append(f"{video.path.stem}, {self.names[1]}: no frame in {spans[0][0]:.1f} to {spans[-1][1]:.1f} s; "
                               f"highest score {score:.1f}, least of the plan {least:.1f}")

    def write(self, index):
        hour, adaptive = 3600 / self.length, self.names[2] == "adaptive"
        line([*self.names, f"{self.seen / self.total:.2f}", f"{self.seen} of {self.total}", self.possible,
              f"{self.frames * hour:.0f}", f"{index * hour:.1f} s" if adaptive else "none",
              ", ".join(map(str, self.unseen)) if adaptive else "", f"{self.rain} ({self.rain / self.frames:.3f})"])


def recall_rows(sort, videos):
    line(HEAD)
    line(["---"] * len(HEAD))
    costs = [index_cost(video.path) for video in videos]
    index, decode = map(sum, zip(*costs))
    found = [scores(video.path) for video in videos]
    misses = []
    for label, frames in BUDGETS:
        for policy in POLICIES:
            row = Row(sort, label, policy)
            for video, (points, least) in zip(videos, found):
                options = ["--chunk-frames", frames]
                at, plan = (keyframe_times(video.path, options) if policy == "keyframe"
                            else times(video.path, "--sample-policy", policy, *options))
                row.add(video, at, plan["duration"], points, least)
            row.write(index)
        misses += sorted(row.misses)
    print(f"\nindex of the {sort} videos: {index:.1f} s of processor time for {row.length / 3600:.1f} h; decoding them wholly "
          f"{decode:.1f} s; ratio {index / decode:.2f}\n", *misses, "", sep="\n", flush=True)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--seeds", default="1-4")
    p.add_argument("--minutes", type=int, default=30)
    p.add_argument("--work", type=Path)
    p.add_argument("--world", choices=("all", "camera"), default="all")
    p.add_argument("--folder", type=Path)
    o = p.parse_args()
    first, _, last = o.seeds.partition("-")
    seeds = range(int(first), int(last or first) + 1)
    with tempfile.TemporaryDirectory() as tmp:
        work = o.work or Path(tmp)
        work.mkdir(parents=True, exist_ok=True)
        os.environ["XDG_DATA_HOME"] = str(work / "data")
        if o.folder:
            recall_rows(o.folder.name, [recorded(p) for p in sorted(o.folder.glob("*.mp4"))
                                        if p.with_suffix(".truth.json").exists()])
            return
        if o.world == "camera":
            recall_rows("camera", [recorded(camera_world.recording(work, s, o.minutes)) for s in seeds])
            return
        recall_rows("drawn", [drawn(work, s, o.minutes) for s in seeds])
        if MEDIA.is_dir():
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
