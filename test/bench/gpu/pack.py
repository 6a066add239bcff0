#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Packs what measure.sh needs on a machine with a GPU and nothing of ours: vdet, ffmpeg, llama-server with the Vulkan back
end, their libraries and the demo model.

usage: pack.py [--vdet build/src/app/vdet] [--output build/gpu.tar.xz]

Everything runs with the C library of that machine, which must not be older than the one here; the engine brings its own.
A distribution's FFmpeg needs libraries that analysis never calls: speech, encoders, fonts. They are replaced by stubs,
with the same symbols, whose functions return 0, so that the loader finds what it looks for. Needs gcc, binutils, and what
`tools/setup engine` needs. The result may have 60 MB at most."""
import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
LIMIT = 60_000_000
# Of the C library and its parts: they belong to the loader of the machine.
SYSTEM = re.compile(r"(ld-linux.*|libc|libm|libdl|librt|libpthread|libresolv|libmvec|libutil|libanl)\.so")
STUBS = re.compile(r"lib(icudata|icuuc|codec2|x265|flite.*|rsvg-2|placebo|SvtAv1Enc|rav1e|jxl|jxl_threads|lapack|blas|gfortran|"
                   r"openmpt|pocketsphinx|sphinxbase|rubberband|srt-gnutls|ssh-gcrypt|zmq|rabbitmq|chromaprint|bluray|"
                   r"mfx|OpenCL|jack|pulse|caca|cdio.*|dc1394|iec61883|openal|SDL2-2\.0|bs2b|lilv-0|mysofa|vidstab|"
                   r"zvbi|theoraenc|speex|shine|twolame|xvidcore|snappy|cairo|pango.*|glib-2\.0|gobject-2\.0|gio-2\.0)"
                   r"(-[0-9.]+)?\.so")
# What the driver of NVIDIA loads to be a Vulkan device.
WINDOWS = ["libX11.so.6", "libXext.so.6", "libxcb.so.1", "libXau.so.6", "libXdmcp.so.6", "libbsd.so.0", "libmd.so.0"]


def output(*command):
    return subprocess.run([str(c) for c in command], check=True, stdout=subprocess.PIPE, text=True).stdout


def needed(path):
    return re.findall(r"\(NEEDED\).*\[(.+)\]", output("readelf", "-d", path))


def places(program):
    """Where the loader finds each library of a program: name to path."""
    return dict(re.findall(r"(\S+) => (/\S+)", output("ldd", program)))


def libraries_here():
    return dict(re.findall(r"^\s+(\S+) \(libc6,x86-64.*\) => (\S+)$", output("/sbin/ldconfig", "-p"), re.M))


def make_stub(source, target, work):
    """A library with the symbols of another: functions return 0, objects are zeros."""
    code, versions, seen = [".text"], defaultdict(list), set()
    for line in output("readelf", "--dyn-syms", "--wide", source).splitlines():
        m = re.match(r"\s*\d+: \S+\s+(\d+) (\w+)\s+(GLOBAL|WEAK|UNIQUE)\s+(?:DEFAULT|PROTECTED)\s+(\w+) ([^@\s]+)(?:@@?(\S+))?", line)
        if not m or m[4] == "UND" or m[4] == "ABS" or m[5] in seen:
            continue
        size, kind, name = int(m[1]), m[2], m[5]
        seen.add(name)
        versions[m[6]].append(name)
        body = (f".type {name},@object\n.size {name},{size}\n{name}: .zero {max(size, 1)}" if kind == "OBJECT"
                else f".type {name},@function\n{name}: xor %eax, %eax\nret")
        code.append(f"{'.bss' if kind == 'OBJECT' else '.text'}\n.globl {name}\n{body}")
    code.append('.section .note.GNU-stack,"",@progbits')

    assembly, script = work / "stub.s", work / "stub.map"
    assembly.write_text("\n".join(code) + "\n")
    options = []
    named = {v: names for v, names in versions.items() if v}
    if named:
        script.write_text("".join(f"{v} {{ global: {'; '.join(names)}; }};\n" for v, names in named.items()))
        options = [f"-Wl,--version-script={script}"]
    subprocess.run(["gcc", "-nostdlib", "-shared", "-s", f"-Wl,-soname,{target.name}", *options, "-o", str(target),
                    str(assembly)], check=True)


def add_libraries(programs, folder, work):
    """Copies what the programs load, or makes stubs. The names of the stubs."""
    found = {}
    for p in programs:
        found |= places(p)
    known = libraries_here()
    todo = [n for p in programs for n in needed(p)]
    done, stubs = set(), []
    while todo:
        name = todo.pop()
        if name in done or SYSTEM.match(name):
            continue
        done.add(name)
        path = Path(found.get(name) or known[name])
        if STUBS.match(name):
            make_stub(path, folder / name, work)
            stubs.append(name)
        else:
            shutil.copy(path, folder / name)
            subprocess.run(["strip", "--strip-unneeded", str(folder / name)], check=False)
            todo += needed(path)
    return stubs


def add_stripped(path, pack):
    shutil.copy(path, pack / "libexec" / path.name)
    subprocess.run(["strip", str(pack / "libexec" / path.name)], check=True)


def add_program(path, pack):
    """The program in libexec/, and a script in bin/ that starts it with our libraries; only it sees them."""
    add_stripped(path, pack)
    script = pack / "bin" / path.name
    script.write_text('#!/bin/sh\nd=$(dirname "$(dirname "$(readlink -f "$0")")")\n'
                      f'LD_LIBRARY_PATH=$d/lib exec "$d/libexec/{path.name}" "$@"\n')
    script.chmod(0o755)


def add_engine(pack):
    """llama-server as the setup installs it, and beside its libraries what the driver needs."""
    runtime = pack / "runtime"
    subprocess.run([str(ROOT / "tools" / "setup"), "engine"], check=True,
                   env=os.environ | {"VDET_ENGINE_VULKAN": "1", "VDET_ENGINE_SPEECH": "0",
                                      "VDET_RUNTIME_DIR": str(runtime)})
    if not (runtime / "llama-server").exists():
        sys.exit("pack.py: llama-server is on PATH here, so none was fetched that could be packed")
    for unused in [*runtime.glob("usr/bin/llama-cli"), *runtime.glob("usr/lib/*/gconv"), *runtime.glob("*.lock")]:
        shutil.rmtree(unused) if unused.is_dir() else unused.unlink()
    (pack / "runtime.lock").unlink(missing_ok=True)
    loader = next(runtime.glob("usr/lib/*/ld-linux*.so.*"))
    known = libraries_here()
    for name in WINDOWS:
        if name in known:
            shutil.copy(known[name], loader.parent / name)


def add_scripts(pack):
    for name in ("long_video.py", "gpu/run.py", "gpu/shapes.py", "gpu/compare.py"):
        target = pack / "test" / "bench" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / "test" / "bench" / name, target)


def try_out(pack, video):
    """Encodes and indexes a second of video with what was packed: no stub is in the way."""
    for command in (["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=d=1", "-c:v", "libx264", video],
                    ["vdet", "index", video]):
        subprocess.run([str(pack / "bin" / command[0]), *map(str, command[1:])], check=True, stdout=subprocess.DEVNULL,
                       env=os.environ | {"XDG_DATA_HOME": str(video.parent / "data")})


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--vdet", type=Path, default=ROOT / "build" / "src" / "app" / "vdet")
    p.add_argument("--output", type=Path, default=ROOT / "build" / "gpu.tar.xz")
    a = p.parse_args()
    ffmpeg = shutil.which("ffmpeg")
    if not a.vdet.exists() or not ffmpeg:
        sys.exit("pack.py: ffmpeg is missing, or vdet is not built; run ./vdet doctor first")

    with tempfile.TemporaryDirectory() as temporary:
        work, pack = Path(temporary), Path(temporary) / "gpu"
        for folder in ("bin", "lib", "libexec"):
            (pack / folder).mkdir(parents=True)
        programs = [a.vdet.resolve(), Path(ffmpeg).resolve()]
        for program in programs:
            add_program(program, pack)
        media = a.vdet.resolve().with_name("vdet-media")  # vdet starts it
        add_stripped(media, pack)
        stubs = add_libraries([*programs, media], pack / "lib", work)
        add_engine(pack)
        add_scripts(pack)
        shutil.copytree(ROOT / "model" / "weights", pack / "model")
        try_out(pack, work / "try.mp4")
        subprocess.run(["tar", "-C", str(work), "-cf", str(a.output), "-I", "xz -6 -T0", "gpu"], check=True)
    size = a.output.stat().st_size
    print(f"{a.output}: {size / 1e6:.1f} MB; {len(stubs)} libraries replaced by stubs")
    return 0 if size <= LIMIT else f"pack.py: more than {LIMIT / 1e6:.0f} MB"


sys.exit(main())
