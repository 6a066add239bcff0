#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Scene cuts: how many are found, exact to the frame, compared with ffmpeg's scene filter and, if installed, PySceneDetect.

usage: scenes.py [--vdet PATH] [--made N] [--work FOLDER] [--only WORD]
Truth: the lists of ../shared/media/MANIFEST.md, completed by looking at the frames on both sides (marked *), and N
films made of pieces of those files, joined by hard cuts or dissolves, with fixed seeds. A hard cut is found if the first
frame of the new shot is reported, with an error of at most one frame; a dissolve or fade if a time within it is reported.
Other reports are false; of several reports of one cut one counts, the others are false, except in a gradual change."""
import argparse
import importlib.util
import json
import os
import random
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MEDIA = Path(os.environ.get("VDET_TEST_MEDIA", ROOT.parent / "shared" / "media"))
# File: hard cuts, gradual changes (first and last frame), the video stream.
TRUTH = {
    "normal_h264_bbb480p.mp4": ([285, 378, 553], [], 0),
    "scenes_bikes.mp4": ([30, 76, 137, 187, 242], [], 0),
    "scenes_googlework.mp4": ([17, 36, 54, 73, 93, 111, 130, 149, 167, 186, 204, 222, 291, 432, 540, 609, 710, 769, 819, 949],
                              [], 0),
    "scenes_constructed.mp4": ([100, 175, 355], [(245, 264), (460, 499)], 0),
    "scenes_pyscenedetect.mp4": ([30, 180], [(209, 240), (330, 428), (526, 561)], 0),  # * hard from and to black; fades
    "nasa_13013.mp4": ([240], [(145, 183)], 1),                                        # *
    "vp9_bbb.mp4": ([6], [], 0),                                                       # *
    "slides_speech.mp4": ([43, 86, 129], [], 0),                                       # * the slides change
    "cctv_person.mp4": ([], [], 0), "cctv_car.mp4": ([], [], 0), "fragmented_london_15s.mp4": ([], [], 0),
    "dog_eating.mp4": ([], [], 0), "emulator_rot270.mp4": ([], [], 0), "4k50_speaking.mp4": ([], [], 0),
}
PIECES = ["normal_h264_bbb480p.mp4", "scenes_googlework.mp4", "cctv_car.mp4", "cctv_person.mp4", "dog_eating.mp4",
          "normal_h264_rabbit.mp4", "fragmented_london_15s.mp4", "scenes_bikes.mp4", "hevc_bbb.mp4", "scenes_constructed.mp4"]
# Parts of these files without a cut, in seconds.
PURE = {"normal_h264_bbb480p.mp4": [(2.5, 11.5), (16, 22.5), (23.5, 29)], "scenes_googlework.mp4": [(10, 13.5), (15.5, 18), (25, 26)],
        "cctv_car.mp4": [(4, 29)], "cctv_person.mp4": [(6, 135)], "dog_eating.mp4": [(0, 13)],
        "normal_h264_rabbit.mp4": [(0, 7)], "fragmented_london_15s.mp4": [(0, 15)], "scenes_bikes.mp4": [(1.4, 2.9), (5.7, 7.3)],
        "scenes_constructed.mp4": [(4.2, 6.8), (7.2, 9.6), (15, 18)]}


def frame_times(path, stream):
    out = subprocess.run(["ffprobe", "-v", "error", "-select_streams", f"v:{stream}", "-show_entries", "packet=pts_time",
                          "-of", "csv=p=0", str(path)], capture_output=True, text=True, check=True).stdout
    return sorted(float(x.strip(",")) for x in out.split() if x.strip(",") not in ("", "N/A"))


def to_frame(times, t):
    return min(range(len(times)), key=lambda i: abs(times[i] - t))


def by_vdet(*options):
    def find(vdet, path, stream, times):
        with tempfile.TemporaryDirectory() as data:
            out = subprocess.run([vdet, "index", "--json", *options, str(path)], capture_output=True, text=True, check=True,
                                 env=os.environ | {"XDG_DATA_HOME": data}).stdout
        x = json.loads(out)
        base = times[0] - x["first"]
        return [(to_frame(times, c["time"] + base), c["kind"]) for c in x["cuts"]]
    return find


def by_ffmpeg(threshold):
    def find(vdet, path, stream, times):
        out = subprocess.run(["ffmpeg", "-nostdin", "-copyts", "-i", str(path), "-map", f"0:v:{stream}", "-vf",
                              f"select='gt(scene,{threshold})',showinfo", "-f", "null", "-"], capture_output=True, text=True).stderr
        return [(to_frame(times, float(t)), "hard") for t in re.findall(r"pts_time:\s*([\d.]+)", out)]
    return find


def by_pyscenedetect(name):
    def find(vdet, path, stream, times):
        if stream:
            return None
        import scenedetect
        detector = getattr(scenedetect, name)()
        scenes = scenedetect.detect(str(path), detector)
        return [(s[0].get_frames(), "hard") for s in scenes[1:]]
    return find


def compare(found, hard, gradual):
    """(true, false, missed) for hard cuts, and (found, missed) for gradual ones."""
    left, true, false, seen = list(hard), 0, 0, set()
    for frame, _kind in found:
        near = [h for h in left if abs(h - frame) <= 1]
        inside = [g for g in gradual if g[0] - 2 <= frame <= g[1] + 2]
        if near:
            left.remove(near[0])
            true += 1
        elif inside:
            seen.update(inside)
        else:
            false += 1
    return (true, false, len(left)), (len(seen), len(gradual) - len(seen))


def make_film(path, seed):
    """Twelve pieces at 640x360, joined alternately by a hard cut or a dissolve; the truth in frames at 25 per second."""
    r = random.Random(seed)
    command, chains, pieces = ["ffmpeg", "-v", "error", "-y"], [], []
    for i in range(12):
        name = r.choice([p for p in PURE if not pieces or p != pieces[-1]])
        a, b = r.choice(PURE[name])
        n = min(r.randint(45, 90), int((b - a) * 25) - 2)
        start = r.uniform(a, b - n / 25)
        command += ["-ss", f"{start:.3f}", "-t", f"{n / 25 + 1:.3f}", "-i", str(MEDIA / name)]
        chains.append(f"[{i}:v:0]fps=25,scale=640:360:force_original_aspect_ratio=increase,crop=640:360,setsar=1,format=yuv420p,"
                      f"tpad=stop=-1:stop_mode=clone,trim=end_frame={n},setpts=PTS-STARTPTS[p{i}]")
        pieces.append(name)
        command_n = n
        chains[-1] = (chains[-1], command_n)
    graph, total, last = [c for c, _ in chains], chains[0][1], "p0"
    hard, gradual = [], []
    for i in range(1, 12):
        n = chains[i][1]
        long = r.choice([10, 15, 20, 25, 30]) if r.random() < 0.5 else 0
        if long:
            graph.append(f"[{last}][p{i}]xfade=transition=fade:duration={long / 25}:offset={(total - long) / 25},fps=25[j{i}]")
            gradual.append((total - long, total - 1))
            total += n - long
        else:
            graph.append(f"[{last}][p{i}]concat=n=2:v=1,settb=1/25,fps=25[j{i}]")
            hard.append(total)
            total += n
        last = f"j{i}"
    graph = [g.replace(",setpts=PTS-STARTPTS[", ",setpts=PTS-STARTPTS,settb=1/25,fps=25[") for g in graph]
    subprocess.run([*command, "-filter_complex", ";".join(graph), "-map", f"[{last}]", "-c:v", "libx264", "-preset", "veryfast",
                    "-crf", "24", str(path)], check=True, stdin=subprocess.DEVNULL)
    return hard, gradual, 0


def f1(true, false, missed):
    return 2 * true / (2 * true + false + missed) if true else 0


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--vdet", default=str(ROOT / "build" / "src" / "app" / "vdet"))
    p.add_argument("--made", type=int, default=6)
    p.add_argument("--work", type=Path)
    p.add_argument("--only", default="", help="only finders whose name contains this")
    a = p.parse_args()
    if not MEDIA.is_dir():
        sys.exit("skipped: the shared media are not here")
    work = a.work or Path(tempfile.mkdtemp(prefix="vdet-scenes-"))
    work.mkdir(parents=True, exist_ok=True)
    films = {name: (MEDIA / name, *truth) for name, truth in TRUTH.items()}
    for seed in range(a.made):
        path = work / f"made-{seed}.mp4"
        films[path.name] = (path, *make_film(path, seed))
    finders = {"vdet index": by_vdet(), "vdet index --scenes": by_vdet("--scenes"), "ffmpeg scene > 0.3": by_ffmpeg(0.3),
               "ffmpeg scene > 0.4": by_ffmpeg(0.4)}
    if importlib.util.find_spec("scenedetect"):
        finders |= {"PySceneDetect content": by_pyscenedetect("ContentDetector"),
                    "PySceneDetect adaptive": by_pyscenedetect("AdaptiveDetector")}
    else:
        print("skipped: PySceneDetect is not installed", file=sys.stderr)
    finders = {name: f for name, f in finders.items() if a.only in name}
    sums = {f: {"listed": [0] * 5, "made": [0] * 5} for f in finders}
    for name, (path, hard, gradual, stream) in films.items():
        times = frame_times(path, stream)
        for finder, find in finders.items():
            found = find(a.vdet, path, stream, times)
            if found is None:
                continue
            h, g = compare(found, hard, gradual)
            print(f"{name:28} {finder:24} hard: {h[0]:2} found {h[1]:2} false {h[2]:2} missed   gradual: {g[0]} of {len(gradual)}")
            group = sums[finder]["made" if name.startswith("made-") else "listed"]
            for i, v in enumerate((*h, *g)):
                group[i] += v
    print("\n| films | finder | hard: found, false, missed | F1 hard | gradual: found, missed |\n|---|---|---|---|---|")
    for group in ("listed", "made"):
        for finder, s in sums.items():
            t = s[group]
            print(f"| {group} | {finder} | {t[0]}, {t[1]}, {t[2]} | {f1(*t[:3]):.3f} | {t[3]}, {t[4]} |")


if __name__ == "__main__":
    main()
