#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The index of whole videos: true durations, cuts where they are, the store's copy, and children that lie or die."""
import hashlib
import json
import shutil
import stat
import subprocess
import sys

import flow

SHOTS = ["testsrc2", "smptehdbars", "mandelbrot", "rgbtestsrc"]

# Plays the media role: the name in argv[0] selects what it does.
LIAR = r'''#!{python}
import json, os, socket, struct, sys, time
s = socket.socket(fileno=3)
HELLO, ERROR, DONE, PROBE, INFO, PACKETS, PACKETS_INFO, KEYS, STRETCH, SIGNATURES, TIMELINE = \
    1, 2, 3, 16, 17, 48, 49, 50, 51, 52, 98
def say(kind, head, blob=b""):
    h = json.dumps(head).encode()
    s.sendall(b"VDW1" + struct.pack("<III", kind, len(h), len(blob)) + h + blob)
def hear():
    def read(n):
        b = b""
        while len(b) < n:
            d = s.recv(n - len(b))
            if not d: sys.exit(0)
            b += d
        return b
    kind, n, m = struct.unpack("<III", read(16)[4:])
    read(n + m)
    return kind
def info():
    head = dict(container="mp4", codec="h264", pixel_format="yuv420p", hdr="", warning="", video_streams=[], gaps=[], libraries="",
                stream=0, preferred=0, streams=1, timeline=1, width=320, height=180, coded_width=320, coded_height=180,
                rotation=0, duration=4000000, header_duration=4000000, start_time=0, recorded=0, timecode="", frames=0,
                fps=25.0, variable_rate=False,
                interlaced=False, duration_measured=False, has_audio=False)
    say(INFO, head, struct.pack("<11q", 0, 0, 4000000, 4000000, 0, 0, 40000, 0, 0, 0, 0))
def packets(keys, bins=40, **more):
    blob = b"".join(struct.pack("<IIIHH", 1000, 500, 0, 3, 0) for _ in range(bins))
    blob += b"".join(struct.pack("<qqI", k, k, 5000) for k in keys)
    head = dict(first=0, duration=4000000, bin=100000, bins=bins, keys=len(keys), packets=100, keyframes=len(keys), bytes=1,
                frame_cost=57600)
    head.update(more)
    say(PACKETS_INFO, head, blob)
def signature(pts, sharp=5.0, flags=2):
    return struct.pack("<qQfBBH", pts, 1, sharp, 90, 40, flags) + bytes(576 + 288 + 64)
def grid(pts):
    return struct.pack("<q", pts) + bytes(96 * 54 + 2 * 48 * 27)
say(HELLO, dict(version=15, sandbox="on"))
lie = os.path.basename(sys.argv[0])
while True:
    kind = hear()
    if kind == TIMELINE: continue
    if kind == PROBE:
        info()
        continue
    if lie == "dies": os._exit(3)
    if kind == PACKETS:
        if lie == "order": packets([2000000, 1000000])
        elif lie == "outside": packets([0, 99000000])
        elif lie == "length": packets([0, 1000000], keys=3)
        elif lie == "many": packets([0], bins=40, bins_=1, packets=-1)
        elif lie == "forever": packets([0], duration=2**62)
        elif lie == "garbage": s.sendall(os.urandom(300))
        elif lie == "hangs": time.sleep(600)
        else: packets([0, 1000000, 2000000, 3000000])
    elif kind == KEYS:
        if lie == "nan": say(SIGNATURES, dict(n=1, grids=0), signature(0, float("nan")))
        elif lie == "flood":
            while True: say(SIGNATURES, dict(n=400, grids=0), signature(0) * 400)
        elif lie == "short": say(SIGNATURES, dict(n=2, grids=0), signature(0))
        elif lie == "gridless": say(SIGNATURES, dict(n=1, grids=1), signature(0))
        elif lie == "grids": say(SIGNATURES, dict(n=1, grids=2), signature(0) + grid(0) + grid(1))
        elif lie == "never": say(SIGNATURES, dict(n=1, grids=1), signature(0) + grid(2**62))
        elif lie == "backwards":
            times = (3000000, 2000000, 1000000, 0)
            say(SIGNATURES, dict(n=4, grids=4), b"".join(map(signature, times)) + b"".join(map(grid, times)))
            say(DONE, dict())
        elif lie == "nothing": say(DONE, dict())
        else: say(ERROR, dict(code=6, msg="no"))
    else: say(DONE, dict())
'''


class Index(flow.Flow):
    def make_shots(self, name="a.mp4", seconds=3, rate=25, extra=("-g", "250", "-bf", "2")):
        """Shots of equal length, joined hard; their cuts are multiples of `seconds`."""
        inputs = [x for s in SHOTS for x in ("-f", "lavfi", "-t", str(seconds), "-i", f"{s}=s=320x180:r={rate}")]
        joined = "".join(f"[{i}:v]format=yuv420p,setsar=1[v{i}];" for i in range(len(SHOTS)))
        joined += "".join(f"[v{i}]" for i in range(len(SHOTS))) + f"concat=n={len(SHOTS)}:v=1"
        subprocess.run(["ffmpeg", "-v", "error", "-y", *inputs, "-filter_complex", joined, "-c:v", "libx264", "-preset",
                        "veryfast", *extra, str(self.dir / name)], check=True, stdin=subprocess.DEVNULL)
        return [seconds * k for k in range(1, len(SHOTS))]

    def index(self, *args, code=0, **kw):
        r = self.vdet("index", "--json", *args, code=code, **kw)
        return json.loads(r.stdout) if code == 0 else r  # None: whatever code

    def test_cuts_are_exact_with_scenes(self):
        # scenecut=0: no keyframe helps; the whole file is one group of pictures.
        for out, extra in enumerate(((), ("-x264-params", "scenecut=0:keyint=1000:min-keyint=1000"))):
            cuts = self.make_shots(extra=extra)
            x = self.index("--scenes", "--output", f"out{out}", "a.mp4")
            self.assertEqual([(round(c["time"], 3), c["kind"], c["uncertainty"]) for c in x["cuts"]],
                             [(float(t), "hard", 0.0) for t in cuts])
            self.assertAlmostEqual(x["duration"], 12, places=3)
            self.assertEqual(x["packets"], 300)
            vtt = (self.dir / f"out{out}" / "a.chapters.vtt").read_text()
            self.assertIn("00:00:03.000 --> 00:00:06.000\nShot 2\n", vtt)
            self.assertEqual(json.loads((self.dir / f"out{out}" / "a.index.json").read_text()), x)

    def test_output_of_another_video_is_kept(self):
        videos = ["one/a.mp4", "one/a.mkv", "two/a.mp4", "two/a.mkv"]
        for name, source in zip(videos, ("testsrc", "testsrc2", "smptebars", "rgbtestsrc")):
            (self.dir / name).parent.mkdir(exist_ok=True)
            flow.make_video(self.dir / name, seconds=1, source=source)
        names = ["a.index.json", "a.mkv.index.json", "two-a.index.json", "two-a.mkv.index.json"]
        for _ in range(2):  # the second time each finds its own
            r = self.vdet("index", "--output", "out", *videos)
            self.assertIn("two-a.mkv.index.json", r.stderr)
            self.assertEqual(sorted(p.name for p in (self.dir / "out").iterdir()), sorted(names))
        found = [json.loads((self.dir / "out" / n).read_text())["sha256"] for n in names]
        self.assertEqual(found, [hashlib.sha256((self.dir / v).read_bytes()).hexdigest() for v in videos])

    def test_every_bin_says_how_it_was_seen(self):
        self.make_shots()
        x = self.index("--index-effort", "0", "a.mp4")
        self.assertEqual({b["look"] for b in x["bins"]} & {"decoded"}, set())
        self.assertEqual(x["looked"], 0)
        x = self.index("--index-effort", "1", "a.mp4")
        self.assertEqual({b["look"] for b in x["bins"]}, {"decoded"})
        self.assertAlmostEqual(len(x["bins"]) * x["bin"], x["duration"], delta=x["bin"])
        self.assertTrue(all(0 <= b["activity"] < 1 for b in x["bins"]))
        self.assertLess(x["max_gap"], 0.5)

    def test_the_same_whatever_the_number_of_children(self):
        self.make_shots()
        same = [{k: v for k, v in self.index("--fresh", "--index-workers", n, "a.mp4").items() if k != "work_time"}
                for n in (1, 3)]
        self.assertEqual(same[0], same[1])

    def test_made_once(self):
        self.make_shots()
        first = self.index("a.mp4")
        (self.dir / "a.mp4").rename(self.dir / "b.mp4")
        again = self.index("b.mp4")  # known by its content
        self.assertEqual(first["work_time"], again["work_time"])
        self.assertIn("at an earlier time", self.vdet("index", "b.mp4").stdout)
        self.assertNotEqual(first["work_time"], self.index("--fresh", "b.mp4")["work_time"])
        self.assertNotEqual(first["work_time"], self.index("--index-effort", "0.5", "b.mp4")["work_time"])

    def test_containers(self):
        self.make_shots("a.mp4")
        for name, options in (("b.ts", []), ("c.mkv", ["-cues_to_front", "0"]), ("d.mp4", ["-movflags", "frag_keyframe+empty_moov"]),
                              ("e.ts", ["-output_ts_offset", "95440"]), ("f.avi", [])):
            subprocess.run(["ffmpeg", "-v", "error", "-y", "-i", str(self.dir / "a.mp4"), "-c", "copy", *options,
                            str(self.dir / name)], check=True, stdin=subprocess.DEVNULL)
            x = self.index("--scenes", name)
            self.assertAlmostEqual(x["duration"], 12, delta=0.1, msg=name)
            self.assertEqual(x["packets"], 300, name)
            self.assertEqual(len(x["cuts"]), 3, name)
            for cut, time in zip(x["cuts"], (3, 6, 9)):  # AVI knows no presentation times
                self.assertAlmostEqual(cut["time"] - x["first"], time, delta=0.1 if name == "f.avi" else 0.002, msg=name)

    def test_summary_for_people(self):
        self.make_shots()
        out = self.vdet("index", "--scenes", "a.mp4").stdout
        for word in ("a.mp4  00:00:12.000", "300, ", "activity", "quiet", "cuts       3 (3 hard", "took"):
            self.assertIn(word, out)

    def test_wrong_files(self):
        (self.dir / "text.mp4").write_text("this is no video")
        (self.dir / "empty.mp4").write_bytes(b"")
        subprocess.run(["ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", "sine=d=1", str(self.dir / "sound.wav")], check=True)
        for name, word in (("text.mp4", "check that it is a video"), ("empty.mp4", "empty"), ("sound.wav", "no video"),
                           ("gone.mp4", "gone.mp4"), (".", "folder")):
            r = self.index(name, code=None)
            self.assertIn(r.returncode, (1, 2), name)
            self.assertIn(word, r.stderr, name)
            self.assertEqual(r.stdout, "")
        self.vdet("index", code=2)

    def test_one_bad_file_among_good_ones(self):
        self.make_shots()
        (self.dir / "text.mp4").write_text("this is no video")
        r = self.vdet("index", "text.mp4", "a.mp4", code=1)
        self.assertIn("a.mp4  00:00:12", r.stdout)

    def liar(self, lie):
        path = self.dir / lie
        path.write_text(LIAR.replace("{python}", sys.executable))
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        return {"VDET_EXE": str(path)}

    def test_children_that_lie(self):
        flow.make_video(self.dir / "a.mp4", 4)
        for lie in ("order", "outside", "length", "many", "forever", "garbage", "nan", "flood", "short", "gridless",
                    "grids", "never", "nothing", "dies"):
            r = self.index("a.mp4", code=1, env=self.liar(lie))
            self.assertIn("a.mp4", r.stderr, lie)
            self.assertNotIn("version", r.stderr, lie)  # it is the lie that is refused, not the greeting
            self.assertEqual(r.stdout, "", lie)
        r = self.index("a.mp4", "--media-timeout", "2", code=1, env=self.liar("hangs"))
        self.assertIn("--media-timeout", r.stderr)
        r = self.index("a.mp4", code=1, env={"VDET_EXE": shutil.which("true")})
        self.assertIn("had not begun to read the video", r.stderr)
        # What is out of order is dropped.
        self.assertEqual(len(self.index("a.mp4", env=self.liar("backwards"))["pictures"]), 1)

    def test_a_child_that_dies_is_replaced(self):
        self.make_shots(extra=("-g", "10"))
        count = self.dir / "count"
        wrapper = self.dir / "wrapper"
        # Every second child ends at once.
        wrapper.write_text(f"""#!/bin/sh
echo x >>{count}
[ $(($(wc -l <{count}) % 2)) = 1 ] || exit 9
exec {flow.VDET} "$@"
""")
        wrapper.chmod(0o755)
        x = self.index("--index-workers", "3", "a.mp4", env={"VDET_EXE": str(wrapper)})
        self.assertEqual(x["failed"], 0)
        self.assertEqual([round(c["time"], 1) for c in x["cuts"]], [3.0, 6.0, 9.0])

    def test_real_files(self):
        self.needs_media()
        media = flow.MEDIA
        cuts = {"scenes_bikes.mp4": [30, 76, 137, 187, 242], "scenes_constructed.mp4": [100, 175, 355],
                "normal_h264_bbb480p.mp4": [285, 378, 553]}
        rates = {"scenes_bikes.mp4": 25, "scenes_constructed.mp4": 25, "normal_h264_bbb480p.mp4": 24}
        for name, frames in cuts.items():
            x = self.index("--scenes", media / name)
            found = [round((c["time"] - x["first"]) * rates[name]) for c in x["cuts"] if c["kind"] == "hard"]
            self.assertEqual(found, frames, name)
        for name, duration in (("fragmented_bogus_duration.mp4", 1.0), ("ts_h264_ateme.ts", 6.0), ("mkv_nocues_person.mkv", 40.1),
                               ("truncated_faststart.mp4", 3.5), ("first_pts_10s.mp4", 4.0), ("vfr_frames.mp4", 15.0),
                               ("corrupt_malformed_free.mp4", 1.0)):
            self.assertAlmostEqual(self.index(media / name)["duration"], duration, delta=0.1, msg=name)
        for name in ["corrupt_userdata_231s.mp4", "zero_length.mp4"] + ["unsupported_vvc.mp4"] * (not flow.can_decode("vvc")):
            self.assertTrue(self.index(media / name, code=1).stderr)


if __name__ == "__main__":
    flow.main()
