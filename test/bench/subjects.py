#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measures which statements are about one subject, on scripted videos, whose truth is known.

    subjects.py [--seeds 1-10] [--chunks 60] [--people 6] [--show]

No picture is looked at: the stand-in engine says of each chunk who is there, in words that vary as those of models do, so
this measures the registry of subjects and the joining of events, not a model. Each scripted video has people and vehicles
that come, stay for one to eight chunks and go, some of them several times; with two of one look at once ("twins"), and one
that takes off its coat ("changes").

Two statements are a pair. Precision: of the pairs with one subject number, those of one subject; recall: of the pairs of one
subject, those with one number; F1 of both. "the same words": one wording for each subject, as the demo model has. "other words":
each statement has its own wording. "joined": the engine is also asked which statements are one event, and answers truthfully,
or calls all of them one event; "no": it calls none so."""
import argparse
import itertools
import json
import random
import tempfile
from collections import Counter
from pathlib import Path

import bench

COLORS = ["red", "blue", "green", "gray", "black", "white", "yellow", "brown"]
COATS = ["jacket", "coat", "hoodie", "vest"]
VEHICLES = ["car", "van", "truck", "bicycle"]
PEOPLE = ["man", "woman"]
DOES = ["walks along the wall", "looks at the door", "crosses the yard", "stops at the gate", "turns around"]
DRIVES = ["moves slowly", "turns at the gate", "drives along the wall"]
VARIED = ["{who} in a {color} {coat}", "a {who} wearing a {color} {coat}", "the {who} with the {color} {coat}", "{who} in {color}",
          "person in a {color} {coat}", "{color} {coat} {who}", "A {who}, {color} {coat}", "the {who}"]
VARIED_VEHICLES = ["{color} {who}", "a {who} that is {color}", "the {who}, {color}", "the {color} {who}", "{who}", "a {color} vehicle"]


class Subject:
    def __init__(self, number, rng, look=None):
        self.number = number
        self.person = look.person if look else rng.random() < .7
        self.look = dict(look.look) if look else {
            "who": rng.choice(PEOPLE if self.person else VEHICLES), "color": rng.choice(COLORS), "coat": rng.choice(COATS)}

    def words(self, rng, varied):
        pool = VARIED if self.person else VARIED_VEHICLES
        return (rng.choice(pool) if varied else pool[0]).format(**self.look)

    def does(self, rng):
        return rng.choice(DOES if self.person else DRIVES)


def visits(rng, chunks):
    """Stretches of chunks in which a subject is there, with at least two between them."""
    at, found = rng.randrange(chunks // 2), []
    for _ in range(rng.choice([1, 1, 2, 3])):
        end = min(chunks, at + rng.randint(1, 8))
        if at < end:
            found.append(range(at, end))
        at = end + rng.randint(2, max(3, chunks // 4))
    return found


def script(seed, o, varied):
    """[[(subject, words, sentence)] for each chunk]"""
    rng = random.Random(f"{seed} script")
    subjects = [Subject(k, rng) for k in range(o.people)]
    twin = Subject(o.people, rng, subjects[0])
    there = {s: visits(rng, o.chunks) for s in subjects}
    there[twin] = [range(v.start, v.stop) for v in there[subjects[0]][:1]]
    changes = subjects[1] if subjects[1].person else None
    said = [[] for _ in range(o.chunks)]
    for s in [*subjects, twin]:
        for n, visit in enumerate(there[s]):
            for chunk in visit:
                look = s.look
                if s is changes and n:
                    s.look = look | {"color": "orange"}
                words = s.words(rng, varied)
                if s is changes:
                    s.look = look
                # The last word is the statement's own: by it the report is compared with the truth.
                said[chunk].append((s.number, words, f"{words[0].upper()}{words[1:]} {s.does(rng)}, k{chunk}x{s.number}."))
    return said


def clock(seconds):
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.000"


def scene(said, join):
    stretches = {clock(2 * k): {"summary": "A yard.", "events": [{"subject": words, "what": what} for _, words, what in events]}
                 for k, events in enumerate(said)}
    groups = {}
    for number, words, what in itertools.chain(*said):
        groups.setdefault(number, []).extend([what, f"{words}: {what}"])
    return {"stretches": stretches, "same": {"no": [], "truthfully": list(groups.values()), "all of them": "all"}[join]}


def pairs(report, said):
    """Counts of pairs: of one number and one subject, of one number, of one subject."""
    truth = {what: number for events in said for number, _, what in events}
    found = [(truth[p["what"]], e["subject_number"] or f"none {p['what']}") for e in report["events"] + report["states"]
             for p in e["parts"]]
    two = lambda keys: sum(n * (n - 1) // 2 for n in Counter(keys).values())  # noqa: E731
    return Counter(both=two(found), number=two(n for _, n in found), subject=two(s for s, _ in found),
                   statements=len(found), subjects=len({n for _, n in found}), true=len({s for s, _ in found}))


def measure(folder, video, seed, o, varied, join):
    said = script(seed, o, varied)
    (folder / "scene.json").write_text(json.dumps(scene(said, join)))
    engine = bench.flow.FakeEngine(folder, "--scene", str(folder / "scene.json"))
    job = bench.start(["analyze", video, "--fresh", "--engine", engine.url, "--chunk-duration", "2", "--chunk-frames", "2",
                       "--sample-policy", "even", "--verify", "none", "--output", folder / "out", "--format", "json",
                       "--progress", "json"], folder)
    job.communicate()
    requests = len([r for r in engine.lines("begin") if any(" | [" in t for t in r["texts"])])
    engine.stop()
    engine.record.unlink()
    report = json.loads((folder / "out" / "report.json").read_text())
    if o.show:
        for s in report["subjects"]:
            print("   ", s["number"], s["description"], len(s["events"]), s["possibly_same"])
    return pairs(report, said) + Counter(requests=requests)


def share(a, b):
    return a / b if b else 1.0


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--seeds", default="1-10")
    p.add_argument("--chunks", type=int, default=60)
    p.add_argument("--people", type=int, default=6)
    p.add_argument("--show", action="store_true", help="print the subjects of each report")
    o = p.parse_args()
    first, _, last = o.seeds.partition("-")
    print("| words | joined | statements | subjects | true ones | precision | recall | F1 | requests |\n"
          "|---|---|---|---|---|---|---|---|---|", flush=True)
    with tempfile.TemporaryDirectory() as tmp:
        folder = Path(tmp)
        video = bench.flow.make_video(folder / "v.mp4", 2 * o.chunks, "64x36", 5)
        for varied, join in [(False, "no"), (True, "no"), (True, "truthfully"), (True, "all of them")]:
            c = Counter()
            for seed in range(int(first), int(last or first) + 1):
                c += measure(folder, video, seed, o, varied, join)
            precision, recall = share(c["both"], c["number"]), share(c["both"], c["subject"])
            f1 = 2 * precision * recall / (precision + recall) if precision + recall else 0
            print(f"| {'other words' if varied else 'the same words'} | {join} | {c['statements']} | {c['subjects']} | "
                  f"{c['true']} | {precision:.2f} | {recall:.2f} | {f1:.2f} | {c['requests']} |", flush=True)


if __name__ == "__main__":
    main()
