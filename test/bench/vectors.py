#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How long it takes to find the nearest of many vectors.

    ninja -C build && ninja -C build test/bench/bench-vectors
    python3 test/bench/vectors.py [--vectors 100000] [--dim 768] [--queries 200]     needs 0.3 GB in $BENCH_DIR

The vectors are drawn, of the passages of 100 videos. Printed is the processor time, of one thread, of the first search of a
process, which reads them into memory, and of each other: median, 95th percentile, longest."""
import argparse
import json
import random
import sqlite3
import subprocess

import bench


def fill(path, n, dim, rng):
    """Passages without their full-text indexes, which are not measured here."""
    db = sqlite3.connect(path)
    db.executescript("PRAGMA synchronous = OFF; PRAGMA cache_size = -400000; DROP TRIGGER passage_added")
    db.execute("INSERT INTO space (id, model, hash, kind, lead, dim) VALUES (1, 'bench', '', 'text', '', ?)", (dim,))
    size = n // 100
    for job in range(100):
        name, source = f"{job:012x}", f"{job:064x}"
        facts = json.dumps({"source": {"sha256": source}})
        with db:
            db.execute("INSERT INTO job (id, key, source_name, facts, output, state, created, updated) VALUES (?, ?, ?, ?, '/', 1, ?, 0)",
                       (name, source, f"cam{job}.mp4", facts, job))
            db.execute("INSERT INTO chunk (job, idx, start_us, end_us) VALUES (?, 0, 0, ?)", (name, size * 6000000))
            ids = range(job * size + 1, (job + 1) * size + 1)
            db.executemany("INSERT INTO passage (id, source, stream, job, kind, chunk, event, start_us, end_us, text) "
                           "VALUES (?, ?, -1, ?, 'event', 0, ?, ?, ?, 'x')", [(i, source, name, i, i * 6000000, i * 6000000) for i in ids])
            db.executemany("INSERT INTO vector (space, job, chunk, passage, sample, scale, data) VALUES (1, ?, 0, ?, -1, ?, ?)",
                           [(name, i, 1 / 2000, rng.randbytes(dim)) for i in ids])
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--vectors", type=int, default=100000)
    p.add_argument("--dim", type=int, default=768)
    p.add_argument("--queries", type=int, default=200)
    a = p.parse_args()
    folder = bench.scratch() / f"vectors-{a.vectors}-{a.dim}"
    journal = folder / "vdet" / "vdet.db"
    if not journal.exists():
        folder.mkdir(exist_ok=True)
        subprocess.run([bench.flow.VDET, "jobs", "--data-dir", folder / "vdet"], check=True, capture_output=True)
        fill(journal, a.vectors, a.dim, random.Random(1))
    program = bench.flow.ROOT / "build" / "test" / "bench" / "bench-vectors"
    out = json.loads(subprocess.run([program, journal, str(a.dim), str(a.queries)], capture_output=True, text=True, check=True).stdout)
    times = sorted(x["ms"] for x in out[1:])
    print("| vectors | first, ms | median | p95 | longest |\n|---|---|---|---|---|")
    print(f"| {out[0]['all']:,} x {a.dim} | {out[0]['ms']:.0f} | {times[len(times) // 2]:.1f} | {times[len(times) * 95 // 100]:.1f} | "
          f"{times[-1]:.1f} |")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
