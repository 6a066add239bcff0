#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The main job, undisturbed: a video in, the report out, in every format; progress; several files."""
import csv
import json
import re
import signal
import sqlite3
import subprocess
import time
from pathlib import Path

import flow
from messages import Messages


class Analyze(flow.Flow):
    def test_report_in_every_format(self):
        flow.make_video(self.dir / "a.mp4", 12)
        engine = self.engine()
        r = self.vdet("analyze", "a.mp4", "--engine", engine.url, "--chunk-duration", "4", "--chunk-frames", "3")
        self.assertEqual(r.stdout, "report: a.vdet/report.html  (.json .md .vtt .csv)\n")
        self.assertIn("a.mp4  0:12  320x180 h264 10 fps", r.stderr)
        report = self.report("a")
        self.assertEqual([c["state"] for c in report["chunks"]], ["done"] * 3)
        self.assertEqual(report["source"]["width"], 320)
        self.assertRegex(report["libraries"], r"^FFmpeg \S+, .*\blibavcodec \d+\.\d+\.\d+\b")
        sha = subprocess.run(["sha256sum", str(self.dir / "a.mp4")], capture_output=True, text=True).stdout.split()[0]
        self.assertEqual(report["source"]["sha256"], sha)
        for c in report["chunks"]:
            self.assertEqual(len(c["samples"]), 3)
            for s in c["samples"]:  # the frame shown at the requested time, exactly
                self.assertLessEqual(s["pts"], s["time"])
                self.assertGreater(s["pts"] + 0.1, s["time"])
        for e in report["events"]:  # every claim has its evidence
            pts = [s["pts"] for c in report["chunks"] for s in c["samples"]]
            for f in (f for p in e["parts"] for f in p["frames"]):
                self.assertIn(f["pts"], pts)
        folder = self.dir / "a.vdet"
        self.assertEqual(sorted(p.name for p in folder.iterdir()),
                         ["report.csv", "report.html", "report.json", "report.md", "report.vtt", "vdet.json"])
        for p in folder.iterdir():
            self.assertNotIn(str(self.dir), p.read_text(), f"{p.name} tells where the user keeps files")
        self.assertTrue((folder / "report.vtt").read_text().startswith("WEBVTT\n"))
        self.assertEqual(len(list(csv.DictReader((folder / "report.csv").open(newline="")))), len(report["events"]))
        self.assertEqual(len(engine.stretches()), 3)

    def test_same_command_again_asks_nothing(self):
        flow.make_video(self.dir / "a.mp4", 8)
        engine = self.engine()
        command = ["analyze", "a.mp4", "--engine", engine.url, "--chunk-duration", "4"]
        self.vdet(*command)
        first, asked = self.report("a"), len(engine.lines("begin"))
        r = self.vdet(*command)
        self.assertIn("2 of 2 chunks were done before", r.stdout)
        self.assertEqual(flow.same_result(self.report("a")), flow.same_result(first))
        self.assertEqual(len(engine.lines("begin")), asked)
        self.vdet(*command, "--workers", "2", "--output", "else")  # neither changes what is found
        self.assertEqual(len(engine.lines("begin")), asked)
        self.vdet(*command, "--chunk-frames", "2")                 # this does
        self.assertGreater(len(engine.lines("begin")), asked)
        asked = len(engine.lines("begin"))
        self.vdet(*command, "--fresh")
        self.assertGreater(len(engine.lines("begin")), asked)

    def test_a_duration_that_was_wrong_is_completed(self):
        """An earlier version that saw the end too early: what it has done stays, the rest follows."""
        flow.make_video(self.dir / "a.mp4", 12)
        engine = self.engine()
        command = ["analyze", "a.mp4", "--engine", engine.url, "--chunk-duration", "4"]
        self.vdet(*command)
        first = self.report("a")
        db = sqlite3.connect(self.store)
        facts = json.loads(db.execute("SELECT facts FROM job").fetchone()[0])
        facts["source"]["duration_us"] = facts["to_us"] = 8000000
        facts["plan"]["duration"] = facts["plan"]["to"] = 8.0
        del facts["plan"]["chunks"][2]
        db.execute("PRAGMA foreign_keys = ON")
        db.execute("UPDATE job SET facts = ?", (json.dumps(facts),))
        db.execute("DELETE FROM chunk WHERE idx = 2")
        db.commit()
        db.close()
        asked = len(engine.stretches())
        self.vdet(*command)
        self.assertEqual(engine.stretches()[asked:], ["00:00:08.000 to 00:00:12.000"])
        self.assertEqual(flow.same_result(self.report("a")), flow.same_result(first))

    def test_what_the_model_is_sent(self):
        flow.make_video(self.dir / "a.mp4", 8, size="640x360")
        engine = self.engine()
        self.vdet("analyze", "a.mp4", "--engine", engine.url, "--chunk-frames", "4", "--prompt", "a red car",
                  "--from", "2", "--to", "0:06")
        begin = engine.lines("begin")[0]
        text = "".join(begin["texts"])
        self.assertIn("Stretch 00:00:02.000 to 00:00:06.000, 4 frames.", text)
        times = re.findall(r"Frame (\d) at ([0-9:.]+):", text)
        self.assertEqual(times, [("1", "00:00:02.500"), ("2", "00:00:03.500"), ("3", "00:00:04.500"), ("4", "00:00:05.500")])
        self.assertIn("Look above all for: a red car", text)
        self.assertEqual(len(begin["images"]), 4)

    def test_anomalies_of_the_range(self):
        """The index is of the whole video, the report of a part of it."""
        flow.make_video(self.dir / "a.mp4", 40, extra=(
            "-vf", "drawbox=t=fill:c=black:enable='between(t,10,12.95)+between(t,30,32.95)'"))
        engine = self.engine()
        for span, wanted in (((), [10, 30]), (("--from", "5", "--to", "20"), [10]), (("--from", "20"), [30]),
                             (("--from", "15", "--to", "25"), [])):
            with self.subTest(span):
                self.vdet("analyze", "a.mp4", "--engine", engine.url, "--chunk-frames", "4", "--sample-policy",
                          "adaptive", *span)
                report = self.report("a")
                found = [a["start"] for a in report["index"]["anomalies"] if a["kind"] == "black"]
                self.assertEqual([round(t) for t in found], wanted)

    def test_progress_as_json(self):
        flow.make_video(self.dir / "a.mp4", 8)
        engine = self.engine("--latency", "1.5")
        r = self.vdet("analyze", "a.mp4", "--engine", engine.url, "--chunk-duration", "4", "--progress", "json",
                      "--workers", "1")
        events = [json.loads(line) for line in r.stdout.splitlines()]
        self.assertEqual([e["seq"] for e in events], list(range(1, len(events) + 1)))
        messages = Messages("progress")
        for e in events:
            messages.check(e)
        kinds = {e["type"] for e in events}
        self.assertTrue({"phase", "source", "chunk", "progress", "report", "end"} <= kinds, kinds)
        self.assertEqual(events[-1], {"seq": len(events), "time": events[-1]["time"], "type": "end", "exit": 0})
        states = [e["state"] for e in events if e["type"] == "chunk" and e["chunk"] == 1]
        self.assertEqual(states[0], "decoding")
        self.assertEqual(states[-1], "done")
        left = [e["left"] for e in events if e["type"] == "progress" and e["done"] == 1]
        self.assertTrue(left and all(x is not None for x in left), "no time left after the first chunk")

    def test_plain_progress_off_a_terminal(self):
        flow.make_video(self.dir / "a.mp4", 4)
        engine = self.engine("--latency", "3.2")
        began = time.monotonic()
        r = self.vdet("analyze", "a.mp4", "--engine", engine.url)
        self.assertIn("chunk 1/1", r.stderr)
        self.assertNotIn("\033", r.stderr)
        # One line for each tenth of the work, and a sign of life each 30 s.
        tenths = [int(m) // 10 for m in re.findall(r"chunk 1/1 .* (\d+) %", r.stderr)]
        most = 1 + (time.monotonic() - began) // 30
        self.assertTrue(all(tenths.count(n) <= most for n in tenths), r.stderr)

    def test_several_files_one_bad(self):
        flow.make_video(self.dir / "a.mp4", 4)
        flow.make_video(self.dir / "b.mkv", 4)
        (self.dir / "c.mp4").write_text("not a video")
        engine = self.engine()
        r = self.vdet("analyze", "a.mp4", "c.mp4", "b.mkv", "--engine", engine.url, "--output", "out", "--format", "json,md",
                      code=1)
        self.assertIn("c.mp4", r.stderr)
        for name in ("a", "b"):
            self.assertEqual(sorted(p.name for p in (self.dir / "out" / f"{name}.vdet").iterdir()),
                             ["report.json", "report.md", "vdet.json"])

    def test_odd_names(self):
        for name in ("-dash.mp4", "with space.mp4", "100%d.mp4", "視頻\n.mp4"):
            flow.make_video(self.dir / "x.mp4", 2)
            (self.dir / "x.mp4").rename(self.dir / name)
            engine = self.engine()
            self.vdet("analyze", "--engine", engine.url, "--", name)
            self.assertEqual(self.report(name[:-4])["source"]["name"], name.replace("\n", " "))

    def make_cameras(self, *names):
        """Videos that differ, so that each is a source of its own."""
        for i, name in enumerate(names):
            (self.dir / name).parent.mkdir(parents=True, exist_ok=True)
            flow.make_video(self.dir / name, 3 + i)

    def folders(self, where="."):
        """Folder of a report → the length of its video."""
        return {p.parent.name: round(json.loads(p.read_text())["source"]["duration"])
                for p in sorted((self.dir / where).glob("*.vdet/report.json"))}

    def test_sources_of_one_name(self):
        """Each has a folder of its own; named by the shortest part of the path that differs."""
        files = ["14/cam1/05.00.mp4", "15/cam1/05.00.mp4", "15/cam2/05.00.mp4", "14/cam2/05.00.mp4", "14/cam2/05.00.mkv"]
        self.make_cameras(*files)
        engine = self.engine()
        command = ["--engine", engine.url, "--format", "json"]
        r = self.vdet("analyze", *files, *command)
        names = ["05.00.vdet", "15-05.00.vdet", "cam2-05.00.vdet", "14-cam2-05.00.vdet", "14-cam2-05.00.mkv.vdet"]
        self.assertEqual(re.findall(r"report: (\S+)/report.json", r.stdout), names)
        self.assertEqual(self.folders(), dict(zip(names, (3, 4, 5, 6, 7))))
        self.assertIn("05.00.vdet holds the report of another video; this report goes to 15-05.00.vdet", r.stderr)
        r = self.vdet("analyze", *reversed(files), *command)  # each finds its own again
        self.assertEqual(re.findall(r"report: (\S+)/report.json", r.stdout), names[::-1])
        self.vdet("analyze", *files[:2], *command, "--output", "out")
        self.assertEqual(self.folders("out"), {"05.00.vdet": 3, "15-05.00.vdet": 4})

    def test_a_file_that_changed(self):
        """Under the same path: another source, which no part of the path distinguishes."""
        engine = self.engine()
        for seconds in (3, 4, 5):
            flow.make_video(self.dir / "x.mp4", seconds)
            self.vdet("analyze", "x.mp4", "--engine", engine.url)
        self.assertEqual(self.folders(), {"x.vdet": 3, "x-2.vdet": 4, "x-3.vdet": 5})

    def test_other_options_keep_the_earlier_report(self):
        flow.make_video(self.dir / "a.mp4", 8)
        engine = self.engine()
        command = ["analyze", "a.mp4", "--engine", engine.url, "--format", "json,md"]
        r = self.vdet(*command)
        self.assertNotIn("earlier", r.stdout)
        first = self.report("a")
        r = self.vdet(*command, "--chunk-duration", "4")
        self.assertIn(f"a.vdet/earlier/{first['run']['job']}", r.stdout)
        self.assertIn("report: a.vdet/report.json", r.stdout)
        kept = self.dir / "a.vdet" / "earlier" / first["run"]["job"]
        self.assertEqual(json.loads((kept / "report.json").read_text()), first)
        self.assertTrue((kept / "report.md").exists())
        second = self.report("a")
        self.assertNotEqual(second["run"]["job"], first["run"]["job"])
        self.vdet(*command, "--chunk-duration", "4")  # the same run again replaces its own
        self.assertEqual(len(list((self.dir / "a.vdet" / "earlier").iterdir())), 1)
        self.vdet(*command)
        self.assertEqual(self.report("a")["run"]["job"], first["run"]["job"])
        self.assertTrue((self.dir / "a.vdet" / "earlier" / second["run"]["job"] / "report.json").exists())

    def test_a_folder_of_an_older_version(self):
        """It has no record; its report names the source."""
        self.make_cameras("x.mp4", "cam2/x.mp4")
        engine = self.engine()
        self.vdet("analyze", "x.mp4", "--engine", engine.url)
        (self.dir / "x.vdet" / "vdet.json").unlink()
        self.vdet("analyze", "cam2/x.mp4", "--engine", engine.url)
        self.vdet("analyze", "x.mp4", "--engine", engine.url)
        self.assertEqual(self.folders(), {"x.vdet": 3, "cam2-x.vdet": 4})

    def test_a_folder_that_is_not_ours(self):
        flow.make_video(self.dir / "a.mp4", 4)
        (self.dir / "a.vdet").mkdir()
        (self.dir / "a.vdet" / "report.html").write_text("mine")
        (self.dir / "a-2.vdet").write_text("a file")
        engine = self.engine()
        r = self.vdet("analyze", "a.mp4", "--engine", engine.url)
        self.assertIn("report: a-3.vdet/report.html", r.stdout)
        self.assertIn("a.vdet was not written by vdet", r.stderr)
        self.assertEqual([p.name for p in (self.dir / "a.vdet").iterdir()], ["report.html"])
        self.assertEqual((self.dir / "a.vdet" / "report.html").read_text(), "mine")
        self.vdet("analyze", "a.mp4", "--engine", engine.url, "--output", "a.vdet")  # unless it is named
        self.assertNotEqual((self.dir / "a.vdet" / "report.html").read_text(), "mine")

    def test_a_frame_that_is_shown_long(self):
        """Samples that fall on a frame already shown are not faults of the video."""
        flow.make_video(self.dir / "slides.mp4", 40, rate="1/10")
        engine = self.engine()
        self.vdet("analyze", "slides.mp4", "--engine", engine.url, "--sample-policy", "even", "--chunk-frames", "12")
        report = self.report("slides")
        samples = [s for c in report["chunks"] for s in c["samples"]]
        repeated = sum("repeated" in s for s in samples)
        self.assertEqual((report["coverage"]["faults"], report["coverage"]["repeated"]), (0, repeated))
        self.assertEqual((len(samples), repeated), (12, 12 - report["coverage"]["samples"]))
        self.assertFalse([s for s in samples if "fault" in s])
        text = (self.dir / "slides.vdet" / "report.md").read_text()
        self.assertIn(f"{repeated} samples fell on a frame already shown.", text)
        self.assertNotIn("could not be decoded", text)

    def test_jobs_and_report_again(self):
        flow.make_video(self.dir / "a.mp4", 4)
        engine = self.engine()
        self.vdet("analyze", "a.mp4", "--engine", engine.url, "--format", "json")
        self.assertIn("a.mp4", self.vdet("jobs").stdout)
        job = json.loads(self.vdet("jobs", "--json").stdout)
        self.assertEqual((job["state"], job["done"]), ("complete", 1))
        before = (self.dir / "a.vdet" / "report.json").read_text()
        again = self.vdet("report", job["job"][:6], "--output", "-", "--format", "json").stdout
        self.assertEqual(flow.same_result(json.loads(again)), flow.same_result(json.loads(before)))
        self.vdet("report", job["job"], "--output", "new")
        parts = [p for e in json.loads(again)["events"] for p in e["parts"]]
        every = self.vdet("report", job["job"], "--output", "-", "--format", "json", "--detail", "all").stdout
        self.assertEqual(len(json.loads(every)["events"]), len(parts))
        self.assertIn("low|normal|all", self.vdet("report", job["job"], "--detail", "most", code=2).stderr)
        self.assertTrue((self.dir / "new" / "report.html").exists())
        self.assertIn("its report is kept: " + job["dir"], self.vdet("jobs", "rm", job["job"]).stdout)
        self.assertIn("no jobs yet", self.vdet("jobs").stdout)
        self.vdet("report", job["job"], code=1)

    def test_videos_of_one_name_are_told_apart(self):
        engine = self.engine()
        for folder, seconds in ("door", 2), ("yard", 3), ("roof", 4):
            (self.dir / folder).mkdir()
            flow.make_video(self.dir / folder / ("b.mp4" if folder == "roof" else "a.mp4"), seconds)
        for video in "door/a.mp4", "yard/a.mp4", "roof/b.mp4":
            self.vdet("analyze", video, "--engine", engine.url, "--format", "json")
        jobs = [json.loads(line) for line in self.vdet("jobs", "--json").stdout.splitlines()]
        self.assertEqual(len({j["sha256"] for j in jobs}), 3)
        lines = self.vdet("jobs").stdout.splitlines()[1:]
        for j, line in zip(jobs, lines):
            told = f"({Path(j['dir']).name}, SHA-256 {j['sha256'][:8]})"
            self.assertEqual(told in line, j["source"] == "a.mp4", line)
        # The same video twice is one video.
        self.vdet("analyze", "roof/b.mp4", "--engine", engine.url, "--format", "json", "--chunk-frames", "2")
        self.assertEqual([line for line in self.vdet("jobs").stdout.splitlines() if "b.mp4" in line and "SHA" in line], [])

    def test_interrupt_keeps_what_is_finished(self):
        flow.make_video(self.dir / "a.mp4", 16)
        engine = self.engine("--fault", "never@2+", "--slots", "1")
        command = ["analyze", "a.mp4", "--engine", engine.url, "--chunk-duration", "4", "--progress", "json", "--workers", "1"]
        p = self.start(*command)
        while flow.read_event(p.stdout, "chunk")["state"] != "done":
            pass
        while flow.read_event(p.stdout, "chunk")["state"] not in ("prefill", "queued"):
            pass
        began = time.monotonic()
        p.send_signal(signal.SIGINT)
        self.assertEqual(p.wait(flow.TIMEOUT), 130)
        self.assertLess(time.monotonic() - began, 60, "an interrupt waited for the engine")
        engine.stop()
        good = self.engine()
        self.vdet("analyze", "a.mp4", "--engine", good.url, "--chunk-duration", "4")
        self.assertEqual(len(good.stretches()), 3)


if __name__ == "__main__":
    flow.main()
