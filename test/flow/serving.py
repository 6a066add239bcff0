# SPDX-License-Identifier: Apache-2.0
"""A running `vdet serve` and what talks to it: HTTP by http.client, and a WebSocket client of some lines.

request() and its kin give whatever reply comes; api() and change() the JSON of one that has to be good."""
import base64
import hashlib
import http.client
import json
import os
import re
import select
import signal
import socket
import struct
import subprocess

from flow import TIMEOUT, VDET, Flow


class Reply:
    def __init__(self, response, body):
        self.status, self.headers, self.body = response.status, response.headers, body

    @property
    def json(self):
        return json.loads(self.body)


class Socket:
    """A WebSocket client (RFC 6455) that is as small as can be. Answers pings; says how it was closed."""

    def __init__(self, port, path="/api/v1/events", headers=None, receive_buffer=None):
        self.s = socket.socket()
        if receive_buffer:
            self.s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.s.settimeout(TIMEOUT)
        self.s.connect(("127.0.0.1", port))
        key = base64.b64encode(os.urandom(16)).decode()
        lines = [f"GET {path} HTTP/1.1", f"Host: 127.0.0.1:{port}", "Upgrade: websocket", "Connection: Upgrade",
                 f"Sec-WebSocket-Key: {key}", "Sec-WebSocket-Version: 13"]
        lines += [f"{k}: {v}" for k, v in (headers or {}).items()]
        self.s.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        self.data, self.closed, self.seen = b"", None, []
        while b"\r\n\r\n" not in self.data:
            got = self.s.recv(4096)
            if not got:
                break
            self.data += got
        head, _, self.data = self.data.partition(b"\r\n\r\n")
        self.status = int(head.split()[1]) if head else 0
        self.head = head.decode()
        if self.status == 101:
            want = base64.b64encode(hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()).decode()
            assert want in self.head, self.head

    def _read(self, n):
        while len(self.data) < n:
            got = self.s.recv(65536)
            if not got:
                raise EOFError("the socket ended without a close frame")
            self.data += got
        out, self.data = self.data[:n], self.data[n:]
        return out

    def send(self, data, opcode=1, final=True):
        if isinstance(data, (dict, list)):
            data = json.dumps(data)
        if isinstance(data, str):
            data = data.encode()
        n = len(data)
        size = bytes([0x80 | n]) if n < 126 else b"\xfe" + struct.pack(">H", n) if n < 65536 else b"\xff" + struct.pack(">Q", n)
        self.s.sendall(bytes([(0x80 if final else 0) | opcode]) + size + bytes(4) + data)

    def next(self):
        """The next message as JSON; None once the server has closed (see .closed: code and reason)."""
        while True:
            first, second = self._read(2)
            n = second & 0x7F
            if n >= 126:
                n = struct.unpack(">H" if n == 126 else ">Q", self._read(2 if n == 126 else 8))[0]
            data, opcode = self._read(n), first & 15
            if opcode == 8:
                self.closed = (struct.unpack(">H", data[:2])[0] if n >= 2 else 1005, data[2:].decode())
                return None
            if opcode == 9:
                self.send(data, opcode=10)
            elif opcode in (1, 2):
                return json.loads(data)

    def quiet(self, seconds):
        """Whether nothing comes for a while."""
        return not self.data and not select.select([self.s], [], [], seconds)[0]

    def until(self, test):
        """Messages up to the one that passes the test."""
        out = []
        while True:
            m = self.next()
            if m is None:
                raise EOFError(f"closed: {self.closed}")
            out.append(m)
            if test(m):
                return out

    def event(self, kind, **wanted):
        """The next event of this type whose members, or those of its data, are these; what came until then is in .seen."""
        def fits(m):
            return m["type"] == kind and all(m.get(k, (m.get("data") or {}).get(k)) == v for k, v in wanted.items())
        self.seen += self.until(fits)
        return self.seen[-1]

    def state(self, job, *states):
        """Waits until the job is in one of these states; its data then."""
        while (data := self.event("job", job=job)["data"])["state"] not in states:
            pass
        return data

    def close(self):
        self.s.close()


class Server:
    """`vdet serve` on a free port. `inherit`: listening sockets that it gets as systemd gives them."""

    def __init__(self, test, *options, listen="127.0.0.1:0", env=None, inherit=()):
        self.test = test
        self.errors = open(test.dir / "serve.err", "a+")
        command = [VDET, "serve", "--listen", listen, *map(str, options)]
        if inherit:  # a shell puts them where they belong, and keeps its number as the program takes its place
            moves = " ".join(f"{n}<&{s.fileno()}" for n, s in enumerate(inherit, 3))
            command = ["sh", "-c", f'export LISTEN_PID=$$ LISTEN_FDS={len(inherit)}; exec "$@" {moves}', "sh", *command]
        self.process = subprocess.Popen(command, cwd=test.dir, env=test.env | (env or {}), stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=self.errors, text=True,
                                        pass_fds=[s.fileno() for s in inherit])
        test.addCleanup(self.kill)
        line = ""
        while not (m := re.search(r"https?://[^:/\s]+:(\d+)|unix:\S+", line)):
            line = self.process.stdout.readline()
            if not line:
                raise AssertionError(f"vdet serve ended: {self.process.wait()}\n{self.log()}")
        self.port = int(m.group(1)) if m.group(1) else 0
        self.cookie = None

    def log(self):
        self.errors.flush()
        return (self.test.dir / "serve.err").read_text()

    def request(self, method, path, body=None, headers=None, token=None, timeout=TIMEOUT):
        headers = dict(headers or {})
        if isinstance(body, (dict, list)):
            body = json.dumps(body)
            headers.setdefault("Content-Type", "application/json")
        if token:
            headers["Authorization"] = f"Bearer {token}"
        if self.cookie:
            headers["Cookie"] = self.cookie
        c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            c.request(method, path, body=body, headers=headers)
            r = c.getresponse()
            return Reply(r, r.read())
        finally:
            c.close()

    def get(self, path, **kw):
        return self.request("GET", path, **kw)

    def post(self, path, body=None, **kw):
        return self.request("POST", path, body, **kw)

    def api(self, path, **kw):
        """The JSON of an address that has to be there."""
        r = self.get("/api/v1" + path, **kw)
        assert r.status == 200, (r.status, r.body)
        return r.json

    def change(self, method, path, body=None, status=(200, 201, 202, 204), **kw):
        """The JSON of a request that has to work; None where there is none."""
        r = self.request(method, "/api/v1" + path, {} if body is None and method == "POST" else body, **kw)
        assert r.status in status, (r.status, r.body)
        return r.json if r.body else None

    def socket(self, since=None, **kw):
        w = Socket(self.port, "/api/v1/events" + (f"?since={since}" if since is not None else ""), **kw)
        self.test.addCleanup(w.close)
        return w

    def raw(self, data, timeout=TIMEOUT, hang_up=True):
        """Sends bytes as they are, and no more; what comes back until the server closes."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=timeout) as s:
            s.sendall(data)
            if hang_up:
                s.shutdown(socket.SHUT_WR)
            out = b""
            try:
                while got := s.recv(65536):
                    out += got
            except (ConnectionError, TimeoutError):
                pass
            return out

    def upload(self, data, name="video.mp4", piece=1 << 20, token=None, **metadata):
        """By tus, in pieces; the last reply."""
        meta = ",".join(f"{k} {base64.b64encode(str(v).encode()).decode()}" for k, v in {"filename": name, **metadata}.items())
        tus = {"Tus-Resumable": "1.0.0"}
        r = self.post("/api/v1/uploads", headers=tus | {"Upload-Length": str(len(data)), "Upload-Metadata": meta,
                                                        "Content-Length": "0"}, token=token)
        assert r.status == 201, (r.status, r.body)
        where, at = r.headers["Location"], 0
        while at < len(data):
            r = self.request("PATCH", where, data[at:at + piece], token=token, headers=tus | {
                "Upload-Offset": str(at), "Content-Type": "application/offset+octet-stream"})
            assert r.status == 204, (r.status, r.body)
            at = int(r.headers["Upload-Offset"])
        return r

    def wait(self, path, test, seconds=TIMEOUT):
        """Follows the events until what the address says passes the test; gives that."""
        s = self.socket()
        try:
            s.s.settimeout(seconds)
            while not test(value := self.api(path)):
                s.next()
            return value
        finally:
            s.close()

    def stop(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        code = self.process.wait(TIMEOUT)
        return code

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        log = self.log()
        self.errors.close()
        self.test.no_faults(log)


class Serving(Flow):
    def serve(self, *options, **kw):
        return Server(self, *options, **kw)
