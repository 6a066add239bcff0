#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes long videos for measurements: a varied segment of six minutes, encoded once, repeated to any length by stream copy.

usage: long_video.py FOLDER [--hours 2] [--size 1920x1080] [--rate 30] [--codec libx264] [--segment SECONDS]
Clips come from ../shared/media beside the checkout if that exists (edited film, static cameras, slides), otherwise from
ffmpeg's generators. Prints the path of the file."""
import argparse
import os
import subprocess
import sys
from pathlib import Path

MEDIA = Path(os.environ.get("VDET_TEST_MEDIA", Path(__file__).resolve().parents[3] / "shared" / "media"))
# Name, start and seconds; a mixture of edited film and cameras.
CLIPS = [("scenes_pyscenedetect.mp4", 0, 24), ("cctv_car.mp4", 0, 30), ("normal_h264_bbb480p.mp4", 0, 30),
         ("cctv_person.mp4", 0, 60), ("scenes_googlework.mp4", 1, 33), ("dog_eating.mp4", 0, 13), ("slides_speech.mp4", 0, 34),
         ("scenes_constructed.mp4", 0, 21), ("cctv_person.mp4", 60, 75), ("fragmented_london_15s.mp4", 0, 15),
         ("scenes_bikes.mp4", 0, 10), ("normal_h264_rabbit.mp4", 0, 7), ("emulator_rot270.mp4", 0, 4), ("hevc_bbb.mp4", 0, 11)]
GENERATED = [("testsrc2", 40), ("mandelbrot", 60), ("smptebars", 80), ("life", 60), ("testsrc", 50), ("gradients", 70)]


def run(*command):
    subprocess.run([str(c) for c in command], check=True, stdin=subprocess.DEVNULL)


def inputs(rate, size):
    if MEDIA.is_dir():
        for name, start, seconds in CLIPS:
            yield ["-ss", start, "-t", seconds, "-i", MEDIA / name], seconds
    else:
        for name, seconds in GENERATED:
            yield ["-f", "lavfi", "-t", seconds, "-i", f"{name}=size={size}:rate={rate}"], seconds


def make_segment(path, size, rate, codec, most):
    width, height = size.split("x")
    command, chains, total = ["ffmpeg", "-v", "error", "-y"], [], 0
    for i, (arguments, seconds) in enumerate(inputs(rate, size)):
        command += arguments
        total += seconds
        chains.append(f"[{i}:v:0]fps={rate},setpts=PTS-STARTPTS,scale={width}:{height}:force_original_aspect_ratio=increase,"
                      f"crop={width}:{height},setsar=1,format=yuv420p[v{i}]")
    joined = "".join(f"[v{i}]" for i in range(len(chains)))
    graph = ";".join(chains) + f";{joined}concat=n={len(chains)}:v=1[o]"
    quality = ["-preset", "superfast", "-crf", "23"] if codec in ("libx264", "libx265") else []
    # Loops exactly: the segment begins with a keyframe, and no frame refers across its ends.
    run(*command, "-filter_complex", graph, "-map", "[o]", "-t", most, "-r", rate, "-c:v", codec, *quality, "-g", 250, "-flags", "+cgop",
        "-video_track_timescale", 15360, path)
    print(f"segment: {min(total, most)} s", file=sys.stderr)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("folder", type=Path)
    p.add_argument("--hours", type=float, default=2)
    p.add_argument("--size", default="1920x1080")
    p.add_argument("--rate", default="30")
    p.add_argument("--codec", default="libx264")
    p.add_argument("--segment", type=int, default=3600, help="maximum length of the segment when it is made")
    a = p.parse_args()
    a.folder.mkdir(parents=True, exist_ok=True)
    segment = a.folder / f"segment-{a.size}-{a.codec}.mp4"
    if not segment.exists():
        part = segment.with_suffix(".part.mp4")
        make_segment(part, a.size, a.rate, a.codec, a.segment)
        part.rename(segment)
    out = a.folder / f"long-{a.size}-{a.codec}-{a.hours:g}h.mp4"
    if not out.exists():
        part = out.with_suffix(".part.mp4")
        run("ffmpeg", "-v", "error", "-y", "-stream_loop", -1, "-i", segment, "-t", a.hours * 3600, "-c", "copy", part)
        part.rename(out)
    print(out)


if __name__ == "__main__":
    main()
