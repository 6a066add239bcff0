#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`vdet clip`: clips that are exact to the frame. Each is decoded by ffmpeg and compared frame by frame with the video."""

import array
import json
import os
import signal
import subprocess

import flow

SIZE = (32, 18)  # of the small pictures that encoded frames are compared by
PICTURES = ("-f", "lavfi", "-i", "testsrc2=s=320x180:r=25:d=8")
SOUND = ("-f", "lavfi", "-i", "sine=d=8")
X264 = ("-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p")


def ffmpeg(*args):
    return subprocess.run(["ffmpeg", "-v", "error", "-y", *map(str, args)], check=True, stdin=subprocess.DEVNULL,
                          capture_output=True).stdout


def can_encode(encoder):
    r = subprocess.run(["ffmpeg", "-v", "error", "-encoders"], capture_output=True, text=True, check=True)
    return encoder in (line.split()[1] for line in r.stdout.splitlines() if len(line.split()) > 1)


def frames(path):
    """Time, hash and a small gray picture of each frame."""
    text = ffmpeg("-i", path, "-map", "0:v:0", "-fps_mode", "passthrough", "-f", "framemd5", "-").decode()
    num, den = next(line for line in text.splitlines() if line.startswith("#tb 0")).split()[-1].split("/")
    rows = [line.replace(",", " ").split() for line in text.splitlines() if not line.startswith("#")]
    w, h = SIZE
    raw = ffmpeg("-noautorotate", "-i", path, "-map", "0:v:0", "-fps_mode", "passthrough", "-vf", f"scale={w}:{h},format=gray", "-f",
                 "rawvideo", "-")
    return [(int(r[2]) * int(num) / int(den), r[-1], raw[i * w * h:(i + 1) * w * h]) for i, r in enumerate(rows)]


def difference(a, b):
    return sum(abs(p - q) for p, q in zip(a, b)) / len(a)


def streams(path):
    r = subprocess.run(["ffprobe", "-v", "error", "-show_streams", "-of", "json", str(path)], capture_output=True, check=True)
    return {s["codec_type"]: s for s in json.loads(r.stdout)["streams"]}


def beep(path):
    """When the first loud sample of the sound comes, in seconds."""
    samples = array.array("h", ffmpeg("-i", path, "-map", "0:a:0", "-ac", "1", "-ar", "8000", "-af", "aresample=async=1:first_pts=0", "-f",
                                      "s16le", "-"))
    return next(i for i, s in enumerate(samples) if abs(s) > 2000) / 8000


class Clip(flow.Flow):
    def clip(self, video, start, end, *args, code=0, **kw):
        r = self.vdet("clip", video, "--from", start, "--to", end, "--output", "clip.mp4", "--overwrite", "--json", *args, code=code, **kw)
        return json.loads(r.stdout) if code == 0 else r.stderr

    def compare(self, video, start, end, offset=0.0):
        """Makes a clip, and compares all frames with those of the video. `offset`: the time of its first frame on the timeline."""
        made = self.clip(video, start, end)
        if self.all.get(video) is None:
            self.all[video] = frames(self.dir / video)
        source, got = self.all[video], frames(self.dir / "clip.mp4")
        zero = source[0][0] - offset
        want = [f for f in source if start - 1e-6 <= f[0] - zero < end - 1e-6]
        self.assertEqual(len(got), len(want), (video, start, end))
        self.assertEqual(made["frames"], len(want))
        self.assertAlmostEqual(made["from"], want[0][0] - zero, delta=1e-3)
        exact = 0
        for i, (g, w) in enumerate(zip(got, want)):
            self.assertAlmostEqual(g[0], w[0] - want[0][0], delta=1.5e-3, msg=(video, start, end, i))
            exact += g[1] == w[1]
            if g[1] != w[1]:
                self.assertLess(difference(g[2], w[2]), 2.5, (video, start, end, i))
        self.assertGreaterEqual(exact, len(want) - made["encoded"], (video, start, end))
        self.assertEqual(made["copied"], made["encoded"] == 0)
        return made

    def setUp(self):
        super().setUp()
        self.all = {}

    def make(self, name, *args):
        ffmpeg(*args, self.dir / name)
        return name

    def test_h264(self):
        name = self.make("v.mp4", *PICTURES, *SOUND, *X264, "-g", "50", "-bf", "3", "-c:a", "aac")
        made = self.compare(name, 2, 6)
        self.assertEqual((made["copied"], made["sound"], made["codec"], made["lost"]), (True, "copied", "h264", []))
        # The sound is copied by the packet, too.
        self.assertAlmostEqual(float(streams(self.dir / "clip.mp4")["audio"]["duration"]), 4, delta=0.05)
        # Only the frames up to the next keyframe, and those that need a frame after the end.
        made = self.compare(name, 1.6, 5.5)
        self.assertFalse(made["copied"])
        self.assertLess(made["encoded"], 10 + 4)
        self.assertGreaterEqual(made["encoded"], 10)
        self.assertEqual(streams(self.dir / "clip.mp4")["video"]["codec_tag_string"], "avc3")
        # No keyframe in it, one frame, and everything.
        self.assertEqual(self.compare(name, 2.1, 3.3)["encoded"], 30)
        self.assertEqual(self.compare(name, 3.0, 3.01)["frames"], 1)
        self.assertTrue(self.compare(name, 0, 8)["copied"])
        data = (self.dir / "clip.mp4").read_bytes()
        self.assertLess(data.find(b"moov"), data.find(b"mdat"), "the header is not in front")
        # The same clip is the same file.
        self.clip(name, 0, 8)
        self.assertEqual((self.dir / "clip.mp4").read_bytes(), data)

    def test_every_end(self):
        """Ranges that end at each frame of a group with references in both directions."""
        name = self.make("v.mkv", *PICTURES, *X264, "-g", "25", "-bf", "4", "-x264-params", "b-pyramid=normal:ref=4:open-gop=1")
        for n in range(26, 52, 2):
            self.compare(name, 0.4, n / 25)
        for n in range(1, 26, 5):
            self.compare(name, n / 25, 3)

    def test_containers(self):
        for name, offset, copied, *args in (
                ("v.ts", None, False, *PICTURES, *SOUND, *X264, "-g", "40", "-bf", "2", "-c:a", "aac"),
                ("v.flv", None, False, *PICTURES, *SOUND, *X264, "-g", "40", "-bf", "2", "-c:a", "aac"),
                ("v.mov", 0.0, True, *PICTURES, *SOUND, *X264, "-g", "40", "-bf", "0", "-c:a", "pcm_s16le"),
                ("v.avi", 0.0, True, *PICTURES, *SOUND, "-c:v", "mjpeg", "-pix_fmt", "yuvj420p", "-c:a", "pcm_alaw"),
                ("p.mov", 0.0, False, *PICTURES, "-c:v", "prores_ks"),
                ("r.h264", 0.0, False, *PICTURES, *X264, "-bf", "0")):
            self.make(name, *args)
            if offset is None:  # the timeline begins with the sound
                found = self.clip(name, 0, 8)["from"]
                offset = found
            made = self.compare(name, 1.6 + offset, 4.0 + offset, offset)
            self.assertEqual(made["copied"], copied or name == "v.avi" or made["encoded"] == 0, name)
            self.compare(name, 2.28 + offset, 5.8 + offset, offset)
        self.assertEqual(self.clip("p.mov", 1, 2)["lost"], ["depth"])
        self.assertEqual(self.clip("v.avi", 1, 2)["sound"], "encoded")

    def test_codecs(self):
        for encoder, name, *args in (
                ("libx265", "v.mp4", "-x265-params", "keyint=40:min-keyint=40:log-level=none", "-tag:v", "hvc1"),
                ("libvpx-vp9", "v.webm", "-g", "40", "-deadline", "realtime", "-cpu-used", "8"),
                ("libaom-av1", "a.mkv", "-g", "40", "-cpu-used", "8", "-usage", "realtime"),
                ("mpeg4", "m.mp4", "-g", "40"),
                ("libvpx", "w.webm", "-g", "40", "-deadline", "realtime", "-cpu-used", "8")):
            if not can_encode(encoder):
                continue
            self.make(name, *PICTURES, "-c:v", encoder, *args)
            made = self.compare(name, 0, 8)
            self.assertEqual(made["copied"], encoder != "libvpx", encoder)  # VP8 cannot be in MP4
            self.assertEqual(made["codec"] == "h264", encoder == "libvpx", encoder)
            self.assertEqual(self.compare(name, 2.0, 3.3)["codec"], "h264", encoder)

    def test_variable_rate_and_odd_shapes(self):
        name = self.make("r.mp4", *PICTURES, "-vf", "select='lt(mod(n,9),2)+not(mod(n*n,7))'", "-fps_mode", "vfr", *X264, "-g", "10")
        self.compare(name, 0.5, 6.5)
        self.compare(name, 2.1, 3.9)
        if can_encode("libvpx-vp9"):
            name = self.make("o.webm", "-f", "lavfi", "-i", "testsrc2=s=180x130:r=25:d=4,scale=161:121", "-c:v",
                             "libvpx-vp9", "-g", "25", "-cpu-used", "8", "-deadline", "realtime")
            self.assertEqual(self.compare(name, 0.5, 1.9)["lost"], ["size"])
            self.assertTrue(self.compare(name, 1, 4)["copied"])
            self.assertEqual(streams(self.dir / "clip.mp4")["video"]["width"], 161)
        name = self.make("i.mp4", *PICTURES, *X264, "-g", "50", "-flags", "+ilme+ildct", "-x264-params", "tff=1")
        self.assertEqual(self.clip(name, 0.5, 1.5)["lost"], ["interlaced"])
        # A range whose first frame is a keyframe is copied, with what the container says of it.
        self.make("u.mp4", *PICTURES, *X264, "-g", "25", "-bf", "0", "-vf", "setsar=4/3")
        self.make("rotated.mp4", "-i", self.dir / "u.mp4", "-c", "copy", "-metadata:s:v:0", "rotate=90")
        for start in (1, 1.2):
            self.compare("rotated.mp4", start, 3)
            video = streams(self.dir / "clip.mp4")["video"]
            self.assertEqual(video["sample_aspect_ratio"], "4:3")
            before = streams(self.dir / "rotated.mp4")["video"]
            self.assertEqual([s.get("rotation") for s in video.get("side_data_list", [])],
                             [s.get("rotation") for s in before.get("side_data_list", [])])

    def test_sound_stays_with_the_pictures(self):
        tone = ("-f", "lavfi", "-i", "aevalsrc='if(gt(t,5),sin(2*PI*440*t),0)':d=8")
        for name, *codec in (("a.mp4", "-c:a", "aac"), ("b.mkv", "-c:a", "libopus"), ("c.mov", "-c:a", "pcm_s16le", "-ar", "44100"),
                             ("d.mkv", "-c:a", "libvorbis"), ("e.ts", "-c:a", "aac")):
            self.make(name, *PICTURES, *tone, *X264, "-g", "25", "-bf", "0", *codec)
            begins = beep(self.dir / name)
            source = frames(self.dir / name)[0][0]
            for start, end in ((4, 6), (4.22, 7.1), (3, 8)):
                made = self.clip(name, start, end)
                zero = self.clip(name, 0, 8)["from"] if name == "e.ts" else 0
                self.clip(name, start, end)
                first = frames(self.dir / "clip.mp4")[0][0]
                want = begins - (made["from"] - zero + source)
                self.assertAlmostEqual(beep(self.dir / "clip.mp4") - first, want, delta=0.03, msg=(name, start))
                sound = streams(self.dir / "clip.mp4")["audio"]
                self.assertAlmostEqual(float(sound["duration"]), made["to"] - made["from"], delta=0.06, msg=(name, start))
        # No sound in this range.
        self.make("short.mp4", *PICTURES, "-f", "lavfi", "-i", "sine=d=2", *X264, "-c:a", "aac")
        self.assertEqual(self.clip("short.mp4", 4, 6)["sound"], "none")
        self.assertEqual(list(streams(self.dir / "clip.mp4")), ["video"])

    def test_a_clock_that_jumps(self):
        """Joined recordings: the clip goes over the place where their clock begins anew, or jumps."""
        for offset in ("0", "1000"):
            for part, filters in (("1", "null"), ("2", "negate")):
                self.make(f"{part}.ts", "-f", "lavfi", "-i", f"testsrc2=s=320x180:r=25:d=4,{filters}", "-f", "lavfi", "-i", "sine=d=4",
                          *X264, "-g", "25", "-bf", "2", "-c:a", "aac", "-output_ts_offset", offset if part == "2" else "0")
            (self.dir / "joined.ts").write_bytes((self.dir / "1.ts").read_bytes() + (self.dir / "2.ts").read_bytes())
            one, two = frames(self.dir / "1.ts"), frames(self.dir / "2.ts")
            zero = self.clip("joined.ts", 0, 2)["from"]
            for start, end in ((3, 6), (2.4, 4.6)):
                made = self.clip("joined.ts", start + zero, end + zero)
                got = frames(self.dir / "clip.mp4")
                want = (one + two)[round(start * 25):round(end * 25)]
                self.assertEqual(len(got), len(want))
                self.assertEqual(made["frames"], len(want))
                exact = 0
                for i, (g, w) in enumerate(zip(got, want)):
                    self.assertAlmostEqual(g[0], i / 25, delta=1e-3)
                    exact += g[1] == w[1]
                    self.assertLess(difference(g[2], w[2]), 2.5)
                self.assertGreaterEqual(exact, len(want) - made["encoded"])

    def test_damage(self):
        name = self.make("v.ts", *PICTURES, *SOUND, *X264, "-g", "50", "-bf", "2", "-c:a", "aac")
        data = bytearray((self.dir / name).read_bytes())
        for at in range(len(data) // 3, len(data) // 3 + 60000, 1500):
            data[at:at + 40] = bytes(40)
        (self.dir / "bad.ts").write_bytes(data)
        made = self.clip("bad.ts", 1.5, 6)
        self.assertGreater(made["concealed"] + made["frames"] - made["encoded"], 0)
        self.assertEqual(int(streams(self.dir / "clip.mp4")["video"]["nb_frames"]), made["frames"])
        self.assertGreater(made["frames"], 100)
        # Cut off in the middle: what is there is there.
        whole = self.make("w.mkv", *PICTURES, *X264, "-g", "25")
        (self.dir / "cut.mkv").write_bytes((self.dir / whole).read_bytes()[:200000])
        r = self.clip("cut.mkv", 1, 2)
        self.assertEqual(r["frames"], 25)

    def test_errors(self):
        name = self.make("v.mp4", *PICTURES, *X264, "-g", "50")
        (self.dir / "clip.mp4").write_text("mine")
        for code, word, *args in (
                (2, "the video ends at 00:00:08.000", name, "--from", "9", "--to", "10"),
                (2, "is empty", name, "--from", "4", "--to", "4"),
                (2, "is empty", name, "--from", "5", "--to", "4"),
                (2, "--from and --to", name),
                (2, "one video", "--from", "1", "--to", "2"),
                (2, "must end with .mp4", name, "--to", "2", "--output", "x.mkv"),
                (2, "exists already", name, "--to", "2", "--output", "clip.mp4"),
                (2, "the video itself", name, "--to", "2", "--output", name, "--overwrite"),
                (1, "no frame begins", name, "--from", "1.001", "--to", "1.02"),
                (1, "cannot write", name, "--to", "2", "--output", "no/clip.mp4"),
                (1, "nothing.mp4", "nothing.mp4", "--to", "2")):
            r = self.vdet("clip", *args, code=None)
            self.assertIn(word, r.stderr)
            self.assertEqual(r.returncode, code, r.stderr)
            self.assertEqual(r.stdout, "")
        self.assertEqual((self.dir / "clip.mp4").read_text(), "mine")
        self.assertEqual(sorted(p.name for p in self.dir.iterdir() if p.is_file()), ["clip.mp4", name])
        # By default the name has the times, in the current folder.
        (self.dir / "sub").mkdir()
        r = self.vdet("clip", self.dir / name, "--from", "2", "--to", "0:04", cwd=self.dir / "sub")
        self.assertEqual([p.name for p in (self.dir / "sub").iterdir()], ["v.00-00-02.000_00-00-04.000.mp4"])
        self.assertIn("50 frames: ", r.stdout)
        self.assertEqual(self.clip(name, 6, 100)["to"], 8)
        # An end after that of the video is the end of the video, in the name, too.
        self.vdet("clip", name, "--from", "6", "--to", "999999")
        self.assertTrue((self.dir / "v.00-00-06.000_00-00-08.000.mp4").is_file())
        r = self.vdet("clip", name, "--from", "6", "--to", "8", code=2)
        self.assertIn("v.00-00-06.000_00-00-08.000.mp4 exists already", r.stderr)

    def files(self):
        return sorted(str(p.relative_to(self.dir)) for p in self.dir.rglob("*.mp4*"))

    def test_a_full_disk(self):
        if "FULL_DISK_LIBRARY" not in os.environ:
            self.skipTest("the library that fills the disk is not here")
        name = self.make("v.mp4", *PICTURES, *X264)
        full = self.dir / "full"
        full.touch()
        env = {"LD_PRELOAD": os.environ["FULL_DISK_LIBRARY"], "FULL_DISK": str(full)}
        for args in ((), ("--overwrite",)):
            r = self.vdet("clip", name, "--from", "1", "--output", "clip.mp4", *args, code=1, env=env)
            self.assertIn("No space left", r.stderr)
            self.assertEqual(self.files(), [name])

    def test_a_kill_leaves_no_part(self):
        library = os.environ.get("KILL_AT_LIBRARY")
        if not library:
            self.skipTest("the library that kills is not here")
        name = self.make("v.mp4", *PICTURES, *SOUND, *X264, "-g", "50", "-c:a", "aac")
        self.clip(name, 1, 7)
        whole = (self.dir / "clip.mp4").read_bytes()
        for args in ((), ("--overwrite",)):
            steps = 0
            for n in range(1, 200):
                (self.dir / "clip.mp4").unlink(missing_ok=True)
                if args:
                    (self.dir / "clip.mp4").write_bytes(b"before")
                r = self.vdet("clip", name, "--from", "1", "--to", "7", "--output", "clip.mp4", *args, code=None,
                              env={"LD_PRELOAD": library, "KILL_AT": str(n)})
                if r.returncode == 0:
                    break
                self.assertEqual(r.returncode, -9, r.stderr)
                steps += 1
                left = (self.dir / "clip.mp4").read_bytes() if (self.dir / "clip.mp4").exists() else b"before" if args else b""
                self.assertIn(left, (b"before" if args else b"", whole), n)
            self.assertEqual((self.dir / "clip.mp4").read_bytes(), whole)
            self.assertGreater(steps, 1, "the killing library saw no writes")

    def test_an_interrupt_leaves_nothing(self):
        name = self.make("v.mp4", "-f", "lavfi", "-i", "testsrc2=s=1280x720:r=25:d=20", *X264, "-preset", "ultrafast", "-g", "1000")
        p = self.start("clip", name, "--from", "0.1", "--output", "clip.mp4", "--progress", "json")
        for line in p.stdout:
            if "clip" in line and "%" in line:
                break
        p.send_signal(signal.SIGINT)
        p.communicate(timeout=flow.TIMEOUT)
        self.assertEqual(p.returncode, 130)
        self.assertEqual(self.files(), [name])

    def test_real_files(self):
        self.needs_media()
        made = self.clip(flow.MEDIA / "hdr10_pq_hevc.mp4", 0.5, 1)
        self.assertEqual((made["lost"], made["codec"]), (["hdr", "depth"], "h264"))
        made = self.clip(flow.MEDIA / "hdr10_pq_hevc.mp4", 0, 100)
        self.assertEqual((made["codec"], made["lost"]), ("hevc", []))
        self.assertEqual(streams(self.dir / "clip.mp4")["video"]["color_transfer"], "smpte2084")
        made = self.clip(flow.MEDIA / "ts_packetloss.ts", 1, 2.7)
        self.assertEqual((made["sound"], made["concealed"] > 0), ("encoded", True))
        for name, word in (("audio_jfk.flac", "only audio"), ("truncated_nomoov.mp4", "index (moov) is missing")):
            self.assertIn(word, self.clip(flow.MEDIA / name, 0, 1, code=1))
        self.assertEqual(self.files(), ["clip.mp4"])


if __name__ == "__main__":
    flow.main()
