# SPDX-License-Identifier: Apache-2.0
"""Every gate and every test, in the order in which they are cheap; counts them all at the end.

Builds live in build-check/: `gcc` (warnings are errors; all tests), `clang` (warnings are errors; compiled only) and
`asan` (AddressSanitizer and UndefinedBehaviorSanitizer, null sandbox; all tests
but the flow tests of suite `plain`)."""
import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build-check"
passed, failed, skipped = [], [], []


def gate(name, *command):
    """One pass or fail from a command; its output is shown only when it fails."""
    r = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    (failed if r.returncode else passed).append(name)
    print(f"{'FAIL' if r.returncode else 'ok  '} {name}", flush=True)
    if r.returncode:
        print("\n".join(r.stdout.splitlines()[-60:]), flush=True)
    return not r.returncode


def format_gate():
    """clang-format with the file .clang-format; each release writes a little differently, so only that of Debian 12."""
    version = subprocess.run(["clang-format", "--version"], capture_output=True, text=True).stdout
    if " 14." not in version:
        skipped.append("format: clang-format 14 is not here")
        return
    files = subprocess.run(["git", "ls-files", "*.c", "*.h"], cwd=ROOT, capture_output=True, text=True).stdout.split()
    gate("format", "clang-format", "--dry-run", "-Werror", *files)


def build(name, *options, **env):
    folder = BUILD / name
    if not (folder / "build.ninja").exists():
        command = ["meson", "setup", str(folder), str(ROOT), "-Dwerror=true", *options]
        r = subprocess.run(command, env=os.environ | env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if r.returncode:
            print(r.stdout)
            failed.append(f"configure {name}")
            return None
    return folder if gate(f"build {name}", "ninja", "-C", str(folder)) else None


def test(name, *options):
    """Runs meson's tests of a build and adds each to the counts."""
    folder = BUILD / name
    if not folder.exists():
        return
    log = folder / "meson-logs" / "testlog.json"
    log.unlink(missing_ok=True)
    subprocess.run(["meson", "test", "-C", str(folder), "--no-rebuild", "--print-errorlogs", *options], stdin=subprocess.DEVNULL)
    if not log.exists():
        failed.append(f"tests {name}")
        return
    for line in log.read_text().splitlines():
        t = json.loads(line)
        where = {"OK": passed, "EXPECTEDFAIL": passed, "SKIP": skipped}.get(t["result"], failed)
        where.append(f"{name}: {t['name']}")


def main():
    fast = "--fast" in sys.argv[1:]
    gate("style", sys.executable, "tools/style.py")
    format_gate()
    gate("layers", sys.executable, "tools/layers.py")
    if build("gcc", CC="gcc"):
        test("gcc", "--timeout-multiplier", "2")
    if not fast:
        build("clang", CC="clang")
        if build("asan", "-Db_sanitize=address,undefined", "-Dsandbox=false", "-Dbuildtype=debug", CC="gcc"):
            test("asan", "--timeout-multiplier", "6", "--no-suite", "plain")
    for name in skipped:
        print("skipped:", name)
    for name in failed:
        print("FAILED:", name)
    print(f"{len(passed)} passed, {len(failed)} failed, {len(skipped)} skipped")
    return 1 if failed else 0


sys.exit(main())
