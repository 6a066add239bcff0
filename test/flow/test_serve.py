#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The case board through its API: two videos side by side, kill and go on, holes tried again, controls, deletion."""
import collections
import http.server
import json
import os
import signal
import socket
import sqlite3
import subprocess
import threading
import unittest

from flow import TIMEOUT, WITHOUT_PASSAGES, make_video
from messages import Messages
from serving import Serving

# Short chunks, so that a video of seconds has some.
CHUNKS = {"chunk.duration": 2, "chunk.frames": 2}


class Serve(Serving):
    def serve(self, engine, *args):
        return super().serve("--engine", engine.url, "--folder", self.dir, *args)

    def submit(self, server, name, **more):
        return server.change("POST", "/jobs", {"path": str(self.dir / name), "options": CHUNKS, **more})["id"]

    def test_all_streams(self):
        """Each moving stream of a file gets a job, with its own run."""
        for name, seconds in ("a.mp4", 6), ("b.mp4", 4):
            make_video(self.dir / name, seconds)
        subprocess.run(["ffmpeg", "-v", "error", "-i", "a.mp4", "-i", "b.mp4", "-map", "0:v", "-map", "1:v", "-c", "copy",
                        "two.mp4"], cwd=self.dir, check=True, stdin=subprocess.DEVNULL)
        server = self.serve(self.engine())
        events = server.socket(server.api("/jobs")["seq"])
        first = self.submit(server, "two.mp4", options={**CHUNKS, "media.stream": "all", "sample.policy": "adaptive"})
        states = {}
        while len(states) < 2:
            e = events.event("job")
            if e["data"]["state"] in ("done", "holes", "failed", "canceled"):
                states[e["job"]] = e["data"]["state"]
        self.assertEqual(set(states.values()), {"done"})
        jobs = {j["id"]: j for j in server.api("/jobs")["jobs"]}
        self.assertEqual({j["options"]["media.stream"] for j in jobs.values()}, {"0", "1"})
        self.assertEqual(jobs[first]["options"]["media.stream"], "0")
        self.assertEqual(len({j["journal"] for j in jobs.values()}), 2)
        video = f"/videos/{jobs[first]['video']}"
        lengths = [server.api(f"{video}/index{query}")["duration"] for query in ("", "?stream=0", "?stream=1")]
        self.assertEqual(lengths, [6, 6, 4])

    def test_two_videos_finish(self):
        engine = self.engine()
        server = self.serve(engine)
        for name, seconds in ("a.mp4", 8), ("b.mp4", 6):
            make_video(self.dir / name, seconds)
        events = server.socket(server.api("/jobs")["seq"])
        one, two = self.submit(server, "a.mp4"), self.submit(server, "b.mp4", prompt="what moves?")
        states = {}
        while len(states) < 2:
            e = events.event("job")
            if e["data"]["state"] in ("done", "holes", "failed", "canceled"):
                states[e["job"]] = e["data"]["state"]
        self.assertEqual(states, {one: "done", two: "done"})
        if "performance" not in {e["type"] for e in events.seen}:
            events.event("performance")  # the jobs may end before the first one
        numbers = [e["seq"] for e in events.seen if e["type"] != "hello"]
        self.assertEqual(numbers, sorted(set(numbers)))  # in order, none twice
        messages = Messages("events")
        for e in events.seen:
            if e["type"] != "hello":
                messages.check(e)
        self.assertTrue({"job", "chunk", "results", "video", "performance"} <= {e["type"] for e in events.seen})
        job = server.api(f"/jobs/{one}")
        self.assertEqual((job["chunks"], job["done"], job["states"]), (4, 4, "dddd"))
        self.assertEqual(job["progress"], 1)
        # Everything was published while it ran: each chunk and its events.
        mine = [e for e in events.seen if e.get("job") == one]
        done = [e["data"]["index"] for e in mine if e["type"] == "chunk" and e["data"]["state"] == "done"]
        self.assertEqual(sorted(done), [0, 1, 2, 3])
        results = [e["data"] for e in mine if e["type"] == "results"]
        self.assertTrue(all(r["state"] == "done" and r["summary"] and len(r["samples"]) == 2 for r in results), results)
        self.assertTrue(all(s["picture"] for r in results for s in r["samples"]))
        told = sum(len(r["events"]) for r in results)
        found = server.api(f"/jobs/{one}/events")["events"]
        self.assertEqual(told, sum(len(e["parts"]) for e in found))
        self.assertEqual(job["events"], len(found))
        chunks = server.api(f"/jobs/{one}/chunks")["chunks"]
        self.assertEqual([c["state"] for c in chunks], ["done"] * 4)
        for c in chunks:
            self.assertEqual(len(c["samples"]), 2)
        for format, begin in ("json", b"{"), ("md", b"#"), ("html", b"<!"), ("vtt", b"WEBVTT"), ("csv", b""):
            self.assertTrue(server.get(f"/api/v1/jobs/{one}/report?format={format}").body.startswith(begin), format)
        every = json.loads(server.get(f"/api/v1/jobs/{one}/report?detail=all").body)
        self.assertEqual((len(every["events"]), every["states"]), (told, []))
        self.assertEqual(server.get(f"/api/v1/jobs/{one}/report?detail=most").status, 400)
        # Words that it wrote are found again, also by a server that finds the store of an older one.
        word = found[0]["what"].split()[-1].strip(".") if found else chunks[0]["summary"].split()[0]
        hits = server.api(f"/search?q={word}")
        self.assertTrue(hits["hits"])
        self.assertFalse(hits["more"])
        # Runs of the command line in the same data folder, however many, hide nothing.
        with sqlite3.connect(self.dir / "data" / "vdet" / "vdet.db") as store:
            store.execute("INSERT INTO job (id, key, source_name, facts, output, state, created, updated) "
                          "VALUES ('cli', 'cli', 'x', '{}', '', 1, 1e18, 0)")
            store.execute("INSERT INTO chunk (job, idx, start_us, end_us) VALUES ('cli', 0, 0, 1)")
            store.executemany("INSERT INTO event (job, chunk, idx, what, samples) VALUES ('cli', 0, ?, ?, '[]')",
                              [(n, word) for n in range(1100)])
        store.close()
        self.assertEqual(server.api(f"/search?q={word}"), hits)
        first = server.api(f"/search?q={word}&limit=1")
        self.assertEqual((first["hits"], first["more"]), (hits["hits"][:1], len(hits["hits"]) > 1))
        self.assertEqual(server.api(f"/search?q={word}&limit=1&skip=1")["hits"], hits["hits"][1:2])
        self.assertEqual(server.api(f"/search?q={word}&skip=9999"), {"hits": [], "more": False})
        self.assertEqual(server.api(f"/search?q={word}&video={job['video']}")["hits"],
                         [h for h in hits["hits"] if h["video"] == job["video"]])
        for kind in "event", "summary":
            self.assertEqual(server.api(f"/search?q={word}&kind={kind}")["hits"], [h for h in hits["hits"] if h["kind"] == kind])
        self.assertEqual(server.api(f"/search?q={word}&from=2.5&to=4")["hits"],
                         [h for h in hits["hits"] if h["end"] >= 2.5 and h["start"] <= 4])
        self.assertEqual(server.get(f"/api/v1/search?q={word}&video=9999").status, 404)
        video = server.api(f"/videos/{job['video']}")
        self.assertEqual((video["width"], video["height"], video["state"], video["play"]), (320, 180, "ready", "source"))
        r = server.get(f"/api/v1/videos/{job['video']}/frames?t=1.5&width=160")
        self.assertEqual((r.headers["Content-Type"], r.body[:2]), ("image/jpeg", b"\xff\xd8"))
        performance = server.api("/performance")
        self.assertEqual(performance["now"], performance["history"][-1])
        self.assertGreater(performance["now"]["rss"], 1 << 20)
        self.assertEqual(server.stop(), 0)
        with sqlite3.connect(self.dir / "data" / "vdet" / "vdet.db") as store:
            store.executescript(WITHOUT_PASSAGES +
                                "ALTER TABLE chunk DROP COLUMN code; "
                                "ALTER TABLE chunk DROP COLUMN option; ALTER TABLE video DROP COLUMN stream; "
                                "DROP TABLE verdict; DROP TABLE control; ALTER TABLE job DROP COLUMN sentences; DROP TABLE answer; "
                                "DROP TABLE case_step; DROP TABLE case_member; DROP TABLE case_record; "
                                "DROP TABLE subject; DROP TABLE subject_edit; DROP TABLE second_pass; DROP TABLE ask_picture; "
                                "DROP TABLE ask_reply; DROP TABLE ask; DROP TABLE board_ask; DROP TABLE watched; DROP TABLE watch; "
                                "DROP TABLE look; DROP TABLE place; "
                                "DROP TABLE board_case_step; DROP TABLE board_case_summary; DROP TABLE board_case_video; "
                                "DROP TABLE board_case; ALTER TABLE video DROP COLUMN tags; "
                                "PRAGMA user_version = 6")
        store.close()
        server = self.serve(engine)
        self.assertTrue(server.api(f"/search?q={word}")["hits"])
        self.assertEqual(server.api("/search?q=zebra")["hits"], [])

    def test_detail_of_the_server(self):
        """report.detail is what is listed without detail=, and what the number of events counts, also after a restart."""
        engine = self.engine()
        server = self.serve(engine, "--detail", "all")
        make_video(self.dir / "a.mp4", 8)
        with sqlite3.connect(self.dir / "data" / "vdet" / "vdet.db") as store:  # one statement is of a state
            store.execute("CREATE TRIGGER calm AFTER INSERT ON event WHEN new.chunk = 1 AND new.idx = 0 BEGIN "
                          "UPDATE event SET what = 'Nothing happens.' WHERE job = new.job AND chunk = 1 AND idx = 0; END")
        store.close()
        events = server.socket(server.api("/jobs")["seq"])
        job = self.submit(server, "a.mp4")
        events.state(job, "done")
        server.wait(f"/jobs/{job}", lambda j: j["state"] == "done")
        lengths = {}
        for detail in "all", "normal", "all":
            listed = server.api(f"/jobs/{job}/events")
            self.assertEqual(listed["events"], server.api(f"/jobs/{job}/events?detail={detail}")["events"])
            report = json.loads(server.get(f"/api/v1/jobs/{job}/report").body)
            self.assertEqual(len(report["events"]), len(listed["events"]))
            self.assertEqual(server.api(f"/jobs/{job}")["events"], len(listed["events"]))
            lengths[detail] = len(listed["events"])
            self.assertEqual(server.get(f"/api/v1/jobs/{job}/events?detail=most").status, 400)
            self.assertEqual(server.stop(), 0)
            server = self.serve(engine, "--detail", "normal" if detail == "all" else "all")
        self.assertGreater(lengths["all"], lengths["normal"])

    def test_times_agree(self):
        """The length of a video and the times of its events are the same wherever they are given."""
        engine = self.engine()
        server = self.serve(engine)
        make_video(self.dir / "a.mp4", 8.6, rate="30000/1001")
        events = server.socket(server.api("/jobs")["seq"])
        job = self.submit(server, "a.mp4")
        events.state(job, "done")
        seen = [e for e in events.seen if e.get("job") == job or e["type"] == "video"]
        report = json.loads(server.get(f"/api/v1/jobs/{job}/report").body)
        video = report["source"]["duration"]
        self.assertNotEqual(video, round(video))
        id = server.api(f"/jobs/{job}")["video"]
        lists = {name: next(x for x in server.api(f"/{name}")[name] if x["id"] == i) for name, i in (("videos", id), ("jobs", job))}
        durations = [lists["videos"], lists["jobs"], server.api(f"/videos/{id}"), server.api(f"/jobs/{job}"),
                     [e for e in seen if e["type"] == "video"][-1]["data"], [e for e in seen if e["type"] == "job"][-1]["data"]]
        self.assertEqual([d["duration"] for d in durations], [video] * len(durations))
        self.assertEqual(json.loads(self.vdet("index", "a.mp4", "--json").stdout)["duration"], video)

        def times(list):
            return sorted((p["start"], p["end"], p["what"], [f["pts"] for f in p["frames"]])
                          for e in list for p in e.get("parts", [e]))
        found = times(server.api(f"/jobs/{job}/events")["events"])
        self.assertTrue(found)
        self.assertEqual(times(report["events"]), found)
        self.assertEqual(times(x for e in seen if e["type"] == "results" for x in e["data"]["events"]), found)
        hits = [h for h in server.api("/search?q=" + found[0][2].split()[0].strip(".,"))["hits"] if h["kind"] == "event"]
        self.assertTrue(hits)
        for h in hits:
            self.assertIn((h["start"], h["end"], h["text"]), [(*f[:2], f[2]) for f in found] + [(*f[:2], h["text"]) for f in found])
        chunks = server.api(f"/jobs/{job}/chunks")["chunks"]
        self.assertEqual([(c["start"], c["end"]) for c in chunks], [(c["start"], c["end"]) for c in report["chunks"]])
        self.assertEqual([[s["pts"] for s in c["samples"]] for c in chunks],
                         [[f["pts"] for f in c["samples"]] for c in report["chunks"]])
        # For people: to the millisecond below it, and lengths to the nearest second.
        def exact(t):
            ms = round(t * 1e6) // 1000
            return f"{ms // 3600000:02}:{ms // 60000 % 60:02}:{ms // 1000 % 60:02}.{ms % 1000:03}"
        texts = {f: server.get(f"/api/v1/jobs/{job}/report?format={f}").body.decode() for f in ("html", "md", "csv", "vtt")}
        for start, end, _, frames in found:
            for name in texts:
                self.assertIn(exact(start), texts[name], name)
        length = int(video + 0.5)
        self.assertIn(f">{length // 60}:{length % 60:02}<", texts["html"])
        self.assertIn(f"{length // 60}:{length % 60:02} ", texts["md"])

    def test_pictures_of_hits_need_no_video(self):
        """Hits show pictures that were stored; decoding frames has a limit, and does not delay other requests."""
        engine = self.engine()
        server = self.serve(engine)
        path = make_video(self.dir / "a.mp4", 6)
        job = self.submit(server, "a.mp4")
        server.wait(f"/jobs/{job}", lambda j: j["state"] == "done")
        video = server.api(f"/jobs/{job}")["video"]
        word = server.api(f"/jobs/{job}/events")["events"][0]["what"].split()[0].strip(".,")

        ask = f"GET /api/v1/videos/{video}/frames?t=2 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode()
        lines = [socket.create_connection(("127.0.0.1", server.port), timeout=TIMEOUT) for _ in range(60)]
        for c in lines:
            c.sendall(ask)
        self.assertTrue(server.api(f"/search?q={word}")["hits"])
        statuses = collections.Counter()
        for c in lines:
            reply = b"".join(iter(lambda: c.recv(1 << 16), b""))
            statuses[reply.split()[1]] += 1
            self.assertIn(b"\r\nRetry-After: " if reply.split()[1] == b"503" else b"image/jpeg", reply)
            c.close()
        self.assertEqual(set(statuses), {b"200", b"503"}, statuses)

        path.unlink()
        hits = server.api(f"/search?q={word}")["hits"]
        shown = [h for h in hits if h["sample"] is not None]
        self.assertTrue(shown)
        for h in shown:
            r = server.get(f"/api/v1/jobs/{h['job']}/picture?chunk={h['chunk']}&sample={h['sample']}")
            self.assertEqual((r.status, r.body[:2]), (200, b"\xff\xd8"))

    def test_killed_it_goes_on(self):
        engine = self.engine()
        server = self.serve(engine)
        make_video(self.dir / "a.mp4", 24)
        events = server.socket()
        job = self.submit(server, "a.mp4")
        for _ in range(3):
            events.event("chunk", state="done")
        server.stop(signal.SIGKILL)
        server = self.serve(engine)
        events = server.socket()
        if server.api(f"/jobs/{job}")["state"] != "done":
            self.assertEqual(events.state(job, "done", "failed", "holes")["state"], "done")
        self.assertEqual(server.api(f"/jobs/{job}")["states"], "d" * 12)
        # No chunk whose answer was in the journal was requested again, at most those in progress.
        asked = collections.Counter(engine.stretches())
        self.assertEqual(len(asked), 12)
        self.assertLessEqual(sum(asked.values()), 12 + 5)

    def test_stopped_in_order_it_goes_on(self):
        engine = self.engine("--latency", "0.2")
        server = self.serve(engine)
        make_video(self.dir / "a.mp4", 24)
        events = server.socket()
        job = self.submit(server, "a.mp4")
        events.event("chunk", state="done")
        journal = server.api(f"/jobs/{job}")["journal"]
        self.assertEqual(server.stop(), 0)
        # As for one whose turn has not come.
        with sqlite3.connect(self.dir / "data" / "vdet" / "vdet.db") as db:
            db.execute("UPDATE queue SET state = 0 WHERE journal = ? AND state < 2", (journal,))
        self.assertIn(self.listed(journal), ("queued", "complete"))
        # Chunks in progress were finished: nothing is requested twice.
        server = self.serve(engine)
        events = server.socket()
        if server.api(f"/jobs/{job}")["state"] != "done":
            events.state(job, "done")
        self.assertEqual(max(collections.Counter(engine.stretches()).values()), 1)
        # The page would show a job without its result.
        self.assertIn(f"job {job} of vdet serve", self.vdet("jobs", "rm", journal, code=1).stderr)
        self.assertEqual(self.listed(journal), "complete")
        self.vdet("jobs", "rm", journal, "--force")

    def test_holes_are_tried_again(self):
        engine = self.engine("--fault", "400@2", "--fault", "400@4", "--slots", "1")
        server = self.serve(engine, "--workers", "1")
        make_video(self.dir / "a.mp4", 10)
        events = server.socket()
        job = self.submit(server, "a.mp4")
        state = events.state(job, "holes", "done", "failed")
        self.assertEqual((state["state"], state["states"]), ("holes", "dhdhd"))
        chunks = server.api(f"/jobs/{job}/chunks")["chunks"]
        self.assertEqual([c["state"] for c in chunks], ["done", "hole", "done", "hole", "done"])
        self.assertIn("400", chunks[1]["reason"])
        for wrong, status in ({"chunks": [0]}, 409), ({"chunks": [5]}, 400), ({"chunks": "x"}, 400):
            self.assertEqual(server.post(f"/api/v1/jobs/{job}/retry", wrong).status, status)
        asked = len(engine.stretches())
        server.change("POST", f"/jobs/{job}/retry", {"chunks": [3]})
        events.state(job, "running")
        self.assertEqual(events.state(job, "holes", "done", "failed")["states"], "dhddd")
        self.assertEqual(len(engine.stretches()), asked + 1)
        server.change("POST", f"/jobs/{job}/retry")
        events.state(job, "running")
        self.assertEqual(events.state(job, "holes", "done", "failed")["state"], "done")
        self.assertEqual(len(engine.stretches()), asked + 2)

    def listed(self, journal):
        """The state that `vdet jobs` shows."""
        jobs = [json.loads(line) for line in self.vdet("jobs", "--json").stdout.splitlines()]
        return next(j["state"] for j in jobs if j["job"] == journal)

    def test_controls(self):
        engine = self.engine("--latency", "0.3", "--slots", "1")
        server = self.serve(engine, "--queue-jobs", "1")
        make_video(self.dir / "a.mp4", 40)
        make_video(self.dir / "b.mp4", 4)
        events = server.socket()
        one, two = self.submit(server, "a.mp4"), self.submit(server, "b.mp4")
        events.event("chunk", job=one, state="done")
        self.assertEqual(server.api(f"/jobs/{two}")["state"], "queued")
        self.assertEqual(events.event("performance", running=1)["data"]["queue"], 1)
        # What is more urgent takes the place, and the other goes on afterwards.
        server.change("PATCH", f"/jobs/{two}", {"priority": 5})
        self.assertEqual(events.state(two, "done", "failed")["state"], "done")
        self.assertIn(server.api(f"/jobs/{one}")["state"], ("queued", "running"))
        events.event("chunk", job=one)
        server.change("POST", f"/jobs/{one}/pause")
        paused = events.state(one, "paused", "done")
        self.assertEqual(paused["state"], "paused")
        self.assertNotIn("r", paused["states"])
        self.assertIn("d", paused["states"])
        self.assertEqual(self.listed(server.api(f"/jobs/{one}")["journal"]), "paused")
        server.change("POST", f"/jobs/{one}/resume")
        events.state(one, "running")
        server.change("POST", f"/jobs/{one}/cancel")
        events.state(one, "canceled")
        # A report of what is there can be had; then all of it goes.
        self.assertIn("chunks", server.api(f"/jobs/{one}/report?format=json"))
        video = server.api(f"/jobs/{one}")["video"]
        server.change("DELETE", f"/videos/{video}")
        events.event("job-removed", job=one)
        for path in f"/jobs/{one}", f"/videos/{video}", f"/jobs/{one}/chunks":
            self.assertEqual(server.get("/api/v1" + path).status, 404)
        self.assertTrue((self.dir / "a.mp4").exists())

    def test_a_full_disk_is_waited_for(self):
        library = os.environ.get("FULL_DISK_LIBRARY")
        if not library:
            self.skipTest("FULL_DISK_LIBRARY is not set")
        full = self.dir / "full"
        self.env |= {"LD_PRELOAD": library, "FULL_DISK": str(full)}
        engine = self.engine("--latency", "0.2", "--slots", "1")
        server = self.serve(engine, "--workers", "1", "--serve-free-min", "0")
        make_video(self.dir / "a.mp4", 12)
        events = server.socket()
        job = self.submit(server, "a.mp4")
        events.event("chunk", job=job, state="done")
        self.assertEqual(server.get("/readyz").status, 200)
        full.touch()
        waiting = events.state(job, "queued", "failed", "done")
        self.assertEqual(waiting["state"], "queued")
        self.assertIn("continues when there is space", waiting["error"])
        self.assertLess(waiting["done"], waiting["chunks"])
        # Two samples of the metrics later it still waits, and costs no request.
        asked = len(engine.stretches())
        for _ in range(2):
            self.assertEqual(events.event("performance")["data"]["disk_free"], 0)
        self.assertEqual(server.api(f"/jobs/{job}")["state"], "queued")
        self.assertEqual(len(engine.stretches()), asked)
        ready = server.get("/readyz")
        self.assertEqual((ready.status, ready.json["code"]), (503, "no-space"))
        self.assertIn("disk-full", [r["rule"] for r in server.api("/performance")["recommendations"]])
        refused = server.post("/api/v1/uploads", headers={"Upload-Length": "1000", "Tus-Resumable": "1.0.0"})
        self.assertEqual(refused.status, 507)
        self.assertNotIn("quota", refused.json["detail"])
        full.unlink()
        done = events.state(job, "done", "holes", "failed")
        self.assertEqual((done["state"], done["error"]), ("done", None))
        self.assertEqual(server.get("/readyz").status, 200)
        # That the queue is not saved is said once, and once that it is: at the next attempt, after some seconds.
        server.wait("/performance", lambda _: server.log().count("cannot save the queue") == server.log().count("is saved again"))
        self.assertLessEqual(server.log().count("cannot save the queue"), 1)

    def test_no_space_is_not_ready(self):
        reserve = 1 << 59
        for option, limit in ("--serve-free-min", reserve), ("--serve-quota", 1000):
            server = self.serve(self.engine(), option, limit)
            if option == "--serve-quota":
                self.assertEqual(server.get("/readyz").status, 200)
                server.upload(b"x" * 1000)
            ready = server.get("/readyz")
            self.assertEqual((ready.status, ready.json["code"]), (503, "no-space"))
            self.assertIn("uploads are refused", ready.json["detail"])
            self.assertIn("lower serve.free_min" if limit == reserve else "raise serve.quota", ready.json["detail"])
            new = {"Upload-Length": "1", "Tus-Resumable": "1.0.0", "Content-Length": "0"}
            self.assertEqual(server.post("/api/v1/uploads", headers=new).status, 507)
            self.assertEqual("warning: uploads are refused" in server.log(), limit == reserve)
            self.assertEqual(server.stop(), 0)
            (self.dir / "serve.err").write_text("")

    def test_uploads(self):
        server = self.serve(self.engine())
        data = make_video(self.dir / "a.mp4", 4).read_bytes()
        events = server.socket()
        sent = server.upload(data, "Kamera ö.mp4", prompt="who?", analyze="true").headers
        video, job = sent["Vdet-Video"], sent["Vdet-Job"]
        self.assertTrue(video and job)
        self.assertEqual(events.state(job, "done", "holes", "failed")["state"], "done")
        self.assertEqual(server.api(f"/jobs/{job}")["prompt"], "who?")
        shown = server.api(f"/videos/{video}")
        self.assertEqual((shown["name"], shown["size"]), ("Kamera ö.mp4", len(data)))
        self.assertEqual(server.get(f"/api/v1/videos/{video}/source").body, data)
        server.change("DELETE", f"/videos/{video}")
        self.assertEqual(list((self.dir / "data" / "vdet" / "videos").iterdir()), [])

    def test_pictures_and_a_copy_for_browsers(self):
        source = make_video(self.dir / "a.mp4", 6)
        old = self.dir / "old.ts"
        subprocess.run(["ffmpeg", "-v", "error", "-i", str(source), "-c:v", "mpeg2video", "-r", "25", str(old)], check=True,
                       stdin=subprocess.DEVNULL)
        server = self.serve(self.engine())
        events = server.socket()
        video = server.upload(old.read_bytes(), "proxy.mp4", analyze="false").headers["Vdet-Video"]
        while events.event("video", video=video)["data"]["play"] != "proxy":
            pass
        copy = server.get(f"/api/v1/videos/{video}/proxy")
        self.assertEqual((copy.headers["Content-Type"], copy.body[4:8]), ("video/mp4", b"ftyp"))
        probe = subprocess.run(["ffprobe", "-v", "error", "-show_entries", "stream=codec_name", "-of", "csv=p=0", "-"],
                               input=copy.body, capture_output=True, check=True)
        self.assertIn(b"h264", probe.stdout)
        # Pictures are made on a thread of their own; a poster that is not there yet is a 404.
        made = f"/api/v1/videos/{video}/"
        while (vtt := server.get(made + "storyboard.vtt")).status == 404 or (poster := server.get(made + "poster")).status == 404:
            events.event("video", video=video)
        self.assertEqual((poster.headers["Content-Type"], poster.body[:2]), ("image/jpeg", b"\xff\xd8"))
        self.assertIn(b"storyboard-1.jpg#xywh=", vtt.body)
        self.assertEqual(server.get(made + "storyboard-1.jpg").body[:2], b"\xff\xd8")
        # A server that was killed before it had made them: the next one does.
        server.stop(signal.SIGKILL)
        for name in "storyboard.vtt", "poster.jpg":
            next((self.dir / "data").rglob(name)).unlink()
        server = self.serve(self.engine())
        events = server.socket()
        while any(server.get(made + name).status == 404 for name in ("storyboard.vtt", "poster")):
            events.event("video", video=video)

    def test_fetching(self):
        data = make_video(self.dir / "a.mp4", 4).read_bytes()

        class Files(http.server.BaseHTTPRequestHandler):
            cut = [True]

            def do_GET(self):
                if self.path == "/moved":
                    self.send_response(302)
                    self.send_header("Location", "/a.mp4")
                    self.end_headers()
                    return
                if self.path != "/a.mp4":
                    self.send_error(404)
                    return
                start = int(self.headers["Range"].split("=")[1].rstrip("-")) if "Range" in self.headers else 0
                self.send_response(206 if start else 200)
                self.send_header("ETag", '"one"')
                self.send_header("Content-Length", str(len(data) - start))
                self.end_headers()
                # The first time, the line is lost in the middle.
                self.wfile.write(data[start:len(data) // 2] if self.cut.pop() else data[start:])
                self.cut.append(False)

            def log_message(self, *args):
                pass

        web = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Files)
        threading.Thread(target=web.serve_forever, daemon=True).start()
        self.addCleanup(web.server_close)
        self.addCleanup(web.shutdown)
        url = f"http://127.0.0.1:{web.server_port}"
        server = self.serve(self.engine())
        events = server.socket()
        job = server.change("POST", "/jobs", {"url": url + "/a.mp4", "options": CHUNKS})["id"]
        failed = events.state(job, "failed", "done")
        self.assertEqual(failed["state"], "failed")
        self.assertIn("serve.fetch_private", failed["error"])
        server.stop()
        server = self.serve(self.engine(), "--serve-fetch-private", "--serve-fetch-copy")
        events = server.socket()
        job = server.change("POST", "/jobs", {"url": url + "/moved", "options": CHUNKS})["id"]
        self.assertEqual(events.state(job, "failed", "done")["state"], "done")
        missing = server.change("POST", "/jobs", {"url": url + "/none.mp4"})["id"]
        self.assertIn("404", events.state(missing, "failed", "done")["error"])

    def test_fetching_goes_on_after_a_kill(self):
        data = make_video(self.dir / "a.mp4", 4).read_bytes()
        half, asked, come = len(data) // 2, [], threading.Event()

        class File(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                asked.append((self.headers["Range"], self.headers["If-Range"]))
                start = half if self.headers["Range"] else 0
                self.send_response(206 if start else 200)
                self.send_header("ETag", '"one"')
                self.send_header("Content-Length", str(len(data) - start))
                self.end_headers()
                self.wfile.write(data[start:] if start else data[:half])
                if not start:
                    come.wait()  # and no more of it comes

            def log_message(self, *args):
                pass

        web = http.server.ThreadingHTTPServer(("127.0.0.1", 0), File)
        threading.Thread(target=web.serve_forever, daemon=True).start()
        for end in web.server_close, web.shutdown, come.set:
            self.addCleanup(end)
        engine = self.engine()
        server = self.serve(engine, "--serve-fetch-private", "--serve-fetch-copy")
        job = server.change("POST", "/jobs", {"url": f"http://127.0.0.1:{web.server_port}/a.mp4", "options": CHUNKS})["id"]
        part = self.dir / "data" / "vdet" / "videos" / server.api(f"/jobs/{job}")["video"] / "a.mp4.part"
        events = server.socket()
        while not part.exists() or part.stat().st_size < half:
            events.event("performance")
        server.stop(signal.SIGKILL)
        server = self.serve(engine, "--serve-fetch-private", "--serve-fetch-copy")
        events = server.socket()
        if server.api(f"/jobs/{job}")["state"] != "done":
            self.assertEqual(events.state(job, "failed", "done")["state"], "done")
        self.assertEqual(asked, [(None, None), (f"bytes={half}-", '"one"')])
        video = server.api(f"/jobs/{job}")["video"]
        self.assertEqual(server.get(f"/api/v1/videos/{video}/source").body, data)
        self.assertEqual([p.name for p in part.parent.iterdir() if p.suffix in (".part", ".tag")], [])

    def test_one_server_per_folder(self):
        engine = self.engine()
        self.serve(engine)
        r = self.vdet("serve", "--listen", "127.0.0.1:0", "--engine", engine.url, code=1)
        self.assertIn("another vdet serve", r.stderr)

    def test_with_the_real_engine(self):
        self.needs_engine()
        for name, seed in ("one", 3), ("two", 4):
            self.vdet("world", f"{name}.mp4", "--duration", "20", "--seed", str(seed))
        server = super().serve("--folder", self.dir)
        told = server.api("/performance")["recommendations"]
        self.assertEqual([r["rule"] for r in told], ["demo-model"])  # before any job was spoilt by it
        events = server.socket()
        jobs = [server.change("POST", "/jobs", {"path": str(self.dir / f"{n}.mp4"), "options": {"chunk.duration": 10}})["id"]
                for n in ("one", "two")]
        states = {}
        while len(states) < 2:
            e = events.event("job")
            if e["data"]["state"] in ("done", "holes", "failed"):
                states[e["job"]] = e["data"]["state"]
        self.assertEqual(set(states.values()), {"done"})
        for j in jobs:
            self.assertTrue(server.api(f"/jobs/{j}/report?format=json")["complete"])
        self.assertEqual(server.stop(), 0)


if __name__ == "__main__":
    unittest.main()
