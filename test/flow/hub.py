# SPDX-License-Identifier: Apache-2.0
"""A hub of models as Hugging Face's, for tests: a list of files, and files that it redirects to another host for.

The hub is 127.0.0.1, the host that has the files localhost; both are threads of the test. `faults` is a list of what
shall go wrong with the next requests for files: each is (kind, …), used up one a request:
    ("status", 429, {"Retry-After": "0"})    that reply, from the host that has the files
    ("hub", 403, {})                         that reply, from the hub itself
    ("cut", 1000)                            so many bytes, then the line is closed
    ("whole",)                               the whole file, as by a server that knows no ranges
    ("hold", event)                          half of the stretch, then nothing until the event is set"""
import hashlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlparse


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def reply(self, status, body=b"", headers=None):
        self.send_response(status)
        for k, v in (headers or {}).items():
            self.send_header(k, v)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        hub = self.server.hub
        with hub.lock:
            hub.requests.append((self.server.kind, self.path, dict(self.headers)))
        url = urlparse(self.path)
        if self.server.kind == "hub":
            self.at_hub(hub, unquote(url.path))
        else:
            self.at_host(hub, unquote(url.path), parse_qs(url.query))

    def at_hub(self, hub, path):
        parts = path.strip("/").split("/")
        if hub.token and self.headers.get("Authorization") != f"Bearer {hub.token}":
            return self.reply(401, b"", {"X-Error-Message": "Access to this model is restricted"})
        if parts[:2] == ["api", "models"] and "/".join(parts[2:4]) == hub.repository and parts[4] == "tree":
            return self.reply(200, json.dumps(hub.listing()).encode(), {"Content-Type": "application/json"})
        name = "/".join(parts[4:])
        if "/".join(parts[:2]) != hub.repository or parts[2:3] != ["resolve"] or name not in hub.files:
            return self.reply(404, b"no such thing", {"X-Error-Message": "Entry not found"})
        fault = hub.next_fault("hub")
        if fault:
            return self.reply(fault[1], b"", fault[2])
        with hub.lock:
            hub.signature += 1
            signature = hub.signature
        return self.reply(302, b"", {
            "Location": f"http://localhost:{hub.host_port}/{name}?signature={signature}",
            "X-Linked-Size": str(hub.said_size or len(hub.files[name])), "X-Linked-Etag": f'"{hub.hash_of(name)}"'})

    def at_host(self, hub, path, query):
        data = hub.files.get(path.lstrip("/"))
        if data is None:
            return self.reply(404)
        if int(query["signature"][0]) < hub.oldest_signature:
            return self.reply(403, b"<Error>expired</Error>")
        asked, first, last = self.headers.get("Range"), 0, len(data) - 1
        if asked:
            a, b = asked.removeprefix("bytes=").split("-")
            first, last = int(a), min(int(b), len(data) - 1)
            if first >= len(data):
                return self.reply(416)
        probe = asked == "bytes=0-0"
        fault = None if probe and hub.faults[:1] != [("whole",)] else hub.next_fault("status", "cut", "whole", "hold")
        if fault and fault[0] == "status":
            return self.reply(fault[1], b"", fault[2])
        if hub.no_ranges:
            asked, first, last = None, 0, len(data) - 1
        body = data[first:last + 1]
        self.send_response(206 if asked else 200)
        if asked:
            self.send_header("Content-Range", f"bytes {first}-{last}/{hub.said_size or len(data)}")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        try:
            if fault and fault[0] == "hold":
                self.wfile.write(body[:len(body) // 2])
                self.wfile.flush()
                fault[1].set()
                hub.released.wait(60)
            elif fault and fault[0] == "cut":
                self.wfile.write(body[:fault[1]])
                self.close_connection = True
            else:
                self.wfile.write(body)
        except OSError:
            pass  # who asked is gone


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        pass  # who asked is gone


class Hub:
    def __init__(self, repository, files):
        self.repository, self.files = repository, files
        self.requests, self.faults, self.lock = [], [], threading.Lock()
        self.token = self.said_size = None
        self.hashes = {}  # said instead of the true ones
        self.signature, self.oldest_signature, self.no_ranges = 0, 0, False
        self.released = threading.Event()
        self.servers = []
        for kind, host in (("hub", "127.0.0.1"), ("host", "localhost")):
            server = Server((host, 0), Handler)
            server.hub, server.kind = self, kind
            threading.Thread(target=server.serve_forever, daemon=True).start()
            self.servers.append(server)
        self.url = f"http://127.0.0.1:{self.servers[0].server_port}"
        self.host_port = self.servers[1].server_port

    def hash_of(self, name):
        return self.hashes.get(name) or hashlib.sha256(self.files[name]).hexdigest()

    def listing(self):
        return [{"type": "file", "path": n, "size": len(d), "oid": "0" * 40,
                 "lfs": {"oid": self.hash_of(n), "size": self.said_size or len(d), "pointerSize": 134}}
                for n, d in self.files.items()] + [{"type": "file", "path": "README.md", "size": 3, "oid": "1" * 40}]

    def next_fault(self, *kinds):
        with self.lock:
            return self.faults.pop(0) if self.faults and self.faults[0][0] in kinds else None

    def asked(self, kind, name=""):
        with self.lock:
            return [(path, headers) for k, path, headers in self.requests if k == kind and name in path]

    def stop(self):
        self.released.set()
        for s in self.servers:
            s.shutdown()
            s.server_close()
