#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Cases of the server: videos in them, their report, names and tags; what is kept by a restart and lost by nothing."""
import csv
import json
import os
import shutil
import signal

from flow import main, make_video
from serving import Serving

CHUNKS = {"chunk.duration": 2, "chunk.frames": 2}


class BoardCase(Serving):
    def setUp(self):
        super().setUp()
        self.answers = self.engine()
        self.server = self.start_server()

    def start_server(self):
        return self.serve("--engine", self.answers.url, "--folder", self.dir)

    def video(self, name, seconds=4, **more):
        """The ids of a video and of its job, which is done."""
        make_video(self.dir / name, seconds, **more)
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


if __name__ == "__main__":
    main()
