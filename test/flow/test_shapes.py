#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Models of true shapes with random weights (test/bench/gpu): the smallest of them is loaded, sees, and answers."""
import json
import shutil
import subprocess
import sys

import flow

SHAPES = flow.ROOT / "test" / "bench" / "gpu" / "shapes.py"


class Shapes(flow.Flow):
    def setUp(self):
        super().setUp()
        # numpy is the distribution's, and the tests may be run by another Python.
        self.python = next((p for p in (sys.executable, "/usr/bin/python3") if shutil.which(p) and not subprocess.run(
            [p, "-c", "import numpy"], capture_output=True).returncode), None)
        if not self.python:
            self.skipTest("numpy is not here; tools/setup test brings it")
        self.needs_engine()

    def test_a_model_of_dice(self):
        flow.make_video(self.dir / "a.mp4", 4, size="224x224")
        for quantize in ("q4_k_m", "q8_0"):
            r = subprocess.run([self.python, str(SHAPES), "made", "tiny", "--quantize", quantize], cwd=self.dir,
                               capture_output=True, text=True)
            self.assertEqual(r.returncode, 0, r.stderr)
            self.assertEqual(len(json.loads(r.stdout)), 2)
            options = ("--model", f"made/tiny-{quantize}.gguf", "--chunk-duration", "4", "--chunk-frames", "2")
            plan = json.loads(self.vdet("plan", "a.mp4", *options).stdout)["estimate"]
            self.assertEqual(plan["picture_tokens"], 64)
            # What it says is chance, and may be cut off; that it was asked and how much it read is not.
            r = self.vdet("analyze", "a.mp4", *options, "--max-tokens", "200", "--fresh", code=None)
            self.assertIn(r.returncode, (0, 1, 3), r.stderr)
            self.assertNotIn("before it was ready", r.stderr)
            engine = self.report("a")["engine"]
            self.assertEqual((engine["model"], engine["quantize"]), (f"tiny-{quantize}", quantize))
            # With the engine's own words for a picture of 224 x 224: 8 x 8 tokens, twice, and some text.
            tokens = self.report("a")["tokens"]["prompt"]
            if tokens:
                self.assertGreater(tokens, 128)


if __name__ == "__main__":
    flow.main()
