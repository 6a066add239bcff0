# SPDX-License-Identifier: Apache-2.0
"""A fleet whose head, workers, server or connection are killed, refused or full: nothing is lost, and a line says why."""
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import unittest

import flow
from test_fleet import HEAD, TRY, Fleet


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

    def test_a_worker_ends_though_its_head_is_gone(self):
        """What makes progress is done; what only waits for the head is given back."""
        self.serve()
        worker = self.worker("one", "slots=2", "patience=3")
        head = self.head("n=2", "do0=stall", "do1=wait", "ack_wait=60")
        worker.wait_for("begin", 2)
        head.kill()
        worker.process.send_signal(signal.SIGUSR1)
        worker.wait_for("end", unit="job.chunk.0", done=False)
        worker.process.send_signal(signal.SIGUSR2)
        self.assertEqual(worker.wait(), 0)
        worker.wait_for("end", unit="job.chunk.1", done=True)
        self.assertEqual(sum("giving back unit" in line for line in worker.errors), 1)
        self.worker("two")
        self.finish(self.head("n=2", "ms=10"), 2)

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


class Harm(Fleet):
    """What a worker with valid credentials does to the others."""

    def wait_for_state(self, right):
        """Until the head's state is so, which nothing announces."""
        end = time.monotonic() + flow.TIMEOUT
        while not right(state := self.state()):
            self.assertLess(time.monotonic(), end, state)
            time.sleep(0.1)

    def test_beginning_often_makes_no_hole(self):
        """Of the only other unit, all of it before the honest worker could take that."""
        self.serve()
        honest = self.worker("honest", "slots=1")
        head = self.head("n=2", "do=wait", "threads=2", "check_every=1")
        honest.wait_for("begin")
        self.wait_for_state(lambda s: [len(w["units"]) for w in s.get("workers", ())] == [1])
        liar = self.start("liar", self.server.url, HEAD, "begins")
        self.wait_for_state(lambda s: s["counts"]["silent"] > 100)
        liar.kill()
        honest.process.send_signal(signal.SIGUSR2)
        self.finish(head, 2)
        self.assertEqual(set(self.done().values()), {"honest"})

    def hold(self, how):
        """A worker has a unit for ever, and another one is known to be quicker."""
        self.serve()
        head = self.head("n=6", "ms=100", "threads=2", "timeout=2", "check_every=1")
        liar = self.start("liar", self.server.url, HEAD, how)
        unit = liar.wait_for("holds")[0]["unit"]
        self.worker("honest", "slots=1")
        self.finish(head, 6)
        self.assertEqual(set(self.done().values()), {"honest"})
        said = rf"unit {unit} is in progress for .* at worker .*, and worker honest does one in .*; giving it again"
        self.assertTrue(any(re.search(said, line) for line in head.errors), head.errors)
        workers = {w["name"]: w["silent"] for w in head.wait_for("end")[0]["state"]["workers"]}
        self.assertGreaterEqual(workers["liar"], 1)
        self.assertEqual(workers["honest"], 0)

    def test_who_never_ends_a_unit_does_not_keep_it(self):
        """Also not by saying again and again that it begins."""
        self.hold("holds")

    def test_nor_who_does_not_say_that_it_begins(self):
        self.hold("keeps")

    def test_slow_work_is_not_ended(self):
        """Another worker that is quicker gets the unit as well; the slow one's result counts if it comes first."""
        self.serve()
        slow = self.worker("slow", "slots=1")
        head = self.head("n=5", "do0=wait", "ms=100", "threads=2", "timeout=1", "check_every=1")
        slow.wait_for("begin", unit="job.chunk.0")
        quick = self.worker("quick", "slots=1")
        head.wait_for("done", 4)
        quick.wait_for("begin", unit="job.chunk.0")
        slow.process.send_signal(signal.SIGUSR2)
        self.finish(head, 5)
        self.assertEqual(self.done()[0], "slow")
        quick.wait_for("end", unit="job.chunk.0", done=False)

    def test_who_floods_the_head_does_not_silence_others(self):
        self.serve()
        head = self.head("n=8", "ms=10", "check_every=1")
        head.wait_for("open")
        liar = self.start("liar", self.server.url, HEAD, "floods")
        liar.wait_for("flooded")
        liar.kill()
        self.worker("honest")
        end = self.finish(head, 8)
        self.assertIn("honest", [w["name"] for w in end["state"]["workers"]])
        self.assertTrue(head.said("worker liar sends more than 1000 messages a second"), head.errors[-5:])


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
            self.server.reload()
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
        self.server.reload()
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
