#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Files as recorders and cameras really write them: each frame carries its own number in its pixels, so that what the
model was shown is compared with when it was filmed."""
import base64
import json
import shutil
import struct
import subprocess
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import field_coded
import flow

BITS, CELL = 12, 20
X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "20")


class Watcher(BaseHTTPRequestHandler):
    """An engine that keeps the pictures it is shown."""
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def answer(self, value):
        data = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self):
        if self.path == "/v1/models":
            return self.answer({"object": "list", "data": [{"id": "fake", "object": "model"}]})
        self.send_error(404)

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        parts = [p for m in body["messages"] if isinstance(m["content"], list) for p in m["content"]]
        pictures = [base64.b64decode(p["image_url"]["url"].partition(",")[2]) for p in parts if p["type"] == "image_url"]
        self.server.pictures += pictures
        text = "A summary." if not pictures else json.dumps({"summary": "pictures", "events": [
            {"subject": "thing", "what": "is there", "frames": [1]}]})
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for line in (json.dumps({"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": None}]}),
                     json.dumps({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}), "[DONE]"):
            data = f"data: {line}\n\n".encode()
            self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.write(b"0\r\n\r\n")


def numbers(pictures):
    raw = subprocess.run(["ffmpeg", "-v", "error", "-f", "mjpeg", "-i", "-", "-vsync", "passthrough", "-vf",
                          f"scale={BITS}:1:flags=area", "-f", "rawvideo", "-pix_fmt", "gray", "-"],
                         input=b"".join(pictures), capture_output=True, check=True).stdout
    return [sum((b > 127) << k for k, b in enumerate(raw[i:i + BITS])) for i in range(0, len(raw), BITS)]


class Sources(flow.Flow):
    def ffmpeg(self, *args):
        subprocess.run(["ffmpeg", "-v", "error", "-y", *map(str, args)], check=True, stdin=subprocess.DEVNULL,
                       cwd=self.dir)

    def film(self, name, seconds, *args, first=0, rate=10, codec=X264):
        """Frames with the numbers from `first` on."""
        code = f"mod(floor((N+{first})/pow(2\\,floor(X/{CELL})))\\,2)"
        self.ffmpeg("-f", "lavfi", "-i", f"color=c=gray:s={BITS * CELL}x64:r={rate}:d={seconds},format=yuv420p,"
                    f"geq=lum='if({code}\\,235\\,16)':cb=128:cr=128", *codec, *args, name)
        return self.dir / name

    def join(self, name, *parts):
        data = b"".join((self.dir / p).read_bytes() for p in parts)
        (self.dir / name).write_bytes(data)

    def watch(self, name, *options, code=0, frames=24):
        """The report, and the sampled (time, number) pairs."""
        server = ThreadingHTTPServer(("127.0.0.1", 0), Watcher)
        server.pictures = []
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(lambda: (server.shutdown(), server.server_close()))
        shutil.rmtree(self.dir / "out", True)
        r = self.vdet("analyze", name, "--engine", f"http://127.0.0.1:{server.server_address[1]}/v1", "--fresh",
                      "--chunk-duration", "86400", "--chunk-frames", frames, "--workers", 1, "--format", "json",
                      "--output", "out", *options, code=code)
        self.stderr = r.stderr
        if code:
            return None, []
        report = json.loads((self.dir / "out" / "report.json").read_text())
        shown = [s for c in report["chunks"] for s in c["samples"] if not s.get("fault") and not s.get("repeated")]
        found = numbers(server.pictures)
        self.assertEqual(len(shown), len(found))
        return report, list(zip([s["pts"] for s in shown], found))

    def durations(self, name, *options):
        """As index, plan and analyze have it: one."""
        index = json.loads(self.vdet("index", "--json", name, *options).stdout)["duration"]
        plan = json.loads(self.vdet("plan", name, *options).stdout)["duration"]
        report, _ = self.watch(name, *options, frames=4)
        self.assertEqual({index, plan}, {report["source"]["duration"]})
        return index

    def assertTimes(self, pairs, rate=10, first=0):
        """Each frame has the time at which it was filmed."""
        wrong = [(t, n) for t, n in pairs if abs(t - (n - first) / rate) > 0.003]
        self.assertEqual(wrong, [])

    # ---- the clock ----

    def test_clock_forward(self):
        ts = ("-bf", "0", "-muxdelay", "0")
        self.film("1.ts", 6, *ts)
        self.film("2.ts", 6, "-output_ts_offset", "20000", *ts, first=60)
        self.join("jump.ts", "1.ts", "2.ts")
        self.film("jump.mkv", 12, "-vf", "setpts='if(lt(N,5),PTS,PTS+1000000/TB)'", "-vsync", "passthrough", "-bf", "0")
        for name in ("jump.ts", "jump.mkv"):
            with self.subTest(name):
                report, pairs = self.watch(name)
                self.assertTimes(pairs)
                self.assertAlmostEqual(report["source"]["duration"], 12, delta=0.05)
                self.assertIn("timestamps jump forward", report["source"]["warning"])
                self.assertIn("--gaps keep", report["source"]["warning"])
                gap, = report["source"]["gaps"]
                self.assertEqual((gap["kind"], gap["closed"]), ("undecided", True))
                self.assertGreater(gap["to"] - gap["from"], 19000)
                self.assertAlmostEqual(self.durations(name), 12, delta=0.05)
        plan = json.loads(self.vdet("plan", "jump.ts", "--gaps", "keep").stdout)
        self.assertAlmostEqual(plan["duration"], 20006, delta=1)

    def test_clock_back(self):
        """Recordings joined byte by byte, also a short one first, or with B-frames, and an FLV whose clock restarts."""
        ts = ("-bf", "0", "-muxdelay", "0")
        self.film("1.ts", 2, *ts)
        self.film("2.ts", 20, *ts, first=20)
        self.join("short.ts", "1.ts", "2.ts")
        self.film("1.flv", 6, "-bf", "0")
        self.film("2.flv", 6, "-bf", "0", first=60)
        second = (self.dir / "2.flv").read_bytes()
        at = 13  # behind the header and the tag of metadata: its tags follow those of the first
        while second[at] != 9:
            at += 15 + int.from_bytes(second[at + 1:at + 4], "big")
        (self.dir / "restart.flv").write_bytes((self.dir / "1.flv").read_bytes() + second[at:])
        self.film("1.mkv", 6, "-bf", "2")
        self.film("2.mkv", 6, "-bf", "2", first=60)
        self.join("reordered.mkv", "1.mkv", "2.mkv")
        for name, length in (("short.ts", 22), ("restart.flv", 12), ("reordered.mkv", 12)):
            with self.subTest(name):
                report, pairs = self.watch(name)
                self.assertTimes(pairs)
                self.assertGreater(len({n for _, n in pairs}), 20)
                self.assertIn("2 recordings", report["source"]["warning"])
                self.assertAlmostEqual(self.durations(name), length, delta=0.15)

    def test_shown_long(self):
        """Slides and a screen that does not change: no jump, whatever the container."""
        for name in ("slides.mp4", "slides.mkv", "slides.ts"):
            with self.subTest(name):
                self.film(name, 600, "-bf", "0", rate="1/60")
                self.assertAlmostEqual(self.durations(name), 600, delta=0.1)
                # So few frames are all decoded for the index.
                self.assertIn("looked at  closely 10:00 (100 %)", self.vdet("index", name).stdout)
        self.film("still.mkv", 60, "-vf", "select='lt(n,20)+eq(n,200)+eq(n,201)+gt(n,590)'", "-vsync", "vfr", "-bf", "0")
        self.assertAlmostEqual(self.durations("still.mkv"), 60, delta=0.2)
        self.film("last.mkv", 400, "-vf", "select='lt(n,12)'", "-vsync", "vfr", "-bf", "0", rate=1)
        self.ffmpeg("-i", "last.mkv", "-f", "lavfi", "-i", "sine=d=300:r=8000", "-c:v", "copy", "-c:a", "aac", "last.mp4")
        report, pairs = self.watch("last.mp4")
        length = float(subprocess.run(["ffprobe", "-v", "error", "-select_streams", "v", "-show_entries",
                                       "stream=duration", "-of", "csv=p=0", "last.mp4"], cwd=self.dir, text=True,
                                      capture_output=True, check=True).stdout)
        self.assertAlmostEqual(report["source"]["duration"], length, delta=0.1)
        faults = {s["fault"] for c in report["chunks"] for s in c["samples"] if s.get("fault")}
        self.assertTrue(all("same frame" in f for f in faults), faults)

    def test_no_pictures(self):
        """Sound goes on while there are no pictures: the time stays, is listed, and nothing is sampled in it."""
        self.film("v.mkv", 10, "-vf", "setpts='if(lt(N,50),PTS,PTS+120/TB)'", "-vsync", "passthrough", "-bf", "0")
        self.ffmpeg("-i", "v.mkv", "-f", "lavfi", "-i", "sine=d=130", "-map", "0:v", "-map", "1:a", "-c:v", "copy",
                    "-c:a", "mp2", "gap.ts")
        for policy in ("even", "adaptive"):
            with self.subTest(policy):
                report, pairs = self.watch("gap.ts", "--chunk-duration", "20", "--sample-policy", policy, frames=6)
                gap, = report["source"]["gaps"]
                self.assertEqual((gap["kind"], gap["closed"]), ("no-pictures", False))
                self.assertIn("no pictures in the 00:02:00", report["source"]["warning"])
                self.assertAlmostEqual(report["source"]["duration"], 130, delta=0.2)
                times = [s["time"] for c in report["chunks"] for s in c["samples"]]
                self.assertEqual([t for t in times if 5.2 < t < 124.9], [])
                self.assertEqual({n // 50 for _, n in pairs}, {0, 1})
                self.assertLess(len(report["chunks"]), 5)
        report, pairs = self.watch("gap.ts", "--gaps", "close")
        self.assertAlmostEqual(report["source"]["duration"], 10, delta=0.2)
        self.assertEqual({n // 50 for _, n in pairs}, {0, 1})
        # Sound that jumps along: an error of the clock.
        for part, offset in (("1.ts", 0), ("2.ts", 5000)):
            self.ffmpeg("-f", "lavfi", "-i", "testsrc2=s=160x90:r=10:d=6", "-f", "lavfi", "-i", "sine=d=6", *X264,
                        "-bf", "0", "-c:a", "mp2", "-muxdelay", "0", "-output_ts_offset", offset, part)
        self.join("both.ts", "1.ts", "2.ts")
        report, _ = self.watch("both.ts", frames=4)
        self.assertEqual([g["kind"] for g in report["source"]["gaps"]], ["clock-forward"])
        self.assertAlmostEqual(report["source"]["duration"], 12, delta=0.3)

    # ---- durations and times ----

    def test_last_frame(self):
        """B frames in MPEG-TS: the last frame counts."""
        self.film("b.ts", 8, "-bf", "3")
        self.assertAlmostEqual(self.durations("b.ts"), 8, delta=0.02)

    def test_no_times(self):
        """Containers and bare streams without presentation times: frame n is at n / rate, the last one too."""
        self.film("b.avi", 8, "-bf", "3")
        self.film("b.m2v", 8, "-f", "mpeg2video", rate=25, codec=("-c:v", "mpeg2video", "-bf", "2", "-g", "15", "-q:v", "3"))
        self.film("b.m4v", 8, "-f", "m4v", rate=25, codec=("-c:v", "mpeg4", "-bf", "2", "-g", "15", "-q:v", "3"))
        for name, rate in (("b.avi", 10), ("b.m2v", 25), ("b.m4v", 25)):
            with self.subTest(name):
                report, pairs = self.watch(name, frames=40)
                self.assertTimes(pairs, rate)
                self.assertGreaterEqual(max(n for _, n in pairs), 8 * rate - rate // 4)
                self.assertAlmostEqual(self.durations(name), 8, delta=0.01)
                self.assertNotIn("frame rate", report["source"]["warning"] or "")

    def test_sparse_times(self):
        """A program stream states a time for the first frame of each pack only."""
        for name, b_frames in (("s.vob", "0"), ("b.vob", "2")):
            with self.subTest(name):
                self.film(name, 6, "-bf", b_frames, "-f", "vob", rate=25)
                times = subprocess.run(["ffprobe", "-v", "error", "-show_entries", "packet=pts", "-of", "csv=p=0", name],
                                       cwd=self.dir, text=True, capture_output=True, check=True).stdout.split()
                self.assertEqual(len(times), 150)
                self.assertGreater(times.count("N/A"), 100)
                report, pairs = self.watch(name, frames=30)
                self.assertTimes(pairs, 25)
                self.assertGreater(max(n for _, n in pairs), 143)
                self.assertAlmostEqual(self.durations(name), 6, delta=0.01)
                self.assertIsNone(report["source"]["warning"])

    def test_surveillance_recorder(self):
        """A .dav file: whole seconds in its header, and a duration of one millisecond for each frame."""
        for rate in (5, 10):
            with self.subTest(rate=rate):
                stream = self.film("c.h264", 6, "-bf", "0", "-bsf:v", "h264_metadata=aud=insert", rate=rate).read_bytes()
                frames = [b"\0\0\0\1\x09" + f for f in stream.split(b"\0\0\0\1\x09")[1:]]
                self.assertEqual(len(frames), 6 * rate)
                out = b""
                for i, frame in enumerate(frames):
                    stamp = (2026 - 2000) << 26 | 5 << 22 | 4 << 17 | 3 << 12 | 2 << 6 | i // rate
                    more = bytes((0x80, 0, BITS * CELL // 8, 64 // 8, 0x81, 0, 8, rate))
                    length = 24 + len(more) + len(frame) + 8
                    head = struct.pack("<4sBBBBIIIHBB", b"DHAV", 0xfc if i % 20 else 0xfd, 0, 0, 0, i, length, stamp,
                                       i * 1000 // rate, len(more), 0)
                    out += head + more + frame + struct.pack("<4sI", b"dhav", length)
                (self.dir / "c.dav").write_bytes(out)
                report, pairs = self.watch("c.dav")
                self.assertTimes(pairs, rate)
                self.assertAlmostEqual(self.durations("c.dav"), 6, delta=0.01)
                self.assertAlmostEqual(report["source"]["fps"], rate, delta=0.1)
                self.assertIsNone(report["source"]["warning"])

    def test_field_coded(self):
        """Each field is a picture of its own: in the files of cameras, in a clip of one group of pictures, and bare."""
        for group, base in ((20, "many"), (1000, "one")):
            (self.dir / f"{base}.h264").write_bytes(field_coded.stream(80, 25, group))
            for ending, form in ((".mts", "mpegts"), (".mp4", "mp4")):
                self.ffmpeg("-framerate", "25", "-i", f"{base}.h264", "-c", "copy", "-f", form, base + ending)
        self.ffmpeg("-ss", "1.2", "-i", "one.mp4", "-c", "copy", "clip.mp4")
        for name, first in (("many.h264", 0), ("many.mts", 0), ("many.mp4", 0), ("one.mts", 0), ("one.mp4", 0),
                            ("clip.mp4", 30)):
            with self.subTest(name):
                report, pairs = self.watch(name, frames=20)
                # A picture begins with either of its fields.
                wrong = [(t, n) for t, n in pairs if not -0.001 < t - (n - first) / 25 < 0.021]
                self.assertEqual(wrong, [])
                self.assertGreater(len(pairs), 15)
                self.assertAlmostEqual(self.durations(name), (80 - first) / 25, delta=0.021)
                self.assertIsNone(report["source"]["warning"])
                self.assertNotIn("damage", self.vdet("index", name).stdout)

    def test_guessed_rate(self):
        self.film("b.mjpeg", 4, "-f", "mjpeg", rate=5, codec=("-c:v", "mjpeg", "-q:v", "3"))
        report, _ = self.watch("b.mjpeg")
        self.assertIn("25 frames per second are assumed", report["source"]["warning"])
        self.assertIn("--frame-rate", report["source"]["warning"])
        report, pairs = self.watch("b.mjpeg", "--frame-rate", "5")
        self.assertIsNone(report["source"]["warning"])
        self.assertTimes(pairs, 5)
        self.assertAlmostEqual(self.durations("b.mjpeg", "--frame-rate", "5"), 4, delta=0.01)

    def test_begins_within_a_group(self):
        self.film("whole.ts", 10, "-bf", "2", "-muxdelay", "0")
        data = (self.dir / "whole.ts").read_bytes()
        (self.dir / "cut.ts").write_bytes(data[188 * (len(data) // 188 // 5):])
        report, pairs = self.watch("cut.ts")
        self.assertIn("begins inside a group of pictures", report["source"]["warning"])
        first = pairs[0][1] - round(pairs[0][0] * 10)
        self.assertEqual(first % 20, 0)  # a keyframe is at zero
        self.assertTimes(pairs, first=first)
        self.assertFalse([s for c in report["chunks"] for s in c["samples"] if s.get("fault")])
        self.durations("cut.ts")

    def test_late_video(self):
        """Sound long before the pictures: the demuxer guesses an absurd rate."""
        self.film("v.mkv", 5, "-bf", "2")
        self.ffmpeg("-itsoffset", "50", "-i", "v.mkv", "-f", "lavfi", "-i", "sine=d=55", "-map", "0:v", "-map", "1:a",
                    "-c:v", "copy", "-c:a", "mp2", "-b:a", "384k", "late.ts")
        report, _ = self.watch("late.ts", frames=4)
        self.assertAlmostEqual(report["source"]["fps"], 10, delta=0.5)
        # That time is listed, and nothing is sampled in it; nor is the sound at the end taken for video.
        self.ffmpeg("-itsoffset", "30", "-i", "v.mkv", "-f", "lavfi", "-i", "sine=d=60", "-map", "0:v", "-map", "1:a",
                    "-c:v", "copy", "-c:a", "aac", "late.mp4")
        for name, start in (("late.ts", 50), ("late.mp4", 30)):
            with self.subTest(name):
                report, pairs = self.watch(name, "--chunk-duration", "10", frames=5)
                gap, = report["source"]["gaps"]
                self.assertEqual((gap["kind"], gap["closed"]), ("no-pictures", False))
                self.assertAlmostEqual(gap["time"], start, delta=0.2)
                self.assertIn("no pictures in the first 00:00:", report["source"]["warning"])
                self.assertEqual([s["time"] for c in report["chunks"] for s in c["samples"] if s["time"] < start - 0.2], [])
                self.assertLess(len(report["chunks"]), 3)
                self.assertTimes([(t - gap["time"], n) for t, n in pairs])
        self.assertIn("the sound continues for 00:00:25", report["source"]["warning"])

    def test_odd_rotation(self):
        self.film("c.mp4", 2)
        data = bytearray((self.dir / "c.mp4").read_bytes())
        at = data.rindex(b"tkhd") + 4 + 40
        data[at:at + 8] = struct.pack(">ii", 46341, 46341)  # by 45 degrees
        data[at + 12:at + 20] = struct.pack(">ii", -46341, 46341)
        (self.dir / "c.mp4").write_bytes(data)
        report, _ = self.watch("c.mp4", frames=2)
        self.assertIn("not a multiple of 90 degrees", report["source"]["warning"])

    # ---- streams ----

    def test_streams(self):
        """A larger still picture, and two cameras: which one is watched, and that the other is named."""
        self.film("cam.mp4", 6, "-bf", "0")
        self.ffmpeg("-f", "lavfi", "-i", "color=c=red:s=1280x720:d=1", "-frames:v", "1", "-c:v", "mjpeg", "still.mov")
        for name in ("still.mp4", "still.mkv"):
            with self.subTest(name):
                self.ffmpeg("-i", "cam.mp4", "-i", "still.mov", "-map", "0", "-map", "1", "-c", "copy", name)
                report, pairs = self.watch(name)
                self.assertTimes(pairs)
                self.assertAlmostEqual(report["source"]["duration"], 6, delta=0.1)
                self.assertIn("1 (mjpeg 1280x720)", report["source"]["warning"])
        self.ffmpeg("-f", "lavfi", "-i", "testsrc2=s=240x64:r=10:d=6", "-i", "cam.mp4", "-map", "0", "-map", "1",
                    *X264, "-c:v:1", "copy", "-disposition:v:0", "0", "-disposition:v:1", "default", "two.mp4")
        report, pairs = self.watch("two.mp4")
        self.assertTimes(pairs)
        self.assertIn("choose with --stream", report["source"]["warning"])
        self.assertEqual([(s["index"], s["chosen"]) for s in report["source"]["streams"]], [(0, False), (1, True)])
        self.assertIn("stream 0   video h264 240x64\n", self.vdet("index", "two.mp4").stdout)
        report, other = self.watch("two.mp4", "--stream", "0")
        self.assertNotEqual([n for _, n in other], [n for _, n in pairs])
        self.watch("two.mp4", "--stream", "7", code=2)
        self.assertIn("stream 7 is not a video stream", self.stderr)

    def two_cameras(self):
        """Two moving streams, the second the default one, and a still picture; the second shows 100 more."""
        self.film("1.mp4", 6, "-bf", "0")
        self.film("2.mp4", 6, "-bf", "0", first=100)
        self.ffmpeg("-f", "lavfi", "-i", "color=c=red:s=640x360:d=1", "-frames:v", "1", "-c:v", "mjpeg", "still.mov")
        self.ffmpeg("-i", "1.mp4", "-i", "2.mp4", "-i", "still.mov", "-map", "0", "-map", "1", "-map", "2", "-c", "copy",
                    "-disposition:v:0", "0", "-disposition:v:1", "default", "two.mp4")

    def test_all_streams(self):
        """Each moving stream is a video of its own: its index, its run, its folder."""
        self.two_cameras()
        server = ThreadingHTTPServer(("127.0.0.1", 0), Watcher)
        server.pictures = []
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(lambda: (server.shutdown(), server.server_close()))

        def analyze(*options):
            self.vdet("analyze", "two.mp4", "--engine", f"http://127.0.0.1:{server.server_address[1]}/v1", "--workers", 1,
                      "--chunk-frames", 6, *options)
            shown = numbers(server.pictures) if server.pictures else []
            server.pictures.clear()
            return shown

        def job(folder):
            report = json.loads((self.dir / folder / "report.json").read_text())
            chosen, = [s["index"] for s in report["source"]["streams"] if s["chosen"]]
            return report["run"]["job"], chosen

        shown = analyze("--stream", "all")
        self.assertEqual([n >= 100 for n in shown], [False] * 6 + [True] * 6)
        first, default = job("two.stream0.vdet"), job("two.vdet")
        self.assertEqual((first[1], default[1]), (0, 1))
        self.assertNotEqual(first[0], default[0])
        self.assertEqual(sorted(p.name for p in self.dir.glob("*.vdet")), ["two.stream0.vdet", "two.vdet"])

        # The default stream is one source, named or not: nothing is analyzed again, and nothing is replaced.
        for options in ((), ("--stream", "1"), ("--stream", "0"), ("--stream", "all")):
            self.assertEqual(analyze(*options), [], options)
        self.assertEqual((job("two.stream0.vdet"), job("two.vdet")), (first, default))
        self.assertFalse(list(self.dir.glob("*.vdet/earlier")))
        with_output = analyze("--stream", "all", "--output", "out")
        self.assertEqual(with_output, [])
        self.assertEqual((job("out/two.stream0.vdet"), job("out/two.vdet")), (first, default))

        lines = self.vdet("index", "--json", "two.mp4", "--stream", "all", "--output", "indexes").stdout.splitlines()
        self.assertEqual([json.loads(line)["stream"] for line in lines], [0, 1])
        self.assertEqual(sorted(p.name for p in (self.dir / "indexes").iterdir()),
                         ["two.index.json", "two.stream0.index.json"])
        for options in ((), ("--stream", "0"), ("--stream", "1")):
            self.assertIn("at an earlier time", self.vdet("index", "two.mp4", *options).stdout)
        for command in (("plan",), ("preview", "poster")):
            self.assertIn("--stream all", self.vdet(*command, "two.mp4", "--stream", "all", code=2).stderr)

    def test_long_names(self):
        """255 bytes, the most that a file name can have: the names of what is made of it are shorter."""
        self.film("v.mp4", 2)
        self.film("w.mp4", 3)
        names = ["n" * 250 + end for end in ("1.mp4", "2.mp4")] + ["視" * 83 + ".mp4"]
        for name, source in zip(names, ("v.mp4", "w.mp4", "v.mp4")):
            shutil.copy(self.dir / source, self.dir / name[:255])
        server = ThreadingHTTPServer(("127.0.0.1", 0), Watcher)
        server.pictures = []
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(lambda: (server.shutdown(), server.server_close()))
        for i, name in enumerate(names):
            r = self.vdet("analyze", name, "--engine", f"http://127.0.0.1:{server.server_address[1]}/v1")
            self.assertIn("too long for a folder", r.stderr)
            self.assertEqual(len(list(self.dir.glob("*.vdet/report.json"))), i + 1)
            for kind in ("poster", "storyboard", "proxy"):
                self.vdet("preview", kind, name)
            self.vdet("index", name, "--output", "indexes")
        self.assertEqual(len(list(self.dir.glob("*.poster.jpg"))), 3)
        self.assertEqual(len(list((self.dir / "indexes").iterdir())), 3)

    # ---- what cannot be, and the right words ----

    def test_encrypted(self):
        self.film("c.mp4", 4, "-encryption_scheme", "cenc-aes-ctr", "-encryption_key", "76a6c65c5ea762046bd749a2e632ccbb",
                  "-encryption_kid", "a7e61c373e219033c21091fa607bf3b8")
        for command in (("analyze", "--engine", "http://127.0.0.1:1/v1"), ("index",), ("plan",)):
            self.assertIn("encrypted", self.vdet(*command, "c.mp4", code=1).stderr)

    def test_no_file(self):
        """What people name that cannot be read: the right words, before anything is started."""
        self.film("c.mp4", 1)
        self.ffmpeg("-i", "c.mp4", "-frames:v", "5", "-loop", "0", "moving.webp")
        self.ffmpeg("-i", "c.mp4", "-frames:v", "1", "photo.jpg")
        with (self.dir / "photo.jpg").open("ab") as photo:
            photo.write((self.dir / "c.mp4").read_bytes())
        with zipfile.ZipFile(self.dir / "zip.mp4", "w") as archive:
            archive.write(self.dir / "c.mp4")
        (self.dir / "page.mp4").write_text("<!DOCTYPE html><html><body>Sign in to continue</body></html>")
        (self.dir / "list.m3u8").write_text("#EXTM3U\n#EXTINF:4,\na.ts\n")
        for name, words in (("-", "standard input"), ("ftp://example.org/a.mp4", "download the video first"),
                            ("file:///a.mp4", "the path of the file alone"), ("moving.webp", "animated WebP"),
                            ("zip.mp4", "a ZIP archive; unpack it first"), ("photo.jpg", "of a motion photo"),
                            ("page.mp4", "a web page, not a video"), ("list.m3u8", "a playlist")):
            with self.subTest(name):
                r = self.vdet("analyze", "--engine", "http://127.0.0.1:1/v1", name, code=None)
                self.assertIn(r.returncode, (1, 2))
                self.assertIn(words, r.stderr)

    def test_trimmed_group(self):
        """A clip whose only keyframe is before its edit list."""
        self.film("g.mp4", 4, "-bf", "0", "-g", "100")
        self.ffmpeg("-ss", "1.5", "-i", "g.mp4", "-c", "copy", "clip.mp4")
        _, pairs = self.watch("clip.mp4")
        self.assertTimes(pairs, first=15)
        self.durations("clip.mp4")

    def test_multipart_jpeg(self):
        self.film("c.mpjpeg", 2, "-f", "mpjpeg", rate=25, codec=("-c:v", "mjpeg", "-q:v", "3"))
        _, pairs = self.watch("c.mpjpeg")
        self.assertTimes(pairs, 25)


if __name__ == "__main__":
    flow.main()
