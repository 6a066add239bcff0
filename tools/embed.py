# SPDX-License-Identifier: Apache-2.0
"""Turns files into one C source of byte arrays: embed.py OUT.c OUT.h PREFIX FILE...

FILE `describe-task.txt` becomes `const char PREFIX_describe_task_txt[]` (NUL-terminated) and `…_len`."""
import re
import sys
from pathlib import Path

out_c, out_h, prefix, *names = sys.argv[1:]
c, h = [f'#include "{Path(out_h).name}"\n'], ["#pragma once\n#include <stddef.h>\n"]
for name in names:
    data = Path(name).read_bytes()
    symbol = prefix + "_" + re.sub(r"\W", "_", Path(name).name)
    h.append(f"extern const char {symbol}[];\nextern const size_t {symbol}_len;\n")
    lines = [", ".join(f"{b - 256 if b > 127 else b}" for b in data[i : i + 24]) for i in range(0, len(data), 24)]
    c.append(f"const char {symbol}[] = {{\n" + ",\n".join(lines + ["0"]) + f"}};\nconst size_t {symbol}_len = {len(data)};\n")
Path(out_c).write_text("".join(c))
Path(out_h).write_text("".join(h))
