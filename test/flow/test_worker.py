# SPDX-License-Identifier: Apache-2.0
"""Workers that do the chunks of another machine's analysis, through a real nats-server: the report is that of one machine."""
import json
import os
import random
import signal
import subprocess
import time
import unittest

import flow
import nats
import serving

CHUNKS = 8


class Machine:
    """A machine of its own as far as a process can have one: its folders and its engine."""

    def __init__(self, test, name, *engine):
        self.test, self.name = test, name
        self.dir = test.dir / name
        self.dir.mkdir()
        self.engine = flow.FakeEngine(self.dir, "--model", "same", *engine)
        test.addCleanup(self.engine.stop)
        self.env = test.env | {f"XDG_{kind}_HOME": str(self.dir / kind.lower()) for kind in ("DATA", "CONFIG", "CACHE")}
        self.env["VDET_ENGINE_URL"] = self.engine.url

    def start(self, *args):
        log = open(self.dir / "log", "ab")
        self.test.addCleanup(log.close)
        p = subprocess.Popen([flow.VDET, *map(str, args)], cwd=self.dir, env=self.env, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.test.addCleanup(lambda: (p.poll() is None and p.kill(), p.wait()))
        return p

    def log(self):
        return (self.dir / "log").read_text(errors="replace")

    def finish(self, process, code=0):
        got = process.wait(flow.TIMEOUT)
        if got != code:
            self.test.fail(f"{self.name}: exit {got}, not {code}\n{self.log()}")
        self.test.no_faults(self.log())


@unittest.skipIf(nats.program() is None, "nats-server is not here; NATS_SERVER may name one")
class Workers(flow.Flow):
    def setUp(self):
        super().setUp()
        self.nats = nats.Nats(self.dir)
        self.addCleanup(self.nats.stop)
        self.video = flow.make_video(self.dir / "a.mp4", CHUNKS * 3)
        self.env["VDET_FLEET_ACK_WAIT"] = "600"  # on a busy machine, too, nothing is done twice without need
        self.env["VDET_FLEET_ADDRESS"] = ""
        self.env["VDET_FLEET_LISTEN"] = "127.0.0.1:0"
        if "built without libnats" in self.vdet("fleet", "--fleet", self.nats.url, code=None).stderr:
            self.skipTest("vdet was built without libnats")

    def worker(self, name, *engine):
        m = Machine(self, name, *engine)
        return m, m.start("worker", "--fleet", self.nats.url, "--fleet-name", name)

    def analyze(self, head, *more):
        return head.start("analyze", self.video, "--chunk-duration", 3, "--chunk-frames", 2, *more)

    def report_of(self, machine):
        return json.loads((machine.dir / "a.vdet" / "report.json").read_text())

    def alone(self):
        """The report of one machine."""
        m = Machine(self, "alone")
        m.finish(self.analyze(m))
        return self.report_of(m)

    def head(self, *more):
        m = Machine(self, "head")
        return m, self.analyze(m, "--fleet", self.nats.url, *more)

    def described(self, machine):
        return len(machine.engine.stretches())

    def test_two_workers_give_the_report_of_one_machine(self):
        a, worker_a = self.worker("a", "--fault", "hold@1")
        b, worker_b = self.worker("b", "--fault", "hold@1")
        head, analysis = self.head()
        for m in (a, b):  # both have a chunk at the same time
            m.engine.control(**{"await": 1})
        for m in (a, b):
            m.engine.control(release=True)
        head.finish(analysis)
        self.assertEqual(flow.same_result(self.report_of(head)), flow.same_result(self.alone()))
        self.assertEqual(self.described(head), 0)
        self.assertEqual(self.described(a) + self.described(b), CHUNKS)
        for m, p in ((a, worker_a), (b, worker_b)):
            p.send_signal(signal.SIGTERM)
            m.finish(p)

    def test_a_worker_that_is_killed_loses_nothing(self):
        self.env["VDET_FLEET_ACK_WAIT"] = "2"
        a, worker_a = self.worker("a", "--fault", "hold@1+")
        head, analysis = self.head()
        a.engine.control(**{"await": 1})
        worker_a.kill()
        worker_a.wait()
        b, _ = self.worker("b")
        head.finish(analysis)
        self.assertEqual(flow.same_result(self.report_of(head)), flow.same_result(self.alone()))
        self.assertGreaterEqual(self.described(b), CHUNKS)

    def test_workers_come_and_go(self):
        """While the chunks are done, one after the other is killed, and another takes its place."""
        self.env["VDET_FLEET_ACK_WAIT"] = "2"
        rng = random.Random(7)
        (self.dir / "long").mkdir()
        self.video = flow.make_video(self.dir / "long" / "a.mp4", 40 * 3)
        machines = [Machine(self, f"w{i}") for i in range(3)]
        engine = self.engine("--model", "same", "--latency", "0.1", "--slots", "4")
        for m in machines:
            m.env["VDET_ENGINE_URL"] = engine.url

        def begin(m):
            return m.start("worker", "--fleet", self.nats.url, "--fleet-name", m.name)
        workers = [begin(m) for m in machines]
        head, analysis = self.head()
        for requests in range(4, 28, 4):
            engine.control(**{"await": requests})
            i = rng.randrange(3)
            workers[i].kill()
            workers[i].wait()
            workers[i] = begin(machines[i])
        head.finish(analysis)
        self.assertEqual(flow.same_result(self.report_of(head)), flow.same_result(self.alone()))

    def test_a_head_that_is_killed_continues(self):
        self.env["VDET_FLEET_ACK_WAIT"] = "2"
        a, _ = self.worker("a", "--fault", "hold@5+")
        head, analysis = self.head()
        a.engine.control(**{"await": 5})
        analysis.kill()
        analysis.wait()
        a.engine.control(faults=[], release=True)
        head.finish(self.analyze(head, "--fleet", self.nats.url))
        self.assertEqual(flow.same_result(self.report_of(head)), flow.same_result(self.alone()))

    def test_a_head_that_is_stopped_leaves_what_was_begun(self):
        a, _ = self.worker("a", "--fault", "hold@5+")
        head, analysis = self.head("--frame-thumb", 64, "--fleet-ack-wait", 60)
        a.engine.control(**{"await": 5})
        begun = a.engine.stretches()
        analysis.send_signal(signal.SIGINT)
        head.finish(analysis, code=130)
        a.engine.control(faults=[], release=True)
        head.finish(self.analyze(head, "--fleet", self.nats.url, "--frame-thumb", 64, "--fleet-ack-wait", 60))
        self.assertEqual(sorted(s for s in a.engine.stretches() if s in begun), sorted(begun))

    def test_all_that_a_chunk_depends_on_reaches_the_worker(self):
        """Prompt, frames, subtitles, the second pass with its context: the requests are those of one machine."""
        said = self.dir / "said.srt"
        said.write_text("1\n00:00:04,000 --> 00:00:08,000\nStop the car\n")
        video = self.dir / "said.mkv"
        subprocess.run(["ffmpeg", "-v", "error", "-i", self.video, "-i", said, "-c", "copy", video], check=True, stdin=subprocess.DEVNULL)
        self.video = video.rename(self.dir / "a.mkv")
        options = ("--prompt", "red things", "--passes", 2, "--verify", "all", "--frame-size", 160, "--frame-thumb", 64,
                   "--with-texts", "speech", "--speech", "off")
        a, _ = self.worker("a")
        head, analysis = self.head(*options)
        head.finish(analysis)
        alone = Machine(self, "alone")
        alone.finish(self.analyze(alone, *options))
        self.assertEqual(flow.same_result(self.report_of(head)), flow.same_result(self.report_of(alone)))
        self.assertGreater(len(alone.engine.stretches()), CHUNKS)

        def requests(*machines):
            return sorted((r["system"], r["texts"], r["images"]) for m in machines for r in m.engine.lines("begin"))
        self.assertEqual(requests(a, head), requests(alone))
        self.assertTrue(any("Stop the car" in t for r in a.engine.lines("begin") for t in r["texts"]))

    def test_a_path_that_both_can_see_is_read_from_there(self):
        shared = self.dir / "mounted"
        shared.mkdir()
        (shared / "a.mp4").write_bytes(self.video.read_bytes())
        a = Machine(self, "a")
        worker = a.start("worker", "--fleet", self.nats.url, "--fleet-name", "a", "--path-map", f"{self.dir}={shared}",
                         "--log-level", "info")
        head, analysis = self.head()
        head.finish(analysis)
        worker.send_signal(signal.SIGTERM)
        a.finish(worker)
        self.assertRegex(a.log(), r" 0 bytes from the head, [1-9]\d* from a path")
        self.assertEqual(flow.same_result(self.report_of(head)), flow.same_result(self.alone()))

    def test_what_fails_on_every_worker_is_a_hole_with_its_history(self):
        a, _ = self.worker("a", "--fault", "400@1+")
        b, _ = self.worker("b", "--fault", "400@1+")
        head, analysis = self.head()
        head.finish(analysis, code=1)
        self.assertIn("all 8 chunks failed", head.log())
        holes = self.report_of(head)["holes"]
        self.assertEqual(len(holes), CHUNKS)
        for hole in holes:
            self.assertIn("workers reported failures", hole["reason"])

    def test_workers_are_listed_and_drained(self):
        a, worker_a = self.worker("a", "--fault", "hold@1+")
        head, analysis = self.head()
        a.engine.control(**{"await": 1})
        listed = self.run_on(head, "fleet", "--fleet", self.nats.url, "--json")
        self.assertEqual([w["name"] for w in json.loads(listed)["workers"]], ["a"])
        self.assertIn("same", self.run_on(head, "fleet", "--fleet", self.nats.url))
        self.run_on(head, "fleet", "drain", "a", "--fleet", self.nats.url)
        a.engine.control(faults=[], release=True)
        a.finish(worker_a)
        b, _ = self.worker("b")
        head.finish(analysis)

    def run_on(self, machine, *args):
        r = subprocess.run([flow.VDET, *args], env=machine.env, cwd=machine.dir, capture_output=True, text=True, timeout=flow.TIMEOUT)
        self.assertEqual(r.returncode, 0, r.stderr)
        return r.stdout

    def test_the_server_gives_its_chunks_to_workers(self):
        a, _ = self.worker("a")
        engine = self.engine("--model", "same")
        server = serving.Server(self, "--engine", engine.url, "--fleet", self.nats.url, "--folder", self.dir)
        events = server.socket(server.api("/jobs")["seq"])
        job = server.change("POST", "/jobs", {"path": str(self.video), "options": {"chunk.duration": 3, "chunk.frames": 2}})["id"]
        self.assertEqual(events.state(job, "done", "holes", "failed")["state"], "done")
        self.assertEqual(self.described(a), CHUNKS)
        self.assertEqual(engine.stretches(), [])
        self.assertEqual(server.stop(), 0)

    def test_chunks_wait_for_a_worker_with_the_model(self):
        self.worker("a", "--model", "other")
        head, analysis = self.head("--log-level", "info")
        while "none with the model of this head" not in head.log():
            self.assertIsNone(analysis.poll(), head.log())
            time.sleep(0.1)
        analysis.send_signal(signal.SIGINT)
        head.finish(analysis, code=130)
        b, _ = self.worker("b")
        head.finish(self.analyze(head, "--fleet", self.nats.url))
        self.assertEqual(self.described(b), CHUNKS)
        self.assertEqual(flow.same_result(self.report_of(head)), flow.same_result(self.alone()))

    def test_a_folder_is_done_by_workers(self):
        folder = self.dir / "folder"
        folder.mkdir()
        for name in ("x.mp4", "y.mp4"):
            flow.make_video(folder / name, 6, source="testsrc" if name == "x.mp4" else "testsrc2")
            os.utime(folder / name, (0, 0))  # it is not being written
        a, _ = self.worker("a")
        head = Machine(self, "head")
        head.finish(head.start("analyze", folder, "--chunk-duration", 3, "--fleet", self.nats.url))
        self.assertEqual((self.described(a), self.described(head)), (4, 0))

    def test_videos_are_encrypted_with_a_certificate(self):
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                        "-keyout", "key.pem", "-out", "cert.pem", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"],
                       check=True, cwd=self.dir, stdin=subprocess.DEVNULL, capture_output=True)
        a = Machine(self, "a")
        a.start("worker", "--fleet", self.nats.url, "--fleet-name", "a", "--fleet-ca", self.dir / "cert.pem")
        head, analysis = self.head("--fleet-cert", self.dir / "cert.pem", "--fleet-key", self.dir / "key.pem")
        head.finish(analysis)
        self.assertEqual(self.described(a), CHUNKS)

    def test_each_role_has_credentials_of_its_own(self):
        head = Machine(self, "head")
        self.run_on(head, "fleet", "creds", "creds", "a", "b", "--nats-listen", "127.0.0.1:-1", "--nats-store", str(self.dir / "store"))
        creds = head.dir / "creds"
        (self.dir / "closed").mkdir()
        closed = nats.Nats(self.dir / "closed", creds / "nats-server.conf")
        self.addCleanup(closed.stop)
        a = Machine(self, "a", "--fault", "hold@1")
        a.start("worker", "--fleet", closed.url, "--fleet-name", "a", "--fleet-creds", creds / "a.creds")
        analysis = self.analyze(head, "--fleet", closed.url, "--fleet-creds", creds / "head.creds")
        a.engine.control(**{"await": 1})
        self.assertRegex(self.run_on(head, "fleet", "--fleet", closed.url, "--fleet-creds", str(creds / "admin.creds")), r"(?m)^a +")
        a.engine.control(release=True)
        head.finish(analysis)
        self.assertEqual(flow.same_result(self.report_of(head)), flow.same_result(self.alone()))
        none = self.vdet("worker", "--fleet", closed.url, "--fleet-name", "b", "--engine", head.engine.url, code=1)
        self.assertIn("--fleet-creds", none.stderr)

    def test_what_is_wrong_is_said_in_a_line(self):
        self.assertIn("--fleet is missing", self.vdet("worker", code=2).stderr)
        self.assertIn("--fleet-name", self.vdet("worker", "--fleet", self.nats.url, "--fleet-name", "a b", code=2).stderr)
        self.assertIn("127.0.0.1:1", self.vdet("analyze", self.video, "--fleet", "nats://127.0.0.1:1", "--engine",
                                               self.engine().url, code=1).stderr)


if __name__ == "__main__":
    flow.main()
