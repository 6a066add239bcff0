#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Cases: the videos of a folder, analyzed one by one and reported together; what a later run does again, and what not."""
import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading

import flow
from messages import Messages

LONG_AGO = 1_700_000_000


class Case(flow.Flow):
    def setUp(self):
        super().setUp()
        self.folder = self.dir / "in"
        self.folder.mkdir()
        self.fake = self.engine()

    def put(self, name, seconds=4, at=LONG_AGO, **kw):
        """A video that did not change for long."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        flow.make_video(path, seconds, **kw)
        os.utime(path, (at, at))
        return path

    def write(self, name, data, at=LONG_AGO):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        os.utime(path, (at, at))
        return path

    def analyze(self, *args, code=0, **kw):
        return self.vdet("analyze", *(args or ("in",)), "--engine", self.fake.url, "--chunk-duration", "4", code=code, **kw)

    def case(self, name="in"):
        return json.loads((self.dir / f"{name}.vdet-case" / "case.json").read_text())

    def names(self, case):
        return [v["name"] for v in case["videos"]]

    def asked(self):
        """How many requests were about a stretch of a video, and how many were summaries."""
        begun = self.fake.lines("begin")
        stretches = len(self.fake.stretches())
        return stretches, len(begun) - stretches

    def listing(self):
        return {str(p): p.lstat().st_mtime_ns for p in [self.folder, *self.folder.rglob("*")]}

    def check_files(self, name="in"):
        r = subprocess.run([sys.executable, flow.ROOT / "test/unit/check-report.py", self.dir / f"{name}.vdet-case",
                            flow.ROOT / "docs/case.schema.json"], capture_output=True, text=True)
        self.assertEqual(r.returncode, 0, r.stderr)

    def test_a_folder_becomes_one_report(self):
        self.put("cam2/b.mp4", 6, at=LONG_AGO + 100)
        self.put("cam1/a.mp4", 8, at=LONG_AGO + 8)
        self.put("c.mkv", 4, extra=("-metadata", "creation_time=2020-05-06T07:08:09Z"))
        self.put(".hidden.mp4")
        self.put(".cache/d.mp4")
        self.put("old.vdet/e.mp4")
        self.put("old.vdet-case/f.mp4")
        outside = self.dir / "elsewhere"
        outside.mkdir()
        flow.make_video(outside / "g.mp4", 4)
        (self.folder / "link").symlink_to(outside)
        (self.folder / "g.mp4").symlink_to(outside / "g.mp4")
        self.write("notes.txt", b"Not a video.\n")
        self.write("picture.bin", bytes(range(256)) * 20)
        self.write("nothing", b"")
        before = self.listing()
        r = self.analyze()
        self.assertEqual(self.listing(), before, "something was written below the folder")
        self.assertIn("case: in.vdet-case/case.html\n", r.stdout)
        for i, name in enumerate(("c.mkv", "cam1/a.mp4", "cam2/b.mp4"), 1):  # analyzed in order of their names
            self.assertIn(f"video {i} of 3: {name}\n", r.stderr)
        case = self.case()
        self.assertEqual(self.names(case), ["c.mkv", "cam1/a.mp4", "cam2/b.mp4"])  # reported in order of time
        self.assertEqual([v["start"] for v in case["videos"]],
                         ["2020-05-06T07:08:09.000000Z", "2023-11-14T22:13:20.000000Z", "2023-11-14T22:14:54.000000Z"])
        self.assertEqual([v["clock"] for v in case["videos"]], ["metadata", "file", "file"])
        self.assertEqual([v["duration"] for v in case["videos"]], [4, 8, 6])
        self.assertEqual([o["name"] for o in case["others"]], ["notes.txt", "nothing", "picture.bin"])
        self.assertEqual(case["totals"]["others"], 3)
        self.assertEqual(case["totals"]["links"], 2)
        self.assertEqual(case["totals"]["duration"], 18)
        self.assertEqual(case["totals"]["described"], 18)
        self.assertEqual(case["summary"]["by"], "model")
        self.assertEqual((case["faults"], case["skipped"]), ([], []))
        self.check_files()
        page = (self.dir / "in.vdet-case" / "case.html").read_text()
        for v, e in ((case["videos"][e["video"]], e) for e in case["events"]):
            report = (self.dir / "in.vdet-case" / v["report"] / "report.html").resolve()
            frame = f's{e["chunk"] + 1}-{e["sample"] + 1}'
            self.assertIn(f'id="{frame}"', report.read_text())
            self.assertIn(f'{v["report"]}/report.html#{frame}', page)
        self.assertTrue(case["summary"]["sentences"])
        summary = page[page.index('id="summary"'):page.index('id="videos"')]
        for said in case["summary"]["sentences"]:
            self.assertIn(said["text"], summary)
            for e in (case["events"][k] for k in said["events"]):
                self.assertIn(f'{case["videos"][e["video"]]["report"]}/report.html#s{e["chunk"] + 1}-', summary)
        for p in (self.dir / "in.vdet-case").iterdir():
            self.assertNotIn(str(self.dir), p.read_text(), f"{p.name} tells where the user keeps files")

    def test_the_same_command_again_asks_nothing(self):
        self.put("a.mp4")
        self.put("b.mp4", 5)
        self.analyze()
        asked, first = self.asked(), self.case()
        self.assertEqual(asked[1], 2)  # the summaries of b, which has two chunks, and of the case
        r = self.analyze()
        self.assertIn("2 of 2 videos were done before", r.stdout)
        self.assertEqual(self.asked(), asked)
        self.assertEqual(flow.same_result(self.case()), flow.same_result(first))
        self.assertEqual(sorted(p.name for p in self.dir.glob("*.vdet")), ["a.vdet", "b.vdet"])
        self.analyze("in", "--prompt", "a red car")  # another question
        self.assertGreater(self.asked()[0], asked[0])

    def test_a_new_file_redoes_only_what_it_touches(self):
        self.put("a.mp4")
        self.put("b.mp4", 5)
        self.analyze()
        stretches, summaries = self.asked()
        self.put("sub/c.mp4", 6)
        r = self.analyze()
        self.assertIn("2 of 3 videos were done before", r.stdout)
        self.assertEqual(len(self.fake.stretches()[stretches:]), 2)
        self.assertEqual(self.asked()[1], summaries + 2)  # its own, and that of the case
        self.assertEqual(sorted(self.names(self.case())), ["a.mp4", "b.mp4", "sub/c.mp4"])
        # a file that is replaced by another content
        before = self.case()
        self.put("b.mp4", 7)
        stretches = self.asked()[0]
        self.analyze()
        self.assertEqual(self.asked()[0], stretches + 2)
        self.assertEqual(sorted(v["name"] for v in self.case()["videos"] if not v["replaced"]), ["a.mp4", "b.mp4", "sub/c.mp4"])
        self.assertNotEqual({v["sha256"] for v in self.case()["videos"]}, {v["sha256"] for v in before["videos"]})

    def test_a_file_that_is_gone_stays_with_its_result(self):
        self.put("a.mp4")
        gone = self.put("b.mp4", 5)
        self.analyze()
        first = self.case()
        gone.unlink()
        asked = self.asked()
        self.analyze()
        case = self.case()
        self.assertEqual({v["name"]: v["missing"] for v in case["videos"]}, {"a.mp4": False, "b.mp4": True})
        self.assertEqual(case["events"], first["events"])
        self.assertEqual(self.asked(), asked)
        self.check_files()

    def test_a_content_that_was_replaced_stays_with_its_result(self):
        kept = self.dir / "kept.mp4"
        self.put("rec.mp4")
        shutil.copy2(self.folder / "rec.mp4", kept)
        self.analyze()
        first = self.case()
        self.put("rec.mp4", 5, at=LONG_AGO + 50)
        r = self.analyze()
        self.assertIn("rec.mp4 has another content than before; what was found in the earlier one stays", r.stderr)
        case = self.case()
        new, old = sorted(case["videos"], key=lambda v: v["replaced"])
        self.assertEqual((new["replaced"], new["missing"], old["replaced"], old["missing"]), (False, False, True, True))
        self.assertEqual((old["name"], old["job"], old["report"]), ("rec.mp4", first["videos"][0]["job"], "../rec.vdet"))
        self.assertEqual(new["report"], "../rec-2.vdet")
        self.assertEqual(case["totals"]["replaced"], 1)
        kept_events = [e["what"] for e in case["events"] if case["videos"][e["video"]]["replaced"]]
        self.assertEqual(kept_events, [e["what"] for e in first["events"]])
        label = f'rec.mp4 (replaced, {old["sha256"][:8]})'
        for name in ("html", "md", "csv"):
            text = (self.dir / "in.vdet-case" / f"case.{name}").read_text()
            self.assertIn(label, text.replace("\\", ""), name)
        self.check_files()
        # the same once more says nothing; the first content comes back
        self.assertNotIn("another content", self.analyze().stderr)
        asked = self.asked()
        shutil.copy2(kept, self.folder / "rec.mp4")
        self.analyze()
        self.assertEqual({(v["duration"], v["replaced"]) for v in self.case()["videos"]}, {(4, False), (5, True)})
        self.assertEqual(self.asked()[0], asked[0])

    def test_a_file_that_was_only_touched_stays_what_it_was(self):
        path = self.put("rec.mp4")
        self.analyze()
        first, asked = self.case()["videos"], self.asked()
        os.utime(path, (LONG_AGO + 60, LONG_AGO + 60))
        r = self.analyze()
        self.assertIn("1 of 1 videos were done before", r.stdout)
        self.assertNotIn("another content", r.stderr)
        second = self.case()["videos"]
        self.assertEqual([(v["name"], v["job"], v["replaced"]) for v in second], [("rec.mp4", first[0]["job"], False)])
        self.assertEqual(self.asked()[0], asked[0])

    def test_a_content_that_changes_without_its_time_is_noticed(self):
        """Overwritten in place, with the same size and time of change."""
        path = self.put("rec.mp4")
        self.analyze()
        before, at = self.case()["videos"], path.stat()
        with path.open("r+b") as f:
            f.seek(-1, os.SEEK_END)
            last = f.read(1)
            f.seek(-1, os.SEEK_END)
            f.write(bytes([last[0] ^ 1]))
        os.utime(path, ns=(at.st_atime_ns, at.st_mtime_ns))
        self.assertIn("another content", self.analyze().stderr)
        after = self.case()["videos"]
        self.assertEqual(len(after), 2)
        self.assertIn(before[0]["sha256"], [v["sha256"] for v in after if v["replaced"]])

    def test_the_same_bytes_twice_are_one_analysis(self):
        self.put("b.mp4")
        shutil.copy2(self.folder / "b.mp4", self.folder / "copy.mp4")
        self.analyze()
        case = self.case()
        self.assertEqual(self.names(case), ["b.mp4"])
        self.assertEqual(case["videos"][0]["same"], [{"name": "copy.mp4", "missing": False, "replaced": False}])
        self.assertEqual(self.asked()[0], 1)
        shutil.copy2(self.folder / "b.mp4", self.folder / "a.mp4")  # comes first by its name
        (self.folder / "copy.mp4").unlink()
        self.analyze()
        self.assertEqual(self.asked()[0], 1)
        video = self.case()["videos"][0]
        self.assertEqual(video["name"], "a.mp4")
        self.assertEqual(video["same"], [{"name": "b.mp4", "missing": False, "replaced": False},
                                         {"name": "copy.mp4", "missing": True, "replaced": False}])

    def test_what_cannot_be_read_is_reported(self):
        good = self.put("a.mp4")
        self.write("broken.mp4", good.read_bytes()[:3000])
        self.write("empty.dav", b"")
        r = self.analyze(code=1)
        case = self.case()
        self.assertEqual(self.names(case), ["a.mp4"])
        self.assertEqual([f["name"] for f in case["faults"]], ["broken.mp4", "empty.dav"])
        self.assertIn("broken.mp4: ", r.stderr)
        self.assertIn("the file is empty", case["faults"][1]["reason"])
        self.assertEqual(r.stderr.count("empty.dav"), 1)
        self.check_files()
        page = (self.dir / "in.vdet-case" / "case.html").read_text()
        self.assertIn("broken.mp4", page)
        self.write("broken.mp4", good.read_bytes())  # copied again
        self.put("empty.dav", 5, extra=("-f", "mpegts"))
        self.analyze()
        self.assertEqual(self.case()["faults"], [])

    def test_a_file_that_changes_is_taken_by_the_next_run(self):
        self.put("a.mp4")
        fresh = flow.make_video(self.folder / "b.mp4", 5)
        over = threading.Event()
        writer = threading.Thread(target=lambda: [os.utime(fresh) for _ in iter(lambda: over.wait(1), True)])
        os.utime(fresh)
        writer.start()
        r = self.analyze(code=3)
        over.set()
        writer.join()
        self.assertIn("b.mp4: it changed less than 10 s ago; skipped, the next run takes it", r.stderr)
        case = self.case()
        self.assertEqual(self.names(case), ["a.mp4"])
        self.assertEqual([s["name"] for s in case["skipped"]], ["b.mp4"])
        os.utime(fresh, (LONG_AGO, LONG_AGO))
        self.analyze()
        self.assertEqual(sorted(self.names(self.case())), ["a.mp4", "b.mp4"])
        self.assertEqual(self.case()["skipped"], [])

    def not_complete(self, *words, name="in"):
        """Every format says so, and why."""
        case, folder = self.case(name), self.dir / f"{name}.vdet-case"
        self.assertFalse(case["complete"])
        markdown, page = (folder / "case.md").read_text(), (folder / "case.html").read_text()
        page = re.sub("<[^>]+>", "", page[page.index("<header>"):page.index("</header>")])
        self.assertIn("not complete", page)
        markdown = markdown[:markdown.index("## ")]
        self.assertIn("Not complete", markdown)
        for word in words:
            self.assertIn(word, markdown)
            self.assertIn(word, page)
        self.check_files(name)
        return case

    def test_a_case_of_which_everything_is_skipped(self):
        fresh = flow.make_video(self.folder / "a.mp4", 4)
        os.utime(fresh)
        r = self.analyze("in", "--progress", "json", code=3)
        self.assertIn("the case is not complete: 1 file skipped", r.stderr)
        events = [json.loads(line) for line in r.stdout.splitlines()]
        case, = (e for e in events if e["type"] == "case")
        self.assertEqual((case["videos"], case["skipped"], case["complete"]), (0, 1, False))
        self.assertEqual([s["name"] for s in self.not_complete("1 file skipped")["skipped"]], ["a.mp4"])

    def test_a_failed_file_that_is_gone_was_never_looked_at(self):
        self.put("a.mp4")
        broken = self.write("broken.mp4", b"")
        self.analyze(code=1)
        reason = self.not_complete("1 file failed")["faults"][0]["reason"]
        self.assertIn("1 failed file", (self.dir / "in.vdet-case" / "case.md").read_text())
        broken.unlink()
        r = self.analyze(code=3)
        self.assertIn("1 file is missing now, and never looked at; --forget-missing leaves it out", r.stderr)
        self.assertEqual(self.not_complete("1 file failed")["faults"][0]["reason"], f"{reason}; missing now")
        self.analyze("in", "--forget-missing")
        self.assertTrue(self.case()["complete"])
        self.assertEqual(self.case()["faults"], [])
        # a video without a result
        self.vdet("jobs", "rm", self.case()["videos"][0]["job"])
        (self.folder / "a.mp4").rename(self.dir / "a.mp4")
        self.put("b.mp4", 5)
        self.analyze(code=3)
        self.not_complete("1 video not analyzed")
        self.analyze("in", "--forget-missing")
        self.assertEqual(self.names(self.case()), ["b.mp4"])

    def test_what_was_not_looked_at_is_named(self):
        self.put("a.mp4", 12)
        self.put("b.mp4", 13)
        self.analyze("in", "--from", "2", "--to", "6")
        case, folder = self.case(), self.dir / "in.vdet-case"
        self.assertEqual([v["range"] for v in case["videos"]], [{"from": 2, "to": 6}] * 2)
        self.assertEqual((case["totals"]["partial"], case["totals"]["range"], case["complete"]), (2, 8, True))
        for name in ("case.html", "case.md"):
            text = (folder / name).read_text()
            self.assertIn("Of 2 videos only 0:08 of 0:25 was analyzed.", text)
            self.assertIn("only 0:04 of 0:13 was analyzed: 00:00:02.000 to 00:00:06.000", text)
        self.check_files()
        # a plan of which a part was removed
        plan = json.loads(self.vdet("plan", "in/a.mp4", "--chunk-duration", "4").stdout)
        del plan["chunks"][1]
        (self.dir / "mine.json").write_text(json.dumps(plan))
        self.analyze("in/a.mp4", "--case", "trip", "--plan", "mine.json", code=3)
        video, = self.not_complete("1 part left out by a given plan", name="trip")["videos"]
        self.assertEqual((video["left_out"], video["complete"]), ([{"start": 4, "end": 8}], False))
        for name in ("case.html", "case.md"):
            self.assertIn("Not looked at: 00:00:04.000 – 00:00:08.000, left out by the given plan",
                          (self.dir / "trip.vdet-case" / name).read_text())
        self.assertIn("left_out,", (self.dir / "trip.vdet-case" / "case.csv").read_text())

    def test_a_report_that_another_run_displaced_is_written_again(self):
        self.put("e.mp4", 5)
        self.analyze("in", "--output", "out")
        job = json.loads((self.dir / "out/in.vdet-case/case.json").read_text())["videos"][0]["job"]
        asked = self.asked()
        self.vdet("analyze", "in/e.mp4", "--engine", self.fake.url, "--chunk-frames", "3", "--output", "out/e.vdet")
        other = json.loads((self.dir / "out/e.vdet/vdet.json").read_text())["run"]
        self.assertNotEqual(other, job)
        between = self.asked()
        self.analyze("in", "--output", "out")
        self.assertEqual(self.asked(), between)
        self.assertGreater(between, asked)
        folder = self.dir / "out/in.vdet-case"
        video, = json.loads((folder / "case.json").read_text())["videos"]
        self.assertEqual(json.loads((folder / video["report"] / "vdet.json").read_text())["run"], job)
        # of a video that is missing the link leads to where its report was moved
        self.vdet("analyze", "in/e.mp4", "--engine", self.fake.url, "--chunk-frames", "3", "--output", "out/e.vdet")
        (self.folder / "e.mp4").unlink()
        self.analyze("in", "--output", "out")
        video, = json.loads((folder / "case.json").read_text())["videos"]
        self.assertEqual(video["report"], f"../e.vdet/earlier/{job}")
        self.assertIn(f'{video["report"]}/report.html#s1-', (folder / "case.html").read_text())

    def test_a_case_that_is_done_is_only_checked(self):
        self.put("a.mp4")
        self.put("b.mp4", 5)
        self.analyze("in", "--verify", "none")
        asked = self.asked()
        self.analyze("in", "--verify", "all")
        self.assertEqual(self.asked()[0], asked[0])
        checked = self.asked()[1] - asked[1]
        self.assertGreater(checked, 0)
        self.assertEqual(self.report("a")["checks"]["mode"], "all")
        asked = self.asked()
        self.assertIn("2 of 2 videos were done before", self.analyze("in", "--verify", "all").stdout)
        self.assertEqual(self.asked(), asked)

    def test_a_check_that_failed_is_tried_again(self):
        fake = self.fake = self.engine("--checks", "error")
        self.put("a.mp4")
        self.analyze("in", "--verify", "all", "--retries", "0")
        self.assertTrue(self.case()["complete"])
        described = self.asked()[0]
        fake.control(checks="truthful")
        self.analyze("in", "--verify", "all")
        self.assertEqual(self.asked()[0], described)
        self.assertEqual(self.report("a")["checks"]["counts"]["unchecked"], 1)  # of too few controls
        asked = self.asked()
        self.analyze("in", "--verify", "all")
        self.assertEqual(self.asked(), asked)

    def test_verdicts_and_what_was_withdrawn(self):
        stretches = {}
        for i in range(30):  # as in test_check.py: each subject over ten chunks
            who, verb = ("red car", "blue bus", "white dog")[i // 10], {0: "enters", 9: "leaves"}.get(i % 10, "turns")
            stretches[f"00:00:{2 * i:02}.000"] = {"summary": f"A {who} is there.",
                                                  "events": [{"subject": f"a {who}", "what": f"A {who} {verb}."}]}
        stretches["00:00:10.000"]["events"].append({"subject": "a ghost", "what": "A ghost appears.", "frames": [1]})
        (self.dir / "scene.json").write_text(json.dumps({"stretches": stretches, "false": ["A ghost appears."]}))
        self.fake = self.engine("--scene", str(self.dir / "scene.json"), "--checks", "truthful")
        self.put("a.mp4", 60, size="64x36", rate=5)
        self.vdet("analyze", "in", "--engine", self.fake.url, "--chunk-duration", "2", "--chunk-frames", "2", "--verify", "all")
        case, report, folder = self.case(), self.report("a"), self.dir / "in.vdet-case"
        self.assertEqual([e["verdict"] for e in case["events"]], [e["verdict"] for e in report["events"]])
        self.assertIn("shown", [e["verdict"] for e in case["events"]])
        withdrawn, = case["withdrawn"]
        self.assertEqual((withdrawn["what"], withdrawn["verdict"], case["totals"]["withdrawn"]), ("A ghost appears.", "withdrawn", 1))
        self.assertIn("otherwise", withdrawn["says"])
        page, markdown = (folder / "case.html").read_text(), (folder / "case.md").read_text()
        self.assertIn('<a href="../a.vdet/report.html#withdrawn">1 withdrawal</a>', page)
        self.assertIn('class="verdict"', page)
        self.assertIn("1 withdrawal; [report](../a.vdet/report.html)", markdown)
        self.assertIn("*(checked)*", markdown)
        self.assertIn("withdrawn,", (folder / "case.csv").read_text())
        self.check_files()

    def test_a_name_makes_subjects_of_several_videos_one(self):
        stretch = {"summary": "A yard.", "events": [{"subject": "a red car", "what": "A red car turns."}]}
        (self.dir / "scene.json").write_text(json.dumps({"stretches": {"00:00:00.000": stretch}}))
        self.fake = self.engine("--scene", str(self.dir / "scene.json"))
        self.put("a.mp4", 2)
        self.put("b.mp4", 2, size="64x48")
        self.analyze("in")
        subject, = self.case()["subjects"]
        self.assertEqual((subject["named"], len(subject["videos"])), (False, 2))
        page = (self.dir / "in.vdet-case" / "case.html").read_text()
        self.assertIn("Possibly the same", page)
        self.assertNotIn("Subjects with a name", page)
        first, second = (video["job"] for video in self.case()["videos"])
        self.vdet("subject", first, "rename", "1", "Getaway <car>")
        self.analyze("in")  # the other one is still possibly the same
        self.assertEqual([(s["named"], len(s["videos"])) for s in self.case()["subjects"]], [(True, 1), (False, 2)])
        self.vdet("subject", second, "rename", "1", "Getaway <car>")
        asked = self.asked()
        self.analyze("in")
        self.assertEqual(self.asked(), asked)
        subject, = self.case()["subjects"]
        self.assertEqual((subject["subject"], subject["named"], len(subject["videos"])), ("Getaway <car>", True, 2))
        self.assertEqual({e["subject_name"] for e in self.case()["events"]}, {"Getaway <car>"})
        page, markdown = ((self.dir / "in.vdet-case" / f"case.{kind}").read_text() for kind in ("html", "md"))
        self.assertIn("Subjects with a name", page)
        self.assertIn("Getaway &lt;car&gt;", page)
        self.assertNotIn("Possibly the same", page)
        self.assertIn("## Subjects with a name", markdown)
        self.assertIn("2 events in 2 videos (a.mp4, b.mp4)", markdown)
        self.assertIn(',1,"Getaway <car>"\n', (self.dir / "in.vdet-case" / "case.csv").read_text())
        undone = self.vdet("subject", first, "undo").stdout
        self.assertTrue(undone.startswith("undone: rename of red car to Getaway <car>; to write"), undone)

    def test_what_is_wrong_with_a_recording_is_in_the_case(self):
        path = self.folder / "a.mkv"  # two seconds of black, and a second stream
        subprocess.run(["ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i",
                        "testsrc2=s=160x90:r=10:d=8,drawbox=c=black:t=fill:enable='between(t,3,5)'", "-f", "lavfi", "-i",
                        "testsrc=s=64x36:r=10:d=8", "-map", "0", "-map", "1", "-c:v", "libx264", "-preset", "ultrafast", "-g", "10",
                        "-pix_fmt", "yuv420p", str(path)], check=True, stdin=subprocess.DEVNULL)
        os.utime(path, (LONG_AGO, LONG_AGO))
        (self.folder / "link").symlink_to(path)
        self.analyze("in", "--sample-policy", "adaptive")
        report, case, folder = self.report("a"), self.case(), self.dir / "in.vdet-case"
        video, = case["videos"]
        self.assertIn("black", [a["kind"] for a in video["anomalies"]])
        self.assertEqual(video["anomalies"], [{k: a[k] for k in ("kind", "start", "end", "text")}
                                              for a in report["index"]["anomalies"]])
        self.assertEqual(video["warning"], report["source"]["warning"])
        self.assertIn("stream", video["warning"])
        page, markdown = (folder / "case.html").read_text(), (folder / "case.md").read_text()
        n = len(video["anomalies"])
        self.assertIn(f'<a href="../a.vdet/report.html#anomalies">anomalies: {n}</a>', page)
        self.assertIn(f"anomalies: {n}; [report](../a.vdet/report.html); the file: ", markdown)
        self.assertIn("<dt>Links not followed</dt><dd>1</dd>", page)
        self.assertIn("1 ignored link", markdown)
        self.assertIn("anomaly,", (folder / "case.csv").read_text())
        self.check_files()

    def test_another_language_is_of_the_videos_too(self):
        self.put("a.mp4")
        self.put("b.mp4", 5)
        self.analyze()
        asked = self.asked()
        self.analyze("in", "--language", "German")
        self.assertEqual(self.asked()[0], asked[0])
        self.assertGreater(self.asked()[1], asked[1] + 1)  # of b, and of the case

    def test_a_result_of_other_options_says_so(self):
        self.put("a.mp4")
        self.put("b.mp4", 13)
        self.analyze()
        self.assertFalse(any(v["other_options"] for v in self.case()["videos"]))
        r = self.analyze("in", "--from", "10", "--to", "12", code=1)
        self.assertIn("a.mp4: ", r.stderr)
        case = self.not_complete("1 video failed, with an earlier result",
                                 "1 video: the result is of an earlier run, with other options or another model.")
        videos = {v["name"]: v for v in case["videos"]}
        self.assertEqual([(v["other_options"], v["complete"]) for v in (videos["a.mp4"], videos["b.mp4"])],
                         [(True, False), (False, True)])
        text = (self.dir / "in.vdet-case" / "case.md").read_text()
        self.assertIn("**its result is of an earlier run, with other options", text)

    def test_what_was_found_is_not_forgotten(self):
        self.put("a.mp4")
        self.put("b.mp4", 5)
        self.analyze()
        (self.folder / "a.mp4").unlink()
        r = self.analyze("in", "--forget-missing")
        self.assertNotIn("never looked at", r.stderr)
        self.assertEqual(len(self.case()["videos"]), 2)
        self.assertTrue(self.case()["complete"])

    def test_a_file_that_changes_while_others_are_analyzed(self):
        self.put("a.mp4")
        self.put("b.mp4", 5)
        self.fake.control(faults=["hold@1"])
        p = self.start("analyze", "in", "--engine", self.fake.url)
        self.fake.control(**{"await": 1})
        self.put("b.mp4", 6, at=LONG_AGO + 1)
        self.fake.control(faults=[], release=True)
        out, log = p.communicate(timeout=flow.TIMEOUT)
        self.assertEqual(p.returncode, 3, log)
        self.assertIn("b.mp4: it changed while it was read; skipped", log)
        self.assertEqual([s["name"] for s in self.case()["skipped"]], ["b.mp4"])
        self.analyze()
        self.assertEqual({v["name"]: v["duration"] for v in self.case()["videos"]}, {"a.mp4": 4, "b.mp4": 6})

    def test_killed_and_continued(self):
        for name in "abc":
            self.put(f"{name}.mp4", 4 + "abc".index(name))
        self.fake.control(faults=["hold@3"])  # the second chunk of the second video
        p = self.start("analyze", "in", "--engine", self.fake.url, "--chunk-duration", "4", "--progress", "json")
        self.fake.control(**{"await": 3})
        p.send_signal(signal.SIGKILL)
        p.wait()
        asked = self.asked()
        self.fake.control(faults=[], release=True)
        r = self.analyze()
        self.assertIn("1 of 3 videos were done before", r.stdout)
        # b has two chunks, of which at most one was finished, c two
        self.assertIn(self.asked()[0] - asked[0], (3, 4))
        self.assertEqual(self.names(self.case()), ["c.mp4", "b.mp4", "a.mp4"])
        db = sqlite3.connect(self.store)
        self.assertEqual(db.execute("SELECT count(*) FROM job WHERE state = 1").fetchone(), (3,))
        db.close()

    def test_interrupted_and_continued(self):
        for name in "ab":
            self.put(f"{name}.mp4", 4 + "ab".index(name))
        self.fake.control(faults=["hold@3"])
        p = self.start("analyze", "in", "--engine", self.fake.url, "--chunk-duration", "4")
        self.fake.control(**{"await": 3})
        p.send_signal(signal.SIGINT)
        out, log = p.communicate(timeout=flow.TIMEOUT)
        self.assertEqual(p.returncode, 130, log)
        self.assertIn("finished videos and chunks are kept", log)
        self.fake.control(faults=[], release=True)
        self.assertIn("1 of 2 videos were done before", self.analyze().stdout)

    def test_the_engine_fails_for_one_video(self):
        self.put("a.mp4")
        self.put("b.mp4", 5)
        self.fake.control(faults=["400@1+"])
        r = self.analyze(code=1)
        self.assertIn("1 chunk failed", r.stderr)
        case = self.case()
        self.assertEqual(case["totals"]["holes"], 3)  # a has one chunk, b two
        rows = (self.dir / "in.vdet-case" / "case.csv").read_text().splitlines()
        self.assertEqual(len([r for r in rows if r.startswith("hole,")]), 3)
        self.assertEqual(case["summary"]["by"], "list")
        self.check_files()
        self.fake.control(faults=[])
        self.analyze()
        self.assertEqual(self.case()["totals"]["holes"], 0)
        self.assertEqual(self.case()["summary"]["by"], "model")

    def test_a_summary_without_evidence(self):
        """Sentences that name no event, or repeat themselves, are not in the summary of a case."""
        self.put("a.mp4")
        self.put("b.mp4", 3)
        for first, fault, why in (3, "schema", "it is not an object"), (5, "sentence-loop", "repeats itself"):
            self.fake.control(faults=[f"{fault}@{first}+"])
            self.analyze()
            summary = self.case()["summary"]
            self.assertEqual((summary["by"], summary["sentences"]), ("list", []))
            self.assertIn(why, summary["fallback_reason"])
            self.assertIn("a.mp4: ", summary["text"])
            self.check_files()
        self.fake.control(faults=[])
        self.analyze()
        self.assertEqual(self.case()["summary"]["by"], "model")

    def test_without_an_engine_the_results_stay(self):
        self.put("a.mp4")
        self.analyze()
        first = self.case()
        url = self.fake.url
        self.fake.stop()
        r = self.vdet("analyze", "in", "--engine", url, "--chunk-duration", "4", code=1)
        self.assertIn("a.mp4: ", r.stderr)
        self.assertEqual(self.case()["events"], first["events"])
        self.assertTrue(self.case()["videos"][0]["fault"])
        self.assertFalse(self.case()["videos"][0]["complete"])
        self.not_complete("1 video failed, with an earlier result")
        self.fake = self.engine()
        self.assertIn("1 of 1 videos were done before", self.analyze().stdout)
        self.assertIsNone(self.case()["videos"][0]["fault"])

    def test_a_named_case_grows(self):
        self.put("a.mp4")
        self.put("b.mp4", 5)
        self.analyze("in/a.mp4", "--case", "trip")
        self.assertEqual(self.names(self.case("trip")), ["a.mp4"])
        r = self.analyze("in/b.mp4", "--case", "trip")
        self.assertNotIn("done before", r.stdout)
        case = self.case("trip")
        self.assertEqual(sorted(self.names(case)), ["a.mp4", "b.mp4"])
        self.assertEqual(case["case"]["title"], "trip")
        self.analyze("in", "--case", "in")  # another case of a folder of that name
        self.analyze("in")
        self.assertTrue((self.dir / "in-2.vdet-case" / "case.json").exists())
        self.assertEqual(self.asked()[0], 3)  # the runs are the same

    def test_folders_and_files_together(self):
        other = self.dir / "more"
        other.mkdir()
        self.put("a.mp4")
        for name, seconds in (("a.mp4", 5), ("x.mp4", 6)):
            flow.make_video(other / name, seconds)
            os.utime(other / name, (LONG_AGO, LONG_AGO))
        self.put("../single.mp4", 7)
        self.analyze("in", "single.mp4", "more", "more/x.mp4", "--output", "out")
        case = json.loads((self.dir / "out" / "in.vdet-case" / "case.json").read_text())
        self.assertEqual(sorted(self.names(case)), ["in/a.mp4", "more/a.mp4", "more/x.mp4", "single.mp4"])
        self.assertEqual(len({v["report"] for v in case["videos"]}), 4)

    def test_different_videos_have_different_names(self):
        for i, name in enumerate(("o1/rec/x.mp4", "o2/rec/x.mp4")):
            self.put(f"../{name}", 4 + i)
        r = self.analyze("o1/rec", "o2/rec", "--case", "trip")
        self.assertIn("video 1 of 2: o1/rec/x.mp4\n", r.stderr)
        self.assertEqual(sorted(self.names(self.case("trip"))), ["o1/rec/x.mp4", "o2/rec/x.mp4"])
        # also if the commands are two
        self.put("../p1/y.mp4", 6)
        self.put("../p2/y.mp4", 7)
        self.analyze("p1/y.mp4", "--case", "two")
        self.analyze("p2/y.mp4", "--case", "two")
        self.assertEqual(sorted(self.names(self.case("two"))), ["p1/y.mp4", "p2/y.mp4"])
        self.check_files("two")

    def test_the_folder_of_a_case_is_not_that_of_a_video(self):
        self.put("a.mp4")
        self.analyze("in", "--output", "out")
        record = (self.dir / "out/in.vdet-case/vdet.json").read_text()
        for args in (["analyze", "in/a.mp4", "--engine", self.fake.url],
                     ["report", json.loads((self.dir / "out/a.vdet/vdet.json").read_text())["run"]]):
            r = self.vdet(*args, "--output", "out/in.vdet-case", code=2)
            self.assertIn("is the folder of the report of a case; name another folder with --output", r.stderr)
        self.assertEqual((self.dir / "out/in.vdet-case/vdet.json").read_text(), record)
        self.assertFalse(list((self.dir / "out/in.vdet-case").glob("report.*")))
        r = self.analyze("in", "--output", "out", "--case", "in")
        self.assertIn("in.vdet-case is of another case, or not of vdet; this report goes to in-2.vdet-case", r.stderr)

    def test_copies_are_counted_once(self):
        self.put("a.mp4")
        self.put("b.mp4", 5)
        shutil.copy2(self.folder / "a.mp4", self.folder / "c.mp4")
        self.analyze()
        self.assertIn("2 of 2 videos were done before", self.analyze().stdout)
        self.assertIn("2 of 2 videos were done before", self.analyze("in", "--output", "elsewhere").stdout)

    def test_a_plan_is_of_one_video(self):
        self.put("a.mp4")
        (self.dir / "p.json").write_text(self.vdet("plan", "in/a.mp4", "--chunk-duration", "4").stdout)
        for args in (["in"], ["in/a.mp4", "in/a.mp4", "--case", "x"]):
            r = self.analyze(*args, "--plan", "p.json", code=2)
            self.assertIn("--plan is the plan of one video", r.stderr)
        self.assertFalse(list(self.dir.glob("*.vdet-case")))
        self.analyze("in/a.mp4", "--case", "x", "--plan", "p.json")

    def test_nothing_is_written_below_the_folder(self):
        self.put("a.mp4")
        before = self.listing()
        for args, cwd in ((["."], self.folder), (["../in", "--output", "x/y"], self.folder), (["in", "--output", "in"], self.dir),
                          (["in", "--output", "in/../in/deep/er"], self.dir), ([".."], self.folder)):
            r = self.vdet("analyze", *args, "--engine", self.fake.url, code=2, cwd=cwd)
            self.assertIn("name another folder with --output", r.stderr)
        self.assertEqual(self.listing(), before)
        self.vdet("analyze", ".", "--engine", self.fake.url, "--output", self.dir / "out", cwd=self.folder)
        self.assertEqual(self.listing(), before)
        self.assertTrue((self.dir / "out" / "in.vdet-case" / "case.html").exists())
        self.analyze("in", "--case", "both", "--output", "out")  # nor below a folder of an earlier run
        other = self.dir / "other"
        other.mkdir()
        shutil.copy2(self.folder / "a.mp4", other)
        r = self.analyze("other", "--case", "both", "--output", "in", code=2)
        self.assertIn("name another folder with --output", r.stderr)
        self.assertEqual(self.listing(), before)

    def test_a_folder_without_videos(self):
        self.write("notes.txt", b"Not a video.\n")
        r = self.analyze(code=1)
        self.assertIn("no video was found (1 other files)", r.stderr)
        self.assertFalse(list(self.dir.glob("*.vdet-case")))
        r = self.vdet("analyze", "in", "nowhere", "--engine", self.fake.url, code=1)
        self.assertIn("nowhere", r.stderr)

    def test_names_of_any_bytes(self):
        first = self.put("a.mp4")
        names = [b"x \xff.mp4", b"new\nline.mp4", "<b>\"'&amp;\u202e#%?.mp4".encode()]
        for i, name in enumerate(names, 5):
            other = flow.make_video(self.dir / "made.mp4", i)
            path = os.path.join(os.fsencode(self.folder), name)
            shutil.copyfile(other, path)
            os.utime(path, (LONG_AGO, LONG_AGO))
        self.analyze()
        self.assertEqual(len(self.case()["videos"]), 4)
        self.check_files()
        asked = self.asked()
        first.unlink()
        os.unlink(os.path.join(os.fsencode(self.folder), names[0]))
        self.assertIn("2 of 2 videos were done before", self.analyze().stdout)
        self.assertEqual(self.asked()[0], asked[0])
        self.assertEqual(sum(v["missing"] for v in self.case()["videos"]), 2)

    def test_one_process_works_on_a_case(self):
        self.put("a.mp4")
        self.fake.control(faults=["hold@1"])
        p = self.start("analyze", "in", "--engine", self.fake.url)
        self.fake.control(**{"await": 1})
        self.assertIn("another process works on the case", self.analyze(code=1).stderr)
        self.fake.control(faults=[], release=True)
        out, log = p.communicate(timeout=flow.TIMEOUT)
        self.assertEqual(p.returncode, 0, log)

    def test_a_run_that_was_removed_is_made_again(self):
        self.put("a.mp4")
        self.analyze()
        job = self.case()["videos"][0]["job"]
        self.vdet("jobs", "rm", job)
        asked = self.asked()[0]
        self.analyze()
        self.assertEqual(self.asked()[0], asked + 1)
        self.assertEqual(self.case()["videos"][0]["job"], job)

    def test_progress_as_json(self):
        self.put("a.mp4")
        self.put("b.mp4", 5)
        r = self.analyze("in", "--progress", "json")
        events = [json.loads(line) for line in r.stdout.splitlines()]
        messages = Messages("progress")
        for e in events:
            messages.check(e)
        self.assertEqual([(e["video"], e["videos"], e["name"]) for e in events if e["type"] == "video"],
                         [(1, 2, "a.mp4"), (2, 2, "b.mp4")])
        case, = (e for e in events if e["type"] == "case")
        self.assertEqual((case["videos"], case["before"], case["failed"], case["skipped"], case["complete"]), (2, 0, 0, 0, True))
        self.assertEqual(case["dir"], str(self.dir / "in.vdet-case"))
        self.assertEqual(case["case"], self.case()["case"]["id"])

    def test_every_stream_is_a_video(self):
        path = self.folder / "two.mkv"
        subprocess.run(["ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", "testsrc2=s=160x90:r=10:d=4", "-f", "lavfi", "-i",
                        "mandelbrot=s=160x90:r=10", "-t", "4", "-map", "0", "-map", "1", "-c:v", "libx264", "-preset", "ultrafast",
                        "-pix_fmt", "yuv420p", str(path)], check=True, stdin=subprocess.DEVNULL)
        os.utime(path, (LONG_AGO, LONG_AGO))
        self.analyze("in", "--stream", "all")
        self.assertEqual(sorted(str(v["stream"]) for v in self.case()["videos"]), ["1", "None"])
        for name in ("html", "md", "csv"):
            self.assertIn("two.mkv stream 1", (self.dir / "in.vdet-case" / f"case.{name}").read_text())
        asked = self.asked()
        r = self.analyze("in", "--stream", "all")
        self.assertIn("2 of 2 videos were done before", r.stdout)
        self.assertEqual(self.asked(), asked)


if __name__ == "__main__":
    flow.main()
