#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The command line: help everywhere, documents that are not stale, options from every place, exit codes."""
import contextlib
import json
import re
import shutil
import sqlite3
import subprocess

import flow


class CommandLine(flow.Flow):
    def test_help_and_version(self):
        version = self.vdet("--version").stdout
        self.assertRegex(version, r"^vdet \d+\.\d+\.\d+\n$")
        overview = self.vdet("--help").stdout
        commands = [line.split()[0] for line in overview.splitlines() if line.startswith("  ")]
        self.assertIn("analyze", commands)
        for c in commands:
            text = self.vdet("help", c).stdout
            self.assertIn(f"usage: vdet {c}", text)
            self.assertEqual(self.vdet(c, "--help").stdout, text)
            self.assertEqual(self.vdet(c, "--version").stdout, version)

    def test_documents_are_not_stale(self):
        made = self.vdet("help", "--as", "markdown").stdout
        self.assertEqual((flow.ROOT / "docs" / "options.md").read_text(), made,
                         "make it again: vdet help --as markdown >docs/options.md")
        text = (flow.ROOT / "docs" / "protocols.md").read_text()
        section = text.partition("<!-- made by: vdet help --as events -->\n")[2].partition("<!-- end -->")[0]
        self.assertEqual(section, self.vdet("help", "--as", "events").stdout, "make this section again")
        self.assertEqual((flow.ROOT / "docs" / "events.schema.json").read_text(), self.vdet("help", "--as", "schema").stdout,
                         "make it again: vdet help --as schema >docs/events.schema.json")

    def test_protocols_are_complete(self):
        text = (flow.ROOT / "docs" / "protocols.md").read_text()
        wire = (flow.ROOT / "src" / "protocol" / "media-wire.h").read_text()
        self.vdet("jobs")
        with contextlib.closing(sqlite3.connect(self.dir / "data" / "vdet" / "vdet.db")) as store:
            tables = [t for (t,) in store.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
                      if not t.startswith(("sqlite_", "words_", "pieces_"))]
            schema, = store.execute("PRAGMA user_version").fetchone()
        messages = re.findall(r"^\tMEDIA_(\w+)(?: = \d+)?,$", wire.partition("enum media_msg {")[2].partition("};")[0], re.M)
        self.assertGreater(len(tables), 8)
        self.assertGreater(len(messages), 15)
        for name in tables + messages:
            self.assertTrue(f"`{name}" in text, f"{name} is not in docs/protocols.md")
        version = re.search(r"MEDIA_VERSION = (\d+)", wire)[1]
        self.assertIn(f"`MEDIA_VERSION`, {version} ", text)
        self.assertIn(f"`PRAGMA user_version`, {schema} ", text)

    def test_a_flag_names_one_option(self):
        commands = [line.split()[0] for line in self.vdet("--help").stdout.splitlines() if line.startswith("  ")]
        texts = {c: self.vdet("help", c).stdout for c in commands}
        flags = {c: re.findall(r"^  --(\S+)", text, re.M) for c, text in texts.items()}
        flags["every"] = re.findall(r"^\| `--([^`]+)`", self.vdet("help", "--as", "markdown").stdout, re.M)
        self.assertGreater(len(flags["every"]), 80)
        for c, names in flags.items():
            self.assertEqual([n for n in names if names.count(n) > 1], [], c)

    def test_manual_and_completions(self):
        man = self.vdet("help", "--as", "man").stdout
        if shutil.which("man"):
            r = subprocess.run(["man", "--warnings", "-l", "-"], input=man, capture_output=True, text=True)
            self.assertEqual(r.stderr, "")
            self.assertIn("--chunk-duration SECONDS", r.stdout)
        bash = self.vdet("help", "--as", "bash").stdout
        script = bash + "\nCOMP_WORDS=(vdet analyze --chunk-d); COMP_CWORD=2; _vdet; echo ${COMPREPLY[*]}"
        r = subprocess.run(["bash", "-c", script], capture_output=True, text=True)
        self.assertEqual((r.stdout, r.stderr), ("--chunk-duration\n", ""))
        for shell in ("zsh", "fish"):
            text = self.vdet("help", "--as", shell).stdout
            self.assertIn("chunk-duration", text)
            if shutil.which(shell):
                subprocess.run([shell, "-n"], input=text, text=True, check=True)

    def test_wrong_usage(self):
        for args, said in (
            ([], "usage: vdet COMMAND"), (["analyse"], "did you mean analyze"), (["analyze"], "no video given"),
            (["analyze", "x", "--chunk-frames", "0"], "--chunk-frames: \"0\" is out of range"),
            (["analyze", "x", "--chunk-framez", "3"], "did you mean --chunk-frames"),
            (["analyze", "x", "--format", "pdf"], "pdf"), (["jobs", "nonsense"], "nonsense"),
            (["report"], "one job is required"), (["help", "nothing"], "unknown command nothing"),
            (["analyze", "x", "--config", "absent.conf"], "absent.conf"),
            (["analyze", "x", "--engine", "ftp://x"], "ftp"),
        ):
            with self.subTest(args=args):
                r = self.vdet(*args, code=2)
                self.assertIn(said, r.stdout + r.stderr)

    def test_files_that_are_none(self):
        (self.dir / "dir").mkdir()
        (self.dir / "empty.mp4").touch()
        engine = self.engine()
        for name, said, code in (("absent.mp4", "No such file", 1), ("dir", "no video was found", 1), ("empty.mp4", "is empty", 1),
                                 ("/dev/null", "not a regular file", 2)):
            with self.subTest(name=name):
                r = self.vdet("analyze", name, "--engine", engine.url, code=code)
                self.assertIn(said, r.stderr)
                self.assertEqual(len(r.stderr.splitlines()), len([x for x in r.stderr.splitlines() if x]))

    def test_a_file_named_as_command(self):
        (self.dir / "x.mp4").touch()
        self.assertIn("vdet analyze x.mp4", self.vdet("x.mp4", code=2).stderr)

    def test_options_from_every_place(self):
        flow.make_video(self.dir / "a.mp4", 8)
        (self.dir / "config" / "vdet").mkdir(parents=True)
        conf = self.dir / "config" / "vdet" / "vdet.conf"
        conf.write_text("[chunk]\nduration = 4\nframes = 2\n[report]\nformat = json\n")
        engine = self.engine()
        self.vdet("analyze", "a.mp4", "--engine", engine.url)
        self.assertEqual(self.report("a")["options"]["chunk.duration"], "4")
        self.assertEqual(len(self.report("a")["chunks"][0]["samples"]), 2)
        self.vdet("analyze", "a.mp4", "--engine", engine.url, env={"VDET_CHUNK_FRAMES": "3"})
        self.assertEqual(len(self.report("a")["chunks"][0]["samples"]), 3)
        self.vdet("analyze", "a.mp4", "--engine", engine.url, "--chunk-frames=1", env={"VDET_CHUNK_FRAMES": "3"})
        self.assertEqual(len(self.report("a")["chunks"][0]["samples"]), 1)
        conf.write_text("[chunk]\nduration = 0\n")
        self.assertIn("vdet.conf:2", self.vdet("analyze", "a.mp4", code=2).stderr)

    def test_doctor(self):
        engine = self.engine()
        r = self.vdet("doctor", "--engine", engine.url, "--json")
        found = json.loads(r.stdout)
        self.assertTrue(found["healthy"])
        names = {c["check"] for c in found["checks"]}
        self.assertTrue({"libraries", "decoders", "hardware decoders", "engine", "model", "GPU", "memory", "disk",
                         "limits"} <= names, names)
        r = self.vdet("doctor", "--engine", "http://127.0.0.1:9", code=1)
        self.assertIn("FAULT  engine", r.stdout)
        self.assertIn("→", r.stdout)


if __name__ == "__main__":
    flow.main()
