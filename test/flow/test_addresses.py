# SPDX-License-Identifier: Apache-2.0
"""Videos at http and s3 addresses: the report is that of the file, and what a server does wrong is said in a line."""
import contextlib
import hashlib
import sqlite3
import threading
import unittest

import flow
import mcp_client
import nats
import serving
import test_worker
import web_server

SECRET = "s3kr1t-w0rd"


class Base(flow.Flow):
    @classmethod
    def setUpClass(cls):
        cls.made = flow.tempfile.TemporaryDirectory(prefix="vdet-flow-")
        cls.addClassCleanup(cls.made.cleanup)
        folder = flow.Path(cls.made.name)
        (folder / "said.srt").write_text("1\n00:00:04,000 --> 00:00:08,000\nStop the car\n")
        flow.make_video(folder / "a.mp4", 12, size="640x360", extra=("-vf", "noise=alls=40:allf=t"))
        flow.subprocess.run(["ffmpeg", "-v", "error", "-i", "a.mp4", "-i", "said.srt", "-c", "copy", "-c:s", "mov_text", "b.mp4"],
                            check=True, cwd=folder, stdin=flow.subprocess.DEVNULL)
        cls.data = (folder / "b.mp4").read_bytes()
        assert len(cls.data) > 2 << 20

    def setUp(self):
        super().setUp()
        self.web = self.server({"/dir/a.mp4": self.data})
        self.answers = self.engine("--model", "same")
        self.env["VDET_ENGINE_URL"] = self.answers.url
        for name in [n for n in self.env if n.startswith("AWS_")]:
            del self.env[name]

    def server(self, *args, **kw):
        web = web_server.Web(*args, **kw)
        self.addCleanup(web.stop)
        return web

    def analyze(self, address, *more, code=0):
        return self.vdet("analyze", address, "--chunk-duration", 3, "--chunk-frames", 2, *more, code=code)

    def report_of_the_file(self):
        local = self.dir / "local"
        local.mkdir()
        (local / "a.mp4").write_bytes(self.data)
        self.analyze(local / "a.mp4", "--output", self.dir / "file")
        return flow.json.loads((self.dir / "file" / "report.json").read_text())

    def fails(self, address, *words, more=(), code=1):
        said = self.analyze(address, *more, code=code).stderr
        for word in words:
            self.assertIn(word, said)
        return said


class Addresses(Base):
    def test_the_report_is_that_of_the_file(self):
        expected = self.report_of_the_file()
        self.env["XDG_DATA_HOME"] = str(self.dir / "other")
        address = self.web.url.replace("http://", f"http://me:{SECRET}@") + f"/dir/a.mp4?token={SECRET}"
        self.web.faults = [None, ("cut", 700_000), ("cut", 100_000)]
        self.analyze(address, "--log-level", "debug")
        self.assertEqual(flow.same_result(self.report("a")), flow.same_result(expected))
        # One look at the server, and one transfer of the video.
        self.assertLess(self.web.bytes_sent(), 4 * len(self.data))
        self.assertTrue(all("Basic" in headers["Authorization"] for _, headers in self.web.requests))

        # The server says that it is the same version: it is not read again.
        self.web.sent.clear()
        r = self.analyze(address, "--prompt", "red things")
        self.assertLess(self.web.bytes_sent(), 100)
        for path in self.dir.rglob("*"):
            if path.is_file() and path.name != "a.mp4" and not path.name.startswith("engine-"):
                self.assertNotIn(SECRET.encode(), path.read_bytes(), path)
        self.assertNotIn(SECRET, r.stdout + r.stderr)

    def test_what_a_server_does_wrong_is_said(self):
        url = self.web.url
        self.web.files["/empty.mp4"] = b""
        self.web.redirects |= {"/file": "file:///etc/passwd", "/loop": "/loop", "/here": "/dir/a.mp4", "/two": "/here"}
        self.fails(url + f"/dir/b.mp4?{SECRET}", "b.mp4: the server at http://127.0.0.1", "no such file (404)")
        self.fails(url + "/empty.mp4", "is empty")
        self.fails(url + "/file", "file")
        self.fails(url + "/loop", "redirects")
        self.web.faults = [("status", 403, {}), ("status", 403, {})]
        self.fails(url + "/dir/a.mp4", "answered 403")
        self.web.ranges = False
        self.fails(url + "/dir/a.mp4", "does not send parts")
        self.web.ranges = True
        self.fails(url + "/", "names no file", code=2)
        self.fails("http://127.0.0.1:1/a.mp4", "cannot be reached")
        self.assertNotIn(SECRET, self.fails(f"http://me:{SECRET}@127.0.0.1:1/a.mp4?{SECRET}", "cannot be reached"))
        self.fails(url + "/dir/a.mp4", "not the video that was expected", more=("--source-sha256", "0" * 64))
        self.vdet("analyze", url + "/dir/a.mp4", "--source-sha256", "xyz", code=2)
        self.vdet("analyze", url + "/dir/a.mp4", "--case", "x", code=2)
        self.analyze(url + "/two")

    def test_certificates_are_checked_and_stay_needed_after_a_redirect(self):
        flow.subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                             "-days", "2", "-keyout", "key.pem", "-out", "cert.pem", "-subj", "/CN=127.0.0.1", "-addext",
                             "subjectAltName=IP:127.0.0.1"], check=True, cwd=self.dir, capture_output=True)
        tls = self.server({"/a.mp4": self.data}, tls=(self.dir / "cert.pem", self.dir / "key.pem"))
        tls.redirects["/plain"] = self.web.url + "/dir/a.mp4"
        self.fails(tls.url + "/a.mp4", "SSL_CERT_FILE")
        self.env["SSL_CERT_FILE"] = str(self.dir / "cert.pem")
        self.fails(tls.url + "/plain", "\"http\"")
        self.assertEqual(self.web.requests, [])
        self.analyze(tls.url + "/a.mp4")

    def test_a_video_that_changes_is_an_error(self):
        other = self.data[:-1000] + bytes(1000)

        def change():
            self.web.files["/dir/a.mp4"] = other
        # While it is read first: the transfer is cut, and continues with another version.
        self.web.faults = [None, ("cut", 500_000), ("call", change)]
        self.fails(self.web.url + "/dir/a.mp4", "has changed on the server")
        # A server that says nothing about versions: its blocks have other hashes.
        self.web.files["/dir/a.mp4"] = self.data
        self.web.marks = False
        sha = hashlib.sha256(self.data).hexdigest()
        self.analyze(self.web.url + "/dir/a.mp4")
        flow.shutil.rmtree(self.dir / "data" / "vdet" / "source-cache")
        self.web.sent.clear()
        self.web.files["/dir/a.mp4"] = self.data[:1 << 20] + bytes(len(self.data) - (1 << 20))
        self.fails(self.web.url + "/dir/a.mp4", "does not have the hash", more=("--source-sha256", sha, "--prompt", "x"))
        self.web.files["/dir/a.mp4"] = self.data
        self.web.sent.clear()
        self.analyze(self.web.url + "/dir/a.mp4", "--source-sha256", sha, "--prompt", "x")

    def test_a_server_that_is_gone_is_an_error_and_the_same_command_continues(self):
        # With a cache that holds nothing of it, the frames are read from the server.
        self.analyze(self.web.url + "/dir/a.mp4", "--to", 3)
        flow.shutil.rmtree(self.dir / "data" / "vdet" / "source-cache")
        self.web.faults = [None] + [("status", 503, {"Retry-After": "0"})] * 1000
        self.fails(self.web.url + "/dir/a.mp4", "answered 503", more=("--source-timeout", 1))
        self.web.faults = []
        self.analyze(self.web.url + "/dir/a.mp4")
        self.assertEqual(self.report("a")["holes"], [])

    def test_s3(self):
        key = "/bucket/a folder/ä+b=%.mp4"
        s3 = self.server({key: self.data}, keys={"AKID": SECRET + "/+"}, region="eu-test-1", session="t/+=")
        self.env |= {"AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": SECRET + "/+", "AWS_SESSION_TOKEN": "t/+=",
                     "AWS_REGION": "eu-test-1", "AWS_ENDPOINT_URL": s3.url}
        self.analyze("s3:/" + key)
        self.assertEqual(s3.refused, [])
        self.assertTrue(list(self.dir.glob("*.vdet/report.json")))
        self.fails("s3://bucket/none.mp4", "no such file (404)")
        self.env["AWS_SECRET_ACCESS_KEY"] = "other"
        self.fails("s3:/" + key, "answered 403", "signature we calculated does not match")
        self.env["AWS_REGION"] = ""
        self.fails("s3:/" + key, "expecting 'eu-test-1'")
        del self.env["AWS_SECRET_ACCESS_KEY"]
        self.fails("s3:/" + key, "AWS_SECRET_ACCESS_KEY", code=2)
        del self.env["AWS_ACCESS_KEY_ID"]
        self.fails("s3:/" + key, "Access Denied")
        self.fails("s3://bucket", "s3://BUCKET/KEY", code=2)
        self.fails("s3:/" + key, "https://HOST:PORT", more=("--s3-endpoint", "host:9000"), code=2)


class Serving(Base, serving.Serving):
    """`vdet serve` reads videos where they are."""
    OPTIONS = {"chunk.duration": 3, "chunk.frames": 2}

    def setUp(self):
        super().setUp()
        self.url = self.web.url + "/dir/a.mp4"

    def board(self, *options, private=True):
        return self.serve("--retries", 0, "--net-rate", 0, *(["--serve-fetch-private"] if private else []), *options)

    def add(self, server, address, *states, **more):
        job = server.change("POST", "/jobs", {"url": address, "options": self.OPTIONS, **more})["id"]
        return server.wait(f"/jobs/{job}", lambda j: j["state"] in (states or ("done",)) or j["state"] == "failed")

    def test_a_video_is_used_where_it_is(self):
        expected = self.report_of_the_file()
        self.env["XDG_DATA_HOME"] = str(self.dir / "other")
        server = self.board()
        job = self.add(server, self.url + f"?token={SECRET}")
        self.assertEqual(job["state"], "done", job)
        report = server.api(f"/jobs/{job['id']}/report?format=json")
        self.assertEqual(flow.same_result(report), flow.same_result(expected))
        video = server.api(f"/videos/{job['video']}")
        self.assertEqual((video["state"], video["play"], video["sha256"]), ("ready", "source", hashlib.sha256(self.data).hexdigest()))
        # Read once, and nothing was downloaded.
        self.assertLess(self.web.bytes_sent(), 1.1 * len(self.data))
        self.assertEqual([p for p in (self.dir / "other").rglob("a.mp4")], [])

        # The player gets parts; a whole that is larger is refused.
        source = f"/api/v1/videos/{job['video']}/source"
        part = server.get(source, headers={"Range": "bytes=1000-"})
        self.assertEqual((part.status, part.body), (206, self.data[1000:1000 + (4 << 20)]))
        self.assertEqual(part.headers["Content-Range"], f"bytes 1000-{999 + len(part.body)}/{len(self.data)}")
        self.assertEqual(server.get(source).status, 200 if len(self.data) <= 4 << 20 else 413)
        self.assertEqual(server.get(source, headers={"If-Range": part.headers["ETag"], "Range": "bytes=-10"}).body, self.data[-10:])
        frame = server.get(f"/api/v1/videos/{job['video']}/frames?t=5")
        self.assertEqual((frame.status, frame.body[:2]), (200, b"\xff\xd8"))
        server.wait(f"/videos/{job['video']}", lambda v: v["poster"] and v["storyboard"])

        case = server.change("POST", "/cases", {"name": "gate", "videos": [job["video"]]})["id"]
        listed = server.api(f"/cases/{case}/report?format=json")["videos"][0]
        self.assertEqual((listed["name"], listed["missing"], listed["replaced"]), ("a.mp4", False, False))

        # A question looks at fresh frames.
        before = len(self.answers.lines("begin"))
        ask = server.change("POST", "/asks", {"question": "When do the pictures change?", "all": True})["id"]
        answer = server.wait(f"/asks/{ask}", lambda a: a["state"] in ("done", "failed"))
        self.assertEqual(answer["state"], "done", answer)
        self.assertEqual([s["unseen"] for s in answer["answer"]["sources"] if s.get("unseen")], [])
        frames = [f for c in answer["answer"]["cites"] for f in c["frames"]]
        self.assertTrue(frames and all(f["planes_sha256"] for f in frames), answer["answer"])
        self.assertGreater(len(self.answers.lines("begin")), before)

        # MCP: frames of their own size, not the small pictures of the journal.
        client = mcp_client.HttpClient(server)
        run = client.call("list_videos")["videos"][0]["video"]
        frames = client.call("get_frames", video=run, times=[5])
        self.assertEqual((frames["source"], frames["frames"][0]["fault"]), ("file", ""), frames)
        self.assertEqual(client.call("look", video=run, question="What is there?", **{"from": 1, "to": 4})["state"], "done")
        self.assertNotIn(SECRET, flow.json.dumps(client.call("list_videos")) + flow.json.dumps(frames))

        # The hashes outlive the last job; what is kept of the video goes with it.
        server.change("DELETE", f"/jobs/{job['id']}")
        self.assertEqual(server.get(f"/api/v1/videos/{job['video']}/frames?t=2").status, 200)
        cache = self.dir / "other" / "vdet" / "source-cache"
        self.assertTrue([p for p in cache.rglob("*") if p.is_file() and p.stat().st_size > 1000])
        server.change("DELETE", f"/videos/{job['video']}")
        self.assertEqual([p for p in cache.rglob("*") if p.is_file() and p.stat().st_size > 1000], [])
        with contextlib.closing(sqlite3.connect(self.dir / "other" / "vdet" / "vdet.db")) as db:
            self.assertEqual(db.execute("SELECT count(*) FROM source_block").fetchone(), (0,))
        self.assertNotIn(SECRET, server.log())

    def test_restart_and_change(self):
        server = self.board()
        self.answers.control(faults=["hold@2+"], reset=True)
        # While it is read first.
        hold = threading.Event()
        self.addCleanup(hold.set)
        self.web.faults = [None, ("cut", 2 << 20), ("hold", hold)]
        job = server.change("POST", "/jobs", {"url": self.url, "options": self.OPTIONS})
        server.wait(f"/videos/{job['video']}", lambda v: v["state"] == "fetching" and v["fetched"] >= 1 << 20)
        server.stop(serving.signal.SIGKILL)
        hold.set()
        # While it is analyzed.
        server = self.board()
        server.wait(f"/jobs/{job['id']}", lambda j: j["done"] >= 1)
        server.stop(serving.signal.SIGKILL)
        self.answers.control(faults=[], release=True)
        read = self.web.bytes_sent()
        server = self.board()
        done = server.wait(f"/jobs/{job['id']}", lambda j: j["state"] in ("done", "failed"))
        self.assertEqual((done["state"], done["holes"]), ("done", 0), done)
        # From the disk: the server says that it still has the same.
        self.assertLess(self.web.bytes_sent() - read, len(self.data) // 2)

        # Another video there now, of the same size: what is on the disk is not of it, and what is not is refused.
        self.web.files["/dir/a.mp4"] = bytes(len(self.data))
        server.stop()
        flow.shutil.rmtree(self.dir / "data" / "vdet" / "source-cache")
        server = self.board()
        again = {"options": self.OPTIONS | {"describe.prompt": "red things"}}
        failed = self.add(server, self.url, **again)
        self.assertEqual(failed["state"], "failed")
        self.assertIn("the video has changed there", failed["error"])
        frame = server.get(f"/api/v1/videos/{job['video']}/frames?t=2")
        self.assertIn("the video has changed there", frame.json["detail"])
        self.web.files["/dir/a.mp4"] = self.data[:2 << 20]
        failed = self.add(server, self.url, options=self.OPTIONS | {"describe.prompt": "blue things"})
        self.assertIn("another size", failed["error"])

    def test_which_addresses_are_read(self):
        server = self.board(private=False)
        self.assertIn("serve.fetch_private", self.add(server, self.url)["error"])
        self.assertEqual(self.web.requests, [])
        # A name that leads there, and a redirect: what is checked is what is connected to.
        for address in self.url.replace("127.0.0.1", "localhost"), self.url.replace("127.0.0.1", "[::ffff:127.0.0.1]"):
            self.assertIn("private network", self.add(server, address)["error"])
        r = server.post("/api/v1/jobs", {"url": "s3://bucket/a.mp4"})
        self.assertEqual((r.status, "serve.s3" in r.json["detail"]), (403, True), r.body)
        server.stop()

        s3 = self.server({"/bucket/in/a.mp4": self.data}, keys={"AKID": SECRET})
        s3.redirects["/bucket/in/b.mp4"] = self.url
        self.env |= {"AWS_ENDPOINT_URL": s3.url, "AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": SECRET}
        server = self.board("--serve-s3", "other:bucket/in/", private=False)
        for address in "s3://bucket/a.mp4", "s3://bucket/in/../a.mp4", "s3://bucket/inside/a.mp4":
            self.assertEqual(server.post("/api/v1/jobs", {"url": address}).status, 403, address)
        self.assertIn("answered 302", self.add(server, "s3://bucket/in/b.mp4")["error"])
        self.assertEqual(self.web.requests, [])
        self.assertEqual(self.add(server, "s3://bucket/in/a.mp4")["state"], "done")
        self.assertNotIn(SECRET, server.log())

    def test_what_is_downloaded(self):
        self.web.ranges = False
        server = self.board("--log-level", "info")
        job = self.add(server, self.url)
        self.assertEqual(job["state"], "done", job)
        self.assertIn("does not send parts", server.log())
        self.assertEqual(server.get(f"/api/v1/videos/{job['video']}/source").body, self.data)
        server.stop()
        self.web.ranges = True
        server = self.board()
        job = self.add(server, self.url + "?1", options=self.OPTIONS | {"media.stream": "all"})
        self.assertEqual((job["state"], job["options"]["media.stream"]), ("done", "0"), job)
        server.stop()
        server = self.board("--serve-fetch-copy")
        job = self.add(server, self.url + "?2")
        self.assertEqual(server.get(f"/api/v1/videos/{job['video']}/source").body, self.data)


@unittest.skipIf(nats.program() is None, "nats-server is not here; NATS_SERVER may name one")
class Fleet(Base):
    """Workers read the videos of a head that has them from another server."""

    def setUp(self):
        super().setUp()
        self.nats = nats.Nats(self.dir)
        self.addCleanup(self.nats.stop)
        self.env |= {"VDET_FLEET_ACK_WAIT": "600", "VDET_FLEET_ADDRESS": "", "VDET_FLEET_LISTEN": "127.0.0.1:0",
                     "VDET_UI_LOG_LEVEL": "info"}
        if "built without libnats" in self.vdet("fleet", "--fleet", self.nats.url, code=None).stderr:
            self.skipTest("vdet was built without libnats")

    def by_worker(self, name, address, *more):
        """Analyzes with a new worker; returns what it logged, and the result."""
        worker, head = test_worker.Machine(self, name), test_worker.Machine(self, f"head-of-{name}")
        process = worker.start("worker", "--fleet", self.nats.url, "--fleet-name", name)
        head.env["XDG_DATA_HOME"] = str(self.dir / "data")  # one head with one journal
        head.finish(head.start("analyze", address, "--chunk-duration", 3, "--chunk-frames", 2, "--fleet", self.nats.url, *more))
        process.send_signal(test_worker.signal.SIGTERM)
        worker.finish(process)
        self.assertEqual((len(worker.engine.stretches()), len(head.engine.stretches())), (4, 0))
        return worker.log(), flow.same_result(flow.json.loads((head.dir / "a.vdet" / "report.json").read_text()))

    def test_workers_read_from_the_server_or_through_the_head(self):
        s3 = self.server({"/b/a.mp4": self.data}, keys={"AKID": SECRET})
        self.env |= {"AWS_ENDPOINT_URL": s3.url, "AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": SECRET}
        # The head looks and reads; then the worker's address has expired, and it asks for another one.
        later, now = (("call", lambda ahead=ahead: setattr(s3, "ahead", ahead)) for ahead in (3600, 0))
        s3.faults = [None, None, later, now]
        said, first = self.by_worker("direct", "s3://b/a.mp4")
        self.assertRegex(said, r" 0 bytes from the head, 0 from a path, [1-9]\d+ from another server")
        self.assertEqual(s3.refused, ["AccessDenied"])
        self.assertNotIn("X-Amz-", said)
        self.assertNotIn(SECRET, said)

        # The worker cannot use the server.
        s3.faults = [None] + 100 * [("status", 403, {})]
        said, result = self.by_worker("refused", "s3://b/a.mp4", "--fresh")
        self.assertIn("reading the video from the head", said)
        self.assertRegex(said, r" [1-9]\d+ bytes from the head, 0 from a path, 0 from another server")
        self.assertEqual(result, first)

        # The user does not want that, or the address has a password.
        s3.faults = []
        with_password = self.web.url.replace("//", f"//me:{SECRET}@") + "/dir/a.mp4"
        for address, more in (("s3://b/a.mp4", ["--no-fleet-direct"]), (with_password, [])):
            said, _ = self.by_worker(f"relayed-{len(more)}", address, "--fresh", *more)
            self.assertRegex(said, r" [1-9]\d+ bytes from the head, 0 from a path, 0 from another server")
            self.assertNotIn(SECRET, said)

    def test_a_server_gives_them_to_workers(self):
        worker = test_worker.Machine(self, "worker")
        process = worker.start("worker", "--fleet", self.nats.url, "--fleet-name", "one")
        server = serving.Server(self, "--fleet", self.nats.url, "--serve-fetch-private", "--retries", 0, "--net-rate", 0)
        job = server.change("POST", "/jobs", {"url": self.web.url + "/dir/a.mp4",
                                              "options": {"chunk.duration": 3, "chunk.frames": 2}})["id"]
        job = server.wait(f"/jobs/{job}", lambda j: j["state"] in ("done", "failed"))
        self.assertEqual((job["state"], job["holes"]), ("done", 0), job)
        server.stop()
        process.send_signal(test_worker.signal.SIGTERM)
        worker.finish(process)
        self.assertEqual((len(worker.engine.stretches()), len(self.answers.stretches())), (4, 0))
        self.assertRegex(worker.log(), r" 0 bytes from the head, 0 from a path, [1-9]\d+ from another server")


if __name__ == "__main__":
    flow.main()
