#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measures whether an engine's probabilities separate false statements from true ones, on the drawn world, whose truth is known.

    doubt.py ENGINE [--seeds 201-270] [--events 60] [--again 2]

ENGINE is the address, such as http://127.0.0.1:8080, of an engine that gives log probabilities, as llama-server with the
demo model does. Ten minutes of each seed are described by the requests of vdet, six pictures each: one every ten seconds,
and one after each change of what is in the picture. Of vdet's own choice there are fewer errors, too few to measure. Needs
NumPy and Pillow.

A statement is true if one of its frames shows the middle of what it names, as in score.py. Figures are made of the tokens of
the values of "subject", "what" and "frames" of an event; "agreement" is the number of --again further answers, with
--temperature, that have the subject in one of its frames. AUC: how often a false statement has a lower figure than a true
one; 0.5 says nothing. "Absent": only of the false statements of which no frame shows even the edge of what they name.

The second table has the threshold of each figure with the greatest difference of shares in the first half of the seeds, and
what it does in the second half; and beside it, the statements that cite one frame, which are checked without any figure."""
import argparse
import base64
import io
import json
import math
import random
import re
import statistics
import sys
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "model"))
from scene import COLORS, SHAPES, World  # noqa: E402

SECOND, STEP, LENGTH = 10**6, 10**5, 600 * 10**6  # microseconds
PICTURES, TIMEOUT = 6, 600
SETTINGS = "cuts=6 shortest=3 longest=40 noise=2 hour=10 clock=1"  # as vdet world has them
THING = re.compile(f"({'|'.join(COLORS)}) ({'|'.join(SHAPES)})")


# ---- the requests

def prompt(name):
    return (ROOT / "src/job/prompt" / name).read_text()


def clock(t):
    return f"{t // (60 * SECOND):02}:{t % (60 * SECOND) / SECOND:06.3f}"


def in_sight(world, t):
    """{"red circle": the share of it that is inside}"""
    seen = {}
    for (color, shape), _, _, _, share in world.visible(t):
        name = f"{COLORS[color]} {SHAPES[shape]}"
        seen[name] = max(share, seen.get(name, 0))
    return seen


def pick_times(world, rng):
    times, last = set(range(rng.randrange(5 * SECOND), LENGTH, 10 * SECOND)), None
    for t in range(STEP, LENGTH - SECOND, STEP):
        now = sorted(name for name, share in in_sight(world, t).items() if share >= .5), world.scene(t)[0]
        if now != last:
            times.add(t + rng.randrange(6) * STEP)
        last = now
    return sorted(times)


def jpeg(picture):
    f = io.BytesIO()
    Image.fromarray(picture).save(f, "JPEG", quality=85)
    return "data:image/jpeg;base64," + base64.b64encode(f.getvalue()).decode()


def request(world, times):
    """The describing request of src/job/prompt.c."""
    parts = [f"Stretch {clock(times[0])} to {clock(times[-1])}, {len(times)} frames.\n"]
    for k, t in enumerate(times, 1):
        parts += [f"Frame {k} at {clock(t)}:\n", jpeg(world.picture(t, 640, 360))]
    parts += ["\n", prompt("describe-task.txt")]
    content = [{"type": "image_url", "image_url": {"url": p}} if p.startswith("data:") else {"type": "text", "text": p}
               for p in parts]
    schema = json.loads(prompt("describe-schema.json"))
    schema["properties"]["events"]["items"]["properties"]["frames"]["items"] |= {"minimum": 1, "maximum": len(times)}
    return {"messages": [{"role": "system", "content": prompt("describe-system.txt")}, {"role": "user", "content": content}],
            "temperature": 0, "seed": 0, "max_tokens": 2000,
            "response_format": {"type": "json_schema", "json_schema": {"name": "stretch", "schema": schema}}}


def send(o, body):
    url = o.engine.rstrip("/") + "/v1/chat/completions"
    with urllib.request.urlopen(urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"}),
                                timeout=TIMEOUT) as r:
        return json.load(r)["choices"][0]


def ask(o, body):
    """(the answer with its probabilities, the texts of further answers)"""
    others = [send(o, body | {"temperature": o.temperature, "seed": k + 1})["message"]["content"] for k in range(o.again)]
    return send(o, body | {"logprobs": True, "top_logprobs": 1}), others


# ---- the figures

def values(text, i=0):
    """For each event of an answer: {key: (value, first character, character after it)}."""
    decoder, events = json.JSONDecoder(), []
    i = text.index("[", text.index('"events"')) + 1
    while text[i := text.index("{", i) if "{" in text[i:] else len(text) - 1] == "{":
        event, end = decoder.raw_decode(text, i)
        spans, i = {}, i + 1
        for key in event:
            i = text.index(":", json.decoder.scanstring(text, text.index('"', i) + 1)[1]) + 1
            i += len(text[i:]) - len(text[i:].lstrip())
            spans[key] = (event[key], i, decoder.raw_decode(text, i)[1])
            i = spans[key][2]
        events.append(spans)
        i = end
    return events


def figures(choice, others):
    """[(what, frames, figures)] for each event of an answer; none if the tokens are not those of the text."""
    text, tokens, at = choice["message"]["content"], [], 0
    for t in (choice.get("logprobs") or {}).get("content") or []:
        n = len(t.get("bytes") or t["token"].encode())
        tokens.append((at, at + n, t["logprob"]))
        at += n
    if at != len(text.encode()):
        return []
    rows = []
    for e in values(text):
        def logs(*keys):
            spans = [(len(text[:e[k][1]].encode()), len(text[:e[k][2]].encode())) for k in keys]
            quoted = [(a + isinstance(e[k][0], str), b - isinstance(e[k][0], str)) for k, (a, b) in zip(keys, spans)]
            return [p for first, end, p in tokens if any(first < b and end > a for a, b in quoted)]
        subject, shown = e["subject"][0], set(e["frames"][0])
        said, cited = logs("subject", "what"), logs("frames")
        rows.append((e["what"][0], e["frames"][0], {
            "lowest of subject and what": min(said), "mean of subject and what": statistics.mean(said),
            "lowest of subject": min(logs("subject")), "lowest of what": min(logs("what")),
            "lowest of frames": min(cited), "mean of frames": statistics.mean(cited),
            "lowest of all three": min(said + cited), "mean of the answer": statistics.mean(p for _, _, p in tokens)}
            | ({"agreement": sum(in_other(subject, shown, t) for t in others)} if others else {})))
    return rows


def in_other(subject, shown, text):
    try:
        return any(e["subject"] == subject and shown & set(e["frames"]) for e in json.loads(text)["events"])
    except (ValueError, KeyError):
        return False


def judge(what, seen):
    """True, False, or None if only the edge of what it names is shown. Statements about the place are left out."""
    shares = [pictured.get(THING.search(what.lower())[0], 0) for pictured in seen]
    return True if max(shares) >= .5 else None if max(shares) > 0 else False


def statements(choice, others, seen):
    """[(judgement, cites one frame?, figures)]; seen: what each picture of the request shows."""
    return [(judge(what, [seen[k - 1] for k in frames]), len(frames) == 1, f)
            for what, frames, f in figures(choice, others) if THING.search(what.lower())]


# ---- the tables

def auc(rows, key, false=(False, None)):
    low, high = [f[key] for t, _, f in rows if t in false], [f[key] for t, _, f in rows if t]
    wins = sum((a < b) + (a == b) / 2 for a in low for b in high)
    return wins / (len(low) * len(high)) if low and high else math.nan


def shares(rows, doubtful):
    """Of the false statements and of the true ones: (doubtful, all)."""
    marks = [[doubtful(one, f) for t, one, f in rows if bool(t) == kind] for kind in (False, True)]
    return [(sum(m), len(m)) for m in marks]


def best_threshold(rows, key):
    def gain(limit):
        (a, b), (c, d) = shares(rows, lambda _, f: f[key] < limit)
        return a / max(b, 1) - c / max(d, 1)
    return max(sorted({f[key] for _, _, f in rows}), key=gain)


def print_tables(halves):
    rows = halves[0] + halves[1]
    print(f"{len(rows)} statements, {sum(not t for t, _, _ in rows)} of them false, {sum(t is False for t, _, _ in rows)} absent\n\n"
          "| figure | AUC | absent | of those that cite several frames |\n|---|---|---|---|")
    several = [r for r in rows if not r[1]]
    for key in rows[0][2]:
        print(f"| {key} | {auc(rows, key):.2f} | {auc(rows, key, (False,)):.2f} | {auc(several, key):.2f} |")
    print("\n| doubtful | of the false | of the true | of the false that cite several frames | of such true ones |\n|---|---|---|---|---|")
    tests = {"cites one frame": lambda one, _: one}
    for key in rows[0][2]:
        limit = best_threshold(halves[0], key)
        label = f"{key} under {limit if key == 'agreement' else math.exp(limit):.3f}"
        tests[label] = lambda _, f, key=key, limit=limit: f[key] < limit
    for label, doubtful in tests.items():
        cells = shares(halves[1], doubtful) + shares([r for r in halves[1] if not r[1]], doubtful)
        print(f"| {label} | " + " | ".join(f"{n} of {total}" for n, total in cells) + " |")


def measure(o):
    first, _, last = o.seeds.partition("-")
    rows = []
    with ThreadPoolExecutor(2) as pool:
        for seed in range(int(first), int(last or first) + 1):
            world = World(f"seed={seed} duration={LENGTH // SECOND} events={o.events} {SETTINGS}")
            times = pick_times(world, random.Random(seed))
            windows = [times[i:i + PICTURES] for i in range(0, len(times), PICTURES)]
            answers = pool.map(lambda body: ask(o, body), [request(world, w) for w in windows])
            rows.append([r for (choice, others), w in zip(answers, windows)
                         for r in statements(choice, others, [in_sight(world, t) for t in w])])
            print(f"seed {seed}: {len(windows)} requests, {len(rows[-1])} statements", file=sys.stderr, flush=True)
    half = (len(rows) + 1) // 2
    return [sum(rows[:half], []), sum(rows[half:], [])]


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("engine")
    p.add_argument("--seeds", default="201-270")
    p.add_argument("--events", type=int, default=60, help="an hour")
    p.add_argument("--again", type=int, default=2, help="further answers to each request")
    p.add_argument("--temperature", type=float, default=0.7, help="of these")
    halves = measure(p.parse_args())
    if not all(halves):
        sys.exit("too few statements, or the engine gives no probabilities")
    print_tables(halves)


if __name__ == "__main__":
    main()
