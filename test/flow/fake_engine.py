#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A stand-in for an engine that misbehaves on request: the OpenAI-compatible chat API, with scripted faults.

    fake_engine.py [--port N | --unix PATH] [--kind llama|vllm|ollama|plain] [--model NAME] [--slots N] [--context N]
                   [--version TEXT] [--dialect NAME] [--tls CERTIFICATE KEY] [--key KEY] [--latency SECONDS]
                   [--loading N] [--record FILE] [--stays] [--fault FAULT]...

It prints its port (or its socket's path) on a line when it is ready, and ends with its parent. Without a fault it
answers each request with what the JSON Schema asks for, derived from the pictures: the same request gives the same
answer. At most --slots requests are worked on at once, as with a real engine.

A fault is NAME[=ARGUMENT][@WHEN], WHEN counting chat requests from 1: @3 the third, @2-4, @2+ from the second on,
@/3 every third. The first one that fits is played.

    dead          closes the connection without a word          never         takes the request, never answers
    silent        sends the head, then nothing                  stall         stops in the middle, says nothing more
    slow=N        N bytes a second (1)                          latency=S     answers S seconds later
    half          the stream ends in the middle                 half-event    … in the middle of an event
    rubbish       an event that is no JSON                      error-event   the engine reports an error in the stream
    html          a web page, with status 200                   html=502      … with that status
    400 401 403 404 413 429 500 502 503 504 …                   such a status; 429=S and 503=S with Retry-After: S
    context       400, the prompt exceeds the context           redirect      307 to somewhere else
    context=N     the same, where a token for each 28x28 pixels of its pictures makes more than N
    oom           500, the engine's memory ran out
    schema        JSON that does not fit the schema             prose         text that is no JSON
    fence         the answer in a Markdown fence                frames        names frames that were not sent
    empty         no text at all                                length        cut off, finish_reason "length"
    utf8          bytes that are no UTF-8                       liar          names another model
    whole         not streamed, one JSON object                 no-done       without [DONE]
    no-usage      without token counts                          drip          each byte alone, CRLF, comments between
    echo-key      500 that repeats the key it was given         loop          the same words over and over
    hold          answers once a test has said "release"     gzip          whole, compressed although nobody asked
    typed=TYPE    the stream under that content type         split         a character cut in two over events
    refuse        a refusal, and the content filter          tool          a tool call instead of an answer
    reasoned      reasoning that uses up the limit           think         reasoning in tags before the answer
    thought       the same without the opening tag           answer=FORM   another form of the answer, see FORMS
    open          whole, but the connection stays open       flood=STATUS  an error whose body does not end
    bom           not streamed, after a byte order mark      blames        400 that names all parameters
    sentence-loop the same words over and over, in a summary

--dialect plays what known engines take and send: see DIALECTS.

--scene FILE says what happens, as JSON: {"stretches": {"00:00:00.000": {"summary": TEXT, "events": [...]}}, "false": [...]}.
A describe request about a stretch gets what the file says of its beginning. A request that checks a statement gets A if
it was said of the stretch that its middle frame is in, and is not listed as false; else B. A request about pairs gets
those of which both statements are in one list of the file's "same" ("same": "all": all of them). A request with context
gets what the file's "again" says of the beginning, if it says something.
The file's "ask" is about questions: "route": the answer to a request that routes one; "shows": [[from, to], …], the
seconds in which the pictures show it (or {THING: [[from, to], …], …}), and "says", what is answered then; "enough" (true),
"next" ("none"); "unsure": {THING: [[from, to], …]}, when checks of it have a low probability; "compose": the answer to a request that
writes sentences; without it there is one, which cites all findings.
"lies": "cites" names all pictures everywhere, "never" none is enough and there is more before, "yes" says A to each check.
--checks plays other answers to checks:

    truthful      as above, with probabilities                  A, B, C       always this letter, with probabilities
    weak          as above, with a probability of 0.7           plain         as truthful, without probabilities
    prose         an article, but never a letter                loop          the same words over and over
    wordy         a letter after a few words                    reasoned      a letter after reasoning, if there is room for it
    error         500                                           refused       400 that names logprobs, unless they are left out

Control, from tests: GET /control gives the counters as JSON; POST /control {"faults": [...], "latency": S,
"checks": MODE, "reset": true} changes the script, {"release": true} answers what is held, {"await": N} waits for the N-th request.
--embed DIM answers /v1/embeddings with vectors of so many numbers: texts with the same words are near to each other, as are words
that SAME_WORDS names. --embed-fault NAME[@WHEN], WHEN counting these requests:

    dead, 500     as above                                      dim           vectors of another length
    nan, nan64    a number that is none, in JSON, in base64     zero          vectors of zeros
    base64        (no fault) numbers in base64                  nested        a vector for each token
    less          one vector less                               huge          a reply that does not end
    exit          the whole engine ends
    blind         pictures are refused                          abort         dead, for pictures only

--record appends a JSON line when a request arrives ("event": "begin") and when it is over ("event": "end"), with the
SHA-256 of each picture and the texts.
"""
import argparse
import base64
import ctypes
import gzip
import hashlib
import json
import math
import os
import random
import re
import select
import signal
import socket
import socketserver
import ssl
import struct
import threading
import time
from http.server import BaseHTTPRequestHandler


# Of an answer that is a JSON object: what models put around it, and how they write numbers and lists.
FORMS = {
    "fence-line": lambda text: f"```json {text} ```",
    "prose-fence": lambda text: f"Here is the JSON that you asked for:\n\n```json\n{text}\n```\n\nAnything else?",
    "prose": lambda text: f"Sure! {text} I hope that this helps.",
    "wrapped": lambda text: json.dumps({"stretch": json.loads(text)}),
    "strings": lambda text: re.sub(r"\[1(, (\d+))?\]", lambda m: '["Frame 1"%s]' % (f', "{m[2]}"' if m[2] else ""), text),
    "floats": lambda text: re.sub(r"\[1(, \d+)?\]", "[1.0]", text),
    "one": lambda text: re.sub(r"\[1(, \d+)?\]", "1", text),
    "range": lambda text: re.sub(r"\[1, (\d+)\]", r'["1-\1"]', text),
    "no-events": lambda text: json.dumps({"summary": json.loads(text)["summary"]}),
    "null-events": lambda text: json.dumps({"summary": json.loads(text)["summary"], "events": None}),
}


def openai_error(message, param):
    return 400, {"error": {"message": message, "type": "invalid_request_error", "param": param,
                           "code": "unsupported_parameter"}}


# Parameters that engines of open models know, and no others.
LOCAL = ("top_k", "min_p", "chat_template_kwargs")


def refused_by_openai(body, images):
    """The reasoning models of OpenAI."""
    for name in LOCAL:
        if name in body:
            return openai_error(f"Unrecognized request argument supplied: {name}", None)
    if "top_p" in body:
        return openai_error("Unsupported parameter: 'top_p' is not supported with this model.", "top_p")
    if "max_tokens" in body:
        return openai_error("Unsupported parameter: 'max_tokens' is not supported with this model. Use "
                            "'max_completion_tokens' instead.", "max_tokens")
    if body.get("temperature", 1) != 1:
        return openai_error("Unsupported value: 'temperature' does not support 0 with this model. Only the default (1) "
                            "value is supported.", "temperature")
    return None


def refused_by_gemini(body, images):
    for name in ("seed", *LOCAL):
        if name in body:
            return 400, [{"error": {"code": 400, "status": "INVALID_ARGUMENT", "message":
                                    f'Invalid JSON payload received. Unknown name "{name}": Cannot find field.'}}]
    return None


def refused_by_mistral(body, images):
    for name in ("seed", "stream_options", *LOCAL):
        if name in body:
            return 422, {"detail": [{"type": "extra_forbidden", "loc": ["body", name],
                                     "msg": "Extra inputs are not permitted", "input": body[name]}]}
    return None


def refused_by_vllm(body, images):
    if images > 2:
        return 400, {"object": "error", "message": "At most 2 image(s) may be provided in one request.",
                     "type": "BadRequestError", "param": None, "code": 400}
    return None


def refused_by_deepseek(body, images):
    kind = body.get("response_format", {}).get("type")
    if kind == "json_schema":
        return openai_error("This response_format type is unavailable now", None)
    if kind == "json_object" and "json" not in json.dumps(body["messages"]).lower():
        return openai_error("Prompt must contain the word 'json' in some form to use 'response_format' of type "
                            "'json_object'.", None)
    return None


def refused_by_gemma(body, images):
    if any(m["role"] == "system" for m in body["messages"]):
        return 500, {"error": {"code": 500, "message": "Jinja Exception: System role not supported"}}
    return None


# What an engine refuses, and the pieces in which it sends an answer.
DIALECTS = {
    "openai": (refused_by_openai, lambda text: [{"content": text, "refusal": None}]),
    # Takes response_format and does not hold to it.
    "anthropic": (lambda body, images: None, lambda text: [{"content": f"```json\n{text}\n```"}]),
    "gemini": (refused_by_gemini, lambda text: [{"content": text}]),
    # A reasoning parser that takes all for reasoning.
    "vllm": (refused_by_vllm, lambda text: [{"content": None, "reasoning_content": text}]),
    "ollama": (lambda body, images: None, lambda text: [{"content": "", "reasoning": "Hm."}, {"content": text}]),
    "lmstudio": (lambda body, images: None, lambda text: [{"content": "<think>\nA {car}?\n</think>\n"}, {"content": text}]),
    "mistral": (refused_by_mistral, lambda text: [
        {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]}]},
        {"content": [{"type": "text", "text": text}]}]),
    "deepseek": (refused_by_deepseek, lambda text: [{"content": None, "reasoning_content": "Hm."}, {"content": text}]),
    "gemma": (refused_by_gemma, lambda text: [{"content": text}]),
}


CHECK_PROBABILITY = {"weak": 0.7}


def seconds(time):
    h, m, s = time.split(":")
    return int(h) * 3600 + int(m) * 60 + float(s)


def times_of(request):
    """Those of its pictures."""
    return re.findall(r"Frame \d+ at (\S+):\n", "".join(request.texts))


def shown(time, ask, about):
    """about: the text that asks; where "shows" is by thing, the last one that it names counts."""
    shows = ask["shows"]
    if isinstance(shows, dict):
        shows = shows[max(shows, key=about.rfind)]
    return any(a <= seconds(time) <= b for a, b in shows)


def letter_for(request, scene):
    """What a truthful model answers to a check."""
    what = re.search(r"Statement: (.*)\n", request.texts[-1])[1]
    times = times_of(request)
    ask = scene.get("ask")
    if ask and ("(said to answer: " in what or what.endswith(" is there.")):
        return "A" if ask.get("lies") == "yes" or any(shown(t, ask, what) for t in times) else "B"
    time = seconds(times[len(times) // 2])  # those at the ends may be of the stretch before or after
    begins = [t for t in scene["stretches"] if seconds(t) <= time + 0.0005]
    said = scene["stretches"][max(begins, key=seconds)]["events"] if begins else []
    there = [e["what"] for e in said] + [f"The frames show {e['subject']}." for e in said]
    return "A" if what in there and what not in scene.get("false", []) else "B"


def is_unsure(request, scene):
    unsure = ((scene or {}).get("ask") or {}).get("unsure", {})
    return any(thing in request.texts[-1] and any(a <= seconds(t) <= b for t in times_of(request) for a, b in spans)
               for thing, spans in unsure.items())


def check_answer(request, mode, scene):
    """The text of the answer to a check, and the letter whose probability comes with it, or None."""
    letter = mode if mode in ("A", "B", "C") else letter_for(request, scene)
    room = request.body.get("max_tokens", 1)
    if mode == "prose":
        return "A car can be seen, I think.", None
    if mode == "loop":
        return "a car and " * room, None
    if mode == "wordy":
        return ("The answer is", None) if room < 4 else (f"The answer is: **{letter}**", None)
    if mode == "reasoned":
        return ("<think>\nHm. It may", None) if room < 4 else (f"<think>\nHm. A or B?\n</think>\n{letter}", letter)
    return letter, None if mode == "plain" else letter


def logprobs_of(letter, p):
    others = [c for c in "ABC" if c != letter]
    top = [(letter, p), *((c, (1 - p) / 2) for c in others)]
    return {"content": [{"token": letter, "logprob": math.log(p),
                         "top_logprobs": [{"token": c, "logprob": math.log(q)} for c, q in top]}]}


# A word, and one that means the same.
SAME_WORDS = {"automobile": "car", "hound": "dog", "puppy": "dog", "picture": "frame"}


def word_vector(word, dim):
    word = SAME_WORDS.get(word, word)
    rng = random.Random(hashlib.sha256(word.encode()).digest())
    return [rng.gauss(0, 1) for _ in range(dim)]


def text_vector(text, dim):
    words = re.findall(r"[a-z]+", text.lower()) or [text]
    return [sum(x) / len(words) for x in zip(*(word_vector(w, dim) for w in words))]


def embeddings(body, dim, fault):
    """The reply, and the texts and pictures that were sent."""
    texts, pictures, data = [], 0, []
    for i, item in enumerate(body["input"]):
        if isinstance(item, dict):
            kinds = [part["type"] for part in item["content"]]
            if kinds != ["image_url", "text"]:
                raise ValueError("GGML_ASSERT(batch.size() > 0)")
            pictures += 1
            item = item["content"][1]["text"]
        texts.append(item)
        vector = text_vector(item, dim // 2 if fault == "dim" else dim)
        if fault == "zero":
            vector = [0] * dim
        if fault in ("nan", "nan64"):
            vector[0] = math.nan
        if fault in ("base64", "nan64"):
            vector = base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
        data.append({"object": "embedding", "index": i, "embedding": [vector] if fault == "nested" else vector})
    return {"object": "list", "data": data[1:] if fault == "less" else data[::-1]}, texts, pictures


class Rule:
    """One --fault."""

    def __init__(self, spec):
        m = re.fullmatch(r"([a-z0-9-]+)(?:=([^@]*))?(?:@(/?\d+|\d+-\d+|\d+\+))?", spec)
        if not m:
            raise ValueError(f"not a fault: {spec}")
        self.name, self.argument, self.when = m.group(1), m.group(2), m.group(3) or "1+"

    def fits(self, n):
        when = self.when
        if when[0] == "/":
            return n % int(when[1:]) == 0
        if when[-1] == "+":
            return n >= int(when[:-1])
        first, _, last = when.partition("-")
        return int(first) <= n <= int(last or first)


class State:
    def __init__(self, options):
        self.options = options
        self.lock = threading.Lock()
        self.came = threading.Condition(self.lock)
        self.released = False
        self.slots = threading.Semaphore(options.slots)
        self.rules = [Rule(f) for f in options.fault]
        self.embed_rules, self.embeds = [Rule(f) for f in options.embed_fault], 0
        self.latency = options.latency
        self.loading = options.loading
        self.scene = json.load(open(options.scene, encoding="utf-8")) if options.scene else None
        self.checks = options.checks
        self.schema = None  # the last one that was sent
        self.record = open(options.record, "a", encoding="utf-8") if options.record else None
        self.reset()

    def reset(self):
        self.requests = self.answered = self.hung_up = self.in_flight = self.most_in_flight = self.pictures = 0

    def counters(self):
        names = "requests answered hung_up in_flight most_in_flight pictures".split()
        with self.lock:
            return {name: getattr(self, name) for name in names}

    def begin(self, pictures):
        with self.lock:
            self.requests += 1
            self.came.notify_all()
            self.pictures += pictures
            self.in_flight += 1
            self.most_in_flight = max(self.most_in_flight, self.in_flight)
            n = self.requests
            rule = next((r for r in self.rules if r.fits(n)), None)
        return n, rule

    def leave(self):
        """The last byte is about to go out: the client may send its next request before this thread runs again."""
        with self.lock:
            self.in_flight -= 1

    def end(self, outcome):
        with self.lock:
            self.answered += outcome == "answered"
            self.hung_up += outcome == "hung-up"

    def write(self, **line):
        if self.record:
            with self.lock:
                self.record.write(json.dumps(line) + "\n")
                self.record.flush()


class HungUp(Exception):
    """The client has gone."""


def pixels(jpeg):
    """From the header of its frame (SOF0 to SOF2); 0 if it has none, as the smallest that unit tests send."""
    at = 2
    while at + 9 < len(jpeg):
        if jpeg[at + 1] in (0xC0, 0xC1, 0xC2):
            return int.from_bytes(jpeg[at + 5:at + 7], "big") * int.from_bytes(jpeg[at + 7:at + 9], "big")
        at += 2 + int.from_bytes(jpeg[at + 2:at + 4], "big")
    return 0


class Request:
    """What a chat request holds."""

    def __init__(self, body):
        self.body = body
        self.images, texts, self.system, self.picture_tokens = [], [], "", 0
        for message in body.get("messages", []):
            content = message.get("content")
            if message.get("role") == "system":
                self.system += content if isinstance(content, str) else json.dumps(content)
                continue
            for part in [{"type": "text", "text": content}] if isinstance(content, str) else content:
                if part["type"] == "text":
                    texts.append(part["text"])
                else:
                    data = base64.b64decode(part["image_url"]["url"].partition(",")[2], validate=True)
                    if data[:2] != b"\xff\xd8" or data.rstrip(b"\0")[-2:] != b"\xff\xd9":
                        raise ValueError("a picture is no whole JPEG")
                    self.picture_tokens += pixels(data) // (28 * 28)
                    self.images.append(hashlib.sha256(data).hexdigest())
        self.texts = texts
        self.kinds = [part["type"] for m in body.get("messages", []) if isinstance(m.get("content"), list)
                      for part in m["content"]]
        self.is_check = bool(self.images and texts[-1].startswith("Statement: "))
        self.schema = (body.get("response_format") or {}).get("json_schema", {}).get("schema")
        self.key = hashlib.sha256(json.dumps([self.system, texts, self.images]).encode()).hexdigest()

    def tokens(self):
        return 50 * len(self.images) + sum(len(t.split()) for t in self.texts + [self.system])


def fill(schema, name, request):
    """A value that fits the schema, derived from the request."""
    kind = schema.get("type")
    if "enum" in schema:
        return schema["enum"][0]
    if kind == "object":
        return {key: fill(value, key, request) for key, value in schema.get("properties", {}).items()}
    if kind == "array" and schema.get("items", {}).get("type") == "integer":
        least = [1] if request.images or schema.get("minItems") else []
        return [1, len(request.images)] if len(request.images) > 1 else least
    if kind == "array":
        return [fill(schema.get("items", {}), name, request)]
    if kind in ("integer", "number"):
        return min(1, len(request.images))
    if kind == "boolean":
        return True
    if name == "subject":  # of no two chunks alike, so that no one asks which are the same
        return " ".join(request.key[i:i + 7] for i in range(0, 14, 7))
    # A summary must not have numbers of its own.
    return f"{name} of {len(request.images)} pictures, {request.key[:8]}" if request.images else f"{name} of the list"


def scene_answer(request, scene):
    """What the scene says of the stretch of a describe request, with the frames that were sent."""
    begin = re.search(r"Stretch (\S+) to", request.texts[0])[1]
    said = scene["stretches"].get(begin, {"summary": "Nothing happens.", "events": []})
    if "What was reported of the parts before" in "".join(request.texts):
        said = scene.get("again", {}).get(begin, said)
    return {"summary": said["summary"],
            "events": [{"frames": list(range(1, len(request.images) + 1)), **e} for e in said["events"]]}


def join_answer(request, scene):
    """Which of the pairs the scene says are one event."""
    same, said = scene.get("same", []), []
    for number, line in re.findall(r"^(\d+): (.*)$", request.texts[0], re.M):
        a, b = (re.sub(r"^\[.*?\] ", "", half) for half in line.split(" | "))
        if same == "all" or any(a in group and b in group for group in same):
            said.append(int(number))
    return {"same": said}


def ask_answer(request, ask):
    """The answer to a request about a question, or None."""
    parts = (request.schema or {}).get("properties", {})
    if "queries" in parts:
        return ask.get("route", {"kind": "which"})
    if "claims" in parts:
        found = [int(n) for n in re.findall(r"^(\d+) \[", "".join(request.texts), re.M)]
        times = " and ".join(f"{{E{n}}}" for n in found)
        claim = {"cites": found, "text": f"{ask['says'].rstrip('.')} at {times}."}
        return ask.get("compose", {"claims": [claim], "answered": "yes"})
    if "frames" not in parts or "answer" not in parts:
        return None
    lies, times = ask.get("lies"), times_of(request)
    frames = [i for i, t in enumerate(times, 1) if lies == "cites" or shown(t, ask, request.texts[-1])]
    return {"frames": frames, "answer": ask["says"] if frames else "It is not there.",
            "enough": ask.get("enough", True) and lies != "never", "next": "before" if lies == "never" else ask.get("next", "none")}


def answer_for(request, rule, scene=None):
    fault = rule.name if rule else None
    if fault == "empty":
        return ""
    if fault == "prose":
        return "I am sorry, but I would rather talk about the weather."
    if fault == "loop":
        return "It goes on; then " + "a car and " * 60
    if fault == "schema":
        return json.dumps({"weather": "fine"})
    if request.schema is None:
        return f"An answer about {len(request.images)} pictures, {request.key[:8]}."
    asked = ask_answer(request, scene["ask"]) if scene and "ask" in scene else None
    value = asked if asked is not None else \
        scene_answer(request, scene) if scene and request.images else \
        join_answer(request, scene) if scene and "same" in request.schema["properties"] else \
        fill(request.schema, "answer", request)
    if fault == "sentence-loop":
        value["sentences"][0]["text"] = "It goes on; then " + "a car and " * 60
    if fault == "frames":
        value = json.loads(re.sub(r"\[1(, \d+)?\]", "[1000000]", json.dumps(value)))
    text = json.dumps(value, ensure_ascii=False)
    if fault == "answer":
        return FORMS[rule.argument](text)
    if fault in ("think", "thought"):
        return ("<think>\n" if fault == "think" else "") + "It may be {a car}.\n</think>\n\n" + text
    return f"```json\n{text}\n```" if fault == "fence" else text


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    inside = False  # of a chat request

    def log_message(self, format, *args):  # noqa: A002
        pass

    def address_string(self):
        return "client"

    @property
    def state(self):
        return self.server.state

    def version_string(self):
        return {"llama": "llama.cpp", "vllm": "uvicorn"}.get(self.state.options.kind, "engine")

    # -- plumbing

    def reply(self, status, data, kind="application/json", headers=()):
        data = data if isinstance(data, bytes) else json.dumps(data).encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        for name, value in headers:
            self.send_header(name, value)
        self.leave()
        self.end_headers()
        self.wfile.write(data)

    def error(self, status, message, kind="server_error", headers=()):
        self.reply(status, {"error": {"message": message, "type": kind, "code": status}}, headers=headers)

    def wait(self, seconds):
        """Waits, or raises HungUp as soon as the client goes. None: for ever."""
        readable, _, _ = select.select([self.connection], [], [], seconds)
        if readable and not self.connection.recv(1, socket.MSG_PEEK):
            raise HungUp

    def leave(self):
        if self.inside:
            self.inside = False
            self.state.leave()

    def wait_for_slot(self):
        while not self.state.slots.acquire(timeout=0.05):
            self.wait(0)

    def refuse_key(self):
        key = self.state.options.key
        if not key or self.headers.get("Authorization") == f"Bearer {key}":
            return False
        self.error(401, "Invalid API Key", "authentication_error")
        return True

    # -- paths

    def do_GET(self):  # noqa: N802
        o = self.state.options
        if self.path == "/control":
            return self.reply(200, self.state.counters())
        with self.state.lock:
            loading = self.state.loading > 0
            self.state.loading -= loading
        if loading:
            return self.error(503, "Loading model", "unavailable_error")
        if self.path == "/health":
            return self.reply(200, {"status": "ok"})
        if self.refuse_key():
            return None
        if self.path == "/v1/models":
            models = [{"id": name, "object": "model", "owned_by": {"llama": "llamacpp", "ollama": "library"}.get(o.kind, o.kind)}
                      for name in o.model.split(",")]
            if o.kind == "vllm":
                models[0]["max_model_len"] = o.context
            return self.reply(200, {"object": "list", "data": models})
        if self.path == "/props" and o.kind == "llama":
            return self.reply(200, {"total_slots": o.slots, "default_generation_settings": {"n_ctx": o.context},
                                    "modalities": {"vision": not o.blind}, "build_info": "b1-fake"})
        if self.path == "/version" and o.kind == "vllm":
            return self.reply(200, {"version": o.version})
        return self.error(404, "File Not Found", "not_found_error")

    def do_POST(self):  # noqa: N802
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path == "/control":
            return self.control(json.loads(body))
        if self.refuse_key():
            return None
        if self.path == "/v1/embeddings" and self.state.options.embed:
            return self.embed(json.loads(body))
        if self.path != "/v1/chat/completions":
            return self.error(404, "File Not Found", "not_found_error")
        try:
            request = Request(json.loads(body))
        except (ValueError, KeyError, TypeError) as e:
            return self.error(400, f"bad request: {e}", "invalid_request_error")
        return self.chat(request)

    def control(self, change):
        state = self.state
        with state.lock:
            if "faults" in change:
                state.rules = [Rule(f) for f in change["faults"]]
                if any(r.name == "hold" for r in state.rules):
                    state.released = False  # what was said of an earlier hold is over
            if "embed_faults" in change:
                state.embed_rules, state.embeds = [Rule(f) for f in change["embed_faults"]], 0
            state.latency = change.get("latency", state.latency)
            state.checks = change.get("checks", state.checks)
            state.released |= change.get("release", False)
            state.came.wait_for(lambda: state.requests >= change.get("await", 0))
        if change.get("reset"):
            state.reset()
        self.reply(200, state.counters())

    def embed(self, body):
        state = self.state
        with state.lock:
            state.embeds += 1
            rule = next((r for r in state.embed_rules if r.fits(state.embeds)), None)
        fault = rule.name if rule else None
        reply, texts, pictures = embeddings(body, state.options.embed, fault)
        state.write(event="embed", texts=texts, pictures=pictures, fault=fault)
        if fault == "exit":
            os._exit(134)
        if fault == "dead" or (fault == "abort" and pictures):
            self.close_connection = True
            return self.connection.shutdown(socket.SHUT_RDWR)
        if fault == "500":
            return self.error(500, "scripted fault 500")
        if fault == "blind" and pictures:
            return self.error(400, "image input is not supported", "invalid_request_error")
        if fault == "huge":
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            try:
                while True:
                    self.wfile.write(b'{"data": [' + b" " * 1048576)
            except OSError:
                self.close_connection = True
            return None
        return self.reply(200, reply | {"model": state.options.model})

    def chat(self, request):
        state = self.state
        n, rule = state.begin(len(request.images))
        # Where a schema is refused, the prompt alone asks for its form.
        if request.schema:
            state.schema = request.schema
        elif request.images and not request.is_check:
            request.schema = state.schema
        line = {"n": n, "fault": rule.name if rule else None, "key": request.key, "images": request.images}
        state.write(event="begin", time=time.time(), system=request.system, texts=request.texts,
                    model=request.body.get("model"), schema=request.schema is not None,
                    max_tokens=request.body.get("max_tokens"), kinds=request.kinds,
                    parameters={k: v for k, v in request.body.items() if k not in ("messages", "response_format")}, **line)
        outcome = "hung-up"
        self.inside = True
        try:
            self.wait_for_slot()
            try:
                outcome = self.play(request, rule)
            finally:
                state.slots.release()
        except (HungUp, BrokenPipeError, ConnectionResetError):
            self.close_connection = True
        finally:
            self.leave()
            state.end(outcome)
            state.write(event="end", time=time.time(), outcome=outcome, **line)

    # -- faults

    def play(self, request, rule):
        """Answers as the fault wants; returns the outcome."""
        name, argument = (rule.name, rule.argument) if rule else (None, None)
        self.lies = name == "liar"
        latency = float(argument or 1) if name == "latency" else self.state.latency
        if latency:
            self.wait(latency)
        while name == "hold" and not self.state.released:
            self.wait(0.02)
        if name == "dead":
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return "cut"
        if name == "never":
            self.wait(None)
        if name == "html":
            page = b"<!DOCTYPE html><html><body><h1>It works!</h1></body></html>"
            self.reply(int(argument or 200), page, "text/html; charset=utf-8")
            return "refused"
        if name == "redirect":
            self.reply(307, b"", headers=[("Location", "http://127.0.0.1:9/elsewhere")])
            return "refused"
        if name == "context" and (not argument or request.picture_tokens > int(argument)):
            self.reply(400, {"error": {"code": 400, "type": "exceed_context_size_error", "n_prompt_tokens": 9000,
                                       "n_ctx": 8192, "message": "request (9000 tokens) exceeds the available context "
                                                                 "size (8192 tokens), try increasing it"}})
            return "refused"
        if name == "oom":
            self.error(500, "CUDA error: out of memory")
            return "refused"
        if name == "echo-key":
            self.error(500, "Incorrect API key provided: " + self.headers.get("Authorization", "none"))
            return "refused"
        if name == "flood":
            self.send_response(int(argument))
            self.end_headers()
            self.wfile.write(b'{"error": {"message": "the model is gone"}}')
            while True:
                self.wfile.write(b" " * 65536)
        if name == "blames":
            self.error(400, "bad request: " + json.dumps({k: v for k, v in request.body.items() if k != "messages"}))
            return "refused"
        if name and name.isdigit():
            headers = [("Retry-After", argument)] if argument else []
            self.error(int(name), f"scripted fault {name}", headers=headers)
            return "refused"
        refused, pieces = DIALECTS.get(self.state.options.dialect, (None, None))
        refusal = refused(request.body, len(request.images)) if refused else None
        if refusal:
            self.reply(*refusal)
            return "refused"
        if request.is_check and self.state.scene:
            return self.check(request)
        if name == "bom":
            self.reply(200, b"\xef\xbb\xbf" + json.dumps(self.whole(request, rule)).encode())
            return "answered"
        if name == "whole" or request.body.get("stream") is False:
            self.reply(200, self.whole(request, rule))
            return "answered"
        if name == "gzip":
            self.reply(200, gzip.compress(json.dumps(self.whole(request, rule)).encode()),
                       headers=[("Content-Encoding", "gzip")])
            return "answered"
        text = answer_for(request, rule, self.state.scene)
        deltas = pieces(text) if pieces else self.deltas(name, text)
        return self.short_stream(rule, request, *deltas) if deltas else self.stream(request, rule)

    def check(self, request):
        mode = self.state.checks
        if mode == "error":
            self.error(500, "the checks are out of order")
            return "refused"
        if mode == "refused" and "logprobs" in request.body:
            self.reply(*openai_error("Unsupported parameter: 'logprobs' is not supported with this model.", "logprobs"))
            return "refused"
        text, letter = check_answer(request, mode, self.state.scene)
        choice = {"index": 0, "delta": {"content": text}, "finish_reason": "stop"}
        if letter and request.body.get("logprobs"):
            p = 0.6 if is_unsure(request, self.state.scene) else CHECK_PROBABILITY.get(mode, 0.9)
            choice["logprobs"] = logprobs_of(letter, p)
        self.begin_stream()
        self.event(None, self.frame(choices=[choice]))
        self.event(None, self.frame(choices=[], **self.figures(request, text)))
        self.data(None, b"data: [DONE]\n\n")
        self.data(None, b"")
        return "answered"

    def deltas(self, name, text):
        """The few pieces of an answer that is not the usual one, its finish reason last where it is not "stop"."""
        if name == "refuse":
            return [{"content": "", "refusal": "I can't help with that."}, "content_filter"]
        if name == "tool":
            call = {"index": 0, "id": "c", "type": "function", "function": {"name": "json", "arguments": text}}
            return [{"content": None, "tool_calls": [call]}, "tool_calls"]
        if name == "reasoned":
            return [{"content": "", "reasoning_content": "Hm. " * 50}, "length"]
        return None

    def short_stream(self, rule, request, *deltas):
        self.begin_stream()
        reason = deltas[-1] if isinstance(deltas[-1], str) else "stop"
        for delta in deltas:
            if isinstance(delta, dict):
                self.event(rule, self.frame(choices=[{"index": 0, "delta": delta, "finish_reason": None}]))
        self.event(rule, self.frame(choices=[{"index": 0, "delta": {}, "finish_reason": reason}]))
        self.data(rule, b"data: [DONE]\n\n")
        self.data(None, b"")
        return "answered"

    def frame(self, **fields):
        name = "another-model-7b" if self.lies else self.state.options.model.split(",")[0]
        return {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": name, **fields}

    def figures(self, request, text):
        n = len(text.split())
        figures = {"usage": {"prompt_tokens": request.tokens(), "completion_tokens": n,
                             "prompt_tokens_details": {"cached_tokens": 7}}}
        if self.state.options.kind == "llama":
            figures["timings"] = {"prompt_per_second": 1000.0, "predicted_per_second": 100.0}
        return figures

    def whole(self, request, rule):
        text = answer_for(request, rule, self.state.scene)
        return self.frame(choices=[{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}],
                          **self.figures(request, text))

    def stream(self, request, rule):
        name = rule.name if rule else None
        text = answer_for(request, rule, self.state.scene)
        pieces = re.findall(r"\S+\s*|\s+", text)
        middle = len(pieces) // 2
        self.begin_stream(rule.argument if name == "typed" else "text/event-stream")
        if name == "silent":
            self.wait(None)
        if request.body.get("return_progress"):
            total = request.tokens()
            for done in (0, total // 2, total):
                self.event(rule, self.frame(choices=[{"index": 0, "delta": {"content": None}}],
                                            prompt_progress={"total": total, "processed": done}))
        for i, piece in enumerate(pieces):
            if i == middle:
                outcome = self.middle(rule)
                if outcome == "length":
                    break
                if outcome:
                    return outcome
            self.event(rule, self.frame(choices=[{"index": 0, "delta": {"content": piece}}]))
        reason = "length" if name == "length" else "stop"
        self.event(rule, self.frame(choices=[{"index": 0, "delta": {}, "finish_reason": reason}]))
        if name != "no-usage":
            self.event(rule, self.frame(choices=[], **self.figures(request, text)))
        if name != "no-done":
            self.data(rule, b"data: [DONE]\n\n")
        if name == "open":
            self.wait(None)
        self.data(None, b"")
        return "answered"

    def middle(self, rule):
        """What happens half-way through the answer; returns the outcome if the answer ends with it."""
        name = rule.name if rule else None
        if name == "stall":
            self.wait(None)
        if name in ("half", "half-event"):
            if name == "half-event":
                self.data(rule, b'data: {"choices":[{"delta":{"content":"la')
            self.data(None, b"")
            return "cut"
        if name == "rubbish":
            self.data(rule, b'data: {"choices":[{"delta":}]\n\n')
            self.data(None, b"")
            return "cut"
        if name == "error-event":
            self.event(rule, {"error": {"code": 500, "message": "the model stumbled", "type": "server_error"}})
            self.data(None, b"")
            return "cut"
        if name == "utf8":
            self.data(rule, b'data: {"choices":[{"index":0,"delta":{"content":"\xff\xfe caf\xc3 "}}]}\n\n')
        if name == "split":
            for half in (b"\\ud83d", b"\\ude97", b"\\ud83d", b"."):
                self.data(rule, b'data: {"choices":[{"index":0,"delta":{"content":"' + half + b'"}}]}\n\n')
        return "length" if name == "length" else None

    def begin_stream(self, kind="text/event-stream"):
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.flush()

    def event(self, rule, value):
        self.data(rule, b"data: " + json.dumps(value).encode() + b"\n\n")

    def data(self, rule, data):
        """One chunk; an empty one ends the reply."""
        name = rule.name if rule else None
        if name == "drip":
            data = b": sign of life\r\n\r\n" + data.replace(b"\n", b"\r\n")
        if name not in ("drip", "slow"):
            return self.chunk(data)
        for i in range(len(data)):
            if name == "slow":
                self.wait(1 / float(rule.argument or 1))
            self.chunk(data[i:i + 1])

    def chunk(self, data):
        if not data:
            self.leave()
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.flush()


class Quiet:
    """Clients that go away are what tests are about: no stack traces."""

    def handle_error(self, request, client_address):
        pass


class TcpServer(Quiet, socketserver.ThreadingMixIn, socketserver.TCPServer):
    daemon_threads = True
    request_queue_size = 128
    allow_reuse_address = True


class UnixServer(Quiet, socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    request_queue_size = 128


def main():
    p = argparse.ArgumentParser(description="A stand-in engine with scripted faults.")
    p.add_argument("--port", type=int, default=0)
    p.add_argument("--unix")
    p.add_argument("--kind", choices=["llama", "vllm", "ollama", "plain"], default="llama")
    p.add_argument("--model", default="fake-model", help="one or more, separated by commas")
    p.add_argument("--slots", type=int, default=4)
    p.add_argument("--context", type=int, default=32768)
    p.add_argument("--blind", action="store_true", help="says that it takes no pictures")
    p.add_argument("--version", default="0.0.fake", help="of vllm")
    p.add_argument("--scene", help="a file that says what happens")
    p.add_argument("--checks", default="truthful", help="how statements are checked, with --scene")
    p.add_argument("--dialect", choices=sorted(DIALECTS))
    p.add_argument("--tls", nargs=2, metavar=("CERTIFICATE", "KEY"))
    p.add_argument("--key", default="")
    p.add_argument("--latency", type=float, default=0)
    p.add_argument("--loading", type=int, default=0, help="answers so many GETs with 503 at first")
    p.add_argument("--record")
    p.add_argument("--stays", action="store_true", help="does not end with its parent by itself")
    p.add_argument("--fault", action="append", default=[])
    p.add_argument("--embed", type=int, default=0, metavar="DIM", help="makes vectors")
    p.add_argument("--embed-fault", action="append", default=[])
    options = p.parse_args()
    if not options.stays:
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG: no test leaves it behind
    if options.unix:
        server, where = UnixServer(options.unix, Handler), options.unix
    else:
        server = TcpServer(("127.0.0.1", options.port), Handler)
        where = server.server_address[1]
    if options.tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*options.tls)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    server.state = State(options)
    print(where, flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass
    finally:
        if options.unix:
            os.unlink(options.unix)


if __name__ == "__main__":
    main()
