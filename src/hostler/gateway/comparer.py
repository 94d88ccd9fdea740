"""Compares answers in a thread beside the event loop, as time allows.

Invariant: one pair at a time, after each a pause that leaves the thread a small share of the time,
and few that wait: what finds no place is not compared. The thread holds the interpreter while it
computes, which callers would feel.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from time import perf_counter
from typing import NamedTuple

from hostler.gateway.compare import Agreement, Answer, judge

WAITING_MAX = 64
BODY_BYTES_MAX = 64 * 1024
"""Of each answer: about a millisecond of work."""
SHARE = 0.05
"""Of the time, for comparing."""

Judged = Callable[[Agreement | None], None]
"""Hears what was found; None where nothing was compared."""
Defect = Callable[[str, BaseException], None]


class _Pair(NamedTuple):
    one: Answer
    other: Answer
    tolerance: float
    judged: Judged


class Comparer:
    """The thread; it begins with the first pair."""

    def __init__(self, loop: asyncio.AbstractEventLoop, defect: Defect) -> None:
        self._loop = loop
        self._defect = defect
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="compare")
        self._waiting: deque[_Pair] = deque()
        self._busy = False

    def ask(self, one: Answer, other: Answer, tolerance: float, judged: Judged) -> None:
        """Compare two answers when there is time; ``judged`` is called on the loop."""
        largest = max(len(one.body), len(other.body))
        if largest > BODY_BYTES_MAX or len(self._waiting) >= WAITING_MAX:
            judged(None)
            return
        self._waiting.append(_Pair(one, other, tolerance, judged))
        if not self._busy:
            self._next()

    def close(self) -> None:
        self._waiting.clear()
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _next(self) -> None:
        self._busy = bool(self._waiting)
        if self._busy:
            pair = self._waiting.popleft()
            found = self._loop.run_in_executor(self._thread, _timed, pair)
            found.add_done_callback(partial(self._done, pair.judged))

    def _done(self, judged: Judged, found: "asyncio.Future[tuple[Agreement, float]]") -> None:
        if found.cancelled():
            return
        error = found.exception()
        if error is not None:
            self._defect("while comparing answers", error)
            self._next()
            judged(None)
            return
        agreement, spent_s = found.result()
        self._loop.call_later(spent_s * (1 - SHARE) / SHARE, self._next)
        judged(agreement)


def _timed(pair: _Pair) -> tuple[Agreement, float]:
    """What was found, and the seconds it took (in the thread)."""
    begun = perf_counter()
    return judge(pair.one, pair.other, pair.tolerance), perf_counter() - begun
