"""Many seeds, judged side by side.

Invariant: a verdict depends on its seed alone, not on the process that found it or on what was
judged before.
"""

import multiprocessing
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from functools import cache
from multiprocessing.connection import wait
from threading import Thread

from hostler.sim.world import World, judge
from hostler.store import schema
from hostler.store.database import Store

CHUNK = 4
"""Seeds that a process takes at a time."""


@contextmanager
def empty_store() -> Iterator[Store]:
    """A database in memory with its tables; each world clears them for itself."""
    store = _made()
    try:
        yield store
    finally:
        store.close()


def _made() -> Store:
    store = Store("sqlite://", inline=True, tables=schema.metadata)
    store.create_tables()
    return store


_store = cache(_made)
"""This process's own, for as long as it lives."""


def verdicts(seeds: Sequence[int], processes: int) -> Iterator[str | None]:
    """For each seed, in whatever order, what it broke as text, or None.

    Raises:
        BrokenProcessPool: one of the processes was killed.
    """
    if processes == 1:
        yield from map(_judged, seeds)
        return
    context = multiprocessing.get_context("spawn")  # each imports for itself: nothing is shared
    pool = ProcessPoolExecutor(processes, context, initializer=_end_with_parent)
    try:
        chunks = [
            pool.submit(_all_judged, seeds[start : start + CHUNK])
            for start in range(0, len(seeds), CHUNK)
        ]
        for chunk in as_completed(chunks):
            yield from chunk.result()
    finally:
        pool.shutdown(cancel_futures=True)


def failure(seed: int, world: World) -> str:
    """What a failed seed broke, and the command that shows it again."""
    wrong = "\n".join(f"  {what}" for what in world.oracles.found)
    return f"seed {seed} failed:\n{wrong}\nreplay: python -m hostler.sim --seed {seed}"


def _end_with_parent() -> None:
    """Go on for nobody: who asked may be killed."""
    parent = multiprocessing.parent_process()
    assert parent is not None

    def watch() -> None:
        wait([parent.sentinel])
        os._exit(1)

    Thread(target=watch, daemon=True).start()


def _all_judged(seeds: Sequence[int]) -> list[str | None]:
    return [_judged(seed) for seed in seeds]


def _judged(seed: int) -> str | None:
    world = judge(seed, _store())
    return failure(seed, world) if world.oracles.found else None
