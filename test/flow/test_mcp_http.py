#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""POST /mcp of vdet serve: both eras, headers, roles, the budget, streams, and clients that mean harm or go away."""
import json
import socket
import ssl
import subprocess

import flow
from mcp_client import MODERN, Failed, HttpClient, meta
from serving import Serving


class McpHttp(Serving):
    def setUp(self):
        super().setUp()
        self.fake = self.engine()
        flow.make_video(self.dir / "yard.mp4", 6, size="64x36", rate=5)

    def server(self, *options, fake=None):
        return self.serve("--engine", (fake or self.fake).url, "--chunk-duration", "2", "--chunk-frames", "2", "--folder", self.dir,
                          *options)

    def token(self, name, role):
        return self.vdet("token", "add", name, "--role", role).stdout.split()[-1]

    def added(self, c, name="yard.mp4"):
        while (r := c.call("add_video", path=str(self.dir / name), wait=45))["state"] in ("queued", "running"):
            pass
        self.assertEqual(r["state"], "done")
        return r["video"]

    def test_both_eras(self):
        s = self.server()
        c = HttpClient(s)
        found = c.ask("server/discover")
        self.assertEqual(found["supportedVersions"][0], MODERN)
        video = self.added(c)
        self.assertEqual([v["video"] for v in c.call("list_videos")["videos"]], [video])
        for version in ("2025-11-25", "2025-06-18", "2025-03-26", None):
            old = HttpClient(s, version=version or "2025-06-18")
            if not version:
                old.headers = lambda message: {}
            hello = old.ask("initialize", protocolVersion=old.version, capabilities={}, clientInfo={"name": "x", "version": "1"})
            self.assertEqual(hello["protocolVersion"], old.version)
            r = old.post({"jsonrpc": "2.0", "method": "notifications/initialized"}, old.headers({"method": ""}))
            self.assertEqual((r.status, r.body), (202, b""))
            self.assertEqual(old.ask("ping"), {})
            self.assertEqual([v["video"] for v in old.call("list_videos")["videos"]], [video])
            self.assertNotIn("mcp-session-id", {k.lower() for k in r.headers})
        for method in ("GET", "DELETE", "PATCH"):
            r = s.request(method, "/mcp")
            self.assertEqual((r.status, r.headers["Allow"]), (405, "POST"))

    def test_batches(self):
        s = self.server()
        c = HttpClient(s)
        both = [{"jsonrpc": "2.0", "id": n, "method": "tools/call", "params": {"name": "list_videos"}} for n in (1, 2)]
        r = c.post(both)
        self.assertEqual([m["id"] for m in r.json], [1, 2])
        self.assertEqual(c.post([{"jsonrpc": "2.0", "method": "notifications/x"}]).status, 202)
        for headers, batch in (({"MCP-Protocol-Version": "2025-06-18"}, both), ({}, []), ({}, both * 30)):
            r = c.post(batch, headers)
            self.assertEqual((r.status, r.json["error"]["code"]), (400, -32600))

    def test_headers_repeat_the_body(self):
        s = self.server()
        c = HttpClient(s)
        m = c.message("tools/call", name="list_videos", arguments={})
        good = c.headers(m)
        self.assertEqual(c.post(m, good).status, 200)
        for key, value in (("MCP-Protocol-Version", None), ("MCP-Protocol-Version", "2025-11-25"), ("Mcp-Method", None),
                           ("Mcp-Method", "tools/list"), ("Mcp-Name", None), ("Mcp-Name", "search"),
                           ("Mcp-Name", "=?base64?c2VhcmNo?=")):
            wrong = {k: v for k, v in (good | {key: value}).items() if v}
            r = c.post(m, wrong)
            self.assertEqual((r.status, r.json["error"]["code"], r.json["id"]), (400, -32020, m["id"]), wrong)
        self.assertEqual(c.post(m, good | {"Mcp-Name": "=?base64?bGlzdF92aWRlb3M=?="}).status, 200)
        # Of a revision that does not exist, in the body and in the header alone.
        strange = dict(m, params=dict(m["params"], _meta=meta("2027-01-01")))
        r = c.post(strange, good | {"MCP-Protocol-Version": "2027-01-01"})
        self.assertEqual((r.status, r.json["error"]["code"]), (400, -32022))
        r = c.post({"jsonrpc": "2.0", "id": 1, "method": "ping"}, {"MCP-Protocol-Version": "1.0"})
        self.assertEqual((r.status, r.json["error"]["code"]), (400, -32022))
        # What is missing in the body.
        r = c.post(dict(m, params={"name": "list_videos"}), good)
        self.assertEqual((r.status, r.json["error"]["code"]), (200, -32602))
        bare = dict(m, params=dict(m["params"], _meta={k: v for k, v in meta().items() if "Capabilities" not in k}))
        r = c.post(bare, good)
        self.assertEqual((r.status, r.json["error"]["code"]), (400, -32602))
        r = c.send("nothing/such")
        self.assertEqual((r.status, r.json["error"]["code"]), (404, -32601))

    def test_roles_and_tokens(self):
        view, submit = self.token("ann", "view"), self.token("ben", "submit")
        s = self.server()
        r = HttpClient(s).send("server/discover")
        self.assertEqual(r.status, 401)
        self.assertIn("Bearer", r.headers["WWW-Authenticate"])
        self.assertEqual(HttpClient(s, "wrong").send("server/discover").status, 401)
        ann, ben = HttpClient(s, view), HttpClient(s, submit)
        self.assertEqual([t["name"] for t in ann.ask("tools/list")["tools"]],
                         ["list_videos", "search", "get_timeline", "get_frames", "get_transcript", "get_answer"])
        self.assertIn("add_video", [t["name"] for t in ben.ask("tools/list")["tools"]])
        with self.assertRaises(Failed) as e:
            ann.call("add_video", path=str(self.dir / "yard.mp4"))
        self.assertEqual(e.exception.code, -32602)
        video = self.added(ben)
        self.assertEqual(ann.call("get_timeline", video=video)["name"], "yard.mp4")
        with self.assertRaises(Failed) as e:
            ann.call("ask", question="Is there a van?")
        self.assertEqual(e.exception.code, -32602)
        answer = ben.call("ask", question="Is there a van?")
        self.assertTrue(answer["answer"])
        self.assertEqual(ann.call("get_answer", answer=answer["answer"])["text"], answer["text"])
        # A page of another origin, also if it knows a token.
        for token in (None, submit):
            c = HttpClient(s, token)
            self.assertEqual(c.send("server/discover", _headers={"Origin": "https://elsewhere.example"}).status, 403)
        self.assertEqual(ben.send("server/discover", _headers={"Origin": f"http://127.0.0.1:{s.port}"}).status, 200)

    def test_videos_without_a_result_are_named(self):
        s = self.server()
        c = HttpClient(s)
        self.added(c)
        (self.dir / "bad.mp4").write_bytes(b"no video" * 99)
        bad = s.change("POST", "/jobs", {"path": str(self.dir / "bad.mp4")})
        s.wait(f"/jobs/{bad['id']}", lambda j: j["state"] == "failed")
        r = c.call("ask", question="Is there a van?")
        self.assertIn("Not analyzed, so this answer says nothing of it: bad.mp4", r["text"])
        self.assertNotEqual(r["state"], "not-seen")

    def test_a_budget_an_hour(self):
        self.env["VDET_NET_MCP_CALLS"] = "2"
        one, two = self.token("ann", "submit"), self.token("ben", "submit")
        s = self.server()
        ann, ben = HttpClient(s, one), HttpClient(s, two)
        for n in range(3):
            flow.make_video(self.dir / f"{n}.mp4", 1, size="64x36", rate=5)
        for n in (0, 1, 0, 1, 1):  # the same again is not counted
            ann.call("add_video", path=str(self.dir / f"{n}.mp4"), wait=0)
        with self.assertRaises(Failed) as e:
            ann.call("add_video", path=str(self.dir / "2.mp4"), wait=0)
        self.assertIn("2 such calls an hour", str(e.exception))
        ben.call("add_video", path=str(self.dir / "2.mp4"), wait=0)
        ann.call("list_videos")

    def test_progress_is_a_stream(self):
        c = HttpClient(self.server())
        video = self.added(c)
        r = c.send("tools/call", "p", name="get_frames", arguments={"video": video, "times": [1, 2, 3]})
        self.assertEqual((r.headers["Content-Type"], r.headers["X-Accel-Buffering"]), ("text/event-stream", "no"))
        c.ask("tools/call", "p", name="get_frames", arguments={"video": video, "times": [1, 2, 3]})
        self.assertEqual([e["params"]["progress"] for e in c.events[:-1]], [1, 2, 3])
        # Without a token of progress, or where the client takes no events: one JSON text.
        r = c.send("tools/call", name="get_frames", arguments={"video": video, "times": [1]})
        self.assertEqual(r.headers["Content-Type"], "application/json")
        m = c.message("tools/call", "p", name="get_frames", arguments={"video": video, "times": [1]})
        r = c.post(m, c.headers(m), accept="application/json")
        self.assertEqual((r.headers["Content-Type"], r.json["id"]), ("application/json", m["id"]))
        # HTTP/1.0 has no chunks: the connection ends the reply.
        body = json.dumps(m).encode()
        head = "".join(f"{k}: {v}\r\n" for k, v in c.headers(m).items())
        reply = c.server.raw(f"POST /mcp HTTP/1.0\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
                             f"Content-Length: {len(body)}\r\n{head}\r\n".encode() + body, hang_up=False)
        head, _, text = reply.partition(b"\r\n\r\n")
        self.assertNotIn(b"chunked", head)
        self.assertEqual(json.loads(text)["id"], m["id"])

    def test_a_client_that_goes_away_cancels(self):
        slow = self.engine("--fault", "hold")
        s = self.server("--log-level", "debug", fake=slow)
        c = HttpClient(s)
        m = c.message("tools/call", "p", name="add_video", arguments={"path": str(self.dir / "yard.mp4"), "wait": 45})
        body = json.dumps(m).encode()
        head = "".join(f"{k}: {v}\r\n" for k, v in c.headers(m).items())
        request = (f"POST /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nAccept: text/event-stream\r\n"
                   f"Content-Length: {len(body)}\r\n{head}\r\n").encode() + body
        for n in range(1, 21):  # more than there are threads
            with socket.create_connection(("127.0.0.1", s.port)) as k:
                k.sendall(request)
                self.assertTrue(k.recv(4096).startswith(b"HTTP/1.1 200"))
            while s.log().count("a call was canceled") < n:
                s.get("/healthz")
        self.assertEqual(c.call("list_videos")["videos"], [])
        self.assertEqual(s.stop(), 0)

    def test_a_stop_ends_calls(self):
        slow = self.engine("--fault", "hold")
        s = self.server("--serve-drain-timeout", "0", fake=slow)
        c = HttpClient(s)
        m = c.message("tools/call", name="add_video", arguments={"path": str(self.dir / "yard.mp4"), "wait": 45})
        head = "".join(f"{k}: {v}\r\n" for k, v in c.headers(m).items())
        body = json.dumps(m).encode()
        with socket.create_connection(("127.0.0.1", s.port)) as k:
            k.sendall((f"POST /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
                       f"Content-Length: {len(body)}\r\n{head}\r\n").encode() + body)
            self.assertTrue(k.recv(4096).startswith(b"HTTP/1.1 200"))
            self.assertEqual(s.stop(), 0)
            data = b""
            while got := k.recv(65536):
                data += got
            self.assertIn(b'"error"', data)

    def test_bodies_of_every_kind(self):
        s = self.server()
        c = HttpClient(s)
        for body, status, code in ((b"", 400, -32700), (b"{", 400, -32700), (b"\xff", 400, -32700), (b"7", 400, -32700),
                                   (b"{}", 400, -32600), (b'{"jsonrpc":"2.0","id":null,"method":"ping"}', 400, -32600),
                                   (b"[" * 50000, 400, -32700)):
            r = c.post(body)
            self.assertEqual((r.status, r.json["error"]["code"]), (status, code), body[:40])
        self.assertEqual(c.post(b"x" * (1 << 20) + b"y").status, 413)
        self.assertEqual(s.post("/mcp", b"{}", headers={"Content-Type": "text/plain"}).status, 415)
        chunks = b"POST /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
        part = b"20000\r\n" + b" " * 0x20000 + b"\r\n"
        self.assertIn(b" 413 ", s.raw(chunks + part * 9 + b"0\r\n\r\n", hang_up=False).split(b"\r\n")[0] + b" ")
        ping = b'{"jsonrpc":"2.0","id":7,"method":"ping"}'
        closing = chunks.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
        reply = s.raw(closing + b"%x\r\n%s\r\n0\r\n\r\n" % (len(ping), ping), hang_up=False)
        self.assertIn(b'"id":7', reply)
        self.assertEqual(c.ask("server/discover")["resultType"], "complete")

    def test_only_what_the_queue_has(self):
        """Runs of the command line in the same data folder are not the server's; a deleted video is gone."""
        flow.make_video(self.dir / "mine.mp4", 6, size="64x36", rate=5, source="smptebars")
        self.vdet("analyze", "mine.mp4", "--engine", self.fake.url, "--chunk-duration", "2", "--chunk-frames", "2")
        mine = json.loads(self.vdet("jobs", "--json").stdout.splitlines()[0])["job"]
        s = self.server()
        c = HttpClient(s)
        video = self.added(c)
        self.assertEqual([v["video"] for v in c.call("list_videos")["videos"]], [video])
        self.assertEqual({h["video"] for h in c.call("search", words="what")["hits"]}, {video})
        with self.assertRaises(Failed):
            c.call("get_timeline", video=mine)
        with self.assertRaises(Failed):
            c.call("add_video", path="/etc/passwd")
        s.change("DELETE", "/videos/" + s.api("/videos")["videos"][0]["id"])
        for call in (lambda: c.call("get_timeline", video=video), lambda: c.call("get_frames", video=video, times=[1]),
                     lambda: c.ask("resources/read", uri=f"vdet://video/{video}/report.json")):
            with self.assertRaises(Failed):
                call()
        self.assertEqual(c.call("list_videos")["videos"], [])

    def test_behind_tls(self):
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", self.dir / "key.pem", "-out",
                        self.dir / "cert.pem", "-days", "2", "-subj", "/CN=localhost"], check=True, capture_output=True)
        s = self.server("--tls-cert", self.dir / "cert.pem", "--tls-key", self.dir / "key.pem")
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        c = HttpClient(s)

        def post(m):
            body = json.dumps(m).encode()
            head = "".join(f"{k}: {v}\r\n" for k, v in c.headers(m).items())
            with socket.create_connection(("127.0.0.1", s.port)) as raw, context.wrap_socket(raw) as k:
                k.sendall((f"POST /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nAccept: text/event-stream\r\n"
                           f"Content-Length: {len(body)}\r\n{head}\r\n").encode() + body)
                data = b""
                while got := k.recv(65536):
                    data += got
            return data
        state = "queued"
        while state in ("queued", "running"):
            text = post(c.message("tools/call", "p", name="add_video", arguments={"path": str(self.dir / "yard.mp4"), "wait": 45}))
            state = text.split(b'"structuredContent":{')[1].split(b'"state":"')[1].split(b'"')[0].decode()
        self.assertEqual(state, "done")
        video = text.split(b'"structuredContent":{')[1].split(b'"video":"')[1].split(b'"')[0].decode()
        text = post(c.message("tools/call", "p", name="get_frames", arguments={"video": video, "count": 12}))
        self.assertEqual(text.count(b"notifications/progress"), 12)
        self.assertTrue(text.endswith(b"\r\n0\r\n\r\n"))


if __name__ == "__main__":
    flow.main()
