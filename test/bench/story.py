#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measures joining, checking and summaries on drawn videos, whose truth is known, with the demo model.

    story.py [--seeds 1-3] [--minutes 10] [--events 60] [--modes none,doubtful,all] [--options "--chunk-duration 60"]

Each video is analyzed once for each mode of --verify, in one journal. The later runs describe nothing
again, so the requests of each are those of its checks, and of the summary where it changed.
- entries: events of the report for each event said (score.py); false: entries that name nothing that their frames show.
- withdrawn: statements; of them true: they name something that one of their frames shows. The share is of all true ones.
- unchecked: statements without a verdict that was to be had.
- sentences: of the summary, by the model; supported: all that they name is named and shown by events that they cite, and
  all that they cite is named in them."""
import argparse
import re
import tempfile
from pathlib import Path

from score import add, draw_all, frames, names, report_of, score, share, shows

MODES = ("none", "doubtful", "all")
SCENES = ("street", "grass", "water", "room")
THING = re.compile(r"\b(red|green|blue|yellow|purple|orange|white|black)\s+(circle|square|triangle)\b")


def is_true(claim, truth):
    return any(names(claim["what"], e) and any(shows(e, t) for t in frames(claim)) for e in truth["events"])


def is_supported(sentence, report, truth):
    cited = [report["events"][k] for k in sentence["events"]]
    things = set(THING.findall(sentence["text"].lower()))
    shown = {t for c in cited if is_true(c, truth) for t in THING.findall(c["what"].lower())}
    if not things:  # about the place
        return any(s in c["what"].lower() for c in cited for s in SCENES if s in sentence["text"].lower())
    return things <= shown and all(things & set(THING.findall(c["what"].lower())) for c in cited)


def count(report, truth):
    c = score(report, truth)
    del c["errors"]
    sentences = report["summary"]["sentences"] if report["summary"]["by"] == "model" else []
    withdrawn = [is_true(w, truth) for w in report["withdrawn"]]
    parts = [{"what": p["what"], "parts": [p]} for e in report["events"] for p in e["parts"]]
    return c | {"false": c["claims"] - c["true"], "withdrawn": len(withdrawn), "lost": sum(withdrawn),
                "statements": sum(is_true(p, truth) for p in parts) + sum(withdrawn),
                "unchecked": report["checks"]["counts"]["unchecked"] if report["checks"]["mode"] else 0,
                "sentences": len(sentences), "supported": sum(is_supported(s, report, truth) for s in sentences),
                "requests": sum(e["requests"] for e in report["run"]["endpoints"]), "seconds": report["run"]["wall_time"]}


def row(mode, c, first):
    more = (c["requests"] - first["requests"]) / first["requests"]
    return (f"| {mode} | {share(c['said'], c['seen'])} | {share(c['true'], c['said'])} | {c['wrong']} | "
            f"{share(c['false'], c['claims'])} | {c['withdrawn']} | {share(c['lost'], c['statements'])} | {c['unchecked']} | "
            f"{share(c['supported'], c['sentences'])} | {c['requests']} | {100 * more:+.0f} % |")


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--seeds", default="1-3")
    p.add_argument("--minutes", type=int, default=10)
    p.add_argument("--events", type=int, default=60, help="an hour")
    p.add_argument("--modes", default=",".join(MODES))
    p.add_argument("--options", default="--chunk-duration 60")
    p.add_argument("--work", type=Path)
    o = p.parse_args()
    print("| verify | said of seen | entries per event said | joined wrongly | false entries | withdrawn | true ones withdrawn | "
          "unchecked | sentences supported | requests | more |\n|---|---|---|---|---|---|---|---|---|---|---|", flush=True)
    with tempfile.TemporaryDirectory() as tmp:
        work = o.work or Path(tmp)
        videos = draw_all(work, o)
        totals, modes = {}, o.modes.split(",")
        for mode in modes:
            for path, truth in videos:
                report = report_of(path, ["--verify", mode, *o.options.split()], work / f"{path.stem}-{mode}")
                totals[mode] = add(totals.get(mode), count(report, truth))
            print(row(mode, totals[mode], totals[modes[0]]), flush=True)


if __name__ == "__main__":
    main()
