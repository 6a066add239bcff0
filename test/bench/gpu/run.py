#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""One GPU, two hours of video, models of true shapes: total time, its parts, memory, how busy the engine was.

usage: run.py FOLDER [--scenario sparse|dense] [--shape 32b|7b] [--quantize q4_k_m] [--hours 2] [--vdet PATH] [-- OPTION...]
Scenarios: sparse, 24 chunks x 6 frames at 720p; dense, 720 chunks of 10 s x 20 frames at 448x448. FOLDER wants some
40 GB for the model and the video, which are made once. Options behind -- go to vdet (--slots 8, --frame-size ...).
Prints a table and, as the last line, JSON. Needs numpy, ffmpeg, a llama-server built for the GPU, and nvidia-smi for
the memory; without nvidia-smi everything else is measured all the same."""
import argparse
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import shapes  # noqa: E402

ROOT = Path(__file__).resolve().parents[3]
# Seconds of a chunk, frames of it, long side of a picture.
SCENARIOS = {"sparse": (300, 6, 1280), "dense": (10, 20, 448)}


class Gpu(threading.Thread):
    """Memory and load of the first GPU, twice a second."""

    def __init__(self):
        super().__init__(daemon=True)
        self.total, self.used, self.load, self.over = 0, [], [], threading.Event()
        self.tool = shutil.which("nvidia-smi")

    def run(self):
        while self.tool and not self.over.wait(0.5):
            r = subprocess.run([self.tool, "--query-gpu=memory.total,memory.used,utilization.gpu", "--format=csv,noheader,nounits",
                                "-i", "0"], capture_output=True, text=True)
            if r.returncode == 0:
                total, used, load = (float(x) for x in r.stdout.split(","))
                self.total = total
                self.used.append(used)
                self.load.append(load)


def video(folder, hours, dense, segment):
    size = "448x448" if dense else "1920x1080"
    command = [sys.executable, ROOT / "test" / "bench" / "long_video.py", folder, "--hours", str(hours), "--size", size,
               "--segment", str(segment)]
    return subprocess.run([str(c) for c in command], check=True, stdout=subprocess.PIPE, text=True).stdout.split()[-1]


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("folder", type=Path)
    p.add_argument("--scenario", choices=SCENARIOS, default="sparse")
    p.add_argument("--shape", choices=shapes.SHAPES, default="32b")
    p.add_argument("--quantize", choices=shapes.FILE_TYPE, default="q4_k_m")
    p.add_argument("--hours", type=float, default=2)
    p.add_argument("--segment", type=int, default=3600, help="seconds of different pictures, then repeated")
    p.add_argument("--vdet", default=os.environ.get("VDET", str(ROOT / "build" / "src" / "app" / "vdet")))
    p.add_argument("options", nargs="*")
    a = p.parse_args()
    folder = a.folder.resolve()
    model = folder / f"{a.shape}-{a.quantize}.gguf"
    if not model.exists():
        print(f"making {model.name}", file=sys.stderr)
        shapes.make(folder, a.shape, a.quantize)
    path = video(folder, a.hours, a.scenario == "dense", a.segment)
    seconds, frames, side = SCENARIOS[a.scenario]
    out = folder / f"report-{a.scenario}-{a.shape}"
    runtime = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "vdet" / "runtime"
    env = {"VDET_RUNTIME_DIR": str(runtime)} | os.environ | {"XDG_DATA_HOME": str(folder / "data")}
    gpu = Gpu()
    gpu.start()
    began = time.monotonic()
    r = subprocess.run([a.vdet, "analyze", path, "--model", str(model), "--fresh", "--output", str(out), "--format", "json",
                        "--sample-policy", "even", "--chunk-duration", str(seconds), "--chunk-frames", str(frames),
                        "--frame-size", str(side), "--max-tokens", "300", *a.options], env=env)
    total = time.monotonic() - began
    gpu.over.set()
    gpu.join()
    if r.returncode not in (0, 3):
        sys.exit(f"vdet ended with {r.returncode}")
    report = json.loads((out / "report.json").read_text())
    run, chunks = report["run"], report["chunks"]
    result = {
        "scenario": a.scenario, "shape": a.shape, "quantize": a.quantize, "chunks": len(chunks), "holes": len(report["holes"]),
        "total_s": round(total, 1), "engine_busy_s": round(run["engine_busy"], 1),
        "engine_busy_share": round(run["engine_busy"] / total, 3), "index_s": round(run["index_time"], 1),
        "decode_s_summed": round(run["decode_time"], 1), "prompt_tokens": report["tokens"]["prompt"],
        "output_tokens": report["tokens"]["output"], "prefill_per_request": run["prefill_rate"],
        "decode_per_request": run["decode_rate"],
        "memory_peak_mib": max(gpu.used, default=None), "memory_mib": gpu.total or None,
        "memory_peak_share": round(max(gpu.used) / gpu.total, 3) if gpu.used else None,
        "gpu_load_mean": round(sum(gpu.load) / len(gpu.load), 1) if gpu.load else None,
    }
    for k, v in result.items():
        print(f"{k:22} {v}")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
