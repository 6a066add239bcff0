#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Posters, storyboards, proxies and sound of real videos."""

import json
import re
import subprocess
import urllib.parse
import wave

import flow


def size_of(path):
    """Width and height of a JPEG."""
    data = path.read_bytes()
    at = 2
    while data[at + 1] not in (0xC0, 0xC1, 0xC2):
        at += 2 + int.from_bytes(data[at + 2:at + 4], "big")
    return int.from_bytes(data[at + 7:at + 9], "big"), int.from_bytes(data[at + 5:at + 7], "big")


class Preview(flow.Flow):
    def test_poster(self):
        self.needs_media()
        self.vdet("preview", "poster", flow.MEDIA / "cctv_car.mp4", "--size", "320", "--output", "p.jpg")
        self.assertEqual(size_of(self.dir / "p.jpg"), (320, 180))
        self.vdet("preview", "poster", flow.MEDIA / "phone_rot90_portrait.mp4")
        self.assertEqual(size_of(self.dir / "phone_rot90_portrait.poster.jpg"), (720, 1280))
        # It begins black; the picture chosen is not.
        self.vdet("preview", "poster", flow.MEDIA / "normal_h264_bbb480p.mp4", "--output", "chosen.jpg")
        self.vdet("preview", "poster", flow.MEDIA / "normal_h264_bbb480p.mp4", "--at", "0.1", "--output", "black.jpg")
        self.assertGreater((self.dir / "chosen.jpg").stat().st_size, 4 * (self.dir / "black.jpg").stat().st_size)

    def test_storyboard(self):
        self.needs_media()
        (self.dir / "a b").mkdir()
        for name, pictures in (("cctv_person.mp4", 140), ("long_1080p_black_363s.mp4", 363), ("av1_testsrc.mkv", 5)):
            with self.subTest(name):
                self.vdet("preview", "storyboard", flow.MEDIA / name, "--output", f"a b/x {name}.vtt")
                vtt = (self.dir / "a b" / f"x {name}.vtt").read_text()
                cues = re.findall(r"(\S+) --> (\S+)\n(\S+\.jpg)#xywh=(\d+),(\d+),(\d+),(\d+)\n", vtt)
                self.assertEqual(len(cues), pictures)
                self.assertEqual(cues[0][0], "00:00:00.000")
                for cue, after in zip(cues, cues[1:]):
                    self.assertEqual(cue[1], after[0])
                for _, _, where, x, y, w, h in cues:
                    width, height = size_of(self.dir / "a b" / urllib.parse.unquote(where))
                    self.assertLessEqual(int(x) + int(w), width)
                    self.assertLessEqual(int(y) + int(h), height)

    def probe(self, name):
        """What ffprobe says of a file's first streams: {codec type: {field: text}}."""
        command = ["ffprobe", "-v", "error", "-show_streams", "-of", "json", str(self.dir / name)]
        streams = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)["streams"]
        return {s["codec_type"]: s for s in streams}

    def test_proxy(self):
        video = flow.make_video(self.dir / "v.mp4", 5, "1280x720", 50, extra=("-f", "lavfi", "-i", "sine=d=5", "-c:a", "aac"))
        self.vdet("preview", "proxy", video, "--size", "240")
        streams = self.probe("v.proxy.mp4")
        self.assertEqual((streams["video"]["width"] // 4, streams["video"]["height"]), (107, 240))
        self.assertEqual(streams["audio"]["codec_name"], "aac")
        self.assertEqual(streams["video"]["nb_frames"], "125")  # half of 50 a second
        self.assertAlmostEqual(float(streams["video"]["duration"]), 5, delta=0.1)
        self.assertAlmostEqual(float(streams["audio"]["duration"]), 5, delta=0.1)
        data = (self.dir / "v.proxy.mp4").read_bytes()
        self.assertLess(data.find(b"moov"), data.find(b"mdat"), "the header is not in front")
        keys = subprocess.run(["ffprobe", "-v", "error", "-select_streams", "v", "-show_entries", "packet=pts_time,flags",
                               "-of", "csv=p=0", str(self.dir / "v.proxy.mp4")], capture_output=True, text=True, check=True)
        self.assertEqual([line.split(",")[0] for line in keys.stdout.splitlines() if ",K" in line],
                         ["0.000000", "2.000000", "4.000000"])

    def test_proxies_of_odd_videos(self):
        self.needs_media()
        for name, size in (("phone_vfr_rot90_hlg_hevc.mp4", (480, 854)), ("vp9_odd_dimensions.webm", (162, 122)),
                           ("interlaced_480i30_tff.ts", (640, 480)), ("first_pts_10s.mp4", (852, 480))):
            with self.subTest(name):
                self.vdet("preview", "proxy", flow.MEDIA / name, "--output", "p.mp4")
                video = self.probe("p.mp4")["video"]
                self.assertAlmostEqual(video["width"], size[0], delta=2)
                self.assertAlmostEqual(video["height"], size[1], delta=2)
                self.assertEqual(video["color_range"], "tv")

    def test_sound(self):
        self.needs_media()
        for name, seconds in (("audio_jfk.flac", 11), ("cctv_car.mp4", 30.16), ("edit_list_shift.mp4", 10)):
            with self.subTest(name):
                self.vdet("preview", "sound", flow.MEDIA / name, "--output", "s.wav")
                with wave.open(str(self.dir / "s.wav")) as w:
                    self.assertEqual((w.getnchannels(), w.getsampwidth(), w.getframerate()), (1, 2, 16000))
                    self.assertAlmostEqual(w.getnframes() / 16000, seconds, delta=0.15)
        self.assertIn("no sound", self.vdet("preview", "sound", flow.MEDIA / "dog_eating.mp4", code=1).stderr)

    def test_bad_input(self):
        self.needs_media()
        for code, word, *args in ((1, "only audio", "poster", flow.MEDIA / "audio_jfk.flac"),
                                  (1, "is empty", "storyboard", flow.MEDIA / "zero_length.mp4"),
                                  (1, "no such.mp4", "poster", "no such.mp4"),
                                  (2, "statue", "statue", flow.MEDIA / "cctv_car.mp4"),
                                  (2, "one video are required", "poster")):
            self.assertIn(word, self.vdet("preview", *args, code=code).stderr)
        video = flow.make_video(self.dir / "v.mp4", 2)
        self.assertIn("cannot write", self.vdet("preview", "proxy", video, "--output", "no/p.mp4", code=1).stderr)
        self.assertEqual([p.name for p in self.dir.iterdir() if p.is_file()], ["v.mp4"])

    def test_samples_at_keyframes(self):
        video = flow.make_video(self.dir / "v.mp4", 40, rate=5)  # a keyframe every 4 s
        args = ("analyze", "--engine", self.engine().url, "--chunk-duration", "20", "--chunk-frames", "4", "--format", "json")
        self.vdet(*args, "--sample-seek", "keyframe", video)
        samples = [s for c in self.report("v")["chunks"] for s in c["samples"]]
        self.assertEqual({s["rung"] for s in samples}, {"keyframe"})
        for s in samples:
            self.assertEqual(s["pts"] % 4, 0)
            self.assertLessEqual(abs(s["pts"] - s["time"]), 2)
        self.vdet(*args, "--fresh", video)
        self.assertEqual({s["rung"] for c in self.report("v")["chunks"] for s in c["samples"]}, {"software"})


if __name__ == "__main__":
    flow.main()
