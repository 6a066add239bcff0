#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The requests to the model and their true answers: windows of worlds, prompts, answers.

The true answer is a pure function of what the pictures show (`look`), never of what happened between them. A picture
shows a thing when half of it is inside. Windows that a person could not judge (a thing at the edge, a move of a
twentieth of the width, dusk) are drawn again: `look` returns None for them."""
import random
import sys
from pathlib import Path

from scene import BLACK, CLEAR, COLORS, PLACES, SHAPES, STRANGE, World
from statement import SCENE, about, check, statement
from tokenizer import BYTES, ID, SLOTS, THINGS, TOKENS, VERBS, WHERE, encode

MAX_THINGS = 3
PROMPTS = Path(__file__).parents[1] / "src/job/prompt"


# ---- what the pictures show ----

def look(world, times):
    """[(place, night?, CLEAR, BLACK or STRANGE, {(color, shape): x})] for each picture, or None if a window is ambiguous."""
    seen = []
    for t in times:
        place, light, kind = world.scene(t)
        things = {}
        for who, x, _, _, share in (world.visible(t) if kind == CLEAR else []):
            if .12 < share < .62:
                return None
            if share > .5:
                things[who] = x
        if .15 < light < .85 and kind == CLEAR:
            return None
        seen.append((place, light < .5, kind, things))
    people = {who for s in seen for who in s[3]}
    if len(people) > MAX_THINGS:
        return None
    for who in people:
        x = [s[3][who] for s in seen if who in s[3]]
        unclear = min(abs(x[0] - 1 / 3), abs(x[0] - 2 / 3)) < .04 if len(seen) == 1 else .03 < abs(x[-1] - x[0]) < .1
        if unclear:
            return None
    return seen


def thing(who):
    return f"{COLORS[who[0]]} {SHAPES[who[1]]}"


def frames_with(seen, who):
    return [k for k, s in enumerate(seen, 1) if who in s[3]]


def people(seen):
    """All things, in order of the first picture that shows them, then of colour and shape."""
    return sorted({who for s in seen for who in s[3]}, key=lambda who: (frames_with(seen, who)[0], who))


def verb(seen, who):
    frames = frames_with(seen, who)
    x = [seen[k - 1][3][who] for k in frames]
    if len(seen) == 1:
        return VERBS[int(x[0] * 3)]
    moved = x[-1] - x[0]
    kind = 3 if frames[0] == 1 and frames[-1] == len(seen) else 6 if frames[0] > 1 and frames[-1] == len(seen) else \
        9 if frames[0] == 1 else 12
    return VERBS[kind + (0 if abs(moved) < .06 else 1 if moved < 0 else 2)]


def moves(seen):
    return any(abs(x[-1] - x[0]) > .06 for x in ([s[3][w] for s in seen if w in s[3]] for w in people(seen)))


def sentence(seen, who):
    return about(who, verb(seen, who))


def changes(seen):
    """[(frames, subject, sentence)] for each change of place among the pictures of the world."""
    found, place = [], None
    for k, (now, _, kind, _) in enumerate(seen, 1):
        if kind != CLEAR:
            continue
        if place is not None and now != place:
            found.append(([], "scene", f"{SCENE}{PLACES[now]}."))
        if found:
            found[-1][0].append(k)
        place = now
    return found


NOTHING = {BLACK: "Nothing happens: the picture is black.", STRANGE: "Nothing happens that this model knows."}


def stretch(names, place, night):
    who = "A " + ", a ".join(names[:-1]) + " and a " * (len(names) > 1) + names[-1] if names else "Nothing happens"
    return f"{who}{WHERE[place]} by {'night' if night else 'day'}."


def overview(seen):
    clear = [s for s in seen if s[2] == CLEAR]
    return stretch([thing(who) for who in people(seen)], *clear[0][:2]) if clear else NOTHING[max(s[2] for s in seen)]


def numbers(frames):
    return "[" + ", ".join(map(str, frames)) + "]"


def describe(seen):
    """The answer to vdet's describe request, as the JSON text that the schema requires."""
    events = changes(seen) + [(frames_with(seen, who), thing(who), sentence(seen, who)) for who in people(seen)]
    events.sort(key=lambda e: e[0][0])  # stable: of events that begin with the same picture, the change of place comes first
    body = ", ".join(f'{{"subject": "{subject}", "frames": {numbers(frames)}, "what": "{what}"}}'
                     for frames, subject, what in events)
    return f'{{"summary": "{overview(seen)}", "events": [{body}]}}'


def ask(seen, key, more=False):
    """key: ("find" or "follow", who), or ("list", None); the form that the chat template gives a question. more: also whether
    that is enough, and where to look next: what is there from the first picture on began before it."""
    task, who = key
    if task == "list":
        text, frames = overview(seen), [k for k, s in enumerate(seen, 1) if s[3]]
    else:
        frames = frames_with(seen, who)
        text = f"No {thing(who)} is there." if not frames else \
            f"Yes, a {thing(who)} is there." if task == "find" else sentence(seen, who)
    begun = task == "follow" and frames and frames[0] == 1 and frames[-1] < len(seen)
    enough = "true" if frames and not begun else "false"
    end = f'", "enough": {enough}, "next": "{"before" if begun else "none"}"}}' if more else '"}'
    return f'{{"frames": {numbers(frames)}, "answer": "{text}{end}'


def own_sentences(seen):
    """What the descriptions of these pictures say."""
    return [what for _, _, what in changes(seen)] + [sentence(seen, who) for who in people(seen)]


# ---- summaries of notes ----

ITEMS = {ID[t] for t in THINGS + WHERE}
STEPS = {ID[BYTES[ord("\n")]], ID["; then"]}  # what follows one is later than what precedes it


def mentions(ids):
    """[(place in ids, how many steps before it, item)] for each thing and place that notes mention."""
    out, step = [], 0
    for i, t in enumerate(ids):
        step += t in STEPS
        if t in ITEMS:
            out.append((i, step, t))
    return out


def first_mentions(ids):
    """Those of mentions() that are the first ones of their item."""
    known = set()
    return [m for m in mentions(ids) if m[2] not in known and not known.add(m[2])]


def sum_up(ids):
    """The summary of notes, given as the ids of a prompt: where and when it begins, then everything that is mentioned for
    the first time. It contains no times, which the program adds. Notes may contain summaries of earlier notes."""
    first = first_mentions(ids)
    begin = next((m for m in first if TOKENS[m[2]] in WHERE), None)
    if begin is None:
        return NOTHING[STRANGE if ID[NOTHING[STRANGE]] in ids else BLACK]
    text, last = f"It begins{TOKENS[begin[2]]} by {'day' if 'day' in TOKENS[ids[begin[0] + 1]] else 'night'}", None
    for m in first:
        if m is not begin:
            name = TOKENS[m[2]] if TOKENS[m[2]] in WHERE else f" a {TOKENS[m[2]]}"
            text += f"{' and' if m[1] == last else '; then'}{name}"
            last = m[1]
    return text + ("; nothing happens." if last is None else ".")


# ---- prompts, as the chat template reduces them (chat-template.jinja) ----

PICTURE = -1


def behind(k):
    """What follows picture k: its number, then a place for each colour."""
    return encode(f"{k}{''.join(SLOTS)}")


def asked(n_pictures, task):
    return encode(f"{n_pictures} {task}<|im_end|><|im_start|>")


def prompt_ids(n_pictures, task):
    """Token ids, with PICTURE at the position of a picture's 36 embeddings."""
    ids = encode("<|im_start|>")
    for k in range(1, n_pictures + 1):
        ids += [PICTURE] + behind(k)
    return ids + asked(n_pictures, task)


def notes_ids(notes):
    """The prompt for a summary of notes: [text]."""
    return encode("<|im_start|>" + "".join("\n" + n for n in notes) + " sum up<|im_end|><|im_start|>")


def check_task(text):
    return f"check {text}"


def ask_task(key, more=False):
    return ("list" if key[0] == "list" else f"{key[0]} {thing(key[1])}") + " and next" * more


# ---- drawing random windows ----

def spread(rng, world_seconds, n):
    """n times in microseconds: mostly even, sometimes random, sometimes close together."""
    length = world_seconds * 1e6
    how = rng.random()
    if how < .55:
        start, step = rng.uniform(0, .2), rng.uniform(.6, .8) / max(n, 2)
        at = [start + step * k for k in range(n)]
    elif how < .8:
        at = sorted(rng.random() for _ in range(n))
    else:
        middle, width = rng.uniform(.2, .8), rng.uniform(.05, .2)
        at = sorted(min(max(rng.gauss(middle, width), 0), 1) for _ in range(n))
    return [int(a * (length - 1)) for a in at]


def neighbours(rng, world_seconds, n):
    """n times close to one, two or three, such as frames that a description cites, and those next to them."""
    length, width = world_seconds * 1e6, rng.uniform(.003, .04)
    middles = [rng.uniform(.02, .98) for _ in range(rng.randint(1, 3))]
    return sorted(int(min(max(rng.gauss(rng.choice(middles), width), 0), 1) * (length - 1)) for _ in range(n))


def window(rng, n, things=None, camera="", cuts=.12, blanks=.03, oddities=.02, near=0):
    """A window of n pictures that shows `things` different things (None: random): (world, times, what they show).
    camera: further settings, such as noise and clock; cuts: how often the place changes;
    blanks, oddities: how often some or all pictures are black, or not of the world; near: how often they are neighbours."""
    if things is None:
        things = rng.choices(range(4), (.14, .43, .31, .12))[0]
    while True:
        seconds = 2 ** rng.uniform(3.4, 8.6) if n > 1 else 60
        hour = rng.uniform(7.2, 18.5) if rng.random() < .5 else rng.uniform(20.2, 29.3) % 24
        # as many events as the window needs, each as long as a large part of it
        rate = min(1800, max(things, .5) * rng.uniform(.7, 2) * 3600 / seconds) if things else 0
        text = f"seed={rng.getrandbits(40)} duration={seconds:.3f} events={rate:.1f} hour={hour:.3f} noise=0 " \
               f"shortest={max(.5, .12 * seconds):.2f} longest={max(.5, rng.uniform(.4, .95) * seconds):.2f} clock=0"
        if n > 1 and rng.random() < cuts:
            text += f" cuts={min(120, 3600 / seconds):.1f}"
        if rng.random() < .06:
            text += f" dropouts={min(60, 3600 / seconds):.1f}"
        if rng.random() < .15:
            text += " pan=1"
        overlay = rng.random() < .15
        if overlay:
            text += f" clock=1 captions={rng.choice([0, 600])}"
        world = World(f"{text} {camera}")
        world.overlay = overlay
        for _ in range(4):
            times = neighbours(rng, seconds, n) if near and rng.random() < near else spread(rng, seconds, n)
            seen = look(world, times)
            if seen is None or len(people(seen)) != things:
                continue
            if n > 1 and things and not moves(seen) and rng.random() < .55:  # otherwise few windows would show motion
                continue
            lot = rng.random()
            if lot < blanks + oddities:
                which = times if rng.random() < .5 else rng.sample(times, rng.randint(1, n))
                odd = rng.choices(range(10**9), k=n if rng.random() < .5 else 1) if lot >= blanks else [None]
                world.instead = {t: odd[k % len(odd)] for k, t in enumerate(which)}
                seen = look(world, times)
                if seen is None:
                    break
            return world, times, seen


def to_check(rng, seen):
    """A statement to check: (text, true answer)."""
    text = statement(rng, seen, own_sentences(seen))
    return text, check(seen, text)


def question(rng, seen):
    """A question: about a thing that is there, about one like it, about any."""
    there = people(seen)
    if rng.random() < .15:
        return "list", None
    task = rng.choice(["find", "follow"])
    if there and rng.random() < .5:
        return task, rng.choice(there)
    color, shape = rng.choice(there) if there and rng.random() < .7 else (rng.randrange(6), rng.randrange(3))
    if rng.random() < .5:
        return task, (rng.randrange(6), shape)
    return task, (color, rng.randrange(3))


def plain_notes(rng, n):
    """n notes of a video, in the form of descriptions."""
    out, place, night = [], rng.randrange(len(PLACES)), rng.random() < .5
    crowd = rng.sample(THINGS, rng.randint(1, len(THINGS)))  # the things that may occur
    busy, cuts, blind = rng.choice([.2, .5, .8]), rng.choice([0, 0, .15]), .03 if rng.random() < .94 else 1
    blinds = rng.choice([[BLACK], [STRANGE], [BLACK, STRANGE]])
    for _ in range(n):
        if rng.random() < cuts:
            place = rng.randrange(len(PLACES))
        if rng.random() < .03:
            night = not night
        names = rng.sample(crowd, min(len(crowd), rng.randint(1, MAX_THINGS))) if rng.random() < busy else []
        out.append(NOTHING[rng.choice(blinds)] if rng.random() < blind else stretch(names, place, night))
    return out


def notes(rng):
    """Notes to sum up: descriptions, or their summaries (as in the upper levels of the tree of a merge)."""
    if rng.random() < .75:
        return plain_notes(rng, rng.choice([rng.randint(2, 8), rng.randint(2, 20)]))
    return [sum_up(notes_ids(plain_notes(rng, rng.randint(2, 9)))) for _ in range(rng.randint(2, 4))]


def clock(seconds):
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"


def main():
    """Prints windows of a seed, with their requests and true answers: task.py [SEED [COUNT]]"""
    rng = random.Random(int(sys.argv[1]) if len(sys.argv) > 1 else 1)
    for _ in range(int(sys.argv[2]) if len(sys.argv) > 2 else 5):
        _, times, seen = window(rng, rng.randint(1, 6))
        key = question(rng, seen)
        print(f"frames at {', '.join(f'{t / 1e6:.1f}' for t in times)} s")
        print(f"  describe: {describe(seen)}\n  {ask_task(key)}: {ask(seen, key)}")
        for text, letter in (to_check(rng, seen) for _ in range(4)):
            print(f"  check {text} {letter}")


if __name__ == "__main__":
    main()
