#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The written form of the sources, and the words of messages, comments and documents.

C: tabs indent; no trailing blanks; code up to 100 columns (a tab counts 4), comments up to 80; files up to 600 lines,
functions up to 60 (80 in tests, for their tables); the opening brace of a function is a line of its own; no goto; none of
the functions that overflow or are not thread-safe. Python: lines up to 140 columns. Every source begins with its SPDX
line.

Words: see WORDS. They are looked for in comments, string literals and documents, and those of NAMES in identifiers too.

  tools/style.py [--count] [PATH...]    PATH limits the check; --count prints how often each word occurs"""
import collections
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CODE, COMMENT, PYTHON, FILE, FUNCTION, TEST = 100, 80, 140, 600, 60, 80
BANNED = re.compile(
    r"\b(strcpy|strcat|sprintf|vsprintf|gets|strtok|strncpy|strncat|atoi|atol|atof|asctime|ctime|localtime|gmtime"
    r"|rand|srand|system|popen|tmpnam|mktemp|alloca)\s*\(|\b(goto)\s+\w")
# Former names of things, and what they are called: see the glossary in docs/architecture.md.
NAMES = {
    "crew": "worker pool", "unrest": "noise level", "witness": "signal source", "rung": "decode path", "glance": "job summary",
    "grave": "permanent", "fate": "failure", "case store": "journal",
}
# Words that are not plain technical English here, and what to write.
WORDS = {
    r"(?<!of )course": "run", r"told|tells?|telling": "report, print, publish, say", r"anew": "again", r"nobody": "no one",
    r"whoever": "the client, the process", r"in work": "in progress", r"of ours": "our", r"worth nothing": "useless",
    r"as good as": "nearly", r"said aloud": "logged", r"stands?(?!-| for| still)": "is", r"lies": "is",
    r"(?<!there )(?<!when )(?<!times )is no(?! longer| more)": "is not", r"at home": "runs on", r"beforehand": "first", r"shall": "must",
    r"asks too much": "rate limit exceeded", r"cannot be written down": "cannot save", r"burn down": "fail",
    r"looked over": "indexed", r"reckon\w*": "compute", r"cancell(?:ed|ing)": "canceled, canceling",
    r"analys(?:e|ed|ing)": "analyze", r"(?:upper|lower) floors?": "layer",
    r"truth value": "boolean", r"by and by": "gradually", r"lest|hence|thus|thereof|herein": "so",
}
# Not yet cleaned.
PENDING = ()
# Fixed by formats (a field of the report, columns and a table of the journal), or what models write.
FORMAT = {"src/story/words.c": ("stand",), "src/report/json.c": ("rung", "analysed"), "src/store/chunk.c": ("rung",),
          "src/prove/read.c": ("analysed",), "src/mcp/pipes.c": ("notifications/cancelled",),
          "src/wallclock/wallclock.c": ("tell",), "src/wallclock/wallclock.h": ("tell",)}
PATTERN = re.compile(r"\b(?:%s)\b" % "|".join(f"({p})" for p in WORDS), re.I)
NAME = re.compile(r"(?<![a-z])(%s)(?:e?s)?(?![a-z])" % "|".join(NAMES), re.I)
LITERAL = re.compile(r'"((?:\\.|[^"\\])*)"')
faults = []
counts = collections.Counter()


def fault(path, number, text):
    faults.append(f"{path.relative_to(ROOT)}:{number}: {text}")


def words(path, number, text, everything=True):
    """everything: prose; else only identifiers."""
    where = str(path.relative_to(ROOT))
    quiet = not COUNT and where.startswith(PENDING)
    for name in FORMAT.get(where, ()):
        text = text.replace(name, "")
    for m in NAME.finditer(text):
        counts[m[1].lower()] += 1
        if not quiet:
            fault(path, number, f"'{m[0]}': write {NAMES[m[1].lower()]}")
    if everything:
        for m in PATTERN.finditer(text):
            wanted = list(WORDS.values())[m.lastindex - 1]
            counts[list(WORDS)[m.lastindex - 1]] += 1
            if not quiet:
                fault(path, number, f"'{m[0]}': write {wanted}")


def strip(line):
    """Without string literals and // comments, so that words in them do not count."""
    return LITERAL.sub('""', line).split("//")[0]


def general(path, lines, limit):
    if lines and lines[-1] != "":
        fault(path, len(lines), "no newline at the end")
    if not any("SPDX-License-Identifier: Apache-2.0" in line for line in lines[:2]):
        fault(path, 1, "no SPDX line")
    for n, line in enumerate(lines, 1):
        if len(line.expandtabs(4)) > limit:
            fault(path, n, f"longer than {limit} columns")
        if line != line.rstrip():
            fault(path, n, "trailing blanks")


def check_c(path, lines):
    general(path, lines, CODE)
    if len(lines) - 1 > FILE:
        fault(path, len(lines), f"{len(lines) - 1} lines; a file has at most {FILE}")

    start, comment = None, False
    for n, line in enumerate(lines, 1):
        begins = n == 1 or lines[n - 2].rstrip().endswith((";", "{", "}"))
        if begins and not comment and re.match(r" {2,}[^ *]", line):
            fault(path, n, "indented with spaces")
        bare = LITERAL.sub('""', line)
        inside = comment or "/*" in bare or "//" in strip(line)
        width = len(re.sub(r"\s*\*/$", "", line).expandtabs(4))  # its end does not count
        if (comment or re.match(r"\s*(/\*|//)", line)) and not re.search(r"\*/.*\S", line) and width > COMMENT:
            fault(path, n, f"a comment longer than {COMMENT} columns")
        prose = line if comment else " ".join(LITERAL.findall(line)) + " " + "".join(re.findall(r"/\*.*|//.*", bare))
        comment = (comment or "/*" in bare) and "*/" not in bare[bare.rfind("/*") + 2 if "/*" in bare else 0:]
        code = strip(line)
        words(path, n, prose)
        if not inside:
            words(path, n, code, everything=False)

        m = BANNED.search(code)
        if m and not inside and not (m.group(1) == "system" and "test" in path.parts):
            fault(path, n, f"{m.group(1) or m.group(2)} is not used here")
        if line == "{":
            start = n
        elif line == "}" and start:
            limit = TEST if "test" in path.parts else FUNCTION
            if n - start - 1 > limit:
                fault(path, start, f"a function of {n - start - 1} lines; at most {limit}")
            start = None


def check_text(path, lines):
    """Documents: prose outside code blocks and `code`."""
    code = False
    for n, line in enumerate(lines, 1):
        if line.startswith("```"):
            code = not code
        elif not code:
            words(path, n, re.sub(r"`[^`]*`", "", line))


def check(path):
    lines = path.read_text(encoding="utf-8").split("\n")
    if path.suffix in (".c", ".h"):
        check_c(path, lines)
    elif path.suffix == ".py":
        general(path, lines, PYTHON)
    else:
        check_text(path, lines)


COUNT = "--count" in sys.argv
only = [a for a in sys.argv[1:] if not a.startswith("-")]
names = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", *(only or ["*.c", "*.h", "*.py", "*.md"])], cwd=ROOT,
                       capture_output=True, text=True)
for name in names.stdout.split("\n"):
    if name and (ROOT / name).suffix in (".c", ".h", ".py", ".md") and (ROOT / name).exists():
        check(ROOT / name)
if COUNT:
    print("\n".join(f"{n:5} {word}" for word, n in counts.most_common()))
else:
    print("\n".join(faults))
sys.exit(1 if faults else 0)
