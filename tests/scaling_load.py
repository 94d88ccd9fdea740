"""A variant under a load, minute by minute, in virtual time: alarms, decisions, and what comes of
them. Only the planners decide; the world around them is a few lines."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import pairwise
from random import Random

from hostler.domain.alarm import MetricAlarm
from hostler.domain.ids import AccountId, Arn, Region
from hostler.domain.scaling import (
    AdjustmentType,
    Aggregation,
    Dimension,
    Direction,
    Policy,
    Step,
    StepScaling,
    Suspended,
    Target,
    TargetTracking,
)
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


def policy_of(
    name: str, goal: float, out_s: float = 300, in_s: float = 300, *, only_out: bool = False
) -> Policy:
    request = {
        "PredefinedMetricSpecification": {
            "PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"
        }
    }
    return Policy(
        "t", name, Arn(f"arn:{name}"), 0.0, request,
        tracking=TargetTracking(goal, out_s, in_s, only_out),
        high_alarm=f"{name}-high", low_alarm=f"{name}-low",
    )  # fmt: skip


@dataclass(frozen=True)
class Watch:
    """An alarm that calls a step policy while its last points are all beyond the threshold."""

    policy: Policy
    threshold: float
    points: int
    above: bool

    @property
    def adjustment(self) -> int:
        assert self.policy.step is not None
        return self.policy.step.steps[0].adjustment

    def acts(self, values: list[float]) -> bool:
        newest = values[-self.points :]
        beyond = all((each > self.threshold) is self.above for each in newest)
        return len(newest) == self.points and beyond


def step_of(name: str, threshold: float, adjustment: int, points: int, cooldown_s: float) -> Watch:
    """A policy of one step, on its side of the threshold."""
    above = adjustment > 0
    step = Step(0.0, None, adjustment) if above else Step(None, 0.0, adjustment)
    scaling = StepScaling(
        AdjustmentType.CHANGE, (step,), cooldown_s=cooldown_s, aggregation=Aggregation.AVERAGE
    )
    policy = Policy("t", name, Arn(f"arn:{name}"), 0.0, {}, step=scaling)
    return Watch(policy, threshold, points, above)


@dataclass
class Change:
    """A change of capacity, and what was known when it was decided."""

    at: float
    before: int
    after: int
    policy: str
    """Whose proposal it is said to be."""
    points: list[float]
    """All until then."""
    of: int
    """The capacity that the newest was measured with."""
    fulfilled: float = math.inf

    @property
    def direction(self) -> Direction:
        return Direction.OUT if self.after > self.before else Direction.IN


@dataclass
class World:
    """One variant with target tracking policies, and perhaps step policies."""

    target: Target
    policies: list[Policy]
    load: Load
    capacity: int
    boot_minutes: int = 1
    """How long a change takes; nothing is decided meanwhile."""
    watches: list[Watch] = field(default_factory=list)
    suspended: dict[int, Suspended] = field(default_factory=dict)
    """By the minute from which on."""
    points: list[float] = field(default_factory=list)
    measured_of: list[int] = field(default_factory=list)
    capacities: list[int] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    decisions: list[Decision] = field(default_factory=list)
    _pending: tuple[float, int] | None = None
    _made: dict[str, list[MetricAlarm]] = field(default_factory=dict)

    def play(self, minutes: int) -> None:
        for minute in range(len(self.points), len(self.points) + minutes):
            if minute in self.suspended:
                self.target = replace(self.target, suspended=self.suspended[minute])
            self.points.append(self.load(minute) / self.capacity)
            self.measured_of.append(self.capacity)
            self._minute((minute + 1) * MINUTE_S)
            self.capacities.append(self.capacity)

    def _minute(self, now: float) -> None:
        if self._pending is not None:
            due, capacity = self._pending
            if now < due:
                return
            self._fulfil(capacity, now)
        signals = [each for policy in self.policies for each in self._signals(policy)]
        signals += [self._signal(watch) for watch in self.watches if watch.acts(self.points)]
        if not signals:
            return
        every = [*self.policies, *(watch.policy for watch in self.watches)]
        decision = decide(self.target, self.capacity, signals, every, now)
        self.decisions.append(decision)
        if decision.capacity is not None:
            assert decision.signal is not None
            name, points, of = decision.signal.policy.name, [*self.points], self.measured_of[-1]
            self.changes.append(Change(now, self.capacity, decision.capacity, name, points, of))
            self.target = replace(self.target, cooldown=decision.cooldown)
            self._pending = now + self.boot_minutes * MINUTE_S, decision.capacity

    def _fulfil(self, capacity: int, now: float) -> None:
        self.capacity, self._pending = capacity, None
        cooling = self.target.cooldown
        assert cooling is not None
        self.target = replace(self.target, cooldown=replace(cooling, until=now + cooling.seconds))
        self.changes[-1].fulfilled = now

    def _signal(self, watch: Watch) -> Signal:
        began = (len(self.points) - 1) * MINUTE_S
        newest = tuple(self.points[-watch.points :])
        return Signal(
            watch.policy, f"of {watch.policy.name}", "ALARM", watch.threshold, newest, began
        )

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
        policy_of(
            f"p{n}",
            goal * rng.choice([1.0, rng.uniform(0.5, 2)]),
            *_cooldowns(rng),
            only_out=n > 0 and rng.random() < 0.3,
        )
        for n in range(rng.choice([1, 1, 1, 2]))
    ]
    watches = [
        step_of("out", goal * rng.uniform(1.1, 3), rng.randint(1, 4), 2, _cooldowns(rng)[0]),
        step_of("in", goal * rng.uniform(0.1, 0.5), -rng.randint(1, 2), 5, _cooldowns(rng)[1]),
    ]
    jumps = [goal * rng.choice([0.0, rng.uniform(0, 15)]) for _ in range(4)]
    steady = goal * rng.choice([0.0, float(rng.randint(0, 10)), rng.uniform(0, 15)])
    held = Suspended(scale_in=rng.random() < 0.5, scale_out=rng.random() < 0.5)
    start = rng.randrange(JUMPS_MINUTES - 20)

    def load(minute: int) -> float:
        if minute >= JUMPS_MINUTES:
            return steady
        return jumps[minute // 15] * rng.uniform(0.8, 1.2)

    world = World(
        target, policies, load, rng.randint(target.min, target.max),
        boot_minutes=rng.randint(1, 4),
        watches=watches if rng.random() < 0.3 else [],
        suspended={start: held, start + 20: Suspended()} if rng.random() < 0.3 else {},
    )  # fmt: skip
    return world, steady


def fitting(world: World, steady: float) -> int:
    """The least capacity that holds a load at every policy's target."""
    goals = [policy.tracking.target_value for policy in world.policies if policy.tracking]
    return world.target.clamped(math.ceil(round(steady / min(goals), 9)))


def wrong(world: World) -> Iterator[str]:
    """What the changes of a world break, by the rules alone: no planner is asked."""
    for change in world.changes:
        at = f"{change.before} -> {change.after} by {change.policy} at {change.at / MINUTE_S:g} min"
        if not world.target.min <= change.after <= world.target.max:
            yield f"{at}: out of bounds"
        if change.after == change.before:
            yield f"{at}: no change"
        held = _held(world, int(change.at / MINUTE_S) - 1)
        if held.scale_in if change.direction is Direction.IN else held.scale_out:
            yield f"{at}: suspended"
        if change.direction is Direction.IN and not _all_are_low(world, change):
            yield f"{at}: not every policy was for it"
    for last, change in pairwise([None, *world.changes]):
        yield from (
            f"{change.at / MINUTE_S:g} min: {what}" for what in _cooling(world, last, change)
        )


def _cooling(world: World, last: Change | None, change: Change | None) -> Iterator[str]:
    """Whether a change breaks the cooldown of the one before, or is not as large as it is to be."""
    assert change is not None
    cools = last is not None and change.at < last.fulfilled + _cooldown_s(world, last)
    if cools and change.direction is Direction.IN:
        yield "scaled in during a cooldown"
    outward = cools and last is not None and last.direction is Direction.OUT
    watch = next((each for each in world.watches if each.policy.name == change.policy), None)
    if watch is None:
        start = change.of
        wanted = math.ceil(round(start * change.points[-1] / _goal(world, change.policy), 9))
    else:
        start = last.before if outward and last is not None else change.before
        wanted = start + watch.adjustment
    if change.after != world.target.clamped(wanted):
        yield f"went to {change.after}, and the formula says {wanted}"
    if outward and last is not None and wanted - start <= last.after - last.before:
        yield f"adds {wanted - start} in the cooldown of one that added {last.after - last.before}"


def _cooldown_s(world: World, change: Change) -> float:
    for watch in world.watches:
        if watch.policy.name == change.policy and watch.policy.step is not None:
            return watch.policy.step.cooldown_s
    policy = next(each for each in world.policies if each.name == change.policy)
    assert policy.tracking is not None
    out = change.direction is Direction.OUT
    return policy.tracking.scale_out_cooldown_s if out else policy.tracking.scale_in_cooldown_s


def _goal(world: World, name: str) -> float:
    policy = next(each for each in world.policies if each.name == name)
    assert policy.tracking is not None
    return policy.tracking.target_value


def _held(world: World, minute: int) -> Suspended:
    earlier = [each for each in world.suspended if each <= minute]
    return world.suspended[max(earlier)] if earlier else Suspended()


def _all_are_low(world: World, change: Change) -> bool:
    """Whether fifteen points of fifteen are a tenth below every target that may scale in."""
    if all(change.policy != each.name for each in world.policies):
        return True  # a step policy asks nobody
    newest = change.points[-15:]
    return all(
        len(newest) == 15 and max(newest) < 0.9 * policy.tracking.target_value
        for policy in world.policies
        if policy.tracking is not None and not policy.tracking.disable_scale_in
    )


def _cooldowns(rng: Random) -> tuple[float, float]:
    return rng.choice([0.0, 60.0, 300.0, 900.0]), rng.choice([0.0, 60.0, 300.0, 900.0])
