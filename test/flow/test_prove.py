#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""vdet key and vdet prove: one key for each installation; what a signed answer says is compared with its videos."""
import hashlib
import json
import shutil
import stat
import subprocess

import flow


class Key(flow.Flow):
    def setUp(self):
        super().setUp()
        self.path = self.dir / "data" / "vdet" / "signing-key.pem"

    def test_one_key_for_an_installation(self):
        first = json.loads(self.vdet("key", "show", "--json").stdout)
        self.assertEqual(stat.S_IMODE(self.path.stat().st_mode), 0o600)
        self.assertEqual(first["file"], str(self.path))
        self.assertIn(first["fingerprint"], self.vdet("key").stdout)
        self.assertEqual(json.loads(self.vdet("key", "show", "--json").stdout), first)
        self.path.unlink()
        self.assertNotEqual(json.loads(self.vdet("key", "show", "--json").stdout)["fingerprint"], first["fingerprint"])

    def test_processes_that_start_at_once_get_the_same(self):
        shown = [self.start("key", "show", "--json") for _ in range(6)]
        texts = {p.communicate(timeout=flow.TIMEOUT)[0] for p in shown}
        self.assertEqual(len(texts), 1, texts)
        self.assertEqual([p.name for p in self.path.parent.iterdir()], ["signing-key.pem"])

    def test_export(self):
        self.vdet("key", "export", "key.pem")
        text = (self.dir / "key.pem").read_text()
        self.assertEqual(self.vdet("key", "export").stdout, text)
        self.assertNotIn("PRIVATE", text)
        self.vdet("key", "export", "key.pem")
        (self.dir / "other").write_text("mine")
        self.assertIn("exists already", self.vdet("key", "export", "other", code=2).stderr)
        self.assertEqual((self.dir / "other").read_text(), "mine")

    def test_the_files_are_those_of_openssl(self):
        if not shutil.which("openssl"):
            self.skipTest("no openssl")
        self.vdet("key", "export", "key.pem")
        public = subprocess.run(["openssl", "pkey", "-pubin", "-in", "key.pem", "-outform", "DER"], cwd=self.dir, check=True,
                                capture_output=True).stdout
        derived = subprocess.run(["openssl", "pkey", "-in", self.path, "-pubout", "-outform", "DER"], cwd=self.dir, check=True,
                                 capture_output=True).stdout
        self.assertEqual(public, derived)
        fingerprint = json.loads(self.vdet("key", "show", "--json").stdout)["fingerprint"]
        self.assertEqual(hashlib.sha256(public[-32:]).hexdigest(), fingerprint)

    def test_a_key_that_cannot_be_read_is_not_replaced(self):
        self.vdet("key")
        self.path.write_text("damaged")
        self.assertIn("backup", self.vdet("key", code=1).stderr)
        self.assertEqual(self.path.read_text(), "damaged")

    def test_usage(self):
        self.vdet("key", "borrow", code=2)
        self.vdet("key", "show", "more", code=2)


if __name__ == "__main__":
    flow.main()
