#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The rules of the modules in src/, held against the sources. The table in docs/architecture.md is read, not copied: a
line `| layer | module | purpose | libraries |` for each module.

  tools/layers.py                   checks: a module includes only modules of lower layers; each foreign library is used
                                    by the modules that name it; media is included by child alone; X-internal.h by X*.c
                                    alone; each header compiles alone; no module has over 15 % of the lines
  tools/layers.py --sizes           prints the share of each module
  tools/layers.py --tree FOLDER     makes a folder for each module with links to the modules that it may include, for
                                    the compiler, and prints the names of the modules
  tools/layers.py --cycles BUILD    checks that no files of a module need each other both ways, by the symbols of the
                                    object files of a build"""
import collections
import os
import re
import shlex
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SRC = ROOT / "src"
LARGEST = 0.15
# How a library is included. Jansson may be used everywhere.
LIBRARIES = {
    "libav*": r"libav|libsw", "libcurl": r"curl/", "SQLite": r"sqlite3\.h", "libseccomp": r"seccomp\.h",
    "libinih": r"ini\.h", "libcrypto": r"openssl/", "libwebsockets": r"libwebsockets", "libsodium": r"sodium\.h",
    "libnats": r"nats", "Tesseract": r"tesseract/", "Leptonica": r"leptonica/",
}
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)
Module = collections.namedtuple("Module", "layer libraries")


def table():
    """The modules of the table in docs/architecture.md, by name; a sub-folder is a module of its own: net/http."""
    modules = {}
    for line in (ROOT / "docs/architecture.md").read_text().splitlines():
        m = re.match(r"\| (\d+) \| `([\w/-]+)/` \|.*\| ([^|]*)\|$", line)
        if m:
            modules[m[2].removeprefix("src/")] = Module(int(m[1]), {s.strip() for s in m[3].split(",")} - {""})
    return modules


def sources():
    """Each source with its module."""
    return [(p, p.parent.relative_to(SRC).as_posix()) for p in sorted(SRC.rglob("*.[ch]"))]


def may_include(modules, user, used):
    return user == used or modules[used].layer < modules[user].layer


def includes(path, modules):
    """The modules that a file includes, with the header, and the system's headers."""
    for kind, header in INCLUDE.findall(path.read_text(encoding="utf-8")):
        owner = header.rpartition("/")[0]
        if kind == "<":
            yield None, header
        elif owner:
            yield (owner if owner in modules else "?"), header


def include_faults(modules):
    for path, module in sources():
        where = path.relative_to(ROOT)
        if module not in modules:
            yield f"{where}: the module {module} is not in the table of docs/architecture.md"
            continue

        for owner, header in includes(path, modules):
            if owner is None:
                for library, pattern in LIBRARIES.items():
                    if re.match(pattern, header) and library not in modules[module].libraries:
                        yield f"{where}: <{header}>: {module} does not use {library} according to the table"
                continue

            if owner == "?":
                yield f"{where}: {header}: unknown module"
                continue
            if not may_include(modules, module, owner):
                yield (f"{where}: {header}: {module} (layer {modules[module].layer}) must not include {owner} "
                       f"(layer {modules[owner].layer})")
            if owner == "media" and module not in ("media", "child"):
                yield f"{where}: {header}: only child includes media"
            if header.endswith("-internal.h"):
                stem = header.removesuffix("-internal.h")
                if not f"{module}/{path.name}".startswith(stem):
                    yield f"{where}: {header} is included by {stem}*.c alone"


def links(modules, name):
    """What a module may see, as paths below its own folder in the tree: a folder of src as a whole, or, where a folder has
    sub-folders that are modules, each allowed sub-folder and each header by itself. A new header there is seen after the
    next `meson setup --reconfigure`."""
    split = {n.split("/")[0] for n in modules if "/" in n}
    for other in (n for n in modules if may_include(modules, name, n)):
        if other in split:
            yield from (h.relative_to(SRC).as_posix() for h in (SRC / other).glob("*.h"))
        else:
            yield other


def make_tree(modules, folder):
    for name in modules:
        mine = folder / name.replace("/", "-")
        mine.mkdir(parents=True, exist_ok=True)
        want = set(links(modules, name))
        for link in sorted(mine.rglob("*"), reverse=True):
            if link.is_symlink() and link.relative_to(mine).as_posix() not in want:
                link.unlink()
            elif link.is_dir() and not link.is_symlink() and not any(link.iterdir()):
                link.rmdir()

        for path in want:
            link = mine / path
            link.parent.mkdir(parents=True, exist_ok=True)
            if not link.is_symlink():
                link.symlink_to(os.path.relpath(SRC / path, link.parent))


def header_faults(modules):
    """Compiles each header by itself, with the include paths of its module."""
    packages = ("jansson libavformat libavcodec libavfilter libavutil libswscale libcurl sqlite3 libwebsockets libsodium "
                "tesseract lept libnats")
    flags = subprocess.run(["pkg-config", "--cflags", *packages.split()], capture_output=True, text=True).stdout
    compiler = [*shlex.split(os.environ.get("CC", "cc")), "-std=gnu17", "-D_GNU_SOURCE", "-fsyntax-only",
                "-Wall", "-Wextra", "-Werror"]

    with tempfile.TemporaryDirectory() as tree:
        make_tree(modules, Path(tree))

        def compile_one(item):
            path, module = item
            file = Path(tree, module.replace("/", "-"), f"alone-{path.stem}.c")
            file.write_text(f'#include "{module}/{path.name}"\n')
            command = [*compiler, *flags.split(), f"-I{file.parent}", str(file)]
            r = subprocess.run(command, capture_output=True, text=True)
            return f"{path.relative_to(ROOT)}: does not compile alone:\n{r.stderr}" if r.returncode else None

        headers = [(p, m) for p, m in sources() if p.suffix == ".h" and m in modules]
        with ThreadPoolExecutor() as pool:
            return [fault for fault in pool.map(compile_one, headers) if fault]


def sizes():
    lines = collections.Counter()
    for path, module in sources():
        lines[module] += path.read_text(encoding="utf-8").count("\n")
    return lines


def size_faults():
    lines = sizes()
    total = sum(lines.values())
    for module, n in lines.items():
        if n > LARGEST * total and module != "media":
            yield f"src/{module}: {n} of {total} lines; a module has at most {LARGEST:.0%}"


def print_sizes():
    lines = sizes()
    total = sum(lines.values())
    for module, n in lines.most_common():
        print(f"{module:14} {n:6} lines {n / total:6.1%}")
    print(f"{'all':14} {total:6} lines")


def needs(objects):
    """Which object needs which others, from the symbols that one defines and another lacks."""
    defined, lacking = {}, {}
    for path in objects:
        out = subprocess.run(["nm", "-g", path], capture_output=True, text=True).stdout
        lacking[path] = set(re.findall(r"^\s+U (\w+)", out, re.M))
        for symbol in re.findall(r"^\w+ [A-TV-Z] (\w+)", out, re.M):
            defined[symbol] = path
    return {p: {defined[s] for s in symbols if s in defined} - {p} for p, symbols in lacking.items()}


def cycle_faults(build):
    modules = collections.defaultdict(list)
    for path in Path(build, "src").rglob("*.c.o"):
        modules[path.parent.name].append(path)

    for objects in modules.values():
        graph = needs(objects)
        reach = {p: set(graph[p]) for p in graph}
        changed = True
        while changed:
            changed = False
            for p in reach:
                more = set().union(*(reach[q] for q in reach[p])) - reach[p] if reach[p] else set()
                reach[p] |= more
                changed |= bool(more)

        groups = {frozenset(q for q in reach if q in reach[p] and p in reach[q]) for p in reach if p in reach[p]}
        for group in groups:
            names = sorted(p.name.removesuffix(".c.o").removeprefix("meson-generated_.._") for p in group)
            yield f"{Path(build, 'src') / objects[0].parent.relative_to(Path(build, 'src')).parent}: " \
                  f"need each other: {', '.join(n + '.c' for n in names)}"


def main():
    modules = table()
    match sys.argv[1:]:
        case ["--sizes"]:
            print_sizes()
            return 0
        case ["--tree", folder]:
            make_tree(modules, Path(folder))
            print("\n".join(modules))
            return 0
        case ["--cycles", build]:
            faults = list(cycle_faults(build))
        case []:
            faults = [*include_faults(modules), *size_faults(), *header_faults(modules)]
        case _:
            print(__doc__)
            return 2

    print("\n".join(faults))
    return 1 if faults else 0


sys.exit(main())
