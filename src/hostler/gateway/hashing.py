"""SHA-256 of large bodies, as they arrive, in one thread beside the event loop.

Invariant: pieces are hashed in the order they came (one thread, first in first out), and the digest
is handed back on the loop. What waits for the thread is the body's own, and goes with it: a body
whose room is given back holds nothing here. Who waits for the processor waits for the hash of
``TURN`` bytes.
"""

import asyncio
import hashlib
import os
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

TURN = 64 * 1024
"""Bytes, a fifth of a millisecond's work. The scheduler itself looks every few milliseconds (its
tick) whether a thread that does not sleep has had its turn, and a small call needs it sooner."""


class Hasher:
    """The thread."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="sha256")

    def start(self, pieces: Sequence[bytes], done: Callable[[str], None]) -> "BodyHash":
        """Begin with what has arrived; ``done`` gets the hexadecimal digest after ``finish``."""
        body = BodyHash(self._thread, done)
        for piece in pieces:
            body(piece)
        return body

    def finish(self, body: "BodyHash") -> None:
        """The body has ended."""
        self._thread.submit(body.digest_to, self._loop)

    def close(self) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)


class BodyHash:
    """One body: call it with each piece."""

    __slots__ = ("_done", "_pieces", "_sha256", "_thread")

    def __init__(self, thread: ThreadPoolExecutor, done: Callable[[str], None]) -> None:
        self._thread = thread
        self._done = done
        self._sha256 = hashlib.sha256()
        self._pieces: deque[bytes] = deque()
        """In order; the loop adds at one end, the thread takes at the other."""

    def __call__(self, piece: bytes) -> None:
        self._pieces.append(piece)
        self._thread.submit(self._update)

    def drop(self) -> None:
        """Nobody waits for its digest any more."""
        self._pieces.clear()

    def _update(self) -> None:
        """Hash a piece (in the thread)."""
        try:
            piece = self._pieces.popleft()
        except IndexError:
            return  # it was dropped
        with memoryview(piece) as view:
            for start in range(0, len(view), TURN):
                self._sha256.update(view[start : start + TURN])
                os.sched_yield()

    def digest_to(self, loop: asyncio.AbstractEventLoop) -> None:
        """Hand the digest to the loop (in the thread)."""
        loop.call_soon_threadsafe(self._done, self._sha256.hexdigest())
