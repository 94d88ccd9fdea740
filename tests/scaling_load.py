"""A variant under a load, minute by minute, in virtual time: alarms, decisions, and what comes of
them. Only the planners decide; the world around them is a few lines."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from random import Random

from hostler.domain.alarm import MetricAlarm
from hostler.domain.ids import AccountId, Arn, Region
from hostler.domain.scaling import Cooldown, Dimension, Direction, Policy, Target, TargetTracking
from hostler.planning import alarms, tracking
from hostler.planning.scaling import Decision, Signal, decide

MINUTE_S = 60.0
JUMPS_MINUTES = 60

Load = Callable[[int], float]
"""Requests in a minute, by the minute's number."""


def target_of(least: int, most: int) -> Target:
    return Target(
        "t", AccountId("123456789012"), Region("us-east-1"), "ep", "AllTraffic",
        Dimension.INSTANCE_COUNT, least, most, created=0.0,
    )  # fmt: skip


def policy_of(name: str, goal: float, out_s: float = 300, in_s: float = 300) -> Policy:
    request = {
        "PredefinedMetricSpecification": {
            "PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"
        }
    }
    return Policy(
        "t", name, Arn(f"arn:{name}"), 0.0, request, tracking=TargetTracking(goal, out_s, in_s),
        high_alarm=f"{name}-high", low_alarm=f"{name}-low",
    )  # fmt: skip


@dataclass(frozen=True)
class Change:
    """A change of capacity, and the cooldown of the one before it."""

    at: float
    before: int
    after: int
    cooling: Cooldown | None
    wanted: int
    """Before the bounds."""
    counted_from: int


@dataclass
class World:
    """One variant with target tracking policies."""

    target: Target
    policies: list[Policy]
    load: Load
    capacity: int
    boot_minutes: int = 1
    """How long a change takes; nothing is decided meanwhile."""
    points: list[float] = field(default_factory=list)
    capacities: list[int] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    decisions: list[Decision] = field(default_factory=list)
    _pending: tuple[float, int] | None = None
    _made: dict[str, list[MetricAlarm]] = field(default_factory=dict)

    def play(self, minutes: int) -> None:
        for minute in range(len(self.points), len(self.points) + minutes):
            self.points.append(self.load(minute) / self.capacity)
            self._minute((minute + 1) * MINUTE_S)
            self.capacities.append(self.capacity)

    def _minute(self, now: float) -> None:
        if self._pending is not None:
            due, capacity = self._pending
            if now < due:
                return
            self._fulfil(capacity, now)
        signals = [each for policy in self.policies for each in self._signals(policy)]
        if not signals:
            return
        decision = decide(self.target, self.capacity, signals, self.policies, now)
        self.decisions.append(decision)
        if decision.capacity is not None:
            best = max(decision.proposals, key=lambda each: each.capacity)
            self.changes.append(
                Change(
                    now,
                    self.capacity,
                    decision.capacity,
                    self.target.cooldown,
                    best.capacity,
                    best.counted_from,
                )
            )
            self.target = replace(self.target, cooldown=decision.cooldown)
            self._pending = now + self.boot_minutes * MINUTE_S, decision.capacity

    def _fulfil(self, capacity: int, now: float) -> None:
        self.capacity, self._pending = capacity, None
        cooling = self.target.cooldown
        assert cooling is not None
        self.target = replace(self.target, cooldown=replace(cooling, until=now + cooling.seconds))

    def _signals(self, policy: Policy) -> list[Signal]:
        began = (len(self.points) - 1) * MINUTE_S
        return [
            Signal(policy, alarm.name, "ALARM", alarm.threshold, tuple(self.points[-n:]), began)
            for alarm in self._alarms(policy)
            if (n := alarm.evaluation_periods) and self._is_in_alarm(alarm)
        ]

    def _alarms(self, policy: Policy) -> list[MetricAlarm]:
        if policy.name not in self._made:
            self._made[policy.name] = tracking.alarms(self.target, policy, 0.0)
        return self._made[policy.name]

    def _is_in_alarm(self, alarm: MetricAlarm) -> bool:
        """Nothing is ever missing here, so the rule is a short one."""
        newest = self.points[-alarm.evaluation_periods :]
        whole = len(newest) == alarm.evaluation_periods
        return whole and all(alarms.breaches(alarm, value) for value in newest)


def by_seed(seed: int) -> tuple[World, float]:
    """A world whose load jumps about for an hour and is steady then; and that load."""
    rng = Random(seed)
    least = rng.randint(1, 3)
    target = target_of(least, least + rng.randint(0, 12))
    goal = rng.choice([0.7, 1.0, 70.0, rng.uniform(0.5, 500)])
    policies = [
        policy_of(f"p{n}", goal * rng.choice([1.0, rng.uniform(0.5, 2)]), *_cooldowns(rng))
        for n in range(rng.choice([1, 1, 1, 2]))
    ]
    jumps = [goal * rng.choice([0.0, rng.uniform(0, 15)]) for _ in range(4)]
    steady = goal * rng.choice([0.0, float(rng.randint(0, 10)), rng.uniform(0, 15)])

    def load(minute: int) -> float:
        if minute >= JUMPS_MINUTES:
            return steady
        return jumps[minute // 15] * rng.uniform(0.8, 1.2)

    start = rng.randint(target.min, target.max)
    return World(target, policies, load, start, boot_minutes=rng.randint(1, 4)), steady


def fitting(world: World, steady: float) -> int:
    """The least capacity that holds a load at every policy's target."""
    goals = [policy.tracking.target_value for policy in world.policies if policy.tracking]
    return world.target.clamped(math.ceil(round(steady / min(goals), 9)))


def check_cooldowns(world: World) -> None:
    """No change breaks the cooldown that holds at its time."""
    for change in world.changes:
        cooling = change.cooling
        assert world.target.min <= change.after <= world.target.max
        assert change.after != change.before
        if cooling is None or not cooling.holds(change.at):
            continue
        assert change.after > change.before, "nothing is scaled in during a cooldown"
        if cooling.direction is Direction.OUT:
            larger = change.wanted - change.counted_from > change.before - cooling.base
            assert larger, "it adds more than the last one"


def _cooldowns(rng: Random) -> tuple[float, float]:
    return rng.choice([0.0, 60.0, 300.0, 900.0]), rng.choice([0.0, 60.0, 300.0, 900.0])
