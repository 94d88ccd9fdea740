"""The instances of one variant, and what waits for them.

Invariant: what waits leaves in order, but for what only its session's instance may answer; what
waited for a pool that is gone is routed again.
"""

import random
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Generic, TypeVar

from hostler.domain.errors import CallerError
from hostler.domain.snapshot import EndpointRoute, VariantRoute
from hostler.gateway import forward
from hostler.gateway.answers import SheddingError
from hostler.gateway.pace import Pace
from hostler.gateway.record import ServerlessCounters
from hostler.gateway.retries import RetryBudget
from hostler.gateway.target import Target

if TYPE_CHECKING:
    from hostler.gateway.link import Link
    from hostler.gateway.request import Request

LINE_MIN = 2
"""What a worker may have however slow it is: one request to compute, one to follow."""


R = TypeVar("R", bound="Request")


class Pool(Generic[R]):
    """The instances of one variant, and what waits for them: invocations, or a shadow's copies."""

    counters: ServerlessCounters | None = None
    """Of a serverless variant."""
    bounds_itself = False
    """Whether ``enqueue`` decides for itself who may wait."""

    def __init__(
        self,
        reroute: Callable[[R], None],
        draw: Callable[[], float] = random.random,
    ) -> None:
        self.targets: tuple[Target, ...] = ()
        self.at_random = False
        """Whether any instance is as good as the least busy one."""
        self.waiting: dict[R, None] = {}
        """In order; a dict, so that one whose client is gone leaves at once."""
        self.waiting_bytes = 0
        self.pinned_waiting = 0
        """How many of them wait for one instance alone."""
        self.unanswered_max = sys.maxsize
        """How many may be in line and at workers before the last of them would wait too long."""
        self.retries = RetryBudget()
        self.sent_before = 0
        """Over connections that have ended, and to retired instances."""
        self.unanswered_before = 0
        """What those connections ended without an answer to."""
        self._pace: Pace | None = None
        """None while there is nothing to do."""
        self._reroute = reroute
        self._draw = draw
        self._turn = 0
        self._disbanded = False

    def is_of(self, endpoint: EndpointRoute, variant: VariantRoute) -> bool:
        """Whether this is still the kind of pool that a variant of its name needs."""
        del endpoint
        return not variant.max_concurrency

    def follow(self, variant: VariantRoute) -> None:
        """Take over what a new snapshot says, besides the instances."""
        self.at_random = variant.at_random

    def acquire(self, *, avoid: Target | None = None) -> "Link | None":
        """A worker that may be sent a request: of the least busy instance, or of any.

        Of instances that are as busy, each is the first in turn.
        """
        targets = self.targets
        count = len(targets)
        if count == 1:
            return targets[0].acquire()
        if self.at_random:
            return self._any(avoid)
        best, least = None, 0
        self._turn = turn = self._turn + 1
        for step in range(count):
            target = targets[(turn + step) % count]
            load = target.load()
            if (best is None or load < least) and target is not avoid:
                link = target.acquire()
                if link is not None:
                    best, least = link, load
        if best is None and avoid is not None:
            return avoid.acquire() if avoid in targets else None
        return best

    def _any(self, avoid: Target | None) -> "Link | None":
        """Each instance with room is as likely; one to avoid is for want of others."""
        others = [target.acquire() for target in self.targets if target is not avoid]
        ready = [link for link in others if link is not None]
        if ready:
            return ready[int(self._draw() * len(ready))]
        return avoid.acquire() if avoid is not None and avoid in self.targets else None

    def place(self, invocation: R, *, avoid: Target | None = None) -> "Link | None":
        """A worker that may be sent this request: of its session's instance, if it has one."""
        pinned = invocation.pinned
        return self.acquire(avoid=avoid) if pinned is None else pinned.acquire()

    def enqueue(self, invocation: R, *, first: bool = False) -> None:
        """Let it wait: at the end of the line, or at its head."""
        if self._disbanded:
            self._reroute(invocation)
            return
        self.waiting_bytes += invocation.size
        self.pinned_waiting += invocation.pinned is not None
        if first:
            self.waiting = {invocation: None} | self.waiting
        else:
            self.waiting[invocation] = None

    def leave(self, invocation: R) -> None:
        """It waits no more."""
        if invocation in self.waiting:
            del self.waiting[invocation]
            self.waiting_bytes -= invocation.size
            self.pinned_waiting -= invocation.pinned is not None

    def sent(self) -> int:
        """How many requests were sent so far."""
        return self.sent_before + sum(link.sent() for link in self._links())

    def judge(self, now: float, wait_s_max: float) -> None:
        """Bound what may wait by how fast answers come (``now``: monotonic s).

        What lies in the workers' own lines waits as well: those are bounded first.
        """
        if not self.waiting and not any(target.outstanding for target in self.targets):
            if self._pace is not None:
                self.forget_pace()
            return
        links = self._links()
        ready = [link for link in links if link.ready and not link.silent]
        unanswered = sum(link.unanswered for link in links)
        full = bool(self.waiting) or unanswered >= LINE_MIN * len(links)
        self._pace = pace = self._pace or Pace()
        answered = self.sent() - unanswered - self.unanswered_before
        pace.saw(now, answered, full=full and bool(ready))
        if pace.per_second is None or not ready:
            return
        allowed = pace.per_second * wait_s_max
        each = max(LINE_MIN, int(allowed / len(ready)))
        for link in ready:
            link.bound_line(each)
        self.unanswered_max = max(int(allowed), sum(link.window for link in ready))

    def is_long(self, pinned: Target | None) -> bool:
        """Whether who joins the line, for one instance alone or for any, would wait too long.

        What is at the workers counts, not what might be: a large request keeps their places empty.
        """
        most = self.unanswered_max
        if most == sys.maxsize:
            return False
        links = [link for link in self._links() if link.ready and not link.silent]
        if pinned is None:
            waiting = len(self.waiting)
        else:
            of_all = max(1, len(links))
            links = [link for link in links if link.target is pinned]
            most = most * max(1, len(links)) // of_all  # its worker may be starting again
            waiting = sum(each.pinned is pinned for each in self.waiting)
        return waiting + sum(link.unanswered for link in links) >= most

    def forget_pace(self) -> None:
        """It is at rest, or its instances are others now: what was measured says nothing more."""
        self._pace = None
        self.unanswered_max = sys.maxsize
        for link in self._links():
            link.bound_line(sys.maxsize)

    def _links(self) -> "list[Link]":
        return [link for target in self.targets for link in target.links if link is not None]

    def pump(self) -> None:
        """Send what waits, as far as there is room."""
        if self.pinned_waiting:
            self._pump_pinned()
        while self.waiting and not self.pinned_waiting:
            link = self.acquire()
            if link is None:
                return
            invocation = next(iter(self.waiting))
            self.leave(invocation)
            forward.send(invocation, link)

    def _pump_pinned(self) -> None:
        """The same, where one that waits for its session's instance holds up no other."""
        is_full = False
        for invocation in list(self.waiting):
            if invocation not in self.waiting:
                continue  # who was refused had a request behind it, which looked at the line itself
            pinned = invocation.pinned
            if pinned is not None and pinned.retired:
                self.leave(invocation)
                invocation.unpinned()
                continue
            link = None if is_full and pinned is None else self.place(invocation)
            if link is not None:
                self.leave(invocation)
                forward.send(invocation, link)
            elif pinned is None:
                is_full = True

    def reachable(self) -> bool:
        """Whether any instance can be spoken to."""
        return any(target.reachable() for target in self.targets)

    def disband(self) -> None:
        """The variant is gone: what waits is routed again."""
        self.targets = ()
        self._disbanded = True
        for invocation in list(self.waiting):
            self.leave(invocation)
            self._reroute(invocation)

    def too_late(self, invocation: R) -> CallerError:
        """What is said of one that waited in vain until its deadline."""
        return SheddingError(
            "ServiceUnavailable",
            f"No instance of endpoint {invocation.name} took the request in time; try again.",
            1,
        )

    def refuse_unreachable(self, read_before_ns: int, refuse: Callable[[R], None]) -> None:
        """Refuse what was read before a moment (monotonic ns), while no instance can be reached."""
        if self.waiting and not self.reachable():
            for invocation in list(self.waiting):
                if invocation.started_ns < read_before_ns:
                    self.leave(invocation)
                    refuse(invocation)
