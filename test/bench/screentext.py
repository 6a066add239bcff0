#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writing in the picture: what is found and right per resolution, and what it costs.

  test/bench/screentext.py pictures [--languages eng] [--engine tesseract|ppocr]
                                                        words drawn over real pictures and on slides, 240p to 1080p
  test/bench/screentext.py film FILE…                   the step of an analysis as a whole, beside the index

Needs `ninja -C build && ninja -C build test/bench/bench-screentext`, ffmpeg, and for pictures ../shared/media. BUILD names
another build folder. --engine ppocr needs --library (ONNX Runtime's) and --models (a folder), see docs/screentext.md.
*Found*: a line with at least 80 % of the letters in place; *right*: all of them, without regard to spaces and case;
*invented*: lines of confidence 0.7 or more with three letters that are in no drawn text, which a second frame would have to
confirm."""
import argparse
import difflib
import json
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("BUILD", ROOT / "build")).resolve()
VDET, READ = BUILD / "src/app/vdet", BUILD / "test/bench/bench-screentext"
MEDIA = Path(os.environ.get("MEDIA", ROOT.parent / "shared" / "media"))
SANS = "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf"
MONO = "/usr/share/fonts/truetype/dejavu/DejaVuSansMono-Bold.ttf"
HEIGHTS = 240, 360, 480, 720, 1080
BACKGROUNDS = [("dog_eating.mp4", 3), ("cctv_car.mp4", 6), ("cctv_person.mp4", 30), ("4k50_speaking.mp4", 2),
               ("hevc_bbb.mp4", 3), ("normal_h264_bbb480p.mp4", 8), ("scenes_pyscenedetect.mp4", 5),
               ("scenes_bikes.mp4", 4)]
CAPTIONS = ["The ferry leaves at nine tonight", "Nobody saw the red car again", "We meet behind the old station"]
CLOCKS = ["2024-05-17 13:45:09", "03/11/2022 08:59:31", "17.05.2024 23:07:48"]
SLIDES = [["Quarterly report 2031", "Revenue: 4,512,300 USD"], ["Agenda", "1. Camera placement", "2. Night shift"],
          ["Serial No. KX-90817", "Firmware 3.8.1"]]


def letters(text):
    return re.sub(r"[\W_]", "", text.lower())


def processor():
    u = resource.getrusage(resource.RUSAGE_CHILDREN)
    return u.ru_utime + u.ru_stime


def drawtext(words, x, y, size, color, font=SANS, more=""):
    words = words.replace(":", "\\:").replace(",", "\\,")
    return f"drawtext=fontfile={font}:text='{words}':x={x}:y={y}:fontsize={size}:fontcolor={color}{more}"


def picture(path, source, *filters):
    subprocess.run(["ffmpeg", "-v", "fatal", "-y", *source, "-frames:v", "1", "-vf", ",".join(filters), "-q:v", "3", str(path)],
                   check=True, stdin=subprocess.DEVNULL)


def draw_all(folder):
    """(file, kind, height, texts) of each picture."""
    for height in HEIGHTS:
        size = f"scale=-2:{height}:flags=area"
        for i, (name, at) in enumerate(BACKGROUNDS):
            source = ["-ss", str(at), "-i", str(MEDIA / name)]
            caption, clock = CAPTIONS[i % 3], CLOCKS[i % 3]
            path = folder / f"caption-{height}-{i}.jpg"
            picture(path, source, size, drawtext(caption, "(w-tw)/2", "h*0.86", height // 18, "white",
                                                 more=":borderw=2:bordercolor=black"))
            yield path, "caption", height, [caption]
            path = folder / f"clock-{height}-{i}.jpg"
            picture(path, source, size, drawtext(clock, "w*0.03", "h*0.04", max(height // 22, 12), "white", MONO,
                                                 ":borderw=1:bordercolor=black"))
            yield path, "clock", height, [clock]
            path = folder / f"none-{height}-{i}.jpg"
            picture(path, source, size)
            yield path, "none", height, []
        for i, lines in enumerate(SLIDES):
            path = folder / f"slide-{height}-{i}.jpg"
            picture(path, ["-f", "lavfi", "-i", f"color=white:s={height * 16 // 9 // 2 * 2}x{height}"],
                    *[drawtext(t, "w*0.08", f"h*{0.2 + 0.18 * k}", height // 12, "black") for k, t in enumerate(lines)])
            yield path, "slide", height, lines


def read(paths, a, mode):
    """What is found in each, and milliseconds of processor time in all, with the start of the child."""
    before = processor()
    env = os.environ | ({"OCR_ENGINE": a.library, "OCR_MODELS": a.models} if a.engine == "ppocr" else {})
    out = subprocess.run([str(READ), str(VDET), a.languages, mode, *map(str, paths)], check=True, capture_output=True, text=True,
                         env=env)
    return [json.loads(line) for line in out.stdout.splitlines()], 1000 * (processor() - before)


def score(texts, lines):
    """How many of the texts are found, and right."""
    found = right = 0
    for t in texts:
        best = max((difflib.SequenceMatcher(None, letters(t), letters(n)).ratio() for *_, n in lines), default=0)
        found += best >= 0.8
        right += any(letters(t) == letters(n) for *_, n in lines)
    return found, right


def invented(texts, lines):
    whole = letters("".join(texts))
    return sum(1 for *_, conf, t in lines if conf >= 0.7 and len(letters(t)) >= 3
               and difflib.SequenceMatcher(None, letters(t), whole).find_longest_match().size < len(letters(t)) * 0.6)


def pictures(a):
    with tempfile.TemporaryDirectory() as work:
        made = list(draw_all(Path(work)))
        blank = Path(work) / "blank.jpg"
        picture(blank, ["-f", "lavfi", "-i", "color=white:s=64x64"], "null")
        print("| kind | height | pictures | texts | found | right | invented | ms a picture |")
        print("|---|---|---|---|---|---|---|---|")
        for kind in ("slide", "caption", "clock", "clock, its place known", "none"):
            for height in HEIGHTS:
                some = [m for m in made if m[1] == kind.split(",")[0] and m[2] == height]
                mode = "clock@200,250,4500,900" if "known" in kind else "page"
                got, took = read([m[0] for m in some], a, mode)
                took -= read([blank], a, mode)[1]
                counts = [score(m[3], g["lines"]) for m, g in zip(some, got)]
                print(f"| {kind} | {height} | {len(some)} | {sum(len(m[3]) for m in some)} | {sum(c[0] for c in counts)} | "
                      f"{sum(c[1] for c in counts)} | {sum(invented(m[3], g['lines']) for m, g in zip(some, got))} | "
                      f"{took / len(some):.0f} |", flush=True)


def film(a):
    """With an engine that answers at once: what is left is the program's own work."""
    sys.path.insert(0, str(ROOT / "test" / "flow"))
    import flow
    with tempfile.TemporaryDirectory() as work:
        engine = flow.FakeEngine(work)
        try:
            for path in a.files:
                took = {}
                for mode in ("off", "auto"):
                    env = os.environ | {f"XDG_{n}_HOME": f"{work}/{mode}" for n in ("DATA", "CONFIG", "CACHE")}
                    began, clock = processor(), time.monotonic()
                    r = subprocess.run([str(VDET), "analyze", path, "--engine", engine.url, "--screen-text", mode, "--verify", "none",
                                        "--output", f"{work}/{mode}-out", "--log-level", "info"],
                                       env=env, check=True, capture_output=True, text=True)
                    took[mode] = processor() - began, time.monotonic() - clock
                note = re.search(r"text in the picture: .*", r.stderr)
                more = took["auto"][0] - took["off"][0]
                print(f"{Path(path).name}: without {took['off'][0]:.1f} s of processor time, {took['off'][1]:.1f} s in all; with it "
                      f"{more:+.1f} s, {took['auto'][1] - took['off'][1]:+.1f} s; {note[0] if note else r.stderr}")
        finally:
            engine.stop()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parts = parser.add_subparsers(dest="part", required=True)
    p = parts.add_parser("pictures")
    p.add_argument("--languages", default="eng")
    p.add_argument("--engine", choices=["tesseract", "ppocr"], default="tesseract")
    p.add_argument("--library", default="", help="absolute path of libonnxruntime.so")
    p.add_argument("--models", default="", help="absolute path of the folder of PP-OCR's models")
    p.set_defaults(run=pictures)
    p = parts.add_parser("film")
    p.add_argument("files", nargs="+")
    p.set_defaults(run=film)
    a = parser.parse_args()
    a.run(a)


if __name__ == "__main__":
    main()
