#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Cases of the server: videos in them, their report and its summary by the model, names and tags; what is kept by a restart
and lost by nothing."""
import csv
import json
import os
import shutil
import signal

from flow import main, make_video
from serving import Serving

LONG_AGO = 1_700_000_000
CHUNKS = {"chunk.duration": 2, "chunk.frames": 2}


class Cases(Serving):
    def setUp(self):
        super().setUp()
        self.answers = self.engine()
        self.server = self.start_server()

    def start_server(self):
        return self.serve("--engine", self.answers.url, "--folder", self.dir, "--retries", "0")

    def video(self, name, seconds=4, **more):
        """The ids of a video and of its job, which is done."""
        make_video(self.dir / name, seconds, **more)
        os.utime(self.dir / name, (LONG_AGO, LONG_AGO))  # times in a case are whole seconds
        job = self.server.change("POST", "/jobs", {"path": str(self.dir / name), "options": CHUNKS})
        self.server.wait(f"/jobs/{job['id']}", lambda j: j["state"] in ("done", "holes", "failed"))
        return job["video"], job["id"]

    def case(self, name, *videos):
        return self.server.change("POST", "/cases", {"name": name, "videos": videos})["id"]

    def report(self, case, query=""):
        return json.loads(self.server.get(f"/api/v1/cases/{case}/report{query}").body)

    def refused(self, status, words, method, path, body):
        r = self.server.request(method, "/api/v1" + path, body)
        self.assertEqual(r.status, status, r.body)
        self.assertIn(words, r.json["detail"])


class BoardCase(Cases):
    def test_a_case_is_reported_and_kept(self):
        (a, job), (b, _) = self.video("a.mp4", 6), self.video("b.mp4", 4, source="smptebars")
        events = self.server.socket(self.server.api("/jobs")["seq"])
        case = self.case("Burglary", a, b)
        told = events.event("case")
        self.assertEqual((told["case"], told["data"]), (case, self.server.api(f"/cases/{case}")))
        report = self.report(case)
        self.assertEqual(report["case"]["title"], "Burglary")
        self.assertEqual({v["name"] for v in report["videos"]}, {"a.mp4", "b.mp4"})
        self.assertTrue(report["complete"], report)
        ran = {v["name"]: v["job"] for v in report["videos"]}
        self.assertEqual(ran["a.mp4"], self.server.api(f"/jobs/{job}")["journal"])
        own = json.loads(self.server.get(f"/api/v1/jobs/{job}/report").body)
        index = next(i for i, v in enumerate(report["videos"]) if v["name"] == "a.mp4")
        told = [e["what"] for e in report["events"] if e["video"] == index]
        self.assertEqual(told, [e["what"] for e in own["events"]])
        # No link to what a browser refuses from a page in a sandbox.
        r = self.server.get(f"/api/v1/cases/{case}/report?format=html&download=1")
        self.assertNotIn("report.html", r.body.decode())
        self.assertIn("Burglary.html", r.headers["Content-Disposition"])
        for format, words in ("md", b"Burglary"), ("csv", b"a.mp4"):
            self.assertIn(words, self.server.get(f"/api/v1/cases/{case}/report?format={format}").body)
        # A video that has no result makes it incomplete, and says why.
        self.server.change("DELETE", f"/jobs/{job}")
        report = self.report(case)
        self.assertFalse(report["complete"])
        self.assertEqual([v["fault"] for v in report["videos"] if v["name"] == "a.mp4"], ["it has no job"])
        rows = list(csv.DictReader(self.server.get(f"/api/v1/cases/{case}/report?format=csv").body.decode().splitlines()))
        self.assertEqual([(r["video"], r["what"]) for r in rows if r["kind"] == "not_analyzed"], [("a.mp4", "it has no job")])
        self.assertTrue(all(None not in r and None not in r.values() for r in rows))
        # All of it is there after a kill.
        self.server.stop(signal.SIGKILL)
        self.server = self.start_server()
        self.assertEqual(self.server.api(f"/cases/{case}")["videos"], [a, b])
        self.assertEqual(self.report(case)["videos"], report["videos"])
        # A deleted video is in no case; a deleted case leaves its videos.
        self.server.change("DELETE", f"/videos/{b}")
        self.assertEqual(self.server.api(f"/cases/{case}")["videos"], [a])
        self.server.change("DELETE", f"/cases/{case}")
        self.assertEqual(self.server.get(f"/api/v1/cases/{case}").status, 404)
        self.assertEqual([v["id"] for v in self.server.api("/videos")["videos"]], [a])
        self.assertNotEqual(self.case("Burglary"), case)  # ids are not used again

    def test_changes(self):
        a, _ = self.video("a.mp4")
        one, two = self.case("One"), self.case("  Two ")
        self.assertEqual(self.server.api(f"/cases/{two}")["name"], "Two")
        change = {"name": "Eins", "add": [a, a], "remove": ["99"]}
        self.assertEqual(self.server.change("PATCH", f"/cases/{one}", change)["videos"], [a])
        self.server.change("PATCH", f"/cases/{two}", {"add": [a]})
        self.assertEqual([c["videos"] for c in self.server.api("/cases")["cases"]], [[a], [a]])
        # As a whole or not at all.
        self.refused(404, "no video 99", "PATCH", f"/cases/{one}", {"name": "Zwei", "add": ["99"]})
        self.refused(409, f"case {two} already", "PATCH", f"/cases/{one}", {"name": "Two", "remove": [a]})
        self.assertEqual(self.server.api(f"/cases/{one}"), {**self.server.api(f"/cases/{one}"), "name": "Eins", "videos": [a]})
        self.refused(409, f"case {two} already", "POST", "/cases", {"name": "Two"})
        self.refused(404, "no video 7", "POST", "/cases", {"name": "Three", "videos": ["7"]})
        self.assertEqual(len(self.server.api("/cases")["cases"]), 2)
        for body, words in (({}, "name of the case"), ({"name": 7}, "a text"), ({"name": " "}, "empty"),
                            ({"name": "x" * 201}, "at most 200"), ({"name": "a\u202eb"}, "direction"),
                            ({"name": "x", "videos": 5}, "list of ids"), ({"name": "x", "videos": [{}]}, ""),
                            ({"name": "x", "add": []}, "unknown member")):
            self.refused(400, words, "POST", "/cases", body)
        self.refused(404, "no case 99", "PATCH", "/cases/99", {"name": "x"})
        for method, body in ("PATCH", {}), ("PATCH", {"name": "x"}), ("GET", None), ("DELETE", None):
            for id in "99", "0":
                self.refused(404, f"no case {id}", method, f"/cases/{id}", body)
        self.refused(404, "no case 0", "GET", "/cases/0/report", None)
        self.assertEqual(len(self.server.api("/cases")["cases"]), 2)

    def test_videos_of_one_content(self):
        """Each has its own jobs, and so its own result."""
        a, job = self.video("a.mp4")
        shutil.copy(self.dir / "a.mp4", self.dir / "b.mp4")
        other = self.server.change("POST", "/jobs", {"path": str(self.dir / "b.mp4"), "prompt": "x", "options": CHUNKS})
        self.server.wait(f"/jobs/{other['id']}", lambda j: j["state"] == "done")
        case = self.case("One", a, other["video"])
        runs = [self.server.api(f"/jobs/{j}")["journal"] for j in (job, other["id"])]
        self.assertEqual(sorted(v["job"] for v in self.report(case)["videos"]), sorted(runs))
        self.server.change("DELETE", f"/jobs/{job}")
        found = {v["name"]: (v["job"], v["fault"]) for v in self.report(case)["videos"]}
        self.assertEqual(found, {"a.mp4": (None, "it has no job"), "b.mp4": (runs[1], None)})

    def test_the_time_of_a_file_that_is_touched(self):
        a, _ = self.video("a.mp4")
        case = self.case("One", a)
        before = self.report(case)["videos"]
        os.utime(self.dir / "a.mp4", (1, 1))
        self.assertEqual(self.report(case)["videos"], before)

    def test_names_and_tags(self):
        a, job = self.video("a.mp4")
        change = {"name": "Front door", "tags": [" night ", "night", "<b>", "Straße"]}
        video = self.server.change("PATCH", f"/videos/{a}", change)
        self.assertEqual((video["name"], video["tags"]), ("Front door", ["night", "<b>", "Straße"]))
        self.assertEqual(self.server.api(f"/jobs/{job}")["name"], "Front door")
        self.assertEqual(self.server.change("PATCH", f"/videos/{a}", {"tags": ["x"]})["name"], "Front door")
        self.assertEqual(self.server.change("PATCH", f"/videos/{a}", {})["tags"], ["x"])
        case = self.case("One", a)
        self.assertEqual([v["name"] for v in self.report(case)["videos"]], ["Front door"])
        for body, words in (({"name": ""}, "empty"), ({"tags": "x"}, "list of at most"), ({"tags": [1]}, "list of texts"),
                            ({"tags": ["x"] * 51}, "at most 50"), ({"tags": ["a\nb"]}, "control"), ({"id": "9"}, "unknown member")):
            self.refused(400, words, "PATCH", f"/videos/{a}", body)
        self.refused(404, "99", "PATCH", "/videos/99", {"name": "x"})
        self.server.stop(signal.SIGKILL)
        self.server = self.start_server()
        video = self.server.api(f"/videos/{a}")
        self.assertEqual((video["name"], video["tags"]), ("Front door", ["x"]))
        # It is still the same file: named again, it is found and not added again.
        again = self.server.change("POST", "/jobs", {"path": str(self.dir / "a.mp4"), "options": CHUNKS})
        self.assertEqual((again["video"], again["id"]), (a, job))

    def test_a_case_without_videos(self):
        """It is not complete, and says why; so is one whose last video is taken out."""
        case = self.case("Empty")
        report = self.report(case)
        self.assertEqual((report["complete"], report["videos"], report["summary"]["by"]), (False, [], "list"))
        for format in "md", "html":
            self.assertIn(b"no videos", self.server.get(f"/api/v1/cases/{case}/report?format={format}").body)
        self.refused(409, "no video of case", "POST", f"/cases/{case}/summary", {})
        a, _ = self.video("a.mp4")
        self.server.change("PATCH", f"/cases/{case}", {"add": [a]})
        self.assertTrue(self.report(case)["complete"])
        self.server.change("PATCH", f"/cases/{case}", {"remove": [a]})
        self.assertFalse(self.report(case)["complete"])


class Summary(Cases):
    def summarize(self, case, state="done"):
        """Asks for a summary, and waits for its end; the case then."""
        self.server.change("POST", f"/cases/{case}/summary")
        of = self.server.wait(f"/cases/{case}", lambda c: c["summary"]["state"] != "running")
        self.assertEqual(of["summary"]["state"], state, of)
        return of["summary"]

    def state(self, case):
        return self.server.api(f"/cases/{case}")["summary"]["state"]

    def asked(self):
        """How many requests were about something else than a stretch of a video."""
        return len(self.answers.lines("begin")) - len(self.answers.stretches())

    def is_listed(self, case, why):
        """The report has the list of the videos instead, and says why."""
        report = self.report(case)
        summary = report["summary"]
        self.assertEqual((summary["by"], summary["sentences"]), ("list", []))
        self.assertIn(why, summary["fallback_reason"])
        for v in report["videos"]:
            self.assertIn(v["name"] + ": ", summary["text"])

    def test_it_is_written_and_shown(self):
        (a, _), (b, _) = self.video("a.mp4", 6), self.video("b.mp4", 4, source="smptebars")
        case = self.case("Burglary", a, b)
        self.assertEqual(self.server.api(f"/cases/{case}")["summary"],
                         {"state": "none", "error": None, "written": None, "model": None})
        self.is_listed(case, "none was requested")
        events = self.server.socket(self.server.api("/jobs")["seq"])
        asked = self.asked()
        summary = self.summarize(case)
        self.assertGreater(summary["written"], 1e9)
        self.assertTrue(summary["model"])
        self.assertEqual(self.asked(), asked + 1)
        states = [events.event("case", id=case)["data"]["summary"]["state"] for _ in range(2)]
        self.assertEqual(states, ["running", "done"])
        report = self.report(case)
        self.assertEqual((report["summary"]["by"], report["summary"]["fallback_reason"]), ("model", None))
        self.assertTrue(report["summary"]["sentences"])
        for format in "md", "html":
            text = self.server.get(f"/api/v1/cases/{case}/report?format={format}").body.decode()
            for s in report["summary"]["sentences"]:
                self.assertTrue(s["events"])
                self.assertIn(s["text"], text)
                for e in s["events"][:3]:  # the times of what it is about follow it
                    self.assertIn(report["events"][e]["time"][:19].replace("T", " "), text[text.index(s["text"]):])
        # Again, without a change: no request, and the same.
        self.summarize(case)
        self.assertEqual(self.asked(), asked + 1)
        self.assertEqual(self.report(case)["summary"], report["summary"])
        self.server.stop(signal.SIGKILL)
        self.server = self.start_server()
        self.assertEqual(self.state(case), "done")
        self.assertEqual(self.report(case)["summary"], report["summary"])

    def test_it_is_outdated_by_what_it_was_made_from(self):
        (a, job), (b, _) = self.video("a.mp4", 6), self.video("b.mp4", 4, source="smptebars")
        case, other = self.case("One", a), self.case("Two", b)
        self.summarize(case)
        self.summarize(other)
        asked = self.asked()
        events = self.server.socket(self.server.api("/jobs")["seq"])

        def told():
            while events.event("case", case=case)["data"]["summary"]["state"] != "outdated":
                pass

        def is_outdated(costs):
            nonlocal asked
            told()
            self.is_listed(case, "changed after")
            self.summarize(case)
            self.assertEqual(self.asked(), asked + costs)
            self.assertEqual(self.report(case)["summary"]["by"], "model")
            asked += costs

        self.server.change("PATCH", f"/cases/{case}", {"add": [b]})
        is_outdated(1)
        self.server.change("PATCH", f"/videos/{a}", {"name": "Front door"})
        is_outdated(1)
        self.server.change("PATCH", f"/cases/{case}", {"remove": [b]})
        is_outdated(0)  # one sentence is its own summary
        self.server.change("PATCH", f"/cases/{case}", {"add": [b]})
        is_outdated(0)  # as it was before
        # Another run of a video takes the place of the first one.
        again = self.server.change("POST", "/jobs", {"video": a, "options": CHUNKS | {"chunk.duration": 3}})["id"]
        self.server.wait(f"/jobs/{again}", lambda j: j["state"] == "done")
        asked = self.asked()
        is_outdated(1)
        self.server.change("DELETE", f"/jobs/{again}")
        is_outdated(0)
        self.server.change("PATCH", f"/cases/{case}", {"name": "Eins"})  # its own name is in no request
        self.assertEqual(self.state(case), "done")
        self.server.change("DELETE", f"/jobs/{job}")
        told()
        self.server.change("DELETE", f"/videos/{b}")
        self.refused(409, "no video of case", "POST", f"/cases/{case}/summary", {})
        self.assertEqual(self.server.get(f"/api/v1/cases/{case}/report?format=html").status, 200)
        self.assertEqual(self.state(other), "outdated")

    def test_an_engine_that_fails_or_lies(self):
        (a, _), (b, _) = self.video("a.mp4"), self.video("b.mp4", 4, source="smptebars")
        case = self.case("One", a, b)
        for fault, why in ("500", "500"), ("schema", "it is not an object"), ("sentence-loop", "repeats itself"):
            self.answers.control(faults=[f"{fault}@1+"], reset=True)
            summary = self.summarize(case, "failed")
            self.assertIn(why, summary["error"])
            self.assertEqual((summary["written"], summary["model"]), (None, None))
            self.is_listed(case, why)
        self.answers.control(faults=[], reset=True)
        self.assertIsNone(self.summarize(case)["error"])
        # An attempt that fails leaves what there is, as long as it fits.
        self.server.change("PATCH", "/settings", {"report.language": "German"})
        self.answers.control(faults=["500@1+"], reset=True)
        self.assertTrue(self.summarize(case, "failed")["written"])
        self.assertEqual(self.report(case)["summary"]["by"], "model")
        self.server.change("PATCH", f"/cases/{case}", {"remove": [b]})
        self.is_listed(case, "500")

    def test_an_engine_that_is_gone(self):
        (a, _), (b, _) = self.video("a.mp4", 6), self.video("b.mp4", 4, source="smptebars")
        case = self.case("One", a, b)
        self.answers.stop()
        self.assertTrue(self.summarize(case, "failed")["error"])
        self.server.stop()
        self.server = self.start_server()
        self.assertEqual(self.state(case), "failed")
        self.assertIn("engine", self.summarize(case, "failed")["error"])

    def hold(self, case):
        """The summary waits for its answer."""
        self.answers.control(faults=["hold@1"], reset=True)
        self.assertEqual(self.server.change("POST", f"/cases/{case}/summary")["summary"]["state"], "running")
        self.answers.control(**{"await": 1})

    def test_nothing_waits_for_it(self):
        (a, _), (b, _) = self.video("a.mp4", 6), self.video("b.mp4", 4, source="smptebars")
        case, other = self.case("One", a, b), self.case("Two", a)
        self.hold(case)
        self.assertEqual(self.server.change("POST", f"/cases/{case}/summary")["summary"]["state"], "running")
        c, _ = self.video("c.mp4", 5)  # it is analyzed meanwhile
        self.server.change("PATCH", f"/cases/{case}", {"add": [c]})
        self.server.change("POST", f"/cases/{other}/summary")
        self.assertEqual([self.state(c) for c in (case, other)], ["running", "running"])
        self.is_listed(case, "is writing")
        self.answers.control(release=True)
        self.server.wait(f"/cases/{other}", lambda c: c["summary"]["state"] == "done")
        self.assertEqual(self.state(case), "outdated")  # it is about two videos
        self.summarize(case)

    def test_it_is_canceled(self):
        (a, _), (b, _) = self.video("a.mp4", 6), self.video("b.mp4", 4, source="smptebars")
        case, other = self.case("One", a, b), self.case("Two", b, a)
        self.hold(case)
        self.assertEqual(self.server.change("POST", f"/cases/{case}/summary/cancel")["summary"]["state"], "none")
        self.refused(409, "no summary", "POST", f"/cases/{case}/summary/cancel", {})
        self.refused(404, "no case 99", "POST", "/cases/99/summary/cancel", {})
        self.refused(404, "no case 99", "POST", "/cases/99/summary", {})
        self.summarize(case)
        # The last one stays when another is canceled; a case that is deleted ends its own.
        written = self.report(case)["summary"]
        self.server.change("PATCH", "/settings", {"report.language": "German"})
        self.hold(case)
        self.assertEqual(self.server.change("POST", f"/cases/{case}/summary/cancel")["summary"]["state"], "done")
        self.assertEqual(self.report(case)["summary"], written)
        self.hold(other)
        self.server.change("DELETE", f"/cases/{other}")
        self.summarize(case)

    def test_what_waits_needs_no_descriptor(self):
        (a, _), (b, _) = self.video("a.mp4", 6), self.video("b.mp4", 4, source="smptebars")
        case, other = self.case("One", a, b), self.case("Two", b, a)
        self.hold(case)
        fds = f"/proc/{self.server.process.pid}/fd"
        before = len(os.listdir(fds))
        for _ in range(60):
            self.server.change("POST", f"/cases/{other}/summary")
            self.server.change("POST", f"/cases/{other}/summary/cancel")
        self.assertLess(len(os.listdir(fds)) - before, 30)
        self.assertEqual(self.state(other), "none")

    def test_the_server_ends_meanwhile(self):
        (a, _), (b, _) = self.video("a.mp4", 6), self.video("b.mp4", 4, source="smptebars")
        case = self.case("One", a, b)
        for end in signal.SIGKILL, signal.SIGTERM:
            self.server.change("PATCH", "/settings", {"report.language": end.name})
            self.hold(case)
            self.server.stop(end)
            self.answers.control(faults=[], reset=True)
            self.server = self.start_server()
            of = self.server.wait(f"/cases/{case}", lambda c: c["summary"]["state"] != "running")
            self.assertEqual((of["summary"]["state"], of["summary"]["error"]), ("done", None))
            self.assertEqual(self.report(case)["summary"]["by"], "model")
        # What was canceled does not come again.
        self.server.change("PATCH", "/settings", {"report.language": "German"})
        self.hold(case)
        self.server.change("POST", f"/cases/{case}/summary/cancel")
        self.server.stop(signal.SIGKILL)
        self.answers.control(faults=[], reset=True)
        asked = self.asked()
        self.server = self.start_server()
        self.assertEqual(self.state(case), "done")
        self.assertEqual(self.asked(), asked)

    def test_the_demo_model(self):
        """The real engine: the demo model is asked about single videos only, and the case says so."""
        self.server.stop()
        self.server = self.serve("--folder", self.dir)
        self.vdet("world", "w.mp4", "--duration", "40", "--hour", "12", "--events", "360")
        job = self.server.change("POST", "/jobs", {"path": str(self.dir / "w.mp4"), "options": {"chunk.duration": 20, "chunk.frames": 4}})
        self.server.wait(f"/jobs/{job['id']}", lambda j: j["state"] == "done")
        case = self.case("One", job["video"])
        self.assertTrue(self.report(case)["events"])
        self.assertIn("single videos only", self.summarize(case, "failed")["error"])
        self.is_listed(case, "single videos only")


if __name__ == "__main__":
    main()
