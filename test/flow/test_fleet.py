# SPDX-License-Identifier: Apache-2.0
"""Heads and workers of a fleet (src/fleet/) with trivial units and a real nats-server: whatever is killed or lies, every
unit is done once, and none is lost."""
import collections
import json
import os
import random
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
        """Waits for so many lines of the event."""
        def found():
            return [r for r in self.lines if r.get("event") == event and members.items() <= r.items()]
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
        head = self.head("n=30", "ms=100", "threads=4")
        one.wait_for("end", 2)
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

    def test_nor_by_beginning_often(self):
        self.alone("begins")


class Kills(Fleet):
    def test_worker_is_killed(self):
        self.serve()
        one = self.worker("one", "slots=4")
        head = self.head("n=30", "ms=200")
        one.wait_for("begin", 6)
        one.kill()
        self.worker("two", "slots=4")
        self.finish(head, 30)

    def test_head_is_killed_and_goes_on(self):
        self.serve()
        worker = self.worker("one", "slots=4")
        for done in (5, 10, 15):
            head = self.head("n=40", "ms=100")
            head.wait_for("done", done - (len(self.done()) if self.journal.exists() else 0) if done > 5 else done)
            head.kill()
        begun = len([r for r in worker.lines if r["event"] == "begin"])
        head = self.head("n=40", "ms=100")
        self.finish(head, 40)
        # What was in progress, or done, was not done again; a unit may have been taken in the moment of a kill.
        total = len([r for r in worker.lines if r["event"] == "begin"])
        self.assertLess(total, 40 + begun)

    def test_results_that_were_not_settled_come_again(self):
        self.serve()
        worker = self.worker("one", "slots=4")
        head = self.head("n=6", "ms=10", "unsettled=1", "threads=6")
        head.wait_for("done", 6)
        head.kill()
        head = self.head("n=6", "ms=10")
        self.finish(head, 6)
        self.assertEqual(len([r for r in worker.lines if r["event"] == "begin"]), 6)

    def test_server_is_killed(self):
        self.serve()
        one = self.worker("one", "slots=2")
        self.worker("two", "slots=2")
        head = self.head("n=40", "ms=100")
        for done in (8, 16, 24):
            head.wait_for("done", done)
            self.server.restart()
        self.finish(head, 40)
        self.assertTrue(one.said("connected to the NATS server again"))

    def test_server_loses_its_folder(self):
        self.serve()
        self.worker("one", "slots=2")
        head = self.head("n=30", "ms=100", "check_every=1")
        head.wait_for("done", 6)
        self.server.kill()
        shutil.rmtree(self.folder / "js")
        self.server.start()
        self.finish(head, 30)

    def test_streams_are_deleted(self):
        self.serve()
        self.worker("one", "slots=2")
        head = self.head("n=30", "ms=100", "check_every=1")
        for done, stream in ((5, ""), (10, "-results"), (15, "")):
            head.wait_for("done", done)
            self.server.api(f"STREAM.DELETE.vdet-{HEAD}{stream}")
        self.finish(head, 30)

    def test_consumers_are_deleted(self):
        self.serve()
        head = self.head("n=6", "ms=10", "check_every=1")
        head.wait_for("open")
        while self.left() < 6:
            time.sleep(0.05)
        for name in self.server.api(f"CONSUMER.NAMES.vdet-{HEAD}")["consumers"]:
            self.server.api(f"CONSUMER.DELETE.vdet-{HEAD}.{name}")
        self.worker("one")
        self.finish(head, 6)

    def test_everything_is_killed_at_random(self):
        """Also by hand: FLEET_ROUNDS=100 FLEET_SEED=7."""
        seed = int(os.environ.get("FLEET_SEED") or random.randrange(1 << 30))
        chance = random.Random(seed)
        rounds = int(os.environ.get("FLEET_ROUNDS", "12"))
        self.serve()
        n = 40
        workers = [self.worker(f"w{i}", "slots=2") for i in range(3)]
        head = self.head(f"n={n}", "ms=100", "check_every=1")
        head.wait_for("open")
        for _ in range(rounds):
            what = chance.choice("whs")
            time.sleep(chance.random() / 2)
            if what == "w":
                i = chance.randrange(3)
                workers[i].kill()
                workers[i] = self.worker(f"w{i}", "slots=2")
            elif what == "s":
                self.server.restart()
            elif head.process.poll() is None:
                head.kill()
                head = self.head(f"n={n}", "ms=100", "check_every=1")
        with self.subTest(seed=seed):
            if head.wait() != 0: # it was started while there was no server
                head = self.head(f"n={n}", "ms=100", "check_every=1")
            self.finish(head, n)


class BadInput(Fleet):
    def test_no_server(self):
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            port = s.getsockname()[1]
        e = self.fails("try", f"nats://127.0.0.1:{port}")
        self.assertIn(f"no NATS server answers at nats://127.0.0.1:{port}", e["text"])
        for url in ("head.example", "http://head.example:4222", ""):
            self.assertEqual(self.fails("try", url)["code"], "argument", url)

    def test_no_jetstream(self):
        self.serve("-D")
        e = self.fails("head", self.server.url, HEAD, self.journal)
        self.assertEqual(e["code"], "unsupported")
        self.assertIn("has no JetStream", e["text"])

    def test_small_messages(self):
        conf = self.folder / "nats.conf"
        conf.write_text(f'max_payload: 65536\njetstream {{ store_dir: "{self.folder}/js" }}\n')
        self.serve("-c", str(conf))
        self.assertIn("max_payload of at least 262144", self.fails("try", self.server.url)["text"])

    def test_stream_with_other_settings(self):
        self.serve()
        self.server.api(f"STREAM.CREATE.vdet-{HEAD}", json.dumps({
            "name": f"vdet-{HEAD}", "subjects": [f"vdet.{HEAD}.unit.>"], "retention": "limits", "storage": "file",
            "max_msgs": -1, "max_bytes": -1, "max_age": 0, "max_consumers": -1, "num_replicas": 1, "discard": "old"}))
        e = self.fails("head", self.server.url, HEAD, self.journal)
        self.assertEqual(e["code"], "format")
        self.assertIn('was made with other settings: its retention is not "workqueue"', e["text"])

    def test_full_disk_of_the_server(self):
        conf = self.folder / "nats.conf"
        conf.write_text(f'jetstream {{ store_dir: "{self.folder}/js", max_file_store: 6000 }}\n')
        self.serve("-c", str(conf))
        worker = self.worker("one")
        head = self.head("n=40", "ms=10", "threads=40", "check_every=1")
        said = "the NATS server has no more room: its disk is full, or what its configuration allows"
        while not (head.said(said) and worker.said(said)):
            self.assertIsNone(head.process.poll(), head.errors)
            time.sleep(0.1)
        conf.write_text(f'jetstream {{ store_dir: "{self.folder}/js" }}\n')
        self.server.restart()
        self.finish(head, 40)

    def test_certificates(self):
        """One that has expired, one that nobody vouches for; a file that is none."""
        (self.folder / "ca.conf").write_text("[ca]\ndefault_ca=d\n[d]\ndatabase=index\nserial=serial\nnew_certs_dir=.\n"
                                             "default_md=sha256\npolicy=p\nx509_extensions=x\n[p]\ncommonName=supplied\n"
                                             "[x]\nsubjectAltName=IP:127.0.0.1\n")
        (self.folder / "index").touch()
        (self.folder / "serial").write_text("01\n")

        def openssl(*words):
            subprocess.run(["openssl", *words], check=True, cwd=self.folder, stdin=subprocess.DEVNULL, capture_output=True)
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", "key.pem", "-out", "csr.pem",
                "-subj", "/CN=127.0.0.1")
        for name, until in (("old", "20200201000000Z"), ("good", "20991231000000Z")):
            (self.folder / "index").write_text("")
            openssl("ca", "-batch", "-config", "ca.conf", "-selfsign", "-keyfile", "key.pem", "-in", "csr.pem", "-notext",
                    "-startdate", "20200101000000Z", "-enddate", until, "-out", f"{name}.pem")
        conf = self.folder / "nats.conf"
        for name in ("old", "good"):
            conf.write_text(f'tls {{ cert_file: "{self.folder}/{name}.pem", key_file: "{self.folder}/key.pem" }}\n'
                            f'jetstream {{ store_dir: "{self.folder}/js" }}\n')
            if self.server:
                self.server.restart()
            else:
                self.serve("-c", str(conf))
            url = self.server.url.replace("nats:", "tls:")
            if name == "old":
                self.assertRegex(self.fails("try", url, f"ca={self.folder}/old.pem")["text"],
                                 f"certificate of the NATS server at {url} is not accepted: .*has expired.*--fleet-ca")
        self.assertIn("is not accepted: 18:self-signed certificate", self.fails("try", url)["text"].replace("self signed", "self-signed"))
        self.assertIn("has no certificates in PEM", self.fails("try", url, f"ca={conf}")["text"])
        self.assertEqual(self.start("try", url, f"ca={self.folder}/good.pem").wait(), 0)

    def test_credentials_are_removed(self):
        """From the server's configuration, while they are used."""
        place, conf = self.folder / "creds", self.folder / "creds" / "nats-server.conf"
        subprocess.run([TRY, "creds", str(place), HEAD, "one", "two"], check=True, capture_output=True,
                       env={**os.environ, "LISTEN": "127.0.0.1:-1", "STORE": str(self.folder / "js")})
        users = conf.read_text()
        self.serve("-c", str(conf))

        def remove(user):
            left = re.sub(rf'(?ms)^    \{{ user: "{user}".*?^    \}} \}}\n', "", users)
            self.assertNotEqual(left, users)
            conf.write_text(left)
            self.server.process.send_signal(signal.SIGHUP)
        one = self.worker("", f"creds={place}/one.creds", "slots=1")
        head = self.head("n=20", f"creds={place}/head.creds", "check_every=1", "ms=100")
        head.wait_for("done", 3)
        remove("one")
        self.assertNotEqual(one.wait(), 0)
        self.assertIn("the NATS server refuses this worker now", one.lines[-1]["text"])
        self.worker("", f"creds={place}/two.creds")
        head.wait_for("done", 6)
        remove(f"head-{HEAD}")
        self.assertEqual(head.wait(), 0)
        failed = head.wait_for("failed")[0]
        self.assertEqual((failed["code"], failed["text"]), ("permission", "the NATS server refuses the credentials of this head now"))
        conf.write_text(users)
        self.server.process.send_signal(signal.SIGHUP)
        self.finish(self.head("n=20", f"creds={place}/head.creds", "check_every=1", "ms=100"), 20)

    def test_second_head(self):
        self.serve()
        self.worker("one")
        head = self.head("n=3", "ms=600000")
        head.wait_for("open")
        e = self.fails("head", self.server.url, HEAD, self.folder / "copy")
        self.assertEqual(e["code"], "busy")
        self.assertRegex(e["text"], rf"process \d+ on this machine is a head with this journal or a copy of it \(id {HEAD}\)")
        head.kill()
        # After a kill -9 on the same machine it starts at once.
        self.finish(self.head("n=3", "ms=10"), 3)

    def test_no_head(self):
        self.serve()
        self.assertIn("no head with the id", self.state()["text"])

    def test_credentials(self):
        place = self.folder / "creds"
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            port = s.getsockname()[1]
        made = subprocess.run([TRY, "creds", str(place), HEAD, "one", "two"], check=False, capture_output=True, text=True,
                              env={**os.environ, "LISTEN": f"127.0.0.1:{port}", "STORE": str(self.folder / "js")})
        self.assertEqual(made.returncode, 0, made.stdout)
        self.assertEqual({p.stat().st_mode & 0o77 for p in place.iterdir()}, {0})
        again = subprocess.run([TRY, "creds", str(place), HEAD], check=False, capture_output=True, text=True)
        self.assertIn("exists; remove it first", again.stdout)
        for name in ("admin", "head", "a.b", "x" * 65, "*"):
            r = subprocess.run([TRY, "creds", str(self.folder / "bad"), HEAD, name], check=False, capture_output=True, text=True)
            self.assertIn("cannot be the name of a worker", r.stdout, name)

        self.serve("-c", str(place / "nats-server.conf"))
        url = self.server.url
        self.assertIn("wants credentials", self.fails("try", url)["text"])
        wrong = self.folder / "wrong.creds"
        wrong.write_text("user one\npassword 123\n")
        self.assertIn(f"refuses the credentials of {wrong}", self.fails("try", url, f"creds={wrong}")["text"])
        wrong.write_text("nothing")
        self.assertIn("is not a file of credentials", self.fails("try", url, f"creds={wrong}")["text"])
        self.assertIn("the worker's name is three", self.fails("worker", url, "three", f"creds={place}/one.creds")["text"])

        workers = [self.worker("", f"creds={place}/{name}.creds") for name in ("one", "two")]
        head = self.head("n=20", f"creds={place}/head.creds", "do3=ask", "check_every=1", "ms=200")
        head.wait_for("done", 3)
        # A worker may not speak for another one, or for its head.
        for what in (f"vdet.{HEAD}.unit.a.b", f"vdet.{HEAD}.notice.all", f"vdet.{HEAD}.result.two.done", f"vdet.{HEAD}.order.drain",
                     f"$JS.API.STREAM.DELETE.vdet-{HEAD}", f"$KV.vdet-{HEAD}-owner.owner", f"$JS.API.STREAM.MSG.GET.KV_vdet-{HEAD}"):
            self.assertIn("Permissions Violation for Publish", self.publish(place / "one.creds", what))
        for what in ("_vdet.two.>", ">", f"vdet.{HEAD}.unit.>", f"vdet.{HEAD}.notice.two"):
            self.assertIn("Permissions Violation for Subscription", self.publish(place / "one.creds", None, what))
        order = self.start("order", url, HEAD, "state", f"creds={place}/admin.creds")
        order.wait()
        self.finish(head, 20)
        self.assertEqual(set(self.done().values()), {"one", "two"})
        for p in (head, *workers):
            self.assertFalse(p.said("Permissions Violation"), p.errors)

    def publish(self, creds, subject, pattern=None):
        """What the server says of an attempt to publish, or to subscribe."""
        words = dict(line.split(" ", 1) for line in creds.read_text().splitlines() if not line.startswith("#"))
        with socket.create_connection(("127.0.0.1", self.server.port), 10) as s:
            s.settimeout(10)
            connect = json.dumps({"verbose": False, "user": words["user"], "pass": words["password"]})
            s.sendall(f"CONNECT {connect}\r\n".encode())
            s.sendall((f"PUB {subject} 2\r\nhi\r\n" if subject else f"SUB {pattern} 1\r\n").encode() + b"PING\r\n")
            got = b""
            while b"PONG" not in got:
                more = s.recv(65536)
                if not more:
                    break
                got += more
        return got.decode()


if __name__ == "__main__":
    unittest.main(verbosity=2 if sys.stdout.isatty() else 1)
