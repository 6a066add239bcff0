# SPDX-License-Identifier: Apache-2.0
"""A client of NATS that does harm: what a worker with valid credentials, or an administrator, can do. The protocol is text;
see docs.nats.io/reference/reference-protocols/nats-protocol."""
import json
import socket
import threading
import time


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
        self.stolen, self.over = 0, False

    def run(self):
        while not self.over and self.stolen < self.most:
            try:
                self.steal()
            except (OSError, ValueError):
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
            if self.acknowledges:
                c.publish(reply, b"+ACK")
