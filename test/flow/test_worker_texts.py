#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""vdet worker: what is said and written in a video, against a real nats-server and stand-in engines."""
import json
import signal
import sqlite3
import time

import flow
import test_screentext
import test_speech
import test_worker


def wait_until_connected(worker):
    end = time.monotonic() + flow.TIMEOUT
    while "waiting for a vdet with --fleet" not in worker.log():
        if time.monotonic() > end:
            raise AssertionError(worker.log())
        time.sleep(0.1)


class Texts(test_worker.Fleet):
    """What is written and said: workers do it where they can, and the head does the rest."""

    def setUp(self):
        super().setUp()
        self.env["VDET_TEXT_SCREEN"] = "auto"
        self.env["VDET_SAMPLE_POLICY"] = "adaptive"  # with an index, which says where to read
        self.video = self.dir / "a.mkv"
        test_screentext.draw(self.video, *(test_screentext.text(f"Slide number {i + 1}", 60, 60, between=(i * 200, (i + 1) * 200))
                                           for i in range(4)), seconds=700, source="color=white:s=480x270:r=1",
                             inputs=test_speech.voice("between(mod(t,100),20,22)", 700), extra=("-c:a", "pcm_s16le"))

    def serve(self, name, *options):
        """An engine for speech."""
        (self.dir / name).mkdir()
        (self.dir / name / "script").write_text(json.dumps([[[0.3, 1, "One."]]]))
        s = test_speech.Server(self.dir / name, "--script", self.dir / name / "script", *options)
        self.addCleanup(s.stop)
        return s

    def analyze(self, head, speech, *more):
        return head.start("analyze", self.video, "--chunk-duration", 300, "--chunk-frames", 2, "--speech", speech.url,
                          "--speech-retries", 0, "--log-level", "info", *more)

    def helper(self, name, speech, *more):
        """A worker that is connected: a head waits some seconds for workers, and does texts itself where it hears of none."""
        m = test_worker.Machine(self, name)
        p = m.start("worker", "--fleet", self.nats.url, "--fleet-name", name, "--speech", speech, "--log-level", "info", *more)
        wait_until_connected(m)
        return m, p

    def sounds(self, requests):
        return sorted((r["sha256"], r["form"]) for r in requests)

    def texts_of(self, machine):
        """What the journal has of it, without how it was done."""
        with sqlite3.connect(machine.dir / "data" / "vdet" / "vdet.db") as store:
            rows = [store.execute(q).fetchall() for q in (
                "SELECT start_us, end_us, kind, track, text, box, spoken, conf FROM passage "
                "WHERE kind IN ('written', 'speech') ORDER BY 1, 3",
                "SELECT start_us, end_us, kind, track, text, reason FROM text_dropped ORDER BY 1, 3",
                "SELECT kind, track, format, lang, fault FROM text_source ORDER BY 1, 2",
                "SELECT track, idx, start_us, end_us, done, fault FROM speech_part ORDER BY 1, 2")]
        store.close()
        return rows

    def test_what_is_written_and_said(self):
        speech = self.serve("speech")
        alone = test_worker.Machine(self, "alone")
        alone.finish(self.analyze(alone, speech))
        expected, heard = self.texts_of(alone), speech.requests()
        self.assertEqual([len(r) for r in expected], [4 + 7, 0, 5, 2], expected)

        # One worker can do everything, one nothing of it; who has another engine gets nothing of it either.
        a, worker_a = self.helper("a", speech.url)
        b, _ = self.helper("b", "off", "--screen-text", "off")
        c, _ = self.helper("c", speech.url, "--speech-language", "de", "--ocr-languages", "eng+eng")
        head = test_worker.Machine(self, "head")
        head.finish(self.analyze(head, speech, "--fleet", self.nats.url))
        self.assertEqual(flow.same_result(self.report_of(head)), flow.same_result(self.report_of(alone)))
        self.assertEqual(self.texts_of(head), expected)
        self.assertIn("workers transcribed 2 parts of the sound", head.log())
        self.assertRegex(head.log(), r"4 passages.*[1-9]\d* of them by workers.* 0\.0 s of them reading here")
        self.assertEqual(len([line for line in a.log().splitlines() if " of the sound of " in line]), 2)
        self.assertIn("texts of ", a.log())
        for m in (b, c):
            self.assertNotRegex(m.log(), "of the sound of|texts of ")
        # The same sound was asked for, to the sample.
        self.assertEqual(self.sounds(speech.requests()[len(heard):]), self.sounds(heard))

        # Where no worker can do it, the head does.
        worker_a.send_signal(signal.SIGTERM)
        a.finish(worker_a)
        own = test_worker.Machine(self, "own")
        own.finish(self.analyze(own, speech, "--fleet", self.nats.url))
        self.assertEqual(self.texts_of(own), expected)
        self.assertIn("0 of them by workers", own.log())
        self.assertNotIn("workers transcribed", own.log())

    def test_a_worker_that_is_killed_leaves_them_to_the_head(self):
        self.env |= {"VDET_TEXT_SCREEN": "off", "VDET_FLEET_ACK_WAIT": "5"}  # it may have chunks, too
        speech = self.serve("speech", "--fault", "hold@1")
        a, worker_a = self.helper("a", speech.url)
        head = test_worker.Machine(self, "head")
        analysis = self.analyze(head, speech, "--fleet", self.nats.url)
        speech.get("/await?n=1")
        worker_a.kill()
        worker_a.wait()
        speech.get("/release")
        self.worker("b")  # for the chunks
        head.finish(analysis)
        self.assertEqual([len(r) for r in self.texts_of(head)], [7, 0, 3, 2])
        self.assertIn("a part of the sound is transcribed here: no worker is there", head.log())


class Index(test_worker.Fleet):
    def test_close_looks(self):
        """Workers decode ranges for the index of the head, and what comes of it is the same."""
        self.env |= {"VDET_SAMPLE_POLICY": "adaptive", "VDET_INDEX_EFFORT": "1", "VDET_INDEX_WORKERS": "1",
                     "VDET_UI_LOG_LEVEL": "info"}
        self.video = flow.make_video(self.dir / "a.mp4", 400, size="160x90")
        alone = test_worker.Machine(self, "alone")
        alone.finish(alone.start("analyze", self.video, "--chunk-duration", 100))
        a, _ = self.worker("a")
        wait_until_connected(a)
        head = test_worker.Machine(self, "head")
        head.finish(head.start("analyze", self.video, "--chunk-duration", 100, "--fleet", self.nats.url))
        self.assertEqual(flow.same_result(self.report_of(head)), flow.same_result(self.report_of(alone)))
        # How many a worker finishes before the head needs them depends on the machine.
        self.assertRegex(head.log(), r"workers decoded \d+ of the [1-9]\d* ranges that they were given")
        self.assertNotIn("a range is decoded here:", head.log())


if __name__ == "__main__":
    flow.main()
