#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Tests the documents: what they name exists, and the commands that they show are understood.

  links      each relative link leads to a file, and its #part to a heading there
  files      each `path/to/file` exists (with * and {a,b}); each `name.c` is a file of the repository
  commands   each `vdet COMMAND --flag`, also in blocks of code, is a command with that flag; VDET names the program
  options    each `--flag` alone is one of vdet, or of a script that the same document names; each `group.key` is an option
  scripts    what is called by its path, and each Python script that is named, is executable"""
import fnmatch
import itertools
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VDET = os.environ.get("VDET", str(ROOT / "build/src/app/vdet"))
# Of other programs.
FOREIGN = {"--convert", "--list-devices", "--mmproj", "--parallel", "--ctx-size", "--reconfigure", "--help", "--version", "--system"}
# What follows the dot in the name of a file or of a column of the journal, not of an option.
ENDINGS = {"c", "csv", "db", "h", "html", "json", "log", "md", "txt", "vtt", "id", "idx"}
faults = []


def git(*patterns):
    out = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", *patterns], cwd=ROOT, capture_output=True, text=True)
    return [n for n in out.stdout.split("\n") if n and (ROOT / n).exists()]


FILES = git()
NAMES = {Path(n).name for n in FILES}
FOLDERS = {str(p) for n in FILES for p in Path(n).parents}
TOP = {n.split("/")[0] for n in FILES if "/" in n}


def commands():
    """Each command of vdet with its flags, as its completion for bash has them."""
    # A variable VDET_NAME would be an option.
    env = {k: v for k, v in os.environ.items() if not k.startswith("VDET_")}
    text = subprocess.run([VDET, "help", "--as", "bash"], env=env, capture_output=True, text=True, check=True).stdout
    return {m[1]: set(m[2].split()) for m in re.finditer(r"^\t\t(\w+)\) words='([^']*)'", text, re.M)}


def keys():
    """The keys of all options: group.key."""
    return set(re.findall(r"`([a-z]+\.[a-z_]+)`", (ROOT / "docs/options.md").read_text()))


COMMANDS, KEYS = commands(), keys()
FLAGS = {f for flags in COMMANDS.values() for f in flags}
GROUPS = {k.split(".")[0] for k in KEYS}


def fault(name, number, text):
    faults.append(f"{name}:{number}: {text}")


def anchors(path):
    """The parts of a document, as its headings make them."""
    out, code = set(), False
    for line in path.read_text().split("\n"):
        code ^= line.startswith("```")
        if not code and (m := re.match(r"#+ (.*)", line)):
            out.add(re.sub(r"[^\w\- ]", "", m[1].lower()).replace(" ", "-"))
    return out


def link(name, number, target):
    if re.match(r"[a-z]+:", target):
        return
    path, _, part = target.partition("#")
    file = (ROOT / name).parent / path if path else ROOT / name
    if not file.exists():
        fault(name, number, f"link to {target}: no such file")
    elif part and file.suffix == ".md" and part not in anchors(file):
        fault(name, number, f"link to {target}: no such heading")


def braces(text):
    """a/{b,c}.d becomes a/b.d and a/c.d."""
    parts = [p.strip("{}").split(",") if p.startswith("{") else [p] for p in re.findall(r"\{[^}]*\}|[^{]+", text)]
    return ["".join(p) for p in itertools.product(*parts)]


def placeholder(text):
    """Holds a word to be replaced, as NAME in cmd-NAME.c, or dots."""
    return bool(re.search(r"[A-Z]{2,}|\bN\b|…|<|\$|~", text.replace("README", "").replace("SHA256SUMS", "").replace("LICENSE", "")
                          .replace("MANIFEST", "").replace("CHANGELOG", "").replace("CONTRIBUTING", "").replace("SECURITY", "")))


def file_reference(name, number, text):
    here = str((ROOT / name).parent.relative_to(ROOT))
    for one in braces(text.rstrip("/")):
        choices = (one, os.path.normpath(os.path.join(here, one)), f"src/{one}")
        if not any(c in FOLDERS or fnmatch.filter(FILES, c) for c in choices):
            fault(name, number, f"{one}: no such file")


def script(name, number, path):
    """A Python file that does something when it is run can be run by its path."""
    if path in FILES and path.endswith(".py"):
        text = (ROOT / path).read_text()
        shebang = text.startswith("#!")
        if (shebang or 'if __name__ == "__main__"' in text) and not (shebang and os.access(ROOT / path, os.X_OK)):
            fault(name, number, f"{path} is not executable, or does not begin with #!")


def command(name, number, words):
    """`words` as a shell would run them, if they are a command that can be checked."""
    while words and re.fullmatch(r"[A-Z_]+=.*|sudo|env|time|\$", words[0]):
        words = words[1:]
    if not words:
        return
    program, rest = words[0], words[1:]
    if program in ("vdet", "./vdet", "build/src/app/vdet"):
        if not rest or not re.fullmatch(r"[a-z]+", rest[0]):
            return
        if rest[0] not in COMMANDS:
            return fault(name, number, f"vdet {rest[0]}: no such command")
        for word in rest[1:]:
            flag = word.split("=")[0]
            if flag.startswith("--") and flag not in COMMANDS[rest[0]] and flag.replace("--no-", "--") not in COMMANDS[rest[0]]:
                fault(name, number, f"vdet {rest[0]} has no {flag}")
    elif program in ("python3", "node", "sh") and rest and not placeholder(rest[0]) and "/" in rest[0]:
        file_reference(name, number, rest[0])
    elif program.removeprefix("./") in FILES:
        if not os.access(ROOT / program, os.X_OK):
            fault(name, number, f"{program} is not executable")
    elif "/" in program and not placeholder(program) and program.split("/")[0] in TOP - {"web"}:
        file_reference(name, number, program)


def split(text):
    try:
        return shlex.split(text, comments=True)
    except ValueError:
        return []


def span(name, number, text, flags):
    """What stands between backticks."""
    words = split(text)
    if not words:
        return
    if re.fullmatch(r"--[a-z][a-z-]+", words[0].split("=")[0]):
        for flag in (w.split("=")[0] for w in words):
            if flag.startswith("--") and flag.replace("--no-", "--") not in FLAGS and flag not in FLAGS | FOREIGN | flags:
                fault(name, number, f"{flag}: vdet has no such option")
    elif re.fullmatch(r"[a-z]+\.[a-z_]+", text) and text.split(".")[0] in GROUPS and text.split(".")[1] not in ENDINGS:
        if text not in KEYS and text not in NAMES:
            fault(name, number, f"{text}: no such option")
    elif len(words) == 1 and not placeholder(text):
        if re.fullmatch(r"[\w.*{},-]+(/[\w.*{},-]+)*/?", text) and "/" in text and text.split("/")[0] in TOP:
            file_reference(name, number, text)
            script(name, number, text)
        elif re.fullmatch(r"[\w-]+\.(c|h|sql|py)", text) and text not in NAMES:
            fault(name, number, f"{text}: no such file")
    else:
        command(name, number, words)


def script_flags(text):
    """The flags of the scripts that a document names."""
    scripts = [f for f in FILES if f.endswith((".py", ".sh")) and f in text or f in ("tools/check.py", "tools/setup")]
    return {flag for f in scripts for flag in re.findall(r"--[a-z][a-z-]+", (ROOT / f).read_text())}


def document(name):
    text = (ROOT / name).read_text()
    flags, code, before = script_flags(text), False, ""
    for number, line in enumerate(text.split("\n"), 1):
        if line.startswith("```"):
            code = not code
        elif code:
            line = before + re.sub(r"^\$ ", "", line)
            before = line[:-1] if line.endswith("\\") else ""
            if not before:
                for part in re.split(r"&&|\|\||[|;]", line):
                    command(name, number, split(part))
        else:
            for m in re.finditer(r"(?<!`)`([^`]+)`(?!`)", line):
                span(name, number, m[1].replace(r"\|", "|"), flags)
            for m in re.finditer(r"\]\(([^)\s]+)\)", re.sub(r"`[^`]*`", "", line)):
                link(name, number, m[1])


documents = sys.argv[1:] or git("*.md")
for name in documents:
    document(name)
readme = (ROOT / "README.md").read_text()
for name in COMMANDS:
    if f"| `vdet {name}" not in readme:
        fault("README.md", 1, f"the table of commands lacks vdet {name}")
print("\n".join(faults) or f"{len(documents)} documents")
sys.exit(1 if faults else 0)
