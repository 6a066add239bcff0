# SPDX-License-Identifier: Apache-2.0
"""Sentences about the world: what they are about, several joined as vdet joins them, and whether pictures show one."""
import re
from functools import cache
from pathlib import Path

from scene import CLEAR, COLORS, PLACES, SHAPES
from tokenizer import OFTEN, THINGS, VERBS

SCENE = "The scene changes to the "
STAYS, MOST_ENDINGS = 3, 4
AWAY = .2  # what moved more than this part of the width did not stay
# In which direction a verb says that a thing moves: -1 to the left.
DIRECTION = {v: (0, -1, 1)[i % 3] if i >= STAYS else 0 for i, v in enumerate(VERBS)} | {OFTEN[0]: 0}
COMES, LEAVES = ({v for v in VERBS if any(w in v for w in words)} for words in (
    ("appears", "enters", "comes", "passes"), ("disappears", "leaves", "comes", "passes")))
COMES.discard(" disappears.")


def about(who, verb):
    return f"A {COLORS[who[0]]} {SHAPES[who[1]]}{verb}"


def combine(sentences):
    """One sentence for several of the same thing, as words_combine() in src/story/words.c makes it."""
    kept, left_out = [], False
    for s in dict.fromkeys(sentences):
        if len(kept) == MOST_ENDINGS:
            left_out = True
            kept.pop()
        kept.append(s)
    if len(kept) == 1:
        return kept[0]
    bare = [s.rstrip(". ") for s in kept]
    begin = 0
    while begin < min(map(len, bare)) and len({s[begin] for s in bare}) == 1:
        begin += 1
    begin = bare[0].rfind(" ", 0, begin) + 1
    return bare[0] + "".join(("; …; " if left_out and i == len(bare) - 1 else "; ") + s[begin:]
                             for i, s in enumerate(bare) if i) + "."


def _endings(first, rest, whole):
    """The sentences of which combine() made one, each without what all begin with; None if they are no sentences of whole."""
    out = [first + "."]
    starts = ["", *(first[:m.end()] for m in re.finditer(" ", first))]
    for r in rest:
        found = next((s + r + "." for s in starts if s + r + "." in whole), None)
        if found is None and r != "…":
            return None
        out += [found] if found else []
    return out if out[0] in whole else None


@cache
def parse(text):
    """((color, shape), [verbs]) of a sentence, ("scene", [numbers of places, or None]), or None if the model has no such."""
    if text == OFTEN[1]:
        return "scene", [None]
    first, *rest = text.removesuffix(".").split("; ")
    if not text.endswith("."):
        return None
    if text.startswith(SCENE):
        places = _endings(first[len(SCENE):], rest, {f"{p}." for p in PLACES})
        return places and ("scene", [PLACES.index(p[:-1]) for p in places])
    for i, name in enumerate(THINGS):
        if text.startswith(f"A {name} "):
            verbs = _endings(first[2 + len(name):], rest, DIRECTION)
            return verbs and (divmod(i, len(SHAPES)), verbs)
    return None


# ---- whether pictures show what a sentence says ----

def _moved(seen, who):
    x = [s[3][who] for s in seen if who in s[3]]
    return x[-1] - x[0] if x else None


def _contradicts(moved, verb):
    return abs(moved) > AWAY if verb == VERBS[STAYS] else DIRECTION[verb] * moved < -.1


def check(seen, text):
    """A: the pictures show it; B: they show that it is otherwise; C: they cannot tell. seen: as look() returns it.

    They are other pictures than those of which the sentence was said. So a thing that is in one of them may well have come
    or left; only a move in the other direction contradicts, and of several verbs all have to be contradicted."""
    clear, said = [s for s in seen if s[2] == CLEAR], parse(text)
    if said is None or not clear:
        return "C"
    if said[0] == "scene":
        new = {s[0] for k, s in enumerate(clear) if any(e[0] != s[0] for e in clear[:k])}
        return "A" if new & set(said[1]) or (None in said[1] and new) else "B"
    moved = _moved(clear, said[0])
    return "B" if moved is None or all(_contradicts(moved, v) for v in said[1]) else "A"


def unclear(seen, text):
    """A person could not judge it: a thing that is said to stay moved a little."""
    said = parse(text)
    moved = _moved(seen, said[0]) if said and said[0] != "scene" else None
    return moved is not None and VERBS[STAYS] in said[1] and AWAY - .08 < abs(moved) < AWAY + .1


# ---- drawing statements ----

@cache
def words():
    docs = Path(__file__).parents[1] / "docs"
    text = " ".join(p.read_text() for p in sorted(docs.glob("*.md")))
    return sorted(set(re.findall(r"(?<=\s)[A-Za-z]{2,9}(?=\s)", text)))


def other_text(rng):
    """A sentence that is none of the model's, some of them nearly."""
    some = " ".join(rng.choices(words(), k=rng.randint(1, 3)))
    kind = rng.randrange(4)
    return f"A {rng.choice(THINGS)} {some}." if kind == 0 else f"A {some}{rng.choice(VERBS)}" if kind == 1 else \
        f"{some.capitalize()}." if kind == 2 else some


def any_verb(rng):
    return rng.choice(VERBS) if rng.random() < .96 else OFTEN[0]


def near_miss(rng, who):
    """A thing of the same colour or of the same shape."""
    return (who[0], rng.randrange(len(SHAPES))) if rng.random() < .5 else (rng.randrange(len(COLORS)), who[1])


def _candidate(rng, seen, own, shown):
    """own: the sentences that describe these pictures; shown: whether the statement is to be about what they show."""
    there = sorted({who for s in seen for who in s[3]})
    lot = rng.random()
    scenes = [s for s in own if s.startswith("The")]
    if lot < (.25 if scenes else .08):
        if scenes and shown and rng.random() < .9:
            return combine(rng.choices(scenes, k=rng.choice([1, 1, 2])))
        places = rng.sample(PLACES, rng.choice([1, 1, 1, 2]))
        return OFTEN[1] if rng.random() < .05 else combine([f"{SCENE}{p}." for p in places])
    if shown and there:
        once = [w for w in there if sum(w in s[3] for s in seen) == 1]
        who = rng.choice(once if once and rng.random() < .5 else there)
    elif there and rng.random() < .75:
        who = near_miss(rng, rng.choice(there))
    else:
        who = rng.randrange(len(COLORS)), rng.randrange(len(SHAPES))
    mine = [s for s in own if s.startswith(about(who, " "))]
    if shown and mine and rng.random() < .45:
        return mine[0]
    return combine([about(who, any_verb(rng)) for _ in range(rng.choices([1, 2, 3], (.92, .07, .01))[0])])


def statement(rng, seen, own):
    """A sentence to check: about as many are shown as are not. own: the sentences that describe these pictures."""
    if rng.random() < .04:
        return other_text(rng)
    goal = "A" if rng.random() < .54 and any(s[3] for s in seen) else "B"
    # Half of what is otherwise is a wrong direction, where something moved.
    shown = goal == "A" or rng.random() < .35
    for _ in range(20):
        text = _candidate(rng, seen, own, shown)
        if not unclear(seen, text) and check(seen, text) in (goal, "C"):
            return text
        shown = shown and goal == "A" or rng.random() < .3
    return text if not unclear(seen, text) else other_text(rng)
