# SPDX-License-Identifier: Apache-2.0
"""Shared by the benchmarks: long videos by stream copy, the fake engine, memory and time of processes."""
import json
import os
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "flow"))
import flow  # noqa: E402

VDET = flow.VDET


def long_video(folder, seconds, size="1920x1080"):
    """H.264, 30 fps, a keyframe every 84 frames; a minute is encoded once and then repeated by stream copy."""
    folder = Path(folder)
    minute, path = folder / f"minute-{size}.mp4", folder / f"{size}-{seconds}s.mp4"
    if not minute.exists():
        subprocess.run(["ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", f"testsrc2=s={size}:r=30:d=60", "-vf",
                        "noise=alls=6:allf=t", "-c:v", "libx264", "-preset", "veryfast", "-crf", "30", "-g", "84",
                        "-pix_fmt", "yuv420p", str(minute)], check=True)
    if not path.exists():
        subprocess.run(["ffmpeg", "-v", "error", "-y", "-stream_loop", str(seconds // 60 - 1), "-i", str(minute), "-c", "copy",
                        str(path)], check=True)
    return path


class MemoryWatch:
    """The peak resident size (VmHWM) of a process and of its `-x media` children, sampled ten times a second."""

    def __init__(self, pid):
        self.pid, self.main, self.children = pid, 0, {}
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self.watch)
        self.thread.start()

    @staticmethod
    def peak(pid):
        try:
            for line in Path(f"/proc/{pid}/status").read_text().splitlines():
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) * 1024
        except OSError:
            pass
        return 0

    def watch(self):
        while not self.stop.wait(0.1):
            self.main = max(self.main, self.peak(self.pid))
            tasks = Path(f"/proc/{self.pid}/task")
            for task in tasks.iterdir() if tasks.exists() else ():
                try:
                    for child in (task / "children").read_text().split():
                        if b"-x\0media" in Path(f"/proc/{child}/cmdline").read_bytes():
                            self.children[child] = max(self.children.get(child, 0), self.peak(child))
                except OSError:
                    continue

    def end(self):
        self.stop.set()
        self.thread.join()
        return self.main, max(self.children.values(), default=0)


def start(args, folder):
    """Starts vdet with its own data folder; it prints its events to standard output."""
    env = os.environ | {"XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder), "VDET_RUNTIME_DIR": flow.runtime()}
    return subprocess.Popen([VDET, *map(str, args)], cwd=folder, env=env, stdout=subprocess.PIPE, text=True)


def run(args, folder, **options):
    """Runs vdet with its own data folder; returns (seconds, peak of the main process, peak of a decoder child)."""
    import time
    env = os.environ | {"XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder), "VDET_RUNTIME_DIR": flow.runtime()}
    began = time.monotonic()
    p = subprocess.Popen([VDET, *map(str, args)], cwd=folder, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    watch = MemoryWatch(p.pid)
    _, said = p.communicate()
    main, child = watch.end()
    if p.returncode:
        sys.exit(f"vdet {args}: exit {p.returncode}\n{said}")
    return time.monotonic() - began, main, child


def timed(*command, **kw):
    """(output, wall time, CPU time, largest resident size of one process in MB)"""
    script = ("import resource,subprocess,sys,json,time;t=time.monotonic();"
              "r=subprocess.run(sys.argv[1:],stdout=subprocess.PIPE,stderr=subprocess.DEVNULL,stdin=subprocess.DEVNULL);"
              "u=resource.getrusage(resource.RUSAGE_CHILDREN);"
              "sys.stdout.buffer.write(r.stdout);"
              "print(json.dumps([time.monotonic()-t,u.ru_utime+u.ru_stime,u.ru_maxrss/1024]),file=sys.stderr)")
    r = subprocess.run(["python3", "-c", script, *map(str, command)], capture_output=True, text=True, check=True, **kw)
    return r.stdout, *json.loads(r.stderr)


def duration(path):
    return float(subprocess.run(["ffprobe", "-v", "error", "-show_entries", "format=duration", "-of", "csv=p=0", str(path)],
                                capture_output=True, text=True, check=True).stdout)


def scratch():
    """A folder for large files: $BENCH_DIR, which is kept, or a temporary one."""
    kept = os.environ.get("BENCH_DIR")
    if kept:
        Path(kept).mkdir(parents=True, exist_ok=True)
        return Path(kept)
    return Path(tempfile.mkdtemp(prefix="vdet-bench-"))
