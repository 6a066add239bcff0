#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Engines that misbehave: each fault ends in an answer after a retry, or in a hole with its reason; never in a crash,
a hang, or a report that hides it."""
import json
import os
import shutil
import signal
import sqlite3
import subprocess

import flow

# fault of the stand-in → what the hole's reason must contain, and its code (None: the job completes)
FAULTS = {
    "dead@1": None, "half@1": None, "500@1": None, "503=0@1": None, "429=0@1": None, "rubbish@1": None, "schema@1": None,
    "prose@1": None, "fence": None, "utf8@1": None, "frames@1": None, "empty@1": None, "length@1": None, "drip": None,
    "html@1": ("web page", "engine"), "whole": None, "no-usage": None, "liar": None,
    "prose": ("not valid JSON", "answer"), "schema": ("could not be used, twice", "answer"),
    "frames": ("names a frame that is not one of", "answer"), "empty": ("empty", "answer"), "length": ("cut off", "cut-off"),
    "400": ("400", "engine"), "context": ("context", "no-room"), "html=502": ("502", "engine"), "500": ("500", "engine"),
    "never": ("time", "vision-timeout"), "stall": ("time", "idle-timeout"), "dead": ("", "engine"),
}


class Faults(flow.Flow):
    def setUp(self):
        super().setUp()
        flow.make_video(self.dir / "a.mp4", 4)

    def run_with(self, fault, code, *options):
        engine = self.engine("--fault", fault)
        self.vdet("analyze", "a.mp4", "--fresh", "--engine", engine.url, "--retries", "1", "--vision-timeout", "2",
                  "--idle-timeout", "2", "--format", "json", *options, code=code)
        report = self.report("a")
        engine.stop()
        return report

    def test_each_fault(self):
        for fault, hole in FAULTS.items():
            with self.subTest(fault=fault):
                report = self.run_with(fault, 1 if hole else 0)
                chunk = report["chunks"][0]
                if not hole:
                    self.assertEqual(chunk["state"], "done")
                    continue
                self.assertEqual(chunk["state"], "hole")
                self.assertIn(hole[0], chunk["reason"])
                self.assertEqual(report["holes"][0]["option"] or report["holes"][0]["code"], hole[1])
                self.assertEqual(report["events"], [])
                self.assertIn("it is not known what happened", report["summary"]["text"])

    def test_one_chunk_fails_alone(self):
        flow.make_video(self.dir / "a.mp4", 12)
        report = self.run_with("400@2", 3, "--chunk-duration", "4", "--workers", "1")
        self.assertEqual([c["state"] for c in report["chunks"]], ["done", "hole", "done"])
        self.assertIn("hole", (self.dir / "a.vdet" / "report.json").read_text())
        engine = self.engine()
        self.vdet("analyze", "a.mp4", "--engine", engine.url, "--chunk-duration", "4")
        self.assertEqual(engine.stretches(), ["00:00:04.000 to 00:00:08.000"])  # only the hole is tried again
        self.assertEqual([c["state"] for c in self.report("a")["chunks"]], ["done"] * 3)

    def analyze_while(self, change, code):
        """Analyzes 12 s in 3 chunks; `change` is called while the engine has the second request."""
        path = self.dir / "a.mp4"
        flow.make_video(path, 12)
        engine = self.engine("--fault", "hold@2")
        p = self.start("analyze", path, "--engine", engine.url, "--chunk-duration", "4", "--workers", "1")
        engine.control(**{"await": 2})
        change(path, p)
        engine.control(faults=[], release=True)
        out, log = p.communicate(timeout=flow.TIMEOUT)
        self.assertEqual(p.returncode, code, log)
        return log, engine

    def jobs(self):
        return sqlite3.connect(self.store).execute("SELECT count(*) FROM job").fetchone()[0]

    def test_a_video_that_becomes_another_one(self):
        """Frames of two files are never in one report."""
        other = self.dir / "b.mp4"
        flow.make_video(other, 11)
        log, engine = self.analyze_while(lambda path, p: path.write_bytes(other.read_bytes()), 1)
        self.assertIn("a.mp4: the file was changed while it was analyzed", log)
        self.assertFalse((self.dir / "a.vdet" / "report.json").exists())
        self.assertEqual(self.jobs(), 0)
        self.vdet("analyze", "a.mp4", "--engine", engine.url, "--chunk-duration", "4")
        self.assertTrue(self.report("a-2")["complete"])  # a.vdet is the folder of the other video

        def change_and_stop(path, p):
            path.write_bytes(other.read_bytes())
            p.send_signal(signal.SIGINT)
        self.analyze_while(change_and_stop, 1)
        self.assertEqual(self.jobs(), 1)

    def test_a_video_whose_time_changes(self):
        log, _ = self.analyze_while(lambda path, p: os.utime(path, (1e9, 1e9)), 0)
        self.assertNotIn("changed", log)
        self.assertTrue(self.report("a")["complete"])

    def test_a_summary_that_loops(self):
        """Is rejected: the plain timeline is used instead, and the report says why."""
        flow.make_video(self.dir / "a.mp4", 8)
        report = self.run_with("sentence-loop@3+", 0, "--chunk-duration", "4", "--workers", "1", "--slots", "1")
        self.assertEqual(report["summary"]["by"], "timeline", report["summary"])
        self.assertIn("repeats itself", report["summary"]["fallback_reason"])
        self.assertNotIn("goes on", json.dumps(report["summary"]))

    def test_a_summary_of_what_was_not_seen(self):
        """A sentence that names no event is left out; the next answer is taken."""
        flow.make_video(self.dir / "a.mp4", 8)
        report = self.run_with("schema@3", 0, "--chunk-duration", "4", "--workers", "1", "--slots", "1")
        self.assertEqual(report["summary"]["by"], "model", report["summary"])
        for sentence in report["summary"]["sentences"]:
            self.assertEqual(sentence["events"], [0])

    def test_no_engine_there(self):
        r = self.vdet("analyze", "a.mp4", "--engine", "http://127.0.0.1:9", "--retries", "0", code=1)
        self.assertIn("127.0.0.1:9", r.stderr)
        self.assertFalse((self.dir / "a.vdet").exists())

    def test_key_never_shows(self):
        engine = self.engine("--key", "sesame", "--fault", "echo-key")
        r = self.vdet("analyze", "a.mp4", "--engine", engine.url, "--retries", "0", "--log-level", "debug",
                      env={"VDET_ENGINE_KEY": "sesame"}, code=None)
        self.assertNotIn("sesame", r.stdout + r.stderr)
        for p in self.dir.rglob("*"):
            if p.is_file() and p != engine.record:
                self.assertNotIn(b"sesame", p.read_bytes(), p)

    def test_output_folder_cannot_be_written(self):
        engine = self.engine()
        (self.dir / "file").write_text("x")
        r = self.vdet("analyze", "a.mp4", "--engine", engine.url, "--output", "file", code=2)
        self.assertEqual(engine.stretches(), [], "it should have looked before the work")
        self.assertIn("file", r.stderr)

    def test_disk_full(self):
        """A tiny file system under the data folder: the journal cannot grow; nothing is lost that was written."""
        full = self.dir / "full"
        full.mkdir()
        if os.geteuid() or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=432k", "none", full], capture_output=True).returncode:
            self.skipTest("mounting a small file system needs root")
        self.addCleanup(subprocess.run, ["umount", "-l", full])
        flow.make_video(self.dir / "a.mp4", 60)
        engine = self.engine()
        command = ["analyze", "a.mp4", "--engine", engine.url, "--chunk-duration", "2", "--data-dir", full]
        r = self.vdet(*command, code=1)
        self.assertRegex(r.stderr, "full|space")
        self.assertIn(str(full), r.stderr)
        self.assertIn("the same command continues once there is space", r.stderr)
        states = [json.loads(line)["state"] for line in self.vdet("jobs", "--json", "--data-dir", full).stdout.splitlines()]
        self.assertTrue(set(states) <= {"interrupted"}, states)
        subprocess.run(["mount", "-o", "remount,size=50m", full], check=True)
        done = sqlite3.connect(full / "vdet.db").execute("SELECT count(*) FROM chunk WHERE state = 1").fetchone()[0]
        asked = len(engine.stretches())
        self.vdet(*command)
        self.assertEqual(len(engine.stretches()) - asked, 30 - done)

    def test_interrupted(self):
        """A job whose process is gone is not running."""
        engine = self.engine("--fault", "hold")
        p = self.start("analyze", "a.mp4", "--engine", engine.url, "--progress", "json")
        engine.control(**{"await": 1})
        said = self.vdet("jobs").stdout
        while said.startswith("no jobs yet") and p.poll() is None:  # the first request may come before the job is in the journal
            said = self.vdet("jobs").stdout
        self.assertIn(" running ", said)
        p.kill()
        p.communicate()
        self.assertIn(" interrupted ", self.vdet("jobs").stdout)
        job = json.loads(self.vdet("jobs", "--json").stdout)
        self.assertEqual(job["state"], "interrupted")
        shutil.rmtree(job["dir"])
        self.assertNotIn("report is kept", self.vdet("jobs", "rm", job["job"]).stdout)

    def test_two_at_once_on_one_job(self):
        engine = self.engine("--fault", "hold")
        command = ["analyze", "a.mp4", "--engine", engine.url, "--progress", "json"]
        first = self.start(*command)
        engine.control(**{"await": 1})
        r = self.vdet("analyze", "a.mp4", "--engine", engine.url, code=1)
        self.assertIn("is already running in another process", r.stderr)
        self.assertIn(" running ", self.vdet("jobs").stdout)
        engine.control(release=True)
        first.communicate(timeout=flow.TIMEOUT)
        self.assertEqual(first.returncode, 0)

    def test_video_vanishes_meanwhile(self):
        engine = self.engine("--latency", "1")
        p = self.start("analyze", "a.mp4", "--engine", engine.url, "--chunk-duration", "1", "--progress", "json")
        flow.read_event(p.stdout, "chunk")
        (self.dir / "a.mp4").unlink()  # the open file stays readable
        p.communicate(timeout=flow.TIMEOUT)
        self.assertEqual(p.returncode, 0)


if __name__ == "__main__":
    flow.main()
