#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A storm over a fleet: workers, their head, and NATS are killed, cut off and lied to at random moments. See README.md.

    fleet.py [--count N] [--seed S] [--keep-going]

Plays N rounds with the seeds S, S+1, …, and prints each. NATS_SERVER names a nats-server where none is in PATH; VDET names the
program, as in the flow tests. Exit code 77: it cannot be played here."""
import os
import shutil
import signal
import sys
import tempfile

import play
from fleet_round import HOSTS, FleetBase, FleetRound, nats
from hosts import Hosts

SKIPPED = 77


def storm(o, folder):
    hosts = Hosts(HOSTS)
    if hosts.why:
        print(f"no hosts of their own, so no network is harmed: {hosts.why}", flush=True)
    try:
        return play.play_all(o, FleetBase(folder, hosts), lambda seed: (f"seed {seed}", FleetRound()), lambda r: "; ".join(r.story))
    finally:
        hosts.close()


def main():
    o = play.parser("Breaks a fleet at random moments.", 10).parse_args()
    if not nats.program():
        print("nats-server is not here; NATS_SERVER may name one")
        return SKIPPED
    play.begin(o)
    folder = tempfile.mkdtemp(prefix="vdet-fleet-storm-")
    try:
        return storm(o, folder)
    finally:
        shutil.rmtree(folder, True)


if __name__ == "__main__":
    os.environ.pop("LD_PRELOAD", None)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by SIGTERM"))  # so that nothing is left running
    sys.exit(main())
