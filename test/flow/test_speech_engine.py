#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What transcribes speech: an endpoint that lies and fails, and the real whisper-server with an empty model, killed,
stopped and started again."""
import email
import email.policy
import http.client
import json
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import flow
import whisper_model
from hub import Hub

TRY = os.environ.get("SPEECH_TRY", "")
SAID = " ".join(whisper_model.SAID)
# In a user namespace, for what is below it.
NO_SPACES = 'echo 0 >/proc/sys/user/max_user_namespaces && echo 0 >/proc/sys/user/max_net_namespaces && exec "$@"'


def post_form(connection, path, model):
    """The body of the reply to a form with this model."""
    body = f'--b\r\nContent-Disposition: form-data; name="model"\r\n\r\n{model}\r\n--b--\r\n'
    client = http.client.HTTPConnection("localhost", timeout=flow.TIMEOUT)
    client.sock = connection
    client.request("POST", path, body, {"Content-Type": "multipart/form-data; boundary=b"})
    return client.getresponse().read().decode()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        whole = b"Content-Type: " + self.headers["Content-Type"].encode() + b"\r\n\r\n" + body
        fields = {}
        for part in email.message_from_bytes(whole, policy=email.policy.HTTP).iter_parts():
            name = part.get_param("name", header="content-disposition")
            fields.setdefault(name, []).append(part.get_payload(decode=True))
        server = self.server
        server.requests.append((self.path, dict(self.headers), fields))
        reply = server.replies.pop(0) if server.replies else server.usual
        status, text, headers = reply if isinstance(reply, tuple) else (200, reply, {})
        if status < 0:  # holds the answer until it is released
            server.reached.set()
            server.released.wait(flow.TIMEOUT)
            self.close_connection = True
            return
        if status == 0:  # hangs up after so many bytes
            self.wfile.write(text.encode())
            self.close_connection = True
            return
        data = text if isinstance(text, bytes) else text.encode()
        self.send_response(status)
        for k, v in ({"Content-Type": "application/json"} | headers).items():
            self.send_header(k, v)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        try:
            self.wfile.write(data)
        except OSError:  # it has read enough
            self.close_connection = True


def answer(*segments, **more):
    """verbose_json; each segment is (start, end, text)."""
    return json.dumps({"language": "english", "segments": [{"start": a, "end": b, "text": t} for a, b, t in segments]} | more)


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        pass  # who asked is gone


class Endpoint:
    def __init__(self):
        self.server = Server(("127.0.0.1", 0), Handler)
        self.server.requests, self.server.replies, self.server.usual = [], [], answer((0, 1, "as usual"))
        self.server.reached, self.server.released = threading.Event(), threading.Event()
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/v1"
        self.requests = self.server.requests

    def will(self, *replies):
        self.server.replies = list(replies)

    def stop(self):
        self.server.released.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


class Speech(flow.Flow):
    p = None

    def setUp(self):
        super().setUp()
        if not TRY:
            self.skipTest("SPEECH_TRY does not name the program that transcribes")
        self.models, self.log = self.dir / "models", self.dir / "speech.log"
        self.models.mkdir()
        self.env["VDET_EXE"] = flow.VDET
        self.env["XDG_RUNTIME_DIR"] = str(self.dir / "run")
        Path(self.env["XDG_RUNTIME_DIR"]).mkdir()

    def open(self, *options, before=(), fine=True):
        """Starts the program; its first line says what it uses, or what is wrong."""
        if self.p:
            self.close()
        self.p = subprocess.Popen([*before, TRY, *options, str(self.models), str(self.log)], env=self.env, cwd=self.dir,
                                  text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(self.close)
        first = json.loads(self.p.stdout.readline())
        self.assertEqual("identity" in first, fine, first)
        return first.get("identity") or first["error"]

    def close(self):
        if self.p.stdin.closed:
            return ""
        self.p.stdin.close()
        errors = self.p.stderr.read()
        self.p.stdout.close()
        self.p.stderr.close()
        self.p.wait(flow.TIMEOUT)
        self.no_faults(errors + (self.log.read_text() if self.log.exists() else ""))
        return errors

    def send(self, line):
        self.p.stdin.write(f"{line}\n")
        self.p.stdin.flush()

    def receive(self):
        return json.loads(self.p.stdout.readline())

    def say(self, seconds=3):
        self.send(seconds)
        return self.receive()

    def texts(self, seconds=3):
        r = self.say(seconds)
        self.assertIn("segments", r, r)
        return [s["text"] for s in r["segments"]]

    def needs_whisper(self):
        if not shutil.which("whisper-server") and not (Path(self.env["VDET_RUNTIME_DIR"]) / "whisper-server").exists():
            self.skipTest("whisper-server is not here; tools/setup engine brings it")
        return whisper_model.write(self.models / "ggml-empty.bin")


class AnEndpoint(Speech):
    def setUp(self):
        super().setUp()
        self.endpoint = Endpoint()
        self.addCleanup(self.endpoint.stop)

    def open(self, *options, **kw):
        return super().open("--speech", self.endpoint.url, *options, **kw)

    def test_what_is_sent(self):
        (self.dir / "key").write_text("sk-SECRET\n")
        (self.dir / "key").chmod(0o600)
        said = self.open("--speech-key-file", self.dir / "key", "--speech-model", "big", "--speech-language", "de")
        self.assertEqual(said, f"{self.endpoint.url}, model big, language de")
        self.assertEqual(self.texts(2.5), ["as usual"])
        [(path, headers, fields)] = self.endpoint.requests
        self.assertEqual(path, "/v1/audio/transcriptions")
        self.assertEqual(headers["Authorization"], "Bearer sk-SECRET")
        [wav] = fields.pop("file")
        self.assertEqual((wav[:4], wav[8:16], len(wav)), (b"RIFF", b"WAVEfmt ", 44 + 2 * 40000))
        self.assertEqual(struct.unpack("<HHIIHH", wav[20:36]), (1, 1, 16000, 32000, 2, 16))
        self.assertEqual(fields, {"model": [b"big"], "language": [b"de"], "temperature": [b"0"],
                                  "response_format": [b"verbose_json"],
                                  "timestamp_granularities[]": [b"word", b"segment"]})

    def test_without_options(self):
        self.open()
        self.texts()
        [(_, headers, fields)] = self.endpoint.requests
        self.assertNotIn("Authorization", headers)
        self.assertNotIn("language", fields)
        self.assertEqual(fields["model"], [b"whisper-1"])

    def test_a_server_that_understands_less(self):
        self.open()
        refusal = (400, '{"error":{"message":"response_format verbose_json is not compatible with this model"}}', {})
        self.endpoint.will(refusal, refusal, '{"text":"all of it"}')
        r = self.say(4)
        self.assertEqual([(s["start"], s["end"], s["text"]) for s in r["segments"]], [(0, 4000000, "all of it")])
        self.assertFalse(r["timed"])
        self.endpoint.will((422, '{"detail":"unknown response_format"}', {}), ("just the text\n"))
        self.assertEqual(self.texts(), ["just the text"])
        # What was learned is not tried again.
        self.texts()
        self.assertEqual([f["response_format"][0] for _, _, f in self.endpoint.requests],
                         [b"verbose_json", b"verbose_json", b"json", b"json", b"text", b"text"])
        self.assertEqual([len(f.get("timestamp_granularities[]", [])) for _, _, f in self.endpoint.requests],
                         [2, 0, 0, 0, 0, 0])

    def test_a_refusal_for_another_reason_is_no_form(self):
        self.open()
        self.endpoint.will((400, '{"error":{"message":"the audio is too quiet"}}', {}))
        r = self.say()
        self.assertIn("the audio is too quiet", r["error"])
        self.assertFalse(r["hopeless"])
        self.assertEqual(len(self.endpoint.requests), 1)
        self.assertEqual(self.texts(), ["as usual"])

    def test_times_that_are_lies(self):
        self.open()
        self.endpoint.will(answer((-7, 1, "before"), (2, 5, "first"), (3, 6, "second"), (9, 8, "reversed"), (50, 60, "after"),
                                  ("x", None, "none"), (1e300, 1e301, "far")))
        r = self.say(10)
        shown = [(s["start"], s["end"], s["text"]) for s in r["segments"] if not s["dropped"]]
        self.assertIn((0, 1000000, "before"), shown)
        self.assertIn((2000000, 3000000, "first"), shown)
        self.assertIn((3000000, 6000000, "second"), shown)
        self.assertIn((8000000, 9000000, "reversed"), shown)
        self.assertEqual({s["text"] for s in r["segments"] if s["dropped"] == "outside"} & {"after", "far"}, {"after", "far"})
        for a, b in zip(shown, shown[1:]):
            self.assertLessEqual(a[1], b[0])
        self.assertTrue(all(0 <= a < b <= 10000000 for a, b, _ in shown))
        self.assertIn("times before the sound", r["note"])

    def test_what_passes_is_tried_again(self):
        self.open()
        self.endpoint.will((500, "{}", {}), (503, '{"error":"busy"}', {"Retry-After": "1"}), (0, "HTTP/1.1 200 OK\r\nContent-", {}))
        self.assertEqual(self.texts(), ["as usual"])
        self.assertEqual(len(self.endpoint.requests), 4)
        self.endpoint.will((0, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{\"segments\":[", {}), '{"segments":[{"start":')
        self.assertEqual(self.texts(), ["as usual"])

    def test_what_does_not_pass_is_said_once(self):
        cases = [((401, '{"error":{"message":"bad key sk-SECRET"}}', {}), "refused the key", True),
                 ((404, "{}", {}), "no such model, or transcribes no speech", True),
                 ("<html>Welcome</html>", "not a transcription", False),
                 ((200, "<html>Welcome</html>", {"Content-Type": "text/html"}), "a web page", True),
                 ('{"error":{"message":"no\\u001b[31m idea"}}', "reports: no [31m idea", False),
                 ((413, "{}", {}), "too large", False),
                 ((200, b"[" + b" " * (17 << 20), {}), "larger than", False)]
        for reply, words, hopeless in cases:
            with self.subTest(words):
                self.open("--speech-retries", "0", "--speech-key", "sk-SECRET")
                self.endpoint.will(reply)
                r = self.say()
                self.assertIn(words, r["error"])
                self.assertNotIn("SECRET", r["error"])
                self.assertEqual(r["hopeless"], hopeless)

    def test_a_socket_that_is_not_there_is_named(self):
        self.open("--speech", "unix:/nonexistent.sock", "--speech-retries", "0")
        r = self.say()
        self.assertIn("/nonexistent.sock", r["error"])
        self.assertIn("cannot connect to the socket", r["error"])
        self.assertNotIn("port 80", r["error"])

    def test_nothing_there_is_hopeless_after_a_while(self):
        self.open("--speech-retries", "0")
        self.endpoint.stop()
        self.endpoint.stop = lambda: None
        self.assertEqual([self.say()["hopeless"] for _ in range(3)], [False, False, True])

    def test_canceled(self):
        self.open()
        self.endpoint.will((-1, "", {}))
        self.send(3)
        self.assertTrue(self.endpoint.server.reached.wait(flow.TIMEOUT))
        self.p.send_signal(signal.SIGTERM)
        self.assertEqual(self.receive()["code"], "canceled")

    def test_options_that_are_wrong(self):
        for options, words in ((["--speech", "ftp://host"], "is not a URL"), (["--speech-language", "--load"], "not the code of"),
                               (["--speech-key-file", self.dir / "absent"], "the key file"),
                               (["--speech", "http://a:b@host/"], "must not contain a password")):
            said = self.open(*options, fine=False)
            self.assertIn(words, said)
            self.assertNotIn("a:b", said)


class WhisperServer(Speech):
    def server(self):
        """Process ids of the relay and of the whisper-server behind it."""
        self.send("pid")
        relay = self.receive()["pid"]
        return relay, next(iter(flow.children(relay)), 0) if relay else 0

    def ended(self, pid):
        """Waits until a process has ended."""
        fd = os.pidfd_open(pid) if Path(f"/proc/{pid}").exists() else None
        if fd is not None:
            self.assertTrue(flow.select.select([fd], [], [], flow.TIMEOUT)[0])
            os.close(fd)

    def leftovers(self):
        return list(Path(self.env["XDG_RUNTIME_DIR"]).iterdir())

    def test_transcribes(self):
        self.needs_whisper()
        said = self.open()
        self.assertRegex(said, r"^whisper-server, model ggml-empty [0-9a-f]{16}, language auto$")
        r = self.say(35)
        self.assertEqual([(s["start"], s["end"], s["text"]) for s in r["segments"]],
                         [(0, 2000000, SAID), (30000000, 32000000, SAID)])
        self.assertEqual([w[2] for w in r["segments"][0]["words"]], list(whisper_model.SAID))
        self.assertTrue(r["timed"])
        self.assertEqual(self.say(0)["segments"], [])
        relay, server = self.server()
        self.assertIn("has a network of its own", self.log.read_text())
        self.assertNotEqual(os.readlink(f"/proc/{server}/ns/net"), os.readlink("/proc/self/ns/net"))
        self.assertEqual(list(Path(f"/proc/{server}/cwd").iterdir()), [])
        self.assertNotIn("--convert", flow.children(relay)[server])
        [folder] = self.leftovers()
        self.assertEqual(folder.stat().st_mode & 0o777, 0o700)
        # Other paths than those with the prefix do not exist.
        with socket.socket(socket.AF_UNIX) as c:
            c.connect(str(folder / "engine.sock"))
            self.assertIn("File Not Found", post_form(c, "/load", "/etc/passwd"))
        self.close()
        self.ended(server)
        self.assertEqual(self.leftovers(), [])

    def test_without_namespaces(self):
        self.needs_whisper()
        before = ["unshare", "-Ur", "sh", "-c", NO_SPACES, "sh"]
        if subprocess.run([*before, "true"], capture_output=True).returncode:
            self.skipTest("user namespaces cannot be forbidden here")
        self.open(before=before)
        self.assertEqual(self.texts(), [SAID])
        relay, server = self.server()
        self.assertIn("gets no network of its own", self.log.read_text())
        command = flow.children(relay)[server]
        port, prefix = command[command.index("--port") + 1], command[command.index("--request-path") + 1]
        self.assertRegex(prefix, "^/[0-9a-f]{32}$")
        for path in ("/health", "/load", "/inference", "/v1/audio/transcriptions"):
            with socket.create_connection(("127.0.0.1", int(port))) as c:
                self.assertIn("File Not Found", post_form(c, path, "x"))

    def test_crashes(self):
        self.needs_whisper()
        self.open()
        self.assertEqual(self.texts(), [SAID])
        relay, server = self.server()
        os.kill(server, signal.SIGKILL)
        self.assertEqual(self.texts(), [SAID])
        again = self.server()
        self.assertNotEqual(again[0], relay)
        # With a request in flight: it is stopped first, so that it cannot answer.
        os.kill(again[1], signal.SIGSTOP)
        self.send(3)
        os.kill(again[1], signal.SIGKILL)
        self.assertIn("segments", self.receive())
        # The relay.
        relay, server = self.server()
        os.kill(relay, signal.SIGKILL)
        self.ended(server)
        self.assertEqual(self.texts(), [SAID])
        self.assertRegex(self.log.read_text(), "was killed by SIGKILL.*restarting it")

    def test_hangs(self):
        self.needs_whisper()
        self.open("--speech-hang-timeout", "1")
        self.assertEqual(self.texts(), [SAID])
        relay, server = self.server()
        os.kill(server, signal.SIGSTOP)
        self.assertEqual(self.texts(), [SAID])
        self.assertIn("answered nothing any more", self.log.read_text())
        self.ended(server)

    def test_canceled(self):
        self.needs_whisper()
        self.open()
        self.assertEqual(self.texts(), [SAID])
        _, server = self.server()
        os.kill(server, signal.SIGSTOP)
        self.send(3)
        self.p.send_signal(signal.SIGTERM)
        self.assertEqual(self.receive()["code"], "canceled")
        self.close()
        self.ended(server)

    def test_an_older_version(self):
        """It knows fewer options."""
        self.needs_whisper()
        real = shutil.which("whisper-server") or str(Path(self.env["VDET_RUNTIME_DIR"]) / "whisper-server")
        program = self.dir / "whisper-server"
        program.write_text(f"""#!/bin/sh
if [ "$1" = --help ]; then
	"{real}" --help 2>&1 | sed '/-nlp/d'
elif [ "${{*#*-nlp}}" != "$*" ]; then
	echo 'error: unknown argument: -nlp'
else
	exec "{real}" "$@"
fi
""")
        program.chmod(0o755)
        self.open("--speech-server", str(program))
        self.assertEqual(self.texts(), [SAID])

    def test_is_unloaded_when_idle(self):
        self.needs_whisper()
        self.open("--speech-unload-after", "1")
        self.assertEqual(self.texts(), [SAID])
        while self.server()[0]:
            pass
        self.assertEqual(self.texts(), [SAID])

    def test_ends_with_its_parent(self):
        self.needs_whisper()
        self.open()
        self.assertEqual(self.texts(), [SAID])
        pids = self.server()
        self.p.kill()
        for pid in pids:
            self.ended(pid)

    def test_a_model_that_is_none(self):
        model = self.needs_whisper()
        self.open("--speech-model", "absent", fine=False)
        whole = model.read_bytes()
        model.write_bytes(whole[:-1000])
        self.assertIn("is cut short", self.open("--speech-model", str(model), fine=False))
        self.assertIn("vdet model get whisper-base", self.open(fine=False))
        shutil.copy(flow.ROOT / "model" / "weights" / "demo.gguf", model)
        self.assertIn("is a GGUF file", self.open("--speech-model", str(model), fine=False))
        # A head that is right, and weights that whisper.cpp does not find.
        model.write_bytes(whole.replace(b"decoder.ln.bias", b"decoder.ln.none"))
        self.open()
        r = self.say()
        self.assertIn("whisper-server", r["error"])
        self.assertTrue(r["hopeless"])


class Models(Speech):
    def test_fetched_listed_checked_used(self):
        model = whisper_model.write(self.dir / "ggml-empty.bin").read_bytes()
        hub = Hub("someone/whisper.cpp", {"ggml-empty.bin": model, "ggml-bad.bin": b"lmgg" + bytes(100)})
        self.addCleanup(hub.stop)
        own = {"version": 1, "models": [
            {"name": f"whisper-{n}", "kind": "speech", "title": "Empty", "licence": "MIT", "repository": "someone/whisper.cpp",
             "quantize": "f32", "files": [{"path": f"ggml-{n}.bin"}]} for n in ("empty", "bad")]}
        (self.dir / "own.json").write_text(json.dumps(own))
        self.env |= {"VDET_MODEL_HUB": hub.url, "VDET_MODEL_CATALOGUE": str(self.dir / "own.json")}
        r = self.vdet("model", "get", "whisper-empty")
        self.assertIn("--speech-model whisper-empty", r.stdout)
        self.assertRegex(self.vdet("model", "list").stdout, r"whisper-empty +f32 +7.7 MB  MIT")
        self.vdet("model", "check")
        self.assertIn("no precisions to choose", self.vdet("model", "get", "whisper-empty:q8_0", code=2).stderr)
        self.assertIn("not a model of whisper.cpp", self.vdet("model", "get", "whisper-bad", code=1).stderr)
        r = self.vdet("doctor", code=None)
        line = next(x for x in r.stdout.splitlines() if re.match(r"\w+ +speech ", x))
        here = shutil.which("whisper-server") or (Path(self.env["VDET_RUNTIME_DIR"]) / "whisper-server").exists()
        self.assertIn("model ggml-empty" if here else "no whisper-server", line)
        self.assertIn("is ready", self.vdet("model", "add", self.dir / "ggml-empty.bin", "--name", "other").stdout)
        self.vdet("model", "rm", "whisper-empty")

    def test_catalogue(self):
        lines = [json.loads(x) for x in self.vdet("model", "list", "--all", "--json").stdout.splitlines()]
        speech = {x["name"] for x in lines if x.get("kind") == "speech"}
        self.assertLessEqual({"whisper-tiny", "whisper-base", "whisper-small", "whisper-medium", "whisper-large-v3-turbo",
                              "whisper-base-q5_1", "silero-vad"}, speech)


if __name__ == "__main__":
    flow.main()
