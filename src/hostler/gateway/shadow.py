"""Copies of requests for an endpoint's shadow variant, and what they tell of it.

Invariant: a request is copied after its caller's answer was written, and nothing that becomes of
the copy reaches the caller. What copies hold is bounded for each endpoint in number and in bytes,
and in bytes over all; what finds no room is not copied, and counted.
"""

import random
from collections.abc import Callable
from functools import partial
from time import monotonic_ns
from typing import TYPE_CHECKING

import orjson

from hostler.gateway import chain
from hostler.gateway.compare import TOLERANCE, Agreement, Answer, at_once
from hostler.gateway.copied import EXCERPT, Copy, Drop, content_type
from hostler.gateway.pool import Pool
from hostler.gateway.stream import STREAM_MIN

if TYPE_CHECKING:
    from hostler.gateway.comparer import Comparer
    from hostler.gateway.invocation import Invocation
    from hostler.gateway.limits import Limits
    from hostler.gateway.record import ShadowCounters
    from hostler.gateway.target import Soon


EXAMPLE_EVERY_NS = 10 * 10**9
"""Of each endpoint, by each gateway: a few megabytes a day."""


class Room:
    """Bytes that the copies of all endpoints may hold together."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._held = 0

    def take(self, size: int) -> bool:
        """Whether there was so much room."""
        if self._held + size > self._limit:
            return False
        self._held += size
        return True

    def give_back(self, size: int) -> None:
        self._held -= size


class Copying:
    """What all mirrors share.

    Args:
        limits: What copies may hold.
        comparer: Judges answers beside the event loop.
        soon: Calls back in the loop's next turn.
    """

    def __init__(self, limits: "Limits", comparer: "Comparer", soon: "Soon") -> None:
        self.limits = limits
        self.comparer = comparer
        self.soon = soon
        self.room = Room(limits.shadows_bytes_max)

    def close(self) -> None:
        """Compare nothing more."""
        self.comparer.close()


class Mirror:
    """An endpoint's shadow variant; ``draw`` gives [0, 1)."""

    def __init__(
        self,
        counters: "ShadowCounters",
        copying: Copying,
        draw: Callable[[], float] = random.random,
    ) -> None:
        self.pool = Pool(Copy.reroute)
        self.counters = counters
        self.share = 0.0
        """Of the requests, as long as there is room."""
        self.tolerance = TOLERANCE
        self.tells_examples = False
        """Whether requests and answers may be written down where the answers differ."""
        self._copying = copying
        self._draw = draw
        self._copies: dict[Copy, None] = {}
        """Waiting and under way; the first to be late first."""
        self._bytes = 0
        self._sending = False
        self._next_example_ns = 0

    def after(
        self, invocation: "Invocation", pieces: list[bytes], status: int, meta: bytes, body: bytes
    ) -> None:
        """A request's answer was written just now: copy it, where it is its turn."""
        if self._draw() < self.share:
            answer = Answer(status, content_type(meta), body)
            copying = partial(self._copy, invocation, pieces, answer)
            chain.attempt(invocation.gateway, "while copying a request for a shadow", copying)

    def after_large(self) -> None:
        """An answer was passed on that is too large to be kept."""
        if self._draw() < self.share:
            self.counters.drop(Drop.TOO_LARGE)

    def sweep(self, now_ns: int) -> None:
        """Give up what is late (``now_ns``: monotonic)."""
        for copy in list(self._copies):
            if copy.deadline_ns > now_ns:
                return
            copy.late()

    def disband(self) -> None:
        """The endpoint has no shadow any more."""
        self.pool.disband()
        for copy in list(self._copies):
            copy.give_up()

    def ended(self, copy: "Copy") -> None:
        """Nothing is held for a copy any more."""
        del self._copies[copy]
        self._bytes -= copy.held
        self._copying.room.give_back(copy.held)

    def compare(self, request: bytes, one: Answer, other: Answer) -> None:
        """Count whether two answers agree: now where it is plain, else when there is time."""
        judged = partial(self._judged, request, one, other)
        told = at_once(one, other)
        if told is not None:
            judged(told)
        else:
            self._copying.comparer.ask(one, other, self.tolerance, judged)

    def _judged(
        self, request: bytes, one: Answer, other: Answer, agreement: Agreement | None
    ) -> None:
        self.counters.compared(agreement)
        if agreement is Agreement.DIFFERENT and self.tells_examples:
            now_ns = monotonic_ns()
            if now_ns >= self._next_example_ns:
                self._next_example_ns = now_ns + EXAMPLE_EVERY_NS
                self.counters.example(example(request, one, other))

    def _copy(self, invocation: "Invocation", pieces: list[bytes], answer: Answer) -> None:
        why = self._unfit(invocation, answer)
        if why is not None:
            self.counters.drop(why)
            return
        copy = Copy(self, invocation, pieces, answer)
        self._copies[copy] = None
        self.counters.copied += 1
        self.pool.enqueue(copy)
        if not self._sending:
            self._sending = True
            self._copying.soon(self._send)

    def _unfit(self, invocation: "Invocation", answer: Answer) -> Drop | None:
        """Why a request is not copied; where it is, room for it has been taken."""
        size = invocation.size + len(answer.body)
        limits = self._copying.limits
        if invocation.session is not None:
            return Drop.SESSION
        if invocation.size > limits.shadow_body_bytes_max or len(answer.body) >= STREAM_MIN:
            return Drop.TOO_LARGE
        if (
            len(self._copies) >= limits.shadow_copies_max
            or self._bytes + size > limits.shadow_bytes_max
            or not self._copying.room.take(size)
        ):
            return Drop.FULL
        self._bytes += size
        return None

    def _send(self) -> None:
        self._sending = False
        self.pool.pump()


def example(request: bytes, one: Answer, other: Answer) -> str:
    """A difference as it is written down: a document of JSON."""
    return orjson.dumps(
        {
            "request": _excerpt(request),
            **{
                whose: {
                    "status": answer.status,
                    "content_type": answer.content_type,
                    "body": _excerpt(answer.body),
                }
                for whose, answer in (("production", one), ("shadow", other))
            },
        }
    ).decode()


def _excerpt(body: bytes) -> str:
    return body[:EXCERPT].decode("utf-8", "replace")
