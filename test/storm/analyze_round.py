# SPDX-License-Identifier: Apache-2.0
"""A round over `vdet analyze`: it is killed, and the same command goes on until the report is there."""
import json
import shutil
import subprocess
import time

import flow
from rounds import Kill, Round, lasting

OPTIONS = ["--chunk-duration", "1", "--chunk-frames", "2", "--prompt", "storm", "--progress", "json"]
KILLS_MAX = 3
# A job whose decoder or engine was killed may end with a hole, which the same command tries again.
GIVE_UP = 10


class AnalyzeRound(Round):
    def command(self):
        return ["analyze", self.name, *OPTIONS, *map(str, self.engine_options)]

    def launch(self, kill=None):
        env = self.env | self.environment(kill)
        p = subprocess.Popen([flow.VDET, *self.command()], cwd=self.dir, env=env, text=True, stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if kill:
            kill.arm(p.pid)
        out, errors = p.communicate(timeout=flow.TIMEOUT)
        if kill:
            kill.disarm()
        self.no_faults(errors)
        return p.returncode, out, errors

    @staticmethod
    def told(out):
        """Chunks that the progress showed as done, and whether the end was shown."""
        done = set()
        for line in out.splitlines():
            try:
                event = json.loads(line)
            except ValueError:  # a line that the kill cut off
                continue
            if event["type"] == "chunk" and event["state"] == "done":
                done.add(("storm", round(event["start"] * 1e6), round(event["end"] * 1e6)))
        return done

    def reference(self):
        key = self.name, self.engine_kind
        if key not in self.base.reports:
            start = time.monotonic()
            code, _, errors = self.launch()
            self.base.seconds["analyze"] = time.monotonic() - start
            self.assertEqual(code, 0, errors)
            self.base.reports[key] = lasting(self.report(self.stem))
            for path in self.dir / f"{self.stem}.vdet", self.dir / "data":
                shutil.rmtree(path)
        return self.base.reports[key]

    def play(self):
        self.stem = self.rnd.choice(["a", "b"])
        self.name = {"a": "a.mp4", "b": "b.mkv"}[self.stem]
        self.engine_kind = self.rnd.choice(["endpoint", "endpoint", "endpoint", "child"])
        self.choose_engine(self.engine_kind)
        shutil.copy(self.base.videos / self.name, self.dir)
        want = self.reference()
        self.asked()
        done = set()

        for _ in range(self.rnd.randint(1, KILLS_MAX)):
            kill = Kill(self.rnd, self.base.seconds["analyze"])
            fills = self.can_fill_disk() and self.rnd.random() < 0.15
            if fills:
                self.full.touch()
            self.note(f"analyze {self.name} by {self.engine_kind}{', disk full' if fills else ''}, kill {kill}")
            code, out, errors = self.launch(kill)
            self.full.unlink(missing_ok=True)
            self.kills += kill.fired.is_set() or code == -9
            self.note(f"exit {code} {errors.strip()[-300:]}")
            self.assertIn(code, (0, -9, *([1, 3] if fills or not kill.main_died else [])), errors)
            self.no_orphans()
            self.nothing_again(done)
            now = self.journal()
            self.assertLessEqual(done, now, "the journal lost a chunk")
            self.assertLessEqual(self.told(out), now, "a chunk was shown as done before it was saved")
            done = now

        for _ in range(GIVE_UP):
            code, out, errors = self.launch()
            self.nothing_again(done)
            done = self.journal()
            if code == 0:
                break
            self.note(f"exit {code} {errors.strip()[-300:]}")
            self.assertIn(code, (1, 3), errors)
        self.assertEqual(code, 0, errors)
        self.no_orphans()
        self.assertEqual(lasting(self.report(self.stem)), want)
        self.assertEqual(len(done), len(want["chunks"]))
        self.leftovers(self.name, rf"{self.stem}\.vdet/(report\.(json|html|md|vtt|csv)|vdet\.json)", r"data/vdet/vdet\.db",
                       r"data/vdet/(locks/[0-9a-f]+\.lock|engine\.log|models/\.hashes\.json)", r"engine\.jsonl")
