#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Resumable uploads: nothing that was acknowledged is lost, and a file becomes one video with its job, whatever happens."""
import base64
import hashlib
import itertools
import json
import os
import random
import re
import shutil
import socket
import subprocess
import time
from contextlib import contextmanager

from flow import ROOT, TIMEOUT, make_video
from serving import Serving

TUS = {"Tus-Resumable": "1.0.0"}
PIECE = TUS | {"Content-Type": "application/offset+octet-stream"}
NOBODY = "http://127.0.0.1:9/v1"  # an engine that does not answer: jobs stay in the queue


class Uploads(Serving):
    def problem(self, reply, status, word=""):
        self.assertEqual(reply.status, status, reply.body)
        self.assertEqual(reply.json["status"], status)
        self.assertIn(word, reply.json["detail"])
        return reply

    def serve(self, *options, **kw):
        return super().serve("--engine", NOBODY, *options, **kw)

    def video(self, more=b""):
        """A video, and bytes behind it that make it another file."""
        path = self.dir / "a.mp4"
        if not path.exists():
            make_video(path, 4)
        return path.read_bytes() + more

    def sha(self, s, video):
        return hashlib.sha256(s.get(f"/api/v1/videos/{video}/source").body).hexdigest()

    def begin(self, s, length, name="a.mp4", analyze="false", **headers):
        meta = ",".join(f"{k} {base64.b64encode(v.encode()).decode()}" for k, v in {"filename": name, "analyze": analyze}.items())
        r = s.post("/api/v1/uploads", headers=TUS | {"Upload-Length": str(length), "Upload-Metadata": meta,
                                                     "Content-Length": "0"} | headers)
        self.assertEqual(r.status, 201, r.body)
        return r.headers["Location"]

    def offset(self, s, where):
        r = s.request("HEAD", where, headers=TUS)
        self.assertEqual(r.status, 200)
        return int(r.headers["Upload-Offset"])

    def send(self, s, where, at, data, **headers):
        return s.request("PATCH", where, data, headers=PIECE | {"Upload-Offset": str(at)} | headers)

    def cut(self, s, where, at, data, after):
        """Announces all of the data, and breaks off after some of it."""
        head = "".join(f"{k}: {v}\r\n" for k, v in (PIECE | {"Upload-Offset": at, "Content-Length": len(data)}).items())
        with socket.create_connection(("127.0.0.1", s.port)) as c:
            c.sendall(f"PATCH {where} HTTP/1.1\r\nHost: localhost\r\n{head}\r\n".encode() + data[:after])

    def test_a_line_that_breaks_and_a_server_that_is_killed(self):
        data = self.video() * 20
        s = self.serve()
        where, rnd = self.begin(s, len(data)), random.Random(7)
        at, moved = 0, 0
        for turn in range(12):
            self.cut(s, where, at, data[at:], rnd.randrange(len(data) // 8))
            if turn % 4 == 3:
                s.process.kill()
                s.process.wait()
                s = self.serve()
            now = self.offset(s, where)
            self.assertGreaterEqual(now, at)
            moved += now > at
            at = now
        self.assertGreater(moved, 3)
        r = self.send(s, where, at, data[at:])
        self.assertEqual(r.status, 204, r.body)
        video = r.headers["Vdet-Video"]
        self.assertEqual(s.get(f"/api/v1/videos/{video}/source").body, data)
        # The answer may have been lost: the upload still says what became of it.
        r = s.request("HEAD", where, headers=TUS)
        self.assertEqual((r.headers["Upload-Offset"], r.headers["Vdet-Video"]), (str(len(data)), video))

    def test_hash_while_receiving(self):
        data = self.video()
        s = self.serve()
        video = s.upload(data, piece=5000).headers["Vdet-Video"]
        self.assertEqual(s.api(f"/videos/{video}")["sha256"], hashlib.sha256(data).hexdigest())

    def test_checksums(self):
        data = self.video()
        s = self.serve()
        where = self.begin(s, len(data))

        def total(kind, piece):
            return {"Upload-Checksum": f"{kind} {base64.b64encode(hashlib.new(kind, piece).digest()).decode()}"}
        self.assertEqual(self.send(s, where, 0, data[:999], **total("sha1", data[:999])).status, 204)
        self.problem(self.send(s, where, 999, data[999:2000], **total("sha1", b"other")), 460)
        self.assertEqual(self.offset(s, where), 999)
        self.problem(self.send(s, where, 999, data[999:2000], **{"Upload-Checksum": "crc32 AAAA"}), 400)
        self.assertEqual(self.send(s, where, 999, data[999:], **total("sha256", data[999:])).status, 204)

    def test_one_request_is_enough(self):
        data = self.video()
        s = self.serve()
        r = s.post("/api/v1/uploads", data, headers=PIECE | {"Upload-Length": str(len(data))})
        self.assertEqual(r.status, 201, r.body)
        self.assertTrue(r.headers["Vdet-Video"])

    def test_refusals(self):
        s = self.serve("--serve-video-max", "1M")
        r = s.request("OPTIONS", "/api/v1/uploads")
        self.assertIn("checksum", r.headers["Tus-Extension"])
        new = {"Upload-Length": "100", "Content-Length": "0"}
        self.problem(s.post("/api/v1/uploads", headers=new), 412)
        self.problem(s.post("/api/v1/uploads", headers=TUS | {"Content-Length": "0"}), 400)
        for length in ("-1", "x", "0", "99999999999999999999"):
            self.problem(s.post("/api/v1/uploads", headers=TUS | new | {"Upload-Length": length}), 400)
        self.problem(s.post("/api/v1/uploads", headers=TUS | new | {"Upload-Length": str(1 << 40)}), 413)
        self.problem(s.post("/api/v1/uploads", headers=TUS | new | {"Upload-Metadata": "filename !"}), 400)
        where = self.begin(s, 100, name="../../etc/passwd")
        r = self.problem(self.send(s, where, 5, b"x"), 409, "the offset of the upload is 0, not 5")
        self.assertEqual(r.json["code"], "offset")  # not "busy": waiting does not help, HEAD does
        self.problem(self.send(s, where, 0, b"x" * 101), 400)
        self.problem(s.request("PATCH", where, b"x", headers=TUS | {"Upload-Offset": "0"}), 415)
        self.problem(self.send(s, "/api/v1/uploads/" + "0" * 32, 0, b"x"), 404)
        self.problem(self.send(s, "/api/v1/uploads/..%2f..%2fvdet.db", 0, b"x"), 404)
        self.assertEqual(self.offset(s, where), 0)
        self.assertEqual(s.request("DELETE", where, headers=TUS).status, 204)
        self.problem(self.send(s, where, 0, b"x"), 404)

    def test_metadata_that_cannot_be_understood(self):
        """It is refused before anything is sent or stored, by the checks of POST /jobs."""
        s = self.serve()
        part = self.partial(s, b"x")
        stored = list((self.dir / "data" / "vdet" / "uploads").iterdir())
        for key, value, word in (("analyze", "maybe", '"analyze" has to be true or false'),
                                 ("priority", "high", '"priority" has to be a whole number from -100 to 100'),
                                 ("priority", "101", '"priority" has to be a whole number from -100 to 100'),
                                 ("priority", "1.5", '"priority" has to be a whole number'),
                                 ("options", "{not json", '"options" has to be a JSON object'),
                                 ("options", "[1]", '"options" has to be an object'),
                                 ("options", '{"no.such": 1}', '"options": no.such is not an option'),
                                 ("options", '{"chunk.frames": "many"}', '"options": chunk.frames'),
                                 ("options", '{"chunk.duration": "-5"}', '"options": chunk.duration')):
            meta = f"{key} {base64.b64encode(value.encode()).decode()}"
            for more in ({"Upload-Length": "100"}, {"Upload-Length": "100", "Upload-Concat": "partial"},
                         {"Upload-Concat": f"final;{part}"}):
                r = s.post("/api/v1/uploads", headers=TUS | more | {"Upload-Metadata": meta, "Content-Length": "0"})
                self.assertTrue(self.problem(r, 400, word).json["detail"].startswith("Upload-Metadata: "))
            r = s.post("/api/v1/uploads", b"x" * 100, headers=PIECE | {"Upload-Length": "100", "Upload-Metadata": meta})
            self.problem(r, 400, word)
            self.assertIsNone(r.headers["Location"])
        self.assertCountEqual((self.dir / "data" / "vdet" / "uploads").iterdir(), stored)
        for n, (value, job) in enumerate((("1", True), ("TRUE", True), ("0", False), ("false", False))):
            r = s.upload(self.video(b"%d" % n), analyze=value, options='{"chunk.frames": 5}', priority="-3")
            self.assertEqual(bool(r.headers["Vdet-Job"]), job, value)
        self.assertEqual({(j["priority"], j["options"]["chunk.frames"]) for j in s.api("/jobs")["jobs"]}, {(-3, "5")})

    def test_options_that_became_wrong(self):
        """The upload is finished: its video is there, and the reply says why there is no job, also later."""
        data = self.video()
        s = self.serve()
        where = self.begin(s, len(data), analyze="true")
        self.assertEqual(self.send(s, where, 0, data[:-1]).status, 204)
        s.stop()
        [file] = (self.dir / "data" / "vdet" / "uploads").glob("*.json")
        facts = json.loads(file.read_text())
        facts["request"]["options"] = {"chunk.frames": "many"}  # as of a version that knew it
        file.write_text(json.dumps(facts))
        s = self.serve()
        r = self.send(s, where, len(data) - 1, data[-1:])
        for _ in range(2):
            self.assertIn(r.status, (200, 204), r.body)
            self.assertEqual(self.sha(s, r.headers["Vdet-Video"]), hashlib.sha256(data).hexdigest())
            self.assertIsNone(r.headers["Vdet-Job"])
            self.assertIn("chunk.frames", r.headers["Vdet-Job-Error"])
            s.stop()
            s = self.serve()
            r = s.request("HEAD", where, headers=TUS)

    def test_nothing_is_kept_without_an_address(self):
        """A request that creates an upload and fails has told no address: nobody could continue it."""
        s = self.serve()
        wrong = {"Upload-Checksum": "sha1 " + base64.b64encode(bytes(20)).decode()}
        for status, more in ((460, wrong), (400, {"Upload-Checksum": "crc32 AAAA"}), (400, {"Upload-Length": "5"})):
            r = s.post("/api/v1/uploads", b"x" * 10, headers=PIECE | {"Upload-Length": "100"} | more)
            self.problem(r, status)
            self.assertIsNone(r.headers["Upload-Offset"])
        self.assertEqual(list((self.dir / "data" / "vdet" / "uploads").iterdir()), [])

    def test_the_newer_line_wins(self):
        s = self.serve()
        where = self.begin(s, 1000)
        with socket.create_connection(("127.0.0.1", s.port)) as c:  # it hangs, and does not know that it is dead
            c.sendall(f"PATCH {where} HTTP/1.1\r\nHost: localhost\r\nTus-Resumable: 1.0.0\r\nUpload-Offset: 0\r\n"
                      "Content-Type: application/offset+octet-stream\r\nContent-Length: 1000\r\n"
                      "Expect: 100-continue\r\n\r\n".encode())
            self.assertIn(b" 100 ", c.recv(100))  # the upload is its: what comes later is newer
            c.sendall(b"x" * 10)
            while (r := self.send(s, where, at := self.offset(s, where), b"y" * 100)).status == 409:
                self.assertLessEqual(at, 10)  # its bytes came between our question and our piece
            self.assertEqual(r.status, 204)
            self.assertEqual(self.offset(s, where), at + 100)

    def test_full_disk(self):
        if os.geteuid() != 0:
            self.skipTest("mounting a small disk needs root")
        small = self.dir / "small"
        small.mkdir()
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", small], capture_output=True).returncode:
            self.skipTest("cannot mount a small disk here")
        self.addCleanup(subprocess.run, ["umount", "-l", small], capture_output=True)
        s = self.serve("--data-dir", small, "--serve-free-min", "0")
        where = self.begin(s, 3 << 20)
        (small / "other").write_bytes(bytes(2 << 20))  # somebody else is quicker
        r = self.send(s, where, 0, bytes(3 << 20))
        self.problem(r, 507)
        at = self.offset(s, where)
        (small / "other").unlink()
        r = self.send(s, where, at, bytes((3 << 20) - at))
        self.assertLess(r.status, 500, r.body)

    @contextmanager
    def full(self, folder):
        """A disk without a free block."""
        filler = folder / "filler"
        with open(filler, "wb", buffering=0) as f:
            try:
                while True:
                    f.write(bytes(4096))
            except OSError:
                pass
        yield
        filler.unlink()

    def small_disk(self, size):
        if os.geteuid() != 0:
            self.skipTest("mounting a small disk needs root")
        small = self.dir / "small"
        small.mkdir()
        if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", small], capture_output=True).returncode:
            self.skipTest("cannot mount a small disk here")
        self.addCleanup(subprocess.run, ["umount", "-l", small], capture_output=True)
        return small

    def test_the_last_part_on_a_full_disk(self):
        """It is not acknowledged; once there is space the same request succeeds."""
        data = self.video()
        small = self.small_disk("8m")
        s = self.serve("--data-dir", small, "--serve-free-min", "0")
        for last in 4000, 1:
            where = self.begin(s, len(data) + last, analyze="true")
            at = len(data)
            self.assertEqual(self.send(s, where, 0, data).status, 204)
            with self.full(small):
                r = self.send(s, where, at, b"x" * last)
                self.problem(r, 507)
                now = self.offset(s, where)
                self.assertTrue(at <= now < at + last, now)
            r = self.send(s, where, now, b"x" * (at + last - now))
            self.assertEqual(r.status, 204, r.body)
            self.assertEqual(self.sha(s, r.headers["Vdet-Video"]), hashlib.sha256(data + b"x" * last).hexdigest())
            self.assertTrue(r.headers["Vdet-Job"])
        self.assertEqual(len(s.api("/videos")["videos"]), 2)
        self.assertEqual(len(s.api("/jobs")["jobs"]), 2)

    def test_killed_at_each_step_of_the_end(self):
        """Whenever the server is killed: an upload that says that it is complete has its video and its job, and one that
        does not can be continued."""
        library = os.environ.get("KILL_AT_LIBRARY")
        if not library:
            self.skipTest("the library that kills is not built")
        s, killed, done = self.serve(), 0, 0
        for n in itertools.count(1):
            data = self.video(b"%06d" % n)
            where = self.begin(s, len(data), f"{n}.mp4", analyze="true")
            self.assertEqual(self.send(s, where, 0, data[:-4000]).status, 204)
            s.stop()
            try:
                t = self.serve(env={"LD_PRELOAD": library, "KILL_AT": str(n)})
                r = self.send(t, where, len(data) - 4000, data[-4000:])
                done += r.status == 204
            except (AssertionError, ConnectionError, OSError):
                t = None
            alive = t and t.process.poll() is None
            if alive:
                t.process.kill()
                t.process.wait()
            killed += not alive
            s = self.serve()
            at = self.offset(s, where)
            if at < len(data):
                self.assertEqual(self.send(s, where, at, data[at:]).status, 204)
            r = s.request("HEAD", where, headers=TUS)
            self.assertEqual(r.headers["Upload-Offset"], str(len(data)))
            self.assertEqual(self.sha(s, r.headers["Vdet-Video"]), hashlib.sha256(data).hexdigest(), n)
            self.assertTrue(r.headers["Vdet-Job"])
            self.assertEqual([v["name"] for v in s.api("/videos")["videos"]].count(f"{n}.mp4"), 1)
            self.assertEqual([j["name"] for j in s.api("/jobs")["jobs"]].count(f"{n}.mp4"), 1)
            self.assertEqual(list((self.dir / "data" / "vdet" / "uploads").glob("*.part")), [])
            # The jobs of earlier steps would write to the disk, and so be what is counted.
            s.change("DELETE", f"/videos/{r.headers['Vdet-Video']}")
            if done == 3:
                break
        self.assertGreater(killed, 5)

    def test_the_same_video_again(self):
        data = self.video()
        s = self.serve()
        first = s.upload(data, name="one.mp4", analyze="true").headers
        again = s.upload(data, name="two.mp4", analyze="true").headers
        self.assertEqual((again["Vdet-Video"], again["Vdet-Job"]), (first["Vdet-Video"], first["Vdet-Job"]))
        other = s.upload(data, name="one.mp4", analyze="true", prompt="a red car").headers
        self.assertEqual(other["Vdet-Video"], first["Vdet-Video"])
        self.assertNotEqual(other["Vdet-Job"], first["Vdet-Job"])
        self.assertEqual(s.upload(data, name="three.mp4").headers["Vdet-Job"], None)
        names = ["one.mp4", "two.mp4", "three.mp4"]
        self.assertEqual([v["names"] for v in s.api("/videos")["videos"]], [names])
        s.stop()
        s = self.serve()  # names are kept
        self.assertEqual([v["names"] for v in s.api("/videos")["videos"]], [names])
        self.assertEqual(self.sha(s, first["Vdet-Video"]), hashlib.sha256(data).hexdigest())

        # A damaged copy is rejected: the bytes are kept.
        [file] = (self.dir / "data" / "vdet" / "videos" / first["Vdet-Video"]).glob("*.mp4")
        file.write_bytes(bytes(len(data)))
        new = s.upload(data, name="four.mp4").headers["Vdet-Video"]
        self.assertNotEqual(new, first["Vdet-Video"])
        self.assertEqual(self.sha(s, new), hashlib.sha256(data).hexdigest())

    def test_names_do_not_change_the_direction_of_text(self):
        s = self.serve()
        s.upload(self.video(), name="e\u202e4pm.exe\u2066.mp4")
        self.assertEqual([v["name"] for v in s.api("/videos")["videos"]], ["e4pm.exe.mp4"])

    def test_a_file_in_a_folder_is_no_copy(self):
        data = self.video()
        folder = self.dir / "folder"
        folder.mkdir()
        (folder / "x.mp4").write_bytes(data)
        s = self.serve("--folder", folder)
        s.change("POST", "/jobs", {"path": str(folder / "x.mp4")})
        new = s.upload(data, name="x.mp4").headers["Vdet-Video"]
        (folder / "x.mp4").unlink()
        self.assertEqual(self.sha(s, new), hashlib.sha256(data).hexdigest())

    def test_the_commands_of_the_document(self):
        """docs/protocols.md shows how to upload with curl, also in parts."""
        if not shutil.which("curl"):
            self.skipTest("curl is missing")
        text = (ROOT / "docs" / "protocols.md").read_text()
        text = text[text.index("## Uploads"):text.index("## Messages")]
        whole, create, rest = re.findall(r"^```\n(.*?)^```", text, re.S | re.M)
        data = self.video() * 40  # more than curl sends without being asked to continue
        (self.dir / "two words.mp4").write_bytes(data)
        s = self.serve()

        def shell(script, **names):
            env = self.env | {"FILE": "two words.mp4", "SERVER": f"http://127.0.0.1:{s.port}"} | names
            r = subprocess.run(["sh", "-euc", script], cwd=self.dir, env=env, capture_output=True, text=True, timeout=TIMEOUT)
            self.assertEqual(r.returncode, 0, r.stderr)
            return r.stdout

        where = shell(create + 'printf %s "$WHERE"')
        self.cut(s, where, 0, data, 1000)
        for reply in shell(rest, WHERE=where), shell(whole):
            self.assertRegex(reply, r"(?m)^HTTP/1.1 20[14] ")
            video = re.search(r"(?mi)^vdet-video: (\d+)", reply)[1]
            self.assertEqual(self.sha(s, video), hashlib.sha256(data).hexdigest())
            self.assertRegex(reply, r"(?mi)^vdet-job: \d+")
        [video] = s.api("/videos")["videos"]
        self.assertEqual(video["name"], "two words.mp4")

    def test_deferred_length(self):
        data = self.video()
        s = self.serve()
        meta = "filename " + base64.b64encode(b"live.mp4").decode()
        r = s.post("/api/v1/uploads", headers=TUS | {"Upload-Defer-Length": "1", "Upload-Metadata": meta, "Content-Length": "0"})
        self.assertEqual(r.status, 201, r.body)
        where = r.headers["Location"]
        self.assertEqual(self.send(s, where, 0, data[:5000]).status, 204)
        r = s.request("HEAD", where, headers=TUS)
        self.assertEqual((r.headers["Upload-Defer-Length"], r.headers["Upload-Length"]), ("1", None))
        s.stop()
        s = self.serve()
        self.problem(self.send(s, where, 5000, b"x" * 100, **{"Upload-Length": "5050"}), 400)
        r = self.send(s, where, 5000, data[5000:], **{"Upload-Length": str(len(data))})
        self.assertEqual(r.status, 204, r.body)
        self.assertEqual(self.sha(s, r.headers["Vdet-Video"]), hashlib.sha256(data).hexdigest())
        r = s.post("/api/v1/uploads", headers=TUS | {"Upload-Defer-Length": "2", "Content-Length": "0"})
        self.problem(r, 400)

        # The length may also come when all bytes are here.
        r = s.post("/api/v1/uploads", headers=TUS | {"Upload-Defer-Length": "1", "Upload-Metadata": meta, "Content-Length": "0"})
        where, data = r.headers["Location"], data + b"!"
        self.assertEqual(self.send(s, where, 0, data).headers["Vdet-Video"], None)
        r = self.send(s, where, len(data), b"", **{"Upload-Length": str(len(data))})
        self.assertEqual(self.sha(s, r.headers["Vdet-Video"]), hashlib.sha256(data).hexdigest())

    def partial(self, s, data):
        where = self.begin(s, len(data), **{"Upload-Concat": "partial"})
        self.assertEqual(self.send(s, where, 0, data).status, 204)
        return where

    def final(self, s, parts, name="whole.mp4"):
        meta = ",".join(f"{k} {base64.b64encode(v.encode()).decode()}" for k, v in {"filename": name, "analyze": "true"}.items())
        return s.post("/api/v1/uploads", headers=TUS | {"Upload-Concat": "final;" + " ".join(parts), "Upload-Metadata": meta,
                                                        "Content-Length": "0"})

    def test_concatenation(self):
        data = self.video()
        s = self.serve()
        cut = len(data) // 3
        parts = [self.partial(s, data[:cut]), self.partial(s, data[cut:])]
        r = s.request("HEAD", parts[0], headers=TUS)
        self.assertEqual((r.headers["Upload-Concat"], r.headers["Upload-Offset"]), ("partial", str(cut)))
        self.assertEqual(s.api("/videos")["videos"], [])
        unfinished = self.begin(s, 10, **{"Upload-Concat": "partial"})
        self.problem(self.final(s, [parts[0], unfinished]), 409)
        self.problem(self.final(s, [parts[0], parts[0]]), 400)
        self.problem(self.final(s, ["/api/v1/uploads/" + "0" * 32]), 404)
        s.stop()
        s = self.serve()
        r = self.final(s, [f"http://localhost{parts[0]}", parts[1]])
        self.assertEqual(r.status, 201, r.body)
        where, video = r.headers["Location"], r.headers["Vdet-Video"]
        self.assertEqual(self.sha(s, video), hashlib.sha256(data).hexdigest())
        self.assertTrue(r.headers["Vdet-Job"])
        r = s.request("HEAD", where, headers=TUS)
        self.assertEqual((r.headers["Upload-Length"], r.headers["Upload-Offset"]), (str(len(data)), str(len(data))))
        self.assertTrue(r.headers["Upload-Concat"].startswith("final;"))
        self.problem(self.send(s, where, len(data), b""), 403)
        # The reply may have been lost.
        self.assertEqual(self.final(s, parts).headers["Vdet-Video"], video)
        self.assertEqual(len(s.api("/videos")["videos"]), 1)

    def test_concatenation_on_a_full_disk(self):
        data = self.video()
        small = self.small_disk(f"{3 * len(data) // 1024 + 1024}k")
        s = self.serve("--data-dir", small, "--serve-free-min", "0")
        cut = len(data) // 3
        parts = [self.partial(s, data[:cut]), self.partial(s, data[cut:])]
        with self.full(small):
            self.problem(self.final(s, parts), 507)
        r = self.final(s, parts)
        self.assertEqual(r.status, 201, r.body)
        self.assertEqual(self.sha(s, r.headers["Vdet-Video"]), hashlib.sha256(data).hexdigest())

    def test_chunked_coding_and_method_override(self):
        data = self.video()
        s = self.serve()
        where = self.begin(s, len(data))

        def chunks(at, sizes):
            yield from (data[a:b] for a, b in itertools.pairwise([at, *itertools.accumulate(sizes, initial=at)][1:]))
        r = s.request("PATCH", where, chunks(0, [1, 7000, 10, 500]), headers=PIECE | {"Upload-Offset": "0"})
        self.assertEqual((r.status, r.headers["Upload-Offset"]), (204, "7511"), r.body)
        r = s.post(where, data[7511:9000], headers=PIECE | {"Upload-Offset": "7511", "X-HTTP-Method-Override": "PATCH"})
        self.assertEqual((r.status, r.headers["Upload-Offset"]), (204, "9000"), r.body)
        r = s.post(where, b"", headers=TUS | {"X-HTTP-Method-Override": "HEAD", "Content-Length": "0"})
        self.assertEqual((r.status, r.headers["Upload-Offset"], r.body), (200, "9000", b""))
        r = s.request("PATCH", where, iter([data[9000:]]), headers=PIECE | {"Upload-Offset": "9000"})
        self.assertEqual(r.status, 204, r.body)
        self.assertEqual(self.sha(s, r.headers["Vdet-Video"]), hashlib.sha256(data).hexdigest())
        gone = self.begin(s, 10)
        self.assertEqual(s.post(gone, b"", headers=TUS | {"X-HTTP-Method-Override": "DELETE", "Content-Length": "0"}).status, 204)
        self.problem(s.request("PATCH", gone, b"", headers=PIECE | {"Upload-Offset": "0"}), 404)

        # What is not chunked coding ends the connection, and what came before it is kept.
        where = self.begin(s, 100)
        head = "".join(f"{k}: {v}\r\n" for k, v in (PIECE | {"Upload-Offset": 0, "Transfer-Encoding": "chunked"}).items())
        out = s.raw(f"PATCH {where} HTTP/1.1\r\nHost: localhost\r\n{head}\r\n5\r\nhelloXX".encode(), hang_up=False)
        self.assertNotIn(b" 204 ", out)
        # The connection may end before its bytes are written: ask until they are.
        end = time.monotonic() + TIMEOUT
        while self.offset(s, where) == 0 and time.monotonic() < end:
            pass
        self.assertEqual(self.offset(s, where), 5)
        out = s.raw(f"PATCH {where} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n{head}\r\n5\r\nhello".encode())
        self.assertIn(b" 400 ", out)


if __name__ == "__main__":
    from flow import main
    main()
