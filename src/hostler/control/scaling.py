"""Scales endpoints' variants: carries alarms to their policies, and schedules to their targets.

Invariant: a change of capacity is asked for as the API asks for it (``store.capacities``), in the
transaction that writes its activity, so a crash neither loses one nor asks twice. While an endpoint
changes nothing is decided: what is still so afterwards an alarm says again within a minute.
"""

from collections.abc import Callable, Iterable
from datetime import timedelta
from functools import partial

from hostler.control import alarms, scaling_steps
from hostler.control.controller import RESYNC_S
from hostler.control.scaling_steps import Rules
from hostler.domain.alarm import Firing, MetricAlarm
from hostler.domain.config import Quotas
from hostler.domain.errors import ConcurrentChangeError
from hostler.domain.ports import Clock, Wake
from hostler.domain.scaling import KEY, Policy
from hostler.planning.scaling import Signal
from hostler.store import scaling, scaling_activities
from hostler.store.database import Store, Transaction
from hostler.telemetry import alarm_points

ATTEMPTS = 3
"""Transactions tried when a row changed under one; each reads and decides again."""


class ScalingReconciler:
    """Brings scalable targets to what alarms, schedules and bounds ask for; a key is a target's.

    Args:
        store: The control database.
        metrics: The metrics' database.
        clock: When it is.
        wake: Tells the endpoints' controller of a change that was asked for.
        quotas: How much an account may have, as of now.
    """

    def __init__(
        self,
        store: Store,
        metrics: Store,
        clock: Clock,
        wake: Wake,
        quotas: Callable[[], Quotas] = Quotas,
    ) -> None:
        self._store = store
        self._metrics = metrics
        self._clock = clock
        self._wake = wake
        self._quotas = quotas

    async def keys(self) -> Iterable[str]:
        """The targets with something to do before the next resync."""
        soon = self._clock.now() + RESYNC_S
        return await self._store.read(partial(_awake, soon=soon))

    async def reconcile(self, key: str) -> timedelta | None:
        """Follow what is under way, do what is scheduled, pull within bounds."""
        rules = self._rules()
        target_id = key.removeprefix(KEY)
        step = partial(scaling_steps.settle, target_id=target_id, rules=rules)
        done = await self._write(step)
        return None if done.again_s is None else timedelta(seconds=done.again_s)

    async def act(self, firing: Firing) -> None:
        """Carry out a scaling policy, as an alarm's action; a policy that is gone asks nothing."""
        for _ in range(ATTEMPTS):
            seen = await self._store.read(partial(scaling_steps.look, firing=firing))
            if seen is None:
                return
            signals = await self._metrics.read(partial(self._signals, seen=seen))
            step = partial(scaling_steps.triggered, seen=seen, signals=signals, rules=self._rules())
            try:
                await self._write(step)
            except ConcurrentChangeError:
                continue
            return

    def _rules(self) -> Rules:
        return Rules(self._clock.now(), self._quotas())

    async def _write(self, step: Callable[[Transaction], scaling_steps.Done]) -> scaling_steps.Done:
        done = await self._store.write(step)
        for key in done.wakes:
            self._wake(key)
        return done

    def _signals(self, tx: Transaction, seen: scaling_steps.Seen) -> list[Signal]:
        """What the acting alarms say, on their data of now."""
        now = self._clock.now()
        return [_signal(tx, policy, alarm, now) for policy, alarm in seen.acting]


def _signal(tx: Transaction, policy: Policy, alarm: MetricAlarm, now: float) -> Signal:
    """What an alarm says to a policy, on as many real data points as it is evaluated on."""
    read = alarm_points.read(tx, alarm, alarms.ends(now)[alarm.every_s])
    points = [point for point in read if point is not None]
    used = points[-alarm.evaluation_periods :]
    return Signal(
        policy,
        alarm.name,
        alarm.standing.state.value,
        alarm.threshold,
        tuple(point.value for point in used),
        measured=used[-1].at if used else now,
        metric=alarm.measured,
    )


def _awake(tx: Transaction, soon: float) -> list[str]:
    ids = [*scaling.awake(tx, soon), *scaling_activities.moving(tx)]
    return [f"{KEY}{each}" for each in dict.fromkeys(ids)]
