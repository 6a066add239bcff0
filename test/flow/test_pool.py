#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Several endpoints at once: our llama-servers, stand-ins with scripted faults. No chunk is lost, none is done twice."""
import json
import os
import signal
import sqlite3
from collections import Counter
from pathlib import Path

import flow

CHUNKS = 6


def children_of(pid):
    """The llama-servers of process `pid` that listen: their models are being loaded, or are."""
    listening = Path("/proc/net/unix").read_text()
    return [child for child, command in flow.children(pid).items()
            if "--host" in command and command[command.index("--host") + 1] in listening]


class Pool(flow.Flow):
    def setUp(self):
        super().setUp()
        flow.make_video(self.dir / "a.mp4", CHUNKS)

    def flags(self, endpoints, options=()):
        return ["analyze", "a.mp4", *(f for e in endpoints for f in ("--endpoint", e)), "--chunk-duration", "1",
                "--chunk-frames", "2", "--frame-size", "96", "--format", "json", *options]

    def begin(self, *endpoints, options=()):
        return self.start(*self.flags(endpoints, options))

    def end(self, p, code=0):
        _, errors = p.communicate(timeout=flow.TIMEOUT)
        self.assertEqual(p.returncode, code, errors)
        return self.report("a")

    def analyze(self, *endpoints, options=(), code=0, **kw):
        r = self.vdet(*self.flags(endpoints, options), code=code, **kw)
        return r, self.report("a") if code in (0, 3) else None

    def check(self, report, holes=0):
        """Every stretch once, in order, and each recorded by exactly one row of the journal."""
        self.assertEqual([c["start"] for c in report["chunks"]], list(range(CHUNKS)))
        self.assertEqual(sum(c["state"] == "hole" for c in report["chunks"]), holes)
        rows = sqlite3.connect(self.store).execute("SELECT idx, state FROM chunk ORDER BY idx").fetchall()
        self.assertEqual([i for i, _ in rows], list(range(CHUNKS)))

    def asked(self, *engines):
        """How often each stretch was answered."""
        return Counter(s for e in engines for s in e.stretches("end"))

    def test_work_is_shared(self):
        """While one is at work the other is asked, however slowly the chunks come."""
        a, b = self.engine("--fault", "hold"), self.engine("--fault", "hold")
        p = self.begin(f"a={a.url},concurrency=2", f"b={b.url},concurrency=2")
        for engine in a, b:
            engine.control(**{"await": 1})
        for engine in a, b:
            engine.control(release=True)
        report = self.end(p)
        self.check(report)
        done = report["run"]["endpoints"]
        self.assertEqual(sum(e["chunks"] for e in done), CHUNKS)
        self.assertEqual({e["name"] for e in done}, {"a", "b"})

    def test_one_fails_always(self):
        for fault in ("dead", "401", "half", "context"):
            with self.subTest(fault=fault):
                bad, good = self.engine("--fault", fault), self.engine()
                r, report = self.analyze(f"bad={bad.url}", f"good={good.url}", options=["--fresh"])
                self.check(report)
                self.assertNotIn("hole", r.stderr)
                good_one, bad_one = report["run"]["endpoints"]
                self.assertEqual((good_one["name"], good_one["chunks"], good_one["failures"]), ("good", CHUNKS, 0))
                self.assertEqual((bad_one["name"], bad_one["chunks"]), ("bad", 0))
                self.assertGreater(bad_one["failures"], 0)
                self.assertEqual(bad_one["failures"], bad_one["requests"])

    def test_advice_names_the_one_that_fails(self):
        moody = self.engine("--fault", "500@/3")
        _, report = self.analyze(f"moody={moody.url}")
        self.assertEqual(report["run"]["endpoints"][0]["failures"], moody.control()["requests"] // 3)
        advice = {a["rule"]: a for a in json.loads(self.vdet("advise", "--json").stdout)["recommendations"]}
        self.assertIn("The endpoint moody failed", advice["failing-endpoint"]["text"])

    def test_one_is_not_there(self):
        good = self.engine()
        r, report = self.analyze("gone=http://127.0.0.1:9", f"good={good.url}")
        self.check(report)
        self.assertIn("gone", r.stderr)

    def test_slow_ones_are_left(self):
        """A byte a second: the time limit ends it, and the other one answers."""
        slow, good = self.engine("--fault", "slow=1"), self.engine()
        _, report = self.analyze(f"slow={slow.url},concurrency=1", f"good={good.url}", options=["--vision-timeout", "2"])
        self.check(report)

    def test_all_fail(self):
        a, b = self.engine("--fault", "400"), self.engine("--fault", "401")
        r, _ = self.analyze(f"a={a.url}", f"b={b.url}", code=1)
        self.assertRegex(r.stderr, "40[01]")

    def test_model_changes_in_the_middle(self):
        turncoat, good = self.engine("--fault", "liar@3+"), self.engine()
        _, report = self.analyze(f"turncoat={turncoat.url}", f"good={good.url}")
        self.check(report)
        alone = self.engine("--fault", "liar@3+")
        r, report = self.analyze(f"alone={alone.url}", options=["--fresh", "--retries", "0", "--workers", "1"], code=3)
        self.assertIn("changed during the run", r.stderr)

    def test_keys(self):
        engine = self.engine("--key", "sesame-street")
        (self.dir / "key").write_text("sesame-street\n")
        (self.dir / "key").chmod(0o600)
        _, report = self.analyze(f"a={engine.url},key-file={self.dir}/key")
        self.check(report)
        _, report = self.analyze(f"a={engine.url},key-env=A_KEY", options=["--fresh"], env={"A_KEY": "sesame-street"})
        self.check(report)
        r, _ = self.analyze(f"a={engine.url},key-env=A_KEY", options=["--fresh"], code=2)
        self.assertIn("A_KEY", r.stderr)
        r, _ = self.analyze(f"a={engine.url},key=sesame-street", code=2)
        self.assertNotIn("sesame", r.stderr)
        for p in self.dir.rglob("*"):
            if p.is_file() and p.name != "key":
                self.assertNotIn(b"sesame", p.read_bytes(), p)

    def test_a_key_revoked_in_the_middle(self):
        revoked, good = self.engine("--fault", "401@3+"), self.engine("--fault", "hold@1+")
        p = self.begin(f"revoked={revoked.url},concurrency=1", f"good={good.url},concurrency=1")
        # One has answered and is refused while the other is busy. That one has not answered yet: where it was the faster
        # one so far, the others would wait for it.
        revoked.control(**{"await": 3})
        good.control(release=True)
        report = self.end(p)
        self.check(report)
        done = {e["name"]: e for e in report["run"]["endpoints"]}
        self.assertEqual(done["revoked"]["chunks"], 2)
        self.assertEqual(done["good"]["chunks"], CHUNKS - 2)
        self.assertGreater(done["revoked"]["failures"], 0)
        # Alone: what was done stays, the rest is holes that say why.
        alone = self.engine("--fault", "401@3+")
        r, report = self.analyze(f"alone={alone.url},concurrency=1", options=["--fresh", "--workers", "1"], code=3)
        self.check(report, holes=CHUNKS - 2)
        for c in report["chunks"][2:]:
            self.assertIn("refused the request (HTTP 401)", c["reason"])  # no key was sent
        self.assertEqual(r.stderr.count("HTTP 401"), 2, r.stderr)  # when it began, and at the end, with how many
        self.assertIn(f"{CHUNKS - 2} of {CHUNKS} chunks are holes", r.stderr)

    def test_a_context_that_is_smaller_than_it_says(self):
        """The pictures are made smaller until the requests fit, and stay so."""
        # Two pictures of 448x252 are 288 tokens of the stand-in, of 313x176 some 140, of 219x123 some 68.
        liar = self.engine("--context", "32768", "--fault", "context=100")
        r, report = self.analyze(f"liar={liar.url}", options=["--frame-size", "448", "--workers", "1"])
        self.check(report)
        widths = {s["width"] for c in report["chunks"] for s in c["samples"]}
        self.assertEqual(len(widths), 1, widths)
        self.assertLess(max(widths), 313)
        self.assertEqual(len(liar.stretches()), CHUNKS + 2)  # only the first is refused
        self.assertIn("too large for the engine", r.stderr)

    def test_cloud_only_when_allowed(self):
        near, far = self.engine(), self.engine()
        self.analyze(f"near={near.url},concurrency=1", f"far={far.url},tier=cloud")
        self.assertEqual(far.stretches(), [])
        # The second of its requests is held: by then it is known how long it takes, and the queue is long.
        near = self.engine("--fault", "hold@2")
        p = self.begin(f"near={near.url},concurrency=1", f"far={far.url},tier=cloud",
                       options=["--fresh", "--cloud-after", "1ms"])
        far.control(**{"await": 1})
        near.control(release=True)
        self.check(self.end(p))

    def test_cap_of_the_day(self):
        """Counted over runs: what one has used, the next cannot."""
        good, dear = self.engine(), self.engine()
        for _ in range(3):  # the dear one is asked whenever it is free: once a run at least
            self.analyze(f"good={good.url},concurrency=1", f"dear={dear.url},cap=2req,concurrency=1,weight=1000",
                         options=["--fresh"])
        self.assertEqual(len(dear.stretches()), 2)
        rows = sqlite3.connect(self.store).execute("SELECT endpoint, requests FROM spending").fetchall()
        self.assertEqual(rows, [("dear", 2)])

    def test_configuration_file(self):
        engine = self.engine()
        (self.dir / "vdet.conf").write_text(f"[engine]\nendpoint = a={engine.url},concurrency=2\nendpoint = b={engine.url}\n")
        r = self.vdet("engine", "list", "--config", self.dir / "vdet.conf")
        self.assertRegex(r.stdout, r"(?m)^a .*\n(.*\n)*b ")

    def test_engine_test(self):
        engine = self.engine()
        r = self.vdet("engine", "test", engine.url)
        for name in ("answer", "pictures", "schema"):
            self.assertRegex(r.stdout, rf"(?m)^ok +{name} ")
        # The list of words is asked for twice: to be streamed, and to be canceled.
        lists = [r["n"] for r in engine.lines("begin") if "list of words" in "".join(r["texts"])]
        self.assertEqual(len(lists), 2)
        stalls = self.engine("--fault", f"stall@{lists[1]}")  # goes no further than its middle, so it is canceled there
        self.assertRegex(self.vdet("engine", "test", stalls.url).stdout, r"(?m)^ok +cancel ")
        whole = self.engine("--fault", f"whole@{lists[1]}")
        self.assertRegex(self.vdet("engine", "test", whole.url).stdout, r"(?m)^note +cancel ")
        self.assertIn("FAULT", self.vdet("engine", "test", self.engine("--fault", "400").url, code=1).stdout)
        few = self.engine("--fault", "half")
        self.assertRegex(self.vdet("engine", "test", "few", "--endpoint", f"few={few.url}", code=1).stdout, "FAULT +answer")
        self.vdet("engine", "test", "nobody", code=2)

    def test_engine_test_of_the_demo_model(self):
        self.needs_engine()
        found = json.loads(self.vdet("engine", "test", "auto", "--json").stdout)
        states = {c["check"]: c["state"] for c in found["checks"]}
        self.assertEqual({states[c] for c in ("answer", "pictures", "order", "schema", "stream", "cancel")}, {"ok"},
                         found)

    def test_two_children_and_one_that_fails(self):
        """Faults at every stage: a child is killed, another hangs, the stand-in plays its script. Nothing is lost."""
        self.needs_engine()
        bad = self.engine("--fault", "dead@1", "--fault", "half@3", "--fault", "503=0@5", "--fault", "rubbish@7",
                          "--fault", "html@8", "--latency", "1")
        p = self.start("analyze", "a.mp4", "--endpoint", "one=auto,device=none,slots=1", "--endpoint",
                       "two=auto,device=none,slots=1", "--endpoint", f"bad={bad.url},concurrency=1", "--chunk-duration",
                       "1", "--chunk-frames", "2", "--frame-size", "96", "--format", "json", "--progress", "json",
                       "--hang-timeout", "3", "--start-timeout", "60")
        while len(children := children_of(p.pid)) < 2:
            flow.read_event(p.stdout, "progress")
        os.kill(children[0], signal.SIGKILL)
        os.kill(children[1], signal.SIGSTOP)
        _, errors = p.communicate(timeout=flow.TIMEOUT)
        self.assertIn(p.returncode, (0, 3), errors)  # the demo model may give an answer that is none: a hole, with a reason
        report = self.report("a")
        self.check(report, sum(c["state"] == "hole" for c in report["chunks"]))
        for c in report["chunks"]:
            if c["state"] == "hole":
                self.assertIn("could not be used", c["reason"])
        self.assertLessEqual(max(Counter(bad.stretches("end")).values(), default=0), 9)
        for pid in children:
            self.assertFalse(os.path.exists(f"/proc/{pid}"), "a child outlived us")


if __name__ == "__main__":
    flow.main()
