#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A storm over a fleet: workers, their head, and NATS are killed, cut off and lied to at random moments. See README.md.

    fleet.py [--count N] [--seed S] [--keep-going]

Plays N rounds with the seeds S, S+1, …, and prints each. NATS_SERVER names a nats-server where none is in PATH; VDET names the
program, as in the flow tests. Exit code 77: it cannot be played here."""
import argparse
import os
import random
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback

from rounds import adopt_orphans
from fleet_round import HOSTS, FleetBase, FleetRound, nats
from hosts import Hosts

SKIPPED = 77


def play(seed, base):
    """A round; what was killed. None if it failed."""
    round_, start = FleetRound(), time.monotonic()
    try:
        round_.begin(seed, base)
        round_.play()
    except Exception:
        print(f"FAILED: seed {seed}\n" + "\n".join(f"  {line}" for line in round_.story))
        print("\n".join(traceback.format_exc(chain=False).splitlines()[-14:]))
        return None
    finally:
        round_.doCleanups()
        sys.stdout.flush()
    print(f"seed {seed}: {'; '.join(round_.story)} ({time.monotonic() - start:.1f} s)", flush=True)
    return round_.kills


def storm(o, folder):
    hosts = Hosts(HOSTS)
    if hosts.why:
        print(f"no hosts of their own, so no network is harmed: {hosts.why}", flush=True)
    base, kills, failed, start = FleetBase(folder, hosts), 0, [], time.monotonic()
    try:
        for seed in range(o.seed, o.seed + o.count):
            n = play(seed, base)
            kills += n or 0
            if n is None:
                failed.append(seed)
                if not o.keep_going:
                    break
    finally:
        base.close()
        hosts.close()
    used = sum(sum(resource.getrusage(w)[:2]) for w in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    print(f"{kills} kills, {len(failed)} rounds failed {failed or ''}, {time.monotonic() - start:.0f} s, {used:.0f} s of processor time")
    return 1 if failed else 0


def main():
    p = argparse.ArgumentParser(description="Breaks a fleet at random moments.")
    p.add_argument("--count", type=int, default=10)
    p.add_argument("--seed", type=int, default=random.randrange(1 << 30))
    p.add_argument("--keep-going", action="store_true", help="play the other rounds after one that failed")
    o = p.parse_args()
    if not nats.program():
        print("nats-server is not here; NATS_SERVER may name one")
        return SKIPPED
    print(f"storm of {o.count} rounds from seed {o.seed}", flush=True)
    adopt_orphans()
    folder = tempfile.mkdtemp(prefix="vdet-fleet-storm-")
    try:
        return storm(o, folder)
    finally:
        shutil.rmtree(folder, True)


if __name__ == "__main__":
    os.environ.pop("LD_PRELOAD", None)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by SIGTERM"))  # so that nothing is left running
    sys.exit(main())
