#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Real recognition of speech for tests: /v1/audio/transcriptions of OpenAI's API over Debian's pocketsphinx.

    speech_server.py [--port N] [--record FILE] [--script FILE] [--fault FAULT]... [--lag SECONDS]

It prints its port on a line when it is ready, and ends with its parent. The same sound gives the same answer: each
utterance is decoded whole, by a decoder that remembers nothing. Words are English; a quarter of
them is wrong.

With --script, what was "said" comes from a file instead: JSON lists [from, to, text] in seconds of each piece of sound,
one for each request, the last one for all later ones.

A fault is NAME[@WHEN], WHEN counting requests from 1 as in fake_engine.py (@3, @2-4, @2+): a status (500, 503, 401),
"dead" (closes the connection), "exit" (the whole server ends), "rubbish" (no JSON), "hold" (waits for a GET of /release).

--record appends a JSON line for each request: seconds of sound, the form that was asked for, and the SHA-256 of the samples.
GET /await?n=N waits for the N-th request, and answers how many there were."""
import argparse
import array
import ctypes
import ctypes.util
import hashlib
import http.server
import io
import json
import math
import os
import re
import signal
import sys
import threading
import time
import urllib.parse
import wave

RATE = 16000
FRAME = 160
MODEL = "/usr/share/pocketsphinx/model/en-us"
SHARED = ("libpocketsphinx.so.3", "libsphinxbase.so.3")


def available():
    """Why there is no recognition; "" if there is."""
    if not os.path.isdir(MODEL + "/en-us"):
        return "pocketsphinx-en-us is not installed"
    try:
        Sphinx()
    except OSError as e:
        return str(e)
    return ""


class Sphinx:
    """libpocketsphinx, as far as it is needed."""

    def __init__(self):
        self.base = ctypes.CDLL(SHARED[1], ctypes.RTLD_GLOBAL)
        self.lib = ctypes.CDLL(SHARED[0])
        pointer, text, number = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int
        for library, name, result, arguments in (
                (self.base, "cmd_ln_init", pointer, None), (self.base, "err_set_logfp", None, [pointer]),
                (self.base, "cmd_ln_free_r", number, [pointer]), (self.base, "logmath_exp", ctypes.c_double, [pointer, number]),
                (self.lib, "ps_args", pointer, []), (self.lib, "ps_init", pointer, [pointer]), (self.lib, "ps_free", number, [pointer]),
                (self.lib, "ps_start_stream", number, [pointer]), (self.lib, "ps_start_utt", number, [pointer]),
                (self.lib, "ps_end_utt", number, [pointer]),
                (self.lib, "ps_process_raw", number, [pointer, pointer, ctypes.c_size_t, number, number]),
                (self.lib, "ps_seg_iter", pointer, [pointer]), (self.lib, "ps_seg_next", pointer, [pointer]),
                (self.lib, "ps_seg_word", text, [pointer]), (self.lib, "ps_get_logmath", pointer, [pointer]),
                (self.lib, "ps_seg_frames", None, [pointer, pointer, pointer]),
                (self.lib, "ps_seg_prob", ctypes.c_int32, [pointer, pointer, pointer, pointer])):
            function = getattr(library, name)
            function.restype = result
            if arguments is not None:
                function.argtypes = arguments
        self.base.err_set_logfp(None)
        self.decoder = None

    def open(self):
        # The mean of the whole utterance, not of what was heard before; all frames are kept, so that they are times.
        options = {"-hmm": MODEL + "/en-us", "-lm": MODEL + "/en-us.lm.bin", "-dict": MODEL + "/cmudict-en-us.dict",
                   "-cmn": "batch", "-remove_silence": "no", "-bestpath": "yes", "-logfn": "/dev/null",
                   # Twice as fast as by default, and hardly worse.
                   "-fwdflat": "no", "-maxhmmpf": "3000", "-maxwpf": "5"}
        flat = [ctypes.c_char_p(s.encode()) for pair in options.items() for s in pair]
        config = self.base.cmd_ln_init(None, ctypes.c_void_p(self.lib.ps_args()), 1, *flat, None)
        self.decoder = self.lib.ps_init(config)
        if not self.decoder:
            raise OSError("pocketsphinx does not start")

    def words(self, samples):
        """[(start, end, word, probability)…] of an utterance, in seconds."""
        if not self.decoder:
            self.open()
        data, found = samples.tobytes(), []
        self.lib.ps_start_stream(self.decoder)
        self.lib.ps_start_utt(self.decoder)
        self.lib.ps_process_raw(self.decoder, data, len(samples), 0, 1)
        self.lib.ps_end_utt(self.decoder)
        math_of = self.lib.ps_get_logmath(self.decoder)
        at = self.lib.ps_seg_iter(self.decoder)
        while at:
            word = self.lib.ps_seg_word(at).decode()
            first, last = ctypes.c_int(), ctypes.c_int()
            scores = [ctypes.c_int32() for _ in range(3)]
            self.lib.ps_seg_frames(at, ctypes.byref(first), ctypes.byref(last))
            p = self.lib.ps_seg_prob(at, *map(ctypes.byref, scores))
            if not word.startswith(("<", "[", "+")):
                found.append((first.value / 100, (last.value + 1) / 100, re.sub(r"\(\d+\)$", "", word),
                              self.base.logmath_exp(math_of, p)))
            at = self.lib.ps_seg_next(at)
        return found


def utterances(samples):
    """Stretches of sound between pauses, in samples: at most some 15 s, since the decoder has to hold each."""
    levels = []
    for i in range(0, len(samples) - FRAME + 1, FRAME):
        frame = samples[i:i + FRAME]
        mean = sum(frame) / FRAME
        levels.append(math.sqrt(sum((s - mean) ** 2 for s in frame) / FRAME))
    if not levels:
        return []
    quiet = max(sorted(levels)[len(levels) // 10] * 2.5, 30)
    loud = [i for i, level in enumerate(levels) if level > quiet]
    found = []
    for i in loud:
        pause = 25 if found and i - found[-1][0] < 1200 else 5
        if found and i - found[-1][1] <= pause:
            found[-1][1] = i
        else:
            found.append([i, i])
    return [(max(a - 20, 0) * FRAME, min(b + 21, len(levels)) * FRAME) for a, b in found if b - a >= 8]


def recognize(sphinx, samples):
    """Segments with words, and what whisper says of them."""
    segments = []
    for a, b in utterances(samples):
        words = [(a / RATE + s, a / RATE + e, w, p) for s, e, w, p in sphinx.words(samples[a:b])]
        if words:
            segments.append((words[0][0], words[-1][1], " ".join(w for _, _, w, _ in words), words))
    return segments


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        pass  # a client that was killed


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "speech-test"

    def log_message(self, *args):
        pass

    def reply(self, status, body, kind="application/json"):
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self):
        url = urllib.parse.urlsplit(self.path)
        s = self.server
        if url.path == "/await":
            with s.changed:
                s.changed.wait_for(lambda: s.count >= int(urllib.parse.parse_qs(url.query)["n"][0]))
        if url.path == "/release":
            s.released.set()
        self.reply(200, {"requests": s.count})

    def fields(self):
        """The parts of a multipart body."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        mark = b"--" + re.search(r'boundary="?([^";]+)', self.headers["Content-Type"])[1].encode()
        found = {}
        for part in body.split(mark)[1:-1]:
            head, _, content = part.partition(b"\r\n\r\n")
            name = re.search(rb'name="([^"]+)"', head)[1].decode()
            found.setdefault(name, []).append(content[:-2])
        return found

    def play(self, fault):
        """A scripted fault; true if there is nothing more to do."""
        if fault.isdigit():
            self.reply(int(fault), {"error": {"message": "a scripted failure", "type": "server_error"}})
        elif fault == "rubbish":
            self.reply(200, b"{no json")
        elif fault == "dead":
            self.close_connection = True
        elif fault == "exit":
            os._exit(3)
        elif fault == "hold":
            self.server.released.wait()
            return False
        return True

    def do_POST(self):
        s = self.server
        if self.path != "/v1/audio/transcriptions":
            self.reply(404, {"error": {"message": "no such path"}})
            return
        fields = self.fields()
        with wave.open(io.BytesIO(fields["file"][0])) as sound:
            assert (sound.getframerate(), sound.getnchannels(), sound.getsampwidth()) == (RATE, 1, 2)
            samples = array.array("h", sound.readframes(sound.getnframes()))
        with s.changed:
            s.count += 1
            number = s.count
            s.changed.notify_all()
        if s.record:
            form = fields.get("response_format", [b""])[0].decode()
            line = {"number": number, "seconds": len(samples) / RATE, "form": form, "time": time.monotonic(),
                    "sha256": hashlib.sha256(samples.tobytes()).hexdigest()}
            with open(s.record, "a") as f:
                f.write(json.dumps(line) + "\n")
        for name, first, last in s.faults:
            if first <= number <= last and self.play(name):
                return
        time.sleep(s.lag)
        if s.script is not None:
            segments = [(a, b, text, []) for a, b, text in (s.script[min(number, len(s.script)) - 1] if s.script else [])]
        else:
            with s.lock:
                segments = recognize(s.sphinx, samples)
        self.reply(200, answer(segments, len(samples) / RATE))


def answer(segments, seconds):
    """verbose_json, as whisper's engines write it."""
    found = []
    for i, (a, b, text, words) in enumerate(segments):
        likely = sum(math.log(max(p, 1e-4)) for _, _, _, p in words) / len(words) if words else -0.2
        found.append({"id": i, "seek": 0, "start": a, "end": b, "text": " " + text, "tokens": [], "temperature": 0.0,
                      "avg_logprob": likely, "compression_ratio": 1.0, "no_speech_prob": 0.01})
    words = [{"word": w, "start": a, "end": b, "probability": p} for s in segments for a, b, w, p in s[3]]
    return {"task": "transcribe", "language": "english", "duration": seconds, "text": "".join(s["text"] for s in found),
            "segments": found, "words": words}


def read_fault(text):
    name, _, when = text.partition("@")
    first, last = 1, math.inf
    if when:
        m = re.fullmatch(r"(\d+)(?:(\+)|-(\d+))?", when)
        first = int(m[1])
        last = math.inf if m[2] else int(m[3] or first)
    return name, first, last


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--port", type=int, default=0)
    p.add_argument("--record")
    p.add_argument("--script")
    p.add_argument("--lag", type=float, default=0)
    p.add_argument("--fault", action="append", default=[])
    o = p.parse_args()
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # ends with its parent
    server = Server(("127.0.0.1", o.port), Handler)
    server.count, server.lock, server.changed, server.released = 0, threading.Lock(), threading.Condition(), threading.Event()
    server.record, server.lag, server.faults = o.record, o.lag, [read_fault(f) for f in o.fault]
    server.script = None
    if o.script:
        with open(o.script) as f:
            server.script = json.load(f)
    server.sphinx = None if o.script else Sphinx()
    print(server.server_port, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    sys.exit(main())
