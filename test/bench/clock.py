#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How well `vdet clock` finds where a recording was cut, and where its clock was set: 20 drawn recordings whose truth is
known, ten cut (2 to 600 s, a repeated minute, some with a clock that is fast), ten whose clock was set; ten hours without
a jump, and with three cuts. Prints a line for each, then a summary. Then how many single readings of twelve others are
right. Needs ffmpeg, and Tesseract with its English data.

    test/bench/clock.py --vdet build/src/app/vdet [--folder FOLDER] [--only cut|set|long|readings] [--hours 10]
"""
import argparse
import datetime
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

START = "2026-11-30 14:05:09"
FORMATS = ("ymd", "dmy", "mdy", "time")
# Seed, format, first time, height.
READINGS = (
    (23, "ymd", "2026-11-30 14:55:09", 360), (9, "twelve", "2026-06-05 11:58:30", 360), (9, "dmy", "2026-06-05 23:58:30", 360),
    (31, "ymd", "2026-03-19 08:38:50", 180), (32, "dmy", "2025-09-28 03:59:35", 180), (33, "mdy", "2026-08-09 19:56:10", 360),
    (34, "time", "2026-05-06 06:58:40", 360), (35, "ymd", "2024-12-31 23:59:30", 720), (36, "dmy", "2026-10-13 17:35:55", 720),
    (37, "twelve", "2026-02-28 16:49:33", 180), (38, "ymd", "2023-08-05 09:08:35", 270), (39, "mdy", "2029-03-31 13:33:13", 480))


class Bench:
    def __init__(self, vdet, folder):
        self.vdet, self.folder = vdet, Path(folder)

    def draw(self, name, seconds, seed, fps=5, size=(320, 180), keyframe=2, events=900, start=START, extra=()):
        path = self.folder / name
        if not path.exists():
            subprocess.run([self.vdet, "world", "--clock-start", start, "--duration", str(seconds), "--seed", str(seed),
                            "--fps", str(fps), "--width", str(size[0]), "--height", str(size[1]), "--cuts", "0", "--events",
                            str(events), "--keyframe", str(keyframe), *extra, str(path)], check=True, capture_output=True)
        return path

    def cut(self, source, name, parts, fps=5, keyframe=2):
        """Joins these parts, (from, to) in seconds, encoded again."""
        path = self.folder / name
        if path.exists():
            return path
        if all(a[1] <= b[0] for a, b in zip(parts, parts[1:])):
            keep = "+".join(f"between(t,{a - 0.4 / fps},{b - 0.6 / fps})" for a, b in parts)
            what = ["-vf", f"select='{keep}',setpts=N/{fps}/TB"]
        else:
            n = len(parts)
            graph = f"split={n}" + "".join(f"[i{i}]" for i in range(n)) + ";"
            for i, (a, b) in enumerate(parts):
                graph += f"[i{i}]trim={a}:{b},setpts=PTS-STARTPTS[o{i}];"
            what = ["-filter_complex", graph + "".join(f"[o{i}]" for i in range(n)) + f"concat=n={n}:v=1"]
        subprocess.run(["ffmpeg", "-v", "error", "-y", "-i", str(source), *what, "-r", str(fps), "-preset", "veryfast", "-g",
                        str(int(keyframe * fps)), str(path)], check=True, stdin=subprocess.DEVNULL)
        return path

    def clock(self, path):
        before, used = time.monotonic(), os.times()
        out = subprocess.run([self.vdet, "clock", "--json", str(path)], check=True, capture_output=True, text=True).stdout
        after = os.times()
        found = json.loads(out)
        clocks = [c for c in found["clocks"] if c["source"] == "picture"]
        return {"breaks": clocks[0]["breaks"] if clocks else [], "found": bool(clocks), "reads": found["reads"],
                "samples": clocks[0]["samples"] if clocks else [],
                "s": time.monotonic() - before,
                "cpu": after.children_user + after.children_system - used.children_user - used.children_system}


def judge(name, result, truth):
    """truth: (where, by how much, verdict that would be false)."""
    breaks, ok, off = result["breaks"], True, []
    for at, by, _ in truth:
        near = [b for b in breaks if abs((b["before_us"] + b["after_us"]) / 2e6 - at) <= 1 and abs(b["jump_us"] / 1e6 - by) < 1]
        ok &= len(near) == 1
        off += [abs((b["before_us"] + b["after_us"]) / 2e6 - at) for b in near]
    false = [b for b in breaks if not any(abs((b["before_us"] + b["after_us"]) / 2e6 - at) <= 1 for at, _, _ in truth)]
    wrong = [b["verdict"] for b in breaks for _, _, bad in truth[:1] if b["verdict"] == bad]
    row = {"name": name, "located": sum(1 for _ in off), "of": len(truth), "worst_s": round(max(off, default=0), 3),
           "false": len(false), "wrong_verdicts": len(wrong), "verdicts": [b["verdict"] for b in breaks],
           "reads": result["reads"], "s": round(result["s"], 1), "cpu_s": round(result["cpu"], 1)}
    print(json.dumps(row), flush=True)
    return row


def cuts(b):
    rows = []
    lengths = (2, 3, 5, 10, 37, 60, 120, 300, 600, -60)
    for i, length in enumerate(lengths):
        rnd = random.Random(100 + i)
        at, tail = rnd.randrange(200, 500) / 5, 60
        speed = (1, 1.0005, 1, 1.01, 1, 0.998, 1, 1, 1.0002, 1)[i]
        source = b.draw(f"whole{i}.mp4", int(at + max(length, 0) + tail), 100 + i,
                        extra=("--clock-format", FORMATS[i % 4], "--clock-speed", str(speed)))
        whole = int(at + max(length, 0) + tail)
        path = b.cut(source, f"cut{i}.mp4", [(0, at), (at + length, whole)])
        rows.append(judge(f"cut by {length} s, speed {speed}, {FORMATS[i % 4]}", b.clock(path),
                          [(at, length * speed, "clock set")]))
    return rows


def sets(b):
    rows = []
    for i, by in enumerate((2, -3, 5, -10, 37, -60, 120, 3600, -3600, 86400 * 2)):
        rnd = random.Random(200 + i)
        at = rnd.randrange(200, 500) / 5
        path = b.draw(f"set{i}.mp4", int(at + 60), 200 + i, extra=(
            "--clock-format", FORMATS[i % 3], "--clock-set", f"{at}{by:+d}"))
        rows.append(judge(f"set by {by} s, {FORMATS[i % 3]}", b.clock(path), [(at, by, "recording interrupted")]))
    return rows


def long(b, hours):
    end = int(hours * 3600)
    source = b.draw("long.mp4", end, 300, fps=1, keyframe=10, events=60)
    a, c, d = end // 10, end // 2, end * 9 // 10
    path = b.cut(source, "long-cut.mp4", [(0, a), (a + 37, c), (c + 600, d), (d + 2, end)], fps=1, keyframe=10)
    return [judge(f"{hours} hours, clean", b.clock(source), []),
            judge(f"{hours} hours, three cuts", b.clock(path),
                  [(a, 37, "clock set"), (c - 37, 600, "clock set"), (d - 637, 2, "clock set")])]


def is_right(text, at, start, twelve):
    """Of a reading with a whole time: whether it is this one, but for the last quarter of a second."""
    for off in (-0.25, 0, 0.25):
        t = start + datetime.timedelta(seconds=at + off)
        if tuple(map(int, text)) == (t.hour % 12 or 12 if twelve else t.hour, t.minute, t.second):
            return True
    return False


def readings(b):
    total = {"readings": 0, "right": 0, "part": 0, "wrong": 0}
    for seed, kind, start, height in READINGS:
        path = b.draw(f"read{seed}-{kind}.mp4", 60, seed, size=(height * 16 // 9 // 2 * 2, height), start=start,
                      extra=("--clock-format", kind))
        for at, text, _ in b.clock(path)["samples"]:
            found = re.search(r"(\d\d?):(\d\d):(\d\d)", text)
            right = found and is_right(found.groups(), at / 1e6, datetime.datetime.fromisoformat(start), kind in ("mdy", "twelve"))
            total["readings"] += 1
            total["right" if right else "wrong" if found else "part"] += 1
            if found and not right:
                print(json.dumps({"file": path.name, "at_s": at / 1e6, "read": text}), flush=True)
    print(json.dumps(total))


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--vdet", default="build/src/app/vdet")
    p.add_argument("--folder", help="keep the recordings here")
    p.add_argument("--only", choices=("cut", "set", "long", "readings"))
    p.add_argument("--hours", type=float, default=10)
    o = p.parse_args()
    with tempfile.TemporaryDirectory() as temp:
        if o.folder:
            os.makedirs(o.folder, exist_ok=True)
        b, rows = Bench(os.path.abspath(o.vdet), o.folder or temp), []
        if o.only in (None, "cut"):
            rows += cuts(b)
        if o.only in (None, "set"):
            rows += sets(b)
        if o.only in (None, "long"):
            rows += long(b, o.hours)
        if o.only in (None, "readings"):
            readings(b)
    if not rows:
        return 0
    total = {k: sum(r[k] for r in rows) for k in ("located", "of", "false", "wrong_verdicts")}
    total["worst_s"] = max(r["worst_s"] for r in rows)
    print(json.dumps({"recordings": len(rows), **total}))
    return 0 if total["located"] == total["of"] and not total["false"] and not total["wrong_verdicts"] else 1


if __name__ == "__main__":
    sys.exit(main())
