#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Replies of every route, good ones and refusals, against the document that the server gives out: openapi.json."""
import base64
import hashlib
import json
import subprocess
import unittest

import schema
from flow import ROOT, VDET, make_video
from serving import Server, Serving, Socket

TUS = {"Tus-Resumable": "1.0.0"}
PART = TUS | {"Content-Type": "application/offset+octet-stream"}
EMPTY = {"Content-Length": "0"}


def somewhere(path):
    """The address of what does not exist."""
    for name, value in ("id", "987654321"), ("name", "nobody"), ("sheet", "1"), ("cite", "1"), ("index", "0"):
        path = path.replace(f"{{{name}}}", value)
    return path


class Checked(Server):
    """A server each reply of which is checked."""
    document = None

    def request(self, method, path, body=None, headers=None, token=None, **kw):
        reply = super().request(method, path, body, headers, token=token, **kw)
        if self.document is None and path == "/api/v1/openapi.json":
            self.document = schema.Document(reply.body)
        if self.document:
            self.document.check(method, path, reply)
        return reply


@unittest.skipUnless(schema.Draft202012Validator, "jsonschema for Python is not installed: tools/setup test brings it")
class Schema(Serving):
    def serve(self, *options, **kw):
        s = Checked(self, "--engine", self.answers.url, "--chunk-duration", "2", "--chunk-frames", "2", *options, **kw)
        s.document = self.document
        s.get("/api/v1/openapi.json")
        self.document = s.document
        return s

    def setUp(self):
        super().setUp()
        self.answers, self.document = self.engine(), None
        self.env["VDET_SAMPLE_POLICY"] = "adaptive"  # which makes an index

    def expect(self, reply, *statuses):
        self.assertIn(reply.status, statuses, reply.body)
        return reply

    def test_every_reply_is_described(self):
        s = self.serve("--folder", self.dir, "--net-rate", "0", "--serve-video-max", "1G")
        self.videos_and_jobs(s)
        self.uploads(s)
        self.wrong_requests(s)
        s.stop()
        self.accounts()
        self.limits()
        # Nothing was left out: each operation was answered, and by something else than a refusal.
        self.assertEqual({(m, p) for m, p, _ in self.document.seen} & self.document.operations(), self.document.operations())
        good = {(m, p) for m, p, status in self.document.seen if status < 400}
        # test_worker.py does these: they need workers.
        workers = {("post", "/api/v1/fleet/workers/{name}/drain"), ("delete", "/api/v1/fleet/workers/{name}")}
        self.assertEqual(self.document.operations() - good, {("get", "/api/v1/events")} | workers)

    def videos_and_jobs(self, s):
        (self.dir / "a.srt").write_text("1\n00:00:01,000 --> 00:00:02,000\nHello.\n")
        make_video(self.dir / "a.mp4", 6, extra=("-i", str(self.dir / "a.srt"), "-map", "0", "-map", "1", "-c:s", "mov_text"))
        for path in ("/", "/healthz", "/readyz", "/metrics", "/api/v1/me", "/api/v1/videos", "/api/v1/jobs"):
            self.expect(s.get(path), 200)
        w = s.socket(s.api("/jobs")["seq"])
        job = self.expect(s.post("/api/v1/jobs", {"path": str(self.dir / "a.mp4"), "prompt": "what moves?", "priority": 1}), 201).json["id"]
        w.state(job, "done")
        video = s.api(f"/jobs/{job}")["video"]
        s.wait(f"/videos/{video}", lambda v: v["poster"] and v["storyboard"])
        for path in (f"videos/{video}", f"videos/{video}/index", f"videos/{video}/poster", f"videos/{video}/frames?t=1",
                     f"videos/{video}/storyboard.vtt", f"videos/{video}/storyboard-1.jpg", f"videos/{video}/source",
                     "videos", "jobs", f"jobs/{job}", f"jobs/{job}/chunks", f"jobs/{job}/events",
                     f"jobs/{job}/subjects", f"jobs/{job}/transcript", f"jobs/{job}/picture?chunk=0&sample=0",
                     "search?q=the", "performance", "performance/recommendations", "fleet", "sessions", "settings"):
            self.expect(s.get(f"/api/v1/{path}"), 200)
        rpc = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
        self.expect(s.post("/mcp", rpc), 200)
        self.expect(s.post("/mcp", rpc | {"method": "tools/call", "params": {"name": "list_videos"}}), 200)
        self.expect(s.post("/mcp", {"jsonrpc": "2.0", "method": "notifications/initialized"}), 202)
        self.expect(s.post("/mcp", rpc | {"id": None}), 400)
        self.expect(s.post("/mcp", rpc, headers={"MCP-Protocol-Version": "1"}), 400)
        edits = f"/api/v1/jobs/{job}/subjects/edits"
        subjects = s.api(f"/jobs/{job}/subjects")["subjects"]
        self.assertTrue(subjects)
        self.expect(s.post(edits, {"kind": "rename", "subject": subjects[0]["number"], "text": "Bob"}), 200)
        self.expect(s.post(edits, {"kind": "undo"}), 200)
        self.expect(s.post(edits, {"kind": "undo"}), 404)
        self.expect(s.post(edits, {"kind": "explode"}), 400)
        self.assertTrue(s.api("/sessions")["sessions"])
        for format in "json", "md", "html", "vtt", "csv":
            self.expect(s.get(f"/api/v1/jobs/{job}/report?format={format}&download=1"), 200)
        self.expect(s.get(f"/api/v1/jobs/{job}/report?format=exe"), 400)
        for format in "json", "srt", "vtt", "txt":
            self.expect(s.get(f"/api/v1/jobs/{job}/transcript?format={format}&track=1&download=1"), 200)
        for wrong in "format=csv", "track=x", "track=-1", "track=1x":
            self.expect(s.get(f"/api/v1/jobs/{job}/transcript?{wrong}"), 400)
        report = json.loads(s.get(f"/api/v1/jobs/{job}/report").body)
        schema.Draft202012Validator(self.document.report).validate(report)
        for path in f"/api/v1/videos/{video}/source", self.proxy(s):
            self.expect(s.get(path), 200)
            self.expect(s.request("HEAD", path), 200)
            self.expect(s.get(path, headers={"Range": "bytes=0-9"}), 206)
            self.expect(s.get(path, headers={"Range": "bytes=999999999-"}), 416)
        self.expect(s.get(f"/api/v1/videos/{video}/poster", headers={"If-None-Match": s.get(
            f"/api/v1/videos/{video}/poster").headers["ETag"]}), 304)
        self.asks(s, video)
        self.watches(s)
        self.cases(s, job, video)
        self.controls(s, w)
        self.expect(s.request("PATCH", "/api/v1/settings", {"chunk.duration": "90"}), 200)
        self.expect(s.request("PATCH", "/api/v1/settings", {"chunk.duration": "soon"}), 400)
        self.expect(s.get("/api/v1/events"), 426)
        w.close()

    def cases(self, s, job, video):
        self.expect(s.request("PATCH", f"/api/v1/videos/{video}", {"name": "Door", "tags": ["north", "night"]}), 200)
        self.expect(s.request("PATCH", f"/api/v1/videos/{video}", {"name": ""}), 400)
        case = self.expect(s.post("/api/v1/cases", {"name": "Burglary", "videos": [video]}), 201).json["id"]
        self.expect(s.post("/api/v1/cases", {"name": "Burglary"}), 409)
        self.expect(s.get("/api/v1/cases"), 200)
        path = f"/api/v1/cases/{case}"
        self.expect(s.get(path), 200)
        self.expect(s.request("PATCH", path, {"name": "Theft", "remove": [video]}), 200)
        self.expect(s.request("PATCH", path, {"add": ["x"]}), 400)
        self.expect(s.request("PATCH", path, {"add": [video]}), 200)
        for format in "json", "md", "html", "csv":
            self.expect(s.get(f"{path}/report?format={format}&download=1"), 200)
        self.expect(s.get(f"{path}/report?format=vtt"), 400)
        summary = path + "/summary"
        self.expect(s.post(summary + "/cancel", headers=EMPTY), 409)
        self.expect(s.post(summary, headers=EMPTY), 200)
        self.assertEqual(s.wait(f"/cases/{case}", lambda c: c["summary"]["state"] != "running")["summary"]["state"], "done")
        for j in s.api("/jobs")["jobs"]:
            s.wait(f"/jobs/{j['id']}", lambda j: j["state"] == "done")
        videos = [v["id"] for v in s.api("/videos")["videos"]]
        other = self.expect(s.post("/api/v1/cases", {"name": "All", "videos": videos}), 201).json["id"]
        self.answers.control(faults=["hold@1+"], reset=True)
        self.expect(s.post(f"/api/v1/cases/{other}/summary", headers=EMPTY), 200)
        self.expect(s.post(f"/api/v1/cases/{other}/summary/cancel", headers=EMPTY), 200)
        self.answers.control(faults=[], release=True)
        self.expect(s.get(path), 200)
        report = json.loads(s.get(f"{path}/report").body)
        self.assertEqual(report["summary"]["by"], "model")
        described = json.loads((ROOT / "docs" / "case.schema.json").read_text())
        schema.Draft202012Validator(described).validate(report)
        self.expect(s.request("DELETE", path), 204)
        self.expect(s.request("DELETE", path), 404)

    def asks(self, s, video):
        question = {"question": "What moves?", "videos": [video], "choices": ["a bar", "a clock"], "budget": "30ktok"}
        ask = self.expect(s.post("/api/v1/asks", question), 201).json["id"]
        path = f"/api/v1/asks/{ask}"
        self.expect(s.get(path), 200)
        s.wait(f"/asks/{ask}", lambda a: a["state"] == "done")
        self.expect(s.get("/api/v1/asks?limit=1"), 200)
        self.expect(s.get("/api/v1/asks?limit=0"), 400)
        for end in "answer.json?download=1", "answer.html", "answer.md", "pictures/1/0":
            self.expect(s.get(f"{path}/{end}"), 200)
        self.expect(s.post(path + "/cancel", headers=EMPTY), 409)
        self.expect(s.post("/api/v1/asks", {"question": "What moves?"}), 400)
        self.expect(s.post("/api/v1/asks", question | {"videos": ["987654321"]}), 404)
        self.answers.control(faults=["hold@1+"], reset=True)
        ask = self.expect(s.post("/api/v1/asks", question | {"again": True}), 201).json["id"]
        self.expect(s.get(f"/api/v1/asks/{ask}/answer.html"), 409)
        self.expect(s.post("/api/v1/asks", {"question": "And then?", "all": True, "thread": ask}), 409)
        self.answers.control(**{"await": 1})
        self.expect(s.get(f"/api/v1/asks/{ask}"), 200)
        self.expect(s.post(f"/api/v1/asks/{ask}/cancel", headers=EMPTY), 200)
        self.answers.control(faults=[], release=True)
        self.expect(s.request("DELETE", path), 204)
        self.expect(s.request("DELETE", path), 404)

    def watches(self, s):
        body = {"question": "What moves, and when?", "all": True, "existing": True}
        watch = self.expect(s.post("/api/v1/watches", body), 201).json["id"]
        path = f"/api/v1/watches/{watch}"
        s.wait(f"/watches/{watch}", lambda w: w["asked"])
        self.expect(s.get("/api/v1/watches"), 200)
        self.assertTrue(self.expect(s.get(path), 200).json["latest"])
        self.expect(s.post("/api/v1/watches", {"question": "What moves?"}), 400)
        self.expect(s.post("/api/v1/watches", {"question": "What moves?", "folder": "/nothing"}), 404)
        self.expect(s.request("DELETE", path), 204)
        self.expect(s.get(path), 404)
        self.expect(s.request("DELETE", path), 404)

    def proxy(self, s):
        """The address of the proxy of a video that no browser plays."""
        subprocess.run(["ffmpeg", "-v", "error", "-y", "-i", self.dir / "a.mp4", "-c:v", "mpeg4", self.dir / "p.mkv"], check=True)
        job = self.expect(s.post("/api/v1/jobs", {"path": str(self.dir / "p.mkv")}), 201).json
        s.wait(f"/videos/{job['video']}", lambda v: v["play"] == "proxy")
        return f"/api/v1/videos/{job['video']}/proxy"

    def controls(self, s, w):
        """A job that is held, paused, moved, canceled, tried again, deleted; then its video."""
        make_video(self.dir / "b.mp4", 6, source="smptebars")
        self.answers.control(hold=True)
        job = self.expect(s.post("/api/v1/jobs", {"path": str(self.dir / "b.mp4")}), 201).json["id"]
        path = f"/api/v1/jobs/{job}"
        w.state(job, "running")
        self.expect(s.get(path), 200)
        self.expect(s.get(path + "/chunks"), 200)
        self.expect(s.get(path + "/report"), 200, 404)
        self.expect(s.request("PATCH", path, {"priority": 3}), 200)
        self.expect(s.request("PATCH", path, {"priority": "high"}), 400)
        for action in "pause", "resume", "cancel":
            self.expect(s.post(f"{path}/{action}", headers=EMPTY), 200)
        self.answers.control(hold=False)
        w.state(job, "canceled", "done")
        self.expect(s.post(path + "/pause", headers=EMPTY), 409, 200)
        self.expect(s.post(path + "/retry", {"chunks": ["x"]}), 400)
        self.expect(s.post(path + "/retry", headers=EMPTY), 200, 409)
        w.state(job, "done")
        video = s.api(f"/jobs/{job}")["video"]
        self.expect(s.request("DELETE", path), 204)
        self.expect(s.request("DELETE", f"/api/v1/videos/{video}"), 204)

    def create(self, s, length, status=201, **headers):
        meta = "filename " + base64.b64encode(b"c.mp4").decode()
        return self.expect(s.post("/api/v1/uploads", headers=TUS | EMPTY | {"Upload-Length": str(length), "Upload-Metadata": meta} |
                                  headers), status).headers["Location"]

    def uploads(self, s):
        data = make_video(self.dir / "c.mp4", 3, source="smptebars").read_bytes()
        self.expect(s.request("OPTIONS", "/api/v1/uploads"), 204)
        where = self.create(s, len(data))
        self.expect(s.request("HEAD", where, headers=TUS), 200)
        self.expect(s.request("HEAD", where), 412)
        wrong = base64.b64encode(hashlib.sha1(b"other").digest()).decode()
        at = {"Upload-Offset": "0"}
        self.expect(s.request("PATCH", where, data[:99], PART | at | {"Upload-Checksum": f"sha1 {wrong}"}), 460)
        self.expect(s.request("PATCH", where, data[:99], PART | at | {"Upload-Checksum": "crc32 AAAA"}), 400)
        self.expect(s.request("PATCH", where, data[:99], PART | {"Upload-Offset": "7"}), 409)
        self.expect(s.request("PATCH", where, data[:99], TUS | at), 415)
        self.expect(s.request("PATCH", where, data[:99], {"Content-Type": PART["Content-Type"]} | at), 412)
        self.expect(s.request("PATCH", where, data, PART | at), 204)
        self.expect(s.request("HEAD", where, headers=TUS), 200)
        where = self.create(s, 100)
        self.expect(s.request("DELETE", where, headers=TUS), 204)
        self.expect(s.request("DELETE", where), 412)
        self.expect(s.request("HEAD", where, headers=TUS), 404)
        self.expect(s.request("PATCH", where, b"x", PART | at), 404)
        self.create(s, 0, 400)
        self.create(s, 2 << 30, 413)
        self.expect(s.post("/api/v1/uploads", data, headers=TUS | {"Upload-Length": str(len(data)), "Content-Type": "text/plain"}), 415)
        self.expect(s.post("/api/v1/uploads", headers=EMPTY), 412)
        lost = {"Upload-Concat": "final;/api/v1/uploads/" + "0" * 32}
        self.expect(s.post("/api/v1/uploads", headers=TUS | EMPTY | lost), 404)
        partial = self.create(s, 100, **{"Upload-Concat": "partial"})
        self.expect(s.post("/api/v1/uploads", headers=TUS | EMPTY | {"Upload-Concat": f"final;{partial}"}), 400, 409)

    def wrong_requests(self, s):
        big = {"prompt": "x" * 300000}
        for method, path in sorted(self.document.operations()):
            place = somewhere(path)
            body = method in ("post", "patch")
            # What no route takes as it is: no body, one that is too large, one of another type, another host, another site.
            s.request(method.upper(), place, headers=EMPTY if body else {})
            if body and "uploads" not in path:
                s.request(method.upper(), place, big)
                s.request(method.upper(), place, "a=b", headers={"Content-Type": "application/x-www-form-urlencoded"})
                s.request(method.upper(), place, "{", headers={"Content-Type": "application/json"})
            s.request(method.upper(), place, headers={"Host": "evil.example"} | (EMPTY if body else {}))
            s.request(method.upper(), place, headers={"Origin": "http://evil.example", "Sec-Fetch-Site": "cross-site"} |
                      (EMPTY if body else {}))

    def accounts(self):
        tokens = {name: self.vdet("token", "add", name, "--role", name).stdout.strip() for name in ("view", "submit", "admin")}
        subprocess.run([VDET, "token", "add", "eva", "--user", "--role", "view"], env=self.env, input="a long password\n", text=True,
                       check=True, capture_output=True)
        s = self.serve("--net-rate", "0")
        for method, path in sorted(self.document.operations()):
            place = somewhere(path)
            if path != "/api/v1/logout":
                s.request(method.upper(), place, headers=EMPTY)
                s.request(method.upper(), place, headers=EMPTY, token=tokens["view"])
        self.expect(s.get("/api/v1/tokens", token=tokens["admin"]), 200)
        new = {"name": "x", "role": "view"}
        self.expect(s.post("/api/v1/tokens", new, token=tokens["admin"]), 201)
        self.expect(s.post("/api/v1/tokens", new, token=tokens["admin"]), 409)
        self.expect(s.post("/api/v1/tokens", {"name": "y", "role": "king"}, token=tokens["admin"]), 400)
        self.expect(s.request("DELETE", "/api/v1/tokens/x", token=tokens["admin"]), 204)
        self.expect(s.request("DELETE", "/api/v1/tokens/admin", token=tokens["admin"]), 409)
        self.expect(s.post("/api/v1/login", {"user": "eva", "password": "wrong"}), 401)
        r = self.expect(s.post("/api/v1/login", {"user": "eva", "password": "a long password"}), 200)
        s.cookie = r.headers["Set-Cookie"].split(";")[0]
        self.expect(s.get("/api/v1/me"), 200)
        self.expect(s.post("/api/v1/logout", headers=EMPTY), 204)
        s.cookie = None
        w = Socket(s.port, headers={"Authorization": "Bearer " + tokens["view"]})
        self.assertEqual(w.status, 101)
        w.close()
        s.stop()

    def limits(self):
        """Too many requests, on every route; the events say that the server ends."""
        s = self.serve("--net-rate", "1")
        while s.get("/healthz").status != 429:
            pass
        for method, path in sorted(self.document.operations()):
            place = somewhere(path)
            s.request(method.upper(), place, headers=EMPTY)
        self.assertIn(("get", "/healthz", 429), self.document.seen)
        s.stop()


if __name__ == "__main__":
    from flow import main
    main()
