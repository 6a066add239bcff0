#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A journal that version 0.1.0 wrote: every later version opens it, resumes its jobs and writes their reports again.

data/journal-0.1.0/make.py says what is in it. A finished chunk must never be sent to the engine again."""
import json
import lzma
import sqlite3
import sys

import flow

DATA = flow.HERE / "data" / "journal-0.1.0"
sys.path.insert(0, str(DATA))
from make import JOBS  # noqa: E402


def content(report):
    """What was found, without what a later version may add to a report."""
    chunks = [{k: c[k] for k in ("start", "end", "state", "summary")} for c in report["chunks"]]
    samples = [[(s["time"], s["pts"]) for s in c["samples"]] for c in report["chunks"]]
    parts = [p for e in report["events"] + report.get("states", []) for p in e.get("parts", [e])]  # version 1 has no parts
    events = sorted((p["start"], p["what"], [f["pts"] for f in p["frames"]]) for p in parts)
    return {"chunks": chunks, "samples": samples, "events": events, "summary": report["summary"]["text"]}


class Journal(flow.Flow):
    def setUp(self):
        super().setUp()
        del self.env["VDET_SAMPLE_POLICY"]
        self.store.parent.mkdir(parents=True)
        self.store.write_bytes(lzma.decompress((DATA / "vdet.db.xz").read_bytes()))
        self.old = json.loads((DATA / "reports.json").read_text())

    def query(self, sql, *values):
        db = sqlite3.connect(self.store)
        rows = db.execute(sql, values).fetchall()
        db.close()
        return rows

    def analyze(self, name, engine, *more, code=0):
        video, options, _ = JOBS[name]
        options = [DATA / x if x == "plan.json" else x for x in options]
        return self.vdet("analyze", DATA / video, "--engine", engine.url, "--output", name, *options, *more, code=code)

    def job(self, name):
        return json.loads((self.dir / name / "report.json").read_text())

    def test_reports_of_finished_jobs(self):
        wanted = {r["run"]["job"]: r for r in self.old.values() if r}
        self.assertEqual(len(wanted), 5)
        for job, old in wanted.items():
            holes = any(c["state"] == "hole" for c in old["chunks"])
            self.vdet("report", job, "--output", job, code=3 if holes else 0)
            self.assertEqual(content(self.job(job)), content(old))

    def test_a_job_whose_facts_were_changed_by_hand(self):
        job = self.old["finished"]["run"]["job"]
        for facts in ("", "{", "[]", "null"):
            db = sqlite3.connect(self.store)
            db.execute("UPDATE job SET facts = ? WHERE id = ?", (facts, job))
            db.commit()
            db.close()
            self.assertIn(f"the journal of job {job} is damaged", self.vdet("report", job, code=1).stderr, facts)

    def test_finished_jobs_ask_nothing(self):
        engine = self.engine("--kind", "plain")
        for name in ("finished", "range", "beyond", "plan"):
            with self.subTest(name):
                self.analyze(name, engine)
                self.assertEqual(content(self.job(name)), content(self.old[name]))
                self.assertEqual(self.job(name)["run"]["job"], self.old[name]["run"]["job"])
                self.assertEqual(engine.lines("begin"), [])

    def test_unfinished_jobs_go_on(self):
        engine = self.engine("--kind", "plain")
        jobs = self.query("SELECT count(*) FROM job")
        for name in ("holes", "half", "begun"):
            with self.subTest(name):
                video = JOBS[name][0]
                state = {"holes": 2, "half": 0, "begun": 0}[name]
                done = {tuple(r) for r in self.query(
                    "SELECT start_us, end_us FROM job JOIN chunk ON job = id "
                    "WHERE source_name = ? AND job.state = ? AND chunk.state = 1", video, state)}
                self.assertTrue(done)
                before = len(engine.stretches())
                self.analyze(name, engine)
                report = self.job(name)
                self.assertEqual({c["state"] for c in report["chunks"]}, {"done"})
                self.assertEqual(len(engine.stretches()) - before, len(report["chunks"]) - len(done))
                self.assertLessEqual(done, {(round(c["start"] * 1e6), round(c["end"] * 1e6)) for c in report["chunks"]})
        self.assertEqual(self.query("SELECT count(*) FROM job"), jobs)
        self.assertEqual(self.query("SELECT count(*) FROM job WHERE state <> 1"), [(0,)])


if __name__ == "__main__":
    flow.main()
