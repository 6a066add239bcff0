"""A running `vdet serve` for the tests: its API, and its stream of events by a small WebSocket client of our own."""
import base64
import json
import os
import signal
import socket
import struct
import urllib.error
import urllib.request
from urllib.parse import urlparse

from flow import TIMEOUT


class Problem(Exception):
    def __init__(self, status, body):
        super().__init__(f"{status}: {body}")
        self.status, self.body = status, body


class Server:
    """Started by Flow.start(); the address comes from its first line."""

    def __init__(self, test, *args):
        self.test = test
        self.process = test.start("serve", "--listen", "127.0.0.1:0", "--progress", "plain", *args)
        line = self.process.stdout.readline()
        if "http://" not in line:
            self.process.wait()
            test.fail(f"no server: {line}{self.process.stderr.read()}")
        self.url = "http://" + line.split("http://")[1].strip().rstrip("/")

    def stop(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        return self.process.wait(TIMEOUT)

    def raw(self, method, path, body=None, headers=()):
        data = body if isinstance(body, (bytes, type(None))) else json.dumps(body).encode()
        r = urllib.request.Request(self.url + path, data=data, method=method, headers=dict(headers))
        if data is not None and not r.has_header("Content-type"):
            r.add_header("Content-Type", "application/json")
        try:
            with urllib.request.urlopen(r, timeout=TIMEOUT) as answer:
                return answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as e:
            raise Problem(e.code, e.read().decode()) from None

    def api(self, method, path, body=None):
        _, _, text = self.raw(method, "/api/v1" + path, body)
        return json.loads(text) if text else None

    def get(self, path):
        return self.api("GET", path)

    def events(self, since=None):
        e = Events(self.url, since)
        self.test.addCleanup(e.close)
        return e

    def upload(self, data, **metadata):
        """One video in one piece by tus; gives the ids of video and job."""
        pairs = ",".join(f"{k} {base64.b64encode(v.encode()).decode()}" for k, v in metadata.items())
        _, head, _ = self.raw("POST", "/api/v1/uploads", b"", {"Tus-Resumable": "1.0.0", "Upload-Length": str(len(data)),
                                                              "Upload-Metadata": pairs, "Content-Type": "text/plain"})
        path = urlparse(head["Location"]).path
        _, head, _ = self.raw("PATCH", path, data, {"Tus-Resumable": "1.0.0", "Upload-Offset": "0",
                                                   "Content-Type": "application/offset+octet-stream"})
        return head.get("Vdet-Video"), head.get("Vdet-Job")


class Events:
    """A WebSocket that only reads (and answers pings). After `since`, if given."""

    def __init__(self, url, since=None):
        at = urlparse(url)
        self.socket = socket.create_connection((at.hostname, at.port), TIMEOUT)
        path = "/api/v1/events" + (f"?since={since}" if since is not None else "")
        key = base64.b64encode(os.urandom(16)).decode()
        self.socket.sendall((f"GET {path} HTTP/1.1\r\nHost: {at.netloc}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                             f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\nOrigin: {url}\r\n\r\n").encode())
        self.file = self.socket.makefile("rb")
        status = self.file.readline()
        if b" 101 " not in status:
            raise ConnectionError(status)
        while self.file.readline().strip():
            pass
        self.seen = []

    def read(self, n):
        data = self.file.read(n)
        if len(data) < n:
            raise EOFError("the socket was closed")
        return data

    def message(self):
        text = b""
        while True:
            first, second = self.read(2)
            length = second & 127
            if length > 125:
                length = struct.unpack(">H" if length == 126 else ">Q", self.read(2 if length == 126 else 8))[0]
            data = self.read(length)
            kind = first & 15
            if kind == 9:
                mask = os.urandom(4)
                self.socket.sendall(bytes([0x8A, 0x80 | length]) + mask +
                                    bytes(b ^ mask[i % 4] for i, b in enumerate(data)))
            elif kind == 8:
                raise EOFError(f"the socket was closed: {data!r}")
            elif kind != 10:
                text += data
                if first & 128:
                    return json.loads(text)

    def next(self, kind, **wanted):
        """The next event of this type whose data has these members."""
        while True:
            e = self.message()
            self.seen.append(e)
            data = e.get("data") or {}
            if e["type"] == kind and all(e.get(k, data.get(k)) == v for k, v in wanted.items()):
                return e

    def state(self, job, *states):
        """Waits until the job is in one of these states; its data then."""
        while True:
            e = self.next("job", job=job)
            if e["data"]["state"] in states:
                return e["data"]

    def close(self):
        self.file.close()
        self.socket.close()
