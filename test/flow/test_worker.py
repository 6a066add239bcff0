# SPDX-License-Identifier: Apache-2.0
"""Workers that do the chunks of another machine's analysis, through a real nats-server: the report is that of one machine."""
import json
import os
import random
import re
import signal
import sqlite3
import socket
import subprocess
import time
import unittest

import flow
import nats
import schema
import serving

CHUNKS = 8
QUESTION = "When does the dog come?"


def own_address():
    """An address of this machine other than that of the loopback interface, or None."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        try:
            s.connect(("192.0.2.1", 9))  # sends nothing
            return s.getsockname()[0]
        except OSError:
            return None


class Machine:
    """A machine of its own as far as a process can have one: its folders and its engine."""
    before = ()  # what its commands begin with

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
        command = [*self.before, flow.VDET, *map(str, args)]
        p = subprocess.Popen(command, cwd=self.dir, env=self.env, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
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
class Fleet(flow.Flow):
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


class Workers(Fleet):
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

    def scene(self):
        """A dog comes in the third of six stretches; the options of an engine that knows so, and of a run."""
        clock = [f"00:00:{4 * i:02}.000" for i in range(6)]
        stretches = {c: {"summary": f"Part {c}.", "events": [{"subject": "a tree", "what": "A tree stays."}]} for c in clock}
        stretches[clock[2]]["events"] = [{"subject": "a dog", "what": "A dog comes."}]
        ask = {"route": {"kind": "when", "statement": "A dog is there.", "queries": [{"text": "dog", "sense": "seen"}],
                         "question": QUESTION, "negated": False}, "shows": [[8, 11.9]], "says": "A white dog comes in."}
        (self.dir / "scene.json").write_text(json.dumps({"stretches": stretches, "ask": ask, "false": ["A ghost appears."]}))
        return ("--scene", str(self.dir / "scene.json"), "--checks", "reasoned"), ("--chunk-duration", 4, "--verify", "all")

    def looks(self, machine):
        """Statements and questions that its engine was asked about pictures."""
        texts = ["".join(r["texts"]) for r in machine.engine.lines("begin") if r["images"]]
        return sorted(t[t.index(word):] for t in texts for word in ("Statement: ", "Question: ") if word in t)

    def kept(self, machine):
        """What the journal has of checks."""
        with sqlite3.connect(machine.dir / "data" / "vdet" / "vdet.db") as journal:
            rows = [[r[:-1] for r in journal.execute(f"SELECT * FROM {table} ORDER BY 2, 3, 4, 5, 6")]  # without its time
                    for table in ("verdict", "control")]
        journal.close()
        return rows

    def answer(self, machine):
        """An answer without what differs between two machines: when it was made, and how long that took."""
        answer = json.loads((machine.dir / "answer" / "answer.json").read_text())
        times = ("time", "decode_time", "wall_time")
        for key in ("price", "spent"):
            answer[key] = {k: v for k, v in answer[key].items() if k not in times}
        return {k: v for k, v in answer.items() if k not in ("run", "signature")}

    def test_looks_are_done_by_workers(self):
        """Checks, and looks of a question: the worker that began is killed, and another gives what one machine finds."""
        self.env["VDET_FLEET_ACK_WAIT"] = "2"
        engine, options = self.scene()
        alone = Machine(self, "alone", *engine)
        alone.finish(self.analyze(alone, *options))
        a, worker_a = self.worker("a", *engine, "--fault", "hold@9+")
        head = Machine(self, "head", *engine)
        analysis = self.analyze(head, "--fleet", self.nats.url, *options)
        a.engine.control(**{"await": 9})
        worker_a.kill()
        worker_a.wait()
        b, worker_b = self.worker("b", *engine)
        head.finish(analysis)
        self.assertEqual(flow.same_result(self.report_of(head)), flow.same_result(self.report_of(alone)))
        self.assertEqual(self.kept(head), self.kept(alone))
        self.assertEqual(self.looks(head), [])
        checked = self.looks(alone)
        self.assertLessEqual(set(checked), set(self.looks(b) + self.looks(a)))

        def ask(machine, *more):
            return machine.start("ask", "--output", machine.dir / "answer", *more, self.video, QUESTION)
        for m in (alone, head):
            self.store = m.dir / "data" / "vdet" / "vdet.db"
            self.trust()
        alone.finish(ask(alone))
        b.engine.control(reset=True, faults=["hold@1+"])
        question = ask(head, "--fleet", self.nats.url)
        b.engine.control(**{"await": 1})
        worker_b.kill()
        worker_b.wait()
        c, _ = self.worker("c", *engine)
        head.finish(question)
        self.assertEqual(self.answer(head), self.answer(alone))
        self.assertEqual(self.looks(head), [])
        self.assertEqual(sorted(checked + self.looks(c)), self.looks(alone))

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
        shown = self.run_on(head, "fleet", "--fleet", self.nats.url)
        rate, cache, waits = (rf"(?:{known}|-)" for known in (r"[\d.]+", r"\d+", r"\w+"))
        self.assertRegex(shown, rf"(?m)^a  working +\d+ of +\d+ slots +{rate} a minute  cache +{cache} %  waits for {waits} +same  "
                                r"vdet \S+$")
        self.assertIn(f"worker a: connected to {self.nats.url}, head {json.loads(listed)['head']}, ", a.log())
        self.assertRegex(shown, r"(?m)^\d+ units wait, \d+ are in progress")
        self.assertRegex(shown, r"(?m)^bottleneck: ")
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
        """And shows them: in the API, in the metrics, and lets them be ended."""
        a, worker_a = self.worker("a")
        engine = self.engine("--model", "same")
        server = serving.Server(self, "--engine", engine.url, "--fleet", self.nats.url, "--folder", self.dir)
        events = server.socket(server.api("/jobs")["seq"])
        job = server.change("POST", "/jobs", {"path": str(self.video), "options": {"chunk.duration": 3, "chunk.frames": 2}})["id"]
        self.assertEqual(events.state(job, "done", "holes", "failed")["state"], "done")
        self.assertEqual(self.described(a), CHUNKS)
        self.assertEqual(engine.stretches(), [])
        b, _ = self.worker("b")
        self.shows_workers(server)
        self.ends_a_worker(server)
        a.finish(worker_a)
        self.forgets_a_worker(server)
        ask = server.change("POST", "/asks", {"question": QUESTION, "all": True})["id"]
        self.assertEqual(server.wait(f"/asks/{ask}", lambda q: q["state"] in ("done", "failed"))["state"], "done")
        self.assertTrue(self.looks(b))
        self.assertFalse([r for r in engine.lines("begin") if r["images"]])
        self.assertEqual(server.stop(), 0)

    def until(self, server, test):
        """No event tells of what a worker says of itself."""
        while not test(fleet := server.api("/fleet")):
            time.sleep(0.1)
        return fleet

    def shows_workers(self, server):
        # What a worker counts comes with its next beat.
        fleet = self.until(server, lambda f: [w["figures"]["done"] for w in f["workers"]] == [CHUNKS, 0])
        a = fleet["workers"][0]
        self.assertEqual((a["name"], a["state"], a["done"], a["model"], a["version"]), ("a", "working", CHUNKS, "same", fleet["version"]))
        self.assertGreater(a["figures"]["engine"], 0)
        self.assertGreater(a["figures"]["frames"], 0)
        self.assertGreater(a["figures"]["cache_misses"], 0)
        self.assertGreaterEqual(a["figures"]["cache_miss_bytes"], self.video.stat().st_size)
        self.assertEqual((fleet["connected"], fleet["units"]["waiting"], fleet["counts"]["done"]), (True, 0, CHUNKS))
        self.assertGreaterEqual(fleet["traffic"]["sent"], self.video.stat().st_size)
        for counted in "addresses", "blobs", "requests":
            self.assertGreater(fleet["traffic"][counted], 0)
        if schema.Draft202012Validator:
            schema.Document(server.get("/api/v1/openapi.json").body).check("GET", "/api/v1/fleet", server.get("/api/v1/fleet"))

        text = server.get("/metrics").body.decode()
        for line in text.splitlines():
            self.assertRegex(line, r'^(# (HELP|TYPE) vdet_\w+ .+|vdet_\w+(\{\w+="\w+"\})? [-+.e0-9]+)$')
        for line in ('vdet_fleet_workers{state="working"} 2', f"vdet_fleet_units_done_total {CHUNKS}", "vdet_fleet_units_waiting 0",
                     f'vdet_fleet_worker_units_done_total{{worker="a"}} {CHUNKS}', "vdet_fleet_connected 1"):
            self.assertIn(f"\n{line}\n", text)

    def ends_a_worker(self, server):
        self.assertEqual(server.post("/api/v1/fleet/workers/nobody/drain").status, 404)
        self.assertEqual(server.post("/api/v1/fleet/workers/a/drain").status, 202)
        self.until(server, lambda f: f["workers"][0]["state"] != "working")

    def forgets_a_worker(self, server):
        """A last beat of it may still be on its way."""
        def gone(_):
            self.assertIn(server.request("DELETE", "/api/v1/fleet/workers/a").status, (204, 404))
            return [w["name"] for w in server.api("/fleet")["workers"]] == ["b"]
        self.until(server, gone)

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
        # One that does not trust it says so to the head, gives the chunks back, and nothing is lost.
        a, distrustful = self.worker("a")
        head, analysis = self.head("--fleet-cert", self.dir / "cert.pem", "--fleet-key", self.dir / "key.pem")
        while not re.search("worker a gives it back: .*certificate.*--fleet-ca", head.log()):
            self.assertIsNone(analysis.poll(), head.log())
            time.sleep(0.1)
        distrustful.send_signal(signal.SIGTERM)
        a.finish(distrustful)
        b = Machine(self, "b")
        b.start("worker", "--fleet", self.nats.url, "--fleet-name", "b", "--fleet-ca", self.dir / "cert.pem")
        head.finish(analysis)
        self.assertEqual((self.described(a), self.described(b)), (0, CHUNKS))

    def test_a_video_that_changes_is_refused(self):
        a, worker = self.worker("a", "--fault", "hold@1+")
        head, analysis = self.head()
        a.engine.control(**{"await": 1})
        data = self.video.read_bytes()
        self.video.write_bytes(data[:-1000])
        a.engine.control(faults=[], release=True)
        head.finish(analysis, code=1)
        self.assertIn("a.mp4: the file was changed while it was analyzed", head.log())
        self.video.write_bytes(data)
        head.finish(self.analyze(head, "--fleet", self.nats.url))
        self.assertIsNone(worker.poll())

    def test_data_wait_while_the_disk_of_the_head_is_full(self):
        library = os.environ.get("FULL_DISK_LIBRARY")
        if not library:
            self.skipTest("FULL_DISK_LIBRARY is not set")
        a = Machine(self, "a", "--fault", "hold@1+")
        a.start("worker", "--fleet", self.nats.url, "--fleet-name", "a", "--log-level", "debug")
        head, full = Machine(self, "head"), self.dir / "full"
        head.env |= {"LD_PRELOAD": library, "FULL_DISK": str(full)}
        options = ("--frame-thumb", 64, "--speech", "off", "--screen-text", "off")
        analysis = self.analyze(head, "--fleet", self.nats.url, *options)
        a.engine.control(**{"await": 1})
        full.touch()
        a.engine.control(faults=[], release=True)
        end = time.monotonic() + flow.TIMEOUT
        while "answered 507: the disk of the head is full" not in a.log():
            self.assertLess(time.monotonic(), end, a.log()[-2000:])
            time.sleep(0.05)
        full.unlink()
        head.finish(analysis)
        alone = Machine(self, "alone")
        alone.finish(self.analyze(alone, *options))
        self.assertEqual(flow.same_result(self.report_of(head)), flow.same_result(self.report_of(alone)))

    def test_a_head_that_the_server_refuses_ends_and_continues(self):
        head = Machine(self, "head")
        self.run_on(head, "fleet", "creds", "creds", "a", "--nats-listen", "127.0.0.1:-1", "--nats-store", str(self.dir / "store"))
        creds = head.dir / "creds"
        conf, place = creds / "nats-server.conf", self.dir / "closed"
        place.mkdir()
        closed = nats.Nats(place, conf)
        self.addCleanup(closed.stop)
        a = Machine(self, "a", "--fault", "hold@3+")
        a.start("worker", "--fleet", closed.url, "--fleet-name", "a", "--fleet-creds", creds / "a.creds")
        options = ("--fleet", closed.url, "--fleet-creds", creds / "head.creds")
        analysis = self.analyze(head, *options)
        a.engine.control(**{"await": 3})
        users = conf.read_text()
        conf.write_text(re.sub(r'(?ms)^    \{ user: "head-.*?^    \} \}\n', "", users))
        closed.process.send_signal(signal.SIGHUP)
        head.finish(analysis, code=1)
        self.assertIn("the NATS server refuses the credentials of this head now; the same command continues", head.log())
        conf.write_text(users)
        closed.process.send_signal(signal.SIGHUP)
        a.engine.control(faults=[], release=True)
        head.finish(self.analyze(head, *options))
        self.assertEqual(flow.same_result(self.report_of(head)), flow.same_result(self.alone()))

    def test_each_role_has_credentials_of_its_own(self):
        head = Machine(self, "head")
        self.run_on(head, "fleet", "creds", "creds", "a", "b", "--nats-listen", "0.0.0.0:-1", "--nats-store", str(self.dir / "store"))
        creds = head.dir / "creds"
        (self.dir / "closed").mkdir()
        closed = nats.Nats(self.dir / "closed", creds / "nats-server.conf")
        self.addCleanup(closed.stop)
        self.nameless(head, closed)
        a = Machine(self, "a", "--fault", "hold@1")
        a.start("worker", "--fleet", closed.url, "--fleet-creds", creds / "a.creds")  # which have its name
        analysis = self.analyze(head, "--fleet", closed.url, "--fleet-creds", creds / "head.creds")
        a.engine.control(**{"await": 1})
        self.assertRegex(self.run_on(head, "fleet", "--fleet", closed.url, "--fleet-creds", str(creds / "admin.creds")), r"(?m)^a +")
        for name in "a", "head":
            wrong = self.vdet("fleet", "--fleet", closed.url, "--fleet-creds", creds / f"{name}.creds", code=1).stderr
            self.assertRegex(wrong, rf"not allow this with the credentials of \S+/{name}.creds \(user {name}.*admin.creds of the folder")
            self.assertEqual(len(wrong.splitlines()), 1, wrong)
        a.engine.control(release=True)
        head.finish(analysis)
        self.assertEqual(flow.same_result(self.report_of(head)), flow.same_result(self.alone()))
        again = self.analyze(head, "--fresh", "--fleet", closed.url, "--fleet-creds", creds / "head.creds")
        head.finish(again)  # what it discards says where the video is, too
        self.assertEqual(self.described(a), 2 * CHUNKS)
        other = Machine(self, "other")
        self.assertIn("is for the head with another journal", self.refused(other, closed.url, creds))
        none = self.vdet("worker", "--fleet", closed.url, "--fleet-name", "b", "--engine", head.engine.url, code=1)
        self.assertIn("--fleet-creds", none.stderr)

    def nameless(self, head, server):
        """If it can be: workers reach the head by its address, as they do not know its name."""
        rename = ["unshare", "--uts", "sh", "-c", 'hostname head.invalid && exec "$@"', "sh"]
        here = own_address()
        if here and subprocess.run([*rename, "true"], check=False, capture_output=True).returncode == 0:
            head.before = rename
            server.url = f"nats://{here}:{server.url.rsplit(':', 1)[1]}"
            head.env["VDET_FLEET_LISTEN"] = ""

    def refused(self, machine, url, creds):
        """What a head says that has another journal than its credentials."""
        self.run_on(machine, "fleet", "creds", "own", "a")
        machine.finish(self.analyze(machine, "--fleet", url, "--fleet-creds", creds / "head.creds"), 2)
        return machine.log()

    def twice(self, head, *machines, late=None):
        """Analyzes, with all chunks done twice, and none before the head knows all workers. The one that is late has two slots."""
        for m in machines:
            m.engine.control(faults=["hold@1+"], reset=True)
        analysis = self.analyze(head, "--fleet", self.nats.url, "--fleet-double", "100%", "--fresh")
        machines[0].engine.control(**{"await": 1})
        while len(json.loads(self.run_on(head, "fleet", "--fleet", self.nats.url, "--json"))["workers"]) < len(machines):
            time.sleep(0.1)
        for m in machines:
            if m is not late:
                m.engine.control(faults=[], release=True)
        if late:
            machines[0].engine.control(**{"await": CHUNKS - 2})
            late.engine.control(faults=["hold@3+"], release=True)  # what others have done before
            while not re.search(r"all are done; waiting up to \d+ s for another worker that does \d of them again", head.log()):
                self.assertIsNone(analysis.poll(), head.log())
                time.sleep(0.1)
            late.engine.control(faults=[], release=True)
        head.finish(analysis)

    def test_two_workers_do_a_chunk_and_are_compared(self):
        head = Machine(self, "head")
        a, _ = self.worker("a")
        self.twice(head, a)
        first = self.report_of(head)
        self.assertEqual(first["run"]["twice"], {"chunks": 0, "different": 0})  # there is no other one
        b = Machine(self, "b")
        b.env["VDET_FLEET_SLOTS"] = "2"
        honest = b.start("worker", "--fleet", self.nats.url, "--fleet-name", "b")
        self.twice(head, a, b, late=b)
        report = self.report_of(head)
        self.assertEqual(flow.same_result(report), flow.same_result(first))
        self.assertEqual(report["run"]["twice"], {"chunks": CHUNKS, "different": 0})
        self.assertEqual(self.described(a) + self.described(b), 3 * CHUNKS)
        self.assertNotIn("do not agree", head.log())
        honest.send_signal(signal.SIGTERM)
        b.finish(honest)

        # One that invents what it says.
        scene = self.dir / "scene.json"
        events = [{"subject": "postman", "what": "postman rides bicycle", "frames": [1]}]
        said = {"summary": "Somewhere else it rains.", "events": events}
        scene.write_text(json.dumps({"stretches": {f"00:00:{3 * i:02}.000": said for i in range(CHUNKS)}, "false": []}))
        liar, _ = self.worker("liar", "--scene", scene)
        self.twice(head, a, liar)
        self.assertEqual(self.report_of(head)["run"]["twice"], {"chunks": CHUNKS, "different": CHUNKS})
        self.assertRegex(head.log(), r"the workers (a and liar|liar and a) do not agree: of the words")
        self.assertIn("Workers that do not agree", (head.dir / "a.vdet" / "report.html").read_text())

    def test_what_is_wrong_is_said_in_a_line(self):
        self.assertIn("as 1%", self.vdet("analyze", self.video, "--fleet", self.nats.url, "--fleet-double", "1", "--engine",
                                         self.engine().url, code=2).stderr)
        self.assertIn("--fleet is missing", self.vdet("worker", code=2).stderr)
        self.assertIn("--fleet-name", self.vdet("worker", "--fleet", self.nats.url, "--fleet-name", "a b", code=2).stderr)
        for arguments, said in ((("--engine", "http://127.0.0.1:1"), "cannot reach the engine at http://127.0.0.1:1"),
                                (("--model", self.dir / "none.gguf"), "none.gguf does not exist")):
            self.assertIn(said, self.vdet("worker", "--fleet", self.nats.url, *arguments, code=None).stderr)
        self.assertIn("127.0.0.1:1", self.vdet("analyze", self.video, "--fleet", "nats://127.0.0.1:1", "--engine",
                                               self.engine().url, code=1).stderr)


if __name__ == "__main__":
    flow.main()
