#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""--passes 2: what the first pass leaves in doubt is described again, with more frames and the context, and nothing that was
said before is lost. The engine of these tests knows what happens; see --scene in fake_engine.py."""
import json
import os
import sqlite3

import flow
import test_check

CHUNKS = 8  # of four seconds and two frames
GHOST = 3   # the chunk with a statement that is not true
CONTEXT = "What was reported of the parts before"


def clock(seconds):
    return f"00:00:{seconds:02}.000"


def scene():
    """A car over all chunks, and once a ghost in one frame; a second look sees a cat."""
    stretches = {}
    for i in range(CHUNKS):
        verb = {0: "enters", CHUNKS - 1: "leaves"}.get(i, "turns")
        stretches[clock(4 * i)] = {"summary": f"Part {i}.", "events": [{"subject": "a red car", "what": f"A red car {verb}."}]}
    again = {"summary": "A car and a cat.", "events": [{"subject": "a red car", "what": "A red car turns."},
                                                       {"subject": "a cat", "what": "A cat sits down."}]}
    stretches[clock(4 * GHOST)]["events"].append({"subject": "a ghost", "what": "A ghost appears.", "frames": [1]})
    return {"stretches": stretches, "again": {clock(4 * GHOST): again}}


class SecondPass(flow.Flow):
    def setUp(self):
        super().setUp()
        (self.dir / "scene.json").write_text(json.dumps(scene()))
        flow.make_video(self.dir / "a.mp4", 4 * CHUNKS, size="64x36", rate=5)

    def fake(self, *options):
        return self.engine("--scene", str(self.dir / "scene.json"), *options)

    def analyze(self, engine, *options, code=0):
        return self.vdet("analyze", "a.mp4", "--engine", engine.url, "--chunk-duration", "4", "--chunk-frames", "2", *options,
                         code=code)

    @staticmethod
    def second(engine):
        """The requests of second passes."""
        return [r for r in engine.lines("begin") if CONTEXT in "".join(r["texts"])]

    def chosen(self):
        return [c for c in self.report("a")["chunks"] if "second_pass" in c]

    def test_what_is_in_doubt_is_described_again(self):
        engine = self.fake()
        self.analyze(engine, "--passes", "2")
        report = self.report("a")
        [request] = self.second(engine)
        text = "".join(request["texts"])
        self.assertIn(f"Stretch {clock(4 * GHOST)}", text)
        context = text.split(CONTEXT)[1].split("Describe this stretch")[0]
        # what is right before and after it, and nothing of itself or of what is farther away
        self.assertEqual(context.count("A red car turns."), 2)
        self.assertIn("[00:00:09 - ", context)
        self.assertIn("[00:00:17 - ", context)
        self.assertNotIn("ghost", context)
        self.assertEqual(len(request["images"]), 4)  # two more, beside the frame of the ghost

        [chunk] = self.chosen()
        self.assertEqual(chunk["index"], GHOST)
        self.assertEqual(chunk["summary"], "A car and a cat.")
        self.assertEqual(len(chunk["samples"]), 4)
        earlier = chunk["second_pass"]["earlier"]
        self.assertEqual(earlier["summary"], f"Part {GHOST}.")
        self.assertEqual([e["what"] for e in earlier["events"]], ["A red car turns.", "A ghost appears."])
        self.assertIsNone(chunk["second_pass"]["reason"])
        said = [e["what"] for e in report["events"]]
        self.assertIn("A cat sits down.", said)
        self.assertNotIn("A ghost appears.", said)
        self.assertTrue(report["complete"])
        self.assertIn("The first pass reported: A red car turns. A ghost appears. The second: A red car turns. A cat sits down.",
                      (self.dir / "a.vdet" / "report.html").read_text())
        markdown = (self.dir / "a.vdet" / "report.md").read_text()
        self.assertIn("The first pass reported: A red car turns", markdown)
        self.assertIn("1 of 8 chunks were in doubt, 1 of these described again", markdown)

        # the same command asks nothing more, and one with one pass keeps what is there
        for passes in ("2", "1"):
            asked = len(engine.lines("begin"))
            self.analyze(engine, "--passes", passes)
            self.assertEqual(len(engine.lines("begin")), asked)
            self.assertEqual(flow.same_result(self.report("a")), flow.same_result(report))

    def test_a_finished_job_gets_its_second_pass(self):
        engine = self.fake()
        self.analyze(engine)
        self.assertEqual(self.second(engine), [])
        described = len(engine.stretches())
        self.analyze(engine, "--passes", "2")
        self.assertEqual(len(engine.stretches()), described + 1)
        [chunk] = self.chosen()
        self.assertEqual(chunk["index"], GHOST)

    def test_checks_decide_what_is_in_doubt(self):
        """What a second look shows is not, also where it was; what it contradicts is."""
        said = test_check.scene()
        said["false"] = [test_check.FIRE]
        (self.dir / "scene.json").write_text(json.dumps(said))
        flow.make_video(self.dir / "a.mp4", 2 * test_check.CHUNKS, size="64x36", rate=5)
        engine = self.fake()
        self.analyze(engine, "--chunk-duration", "2", "--verify", "all")
        [withdrawn] = self.report("a")["withdrawn"]
        self.assertEqual(withdrawn["what"], test_check.FIRE)
        self.assertIn(test_check.GHOST, [e["what"] for e in self.report("a")["events"]])
        self.analyze(engine, "--chunk-duration", "2", "--verify", "all", "--passes", "2")
        self.assertEqual([c["index"] for c in self.chosen()], [withdrawn["chunk"]])

    def test_nothing_in_doubt(self):
        said = scene()
        del said["stretches"][clock(4 * GHOST)]["events"][1]
        (self.dir / "scene.json").write_text(json.dumps(said))
        self.analyze(self.fake(), "--passes", "2")
        self.assertEqual(self.chosen(), [])
        self.assertIn("no chunk was in doubt", (self.dir / "a.vdet" / "report.html").read_text())

    def test_both_passes_say_the_same(self):
        said = scene()
        del said["again"]
        (self.dir / "scene.json").write_text(json.dumps(said))
        self.analyze(self.fake(), "--passes", "2")
        self.assertIn("Both passes reported the same", (self.dir / "a.vdet" / "report.html").read_text())

    def test_a_failure_keeps_the_first_answer(self):
        """The chunk is no hole, the job is complete, the reason is told, and the next run tries again."""
        engine = self.fake()
        self.analyze(engine)
        before = self.report("a")
        engine.control(faults=["prose@1+"], reset=True)
        r = self.analyze(engine, "--passes", "2")
        self.assertIn("cannot be described again", r.stderr)
        [chunk] = self.chosen()
        self.assertIn("could not be used", chunk["second_pass"]["reason"])
        self.assertIsNone(chunk["second_pass"]["earlier"])
        self.assertEqual((chunk["state"], chunk["summary"]), ("done", f"Part {GHOST}."))
        self.assertEqual(self.report("a")["events"], before["events"])
        self.assertTrue(self.report("a")["complete"])
        self.assertIn("which failed", (self.dir / "a.vdet" / "report.html").read_text())

        engine.control(faults=[])
        self.analyze(engine, "--passes", "2")
        [chunk] = self.chosen()
        self.assertIsNone(chunk["second_pass"]["reason"])
        self.assertEqual(chunk["summary"], "A car and a cat.")

    def test_a_file_that_changes(self):
        """What was known before is of the file as it was, and stays."""
        engine = self.fake()
        self.analyze(engine)
        before = flow.same_result(self.report("a"))
        engine.control(faults=["hold@1+"], reset=True)
        p = self.start("analyze", "a.mp4", "--engine", engine.url, "--chunk-duration", "4", "--chunk-frames", "2", "--passes", "2")
        engine.control(**{"await": 1})
        whole = (self.dir / "a.mp4").read_bytes()
        with open(self.dir / "a.mp4", "ab") as f:
            f.write(b"more")
        engine.control(release=True)
        err = p.communicate(timeout=flow.TIMEOUT)[1]
        self.assertEqual(p.returncode, 1, err)
        self.assertIn("what was known before", err)
        (self.dir / "a.mp4").write_bytes(whole)
        engine.control(faults=[])
        asked = len(engine.lines("begin"))
        self.analyze(engine)
        self.assertEqual(len(engine.lines("begin")), asked)
        self.assertEqual(flow.same_result(self.report("a")) | {"chunks": 0}, before | {"chunks": 0})
        [chunk] = self.chosen()
        self.assertIn("changed", chunk["second_pass"]["reason"])

    def test_a_journal_that_others_changed(self):
        engine = self.fake()
        engine.control(faults=["prose@9+"], reset=True)
        self.analyze(engine, "--passes", "2")
        for times in ("[]", "x", "[40000000]", "[13000000,12000000]", "[-1]"):
            with sqlite3.connect(self.store) as db:
                db.execute("UPDATE second_pass SET times = ?", [times])
            db.close()
            self.assertIn("--fresh", self.analyze(engine, "--passes", "2", code=1).stderr)

    def test_a_quarter_of_the_chunks_at_most(self):
        said = scene()
        for what in said["stretches"].values():
            what["events"].append({"subject": "a ghost", "what": "A ghost appears.", "frames": [1]})
        (self.dir / "scene.json").write_text(json.dumps(said))
        engine = self.fake()
        self.analyze(engine, "--passes", "2")
        self.assertEqual(len(self.second(engine)), CHUNKS / 4)
        self.assertEqual(len(self.chosen()), CHUNKS / 4)
        self.analyze(engine, "--passes", "2")
        self.assertEqual(len(self.second(engine)), CHUNKS / 4)

    def test_no_context_without_neighbours(self):
        """A video of one chunk has none; it is described again all the same."""
        said = scene()
        said["stretches"] = {clock(0): said["stretches"][clock(4 * GHOST)]}
        (self.dir / "scene.json").write_text(json.dumps(said))
        engine = self.fake()
        self.analyze(engine, "--passes", "2", "--to", "4")
        self.assertEqual(len(engine.stretches()), 2)
        self.assertEqual(self.second(engine), [])
        [chunk] = self.chosen()
        self.assertEqual(chunk["second_pass"]["context"], "")

    def test_kill_at_every_step(self):
        """Nothing of the first pass is lost, and no chunk is described a third time."""
        library = os.environ.get("KILL_AT_LIBRARY")
        if not library or not os.path.exists(library):
            self.skipTest("the library that kills is not built")
        engine = self.fake()
        self.analyze(engine)
        self.analyze(engine, "--passes", "2")
        wanted = flow.same_result(self.report("a"))
        step = 1 if os.environ.get("VDET_TEST_FULL") else 7
        for n in range(1, 1000, step):
            for p in self.store.parent.glob("vdet.db*"):
                p.unlink()
            begun = len(engine.lines("begin"))
            self.analyze(engine)
            asked = len(self.second(engine))
            r = self.vdet("analyze", "a.mp4", "--engine", engine.url, "--chunk-duration", "4", "--chunk-frames", "2",
                          "--passes", "2", code=None, env={"LD_PRELOAD": library, "KILL_AT": str(n)})
            with sqlite3.connect(self.store) as db:
                self.assertEqual(db.execute("SELECT count(*) FROM chunk WHERE state = 1").fetchone()[0], CHUNKS)
                kept = db.execute("SELECT count(*) FROM second_pass WHERE earlier != ''").fetchone()[0]
            db.close()
            between = len(self.second(engine))
            self.analyze(engine, "--passes", "2")
            lists = ["".join(q["texts"]) for q in engine.lines("begin")[begun:] if "summary of this list" in "".join(q["texts"])]
            self.assertIn("A cat sits down.", lists[-1])  # the summary is of what is known in the end
            self.assertEqual(flow.same_result(self.report("a")), wanted)
            self.assertEqual(len(self.second(engine)) - between, 1 - kept)
            if r.returncode == 0:
                self.assertEqual(between - asked, 1)
                return
        self.fail("the run never ended by itself")


if __name__ == "__main__":
    flow.main()
