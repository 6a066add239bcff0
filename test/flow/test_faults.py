# SPDX-License-Identifier: Apache-2.0
"""Engines that misbehave: each fault ends in an answer after a retry, or in a hole with its reason; never in a crash,
a hang, or a report that hides it."""
import os
import sqlite3
import subprocess

import flow

# fault of the stand-in → what the hole's reason must contain (None: the job completes)
FAULTS = {
    "dead@1": None, "half@1": None, "500@1": None, "503=0@1": None, "429=0@1": None, "rubbish@1": None, "schema@1": None,
    "prose@1": None, "fence": None, "utf8@1": None, "frames@1": None, "empty@1": None, "length@1": None, "drip": None,
    "html@1": "web page", "whole": None, "no-usage": None, "liar": None,
    "prose": "not valid JSON", "schema": "could not be used, twice", "frames": "names a frame that is not one of",
    "empty": "empty", "length": "cut off", "400": "400", "context": "context", "html=502": "502", "500": "500",
    "never": "time", "stall": "time", "dead": "",
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
        for fault, reason in FAULTS.items():
            with self.subTest(fault=fault):
                report = self.run_with(fault, 0 if reason is None else 1)
                chunk = report["chunks"][0]
                if reason is None:
                    self.assertEqual(chunk["state"], "done")
                    continue
                self.assertEqual(chunk["state"], "hole")
                self.assertIn(reason, chunk["reason"])
                self.assertEqual(report["events"], [])

    def test_one_chunk_fails_alone(self):
        flow.make_video(self.dir / "a.mp4", 12)
        report = self.run_with("400@2", 3, "--chunk-duration", "4", "--workers", "1")
        self.assertEqual([c["state"] for c in report["chunks"]], ["done", "hole", "done"])
        self.assertIn("hole", (self.dir / "a.vdet" / "report.json").read_text())
        engine = self.engine()
        self.vdet("analyze", "a.mp4", "--engine", engine.url, "--chunk-duration", "4")
        self.assertEqual(engine.stretches(), ["00:00:04.000 to 00:00:08.000"])  # only the hole is tried again
        self.assertEqual([c["state"] for c in self.report("a")["chunks"]], ["done"] * 3)

    def test_a_summary_that_loops(self):
        """Is none: the plain timeline stands in its place, and the report says why."""
        flow.make_video(self.dir / "a.mp4", 8)
        report = self.run_with("loop@3", 0, "--chunk-duration", "4", "--workers", "1", "--slots", "1")
        self.assertEqual(report["summary"]["by"], "timeline", report["summary"])
        self.assertIn("repeats itself", report["summary"]["fallback_reason"])
        self.assertNotIn("goes on", report["summary"]["text"])

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
        if os.geteuid() or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=160k", "none", full], capture_output=True).returncode:
            self.skipTest("mounting a small file system needs root")
        self.addCleanup(subprocess.run, ["umount", "-l", full])
        flow.make_video(self.dir / "a.mp4", 60)
        engine = self.engine()
        command = ["analyze", "a.mp4", "--engine", engine.url, "--chunk-duration", "2", "--data-dir", full]
        r = self.vdet(*command, code=1)
        self.assertRegex(r.stderr, "full|space")
        subprocess.run(["mount", "-o", "remount,size=50m", full], check=True)
        done = sqlite3.connect(full / "vdet.db").execute("SELECT count(*) FROM chunk WHERE state = 1").fetchone()[0]
        asked = len(engine.stretches())
        self.vdet(*command)
        self.assertEqual(len(engine.stretches()) - asked, 30 - done)

    def test_two_at_once_on_one_job(self):
        engine = self.engine("--fault", "hold")
        command = ["analyze", "a.mp4", "--engine", engine.url, "--progress", "json"]
        first = self.start(*command)
        engine.control(**{"await": 1})
        r = self.vdet("analyze", "a.mp4", "--engine", engine.url, code=1)
        self.assertIn("being done by another vdet", r.stderr)
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
