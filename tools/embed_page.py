# SPDX-License-Identifier: Apache-2.0
"""Turns the page's files into one C source: embed_page.py OUT.c OUT.h FILE...

A table `page_files[]` of path ("/app.js"), media type, ETag, and the content plain and compressed."""
import gzip
import hashlib
import sys
from pathlib import Path

TYPES = {".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8",
         ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml", ".txt": "text/plain; charset=utf-8"}
HEAD = """#pragma once
/* The page's files, made from web/dist. Constant; any thread. */
#include <stddef.h>

struct page_file {
	const char *path, *type;
	const char *etag; /* with its quotes; the same content, the same tag */
	const unsigned char *plain, *gzip;
	size_t plain_len, gzip_len;
};

extern const struct page_file page_files[];
extern const size_t page_files_len;
"""


def array(name, data):
    lines = [",".join(map(str, data[i:i + 40])) for i in range(0, len(data), 40)]
    return f"static const unsigned char {name}[] = {{\n" + ",\n".join(lines) + "};\n"


out_c, out_h, *names = sys.argv[1:]
c, rows = [f'#include "{Path(out_h).name}"\n'], []
for n, name in enumerate(sorted(names, key=lambda name: Path(name).name)):
    path = Path(name)
    data = path.read_bytes()
    packed = gzip.compress(data, 9, mtime=0)
    c += [array(f"plain{n}", data), array(f"gzip{n}", packed)]
    url = "/" if path.name == "index.html" else "/" + path.name
    etag = hashlib.sha256(data).hexdigest()[:16]
    rows.append(f'\t{{"{url}", "{TYPES[path.suffix]}", "\\"{etag}\\"", plain{n}, gzip{n}, {len(data)}, {len(packed)}}},\n')
c.append("const struct page_file page_files[] = {\n" + "".join(rows) + "};\n")
c.append(f"const size_t page_files_len = {len(rows)};\n")
Path(out_c).write_text("".join(c))
Path(out_h).write_text(HEAD)
