"""What capacity a scalable target is to have, by what its alarms say: every rule in one place.

Invariant: pure, and never outside the target's bounds. Of several policies the largest proposal
wins; target tracking policies scale in only when all of them would.

A metric is of the capacity that there was when it was measured: a data point from before the last
change was fulfilled is counted with the capacity before that change.

A cooldown counts from when the last change by a policy was fulfilled. After a scale-out it holds
back whatever adds no more than that one did, and every scale-in; after a scale-in it holds back
scale-ins alone.
https://docs.aws.amazon.com/autoscaling/application/userguide/target-tracking-scaling-policy-overview.html
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from hostler.domain.scaling import (
    AdjustmentType,
    Cooldown,
    Direction,
    NotScaled,
    Policy,
    Reason,
    StepScaling,
    Target,
)
from hostler.planning import adjustment
from hostler.planning.adjustment import Adjusted


@dataclass(frozen=True, slots=True)
class Signal:
    """What an alarm that acts tells its policy."""

    policy: Policy
    alarm: str
    state: str
    threshold: float
    values: tuple[float, ...]
    """The data points that the alarm looks at, the newest last."""
    measured: float
    """When the period of the newest one began, epoch seconds."""
    metric: str = ""
    """What the data points are, in words."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """The capacity that one policy is for, before bounds, and how it came to it."""

    policy: str
    alarm: str
    capacity: int
    formula: str
    counted_from: int
    """The capacity that it was computed of."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What is to become of a target.

    ``capacity`` is None where nothing changes; ``reasons`` then say why, in AWS's codes, and
    ``why`` in words. ``cooldown`` belongs to the change.
    """

    capacity: int | None
    why: str
    signal: Signal | None = None
    """Whose proposal it is."""
    proposals: tuple[Proposal, ...] = ()
    reasons: tuple[Reason, ...] = ()
    cooldown: Cooldown | None = None


def plausible(target: Target, now: float) -> Target:
    """The target, without a cooldown that ends later than it can: the clock was set back since."""
    last = target.cooldown
    if last is None or last.until is None or last.until <= now + last.seconds:
        return target
    return replace(target, cooldown=None)


def decide(
    target: Target,
    current: int,
    signals: Sequence[Signal],
    policies: Sequence[Policy],
    now: float,
) -> Decision:
    """What a target's alarms lead to.

    Args:
        target: With the cooldown of its last change.
        current: Its desired capacity, which is fulfilled.
        signals: Of alarms whose action is a policy of the target, and act.
        policies: All of the target's: those without a signal may keep it from being scaled in.
        now: Epoch seconds.
    """
    found = [(signal, proposed(target, signal, current, now)) for signal in signals]
    proposals = tuple(proposal for _, proposal in found if proposal is not None)
    best: tuple[Signal, Proposal] | None = None
    for signal, proposal in found:
        if proposal is not None and (best is None or proposal.capacity > best[1].capacity):
            best = signal, proposal
    if best is None:
        return _silent(current, signals)
    signal, proposal = best
    wanted = target.clamped(proposal.capacity)
    if wanted > current:
        decision = _outward(target, current, proposal, signal, now)
    elif wanted < current:
        decision = _inward(
            target, current, wanted, signal, unready=_unready(signals, policies), now=now
        )
    else:
        decision = _unchanged(target, current, proposal, signal)
    return Decision(
        decision.capacity, decision.why, signal, proposals, decision.reasons, decision.cooldown
    )


def proposed(target: Target, signal: Signal, current: int, now: float) -> Proposal | None:
    """What one policy is for; None where it says nothing."""
    policy = signal.policy
    if policy.step is not None:
        return _stepped(target, policy.step, signal, current, now)
    assert policy.tracking is not None
    if not signal.values or current == 0 or signal.state != "ALARM":
        return None
    last, start = target.cooldown, current
    if last is not None and not last.precedes(signal.measured):
        start = last.base
    value, goal = signal.values[-1], policy.tracking.target_value
    capacity = tracked(start, value, goal)
    formula = f"ceil({start} * {_number(value)} / {_number(goal)}) = {capacity}"
    capacity = min(capacity, current) if _is_low(signal) else max(capacity, current)
    return Proposal(policy.name, signal.alarm, capacity, formula, start)


def _silent(current: int, signals: Sequence[Signal]) -> Decision:
    """No policy proposes anything: told of the first alarm, if there is one."""
    if not signals:
        return Decision(None, "No alarm acts.")
    first = signals[0]
    if not first.values:
        why = "The alarm has no data points, so there is nothing to compute a capacity of."
    elif first.policy.step is not None:
        why = "None of the policy's steps holds for the alarm's data points."
    elif current == 0:
        why = "Target tracking computes of the capacity that there is, which is 0."
    else:
        why = "The alarm is not in ALARM."
    reasons = (Reason(NotScaled.AT_DESIRED, current),)
    return Decision(None, why, first, reasons=reasons)


def _stepped(
    target: Target, policy: StepScaling, signal: Signal, current: int, now: float
) -> Proposal | None:
    made = adjustment.adjusted(policy, signal.values, signal.threshold, current)
    start, last = current, target.cooldown
    adds = made is not None and made.capacity > current
    if adds and last is not None and last.direction is Direction.OUT and last.holds(now):
        # While a scale-out cools down, what it added counts as part of the next one.
        start = min(last.base, current)
        made = adjustment.adjusted(policy, signal.values, signal.threshold, start)
    if made is None:
        return None
    formula = (
        f"{_change(policy, start, made)}, as {_number(made.value)} is "
        f"{_number(made.value - signal.threshold)} from the threshold"
    )
    capacity = max(made.capacity, current) if adds else made.capacity
    return Proposal(signal.policy.name, signal.alarm, capacity, formula, start)


def _change(policy: StepScaling, start: int, made: Adjusted) -> str:
    """What a step makes of a capacity, in words."""
    kind = policy.adjustment_type
    if kind is AdjustmentType.EXACT:
        return f"{start} set to {made.capacity} ({kind})"
    return f"{start} adjusted by {made.step.adjustment:+d} ({kind}) = {made.capacity}"


def tracked(capacity: int, value: float, goal: float) -> int:
    """Target tracking's formula: so many that the metric comes to its target or below.

    The quotient is rounded before it is raised to the next whole number, so that what is exact on
    paper (3 times 70 by 210) is not one more for a digit at the end of a fraction.
    """
    exact = capacity * value / goal
    if not math.isfinite(exact):
        return capacity
    return max(0, math.ceil(round(exact, 9)))


def _outward(
    target: Target, current: int, proposal: Proposal, signal: Signal, now: float
) -> Decision:
    held = (Reason(NotScaled.AT_DESIRED, current),)
    if target.suspended.scale_out:
        return Decision(None, "Dynamic scaling out is suspended.", reasons=held)
    last, wanted = target.cooldown, target.clamped(proposal.capacity)
    cooling = last is not None and last.direction is Direction.OUT and last.holds(now)
    added = current - last.base if last is not None else 0
    if cooling and proposal.capacity - proposal.counted_from <= added:
        why = "The cooldown of the last scale-out holds, and this is no larger one."
        return Decision(None, why, reasons=held)
    cooldown = Cooldown(Direction.OUT, signal.policy.name, current, _seconds(signal, out=True))
    return Decision(wanted, f"Scale out from {current} to {wanted}.", cooldown=cooldown)


def _inward(
    target: Target,
    current: int,
    wanted: int,
    signal: Signal,
    *,
    unready: str | None,
    now: float,
) -> Decision:
    held = (Reason(NotScaled.AT_DESIRED, current),)
    cooling = target.cooldown
    if target.suspended.scale_in:
        return Decision(None, "Dynamic scaling in is suspended.", reasons=held)
    if cooling is not None and cooling.holds(now):
        return Decision(
            None, f"The cooldown of the last scale-{cooling.direction} holds.", reasons=held
        )
    if signal.policy.tracking is not None and unready is not None:
        why = f"Policy {unready} is not ready to scale in: all must be."
        return Decision(None, why, reasons=held)
    cooldown = Cooldown(Direction.IN, signal.policy.name, current, _seconds(signal, out=False))
    return Decision(wanted, f"Scale in from {current} to {wanted}.", cooldown=cooldown)


def _unready(signals: Sequence[Signal], policies: Sequence[Policy]) -> str | None:
    """A target tracking policy that may scale in and is not ready to, if there is one."""
    ready = {each.policy.name for each in signals if _is_low(each)}
    for policy in policies:
        may = policy.tracking is not None and not policy.tracking.disable_scale_in
        if may and policy.name not in ready:
            return policy.name
    return None


def _unchanged(target: Target, current: int, proposal: Proposal, signal: Signal) -> Decision:
    """Nothing changes: by the bounds, or because nothing would be gained."""
    low = _is_low(signal)
    if proposal.capacity > current:
        why, reason = f"Already at the maximum of {target.max}.", Reason(NotScaled.AT_MAX, current)
    elif proposal.capacity < current or (low and current == target.min):
        why, reason = f"Already at the minimum of {target.min}.", Reason(NotScaled.AT_MIN, current)
    elif proposal.counted_from != current:
        why = f"The last change has led to {current}, and the metric does not show it yet."
        reason = Reason(NotScaled.AT_DESIRED, current)
    elif low:
        why = "One less would push the metric over its target, and the policy would scale out."
        reason = Reason(NotScaled.FLAPPING)
    else:
        why, reason = f"{current} is what is wanted.", Reason(NotScaled.AT_DESIRED, current)
    return Decision(None, why, reasons=(reason,))


def _is_low(signal: Signal) -> bool:
    return signal.policy.tracking is not None and signal.alarm == signal.policy.low_alarm


def _seconds(signal: Signal, *, out: bool) -> float:
    if signal.policy.step is not None:
        return signal.policy.step.cooldown_s
    assert signal.policy.tracking is not None
    tracking = signal.policy.tracking
    return tracking.scale_out_cooldown_s if out else tracking.scale_in_cooldown_s


def _number(value: float) -> str:
    return f"{value:.10g}"
