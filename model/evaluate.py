#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Sends requests about scenes that training never drew to the engine, in the form that vdet sends, and counts correct answers.

    evaluate.py URL [--count 60] [--format jpeg|png|h264] [--checkpoint FILE]

An answer is correct if it equals the true one: every sentence and every frame number. With --checkpoint, PyTorch answers
the same requests, and the two answers are compared (use --format png: JPEG decoders differ). "strange": pictures of
ffmpeg's generators, which training does not draw; the true answer is that nothing in them is known."""
import argparse
import base64
import io
import json
import random
import subprocess
import tempfile
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from PIL import Image

import task as T
from scene import STRANGE, letterbox
from tokenizer import decode

SIZES = [(640, 360), (1280, 720), (640, 480), (426, 240)]
CAMERA = "noise=2 clock=1"
STRANGERS = ["testsrc", "testsrc2", "rgbtestsrc", "yuvtestsrc", "smptebars", "smptehdbars", "pal75bars", "mandelbrot",
             "sierpinski", "life=ratio=0.4:mold=20:life_color=yellow:death_color=blue", "cellauto", "gradients"]


def prompt_file(name):
    return (T.PROMPTS / name).read_text()


ASK_SCHEMA = {"type": "object", "properties": {"frames": {"type": "array", "items": {"type": "integer"}}, "answer": {
    "type": "string"}}, "required": ["frames", "answer"], "additionalProperties": False}


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


def request(system, parts, schema=None):
    body = {"messages": [{"role": "system", "content": prompt_file(system)}, {"role": "user", "content": parts}],
            "temperature": 0, "max_tokens": 600}
    if schema:
        body["response_format"] = {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}}
    return body


QUESTIONS = {"find": "Is there a {} in the video?", "follow": "What does the {} do, and when?", "list": "Who is there?"}


def picture_case(rng, skill, n, how):
    """(body of the request, the true answer, ids for PyTorch, picture files)"""
    if skill == "strange":
        pictures, times, seen = strange_pictures(rng, n), [10**6 * k for k in range(n)], [(0, False, STRANGE, {})] * n
    else:
        world, times, seen = T.window(rng, n, camera=CAMERA)
        pictures = [world.picture(t, *rng.choice(SIZES[:1] if how == "h264" else SIZES)) for t in times]
    files = encoded(rng, pictures, how)
    parts = picture_parts(times, files)
    if skill in ("describe", "strange"):
        parts.append(text("\n" + prompt_file("describe-task.txt")))
        schema = json.loads(prompt_file("describe-schema.json"))
        return request("describe-system.txt", parts, schema), T.describe(seen), T.prompt_ids(n, "describe"), files
    key = T.question(rng, seen)
    question = QUESTIONS[key[0]].format(T.thing(key[1]) if key[1] else "")
    parts.append(text(f"\nQuestion: {question}\n" + prompt_file("ask-task.txt")))
    return request("describe-system.txt", parts, ASK_SCHEMA), T.ask(seen, key), T.prompt_ids(n, T.ask_task(key)), files


def notes_case(rng):
    notes = T.notes(rng)
    lines = "".join(f"[{T.clock(60 * k)} - {T.clock(60 * (k + 1))}] {note}\n" for k, note in enumerate(notes))
    ids = T.notes_ids(notes)
    return request("summary-system.txt", [text(lines + "\n" + prompt_file("summary-task.txt"))]), T.sum_up(ids), ids, []


def case(rng, skill, n, how):
    return notes_case(rng) if skill == "sum up" else picture_case(rng, skill, n, how)


def send(url, body):
    headers = {"Content-Type": "application/json"}
    r = urllib.request.Request(url + "/v1/chat/completions", json.dumps(body).encode(), headers)
    try:
        with urllib.request.urlopen(r, timeout=300) as answer:
            return json.load(answer)["choices"][0]["message"]["content"]
    except urllib.error.HTTPError as e:
        return f"HTTP {e.code}: {e.read().decode()}"


def same(a, b):
    """Ignores whitespace between the tokens of JSON."""
    try:
        return json.loads(a) == json.loads(b)
    except ValueError:
        return a == b


def by_torch(net, ids, files):
    pictures = [letterbox(np.asarray(Image.open(io.BytesIO(f)).convert("RGB"))) for f in files]
    x = torch.tensor(np.array(pictures)).permute(0, 3, 1, 2) / 127.5 - 1 if files else torch.empty(0)
    return decode(net.answer(ids, x))


def main():
    p = argparse.ArgumentParser()
    p.add_argument("url", help="address of the engine, such as http://127.0.0.1:8080")
    p.add_argument("--count", type=int, default=60, help="cases per line of the table")
    p.add_argument("--format", choices=["jpeg", "png", "h264"], default="jpeg")
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
    as_torch = total = 0
    for skill, n in rows:
        rng = random.Random(f"{a.seed} {skill} {n}")
        cases = [case(rng, skill, n, a.format) for _ in range(a.count)]
        with ThreadPoolExecutor(4) as pool:
            answers = list(pool.map(lambda c: send(a.url, c[0]), cases))
        right = sum(same(got, c[1]) for got, c in zip(answers, cases))
        print(f"{skill:9} {n:2} pictures {right:3} of {a.count}  {100 * right / a.count:5.1f} %", flush=True)
        for got, c in [x for x in zip(answers, cases) if not same(x[0], x[1][1])][:a.wrong]:
            print(f"    true: {c[1]}\n    said: {got}")
        if net:
            total += a.count
            as_torch += sum(by_torch(net, c[2], c[3]) == got for got, c in zip(answers, cases))
    if net:
        print(f"the same as PyTorch's: {as_torch} of {total}")


if __name__ == "__main__":
    main()
