# SPDX-License-Identifier: Apache-2.0
"""Rounds of a storm, one after the other: options, the loop over seeds, and what is printed."""
import argparse
import random
import resource
import sys
import time
import traceback

from rounds import adopt_orphans


def parser(what, count):
    p = argparse.ArgumentParser(description=what)
    p.add_argument("--count", type=int, default=count)
    p.add_argument("--seed", type=int, default=random.randrange(1 << 30))
    p.add_argument("--keep-going", action="store_true", help="play the other rounds after one that failed")
    return p


def begin(o):
    print(f"storm of {o.count} rounds from seed {o.seed}", flush=True)
    adopt_orphans()


def play(name, round_, seed, base, say):
    """A round; its kills. None if it failed. `say`: describes a round that did not."""
    start = time.monotonic()
    try:
        round_.begin(seed, base)
        round_.play()
    except Exception:
        print(f"FAILED: {name}\n" + "\n".join(f"  {line}" for line in round_.story))
        print("\n".join(traceback.format_exc(chain=False).splitlines()[-14:]))
        return None
    finally:
        round_.doCleanups()
        sys.stdout.flush()
    print(f"{name}: {say(round_)} ({time.monotonic() - start:.1f} s)", flush=True)
    return round_.kills


def play_all(o, base, choose, say):
    """The exit code. choose(seed): the name of the round, and the round."""
    kills, failed, start = 0, [], time.monotonic()
    try:
        for seed in range(o.seed, o.seed + o.count):
            n = play(*choose(seed), seed, base, say)
            kills += n or 0
            if n is None:
                failed.append(seed)
                if not o.keep_going:
                    break
    finally:
        base.close()
    used = sum(sum(resource.getrusage(w)[:2]) for w in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    print(f"{kills} kills, {len(failed)} rounds failed {failed or ''}, {time.monotonic() - start:.0f} s, {used:.0f} s of processor time")
    return 1 if failed else 0
