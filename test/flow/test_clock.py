#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The clock of a recording: drawn ones whose clock is known, some of them cut, some with a clock that was set."""
import contextlib
import json
import shutil
import sqlite3
import subprocess
import unittest

import flow

START = "2026-11-30 14:05:09"
BASE = 1796047509_000000  # START, in microseconds from 1970


def ffmpeg(source, target, *args):
    subprocess.run(["ffmpeg", "-v", "error", "-y", "-i", str(source), *args, str(target)], check=True,
                   stdin=subprocess.DEVNULL)


@unittest.skipUnless(shutil.which("tesseract") or subprocess.run(
    ["sh", "-c", "ls /usr/share/tesseract-ocr/*/tessdata/eng.traineddata"], capture_output=True).returncode == 0,
    "the data of Tesseract for English is not installed")
class Clock(flow.Flow):
    def draw(self, name, *args, seconds=60, start=START, fps=5, size=(320, 180)):
        self.vdet("world", "--clock-start", start, "--duration", str(seconds), "--fps", str(fps), "--width", str(size[0]),
                  "--height", str(size[1]), "--cuts", "0", "--events", "900", "--keyframe", "2", *args, name)

    def cut(self, source, target, at, length, fps=5):
        """Without the frames from `at` on; of a negative length it shows that time again."""
        if length > 0:
            ffmpeg(self.dir / source, self.dir / target, "-vf",
                   f"select='not(between(t,{at - 0.5 / fps},{at + length - 1.5 / fps}))',setpts=N/{fps}/TB", "-r", str(fps))
            return
        ffmpeg(self.dir / source, self.dir / target, "-filter_complex",
               f"split[a][b];[a]trim=0:{at},setpts=PTS-STARTPTS[c];[b]trim={at + length},setpts=PTS-STARTPTS[d];"
               "[c][d]concat=n=2:v=1")

    def clock(self, name, *args):
        return json.loads(self.vdet("clock", "--json", *args, name).stdout)

    def burnt(self, name, *args):
        found = self.clock(name, *args)
        clocks = [c for c in found["clocks"] if c["source"] == "picture"]
        self.assertEqual(len(clocks), 1, found["fault"])
        return clocks[0]

    def kept(self):
        """What the journal has."""
        with contextlib.closing(sqlite3.connect(self.store)) as store:
            rows = store.execute("SELECT data FROM wall_clock").fetchall()
        self.assertEqual(len(rows), 1)
        return json.loads(rows[0][0])

    def check_break(self, clock, at, jump, verdicts):
        self.assertEqual(len(clock["breaks"]), 1, clock["breaks"])
        b = clock["breaks"][0]
        self.assertLessEqual(b["before_us"], at * 1e6 + 1)
        self.assertGreaterEqual(b["after_us"], at * 1e6 - 1e6)
        self.assertLess(b["after_us"] - b["before_us"], 1e6)
        self.assertAlmostEqual(b["jump_us"] / 1e6, jump, delta=0.8)
        self.assertIn(b["verdict"], verdicts, b["why"])

    def test_clean(self):
        self.draw("clean.mp4")
        clock = self.burnt("clean.mp4")
        self.assertEqual((clock["breaks"], clock["format"]), ([], "YYYY-MM-DD hh:mm:ss"))
        piece = clock["fits"][0]["pieces"][0]
        self.assertEqual(piece["speed"], 1)
        self.assertAlmostEqual((piece["at_us"] - piece["start_us"] - BASE) / 1e6, 0, delta=0.6)
        self.assertIsNone(piece["utc_offset_s"])
        text = self.vdet("clock", "clean.mp4").stdout
        self.assertIn("the clock in the picture, YYYY-MM-DD hh:mm:ss", text)
        self.assertIn("2026-11-30 14:05:09", text)
        self.assertIn("no jump", text)
        # with a zone the same clock is ahead of UTC
        zoned = self.burnt("clean.mp4", "--timezone", "-03:30")
        self.assertEqual(zoned["fits"][0]["pieces"][0]["utc_offset_s"], -12600)
        self.assertIn("not known here", self.vdet("clock", "--timezone", "Mars/Base", "clean.mp4", code=2).stderr)
        self.assertIn("Europe/Berlin", self.vdet("clock", "--timezone", "../x", "clean.mp4", code=2).stderr)

    def test_cuts(self):
        self.draw("whole.mp4", seconds=700)
        for length in (2, 37, 600):
            with self.subTest(length=length):
                self.cut("whole.mp4", "cut.mp4", 40, length)
                if length < 600:
                    ffmpeg(self.dir / "cut.mp4", self.dir / "short.mp4", "-t", "80", "-c", "copy")
                else:
                    shutil.copy(self.dir / "cut.mp4", self.dir / "short.mp4")
                self.check_break(self.burnt("short.mp4"), 40, length, ("recording interrupted", "cannot tell"))

    def test_repeated_minute(self):
        self.draw("whole.mp4", seconds=100)
        self.cut("whole.mp4", "again.mp4", 80, -60)
        clock = self.burnt("again.mp4")
        self.check_break(clock, 80, -60, ("recording interrupted", "cannot tell"))

    def test_set(self):
        self.draw("set.mp4", "--clock-set", "30+37", seconds=60, fps=10)
        self.check_break(self.burnt("set.mp4"), 30, 37, ("clock set", "cannot tell"))
        self.draw("back.mp4", "--clock-set", "30.4-3600", "--clock-format", "dmy", fps=10)
        clock = self.burnt("back.mp4")
        self.check_break(clock, 30.4, -3600, ("clock set", "cannot tell"))
        self.assertFalse(clock["breaks"][0]["daylight"])

    def test_daylight(self):
        self.draw("spring.mp4", "--clock-set", "30+3600", start="2026-03-29 01:59:30")
        for zone, daylight in (("Europe/Berlin", True), ("Asia/Tokyo", False)):
            clock = self.burnt("spring.mp4", "--timezone", zone)
            self.check_break(clock, 30, 3600, ("clock set", "cannot tell"))
            self.assertEqual(clock["breaks"][0]["daylight"], daylight)
        self.assertIn("daylight saving time", self.vdet("clock", "spring.mp4").stdout)

    def test_drift(self):
        self.draw("fast.mp4", "--clock-speed", "1.02", seconds=300, fps=2)
        clock = self.burnt("fast.mp4")
        self.assertEqual(clock["breaks"], [])
        self.assertAlmostEqual(clock["fits"][0]["pieces"][0]["speed"], 1.02, delta=0.003)

    def test_midnight_and_dates(self):
        for kind, start, text in (
                ("dmy", "2026-06-05 23:59:30", ": 2026-06-06 00:00:29"),
                ("mdy", "2026-06-05 23:59:30", ": 2026-06-06 00:00:29"),
                ("dmy", "2026-06-05 14:05:09", ": 2026-06-05 or 2026-05-06, 14:06:08"),
                ("time", "2026-06-05 23:59:30", ": 00:00:29"),
                ("twelve", "2026-06-05 12:59:30", ": 01:00:29 AM or PM")):
            with self.subTest(kind=kind, start=start):
                self.draw("day.mp4", "--clock-format", kind, start=start)
                found = self.vdet("clock", "day.mp4").stdout
                self.assertIn(text, found)
                self.assertIn("no jump", found)

    def test_turned(self):
        self.draw("upright.mp4", "--clock-set", "30+37", seconds=60)
        ffmpeg(self.dir / "upright.mp4", self.dir / "turned.mp4", "-vf", "hflip,vflip")
        found = self.burnt("turned.mp4")
        self.assertEqual(found["turn"], 180)
        self.check_break(found, 30, 37, ("clock set", "cannot tell"))

    def test_none(self):
        """No clock, a counter of the video's own time, a time on a sign, and what the file states."""
        self.vdet("world", "--no-clock", "--duration", "20", "--fps", "5", "--width", "320", "--height", "180", "none.mp4")
        self.assertEqual(self.clock("none.mp4")["clocks"], [])
        self.assertIn("no clock", self.vdet("clock", "none.mp4").stdout)
        self.draw("counter.mp4", "--clock-format", "time", start="2026-11-30 00:00:00", seconds=20)
        self.assertEqual(self.clock("counter.mp4")["clocks"], [])
        self.draw("sign.mp4", "--clock-speed", "0.01", "--clock-format", "minutes", seconds=20)
        self.assertEqual(self.clock("sign.mp4")["clocks"], [])
        ffmpeg(self.dir / "none.mp4", self.dir / "stated.mp4", "-c", "copy", "-metadata", "creation_time=2026-07-01T10:00:00Z")
        found = self.clock("stated.mp4", "--timezone", "Europe/Berlin")["clocks"]
        self.assertEqual([c["source"] for c in found], ["created"])
        self.assertIn("2026-07-01 12:00:00 +02:00", self.vdet("clock", "--timezone", "Europe/Berlin", "stated.mp4").stdout)
        ffmpeg(self.dir / "none.mp4", self.dir / "coded.mov", "-c", "copy", "-timecode", "10:12:13:00")
        found = self.clock("coded.mov")["clocks"]
        self.assertEqual([(c["source"], c["fits"][0]["pieces"][0]["at_us"]) for c in found], [("timecode", 36733 * 10**6)])
        ffmpeg(self.dir / "none.mp4", self.dir / "hour.mov", "-c", "copy", "-timecode", "10:00:00:00")
        self.assertEqual(self.clock("hour.mov")["clocks"], [])
        self.assertIn("2026-07-01 10:00:00 UTC", self.vdet("clock", "stated.mp4").stdout)

    def test_journal(self):
        """An analysis keeps it; the same command with another zone reads nothing again."""
        self.draw("set.mp4", "--clock-set", "10+37", seconds=20)
        self.env["VDET_TEXT_SCREEN"] = "auto"
        engine = self.engine()
        base = ("analyze", "--engine", engine.url, "set.mp4")
        self.vdet(*base)
        first = self.kept()
        self.assertEqual([c["source"] for c in first["clocks"]][:1], ["picture"])
        self.assertEqual(len(first["clocks"][0]["breaks"]), 1)
        self.vdet(*base, "--timezone", "Europe/Berlin")
        second = self.kept()
        self.assertEqual(second["clocks"][0]["fits"][0]["pieces"][0]["utc_offset_s"], 3600)
        self.assertEqual(second["clocks"][0]["samples"], first["clocks"][0]["samples"])


if __name__ == "__main__":
    flow.main()
