#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks of statements: what a second look at the frames contradicts is withdrawn, if the model that looks is right where
the answer is known. The engine of these tests knows what happens; see --scene in fake_engine.py."""
import json
import sqlite3

import flow

CHUNKS = 30  # of two seconds and two frames
WHO = ("red car", "blue bus", "white dog")
GHOST, FIRE = "A ghost appears.", "A blue bus burns."


def clock(seconds):
    return f"00:00:{seconds:02}.000"


def scene():
    """Three subjects one after the other, each over ten chunks; a ghost in one frame, and a fire, which are not there."""
    stretches = {}
    for i in range(CHUNKS):
        who, k = WHO[i // 10], i % 10
        verb = {0: "enters", 9: "leaves"}.get(k, "turns")
        stretches[clock(2 * i)] = {"summary": f"A {who} is there.",
                                   "events": [{"subject": f"a {who}", "what": f"A {who} {verb}."}]}
    stretches[clock(10)]["events"].append({"subject": "a ghost", "what": GHOST, "frames": [1]})
    stretches[clock(30)]["events"] = [{"subject": "a blue bus", "what": FIRE}]
    return {"stretches": stretches, "false": [GHOST, FIRE]}


class Check(flow.Flow):
    def setUp(self):
        super().setUp()
        (self.dir / "scene.json").write_text(json.dumps(scene()))
        flow.make_video(self.dir / "a.mp4", 2 * CHUNKS, size="64x36", rate=5)

    def fake(self, checks="truthful", *options):
        return self.engine("--scene", str(self.dir / "scene.json"), "--checks", checks, *options)

    def analyze(self, engine, verify, *options, name="a", code=0):
        r = self.vdet("analyze", f"{name}.mp4", "--engine", engine.url, "--chunk-duration", "2", "--chunk-frames", "2",
                      "--verify", verify, *options, code=code)
        return self.report(name) if r.returncode == 0 else r

    def checks(self, engine):
        """The statements that were checked, in order."""
        texts = ["".join(r["texts"]) for r in engine.lines("begin")]
        return [t.rsplit("Statement: ", 1)[1].rstrip("\n") for t in texts if "Statement: " in t]

    def statements(self, report):
        parts = [p for e in report["events"] + report["states"] + report["withdrawn"] for p in e["parts"]]
        return sorted(p["what"] for p in parts)

    def test_what_a_second_look_contradicts_is_withdrawn(self):
        engine = self.fake()
        report = self.analyze(engine, "all")
        checks = report["checks"]
        self.assertEqual([w["what"] for w in report["withdrawn"]], [GHOST, FIRE])
        self.assertEqual(checks["mode"], "all")
        self.assertIs(checks["model_can_check"], True)
        self.assertEqual(checks["counts"], {"shown": CHUNKS - 1, "unsure": 0, "withdrawn": 2, "unchecked": 0})
        for share in (checks["controls"]["false_yes"], checks["controls"]["false_no"]):
            self.assertEqual(share["wrong"], 0)
            self.assertGreaterEqual(share["controls"], 20)
            self.assertLess(share["high"], 0.2)
        self.assertEqual(len(self.checks(engine)), CHUNKS + 1 + sum(
            checks["controls"][kind]["controls"] for kind in ("false_yes", "false_no")))
        # both statements, and what was looked at
        check = report["withdrawn"][0]["parts"][0]["check"]
        self.assertEqual(check["answer"], "B")
        self.assertIn("otherwise", check["says"])
        self.assertAlmostEqual(check["probabilities"][1], 0.9, 5)
        self.assertEqual(len(check["frames"]), 3)
        self.assertIn(report["withdrawn"][0]["frames"][0]["pts"], check["frames"])
        # an event of which a part is withdrawn is made from the rest
        bus = next(e for e in report["events"] if e["subject"] == "a blue bus")
        self.assertEqual(bus["what"], "A blue bus enters; turns; leaves.")
        self.assertEqual(len(bus["parts"]), 9)
        self.assertEqual(bus["verdict"], "shown")
        self.assertNotIn(GHOST, [e["what"] for e in report["events"]])

        folder = self.dir / "a.vdet"
        self.assertNotIn("ghost", (folder / "report.vtt").read_text().replace("NOTE", ""))
        csv = (folder / "report.csv").read_text()
        self.assertIn("withdrawn", next(line for line in csv.splitlines() if GHOST in line))
        self.assertTrue(csv.splitlines()[0].endswith(",verdict,subject_number"))
        markdown, page = (folder / "report.md").read_text(), (folder / "report.html").read_text()
        self.assertIn(GHOST.replace(".", r"\."), markdown.replace(GHOST, GHOST.replace(".", r"\.")).split("## Withdrawn")[1])
        self.assertIn(GHOST, page.split('id="withdrawn"')[1])
        # what was withdrawn does not come back in the summary
        asked = ["".join(r["texts"]) for r in engine.lines("begin") if not r["images"]]
        self.assertTrue(asked)
        self.assertFalse([t for t in asked if "ghost" in t or "burns" in t])

    def test_pictures_come_first_so_that_the_engine_has_them_in_its_cache(self):
        engine = self.fake()
        self.analyze(engine, "all")
        for r in engine.lines("begin"):
            if "Statement: " not in "".join(r["texts"]):
                continue
            n = len(r["images"])
            self.assertEqual(r["kinds"], ["text", "image_url"] * n + ["text"] * 3)
            self.assertTrue(r["texts"][-1].startswith("Statement: "))
            self.assertLessEqual(n, 8)
            self.assertEqual(r["max_tokens"], 1)
            self.assertEqual(r["parameters"]["top_logprobs"], 20)
            self.assertEqual(len(set(r["images"])), n)

    def test_controls_come_first_and_take_a_fifth_of_the_requests(self):
        engine = self.fake()
        report = self.analyze(engine, "doubtful")
        self.assertEqual(len(self.checks(engine)), CHUNKS / 5)
        self.assertEqual(report["withdrawn"], [])
        self.assertIsNone(report["checks"]["model_can_check"])
        self.assertEqual(report["checks"]["counts"]["unchecked"], 1)
        ghost = next(e for e in report["events"] if e["what"] == GHOST)
        self.assertEqual(ghost["verdict"], "unchecked")
        self.assertIn("a fifth of the requests", ghost["parts"][0]["check"]["reason"])
        # the same command has nothing more to do, and says the same
        self.assertEqual(flow.same_result(self.analyze(engine, "doubtful")), flow.same_result(report))
        self.assertEqual(len(self.checks(engine)), CHUNKS / 5)

        # once the model is known, the share is for what is doubtful
        flow.make_video(self.dir / "b.mp4", 2 * CHUNKS, size="64x36", rate=5, source="testsrc")
        flow.make_video(self.dir / "c.mp4", 2 * CHUNKS, size="64x36", rate=5, source="smptebars")
        self.analyze(engine, "all", name="b")
        before = len(self.checks(engine))
        report = self.analyze(engine, "doubtful", name="c")
        self.assertEqual([w["what"] for w in report["withdrawn"]], [GHOST])
        self.assertEqual(report["checks"]["mode"], "doubtful")
        self.assertLessEqual(len(self.checks(engine)) - before, 2)

    def test_a_finished_job_is_only_checked(self):
        engine = self.fake()
        before = self.analyze(engine, "none")
        self.assertEqual(self.checks(engine), [])
        self.assertEqual(before["checks"]["mode"], "none")
        described = len(engine.stretches())
        after = self.analyze(engine, "all")
        self.assertEqual(len(engine.stretches()), described)
        self.assertEqual([w["what"] for w in after["withdrawn"]], [GHOST, FIRE])
        self.assertEqual(self.statements(after), self.statements(before))
        self.assertEqual(flow.same_result(self.analyze(engine, "doubtful")), flow.same_result(after))

    def test_a_model_that_always_says_yes_cannot_check(self):
        engine = self.fake("A")
        report = self.analyze(engine, "all")
        self.assertIs(report["checks"]["model_can_check"], False)
        self.assertEqual(report["checks"]["controls"]["false_yes"]["wrong"], report["checks"]["controls"]["false_yes"]["controls"])
        self.assertEqual(report["withdrawn"], [])
        checks = [p["check"] for e in report["events"] for p in e["parts"]]
        self.assertEqual({(c["verdict"], c["reason"]) for c in checks}, {("unchecked", "this model cannot check")})
        self.assertNotIn(GHOST, self.checks(engine))  # it is not asked in vain
        self.assertIn("this model cannot check", (self.dir / "a.vdet" / "report.md").read_text())

    def test_a_model_that_always_says_no_withdraws_nothing(self):
        report = self.analyze(self.fake("B"), "all")
        self.assertIs(report["checks"]["model_can_check"], False)
        self.assertEqual(report["withdrawn"], [])

    def test_answers_without_a_letter_leave_it_open(self):
        for mode in ("prose", "loop"):
            with self.subTest(mode):
                engine = self.fake(mode)
                report = self.analyze(engine, "all", "--fresh")
                self.assertEqual(report["withdrawn"], [])
                self.assertIs(report["checks"]["model_can_check"], False)
                self.assertEqual(report["checks"]["counts"]["unchecked"], CHUNKS + 1)
                self.assertGreaterEqual(report["checks"]["controls"]["silent"], 40)
                self.assertIn("without a letter", (self.dir / "a.vdet" / "report.md").read_text())
                self.assertEqual(set(self.checks(engine)) - self.controls(), set())  # statements are not asked
                # asked once more, with room for more words
                lengths = [r["max_tokens"] for r in engine.lines("begin") if "Statement: " in "".join(r["texts"])]
                self.assertEqual(lengths.count(1), lengths.count(512))
                self.assertEqual(set(lengths), {1, 512})
                self.drop_controls()

    def test_letters_are_read_however_they_come(self):
        for mode in ("wordy", "reasoned", "plain", "refused"):
            with self.subTest(mode):
                engine = self.fake(mode)
                report = self.analyze(engine, "all", "--fresh")
                self.assertEqual([w["what"] for w in report["withdrawn"]], [GHOST, FIRE])
                self.assertIsNone(report["withdrawn"][0]["parts"][0]["check"]["probabilities"])
                # what the first answer or refusal taught is not tried again
                self.assertLess(engine.control()["requests"], CHUNKS + len(set(self.checks(engine))) + 60)
                self.drop_controls()

    def controls(self):
        db = sqlite3.connect(self.store)
        rows = db.execute("SELECT what FROM control").fetchall()
        db.close()
        return {row[0] for row in rows}

    def drop_controls(self):
        db = sqlite3.connect(self.store)
        db.execute("DELETE FROM control")
        db.commit()
        db.close()

    def test_a_weak_no_withdraws_nothing(self):
        report = self.analyze(self.fake("weak"), "all")
        self.assertIs(report["checks"]["model_can_check"], True)
        self.assertEqual(report["withdrawn"], [])
        self.assertEqual(report["checks"]["counts"]["unsure"], CHUNKS + 1)

    def test_an_engine_that_fails_leaves_it_unchecked_and_is_asked_again(self):
        engine = self.fake("error")
        report = self.analyze(engine, "all", "--retries", "0")
        self.assertLessEqual(len(self.checks(engine)), 10)
        self.assertEqual(report["checks"]["counts"]["unchecked"], CHUNKS + 1)
        self.assertIn("out of order", report["events"][0]["parts"][0]["check"]["reason"])
        self.assertTrue(report["complete"])
        described = len(engine.stretches())
        engine.control(checks="truthful")
        report = self.analyze(engine, "all")
        self.assertEqual(len(engine.stretches()), described)
        self.assertEqual([w["what"] for w in report["withdrawn"]], [GHOST, FIRE])

    def test_what_is_described_again_is_checked_again(self):
        engine = self.fake("truthful", "--fault", "400@6")
        report = self.analyze(engine, "all", code=3)
        self.assertEqual(report.returncode, 3)
        holes = [h["chunk"] for h in self.report("a")["holes"]]
        self.assertEqual(len(holes), 1)
        before = len(self.checks(engine))
        engine.control(faults=[])
        report = self.analyze(engine, "all")
        self.assertTrue(report["complete"])
        self.assertEqual([w["what"] for w in report["withdrawn"]], [GHOST, FIRE])
        self.assertEqual(report["checks"]["counts"]["unchecked"], 0)
        self.assertLess(len(self.checks(engine)) - before, 6)  # its statements, and what that adds

    def test_a_trial_of_an_engine_says_how_it_answers(self):
        for mode, found in (("truthful", "one letter, with its probability"), ("plain", "one letter, without a probability"),
                            ("reasoned", "one letter, after reasoning, without"), ("prose", "--verify can check nothing"),
                            ("refused", "one letter, without a probability")):
            with self.subTest(mode):
                out = self.vdet("engine", "test", self.fake(mode).url, code=None).stdout
                self.assertIn(found, next(line for line in out.splitlines() if "letters" in line))

    def test_an_estimate_names_the_checks(self):
        r = self.vdet("plan", "a.mp4", "--chunk-duration", "2", "--chunk-frames", "2", "--verify", "doubtful")
        self.assertEqual(json.loads(r.stdout)["estimate"]["checks"], CHUNKS / 5)
        self.assertIn("checks:  at most 6 requests (--verify doubtful)", r.stderr)
        estimate = json.loads(r.stdout)["estimate"]
        engine = self.fake()
        report = self.analyze(engine, "doubtful")
        self.assertEqual(len(self.checks(engine)), estimate["steps"]["checks"]["requests"])
        self.assertEqual(len(engine.stretches()), estimate["steps"]["describing"]["requests"])
        self.assertLessEqual(sum(e["requests"] for e in report["run"]["endpoints"]), estimate["requests"])
        r = self.vdet("plan", "a.mp4", "--chunk-duration", "2", "--chunk-frames", "2", "--verify", "none")
        self.assertEqual(json.loads(r.stdout)["estimate"]["checks"], 0)

    def test_a_job_without_statements_has_nothing_to_check(self):
        (self.dir / "scene.json").write_text(json.dumps({"stretches": {}}))
        engine = self.fake()
        report = self.analyze(engine, "all")
        self.assertEqual(self.checks(engine), [])
        self.assertEqual(report["checks"]["counts"], {"shown": 0, "unsure": 0, "withdrawn": 0, "unchecked": 0})


if __name__ == "__main__":
    flow.main()
