#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Recall of sampling on real recordings whose events were marked by eye.

    marked.py [--minutes 30] [--work DIR]

marks/NAME.json has the marks of a recording: "video" and its "sha256"; how it was "marked"; "events", each with "start" and
"end" in seconds (the first frame that shows any part of it, the first that shows none; shadows do not count), its "kind" and
"what" one sees; and in "distract", what else changes the picture: shadows and exposure. A visit is a whole appearance;
moments are the short parts of visits in which someone moves. Recordings are in ../shared/media, and skipped if they are not.

The first table counts the events that have a frame of `vdet plan`, with even and adaptive sampling. The second one is what
the index noticed: events with a score of at least the least of an event; the share of such scores in visits, and where
nothing was marked; runs of such scores in visits, in what else changes, and elsewhere. Both tables are made for each
recording, and for a long one: its visits at random times in MINUTES that consist of its quiet parts."""
import argparse
import hashlib
import json
import os
import random
import subprocess
import tempfile
from pathlib import Path

import recall

SEED, APART, MARGIN = 1, 1.0, 0.3  # of the long recording: changes nearer than that are one; a piece is so much longer


def duration(path):
    """Seconds, and pictures a second."""
    out = subprocess.run(["ffprobe", "-v", "error", "-select_streams", "v", "-show_entries",
                          "format=duration:stream=r_frame_rate", "-of", "json", str(path)], check=True, capture_output=True)
    found = json.loads(out.stdout)
    a, b = found["streams"][0]["r_frame_rate"].split("/")
    return float(found["format"]["duration"]), int(a) / int(b)


def changes(marks):
    """The spans of time in which something changes, visits that touch each other as one."""
    joined = []
    for a, b in sorted((e["start"], e["end"]) for e in marks["events"] + marks["distract"]):
        if joined and a < joined[-1][1] + APART:
            joined[-1][1] = max(joined[-1][1], b)
        else:
            joined.append([a, b])
    return joined


def moved(marks, a, b, by):
    """The marks within a span of time, later by so much."""
    return {key: [{**e, "start": e["start"] + by, "end": e["end"] + by} for e in marks[key] if a <= e["start"] < b]
            for key in ("events", "distract")}


def long_one(path, video, marks, minutes):
    """Writes the long recording; returns its marks."""
    rng, (length, rate) = random.Random(SEED), duration(video)
    busy = changes(marks)
    edges = [-MARGIN] + [t for span in busy for t in span] + [length]
    quiet = [(a + MARGIN, b - MARGIN) for a, b in zip(edges[::2], edges[1::2]) if b - a > 2]
    due = sorted(rng.uniform(5, minutes * 60 - 40) for _ in range(minutes // 3))
    pieces, at, all_marks = [], 0.0, {"events": [], "distract": []}
    while at < minutes * 60:
        if due and at >= due[0]:
            due.pop(0)
            a, b = rng.choice(busy)
            a, b = a - MARGIN, b + MARGIN
        else:
            a, b = rng.choice(quiet)
            b = min(b, a + max(0.2, due[0] - at)) if due else b
        first, n = round(a * rate), max(1, round((b - a) * rate))
        for key, found in moved(marks, a, b, at - first / rate).items():
            all_marks[key] += found
        pieces.append((first, n))
        at += n / rate
    if not path.exists():
        recall.join(path, video, rate, pieces)
    return all_marks


def spans(marks, kind):
    return [(e["start"], e["end"]) for e in marks["events"] if e["kind"] == kind]


def plan_rows(name, path, marks, budgets):
    for label, frames in budgets:
        cells = [[], [], []]
        for policy in ("even", "adaptive"):
            at, _ = recall.times(path, "--sample-policy", policy, "--chunk-frames", frames)
            cells[0].append(len(at))
            for k, kind in enumerate(("visit", "moment"), 1):
                cells[k].append(sum(any(recall.is_in(t, [e]) for t in at) for e in spans(marks, kind)))
        recall.line([name, label, *(", ".join(map(str, two)) for two in cells)])


def runs(found):
    """The spans of time in which scores are those of an event."""
    out, last = [], False
    for t, score in found:
        if score >= recall.EVENT and last:
            out[-1][1] = t
        elif score >= recall.EVENT:
            out.append([t, t])
        last = score >= recall.EVENT
    return out


def index_row(name, path, marks):
    found, least = recall.scores(path)
    visits, distract = spans(marks, "visit"), [(e["start"], e["end"]) for e in marks["distract"]]
    noticed = [f"{sum(recall.best(found, [e]) >= recall.EVENT for e in events)} of {len(events)}"
               for events in (visits, spans(marks, "moment"))]
    where = [0, 0, 0]
    for a, b in runs(found):
        touches = [any(a < y and b >= x for x, y in some) for some in (visits, distract)]
        where[touches.index(True) if any(touches) else 2] += 1
    inside = [score for t, score in found if recall.is_in(t, visits)]
    outside = [score for t, score in found if not recall.is_in(t, visits + distract)]
    share = [f"{sum(s >= recall.EVENT for s in some) / max(1, len(some)):.2f}" for some in (inside, outside)]
    return [name, *noticed, *share, ", ".join(map(str, where)), f"{least:.1f}"]


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--minutes", type=int, default=30)
    p.add_argument("--work", type=Path)
    o = p.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as tmp:
        work = o.work or Path(tmp)
        work.mkdir(parents=True, exist_ok=True)
        os.environ["XDG_DATA_HOME"] = str(work / "data")
        recall.line(["recording", "allowed", "frames: even, adaptive", "visits with a frame", "moments with a frame"])
        recall.line(["---"] * 5)
        for file in sorted((Path(__file__).parent / "marks").glob("*.json")):
            marks = json.loads(file.read_text())
            video = recall.MEDIA / marks["video"]
            if not video.exists() or hashlib.sha256(video.read_bytes()).hexdigest() != marks["sha256"]:
                print(f"{marks['video']} is skipped: it is not in ../shared/media, or it is another one")
                continue
            n = len(marks["events"])
            plan_rows(file.stem, video, marks, [("6", 6), ("1 per 10 s", round(duration(video)[0] / 10)),
                                                (f"1 per event ({n})", n)])
            rows.append(index_row(file.stem, video, marks))
            path = work / f"{file.stem}-{o.minutes}.mp4"
            longer, name = long_one(path, video, marks, o.minutes), f"{file.stem}, {o.minutes} minutes"
            plan_rows(name, path, longer, recall.BUDGETS)
            rows.append(index_row(name, path, longer))
    print()
    recall.line(["recording", "visits noticed", "moments noticed", "high scores in visits", "elsewhere",
                 "runs in visits, in shadow or exposure, elsewhere", "least of the plan"])
    recall.line(["---"] * 7)
    for row in rows:
        recall.line(row)


if __name__ == "__main__":
    main()
