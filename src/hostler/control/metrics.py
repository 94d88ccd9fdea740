"""Makes CloudWatch metrics of what the gateways count, and keeps the metrics' database small.

Invariant: how far a spool was read is committed with what was read of it, so a crash between any
two steps neither loses nor doubles a call; zeros are written where nothing is, so twice is as once.
Each gateway process has a spool of its own; it is deleted when it was read to its end and nobody
holds its lock. A call that was admitted before ``counted.known_until`` is noted in
``telemetry.calls``, or ``whole_since`` there is later than it.
"""

import asyncio
import contextlib
import logging
import shutil
import sys
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeAlias

from hostler.control.counted import Counted
from hostler.domain.batches import batched
from hostler.domain.ids import AccountId, Home, Region
from hostler.domain.layout import Layout
from hostler.domain.ports import Clock
from hostler.domain.snapshot import EndpointRoute
from hostler.domain.subject import Side, Subject, subject_of
from hostler.modelserver import own_spool, spool
from hostler.snapshot import background
from hostler.store.database import Store, StoreUnavailableError, Transaction
from hostler.telemetry import calls, endpoint_metrics, levels, metric_rollups, metrics
from hostler.telemetry.concurrency import Concurrency
from hostler.telemetry.endpoint_metrics import Record, Told
from hostler.telemetry.metric_rollups import Turn
from hostler.telemetry.totals import Totals

POLL_S = 2.0
TURN_S, TURN_AGAIN_S = 30.0, 1.0
"""Between two turns of the housekeeper; the second while it has more to move than a turn may."""
BATCH_LINES = 2_000
BATCHES_A_SWEEP = 10
GRACE_S = 10.0
"""How long after a minute its last records may come."""
ZEROS_S_MAX = 300
"""How far back zeros are written: what was not watched for longer is not known."""
VARIANTS_AT_ONCE = 200
CALLS_KEPT_S = 455 * levels.DAY_S
"""How long it is known of an endpoint that it was called last then."""
OWN_DASHES = 3
"""In the name of a spool of one process: gateway-SLOT-TIME-PID."""
ZEROS = "zeros"
"""The source under which the end of the last minute with zeros is kept."""

Tell: TypeAlias = Callable[[Sequence[Record]], None]

_log = logging.getLogger("hostler.control")


@dataclass(frozen=True, slots=True)
class Batch:
    """Records between two positions of a source."""

    source: str
    records: Sequence[Record]
    told: Told | None
    """How far they go, if that was said."""
    lost: bool
    """Whether some are missing, or cannot be read."""
    before: str
    after: str


class MetricIngest:
    """Reads the gateways' spools.

    Args:
        store: The metrics' database.
        layout: Where the spools are.
        clock: For the age of what is read.
        routes: The endpoints that answer, with their instances; None while that is not known.
        gateways: How many gateways are connected, each of which has a spool unless it cannot.
        monotonic: The clock that ``Told.until`` is of.
        tell: Given what was read, once it is written; must not wait for anything.
    """

    def __init__(
        self,
        store: Store,
        layout: Layout,
        clock: Clock,
        routes: Callable[[], Collection[EndpointRoute] | None],
        *,
        tell: Tell | None = None,
        gateways: Callable[[], int] = lambda: 0,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._spools = layout.spools
        self._clock = clock
        self._routes = routes
        self.totals = Totals()
        self._tell = tell
        self._positions: dict[str, str] = {}
        self._learned: tuple[EndpointRoute, ...] = ()
        """Of which the sides and instances are known."""
        self._sides: Mapping[Side, int] = {}
        self._instances: Mapping[Subject, int] = {}
        """As last known; of variants that are gone too, until the housekeeper has been around."""
        self._behind = 0
        self._begun = False
        self._next_turn = 0.0
        self._caught_up = asyncio.Event()
        self._gateways = gateways
        self.counted = Counted(clock, monotonic)
        """Until when all calls are read."""
        self._concurrency = Concurrency()

    async def run(self) -> None:
        """Read until cancelled."""
        attempts = background.Attempts("hostler.control", (StoreUnavailableError, OSError))
        await attempts.repeat("metrics wait in their spools", self._work, POLL_S)

    async def caught_up(self) -> None:
        """Wait until what was counted while nobody read is among the metrics."""
        await self._caught_up.wait()

    async def _work(self) -> None:
        """Read what came, and keep house if it is time."""
        if not self._learn():
            return
        if await self.sweep():
            await self.concurrent()
            await self.fill()
            self._caught_up.set()
        if self._clock.now() >= self._next_turn:
            done = await self.housekeep()
            busy = done.moved >= metric_rollups.POINTS_MAX
            self._next_turn = self._clock.now() + (TURN_AGAIN_S if busy else TURN_S)

    async def sweep(self) -> bool:
        """Read what came since the last time; whether that was all."""
        self._learn()
        whole, living = True, []
        connected = self._gateways()  # asked before: one that connects now has its spool already
        for source in await asyncio.to_thread(_names, self._spools):
            carried = await self._carry(source)
            whole = whole and carried
            if not carried or not await self._remove_if_left(source):
                living.append(source)
        if not self.counted.swept(living, connected) or not await self._has_begun():
            await self._lost()
        return whole

    async def _has_begun(self) -> bool:
        """Whether it is known since when calls are counted; at the very first it is from now."""
        self._begun = self._begun or await self._store.read(calls.whole_since) is not None
        return self._begun

    async def _lost(self) -> None:
        now, homes = self._clock.now(), self._homes()
        await self._store.write(partial(_lose, homes=homes, now_s=now))

    def _homes(self) -> Collection[Home]:
        """The accounts and regions that have endpoints."""
        return {
            Home(AccountId(subject.account), Region(subject.region)) for subject in self._instances
        }

    async def fill(self) -> None:
        """Write zeros for the minutes without traffic, as far as all calls are known."""
        known_until = self.counted.known_until
        if known_until is None:
            return
        end = levels.start_of(min(known_until, self._clock.now() - GRACE_S), 60)
        before = await self._position(ZEROS)
        begin = max(int(before), end - ZEROS_S_MAX) if before else end
        if before == str(end) or begin > end:
            return
        sides = sorted(_sides(self._routes() or ()))
        serverless = sorted(_serverless(self._routes() or ()))
        now = self._clock.now()
        for minute in range(begin, end, 60):
            for some_sides in batched(sides, VARIANTS_AT_ONCE):
                found = [
                    zero
                    for side, _ in some_sides
                    for zero in endpoint_metrics.zeros(side, minute, self._quiet(side))
                ]
                await self._store.write(partial(metrics.put_missing, samples=found, now_s=now))
            for some in batched(serverless, VARIANTS_AT_ONCE):
                found = [
                    zero
                    for one, provisioned in some
                    for zero in endpoint_metrics.serverless_zeros(one, provisioned, minute)
                ]
                await self._store.write(partial(metrics.put_missing, samples=found, now_s=now))
        await self._store.write(partial(metrics.move, source=ZEROS, position=str(end)))
        self._positions[ZEROS] = str(end)

    def _quiet(self, side: Side) -> Iterable[str]:
        """The metrics that are to be zeros where there is nothing."""
        if side.config or side.subject in self._concurrency.busy:
            return endpoint_metrics.COUNTED
        return (*endpoint_metrics.COUNTED, endpoint_metrics.CONCURRENT)

    async def concurrent(self) -> None:
        """Write how many requests instances worked on at once, for the ten seconds that ended."""
        now = self._clock.now()
        found = list(self._concurrency.complete(now, self._instances))
        if found:
            await self._store.write(partial(metrics.put, samples=found, now_s=now))

    async def housekeep(self) -> Turn:
        """One turn: move old points, and at the end of a round forget sources that are gone."""
        turn = partial(metric_rollups.turn, now_s=self._clock.now(), behind=self._behind)
        done = await self._store.write(turn)
        self._behind = done.behind
        if not done.behind and done.moved < metric_rollups.POINTS_MAX:
            present = {ZEROS, calls.WHOLE, *await asyncio.to_thread(_names, self._spools)}
            gone = self._positions.keys() - present
            await self._store.write(partial(_forget, present=present))
            before_s = self._clock.now() - CALLS_KEPT_S
            await self._store.write(partial(calls.forget, before_s=before_s))
            for source in gone:
                del self._positions[source]
            self._learned = routes = tuple(self._routes() or ())
            self._sides = dict(_sides(routes))
            self._instances = dict(_serving(routes))
            self.totals.keep_only({*self._instances, *dict(_serverless(routes))})
        return done

    async def _carry(self, source: str) -> bool:
        """Carry one spool, as far as one sweep may; whether that was to its end."""
        directory = str(self._spools / source)
        for _ in range(BATCHES_A_SWEEP):
            before = await self._position(source)
            lines, after = await asyncio.to_thread(
                spool.read, directory, spool.Position.parse(before), BATCH_LINES
            )
            if not lines:
                return True
            batch = _batch(source, lines, before, str(after))
            sides, now = self._sides, self._clock.now()
            ingest = partial(_ingest, batch, sides, self._homes(), now)
            self._positions[source] = read_to = await self._store.write(ingest)
            if batch.told is not None:
                self.counted.told(source, batch.told)
            if read_to == batch.after:
                for record in batch.records:
                    self.totals.add(record)
                    self._concurrency.add(record)
                if self._tell is not None:
                    self._tell(batch.records)
        return False

    async def _position(self, source: str) -> str:
        known = self._positions.get(source)
        if known is None:
            known = await self._store.read(partial(metrics.position, source=source))
            self._positions[source] = known
        return known

    def _learn(self) -> bool:
        """How many instances each variant has; False while that is not known."""
        routes = self._routes()
        if routes is None:
            return False
        learned = tuple(routes)
        if learned != self._learned:  # at rest they are the same objects each time
            self._learned = learned
            self._sides = {**self._sides, **dict(_sides(learned))}
            self._instances = {**self._instances, **dict(_serving(learned))}
        return True

    async def _remove_if_left(self, source: str) -> bool:
        """Delete a spool whose process has ended, once all of it is read; whether it had.

        Of one in the manner of earlier versions it cannot be told who writes it.
        """
        if source.count("-") < OWN_DASHES:
            return True
        folder = self._spools / source
        with contextlib.suppress(OSError), own_spool.left(str(folder)) as ended:
            if not ended or not await self._carry(source):
                return False
            if not await asyncio.to_thread(_ended_well, folder, self._positions[source]):
                await self._lost()  # it was killed, with what it had in memory
            await asyncio.to_thread(shutil.rmtree, folder)
            return True
        return False


def _ingest(
    batch: Batch,
    sides: Mapping[Side, int],
    homes: Collection[Home],
    now_s: float,
    tx: Transaction,
) -> str:
    """Write a batch, unless that was done; how far the source is read now."""
    there = metrics.position(tx, batch.source)
    if there != batch.before:
        return there
    found = [
        sample for record in batch.records for sample in endpoint_metrics.samples(record, sides)
    ]
    metrics.put(tx, found, now_s)
    called = (each.subject for each in batch.records)
    calls.note(tx, (calls.callee(of.account, of.region, of.endpoint) for of in called), now_s)
    if batch.lost:
        _lose(tx, homes, now_s)
    metrics.move(tx, batch.source, batch.after)
    return batch.after


def _lose(tx: Transaction, homes: Collection[Home], now_s: float) -> None:
    """Say that records of calls may be lost: here, and to those who read metrics."""
    calls.lost(tx, now_s)
    metrics.put(tx, [endpoint_metrics.lost(*home, now_s) for home in sorted(homes)], now_s)


def _ended_well(folder: Path, position: str) -> bool:
    """Whether the last line of a spool that was read says that nothing is missing."""
    segment = spool.Position.parse(position).segment
    lines, _ = spool.read(str(folder), spool.Position(segment), sys.maxsize)
    told = endpoint_metrics.read(lines[-1].line) if lines else None
    return isinstance(told, Told) and told.ended


def _forget(tx: Transaction, present: set[str]) -> None:
    for source in metrics.sources(tx):
        if source not in present:
            metrics.forget(tx, source)


def _batch(source: str, lines: Sequence[spool.Record], before: str, after: str) -> Batch:
    records: list[Record] = []
    told: Told | None = None
    lost = False
    for line in lines:
        match endpoint_metrics.read(line.line):
            case Record() as record:
                records.append(record)
            case Told() as told:
                pass
            case None:
                lost = True
                _log.warning("%s says what is no record of calls: %.200s", source, line.line)
    return Batch(source, records, told, lost, before, after)


def _serving(routes: Collection[EndpointRoute]) -> Iterator[tuple[Subject, int]]:
    """The variants that have instances, and how many."""
    for side, instances in _sides(routes):
        if not side.config:
            yield side.subject, instances


def _sides(routes: Collection[EndpointRoute]) -> Iterator[tuple[Side, int]]:
    """The same, and during a deployment each side's as well."""
    for route in routes:
        whole: Counter[Subject] = Counter()
        for variant in route.every_variant:
            if variant.targets and not variant.max_concurrency:
                subject = subject_of(route, variant)
                whole[subject] += len(variant.targets)
                if variant.config:
                    yield Side(subject, variant.config), len(variant.targets)
        yield from ((Side(subject), number) for subject, number in whole.items())


def _serverless(routes: Collection[EndpointRoute]) -> Iterator[tuple[Subject, int]]:
    """The serverless variants, asleep or not, and their provisioned environments."""
    for route in routes:
        for variant in route.variants:
            if variant.max_concurrency:
                yield subject_of(route, variant), variant.provisioned


def _names(root: Path) -> list[str]:
    try:
        return sorted(path.name for path in root.iterdir() if path.name.startswith("gateway-"))
    except (FileNotFoundError, NotADirectoryError):
        return []
