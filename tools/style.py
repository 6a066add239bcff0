# SPDX-License-Identifier: Apache-2.0
"""The written form of the C sources: what a formatter would quarrel about, and what a reader stumbles over.

Tabs indent; no trailing blanks; lines up to 100 columns (a tab counts 4); files up to 600 lines and functions up to
80; an opening brace of a function stands alone; no goto; none of the functions that overflow or are not thread-safe."""
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LINE, FILE, FUNCTION = 100, 600, 80
BANNED = re.compile(
    r"\b(strcpy|strcat|sprintf|vsprintf|gets|strtok|strncpy|strncat|atoi|atol|atof|asctime|ctime|localtime|gmtime"
    r"|rand|srand|system|popen|tmpnam|mktemp|alloca)\s*\(|\b(goto)\s+\w")
faults = []


def fault(path, number, text):
    faults.append(f"{path.relative_to(ROOT)}:{number}: {text}")


def strip(line):
    """Without string literals and // comments, so that words in them do not count."""
    return re.sub(r'"(\\.|[^"\\])*"', '""', line).split("//")[0]


def check(path):
    lines = path.read_text(encoding="utf-8").split("\n")
    if lines and lines[-1] != "":
        fault(path, len(lines), "no newline at the end")
    if len(lines) - 1 > FILE:
        fault(path, len(lines), f"{len(lines) - 1} lines; a file has at most {FILE}")
    if "SPDX-License-Identifier: Apache-2.0" not in lines[0]:
        fault(path, 1, "no SPDX line")
    start, comment = None, False
    for n, line in enumerate(lines, 1):
        if len(line.expandtabs(4)) > LINE:
            fault(path, n, f"longer than {LINE} columns")
        if line != line.rstrip():
            fault(path, n, "trailing blanks")
        begins = n == 1 or lines[n - 2].rstrip().endswith((";", "{", "}"))
        if begins and not comment and re.match(r" {2,}[^ *]", line):
            fault(path, n, "indented with spaces")
        comment = (comment or "/*" in line) and "*/" not in line[line.rfind("/*") + 2 if "/*" in line else 0:]
        code = strip(line)
        m = BANNED.search(code)
        if m and not comment and "/*" not in code and not (m.group(1) == "system" and "test" in path.parts):
            fault(path, n, f"{m.group(1) or m.group(2)} is not used here")
        if line == "{":
            start = n
        elif line == "}" and start:
            if n - start - 1 > FUNCTION:
                fault(path, start, f"a function of {n - start - 1} lines; at most {FUNCTION}")
            start = None


names = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "*.c", "*.h"], cwd=ROOT, capture_output=True, text=True)
for name in names.stdout.split("\n"):
    if name and (ROOT / name).exists():
        check(ROOT / name)
print("\n".join(faults))
sys.exit(1 if faults else 0)
