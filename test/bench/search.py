#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How long searching a large journal takes: natural questions over passages of 1,000 videos.

    ninja -C build && ninja -C build test/bench/bench-search
    python3 test/bench/search.py [--passages 1000000] [--questions 300] [--remove]     needs 1.5 GB in $BENCH_DIR

A passage is a sentence of drawn words, whose frequencies fall as those of a language do; every fiftieth has a plate. A question
asks for words of one passage, in other forms. Printed are the median, the 95th percentile and the longest processor time of
finding the windows of a question, in all videos and in one, and of searching for its words as `vdet search` does (all have to
occur), and for the last one alone, within one process. --remove also measures how long removing one of the jobs takes."""
import argparse
import itertools
import json
import random
import sqlite3
import subprocess
import time

import bench

COLORS = "red blue green white black yellow grey brown orange silver dark light striped".split()
NOUNS = ("person man woman child car van lorry bicycle dog box bag door gate ladder parcel jacket helmet trolley pallet suitcase bottle "
         "umbrella phone keyboard chair table window camera cable hose bucket rope drone scooter tractor crane barrel sack basket").split()
VERBS = "carry open close push pull pass enter leave stop turn lift drop throw catch watch follow cross load unload repair".split()
PLACES = ("yard street hall kitchen office garage corridor roof garden platform bridge warehouse lobby tunnel stairs fence ramp pool "
          "workshop storeroom").split()
SYLLABLES = "ka ro mi te lo su ne pa di vo be ga hu ji".split()


def past(verb):
    return {"leave": "left", "throw": "threw", "catch": "caught"}.get(verb) or (
        verb + "ped" if verb in ("stop", "drop") else verb[:-1] + "ied" if verb.endswith("ry") else
        verb + ("d" if verb.endswith("e") else "ed"))


def present(verb):
    return verb[:-1] + "ies" if verb.endswith("ry") else verb + ("es" if verb.endswith(("s", "h")) else "s")


class Words:
    """Words of a language: those that are named, and many rare ones."""

    def __init__(self, rng):
        self.rng = rng
        self.rare = sorted({"".join(rng.choices(SYLLABLES, k=rng.randint(2, 4))) for _ in range(20000)})
        self.sums = {id(x): list(itertools.accumulate(1 / (i + 2) for i in range(len(x))))
                     for x in (COLORS, NOUNS, VERBS, PLACES, self.rare)}

    def one(self, of):
        return self.rng.choices(of, cum_weights=self.sums[id(of)])[0]

    def passage(self, n):
        color, noun, verb, other, place = (self.one(x) for x in (COLORS, NOUNS, VERBS, NOUNS, PLACES))
        names = self.one(self.rare), self.one(self.rare)
        plate = f"{''.join(self.rng.choices('ABCDEFGHKLMNP', k=2))}-{self.rng.randint(1000, 9999)}" if n % 50 == 0 else ""
        text = f"A {color} {noun} {present(verb)} the {other} near the {names[0]} {place}, by the {names[1]}" + (
            f", with the plate {plate}." if plate else ".")
        return text, (color, noun, verb, other, place, names[0], plate)


def question(rng, said):
    color, noun, verb, other, place, name, plate = said
    if plate and rng.random() < 0.5:
        return f"When was the {noun} with the plate {plate[:2]} {plate[3:]} there?"
    return rng.choice([
        f"Who {past(verb)} the {other}, and when was it near the {name} {place}?",
        f"Is there a {color} {noun} in the {place}?",
        f"When did the {color} {noun} {verb} {other}s?",
        f"What happened to the {other}s at the {name} {place} after the {noun} left?",
        f"Which {noun}s were in the {place} of the {name}?"])


def fill(path, n, rng):
    """1,000 videos with passages of 6 s each, and what is asked of them."""
    words, asked = Words(rng), []
    db = sqlite3.connect(path)
    db.executescript("PRAGMA synchronous = OFF; PRAGMA cache_size = -400000")
    size = n // 1000
    for job in range(1000):
        name, source = f"{job:012x}", f"{job:064x}"
        facts = json.dumps({"source": {"sha256": source}})
        with db:
            db.execute("INSERT INTO job (id, key, source_name, facts, output, state, created, updated) VALUES (?, ?, ?, ?, '/', 1, ?, 0)",
                       (name, source, f"cam{job}.mp4", facts, job))
            db.execute("INSERT INTO chunk (job, idx, start_us, end_us) VALUES (?, 0, 0, ?)", (name, size * 6000000))
            for i in range(size):
                text, said = words.passage(i)
                if rng.random() < 0.01:
                    asked.append(said)
                db.execute("INSERT INTO passage (source, stream, job, kind, chunk, event, start_us, end_us, text, who) "
                           "VALUES (?, -1, ?, 'event', 0, ?, ?, ?, ?, ?)",
                           (source, name, i, i * 6000000, i * 6000000 + 5000000, text, said[1]))
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()
    return asked


def measure(path, questions, runs):
    program = bench.flow.ROOT / "build" / "test" / "bench" / "bench-search"
    out = subprocess.run([program, path, str(runs)], input="\n".join(questions), capture_output=True, text=True, check=True).stdout
    return [json.loads(line) for line in out.splitlines()]


def row(name, times):
    times = sorted(times)
    print(f"| {name} | {times[len(times) // 2]:.1f} | {times[len(times) * 95 // 100]:.1f} | {times[-1]:.1f} |")


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--passages", type=int, default=1000000)
    p.add_argument("--questions", type=int, default=300)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--remove", action="store_true")
    a = p.parse_args()
    folder = bench.scratch() / f"search-{a.passages}-{a.seed}"
    journal, kept = folder / "vdet" / "vdet.db", folder / "asked.json"
    if not kept.exists():
        folder.mkdir(exist_ok=True)
        subprocess.run([bench.flow.VDET, "jobs", "--data-dir", folder / "vdet"], check=True, capture_output=True)
        began = time.monotonic()
        kept.write_text(json.dumps(fill(journal, a.passages, random.Random(a.seed))))
        print(f"{a.passages} passages in {time.monotonic() - began:.0f} s, {journal.stat().st_size / 1e6:.0f} MB")
    rng = random.Random(a.seed)
    questions = [question(rng, said) for said in rng.sample(json.loads(kept.read_text()), a.questions)]
    print("| ms | median | p95 | longest |\n|---|---|---|---|")
    everywhere, one = measure(journal, questions, 0), measure(journal, questions, 1)
    row("windows, in all videos", [x["find"] for x in everywhere])
    row("windows, in one video", [x["find"] for x in one])
    row("all words, in all videos", [x["search"] for x in everywhere])
    short = [" ".join(q.strip("?.,").split()[-1:]) for q in questions]
    row("one word, in all videos", [x["search"] for x in measure(journal, short, 1)])
    print(f"{sum(x['windows'] > 0 for x in everywhere)} of {len(questions)} have a window; failed: {sum(x['failed'] for x in everywhere)}")
    if a.remove:
        began = time.monotonic()
        subprocess.run([bench.flow.VDET, "jobs", "rm", "0" * 12, "--data-dir", folder / "vdet"], check=True, capture_output=True)
        print(f"removing a job: {time.monotonic() - began:.1f} s")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
