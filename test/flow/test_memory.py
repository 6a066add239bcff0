#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Memory runs short while a job is at work: a stand-in for NVIDIA's library plays it, and the engine says so itself."""
import os
import shutil
from pathlib import Path

import flow

GB = 1 << 30
FAST = ["--memory-period", "20ms", "--memory-patience", "100ms", "--memory-calm", "100ms"]


class Memory(flow.Flow):
    def setUp(self):
        super().setUp()
        flow.make_video(self.dir / "a.mp4", 8)
        self.script = self.dir / "gpu"
        self.env["FAKE_NVML"] = str(self.script)

    def play(self, share, result=0):
        """Written aside and renamed: the library reads at any moment."""
        new = self.dir / "gpu.new"
        new.write_text(f"{result} {80 * GB} {int(80 * GB * share)} 50 60 0 0\n")
        new.rename(self.script)

    def library(self):
        path = os.environ.get("FAKE_NVML_LIBRARY")
        if not path or not os.path.exists(path):
            self.skipTest("the stand-in for NVML is not built")
        return path

    def start_job(self, engine, *options):
        return self.start("analyze", "a.mp4", "--engine", engine.url, "--chunk-duration", "1", "--workers", "1", "--format",
                          "json,md,html", "--progress", "json", "--frame-size", "320", *FAST, *options)

    def finish(self, p, code=0):
        _, errors = p.communicate(timeout=flow.TIMEOUT)
        self.assertEqual(p.returncode, code, errors)
        steps = [s["what"] for s in self.report("a")["run"]["steps"]]
        # The report lists the steps, and has no such section without any.
        for name in "md", "html":
            text = (self.dir / "a.vdet" / f"report.{name}").read_text()
            self.assertEqual("When memory ran short" in text, bool(steps))
            self.assertTrue(all(s in text for s in steps), (name, steps))
        return steps

    def test_up_and_down_the_ladder(self):
        library = self.library()
        engine = self.engine("--slots", "1", "--latency", "0.2")
        self.play(0.5)
        p = self.start_job(engine, "--memory-nvml", library)
        flow.read_event(p.stdout, "chunk")
        self.play(0.9)
        seen = 0
        while seen < 3:  # some chunks got through in spite of it: the ladder has been climbed
            seen += flow.read_event(p.stdout, "chunk")["state"] == "done"
        self.play(0.3)
        steps = self.finish(p)
        up = ["no new requests for a while", "caches of idle slots freed", "pictures made smaller",
              "fewer requests at once", "engine restarted"]
        climbed = [s for s in steps if not s.startswith("back: ")]  # from where it was when the job entered the journal
        self.assertGreater(len(climbed), 2)
        self.assertEqual(climbed, up[-len(climbed):])
        self.assertTrue(any(s.startswith("back: ") for s in steps), steps)
        widths = [s["width"] for c in self.report("a")["chunks"] for s in c["samples"]]
        self.assertLess(min(widths), 320, "pictures should have been made smaller")

    def test_enough_memory(self):
        engine = self.engine()
        self.play(0.5)
        self.assertEqual(self.finish(self.start_job(engine, "--memory-nvml", self.library())), [])

    def test_a_gpu_disappears(self):
        engine = self.engine("--latency", "0.1")
        self.play(0.5)
        p = self.start_job(engine, "--memory-nvml", self.library())
        flow.read_event(p.stdout, "chunk")
        self.play(0, result=15)
        self.assertEqual(self.finish(p), [])

    def test_out_of_memory_of_one_chunk(self):
        """The engine says so: the chunk is tried again with smaller pictures, and the rest goes on."""
        engine = self.engine("--fault", "oom@3")
        p = self.start_job(engine, "--memory-nvml", "/nonexistent", "--retries", "0")
        steps = self.finish(p)
        self.assertIn("pictures made smaller", steps)
        self.assertEqual([c["state"] for c in self.report("a")["chunks"]], ["done"] * 8)

    def test_nothing_remains_between_chunks(self):
        """What the process itself holds after many chunks is what it held after some."""
        if b"__asan_init" in Path(flow.VDET).read_bytes():
            self.skipTest("a sanitizer keeps what was freed")
        flow.make_video(self.dir / "long.mp4", 80, "640x360")
        engine = self.engine()
        p = self.start("analyze", "long.mp4", "--engine", engine.url, "--chunk-duration", "1", "--workers", "1", "--format",
                       "json", "--progress", "json", "--memory-nvml", "/nonexistent")
        after, done = {}, 0
        while done < 80:
            done += flow.read_event(p.stdout, "chunk")["state"] == "done"
            after[done] = flow.anonymous(p.pid)
        _, errors = p.communicate(timeout=flow.TIMEOUT)
        self.assertEqual(p.returncode, 0, errors)
        # A chunk's pictures are some 500 kB: one forgotten in ten would be 6 MB.
        self.assertLess(max(after[n] for n in range(55, 75)) - max(after[n] for n in range(15, 35)), 4 << 20)

    def test_switched_off(self):
        engine = self.engine()
        self.play(0.95)
        self.assertEqual(self.finish(self.start_job(engine, "--memory-nvml", self.library(), "--no-memory-policy")), [])

    def test_our_own_server_is_fitted(self):
        """Slots and layers follow from the GPU's memory, unless the user has said; the demo model's never do."""
        self.needs_engine()
        library = self.library()
        weights = flow.ROOT / "model" / "weights"
        shutil.copy(weights / "demo.gguf", self.dir / "own.gguf")
        shutil.copy(weights / "mmproj-demo.gguf", self.dir / "mmproj-own.gguf")
        flow.make_video(self.dir / "short.mp4", 1)
        self.play(0.1)
        for options, told in ((["--model", "own.gguf"], ("-np 8 ", "-ngl 999")),
                              (["--model", "own.gguf", "--slots", "2"], ("-np 2 ", "-ngl 999")),
                              (["--model", "own.gguf", "--devices", "none"], ("-np 4 ",)), ([], ("-np 4 ",))):
            with self.subTest(options=options):
                self.vdet("analyze", "short.mp4", "--fresh", "--memory-nvml", library, *options)
                logs = "".join(p.read_text(errors="replace") for p in self.dir.rglob("*.log"))
                line = [x for x in logs.splitlines() if "vdet: starting" in x][-1]
                for flag in told:
                    self.assertIn(flag, line)
                self.assertEqual("-ngl" in line, "-ngl 999" in told, line)


if __name__ == "__main__":
    flow.main()
