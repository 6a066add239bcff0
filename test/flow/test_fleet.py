# SPDX-License-Identifier: Apache-2.0
"""Heads and workers of a fleet (src/fleet/) with trivial units and a real nats-server: whatever is killed or lies, every
unit is done once, and none is lost."""
import collections
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from pathlib import Path

import flow

HEAD = "0123456789abcdef"
TRY = os.environ.get("FLEET_TRY")


def find_server():
    """nats-server of PATH, or where tools/setup has unpacked it."""
    here = Path(flow.runtime()) / "nats-server"
    return shutil.which("nats-server") or (str(here) if here.exists() else None)


SERVER = find_server()


class Program:
    """A role of fleet_try; its lines of JSON as they come, and what it says on standard error."""

    def __init__(self, *arguments, **environment):
        self.process = subprocess.Popen([TRY, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                        env={**os.environ, **environment})
        self.lines, self.errors = [], []
        self.news = threading.Condition()
        self.threads = [threading.Thread(target=self.read, args=a, daemon=True)
                        for a in ((self.process.stdout, self.take), (self.process.stderr, self.errors.append))]
        for t in self.threads:
            t.start()

    def read(self, stream, take):
        for line in stream:
            take(line)
        with self.news:
            self.news.notify_all()

    def take(self, line):
        with self.news:
            self.lines.append(json.loads(line))
            self.news.notify_all()

    def wait_for(self, event, count=1, **members):
        """Waits for so many lines of the event; members are values, or compiled patterns."""
        def fits(value, wanted):
            return bool(wanted.search(value or "")) if isinstance(wanted, re.Pattern) else value == wanted

        def found():
            return [r for r in self.lines if r.get("event") == event and all(fits(r.get(k), v) for k, v in members.items())]
        with self.news:
            if not self.news.wait_for(lambda: len(found()) >= count, flow.TIMEOUT):
                raise AssertionError(f"no {event}: {self.lines[-5:]} {self.errors[-20:]}")
        return found()

    def wait(self):
        rc = self.process.wait(flow.TIMEOUT)
        for t in self.threads:
            t.join()
        text = "".join(self.errors)
        if flow.FAULTS.search(text):
            raise AssertionError(text)
        return rc

    def kill(self, number=signal.SIGKILL):
        if self.process.poll() is None:
            self.process.send_signal(number)
        self.wait()

    def said(self, text):
        return any(text in line for line in self.errors)


class Server:
    """nats-server on a port of its own and a folder that outlives it."""

    def __init__(self, folder, *options):
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        self.url = f"nats://127.0.0.1:{self.port}"
        self.folder, self.options, self.process = Path(folder), options, None
        self.start()

    def start(self):
        options = self.options or ("-js", "-sd", str(self.folder / "js"))
        self.log = open(self.folder / "nats.log", "a")
        self.process = subprocess.Popen([SERVER, "-a", "127.0.0.1", "-p", str(self.port), *options], stdout=self.log, stderr=self.log)
        end = time.monotonic() + flow.TIMEOUT
        while time.monotonic() < end:
            try:
                with socket.create_connection(("127.0.0.1", self.port), 1) as s:
                    if s.recv(4) == b"INFO":
                        return
            except OSError:
                time.sleep(0.02)
            if self.process.poll() is not None:
                raise AssertionError((self.folder / "nats.log").read_text()[-2000:])
        raise AssertionError("nats-server does not start")

    def reload(self):
        """Reads the configuration again; returns once it holds."""
        def times():
            return (self.folder / "nats.log").read_text().count("Reloaded server configuration")
        before, end = times(), time.monotonic() + flow.TIMEOUT
        self.process.send_signal(signal.SIGHUP)
        while times() == before:
            if time.monotonic() > end:
                raise AssertionError((self.folder / "nats.log").read_text()[-2000:])
            time.sleep(0.02)

    def kill(self):
        if self.process:
            self.process.kill()
            self.process.wait()
            self.log.close()
            self.process = None

    def restart(self):
        self.kill()
        self.start()

    def api(self, what, request=""):
        """A request of the API of JetStream, by the protocol of NATS itself."""
        with socket.create_connection(("127.0.0.1", self.port), 10) as s:
            s.settimeout(10)
            text = f"CONNECT {{\"verbose\":false}}\r\nSUB reply 1\r\nPUB $JS.API.{what} reply {len(request)}\r\n{request}\r\n"
            s.sendall(text.encode())
            got = b""
            while b"MSG reply" not in got or not got.endswith(b"\r\n") or got.count(b"\r\n") < 3:
                more = s.recv(65536)
                if not more:
                    break
                got += more
        body = got[got.index(b"MSG reply"):].split(b"\r\n", 1)[1]
        return json.loads(body.strip())


@unittest.skipUnless(TRY, "this build has no libnats")
@unittest.skipUnless(SERVER, "there is no nats-server: tools/setup fleet brings it")
class Fleet(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.journal = self.folder / "journal"
        self.server = self.programs = None
        self.programs = []

    def tearDown(self):
        for p in self.programs:
            p.kill()
            p.process.stdout.close()
            p.process.stderr.close()
        if self.server:
            self.server.kill()

    def serve(self, *options):
        self.server = Server(self.folder, *options)
        return self.server

    def start(self, *arguments, **environment):
        p = Program(*arguments, **environment)
        self.programs.append(p)
        return p

    def worker(self, name, *options):
        return self.start("worker", self.server.url, name, *options)

    def head(self, *options):
        return self.start("head", self.server.url, HEAD, self.journal, *options)

    def fails(self, *arguments, **environment):
        """What a program says that ends with an error."""
        p = self.start(*arguments, **environment)
        self.assertNotEqual(p.wait(), 0, p.lines)
        return next(r for r in p.lines if r["event"] == "error")

    def done(self):
        """Who did each unit, as the journal says; each once."""
        rows = [line.split() for line in self.journal.read_text().splitlines()]
        counts = collections.Counter(r[0] for r in rows)
        self.assertEqual({n: c for n, c in counts.items() if c > 1}, {})
        for number, _, body in rows:
            self.assertEqual(json.loads(body)["square"], int(number) ** 2)
        return {int(r[0]): r[1] for r in rows}

    def finish(self, head, n):
        self.assertEqual(head.wait(), 0, (head.lines[-3:], head.errors[-5:]))
        self.assertEqual(sorted(self.done()), list(range(n)))
        end = head.wait_for("end")[0]
        self.assertEqual(end["failed"], 0)
        return end

    def state(self, what="state", *more):
        p = self.start("order", self.server.url, HEAD, what, *more)
        return p.lines[0] if p.wait() == 0 else p.lines[-1]

    def left(self, stream=""):
        return self.server.api(f"STREAM.INFO.vdet-{HEAD}{stream}")["state"]["messages"]


class Work(Fleet):
    def test_two_workers_share_the_units(self):
        self.serve()
        self.worker("one", "slots=2")
        self.worker("two", "slots=2")
        head = self.head("n=40", "do3=ask")
        end = self.finish(head, 40)
        self.assertEqual(end["capacity"], 8)
        self.assertEqual({w["name"]: w["state"] for w in end["state"]["workers"]}, {"one": "working", "two": "working"})
        self.assertEqual(sum(w["done"] for w in end["state"]["workers"]), 40)
        counts = end["state"]["counts"]
        self.assertEqual((counts["done"], counts["failed"], counts["holes"]), (40, 0, 0))
        self.assertGreaterEqual(counts["given"], 40)
        replies = [r for w in self.programs[:2] for r in w.lines if r["event"] == "reply"]
        self.assertIn(replies[0]["text"], ("where for one", "where for two"))
        self.assertEqual((self.left(), self.left("-results")), (0, 0))

    def test_units_go_to_workers_with_their_model_and_source(self):
        self.serve()
        source = "ab" * 32
        other = self.worker("other", "model=small")
        self.worker("away", "model=large")
        self.worker("near", "model=large", f"holds={source}", "slots=4")
        head = self.head("n=12", "model=large", f"source={source}", "threads=4")
        self.finish(head, 12)
        self.assertEqual([r for r in other.lines if r["event"] == "begin"], [])
        self.assertIn("near", self.done().values())

    def test_worker_is_drained(self):
        self.serve()
        one = self.worker("one", "slots=1")
        one.wait_for("said", text=f"connected to {self.server.url}, where no head is heard of; waiting for a vdet with --fleet")
        head = self.head("n=30", "ms=100", "threads=4")
        one.wait_for("end", 2)
        said = one.wait_for("said", 2)[1]["text"]
        self.assertRegex(said, f"^connected to {self.server.url}, head {HEAD}, (waiting for work|units in progress: 1)$")
        self.assertEqual(self.state()["workers"][0]["state"], "working")
        self.assertIn("no worker two", self.state("drain", "two")["text"])
        self.state("drain", "one")
        self.assertEqual(one.wait(), 0)
        one.wait_for("drained")
        begun = [r["unit"] for r in one.lines if r["event"] == "begin"]
        ended = [r["unit"] for r in one.lines if r["event"] == "end" and r["done"]]
        self.assertEqual(begun, ended)
        self.assertEqual([w["state"] for w in self.state()["workers"]], ["draining"])
        self.assertEqual(self.state("forget", "one")["workers"], [])
        two = self.worker("two")
        self.finish(head, 30)
        two.kill(signal.SIGUSR1)
        self.assertEqual(two.lines[-1], {"event": "drained"})

    def test_head_is_canceled(self):
        self.serve()
        worker = self.worker("one", "slots=2")
        head = self.head("n=6", "ms=600000")
        worker.wait_for("begin", 2)
        head.kill(signal.SIGTERM)
        # The units are withdrawn, so the worker stops as well.
        worker.wait_for("end", 2, done=False)
        self.assertEqual({r["code"] for r in head.lines if r["event"] == "failed"}, {"canceled"})
        self.assertEqual(self.left(), 0)

    def test_canceled_worker_gives_back_at_once(self):
        self.serve()
        one = self.worker("one", "slots=1")
        head = self.head("n=1", "ms=600000", "threads=1", "ack_wait=600")
        one.wait_for("begin")
        two = self.worker("two")
        one.kill(signal.SIGTERM)
        two.wait_for("begin")
        head.kill(signal.SIGTERM)


class Failures(Fleet):
    def test_two_workers_report_a_failure(self):
        self.serve()
        self.worker("one")
        self.worker("two")
        head = self.head("n=10", "do4=fail")
        self.assertEqual(head.wait(), 0)
        failed = head.wait_for("failed")[0]
        self.assertEqual((failed["n"], failed["code"]), (4, "engine"))
        for name in ("one", "two"):
            self.assertIn(f"{name}: unit 4 cannot be done", failed["text"])
        counts = head.wait_for("end")[0]["state"]["counts"]
        self.assertEqual((counts["done"], counts["holes"]), (9, 1))
        self.assertIn(counts["failed"], (2, 3))  # one may fail twice before the other one is heard of
        self.assertGreaterEqual(counts["redelivered"], 1)
        self.assertEqual(sorted(self.done()), [n for n in range(10) if n != 4])
        self.assertEqual((self.left(), self.left("-results")), (0, 0))

    def test_another_worker_can_do_what_one_cannot(self):
        self.serve()
        self.worker("bad", "slots=4")
        head = self.head("n=12", "do=fail", "only=bad", "ms=20")
        self.worker("good", "slots=1")
        head.wait_for("open")
        self.finish(head, 12) if not head.wait_for("end")[0]["failed"] else None
        # Alone, the bad one may have failed three times before the good one came.
        for r in head.lines:
            if r["event"] == "failed":
                self.assertIn("bad (3 times)", r["text"])
        self.assertNotIn("bad", self.done().values())

    def test_one_worker_alone_fails_three_times(self):
        self.serve()
        self.worker("one")
        head = self.head("n=3", "do1=fail")
        self.assertEqual(head.wait(), 0)
        self.assertIn("one (3 times): unit 1", head.wait_for("failed")[0]["text"])
        self.assertEqual(sorted(self.done()), [0, 2])

    def test_refused_unit_waits_for_another_worker(self):
        self.serve()
        old = self.worker("old")
        head = self.head("n=4", "do2=refuse", "only=old")
        old.wait_for("end", unit="job.chunk.2", done=False)
        head.wait_for("done", 3)
        self.server.restart()
        # It may have units that were given to it before.
        state = r"(waiting for work|units in progress: \d+)$"
        old.wait_for("said", text=re.compile(rf"connected to {self.server.url} again, head {HEAD}, {state}"))
        self.worker("new")
        self.finish(head, 4)
        self.assertEqual(self.done()[2], "new")
        self.assertTrue(old.said("cannot do unit job.chunk.2: unit 2 is of a newer version"))

    def test_worker_that_stalls(self):
        self.serve()
        one = self.worker("one")
        head = self.head("n=3", "do1=stall", "only=one", "do0=ask", "timeout=4", "ack_wait=60")
        one.wait_for("end", unit="job.chunk.1", done=False)
        self.worker("two")
        self.finish(head, 3)
        self.assertTrue(head.said("no progress for 4 seconds"), head.errors)

    def test_progress_keeps_a_unit(self):
        self.serve()
        one = self.worker("one", "slots=1")
        self.worker("two", "slots=1")
        head = self.head("n=2", "ms=9000", "ack_wait=4", "timeout=6")
        self.finish(head, 2)
        self.assertEqual([r["attempts"] for r in head.lines if r["event"] == "done"], [1, 1])
        self.assertEqual(len([r for r in one.lines if r["event"] == "begin"]), 1)

    def test_wrong_results_are_rejected(self):
        self.serve()
        self.worker("liar")
        self.worker("honest")
        head = self.head("n=10", "do=lie", "only=liar")
        end = head.wait_for("end")[0]
        self.assertEqual(end["failed"], 0, head.lines)
        self.assertEqual(set(self.done().values()), {"honest"})

    def test_a_unit_that_kills_every_worker(self):
        self.serve()
        stop, now = threading.Event(), {}

        def keep(name):
            while not stop.is_set():
                now[name] = p = Program("worker", self.server.url, name, "slots=1")
                p.wait()
                p.process.stdout.close()
                p.process.stderr.close()
        threads = [threading.Thread(target=keep, args=(f"w{i}",)) for i in range(3)]
        for t in threads:
            t.start()
        head = self.head("n=4", "do2=die", "ack_wait=1", "threads=4")
        self.assertEqual(head.wait(), 0)
        failed = head.wait_for("failed")[0]
        self.assertEqual((failed["n"], failed["code"]), (2, "died"))
        self.assertIn("a worker began and was not heard of again", failed["text"])
        counts = head.wait_for("end")[0]["state"]["counts"]
        self.assertEqual((counts["done"], counts["holes"]), (3, 1))
        self.assertGreaterEqual(counts["silent"], 10)
        self.assertEqual(sorted(self.done()), [0, 1, 3])
        stop.set()
        for p in now.values():
            p.kill(signal.SIGUSR1)
        for t in threads:
            t.join()


class Lies(Fleet):
    def lie(self, how):
        """A worker takes three units and lies; then another one does all. The head."""
        self.serve()
        head = self.head("n=8", "check_every=1")
        head.wait_for("open")
        liar = self.start("liar", self.server.url, HEAD, how)
        liar.wait_for("took", 3)
        liar.kill()
        self.worker("honest")
        self.finish(head, 8)
        return head

    def test_worker_that_acknowledges_and_does_nothing(self):
        self.assertTrue(self.lie("acks").said("has disappeared from the NATS server without a result"))

    def test_forged_results_are_dropped(self):
        head = self.lie("forges")
        self.assertEqual(set(self.done().values()), {"honest"})
        self.assertTrue(head.said("dropping a result of worker liar, which was not given it"))

    def test_who_only_says_that_it_begins_makes_no_hole(self):
        self.lie("invents")

    def alone(self, how):
        """One worker lies about three units, and another one is there."""
        self.serve()
        honest = self.worker("honest", "slots=1")
        head = self.head("n=12", "ms=100", "check_every=1")
        honest.wait_for("end")
        liar = self.start("liar", self.server.url, HEAD, how)
        liar.wait_for("took", 3)
        head.wait_for("done", 6)
        liar.kill()
        self.finish(head, 12)

    def test_one_worker_alone_makes_no_hole_while_another_is_there(self):
        """Not by saying several times that a unit failed."""
        self.alone("fails")


if __name__ == "__main__":
    unittest.main(verbosity=2 if sys.stdout.isatty() else 1)
