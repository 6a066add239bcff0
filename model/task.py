"""What the model is asked and what it should answer: windows out of worlds, prompts, and the true answers.

The true answer is a pure function of what the pictures show (`look`), never of what happened between them. A picture
shows a thing when half of it is inside. Windows on which a person could not decide (a thing at the very edge, a move of
a twentieth of the width, dusk) are drawn again: `look` returns None for them."""
from pathlib import Path

from scene import COLORS, PLACES, SHAPES, World
from tokenizer import THINGS, VERBS, WHERE, encode

MAX_PICTURES, MAX_THINGS = 8, 3
PROMPTS = Path(__file__).parents[1] / "src/job/prompt"


# ---- what the pictures show ----

def look(world, times):
    """[(place, night?, black?, {(color, shape): x})] for each picture, or None where it is not clear."""
    seen = []
    for t in times:
        place, light, black = world.scene(t)
        things = {}
        for who, x, _, _, share in ([] if black else world.visible(t)):
            if .12 < share < .62:
                return None
            if share > .5:
                things[who] = x
        if .15 < light < .85 and not black:
            return None
        seen.append((place, light < .5, black, things))
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
    """Everyone, in order of the first picture that shows them, then of colour and shape."""
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
    return f"A {thing(who)}{verb(seen, who)}"


def changes(seen):
    """[(frames, sentence)] for each change of place among the pictures that are not black."""
    found, place = [], None
    for k, (now, _, black, _) in enumerate(seen, 1):
        if black:
            continue
        if place is not None and now != place:
            found.append(([], f"The scene changes to the {PLACES[now]}."))
        if found:
            found[-1][0].append(k)
        place = now
    return found


def overview(seen):
    clear = [s for s in seen if not s[2]]
    if not clear:
        return "The picture is black."
    names = [thing(who) for who in people(seen)]
    who = "A " + ", a ".join(names[:-1]) + " and a " * (len(names) > 1) + names[-1] if names else "Nothing happens"
    return f"{who}{WHERE[clear[0][0]]} by {'night' if clear[0][1] else 'day'}."


def numbers(frames):
    return "[" + ", ".join(map(str, frames)) + "]"


def describe(seen):
    """The answer to vdet's describe request, as the JSON text that the schema demands."""
    events = changes(seen) + [(frames_with(seen, who), sentence(seen, who)) for who in people(seen)]
    events.sort(key=lambda e: e[0][0])  # stable: of those that begin together, the change of place comes first
    body = ", ".join(f'{{"what": "{what}", "frames": {numbers(frames)}}}' for frames, what in events)
    return f'{{"summary": "{overview(seen)}", "events": [{body}]}}'


def ask(seen, key):
    """key: ("find" or "follow", who), or ("list", None); what the chat template makes of a question."""
    task, who = key
    if task == "list":
        text, frames = overview(seen), [k for k, s in enumerate(seen, 1) if s[3]]
    else:
        frames = frames_with(seen, who)
        text = f"No {thing(who)} is there." if not frames else \
            f"Yes, a {thing(who)} is there." if task == "find" else sentence(seen, who)
    return f'{{"answer": "{text}", "frames": {numbers(frames)}}}'


MENTIONS = 8


def note_line(start, text):
    """A note as the chat template puts it: its time behind the text, unless it is a summary, which holds times."""
    return f"{text}\n" if "[" in text else f"{text} [{start}]\n"


def summary(notes):
    """notes: [("HH:MM:SS", text)]; every sentence that tells of something, with its time, as far as MENTIONS go."""
    told = []
    for start, text in notes:
        if "[" in text:
            told += [f"{t}]" for t in text.removesuffix(" More follows.").removesuffix("]").split("] ")]
        elif not text.startswith(("Nothing", "The picture")):
            told.append(f"{text} [{start}]")
    if not told:
        return "Nothing happens."
    return " ".join(told[:MENTIONS]) + " More follows." * (len(told) > MENTIONS)


# ---- prompts, as the chat template reduces them (chat-template.jinja) ----

PICTURE = -1


def prompt_ids(n_pictures, task):
    """Token ids; PICTURE stands where a picture's 36 embeddings go. Each has its number before and after it."""
    ids = encode("<|im_start|>")
    for k in range(1, n_pictures + 1):
        ids += encode(str(k)) + [PICTURE] + encode(f"{k}\n")
    return ids + encode(f"{task}<|im_end|><|im_start|>")


def ask_task(key):
    return "list" if key[0] == "list" else f"{key[0]} {thing(key[1])}"


def summary_task(notes):
    return "".join(note_line(*n) for n in notes) + "summarise"


# ---- drawing windows by lot ----

def spread(rng, world_seconds, n):
    """n times in microseconds: mostly even, sometimes anyhow, sometimes close together."""
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


def window(rng, n, things=None, camera=""):
    """A window of n pictures that shows `things` different things (None: by lot): (world, times, what they show).
    camera: settings that come last, as of noise and clock."""
    if things is None:
        things = rng.choices(range(4), (.14, .43, .31, .12))[0]
    while True:
        seconds = 2 ** rng.uniform(3.4, 8.6) if n > 1 else 60
        hour = rng.uniform(7.2, 18.5) if rng.random() < .5 else rng.uniform(20.2, 29.3) % 24
        # as many events as the window needs, each filling a good part of it
        rate = min(1800, max(things, .5) * rng.uniform(.7, 2) * 3600 / seconds) if things else 0
        text = f"seed={rng.getrandbits(40)} duration={seconds:.3f} events={rate:.1f} hour={hour:.3f} noise=0 " \
               f"shortest={max(.5, .12 * seconds):.2f} longest={max(.5, rng.uniform(.4, .95) * seconds):.2f} clock=0"
        if n > 1 and rng.random() < .12:
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
            times = spread(rng, seconds, n)
            seen = look(world, times)
            if seen is None or len(people(seen)) != things:
                continue
            if n > 1 and things and not moves(seen) and rng.random() < .55:  # else few windows would show motion
                continue
            return world, times, seen


def question(rng, seen):
    """What to ask: about one who is there, about one like it, about anyone."""
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


def clock(seconds):
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"


def a_note(rng):
    def some(k):
        return [t for t in rng.sample(THINGS, k)]
    kind = rng.random()
    if kind < .3:
        return "Nothing happens" + rng.choice(WHERE) + rng.choice([" by day.", " by night."])
    if kind < .34:
        return "The picture is black."
    if kind < .66:
        names = some(rng.choice([1, 1, 2, 3]))
        return "A " + ", a ".join(names[:-1]) + " and a " * (len(names) > 1) + names[-1] + rng.choice(WHERE) + \
            rng.choice([" by day.", " by night."])
    if kind < .7:
        return f"The scene changes to the {rng.choice(PLACES)}."
    return f"A {some(1)[0]}{rng.choice(VERBS)}"


def notes(rng, most=14, level=1):
    """Made-up notes, of chunks in a row or of events: ([("HH:MM:SS", text)], the lines as vdet sends them)."""
    n, step = rng.randint(1, most), rng.choice([10, 30, 60, 120, 300, 300, 600, rng.randint(5, 900)])
    at, events, out, lines = rng.choice([0, 0, 0, rng.randrange(60000)]), rng.random() < .4, [], ""
    for _ in range(n):
        if level > 1:
            text = summary([(clock(min(at + i * (step // 4), 86399)), a_note(rng)) for i in range(rng.randint(1, 4))])
        else:
            text = a_note(rng)
        end = min(at + (rng.randint(0, 90) if events else step), 86399)
        out.append((clock(at), text))
        lines += f"[{clock(at)} - {clock(end)}] {text}\n"
        if events:
            at = min(at + rng.randint(0, step), 86399)
        else:
            at = min(end + (rng.randint(0, 300) if rng.random() < .3 else 0), 86399)
    return out, lines + "\n"
