# SPDX-License-Identifier: Apache-2.0
"""The tokenizer, exactly as the engine applies it (GGUF: model "gpt2", pre-tokenizer "gpt-2").

The vocabulary is made for the small language of the world: each phrase that is one decision is one token (of type "user
defined", which the engine cuts out of a text before anything else, longest first). So the verb of a sentence is one choice
among fifteen, "one more frame, and it is 3" is one token, and an answer takes a few dozen. All other text becomes single
bytes."""
from scene import COLORS, PLACES, SHAPES

CONTROL = ["<|pad|>", "<|im_start|>", "<|im_end|>"]
PAD, START, END = range(3)
MOST = 8  # pictures in a window
SLOTS = [f"<{c}>" for c in COLORS]  # after each picture, where the network stores what it sees of that colour
THINGS = [f"{c} {s}" for c in COLORS for s in SHAPES]
WHERE = [" on the street", " on the grass", " on the water", " in the room"]
VERBS = [" is on the left.", " is in the middle.", " is on the right.",
         " stays.", " moves to the left.", " moves to the right.",
         " appears.", " enters from the right.", " enters from the left.",
         " disappears.", " leaves to the left.", " leaves to the right.",
         " comes and goes.", " passes from right to left.", " passes from left to right."]
NEXT = [f", {k}" for k in range(1, MOST + 1)]
PHRASES = SLOTS + THINGS + WHERE + VERBS + NEXT + [f"The scene changes to the {p}." for p in PLACES] + [
    '{"summary": "', '", "events": []}', '", "events": [{"subject": "', '", "frames": [', '], "what": "',
    '"}, {"subject": "', '"}]}', '{"frames": [', '{"frames": [], "answer": "', '], "answer": "', '"}', "scene",
    "A ", " and a ", ", a ", " by day.", " by night.", "Nothing happens", "Nothing happens: the picture is black.",
    "Nothing happens that this model knows.",
    "Yes, a ", "No ", " is there.", "It begins", " by day", " by night", "; then", " a ", " and", "; nothing happens.",
    " describe", " find ", " follow ", " list", " sum up"]

# Lists: their entries, as vdet joins their sentences (src/story/words.c), and the summary that cites them.
ENTRIES = 40  # in a list
PAIRS = 20  # to be joined
ENTRY = [f"\n{k} " for k in range(1, ENTRIES + 1)]
ALSO = [f", {k}" for k in range(MOST + 1, ENTRIES + 1)]  # NEXT, continued
CITE = ['{"sentences": [{"events": [1'] + [f'"}}, {{"events": [{k}' for k in range(2, ENTRIES + 1)]
SAME = [f'{{"same": [{k}' for k in range(1, PAIRS + 1)]
# A sentence to which endings follow, without its point; and what is left of a sentence after a common beginning.
OPEN = [v[:-1] for v in VERBS] + [f"The scene changes to the {p}" for p in PLACES]
ENDINGS = [f" {e}{point}" for e in ("left", "right", "right to left", "left to right", "in the middle", "on the left",
                                    "on the right", *PLACES) for point in ("", ".")]
OFTEN = " is there several times.", "The scene changes several times."
LETTERS = "ABC"  # answers to a check
REST = [" …", '], "text": "', '{"same": []}', "]}", " | ", " check ", " story", " join"]
PHRASES += ENTRY + ALSO + CITE + SAME + OPEN + ENDINGS + [*OFTEN, *REST]

# Questions: their words, of which the chat template drops some; what they ask for; answers from findings.
WORDS = ("is was are were does did do has have when what which who how where many time often count number compare order first "
         "before after more no not never always only without list find show all every shape thing color kind appear came come "
         "seen see visible there been it about move go enter leave from happen and or than between while with two three "
         "one").split()
DROPPED = ("a an the in of this that these video videos recording recordings clip at any anywhere ever can could i you we be to "
           "on please me tell then").split()
FINDINGS = 12  # at most
KINDS = "is", "when", "count", "not", "list", "how"
NEGATED = '", "negated": '
QUERIES = [f'{w}", "sense": "seen"}}], "question": "Which {w} things are there?{NEGATED}false}}' for w in COLORS + SHAPES]
ROUTE = [*[f"<{w}>" for w in WORDS], "<?>", "<then>", *[f"<{s}>" for s in SHAPES],
         *[f'{{"kind": "{k}", "statement": "A ' for k in KINDS],
         *[f'{{"kind": "{k}", "statement": "", "queries": [{{"text": "' for k in ("which", "order", "compare")],
         ' is there.", "queries": [{"text": "', '", "sense": "seen"}, {"text": "', *QUERIES,
         f'{{"kind": "which", "statement": "", "queries": [{{"text": "", "sense": "seen"}}], "question": "{NEGATED}false}}',
         *[f'", "sense": "seen"}}], "question": "{begin} ' for begin in (
             "Is a", "When is a", "How often is a", "List each time of a", "How does a", "Which is there first, the",
             "Which is there more often, the")],
         '", "sense": "seen"}], "question": "When is no ', " or the ", f" there?{NEGATED}false}}", f" there?{NEGATED}true}}",
         f" move?{NEGATED}false}}", f"?{NEGATED}false}}", f".{NEGATED}false}}"]
CLAIM = [f'{{"claims": [{{"cites": [{k}' for k in range(1, FINDINGS + 1)]
CLAIM_NEXT = [f'."}}, {{"cites": [{k}' for k in range(2, FINDINGS + 1)]
AT, AT_NEXT = [f" at {{E{k}}}" for k in range(1, FINDINGS + 1)], [f", {{E{k}}}" for k in range(2, FINDINGS + 1)]
LOOKED = [f'", "enough": {enough}, "next": "{place}"}}' for enough, place in (
    ("true", "none"), ("false", "none"), ("false", "before"))]
ASKING = ROUTE + CLAIM + CLAIM_NEXT + AT + AT_NEXT + LOOKED + [
    " route", " answer", " is there", " and next", '."}], "answered": "yes"}', '{"claims": [], "answered": "no"}']
NUMBERED = [*zip(ENTRY, CLAIM), *zip(ENTRY[1:], CLAIM_NEXT), *zip(ENTRY, AT), *zip(ENTRY[1:], AT_NEXT)]  # the same number
PHRASES += ASKING


def _byte_names():
    """The printable characters that GPT-2 uses for the 256 bytes."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    other = [b for b in range(256) if b not in plain]
    return {**{b: chr(b) for b in plain}, **{b: chr(256 + i) for i, b in enumerate(other)}}


BYTES = _byte_names()
MERGES = [("t", "h")]  # the engine requires at least one
TOKENS = CONTROL + [BYTES[b] for b in range(256)] + ["th"] + PHRASES
TOKENS += [f"<|unused{i}|>" for i in range(-len(TOKENS) % 32)]
ID = {t: i for i, t in enumerate(TOKENS)}
# GGUF's token types: 1 normal, 3 control, 4 user defined, 5 unused
TYPES = [3 if t in CONTROL else 5 if t.startswith("<|unused") else 4 if t in PHRASES else 1 for t in TOKENS]
_CUTS = sorted(CONTROL + PHRASES, key=len, reverse=True)


def encode(text):
    parts = [text]  # strings not yet cut, and the ids of what was cut out
    for phrase in _CUTS:
        if phrase not in text:
            continue
        new = []
        for part in parts:
            if isinstance(part, int):
                new.append(part)
                continue
            for i, rest in enumerate(part.split(phrase)):
                new += ([ID[phrase]] if i else []) + ([rest] if rest else [])
        parts = new
    ids = []
    for part in parts:
        if isinstance(part, int):
            ids.append(part)
            continue
        bytes_ = part.encode()
        at = 0
        while at < len(bytes_):  # the single merge needs no rank
            pair = bytes_[at:at + 2] == b"th"
            ids.append(ID["th"] if pair else ID[BYTES[bytes_[at]]])
            at += 2 if pair else 1
    return ids


_RAW = {ID[BYTES[b]]: bytes([b]) for b in range(256)}


def decode(ids):
    return b"".join(_RAW.get(i) or TOKENS[i].encode() for i in ids).decode("utf-8", "replace")
