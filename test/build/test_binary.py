# SPDX-License-Identifier: Apache-2.0
"""What the built programs hold: no path of the machine that built it, and what protects them from exploits."""
import os
import re
import subprocess
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VDET = Path(os.environ["VDET"]).resolve()


PROGRAMS = VDET, VDET.with_name("vdet-media"), VDET.with_name("vdet-text")


def elf(program):
    return subprocess.run(["readelf", "-dlW", program], capture_output=True, text=True, check=True).stdout


class Binary(unittest.TestCase):
    def test_no_path_of_the_sources_or_the_build(self):
        for program in PROGRAMS:
            data = program.read_bytes()
            for folder in {ROOT, VDET.parents[2], Path(os.environ["SOURCE_ROOT"]), Path(os.environ["BUILD_ROOT"])}:
                at = data.find(os.fsencode(folder) + b"/")
                self.assertEqual(at, -1, f"{folder}: {data[max(at - 40, 0):at + 120]}")

    def test_hardening(self):
        for program in PROGRAMS:
            out = elf(program)
            self.assertRegex(out, r"FLAGS_1.*\bPIE\b")
            self.assertRegex(out, r"\bBIND_NOW\b")
            self.assertIn("GNU_RELRO", out)
            self.assertNotRegex(out, r"(?m)^\s*GNU_STACK.*\bRWE\b")
            self.assertFalse(re.findall(r"\((?:RPATH|RUNPATH)\)", out))

    def test_what_parses_hostile_files_is_loaded_by_children_only(self):
        """What parses hostile files is not in the program that holds the journal; and it takes long to load."""
        main, media, text = (re.findall(r"NEEDED\).*\[(lib(?:av|sw|tess|lept)\w+)", elf(p)) for p in PROGRAMS)
        self.assertEqual(main, [])
        self.assertIn("libavcodec", media)
        self.assertIn("libtesseract", text)
        self.assertFalse([name for name in media if "tess" in name] + [name for name in text if name.startswith("libav")])


if __name__ == "__main__":
    unittest.main(verbosity=2)
