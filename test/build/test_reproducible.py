# SPDX-License-Identifier: Apache-2.0
"""The same sources give the same bytes: two builds in folders of different names and depths, without ccache."""
import hashlib
import os
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def build(source, folder):
    """The digests of the programs, built from a copy of the files that git knows."""
    names = subprocess.run(["git", "-C", ROOT, "ls-files", "-z"], capture_output=True, check=True).stdout.split(b"\0")
    for name in filter(None, map(os.fsdecode, names)):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).exists():
            shutil.copy2(ROOT / name, source / name)
    env = {**os.environ, "CCACHE_DISABLE": "1", "CC": "cc"}
    programs = "src/app/vdet", "src/app/vdet-media", "src/app/vdet-text"
    for command in ["meson", "setup", "-Dflow_tests=false", folder, source], ["ninja", "-C", folder, *programs]:
        r = subprocess.run(command, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        assert r.returncode == 0, r.stdout[-4000:]
    return [hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in programs]


class Reproducible(unittest.TestCase):
    def test_two_builds_give_the_same_bytes(self):
        with tempfile.TemporaryDirectory() as top:
            a, b = Path(top) / "a", Path(top) / "another" / "place"
            self.assertEqual(build(a, a / "build"), build(b, Path(top) / "elsewhere"))


if __name__ == "__main__":
    if not (ROOT / ".git").exists():
        print("skipped: not a checkout of git")
        raise SystemExit(77)
    unittest.main(verbosity=2)
