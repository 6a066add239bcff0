#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Transcribed speech: wrong words and speed by engine, and what our own part of it costs.

    speech.py [--engine pocketsphinx|auto|URL]... [--model NAME] [--seconds 120]
    speech.py --cost [--hours 1]

The first form analyzes recordings of ../shared/media whose words are known, and compares the report: replaced, missing and
additional words by the words that are said, in small letters and without punctuation. pocketsphinx is that of
test/flow/speech_server.py; auto is a local whisper-server with the model of --speech-model. --seconds: of the longest one.

--cost: processor time of the analysis of a video with an hour of speech (one of the recordings, repeated), with an engine
for speech and an engine for pictures that answer at once, once with and once without speech. What is left is our own part:
decoding the sound, dividing it, sending it and writing the journal."""
import argparse
import csv
import json
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "test" / "flow"))

import flow  # noqa: E402
import test_speech  # noqa: E402

VDET = os.path.abspath(flow.VDET)
JFK = "And so my fellow Americans, ask not what your country can do for you, ask what you can do for your country."


def ffmpeg(*args):
    subprocess.run(["ffmpeg", "-v", "error", "-y", *map(str, args)], check=True, stdin=subprocess.DEVNULL)


def words(text):
    return " ".join(re.sub(r"[^a-z0-9' ]", " ", text.lower()).split())


def truth(name, until):
    """[(start, text)…] of what is said before `until`."""
    with open(flow.MEDIA / "truth" / name, newline="") as f:
        return [(float(r["start_s"]), r["text"]) for r in csv.DictReader(f) if r["type"] == "speech" and float(r["end_s"]) <= until]


def recordings(work, seconds):
    """Name, path, [(start, text)…], length."""
    jfk = work / "jfk.mp4"
    ffmpeg("-f", "lavfi", "-i", "color=s=64x36:r=5:d=11", "-i", flow.MEDIA / "audio_jfk.flac", "-c:v", "libx264", "-c:a", "aac", jfk)
    synth = truth("synth_5min_timeline.csv", seconds)
    return [("slides_speech", flow.MEDIA / "slides_speech.mp4", truth("slides_speech_dev.truth.csv", 60), 34.4),
            ("speech_synth_5min", flow.MEDIA / "speech_synth_5min.mp4", synth, seconds),
            ("audio_jfk", jfk, [(0.3, JFK)], 11)]


def analyze(work, path, *options):
    """Seconds of processor time, seconds, and the report."""
    out = Path(tempfile.mkdtemp(dir=work))
    env = {k: v for k, v in os.environ.items() if not k.startswith("VDET_")}
    for name in ("DATA", "CONFIG", "CACHE"):
        env[f"XDG_{name}_HOME"] = str(out / name.lower()) if name != "DATA" or "auto" not in options else os.environ.get(
            "XDG_DATA_HOME", str(Path.home() / ".local" / "share"))
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    command = [VDET, "analyze", "--output", str(out / "report"), "--verify", "none", *map(str, options), str(path)]
    subprocess.run(command, env=env, check=True,
                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return used, time.monotonic() - began, json.loads((out / "report" / "report.json").read_text())


def processor_time(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure(work, engine, o):
    fake = flow.FakeEngine(work)
    server = test_speech.Server(work) if engine == "pocketsphinx" else None
    url = server.url if server else engine
    for name, path, said, length in recordings(work, o.seconds):
        before = processor_time(server.process.pid) if server else 0
        _, seconds, report = analyze(work, path, "--engine", fake.url, "--speech", url, "--to", length, "--fresh",
                                     *(["--speech-model", o.model] if o.model else []))
        heard = [s for s in report["said"] if s["source"] == "speech"]
        wrong = test_speech.wrong(words(" ".join(s["text"] for s in heard)), words(" ".join(t for _, t in said)))
        late = [min((abs(s["start"] - start) for s in heard), default=99) for start, _ in said]
        used = processor_time(server.process.pid) - before if server else seconds
        print(f"| {o.model or engine} | {name} | {wrong:.3f} | {sum(d <= 0.5 for d in late)} of {len(late)} | {used / length:.2f} |",
              flush=True)
    fake.stop()
    if server:
        server.stop()


def cost(work, o):
    video, hour = flow.MEDIA / "speech_synth_5min.mp4", work / "hour.mp4"
    ffmpeg("-stream_loop", -1, "-i", video, "-t", o.hours * 3600, "-c", "copy", hour)
    fake = flow.FakeEngine(work)
    (work / "script.json").write_text(json.dumps([[[0.1, 0.6, "One."]]]))
    server = test_speech.Server(work, "--script", work / "script.json")
    analyze(work, video, "--engine", fake.url, "--speech", server.url)  # warms up what is cached
    without, _, _ = analyze(work, hour, "--engine", fake.url, "--speech", "off")
    used, seconds, report = analyze(work, hour, "--engine", fake.url, "--speech", server.url)
    requests = server.requests()[1:]
    sent = sum(r["seconds"] for r in requests)
    print(f"{o.hours} h: {without:.1f} s of processor time without speech, {used:.1f} s with it ({used - without:.1f} s more, "
          f"{(used - without) / used:.0%} of the job without engines, {(used - without) / (o.hours * 3600):.2%} of the sound); "
          f"{len(requests)} requests, {sent / 3600:.2f} h sent, {len(report['said'])} texts, {seconds:.0f} s in all")
    fake.stop()
    server.stop()


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--engine", action="append", default=[])
    p.add_argument("--model", default="")
    p.add_argument("--seconds", type=float, default=120)
    p.add_argument("--cost", action="store_true")
    p.add_argument("--hours", type=float, default=1)
    o = p.parse_args()
    if not flow.MEDIA.is_dir():
        sys.exit("the shared media are not here")
    with tempfile.TemporaryDirectory(prefix="vdet-speech-") as work:
        if o.cost:
            cost(Path(work), o)
            return
        print("| engine | recording | wrong words | starts within 0.5 s | processor time by length |\n|---|---|---|---|---|")
        for engine in o.engine or ["pocketsphinx"]:
            measure(Path(work), engine, o)


if __name__ == "__main__":
    main()
