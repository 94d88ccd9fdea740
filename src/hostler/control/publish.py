"""Publishes what the data plane knows, and tells which instances the gateways send to.

Invariant: a snapshot is always whole. After a restart nothing is published until every endpoint
that serves has its route, from the last snapshot or from its own reconciliation, and identities
are known.
"""

import asyncio
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Protocol

from hostler.domain.ports import Clock
from hostler.domain.snapshot import EndpointRoute, Identities, Snapshot
from hostler.planning.plan import Exposure

SETTLE_S = 2.0
"""Gateways reconnect within a second of a restart; before this, silence is no acknowledgement."""
PAUSE_S = 0.05
"""Between two snapshots; what changes meanwhile goes out together."""
HOLD_S_MAX = 15.0
"""How long a restart waits for routes that no snapshot remembers."""


class SnapshotPublisher(Protocol):
    """The part of ``snapshot.publisher.Publisher`` that publication needs."""

    def next_generation(self) -> int: ...

    def publish(self, snapshot: Snapshot) -> None: ...

    def acked(self, generation: int) -> bool: ...


@dataclass(frozen=True, slots=True)
class _Published:
    """When (epoch seconds), and with which snapshot first."""

    at: float
    generation: int


class Publication:
    """The current routes and identities, and the snapshots made of them.

    Args:
        publisher: Where snapshots go.
        clock: Its now dates exposures.
        account, region: Stamped on every snapshot.
        on_progress: Called when gateways may have let go of, or learned of, instances.
    """

    def __init__(
        self,
        publisher: SnapshotPublisher,
        clock: Clock,
        *,
        account: str,
        region: str,
        on_progress: Callable[[], None],
    ) -> None:
        self._publisher = publisher
        self._clock = clock
        self._account = account
        self._region = region
        self._on_progress = on_progress
        self._routes: dict[str, EndpointRoute] = {}
        self._identities: Identities | None = None
        self._awaited: set[str] = set()
        self._begun: float | None = None
        self._first: _Published | None = None
        self._changed: dict[str, _Published | None] = {}
        """By ARN: when and with what the present route was published; None while it is not."""
        self._settled = False
        """Whether the gateways had their time to come back: before, none of them is everyone."""
        self._timer: asyncio.TimerHandle | None = None
        self._paused_until = 0.0
        self._dirty = True
        self._history: list[tuple[int, frozenset[str]]] = []
        self._acknowledged = False
        self._reached: tuple[frozenset[str], frozenset[str]] | None = None
        """Instances that all, and that any of the snapshots in use name; None: to be worked out."""

    def begin(self, last: Snapshot | None, serving: Iterable[str]) -> None:
        """Take over the last snapshot's routes of endpoints that (by their ARNs) still serve."""
        known = {route.arn: route for route in (last.endpoints if last else ())}
        for arn in serving:
            if arn in known:
                self._routes.setdefault(arn, known[arn])
            else:
                self._awaited.add(arn)
        self._begun = self._clock.now()
        asyncio.get_running_loop().call_later(HOLD_S_MAX, self._publish_soon)
        self._publish_soon()

    def set_route(self, arn: str, route: EndpointRoute | None) -> None:
        """The route an endpoint has now; None where it takes no requests."""
        self._awaited.discard(arn)
        if route != self._routes.get(arn):
            self._dirty = True
            self._changed[arn] = None
            if route is None:
                del self._routes[arn]
            else:
                self._routes[arn] = route
        self._publish_soon()

    def set_identities(self, identities: Identities) -> None:
        """Who may call, and what they may do."""
        if self._identities != identities:
            self._dirty = True
            self._identities = identities
        self._publish_soon()

    @property
    def routes(self) -> Collection[EndpointRoute] | None:
        """Of the endpoints that answer; None until this process has published any."""
        return self._routes.values() if self._history else None

    @property
    def pending(self) -> bool:
        """Whether something is known that no snapshot holds yet."""
        return self._dirty

    def acknowledged(self, generation: int) -> None:
        """A gateway put a generation to use, or went away (``Publisher``'s ``on_ack``).

        One above ours is an earlier life's: gateways ignore what we published up to there.
        """
        if self._history and generation > self._history[-1][0]:
            self._dirty = True
            self._publish_soon()
        self._progressed()

    def forget(self, arn: str) -> None:
        """An endpoint is gone: nobody will ask for its exposure again."""
        self._changed.pop(arn, None)

    def exposure(self, key: str) -> Exposure:
        """Which instances gateways may send to, by their acknowledgements so far.

        ``key`` is an endpoint's ARN; only the date is its own.
        """
        now = self._clock.now()
        if self._first is None:
            return Exposure(frozenset(), None, None, now)
        published = self._changed.get(key, self._first)
        since = now if published is None else published.at
        newest = self._history[-1][1]
        route = None if published is None else self._routes.get(key)
        weights = {(v.deployment, v.name): v.weight for v in route.every_variant} if route else {}
        if not self._acknowledged:
            return Exposure(frozenset(), None, newest, since, weights)
        if self._reached is None:
            sets = [ids for _, ids in self._history]
            self._reached = frozenset.intersection(*sets), frozenset().union(*sets)
        agreed = published is not None and published.generation <= self._history[0][0]
        return Exposure(*self._reached, newest, since, weights, agreed)

    def _settle(self) -> None:
        self._settled = True
        self._progressed()

    def _progressed(self) -> None:
        """What came before the newest generation that every gateway acknowledged is of the past."""
        newest = range(len(self._history) - 1, -1, -1) if self._settled else ()
        for index in newest:
            if self._publisher.acked(self._history[index][0]):
                del self._history[:index]
                self._reached = None
                self._acknowledged = True
                break
        self._on_progress()

    def _publish_soon(self) -> None:
        if not self._dirty or self._timer is not None or not self._whole():
            return
        loop = asyncio.get_running_loop()
        wait_s = self._paused_until - loop.time()
        if wait_s > 0:
            self._timer = loop.call_later(wait_s, self._publish)
        else:
            self._publish()

    def _whole(self) -> bool:
        if self._begun is None or self._identities is None:
            return False
        return not self._awaited or self._clock.now() >= self._begun + HOLD_S_MAX

    def _publish(self) -> None:
        self._timer = None
        self._dirty = False
        self._paused_until = asyncio.get_running_loop().time() + PAUSE_S
        identities = self._identities or Identities()
        routes = tuple(self._routes[arn] for arn in sorted(self._routes))
        generation = self._publisher.next_generation()
        ids = (t.instance_id for r in routes for v in r.every_variant for t in v.targets)
        self._history.append((generation, frozenset(ids)))
        self._reached = None
        now = self._clock.now()
        published = _Published(now, generation)
        if self._first is None:
            self._first = published
            asyncio.get_running_loop().call_later(SETTLE_S, self._settle)
        for arn, since in self._changed.items():
            self._changed[arn] = published if since is None else since
        self._publisher.publish(
            Snapshot(
                generation=generation,
                account=self._account,
                region=self._region,
                endpoints=routes,
                credentials=tuple(identities.credentials),
                principals=tuple(identities.principals),
                session_key=identities.session_key,
            )
        )
        self._progressed()
