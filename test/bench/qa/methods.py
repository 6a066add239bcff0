# SPDX-License-Identifier: Apache-2.0
"""Ways to answer a question; each returns an outcome (judge.py) and what else is worth keeping."""
import base64
import json
import os
import re
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path

import judge
import spans
from readers import LETTERS

ROOT = Path(__file__).resolve().parents[3]
VDET = os.path.abspath(os.environ.get("VDET", ROOT / "build" / "src" / "app" / "vdet"))
LOOK = re.compile(r" ([\d:.]+) - ([\d:.]+), \d+ frames?$")
LETTER_SCHEMA = {"type": "object", "properties": {"choice": {"enum": list(LETTERS)}}, "required": ["choice"],
                 "additionalProperties": False}
TIMEOUT = 600


class Failed(Exception):
    pass


def clock(text):
    seconds = 0.0
    for part in text.split(":"):
        seconds = seconds * 60 + float(part)
    return seconds


# ---- vdet ask

def windows(answer):
    found = [LOOK.search(s["text"]) for s in answer["steps"] if s["kind"] == "look"]
    return [[clock(m[1]), clock(m[2])] for m in found if m]


def outcome_of(answer):
    """Of an answer of vdet, format vdet-answer/1. Without choices, or while none is chosen, `choice` is null."""
    spent = answer["spent"]
    return {"state": answer["state"], "found": answer["state"] in ("answered", "partly") and bool(answer["claims"]),
            "cites": [{k: c[k] for k in ("start", "end", "text", "verdict", "p")} for c in answer["cites"]],
            "count": (answer.get("count") or {}).get("at_least"), "choice": answer.get("choice") or None,
            "windows": windows(answer), "dropped": len(answer["dropped"]),
            "cost": {k: spent[k] for k in ("requests", "prompt_tokens", "output_tokens", "decode_time")} |
            {"seconds": spent["wall_time"]}}


def ask(q, video, o):
    with tempfile.TemporaryDirectory() as folder:
        command = [VDET, "ask", "--json", "--format", "json", "--output", str(Path(folder) / "answer"), *o.options]
        if q["choices"]:
            choices = Path(folder) / "choices.txt"
            choices.write_text("".join(c + "\n" for c in q["choices"]))
            command += ["--choices", str(choices)]
        done = subprocess.run([*command, str(video), q["question"]], capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if not done.stdout.startswith("{"):
        raise Failed(f"vdet ask, exit {done.returncode}: {done.stderr.strip().splitlines()[-1:]}")
    answer = json.loads(done.stdout)
    return outcome_of(answer), {"answer": answer}


# ---- made of what is known, without a request

WITHDRAWN = re.compile(r"(.*) \(([\d:]+)\)$")


def unchecked(q, outcome, answer):
    """What `ask` would have said if it did not check: all findings count alike, also those that a check withdrew."""
    if q["kind"] == "not":
        return outcome
    found = [WITHDRAWN.match(d["text"]) for d in answer["dropped"] if d["reason"].startswith("a second look at its frames")]
    cites = outcome["cites"] + [{"start": clock(m[2]), "end": clock(m[2]), "text": m[1]} for m in found if m]
    return made_of(q, cites) | {"windows": outcome["windows"], "cost": outcome["cost"]}


def made_of(q, cites):
    """What follows from citations of things: those about what is asked, or what is left of the video."""
    if q["kind"] == "not":
        rest = spans.without([[c["start"], c["end"]] for c in cites if q["about"][0] in judge.things(c["text"])], q["duration"])
        cites = [{"start": a, "end": b, "text": f"No {q['about'][0]} is there."} for a, b in rest]
    else:
        cites = [c for c in cites if any(name == t or name in t.split() for t in judge.things(c["text"]) for name in q["about"])]
    count = len(spans.merge([[c["start"], c["end"]] for c in cites], judge.APART))
    return {"found": bool(cites), "state": "answered" if cites else "not-found", "cites": cites, "count": count,
            "choice": None, "windows": []}


def captions(q, video, o):
    """What the report says, without a look for the question: video "x.mp4", report "x.vdet/report.json" or in --reports."""
    folder = Path(o.reports or video.parent)
    report = json.loads((folder / (video.stem + ".vdet") / "report.json").read_text())
    cites = [{"start": e["start"], "end": e["end"], "text": e["what"]} for e in report["events"]]
    return made_of(q, cites) | {"cost": {"requests": 0, "prompt_tokens": 0, "output_tokens": 0}}, {}


# ---- one request for all

def post(o, body):
    request = urllib.request.Request(o.engine.rstrip("/") + "/v1/chat/completions", json.dumps(body).encode(),
                                     {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=TIMEOUT) as reply:
        said = json.load(reply)
    try:
        content = json.loads(said["choices"][0]["message"]["content"])
    except ValueError:
        content = {}
    return content, said.get("usage", {}), said.get("model", "")


def prompt(name):
    return (ROOT / "src" / ("job" if name.startswith("look-") else "ask") / "prompt" / name).read_text()


def text(s):
    return {"type": "text", "text": s}


def body(parts, schema, tokens=600):
    return {"messages": [{"role": "system", "content": prompt("look-system.txt")}, {"role": "user", "content": parts}],
            "temperature": 0, "max_tokens": tokens,
            "response_format": {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}}}


def stamp(t):
    ms = round(t * 1000)
    return f"{ms // 3600000:02}:{ms // 60000 % 60:02}:{ms // 1000 % 60:02}.{ms % 1000:03}"


def frame(video, t):
    return subprocess.run(["ffmpeg", "-v", "error", "-ss", f"{t:.3f}", "-i", str(video), "-frames:v", "1", "-q:v", "3", "-f",
                           "mjpeg", "-"], capture_output=True, check=True).stdout


KEPT = {}


def even_frames(video, n):
    if video not in KEPT:
        KEPT.clear()
        length = float(subprocess.run(["ffprobe", "-v", "error", "-show_entries", "format=duration", "-of", "csv=p=0",
                                       str(video)], capture_output=True, text=True, check=True).stdout)
        times = [length * (k + .5) / n for k in range(n)]
        KEPT[video] = [(t, frame(video, t)) for t in times]
    return KEPT[video]


def picture_parts(frames):
    parts = [text(f"Stretch {stamp(frames[0][0])} to {stamp(frames[-1][0])}, {len(frames)} frames.\n")]
    for k, (t, jpeg) in enumerate(frames, 1):
        url = "data:image/jpeg;base64," + base64.b64encode(jpeg).decode()
        parts += [text(f"Frame {k} at {stamp(t)}:\n"), {"type": "image_url", "image_url": {"url": url}}]
    return parts


def choose_text(q):
    listed = "".join(f"{letter}. {choice}\n" for letter, choice in zip(LETTERS, q["choices"]))
    return f"\nQuestion: {q['question']}\n{listed}Answer as JSON with the letter of the best choice.\n"


def even(q, video, o):
    """Evenly spaced frames with the prompt of a look; in several requests if the engine takes fewer pictures in one."""
    began = time.monotonic()
    frames, cites, choice, model = even_frames(video, o.frames), [], None, ""
    cost = {"requests": 0, "prompt_tokens": 0, "output_tokens": 0}
    for first in range(0, len(frames), o.pictures):
        part = frames[first:first + o.pictures]
        task = choose_text(q) if q["choices"] else f"\nQuestion: {q['question']}\n" + prompt("look-task.txt")
        schema = LETTER_SCHEMA if q["choices"] else json.loads(prompt("look-schema.json"))
        said, usage, model = post(o, body(picture_parts(part) + [text(task)], schema))
        cost = {"requests": cost["requests"] + 1, "prompt_tokens": cost["prompt_tokens"] + usage.get("prompt_tokens", 0),
                "output_tokens": cost["output_tokens"] + usage.get("completion_tokens", 0)}
        choice = choice or said.get("choice")
        named = sorted({k for k in said.get("frames", []) if isinstance(k, int) and 1 <= k <= len(part)})
        if named:
            cites.append({"start": part[named[0] - 1][0], "end": part[named[-1] - 1][0], "text": str(said.get("answer", ""))})
    cost["seconds"] = time.monotonic() - began
    outcome = made_of(q, cites) if q["set"] == "world" else {"found": bool(choice), "cites": [], "count": None, "windows": []}
    return outcome | {"choice": choice, "cost": cost}, {"model": model, "times": [t for t, _ in frames]}


def blind(q, video, o):
    """The question without the video: only where there are choices."""
    if not q["choices"]:
        raise Failed("a question without choices cannot be answered without the video")
    began = time.monotonic()
    said, usage, model = post(o, body([text(choose_text(q))], LETTER_SCHEMA))
    cost = {"requests": 1, "prompt_tokens": usage.get("prompt_tokens", 0), "output_tokens": usage.get("completion_tokens", 0),
            "seconds": time.monotonic() - began}
    return {"found": True, "cites": [], "count": None, "windows": [], "choice": said.get("choice"), "cost": cost}, {"model": model}


METHODS = {f.__name__: f for f in (ask, captions, even, blind)}
