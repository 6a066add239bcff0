#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""vdet search: what was said of any video is found, with the frame that shows it, in the newest run of each."""
import json
import sqlite3

import flow

PLATE = "A van with the plate KX-4711Z stops."
CHINESE = "一辆深红色的汽车停下。"
SCENE = {"00:00:00.000": ("Two boxes on a table.", "a person", "A person puts two boxes down."),
         "00:00:02.000": ("A yard.", "a van", PLATE),
         "00:00:04.000": ("一辆汽车。", "汽车", CHINESE)}


def scene(**other):
    return {"stretches": {begin: {"summary": summary, "events": [{"subject": who, "what": other.get(begin, what)}]}
                          for begin, (summary, who, what) in SCENE.items()}}


class Search(flow.Flow):
    def setUp(self):
        super().setUp()
        (self.dir / "scene.json").write_text(json.dumps(scene()))
        self.fake = self.engine("--scene", str(self.dir / "scene.json"))
        self.analyze("yard-cam2")

    def analyze(self, name, *options, source="testsrc2"):
        flow.make_video(self.dir / f"{name}.mp4", 6, size="64x36", rate=5, source=source)
        self.vdet("analyze", f"{name}.mp4", "--engine", self.fake.url, "--chunk-duration", "2", "--chunk-frames", "2", *options)

    def search(self, *args):
        return json.loads(self.vdet("search", "--json", *args).stdout)

    def texts(self, *args):
        return [h["text"] for h in self.search(*args)["hits"]]

    def test_words_and_parts_of_them(self):
        box = "A person puts two boxes down."
        self.assertEqual(self.texts("person"), [box])
        self.assertEqual(self.texts("PERS", "box"), [box])
        self.assertEqual(self.texts("persons puts"), [box])  # a plural, and two words in one argument
        self.assertEqual(self.texts("person", "yard"), [])  # not in one place
        self.assertEqual(self.texts("where is the person"), [box])
        self.assertEqual(self.texts("is", "where"), [])  # nothing else is there
        self.assertEqual(self.texts("4711"), [PLATE])
        self.assertEqual(self.texts("711Z"), [PLATE])
        self.assertEqual(self.texts("红色"), [CHINESE])
        self.assertEqual(self.texts("boxes"), ["Two boxes on a table.", box])

    def test_alternatives(self):
        box = "A person puts two boxes down."
        self.assertEqual(self.texts("van", "OR", "person"), [box, PLATE])
        self.assertEqual(self.texts("person OR van"), [box, PLATE])  # in order of time, not of the words
        self.assertEqual(self.texts("person OR person OR puts boxes"), [box])
        self.assertEqual(self.texts("person boxes OR van zebra"), [box])  # all words of a group
        self.assertEqual(self.texts("711Z OR person"), [box, PLATE])  # a part of a word, and a word
        self.assertEqual(self.texts("红色 OR zebra OR 4711"), [PLATE, CHINESE])
        self.assertEqual(self.texts("is the person OR where is the van"), [box, PLATE])
        self.assertEqual([h["kind"] for h in self.search("cam2 OR person")["hits"]], ["video", "event"])
        page = self.search("van OR person", "--limit", "1")
        self.assertEqual(([h["text"] for h in page["hits"]], page["more"]), ([box], True))
        self.assertEqual(self.texts("van OR person", "--skip", "1"), [PLATE])
        # Only in capitals and between words; what else it could be is text.
        for words in ("person or van", "person Or van"):
            self.assertEqual(self.texts(words), [], words)
        self.assertEqual(self.texts("OR person"), [box])
        self.assertEqual(self.texts("person OR"), [box])
        self.assertEqual(self.texts("OR"), self.texts("or"))
        self.assertIn("16 words", self.vdet("search", " OR ".join("abcdefghijklmnopq"), code=2).stderr)
        self.vdet("search", " OR ".join("abcdefghijklmnop"))

    def test_a_hit_leads_to_its_frame(self):
        [hit] = self.search("van")["hits"]
        report = self.report("yard-cam2")
        [event] = [e for e in report["events"] if e["what"] == PLATE]
        self.assertEqual((hit["kind"], hit["name"], hit["chunk"], hit["start"], hit["end"]),
                         ("event", "yard-cam2.mp4", 1, event["start"], event["end"]))
        self.assertEqual(hit["sample"], event["frames"][0]["sample"])
        page, anchor = hit["report"].split("#")
        self.assertEqual(page, str(self.dir / "yard-cam2.vdet" / "report.html"))
        self.assertIn(f'id="{anchor}"', (self.dir / "yard-cam2.vdet" / "report.html").read_text())
        self.assertIn(PLATE, self.vdet("search", "van").stdout)

    def test_filters_and_pages(self):
        self.assertEqual(self.texts("boxes", "--kind", "summary"), ["Two boxes on a table."])
        self.assertEqual(self.texts("boxes", "--kind", "event"), ["A person puts two boxes down."])
        self.assertEqual(self.texts("boxes", "--from", "3"), [])
        self.assertEqual(self.texts("van", "--from", "3"), [PLATE])
        self.assertEqual(self.texts("van", "--to", "1"), [])
        self.assertEqual(self.texts("boxes", "--video", "cam2"), self.texts("boxes"))
        self.assertEqual(self.texts("boxes", "--video", "cam3"), [])
        self.assertEqual(self.texts("boxes", "--video", self.report("yard-cam2")["source"]["sha256"][:12]), self.texts("boxes"))
        first = self.search("boxes", "--limit", "1")
        self.assertTrue(first["more"])
        second = self.search("boxes", "--limit", "1", "--skip", "1")
        self.assertFalse(second["more"])
        self.assertEqual([h["text"] for h in first["hits"] + second["hits"]], self.texts("boxes"))
        self.assertEqual(self.search("boxes", "--skip", "9"), {"hits": [], "more": False})

    def test_file_names(self):
        [hit] = self.search("cam2", "yard")["hits"]
        self.assertEqual((hit["kind"], hit["text"]), ("video", "yard-cam2.mp4"))
        self.assertEqual(self.texts("cam2", "--kind", "event"), [])

    def test_the_newest_run_of_each_video(self):
        """And each video; not what an older run said, nor one that is not finished."""
        (self.dir / "scene.json").write_text(json.dumps(scene(**{"00:00:02.000": "A lorry stops."})))
        self.fake = self.engine("--scene", str(self.dir / "scene.json"))
        self.analyze("yard-cam2", "--frame-quality", "80")
        self.assertEqual(self.texts("van"), ["A lorry stops."])  # by its subject
        self.assertEqual(self.texts("plate"), [])
        self.analyze("other", source="testsrc")
        self.assertEqual(self.texts("lorry"), ["A lorry stops."] * 2)
        self.assertEqual({h["name"] for h in self.search("lorry")["hits"]}, {"yard-cam2.mp4", "other.mp4"})
        db = sqlite3.connect(self.store)
        with db:
            db.execute("UPDATE job SET state = 0 WHERE source_name = 'other.mp4'")
        db.close()
        self.assertEqual({h["name"] for h in self.search("lorry")["hits"]}, {"yard-cam2.mp4"})

    def test_names_of_subjects(self):
        job = self.report("yard-cam2")["run"]["job"]
        [number] = [s["number"] for s in self.report("yard-cam2")["subjects"] if s["description"] == "van"]
        self.vdet("subject", job, "rename", str(number), "Hansen")
        self.assertEqual(self.texts("hansen"), [f"Hansen: {PLATE}"])
        self.assertEqual(self.texts("hansen", "stops"), [f"Hansen: {PLATE}"])
        self.assertEqual(self.texts("hansen", "--kind", "summary"), [])
        self.assertEqual(self.texts("hansen", "--to", "1"), [])

    def test_a_damaged_journal(self):
        job = self.report("yard-cam2")["run"]["job"]
        self.vdet("subject", job, "rename", "1", "Hansen")
        with sqlite3.connect(self.store) as db:
            db.execute("UPDATE subject_edit SET data = '{rubbish'")
        db.close()
        self.assertEqual(self.texts("van"), [PLATE])

    def test_nothing_and_mistakes(self):
        r = self.vdet("search", "zebra")
        self.assertIn("Nothing was found", r.stdout)
        self.assertIn("no words given", self.vdet("search", code=2).stderr)
        self.assertIn("at least one word", self.vdet("search", " ", code=2).stderr)
        self.assertIn("16 words", self.vdet("search", *"abcdefghijklmnopq", code=2).stderr)
        self.assertIn("400 bytes", self.vdet("search", "x" * 401, code=2).stderr)
        for words in ("\"", "* (", "NEAR(van", "'; DROP TABLE job; --", "van AND zebra", "%", "_"):
            self.assertEqual(self.texts("--kind", "event", words), [], words)
        self.assertEqual(self.texts("person"), ["A person puts two boxes down."])


if __name__ == "__main__":
    flow.main()
