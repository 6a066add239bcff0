#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Standing questions of the server: each video whose job ended is asked once; a hit is an event, and is sent."""
import json
import signal
import sqlite3
import subprocess

from flow import VDET, main, make_video
from messages import Messages
from serving import Serving
from test_ask import CHUNKS, QUESTION, SAYS, scene
from test_watch import Receiver

OPTIONS = {"chunk.duration": 4, "chunk.frames": 2}


class BoardWatch(Serving):
    def setUp(self):
        super().setUp()
        (self.dir / "scene.json").write_text(json.dumps(scene()))
        self.answers = self.engine("--scene", str(self.dir / "scene.json"))
        self.made = 0
        make_video(self.dir / "made.mp4", 4 * CHUNKS, size="64x36", rate=5)
        for name in ("in", "other"):
            (self.dir / name).mkdir()
        self.server = self.start_server()

    def start_server(self, *options, **kw):
        return self.serve("--engine", self.answers.url, "--folder", self.dir, "--retries", "0", "--net-rate", "0", *options, **kw)

    def submit(self, name, folder="in", **kw):
        """A job of a new video, by its id."""
        self.made += 1
        path = self.dir / folder / name
        path.write_bytes((self.dir / "made.mp4").read_bytes() + bytes(self.made))
        return self.server.change("POST", "/jobs", {"path": str(path), "options": OPTIONS}, **kw)["id"]

    def analyzed(self, name, folder="in"):
        job = self.submit(name, folder)
        self.server.wait(f"/jobs/{job}", lambda j: j["state"] in ("done", "holes", "failed"))

    def watch(self, **more):
        return self.server.change("POST", "/watches", {"question": QUESTION} | (more or {"all": True}))["id"]

    def asks(self):
        return self.server.api("/asks")["asks"]

    def hook(self, *more):
        secret = self.dir / "secret"
        secret.write_text("0123456789abcdef")
        return ["--webhook-secret", str(secret), "--webhook-private", *more]

    def test_each_new_video_is_asked_once(self):
        self.analyzed("before.mp4")
        watch = self.watch()
        self.assertEqual(self.watch(), watch)
        events = self.server.socket(self.server.api("/jobs")["seq"])
        self.submit("a.mp4")
        hit = events.event("hit", watch=watch)
        Messages("events").check(hit)
        self.assertEqual((hit["data"]["video"]["name"], hit["data"]["state"]), ("a.mp4", "answered"))
        self.assertIn(SAYS[:-1], hit["data"]["text"])
        self.assertNotIn(str(self.dir), json.dumps(hit))
        self.assertEqual(events.event("ask", state="done")["data"]["watch"], watch)
        self.submit("b.mp4")
        self.assertEqual(events.event("hit", watch=watch)["data"]["video"]["name"], "b.mp4")
        events.event("ask", state="done")
        w = self.server.api(f"/watches/{watch}")
        self.assertEqual((w["asked"], w["hits"], [h["video"]["name"] for h in w["latest"]]), (2, 2, ["b.mp4", "a.mp4"]))
        self.assertTrue(all(h["sent"] and h["error"] is None for h in w["latest"]))
        self.assertEqual([a["watch"] for a in self.asks()], [watch, watch])
        self.assertEqual(self.server.stop(), 0)
        asked = len(self.answers.lines("begin"))
        self.server = self.start_server()
        events = self.server.socket(self.server.api("/jobs")["seq"])
        self.submit("c.mp4")
        self.assertEqual(events.event("hit", watch=watch)["data"]["video"]["name"], "c.mp4")
        self.assertLess(len(self.answers.lines("begin")) - asked, asked)
        self.server.change("DELETE", f"/watches/{watch}")
        self.assertEqual(self.server.api("/watches")["watches"], [])
        self.assertEqual(self.server.get(f"/api/v1/watches/{watch}").status, 404)

    def test_of_a_folder_with_what_is_there(self):
        self.analyzed("before.mp4")
        self.analyzed("elsewhere.mp4", "other")
        events = self.server.socket(self.server.api("/jobs")["seq"])
        watch = self.watch(folder=str(self.dir / "in"), existing=True)
        self.assertEqual(events.event("hit", watch=watch)["data"]["video"]["name"], "before.mp4")
        self.submit("not.mp4", "other")
        self.submit("later.mp4")
        self.assertEqual(events.event("hit", watch=watch)["data"]["video"]["name"], "later.mp4")

    def test_a_kill_loses_no_hit(self):
        receiver = Receiver(self, *[500] * 2)
        self.server.stop()
        options = self.hook("--webhook", receiver.url)
        self.server = self.start_server(*options)
        watch = self.watch()
        self.submit("a.mp4")
        self.assertEqual(receiver.next()[0], 500)
        self.server.stop(signal.SIGKILL)
        asked = len(self.answers.lines("begin"))
        self.server = self.start_server(*options)
        got = [receiver.next() for _ in range(2)]
        self.assertEqual([status for status, _, _ in got], [500, 204])
        self.assertEqual(json.loads(got[1][2])["watch"], watch)
        self.assertEqual(len(self.answers.lines("begin")), asked)

    def test_a_kill_while_it_is_asked(self):
        self.analyzed("a.mp4")
        began = len(self.answers.lines("begin"))
        self.answers.control(faults=[f"hold@{began + 2}"])
        watch = self.watch(all=True, existing=True)
        self.answers.control(**{"await": began + 2})
        self.server.stop(signal.SIGKILL)
        self.answers.control(faults=[], release=True)
        self.server = self.start_server()
        self.server.wait(f"/watches/{watch}", lambda w: w["hits"] == 1)
        self.assertEqual(len(self.asks()), 1)

    def test_what_failed_waits_for_its_next_job(self):
        self.analyzed("a.mp4")
        self.answers.control(faults=["503"])
        watch = self.watch(all=True, existing=True)
        self.server.wait("/asks", lambda a: [q["state"] for q in a["asks"]] == ["failed"])
        self.answers.control(faults=[])
        self.analyzed("b.mp4")  # is asked; the first is not asked again before a start
        self.server.wait(f"/watches/{watch}", lambda w: w["hits"] == 1)
        self.server.stop()
        self.server = self.start_server()
        self.server.wait(f"/watches/{watch}", lambda w: w["hits"] == 2)

    def test_what_was_given_up_is_not_asked_again(self):
        self.analyzed("a.mp4")
        began = len(self.answers.lines("begin"))
        self.answers.control(faults=[f"hold@{began + 1}+"])
        watch = self.watch(all=True, existing=True)
        self.answers.control(**{"await": began + 1})
        ask, = self.asks()
        self.server.change("POST", f"/asks/{ask['id']}/cancel")
        self.answers.control(faults=[], release=True)
        self.analyzed("b.mp4")
        self.server.wait(f"/watches/{watch}", lambda w: (w["asked"], w["hits"]) == (2, 1))

    def test_limits(self):
        self.server.stop()
        self.server = self.start_server("--watch-tokens", "1")
        watch = self.watch()
        self.analyzed("a.mp4")
        self.server.wait(f"/watches/{watch}", lambda w: w["hits"] == 1)
        self.analyzed("b.mp4")
        self.assertEqual(self.server.api(f"/watches/{watch}")["asked"], 1)
        self.server.stop()
        with sqlite3.connect(self.store) as store:
            store.execute("UPDATE watched SET asked = asked - 86400000000")
        store.close()
        self.server = self.start_server("--watch-tokens", "1")
        self.server.wait(f"/watches/{watch}", lambda w: w["hits"] == 2)

    def test_who_may_set_a_webhook(self):
        receiver = Receiver(self)
        self.server.stop()
        tokens = {role: subprocess.run([VDET, "token", "add", role, "--role", role], env=self.env, cwd=self.dir, check=True,
                                       capture_output=True, text=True).stdout.split()[-1] for role in ("view", "submit", "admin")}
        self.server = self.start_server(*self.hook())
        body = {"question": QUESTION, "all": True}
        r = self.server.post("/api/v1/watches", body, token=tokens["view"])
        self.assertEqual(r.status, 403)
        r = self.server.post("/api/v1/watches", body | {"webhook": receiver.url}, token=tokens["submit"])
        self.assertEqual((r.status, "administrator" in r.json["detail"]), (403, True))
        watch = self.server.change("POST", "/watches", body | {"webhook": receiver.url}, token=tokens["admin"])
        self.assertEqual(watch["webhook"], True)
        self.assertNotIn(receiver.url, json.dumps(watch))
        self.submit("a.mp4", token=tokens["admin"])
        self.assertEqual(json.loads(receiver.next()[2])["watch"], watch["id"])

    def test_wrong_requests(self):
        for body, words in (({"question": QUESTION}, "folder"), ({"question": QUESTION, "all": True, "folder": "in"}, "folder"),
                            ({"question": " ", "all": True}, "ask a question"), ({"all": True}, "question"),
                            ({"question": QUESTION, "folder": 3}, "path"), ({"question": QUESTION, "all": True, "x": 1}, "x"),
                            ({"question": QUESTION, "folder": "made.mp4"}, "has to be a folder"),
                            ({"question": QUESTION, "all": True, "existing": 1}, "existing"),
                            ({"question": QUESTION, "all": True, "webhook": "http://example.org/"}, "notify.webhook_secret")):
            r = self.server.post("/api/v1/watches", body)
            self.assertEqual(r.status, 400, body)
            self.assertIn(words, r.json["detail"], body)
        r = self.server.post("/api/v1/watches", {"question": QUESTION, "folder": "/etc"})
        self.assertEqual(r.status, 404)


if __name__ == "__main__":
    main()
