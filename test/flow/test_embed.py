#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Vectors: made by an analysis and by vdet embed, used by a question, and an engine for them that fails. Most engines are
test/flow/fake_engine.py; a llama-server of its own runs the demo model."""
import sqlite3
import struct
import sys
import unittest

import flow
import test_ask

DIM = 64


class EmbedFlow(test_ask.AskFlow):
    def setUp(self):
        super().setUp()
        self.vectors = self.engine("--embed", str(DIM), "--model", "vec")

    def embed(self, *options, code=0):
        return self.vdet("embed", "--embed", self.vectors.url, *options, code=code)

    def rows(self, sql="SELECT passage, sample, scale, data FROM vector ORDER BY id"):
        with sqlite3.connect(self.store) as store:
            rows = store.execute(sql).fetchall()
        store.close()
        return rows

    def counts(self):
        """Vectors of texts and of pictures."""
        rows = self.rows()
        return sum(r[0] > 0 for r in rows), sum(r[0] == 0 for r in rows)


class Making(EmbedFlow):
    def test_an_analysis_makes_them(self):
        self.analyze(self.fake(), "a.mp4", "--embed", self.vectors.url)
        self.assertEqual(self.counts(), (2 * test_ask.CHUNKS, 2 * test_ask.CHUNKS))
        for _, _, scale, data in self.rows():
            numbers = struct.unpack(f"{DIM}b", data)
            self.assertEqual(max(map(abs, numbers)), 127)
            self.assertAlmostEqual(sum((scale * x) ** 2 for x in numbers), 1, delta=0.02)
        texts = [t for line in self.vectors.lines("embed") for t in line["texts"]]
        self.assertIn("a dog: A dog comes.", texts)
        self.assertIn("Part 0.", texts)
        before = len(self.vectors.lines("embed"))
        self.assertIn("made vectors of 0 texts and 0 pictures; 1 video", self.embed().stdout)
        self.assertEqual(len(self.vectors.lines("embed")), before + 1)  # how long they are

    def test_older_jobs_and_deletion(self):
        self.analyze(self.fake())
        self.assertEqual(self.counts(), (0, 0))
        self.assertIn("nothing makes vectors", self.vdet("embed", code=2).stderr)
        self.assertIn("made vectors of 0 texts and 0 pictures; 0 videos", self.embed("--video", "other").stdout)
        self.assertIn("made vectors of 12 texts and 12 pictures; 1 video", self.embed().stdout)
        job, = self.rows("SELECT id FROM job")[0]
        self.vdet("jobs", "rm", job)
        self.assertEqual(self.counts(), (0, 0))

    def test_base64_and_another_order(self):
        self.analyze(self.fake())
        self.vectors.control(embed_faults=["base64"])
        self.embed()
        coded = self.rows()
        job, = self.rows("SELECT id FROM job")[0]
        self.vdet("jobs", "rm", job)
        self.analyze(self.fake())
        self.vectors.control(embed_faults=[])
        self.embed()
        self.assertEqual(sorted(r[3] for r in self.rows()), sorted(r[3] for r in coded))

    def test_what_takes_no_pictures(self):
        self.analyze(self.fake())
        for fault in ("blind", "abort"):
            self.vectors.control(embed_faults=[fault])
            r = self.embed()
            self.assertIn("no vectors are made of pictures", r.stdout)
        self.assertEqual(self.counts(), (12, 0))
        self.assertIn("engine.embed_pictures", self.vdet("embed", "--embed", self.vectors.url, env={
            "VDET_ENGINE_EMBED_PICTURES": "false"}).stdout)

    def test_what_is_put_before_texts(self):
        self.analyze(self.fake())
        self.vdet("embed", "--embed", self.vectors.url, env={"VDET_ENGINE_EMBED_TEXT": "passage: "})
        texts = [t for line in self.vectors.lines("embed") if not line["pictures"] for t in line["texts"]]
        self.assertTrue(all(t.startswith("passage: ") for t in texts), texts)


    def test_doctor(self):
        options = "--engine", self.vectors.url, "--embed"
        self.assertRegex(self.vdet("doctor", *options, self.vectors.url, code=None).stdout, rf"vectors +vec, {DIM} numbers")
        self.assertRegex(self.vdet("doctor", *options, "http://127.0.0.1:9", code=1).stdout, r"vectors +cannot reach")


class Failing(EmbedFlow):
    def test_an_analysis_goes_on(self):
        for fault, says in {"dead": "ended early|cannot reach", "dim@2+": "numbers, and had", "nan": "not JSON", "nan64": "not finite",
                            "zero": "is zero", "nested": "pooling", "less": "0 vectors, not 1", "huge": "larger than",
                            "500": "scripted fault"}.items():
            with self.subTest(fault):
                self.vectors.control(embed_faults=[fault])
                r = self.analyze(self.fake(), "a.mp4", "--embed", self.vectors.url, "--fresh")
                self.assertRegex(r.stderr, f"not all vectors were made.*({says})")
                self.assertEqual(self.counts()[0], 0)
        self.vectors.control(embed_faults=[])
        self.embed()
        self.assertEqual(self.counts()[0], 12)

    def test_it_goes_on_where_it_failed(self):
        flow.make_video(self.dir / "b.mp4", 4 * 12, size="64x36", rate=5)
        self.analyze(self.fake(), "b.mp4")
        self.vectors.control(embed_faults=["dead@3+"])  # after the length and sixteen texts
        self.embed(code=1)
        self.assertEqual(self.counts()[0], 16)
        self.vectors.control(embed_faults=["dead@3"])  # is tried again
        self.assertIn("made vectors of 2 texts and 24 pictures", self.embed().stdout)

    def test_an_address_without_vectors(self):
        engine = self.fake()
        self.analyze(engine)
        self.assertIn("makes no vectors (HTTP 404)", self.vdet("embed", "--embed", engine.url, code=1).stderr)
        self.assertIn("engine.embed", self.vdet("embed", "--embed", "nosuch.gguf", code=1).stderr)


class Asking(EmbedFlow):
    """The words of the question occur nowhere; what means the same does."""
    ROUTE = test_ask.ROUTE | {"queries": [{"text": "hound", "sense": "seen"}]}

    def looks(self, engine, *options, question="When does the hound come?"):
        """Frames that were looked at, and what was logged."""
        before = len(engine.lines("begin"))
        r = self.vdet("ask", "--engine", engine.url, "--again", "--json", *options, "a.mp4", question, code=None)
        texts = ["".join(line["texts"]) for line in engine.lines("begin")[before:]]
        return [t for t in texts if "Frame " in t], r.stderr

    def test_other_words_find_it(self):
        engine = self.fake(route=self.ROUTE)
        self.analyze(engine, "a.mp4", "--embed", self.vectors.url)
        without, _ = self.looks(engine)
        found, log = self.looks(engine, "--embed", self.vectors.url)
        self.assertFalse(any("00:00:08" in t or "00:00:09" in t for t in without), without)
        self.assertTrue(any("00:00:08" in t or "00:00:09" in t for t in found), found)
        self.assertNotIn("failed", log)
        self.assertEqual(self.vectors.lines("embed")[-1]["texts"], ["hound"])

    def test_a_search_goes_on_without(self):
        engine = self.fake()
        self.analyze(engine)
        for faults, says in ((["dead"], "vectors: "), ([], "vectors: no video that is searched has vectors of the model vec")):
            self.vectors.control(embed_faults=faults)
            r = self.vdet("ask", "--engine", engine.url, "--again", "--embed", self.vectors.url, "a.mp4", test_ask.QUESTION, code=None)
            self.assertIn(f"a part of the search failed: {says}", r.stderr)
            self.assertIn("A white dog comes in", r.stdout)


class Child(EmbedFlow):
    def test_a_crash_is_survived(self):
        """A program that is started like llama-server, and ends in the middle of the third request of its first life."""
        self.analyze(self.fake())
        server, lives = self.dir / "server", self.dir / "lives"
        server.write_text(f"""#!{sys.executable}
import os, sys
lives = open({str(lives)!r}, "a+")
lives.write("life " + " ".join(sys.argv[1:]) + "\\n")
lives.flush()
lives.seek(0)
fault = ["--embed-fault", "exit@3"] if len(lives.readlines()) == 1 else []
socket = sys.argv[sys.argv.index("--host") + 1]
os.path.exists(socket) and os.unlink(socket)
os.execv(sys.executable, [sys.executable, {str(flow.HERE / "fake_engine.py")!r}, "--unix", socket, "--key",
                          os.environ["LLAMA_API_KEY"], "--embed", "{DIM}", "--model", "demo", *fault])
""")
        server.chmod(0o755)
        model = flow.ROOT / "model" / "weights" / "demo.gguf"
        r = self.vdet("embed", "--embed", model, "--slots", "2", env={"VDET_ENGINE_SERVER": str(server)})
        self.assertIn("made vectors of 12 texts and 12 pictures", r.stdout)
        first, second = lives.read_text().splitlines()
        self.assertEqual(first, second)
        self.assertIn(" --embeddings -ub 2048 ", first)
        self.assertNotIn("--pooling", first)

    def test_a_llama_server_of_its_own(self):
        """The demo model is not one for vectors: what counts is that it makes some, of texts and of pictures."""
        self.needs_engine()
        self.analyze(self.fake())
        model = flow.ROOT / "model" / "weights" / "demo.gguf"
        self.assertIn("engine.embed_pooling", self.vdet("embed", "--embed", model, code=1).stderr)
        r = self.vdet("embed", "--embed", model, env={"VDET_ENGINE_EMBED_POOLING": "mean"})
        self.assertEqual(self.counts(), (12, 12), r.stdout)
        self.vdet("embed", "--embed", model, env={"VDET_ENGINE_EMBED_POOLING": "last"})  # are not compared with those
        self.assertEqual(self.counts(), (24, 24))
        self.assertEqual([h.split()[1] for h, in self.rows("SELECT hash FROM space ORDER BY id")], ["mean"] * 2 + ["last"] * 2)


if __name__ == "__main__":
    unittest.main()
