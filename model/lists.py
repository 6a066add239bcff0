# SPDX-License-Identifier: Apache-2.0
"""Requests that are lists of sentences, without pictures, and their true answers: a summary that cites the entries it is
made of, and which pairs of sentences are one event."""
from scene import PLACES
from statement import COMES, LEAVES, SCENE, about, combine, parse
from tokenizer import ENTRIES, ENTRY, ID, OFTEN, PAIRS, THINGS, VERBS, encode

SENTENCES = 12  # of a summary


def story_sentences(entries):
    """[([numbers of the entries], text)]: one sentence for each thing and one for the scene, in order of their first entry."""
    found = {}
    for k, text in enumerate(entries, 1):
        found.setdefault(parse(text)[0], []).append(k)
    return [(numbers, entries[numbers[0] - 1] if len(numbers) == 1 else
             OFTEN[1] if who == "scene" else about(who, OFTEN[0])) for who, numbers in found.items()][:SENTENCES]


def story(entries):
    body = ", ".join(f'{{"events": {numbers}, "text": "{text}"}}' for numbers, text in story_sentences(entries))
    return f'{{"sentences": [{body}]}}'


def is_same(first, second):
    """Both are about one thing that goes on: it did not leave and come again. A change of scene does not go on."""
    a, b = parse(first), parse(second)
    return a[0] == b[0] != "scene" and not (LEAVES & set(a[1]) and COMES & set(b[1]))


def join(pairs):
    return f'{{"same": {[k for k, p in enumerate(pairs, 1) if is_same(*p)]}}}'


def story_ids(entries):
    """The prompt, as the chat template reduces it."""
    lines = "".join(f"\n{k} {text}" for k, text in enumerate(entries, 1))
    return encode(f"<|im_start|>{lines} story<|im_end|><|im_start|>")


def join_ids(pairs):
    lines = "".join(f"\n{k} {a} | {b}" for k, (a, b) in enumerate(pairs, 1))
    return encode(f"<|im_start|>{lines} join<|im_end|><|im_start|>")


# ---- drawing lists ----

def any_thing(rng):
    return rng.randrange(len(THINGS) // 3), rng.randrange(3)


def event(rng, who):
    """A sentence of an event; some are joined from several."""
    n = rng.choices([1, 2, 3, 5], (.85, .1, .04, .01))[0]
    kinds = [f"{SCENE}{p}." for p in PLACES] if who == "scene" else [about(who, v) for v in VERBS]
    return combine(rng.choices(kinds, k=n))


def events(rng, n):
    """n entries of a list of events."""
    crowd = [divmod(i, 3) for i in rng.sample(range(len(THINGS)), rng.choice([rng.randint(1, 6), rng.randint(1, 18)]))]
    cuts = rng.choice([0, .05, .1, .3])
    return [event(rng, "scene" if rng.random() < cuts else rng.choice(crowd)) for _ in range(n)]


def entries(rng, low, high):
    """Between low and high entries: events, or (a quarter) the sentences of summaries, as in the upper levels of a tree."""
    n = rng.randint(low, high)
    if rng.random() < .75:
        return events(rng, n)
    return above(rng, n)


def above(rng, n):
    out = []
    while len(out) < n:
        out += [text for _, text in story_sentences(events(rng, rng.randint(1, ENTRIES)))]
    return out[:n]


def pairs(rng):
    out = []
    for _ in range(rng.choice([rng.randint(1, 6), rng.randint(1, PAIRS)])):
        who = "scene" if rng.random() < .06 else any_thing(rng)
        lot = rng.random()
        other = who if lot < .6 else any_thing(rng) if lot < .75 or who == "scene" else \
            rng.choice([(who[0], rng.randrange(3)), (rng.randrange(6), who[1])])
        out.append((event(rng, who), event(rng, other)))
    return out


# ---- what auxiliary heads learn to note in a prompt ----

_SUBJECT = {ID[t]: i for i, t in enumerate(THINGS)}
_SUBJECT |= {i: len(THINGS) for t, i in ID.items() if t.startswith("The scene changes")}
_NUMBER = {ID[t]: k for k, t in enumerate(ENTRY, 1)}


def story_marks(ids):
    """[(place in ids of an entry's subject, number of the entry before it with the same subject, or 0; for the first entry of
    a subject the number of the first entry before it of another subject, or 0, else None)]: answers follow these chains."""
    out, last, number, first, fresh = [], {}, 0, 0, False
    for i, t in enumerate(ids):
        if t in _NUMBER:
            number, fresh = _NUMBER[t], True
        if t in _SUBJECT and fresh:
            who, fresh = _SUBJECT[t], False
            out.append((i, last.get(who, 0), None if who in last else first))
            first = first if who in last else number
            last[who] = number
    return out


def join_marks(ids, pairs):
    """[(place in ids of a pair's last token, whether it is one event, number of the pair before it that is, or 0)]"""
    ends = [i - 1 for i, t in enumerate(ids) if t in _NUMBER and _NUMBER[t] > 1] + [len(ids) - 4]
    out, last = [], 0
    for k, (at, pair) in enumerate(zip(ends, pairs), 1):
        out.append((at, is_same(*pair), last))
        last = k if is_same(*pair) else last
    return out
