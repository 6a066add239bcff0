#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Asks the questions of a benchmark with `vdet ask`, and scores the answers.

    qa.py run SET QUESTIONS RESULTS.jsonl --videos FOLDER [--method ask] [--options "--thorough"] [--limit N]
    qa.py score SET QUESTIONS RESULTS.jsonl...

SET: world (FILE.questions.json of `vdet world --questions`, or a folder of them), lvbench, mlvu, cgbench, videomme or
longvideobench; readers.py says which files they are, and how parquet becomes JSON. Videos lie in FOLDER by the names
that the set has; questions about others are left out, and counted. They have to be analyzed before, or --options has
--analyze.

Methods: ask (vdet ask, with --choices where the set has choices); captions (only what the report says, for the drawn world;
reports in FOLDER/x.vdet); even (--frames evenly spaced frames, with the prompt of a look, at most --pictures in a request);
blind (the question and its choices, without the video). The last two ask the --engine directly.

An answer is a line of RESULTS, with the model's name and hash, prompts and frames; what is there is not asked again.
`score` compares only questions that all of its files answered. judge.py says what is right about the drawn world."""
import argparse
import json
import sys
from pathlib import Path

import methods
import readers
import scoring


def load(path):
    path = Path(path)
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def run(o):
    items = readers.read(o.set, o.questions)
    known = {r["id"] for r in load(o.results)}
    missing = [q for q in items if not (o.videos / q["video"]).exists()]
    wanted = [q for q in items if q["id"] not in known and (o.videos / q["video"]).exists()][:o.limit]
    print(f"{len(items)} questions, {len(known)} answered before, {len(missing)} without their video", flush=True)
    failed = 0
    with open(o.results, "a", encoding="utf-8") as out:
        for n, q in enumerate(wanted, 1):
            try:
                outcome, more = methods.METHODS[o.method](q, o.videos / q["video"], o)
            except (methods.Failed, OSError) as e:
                failed += 1
                print(f"{q['id']}: {e}", file=sys.stderr, flush=True)
                continue
            out.write(json.dumps({"set": o.set, "id": q["id"], "method": o.method, "outcome": outcome} | more) + "\n")
            out.flush()
            row = scoring.judged(q, outcome)
            print(f"{n}/{len(wanted)} {q['id']} {q['kind']}: {'right' if row['right'] else 'wrong'}", flush=True)
    return 1 if failed else 0


def score(o):
    items = {q["id"]: q for q in readers.read(o.set, o.questions)}
    results = {}
    for p in o.results:
        name, lines = Path(p).stem, load(p)
        results[name] = {r["id"]: r["outcome"] for r in lines}
        if o.unchecked and all("answer" in r for r in lines):
            results[f"{name}, no check"] = {r["id"]: methods.unchecked(items[r["id"]], r["outcome"], r["answer"])
                                            for r in lines if r["id"] in items}
    rows = {name: {k: scoring.judged(items[k], outcome) for k, outcome in r.items() if k in items} for name, r in results.items()}
    of = [k for k in items if all(k in r for r in rows.values())]
    if not of:
        print("no question is answered in all of these files", file=sys.stderr)
        return 1
    print(scoring.table(rows, of) + "\n\n" + scoring.by_kind(rows, of))
    for name, r in rows.items():
        if o.set == "world":
            print(f"\n{name}: {scoring.not_found([r[k] for k in of])}")
        if o.wrong:
            print("\n".join(f"{name} {k}: {items[k]['question']} {items[k]['answer']} {short(results[name][k])}"
                            for k in of if not r[k]["right"]))
    return 0


def short(outcome):
    cites = "; ".join(f"{c['text']} {c['start']:.0f}-{c['end']:.0f}" for c in outcome["cites"][:12])
    return f"{outcome.get('state')} count {outcome['count']} {cites}"


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = p.add_subparsers(required=True)
    for name, function in (("run", run), ("score", score)):
        c = commands.add_parser(name)
        c.set_defaults(function=function)
        c.add_argument("set", choices=readers.READERS)
        c.add_argument("questions", type=Path)
        if name == "score":
            c.add_argument("results", nargs="+")
            c.add_argument("--wrong", action="store_true", help="list the questions that were answered wrongly")
            c.add_argument("--unchecked", action="store_true", help="also what ask would have said without its checks")
            continue
        c.add_argument("results", type=Path)
        c.add_argument("--videos", type=Path, required=True)
        c.add_argument("--method", choices=methods.METHODS, default="ask")
        c.add_argument("--options", type=str.split, default=[], help="for vdet ask")
        c.add_argument("--reports", type=Path, help="folder of x.vdet; default: --videos")
        c.add_argument("--engine", default="http://127.0.0.1:8080")
        c.add_argument("--frames", type=int, default=32)
        c.add_argument("--pictures", type=int, default=32)
        c.add_argument("--limit", type=int)
    o = p.parse_args()
    try:
        return o.function(o)
    except (readers.FormatError, OSError) as e:
        print(e, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
