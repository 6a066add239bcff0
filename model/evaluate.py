#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Sends requests about scenes that training never drew to the engine, in the form that vdet sends, and counts correct answers.

    evaluate.py URL [--count 60] [--format jpeg|png|h264] [--only SKILL] [--checkpoint FILE]

An answer is correct if it equals the true one: every sentence and every frame number. With --checkpoint, PyTorch answers
the same requests, and the two answers are compared (use --format png: JPEG decoders differ). "strange": pictures of
ffmpeg's generators, which training does not draw; the true answer is that nothing in them is known.

Of checks it prints how many of each true letter are right, how many A and B are wrong, and of those whose probability is at
least 0.8 (A, B and C renormalized), how many are wrong; of stories also how many sentences cite exactly the entries they are
about; of joins how many pairs are right; of answers how many sentences cite exactly the findings that say the same."""
import argparse
import base64
import io
import json
import math
import random
import subprocess
import tempfile
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from PIL import Image

import lists as L
import questions as Q
import task as T
from scene import STRANGE, letterbox
from tokenizer import ENTRIES, LETTERS, decode

SIZES = [(640, 360), (1280, 720), (640, 480), (426, 240)]
CAMERA = "noise=2 clock=1"
STRANGERS = ["testsrc", "testsrc2", "rgbtestsrc", "yuvtestsrc", "smptebars", "smptehdbars", "pal75bars", "mandelbrot",
             "sierpinski", "life=ratio=0.4:mold=20:life_color=yellow:death_color=blue", "cellauto", "gradients"]


def prompt_file(name):
    return (T.PROMPTS / name).read_text()


NUMBERS = {"type": "array", "items": {"type": "integer"}}
STORY_SCHEMA = {"type": "object", "properties": {"sentences": {"type": "array", "maxItems": L.SENTENCES, "items": {
    "type": "object", "properties": {"events": {**NUMBERS, "minItems": 1}, "text": {"type": "string"}},
    "required": ["events", "text"], "additionalProperties": False}}}, "required": ["sentences"], "additionalProperties": False}
JOIN_SCHEMA = {"type": "object", "properties": {"same": NUMBERS}, "required": ["same"], "additionalProperties": False}
LISTS = {"1 to 10": (1, 10), "11 to 20": (11, 20), "21 to 40": (21, ENTRIES), "upper": (1, ENTRIES)}  # lengths of lists
SURE = .8


def encoded(rng, pictures, how):
    """Picture files as bytes; with h264 the pictures are encoded as a video first."""
    if how == "h264":
        height, width = pictures[0].shape[:2]
        with tempfile.TemporaryDirectory() as d:
            raw = b"".join(p.tobytes() for p in pictures for _ in range(5))
            size = f"{width}x{height}"
            ffmpeg, rgb = ["ffmpeg", "-v", "error"], ["-f", "rawvideo", "-pix_fmt", "rgb24"]
            x264 = ["-c:v", "libx264", "-crf", "26", "-pix_fmt", "yuv420p"]
            # Each picture is shown for five frames; the middle one is taken.
            video, middle = f"{d}/v.mp4", ["-vf", "select=not(mod(n-2\\,5))", "-vsync", "0"]
            subprocess.run([*ffmpeg, *rgb, "-s", size, "-r", "5", "-i", "-", *x264, video], input=raw, check=True)
            raw = subprocess.run([*ffmpeg, "-i", video, *middle, *rgb, "-"], capture_output=True, check=True).stdout
        pictures = np.frombuffer(raw, np.uint8).reshape(-1, height, width, 3)
    out = []
    for p in pictures:
        f = io.BytesIO()
        if how == "png":
            Image.fromarray(p).save(f, "PNG")
        else:
            Image.fromarray(p).save(f, "JPEG", quality=rng.choice([70, 80, 90]))
        out.append(f.getvalue())
    return out


def strange_pictures(rng, n):
    width, height = rng.choice(SIZES)
    source = rng.choice(STRANGERS)
    source += (":" if "=" in source else "=") + f"size={width}x{height}:rate={rng.choice([1, 5, 25])}"
    raw = subprocess.run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i", source, "-frames:v", str(n), "-f", "rawvideo",
                          "-pix_fmt", "rgb24", "-"], capture_output=True, check=True).stdout
    return list(np.frombuffer(raw, np.uint8).reshape(n, height, width, 3))


def text(s):
    return {"type": "text", "text": s}


def picture_parts(times, files):
    start, end = T.clock(times[0] // 10**6), T.clock(times[-1] // 10**6)
    parts = [text(f"Stretch {start}.000 to {end}.999, {len(times)} frames.\n")]
    for k, (t, f) in enumerate(zip(times, files), 1):
        kind = "png" if f.startswith(b"\x89PNG") else "jpeg"
        url = f"data:image/{kind};base64," + base64.b64encode(f).decode()
        parts.append(text(f"Frame {k} at {T.clock(t // 10**6)}.{t // 1000 % 1000:03d}:\n"))
        parts.append({"type": "image_url", "image_url": {"url": url}})
    return parts


def schema_file(name):
    return json.loads(prompt_file(name))


def request(system, parts, schema=None):
    body = {"messages": [{"role": "system", "content": prompt_file(system)}, {"role": "user", "content": parts}],
            "temperature": 0, "max_tokens": 600}
    if schema:
        body["response_format"] = {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}}
    return body


ASK = "../../ask/prompt/"
QUESTIONS = {"find": "Is there a {} in the video?", "follow": "What does the {} do, and when?", "list": "Who is there?"}


def picture_case(rng, skill, n, how):
    """(body of the request, the true answer, ids for PyTorch, picture files)"""
    if skill == "strange":
        pictures, times, seen = strange_pictures(rng, n), [10**6 * k for k in range(n)], [(0, False, STRANGE, {})] * n
    else:
        more = {"blanks": .08, "oddities": .06, "near": .5} if skill == "check" else {}
        world, times, seen = T.window(rng, n, camera=CAMERA, **more)
        pictures = [world.picture(t, *rng.choice(SIZES[:1] if how == "h264" else SIZES)) for t in times]
    files = encoded(rng, pictures, how)
    parts = picture_parts(times, files)
    if skill in ("describe", "strange"):
        parts.append(text("\n" + prompt_file("describe-task.txt")))
        body = request("describe-system.txt", parts, schema_file("describe-schema.json"))
        return body, T.describe(seen), T.prompt_ids(n, "describe"), files
    if skill == "check":
        statement, letter = T.to_check(rng, seen)
        parts.append(text("\n" + prompt_file("check-task.txt") + f"Statement: {statement}\n"))
        body = request("check-system.txt", parts) | {"max_tokens": 1, "logprobs": True, "top_logprobs": 20}
        return body, letter, T.prompt_ids(n, T.check_task(statement)), files
    key = T.question(rng, seen)
    question = QUESTIONS[key[0]].format(T.thing(key[1]) if key[1] else "")
    parts.append(text("\n" + prompt_file("look-task.txt") + f"\nQuestion: {question}\n"))
    body = request("look-system.txt", parts, schema_file("look-schema.json"))
    return body, T.ask(seen, key, True), T.prompt_ids(n, T.ask_task(key, True)), files


def span(k):
    return f"[{T.clock(60 * k)} - {T.clock(60 * (k + 1))}]"


def notes_case(rng):
    notes = T.notes(rng)
    lines = "".join(f"{span(k)} {note}\n" for k, note in enumerate(notes))
    ids = T.notes_ids(notes)
    return request("summary-system.txt", [text(lines + "\n" + prompt_file("summary-task.txt"))]), T.sum_up(ids), ids, []


def story_case(rng, which):
    n = rng.randint(*LISTS[which])
    entries = L.above(rng, n) if which == "upper" else L.events(rng, n)
    lines = "".join(f"{k} {span(k)} {entry}\n" for k, entry in enumerate(entries, 1))
    body = request("story-system.txt", [text(lines + "\n" + prompt_file("story-task.txt"))], STORY_SCHEMA)
    return body | {"max_tokens": 1200}, L.story(entries), L.story_ids(entries), []


def join_case(rng):
    pairs = L.pairs(rng)
    lines = "".join(f"{k}: {span(k)} {a} | {span(k + 1)} {b}\n" for k, (a, b) in enumerate(pairs, 1))
    body = request("join-system.txt", [text(lines + "\n" + prompt_file("join-task.txt"))], JOIN_SCHEMA)
    return body, L.join(pairs), L.join_ids(pairs), []


def route_case(rng):
    before, question, reply = Q.to_route(rng)
    parts = [text(f"What was asked before:\nQ: {before}? A: Yes.\n")] if before else []
    parts.append(text(prompt_file(f"{ASK}route-task.txt") + f"\nQuestion: {question.capitalize()}?\n"))
    body = request(f"{ASK}route-system.txt", parts, schema_file(f"{ASK}route-schema.json"))
    return body, reply, Q.route_ids(before, question), []


def answer_case(rng, which):
    while True:
        findings, question = Q.to_compose(rng)
        if LISTS[which][0] <= len(findings) <= LISTS[which][1]:
            break
    lines = "".join(f"{k} [cam.mp4 {span(k)[1:]} {finding}\n" for k, finding in enumerate(findings, 1))
    task = prompt_file(f"{ASK}compose-task.txt") + f"\nQuestion: {question.capitalize()}?\n"
    body = request(f"{ASK}compose-system.txt", [text(f"Findings:\n{lines}\n{task}")], schema_file(f"{ASK}compose-schema.json"))
    return body, Q.compose(findings, question), Q.compose_ids(findings, question), []


def case(rng, skill, n, how):
    if skill in ("route", "answer"):
        return route_case(rng) if skill == "route" else answer_case(rng, n)
    return notes_case(rng) if skill == "sum up" else story_case(rng, n) if skill == "story" else \
        join_case(rng) if skill == "join" else picture_case(rng, skill, n, how)


def send(url, body):
    """The first choice of the answer."""
    headers = {"Content-Type": "application/json"}
    r = urllib.request.Request(url + "/v1/chat/completions", json.dumps(body).encode(), headers)
    try:
        with urllib.request.urlopen(r, timeout=300) as answer:
            return json.load(answer)["choices"][0]
    except urllib.error.HTTPError as e:
        return {"message": {"content": f"HTTP {e.code}: {e.read().decode()}"}}


def same(a, b):
    """Ignores whitespace between the tokens of JSON."""
    try:
        return json.loads(a) == json.loads(b)
    except ValueError:
        return a == b


def part(n, total):
    return f"{n:3} of {total:3} {100 * n / max(total, 1):5.1f} %"


def check_figures(choices, truth):
    """How many of each true letter are right; how many false A and B; of the sure ones, how many are wrong."""
    pairs, sure, wrong = [], 0, 0
    for choice, letter in zip(choices, truth):
        top = choice["logprobs"]["content"][0]["top_logprobs"]
        share = {t["token"]: math.exp(t["logprob"]) for t in top if t["token"] in tuple(LETTERS)}
        said = max(share, key=share.get) if share else "none"
        pairs.append((said, letter))
        if share and share[said] >= SURE * sum(share.values()):
            sure, wrong = sure + 1, wrong + (said != letter)
    right = ", ".join(f"{k} {part(pairs.count((k, k)), truth.count(k))}" for k in LETTERS)
    false = ", ".join(f"false {k} {sum(p[0] == k != p[1] for p in pairs)}" for k in "AB")
    return f"{right}; {false}; of {sure} sure {wrong} wrong"


def loaded(answer):
    try:
        return json.loads(answer)
    except ValueError:
        return {}


def cited_figures(answers, truth, sentences, cites):
    said = [tuple(s[cites]) for a in answers for s in loaded(a).get(sentences, [])]
    right = sum(s[cites] in [t[cites] for t in json.loads(true)[sentences]]
                for a, true in zip(answers, truth) for s in loaded(a).get(sentences, []))
    wanted = sum(len(json.loads(t)[sentences]) for t in truth)
    return f"citations right {part(right, len(said))} sentences, {wanted} wanted"


def join_figures(answers, cases):
    right = total = 0
    for a, c in zip(answers, cases):
        n = c[0]["messages"][1]["content"][0]["text"].count(" | [")
        said, true = set(loaded(a).get("same", [])), set(json.loads(c[1])["same"])
        right, total = right + sum((k in said) == (k in true) for k in range(1, n + 1)), total + n
    return f"pairs right {part(right, total)}"


def figures(skill, choices, answers, cases):
    truth = [c[1] for c in cases]
    return check_figures(choices, truth) if skill == "check" else join_figures(answers, cases) if skill == "join" else \
        cited_figures(answers, truth, "sentences", "events") if skill == "story" else \
        cited_figures(answers, truth, "claims", "cites") if skill == "answer" else ""


def by_torch(net, ids, files):
    pictures = [letterbox(np.asarray(Image.open(io.BytesIO(f)).convert("RGB"))) for f in files]
    x = torch.tensor(np.array(pictures)).permute(0, 3, 1, 2) / 127.5 - 1 if files else torch.empty(0)
    return decode(net.answer(ids, x))


def main():
    p = argparse.ArgumentParser()
    p.add_argument("url", help="address of the engine, such as http://127.0.0.1:8080")
    p.add_argument("--count", type=int, default=60, help="cases per line of the table")
    p.add_argument("--format", choices=["jpeg", "png", "h264"], default="jpeg")
    p.add_argument("--only", default="", help="one skill: describe, ask, sum up, strange, check, story, join, route or answer")
    p.add_argument("--checkpoint", help="compare with PyTorch")
    p.add_argument("--seed", type=int, default=10**6, help="seed of the scenes; not one that training used")
    p.add_argument("--wrong", type=int, default=0, help="number of wrong answers to print per line")
    a = p.parse_args()
    torch.set_num_threads(1)
    net = None
    if a.checkpoint:
        from export import load
        net = load(a.checkpoint)
    rows = [("describe", n) for n in range(1, 9)] + [("ask", n) for n in (1, 2, 4, 6, 8)]
    rows += [("sum up", 0), ("strange", 1), ("strange", 4)]
    rows += [("check", n) for n in (1, 2, 3, 4, 6, 8)] + [("story", k) for k in LISTS] + [("join", 0)]
    rows += [("route", 0), ("answer", "1 to 10")]
    as_torch = total = 0
    for skill, n in [r for r in rows if a.only in ("", r[0])]:
        rng = random.Random(f"{a.seed} {skill} {n}")
        cases = [case(rng, skill, n, a.format) for _ in range(a.count)]
        with ThreadPoolExecutor(4) as pool:
            choices = list(pool.map(lambda c: send(a.url, c[0]), cases))
        answers = [c["message"]["content"] for c in choices]
        right = sum(same(got, c[1]) for got, c in zip(answers, cases))
        print(f"{skill:9} {n!s:>8} {part(right, a.count)}  {figures(skill, choices, answers, cases)}".rstrip(), flush=True)
        for got, c in [x for x in zip(answers, cases) if not same(x[0], x[1][1])][:a.wrong]:
            print(f"    true: {c[1]}\n    said: {got}")
        if net:
            total += a.count
            as_torch += sum(by_torch(net, c[2], c[3]) == got for got, c in zip(answers, cases))
    if net:
        print(f"the same as PyTorch's: {as_torch} of {total}")


if __name__ == "__main__":
    main()
