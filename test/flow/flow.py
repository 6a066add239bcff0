# SPDX-License-Identifier: Apache-2.0
"""What the flow tests share: a place of their own, videos made on the spot, the real binary, the stand-in engine.

Each test runs in a temporary folder with its own XDG folders, so nothing of the user's is read or written.
VDET names the binary; `../shared/media` beside the checkout is used where it is there."""
import json
import os
import re
import select
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import unittest
import urllib.request
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
# The tests run programs in folders of their own, where a relative path would name nothing.
for name in ("VDET", "KILL_AT_LIBRARY", "FULL_DISK_LIBRARY"):
    if name in os.environ:
        os.environ[name] = os.path.abspath(os.environ[name])

VDET = os.environ.get("VDET", str(ROOT / "build" / "src" / "app" / "vdet"))
MEDIA = ROOT.parent / "shared" / "media"
# A run under sanitizers, or on a busy machine, is many times slower; this only ends what hangs.
TIMEOUT = 600
# Makes a journal one of version 18.
WITHOUT_PASSAGES = "".join(f"DROP TRIGGER {t}; " for t in (
    "sample_vector_deleted", "job_vector_deleted",
    "event_added", "event_deleted", "summary_changed", "chunk_deleted", "job_deleted", "job_added", "job_changed", "job_source_changed",
    "verdict_added", "source_forgotten", "subject_edit_added", "subject_edit_changed")) + (
    "DROP TABLE head; DROP TRIGGER job_blocks_deleted; DROP TABLE source_block; "
    "ALTER TABLE event DROP COLUMN quote; DROP TABLE speech_part; DROP TABLE text_dropped; DROP TABLE wall_clock; "
    "DROP TABLE text_source; DROP TABLE found_file; DROP TABLE vector; DROP TABLE space; "
    "DROP VIEW piece; DROP TABLE passage; DROP TABLE words; DROP TABLE pieces; DROP TABLE generation; DROP INDEX job_source; "
    "ALTER TABLE job DROP COLUMN source; ALTER TABLE job DROP COLUMN stream; ")
# What sanitizers print when they find something.
FAULTS = re.compile(r"AddressSanitizer|LeakSanitizer|ThreadSanitizer|runtime error:")


def make_video(path, seconds=12, size="320x180", rate=10, source="testsrc2", extra=()):
    """An H.264 video of moving test patterns."""
    command = ["ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", f"{source}=s={size}:r={rate}:d={seconds}", *extra,
               "-c:v", "libx264", "-preset", "ultrafast", "-g", "20", "-pix_fmt", "yuv420p", str(path)]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    return path


def can_decode(decoder):
    """Whether this FFmpeg has a decoder; 7.0 and newer have vvc."""
    r = subprocess.run(["ffmpeg", "-v", "error", "-decoders"], capture_output=True, text=True, check=True)
    return decoder in (line.split()[1] for line in r.stdout.splitlines() if len(line.split()) > 1)


def runtime():
    """Where tools/setup put llama-server: not in the data folder of a test."""
    data = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return os.environ.get("VDET_RUNTIME_DIR") or str(Path(data) / "vdet" / "runtime")


class FakeEngine:
    """test/flow/fake_engine.py as a child; see there for the faults."""

    def __init__(self, folder, *options):
        self.record = Path(folder) / f"engine-{id(self)}.jsonl"
        self.process = subprocess.Popen([sys.executable, str(HERE / "fake_engine.py"), "--record", str(self.record), *options],
                                        stdout=subprocess.PIPE, text=True)
        port = self.process.stdout.readline().strip()
        self.url = f"http://127.0.0.1:{port}/v1"

    def lines(self, event):
        if not self.record.exists():
            return []
        return [r for r in map(json.loads, self.record.read_text().splitlines()) if r["event"] == event]

    def stretches(self, event="begin"):
        """The stretch that each describe request was about, in order of arrival."""
        texts = ["".join(r["texts"]) for r in self.lines(event) if r.get("texts")]
        return [t.split("Stretch ")[1].split(",")[0] for t in texts if "Stretch " in t]

    def control(self, **change):
        """See fake_engine.py; gives its counters back."""
        request = urllib.request.Request(self.url.replace("/v1", "/control"), json.dumps(change).encode())
        with urllib.request.urlopen(request, timeout=TIMEOUT) as r:
            return json.load(r)

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


class Flow(unittest.TestCase):
    def setUp(self):
        self.dir = Path(tempfile.mkdtemp(prefix="vdet-flow-"))
        self.addCleanup(shutil.rmtree, self.dir, True)
        self.env = {k: v for k, v in os.environ.items() if not k.startswith("VDET_")}
        for name in ("DATA", "CONFIG", "CACHE"):
            self.env[f"XDG_{name}_HOME"] = str(self.dir / name.lower())
        self.env["VDET_RUNTIME_DIR"] = runtime()
        if "VDET_DEMO_DIR" in os.environ:  # another demo model, as after training one
            self.env["VDET_DEMO_DIR"] = os.path.abspath(os.environ["VDET_DEMO_DIR"])
        self.env["VDET_SAMPLE_POLICY"] = "even"  # chunks that a test can compute; test_plan.py is about the others
        self.env["VDET_CHECK_VERIFY"] = "none"  # no further requests; test_check.py is about them
        self.env["VDET_TEXT_SCREEN"] = "off"  # test_screentext.py is about it
        self.store = self.dir / "data" / "vdet" / "vdet.db"

    def engine(self, *options):
        e = FakeEngine(self.dir, *options)
        self.addCleanup(e.stop)
        return e

    def vdet(self, *args, code=0, env=None, preexec=None, cwd=None):
        """Runs to the end; checks the exit code (None: any); returns the finished process."""
        r = subprocess.run([VDET, *map(str, args)], cwd=cwd or self.dir, env=self.env | (env or {}), text=True,
                           stdin=subprocess.DEVNULL, capture_output=True, timeout=TIMEOUT, preexec_fn=preexec)
        if code is not None and r.returncode != code:
            self.fail(f"vdet {' '.join(map(str, args))}: exit {r.returncode}, not {code}\n{r.stdout}\n{r.stderr}")
        self.no_faults(r.stderr)
        return r

    def no_faults(self, log):
        """Fails with what a sanitizer printed."""
        if FAULTS.search(log):
            self.fail(log)

    def start(self, *args, **kw):
        p = subprocess.Popen([VDET, *map(str, args)], cwd=self.dir, env=self.env, text=True, stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, **kw)
        self.addCleanup(lambda: (p.poll() is None and p.kill(), p.wait(), p.stdout.close(), p.stderr.close()))
        return p

    def report(self, name):
        return json.loads((self.dir / f"{name}.vdet" / "report.json").read_text())

    def trust(self):
        """As if enough controls of the model that checked had been answered rightly, so that what it says of looks counts."""
        with sqlite3.connect(self.store) as store:
            [(model, prompt)] = store.execute("SELECT DISTINCT model, prompt FROM control").fetchall()
            for i in range(60):
                expected = "AB"[i % 2]
                p = (1, 0) if expected == "A" else (0, 1)
                store.execute("INSERT INTO control (model, prompt, kind, job, chunk, idx, what, expected, code, p_a, p_b, p_c, created) "
                              "VALUES (?, ?, 'made', 'made', ?, 0, 'made', ?, ?, ?, ?, 0, 0)", (model, prompt, i, expected, expected, *p))
        store.close()

    def needs_engine(self):
        if not shutil.which("llama-server") and not (Path(self.env["VDET_RUNTIME_DIR"]) / "llama-server").exists():
            self.skipTest("llama-server is not here; tools/setup engine brings it")

    def needs_media(self):
        if not MEDIA.is_dir():
            self.skipTest("the shared media are not here")


def anonymous(pid):
    """Bytes that a process holds itself, without the pages of files; 0 if it is gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("RssAnon:")), 0)


def children(pid):
    """The children of process `pid`, each with its command line."""
    found = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            stat = Path(f"/proc/{name}/stat").read_text().rsplit(")", 1)[1].split()
            command = Path(f"/proc/{name}/cmdline").read_text().split("\0")
        except OSError:
            continue
        if int(stat[1]) == pid and stat[0] != "Z":
            found[int(name)] = command
    return found


def same_result(report):
    """A report without what differs between two runs of one job."""
    return {k: v for k, v in report.items() if k != "run"}


def read_event(stream, kind, timeout=TIMEOUT):
    """The next JSON event of this type from a stream of lines."""
    while True:
        if not select.select([stream], [], [], timeout)[0]:
            raise TimeoutError(f"no {kind} event")
        line = stream.readline()
        if not line:
            raise EOFError(f"the stream ended before a {kind} event")
        event = json.loads(line)
        if event["type"] == kind:
            return event


def main():
    """Runs the tests of the calling file; 77 means to the harness that all were skipped."""
    program = unittest.main(module="__main__", exit=False, verbosity=2)
    result = program.result
    if not result.wasSuccessful():
        sys.exit(1)
    sys.exit(77 if result.testsRun and len(result.skipped) == result.testsRun else 0)
