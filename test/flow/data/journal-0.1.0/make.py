#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the files beside it with a build of version 0.1.0. They are committed and stay as they are: this is here to
show how they were made, and what each job of the journal is.

    make.py VDET KILL_AT_LIBRARY

`vdet.db.xz` is the journal, `plan.json` a plan that one of its jobs was given, `reports.json` the reports that 0.1.0
wrote. JOBS says with which options each job was made and how far it got; test_journal.py reads it.
"""
import functools
import json
import lzma
import os
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
FAKE_ENGINE = HERE.parent.parent / "fake_engine.py"
EVEN = ["--sample-policy", "even"]
# name: video, options, exit code of 0.1.0
JOBS = {
    "finished": ("short.mp4", [], 0),
    "range": ("short.mp4", [*EVEN, "--chunk-duration", "4", "--from", "2", "--to", "10", "--prompt", "a red square"], 0),
    "beyond": ("short.mp4", [*EVEN, "--chunk-duration", "6", "--to", "100"], 0),
    "plan": ("short.mp4", ["--plan", "plan.json"], 0),
    "holes": ("short.mp4", [*EVEN, "--chunk-duration", "3"], 3),
    "half": ("short.mp4", [*EVEN, "--chunk-duration", "2"], -9),
    # The plan was not finished either.
    "begun": ("long.mp4", ["--chunk-duration", "60", "--chunk-frames", "2"], -9),
}
FAULTS = {"holes": ["400@2"], "half": ["hold@3+"]}


def video(name, seconds, rate, source, gop):
    subprocess.run(["ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", f"{source}=s=64x48:r={rate}:d={seconds}",
                    "-c:v", "libx264", "-preset", "veryslow", "-crf", "40", "-g", str(gop), "-pix_fmt", "yuv420p",
                    "-fflags", "+bitexact", "-flags:v", "+bitexact", name], check=True)


class Maker:
    def __init__(self, vdet, library, folder):
        self.vdet, self.library, self.folder = vdet, library, folder
        self.env = {k: v for k, v in os.environ.items() if not k.startswith("VDET_")}
        for name in ("DATA", "CONFIG", "CACHE"):
            self.env[f"XDG_{name}_HOME"] = str(folder / name.lower())
        self.store = folder / "data" / "vdet" / "vdet.db"

    def engine(self, faults):
        options = [x for f in faults for x in ("--fault", f)]
        e = subprocess.Popen([sys.executable, FAKE_ENGINE, "--kind", "plain", *options], stdout=subprocess.PIPE, text=True)
        return e, f"http://127.0.0.1:{e.stdout.readline().strip()}/v1"

    def command(self, name, url):
        file, options, _ = JOBS[name]
        return [self.vdet, "analyze", HERE / file, "--engine", url, "--workers", "1", "--output", self.folder / name,
                *[HERE / x if x == "plan.json" else x for x in options]]

    def run(self, name, env=None):
        engine, url = self.engine(FAULTS.get(name, []))
        try:
            return subprocess.run(self.command(name, url), env=self.env | (env or {}), stdin=subprocess.DEVNULL).returncode
        finally:
            engine.kill()

    def query(self, sql):
        db = sqlite3.connect(self.store)
        rows = db.execute(sql).fetchall()
        db.close()
        return rows

    def kill_half(self):
        """Killed while the third chunk waits for its answer."""
        engine, url = self.engine(FAULTS["half"])
        p = subprocess.Popen(self.command("half", url), env=self.env, stdin=subprocess.DEVNULL)
        while not self.query("SELECT 1 FROM job JOIN chunk ON job = id WHERE chunk.state = 1 AND output LIKE '%/half' "
                             "GROUP BY id HAVING count(*) = 2"):
            assert p.poll() is None
        p.kill()
        code = p.wait()
        engine.kill()
        return code

    def kill_begun(self):
        """Killed before the first writing system call that leaves it so."""
        for n in range(1, 1000):
            code = self.run("begun", {"LD_PRELOAD": self.library, "KILL_AT": str(n)})
            assert code == -9, "it was never seen half planned"
            if self.query("SELECT 1 FROM job JOIN chunk ON job = id WHERE source_name = 'long.mp4' AND chunk.state = 1 "
                          "AND json_type(facts, '$.plan.unfinished') IS NOT NULL"):
                return code
            db = sqlite3.connect(self.store)
            db.execute("PRAGMA foreign_keys = ON")
            db.execute("DELETE FROM job WHERE source_name = 'long.mp4'")
            db.execute("DELETE FROM source WHERE size = ?", (os.path.getsize(HERE / "long.mp4"),))
            db.commit()
            db.close()
        return None


def main(vdet, library):
    os.environ["LC_ALL"] = "C.UTF-8"
    assert subprocess.run([vdet, "--version"], capture_output=True, text=True).stdout == "vdet 0.1.0\n"
    video(HERE / "short.mp4", 12, 5, "testsrc2", 10)
    video(HERE / "long.mp4", 1200, 1, "smptebars", 60)
    plan = subprocess.run([vdet, "plan", HERE / "short.mp4", *EVEN, "--chunk-duration", "5"], check=True,
                          capture_output=True, text=True).stdout
    (HERE / "plan.json").write_text(plan)
    with tempfile.TemporaryDirectory() as folder:
        maker = Maker(vdet, library, Path(folder))
        reports = {}
        for name, (_, _, code) in JOBS.items():
            run = {"half": maker.kill_half, "begun": maker.kill_begun}.get(name, functools.partial(maker.run, name))
            assert run() == code, name
            report = Path(folder) / name / "report.json"
            reports[name] = json.loads(report.read_text()) if report.exists() else None
        db = sqlite3.connect(maker.store)
        db.execute("UPDATE job SET output = '/nowhere/' || source_name")
        db.commit()
        db.execute("VACUUM")
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        db.execute("PRAGMA journal_mode = DELETE")
        db.close()
        (HERE / "vdet.db.xz").write_bytes(lzma.compress(maker.store.read_bytes()))
        (HERE / "reports.json").write_text(json.dumps(reports, indent=1) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
