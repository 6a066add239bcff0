#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Questions that the server is asked: answers with their citations, progress, restarts, what is given up and deleted, limits."""
import json
import signal
import sqlite3

from flow import ROOT, main, make_video
from messages import Messages
from serving import Serving

try:
    from jsonschema import Draft202012Validator
except ImportError:
    Draft202012Validator = None
CHUNKS = {"chunk.duration": 2, "chunk.frames": 2}
QUESTION = "When do the pictures change?"
ENDED = ("done", "failed", "canceled")


class Asks(Serving):
    def setUp(self):
        super().setUp()
        self.answers = self.engine()
        self.server = self.start_server()

    def start_server(self, *options):
        return self.serve("--engine", self.answers.url, "--folder", self.dir, "--retries", "0", "--net-rate", "0", *options)

    def video(self, name, seconds=4, server=None, **more):
        """The ids of a video and of its job, which is done."""
        server = server or self.server
        make_video(self.dir / name, seconds, **more)
        job = server.change("POST", "/jobs", {"path": str(self.dir / name), "options": CHUNKS})
        server.wait(f"/jobs/{job['id']}", lambda j: j["state"] in ("done", "holes", "failed"))
        return job["video"], job["id"]

    def ask(self, question=QUESTION, **scope):
        return self.server.change("POST", "/asks", {"question": question, **(scope or {"all": True})})["id"]

    def ended(self, ask):
        return self.server.wait(f"/asks/{ask}", lambda a: a["state"] in ENDED)

    def asked(self):
        """How many requests the engine got."""
        return len(self.answers.lines("begin"))

    def hold(self, first):
        """From now on the engine answers only the requests before the first of these."""
        self.answers.control(faults=[f"hold@{first}+"], reset=True)

    def release(self):
        self.answers.control(faults=[], release=True)

    def refused(self, status, words, body, **kw):
        r = self.server.post("/api/v1/asks", body, **kw)
        self.assertEqual(r.status, status, r.body)
        self.assertIn(words, r.json["detail"])
        return r


class BoardAsk(Asks):
    def test_an_answer(self):
        video, job = self.video("a.mp4", 6)
        events = self.server.socket(self.server.api("/jobs")["seq"])
        r = self.server.post("/api/v1/asks", {"question": QUESTION, "videos": [video]})
        self.assertEqual(r.status, 201)
        ask = r.json["id"]
        self.assertEqual(r.headers["Location"], f"/api/v1/asks/{ask}")
        self.assertEqual((r.json["state"], r.json["videos"], r.json["all"]), ("waiting", [video], False))
        events.event("ask", state="running")
        told = events.event("ask", state="done")["data"]
        messages, progress = Messages("events"), []
        for e in events.seen:
            if e["type"] == "ask":
                messages.check(e)
                progress.append(e["data"]["progress"])
        self.assertTrue(any(progress))
        self.assertIsNone(progress[-1])

        a = self.ended(ask)
        self.assertEqual({k: v for k, v in a.items() if k not in ("seq", "answer", "places")}, told)
        self.assertEqual((a["result"], a["places"]), ("answered", [{"video": video, "job": job}]))
        self.assertGreater(a["spent"]["requests"], 0)
        answer = json.loads(self.server.get(f"/api/v1/asks/{ask}/answer.json").body)
        signed = answer.pop("signature")
        self.assertEqual((answer, answer["text"], answer["question"]), (a["answer"], a["text"], QUESTION))
        self.assertEqual(len(signed["chain"]), len(answer["steps"]))
        (self.dir / "answer.json").write_bytes(self.server.get(f"/api/v1/asks/{ask}/answer.json").body)
        proof = json.loads(self.vdet("prove", "answer.json", "a.mp4", "--json", code=None).stdout)
        self.assertEqual((proof["result"], proof["fails"]), ("holds", 0), proof)
        if Draft202012Validator:
            Draft202012Validator(json.loads((ROOT / "docs" / "answer.schema.json").read_text())).validate(answer)
        r = self.server.get(f"/api/v1/asks/{ask}/answer.html?download=1")
        self.assertIn("attachment", r.headers["Content-Disposition"])
        self.assertIn("sandbox", r.headers["Content-Security-Policy"])
        self.assertIn(QUESTION.encode(), r.body)
        for text in r.body, self.server.get(f"/api/v1/asks/{ask}/answer.md").body, json.dumps(a).encode():
            self.assertNotIn(str(self.dir).encode(), text)  # no path of the server
        for number, cite in enumerate(answer["cites"], 1):
            for index, _ in enumerate(cite["frames"]):
                r = self.server.get(f"/api/v1/asks/{ask}/pictures/{number}/{index}")
                self.assertEqual((r.status, r.headers["Content-Type"], r.body[:2]), (200, "image/jpeg", b"\xff\xd8"))
        for wrong in "0/0", "99/0", "1/99", "x/0", "1/-1":
            self.assertEqual(self.server.get(f"/api/v1/asks/{ask}/pictures/{wrong}").status, 404)
        # The command line has it, too.
        self.assertIn(a["text"][:20], self.vdet("ask", "--show", answer["id"], "--output", "out", code=None).stdout)

    def test_asked_again(self):
        """The same question costs nothing, unless it is to be asked again; a question that follows another knows that one."""
        self.video("a.mp4", 4)
        one = self.ended(self.ask())
        before = self.asked()
        two = self.ended(self.ask())
        self.assertEqual((self.asked(), two["answer"]), (before, one["answer"]))
        again = self.ended(self.ask(all=True, again=True))
        self.assertGreater(self.asked(), before)
        self.assertNotEqual(again["answer"]["id"], one["answer"]["id"])
        self.assertIn("on request", again["answer"]["changed"])
        next_one = self.ended(self.ask("And then?", all=True, thread=one["id"]))
        self.assertEqual((next_one["thread"], next_one["answer"]["thread"]), (one["id"], one["answer"]["id"]))
        texts = ["".join(r["texts"]) for r in self.answers.lines("begin")]
        self.assertTrue(any(QUESTION in t and "And then?" in t for t in texts))
        # Two questions have one answer: it goes with the last of them.
        self.assertEqual(self.server.request("DELETE", f"/api/v1/asks/{one['id']}").status, 204)
        self.assertEqual(self.server.api(f"/asks/{two['id']}")["answer"], one["answer"])
        for ask in two, again, next_one:
            self.assertEqual(self.server.request("DELETE", f"/api/v1/asks/{ask['id']}").status, 204)
        self.assertEqual(self.server.api("/asks")["asks"], [])
        with sqlite3.connect(self.store) as db:
            for table in "ask", "ask_reply", "ask_picture", "board_ask":
                self.assertEqual(db.execute(f"SELECT count(*) FROM {table}").fetchone(), (0,), table)
        db.close()

    def test_lists(self):
        (a, _), (b, _) = self.video("a.mp4"), self.video("b.mp4", source="smptebars")
        case = self.server.change("POST", "/cases", {"name": "Burglary", "videos": [a]})["id"]
        asks = [self.ask(), self.ask(case=case), self.ask(videos=[b, a, b])]
        for ask in asks:
            self.assertEqual(self.ended(ask)["state"], "done")
        self.assertEqual([[s["name"] for s in self.server.api(f"/asks/{x}")["answer"]["sources"]] for x in asks],
                         [["a.mp4", "b.mp4"], ["a.mp4"], ["a.mp4", "b.mp4"]])
        first = self.server.api("/asks?limit=2")
        self.assertEqual(([x["id"] for x in first["asks"]], first["more"]), (asks[:0:-1], True))
        rest = self.server.api(f"/asks?limit=2&before={asks[1]}")
        self.assertEqual(([x["id"] for x in rest["asks"]], rest["more"]), (asks[:1], False))
        self.assertEqual([x["id"] for x in self.server.api(f"/asks?case={case}")["asks"]], [asks[1]])
        for wrong in "limit=0", "limit=x", "before=-1", "case=x":
            self.assertEqual(self.server.get(f"/api/v1/asks?{wrong}").status, 400)

    def test_videos_without_a_result(self):
        """They are named in the answer; of deleted ones it keeps what it says."""
        video, job = self.video("a.mp4")
        (self.dir / "bad.mp4").write_bytes(b"no video" * 99)
        bad = self.server.change("POST", "/jobs", {"path": str(self.dir / "bad.mp4")})
        self.server.wait(f"/jobs/{bad['id']}", lambda j: j["state"] == "failed")
        ask = self.ask()
        a = self.ended(ask)
        self.assertEqual(a["answer"]["unread"], ["bad.mp4"])
        self.refused(409, "no video in the scope", {"question": QUESTION, "videos": [bad["video"]]})
        self.assertEqual(self.server.request("DELETE", f"/api/v1/videos/{video}").status, 204)
        after = self.server.api(f"/asks/{ask}")
        self.assertEqual((after["text"], after["places"]), (a["text"], [None]))
        self.assertTrue(after["answer"]["sources"][0]["deleted"])
        self.refused(404, f"no video has the id {video}", {"question": QUESTION, "videos": [video, bad["video"]]})

    def test_streams_of_a_file(self):
        """Each that has a result is asked about, and the others are named."""
        make_video(self.dir / "two.mkv", 4, size="64x36",
                   extra=("-f", "lavfi", "-i", "testsrc=s=64x36:r=10:d=4", "-map", "0", "-map", "1"))
        unread, streams = [], []
        for options in {}, {"media.stream": "1"}, {"media.stream": "1", "chunk.frames": 1}:
            job = self.server.change("POST", "/jobs", {"path": str(self.dir / "two.mkv"), "options": CHUNKS | options})
            self.server.wait(f"/jobs/{job['id']}", lambda j: j["state"] in ("done", "holes", "failed"))
            answer = self.ended(self.ask(videos=[job["video"]] * 3))["answer"]
            unread.append(answer["unread"])
            streams.append(sorted(s["stream"] or 0 for s in answer["sources"]))
        self.assertEqual((unread, streams), ([["two.mkv, stream 1"], [], []], [[0], [0, 1], [0, 1]]))

    def test_killed_it_goes_on(self):
        """No reply is asked for twice, and the answer is that of a server that was not killed."""
        self.video("a.mp4", 6)
        self.hold(5)
        ask = self.ask()
        self.answers.control(**{"await": 5})
        waiting = self.ask("Where does it happen?")
        events = self.server.socket(self.server.api("/asks")["seq"])
        self.assertEqual(self.server.api(f"/asks/{ask}")["state"], "running")
        events.close()
        self.server.stop(signal.SIGKILL)
        answered = {r["key"] for r in self.answers.lines("end") if r["outcome"] == "answered"}
        began = self.asked()
        self.server = self.start_server()
        self.release()
        a = self.ended(ask)
        self.assertEqual((a["state"], self.ended(waiting)["state"]), ("done", "done"))
        self.assertFalse(answered & {r["key"] for r in self.answers.lines("begin")[began:] if not r["images"]})
        again = self.ended(self.ask(all=True, again=True))
        self.assertEqual(a["text"], again["text"])

    def test_stopped_in_order_it_goes_on(self):
        self.video("a.mp4")
        self.hold(2)
        ask = self.ask()
        self.answers.control(**{"await": 2})
        self.assertEqual(self.server.stop(), 0)
        self.release()
        self.server = self.start_server()
        self.assertEqual(self.ended(ask)["state"], "done")

    def test_a_damaged_question_of_the_journal_fails(self):
        """Each ends with its reason, and neither the start of the server nor a list fails because of it."""
        self.video("a.mp4")
        asks = [self.ask(f"{QUESTION} {i}") for i in range(5)]
        for ask in asks:
            self.ended(ask)
        self.server.stop()
        with sqlite3.connect(self.store) as db:
            for ask, request in zip(asks, ("{", "[]", "{}", '{"question": 7, "all": true}')):
                db.execute("UPDATE board_ask SET request = ?, state = 0, answer = '' WHERE id = ?", (request, ask))
        db.close()
        self.server = self.start_server()
        for ask in asks[:-1]:
            a = self.ended(ask)
            self.assertEqual((a["state"], a["question"], a["answer"]), ("failed", "", None))
            self.assertIn("the question in the journal is damaged", a["error"])
        self.assertEqual([a["id"] for a in self.server.api("/asks")["asks"]], asks[::-1])
        self.assertEqual(self.server.api("/asks?case=1")["asks"], [])
        self.assertEqual(self.ended(asks[-1])["state"], "done")

    def test_given_up(self):
        """One that waits, one that is worked on, one that is deleted meanwhile."""
        self.video("a.mp4", 4)
        self.hold(2)
        events = self.server.socket()
        running, waiting = self.ask(), self.ask("Where is it?")
        self.answers.control(**{"await": 2})
        seq = self.server.api("/jobs")["seq"]
        for ask in waiting, running:
            r = self.server.change("POST", f"/asks/{ask}/cancel")
            self.assertEqual((r["state"], r["progress"]), ("canceled", None))
            self.assertEqual(self.server.post(f"/api/v1/asks/{ask}/cancel", headers={"Content-Length": "0"}).status, 409)
            self.assertEqual(self.server.get(f"/api/v1/asks/{ask}/answer.html").status, 404)
            self.refused(409, "has no answer", {"question": "And then?", "all": True, "thread": ask})
        events.event("ask", ask=running, state="canceled")
        self.assertGreater(seq, 0)
        deleted = self.ask("Who is it?")
        self.answers.control(**{"await": 3})
        self.assertEqual(self.server.get(f"/api/v1/asks/{deleted}/answer.md").status, 409)
        self.assertEqual(self.server.request("DELETE", f"/api/v1/asks/{deleted}").status, 204)
        events.event("ask-removed", ask=deleted)
        self.assertEqual(self.server.get(f"/api/v1/asks/{deleted}").status, 404)
        self.release()
        self.assertEqual(self.ended(self.ask())["state"], "done")  # goes on with what was answered
        self.assertEqual(self.server.api(f"/asks/{running}")["state"], "canceled")
        with sqlite3.connect(self.store) as db:
            self.assertEqual(db.execute("SELECT count(*) FROM ask WHERE question = 'Who is it?'").fetchone(), (0,))
        db.close()

    def test_an_engine_that_is_gone(self):
        self.video("a.mp4")
        self.answers.stop()
        a = self.ended(self.ask())
        self.assertEqual((a["state"], a["answer"]), ("failed", None))
        self.assertTrue(a["error"])

    def test_limits(self):
        video, _ = self.video("a.mp4")
        self.refused(400, "2000 bytes", {"question": "x" * 2001, "all": True})
        self.refused(413, "", {"question": "x" * 300000, "all": True})
        self.refused(400, "\\u0000", {"question": "a\0b", "all": True})
        self.refused(400, "name one of", {"question": QUESTION, "all": True, "videos": [video]})
        self.refused(404, "no case", {"question": QUESTION, "case": "99"})
        self.refused(404, "no video has the id 99", {"question": QUESTION, "videos": ["99"]})
        self.refused(404, "thread", {"question": QUESTION, "all": True, "thread": "99"})
        for path in "/api/v1/asks/99", "/api/v1/asks/x", "/api/v1/asks/99/answer.html", "/api/v1/asks/99/answer.exe":
            self.assertEqual(self.server.get(path).status, 404)
        self.hold(1)
        body = {"question": QUESTION, "all": True}
        asked = [self.ask()]
        while (r := self.server.post("/api/v1/asks", body)).status == 201:
            asked.append(r.json["id"])
        self.assertEqual((r.status, r.json["code"]), (503, "busy"))
        self.assertGreater(int(r.headers["Retry-After"]), 0)
        self.assertIn(len(asked), (100, 101))
        self.server.change("POST", f"/asks/{asked[0]}/cancel")
        self.release()
        for ask in asked[1:]:
            self.assertEqual(self.ended(ask)["state"], "done")

    def test_choices_and_budget(self):
        self.video("a.mp4")
        a = self.ended(self.ask(all=True, choices=["red", "blue"], budget="20ktok", language="German", thorough=True))
        self.assertEqual((a["choices"], a["budget"], a["language"], a["thorough"]), (["red", "blue"], "20ktok", "German", True))
        self.assertEqual((a["state"], a["answer"]["thorough"]), ("done", True))


class WithTheDemoModel(Serving):
    def test_what_is_seen_is_shown(self):
        self.needs_engine()
        self.vdet("world", "w.mp4", "--duration", "60", "--seed", "5", "--events", "300", "--hour", "12")
        truth = json.loads((self.dir / "w.truth.json").read_text())
        who = max(truth["events"], key=lambda e: e["end"] - e["start"])["who"]
        thing = f"{who['color']} {who['shape']}"
        server = self.serve("--folder", self.dir)
        job = server.change("POST", "/jobs", {"path": str(self.dir / "w.mp4"), "options": {"chunk.duration": 20}})
        server.wait(f"/jobs/{job['id']}", lambda j: j["state"] in ("done", "holes", "failed"))
        answers = []
        for question in f"Is there a {thing}?", "Is there a purple elephant?":
            ask = server.change("POST", "/asks", {"question": question, "videos": [job["video"]]})["id"]
            a = server.wait(f"/asks/{ask}", lambda a: a["state"] in ENDED)
            self.assertEqual(a["state"], "done", a["error"])
            answers.append(a["answer"])
        self.assertTrue(answers[0]["cites"], answers[0]["text"])
        self.assertTrue(answers[0]["run"]["demo_model"])
        self.assertIn(answers[1]["state"], ("not-found", "not-seen", "answered", "partly"))
        self.assertEqual(server.stop(), 0)


if __name__ == "__main__":
    main()
