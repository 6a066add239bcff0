# SPDX-License-Identifier: Apache-2.0
"""`vdet fleet try`: a real nats-server, a head and two workers with the demo model, all of which end with the command."""
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

import flow
import nats

HOURS = "0.06"
RECORDING = "recording-7-216s.mp4"


@unittest.skipIf(nats.program() is None, "nats-server is not here; NATS_SERVER may name one")
class FleetTry(flow.Flow):
    @classmethod
    def setUpClass(cls):
        """Draws the recording once for all tests."""
        cls.drawn = Path(tempfile.mkdtemp(prefix="vdet-flow-"))
        cls.addClassCleanup(shutil.rmtree, cls.drawn, True)
        subprocess.run([flow.VDET, "world", RECORDING, "--seed", "7", "--duration", "216"], check=True, cwd=cls.drawn,
                       stdin=subprocess.DEVNULL, capture_output=True)

    def setUp(self):
        super().setUp()
        self.needs_engine()
        shutil.copytree(self.drawn, self.dir / "vdet-demo")
        self.env["PATH"] = f"{Path(nats.program()).parent}:{self.env['PATH']}"
        self.env["VDET_FLEET_ACK_WAIT"] = "2"
        if "built without libnats" in self.vdet("fleet", "--fleet", "nats://127.0.0.1:1", code=None).stderr:
            self.skipTest("vdet was built without libnats")
        self.data = self.dir / "data" / "vdet" / "fleet-try"

    def running(self):
        """The processes of this test, by the data folder in their environment, which all of them inherit."""
        mine = f"XDG_DATA_HOME={self.dir / 'data'}".encode()
        found = []
        for name in filter(str.isdigit, os.listdir("/proc")):
            try:
                if mine in Path(f"/proc/{name}/environ").read_bytes().split(b"\0"):
                    found.append(Path(f"/proc/{name}/cmdline").read_bytes().replace(b"\0", b" "))
            except OSError:
                continue
        return found

    def nothing_is_left(self):
        until = time.monotonic() + flow.TIMEOUT
        while left := self.running():  # the kernel ends them one after the other
            self.assertLess(time.monotonic(), until, left)
            time.sleep(0.05)

    def begin(self):
        """Starts it, and waits for the first chunk that a worker has done."""
        p = self.start("fleet", "try", "--hours", HOURS, "--progress", "json")
        while flow.read_event(p.stdout, "chunk")["state"] != "done":
            pass
        return p

    def workers(self, p):
        found = {c[c.index("--fleet-name") + 1]: pid for pid, c in flow.children(p.pid).items() if "worker" in c}
        self.assertEqual(sorted(found), ["worker-1", "worker-2"])
        return found

    def end(self, p, code):
        out, log = p.communicate(timeout=flow.TIMEOUT)
        self.no_faults(log)
        self.assertEqual(p.returncode, code, out + log)
        self.nothing_is_left()
        return log

    def counts(self, text):
        found = {name: int(n) for name, n in re.findall(r"(worker-\d): (\d+) units of work", text)}
        self.assertGreater(int(re.search(r"the recording has (\d+) chunks", text)[1]), 5)
        self.assertGreater(sum(found.values()), 5)
        return found

    def test_the_report_is_that_of_one_machine(self):
        (self.dir / "config" / "vdet").mkdir(parents=True)  # which is not for this
        (self.dir / "config" / "vdet" / "vdet.conf").write_text("[engine]\nurl = http://127.0.0.1:1/v1\n[fleet]\npath_map = /a=/b\n")
        for again in (False, True):
            r = self.vdet("fleet", "try", "--hours", HOURS)
            self.assertRegex(r.stdout, r"[1-9]\d* events? with the fleet and without it: the same")
            self.counts(r.stdout)
            self.assertEqual("were done before" in r.stdout, again)
            self.assertEqual(r.stderr.count("warning"), 0, r.stderr)
            self.nothing_is_left()
            self.assertEqual([p.name for p in self.data.iterdir()], ["alone"])
        self.assertEqual((self.dir / "vdet-demo" / RECORDING).read_bytes(), (self.drawn / RECORDING).read_bytes())
        reports = {p.parent.name: json.loads(p.read_text()) for p in (self.dir / "vdet-demo").glob("*/report.json")}
        self.assertEqual(sorted(reports), ["recording-7-216s.alone.vdet", "recording-7-216s.fleet.vdet"])
        self.assertEqual(*map(flow.same_result, reports.values()))

    def test_a_worker_that_is_killed_loses_nothing(self):
        p = self.begin()
        os.kill(self.workers(p)["worker-1"], signal.SIGKILL)
        busy = self.vdet("fleet", "try", "--hours", HOURS, code=1)
        self.assertIn("another vdet fleet try is running", busy.stderr)
        log = self.end(p, 0)
        self.assertIn("worker-1 was killed by SIGKILL", log)
        self.assertIn("without it: the same", log)
        found = self.counts(log)
        self.assertLess(found["worker-1"], found["worker-2"])

    def test_without_workers_it_ends(self):
        p = self.begin()
        for pid in self.workers(p).values():
            os.kill(pid, signal.SIGKILL)
        self.assertIn("no worker is left", self.end(p, 1))

    def test_without_its_server_it_ends(self):
        p = self.begin()
        [server] = [pid for pid, c in flow.children(p.pid).items() if c[0].endswith("nats-server")]
        os.kill(server, signal.SIGKILL)
        self.assertIn("the NATS server was killed by SIGKILL", self.end(p, 1))

    def test_what_it_started_ends_with_it(self):
        p = self.begin()
        self.assertGreater(len(self.running()), 6)  # itself, server, head, workers, engines
        p.kill()
        p.wait()
        self.nothing_is_left()
        self.assertTrue((self.data / "run").exists())
        again = self.begin()  # removes what the killed one left
        again.send_signal(signal.SIGINT)
        self.end(again, 130)
        self.assertFalse((self.data / "run").exists())

    def test_what_is_wrong_is_said_in_a_line(self):
        self.assertIn("try takes no argument", self.vdet("fleet", "try", "a", code=2).stderr)
        server = self.dir / "bin" / "nats-server"
        server.parent.mkdir()
        server.write_text("#!/bin/sh\necho '[FTL] no disk' >&2\nexit 3\n")
        server.chmod(0o755)
        r = self.vdet("fleet", "try", "--hours", HOURS, code=1, env={"PATH": f"{server.parent}:{self.env['PATH']}"})
        self.assertEqual(r.stderr.splitlines()[-1], "vdet: error: the NATS server ended with status 3: [FTL] no disk")
        places = ("/var/lib/vdet/runtime", "/usr/sbin", "/usr/local/sbin")
        if any((Path(p) / "nats-server").exists() for p in places):
            return
        r = self.vdet("fleet", "try", "--hours", HOURS, code=1, env={"PATH": "/usr/bin:/bin", "VDET_RUNTIME_DIR": str(self.dir)})
        self.assertRegex(r.stderr, "nats-server is missing.*tools/setup fleet")


if __name__ == "__main__":
    flow.main()
