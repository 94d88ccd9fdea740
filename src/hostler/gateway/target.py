"""An instance as the gateway sees it: a connection to each of its workers, and their health.

Invariant: a target that left the snapshot gets nothing new, and its connections end when what is in
flight on them is answered.
"""

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from hostler.domain.snapshot import TargetRoute
from hostler.gateway import loss, stopped
from hostler.gateway.counts import Counts
from hostler.modelserver import page

if TYPE_CHECKING:
    from hostler.gateway.link import Link
    from hostler.gateway.pool import Pool

RECONNECT_S = 0.02
SILENCE_S_MAX = 2.0
"""A worker that has not begun what it was sent, and is not busy, for this long is passed over: a
sweep later at most, within three seconds."""
Dial = Callable[["Target", int, float], None]
"""Connects to a target's worker, not before so many seconds; the target hears by ``joined``."""

Soon = Callable[[Callable[[], None]], object]
"""Calls back in the next turn of the loop."""

log = logging.getLogger(__name__)


class Target:
    """One instance: a connection to each of its workers."""

    def __init__(
        self, route: TargetRoute, pool: "Pool[Any]", counts: Counts, dial: Dial, soon: Soon
    ) -> None:
        self.route = route
        self.counts = counts
        self._dial = dial
        self.soon = soon
        self.instance_id = route.instance_id
        self.pool = pool
        self.outstanding = 0
        """Requests that this gateway has sent and that are not answered."""
        self.row = -1
        """Where all gateways count those; below 0 while there is no other."""
        self.retired = False
        self.links: list[Link | None] = [None] * len(route.sockets)
        self._reported = ""

    def open(self) -> None:
        """Connect to every worker."""
        for slot in range(len(self.links)):
            self._dial(self, slot, 0.0)

    def acquire(self) -> "Link | None":
        """The least busy worker that may be sent a request."""
        links = self.links
        if len(links) == 1:
            link = links[0]
            return link if link is not None and link.available() else None
        best = None
        for link in links:
            if (
                link is not None
                and link.available()
                and (best is None or link.unanswered < best.unanswered)
            ):
                best = link
        return best

    def count(self, change: int) -> None:
        """Requests were sent, or answered."""
        self.outstanding += change
        if self.row >= 0:
            self.counts.add(self.row, change)

    def load(self) -> int:
        """Requests that any gateway has sent and that are not answered."""
        return self.outstanding if self.row < 0 else self.counts.total(self.row)

    def share(self, *, yes: bool) -> None:
        """Count with the other gateways from now on, or alone."""
        if not yes:
            if self.row >= 0:
                self.counts.add(self.row, -self.outstanding)
                self.counts.let_go(self.instance_id)
                self.row = -1
        elif self.row < 0 and (row := self.counts.join(self.instance_id)) is not None:
            self.counts.add(row, self.outstanding)
            self.row = row

    def reachable(self) -> bool:
        """Whether any worker can be spoken to."""
        return any(link is not None and link.ready and not link.silent for link in self.links)

    def retire(self) -> None:
        """Out of the routes: nothing new; connections end with their last answer."""
        if not self.retired:
            self.retired = True
            self.pool.sent_before += sum(link.sent() for link in self.links if link is not None)
        self.close_if_idle()

    def close_if_idle(self) -> None:
        """End the connections of a retired target that owe nothing."""
        for link in self.links:
            if link is not None and not any(link.inflight.values()):
                link.close()

    def report(self, what: str) -> None:
        """Log once what is wrong with an instance."""
        if what != self._reported:
            self._reported = what
            log.warning("instance %s %s", self.instance_id, what)

    # connections

    def joined(self, link: "Link") -> None:
        """A connection was made."""
        self.links[link.slot] = link
        if self.retired:
            link.close()

    def lost(self, link: "Link") -> None:
        """A connection has ended: what the worker had not taken goes elsewhere."""
        if self.links[link.slot] is link:
            self.links[link.slot] = None
        if not self.retired:
            self.pool.sent_before += link.sent()
            self.pool.unanswered_before += link.unanswered
        taken = self._taken_by(link)
        orphans = list(link.inflight.items())
        link.inflight.clear()
        self.count(-link.unanswered)
        link.unanswered = 0
        if not self.retired:
            self._dial(self, link.slot, RECONNECT_S)
        for link_id, invocation in reversed(orphans):  # each may go to the head of the line
            if invocation is not None and link_id > taken:
                invocation.lost_untaken(link)
        owed = [each for link_id, each in orphans if each is not None and link_id <= taken]
        if owed:
            loss.tell(owed, loss.Lost(self.route.page, link.slot, link.pid))

    def _taken_by(self, link: "Link") -> int:
        """The last id that the worker may have taken from this connection."""
        path = self.route.page
        told = page.read_taken(path, link.slot, link.serial) if path and link.serial else None
        slot = self.read_page(link.slot)  # after it: see page.py
        if slot is None:
            return link.next_id if link.serial else 0
        _version, _state, _busy, serial, last_taken, _served, pid, _ = slot
        if pid != link.pid:
            return link.next_id  # another worker's slot by now: it cannot be known
        if serial == link.serial:
            return last_taken
        if serial == 0:
            return 0
        return link.next_id if told is None else told

    def read_page(self, slot: int) -> tuple[int, int, int, int, int, int, int, int] | None:
        """A worker's slot of the shared page; None when there is none."""
        return page.read_slot(self.route.page, slot) if self.route.page else None

    # health

    def watch(self, seconds: float) -> None:
        """Pass over workers that were sent something and are stopped, or idle and do not begin it.

        Of one that computes the request's own deadline is the judge; one that takes in what it is
        sent is not silent. ``seconds`` have passed in which it could have been heard.
        """
        for link in self.links:
            if link is None or not link.ready or link.silent:
                continue
            if not link.unanswered and not link.pinged:
                continue
            link.silence_s = seconds if link.takes_in() else link.silence_s + seconds
            if link.silence_s >= SILENCE_S_MAX and self._is_still(link):
                self._pass_over(link)

    def probe(self) -> None:
        """Ask idle workers for a sign of life."""
        for link in self.links:
            if link is not None and link.ready and not link.unanswered and not link.pinged:
                link.ping()

    def _is_still(self, link: "Link") -> bool:
        """Whether a silent worker is stopped, or idle without waiting for a processor."""
        slot = self.read_page(link.slot)
        if slot is None:
            return False
        if not link.outer_pid:
            link.outer_pid = stopped.outer_pid(self.route.page, link.pid)
        if slot[2] == 0:
            return not stopped.is_runnable(link.outer_pid)
        return stopped.is_stopped(link.outer_pid)

    def _pass_over(self, link: "Link") -> None:
        link.silent = True
        self.report(f"worker {link.slot} does not respond; its requests go elsewhere")
        taken = self._taken_by(link)
        for link_id, invocation in reversed(link.inflight.items()):
            if invocation is not None and link_id > taken:
                link.abandon(link_id)
                invocation.lost_untaken(link)
