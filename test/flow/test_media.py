#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every file of the shared media, good or broken, ends in a report or in one clear line; in bounded time."""

import flow

# What is not listed here is good: exit 0, every chunk done.
# name: (exit codes that are right, words of the one line)
BROKEN = {
    "zero_length.mp4": ((1,), "is empty"),
    "text_as_video.mp4": ((1,), "check that it is a video"),
    "truncated_nomoov.mp4": ((1,), "moov"),
    "corrupt_userdata_231s.mp4": ((1,), ""),
    "corrupt_vp9_bitstream.webm": ((0, 1, 3), ""),
    "unsupported_vvc.mp4": ((1,), "vvc"),
    "audio_jfk.flac": ((1,), "no video"),
    "audio_frag_bbb.mp4": ((1,), "no video"),
    "audio_with_cover.m4a": ((1,), "cover"),
    "corrupt_decord.mp4": ((0, 1, 3), ""),
    "corrupt_invalid_nalu.mp4": ((0, 3), ""),
    "bitflips.mp4": ((0, 3), ""),
    "truncated_faststart.mp4": ((0, 3), ""),
    "ts_packetloss.ts": ((0, 3), ""),
}
SUFFIXES = {".mp4", ".mkv", ".webm", ".ts", ".flac", ".m4a", ".avi", ".jpg"}


class Media(flow.Flow):
    def test_each_file(self):
        self.needs_media()
        engine = self.engine()
        broken = {name: v for name, v in BROKEN.items() if v[1] != "vvc" or not flow.can_decode("vvc")}
        files = sorted(p for p in flow.MEDIA.iterdir() if p.suffix in SUFFIXES)
        self.assertGreater(len(files), 50)
        for path in files:
            with self.subTest(path.name):
                codes, words = broken.get(path.name, ((0,), ""))
                # The last argument as a person types it; a leading dash needs the folder in front.
                r = self.vdet("analyze", "--engine", engine.url, "--chunk-duration", "20", "--chunk-frames", "4",
                              "--format", "json", "--output", f"out/{path.name}", path, code=None)
                self.assertIn(r.returncode, codes, r.stderr)
                errors = [line for line in r.stderr.splitlines() if "error:" in line]
                if r.returncode == 1:
                    self.assertEqual(len(errors), 1, r.stderr)
                    self.assertIn(path.name, errors[0])
                    self.assertIn(words.lower(), errors[0].lower())
                    self.assertGreater(len(errors[0]), len(path.name) + 30, "a line that does not say much")


    def test_salvage(self):
        """A recording that was cut off before its index was written, and a good one of the same camera."""
        self.needs_media()
        cut, good = flow.MEDIA / "truncated_nomoov.mp4", flow.MEDIA / "normal_h264_bbb480p.mp4"
        args = ("--engine", self.engine().url, "--chunk-duration", "20", "--chunk-frames", "4", "--format", "json,md")
        self.assertIn("--media-reference", self.vdet("analyze", *args, cut, code=1).stderr)
        self.vdet("analyze", *args, "--media-reference", good, cut)
        report = self.report("truncated_nomoov")
        self.assertIn("pictures were found", report["source"]["warning"])
        self.assertEqual({s["rung"] for c in report["chunks"] for s in c["samples"]}, {"salvage"})
        made = (self.dir / "truncated_nomoov.vdet/report.md").read_text().split("## How this was made")[1]
        self.assertRegex(made, r"Pictures \| \d+ salvaged from a damaged file \|")
        self.vdet("preview", "proxy", "--media-reference", good, cut, "--output", "p.mp4")
        self.assertGreater((self.dir / "p.mp4").stat().st_size, 100000)
        for bad, word in ((flow.MEDIA / "vp8_rabbit.webm", "only H.264"), ("no such.mp4", "no such.mp4")):
            r = self.vdet("analyze", *args, "--media-reference", bad, cut, code=1)
            self.assertIn(word, r.stderr)


if __name__ == "__main__":
    flow.main()
