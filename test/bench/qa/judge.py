# SPDX-License-Identifier: Apache-2.0
"""Whether an answer to a question about a drawn video is right, and what of it is shown.

An outcome is what the methods have in common: {"found": whether it says that there is something, "cites": [{"start",
"end", "text"}, ...], "count": a number or None, "windows": [[start, end], ...] that were looked at, "choice": a letter
or None, "cost": {...}}.

Right is:
- is, absent: that something is found, or nothing;
- when: each time is cited, and each citation about it is of such a time;
- which: the things named of this colour or shape are exactly those that appear;
- count: the number;
- order: the first citation of the one is before the first of the other;
- compare: the one with more separate times (10 s apart) is the right one; both are cited;
- not: something is claimed, and at least half of each time of the thing is outside of what is claimed. How much of the
  time without it is claimed, is counted by IoU, not here."""
import re

import spans

THING = re.compile(r"\b(red|green|blue|yellow|white|purple) (circle|square|triangle)s?\b")
ABSENCE = re.compile(r"No |What these frames show is otherwise")  # as src/ask/absent.c begins such a claim
APART = 10


def things(text):
    return {" ".join(t) for t in THING.findall(text.lower())}


def of_group(names, group):
    return {t for t in names if group in t.split()}


def cites_of(outcome, name):
    """Spans of the citations that name a thing, a colour or a shape."""
    return [[c["start"], c["end"]] for c in outcome["cites"] if any(name == t or name in t.split() for t in things(c["text"]))]


def about(q, outcome):
    if q["kind"] == "not":
        return [[c["start"], c["end"]] for c in outcome["cites"] if ABSENCE.match(c["text"])]
    return [s for name in q["about"] for s in cites_of(outcome, name)]


def times_are_right(q, cited):
    truth = q["evidence"]
    return bool(cited) and all(any(spans.overlap(t, c) for c in cited) for t in truth) and \
        all(any(spans.overlap(t, c) for t in truth) for c in cited)


def absence_is_right(q, claimed):
    seen = spans.without(q["evidence"], q["duration"])
    return bool(claimed) and all(spans.length(spans.both([s], claimed)) <= spans.length([s]) / 2 for s in seen)


def is_right(q, outcome):
    kind, answer = q["kind"], q["answer"]
    if kind == "absent":
        return not outcome["found"]
    if not outcome["found"]:
        return False
    cited = about(q, outcome)
    if kind == "is":
        return bool(cited)
    if kind == "when":
        return times_are_right(q, cited)
    if kind == "count":
        return outcome["count"] == answer["number"]
    if kind == "which":
        named = set().union(*[things(c["text"]) for c in outcome["cites"]])
        return of_group(named, q["about"][0]) == set(answer["things"])
    if kind == "not":
        return absence_is_right(q, cited)
    first, second = ([*map(tuple, spans.merge(cites_of(outcome, t), APART))] for t in answer["things"])
    if not first or not second:
        return False
    return first[0] < second[0] if kind == "order" else len(first) > len(second)


def grounding(q, outcome):
    """{"cites", "shown": citations about what is asked, and those that overlap the truth; "off": about something else;
    "iou"; "windows": whether one of the first 12 overlaps the truth, None if it says nothing}"""
    truth, cited = q["evidence"], about(q, outcome) if q["about"] else [[c["start"], c["end"]] for c in outcome["cites"]]
    if truth is None:
        return {"cites": 0, "shown": 0, "off": 0, "iou": None, "windows": None, "times": None}
    looked = outcome["windows"][:12]
    hit = [any(spans.overlap(w, t) for w in looked) for t in truth]
    return {"cites": len(cited), "shown": sum(any(spans.overlap(c, t) for t in truth) for c in cited),
            "off": len(outcome["cites"]) - len(cited),
            "iou": spans.iou(cited, truth) if truth else None,
            "windows": any(hit) if truth and looked and q["kind"] != "not" else None,
            "times": (sum(hit), len(hit)) if truth and looked and q["kind"] != "not" else None}
