"""``python -m hostler.sim``: run seeds, say which one failed and how to see it again.

Invariant: the exit code is 1 exactly when a seed broke an oracle, and 2 when not all were judged.
"""

import argparse
import os
import secrets
import sys
import time
from concurrent.futures.process import BrokenProcessPool

from hostler.sim.seeds import empty_store, failure, verdicts
from hostler.sim.world import judge
from hostler.store.database import Store

SEED_BITS = 40
PROGRESS_S = 5.0
STORY_LINES = 400


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m hostler.sim", description=__doc__)
    parser.add_argument("--seeds", type=int, default=1000, help="how many seeds to run")
    parser.add_argument("--start", type=int, help="the first seed (default: a random one)")
    parser.add_argument("--seed", type=int, help="run this one seed and tell its story")
    parser.add_argument(
        "--processes",
        type=int,
        default=os.cpu_count() or 1,
        help="how many run seeds at a time (default: one for each core)",
    )
    options = parser.parse_args()
    if options.seed is not None:
        with empty_store() as store:
            return _replay(options.seed, store)
    start = secrets.randbits(SEED_BITS) if options.start is None else options.start
    try:
        return _run(range(start, start + options.seeds), max(1, options.processes))
    except BrokenProcessPool:
        _say("a process that judged seeds was killed (is there enough memory?): fewer --processes")
        return 2


def _run(seeds: range, processes: int) -> int:
    """Judge seeds side by side; stops at the first that fails."""
    _say(f"{len(seeds)} seeds from {seeds.start}")
    begun = said = time.monotonic()
    for done, failed in enumerate(verdicts(seeds, processes), 1):
        if failed is not None:
            _say(failed)
            return 1
        if time.monotonic() - said >= PROGRESS_S:
            said = time.monotonic()
            rate = done / (said - begun)
            left_s = (len(seeds) - done) / rate
            _say(f"{done} of {len(seeds)} seeds, {rate:.0f} a second, {left_s:.0f} s to go")
    _say(f"{len(seeds)} seeds held in {time.monotonic() - begun:.1f} s")
    return 0


def _replay(seed: int, store: Store) -> int:
    world = judge(seed, store)
    _say(f"seed {seed}: {world.faults}")
    for at, what in world.oracles.trace[-STORY_LINES:]:
        _say(f"{at:9.3f}  {what}")
    if world.oracles.found:
        _say(failure(seed, world))
        return 1
    _say(f"seed {seed} held")
    return 0


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
