# SPDX-License-Identifier: Apache-2.0
"""Videos at http and s3 addresses: the report is that of the file, and what a server does wrong is said in a line."""
import hashlib
import unittest

import flow
import nats
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
        self.env["VDET_ENGINE_URL"] = self.engine("--model", "same").url
        for name in [n for n in self.env if n.startswith("AWS_")]:
            del self.env[name]

    def server(self, *args, **kw):
        web = web_server.Web(*args, **kw)
        self.addCleanup(web.stop)
        return web

    def analyze(self, address, *more, code=0):
        return self.vdet("analyze", address, "--chunk-duration", 3, "--chunk-frames", 2, *more, code=code)

    def fails(self, address, *words, more=(), code=1):
        said = self.analyze(address, *more, code=code).stderr
        for word in words:
            self.assertIn(word, said)
        return said


class Addresses(Base):
    def test_the_report_is_that_of_the_file(self):
        local = self.dir / "local"
        local.mkdir()
        (local / "a.mp4").write_bytes(self.data)
        self.analyze(local / "a.mp4", "--output", self.dir / "file")
        expected = flow.json.loads((self.dir / "file" / "report.json").read_text())
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


if __name__ == "__main__":
    flow.main()
