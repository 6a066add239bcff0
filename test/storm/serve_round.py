# SPDX-License-Identifier: Apache-2.0
"""A round over `vdet serve`: a client uploads, starts, stops and deletes, the server is killed meanwhile and started again,
and whatever it had answered is so."""
import base64
import hashlib
import http.client
import json
import shutil
import socket
import sqlite3
import time
from contextlib import closing

import flow
from rounds import Kill, Round, lasting
from serving import Server

TUS = {"Tus-Resumable": "1.0.0"}
PART = TUS | {"Content-Type": "application/offset+octet-stream"}
OPTIONS = {"chunk.duration": 2, "chunk.frames": 2}
ENDED = ("done", "holes", "failed", "canceled", "paused")
PROMPTS = 2
KILLS_MAX, ACTIONS_MAX = 2, 14
GIVE_UP = 10
# Files that may be there in the end, beside those of videos, jobs and unfinished uploads.
EXPECTED = [r"data/vdet/vdet\.db(-wal|-shm)?", r"data/vdet/(serve\.lock|settings\.json)", r"serve\.err",
            r"data/vdet/locks/[0-9a-f]+\.lock", r"data/vdet/uploads/[0-9a-f]{32}\.json"]


class Gone(Exception):
    """The server was killed while it was asked."""


class Upload:
    """What the client knows about one."""

    def __init__(self, where, data, name, prompt, partial=False):
        self.where, self.data, self.name, self.prompt, self.partial = where, data, name, prompt, partial
        self.acknowledged = 0
        self.video = self.job = None
        self.deleted = False

    def complete(self):
        return self.acknowledged == len(self.data)


class ServeRound(Round):
    # -- the server

    def launch(self, kill=None):
        """True if it runs; False if it was killed before it listened, or the disk is full."""
        try:
            self.server = Server(self, *self.engine_options, "--net-rate", "0", "--serve-free-min", "0",
                                 env=self.environment(kill))
        except AssertionError as e:
            full = self.full.exists() and "vdet serve ended: 1" in str(e) and "is full; delete files" in str(e)
            if not full and "vdet serve ended: -9" not in str(e):
                raise
            self.note("  killed before it listened" if not full else "  no start on a full disk")
            self.kills -= full
            self.full.unlink(missing_ok=True)
            return False
        if kill:
            kill.arm(self.server.process.pid)
        return True

    def ask(self, method, path, body=None, headers=None):
        try:
            return self.server.request(method, path, body, headers=headers)
        except (ConnectionError, http.client.HTTPException, OSError) as e:
            self.note(f"  no answer to {method} {path}: {e!r}")
            raise Gone from e

    def reply(self, r, *statuses):
        self.note(f"  {r.status} {r.body[:100]!r}")
        self.assertIn(r.status, statuses, (r.body, self.server.log()[-1000:]))
        return r

    def listing(self, what):
        return self.reply(self.ask("GET", f"/api/v1/{what}"), 200).json[what]

    # -- what the client does

    def metadata(self, name, prompt):
        pairs = {"filename": name, "analyze": "true", "prompt": prompt, "options": json.dumps(OPTIONS)}
        return ",".join(f"{k} {base64.b64encode(v.encode()).decode()}" for k, v in pairs.items())

    def create(self, data, name, prompt, partial=False):
        headers = TUS | {"Upload-Length": str(len(data)), "Upload-Metadata": self.metadata(name, prompt), "Content-Length": "0"}
        r = self.ask("POST", "/api/v1/uploads", headers=headers | ({"Upload-Concat": "partial"} if partial else {}))
        if self.reply(r, 201, 507).status != 201:
            return None
        u = Upload(r.headers["Location"], data, name, prompt, partial)
        self.uploads.append(u)
        return u

    def arrived(self, u, r):
        """Learns from a reply that the upload is complete."""
        if u.complete() and not u.partial:
            u.video, u.job = r.headers["Vdet-Video"], r.headers["Vdet-Job"]
            self.assertTrue(u.video and u.job, "a complete upload without its video or job")
            self.jobs[u.job], self.prompts[u.job] = u.video, u.prompt

    def patch(self, u, n):
        at = u.acknowledged
        r = self.ask("PATCH", u.where, u.data[at:at + n], headers=PART | {"Upload-Offset": str(at)})
        if self.reply(r, 204, 409, 507).status != 204:
            self.look(u)
            if r.status == 409:  # bytes of a broken connection were written after we had asked for the offset
                self.assertGreater(u.acknowledged, at, r.body)
            return None
        u.acknowledged = int(r.headers["Upload-Offset"])
        self.assertEqual(u.acknowledged, min(at + n, len(u.data)))
        return self.arrived(u, r)

    def look(self, u):
        """No acknowledged byte is lost."""
        r = self.reply(self.ask("HEAD", u.where, headers=TUS), 200)
        at = int(r.headers["Upload-Offset"])
        self.assertGreaterEqual(at, u.acknowledged, "acknowledged bytes are lost")
        u.acknowledged = at
        self.arrived(u, r)

    def source(self):
        stem = self.rnd.choice(["a", "b"])
        name = {"a": "a.mp4", "b": "b.mkv"}[stem]
        return self.base.data(name), name, f"storm {stem}{self.rnd.randrange(PROMPTS)}"

    def do_create(self):
        self.create(*self.source())

    def do_send(self):
        u = self.rnd.choice(self.unfinished())
        self.patch(u, self.rnd.randint(1, len(u.data)) if self.rnd.random() < 0.5 else len(u.data))

    def do_upload(self):
        if u := self.create(*self.source()):
            self.patch(u, len(u.data))

    def do_break(self):
        """The connection ends in the middle of a part."""
        u = self.rnd.choice(self.unfinished())
        rest = u.data[u.acknowledged:]
        headers = PART | {"Upload-Offset": u.acknowledged, "Content-Length": len(rest)}
        head = "".join(f"{k}: {v}\r\n" for k, v in headers.items())
        try:
            with socket.create_connection(("127.0.0.1", self.server.port)) as c:
                c.sendall(f"PATCH {u.where} HTTP/1.1\r\nHost: localhost\r\n{head}\r\n".encode() +
                          rest[:self.rnd.randrange(len(rest))])
        except OSError as e:
            raise Gone from e
        self.look(u)

    def do_concatenate(self):
        data, name, prompt = self.source()
        cut = self.rnd.randrange(1, len(data))
        parts = []
        for piece in data[:cut], data[cut:]:
            if not (u := self.create(piece, name, prompt, partial=True)):
                return
            self.patch(u, len(piece))
            parts.append(u)
        if not all(p.complete() for p in parts):
            return
        self.concatenations.append((parts, data, name, prompt))
        self.final(*self.concatenations[-1])
        self.concatenations.pop()

    def final(self, parts, data, name, prompt, *others):
        headers = TUS | {"Upload-Concat": "final;" + " ".join(p.where for p in parts), "Content-Length": "0",
                         "Upload-Metadata": self.metadata(name, prompt)}
        r = self.ask("POST", "/api/v1/uploads", headers=headers)
        if self.reply(r, 201, 507, *others).status == 201:
            u = Upload(r.headers["Location"], data, name, prompt)
            u.acknowledged = len(data)
            self.uploads.append(u)
            self.arrived(u, r)

    def do_submit(self):
        """Another job of a video that is there."""
        job = self.rnd.choice(self.there())
        video, prompt = self.jobs[job], f"{self.prompts[job][:-1]}{self.rnd.randrange(PROMPTS)}"
        r = self.ask("POST", "/api/v1/jobs", {"video": video, "prompt": prompt, "options": OPTIONS})
        if self.reply(r, 200, 201, 202, 507).status != 507:
            self.jobs[r.json["id"]], self.prompts[r.json["id"]] = video, prompt

    def do_control(self):
        job, action = self.rnd.choice(self.there()), self.rnd.choice(["pause", "pause", "resume", "cancel", "retry"])
        self.note(f"  {action} {job}")
        wish = self.wishes.pop(job, None)  # if there is no answer, either is right
        r = self.reply(self.ask("POST", f"/api/v1/jobs/{job}/{action}", {}), 200, 202, 409, 507)
        if r.status < 300 and action in ("pause", "cancel"):
            wish = r.json["stopping"] or r.json["state"]  # a cancellation beats a later pause
        elif r.status != 409:
            wish = None
        if wish:
            self.wishes[job] = wish

    def do_delete_job(self):
        self.remove("jobs", self.rnd.choice(self.there()))

    def do_delete_video(self):
        self.remove("videos", self.rnd.choice(sorted({self.jobs[j] for j in self.there()})))

    def remove(self, what, item):
        """Until there is an answer, either may be."""
        video = what == "videos"
        names = [(what, item)] + [("jobs", j) for j in self.there() if video and self.jobs[j] == item]
        self.unsure |= set(names)
        self.forgotten |= {self.prompts[i] for w, i in names if w == "jobs"}
        self.note(f"  delete {what} {item}")
        if self.reply(self.ask("DELETE", f"/api/v1/{what}/{item}"), 200, 204, 507).status == 507:
            self.unsure -= set(names)
            return
        for name in names:
            self.unsure.discard(name)
            self.deleted.add(name)

    def do_fill_disk(self):
        self.full.touch()

    def do_free_disk(self):
        self.full.unlink(missing_ok=True)

    def unfinished(self):
        return [u for u in self.uploads if not u.complete()]

    def there(self):
        """Jobs that have to be there."""
        gone = self.deleted | self.unsure
        return [j for j, v in sorted(self.jobs.items()) if ("jobs", j) not in gone and ("videos", v) not in gone]

    # -- a round

    def play(self):
        self.choose_engine("endpoint")
        self.uploads, self.concatenations, self.wishes = [], [], {}
        self.jobs, self.prompts = {}, {}  # their videos, their prompts
        self.deleted, self.unsure = set(), set()  # {("jobs" or "videos", id)}
        self.forgotten = set()  # prompts of jobs that were deleted since the last kill: they may begin anew
        want = self.reference()
        self.asked()
        done = set()

        for _ in range(self.rnd.randint(1, KILLS_MAX)):
            kill = Kill(self.rnd, self.base.seconds["serve"])
            self.note(f"serve, kill {kill}")
            if self.launch(kill):
                self.disturbed(kill)
            kill.disarm()
            self.kills += 1
            done = self.judge(done)
        self.full.unlink(missing_ok=True)
        self.note("serve, undisturbed")
        self.launch()
        self.check_changes()
        self.settle()
        self.check_lists(want)
        self.assertEqual(self.server.stop(), 0, self.server.log()[-1000:])
        self.judge(done)
        self.check_files()

    def disturbed(self, kill):
        """Acts until the server is killed, or for a while; then it is killed."""
        try:
            self.check_changes()
            for _ in range(self.rnd.randint(3, ACTIONS_MAX)):
                action = self.rnd.choice(self.possible())
                self.note(f" {action.__name__}")
                action()
            if not kill.step:
                kill.fired.wait()
        except Gone:
            self.server.process.wait(flow.TIMEOUT)
            self.assertEqual(self.server.process.returncode, -9, self.server.log()[-1000:])
        self.server.process.kill()
        self.server.process.wait()

    def possible(self):
        """What makes sense now, the likelier the more often it is in the list."""
        actions = [self.do_create, self.do_upload, self.do_upload, self.do_concatenate]
        if self.unfinished():
            actions += [self.do_send] * 3 + [self.do_break]
        if self.there():
            actions += [self.do_submit] + [self.do_control] * 4 + [self.do_delete_job, self.do_delete_video]
        if self.full.exists():
            actions += [self.do_free_disk] * 4
        elif self.can_fill_disk():
            actions.append(self.do_fill_disk)
        return actions

    def judge(self, done):
        """Of the processes and the journal when the server has ended; what is finished now."""
        self.no_orphans()
        lasting_chunks = {c for c in done if c[0] not in self.forgotten}
        self.nothing_again(lasting_chunks)
        now = self.journal()
        self.assertLessEqual(lasting_chunks, now, "the journal lost a chunk")
        self.forgotten.clear()
        return now

    def check_changes(self):
        """After a start: what the server had acknowledged is so."""
        for what, item in sorted(self.deleted):
            self.assertEqual(self.ask("GET", f"/api/v1/{what}/{item}").status, 404, f"{what}/{item} is back")
        left = {name for name in self.unsure if self.ask("GET", "/api/v1/{}/{}".format(*name)).status == 200}
        for what, item in self.unsure - left:
            if what == "videos":
                self.assertFalse([j for j, v in self.jobs.items() if v == item and ("jobs", j) in left])
        for what, item in left:
            if what == "videos":
                half = [j for j, v in self.jobs.items() if v == item and ("jobs", j) in self.unsure - left]
                self.assertEqual(half, [], "a video was deleted by half")
        self.deleted |= self.unsure - left
        self.unsure.clear()

        for job, wish in self.wishes.items():
            if job in self.there():
                state = self.reply(self.ask("GET", f"/api/v1/jobs/{job}"), 200).json["state"]
                self.assertIn(state, (wish, "done", "holes", "failed"), f"job {job} was to be {wish}")
        for u in self.uploads:
            if u.video not in self.gone_videos():
                self.look(u)

    def gone_videos(self):
        return {name for what, name in self.deleted | self.unsure if what == "videos"}

    def settle(self):
        """Everything is completed."""
        for u in self.uploads:
            while not u.complete():
                self.patch(u, len(u.data))
        for concatenation in self.concatenations:
            # What was joined before the kill went with its video, when the client deleted a video of these bytes.
            deleted = any(u.data == concatenation[1] for u in self.uploads if u.video in self.gone_videos())
            self.final(*concatenation, *([404] if deleted else []))
        for u in self.uploads:
            if u.video and u.video not in self.gone_videos():
                body = self.ask("GET", f"/api/v1/videos/{u.video}/source").body
                self.assertEqual(hashlib.sha256(body).digest(), hashlib.sha256(u.data).digest(), "the video is not what was sent")
        # What a kill prevented is made after the next start, in the place of its temporary file.
        self.server.wait("/videos", lambda r: all(v["storyboard"] and v["play"] in ("source", "proxy") for v in r["videos"]))
        for _ in range(GIVE_UP):
            jobs = self.server.wait("/jobs", lambda r: all(j["state"] in ENDED for j in r["jobs"]))["jobs"]
            left = {j["id"]: j["state"] for j in jobs if j["state"] != "done"}
            self.note(f" to do: {left}")
            if not left:
                return
            for job, state in left.items():
                action = "resume" if state in ("paused", "canceled") else "retry"
                self.reply(self.ask("POST", f"/api/v1/jobs/{job}/{action}", {}), 200, 202, 409)
        self.fail("jobs do not finish")

    def check_lists(self, want):
        """No video without its job, no job without its video, and each report is that of an undisturbed run."""
        jobs, videos = self.listing("jobs"), {v["id"] for v in self.listing("videos")}
        self.assertLessEqual({j["video"] for j in jobs}, videos, "a job without its video")
        without = videos - {j["video"] for j in jobs} - {self.jobs[j] for what, j in self.deleted if what == "jobs"}
        self.assertEqual(without, set(), "a video without its job")
        self.assertLessEqual(set(self.there()), {j["id"] for j in jobs}, "a job is lost")
        for job in jobs:
            report = self.reply(self.ask("GET", f"/api/v1/jobs/{job['id']}/report?format=json"), 200).json
            self.assertEqual(lasting(report), want[report["prompt"]["text"]])
        self.left = videos, {j["id"] for j in jobs}

    def check_files(self):
        videos, jobs = ("|".join(sorted(ids)) or "none" for ids in self.left)
        with closing(sqlite3.connect(self.store)) as db:
            complete = {row[0] for row in db.execute("SELECT id FROM upload")}
            stray = db.execute("SELECT id FROM job WHERE id NOT IN (SELECT journal FROM queue)").fetchall()
        self.assertEqual(stray, [], "a journal without its job")
        parts = []
        for description in (self.store.parent / "uploads").glob("*.json"):
            final = "final" in json.loads(description.read_text())
            if not final and description.stem not in complete:  # what the client forgot expires after a week
                parts.append(rf"data/vdet/uploads/{description.stem}\.part")
        self.leftovers(*EXPECTED, *parts, rf"data/vdet/videos/({videos})/(a\.mp4|b\.mkv|made/[a-z0-9-]+\.(jpg|vtt|mp4))",
                       rf"data/vdet/reports/({jobs})/(report\.(json|html|md|vtt|csv)|vdet\.json)")

    def reference(self):
        """The reports of all jobs that a round can have, by their prompts."""
        if "serve" not in self.base.reports:
            start = time.monotonic()
            self.launch()
            for name, stem in ("a.mp4", "a"), ("b.mkv", "b"):
                for i in range(PROMPTS):
                    data = self.base.data(name)
                    u = self.create(data, name, f"storm {stem}{i}")
                    self.patch(u, len(data))
            self.settle()
            reports = [self.ask("GET", f"/api/v1/jobs/{j}/report?format=json").json for j in self.jobs]
            self.base.reports["serve"] = {r["prompt"]["text"]: lasting(r) for r in reports}
            self.assertEqual(self.server.stop(), 0)
            self.base.seconds["serve"] = (time.monotonic() - start) / 2
            shutil.rmtree(self.dir / "data")
            self.uploads.clear()
            self.jobs.clear()
        return self.base.reports["serve"]
