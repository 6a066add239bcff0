# SPDX-License-Identifier: Apache-2.0
"""What the built program holds: no path of the machine that built it, and what protects it from exploits."""
import os
import re
import subprocess
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VDET = Path(os.environ["VDET"]).resolve()


class Binary(unittest.TestCase):
    def test_no_path_of_the_sources_or_the_build(self):
        data = VDET.read_bytes()
        for folder in {ROOT, VDET.parents[2], Path(os.environ["SOURCE_ROOT"]), Path(os.environ["BUILD_ROOT"])}:
            at = data.find(os.fsencode(folder) + b"/")
            self.assertEqual(at, -1, f"{folder}: {data[max(at - 40, 0):at + 120]}")

    def test_hardening(self):
        out = subprocess.run(["readelf", "-dlW", VDET], capture_output=True, text=True, check=True).stdout
        self.assertRegex(out, r"FLAGS_1.*\bPIE\b")
        self.assertRegex(out, r"\bBIND_NOW\b")
        self.assertIn("GNU_RELRO", out)
        self.assertNotRegex(out, r"(?m)^\s*GNU_STACK.*\bRWE\b")
        self.assertFalse(re.findall(r"\((?:RPATH|RUNPATH)\)", out))


if __name__ == "__main__":
    unittest.main(verbosity=2)
