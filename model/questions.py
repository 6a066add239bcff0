# SPDX-License-Identifier: Apache-2.0
"""Requests about questions, without pictures, and their true answers: what a question asks for and is to be searched with,
and the sentences that answer it from numbered findings. The chat template reduces a question to the words below."""
import re

from scene import COLORS, SHAPES
from statement import about
from task import stretch, thing
from tokenizer import DROPPED, ENTRY, FINDINGS, ID, THINGS, VERBS, WHERE, WORDS, encode

CLAIMS = 8  # of an answer
_ENTRY = {ID[e] for e in ENTRY}

# What a person may type. {a}, {b}: things; {as}: several of one; {g}: a colour, {s}: a shape. Words that the template drops
# make no difference.
FORMS = {
    "is": ["is there a {a} in the video", "does a {a} appear", "can you see a {a} anywhere", "was there ever a {a}",
           "is a {a} visible at any time", "are there any {as}", "has a {a} been there", "do you see a {a}", "did a {a} come",
           "were there {as}", "is the {a} there", "did you see the {a}", "is a {a} seen", "has there been a {a}"],
    "when": ["when does a {a} appear", "at what times is a {a} visible", "when was the {a} there", "when can i see a {a}",
             "when is there a {a}", "at what time does the {a} come", "when did a {a} enter", "when do {as} appear",
             "when does the {a} leave", "at which times is a {a} there", "when is the {a} seen", "what time is the {a} visible",
             "when are {as} there", "when was a {a} seen"],
    "count": ["how many times does a {a} appear", "how often does a {a} appear", "how many times is a {a} there",
              "count the times a {a} appears", "how many times was a {a} seen", "how many {as} are there", "how often was the {a} seen",
              "number of {as}", "how often is a {a} visible", "count the {as}", "count all {as}", "how many {as} appear",
              "how often did the {a} come", "what is the number of {as}"],
    "not": ["when is there no {a}", "when is the {a} not visible", "when is no {a} there", "at what times is no {a} to be seen",
            "when was there no {a}", "when is a {a} not there", "at what times was the {a} not seen", "when are there no {as}",
            "when did no {a} appear"],
    "list": ["list all {as}", "list every {a}", "find all {as}", "show all {as}", "list the times of the {a}", "find every {a}",
             "show every time a {a} appears", "list all times when a {a} is visible"],
    "how": ["how does the {a} move", "what does the {a} do", "where does the {a} go", "how does a {a} enter", "where is the {a}",
            "how does the {a} leave", "where does the {a} come from", "what did the {a} do", "how did the {a} move",
            "where was the {a}", "where does a {a} appear"],
    "order": ["which appears first the {a} or the {b}", "does the {a} appear before or after the {b}",
              "in which order do the {a} and the {b} appear", "what came first the {a} or the {b}", "was the {a} there before the {b}",
              "does the {a} come after the {b}", "is the {a} seen before the {b}", "who comes first a {a} or a {b}",
              "what is the order of the {a} and the {b}", "did the {a} enter before the {b}"],
    "compare": ["which is seen more often the {a} or the {b}", "compare how often the {a} and the {b} appear",
                "does the {a} appear more often than the {b}", "who comes more often the {a} or the {b}",
                "is the {a} or the {b} there more often", "compare the {a} with the {b}", "are there more {as} than {bs}",
                "which appears more often a {a} or a {b}", "is the {a} seen more often than the {b}"],
}
COLOR_FORMS = ["which {g} shapes are there", "what {g} shapes appear in the video", "which {g} shapes can be seen",
               "which shapes are {g}", "what {g} things are there", "which {g} things appear", "what is {g}", "which things are {g}"]
SHAPE_FORMS = ["which {s}s are there", "what kinds of {s} appear in the video", "which colors do the {s}s have",
               "which {s}s can be seen", "what {s}s are there", "what color is the {s}", "which color does the {s} have"]
# With a thing that was named before.
AGAIN = {
    "is": ["is it there", "was it there", "does it appear"],
    "when": ["when is it there", "when does it appear", "at what times was it visible", "and when was it there"],
    "count": ["how often is it there", "how many times does it appear", "and how often was it seen"],
    "not": ["when is it not there", "when was it not visible"],
    "how": ["what does it do", "where does it go", "how does it move", "and where does it come from"],
    "list": ["list all times when it is there", "show every time it appears"],
    "order": ["is it there before the {b}", "does it come after the {b}", "which comes first it or the {b}"],
    "compare": ["is it there more often than the {b}", "does it appear more often than the {b}"],
}
SAME = ["and a {a}", "and the {a}", "what about a {a}", "and {as}", "what about the {a}"]  # the kind of the question before
# What rules answer: more than one thing, more than that it is there, or a word that is not known.
MORE = ["is there no {a}", "is the {a} never there", "is there only a {a}", "are there two {as}", "is there a {a} and a {b}",
        "is there a {a} or a {b}", "is the {a} always there", "is a {a} with a {b}", "when is the {a} with the {b}",
        "when is there a {a} and a {b}", "are there three {as}", "is there a {a} without a {b}", "how many {as} and {bs} are there",
        "when is there only a {a}", "is there a {a} while the {b} is there", "is there one {a}", "is every {a} there",
        "is the {a} there between two {bs}", "what happens", "what is there", "who is there", "when does it come", "is it there",
        "how many are there", "which came first", "what do you see", "how often", "when", "what", "is there no {g} thing",
        "how many {g} shapes are there", "is there a {s}", "when is there a {s}", "how often does a {s} appear", "which {as} are there",
        "how many {s}s are there", "is there a {g} thing"]

# A route has the question in other words: those before and behind what it is about.
QUESTION = {"is": ("Is a ", " there?"), "when": ("When is a ", " there?"), "count": ("How often is a ", " there?"),
            "not": ("When is no ", " there?"), "list": ("List each time of a ", "."), "how": ("How does a ", " move?"),
            "order": ("Which is there first, the ", "?"), "compare": ("Which is there more often, the ", "?")}


def reduced(text):
    """The words of a question, as the chat template reduces them."""
    out, color = "", ""
    for word in re.sub(r"[?!.,;:\"']", " ", text.lower()).split():
        one = word if word in WORDS else word[:-1] if word.endswith("s") else word
        if one in SHAPES:
            out, color = out + (f"{color} {one}" if color else f"<{one}>"), ""
            continue
        if color:
            out, color = f"{out}<{color}>", ""
        if word in COLORS:
            color = word
        elif one in WORDS:
            out += f"<{one}>"
        elif word not in DROPPED:
            out += "<?>"
    return out + (f"<{color}>" if color else "")


def queries(words):
    return ", ".join(f'{{"text": "{w}", "sense": "seen"}}' for w in words)


def reply(kind, statement, words, question):
    negated = "true" if kind == "not" else "false"
    return f'{{"kind": "{kind}", "statement": "{statement}", "queries": [{queries(words)}], "question": "{question}", ' \
           f'"negated": {negated}}}'


UNKNOWN = reply("which", "", [""], "")


def route(kind, things):
    """The true answer. things: names; of "which" a colour or a shape; none if the question is left to the rules."""
    if not things:
        return UNKNOWN
    if kind == "which":
        return reply(kind, "", things, f"Which {things[0]} things are there?")
    begin, end = QUESTION[kind]
    statement = f"A {things[0]} is there." if len(things) == 1 else ""
    return reply(kind, statement, things, f"{begin}{' or the '.join(things)}{end}")


def route_ids(before, question):
    """The prompt, as the chat template reduces it; before: the question before it, or empty."""
    first = reduced(before) + "<then>" if before else ""
    return encode(f"<|im_start|>{first}{reduced(question)} route<|im_end|><|im_start|>")


def fill(form, a, b):
    return form.format(a=thing(a), b=thing(b), **{"as": thing(a) + "s", "bs": thing(b) + "s"}, g=COLORS[a[0]], s=SHAPES[a[1]])


def any_two(rng):
    """Two different things."""
    return [divmod(k, len(SHAPES)) for k in rng.sample(range(len(THINGS)), 2)]


def plain(rng):
    """A question that stands for itself: (text, kind, things)."""
    a, b = any_two(rng)
    lot = rng.random()
    if lot < .1:
        return fill(rng.choice(COLOR_FORMS), a, b), "which", [COLORS[a[0]]]
    if lot < .2:
        return fill(rng.choice(SHAPE_FORMS), a, b), "which", [SHAPES[a[1]]]
    kind = rng.choice(list(FORMS))
    return fill(rng.choice(FORMS[kind]), a, b), kind, [thing(a), thing(b)] if kind in ("order", "compare") else [thing(a)]


def unknown(rng):
    """A question that is left to the rules."""
    if rng.random() < .5:
        return fill(rng.choice(MORE), *any_two(rng))
    words = plain(rng)[0].split()
    words.insert(rng.randint(0, len(words)), "unknown")
    if rng.random() < .5:  # another thing than those of the world
        words = [w for w in words if w.rstrip("s") not in SHAPES]
    return " ".join(words)


def follow_up(rng):
    """(question before it, question, kind, things)"""
    before, kind, things = plain(rng)
    a, b = any_two(rng)
    if rng.random() < .3 and len(things) == 1 and kind != "which":
        return before, fill(rng.choice(SAME), a, b), kind, [thing(a)]
    if len(things) != 1 or kind == "which":
        return before, rng.choice(AGAIN["when"]), "when", []
    kind = rng.choice(list(AGAIN))
    if kind in ("order", "compare"):
        things = [*things, thing(b)]
    return before, fill(rng.choice(AGAIN[kind]), a, b), kind, things


def to_route(rng):
    """(question before it or empty, question, true answer)"""
    lot = rng.random()
    if lot < .2:
        return "", unknown(rng), UNKNOWN
    if lot < .45:
        before, question, kind, things = follow_up(rng)
        return before, question, route(kind, things)
    before = rng.choice([plain(rng)[0], unknown(rng)]) if rng.random() < .2 else ""
    question, kind, things = plain(rng)
    return before, question, route(kind, things)


# ---- answers from findings ----

def subjects(text):
    return [t for t in THINGS if t in text]


def answers(findings, question):
    """[[numbers of the findings]] of each sentence: findings that say the same, about what the question names."""
    asked = re.findall("|".join(THINGS), question) or re.findall("|".join(COLORS + SHAPES), question)
    found = {}
    for k, text in enumerate(findings, 1):
        if not asked or any(w in t for t in subjects(text) for w in asked):
            found.setdefault(text, []).append(k)
    return list(found.values())[:CLAIMS]


def compose(findings, question):
    said = answers(findings, reduced(question))
    body = ", ".join(f'{{"cites": {k}, "text": "{findings[k[0] - 1][:-1]} at {", ".join(f"{{E{i}}}" for i in k)}."}}' for k in said)
    return f'{{"claims": [{body}], "answered": "{"yes" if said else "no"}"}}'


def compose_ids(findings, question):
    lines = "".join(f"\n{k} {text}" for k, text in enumerate(findings, 1))
    return encode(f"<|im_start|>{reduced(question)}<then>{lines} answer<|im_end|><|im_start|>")


def finding(rng, who):
    """What a look answers about things: an event, that one is there, or all that is there."""
    lot = rng.random()
    if lot < .62:
        return about(who[0], rng.choice(VERBS))
    if lot < .85:
        return about(who[0], " is there.")
    return stretch([thing(w) for w in who], rng.randrange(len(WHERE)), rng.choice([False, True]))


def to_compose(rng):
    """(findings, question)"""
    question = rng.choice([plain(rng)[0], plain(rng)[0], unknown(rng)])
    asked = [divmod(THINGS.index(t), len(SHAPES)) for t in re.findall("|".join(THINGS), reduced(question))]
    odd = rng.choice([0, 0, 0, .3]) if asked else 1  # how often a finding is about something else
    few = [any_two(rng)[0] for _ in range(rng.choice([1, 2, 4]))]
    made = []
    for _ in range(rng.randint(1, FINDINGS)):
        who = rng.choice(few if rng.random() < odd else asked)
        all_of = [who, *(w for w in rng.choice([[], [], any_two(rng)[:1], any_two(rng)]) if w != who)]
        made.append(rng.choice(made) if made and rng.random() < .4 else finding(rng, all_of))
    return made, question


# ---- what an auxiliary head learns to note in a prompt ----

def compose_marks(ids, findings, question):
    """As lists.story_marks: of each finding that is cited the place of its last token, the number of the one before it in its
    sentence, or 0; and, of the first of a sentence, the first of the sentence before it, or 0."""
    said = answers(findings, reduced(question))
    before = {k: p for numbers in said for k, p in zip(numbers, [0, *numbers])}
    firsts = [numbers[0] for numbers in said]
    chain = dict(zip(firsts, [0, *firsts]))
    starts = [i for i, t in enumerate(ids) if t in _ENTRY] + [len(ids) - 3]
    return [(starts[k] - 1, p, chain.get(k)) for k, p in sorted(before.items())]
