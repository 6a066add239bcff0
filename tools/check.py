#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the gates and the tests, and counts them. Usage: ./check [--gates | --fast | --long | --coverage]

  --gates     only the gates, which need no build: style, format, layers, scripts
  --fast      the gates, the build with gcc, and its tests
  (default)   also clang-tidy with the warnings of clang, and tests under AddressSanitizer, UndefinedBehaviorSanitizer
              and ThreadSanitizer
  --long      also the build with clang, two builds compared byte by byte, every case of the tests that otherwise try a sample
              (VDET_TEST_FULL=1), and the tests of suite `plain` under sanitizers; run it before a release
  --coverage  only measures which lines the tests run; writes build-check/coverage/

Builds are kept in build-check/, one folder each. The table at the end shows elapsed and processor minutes; the last
line is `N passed, N failed, N skipped`. Timeouts only end what hangs, so a busy machine changes no result."""
import collections
import json
import os
import re
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build-check"
CORES = len(os.sched_getaffinity(0))
# Foreign libraries are not compiled with ThreadSanitizer, which cannot see how they synchronize: what they do to memory
# is not judged. No report about our own code is suppressed.
TSAN_OPTIONS = "ignore_noninstrumented_modules=1:second_deadlock_stack=1"
passed, failed, skipped, spent = [], [], [], []


def clock():
    """Elapsed and processor seconds; the latter of children that have ended."""
    t = os.times()
    return time.monotonic(), t.children_user + t.children_system


class Step:
    """Measures a step, and notes it for the table."""

    def __init__(self, name):
        self.name = name

    def __enter__(self):
        self.start = clock()

    def __exit__(self, *_):
        spent.append((self.name, *(b - a for a, b in zip(self.start, clock()))))


def run(*command, **env):
    return subprocess.run(command, cwd=ROOT, env=os.environ | env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True)


def result(name, ok, output=""):
    """Counts a pass or a failure; output is shown of a failure only."""
    (passed if ok else failed).append(name)
    print(f"{'ok  ' if ok else 'FAIL'} {name}", flush=True)
    if not ok:
        print("\n".join(output.splitlines()[-60:]), flush=True)
    return ok


def gate(name, *command, **env):
    with Step(name):
        r = run(*command, **env)
    return result(name, r.returncode == 0, r.stdout)


def skip(name, reason):
    skipped.append(f"{name}: {reason}")


def tracked(*patterns):
    """The files of the repository with these names, and the new ones that git does not ignore."""
    names = run("git", "ls-files", "-co", "--exclude-standard", *patterns).stdout.split("\n")
    return [n for n in names if n and (ROOT / n).is_file()]


def format_gate():
    """Each release of clang-format writes a little differently, so only that of Debian 12 decides."""
    version = run("clang-format", "--version").stdout if shutil.which("clang-format") else ""
    if " 14." in version:
        gate("format", "clang-format", "--dry-run", "-Werror", *tracked("*.c", "*.h"))
    else:
        skip("format", "clang-format 14 is not installed")


def scripts_gates():
    shell = [n for n in tracked() if re.match(rb"#!/bin/(ba)?sh\b", (ROOT / n).open("rb").read(12))]
    if shutil.which("shellcheck"):
        gate("shellcheck", "shellcheck", *shell)
    else:
        skip("shellcheck", "not installed")

    # Debian 12 has no ruff; pyflakes finds the errors, ruff (see ruff.toml) the rest.
    if shutil.which("ruff"):
        gate("python", "ruff", "check", "--no-cache", ".")
    elif shutil.which("pyflakes3"):
        gate("python", "pyflakes3", *tracked("*.py"))
    else:
        skip("python", "neither ruff nor pyflakes3 is installed")


def gates():
    gate("style", sys.executable, "tools/style.py")
    format_gate()
    gate("layers", sys.executable, "tools/layers.py")
    scripts_gates()


def needed_by(folder, suite):
    """What to build for the tests of a suite: everything but what only other tests need."""
    def introspect(what):
        return json.loads(run("meson", "introspect", str(folder), what).stdout)
    needed, others = set(), set()
    for t in introspect("--tests"):
        (needed if any(s.endswith(f":{suite}") for s in t["suite"]) else others).update(t["depends"])
    targets = [t for t in introspect("--targets") if t["build_by_default"] and t["id"] not in others - needed]
    return [str(Path(f).relative_to(folder)) for t in targets for f in t["filename"]]


def outdated(folder):
    """Whether a library that a build can do without has come or gone since it was configured."""
    return (run("pkg-config", "--exists", "libnats").returncode == 0) != ("libnats" in (folder / "build.ninja").read_text())


def build(name, *options, suite=None, **env):
    """Configures once, and builds, all or what the tests of a suite need. The folder, or None."""
    folder = BUILD / name
    with Step(f"build {name}"):
        if not (folder / "build.ninja").exists():
            r = run("meson", "setup", str(folder), str(ROOT), "-Dwerror=true", *options, **env)
            if r.returncode:
                result(f"configure {name}", False, r.stdout)
                return None
        elif outdated(folder):
            run("meson", "configure", "--clearcache", str(folder))
            run("meson", "setup", "--reconfigure", str(folder), str(ROOT), **env)
        r = run("ninja", "-C", str(folder), *(needed_by(folder, suite) if suite else []))
    # Without the lines of what was built, which hide the error.
    said = "\n".join(line for line in r.stdout.splitlines() if not re.match(r"\[\d+/\d+\] ", line))
    return folder if result(f"build {name}", r.returncode == 0, said) else None


def test(name, *options, **env):
    """Runs meson's tests of a build, and counts each."""
    folder = BUILD / name
    log = folder / "meson-logs" / "testlog.json"
    log.unlink(missing_ok=True)
    # Most tests wait for children or an engine half of their time, so three times as many run as there are cores. The
    # long ones start first (test/meson.build).
    with Step(f"tests {name}"):
        subprocess.run(["meson", "test", "-C", str(folder), "--no-rebuild", "--print-errorlogs", "--num-processes",
                        str(3 * CORES), *options], env=os.environ | env, stdin=subprocess.DEVNULL)
    if not log.exists():
        result(f"tests {name}", False, "meson wrote no log")
        return

    suites = collections.Counter()
    for line in log.read_text().splitlines():
        t = json.loads(line)
        where = {"OK": passed, "EXPECTEDFAIL": passed, "SKIP": skipped}.get(t["result"], failed)
        where.append(f"{name}: {t['name']}")
        suites[re.split(r"[+ /]+", t["name"].removeprefix("vdet:"))[0]] += t["duration"]
    # Tests run beside each other, so these sums are more than the time that passed.
    spent.extend((f"  suite {suite}", seconds, None) for suite, seconds in suites.items())


def tidy(folder):
    """clang-tidy over each C file that the build compiles (.clang-tidy)."""
    if not shutil.which("clang-tidy"):
        return skip("clang-tidy", "not installed")
    commands = json.loads((folder / "compile_commands.json").read_text())
    sources = {Path(c["directory"], c["file"]).resolve() for c in commands}
    sources = sorted(s for s in sources if ROOT in s.parents and BUILD not in s.parents)  # the others are generated

    # The flags are those of gcc.
    without = [f"--extra-arg=-Wno-{name}" for name in ("unknown-warning-option", "enum-float-conversion")]
    with Step("clang-tidy"), ThreadPoolExecutor(CORES) as pool:
        results = list(pool.map(lambda s: run("clang-tidy", "--quiet", *without, "-p", str(folder), str(s)), sources))
    faults = [line for r in results if r.returncode for line in r.stdout.splitlines() if "generated" not in line]
    return result("clang-tidy", not any(r.returncode for r in results), "\n".join(faults))


def reproducible():
    """Two builds of copies in different folders give the same program."""
    r = run(sys.executable, "test/build/test_reproducible.py")
    return result("reproducible build", r.returncode == 0, r.stdout)


def coverage():
    """Lines run by the tests, in build-check/coverage/. Without the sandbox, which would not let children write their
    counts. What fails is not counted: tests that limit the size of files see the errors of writing these counts."""
    if not shutil.which("gcovr"):
        return result("coverage", False, "gcovr is not installed")
    folder = build("coverage-build", "-Db_coverage=true", "-Dsandbox=false", "-Dwerror=false", CC="gcc")
    if not folder:
        return None
    for counts in folder.rglob("*.gcda"):
        counts.unlink()
    with Step("tests coverage"):
        run("meson", "test", "-C", str(folder), "--no-rebuild", "--timeout-multiplier", "8", "--no-suite", "web")
    out = BUILD / "coverage"
    out.mkdir(exist_ok=True)
    r = run("gcovr", "-r", ".", "--object-directory", str(folder), "-f", "src/", "-e", "src/world/", "-j", str(CORES),
            "--gcov-ignore-parse-errors", "-s", "--json-summary", str(out / "summary.json"), "--html-details",
            str(out / "index.html"), "--txt", str(out / "files.txt"))
    result("coverage", r.returncode == 0, r.stdout)
    if r.returncode:
        return None

    lines = collections.defaultdict(lambda: [0, 0])
    for f in json.loads((out / "summary.json").read_text())["files"]:
        # Headers are included through the links in the build folder.
        for module in (ROOT / f["filename"]).resolve().relative_to(ROOT).parent.as_posix(), "all":
            lines[module][0] += f["line_covered"]
            lines[module][1] += f["line_total"]
    for module, (covered, total) in sorted(lines.items()):
        print(f"{module:16} {covered:6} of {total:6} lines  {covered / total:4.0%}")
    return None


def report():
    print(f"\n{'step':28} {'minutes':>8} {'processor':>10}")
    for name, wall, cpu in spent:
        if wall >= 1:
            print(f"{name:28} {wall / 60:8.1f}" + ("" if cpu is None else f" {cpu / 60:10.1f}"))
    for name in skipped:
        print("skipped:", name)
    for name in failed:
        print("FAILED:", name)
    print(f"{len(passed)} passed, {len(failed)} failed, {len(skipped)} skipped")
    return 1 if failed else 0


def main():
    modes = sys.argv[1:]
    if any(m not in ("--gates", "--fast", "--long", "--coverage") for m in modes) or len(modes) > 1:
        print(__doc__)
        return 2
    fast, full = "--fast" in modes, "--long" in modes
    start = clock()
    if "--coverage" in modes:
        coverage()
        return report()

    gates()
    if "--gates" in modes:
        return report()
    every = {"VDET_TEST_FULL": "1"} if full else {}
    gcc = build("gcc", CC="gcc")
    if gcc:
        gate("layers: no cycles of files", sys.executable, "tools/layers.py", "--cycles", str(gcc))
        test("gcc", "--timeout-multiplier", "4", **every)
    if gcc and not fast:
        tidy(gcc)
    if full:
        build("clang", CC="clang")
    if not fast:
        if build("asan", "-Db_sanitize=address,undefined", "-Dsandbox=false", "-Dbuildtype=debug", "-Doptimization=1",
                 CC="gcc"):
            test("asan", "--timeout-multiplier", "12", *([] if full else ["--no-suite", "plain"]))
        if build("tsan", "-Db_sanitize=thread", "-Dsandbox=false", suite="threads", CC="gcc"):
            test("tsan", "--timeout-multiplier", "12", "--suite", "threads", TSAN_OPTIONS=TSAN_OPTIONS)
    if full:
        reproducible()

    spent.append(("all", *(b - a for a, b in zip(start, clock()))))
    return report()


sys.exit(main())
