#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Scores reports about drawn videos, whose truth is known.

    score.py REPORT.json TRUTH.json            one report
    score.py [--seeds 1-3] [--minutes 10]      draws videos, analyzes them with the demo model, prints a table
    score.py --seen [...]                      without a model: only the share of events for which a frame was chosen

Seen: a frame that shows the event was sent to the model. Said: the report has an event that names its colour and shape,
and cites a frame that shows it. So errors of sampling and errors of the model are counted separately.
- recall: said / events; of seen: said / seen.
- precision: share of the report's events that name something that one of their frames shows.
- evidence: share of cited frames that show what the event names, of events that name a colour and a shape.
- time error: distance of start and end of a said event from the truth (median, 90th percentile); it is at least the
  distance to the nearest frame that was sent."""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
VDET = os.path.abspath(os.environ.get("VDET", ROOT / "build" / "src" / "app" / "vdet"))
WAYS = [("even, 6 per 300 s", ["--sample-policy", "even"]),
        ("even, 1 per 10 s", ["--sample-policy", "even", "--chunk-duration", "60"]),
        ("adaptive, 6 per 300 s", ["--sample-policy", "adaptive"]),
        ("adaptive, 1 per 10 s", ["--sample-policy", "adaptive", "--chunk-duration", "60"])]


def shows(event, t):
    return any(a <= t < b for a, b in event["visible"])


def names(text, event):
    words = text.lower()
    return event["who"]["color"] in words and event["who"]["shape"] in words


def frames(claim):
    return [f["pts"] for part in claim["parts"] for f in part["frames"]]


def is_joined_wrongly(claim, named):
    """Its parts show events, but no single event is in all of them."""
    shown = [{e["id"] for e in named if any(shows(e, f["pts"]) for f in part["frames"])} for part in claim["parts"]]
    shown = [ids for ids in shown if ids]
    return bool(shown) and not set.intersection(*shown)


def score(report, truth):
    """Counts, to be summed over videos."""
    events = truth["events"]
    sent = [s["pts"] for c in report["chunks"] if c["state"] == "done" for s in c["samples"] if not s.get("fault")]
    c = {"events": len(events), "frames": len(set(sent)), "claims": len(report["events"]), "true": 0, "cited": 0, "shown": 0,
         "wrong": 0,
         "errors": [], "seen": sum(any(shows(e, t) for t in sent) for e in events), "said": 0}
    said = {}
    for claim in report["events"]:
        named = [e for e in events if names(claim["what"], e)]
        pts = frames(claim)
        fit = [e for e in named if any(shows(e, t) for t in pts)]
        c["true"] += bool(fit)
        c["wrong"] += is_joined_wrongly(claim, named)
        if any(w in claim["what"].lower() for w in ("circle", "square", "triangle")):
            c["cited"] += len(pts)
            c["shown"] += sum(any(shows(e, t) for e in named) for t in pts)
        for e in fit:
            old = said.get(e["id"], (claim["start"], claim["end"]))
            said[e["id"]] = (min(old[0], claim["start"]), max(old[1], claim["end"]))
    c["said"] = len(said)
    for e in events:
        if e["id"] in said:
            c["errors"] += [abs(said[e["id"]][0] - e["start"]), abs(said[e["id"]][1] - e["end"])]
    return c


def add(a, b):
    return {k: a[k] + b[k] for k in a} if a else b


def share(a, b):
    return f"{a / b:.2f} ({a}/{b})" if b else "none"


def row(label, c):
    e = sorted(c["errors"])
    errors = f"{statistics.median(e):.1f} s, {e[int(0.9 * (len(e) - 1))]:.1f} s" if e else "none"
    return (f"| {label} | {c['frames']} | {share(c['seen'], c['events'])} | {share(c['said'], c['events'])} | "
            f"{share(c['said'], c['seen'])} | {share(c['true'], c['claims'])} | {share(c['shown'], c['cited'])} | {errors} | "
            f"{share(c['true'], c['said'])} | {c['wrong']} |")


HEAD = ("| sampling | frames | seen | recall | said of seen | precision | evidence | time error: median, 90 % | "
        "entries per event said | joined wrongly |\n"
        "|---|---|---|---|---|---|---|---|---|---|")


def draw(work, seed, o):
    path = work / f"score-{seed}-{o.minutes}-{o.events}.mp4"
    if not path.exists():
        subprocess.run([VDET, "world", "--seed", str(seed), "--duration", f"{o.minutes}min", "--events", str(o.events), str(path)],
                       check=True, capture_output=True)
    return path, json.loads(path.with_suffix(".truth.json").read_text())


def seen_only(path, truth, options):
    plan = json.loads(subprocess.run([VDET, "plan", str(path), *options], check=True, capture_output=True, text=True).stdout)
    chunks = [{"state": "done", "samples": [{"pts": t} for t in c["times"]]} for c in plan["chunks"]]
    return score({"chunks": chunks, "events": []}, truth)


def report_of(path, options, out):
    r = subprocess.run([VDET, "analyze", str(path), "--output", str(out), "--format", "json", *options], capture_output=True,
                       text=True)
    if r.returncode not in (0, 3):
        sys.exit(r.stderr)
    return json.loads((out / "report.json").read_text())


def draw_all(work, o):
    first, _, last = o.seeds.partition("-")
    work.mkdir(parents=True, exist_ok=True)
    os.environ["VDET_STORE_DIR"] = str(work / "data")
    return [draw(work, seed, o) for seed in range(int(first), int(last or first) + 1)]


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("report", nargs="?", type=Path)
    p.add_argument("truth", nargs="?", type=Path)
    p.add_argument("--seeds", default="1-3")
    p.add_argument("--minutes", type=int, default=10)
    p.add_argument("--events", type=int, default=60, help="an hour")
    p.add_argument("--seen", action="store_true")
    p.add_argument("--work", type=Path)
    o = p.parse_args()
    if o.report and not o.truth:
        p.error("a report needs its truth")
    print(HEAD, flush=True)
    if o.report:
        print(row(o.report.name, score(json.loads(o.report.read_text()), json.loads(o.truth.read_text()))))
        return
    with tempfile.TemporaryDirectory() as tmp:
        work = o.work or Path(tmp)
        videos = draw_all(work, o)
        for label, options in WAYS:
            total = None
            for path, truth in videos:
                out = work / f"{path.stem}-{label.replace(' ', '-').replace(',', '')}"
                c = seen_only(path, truth, options) if o.seen else score(report_of(path, options, out), truth)
                total = add(total, c)
            print(row(label, total), flush=True)


if __name__ == "__main__":
    main()
