#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`vdet selftest`: events planted into a copy of a recording."""

import json
import resource
import signal
import subprocess

import flow

SIZE = (320, 180)


def picture(path, at):
    """The luma of the frame shown at a time, as rows."""
    w, h = SIZE
    raw = subprocess.run(["ffmpeg", "-v", "error", "-ss", f"{at:.3f}", "-i", str(path), "-frames:v", "1", "-f", "rawvideo",
                          "-pix_fmt", "gray", "-"], capture_output=True, check=True).stdout
    return [raw[y * w:(y + 1) * w] for y in range(h)]


def difference(a, b):
    """The mean difference of two pictures, in levels."""
    return sum(abs(p - q) for r, s in zip(a, b) for p, q in zip(r, s)) / (SIZE[0] * SIZE[1])


class SelfTest(flow.Flow):
    def setUp(self):
        super().setUp()
        del self.env["VDET_SAMPLE_POLICY"]

    def video(self, seconds=60):
        return flow.make_video(self.dir / "v.mp4", seconds, "320x180", 10, source="smptehdbars")

    def selftest(self, *args, **kw):
        return json.loads(self.vdet("selftest", self.dir / "v.mp4", "--json", *args, **kw).stdout)

    def test_events_are_in_the_copy(self):
        video = self.video()
        result = self.selftest("--keep", "copy.mp4", "--events", "7", "--from", "2")
        self.assertEqual((result["from"], result["to"], result["source"]), (2, 60, "v.mp4"))
        self.assertEqual([e["kind"] for e in result["events"]], ["object"] * 3 + ["picture"] + ["object"] * 3)

        plain = picture(video, 30)
        turned = [bytes(max(0, 255 - level) for level in reversed(row)) for row in reversed(plain)]
        for e in result["events"]:
            middle = picture(self.dir / "copy.mp4", (e["start"] + e["end"]) / 2 - 2)
            before = picture(self.dir / "copy.mp4", e["start"] - 2 - 0.3)
            self.assertLess(difference(before, plain), 3)
            if e["kind"] == "picture":
                self.assertLess(difference(middle, turned), 3)
            else:
                most = max(abs(p - q) for r, s in zip(middle, before) for p, q in zip(r, s))
                self.assertGreater(most, 20)

        # A still picture: nothing competes with the events.
        self.assertEqual(result["plans"][0]["policy"], "adaptive")
        self.assertEqual(result["plans"][0]["seen"], sum(e["seen"] for e in result["events"]))
        self.assertGreaterEqual(result["plans"][-1]["seen"], 6)

    def test_the_same_seed_gives_the_same_result(self):
        self.video()
        first = self.selftest("--seed", "5")
        self.assertEqual(first, self.selftest("--seed", "5", "--index-workers", "1"))
        self.assertNotEqual(first["events"], self.selftest("--seed", "6")["events"])

    def test_nothing_is_left(self):
        self.video(30)
        text = self.vdet("selftest", self.dir / "v.mp4").stdout
        self.assertIn("these settings", text)
        self.assertIn("even sampling", text)
        left = [p for p in self.dir.rglob("*") if p.is_file() and p.name not in ("v.mp4", "learned.json")]
        self.assertEqual([p for p in left if p.stat().st_size > 1 << 20 or "selftest" in p.name], [])

    def test_nothing_is_overwritten(self):
        video = self.video(30)
        before = video.read_bytes()
        for name in ("v.mp4", "."):
            self.assertIn("exists already", self.vdet("selftest", video, "--keep", name, code=2).stderr)
        self.assertEqual(video.read_bytes(), before)

    def test_a_killed_run_leaves_nothing(self):
        self.video(120)
        before = set(self.dir.rglob("*"))
        for keep in ((), ("--keep", "copy.mp4")):
            p = self.start("selftest", self.dir / "v.mp4", "--progress", "json", *keep)
            for line in p.stdout:
                if "copy with planted events" in line:
                    break
            p.kill()
            p.wait()
            self.assertEqual([f for f in set(self.dir.rglob("*")) - before if "data" not in f.parts], [])

    def test_events_without_a_picture_are_not_counted(self):
        flow.make_video(self.dir / "v.mp4", 120, "320x180", "1/3", source="smptehdbars")
        result = self.selftest("--events", "12")
        self.assertGreater(result["hidden"], 0)
        self.assertEqual(result["hidden"] + len(result["events"]), 12)

    def test_standard_output_that_cannot_be_written_is_an_error(self):
        self.video(10)
        with open("/dev/full", "w") as full:
            r = subprocess.run([flow.VDET, "index", self.dir / "v.mp4"], env=self.env, stdin=subprocess.DEVNULL, stdout=full,
                               stderr=subprocess.PIPE, text=True, timeout=flow.TIMEOUT)
        self.assertEqual(r.returncode, 1)
        self.assertIn("standard output", r.stderr)

    def test_a_full_disk_is_reported(self):
        self.video()

        def limit():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # as on a full disk, an error and no signal
            resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000))

        r = self.vdet("selftest", self.dir / "v.mp4", "--keep", "copy.mp4", code=1, preexec=limit)
        self.assertIn("cannot write", r.stderr)
        self.assertEqual(list(self.dir.glob("copy.mp4*")), [])

    def test_what_cannot_be_tested_is_refused(self):
        self.video(30)
        for args, code, text in (((), 2, "one video is required"),
                                 (("v.mp4", "--plan", "p.json"), 2, "--plan and --budget"),
                                 (("v.mp4", "--stream", "all"), 2, "--stream all"),
                                 (("v.mp4", "--sample-seek", "keyframe"), 2, "--sample-seek"),
                                 (("v.mp4", "--from", "40"), 2, "--from is not before"),
                                 (("v.mp4", "--to", "5"), 2, "at least 8 s"),
                                 (("v.mp4", "--events", "9"), 2, "at most 3"),
                                 (("none.mp4",), 1, "none.mp4")):
            with self.subTest(args):
                self.assertIn(text, self.vdet("selftest", *args, code=code).stderr)

    def test_other_policies(self):
        self.video(40)
        even = self.selftest("--sample-policy", "even")
        self.assertEqual(even["plans"][0]["policy"], "even")
        self.assertIsNone(even["events"][0]["score"])
        self.assertEqual([e["seen"] for e in even["events"]], [e["seen_even"] for e in even["events"]])


if __name__ == "__main__":
    flow.main()
