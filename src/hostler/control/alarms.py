"""Evaluates alarms: metric alarms on their data, composite alarms on the others.

Invariant: when an alarm is evaluated follows from the clock and what is in the database alone, so a
restart goes on where it was. A state, its history and its actions are in one transaction, at the
version of the alarm that was evaluated: what changed meanwhile is evaluated at the next turn, and
keeps none of those beside it from being written.
"""

import asyncio
import contextlib
import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial

from hostler.domain.alarm import (
    FINE_S,
    MINUTE_S,
    STATE_SET,
    CompositeAlarm,
    MetricAlarm,
    Standing,
)
from hostler.domain.batches import batched
from hostler.domain.errors import ConcurrentChangeError
from hostler.domain.ids import Home
from hostler.domain.ports import Clock
from hostler.planning import alarm_rules, alarm_transitions, alarms
from hostler.planning.alarm_transitions import Change
from hostler.snapshot import background
from hostler.store import alarm_history, alarm_queue
from hostler.store import alarms as alarm_rows
from hostler.store.alarm_history import KEPT_S
from hostler.store.alarms import Kept
from hostler.store.database import Store, StoreUnavailableError, Transaction
from hostler.telemetry import alarm_points, levels

SETTLED_S: Mapping[int, float] = {FINE_S: 5.0, MINUTE_S: 15.0}
"""How long after a period its data are complete, by how often alarms are evaluated. What gateways
counted in a minute, and its zeros, are there 12 seconds later."""
READ_AT_ONCE = 50
"""Alarms whose data one transaction reads."""
SETTLED_AT_ONCE = 100
"""Alarms whose changes one transaction writes: others' writes wait for no more than that."""
HOUSEKEEPING_S = 3600
CATCHING_UP_S_MAX = 30.0
"""How long the first evaluation waits for what was counted meanwhile: not for ever, for alarms on
other metrics need none of it."""

_log = logging.getLogger("hostler.control")


class AlarmEvaluator:
    """Evaluates all alarms.

    Args:
        store: The control database.
        metrics: The metrics' database.
        clock: When it is.
        fired: Called with the line of each action that was queued (``Firing.line``).
        caught_up: Returns once everything that was counted before now is among the metrics.
    """

    def __init__(
        self,
        store: Store,
        metrics: Store,
        clock: Clock,
        fired: Callable[[str], None],
        caught_up: Callable[[], Awaitable[object]],
    ) -> None:
        self._store = store
        self._metrics = metrics
        self._clock = clock
        self._fired = fired
        self._caught_up = caught_up
        self._ends: dict[int, int] = {FINE_S: 0, MINUTE_S: 0}
        """Up to when data were last evaluated, by interval."""
        self._housekept = 0.0
        self._woken: set[str] = set()
        self._wake = asyncio.Event()

    def wake(self, key: str) -> None:
        """Evaluate soon what depends on an alarm's change: its ARN, or ``STATE_SET``."""
        self._woken.add(key)
        self._wake.set()

    async def run(self) -> None:
        """Evaluate until cancelled, from when the data are there: before, all would be missing."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CATCHING_UP_S_MAX):
                await self._caught_up()
        attempts = background.Attempts("hostler.control", (StoreUnavailableError,))
        while True:
            await attempts.attempt("alarms are evaluated later", self.turn())
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._until_next()):
                    await self._wake.wait()

    async def turn(self) -> None:
        """Evaluate what is due now, and what was woken."""
        self._wake.clear()
        woken, self._woken = self._woken, set()
        now = self._clock.now()
        due = [every for every, end in ends(now).items() if end > self._ends[every]]
        if not due and not woken:
            return
        kept = await self._store.read(partial(_due, every=due, woken=woken))
        changed = False
        for some in batched(kept, READ_AT_ONCE):
            changes = await self._metrics.read(partial(_evaluated, some=some, now=now))
            changed |= await self._settle(changes)
        if changed or woken or MINUTE_S in due:
            await self._settle(await self._store.read(partial(_composed, now=now)))
        self._ends.update({every: ends(now)[every] for every in due})
        await self._housekeep(now)
        if STATE_SET in woken:
            for line in await self._store.read(alarm_queue.actions.waiting):
                self._fired(line)

    async def _settle(self, changes: Sequence[tuple[Kept, Change]]) -> bool:
        """Write changes of alarms, but of those that changed meanwhile; whether any was written."""
        changed = False
        for some in batched(changes, SETTLED_AT_ONCE):
            for change in await self._store.write(partial(_settled, some=some)):
                changed = True
                if change.items:
                    standing = change.alarm.standing
                    _log.info(
                        "alarm %s is %s: %s", change.alarm.arn, standing.state, standing.reason
                    )
                for firing in change.firings:
                    self._fired(firing.line)
        return changed

    async def _housekeep(self, now: float) -> None:
        if now - self._housekept >= HOUSEKEEPING_S:
            await self._store.write(partial(alarm_history.forget, before=now - KEPT_S))
            self._housekept = now

    def _until_next(self) -> float:
        """Seconds until the next data are complete."""
        now = self._clock.now() - SETTLED_S[FINE_S]
        return levels.start_of(now, FINE_S) + FINE_S - now


def ends(now: float) -> Mapping[int, int]:
    """Up to when data are complete, by interval."""
    return {every: levels.start_of(now - late, every) for every, late in SETTLED_S.items()}


def _due(tx: Transaction, every: Sequence[int], woken: set[str]) -> Sequence[Kept]:
    """The metric alarms that are due at these intervals or were woken."""
    found = {str(kept.alarm.arn): kept for kept in alarm_rows.due(tx, every)} if every else {}
    for arn in woken - found.keys():
        kept = alarm_rows.by_arn(tx, arn)
        if kept is not None and isinstance(kept.alarm, MetricAlarm):
            found[arn] = kept
    return list(found.values())


def _evaluated(tx: Transaction, some: Sequence[Kept], now: float) -> Sequence[tuple[Kept, Change]]:
    """What follows from the data of some alarms."""
    until = ends(now)
    found = []
    for kept in some:
        alarm = kept.alarm
        assert isinstance(alarm, MetricAlarm)
        points = alarm_points.read(tx, alarm, until[alarm.every_s])
        change = alarm_transitions.evaluated(alarm, alarms.evaluate(alarm, points, now), now)
        if change is not None:
            found.append((kept, change))
    return found


def _settled(tx: Transaction, some: Sequence[tuple[Kept, Change]]) -> Sequence[Change]:
    """Write changes; those that were written, as their alarms had not changed since."""
    written = []
    for kept, change in some:
        # An alarm that changed is found before anything is written of it.
        with contextlib.suppress(ConcurrentChangeError):
            alarm_rows.settle(
                tx, kept=kept, alarm=change.alarm, items=change.items, firings=change.firings
            )
            written.append(change)
    return written


def _composed(tx: Transaction, now: float) -> Sequence[tuple[Kept, Change]]:
    """What follows for composite alarms, those that others use first."""
    by_home: dict[Home, dict[str, Kept]] = defaultdict(dict)
    for kept in alarm_rows.composites(tx):
        by_home[Home(kept.alarm.account, kept.alarm.region)][kept.alarm.name] = kept
    found = []
    for home, kept_by_name in by_home.items():
        uses = {
            name: alarm_rules.names(kept.alarm)
            for name, kept in kept_by_name.items()
            if isinstance(kept.alarm, CompositeAlarm)
        }
        children = {child for names in uses.values() for child in names}
        standings = alarm_rows.standings(tx, *home, children)
        order, _ = alarm_rules.in_order(uses)
        for name in order:
            change = _composition(kept_by_name[name], uses[name], standings, now)
            if change is not None:
                found.append((kept_by_name[name], change))
                standings[name] = change.alarm.standing
    return found


def _composition(
    kept: Kept, children: Sequence[str], standings: Mapping[str, Standing], now: float
) -> Change | None:
    assert isinstance(kept.alarm, CompositeAlarm)
    there = {name: standings[name] for name in children if name in standings}
    states = {name: standing.state for name, standing in there.items()}
    since = {name: standing.transitioned for name, standing in there.items()}
    return alarm_transitions.composed(kept.alarm, states, since, now)
