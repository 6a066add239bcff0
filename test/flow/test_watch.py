#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""vdet ask --watch: new videos are analyzed and asked once, and hits are delivered."""
import hashlib
import hmac
import http.server
import json
import os
import queue
import shutil
import signal
import sqlite3
import threading
from pathlib import Path

import flow
from test_ask import QUESTION, SAYS, AskFlow

DAY = 86400 * 10**6


class Receiver:
    """A webhook. `statuses`: of its first replies; then 204."""

    def __init__(self, test, *statuses):
        self.got = queue.Queue()
        waiting = list(statuses)
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status = waiting.pop(0) if waiting else 204
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()
                receiver.got.put((status, self.headers, body))

            def log_message(self, *args):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        test.addCleanup(self.server.server_close)
        test.addCleanup(self.server.shutdown)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"

    def next(self):
        return self.got.get(timeout=flow.TIMEOUT)


class Lines:
    """The lines of a stream, on a thread: select() does not see what a stream has read ahead."""

    def __init__(self, stream):
        self.waiting = queue.Queue()
        self.thread = threading.Thread(target=self.read, args=(stream,), daemon=True)
        self.thread.start()

    def read(self, stream):
        for line in stream:
            self.waiting.put(line.rstrip("\n"))
        self.waiting.put(None)

    def next(self):
        line = self.waiting.get(timeout=flow.TIMEOUT)
        if line is None:
            raise EOFError("the stream ended")
        return line

    def rest(self):
        return list(iter(self.waiting.get, None))


class WatchFlow(AskFlow):
    def setUp(self):
        super().setUp()
        self.folder = self.dir / "in"
        self.folder.mkdir()
        self.made = 0
        self.log = ""
        self.fake_engine = self.fake()

    def new(self, name, folder=None):
        """A video that differs from all others, complete as soon as it has its name."""
        self.made += 1
        path = (folder or self.folder) / name
        hidden = self.dir / "made.tmp"
        hidden.write_bytes(self.video())
        hidden.rename(path)
        return path

    def video(self):
        return (self.dir / "a.mp4").read_bytes() + bytes(self.made)

    def watch(self, *options, folders=None, question=QUESTION):
        folders = [self.folder] if folders is None else folders
        self.process = self.start("ask", "--watch", "--engine", self.fake_engine.url, "--chunk-duration", "4", "--chunk-frames", "2",
                                  *options, *folders, question)
        self.out, self.err = Lines(self.process.stdout), Lines(self.process.stderr)
        return self.process

    def line(self):
        """The next line on standard output."""
        try:
            return self.out.next()
        except EOFError:
            self.fail(f"vdet ended: {self.process.wait()}\n{self.log}\n" + "\n".join(self.err.rest()))

    def said(self, words):
        """The next line on standard error with these words."""
        while words not in (line := self.err.next()):
            self.log += line + "\n"
        return line

    def stop(self):
        """By Ctrl-C; what it had printed and was not read."""
        self.process.send_signal(signal.SIGINT)
        self.assertEqual(self.process.wait(flow.TIMEOUT), 130)
        self.log += "\n".join(self.err.rest())
        self.no_faults(self.log)
        return self.out.rest()

    def hits(self):
        with sqlite3.connect(self.store) as store:
            rows = store.execute("SELECT json_extract(message, '$.video.name'), ways, undelivered FROM watched WHERE message <> '' "
                                 "ORDER BY id").fetchall()
        store.close()
        return rows

    def execute(self, sql):
        with sqlite3.connect(self.store) as store:
            store.execute(sql)
        store.close()

    def program(self, text, name="notify"):
        path = self.dir / name
        path.write_text("#!/bin/sh\n" + text)
        path.chmod(0o755)
        return path

    def pipe(self, name="pipe"):
        """A named pipe that programs write lines to."""
        path = self.dir / name
        os.mkfifo(path)
        f = open(os.open(path, os.O_RDWR), "r", encoding="utf-8")  # open for writing, too: it does not end
        self.keep = f
        return path, Lines(f)


class Folders(WatchFlow):
    def test_each_video_is_asked_once(self):
        self.new("there.mp4")
        self.watch()
        self.assertIn(f"there.mp4: {SAYS[:-1]}", self.line())
        self.new("later.mp4")
        self.assertIn("later.mp4: ", self.line())
        shutil.copy(self.folder / "later.mp4", self.folder / "copy.mp4")  # the same content
        (self.folder / "notes.txt").write_text("no video")
        self.new("last.mp4")
        self.assertIn("last.mp4: ", self.line())
        self.assertEqual(self.stop(), [])
        asked = self.count(self.fake_engine)
        self.watch()
        self.new("one-more.mp4")
        self.assertIn("one-more.mp4: ", self.line())
        self.assertEqual(self.stop(), [])
        # The three that were asked before were not asked again.
        self.assertLess(self.count(self.fake_engine) - asked, asked)
        self.assertEqual([name for name, _, _ in self.hits()], ["there.mp4", "later.mp4", "last.mp4", "one-more.mp4"])

    def test_no_hit_is_no_line(self):
        self.fake_engine.stop()
        self.fake_engine = self.fake(shows=[])
        self.watch("--thorough", "--log-level", "info")
        self.new("nothing.mp4")
        self.said("nothing.mp4: not-")
        self.assertEqual(self.stop(), [])
        with sqlite3.connect(self.store) as store:
            self.assertEqual(store.execute("SELECT count(*), max(message) FROM watched").fetchone(), (1, ""))
        store.close()

    def test_what_is_still_written_has_to_wait(self):
        self.watch()
        data = self.video() + b"slow"
        with open(self.folder / "slow.mp4", "wb") as f:
            f.write(data[:len(data) // 2])
            f.flush()
            self.new("other.mp4")
            self.assertIn("other.mp4: ", self.line())
            f.write(data[len(data) // 2:])
        self.assertIn("slow.mp4: ", self.line())
        self.stop()
        self.assertNotIn("slow.mp4:", self.log)

    def test_folders_inside(self):
        self.watch()
        self.said("waiting for new videos")
        (self.folder / "made" / "deep").mkdir(parents=True)
        self.new("a.mp4", self.folder / "made" / "deep")
        self.assertIn("a.mp4: ", self.line())
        outside = self.dir / "outside"
        outside.mkdir()
        self.new("b.mp4", outside)
        outside.rename(self.folder / "brought")
        self.assertIn("b.mp4: ", self.line())
        (self.folder / "brought").rename(self.folder / "renamed")
        self.new("c.mp4", self.folder / "renamed")
        self.assertIn("c.mp4: ", self.line())
        (self.folder / ".hidden").mkdir()
        self.new("d.mp4", self.folder / ".hidden")
        self.new("e.mp4")
        self.assertIn("e.mp4: ", self.line())
        self.stop()

    def test_a_folder_that_disappears_and_comes_back(self):
        self.watch()
        self.said("waiting for new videos")
        self.folder.rename(self.dir / "away")
        self.said("is not there")
        self.new("back.mp4", self.dir / "away")
        (self.dir / "away").rename(self.folder)
        self.assertIn("back.mp4: ", self.line())
        self.new("after.mp4")
        self.assertIn("after.mp4: ", self.line())
        self.stop()

    def test_lost_events(self):
        """More events than the kernel keeps: what was lost is found by a look at everything."""
        self.watch("--watch-scan", "86400")
        self.said("waiting for new videos")
        os.kill(self.process.pid, signal.SIGSTOP)
        limit = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())
        for i in range(limit // 2 + 100):  # two events each
            (self.folder / f"{i % 7}.txt").write_text("")
        self.new("lost.mp4")
        os.kill(self.process.pid, signal.SIGCONT)
        self.assertIn("lost.mp4: ", self.line())
        self.stop()

    def test_a_file_that_is_no_video(self):
        self.watch()
        (self.dir / "bad").write_bytes(b"this is no video" * 100)
        (self.dir / "bad").rename(self.folder / "bad.mp4")
        self.said("it is not asked")
        self.new("good.mp4")
        self.assertIn("good.mp4: ", self.line())
        self.stop()
        with sqlite3.connect(self.store) as store:
            self.assertEqual(store.execute("SELECT count(*) FROM watched WHERE fault <> '' AND answer = ''").fetchone(), (1,))
        store.close()

    def test_an_engine_that_fails_is_tried_again(self):
        self.fake_engine.control(faults=["503"])
        self.watch("--retries", "0")
        self.new("video.mp4")
        self.said("trying again in")
        self.fake_engine.control(faults=[])
        self.assertIn("video.mp4: ", self.line())
        self.stop()

    def test_the_journal(self):
        self.analyze(self.fake_engine)
        self.watch("--json", "--watch-scan", "1", folders=[])
        hit = json.loads(self.line())
        self.assertEqual(hit["video"]["name"], "a.mp4")
        self.assertEqual(hit["video"]["path"], str((self.dir / "a.mp4").resolve()))
        self.new("b.mp4", self.dir)
        self.analyze(self.fake_engine, "b.mp4")
        self.assertEqual(json.loads(self.line())["video"]["name"], "b.mp4")
        self.stop()

    def test_wrong_usage(self):
        secret = self.dir / "secret"
        secret.write_text("short\n")
        for args, words in ((["nothing", QUESTION], "is not a folder"), (["a.mp4", QUESTION], "is not a folder"),
                            (["in", " "], "ask a question"), (["--again", "in", QUESTION], "does not go with"),
                            (["--webhook", "http://example.org/", "in", QUESTION], "--webhook-secret"),
                            (["--webhook", "ftp://example.org/", "--webhook-secret", secret, "in", QUESTION], "not an http"),
                            (["--webhook", "http://u:p@example.org/", "--webhook-secret", secret, "in", QUESTION], "password"),
                            (["--webhook", "http://example.org/", "--webhook-secret", secret, "in", QUESTION], "16 to 1000 bytes")):
            r = self.vdet("ask", "--watch", "--engine", self.fake_engine.url, *args, code=2)
            self.assertIn(words, r.stderr, args)


class Programs(WatchFlow):
    def test_what_a_program_gets(self):
        path, f = self.pipe()
        program = self.program(f'test $# = 0 || exit 1\ncat > "{self.dir}/hit.json"\nenv > "{self.dir}/env"\n'
                               f'ps -o pgid= -p $$ > "{self.dir}/group"\necho $$ > "{path}"\n')
        self.watch("--notify", program, "--json")
        self.new("a $(touch x) b.mp4")
        printed = json.loads(self.line())
        pid = f.next()
        hit = json.loads((self.dir / "hit.json").read_text())
        self.assertEqual(hit, printed)
        self.assertEqual((hit["format"], hit["state"], hit["question"]), ("vdet-hit/1", "answered", QUESTION))
        self.assertEqual(hit["video"]["name"], "a $(touch x) b.mp4")
        self.assertTrue(all(8 <= m["start"] <= m["end"] <= 12 for m in hit["moments"]), hit)
        self.assertIn(SAYS[:-1], hit["text"])
        self.assertNotIn("touch", (self.dir / "env").read_text())
        self.assertEqual((self.dir / "group").read_text().strip(), pid)
        self.assertEqual(json.loads(self.vdet("ask", "--show", hit["answer"], "--json").stdout)["id"], hit["answer"])
        self.stop()

    def test_programs_that_fail(self):
        path, f = self.pipe()
        program = self.program(f'yes | head -c 3000000\necho "run" > "{path}"\nexit 3\n')
        self.watch("--notify", program)
        self.new("v.mp4")
        for _ in range(3):
            self.assertEqual(f.next(), "run")
        self.assertIn("ended with status 3", self.said("not sent to the program any more"))
        self.stop()
        self.assertEqual(self.hits()[0][1], 7)
        self.assertIn("status 3", self.hits()[0][2])

    def test_a_program_that_hangs(self):
        path, f = self.pipe()
        program = self.program(f'sleep 10000 &\necho $! > "{path}"\nwait\n')
        self.watch("--notify", program, "--notify-timeout", "1")
        self.new("v.mp4")
        pids = [int(f.next()) for _ in range(3)]
        self.assertIn("was killed", self.said("not sent to the program any more"))
        self.stop()
        for pid in pids:  # with what it had started
            command = Path(f"/proc/{pid}/cmdline")
            self.assertFalse(command.exists() and "sleep" in command.read_text())

    def test_a_program_that_is_missing(self):
        self.watch("--notify", self.dir / "missing")
        self.new("v.mp4")
        self.assertIn("it is kept", self.said("missing"))
        self.stop()
        path, f = self.pipe()
        self.watch("--notify", self.program(f'cat > "{path}"; echo > "{path}"'))
        self.assertEqual(json.loads(f.next())["video"]["name"], "v.mp4")
        self.stop()

    def test_a_kill_between_hit_and_notification(self):
        path, f = self.pipe()
        hangs = self.program(f'echo begun > "{path}"\nexec sleep 10000\n', "hangs")
        self.watch("--notify", hangs)
        self.new("v.mp4")
        self.assertEqual(f.next(), "begun")
        self.process.kill()
        self.process.wait()
        asked = self.count(self.fake_engine)
        works = self.program(f'cat > "{self.dir}/hit.json"\necho works > "{path}"\n', "works")
        self.watch("--notify", works)
        self.assertEqual(f.next(), "works")
        self.assertEqual(json.loads((self.dir / "hit.json").read_text())["video"]["name"], "v.mp4")
        self.stop()
        self.assertEqual(self.count(self.fake_engine), asked)
        self.watch("--notify", works)
        self.said("waiting for new videos")
        self.stop()
        self.assertTrue(f.waiting.empty())

    def test_a_kill_while_it_is_asked(self):
        self.analyze(self.fake_engine)
        began = self.count(self.fake_engine)
        self.fake_engine.control(faults=[f"hold@{began + 3}"])
        shutil.copy(self.dir / "a.mp4", self.folder / "v.mp4")
        self.watch()
        self.fake_engine.control(**{"await": began + 3})
        self.process.kill()
        self.process.wait()
        self.fake_engine.control(faults=[], release=True)
        self.watch()
        self.assertIn("v.mp4: ", self.line())
        self.stop()
        requests = [json.dumps([r["texts"], r["images"]]) for r in self.fake_engine.lines("begin")[began:]]
        self.assertFalse(set(requests[:2]) & set(requests[3:]))


class HookFlow(WatchFlow):
    def hook(self, receiver, *options):
        secret = self.dir / "secret"
        secret.write_text("0123456789abcdef\n")
        return self.watch("--webhook", receiver.url, "--webhook-secret", secret, *options)


class Webhooks(HookFlow):
    def test_it_is_signed_and_tried_again(self):
        receiver = Receiver(self, 500, 503)
        self.hook(receiver, "--webhook-private")
        self.new("v.mp4")
        got = [receiver.next() for _ in range(3)]
        self.assertEqual([status for status, _, _ in got], [500, 503, 204])
        for _, headers, body in got:
            self.assertEqual(headers["Content-Type"], "application/json")
            t, v1 = (part.split("=")[1] for part in headers["Vdet-Signature"].split(","))
            self.assertEqual(hmac.new(b"0123456789abcdef", t.encode() + b"." + body, hashlib.sha256).hexdigest(), v1)
        hit = json.loads(got[0][2])
        self.assertEqual(hit["video"]["name"], "v.mp4")
        self.assertNotIn(str(self.dir), got[0][2].decode())
        self.assertEqual(len({json.loads(body)["id"] for _, _, body in got}), 1)
        self.new("w.mp4")
        self.assertEqual(json.loads(receiver.next()[2])["video"]["name"], "w.mp4")
        self.stop()

    def test_private_addresses_are_refused(self):
        receiver = Receiver(self)
        self.hook(receiver)
        self.new("v.mp4")
        self.assertIn("--webhook-private", self.said("private network"))
        self.stop()
        self.assertTrue(receiver.got.empty())
        self.hook(receiver, "--webhook-private")
        self.assertEqual(json.loads(receiver.next()[2])["video"]["name"], "v.mp4")
        self.stop()


class Limits(HookFlow):
    def test_hits(self):
        receiver = Receiver(self)
        for name in ("a.mp4", "b.mp4"):
            self.new(name)
        self.hook(receiver, "--webhook-private", "--watch-hits", "1")
        self.assertIn("a.mp4: ", self.line())
        self.assertIn("b.mp4: ", self.line())
        self.assertEqual(json.loads(receiver.next()[2])["video"]["name"], "a.mp4")
        self.said("wait for the next day")
        self.stop()
        self.assertTrue(receiver.got.empty())
        self.execute(f"UPDATE watched SET released = released - {DAY} WHERE released <> 0")
        self.hook(receiver, "--webhook-private", "--watch-hits", "1")
        self.assertEqual(json.loads(receiver.next()[2])["video"]["name"], "b.mp4")
        self.assertEqual(self.stop(), [])

    def test_tokens(self):
        for name in ("a.mp4", "b.mp4"):
            self.new(name)
        self.watch("--watch-tokens", "1")
        self.assertIn("a.mp4: ", self.line())
        self.said("wait for the next day")
        self.assertEqual(self.stop(), [])
        self.execute(f"UPDATE watched SET asked = asked - {DAY}")
        self.watch("--watch-tokens", "1")
        self.assertIn("b.mp4: ", self.line())
        self.stop()


if __name__ == "__main__":
    flow.main()
