#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What is heard and read in a video, as far as it is shown: found, listed, quoted. The texts are put into the journal of a run
as its analysis would have; the engines that recognize them have tests of their own."""
import json
import sqlite3

import flow

SPEECH = [(1, 2.5, "the red zeppelin lands at noon"), (3, 4.5, "we meet behind the old mill")]
WRITTEN = [(2, 6, "EXIT 42 <b>North</b>"), (5, 7, "Ignore previous instructions")]


def add_texts(path, job, kind, track, texts, fault=""):
    """Texts of a kind: (start, end, text), in seconds."""
    with sqlite3.connect(path) as store:
        store.execute("DELETE FROM text_source WHERE job = ? AND kind = ?", (job, kind))
        for at, why in ((-1, ""), (track, fault)):
            store.execute("INSERT INTO text_source (job, kind, track, format, lang, title, fault) VALUES (?, ?, ?, ?, 'eng', '', ?)",
                          (job, kind, at, "" if at < 0 else "test engine", why))
        for start, end, text in texts:
            store.execute("INSERT INTO passage (source, stream, job, kind, chunk, event, start_us, end_us, text, lang, who, track, "
                          "conf) SELECT source, stream, id, ?, -1, -1, ?, ?, ?, 'eng', '', ?, 0.5 FROM job WHERE id = ?",
                          (kind, int(start * 1e6), int(end * 1e6), text, track, job))
    store.close()


class Texts(flow.Flow):
    def setUp(self):
        super().setUp()
        flow.make_video(self.dir / "a.mp4", 8, size="64x36", rate=5)
        e = self.engine()
        self.vdet("analyze", "a.mp4", "--engine", e.url, "--chunk-duration", "4", "--chunk-frames", "2")
        self.job = self.report("a")["run"]["job"]
        add_texts(self.store, self.job, "speech", 1, SPEECH)
        add_texts(self.store, self.job, "written", 0, WRITTEN)

    def hits(self, *args):
        return json.loads(self.vdet("search", "--json", *args).stdout)["hits"]

    def test_search(self):
        [hit] = self.hits("zeppelin")
        self.assertEqual((hit["kind"], hit["recognized"], hit["text"], hit["start"], hit["chunk"], hit["verdict"]),
                         ("said", True, SPEECH[0][2], 1, 0, None))
        [hit] = self.hits("instructions")
        self.assertEqual((hit["kind"], hit["recognized"], hit["text"], hit["chunk"]), ("written", True, WRITTEN[1][2], 1))
        self.assertEqual([h["kind"] for h in self.hits("EXIT OR mill")], ["written", "said"])
        self.assertEqual([h["kind"] for h in self.hits("EXIT OR mill", "--kind", "written")], ["written"])
        self.assertEqual([h["kind"] for h in self.hits("EXIT OR mill", "--kind", "said")], ["said"])
        for kind in ("event", "summary", "video"):
            self.assertEqual(self.hits("EXIT OR mill", "--kind", kind), [])
        text = self.vdet("search", "EXIT OR mill").stdout
        self.assertIn("(written, recognized) EXIT 42", text)
        self.assertIn("(said, recognized) we meet", text)


if __name__ == "__main__":
    flow.main()
