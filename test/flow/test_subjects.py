#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Subjects: who is listed, what a person changes, and where the changes apply again. The engine of these tests says what
the scene says; see --scene in fake_engine.py."""
import csv
import io
import itertools
import json
import os
import sqlite3
import subprocess
import sys

import flow
from serving import Serving

sys.path.insert(0, str(flow.ROOT / "test" / "bench"))
import drawn  # noqa: E402

# Two seconds and two frames each; those in between say nothing.
SCENE = {
    0: [("a red car", "A red car enters.")],
    2: [("the blue bus", "The blue bus passes.")],
    4: [("Red car, parked", "The red car turns.")],
    6: [("a white dog", "A white dog barks."), ("a white dog", "A white dog runs.")],
    8: [("white dog", "A white dog sleeps on the lawn and wakes.")],
    10: [("a car that is red", "It leaves.")],
    12: [("", "It rains.")],
}
CHUNKS = 14
HOSTILE = "</script><b>=1+1|x</b> `a` [y](z) ünï"


def clock(seconds):
    return f"00:00:{seconds:02}.000"


def write_scene(path, scene):
    stretches = {clock(2 * i): {"summary": "Something.", "events": [{"subject": s, "what": w} for s, w in events]}
                 for i, events in scene.items()}
    path.write_text(json.dumps({"stretches": stretches, "false": []}))


class Subjects(flow.Flow):
    def setUp(self):
        super().setUp()
        flow.make_video(self.dir / "a.mp4", 2 * CHUNKS, size="64x36", rate=5)

    def analyze(self, *options, scene=None, engine=None, code=0, name="a"):
        write_scene(self.dir / "scene.json", SCENE | (scene or {}))
        engine = engine or self.engine("--scene", str(self.dir / "scene.json"))
        self.vdet("analyze", f"{name}.mp4", "--engine", engine.url, "--chunk-duration", "2", "--chunk-frames", "2", *options,
                  code=code)
        return self.report(name)

    def subject(self, job, *args, code=0, env=None):
        r = self.vdet("subject", job, *args, "--json", code=code, env=env)
        return json.loads(r.stdout) if code == 0 else r.stderr

    def brief(self, listing):
        """{number: (name or description, events from 1)}"""
        return {s["number"]: (s["name"] or s["description"], [e + 1 for e in s["events"]]) for s in listing["subjects"]}

    def test_who_is_listed(self):
        report = self.analyze()
        self.assertEqual(self.brief(report), {
            1: ("red car", [1, 3, 7]), 2: ("blue bus", [2]), 3: ("white dog", [4]), 4: ("white dog", [5]), 5: ("white dog", [6])})
        self.assertEqual([e["subject_number"] for e in report["events"]], [1, 2, 1, 3, 4, 5, 1, None])
        by_number = {s["number"]: s for s in report["subjects"]}
        self.assertEqual(by_number[5]["possibly_same"], [3, 4])
        self.assertEqual(by_number[4]["possibly_same"], [])
        self.assertEqual([(i["start"], i["end"]) for i in by_number[1]["intervals"]],
                         [(e["start"], e["end"]) for e in report["events"] if e["subject_number"] == 1])
        folder = self.dir / "a.vdet"
        rows = list(csv.DictReader(io.StringIO((folder / "report.csv").read_text())))
        self.assertEqual([r["subject_number"] for r in rows if r["kind"] == "event"], ["1", "2", "1", "3", "4", "5", "1", ""])
        self.assertIn("subject 1 (red car)", (folder / "report.md").read_text())
        page = (folder / "report.html").read_text()
        self.assertEqual(page.count('class="lane"'), 5)
        self.assertIn('href="#b5">subject 5 (white dog)</a>', page)
        # the same at every detail, and the same bytes when it is made again
        job = report["run"]["job"]
        for detail in ("all", "low"):
            self.vdet("report", job, "--detail", detail, "--output", detail, "--format", "json")
            other = json.loads((self.dir / detail / "report.json").read_text())
            self.assertEqual([(s["number"], s["intervals"]) for s in other["subjects"]],
                             [(s["number"], s["intervals"]) for s in report["subjects"]])
        text = self.vdet("subject", job).stdout
        self.assertIn("possibly the same as 3, 4", text)
        self.assertIn("events 1 3 7", text)

    def drawn_world(self, seed):
        """(truth, plan, said, {statement: number}): each statement in its own words."""
        name, video = f"w{seed}", f"w{seed}.mp4"
        options = "--chunk-duration", "4", "--chunk-frames", "4", "--sample-policy", "even"
        self.vdet("world", video, "--subjects", "hard", "--seed", seed, "--duration", 180, "--events", 300, "--width", 64,
                  "--height", 36)
        truth, plan = drawn.truth_of(self.dir / video), drawn.chunks(self.vdet("plan", video, *options).stdout)
        said = drawn.tell(truth, plan, seed, True)
        (self.dir / "scene.json").write_text(json.dumps(drawn.scene(said, plan, "no")))
        engine = self.engine("--scene", str(self.dir / "scene.json"))
        self.vdet("analyze", video, "--engine", engine.url, "--verify", "none", *options)
        events = self.report(name)
        return truth, plan, said, {p["what"]: e["subject_number"] for e in events["events"] + events["states"] for p in e["parts"]}

    def test_words_alone_do_not_decide(self):
        """Two of one look at once have two numbers, also where they are called the same; what goes on alone has one, also
        where it is called otherwise. Whoever only compares words fails both."""
        found = {"called the same": 0, "goes on": 0, "called otherwise": 0}
        for seed in 5, 6:
            truth, plan, said, number = self.drawn_world(seed)
            for chunk in said:
                for (one, words, a), (other, its_words, b) in itertools.combinations(chunk, 2):
                    if one != other and set(a["frames"]) & set(b["frames"]):
                        self.assertNotEqual(number[a["what"]], number[b["what"]], (a, b))
                        found["called the same"] += words == its_words
            looks = [{drawn.look(e, t) for e in truth["events"] for t in times if drawn.shows(e, t)} for _, times in plan]
            for k, (chunk, after) in enumerate(zip(said, said[1:])):
                if len(chunk) != 1 or len(after) != 1 or looks[k] != looks[k + 1]:
                    continue
                (one, words, a), (other, its_words, b) = chunk[0], after[0]
                if one == other and a["frames"][-1] == len(plan[k][1]) and b["frames"][0] == 1:
                    self.assertEqual(number[a["what"]], number[b["what"]], (a, b))
                    found["goes on"] += 1
                    found["called otherwise"] += words != its_words
        self.assertGreaterEqual(min(found.values()), 2, found)

    def test_edits_and_undo(self):
        report = self.analyze()
        job = report["run"]["job"]
        before = self.subject(job)
        self.assertEqual(self.brief(self.subject(job, "rename", 1, HOSTILE))[1], (HOSTILE, [1, 3, 7]))
        merged = self.subject(job, "merge", 5, 3)
        self.assertEqual(self.brief(merged)[5], ("white dog", [4, 6]))
        self.assertNotIn(3, self.brief(merged))
        split = self.brief(self.subject(job, "split", 1, 3, "e7"))
        self.assertEqual((split[1][1], split[6]), ([1], ("Red car, parked", [3, 7])))
        self.vdet("report", job)
        page, text = ((self.dir / "a.vdet" / f"report.{x}").read_text() for x in ("html", "md"))
        self.assertNotIn("<b>=1+1", page + text)
        self.assertIn("&lt;/script&gt;&lt;b&gt;", page)
        self.assertIn("subject 6 (Red car, parked)", text)
        for _ in range(3):
            after = self.subject(job, "undo")
        self.assertEqual(after, before)
        self.assertIn("no edit to undo", self.subject(job, "undo", code=1))
        # the number of the split is not given again
        self.assertEqual(self.brief(self.subject(job, "split", 1, 7))[7], ("car that is red", [7]))

    def test_another_analysis_of_the_same_video(self):
        job = self.analyze()["run"]["job"]
        self.subject(job, "rename", 1, " Getaway car  ")
        self.subject(job, "merge", 3, 4)
        self.subject(job, "rename", 2, "Line 7")
        # other words where the car is; no bus, and one dog
        report = self.analyze("--prompt", "vehicles", scene={
            0: [("a car which is red", "It comes.")], 2: [("a tram", "A tram passes.")],
            6: [("a white dog", "A white dog barks.")]})
        self.assertNotEqual(report["run"]["job"], job)
        self.assertEqual(self.brief(report)[1][0], "Getaway car")
        edits = {e["text"] or e["kind"]: e for e in report["subject_edits"]}
        self.assertIs(edits["Getaway car"]["applied"], True)
        self.assertIs(edits["merge"]["applied"], True)  # it is one here anyway
        self.assertIs(edits["Line 7"]["applied"], False)
        self.assertIn("not cited here", edits["Line 7"]["reason"])
        for format in "html", "md":
            self.assertIn("Line 7", (self.dir / "a.vdet" / f"report.{format}").read_text())
        self.assertIn("not applied", self.vdet("subject", report["run"]["job"]).stdout)
        self.assertNotIn("not applied", self.vdet("subject", job).stdout)
        # another video has none of it
        flow.make_video(self.dir / "b.mp4", 2 * CHUNKS, size="64x36", rate=5, source="testsrc")
        self.assertEqual(self.analyze(name="b")["subject_edits"], [])

    def test_a_chunk_that_is_tried_again_keeps_the_numbers(self):
        write_scene(self.dir / "scene.json", SCENE | {1: [("a green van", "A green van stops.")]})
        engine = self.engine("--scene", str(self.dir / "scene.json"), "--slots", "1", "--fault", "500@2-9")
        options = ("--chunk-tries", "1") if "--chunk-tries" in self.vdet("help", "analyze").stdout else ()
        first = self.analyze(*options, "--workers", "1", engine=engine, code=None)
        holes = [c["index"] for c in first["chunks"] if c["state"] == "hole"]
        self.assertTrue(holes)
        job = first["run"]["job"]
        before = self.brief(first)
        if first["subjects"]:
            self.subject(job, "rename", first["subjects"][0]["number"], "Mine")
        write_scene(self.dir / "scene.json", SCENE | {1: [("a green van", "A green van stops.")]})
        engine = self.engine("--scene", str(self.dir / "scene.json"))
        self.vdet("analyze", "a.mp4", "--engine", engine.url, "--chunk-duration", "2", "--chunk-frames", "2", *options)
        second = self.report("a")
        self.assertEqual(second["run"]["job"], job)
        self.assertTrue(all(c["state"] == "done" for c in second["chunks"]))
        after = {s["number"]: s["description"] for s in second["subjects"]}
        for number, (description, _) in before.items():
            self.assertEqual(after[number], description)
        self.assertGreater(len(after), len(before))
        self.assertEqual([s["name"] for s in second["subjects"] if s["name"]], ["Mine"])

    def test_wrong_input(self):
        report = self.analyze()
        job = report["run"]["job"]
        before = self.subject(job)
        for args, code, text in (
                (("rename", 9, "x"), 1, "subject 9 not found"),
                (("rename", 0, "x"), 2, "not the number of a subject"),
                (("rename", "-1x", "x"), 2, ""),
                (("rename", "99999999999999999999", "x"), 2, "not the number"),
                (("rename", 1), 2, "rename takes"),
                (("rename", 1, ""), 2, "empty"),
                (("rename", 1, "   "), 2, "empty"),
                (("rename", 1, "a\nb"), 2, "control characters"),
                (("rename", 1, "a\x1b[31m"), 2, "control characters"),
                (("rename", 1, "a\u202eb"), 2, "direction of"),
                (("rename", 1, "a\u2028b"), 2, "not visible"),
                (("rename", 1, "a\u200bb"), 2, "not visible"),
                (("rename", 1, b"\xff\xfe"), 2, "UTF-8"),
                (("rename", 1, "x" * 100000), 2, "at most 200"),
                (("merge", 1), 2, "at least two"),
                (("merge", 1, 1), 2, "merged with itself"),
                (("merge", 1, 2, 1), 2, "merged with itself"),
                (("merge", 1, 77), 1, "subject 77 not found"),
                (("split", 1), 2, "split takes"),
                (("split", 1, 1, 3, 7), 2, "these are all 3 events"),
                (("split", 1, 2), 2, "event 2 is not about subject 1"),
                (("split", 1, 8), 2, "event 8 is not about subject 1"),
                (("split", 1, 99), 1, "event 99 not found"),
                (("split", 1, "s1"), 1, "state 1 not found"),
                (("split", 1, "x"), 2, "not an event"),
                (("undo", 1), 2, "undo takes"),
                (("undo",), 1, "no edit to undo"),
                (("explode", 1), 2, "unknown subcommand")):
            with self.subTest(args=str(args)[:60]):
                r = subprocess.run([flow.VDET, "subject", job, *[a if isinstance(a, bytes) else str(a) for a in args]],
                                   cwd=self.dir, env=self.env, capture_output=True, stdin=subprocess.DEVNULL, timeout=flow.TIMEOUT)
                message = r.stderr.decode(errors="replace")
                self.assertEqual(r.returncode, code, message)
                self.assertIn(text, message)
                self.no_faults(message)
        self.assertIn("not found", self.vdet("subject", "ffffffffffff", code=1).stderr)
        self.assertIn("is not a job", self.vdet("subject", "../x", code=2).stderr)
        self.vdet("subject", code=2)
        self.assertEqual(self.subject(job), before)

    def test_two_processes_at_once(self):
        job = self.analyze()["run"]["job"]
        self.subject(job)
        edits = [("rename", "1", "A"), ("rename", "2", "B"), ("split", "1", "3"), ("split", "1", "7"), ("rename", "5", "C")]
        running = [self.start("subject", job, *e) for e in edits]
        self.assertEqual([p.wait(flow.TIMEOUT) for p in running], [0] * len(edits), [p.stderr.read() for p in running])
        found = self.brief(self.subject(job))
        self.assertEqual({n: found[n] for n in (1, 2, 5)}, {1: ("A", [1]), 2: ("B", [2]), 5: ("C", [6])})
        self.assertEqual(sorted(found[n][1] for n in (6, 7)), [[3], [7]])

    def test_a_full_disk(self):
        if "FULL_DISK_LIBRARY" not in os.environ:
            self.skipTest("the library that fills the disk is not here")
        job = self.analyze()["run"]["job"]
        before = self.subject(job)
        full = self.dir / "full"
        full.touch()
        env = {"LD_PRELOAD": os.environ["FULL_DISK_LIBRARY"], "FULL_DISK": str(full)}
        message = self.subject(job, "rename", 1, "X", code=1, env=env)
        self.assertIn("is full", message)
        self.assertEqual(self.subject(job), before)
        full.unlink()
        self.assertEqual(self.brief(self.subject(job, "rename", 1, "X", env=env))[1][0], "X")

    def test_a_read_only_journal(self):
        job = self.analyze()["run"]["job"]
        before = self.subject(job)
        self.dir.chmod(0o755)
        self.store.chmod(0o444)
        self.store.parent.chmod(0o555)
        self.addCleanup(self.store.parent.chmod, 0o755)
        # the administrator may write everywhere
        preexec = (lambda: os.setuid(65534)) if os.geteuid() == 0 else None
        r = self.vdet("subject", job, "rename", 1, "X", code=None, preexec=preexec)
        self.assertEqual(r.returncode, 1, r.stderr)
        self.assertRegex(r.stderr, r"cannot (use|open) the journal|cannot save the edit|[Pp]ermission")
        self.store.parent.chmod(0o755)
        self.store.chmod(0o644)
        self.assertEqual(self.subject(job), before)

    def test_a_journal_that_is_in_use(self):
        job = self.analyze()["run"]["job"]
        db = sqlite3.connect(self.store, isolation_level=None)
        db.execute("BEGIN IMMEDIATE")
        message = self.subject(job, "rename", 1, "X", code=1)
        self.assertIn("locked", message)
        db.execute("ROLLBACK")
        db.close()

    def test_a_job_of_an_older_version(self):
        report = self.analyze()
        job = report["run"]["job"]
        db = sqlite3.connect(self.store)
        db.executescript(flow.WITHOUT_PASSAGES + "DROP TABLE subject; DROP TABLE subject_edit; DROP TABLE second_pass; "
                         "DROP TABLE ask_picture; DROP TABLE ask_reply; DROP TABLE ask; DROP TABLE look; "
                         "DROP TABLE place; DROP TABLE board_ask; DROP TABLE watched; DROP TABLE watch; "
                         "DROP TABLE board_case_step; DROP TABLE board_case_summary; "
                         "DROP TABLE board_case_video; DROP TABLE board_case; "
                         "ALTER TABLE video DROP COLUMN tags; PRAGMA user_version = 14")
        db.close()
        self.vdet("report", job)
        self.assertEqual(flow.same_result(self.report("a")), flow.same_result(report) | {"said_sources": None})  # not looked for


class Api(Serving):
    def setUp(self):
        super().setUp()
        write_scene(self.dir / "scene.json", SCENE)
        flow.make_video(self.dir / "a.mp4", 2 * CHUNKS, size="64x36", rate=5)

    def test_subjects_and_edits(self):
        engine = self.engine("--scene", str(self.dir / "scene.json"))
        server = self.serve("--engine", engine.url, "--folder", self.dir)
        events = server.socket(server.api("/jobs")["seq"])
        job = server.change("POST", "/jobs", {"path": str(self.dir / "a.mp4"),
                                              "options": {"chunk.duration": 2, "chunk.frames": 2}})["id"]
        events.state(job, "done")
        before = server.api(f"/jobs/{job}/subjects")
        self.assertEqual([(s["number"], s["events"]) for s in before["subjects"]],
                         [(1, [0, 2, 6]), (2, [1]), (3, [3]), (4, [4]), (5, [5])])
        listed = server.api(f"/jobs/{job}/events")["events"]
        self.assertEqual([e["subject_number"] for e in listed], [1, 2, 1, 3, 4, 5, 1, None])

        path = f"/jobs/{job}/subjects/edits"
        server.change("POST", path, {"kind": "rename", "subject": 1, "text": HOSTILE})
        events.event("job")  # others are to load them again
        server.change("POST", path, {"kind": "merge", "subjects": [3, 5]})
        now = server.change("POST", path, {"kind": "split", "subject": 1, "events": [6]})
        self.assertEqual([(s["number"], s["name"], s["events"]) for s in now["subjects"]],
                         [(1, HOSTILE, [0, 2]), (2, None, [1]), (3, None, [3, 5]), (4, None, [4]), (6, None, [6])])
        self.assertEqual([e["applied"] for e in now["edits"]], [True] * 3)
        self.assertEqual(json.loads(server.get(f"/api/v1/jobs/{job}/report").body)["subjects"], now["subjects"])
        for body in ({"kind": "rename", "subject": 1}, {"kind": "rename", "subject": "1", "text": "x"},
                     {"kind": "rename", "subject": 1, "text": ""}, {"kind": "rename", "subject": 1, "text": "a\u0007"},
                     {"kind": "rename", "subject": 1, "text": "x" * 201}, {"kind": "merge", "subjects": [1]},
                     {"kind": "merge", "subjects": [1, 1]}, {"kind": "merge", "subjects": 1}, {"kind": "merge", "subjects": [1, -1]},
                     {"kind": "split", "subject": 1, "events": [0, 2]}, {"kind": "split", "subject": 1, "events": [1]},
                     {"kind": "split", "subject": 1, "events": ["x"]}, {"kind": "split", "subject": 1},
                     {"kind": "undo", "subject": 1}, {"kind": "paint"}, {}):
            with self.subTest(body=body):
                reply = server.post("/api/v1" + path, body)
                self.assertEqual(reply.status, 400, reply.body)
                self.assertTrue(reply.json["detail"])
        for body in ({"kind": "rename", "subject": 99, "text": "x"}, {"kind": "split", "subject": 1, "events": [99]},
                     {"kind": "merge", "subjects": [1, 99]}):
            self.assertEqual(server.post("/api/v1" + path, body).status, 404)
        for _ in range(3):
            after = server.change("POST", path, {"kind": "undo"})
        self.assertEqual((after["subjects"], after["edits"]), (before["subjects"], []))
        self.assertEqual(server.post("/api/v1" + path, {"kind": "undo"}).status, 404)

        # The search finds the present name of a subject, and what it does, under that name alone.
        def search(words, limit=100):
            return server.api(f"/search?q={words}&limit={limit}")
        self.assertEqual(search("zacharias")["hits"], [])
        server.change("POST", path, {"kind": "rename", "subject": 1, "text": "Balthazar"})
        server.change("POST", path, {"kind": "rename", "subject": 1, "text": "Zacharias Q"})
        hits = search("zacharias")["hits"]
        self.assertEqual([(h["job"], h["kind"], h["text"], h["start"]) for h in hits],
                         [(job, "event", f"Zacharias Q: {listed[i]['what']}", listed[i]["start"]) for i in (0, 2, 6)])
        self.assertIsNotNone(hits[0]["sample"])
        self.assertEqual(search("balthazar")["hits"], [])
        word = listed[2]["what"].split()[-1].strip(".")
        self.assertIn(hits[1], search(f"zacharias+{word}")["hits"])
        self.assertEqual(search("zacharias+zebra")["hits"], [])
        self.assertEqual((search("zacharias", 2)["hits"], search("zacharias", 2)["more"]), (hits[:2], True))
        server.change("POST", path, {"kind": "undo"})
        self.assertEqual([h["text"] for h in search("balthazar")["hits"]], [f"Balthazar: {listed[i]['what']}" for i in (0, 2, 6)])


if __name__ == "__main__":
    flow.main()
