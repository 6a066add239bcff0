#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Which frames are looked at: policies, plans that are printed, edited and fed back, and what resuming makes of them."""
import json
import signal
import subprocess

import flow


def times_of(plan):
    return [t for c in plan["chunks"] for t in c["times"]]


def shown_times(report):
    return [s["time"] for c in report["chunks"] for s in c["samples"]]


class Plan(flow.Flow):
    def setUp(self):
        super().setUp()
        del self.env["VDET_SAMPLE_POLICY"]  # what a user gets

    def yard(self, name="yard.mp4", seconds=240, bursts=((70, 71), (170, 173))):
        """A camera that sees nothing, but for a bright thing that crosses now and then."""
        # The source is sized by the width of the picture; where it shows is the crossing.
        when = "+".join(f"between(t,{a},{b})" for a, b in bursts) or "0"
        first = bursts[0][0] if bursts else 0
        return flow.make_video(self.dir / name, seconds, source="smptebars", rate=5, extra=(
            "-f", "lavfi", "-i", f"color=c=yellow:s=40x40:r=5:d={seconds}", "-filter_complex",
            f"[0:v][1:v]overlay=x='mod((t-{first})*90,280)':y=60:enable='{when}'"))

    def plan(self, name, *options):
        return json.loads(self.vdet("plan", name, *options).stdout)

    def test_adaptive_is_the_default_and_hits_short_events(self):
        self.yard()
        engine = self.engine()
        small = ("--chunk-duration", "120", "--chunk-frames", "4")
        plan = self.plan("yard.mp4", *small)
        self.assertEqual(plan["policy"], "adaptive")
        for a, b in ((70, 71), (170, 173)):
            self.assertTrue([t for t in times_of(plan) if a <= t < b], f"no sample between {a} and {b}")
        self.assertLessEqual(len(times_of(plan)), 8)
        self.vdet("analyze", "yard.mp4", "--engine", engine.url, *small)
        report = self.report("yard")
        self.assertEqual(report["options"]["sample.policy"], "adaptive")
        self.assertEqual(shown_times(report), times_of(plan))
        self.assertEqual([(c["start"], c["end"]) for c in report["chunks"]],
                         [(c["start"], c["end"]) for c in plan["chunks"]])
        self.assertEqual(report["plan"]["policy"], "adaptive")
        self.assertEqual(report["plan"]["text"], plan["text"])
        self.assertGreater(report["index"]["keyframes"], 0)
        self.assertIn(plan["text"], (self.dir / "yard.vdet" / "report.md").read_text())

    def test_stationary_video_draws_few(self):
        self.yard("still.mp4", 1200, ())
        plan = self.plan("still.mp4", "--chunk-duration", "60", "--sample-max-gap", "120")
        self.assertLessEqual(len(times_of(plan)), 12)
        self.assertIn("few frames are enough", plan["text"])
        even = self.plan("still.mp4", "--chunk-duration", "60", "--sample-policy", "even")
        self.assertEqual(len(times_of(even)), 120)

    def test_policies(self):
        flow.make_video(self.dir / "a.mp4", 30)
        for policy in ("even", "keyframe", "adaptive", "scene"):
            plan = self.plan("a.mp4", "--chunk-duration", "10", "--chunk-frames", "2", "--sample-policy", policy)
            self.assertEqual(plan["policy"], policy)
            self.assertTrue(1 <= len(times_of(plan)) <= 6)
            self.assertEqual(times_of(plan), sorted(times_of(plan)))
        r = self.vdet("plan", "a.mp4", "--sample-policy", "random", code=2)
        self.assertIn("random", r.stderr)

    def test_edited_plan_is_followed(self):
        flow.make_video(self.dir / "a.mp4", 20)
        engine = self.engine()
        plan = self.plan("a.mp4", "--sample-policy", "even", "--chunk-duration", "10", "--chunk-frames", "2")
        plan["chunks"] = [{"start": 0, "end": 4, "times": [1, 1.5, 3]}, {"start": 12, "end": 20, "times": [15]}]
        (self.dir / "mine.json").write_text(json.dumps(plan))
        command = ["analyze", "a.mp4", "--engine", engine.url, "--plan", "mine.json"]
        self.vdet(*command)
        report = self.report("a")
        self.assertEqual(shown_times(report), [1, 1.5, 3, 15])
        asked = len(engine.lines("begin"))
        self.vdet(*command)  # the same plan is the same job
        self.assertEqual(len(engine.lines("begin")), asked)
        plan["chunks"][1]["times"] = [16]
        (self.dir / "mine.json").write_text(json.dumps(plan))
        self.vdet(*command)
        self.assertEqual(shown_times(self.report("a")), [1, 1.5, 3, 16])

    def test_report_of_an_edited_plan_names_what_is_left_out(self):
        self.yard()
        engine = self.engine()
        plan = self.plan("yard.mp4", "--chunk-duration", "60", "--chunk-frames", "4")
        plan["chunks"] = [{"start": 0, "end": 10, "times": [5]}, {"start": 100, "end": 230, "times": [110, 200]}]
        (self.dir / "mine.json").write_text(json.dumps(plan))
        command = ["analyze", "yard.mp4", "--engine", engine.url, "--plan", "mine.json"]
        r = self.vdet(*command, code=0)  # left out on purpose
        self.assertIn("leaves out 1:40 of the video", r.stderr)
        report = self.report("yard")
        self.assertFalse(report["complete"])
        self.assertEqual(report["left_out"], [{"start": 10, "end": 100}, {"start": 230, "end": 240}])
        self.assertEqual(report["holes"], [])
        self.assertTrue(report["plan"]["given"])
        self.assertEqual((report["plan"]["bursts"], report["plan"]["budget"]), (0, 0))
        self.assertEqual(report["plan"]["text"], "The plan was given by the user: 3 frames in 2 chunks.")
        self.assertIsNotNone(report["index"]["anomalies"])  # that vdet plan stored
        text = (self.dir / "yard.vdet" / "report.md").read_text()
        self.assertIn("Not looked at: 00:00:10.000 – 00:01:40.000, 00:03:50.000 – 00:04:00.000, left out by the given plan", text)
        for wrong in ("few frames are enough", "bursts of activity", "To choose them"):
            self.assertNotIn(wrong, text)
        self.vdet("report", json.loads(self.vdet("jobs", "--json").stdout)["job"], "--output", "again", code=0)
        self.assertEqual((self.dir / "again" / "report.md").read_text(), text)

    def test_a_given_plan_of_all_is_complete(self):
        flow.make_video(self.dir / "a.mp4", 20)
        engine = self.engine()
        plan = self.plan("a.mp4", "--chunk-duration", "10", "--chunk-frames", "2", "--sample-policy", "even")
        (self.dir / "mine.json").write_text(json.dumps(plan))
        self.vdet("analyze", "a.mp4", "--engine", engine.url, "--plan", "mine.json")
        report = self.report("a")
        self.assertTrue(report["complete"] and report["plan"]["given"])
        self.assertEqual(report["left_out"], [])
        self.assertIsNone(report["index"])  # no index was made

    def test_wrong_plans_are_refused(self):
        flow.make_video(self.dir / "a.mp4", 20)
        flow.make_video(self.dir / "b.mp4", 10)
        good = self.plan("a.mp4", "--sample-policy", "even", "--chunk-duration", "10")
        engine = self.engine()

        def refused(text, words, video="a.mp4", code=1):
            (self.dir / "p.json").write_text(text)
            r = self.vdet("analyze", video, "--engine", engine.url, "--plan", "p.json", code=code)
            self.assertIn(words, r.stderr)
            self.assertEqual(len(r.stderr.strip().splitlines()[-1:]), 1)

        refused("{", "p.json: line 1:")
        refused("[]", "p.json: the plan: it is not a JSON object")
        refused(json.dumps(good), "it is for a video of 00:00:20.000, and this one is 00:00:10.000 long", "b.mp4")
        refused(json.dumps(good | {"colour": "red"}), "\"colour\" is not a known key")
        swapped = good | {"chunks": good["chunks"][::-1]}
        refused(json.dumps(swapped), "chunk 2 of the plan: \"start\", 0.000000 s, is before")
        late = json.loads(json.dumps(good))
        late["chunks"][0]["times"][-1] = 11
        refused(json.dumps(late), "chunk 1 of the plan: time 6, 11.000000 s, is after")
        r = self.vdet("analyze", "a.mp4", "--engine", engine.url, "--plan", "none.json", code=1)
        self.assertIn("none.json", r.stderr)
        r = self.vdet("analyze", "a.mp4", "--engine", engine.url, "--plan", "p.json", "--from", "3", code=2)
        self.assertIn("--plan cannot be combined", r.stderr)
        r = self.vdet("plan", "a.mp4", "--chunk-duration", "10", "--chunk-max", "5", code=2)
        self.assertIn("--chunk-max", r.stderr)
        self.assertEqual(engine.lines("begin"), [])

    def test_resume_with_adaptive_plan_is_exact(self):
        self.yard()
        engine = self.engine("--fault", "never@2+", "--slots", "1")
        command = ["analyze", "yard.mp4", "--chunk-duration", "60", "--chunk-frames", "2", "--workers", "1"]
        p = self.start(*command, "--engine", engine.url, "--progress", "json")
        while flow.read_event(p.stdout, "chunk")["state"] != "done":
            pass
        p.send_signal(signal.SIGINT)
        self.assertEqual(p.wait(flow.TIMEOUT), 130)
        engine.stop()
        good = self.engine()
        self.vdet(*command, "--engine", good.url)
        resumed = self.report("yard")
        asked = len(good.stretches())
        self.assertEqual(asked, len(resumed["chunks"]) - 1)
        self.vdet(*command, "--engine", good.url, "--fresh")
        self.assertEqual(shown_times(self.report("yard")), shown_times(resumed))

    def test_a_plan_grows_and_goes_on_after_an_interruption(self):
        """A video that is looked through in two parts: the same plan, whole, in the making, or taken up again."""
        self.yard("long.mp4", 1300, ((100, 102), (290, 292), (700, 703), (1200, 1201)))
        plan = self.plan("long.mp4")
        self.assertNotIn("unfinished", plan)
        self.assertEqual(self.plan("long.mp4"), plan)  # of the index that was kept
        self.assertEqual(plan["chunks"][-1]["end"], plan["to"])
        for a, b in ((100, 102.5), (290, 292.5), (700, 703.5), (1200, 1201.5)):
            self.assertTrue(any(a <= t <= b for t in times_of(plan)), (a, times_of(plan)))
        self.store.unlink()
        stuck = self.engine("--fault", "never@1+", "--slots", "1")
        command = ["analyze", "long.mp4", "--chunk-frames", "6"]
        p = self.start(*command, "--engine", stuck.url, "--progress", "json")
        flow.read_event(p.stdout, "begin")  # the first part is in the journal; the second perhaps not yet
        p.send_signal(signal.SIGINT)
        self.assertEqual(p.wait(flow.TIMEOUT), 130)
        good = self.engine()
        self.vdet(*command, "--engine", good.url)
        self.assertEqual(shown_times(self.report("long")), [t for c in plan["chunks"] for t in c["times"]])

    def test_keyframe_policy_takes_keyframes_alone(self):
        self.yard("keys.mp4", 120)
        out = subprocess.run(["ffprobe", "-v", "error", "-select_streams", "v", "-show_entries", "packet=pts_time,flags", "-of",
                              "csv=p=0", str(self.dir / "keys.mp4")], capture_output=True, text=True, check=True).stdout
        keys = {round(float(line.split(",")[0]), 3) for line in out.splitlines() if "K" in line}
        times = times_of(self.plan("keys.mp4", "--sample-policy", "keyframe", "--chunk-duration", "60"))
        self.assertEqual(len(times), 12)
        self.assertLessEqual({round(t, 3) for t in times}, keys)

    def test_overlap_shows_the_last_frame_again(self):
        self.yard()
        plan = self.plan("yard.mp4", "--chunk-duration", "60", "--chunk-frames", "4", "--chunk-overlap", "20")
        for a, b in zip(plan["chunks"], plan["chunks"][1:]):
            self.assertLess(b["start"], a["end"])

    def test_without_a_gpu_the_plan_is_of_main_memory(self):
        flow.make_video(self.dir / "a.mp4", 10)
        r = self.vdet("plan", "a.mp4", "--sample-policy", "even")  # the demo model, which never uses a GPU
        memory = json.loads(r.stdout)["estimate"]["memory"]
        self.assertEqual((memory["gpu_layers"], memory["slots"]), (0, 4))
        self.assertIn("main memory: weights", r.stderr)
        self.assertIn("no layers on a GPU", r.stderr)
        self.needs_engine()
        found = self.vdet("doctor", code=None).stdout
        self.assertIn(f"{memory['slots']} slots of {memory['context']} tokens", r.stderr)
        self.assertIn(f"{memory['slots']} requests at once, context {memory['context']}", found)

    def test_what_it_will_cost(self):
        flow.make_video(self.dir / "a.mp4", 40, size="1280x720", rate=5)
        even = ("--sample-policy", "even", "--chunk-duration", "10")
        r = self.vdet("plan", "a.mp4", *even, "--model", "qwen2.5-vl-32b", "--gpu-memory", "80G")
        plan = json.loads(r.stdout)["estimate"]
        self.assertEqual((plan["chunks"], plan["frames"], plan["picture_tokens"], plan["time"]), (4, 24, 46 * 26, None))
        self.assertLess(plan["memory"]["total"], 0.7 * plan["memory"]["of"])
        self.assertIn("no earlier job used this model", r.stderr)
        self.assertIn("4 chunks, 24 frames of 1280x720", r.stderr)
        r = self.vdet("plan", "a.mp4", *even, "--model", "qwen2.5-vl-72b", "--gpu-memory", "16G")
        self.assertIn("does not fit", r.stderr)
        # The time of one job is the estimate for the next; the printed plan can be used.
        engine = self.engine()
        self.vdet("analyze", "a.mp4", "--engine", engine.url, *even)
        model = self.report("a")["engine"]["model"]
        r = self.vdet("plan", "a.mp4", *even, "--engine", engine.url, "--model", model)
        plan = json.loads(r.stdout)
        self.assertEqual(plan["estimate"]["measured_chunks"], 4)
        self.assertGreater(plan["estimate"]["time"], 0)
        (self.dir / "p.json").write_text(r.stdout)
        self.vdet("analyze", "a.mp4", "--engine", engine.url, "--plan", "p.json")

    def test_every_request_of_a_job_is_estimated(self):
        flow.make_video(self.dir / "a.mp4", 40, size="1280x720", rate=5)
        engine = self.engine()
        options = ("--sample-policy", "even", "--chunk-duration", "2", "--chunk-frames", "2", "--verify", "doubtful")
        r = self.vdet("plan", "a.mp4", *options, "--engine", engine.url)
        plan = json.loads(r.stdout)["estimate"]
        steps = {name: step["requests"] for name, step in plan["steps"].items()}
        self.assertEqual((steps["describing"], steps["joining"], steps["checks"], steps["second_pass"]), (20, 2, 4, 0))
        self.assertNotIn("second", r.stderr)
        twice = self.vdet("plan", "a.mp4", *options, "--engine", engine.url, "--passes", "2")
        self.assertIn("second:  at most 5 requests (--passes 2),", twice.stderr)
        self.assertEqual(json.loads(twice.stdout)["estimate"]["steps"]["second_pass"]["requests"], 5)
        self.assertEqual(sum(steps.values()), plan["requests"])
        self.assertEqual(sum(s["prompt_tokens"] for s in plan["steps"].values()), plan["prompt_tokens"])
        for line in ("chunks:  20 requests,", "joins:   at most 2 requests,", "checks:  at most 4 requests (--verify doubtful),",
                     "summary: about "):
            self.assertIn(line, r.stderr)
        self.vdet("analyze", "a.mp4", "--engine", engine.url, *options)
        report = self.report("a")
        self.assertEqual(len(engine.stretches()), steps["describing"])
        # What was measured of the text of a request replaces what was assumed.
        model = report["engine"]["model"]
        after = json.loads(self.vdet("plan", "a.mp4", *options, "--engine", engine.url, "--model", model).stdout)["estimate"]
        self.assertEqual(after["measured_chunks"], 20)
        self.assertAlmostEqual(after["steps"]["describing"]["output_tokens"], report["tokens"]["output"], delta=1)

    def test_a_budget_is_kept_and_gone_on_with(self):
        flow.make_video(self.dir / "a.mp4", 40, size="1280x720", rate=5)
        engine = self.engine()
        options = ("--sample-policy", "even", "--chunk-duration", "10", "--engine", engine.url)
        r = self.vdet("analyze", "a.mp4", *options, "--budget", "12ktok")
        self.assertIn("to stay within 12ktok", r.stderr)
        report = self.report("a")
        self.assertLess(int(report["options"]["frame.size"]), 1280)
        r = self.vdet("plan", "a.mp4", *options, "--budget", "12ktok")
        plan = json.loads(r.stdout)["estimate"]
        self.assertLessEqual(plan["tokens"], 12000)
        self.assertEqual(plan["budget"], {"limit": "12ktok", "met": True})
        self.assertIn(f"budget:  12ktok is met: the plan takes about {plan['tokens']} tokens", r.stderr)
        # One that needs no change is met, too; without a budget nothing is said of one.
        self.assertIn("budget:  900ktok is met", self.vdet("plan", "a.mp4", *options, "--budget", "900ktok").stderr)
        r = self.vdet("plan", "a.mp4", *options)
        self.assertNotIn("budget", r.stderr)
        self.assertNotIn("budget", json.loads(r.stdout)["estimate"])
        # The checks that an option adds count: it is another decision.
        checked = self.vdet("plan", "a.mp4", *options, "--budget", "90ktok", "--verify", "all")
        unchecked = self.vdet("plan", "a.mp4", *options, "--budget", "90ktok", "--verify", "none")
        sizes = [json.loads(r.stdout)["estimate"]["picture"][0] for r in (checked, unchecked)]
        self.assertLess(*sizes)
        # The same command finds the same job, though more was measured meanwhile.
        before = len(engine.stretches())
        model = report["engine"]["model"]
        self.vdet("analyze", "a.mp4", *options, "--model", model, "--budget", "2h")
        asked = len(engine.stretches())
        self.assertGreater(asked, before)
        self.vdet("analyze", "a.mp4", *options, "--model", model, "--budget", "2h")
        self.vdet("analyze", "a.mp4", *options, "--budget", "12ktok")
        self.assertEqual(len(engine.stretches()), asked)
        self.assertIn("too small", self.vdet("plan", "a.mp4", *options, "--budget", "100tok", code=1).stderr)
        self.assertIn("neither a time", self.vdet("plan", "a.mp4", *options, "--budget", "12xyz", code=2).stderr)


if __name__ == "__main__":
    flow.main()
