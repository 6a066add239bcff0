# SPDX-License-Identifier: Apache-2.0
"""What the rounds of the storm share: killing processes at random moments, and what has to be true afterwards."""
import ctypes
import json
import os
import random
import re
import select
import shutil
import signal
import sqlite3
import sys
import tempfile
import threading
from contextlib import closing
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "flow"))
import flow  # noqa: E402
from serving import Serving  # noqa: E402

SUBREAPER = 36  # PR_SET_CHILD_SUBREAPER
STEPS_LOG2 = 8  # of the system calls that change the disk; an analysis of four chunks makes about 100


def adopt_orphans():
    """Processes whose parent was killed become children of this one, which so sees those that do not end."""
    if ctypes.CDLL(None).prctl(SUBREAPER, 1, 0, 0, 0):
        raise OSError("PR_SET_CHILD_SUBREAPER")


def family(pid):
    """The descendants of a process, each with its command line."""
    found = flow.children(pid)
    for child in list(found):
        found |= family(child)
    return found


def own_children():
    """Also those that are over and were not waited for, which flow.children() leaves out."""
    found = set()
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            stat = Path(f"/proc/{name}/stat").read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        if int(stat[1]) == os.getpid():
            found.add(int(name))
    return found


class Kill:
    """One kill: of what, and when. `step`: before that many system calls that change the disk, by kill_at.c; else by the
    clock, within the time that an undisturbed run takes on this machine."""

    def __init__(self, rnd, seconds):
        self.rnd = random.Random(rnd.getrandbits(32))
        library = os.environ.get("KILL_AT_LIBRARY")
        self.step = int(2 ** rnd.uniform(0, STEPS_LOG2)) if rnd.random() < 0.5 else 0
        if not library:
            self.step = 0
        self.target = "main" if self.step else rnd.choice(["main", "main", "all", "all", "media", "engine"])
        self.after = rnd.uniform(0, 1) * seconds
        self.env = {"KILL_AT": str(self.step)} if self.step else {}
        self.libraries = [library] if self.step else []
        self.timer = None
        self.fired = threading.Event()
        self.main_died = bool(self.step)

    def __str__(self):
        return f"{self.target} at step {self.step}" if self.step else f"{self.target} after {self.after * 1000:.0f} ms"

    def arm(self, pid):
        """The clock starts."""
        if not self.step:
            self.timer = threading.Timer(self.after, self.strike, [pid])
            self.timer.start()

    def strike(self, pid):
        children = family(pid)
        if self.target == "all":
            victims = [pid, *children]
            self.rnd.shuffle(victims)
        elif self.target in ("media", "engine"):
            word = "media" if self.target == "media" else "fake_engine.py"
            victims = [p for p, command in children.items() if any(word in c for c in command)]
            victims = self.rnd.sample(victims, 1) if victims else [pid]
        else:
            victims = [pid]
        self.main_died = pid in victims
        for victim in victims:
            try:
                os.kill(victim, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.fired.set()

    def disarm(self):
        if self.timer:
            self.timer.cancel()
            self.timer.join()


class Round(Serving):
    """One round: a folder of its own, a seed, and its story for when it fails."""

    def runTest(self):  # noqa: N802
        """Rounds are played by storm.py."""

    def begin(self, seed, base):
        """`base` outlives the round: videos, the engine, and what undisturbed runs gave."""
        self.setUp()
        self.rnd, self.base, self.story = random.Random(seed), base, []
        self.kills = 0
        self.env["TMPDIR"] = self.env["XDG_RUNTIME_DIR"] = str(self.folder("tmp"))
        self.full = self.dir / "full"
        self.asked_before = 0

    def folder(self, name):
        path = self.dir / name
        path.mkdir()
        return path

    def note(self, text):
        self.story.append(text)

    def environment(self, kill=None):
        """With the libraries that kill and that play a full disk."""
        library = os.environ.get("FULL_DISK_LIBRARY")
        libraries = (kill.libraries if kill else []) + ([library] if library else [])
        return {"LD_PRELOAD": ":".join(libraries), "FULL_DISK": str(self.full)} | (kill.env if kill else {})

    def can_fill_disk(self):
        return bool(os.environ.get("FULL_DISK_LIBRARY"))

    def choose_engine(self, kind):
        """An endpoint, or a child of vdet in the place of llama-server; what it records."""
        if kind == "endpoint":
            self.engine_options = ["--engine", self.base.engine.url]
            self.record = self.base.engine.record
        else:
            self.engine_options = ["--engine", "auto", "--engine-server", HERE / "local_engine.py"]
            self.record = self.dir / "engine.jsonl"
            self.env["STORM_RECORD"] = str(self.record)

    # -- after a kill

    def no_orphans(self):
        """Whatever the killed program had started ends by itself. It is our child since its parent ended."""
        mine = {e.process.pid for e in self.base.engines}
        while orphans := own_children() - mine:
            pid = orphans.pop()
            command = flow.children(os.getpid()).get(pid)
            fd = os.pidfd_open(pid)
            ended = select.select([fd], [], [], flow.TIMEOUT)[0]
            os.close(fd)
            self.assertTrue(ended, f"an orphan does not end: {pid} {command}")
            os.waitpid(pid, 0)

    def journal(self):
        """What is in the database, read from a copy so that the program itself has to recover the original: finished
        chunks as (prompt, start, end), each once."""
        if not self.store.exists():
            return set()
        with tempfile.TemporaryDirectory() as copy:
            for file in self.store.parent.glob("vdet.db*"):
                shutil.copy(file, copy)
            with closing(sqlite3.connect(Path(copy) / "vdet.db")) as db:
                self.assertEqual(db.execute("PRAGMA integrity_check").fetchall(), [("ok",)])
                self.assertEqual(db.execute("PRAGMA foreign_key_check").fetchall(), [])
                try:
                    rows = db.execute("SELECT facts, start_us, end_us FROM chunk, job WHERE job.id = chunk.job AND "
                                      "chunk.state = 1").fetchall()
                except sqlite3.OperationalError:  # killed before the tables were there
                    return set()
        return {(json.loads(facts)["prompt"], start, end) for facts, start, end in rows}

    def asked(self):
        """The chunks that the engine was asked for since this was last called, as in journal()."""
        if not self.record.exists():
            return set()
        with open(self.record, encoding="utf-8") as f:
            f.seek(self.asked_before)
            lines, keys = f.readlines(), set()
            self.asked_before = f.tell()
        for line in map(json.loads, lines):
            text = "".join(line.get("texts", []))
            stretch = re.search(r"Stretch (\S+) to (\S+),", text)
            if stretch:
                prompt = re.search(r"Look above all for: (.*)\n", text)
                keys.add((prompt[1], micros(stretch[1]), micros(stretch[2])))
        return keys

    def nothing_again(self, done):
        """What is finished in the journal is not asked again."""
        self.assertFalse(done & self.asked(), "a finished chunk was asked again")

    def leftovers(self, *expected):
        """All files of the round; those that nobody expects fail it."""
        wrong = []
        for path in sorted(self.dir.rglob("*")):
            name = str(path.relative_to(self.dir))
            if path.is_dir() or any(re.fullmatch(e, name) for e in expected):
                continue
            wrong.append(name)
        self.assertEqual(wrong, [], "files are left over")
        self.assertEqual(os.listdir(self.env["TMPDIR"]), [], "temporary folders are left over")


def micros(text):
    h, m, s = text.split(":")
    return round((int(h) * 3600 + int(m) * 60 + float(s)) * 1e6)


def lasting(report):
    """A report without what may differ between a disturbed run and another: times, how often a chunk was tried, and numbers of
    subjects."""
    report = flow.same_result(report)
    for chunk in report["chunks"]:
        chunk.pop("attempts")
    # A subject keeps the number that it got while other chunks were holes.
    report["subjects"].sort(key=lambda s: (s["intervals"][0]["start"], s["events"], s["states"]))
    order = {s["number"]: i for i, s in enumerate(report["subjects"])}
    for s in report["subjects"]:
        s["number"], s["possibly_same"] = order[s["number"]], sorted(order[n] for n in s["possibly_same"])
    for e in report["events"] + report["states"]:
        e["subject_number"] = order.get(e["subject_number"])
    return report
