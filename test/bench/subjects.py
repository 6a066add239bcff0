#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measures which statements are about one subject, on scripted or drawn videos, whose truth is known.

    subjects.py [--seeds 1-10] [--chunks 60] [--people 6] [--show]       scripted
    subjects.py --drawn [--seeds 1-10] [--minutes 10] [--show]           drawn

Scripted: no picture is looked at: the stand-in engine says of each chunk who is there, in words that vary as those of models do, so
this measures the registry of subjects and the joining of events, not a model. Each scripted video has people and vehicles
that come, stay for one to eight chunks and go, some of them several times; with two of one look at once ("twins"), and one
that takes off its coat ("changes").

Two statements are a pair. Precision: of the pairs with one subject number, those of one subject; recall: of the pairs of one
subject, those with one number; F1 of both. "the same words": one wording for each subject, as the demo model has. "other words":
each statement has its own wording. "joined": the engine is also asked which statements are one event, and answers truthfully,
or calls all of them one event; "no": it calls none so.

Drawn: worlds whose subjects come again, two of one look at once, some with another color (`vdet world --subjects hard`). "demo
model": what it says of the pictures; statements about nothing that its frames show do not count. Otherwise the stand-in engine
says what the pictures show, without errors, in one wording or in those of the truth file.
- two at once: frames that show two of one look, and are cited for two different numbers of that look.
- other look: of the pairs of one subject in two colors, those with one number."""
import argparse
import itertools
import json
import random
import tempfile
from collections import Counter
from pathlib import Path

import bench
import drawn

COLORS = ["red", "blue", "green", "gray", "black", "white", "yellow", "brown"]
COATS = ["jacket", "coat", "hoodie", "vest"]
VEHICLES = ["car", "van", "truck", "bicycle"]
PEOPLE = ["man", "woman"]
DOES = ["walks along the wall", "looks at the door", "crosses the yard", "stops at the gate", "turns around"]
DRIVES = ["moves slowly", "turns at the gate", "drives along the wall"]
VARIED = ["{who} in a {color} {coat}", "a {who} wearing a {color} {coat}", "the {who} with the {color} {coat}", "{who} in {color}",
          "person in a {color} {coat}", "{color} {coat} {who}", "A {who}, {color} {coat}", "the {who}"]


class Subject:
    def __init__(self, number, rng, things, look=None):
        """things: wordings for a vehicle, of the drawn world"""
        self.number = number
        self.things = things
        self.person = look.person if look else rng.random() < .7
        self.look = dict(look.look) if look else {
            "who": rng.choice(PEOPLE if self.person else VEHICLES), "color": rng.choice(COLORS), "coat": rng.choice(COATS)}

    def words(self, rng, varied):
        pool = VARIED if self.person else self.things
        return (rng.choice(pool) if varied else pool[0]).format(**self.look, thing=self.look["who"], kind="vehicle")

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


def script(seed, o, things, varied):
    """[[(subject, words, sentence)] for each chunk]"""
    rng = random.Random(f"{seed} script")
    subjects = [Subject(k, rng, things) for k in range(o.people)]
    twin = Subject(o.people, rng, things, subjects[0])
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


def scene(said, join):
    plan = [(2 * k, None) for k in range(len(said))]
    told = [[(number, words, {"subject": words, "what": what}) for number, words, what in events] for events in said]
    return drawn.scene(told, plan, join)


def two(keys):
    return sum(n * (n - 1) // 2 for n in Counter(keys).values())


def parts_of(report):
    """(statement, subject number) of each"""
    return [(p, e["subject_number"] or f"none {p['what']}") for e in report["events"] + report["states"] for p in e["parts"]]


def pairs(found):
    """Counts of pairs of statements, which are given as (subject, number): of both, of one number, of one subject."""
    return Counter(both=two(found), number=two(n for _, n in found), subject=two(s for s, _ in found),
                   statements=len(found), subjects=len({n for _, n in found}), true=len({s for s, _ in found}))


def analyze(folder, video, told, *options):
    """The report, and how many requests to join there were. told: for the stand-in engine; None: the demo model."""
    engine = None
    if told:
        (folder / "scene.json").write_text(json.dumps(told))
        engine = bench.flow.FakeEngine(folder, "--scene", str(folder / "scene.json"))
        options += "--engine", engine.url
    job = bench.start(["analyze", video, "--fresh", *options, "--verify", "none", "--output", folder / "out", "--format", "json",
                       "--progress", "json"], folder)
    job.communicate()
    requests = 0
    if engine:
        requests = len([r for r in engine.lines("begin") if any(" | [" in t for t in r["texts"])])
        engine.stop()
        engine.record.unlink()
    return json.loads((folder / "out" / "report.json").read_text()), requests


def show(report):
    for s in report["subjects"]:
        print("   ", s["number"], s["description"], len(s["events"]), s["possibly_same"])


def measure_script(folder, video, said, join):
    report, requests = analyze(folder, video, scene(said, join), "--chunk-duration", "2", "--chunk-frames", "2",
                               "--sample-policy", "even")
    truth = {what: number for events in said for number, _, what in events}
    return report, pairs([(truth[p["what"]], n) for p, n in parts_of(report)]) + Counter(requests=requests)


def share(a, b):
    return a / b if b else 1.0


HEAD = "statements | subjects | true ones | precision | recall | F1 | requests |"


def cells(c):
    precision, recall = share(c["both"], c["number"]), share(c["both"], c["subject"])
    f1 = 2 * precision * recall / (precision + recall) if precision + recall else 0
    return (f"{c['statements']} | {c['subjects']} | {c['true']} | {precision:.2f} | {recall:.2f} | {f1:.2f} | {c['requests']} |")


def scripted(folder, seeds, o):
    print(f"| words | joined | {HEAD}\n|---|---|---|---|---|---|---|---|---|", flush=True)
    video = bench.flow.make_video(folder / "v.mp4", 2 * o.chunks, "64x36", 5)
    things = drawn.draw(folder, 1, 1, "--events", 0, "--width", 64, "--height", 36)[1]["words"]
    for varied, join in [(False, "no"), (True, "no"), (True, "truthfully"), (True, "all of them")]:
        c = Counter()
        for seed in seeds:
            report, counts = measure_script(folder, video, script(seed, o, things, varied), join)
            c += counts
            if o.show:
                show(report)
        print(f"| {'other words' if varied else 'the same words'} | {join} | {cells(c)}", flush=True)


def at_once(truth, found):
    """Frames that show two of one look: how many, and how many of them two numbers cite."""
    cited = {}
    for p, subject, color, number in found:
        for f in p["frames"]:
            cited.setdefault((f["pts"], color), set()).add(number)
    shown = Counter((t, drawn.look(e, t)) for t in {t for t, _ in cited} for e in truth["events"] if drawn.shows(e, t))
    times = [key for key, n in shown.items() if n > 1]
    return Counter(twins=len(times), apart=sum(len(cited.get(key, ())) > 1 for key in times))


def other_look(found):
    """Pairs of one subject in two looks."""
    pairs_of_two = [(a, b) for a, b in itertools.combinations(found, 2) if a[1] == b[1] and a[2] != b[2]]
    return Counter(changed=len(pairs_of_two), kept=sum(a[3] == b[3] for a, b in pairs_of_two))


def measure_drawn(folder, video, truth, plan, options, told):
    """told: the statements of the stand-in engine, and how it joins; None: the demo model."""
    report, requests = analyze(folder, video, drawn.scene(told[0], plan, told[1]) if told else None, *options)
    who = {s["what"]: subject for events in told[0] for subject, _, s in events} if told else None
    found = []
    for p, number in parts_of(report):
        subject = who[p["what"]] if told else drawn.subject_of(p, truth)
        looks = {drawn.look(e, f["pts"]) for f in p["frames"] for e in truth["events"]
                 if e["subject"] == subject and drawn.shows(e, f["pts"])}
        if subject and looks:
            found.append((p, subject, min(looks), number))
    counts = pairs([(subject, number) for _, subject, _, number in found])
    return report, counts + at_once(truth, found) + other_look(found) + Counter(requests=requests)


def on_drawn(folder, seeds, o):
    print(f"| said by | joined | {HEAD} two at once | other look |\n|---|---|---|---|---|---|---|---|---|---|---|", flush=True)
    options = ["--chunk-duration", "12", "--chunk-frames", "4"]
    videos = {seed: drawn.draw((o.work or folder).resolve(), seed, o.minutes, "--events", o.events) for seed in seeds}
    plans = {seed: drawn.chunks(bench.start(["plan", video, *options], folder).communicate()[0])
             for seed, (video, _) in videos.items()}
    for words, join in [("demo model", "no"), ("the same words", "no"), ("other words", "no"), ("other words", "truthfully"),
                        ("other words", "all of them")]:
        c = Counter()
        for seed, (video, truth) in videos.items():
            told = None if words == "demo model" else (drawn.tell(truth, plans[seed], seed, words == "other words"), join)
            report, counts = measure_drawn(folder, video, truth, plans[seed], options, told)
            c += counts
            if o.show:
                show(report)
        print(f"| {words} | {join} | {cells(c)} {c['apart']}/{c['twins']} | {c['kept']}/{c['changed']} |", flush=True)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--seeds", default="1-10")
    p.add_argument("--chunks", type=int, default=60)
    p.add_argument("--people", type=int, default=6)
    p.add_argument("--drawn", action="store_true")
    p.add_argument("--minutes", type=int, default=10)
    p.add_argument("--events", type=int, default=120, help="an hour, of a drawn video")
    p.add_argument("--work", type=Path, help="a folder that keeps the drawn videos")
    p.add_argument("--show", action="store_true", help="print the subjects of each report")
    o = p.parse_args()
    first, _, last = o.seeds.partition("-")
    with tempfile.TemporaryDirectory() as tmp:
        (on_drawn if o.drawn else scripted)(Path(tmp), range(int(first), int(last or first) + 1), o)


if __name__ == "__main__":
    main()
