# SPDX-License-Identifier: Apache-2.0
"""A client of NATS that does harm: what a worker with valid credentials, or an administrator, can do. The protocol is text;
see docs.nats.io/reference/reference-protocols/nats-protocol."""
import hashlib
import json
import socket
import threading
import time
import urllib.request


class Courier:
    def __init__(self, host, address, timeout=5):
        with host:
            self.socket = socket.create_connection(address, timeout)
        self.file = self.socket.makefile("rb")
        self.file.readline()  # INFO
        self.lock = threading.Lock()
        self.send(b'CONNECT {"verbose":false,"headers":true,"no_responders":true}\r\nPING\r\n')
        self.next = 0
        self.send(b"SUB _courier.> 1\r\n")

    def send(self, data):
        with self.lock:
            self.socket.sendall(data)

    def subscribe(self, subject):
        self.send(f"SUB {subject} 2\r\n".encode())

    def publish(self, subject, data=b"", reply=""):
        self.send(f"PUB {subject} {reply} {len(data)}\r\n".encode() + data + b"\r\n")

    def read(self):
        """The next message: subject, reply, data."""
        while True:
            line = self.file.readline()
            if not line:
                raise OSError("the NATS server ended the connection")
            words = line.decode().split()
            if words[0] == "PING":
                self.send(b"PONG\r\n")
            elif words[0] in ("MSG", "HMSG"):
                fields = words[3:]
                reply = fields.pop(0) if len(fields) > (2 if words[0] == "HMSG" else 1) else ""
                head = int(fields[0]) if words[0] == "HMSG" else 0
                return words[1], reply, self.file.read(int(fields[-1]) + 2)[head:-2]

    def ask(self, subject, request=b""):
        self.next += 1
        inbox = f"_courier.{self.next}"
        self.publish(subject, request, inbox)
        while True:
            got, _, data = self.read()
            if got == inbox:
                return data

    def api(self, subject, **request):
        return json.loads(self.ask(f"$JS.API.{subject}", json.dumps(request).encode() if request else b"") or "{}")

    def streams(self):
        return self.api("STREAM.NAMES").get("streams") or []

    def close(self):
        self.file.close()
        self.socket.close()


def ready(host, address):
    """Whether JetStream answers there."""
    try:
        c = Courier(host, address, 2)
    except OSError:
        return False
    try:
        return "error" not in c.api("INFO") and "error" not in c.api("STREAM.NAMES")
    except (OSError, ValueError):
        return False
    finally:
        c.close()


class Thief(threading.Thread):
    """A worker that takes units: acknowledges them and does nothing, or only keeps them. Ends after `most` of them."""

    def __init__(self, host, address, most, acknowledges):
        super().__init__(daemon=True)
        self.host, self.address, self.most, self.acknowledges = host, address, most, acknowledges
        self.stolen, self.over, self.fault = 0, False, None

    def run(self):
        while not self.over and self.stolen < self.most:
            try:
                self.steal()
            except (OSError, ValueError, TypeError):  # also an answer of the server that is of another form
                time.sleep(0.1)

    def steal(self):
        c = Courier(self.host, self.address)
        try:
            while not self.over and self.stolen < self.most:
                for stream in [s for s in c.streams() if s.startswith("vdet-") and not s.endswith("-results")]:
                    for consumer in c.api(f"CONSUMER.NAMES.{stream}").get("consumers") or []:
                        self.take(c, stream, consumer)
                time.sleep(0.02)
        finally:
            c.close()

    def take(self, c, stream, consumer):
        c.next += 1
        inbox = f"_courier.{c.next}"
        c.publish(f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{consumer}", b'{"batch":1,"no_wait":true}', inbox)
        _, reply, data = c.read()
        if data and reply.startswith("$JS.ACK."):
            self.stolen += 1
            self.use(c, stream.removeprefix("vdet-"), reply, data)
            if self.acknowledges:
                c.publish(reply, b"+ACK")

    def use(self, c, head, reply, data):
        """It does nothing with a unit."""


class Liar(Thief):
    """A worker with the name `liar` whose results are wrong. Of one unit it says only once what counts as a failure: two
    workers that say so make a hole, and rightly."""
    NAME = "liar"
    LIES = ["frames", "cited", "other", "json", "members", "huge", "garbage", "nonce", "attempt", "missing", "blob", "failed", "notes"]

    def __init__(self, host, address, most, acknowledges, rnd):
        super().__init__(host, address, most, acknowledges)
        self.rnd, self.told, self.before = rnd, [], []

    def say(self, c, head, given, body="", **changes):
        line = {"unit": given["unit"], "state": "done", "attempt": given["attempt"], "delivery": given["delivery"], "nonce": given["nonce"],
                "fault": "", "blobs": []} | changes
        c.publish(f"vdet.{head}.result.{self.NAME}.done", f"{json.dumps(line)}\n{body}".encode())

    @staticmethod
    def answer(times):
        """As a result of a chunk with so many frames has to look."""
        sample = {"pts": 0, "decode_path": "software", "fault": "", "width": 160, "height": 90, "thumb": None}
        return {"summary": "A lie.", "endpoint": "", "attempts": 1, "decode_us": 1, "engine_us": 1, "prompt_tokens": 1, "cached_tokens": 0,
                "output_tokens": 1, "prefill_rate": 1.0, "decode_rate": 1.0, "samples": [sample] * times, "thumbs": [],
                "events": [{"subject": "a", "what": "lies", "quote": "", "samples": [0]}]}

    def use(self, c, head, reply, data):
        line, _, body = data.decode().partition("\n")
        unit = json.loads(line) | {"delivery": int(reply.split(".")[4])}
        if any(u["unit"] == unit["unit"] for u in self.before):
            return
        lie = self.rnd.choice(self.LIES)
        self.told.append(lie)
        times = len(json.loads(body)["times_us"])
        try:
            getattr(self, f"lie_{lie}")(c, head, unit, times)
        except OSError:
            raise
        except Exception as e:
            self.fault = repr(e)
        self.before.append(unit)

    def lie_frames(self, c, head, unit, times):
        self.say(c, head, unit, json.dumps(self.answer(times + 1)))

    def lie_cited(self, c, head, unit, times):
        """A frame that was never there."""
        answer = self.answer(times)
        answer["events"][0]["samples"] = [times]
        self.say(c, head, unit, json.dumps(answer))

    def lie_other(self, c, head, unit, times):
        """What was given for one unit is said of another."""
        other = self.rnd.choice(self.before) if self.before else {"unit": "0123456789ab.chunk.0.0123456789ab"}
        self.say(c, head, unit, json.dumps(self.answer(times)), unit=other["unit"])

    def lie_json(self, c, head, unit, times):
        for _ in range(4):  # it counts once
            self.say(c, head, unit, json.dumps(self.answer(times))[:-self.rnd.randint(1, 200)])

    def lie_members(self, c, head, unit, times):
        self.say(c, head, unit, json.dumps(self.answer(times) | {"command": "rm -r /"}))

    def lie_huge(self, c, head, unit, times):
        self.say(c, head, unit, json.dumps(self.answer(times) | {"summary": "x" * 300000}))

    def lie_garbage(self, c, head, unit, times):
        data = self.rnd.randbytes(self.rnd.randint(0, 3000))
        c.publish(f"vdet.{head}.result.{self.NAME}.done", data)
        c.publish(f"vdet.{head}.result.{self.NAME}.done", b'{"unit":' + b"[" * 2000)

    def lie_nonce(self, c, head, unit, times):
        self.say(c, head, unit, json.dumps(self.answer(times)), nonce=self.rnd.randbytes(16).hex())

    def lie_attempt(self, c, head, unit, times):
        for attempt in (unit["attempt"] + 1, 1 << 62, -1):
            self.say(c, head, unit, json.dumps(self.answer(times)), attempt=attempt)

    def lie_missing(self, c, head, unit, times):
        """Data that were not sent."""
        self.say(c, head, unit, json.dumps(self.answer(times)), blobs=[self.rnd.randbytes(32).hex()])

    def lie_blob(self, c, head, unit, times):
        """Data that are not what their name says."""
        name = hashlib.sha256(b"right").hexdigest()
        reply = c.ask(f"vdet.{head}.ask.{self.NAME}.address", json.dumps({"kind": "blob", "sha256": name}).encode())
        if reply.startswith(b"ok "):
            request = urllib.request.Request(json.loads(reply[3:])["url"], data=b"wrong", method="PUT")
            with self.host:
                try:
                    urllib.request.urlopen(request, timeout=2).close()
                    self.told.append("which was taken")
                except OSError:
                    pass
        self.say(c, head, unit, json.dumps({"blob": name}), blobs=[name])

    def lie_failed(self, c, head, unit, times):
        for _ in range(5):  # it counts once
            self.say(c, head, unit, state="failed", fault="I cannot\x1b[2J")

    def lie_notes(self, c, head, unit, times):
        place = f"vdet.{head}.result.{self.NAME}.note"
        for start in ({"delivery": 1 << 62}, {"attempt": 1 << 62}, {"unit": "../../x"}):
            c.publish(f"{place}.start", json.dumps({"unit": unit["unit"], "attempt": unit["attempt"], "delivery": 2} | start).encode())
        beat = {"instance": self.rnd.randbytes(16).hex(), "slots": 1 << 40, "draining": False, "models": [unit["model"]], "units": [],
                "report": {}}
        for other in ({}, {"slots": 4}, {"models": ["x" * 500] * 5000}, {"report": "not an object"}):
            c.publish(f"{place}.beat", json.dumps(beat | other).encode())
