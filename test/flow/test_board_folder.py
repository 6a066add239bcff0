#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Watched folders of the server: each new file comes to the queue once, and is asked by standing questions."""
import hashlib
import json
import os
import shutil
import signal
import subprocess

from flow import VDET, main, make_video
from serving import Serving
from test_ask import CHUNKS, QUESTION, scene


class BoardFolder(Serving):
    def setUp(self):
        super().setUp()
        (self.dir / "scene.json").write_text(json.dumps(scene()))
        self.answers = self.engine("--scene", str(self.dir / "scene.json"))
        self.made = 0
        make_video(self.dir / "made.mp4", 4 * CHUNKS, size="64x36", rate=5)
        self.folder = self.dir / "in"
        self.folder.mkdir()

    def start(self, *options, folders=None):
        folders = [self.folder] if folders is None else folders
        named = [word for f in folders for word in ("--watch-folder", f)]
        self.server = self.serve("--engine", self.answers.url, "--chunk-duration", "4", "--chunk-frames", "2", "--retries", "0",
                                 "--net-rate", "0", "--log-level", "info", *named, *options)
        self.events = self.server.socket(self.server.api("/jobs")["seq"])

    def restart(self, **kw):
        self.server.stop()
        self.start(**kw)

    def put(self, name, data=None, folder=None):
        """A file that was complete long ago as soon as it has its name; a video that differs from all others."""
        self.made += 1
        path, hidden = (folder or self.folder) / name, self.dir / "hidden"
        hidden.write_bytes((self.dir / "made.mp4").read_bytes() + bytes(self.made) if data is None else data)
        os.utime(hidden, (1e9, 1e9))
        hidden.rename(path)
        return path

    def watch(self, **more):
        return self.server.change("POST", "/watches", {"question": QUESTION} | (more or {"all": True}))["id"]

    def hit(self, watch):
        return self.events.event("hit", watch=watch)["data"]["video"]["name"]

    def logged(self, words):
        """Waits for a warning with these words, which clients get."""
        while words not in self.events.event("log")["data"]["text"]:
            pass

    def done(self, name):
        """Waits until the job of this video has ended."""
        self.server.wait("/jobs", lambda a: [j["state"] for j in a["jobs"] if j["name"] == name] == ["done"])

    def names(self):
        videos, jobs = self.server.api("/videos")["videos"], self.server.api("/jobs")["jobs"]
        self.assertEqual(sorted(j["name"] for j in jobs), sorted(v["name"] for v in videos))
        return sorted(v["name"] for v in videos)

    def test_each_file_comes_once(self):
        self.put("there.mp4")
        self.start()
        watch = self.watch()
        self.done("there.mp4")
        first = self.put("later.mp4")
        self.put("notes.txt", b"no video")
        while self.hit(watch) != "later.mp4":
            pass
        self.put("copy.mp4", first.read_bytes())
        self.put("z.mp4")
        self.assertEqual(self.hit(watch), "z.mp4")
        self.assertEqual(self.names(), ["later.mp4", "there.mp4", "z.mp4"])
        self.restart()
        (self.folder / "deep").mkdir()
        self.put("zz.mp4", folder=self.folder / "deep")
        self.assertEqual(self.hit(watch), "zz.mp4")
        self.assertEqual(self.names(), ["later.mp4", "there.mp4", "z.mp4", "zz.mp4"])
        video, = (v for v in self.server.api("/videos")["videos"] if v["name"] == "z.mp4")
        self.assertEqual(self.server.get(f"/api/v1/videos/{video['id']}/source").body, (self.folder / "z.mp4").read_bytes())
        self.server.change("DELETE", f"/videos/{video['id']}")
        self.restart()
        self.put("zzz.mp4")
        self.assertEqual(self.hit(watch), "zzz.mp4")
        self.assertEqual(self.names(), ["later.mp4", "there.mp4", "zz.mp4", "zzz.mp4"])

    def test_after_a_kill(self):
        self.put("a.mp4")
        self.start()
        self.server.wait("/jobs", lambda a: len(a["jobs"]) == 1)
        self.server.stop(signal.SIGKILL)
        self.put("b.mp4")
        self.start()
        self.done("a.mp4")
        self.done("b.mp4")
        self.assertEqual(self.names(), ["a.mp4", "b.mp4"])

    def test_what_is_still_written_has_to_wait(self):
        self.start()
        data = (self.dir / "made.mp4").read_bytes() + b"slow"
        with open(self.folder / "a.mp4", "wb") as f:
            f.write(data[:len(data) // 2])
            f.flush()
            self.put("z.mp4")
            self.done("z.mp4")
            self.assertEqual(self.names(), ["z.mp4"])
            f.write(data[len(data) // 2:])
        self.done("a.mp4")

    def test_a_question_of_one_folder(self):
        other = self.dir / "cam2" / "in"
        other.mkdir(parents=True)
        self.start(folders=[self.folder, other, self.dir / "later"])
        self.assertEqual(self.server.api("/watches")["folders"], ["in", "in", "later"])
        watch, both = self.watch(folder="cam2/in"), self.watch(folder="in")
        self.assertEqual(self.server.api(f"/watches/{watch}")["folder"], "cam2/in")
        self.put("a.mp4")
        self.assertEqual(self.hit(both), "a.mp4")
        self.put("b.mp4", folder=other)
        self.assertEqual(self.hit(both), "b.mp4")
        self.server.wait(f"/watches/{watch}", lambda w: (w["asked"], [h["video"]["name"] for h in w["latest"]]) == (1, ["b.mp4"]))
        for folder in ("n", "cam3/in", "/in", "", str(other), "cam2/in/"):
            r = self.server.post("/api/v1/watches", {"question": QUESTION, "folder": folder})
            self.assertEqual((r.status, str(self.dir) in r.json["detail"] and folder != str(other)), (404, False), folder)
        # Clients may not name its files, nor the folders.
        self.assertEqual(self.server.post("/api/v1/jobs", {"path": str(self.folder / "a.mp4")}).status, 404)
        r = self.server.request("PATCH", "/api/v1/settings", {"serve.watch_folder": "/etc"})
        self.assertEqual(r.status, 400)

    def test_no_video_is_named_once(self):
        self.start()
        self.put("a.mp4", b"no video")
        self.server.wait("/jobs", lambda a: [j["state"] for j in a["jobs"]] == ["failed"])
        self.logged("[job 1]")
        self.restart()
        self.put("z.mp4")
        self.done("z.mp4")
        self.assertEqual(self.names(), ["a.mp4", "z.mp4"])

    def test_links_are_not_followed(self):
        outside = self.dir / "outside"
        outside.mkdir()
        self.put("b.mp4", folder=outside)
        (self.folder / "link").symlink_to(outside)
        (self.folder / "a.mp4").symlink_to(outside / "b.mp4")
        self.start()
        self.put("z.mp4")
        self.done("z.mp4")
        self.assertEqual(self.names(), ["z.mp4"])

    def test_a_file_that_is_moved_stays_its_video(self):
        self.start()
        path = self.put("a.mp4")
        self.done("a.mp4")
        data = path.read_bytes()
        (self.folder / "old").mkdir()
        path.rename(self.folder / "old" / "b.mp4")
        self.put("z.mp4")
        self.done("z.mp4")
        self.assertEqual(self.names(), ["a.mp4", "z.mp4"])
        video, = (v for v in self.server.api("/videos")["videos"] if v["name"] == "a.mp4")
        self.assertEqual(self.server.get(f"/api/v1/videos/{video['id']}/source").body, data)

    def test_another_content_at_the_same_path(self):
        self.start()
        self.put("a.mp4")
        self.done("a.mp4")
        self.put("a.mp4")
        self.server.wait("/jobs", lambda a: [j["state"] for j in a["jobs"]] == ["done", "done"])
        self.assertEqual(self.names(), ["a.mp4", "a.mp4"])
        self.assertEqual(len({v["sha256"] for v in self.server.api("/videos")["videos"]}), 2)

    def wait_in_queue(self, name="cam.mp4"):
        """A file whose job has to wait for others, until release()."""
        self.answers.control(faults=["hold@1+"])
        self.start()
        for i in range(3):
            self.put(f"f{i}.mp4")
        self.in_queue(3)
        path = self.put(name)
        self.in_queue(4)
        return path

    def in_queue(self, n):
        self.server.wait("/jobs", lambda a: len(a["jobs"]) == n)

    def release(self):
        self.answers.control(faults=[], release=True)

    def all_done(self, n):
        self.server.wait("/jobs", lambda a: [j["state"] for j in a["jobs"]] == ["done"] * n)

    def sums(self):
        return sorted(v["sha256"] for v in self.server.api("/videos")["videos"])

    def sum_of(self, *paths):
        return sorted(hashlib.sha256(p.read_bytes()).hexdigest() for p in paths)

    def source(self, sha256):
        video, = (v for v in self.server.api("/videos")["videos"] if v["sha256"] == sha256)
        return self.server.get(f"/api/v1/videos/{video['id']}/source")

    def test_rotated_while_it_waits(self):
        path = self.wait_in_queue()
        path.rename(self.folder / "cam.1.mp4")
        self.put("cam.mp4")
        self.in_queue(5)
        self.release()
        self.all_done(5)
        files = sorted(self.folder.iterdir())
        self.assertEqual(self.sums(), self.sum_of(*files))
        for f in files:
            self.assertEqual(self.source(self.sum_of(f)[0]).body, f.read_bytes())

    def test_overwritten_while_it_waits(self):
        path = self.wait_in_queue()
        data = path.read_bytes()
        self.put("cam.mp4")
        self.in_queue(5)
        self.release()
        first = hashlib.sha256(data).hexdigest()
        self.logged("has another content now")
        self.server.wait("/jobs", lambda a: sorted(j["state"] for j in a["jobs"]) == ["done"] * 4 + ["failed"])
        self.assertIn(first, self.sums())
        r = self.source(first)
        self.assertEqual(r.status, 404)
        self.assertIn("another content", r.json["detail"])
        self.put("again.mp4", data)
        self.all_done(5)
        self.assertEqual(self.sums(), self.sum_of(*self.folder.iterdir()))
        self.assertEqual(self.source(first).body, data)

    def test_rotated_after_it_was_analyzed(self):
        self.start()
        path = self.put("cam.mp4")
        self.done("cam.mp4")
        first = self.sum_of(path)[0]
        path.rename(self.folder / "cam.1.mp4")
        self.put("cam.mp4")
        self.all_done(2)
        for f in self.folder.iterdir():
            self.assertEqual(self.source(self.sum_of(f)[0]).body, f.read_bytes())
        (self.folder / "cam.1.mp4").unlink()
        self.assertEqual(self.source(first).status, 404)

    def test_a_copy_is_taken_when_the_file_is_away(self):
        path = self.wait_in_queue()
        self.put("copy.mp4", path.read_bytes())
        self.put("z.mp4")
        self.in_queue(5)
        path.unlink()
        self.release()
        self.all_done(5)
        self.assertEqual(self.sums(), self.sum_of(*self.folder.iterdir()))

    def test_a_file_that_was_away_for_a_while(self):
        path = self.wait_in_queue()
        path.rename(self.dir / "elsewhere")
        self.release()
        self.server.wait("/jobs", lambda a: sorted(j["state"] for j in a["jobs"]) == ["done"] * 3 + ["failed"])
        job, = (j for j in self.server.api("/jobs")["jobs"] if j["state"] == "failed")
        self.assertEqual(job["error"], "the file is away: cam.mp4 is not where it was found; put it back, then try again")
        (self.dir / "elsewhere").rename(path)
        self.all_done(4)
        path.rename(self.dir / "elsewhere")
        (self.dir / "elsewhere").rename(path)
        self.put("z.mp4")
        self.all_done(5)

    def test_a_file_that_was_away_while_the_server_was(self):
        path = self.wait_in_queue()
        self.server.stop(signal.SIGKILL)
        path.rename(self.dir / "elsewhere")
        self.release()
        self.start()
        self.server.wait("/jobs", lambda a: sorted(j["state"] for j in a["jobs"]) == ["done"] * 3 + ["failed"])
        self.server.stop()
        (self.dir / "elsewhere").rename(self.folder / "renamed.mp4")
        self.start()
        self.all_done(4)

    def test_a_file_whose_time_was_changed(self):
        self.start("--folder", self.dir, folders=[])
        path = self.put("a.mp4")
        self.server.change("POST", "/jobs", {"path": str(path)})
        self.done("a.mp4")
        first = self.sum_of(path)[0]
        os.utime(path, (2e9, 2e9))
        self.assertEqual(self.source(first).status, 404)
        while self.source(first).status != 200:
            pass
        self.put("a.mp4")
        while "being read again" in (r := self.source(first)).json["detail"]:
            pass
        self.assertEqual(r.status, 404)

    def test_a_folder_that_disappears(self):
        away = self.dir / "away"
        self.folder.rename(away)
        self.start()
        while f"{self.folder} is not there; waiting for it" not in self.server.log():
            self.assertEqual(self.names(), [])
        away.rename(self.folder)
        self.put("a.mp4")
        self.logged("is there again")
        self.done("a.mp4")
        shutil.rmtree(self.folder)
        self.logged("is not there")
        self.folder.mkdir()
        self.put("b.mp4")
        self.logged("is there again")
        self.done("b.mp4")

    def test_the_data_folder_is_left_out(self):
        self.start(folders=[self.dir])
        self.put("a.mp4", folder=self.store.parent)
        self.put("z.mp4")
        self.done("z.mp4")
        self.done("made.mp4")
        self.assertEqual(self.names(), ["made.mp4", "z.mp4"])

    def test_wrong_folders(self):
        for folder, words in ((self.dir / "made.mp4", "is not a folder"), (self.store.parent, "is in the data folder")):
            r = subprocess.run([VDET, "serve", "--listen", "127.0.0.1:0", "--engine", self.answers.url, "--watch-folder", folder],
                               env=self.env, cwd=self.dir, capture_output=True, text=True)
            self.assertEqual(r.returncode, 2, r.stderr)
            self.assertIn(words, r.stderr)


if __name__ == "__main__":
    main()
