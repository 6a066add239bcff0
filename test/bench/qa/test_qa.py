#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The readers of question sets on small made-up files, the scorer, and the loop around `vdet ask` with a stand-in for it."""
import contextlib
import io
import json
import os
import stat
import tempfile
import unittest
from pathlib import Path
from unittest import mock

import judge
import methods
import qa
import readers
import scoring
import spans

SAMPLES = Path(__file__).resolve().parent / "samples"


def call(*args):
    """(exit code, output, errors) of qa.py"""
    out, err = io.StringIO(), io.StringIO()
    with mock.patch("sys.argv", ["qa.py", *map(str, args)]), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = qa.main()
    return code, out.getvalue(), err.getvalue()


class Readers(unittest.TestCase):
    def test_lvbench(self):
        items = readers.read("lvbench", SAMPLES / "video_info.meta.jsonl")
        self.assertEqual([q["id"] for q in items], ["11", "12", "13"])
        self.assertEqual(items[0]["video"], "aaaaaaaaaaa.mp4")
        self.assertEqual(items[0]["question"], "What is on the table?")
        self.assertEqual(items[0]["choices"], ["A cup", "A box", "A shoe", "Nothing"])
        self.assertEqual((items[0]["answer"], items[0]["evidence"]), ("B", [[75, 80]]))
        self.assertEqual((items[1]["kind"], items[1]["evidence"]), ("event understanding, reasoning", [[3720, 3750]]))
        self.assertIsNone(items[2]["evidence"])

    def test_mlvu(self):
        items = readers.read("mlvu", SAMPLES / "mlvu")
        self.assertEqual([(q["id"], q["answer"], q["kind"]) for q in items],
                         [("1_plotQA-0", "C", "plotQA"), ("4_count-0", "C", "count")])
        self.assertEqual(readers.read("mlvu", SAMPLES / "mlvu/4_count.json")[0]["choices"], ["3", "1", "2", "5"])

    def test_cgbench(self):
        q = readers.read("cgbench", SAMPLES / "cgbench_mini.json")[0]
        self.assertEqual((q["id"], q["video"], q["answer"], q["evidence"]), ("7", "c1.mp4", "A", [[10, 20], [40.5, 50]]))

    def test_videomme_by_columns(self):
        items = readers.read("videomme", SAMPLES / "videomme.json")
        self.assertEqual([(q["id"], q["answer"]) for q in items], [("001-1", "D"), ("001-2", "C")])
        self.assertEqual(items[0]["choices"], ["Red.", "Blue.", "Green.", "White."])

    def test_longvideobench(self):
        one, two = (readers.read("longvideobench", SAMPLES / f)[0] for f in ("lvb_val.json", "lvb_parquet.jsonl"))
        self.assertEqual((one["answer"], one["choices"]), ("B", ["A boat", "A tree", "A road"]))
        self.assertEqual((two["answer"], two["choices"]), ("C", ["A man", "A woman", "Nobody"]))

    def test_our_own(self):
        items = readers.read("world", SAMPLES)
        self.assertEqual(len(items), 8)
        self.assertEqual((items[3]["id"], items[3]["video"]), ("drawn-4", "drawn.mp4"))

    def test_what_is_wrong_is_named(self):
        with tempfile.TemporaryDirectory() as d:
            for content, name, word in (("not json", "mlvu", "neither"), ('[{"video": "a"}]', "mlvu", "candidates"),
                                        ("[1]", "cgbench", "not of the set"), ('{"format": "x"}', "world", "vdet-questions/1"),
                                        ('[{"qid": 1, "video_uid": 1, "question": "?", "choices": ["a", "b"], "right_answer": "C",'
                                         ' "clue_intervals": []}]', "cgbench", "none of its 2 choices")):
                file = Path(d) / "x.questions.json"
                file.write_text(content)
                with self.assertRaises(readers.FormatError) as e:
                    readers.read(name, file)
                self.assertIn(word, str(e.exception))


class Spans(unittest.TestCase):
    def test_merge(self):
        self.assertEqual(spans.merge([[5, 6], [1, 3], [2, 4]]), [[1, 4], [5, 6]])
        self.assertEqual(spans.merge([[5, 6], [1, 4]], near=2), [[1, 6]])

    def test_iou(self):
        self.assertEqual(spans.iou([[0, 10]], [[5, 15]]), 5 / 15)
        self.assertEqual(spans.iou([[0, 4], [2, 10]], [[0, 10]]), 1)
        self.assertEqual(spans.iou([], [[0, 1]]), 0)

    def test_without(self):
        self.assertEqual(spans.without([[0, 1], [4, 5]], 10), [[1, 4], [5, 10]])
        self.assertEqual(spans.without([], 3), [[0, 3]])


def outcome(*cites, count=None):
    return {"found": bool(cites), "state": "answered" if cites else "not-found", "count": count, "windows": [], "choice": None,
            "cites": [{"start": a, "end": b, "text": text} for a, b, text in cites], "cost": {}}


SQUARE, CIRCLE, OTHER = "A red square enters from the left.", "A red circle is there.", "A blue square leaves."


class Judge(unittest.TestCase):
    def setUp(self):
        self.of = {q["kind"]: q for q in readers.read("world", SAMPLES)}

    def check(self, kind, right, *cites, count=None):
        self.assertEqual(judge.is_right(self.of[kind], outcome(*cites, count=count)), right)

    def test_is_and_absent(self):
        self.check("is", True, (12, 13, SQUARE))
        self.check("is", False, (12, 13, OTHER))
        self.check("is", False)
        self.check("absent", True)
        self.check("absent", False, (12, 13, OTHER))

    def test_when_needs_all_times_and_no_others(self):
        self.check("when", True, (12, 13, SQUARE), (55, 70, SQUARE), (30, 31, OTHER))
        self.check("when", False, (12, 13, SQUARE))
        self.check("when", False, (12, 13, SQUARE), (55, 56, SQUARE), (30, 31, SQUARE))

    def test_which(self):
        self.check("which", True, (12, 13, SQUARE), (31, 32, CIRCLE), (1, 2, OTHER))
        self.check("which", False, (12, 13, SQUARE))
        self.check("which", False, (12, 13, SQUARE), (31, 32, CIRCLE), (1, 2, "A red triangle appears."))

    def test_count(self):
        self.check("count", True, (12, 13, SQUARE), count=2)
        self.check("count", False, (12, 13, SQUARE), count=1)

    def test_order_and_compare_need_both(self):
        self.check("order", True, (31, 32, CIRCLE), (12, 13, SQUARE))
        self.check("order", False, (31, 32, CIRCLE), (55, 56, SQUARE))
        self.check("order", False, (12, 13, SQUARE))
        self.check("compare", True, (31, 32, CIRCLE), (12, 13, SQUARE), (55, 56, SQUARE))
        self.check("compare", False, (31, 32, CIRCLE), (12, 13, SQUARE), (15, 16, SQUARE))
        self.check("compare", False, (12, 13, SQUARE), (55, 56, SQUARE))

    def test_not(self):
        self.check("not", True, (0, 9, "No red square is there."), (22, 48, "No red square is there."))
        self.check("not", False, (0, 30, "No red square is there."))
        self.check("not", False, (12, 13, SQUARE))
        self.check("not", False)

    def test_grounding(self):
        g = judge.grounding(self.of["when"], outcome((12, 22, SQUARE), (80, 90, SQUARE), (1, 2, OTHER)) |
                            {"windows": [[0, 11], [70, 80]]})
        self.assertEqual((g["cites"], g["shown"], g["off"]), (2, 1, 1))
        self.assertEqual((g["windows"], g["times"]), (True, (1, 2)))
        self.assertAlmostEqual(g["iou"], 8 / (20 + 20 - 8))
        g = judge.grounding(self.of["absent"], outcome((12, 22, "A blue circle appears.")))
        self.assertEqual((g["cites"], g["shown"], g["iou"], g["windows"]), (1, 0, None, None))


class Scores(unittest.TestCase):
    def test_an_answer_of_vdet(self):
        o = methods.outcome_of(json.loads((SAMPLES / "answer.json").read_text()))
        self.assertEqual(o["windows"], [[11, 16.5], [3600.25, 3610]])
        self.assertEqual((o["found"], o["count"], o["choice"], o["cost"]["seconds"]), (True, 2, None, 2.25))

    def test_without_checks_what_was_withdrawn_counts(self):
        q = {q["kind"]: q for q in readers.read("world", SAMPLES)}["count"]
        dropped = [{"text": f"{SQUARE} (0:51)", "reason": "a second look at its frames shows that it is otherwise"},
                   {"text": "An idea.", "reason": "it cites nothing that was found"}]
        made = methods.unchecked(q, outcome((12, 13, SQUARE), count=1) | {"cost": {}}, {"dropped": dropped})
        self.assertEqual((made["count"], [c["start"] for c in made["cites"]]), (2, [12, 51]))

    def test_what_follows_from_captions(self):
        q = {q["kind"]: q for q in readers.read("world", SAMPLES)}
        cites = [{"start": a, "end": b, "text": t} for a, b, t in ((12, 15, SQUARE), (17, 19, SQUARE), (51, 58, SQUARE),
                                                                    (31, 33, CIRCLE))]
        for kind in q:
            made = methods.made_of(q[kind], cites)
            self.assertTrue(judge.is_right(q[kind], made | {"cost": {}}), kind)

    def test_summary(self):
        rows = [{"right": True, "abstained": False, "cites": 2, "shown": 1, "off": 0, "windows": True, "times": (1, 2), "iou": .35,
                 "requests": 2, "prompt_tokens": 10, "output_tokens": 1, "decode_time": None, "seconds": 1.0},
                {"right": False, "abstained": True, "cites": 0, "shown": 0, "off": 1, "windows": None, "times": None, "iou": .45,
                 "requests": 4, "prompt_tokens": 30, "output_tokens": 1, "decode_time": None, "seconds": 2.0}]
        s = scoring.summary(rows)
        self.assertEqual((s["n"], s["right"], s["abstained"], s["cites"], s["shown"], s["off"]), (2, 1, 1, 2, 1, 1))
        self.assertEqual((s["windows"], s["times"], s["requests"], s["decode_time"]), ((1, 1), (1, 2), 3, None))
        self.assertEqual((s["rec"][.4], s["rec"][.3], s["acc"][.3], s["acc"][.4]), (.5, 1, .5, 0))


class Loop(unittest.TestCase):
    """qa.py with a stand-in for vdet."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.results = self.folder / "r.jsonl"
        program = self.folder / "vdet"
        # It writes down how it was called, with the choices.
        program.write_text(f"""#!/bin/sh
for a; do
	if [ "$last" = --choices ]; then cat "$a" >>"{self.folder}/choices"; fi
	last=$a
done
echo "$last" >>"{self.folder}/asked"
case "$last" in *order*) echo "vdet: error: no" >&2; exit 1;; esac
cat "{SAMPLES}/answer.json"
""")
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        patch = mock.patch.object(methods, "VDET", str(program))
        patch.start()
        self.addCleanup(patch.stop)

    def asked(self):
        return (self.folder / "asked").read_text().splitlines()

    def run_world(self, *more):
        (self.folder / "drawn.mp4").touch()
        return call("run", "world", SAMPLES, self.results, "--videos", self.folder, *more)

    def test_it_resumes_and_scores(self):
        self.assertEqual(self.run_world("--limit", 3)[0], 0)
        self.assertEqual(len(self.asked()), 3)
        code, said, _ = self.run_world()
        self.assertEqual(code, 0)
        self.assertIn("3 answered before", said)
        self.assertEqual(len(self.asked()), 8)
        code, said, _ = call("score", "world", SAMPLES, self.results, "--wrong")
        self.assertEqual(code, 0)
        self.assertIn("| r | 8 | 0.38 (3/8) |", said)  # is, when, count
        self.assertIn('"not-found" was said 0 times', said)
        self.assertIn("of 1 questions about absent things, 1 were answered", said)

    def test_choices(self):
        (self.folder / "c1.mp4").touch()
        code, said, _ = call("run", "cgbench", SAMPLES / "cgbench_mini.json", self.results, "--videos", self.folder)
        self.assertEqual(code, 0)
        self.assertEqual((self.folder / "choices").read_text(), "Out\nIn\nUp\nDown\n")
        code, said, _ = call("score", "cgbench", SAMPLES / "cgbench_mini.json", self.results)
        self.assertIn("| r | 1 | 0.00 (0/1) | 1.00 (1/1) | 0.50 (1/2) |", said)  # no choice: an abstention

    def test_a_missing_video_is_counted(self):
        code, said, _ = call("run", "cgbench", SAMPLES / "cgbench_mini.json", self.results, "--videos", self.folder)
        self.assertEqual(code, 0)
        self.assertIn("1 without their video", said)

    def test_a_failure_is_named_and_tried_again(self):
        items = json.loads((SAMPLES / "drawn.questions.json").read_text())
        items["questions"] = items["questions"][:1]
        items["questions"][0]["question"] = "In which order?"
        (self.folder / "drawn.questions.json").write_text(json.dumps(items))
        (self.folder / "drawn.mp4").touch()
        for _ in range(2):
            code, _, err = call("run", "world", self.folder, self.results, "--videos", self.folder)
            self.assertEqual(code, 1)
            self.assertIn("drawn-1: vdet ask, exit 1", err)
        self.assertEqual(len(self.asked()), 2)

    def test_a_wrong_file_is_named(self):
        code, _, err = call("score", "mlvu", SAMPLES / "cgbench_mini.json", self.results)
        self.assertEqual(code, 1)
        self.assertIn("candidates", err)


if __name__ == "__main__":
    os.chdir(Path(__file__).resolve().parent)
    unittest.main()
