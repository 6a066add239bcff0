#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Joining by the model: chunks that call one subject differently are one event where the model says so, and only if it is
right about pairs of which the answer is known. The engine of these tests knows what happens; see --scene in fake_engine.py."""
import json
import os
import sqlite3

import flow

CHUNKS = 6  # of two seconds and two frames
MAN = ["A man in red enters.", "The person with the red jacket walks.", "A pedestrian in red leaves."]


def clock(seconds):
    return f"00:00:{seconds:02}.000"


def scene(same):
    """Somebody who is called differently in three chunks, and a dog and a car beside, which the rules join."""
    said = [[("a man in red", MAN[0])], [("the person with the red jacket", MAN[1])], [("a pedestrian in red", MAN[2])],
            [], [("a boy", "A boy runs.")], [("a woman", "A woman sits.")]]
    stretches = {}
    for i, events in enumerate(said):
        events = [*events, ("a white dog", "A white dog turns."), ("a black car", "A black car turns.")]
        stretches[clock(2 * i)] = {"summary": "A street.", "events": [{"subject": who, "what": what} for who, what in events]}
    return {"stretches": stretches, "same": same}


class Join(flow.Flow):
    def setUp(self):
        super().setUp()
        flow.make_video(self.dir / "a.mp4", 2 * CHUNKS, size="64x36", rate=5)

    def fake(self, same, *options):
        (self.dir / "scene.json").write_text(json.dumps(scene(same)))
        return self.engine("--scene", str(self.dir / "scene.json"), *options)

    def analyze(self, engine, *options):
        r = self.vdet("analyze", "a.mp4", "--engine", engine.url, "--chunk-duration", "2", "--chunk-frames", "2", "--verify",
                      "none", *options)
        return self.report("a"), r

    def asked(self, engine):
        texts = ["".join(r["texts"]) for r in engine.lines("begin")]
        return [t for t in texts if " | [" in t]

    def events(self, report):
        return [[p["what"] for p in e["parts"]] for e in report["events"] if len(e["parts"]) < CHUNKS]

    APART = [[MAN[0]], [MAN[1]], [MAN[2]], ["A boy runs."], ["A woman sits."]]

    def test_what_the_model_calls_one_event_is_one(self):
        engine = self.fake([MAN])
        report, _ = self.analyze(engine)
        self.assertEqual(self.events(report), [MAN, ["A boy runs."], ["A woman sits."]])
        man = next(e for e in report["events"] if e["subject"] == "a man in red")
        self.assertEqual(man["what"], "A man in red enters; The person with the red jacket walks; A pedestrian in red leaves.")
        self.assertEqual([p["joined_by"] for p in man["parts"]], [None, "model", "model"])
        dog = next(e for e in report["events"] if e["subject"] == "a white dog")
        self.assertEqual([p["joined_by"] for p in dog["parts"]], [None] + ["rules"] * (CHUNKS - 1))
        for name in ("report.html", "report.md"):
            self.assertEqual((self.dir / "a.vdet" / name).read_text().count("joined by the model"), 2)
        # they are one subject, too
        red = [s["description"] for s in report["subjects"] if "red" in s["description"]]
        self.assertEqual(red, ["person with the red jacket"])  # the most precise

        # one request, with pairs of which it is known
        asked = self.asked(engine)
        self.assertEqual(len(asked), 1, asked)
        lines = [line for line in asked[0].splitlines() if " | [" in line]
        self.assertIn("1: [00:00:00 - 00:00:01] A man in red enters. | [00:00:02 - 00:00:03] The person with the red jacket "
                      "walks.", lines)
        self.assertTrue(any(line.count("white dog") == 2 for line in lines), lines)
        self.assertTrue(any("white dog" in line and "black car" in line for line in lines), lines)

        # the journal has the answer: the same command asks nothing, and says the same
        again, _ = self.analyze(engine)
        self.assertEqual(len(self.asked(engine)), 1)
        self.assertEqual(again["events"], report["events"])

    def test_a_model_that_joins_everything_or_nothing_is_not_believed(self):
        for same in ("all", []):
            engine = self.fake(same)
            report, _ = self.analyze(engine, "--fresh")
            self.assertEqual(self.events(report), self.APART, same)
            self.assertEqual(len(self.asked(engine)), 1)
            for e in report["events"]:
                self.assertEqual(len(e["parts"]), len({p["chunk"] for p in e["parts"]}))

    def test_answers_that_are_none_leave_it_to_the_rules(self):
        for fault in "prose", "schema", "empty", "500", "loop":
            engine = self.fake([MAN], "--fault", f"{fault}@{CHUNKS + 1}+")
            report, _ = self.analyze(engine, "--fresh")
            self.assertEqual(self.events(report), self.APART, fault)
            self.assertIs(report["complete"], True, fault)
            # the same command asks again
            engine.control(faults=[])
            report, _ = self.analyze(engine)
            self.assertEqual(self.events(report)[0], MAN, fault)

    def test_a_case_asks_again_for_what_failed(self):
        folder = self.dir / "in"
        folder.mkdir()
        (self.dir / "a.mp4").rename(folder / "a.mp4")
        os.utime(folder / "a.mp4", (1e9, 1e9))
        engine = self.fake([MAN], "--fault", f"500@{CHUNKS + 1}+")
        command = ["analyze", "in", "--engine", engine.url, "--chunk-duration", "2", "--chunk-frames", "2", "--verify", "none"]
        self.vdet(*command)
        self.assertEqual(self.events(self.report("a")), self.APART)
        engine.control(faults=[])
        self.vdet(*command)
        self.assertEqual(self.events(self.report("a"))[0], MAN)
        asked = len(self.asked(engine))
        self.vdet(*command)
        self.assertEqual(len(self.asked(engine)), asked)

    def test_a_crowd_is_asked_about_at_every_border(self):
        """More pairs than may be asked for: of each border between chunks the most alike."""
        stretches, chunks = {}, 30
        for i in range(chunks):
            names = [f"{who} {n}" for n, who in enumerate(("a man near tree", "a woman near tree", "a boy near tree"))]
            names.append(f"the man in a red coat and a hat number{i}")  # one person, who is called differently each time
            stretches[clock(2 * i)] = {"summary": "A park.", "events": [
                {"subject": f"{who} x{i}", "what": f"{who} x{i} walks.".capitalize()} for who in names]}
        (self.dir / "scene.json").write_text(json.dumps({"stretches": stretches, "same": []}))
        flow.make_video(self.dir / "a.mp4", 2 * chunks, size="64x36", rate=5)
        engine = self.engine("--scene", str(self.dir / "scene.json"))
        self.analyze(engine)
        asked = "".join(self.asked(engine))
        self.assertEqual(len(self.asked(engine)), chunks // 10)
        for i in range(chunks - 1):
            self.assertRegex(asked, rf"a hat number{i} x{i} walks\. \| .*a hat number{i + 1} ")

    def test_what_is_described_again_is_asked_again(self):
        engine = self.fake([MAN])
        self.analyze(engine)
        # as if its answer had been another one: what was joined does not apply to it
        db = sqlite3.connect(next(self.dir.rglob("vdet.db")))
        db.execute("UPDATE event SET what = 'A man in red falls.' WHERE what = ?", (MAN[0],))
        db.commit()
        db.close()
        report, _ = self.analyze(engine)
        self.assertEqual(self.events(report)[:2], [["A man in red falls."], MAN[1:]])
        self.assertEqual(len(self.asked(engine)), 2)


if __name__ == "__main__":
    flow.main()
