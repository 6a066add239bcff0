#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""SIGKILL at every step of a job that writes to the disk: the next run goes on, and says the same in the end.

The preloaded library of kill_at.c ends the program before its N-th writing system call; N runs from the first to
beyond the last: each with VDET_TEST_FULL=1, else every fifth."""
import json
import os
import sqlite3

import flow


class Kill(flow.Flow):
    def done_chunks(self):
        if not self.store.exists():
            return set()
        db = sqlite3.connect(self.store)
        try:
            rows = db.execute("SELECT start_us, end_us FROM chunk WHERE state = 1").fetchall()
        except sqlite3.OperationalError:  # killed before the tables were there
            rows = []
        db.close()
        return set(rows)

    def answered(self):
        """How many checks and controls are in the journal."""
        if not self.store.exists():
            return 0
        db = sqlite3.connect(self.store)
        try:
            n = db.execute("SELECT (SELECT count(*) FROM verdict) + (SELECT count(*) FROM control)").fetchone()[0]
        except sqlite3.OperationalError:
            n = 0
        db.close()
        return n

    @staticmethod
    def checks(engine, first):
        """The statements of the checks from request `first` on."""
        texts = ["".join(r["texts"]) for r in engine.lines("begin")[first:]]
        return [t.rsplit("Statement: ", 1)[1] for t in texts if "Statement: " in t]

    @staticmethod
    def micros(stretch):
        def one(text):
            h, m, s = text.split(":")
            return round((int(h) * 3600 + int(m) * 60 + float(s)) * 1e6)
        a, b = stretch.split(" to ")
        return one(a), one(b)

    def test_kill_at_every_step(self):
        library = os.environ.get("KILL_AT_LIBRARY")
        if not library or not os.path.exists(library):
            self.skipTest("the library that kills is not built")
        flow.make_video(self.dir / "a.mp4", 6)
        (self.dir / "scene.json").write_text(json.dumps({"false": ["A red car burns."], "stretches": {
            f"00:00:0{2 * i}.000": {"summary": "A car.", "events": [{"subject": "a red car", "what": what}]}
            for i, what in enumerate(("A red car enters.", "A red car burns.", "A red car turns."))}}))
        command = ["analyze", "a.mp4", "--chunk-duration", "2", "--chunk-frames", "2", "--workers", "1", "--progress", "json",
                   "--verify", "all"]
        engine = self.engine("--scene", str(self.dir / "scene.json"))
        self.vdet(*command, "--engine", engine.url)
        want = flow.same_result(self.report("a"))
        self.assertEqual(want["checks"]["mode"], "all")
        self.assertEqual(want["checks"]["counts"]["unchecked"], 3)  # too few controls
        checks = self.checks(engine, 0)
        self.assertGreater(len(checks), 3)  # and some controls
        steps = 0
        for n in range(1, 2000, 1 if os.environ.get("VDET_TEST_FULL") else 5):
            for p in self.store.parent.glob("vdet.db*"):
                p.unlink()
            r = self.vdet(*command, "--engine", engine.url, code=None,
                          env={"LD_PRELOAD": library, "KILL_AT": str(n)})
            if r.returncode == 0:
                break
            self.assertEqual(r.returncode, -9, r.stderr)
            steps += 1
            done, before, asked = self.done_chunks(), len(engine.stretches()), len(engine.lines("begin"))
            answered = self.answered()
            self.vdet(*command, "--engine", engine.url)
            again = {self.micros(s) for s in engine.stretches()[before:]}
            self.assertFalse(done & again, f"step {n}: a finished chunk was sent again")
            self.assertEqual(len(done) + len(again), 3, f"step {n}")
            self.assertEqual(flow.same_result(self.report("a")), want, f"step {n}")
            again = self.checks(engine, asked)
            self.assertEqual(len(again) + answered, len(checks), f"step {n}: a check was made twice, or not at all")
        self.assertGreater(steps, 20, "the killing library saw no journal")
        print(f"killed at {steps} steps")


if __name__ == "__main__":
    flow.main()
