#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""vdet ask: questions about videos that were analyzed. The engine of most tests knows what happens; see "ask" of --scene in
fake_engine.py. Those of Real ask the demo model."""
import json
import os
import re
import signal
import sqlite3
import subprocess

import flow

CHUNKS = 6  # of four seconds and two frames
QUESTION = "When does the dog come?"
ROUTE = {"kind": "when", "statement": "A dog is there.", "queries": [{"text": "dog", "sense": "seen"}], "question": QUESTION,
         "negated": False}
SAYS = "A white dog comes in."


def clock(seconds):
    return f"00:00:{seconds:02}.000"


def scene(**ask):
    """A dog in the third chunk, which the analysis mentions, and one in the fifth, which it does not."""
    stretches = {clock(4 * i): {"summary": f"Part {i}.", "events": [{"subject": "a tree", "what": "A tree stays."}]}
                 for i in range(CHUNKS)}
    stretches[clock(8)]["events"] = [{"subject": "a dog", "what": "A dog comes."}]
    return {"stretches": stretches, "ask": {"route": ROUTE, "shows": [[8, 11.9]], "says": SAYS} | ask}


class AskFlow(flow.Flow):
    def setUp(self):
        super().setUp()
        flow.make_video(self.dir / "a.mp4", 4 * CHUNKS, size="64x36", rate=5)

    def fake(self, *options, **ask):
        (self.dir / "scene.json").write_text(json.dumps(scene(**ask)))
        return self.engine("--scene", str(self.dir / "scene.json"), *options)

    def analyze(self, engine, name="a.mp4", *options):
        return self.vdet("analyze", name, "--engine", engine.url, "--chunk-duration", "4", "--chunk-frames", "2", "--verify", "all",
                         *options)

    def ask(self, engine, *args, code=0, question=QUESTION):
        """The answer; `code` None: any exit code."""
        r = self.vdet("ask", "--engine", engine.url, "--json", *args, question, code=code)
        return json.loads(r.stdout)

    @staticmethod
    def count(engine):
        return len(engine.lines("begin"))



class Answers(AskFlow):
    def test_a_question_is_answered_with_citations(self):
        engine = self.fake()
        self.analyze(engine)
        self.trust()
        answer = self.ask(engine, "a.mp4")
        self.assertEqual((answer["state"], answer["kind"]), ("answered", "when"))
        self.assertRegex(answer["text"], r"^A white dog comes in at 0:08 \[1\]")
        for cite in answer["cites"]:
            self.assertEqual(cite["verdict"], "shown")
            self.assertTrue(all(8 <= f["pts"] <= 12 for f in cite["frames"]), cite)
            self.assertTrue(all(f["planes_sha256"] and f["picture_sha256"] for f in cite["frames"]), cite)
        folder = self.dir / f"answer-{answer['id']}.vdet"
        self.assertEqual(json.loads((folder / "answer.json").read_text()), answer)
        self.assertIn("data:image/jpeg", (folder / "answer.html").read_text())
        self.assertIn("\n1. **a.mp4 0:00:08.000", (folder / "answer.md").read_text())

    def test_the_same_question_costs_nothing(self):
        engine = self.fake()
        self.analyze(engine)
        first = self.vdet("ask", "--engine", engine.url, "--json", "a.mp4", QUESTION).stdout
        asked = self.count(engine)
        self.assertEqual(self.vdet("ask", "--engine", engine.url, "--json", "a.mp4", QUESTION).stdout, first)
        self.assertEqual(self.vdet("ask", "--engine", engine.url, "--json", QUESTION).stdout, first)  # all videos are this one
        self.assertEqual(self.vdet("ask", "--json", "--show", json.loads(first)["id"][:6]).stdout, first)
        self.assertEqual(self.count(engine), asked)
        again = self.ask(engine, "--again", "a.mp4")
        self.assertNotEqual(again["id"], json.loads(first)["id"])
        self.assertIn("request", again["changed"])

    def test_only_what_was_answered_is_signed(self):
        """The journal keeps the signature: what was changed there is never signed again."""
        engine = self.fake()
        self.analyze(engine)
        answer = self.ask(engine, "a.mp4")

        def signature(code, *args):
            r = self.vdet("ask", "--engine", engine.url, "--json", "--output", "shown", *args)
            self.assertEqual((self.dir / "shown/answer.json").read_text(), r.stdout.rstrip("\n"))
            proof = json.loads(self.vdet("prove", "shown/answer.json", "a.mp4", "--json", code=None).stdout)
            self.assertIn(("signature", code), [(x["about"], x["state"]) for x in proof["lines"]], proof)
            return json.loads(r.stdout)

        self.assertEqual(signature("holds", "--show", answer["id"]), answer)
        for change in (lambda a: a.replace("A white dog", "A black dog"), lambda a: json.dumps(
                {k: v for k, v in json.loads(a).items() if k != "signature"})):
            with sqlite3.connect(self.store) as store:
                [(text,)] = store.execute("SELECT answer FROM ask").fetchall()
                store.execute("UPDATE ask SET answer = ?", (change(text),))
            store.close()
            for args in ("--show", answer["id"]), ("a.mp4", QUESTION):
                shown = signature("fails" if "signature" in change(text) else "unchecked", *args)
                self.assertIn("black", shown["text"])
        again = self.ask(engine, "--again", "--output", "again", "a.mp4")
        self.assertIn("white", again["text"])
        self.assertEqual(signature("holds", "--show", again["id"]), again)

    def test_what_changed_is_asked_again(self):
        engine = self.fake()
        self.analyze(engine)
        first = self.ask(engine, "a.mp4")
        self.analyze(engine, "a.mp4", "--prompt", "dogs")
        second = self.ask(engine, "a.mp4")
        self.assertNotEqual(second["id"], first["id"])
        self.assertIn("changed", second["changed"])

    def test_what_was_asked_is_listed(self):
        self.assertIn("no questions yet", self.vdet("ask", "--list").stdout)
        engine = self.fake()
        self.analyze(engine)
        flow.make_video(self.dir / "b.mp4", 4, size="64x36", rate=5, source="smptebars")
        self.analyze(engine, "b.mp4")
        flow.make_video(self.dir / "new.mp4", 2, size="64x36", rate=5, source="testsrc")
        found = self.ask(engine, "a.mp4")
        hostile = "Is\x1b[2J it\n\u202ethere? " + "x" * 500
        other = self.ask(engine, "b.mp4", code=None, question=hostile)

        def listed(*args):
            return [json.loads(line) for line in self.vdet("ask", "--list", "--json", *args).stdout.splitlines()]
        self.assertEqual([(q["answer"], q["state"], q["question"], q["videos"]) for q in listed()],
                         [(other["id"], other["state"], hostile, ["b.mp4"]), (found["id"], "answered", QUESTION, ["a.mp4"])])
        self.assertEqual([q["answer"] for q in listed("a.mp4")], [found["id"]])
        self.assertEqual(listed("."), listed())
        self.assertEqual(listed("new.mp4"), [])
        self.assertIn("no questions about these", self.vdet("ask", "--list", "new.mp4").stdout)
        head, first, second = self.vdet("ask", "--list").stdout.splitlines()
        self.assertEqual(head.split(), ["ANSWER", "CREATED", "STATE", "QUESTION"])
        self.assertRegex(second, rf"^{found['id']}  20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ  answered    {re.escape(QUESTION)}$")
        self.assertFalse(set(first) & set("\x1b\u202e"))
        self.assertLess(len(first), 300)
        # Its first column is what --show takes.
        self.assertEqual(json.loads(self.vdet("ask", "--json", "--show", second.split()[0]).stdout)["id"], found["id"])
        with sqlite3.connect(self.store) as store:
            store.execute("UPDATE ask SET answer = '' WHERE id = ?", (other["id"],))
        store.close()
        self.assertEqual([q["state"] for q in listed("b.mp4")], ["unfinished"])
        self.vdet("ask", "--list", "gone.mp4", code=1)
        os.mkfifo(self.dir / "fifo.mp4")
        for path in "/dev/zero", "fifo.mp4":
            r = self.vdet("ask", "--list", path, code=2)
            self.assertEqual(r.stdout, "")
            self.assertIn("is not a regular file", r.stderr)
        self.vdet("ask", "--list", "--show", found["id"], code=2)

    def test_an_older_job_can_be_asked(self):
        engine = self.fake()
        self.analyze(engine)
        old = self.report("a")["run"]["job"]
        first = self.ask(engine, "a.mp4")
        self.assertEqual((first["sources"][0]["job_rank"], first["sources"][0]["job_count"]), (1, 1))
        self.assertNotIn("more than once", self.vdet("ask", "--show", first["id"]).stdout)
        self.vdet("analyze", "a.mp4", "--engine", engine.url, "--chunk-duration", "12", "--chunk-frames", "2")
        new = self.report("a")["run"]["job"]
        flow.make_video(self.dir / "b.mp4", 4, size="64x36", rate=5, source="smptebars")
        self.analyze(engine, "b.mp4")
        for args, job, rank in (((), new, 1), (("--job", old), old, 2), (("--job", old[:6]), old, 2), (("--job", new), new, 1)):
            answer = self.ask(engine, *args, "a.mp4", code=None)  # the newer job has fewer frames, and no dog
            self.assertEqual(answer["state"] == "answered", job == old)
            [source] = answer["sources"]
            self.assertEqual((source["job"], source["job_rank"], source["job_count"]), (job, rank, 2))
            text = self.vdet("ask", "--show", answer["id"], code=None).stdout
            self.assertIn(f"Analyzed more than once: a.mp4 by job {job} (" + ("the newest of 2)" if rank == 1 else "number 2 of 2,"),
                          text)
        # Without a file, of the video of the job only; nothing that has another one changes.
        [source] = self.ask(engine, "--job", old)["sources"]
        self.assertEqual((source["name"], source["job"]), ("a.mp4", old))
        both = self.ask(engine, "--job", old, "a.mp4", "b.mp4")
        self.assertEqual({s["name"]: (s["job"], s["job_count"]) for s in both["sources"]},
                         {"a.mp4": (old, 2), "b.mp4": (self.report("b")["run"]["job"], 1)})
        r = self.vdet("ask", "--engine", engine.url, "--job", old, "b.mp4", QUESTION, code=2)
        self.assertIn("is of a.mp4, which is none of these videos", r.stderr)
        self.vdet("ask", "--engine", engine.url, "--job", "0" * 12, QUESTION, code=1)
        self.vdet("ask", "--show", first["id"], "--job", old, code=2)

    def test_the_end_of_a_budget_stops_what_runs(self):
        """The engine answers nothing any more: without a budget this would wait for it."""
        engine = self.fake()
        self.analyze(engine)
        engine.stop()
        for faults in ("hold", "hold@3+"):  # all requests; those after the first
            held = self.fake("--fault", faults)
            answer = self.ask(held, "--budget", "3s", code=None, question=f"When does a dog come in? {faults}")
            self.assertIn("The time of the budget ended before everything was examined and checked.", answer["text"])
            self.assertNotIn("failed", answer["text"])
            for cite in answer["cites"]:
                self.assertEqual((cite["verdict"], cite["reason"]), ("unchecked", "the budget was used up"))
            held.stop()

    def test_every_letter_is_needed_for_not_seen(self):
        route = ROUTE | {"kind": "is"}
        engine = self.fake(route=route, shows=[])
        self.analyze(engine)
        answer = self.ask(engine, "a.mp4", code=4, question="Is there a dog?")
        self.assertIn("whether the model can be believed is not known", answer["text"])
        self.trust()
        answer = self.ask(engine, "--again", "a.mp4", code=5, question="Is there a dog?")
        self.assertEqual((answer["state"], answer["text"]), ("not-seen", "Not seen."))
        # One frame that nothing can be said of is enough for less.
        (self.dir / "b.mp4").write_bytes((self.dir / "a.mp4").read_bytes() + b"\0")
        answer = self.ask(engine, "a.mp4", "b.mp4", code=4, question="Is there a dog?")
        self.assertEqual((answer["state"], answer["unread"]), ("not-found", ["b.mp4"]))

    def test_what_was_not_analyzed_is_not_called_not_seen(self):
        engine = self.fake(route=ROUTE | {"kind": "is"}, shows=[[12, 24]])
        self.analyze(engine, "a.mp4", "--to", "8")
        self.trust()
        answer = self.ask(engine, "--thorough", "a.mp4", code=4, question="Is there a dog?")
        self.assertEqual((answer["state"], answer["unread"]), ("not-found", ["a.mp4, 0:08 to 0:24"]))
        answer = self.ask(engine, "--thorough", "--to", "8", "a.mp4", code=5, question="Is there a dog?")
        self.assertIn("from 0:00 to 0:08", answer["text"])

    def test_times_in_a_question_restrict_it(self):
        engine = self.fake(shows=[[0, 3.9], [8, 11.9]])
        self.analyze(engine)
        answer = self.ask(engine, "a.mp4", question="When does the dog come between 0:07 and 0:13?")
        self.assertTrue(all(7 <= f["pts"] <= 13 for c in answer["cites"] for f in c["frames"]))
        self.assertIn("from 0:07 to 0:13", answer["text"])

    def test_yes_is_only_said_of_what_was_asked_for(self):
        engine = self.fake(route=ROUTE | {"kind": "is", "statement": "A unicorn is there."}, shows=[[0, 24]])
        self.analyze(engine)
        self.trust()
        answer = self.ask(engine, "a.mp4", code=None, question="Is there a cat?")  # the route is about something else
        self.assertNotIn("Yes", answer["text"])
        self.assertNotEqual(answer["state"], "not-seen")

    def test_what_no_description_mentions_is_found(self):
        engine = self.fake(route=ROUTE | {"kind": "is"}, shows=[[16, 19.9]])
        self.analyze(engine)
        self.trust()
        answer = self.ask(engine, "a.mp4", question="Is there a dog?")
        self.assertEqual(answer["state"], "answered")
        self.assertTrue(all(16 <= f["pts"] <= 20 for c in answer["cites"] for f in c["frames"]))

    def test_what_the_first_look_misses_is_looked_for_closer(self):
        engine = self.fake(shows=[[8.4, 8.4]], next="none")
        self.analyze(engine)
        self.trust()
        self.assertEqual(self.ask(engine, "a.mp4", code=4)["cites"], [])
        answer = self.ask(self.fake(shows=[[8.4, 8.4]], next="closer"), "--again", "a.mp4")
        self.assertEqual([c["start"] for c in answer["cites"]], [8.4])

    def test_separate_times_are_counted(self):
        engine = self.fake(route=ROUTE | {"kind": "count"}, shows=[[0, 3.9], [8, 15.9]])
        self.analyze(engine)
        self.trust()
        answer = self.ask(engine, "a.mp4", question="How many dogs are there?")
        self.assertEqual(answer["count"], {"at_least": 2, "unsure": 0})
        self.assertTrue(answer["text"].startswith("At least 2 separate times."), answer["text"])

    def test_two_things_are_compared_by_their_times(self):
        shows = {"dog": [[9, 9]], "cat": [[0, 2], [16, 18]]}
        engine = self.fake(route=ROUTE | {"kind": "compare", "statement": ""}, shows=shows)
        self.analyze(engine)
        self.trust()
        answer = self.ask(engine, "a.mp4", question="Who comes more often, the dog or the cat?")
        said = "Seen more often: the cat, at least 2 separate times; the dog at least 1."
        self.assertTrue(answer["text"].startswith(said), answer["text"])
        checked = {s["text"].split(" (said")[0] for s in answer["steps"] if s["kind"] == "check"}
        # The sentence is checked without the times that it lists.
        self.assertEqual(checked, {"A dog is there.", "A cat is there.", "A white dog comes in."})

    def test_unsure_times_leave_a_comparison_open(self):
        shows = {"dog": [[1, 1], [9, 9]], "cat": [[1, 1], [9, 9], [17, 17]]}
        engine = self.fake(route=ROUTE | {"kind": "compare", "statement": ""}, shows=shows, unsure={"cat": [[8, 20]]})
        self.analyze(engine)
        self.trust()
        answer = self.ask(engine, "a.mp4", code=3, question="Who comes more often, the dog or the cat?")
        self.assertTrue(answer["text"].startswith("Seen more often, as far as is known: the dog, at least 2 separate times; "
                                                  "the cat at least 1 and 2 unsure."), answer["text"])

    def test_what_cannot_be_told_is_not_called_not_seen(self):
        engine = self.fake("--checks", "C", route=ROUTE | {"kind": "is"}, shows=[])
        self.analyze(engine)
        self.trust()
        self.ask(engine, "--thorough", "a.mp4", code=4, question="Is there a dog?")

    def test_times_in_neighbouring_groups_are_separate(self):
        """Two of the frames between them were seen without it, but no whole group."""
        engine = self.fake(route=ROUTE | {"kind": "count"}, shows=[[0, 3.9], [12, 15.9]])
        self.analyze(engine, "a.mp4", "--chunk-duration", "8", "--chunk-frames", "4")
        self.trust()
        answer = self.ask(engine, "a.mp4", question="How many dogs are there?")
        self.assertEqual(answer["count"], {"at_least": 2, "unsure": 0})

    def test_where_something_is_not(self):
        engine = self.fake(route=ROUTE | {"kind": "not", "negated": True}, shows=[[8, 15.9]])
        self.analyze(engine)
        self.trust()
        answer = self.ask(engine, "a.mp4", question="When is there no dog?")
        spans = [(c["start"], c["end"]) for c in answer["cites"]]
        self.assertEqual(len(spans), 2)
        self.assertTrue(spans[0][1] < 8 and spans[1][0] >= 16, spans)

    def test_a_video_that_is_not_analyzed_is_named(self):
        engine = self.fake()
        r = self.vdet("ask", "--engine", engine.url, "a.mp4", QUESTION, code=2)
        self.assertIn("none of these videos is analyzed", r.stderr)
        r = self.vdet("ask", "--engine", engine.url, "--analyze", "--chunk-duration", "4", "--chunk-frames", "2", "a.mp4", QUESTION)
        self.assertIn("A white dog comes in", r.stdout)

    def test_a_stream_that_is_not_analyzed_is_named(self):
        engine = self.fake(route=ROUTE | {"kind": "is"}, shows=[])
        flow.make_video(self.dir / "two.mkv", 4 * CHUNKS, size="64x36", rate=5,
                        extra=("-f", "lavfi", "-i", f"testsrc=s=64x36:r=5:d={4 * CHUNKS}", "-map", "0", "-map", "1"))
        self.analyze(engine, "two.mkv")
        self.trust()
        for scope in (["two.mkv"], []):
            answer = self.ask(engine, "--thorough", *scope, code=4, question="Is there a dog?")
            self.assertEqual((answer["state"], answer["unread"]), ("not-found", ["two.mkv, stream 1"]))
        self.analyze(engine, "two.mkv", "--stream", "1")
        answer = self.ask(engine, "--thorough", "two.mkv", code=5, question="Is there a dog?")
        self.assertEqual((answer["unread"], [s["stream"] for s in answer["sources"]]), ([], [1, None]))

    def test_what_was_seen_of_a_deleted_video_is_deleted(self):
        engine = self.fake()
        self.analyze(engine)
        answer = self.ask(engine, "a.mp4")
        report = self.report("a")
        self.vdet("jobs", "rm", report["run"]["job"])
        with sqlite3.connect(self.store) as store:
            for table in ("look", "place", "ask_picture", "ask_reply"):
                self.assertEqual(store.execute(f"SELECT count(*) FROM {table}").fetchone(), (0,), table)
        store.close()
        shown = self.vdet("ask", "--show", answer["id"]).stdout
        self.assertIn("source deleted", shown)
        self.assertIn("A white dog comes in", shown)

    def test_a_file_that_is_gone_or_changed_is_not_examined(self):
        engine = self.fake()
        self.analyze(engine)
        (self.dir / "a.mp4").rename(self.dir / "moved.mp4")
        answer = self.ask(engine, code=1)
        self.assertEqual(answer["state"], "failed")
        self.assertTrue(answer["sources"][0]["unseen"])
        answer = self.ask(engine, "moved.mp4")
        self.assertEqual(answer["state"], "answered")

    def test_an_answer_that_cannot_be_printed_is_an_error(self):
        engine = self.fake(route=ROUTE | {"kind": "is"}, shows=[])
        self.analyze(engine)
        self.trust()
        for args in (("ask", "--engine", engine.url, "a.mp4", "Is there a dog?"), ("--version",), ("help", "ask")):
            with open("/dev/full", "w") as full:
                r = subprocess.run([flow.VDET, *args], cwd=self.dir, env=self.env, stdin=subprocess.DEVNULL, stdout=full,
                                   stderr=subprocess.PIPE, text=True, timeout=flow.TIMEOUT)
            self.assertEqual(r.returncode, 1, args)
            self.assertIn("cannot write to standard output", r.stderr, args)
        self.ask(engine, "a.mp4", code=5, question="Is there a dog?")

    def test_the_output_is_checked_before_anything_is_asked(self):
        engine = self.fake()
        self.analyze(engine)
        asked = self.count(engine)
        (self.dir / "file").write_text("kept")
        for output in ("file", "file/below/it", "/dev/full"):
            r = self.vdet("ask", "--engine", engine.url, "--output", output, "a.mp4", QUESTION, code=None)
            self.assertIn(r.returncode, (1, 2), output)
            self.assertIn("is a file; name another folder", r.stderr, output)
        self.assertEqual(self.count(engine), asked)
        self.assertEqual((self.dir / "file").read_text(), "kept")
        self.ask(engine, "--output", "new/folder", "a.mp4")
        self.assertTrue((self.dir / "new/folder/answer.json").is_file())

    def test_choices_are_text(self):
        engine = self.fake()
        self.analyze(engine)
        asked = self.count(engine)
        for choices in (b"yes\n\xff\xfe\n", b"yes\nno\0t\n"):
            (self.dir / "choices").write_bytes(choices)
            r = self.vdet("ask", "--engine", engine.url, "--choices", "choices", "a.mp4", QUESTION, code=None)
            self.assertIn(r.returncode, (1, 2), choices)
            self.assertIn("choices is not UTF-8 text", r.stderr, choices)
        self.assertEqual(self.count(engine), asked)

    def test_wrong_usage(self):
        engine = self.fake()
        self.analyze(engine)
        for args, message in ((["a.mp4"], "no question given"), ([], "no question given"), (["nothing.mp4", "Q?"], "does not exist"),
                              ([" "], "ask a question"), (["--show", "zz"], "not the id"), (["--show", "abcdef"], "no answer"),
                              (["--thread", "abcdef", "a.mp4", "And then?"], "no answer"), (["x" * 3000], "at most 2000 bytes")):
            r = self.vdet("ask", "--engine", engine.url, *args, code=None)
            self.assertIn(r.returncode, (1, 2), args)
            self.assertIn(message, r.stderr, args)


class Lies(AskFlow):
    def test_citations_of_everything_are_contradicted(self):
        engine = self.fake(lies="cites", shows=[])
        self.analyze(engine)
        self.trust()
        answer = self.ask(engine, "a.mp4", code=4)
        self.assertEqual((answer["cites"], answer["claims"]), ([], []))
        self.assertTrue(answer["dropped"])

    def test_rounds_end(self):
        engine = self.fake(lies="never")
        self.analyze(engine)
        answer = self.ask(engine, "a.mp4")
        self.assertLess(answer["spent"]["requests"], 60)

    def test_more_places_to_look_next_than_a_round_has(self):
        dogs = {clock(4 * i): {"summary": f"Part {i}.", "events": [{"subject": "a dog", "what": "A dog comes."}]}
                for i in range(CHUNKS)}
        (self.dir / "scene.json").write_text(json.dumps(scene(shows=[], enough=False, next="closer") | {"stretches": dogs}))
        engine = self.engine("--scene", str(self.dir / "scene.json"))
        self.analyze(engine)
        answer = self.ask(engine, "a.mp4", code=4)
        self.assertGreater(answer["spent"]["requests"], 2 * CHUNKS)

    def test_sentences_of_a_model_have_no_numbers_of_their_own(self):
        claims = [{"cites": [1], "text": "A dog comes in at 9:59."}, {"cites": [99], "text": "A cat comes in."},
                  {"cites": [1], "text": "A dog comes in at {E1}, as one of {#}."}]
        engine = self.fake(compose={"claims": claims, "answered": "partly"})
        self.analyze(engine)
        answer = self.ask(engine, "a.mp4", code=3)
        self.assertRegex(answer["text"], r"^A dog comes in at 0:\d\d \[1\], as one of 1\.$")
        self.assertEqual(len(answer["dropped"]), 2)

    def test_a_model_that_writes_nothing_hides_nothing(self):
        engine = self.fake(compose={"claims": [], "answered": "no"})
        self.analyze(engine)
        self.trust()
        answer = self.ask(engine, "a.mp4", code=3)
        self.assertRegex(answer["text"], r"^A white dog comes in at 0:\d\d \[1\]")

    def test_what_a_model_leaves_out_is_named(self):
        engine = self.fake(shows=[[0, 3.9], [8, 11.9], [16, 19.9]], enough=False, next="dog",
                           compose={"claims": [{"cites": [1], "text": "A dog comes only once, at {E1}."}], "answered": "yes"})
        self.analyze(engine)
        answer = self.ask(engine, "--thorough", "a.mp4", code=None)
        cited = {c["start"] for c in answer["cites"]}
        self.assertTrue(answer["dropped"] or len(cited) > 1, answer)

    def test_sentences_about_several_moments_are_checked(self):
        engine = self.fake(compose={"claims": [{"cites": [1], "text": "A dog comes {and bites} at {E1}."},
                                               {"cites": [1], "text": "A dog comes at ９:５９."}], "answered": "yes"})
        self.analyze(engine)
        answer = self.ask(engine, "a.mp4")
        self.assertNotIn("bites", answer["text"])
        self.assertNotIn("９", answer["text"])

    def test_a_model_that_always_says_no_has_not_seen_nothing(self):
        engine = self.fake("--checks", "B", route=ROUTE | {"kind": "is"}, shows=[[16, 19.9]])
        self.analyze(engine)
        answer = self.ask(engine, "--thorough", "a.mp4", code=None, question="Is there a dog?")
        self.assertNotEqual(answer["state"], "not-seen")

    def test_again_looks_again(self):
        engine = self.fake(route=ROUTE | {"kind": "is"}, shows=[])
        self.analyze(engine)
        self.trust()
        self.ask(engine, "a.mp4", code=5, question="Is there a dog?")
        pictures = engine.control()["pictures"]
        self.ask(engine, "--again", "a.mp4", code=5, question="Is there a dog?")
        self.assertGreater(engine.control()["pictures"], pictures)

    def test_an_engine_that_fails_in_the_middle_is_not_an_answer(self):
        engine = self.fake()
        self.analyze(engine)
        engine.control(faults=[f"500@{self.count(engine) + 3}+"])
        r = self.vdet("ask", "--engine", engine.url, "--retries", "0", "a.mp4", QUESTION, code=1)
        self.assertIn("the same question continues", r.stderr)
        engine.control(faults=[])
        self.assertEqual(self.ask(engine, "a.mp4")["state"], "answered")

    def test_faults_of_the_engine(self):
        for fault in ("schema", "prose", "frames", "empty", "loop", "length", "html", "half"):
            with self.subTest(fault):
                (self.dir / "data").exists() and flow.shutil.rmtree(self.dir / "data")
                engine = self.fake()
                self.analyze(engine)
                engine.control(faults=[fault])
                r = self.vdet("ask", "--engine", engine.url, "--json", "--retries", "0", "a.mp4", QUESTION, code=None)
                self.assertIn(r.returncode, (0, 1, 3, 4), r.stderr)
                if r.stdout:
                    self.assertNotEqual(json.loads(r.stdout)["state"], "not-seen")
                engine.stop()

    def test_an_engine_that_died_is_asked_again_later(self):
        engine = self.fake()
        self.analyze(engine)
        engine.control(faults=["503"])
        self.vdet("ask", "--engine", engine.url, "--retries", "0", "a.mp4", QUESTION, code=1)
        engine.control(faults=[])
        self.assertEqual(self.ask(engine, "a.mp4")["state"], "answered")


class Interrupted(AskFlow):
    def test_a_kill_loses_nothing_that_was_answered(self):
        engine = self.fake()
        self.analyze(engine)
        began = self.count(engine)
        engine.control(faults=[f"hold@{began + 4}"])
        p = self.start("ask", "--engine", engine.url, "a.mp4", QUESTION)
        engine.control(**{"await": began + 4})
        p.send_signal(signal.SIGKILL)
        p.wait()
        engine.control(faults=[], release=True)
        answer = self.ask(engine, "a.mp4")
        self.assertEqual(answer["state"], "answered")
        requests = [r for r in engine.lines("begin")][began:]
        answered = [json.dumps([r["texts"], r["images"]]) for r in requests[:3]]
        later = [json.dumps([r["texts"], r["images"]]) for r in requests[4:]]
        self.assertFalse(set(answered) & set(later))


class Real(flow.Flow):
    def setUp(self):
        super().setUp()
        self.needs_engine()

    def test_the_drawn_world(self):
        self.vdet("world", "w.mp4", "--seed", "501", "--duration", "5min")
        self.vdet("analyze", "--chunk-duration", "30", "w.mp4", env={"VDET_SAMPLE_POLICY": "adaptive"})
        r = self.vdet("ask", "w.mp4", "Is there a red square?", code=4)  # a short video gives too few controls
        self.assertTrue(r.stdout.startswith("Not found. All sampled frames were examined"), r.stdout)
        r = self.vdet("ask", "w.mp4", "When does the green triangle cross?")
        self.assertRegex(r.stdout, r"green triangle .* at 2:1\d \[1\]")


if __name__ == "__main__":
    flow.main()
