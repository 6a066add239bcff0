#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The real engine with the bundled demo model: what it says depends on what the pictures show."""
import json
import os
import re
import signal
import shutil
import subprocess
import sys
from pathlib import Path

import flow

sys.path.insert(0, str(flow.ROOT / "test" / "bench"))
import score  # noqa: E402


class Demo(flow.Flow):
    def setUp(self):
        super().setUp()
        self.needs_engine()

    def test_what_is_seen_is_said(self):
        r = self.vdet("demo", "--hours", "0.1", "--seed", "11")
        m = re.search(r"(\d+) events happened; frames showed (\d+) .* names (\d+) of these", r.stdout)
        self.assertTrue(m, r.stdout)
        happened, seen, said = map(int, m.groups())
        self.assertGreaterEqual(happened, 3)
        self.assertGreaterEqual(said, 0.8 * seen, r.stdout)
        page = next((self.dir / "vdet-demo").glob("*.vdet/report.html")).read_text()
        self.assertIn("demo model", page)
        again = self.vdet("demo", "--hours", "0.1", "--seed", "11")
        self.assertIn("were done before", again.stdout)  # the second run draws and asks nothing
        # What the report says of checks is printed, too: a short recording gives too few controls.
        checked = self.vdet("demo", "--hours", "0.1", "--seed", "11", "--verify", "all")
        report = json.loads(next((self.dir / "vdet-demo").glob("*.vdet/report.json")).read_text())
        self.assertIsNone(report["checks"]["model_can_check"])
        self.assertIn("too few for its verdicts to count", checked.stdout)
        self.assertNotIn("too few for its verdicts", self.vdet("demo", "--hours", "0.1", "--seed", "12", "--verify", "none").stdout)

    def draw(self, *options):
        self.vdet("world", "w.mp4", "--duration", "40", "--hour", "12", *options)
        return json.loads((self.dir / "w.truth.json").read_text())

    def analyze(self, *options):
        r = self.vdet("analyze", "w.mp4", "--chunk-duration", "12", "--chunk-frames", "4", "--format", "json", *options)
        # Each drawing is another source, so its report gets a folder of its own.
        return json.loads((self.dir / re.search(r"report: (\S+)", r.stdout)[1]).read_text())

    def test_events_match_the_truth(self):
        found, events = None, []
        for seed in "5", "6", "7":
            truth = self.draw("--seed", seed, "--events", "300", "--shortest", "6", "--longest", "12")
            report = self.analyze("--fresh")
            found, events = score.add(found, score.score(report, truth)), events + report["events"]
        self.assertGreaterEqual(found["seen"], 6)
        self.assertGreaterEqual(found["said"], .8 * found["seen"], events)
        self.assertGreaterEqual(found["true"], .8 * found["claims"], events)
        self.assertGreaterEqual(found["shown"], .9 * found["cited"], events)
        for e in events:
            self.assertIn(e["subject"] if e["subject"] != "scene" else "The scene", e["what"])

    def test_a_claim_goes_with_its_frames(self):
        truth = self.draw("--seed", "5", "--events", "120", "--shortest", "6", "--longest", "10")
        event = truth["events"][0]
        thing = f"{event['who']['color']} {event['who']['shape']}"
        self.assertIn(thing, json.dumps(self.analyze()))
        # The same video without the seconds in which it happens.
        whole = self.dir / "whole.mp4"
        (self.dir / "w.mp4").rename(whole)
        shutil.rmtree(self.dir / "w.vdet")
        keep = f"select=not(between(t\\,{event['start'] - 1}\\,{event['end'] + 1})),setpts=N/FRAME_RATE/TB"
        subprocess.run(["ffmpeg", "-v", "error", "-i", str(whole), "-vf", keep, "-an", "-c:v", "libx264", "-preset", "ultrafast",
                        str(self.dir / "w.mp4")], check=True, stdin=subprocess.DEVNULL)
        self.assertNotIn(thing, json.dumps(self.analyze()))

    def test_summary(self):
        """The model sums up the list of events, in a tree of requests: each sentence is about the events that it names."""
        self.draw("--seed", "5", "--duration", "120", "--events", "600", "--shortest", "4", "--longest", "8")
        report = self.analyze()
        self.assertEqual(report["summary"]["by"], "model", report["summary"])
        self.assertTrue(report["summary"]["sentences"])
        sentences = [*report["summary"]["sentences"], *(s for part in report["summary"]["sections"] for s in part["sentences"])]
        things = re.compile(r"\w+ (?:circle|square|triangle)")
        right = [s for s in sentences if all(set(things.findall(s["text"])) & set(things.findall(report["events"][k]["what"]))
                                             for k in s["events"]) or "scene" in s["text"]]
        self.assertGreaterEqual(len(right), .9 * len(sentences), report["summary"])

    def test_statements_are_checked(self):
        """A second look withdraws what the pictures do not show, and not what they show."""
        # long enough that neighbouring chunks agree on 20 statements, whose answers are known then
        truth = self.draw("--seed", "8", "--duration", "400", "--events", "300", "--shortest", "20", "--longest", "40")
        report = self.analyze("--verify", "all")
        checks = report["checks"]
        self.assertIs(checks["model_can_check"], True, checks)
        self.assertGreaterEqual(checks["counts"]["shown"], 5, checks)
        true = [e for e in report["events"] if e["verdict"] == "shown" and any(
            score.names(e["what"], t) for t in truth["events"])]
        self.assertGreaterEqual(len(true), .9 * sum(e["verdict"] == "shown" for e in report["events"]))
        self.assertLessEqual(len(report["withdrawn"]), .2 * checks["counts"]["shown"], report["withdrawn"])

    def nothing(self, words, *filters):
        """Of test patterns, changed by these filters, the model returns these words, and no events."""
        flow.make_video(self.dir / "w.mp4", 30, "640x360", extra=filters)
        report = self.analyze()
        self.assertEqual(report["events"], [])
        self.assertTrue(report["chunks"])
        for c in report["chunks"]:
            self.assertIn(words, c["summary"])

    def test_black_is_nothing(self):
        self.nothing("Nothing happens: the picture is black", "-vf", "drawbox=color=black:t=fill")

    def test_what_it_does_not_know(self):
        """The demo model was not made for such pictures, and says so rather than making something up."""
        self.nothing("Nothing happens that this model knows")

    def test_a_damaged_demo_model_is_named(self):
        video = flow.make_video(self.dir / "w.mp4", 1)
        weights = Path(self.env.get("VDET_DEMO_DIR", flow.ROOT / "model" / "weights"))
        for name, size, words in (("demo.gguf", None, "no model"), ("demo.gguf", 100000, "cut short"),
                                  ("mmproj-demo.gguf", None, "needs its projector"), ("mmproj-demo.gguf", 3, "not a GGUF"),
                                  ("mmproj-demo.gguf", -1, "damaged or of another version")):
            folder = self.dir / "demo"
            shutil.copytree(weights, folder)
            data = bytearray((folder / name).read_bytes())
            (folder / name).unlink()
            if size == -1:
                data[-100] ^= 1
                (folder / name).write_bytes(data)
            elif size:
                (folder / name).write_bytes(data[:size])
            r = self.vdet("analyze", video, code=None, env={"VDET_DEMO_DIR": str(folder)})
            self.assertNotIn(r.returncode, (0, 3), name)
            errors = [line for line in r.stderr.splitlines() if line.startswith("vdet: error: ")]
            self.assertEqual(len(errors), 1, r.stderr)
            self.assertIn(words, errors[0])
            shutil.rmtree(folder)

    def test_engine_killed_in_the_middle(self):
        self.draw("--seed", "3")
        p = self.start("analyze", "w.mp4", "--chunk-duration", "4", "--chunk-frames", "4", "--progress", "json", "--slots", "1")
        while flow.read_event(p.stdout, "chunk")["state"] != "done":
            pass
        children = [int(c) for t in Path(f"/proc/{p.pid}/task").iterdir() for c in (t / "children").read_text().split()]
        engines = [c for c in children if b"llama-server" in Path(f"/proc/{c}/cmdline").read_bytes()]
        self.assertEqual(len(engines), 1, children)
        os.kill(engines[0], signal.SIGKILL)
        p.communicate(timeout=flow.TIMEOUT)
        self.assertEqual(p.returncode, 0)
        self.assertEqual({c["state"] for c in self.report("w")["chunks"]}, {"done"})


if __name__ == "__main__":
    flow.main()
