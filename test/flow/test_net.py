#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The server's outside: access, HTTP in its corners, uploads that break off, sockets, and clients that mean harm."""
import json
import os
import resource
import socket
import ssl
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from flow import TIMEOUT, VDET, make_video
from serving import Serving, Socket

TUS = {"Tus-Resumable": "1.0.0"}
PIECE = TUS | {"Content-Type": "application/offset+octet-stream"}


class Net(Serving):
    def serve(self, *options, **kw):
        if not hasattr(self, "answers"):
            self.answers = self.engine()
        return super().serve("--engine", self.answers.url, *options, **kw)

    def token(self, name, role):
        return self.vdet("token", "add", name, "--role", role).stdout.strip()

    def problem(self, reply, status, word=""):
        self.assertEqual(reply.status, status, reply.body)
        self.assertEqual(reply.headers["Content-Type"], "application/problem+json")
        self.assertEqual(reply.json["status"], status)
        self.assertIn(word, reply.json["detail"])
        return reply

    def video(self):
        return make_video(self.dir / "a.mp4", 4).read_bytes()


class Access(Net):
    def test_others_are_let_in_only_with_a_token(self):
        r = self.vdet("serve", "--listen", "0.0.0.0:0", "--engine", "http://127.0.0.1:9/v1", code=1)
        self.assertIn("vdet token add", r.stderr)
        self.assertIn("--net-open", r.stderr)
        r = self.vdet("serve", "--listen", "nonsense", "--engine", "http://127.0.0.1:9/v1", code=2)
        self.assertIn("HOST:PORT", r.stderr)

    def certificate(self):
        cert, key = self.dir / "cert.pem", self.dir / "key.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-keyout", key,
                        "-out", cert], check=True, capture_output=True)
        return cert, key

    def test_tls_is_not_authentication(self):
        cert, key = self.certificate()
        r = self.vdet("serve", "--listen", "0.0.0.0:0", "--tls-cert", cert, "--tls-key", key, "--engine", "http://127.0.0.1:9/v1",
                      code=1)
        self.assertIn("--net-open", r.stderr)
        s = self.serve("--net-open", listen="0.0.0.0:0")
        self.assertEqual(s.api("/me")["role"], "admin")
        self.assertIn("not authenticated", s.log())

    def test_the_last_admin_stays(self):
        tokens = {name: self.token(name, role) for name, role in (("one", "admin"), ("two", "admin"), ("other", "view"))}
        s = self.serve()
        self.assertEqual(s.request("DELETE", "/api/v1/tokens/two", token=tokens["one"]).status, 204)
        self.problem(s.request("DELETE", "/api/v1/tokens/one", token=tokens["one"]), 409, "last")
        self.assertEqual(s.request("DELETE", "/api/v1/tokens/other", token=tokens["one"]).status, 204)
        self.assertEqual(s.api("/me", token=tokens["one"])["user"], "one")

    def test_other_sites_read_nothing_without_a_login(self):
        s = self.serve("--net-origins", "https://cases.example.org")
        cross = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}
        for path in "/api/v1/videos", "/api/v1/openapi.json", "/app.js":
            r = self.problem(s.get(path, headers=cross), 403, "origin")
            self.assertEqual(r.headers["Cross-Origin-Resource-Policy"], "same-origin")
        self.problem(s.get("/api/v1/videos", headers=cross | {"Sec-Fetch-Site": "same-site"}), 403)
        self.problem(s.get("/api/v1/videos", headers=cross | {"Sec-Fetch-Mode": "navigate"}), 403)
        self.assertEqual(s.get("/", headers=cross | {"Sec-Fetch-Mode": "navigate"}).status, 200)  # a link to the page
        self.assertEqual(s.get("/api/v1/videos", headers={"Sec-Fetch-Site": "same-origin"}).status, 200)
        r = s.get("/api/v1/videos", headers=cross | {"Sec-Fetch-Mode": "cors", "Origin": "https://cases.example.org"})
        self.assertEqual((r.status, r.headers["Cross-Origin-Resource-Policy"]), (200, "cross-origin"))

    def test_roles(self):
        tokens = {role: self.token(role, role) for role in ("view", "submit", "admin")}
        s = self.serve(listen="0.0.0.0:0")
        self.problem(s.get("/api/v1/jobs"), 401)
        self.problem(s.get("/api/v1/jobs", token="vdet_guess"), 401, "unknown token")
        self.assertEqual(s.get("/healthz").status, 200)
        self.assertEqual(s.get("/").status, 200)
        self.assertEqual(s.api("/me", token=tokens["view"])["role"], "view")
        self.problem(s.post("/api/v1/jobs", {"video": "1"}, token=tokens["view"]), 403, "submit")
        self.problem(s.post("/api/v1/jobs", {"video": "99"}, token=tokens["submit"]), 404)
        self.problem(s.post("/api/v1/jobs/99/subjects/edits", {"kind": "undo"}, token=tokens["view"]), 403, "submit")
        question = {"question": "Who?", "all": True}
        self.problem(s.post("/api/v1/asks", question, token=tokens["view"]), 403, "submit")
        self.problem(s.post("/api/v1/asks", question, token=tokens["submit"]), 409)  # there is no video
        self.problem(s.post("/api/v1/asks", question), 401)
        for method, path in ("POST", "/api/v1/asks/9/cancel"), ("DELETE", "/api/v1/asks/9"):
            self.problem(s.request(method, path, headers={"Content-Length": "0"}, token=tokens["view"]), 403, "submit")
            self.problem(s.request(method, path, headers={"Content-Length": "0"}, token=tokens["submit"]), 404)
        for path in "/api/v1/asks/9", "/api/v1/asks/9/answer.html", "/api/v1/asks/9/pictures/1/0":
            self.problem(s.get(path), 401)
            self.problem(s.get(path, token=tokens["view"]), 404)
        self.assertEqual(s.get("/api/v1/asks", token=tokens["view"]).json["asks"], [])
        self.problem(s.post("/api/v1/watches", question, token=tokens["view"]), 403, "submit")
        self.problem(s.post("/api/v1/watches", question | {"webhook": "http://example.org"}, token=tokens["submit"]), 403, "administrator")
        self.problem(s.request("DELETE", "/api/v1/watches/9", token=tokens["view"]), 403, "submit")
        self.problem(s.request("DELETE", "/api/v1/watches/9", token=tokens["submit"]), 404)
        self.problem(s.get("/api/v1/watches/9"), 401)
        self.assertEqual(s.get("/api/v1/watches", token=tokens["view"]).json["watches"], [])
        self.problem(s.post("/api/v1/jobs/99/subjects/edits", {"kind": "undo"}, token=tokens["submit"]), 404)
        self.problem(s.get("/api/v1/jobs/99/subjects", token=tokens["view"]), 404)
        self.problem(s.get("/api/v1/jobs/99/transcript", token=tokens["view"]), 404)
        self.problem(s.get("/api/v1/tokens", token=tokens["submit"]), 403)
        self.assertEqual(len(s.api("/tokens", token=tokens["admin"])["tokens"]), 3)
        new = s.post("/api/v1/tokens", {"name": "x", "role": "view"}, token=tokens["admin"])
        self.assertEqual(new.status, 201)
        self.assertEqual(s.get("/api/v1/jobs", token=new.json["token"]).status, 200)
        self.assertEqual(s.request("DELETE", "/api/v1/tokens/x", token=tokens["admin"]).status, 204)
        self.problem(s.get("/api/v1/jobs", token=new.json["token"]), 401)
        self.assertEqual(Socket(s.port).status, 401)
        w = Socket(s.port, headers={"Authorization": "Bearer " + tokens["view"]})
        self.assertEqual(w.next()["type"], "hello")
        self.assertEqual(s.api("/sessions", token=tokens["view"])["sessions"][0]["user"], "view")
        w.close()
        # A token made while the server runs counts at once; one taken away no longer does.
        late = self.token("late", "view")
        self.assertEqual(s.get("/api/v1/jobs", token=late).status, 200)
        self.vdet("token", "rm", "late")
        self.problem(s.get("/api/v1/jobs", token=late), 401)

    def test_login(self):
        subprocess.run([VDET, "token", "add", "eva", "--user", "--role", "admin"], env=self.env, input="a long password\n",
                       text=True, check=True, capture_output=True)
        s = self.serve()
        self.problem(s.post("/api/v1/login", {"user": "eva", "password": "wrong"}), 401)
        self.problem(s.post("/api/v1/login", {"user": "nobody", "password": "wrong"}), 401)
        self.problem(s.post("/api/v1/login", {"user": 1}), 400)
        r = s.post("/api/v1/login", {"user": "eva", "password": "a long password"})
        self.assertEqual((r.status, r.json["role"]), (200, "admin"))
        cookie = r.headers["Set-Cookie"]
        self.assertIn("HttpOnly", cookie)
        self.assertIn("SameSite=Strict", cookie)
        s.cookie = cookie.split(";")[0]
        self.assertEqual(s.api("/me")["user"], "eva")
        # Another page of the same browser is not eva.
        self.problem(s.post("/api/v1/jobs", {"video": "1"}, headers={"Origin": "http://evil.example"}), 403, "origin")
        self.problem(s.request("DELETE", "/api/v1/jobs/1", headers={"Sec-Fetch-Site": "cross-site"}), 403)
        self.assertEqual(Socket(s.port, headers={"Cookie": s.cookie, "Origin": "http://evil.example"}).status, 403)
        # Sessions survive a restart, but not a logout.
        s.stop()
        t = self.serve()
        t.cookie = s.cookie
        self.assertEqual(t.api("/me")["user"], "eva")
        self.assertEqual(t.post("/api/v1/logout").status, 204)
        self.problem(t.get("/api/v1/me"), 401)
        t.cookie = None
        # All at once: one after the other, a busy machine hashes so slowly that the allowance comes back meanwhile.
        with ThreadPoolExecutor(24) as pool:
            replies = list(pool.map(lambda _: t.post("/api/v1/login", {"user": "eva", "password": "wrong"}), range(24)))
        refused = [r for r in replies if r.status != 401]
        self.assertTrue(refused)
        self.problem(refused[0], 429)
        self.assertGreaterEqual(int(refused[0].headers["Retry-After"]), 1)

    def test_rebinding_and_other_origins(self):
        s = self.serve("--net-origins", "https://cases.example.org", "--net-hosts", "den.example.org")
        for host, status in ("evil.example", 403), ("localhost", 200), ("den.example.org:81", 200), ("[::1]:80", 200):
            self.assertEqual(s.get("/api/v1/jobs", headers={"Host": host}).status, status, host)
        r = s.get("/api/v1/jobs", headers={"Origin": "https://cases.example.org"})
        self.assertEqual(r.headers["Access-Control-Allow-Origin"], "https://cases.example.org")
        r = s.get("/api/v1/jobs", headers={"Origin": "https://evil.example.org"})
        self.assertIsNone(r.headers["Access-Control-Allow-Origin"])
        ask = {"Access-Control-Request-Method": "PATCH"}
        r = s.request("OPTIONS", "/api/v1/jobs/1", headers=ask | {"Origin": "https://cases.example.org"})
        self.assertEqual(r.status, 204)
        self.assertIn("PATCH", r.headers["Access-Control-Allow-Methods"])
        r = s.request("OPTIONS", "/api/v1/jobs/1", headers=ask | {"Origin": "https://evil.example.org"})
        self.assertIsNone(r.headers["Access-Control-Allow-Methods"])

    def test_tls_and_unix_socket(self):
        cert, key = self.certificate()
        path = self.dir / "vdet.sock"
        r = self.vdet("serve", "--listen", "127.0.0.1:0", "--engine", "http://127.0.0.1:9/v1", "--tls-cert", cert, code=2)
        self.assertIn("--tls-key", r.stderr)
        s = self.serve("--tls-cert", cert, "--tls-key", key, listen=f"127.0.0.1:0,unix:{path}")
        context = ssl.create_default_context(cafile=cert)
        context.check_hostname = False
        with context.wrap_socket(socket.create_connection(("127.0.0.1", s.port))) as c:
            c.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            self.assertIn(b"200 OK", c.recv(1000))
        self.assertTrue(path.exists())
        self.assertEqual(s.stop(), 0)
        self.assertFalse(path.exists())


class Http(Net):
    def test_every_route_of_the_document_answers(self):
        s = self.serve()
        doc = s.api("/openapi.json")
        for path, item in doc["paths"].items():
            for method, op in item.items():
                if method == "parameters":
                    continue
                place = path.replace("{id}", "987654321").replace("{name}", "nobody").replace("{sheet}", "1")
                r = s.request(method.upper(), place, headers={"Content-Length": "0"} if method in ("post", "patch") else {})
                self.assertIn(str(r.status), [*op["responses"], "412", "411", "415", "400"], f"{method} {path}: {r.body}")
                self.assertLess(r.status, 500, f"{method} {path}: {r.body}")
                if r.status >= 400 and r.body:
                    self.assertEqual(r.headers["Content-Type"], "application/problem+json")

    def test_wrong_requests(self):
        s = self.serve()
        big = "x" * 40000
        for status, method, path, body, headers in [
                (404, "GET", "/nothing", None, {}), (404, "GET", "/api/v1/jobs/999", None, {}),
                (404, "GET", "/api/v1/jobs/0x1", None, {}), (404, "GET", "/api/v1/jobs/-1", None, {}),
                (400, "GET", "/api/v1/jobs/1%0d%0aHost:%20evil", None, {}), (404, "GET", "/api/v1/jobs/99999999999999999999", None, {}),
                (404, "GET", "/api/v1/videos/..%2f..%2fetc%2fpasswd/source", None, {}),
                (404, "GET", "/../../etc/passwd", None, {}), (404, "GET", "/%2e%2e/%2e%2e/etc/passwd", None, {}),
                (405, "DELETE", "/api/v1/jobs", None, {}), (405, "POST", "/healthz", None, {"Content-Length": "0"}),
                (400, "POST", "/api/v1/jobs", "{bad", {"Content-Type": "application/json"}),
                (400, "POST", "/api/v1/jobs", "[1]", {"Content-Type": "application/json"}),
                (400, "POST", "/api/v1/jobs", "", {"Content-Type": "application/json"}),
                (400, "POST", "/api/v1/jobs", {}, {}), (400, "POST", "/api/v1/jobs", {"path": 5}, {}),
                (415, "POST", "/api/v1/jobs", "video=1", {"Content-Type": "application/x-www-form-urlencoded"}),
                (413, "POST", "/api/v1/jobs", {"prompt": "x" * 300000}, {}),
                (400, "GET", "/api/v1/search", None, {}), (400, "GET", "/api/v1/search?q=x&limit=0", None, {}),
                (400, "GET", "/api/v1/search?q=x&limit=1e3", None, {}),
                (400, "GET", "/api/v1/search?q=x&skip=-1", None, {}), (400, "GET", "/api/v1/search?q=x&kind=video", None, {}),
                (400, "GET", "/api/v1/search?q=x&from=x", None, {}), (400, "GET", "/api/v1/search?q=x&to=-1", None, {}),
                (400, "GET", "/api/v1/search?q=x&video=0", None, {}), (404, "GET", "/api/v1/search?q=x&video=77", None, {}),
                (400, "GET", "/api/v1/videos/1/frames", None, {}), (400, "GET", "/api/v1/videos/1/frames?t=nan", None, {}),
                (400, "GET", "/api/v1/videos/1/frames?t=-1", None, {}),
                (400, "GET", "/api/v1/jobs/1/report?format=exe", None, {}),
                (414, "GET", "/api/v1/search?q=" + "x" * 3000, None, {}),
                (431, "GET", "/api/v1/jobs", None, {"Cookie": "x" * 9000}),
                (431, "GET", "/api/v1/jobs", None, {"Cookie": "x" * 30000}),
                (414, "GET", "/" + "x" * 20000, None, {}),
                (426, "GET", "/api/v1/events", None, {}),
                (400, "PATCH", "/api/v1/settings", {"chunk.duration": "soon"}, {}),
                (400, "PATCH", "/api/v1/settings", {"engine.url": "http://evil"}, {})]:
            r = s.request(method, path, body, headers)
            if status == 404 and r.status == 400:
                continue  # refused even before the route was looked for
            self.problem(r, status)
        for text in (b"", b"\0" * 100, b"GET\r\n\r\n", b"GET /healthz%00 HTTP/1.1\r\nHost: localhost\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n",
                     b"GET /" + big.encode() + b" HTTP/1.1\r\n\r\n", b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 9000 + b"\r\n",
                     b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
                     b"POST /api/v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Length: -5\r\n\r\n",
                     b"POST /api/v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef"):
            self.assertNotIn(b" 200 ", s.raw(text))
        chunked = (b"POST /api/v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                   b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\nGET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        out = s.raw(chunked, hang_up=False)
        self.assertIn(b" 411 ", out)
        self.assertNotIn(b" 200 ", out)  # what follows is not a second request
        self.assertEqual(s.get("/healthz").status, 200)

    def test_malformed_requests(self):
        """What is not a request of HTTP/1.1 is answered with a problem document, whether the client hangs up or waits."""
        s = self.serve()

        def get(path="/", *headers, method="GET", version="HTTP/1.1", host="Host: localhost"):
            return "\r\n".join([f"{method} {path} {version}", *([host] if host else []), *headers, "", ""])
        post = {"path": "/api/v1/jobs", "method": "POST"}
        for status, text in [
                (400, get("/%zz")), (400, get("/%")), (400, get("/%4")), (400, get("/a%00b")), (400, get("/a%0d%0ab")),
                (400, get("/api/v1/search?q=%00")), (400, get("/\x01")), (400, get("http://localhost/healthz")), (400, get("healthz")),
                (400, get("*")),
                (501, get("example.org:443", method="CONNECT")), (501, get(method="TRACE")), (501, get(method="FOO")),
                (405, get(method="PUT", path="/healthz")), (400, "GET\r\n\r\n"), (400, "GET /\r\n\r\n"), (400, "\r\n\r\n"),
                (505, get(version="HTTP/9.9")), (505, get(version="HTTP/2.0")), (400, get(version="FTP/1.1")),
                (400, "\0" * 100), (400, "\x16\x03\x01\x02\x00\x01\x00\x01"), (400, get(host=None)), (400, get("/", "Host: localhost")),
                (403, get(version="HTTP/1.0", host=None)), (400, get("/", "X : y")), (400, get("/", "no colon")),
                (400, get("/", "X: a", " b")), (400, get("/", "X: a\0b")), (400, get("/", "Upgrade: h2c", "Connection: Upgrade")),
                (414, get("/" + "x" * 9000)), (414, get("/" + "x" * 200000)), (431, get("/", "X: " + "y" * 9000)),
                (431, get("/", *["X: y"] * 9000)), (431, get("/", *["Cookie: a=b"] * 90)), (431, get("/", *["X: " + "y" * 8000] * 4)),
                (400, get(**post, host="Host: x\r\nContent-Length: five")), (400, get(**post, host="Host: x\r\nContent-Length: -5")),
                (400, get(**post, host="Host: x\r\nContent-Length: 99999999999999999999")),
                (400, get(**post, host="Host: x\r\nContent-Length: 5\r\nContent-Length: 6") + "abcdef")]:
            for hang_up in True, False:
                with self.subTest(request=text[:60], hang_up=hang_up):
                    out = s.raw(text.encode("latin-1"), hang_up=hang_up)
                    head, _, body = out.partition(b"\r\n\r\n")
                    self.assertEqual(head.split()[1:2], [str(status).encode()], out)
                    self.assertIn(b"Content-Type: application/problem+json", head)
                    self.assertIn(b"Connection: close", head)
                    problem = json.loads(body)
                    self.assertEqual(problem["status"], status)
                    self.assertTrue(problem["detail"])
        self.assertIn(b"204 No Content", s.raw(get("*", method="OPTIONS").encode()))
        self.assertIn(b"Allow: GET", s.raw(get("*", method="OPTIONS").encode()))
        self.assertIn(b" 200 OK", s.raw(b"GET /healthz HTTP/1.0\r\nHost: localhost\r\n\r\n"))
        self.assertIn(b" 200 OK", s.raw(get("/app.js", "Range: bytes=x-y", "Connection: close").encode()))  # such a range is ignored
        # Byte by byte, and a client that leaves without a word.
        with socket.create_connection(("127.0.0.1", s.port), timeout=TIMEOUT) as c:
            for byte in get("/healthz", "Connection: close"):
                c.sendall(byte.encode())
            self.assertIn(b" 200 OK", c.recv(1000))
        self.assertEqual(s.raw(b""), b"")
        # On an open connection the library is the first to see a request: it refuses this one without a document.
        out = s.raw(get("/healthz").encode() + get("/%zz").encode())
        self.assertIn(b" 200 OK", out)
        self.assertEqual(s.get("/healthz").status, 200)

    def test_no_descriptor_is_left(self):
        """Connections beyond the limit of the system are closed, and not asked for again and again."""
        s = self.serve()
        soft, hard = resource.prlimit(s.process.pid, resource.RLIMIT_NOFILE)
        few = max(map(int, os.listdir(f"/proc/{s.process.pid}/fd"))) + 4
        resource.prlimit(s.process.pid, resource.RLIMIT_NOFILE, (few, hard))
        many = [socket.create_connection(("127.0.0.1", s.port), timeout=TIMEOUT) for _ in range(few + 10)]
        self.assertEqual(many[-1].recv(1), b"")
        resource.prlimit(s.process.pid, resource.RLIMIT_NOFILE, (soft, hard))
        for c in many:
            c.close()
        self.assertEqual(s.get("/healthz").status, 200)
        self.assertEqual(s.log().count("too many files are open"), 1)

    def replies(self, s, data, count):
        """Sends bytes at once; the status and the body of each of the replies, of which there are at most `count`."""
        with socket.create_connection(("127.0.0.1", s.port), timeout=TIMEOUT) as c:
            c.sendall(data)
            out, file = [], c.makefile("rb")
            while len(out) < count and (line := file.readline()):
                status, length = int(line.split()[1]), 0
                while (line := file.readline()) not in (b"\r\n", b""):
                    name, _, value = line.partition(b":")
                    length = int(value) if name.lower() == b"content-length" else length
                out.append((status, file.read(length)))
            return out

    def test_one_connection_many_requests(self):
        s = self.serve()

        def ask(path="/api/v1/jobs", extra="", body=""):
            method, length = ("POST", f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n") if body else ("GET", "")
            return f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n{length}{extra}\r\n{body}".encode()

        # All at once: answered in order, refused ones too.
        replies = self.replies(s, ask() * 5, 5)
        self.assertEqual([status for status, _ in replies], [200] * 5)
        self.assertTrue(all("jobs" in json.loads(body) for _, body in replies))
        replies = self.replies(s, ask("/healthz") + ask("/nothing") + ask("/api/v1/me"), 3)
        self.assertEqual([status for status, _ in replies], [200, 404, 200])
        self.assertIn("role", json.loads(replies[2][1]))
        # A body that comes before the reply to what was asked before it: refused, and the connection ends.
        replies = self.replies(s, ask("/healthz") + ask(body='{"video":"77"}') + ask("/healthz"), 3)
        self.assertEqual([status for status, _ in replies], [200, 400])
        self.assertIn("must wait for the reply", json.loads(replies[1][1])["detail"])
        # After a body: answered, or the connection ends after the reply, as the library can.
        replies = self.replies(s, ask(body='{"video":"77"}') + ask("/healthz"), 2)
        self.assertIn([status for status, _ in replies], ([404], [404, 200]))
        # After a long reply: answered.
        replies = self.replies(s, ask("/app.js") + ask("/healthz"), 2)
        self.assertEqual([status for status, _ in replies], [200, 200])
        self.assertGreater(len(replies[0][1]), 100000)
        # After the one that wants the connection to end there is no other.
        data = ask("/healthz") + ask("/api/v1/me", extra="Connection: close\r\n") + ask("/healthz")
        self.assertEqual([status for status, _ in self.replies(s, data, 3)], [200, 200])
        # One after the other.
        with socket.create_connection(("127.0.0.1", s.port), timeout=TIMEOUT) as c:
            for _ in range(3):
                c.sendall(ask(body='{"video":"77"}'))
                data = b""
                while b"}\n" not in data and (got := c.recv(65536)):
                    data += got
                self.assertIn(b" 404 ", data)
        self.assertEqual(s.post("/api/v1/jobs", {"video": "1"}, headers={"Expect": "100-continue"}).status, 404)

    def processor_time(self, s):
        fields = Path(f"/proc/{s.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def test_requests_behind_a_reply_that_is_not_read(self):
        """They wait without work for the server, and the reply arrives whole, and then theirs."""
        s = self.serve()
        self.answers.control(hold=True)
        data = self.video() * 8
        video = s.upload(data, piece=1 << 24, analyze="true").headers["Vdet-Video"]
        events = s.socket()
        long, short = (f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
                       for path in (f"/api/v1/videos/{video}/source", "/healthz"))
        for first, later in (long + short, b""), (long, short), (short + long, short):
            with self.subTest(later=bool(later)), socket.socket() as c:
                c.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                c.connect(("127.0.0.1", s.port))
                c.sendall(first)
                while not c.recv(1, socket.MSG_PEEK):
                    pass
                c.sendall(later)
                begin, start = events.event("performance")["time"], self.processor_time(s)
                events.event("performance")
                end, used = events.event("performance")["time"], self.processor_time(s) - start
                self.assertLess(used, (end - begin) / 2)
                c.shutdown(socket.SHUT_WR)
                out = b"".join(iter(lambda: c.recv(1 << 16), b""))
                self.assertIn(data, out)
                self.assertEqual(out.count(b"HTTP/1.1 200 OK"), (first + later).count(b"GET "))
                self.assertTrue(out.endswith(b"ok\n"))
        self.answers.control(hold=False)

    def test_page(self):
        s = self.serve()
        r = s.get("/")
        self.assertIn("text/html", r.headers["Content-Type"])
        self.assertIn("script-src 'self'", r.headers["Content-Security-Policy"])
        self.assertNotIn("unsafe", r.headers["Content-Security-Policy"])
        packed = s.get("/app.js", headers={"Accept-Encoding": "br, gzip"})
        self.assertEqual(packed.headers["Content-Encoding"], "gzip")
        self.assertLess(len(packed.body), 150000)
        self.assertEqual(s.get("/app.js", headers={"If-None-Match": packed.headers["ETag"]}).status, 304)

    def test_gpus_and_advice(self):
        """Samples of the GPU are in the metrics, and recommendations have their own route."""
        library = os.environ.get("FAKE_NVML_LIBRARY", "")
        if not os.path.exists(library):
            self.skipTest("the stand-in for NVML is not built")
        (self.dir / "gpu").write_text(f"0 {80 << 30} {20 << 30} 50 60 0 0\n")
        self.env["FAKE_NVML"] = str(self.dir / "gpu")
        s = self.serve("--memory-nvml", library)
        self.assertTrue(s.wait("/performance", lambda p: p["now"].get("gpu"))["now"]["gpu"])
        text = s.get("/metrics").body.decode()
        self.assertRegex(text, rf'(?m)^vdet_gpu_memory_used_bytes{{gpu="0",model="[^"]+"}} {20 << 30}$')
        self.assertRegex(text, rf'(?m)^vdet_gpu_memory_total_bytes{{gpu="0",model="[^"]+"}} {80 << 30}$')
        self.assertRegex(text, r'(?m)^vdet_gpu_load_ratio{gpu="0",model="[^"]+"} 0\.5$')
        self.assertRegex(text, r'(?m)^vdet_gpu_lost{gpu="0",model="[^"]+"} 0$')
        self.assertEqual(s.api("/performance/recommendations"), {"recommendations": s.api("/performance")["recommendations"]})
        self.assertIn("summary", s.api("/performance"))

    def test_metrics_and_settings(self):
        s = self.serve()
        text = s.get("/metrics").body.decode()
        for line in text.splitlines():
            self.assertRegex(line, r'^(# (HELP|TYPE) vdet_\w+ .+|vdet_\w+(\{\w+="\w+"\})? [-+.e0-9]+)$')
        self.assertIn("vdet_jobs{state=\"queued\"} 0", text)
        before = {o["name"]: o for o in s.api("/settings")["settings"]}
        self.assertTrue(before["chunk.duration"]["editable"])
        self.assertFalse(before["net.listen"]["editable"])
        r = s.request("PATCH", "/api/v1/settings", {"chunk.duration": "90", "frame.size": 640})
        self.assertEqual(r.status, 200)
        s.stop()
        after = {o["name"]: o for o in self.serve().api("/settings")["settings"]}
        self.assertEqual((after["chunk.duration"]["value"], after["frame.size"]["value"]), ("90", "640"))

    def test_ranges(self):
        data = self.video()
        s = self.serve()
        path = f"/api/v1/videos/{s.upload(data).headers['Vdet-Video']}/source"
        r = s.get(path)
        self.assertEqual((r.status, r.body), (200, data))
        tag = r.headers["ETag"]
        for text, part in (("bytes=0-0", data[:1]), ("bytes=10-99", data[10:100]), ("bytes=-7", data[-7:]),
                           ("bytes=100-", data[100:]), (f"bytes=5-{len(data) + 5}", data[5:])):
            r = s.get(path, headers={"Range": text, "If-Range": tag})
            self.assertEqual((r.status, r.body), (206, part))
        self.assertEqual(r.headers["Content-Range"], f"bytes 5-{len(data) - 1}/{len(data)}")
        self.assertEqual(s.get(path, headers={"Range": "bytes=1-2", "If-Range": '"other"'}).body, data)
        r = self.problem(s.get(path, headers={"Range": f"bytes={len(data)}-"}), 416)
        self.assertEqual(r.headers["Content-Range"], f"bytes */{len(data)}")
        self.assertEqual(s.get(path, headers={"If-None-Match": tag}).status, 304)
        r = s.request("HEAD", path)
        self.assertEqual((r.body, r.headers["Content-Length"]), (b"", str(len(data))))


class Sockets(Net):
    def test_what_was_missed_comes_in_order(self):
        s = self.serve()
        w = s.socket()
        hello = w.next()
        self.assertEqual(hello["type"], "hello")
        self.assertGreaterEqual(hello["seq"], hello["since"])  # an event may come in between
        s.upload(self.video(), analyze="true")
        first = w.until(lambda m: m["type"] == "job" and m["data"]["state"] == "done")
        w.close()
        numbers = [m["seq"] for m in first]
        self.assertEqual(numbers, sorted(set(numbers)))
        middle = numbers[len(numbers) // 2]
        again = s.socket(since=middle)
        self.assertEqual(again.next()["type"], "hello")
        rest = again.until(lambda m: m["seq"] >= numbers[-1])
        self.assertTrue(all(m["seq"] > middle for m in rest))
        # Only progress that newer progress replaced may be left out.
        lost = {m["seq"] for m in first if m["seq"] > middle and m["type"] != "job"} - {m["seq"] for m in rest}
        self.assertFalse(lost)
        again.send({"since": numbers[0]})
        self.assertEqual(again.until(lambda m: m["type"] == "hello")[-1]["since"], numbers[0])
        self.assertEqual(s.socket(since=12345).next()["type"], "reload")

    def test_sessions_and_subscriptions(self):
        s = self.serve()
        w = s.socket(headers={"User-Agent": "t\u00e9st <b>"})
        w.next()
        w.send({"subscribe": ["41", "42"]})
        other = s.socket()
        other.next()
        while not (found := [x for x in s.api("/sessions")["sessions"] if x["jobs"]]):
            pass
        self.assertEqual(found[0]["jobs"], ["41", "42"])
        self.assertEqual(found[0]["address"], "127.0.0.1")
        s.upload(self.video(), analyze="true")
        seen = other.until(lambda m: m["type"] == "job" and m["data"]["state"] == "done")
        self.assertIn("chunk", {m["type"] for m in seen})
        w.send({"since": seen[0]["seq"] - 1})
        w.until(lambda m: m["type"] == "hello")
        w.send({"subscribe": []})
        self.assertEqual(s.api("/sessions")["active"], 2)

    def test_wrong_frames(self):
        s = self.serve()
        for data, opcode, code in ((b"\0\1", 2, 1003), ("x" * 5000, 1, 1009), ("{nonsense", 1, 1008), ("[]", 1, 1008),
                                   ('{"subscribe":[1]}', 1, 1008), (b"x" * 70000, 1, 1009)):
            w = s.socket()
            w.next()
            w.send(data, opcode)
            self.assertIsNone(w.next())
            self.assertEqual(w.closed[0], code, data[:20])
            self.assertTrue(w.closed[1])
            w.close()
        for raw in (b"\x83\x00", b"\xff\xff" + b"\xff" * 8, b"\x81\x05hello"):  # reserved, huge, not masked
            w = s.socket()
            w.next()
            w.s.sendall(raw)
            with self.assertRaises((EOFError, ConnectionError, AssertionError)):
                assert w.next() is not None
            w.close()
        self.assertEqual(Socket(s.port, "/api/v1/jobs").status, 400)
        self.assertEqual(Socket(s.port, "/nothing").status, 404)
        self.assertEqual(s.get("/healthz").status, 200)

    def test_who_reads_too_slowly_is_told_so(self):
        s = self.serve("--net-events", "16")
        slow, quick = s.socket(receive_buffer=4096), s.socket()
        self.assertEqual((slow.next()["type"], quick.next()["type"]), ("hello", "hello"))
        video = s.upload(self.video()).headers["Vdet-Video"]
        job = s.change("POST", "/jobs", {"video": video, "prompt": "long " * 6000})["id"]
        for n in range(60):  # each is an event of 30 kB: far more than waits in buffers, and than is kept
            s.change("PATCH", f"/jobs/{job}", {"priority": n % 2 + 1})
            quick.event("job", job=job, priority=n % 2 + 1)
        numbers = [m["seq"] for m in iter(slow.next, None)]
        self.assertEqual(numbers, sorted(set(numbers)))
        self.assertEqual(slow.closed[0], 1013, slow.closed)
        self.assertIn("too slow", slow.closed[1])
        self.assertRegex(s.get("/metrics").body.decode(), r"\nvdet_sockets_slow_total 1\n")
        self.assertEqual(s.socket(since=numbers[-1]).next()["type"], "reload")  # and continues after it loads the state again

    def test_the_end_is_told(self):
        s = self.serve()
        w = s.socket()
        w.next()
        self.assertEqual(s.stop(), 0)
        while w.next() is not None:
            pass
        self.assertEqual(w.closed[0], 1001)


class Service(Net):
    """What systemd does, without it: sd_notify(3) and sd_listen_fds(3)."""

    def test_it_says_when_it_is_ready_and_when_it_stops(self):
        for kind, name in (("path", str(self.dir / "notify")), ("abstract", f"\0vdet-{os.getpid()}")):
            with self.subTest(kind), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told:
                told.settimeout(TIMEOUT)
                told.bind(name)
                s = self.serve(env={"NOTIFY_SOCKET": name.replace("\0", "@")})
                self.assertIn("READY=1", told.recv(4096).decode().splitlines())
                self.assertEqual(s.get("/readyz").status, 200)
                self.assertEqual(s.stop(), 0)
                self.assertIn("STOPPING=1", told.recv(4096).decode().splitlines())

    def test_sockets_of_systemd_outlive_the_server(self):
        path = str(self.dir / "activation")
        with socket.create_server(("127.0.0.1", 0)) as tcp, socket.socket(socket.AF_UNIX) as local:
            local.bind(path)
            local.listen()
            s = self.serve(inherit=[tcp, local])
            self.assertEqual(s.port, tcp.getsockname()[1])
            self.assertEqual(s.get("/healthz").status, 200)
            with socket.socket(socket.AF_UNIX) as c:
                c.connect(path)
                c.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                self.assertIn(b"200 OK", c.recv(1000))
            self.assertEqual(s.stop(), 0)
            self.assertTrue(os.path.exists(path))  # it is not ours
            with socket.create_connection(("127.0.0.1", s.port)) as c:  # no client is connected, and none is refused
                c.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
                self.serve(inherit=[tcp, local])
                self.assertIn(b"200 OK", c.recv(1000))

    def test_sockets_that_cannot_be_served(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams, self.assertRaises(AssertionError) as e:
            self.serve(inherit=[datagrams])
        self.assertIn("ListenStream=", str(e.exception))
        with socket.create_server(("0.0.0.0", 0)) as public, self.assertRaises(AssertionError) as e:
            self.serve(inherit=[public])
        self.assertIn("vdet token add", str(e.exception))


class Hostile(Net):
    def test_a_thousand_connections_of_one_address(self):
        s = self.serve("--net-per-address", "50")
        held = []
        for _ in range(300):
            c = socket.create_connection(("127.0.0.1", s.port))
            held.append(c)
        for c in held[50:]:
            self.assertEqual(c.recv(1), b"")  # closed at once
        for c in held:
            c.close()
        s.stop()

    def test_who_dawdles_is_cut_off(self):
        s = self.serve("--net-silence", "1")
        with socket.create_connection(("127.0.0.1", s.port)) as c:
            c.sendall(b"POST /api/v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                      b"Content-Length: 100\r\n\r\n{")
            self.assertEqual(c.recv(100), b"")
        with socket.create_connection(("127.0.0.1", s.port)) as c:
            c.sendall(b"GET /healthz HTTP/1.1\r\nHost: ")  # and never the rest
            self.assertIn(b" 408 ", c.recv(100))
        self.assertEqual(s.get("/healthz").status, 200)

    def test_too_many_requests(self):
        s = self.serve("--net-rate", "1")
        self.assertEqual([s.get("/healthz").status for _ in range(5)], [200] * 5)
        # All at once, since a busy machine answers so slowly that the allowance comes back meanwhile.
        with ThreadPoolExecutor(40) as pool:
            codes = set(pool.map(lambda _: s.get("/healthz").status, range(40)))
        self.assertLessEqual(codes, {200, 429})
        self.assertIn(429, codes)

    def test_who_never_reads(self):
        """Clients that request a long file and do not read it do not delay others."""
        data = self.video() * 200
        s = self.serve()
        path = f"/api/v1/videos/{s.upload(data, piece=1 << 24).headers['Vdet-Video']}/source"
        held = []
        for _ in range(20):
            c = socket.socket()
            c.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            c.connect(("127.0.0.1", s.port))
            c.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            held.append(c)
        self.assertEqual(s.get(path).body, data)
        for c in held:
            c.close()


if __name__ == "__main__":
    from flow import main
    main()
