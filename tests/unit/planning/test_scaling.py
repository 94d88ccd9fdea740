"""Decisions of scaling: formulas, bounds, cooldowns, several policies; each with a literal now."""

from dataclasses import replace
from typing import Any

import pytest

from hostler.domain.ids import AccountId, Arn, Region
from hostler.domain.scaling import (
    AdjustmentType,
    Cooldown,
    Dimension,
    Direction,
    NotScaled,
    Policy,
    Reason,
    Step,
    StepScaling,
    Suspended,
    Target,
    TargetTracking,
)
from hostler.planning.scaling import Decision, Signal, decide, plausible, tracked

NOW = 1_000_000.0
TARGET = Target(
    "t", AccountId("123456789012"), Region("us-east-1"), "ep", "AllTraffic",
    Dimension.INSTANCE_COUNT, min=1, max=10, created=0.0,
)  # fmt: skip


def tracking(name: str = "track", goal: float = 70.0, **more: Any) -> Policy:
    return Policy(
        "t", name, Arn(name), 0.0, {}, tracking=TargetTracking(goal, **more),
        high_alarm=f"{name}-high", low_alarm=f"{name}-low",
    )  # fmt: skip


def stepping(
    name: str, *steps: Step, kind: AdjustmentType = AdjustmentType.CHANGE, cooldown_s: float = 300
) -> Policy:
    return Policy("t", name, Arn(name), 0.0, {}, step=StepScaling(kind, steps, None, cooldown_s))


def high(policy: Policy, *values: float) -> Signal:
    return Signal(policy, f"{policy.name}-high", "ALARM", 70.0, values, NOW)


def low(policy: Policy, *values: float) -> Signal:
    return Signal(policy, f"{policy.name}-low", "ALARM", 63.0, values, NOW)


def decided(current: int, *signals: Signal, target: Target = TARGET, **more: Any) -> Decision:
    policies = more.pop("policies", [signal.policy for signal in signals])
    return decide(target, current, signals, policies, more.pop("now", NOW))


def cooling(
    direction: Direction, base: int, until: float | None = NOW + 1, policy: str = "track"
) -> Target:
    return replace(TARGET, cooldown=Cooldown(direction, policy, base, 300.0, until))


@pytest.mark.parametrize(
    ("capacity", "value", "goal", "expected"),
    [
        (1, 71, 70, 2),
        (1, 280, 70, 4),
        (2, 70, 70, 2),
        (3, 0.1, 0.3, 1),
        (4, 0, 70, 0),
        (10, 63, 70, 9),
        (0, 500, 70, 0),
        (2, 1e308, 1e-300, 2),
    ],
)
def test_the_formula(capacity: int, value: float, goal: float, expected: int) -> None:
    assert tracked(capacity, value, goal) == expected


def test_a_high_alarm_scales_out_to_the_target_and_a_low_one_in() -> None:
    policy = tracking()
    out = decided(1, high(policy, 300.0, 280.0))
    assert out.capacity == 4
    assert out.cooldown == Cooldown(Direction.OUT, "track", 1, 300)
    assert out.proposals[0].formula == "ceil(1 * 280 / 70) = 4"
    into = decided(4, low(policy, 0.0))
    assert into.capacity == 1, "no less than the minimum"
    assert into.cooldown == Cooldown(Direction.IN, "track", 4, 300)


def test_the_bounds_hold() -> None:
    policy = tracking()
    assert decided(1, high(policy, 7000.0)).capacity == TARGET.max
    at_max = decided(10, high(policy, 7000.0))
    assert (at_max.capacity, at_max.reasons) == (None, (Reason(NotScaled.AT_MAX, 10),))
    at_min = decided(1, low(policy, 0.0))
    assert (at_min.capacity, at_min.reasons) == (None, (Reason(NotScaled.AT_MIN, 1),))


def test_no_scale_in_that_would_push_the_metric_over_its_target() -> None:
    found = decided(2, low(tracking(), 60.0))
    assert (found.capacity, found.reasons) == (None, (Reason(NotScaled.FLAPPING),))
    assert decided(3, low(tracking(), 45.0)).capacity == 2, "twice 70 holds 135"


def test_without_data_nothing_happens() -> None:
    policy = tracking()
    silent = Signal(policy, "track-low", "INSUFFICIENT_DATA", 63.0, (0.0,), NOW)
    assert decided(4, silent).capacity is None
    assert decided(4, high(policy)).capacity is None
    assert decided(4).capacity is None


def test_target_tracking_does_not_leave_zero_and_a_step_does() -> None:
    none = replace(TARGET, min=0)
    assert decided(0, high(tracking(), 500.0), target=none).capacity is None
    out = stepping("backlog", Step(0, None, 1))
    signal = Signal(out, "backlog", "ALARM", 1.0, (1.0,), NOW)
    assert decided(0, signal, target=none).capacity == 1


def test_a_scale_in_cooldown_holds_until_it_expires_and_a_scale_out_interrupts_it() -> None:
    policy = tracking()
    target = cooling(Direction.IN, 5)
    held = decided(4, low(policy, 0.0), target=target)
    assert held.capacity is None
    assert "cooldown of the last scale-in" in held.why
    assert decided(4, low(policy, 0.0), target=target, now=NOW + 1).capacity == 1
    out = decided(4, high(policy, 140.0), target=target)
    assert out.capacity == 8
    assert out.cooldown is not None
    assert out.cooldown.direction is Direction.OUT


def test_in_a_scale_out_cooldown_only_a_larger_one_follows() -> None:
    policy = tracking(scale_out_cooldown_s=60)
    target = cooling(Direction.OUT, base=2)
    same = decided(4, high(policy, 105.0), target=target)
    assert same.capacity is None, "two more, as many as the last time"
    assert same.reasons == (Reason(NotScaled.AT_DESIRED, 4),)
    assert "no larger one" in same.why
    larger = decided(4, high(policy, 120.0), target=target)
    assert larger.capacity == 7
    assert larger.cooldown == Cooldown(Direction.OUT, "track", 4, 60)
    assert decided(4, high(policy, 105.0), target=target, now=NOW + 1).capacity == 6


def test_a_metric_from_before_the_last_change_is_counted_with_the_capacity_of_then() -> None:
    policy = tracking()
    ended = cooling(Direction.OUT, base=2, until=NOW + 300)
    before = replace(high(policy, 140.0), measured=NOW - 1)
    stale = decided(4, before, target=ended, now=NOW + 400)
    assert stale.capacity is None
    assert "does not show it yet" in stale.why
    assert stale.proposals[0].formula == "ceil(2 * 140 / 70) = 4"
    assert decided(4, high(policy, 140.0), target=ended, now=NOW + 400).capacity == 8
    shrunk = cooling(Direction.IN, base=8, until=NOW + 300)
    late = replace(low(policy, 30.0), measured=NOW - 1)
    assert decided(4, late, target=shrunk, now=NOW + 400).capacity is None, "it is 60 by now"


def test_what_steps_add_in_a_cooldown_includes_the_last_addition() -> None:
    policy = stepping("steps", Step(0, 50, 2), Step(50, None, 3))
    target = cooling(Direction.OUT, base=1, policy="steps")
    same = decided(3, Signal(policy, "a", "ALARM", 100.0, (120.0,), NOW), target=target)
    assert (same.capacity, same.reasons) == (None, (Reason(NotScaled.AT_DESIRED, 3),))
    larger = decided(3, Signal(policy, "a", "ALARM", 100.0, (150.0,), NOW), target=target)
    assert larger.capacity == 4, "three more than the one before, two of them are there"


def test_a_cooldown_has_not_begun_while_the_change_is_not_fulfilled() -> None:
    target = cooling(Direction.OUT, base=2, until=None)
    assert decided(4, low(tracking(), 0.0), target=target).capacity is None


def test_a_cooldown_of_before_the_clock_was_set_back_is_none() -> None:
    """It would hold until the clock has caught up, and proposals be made of its base till then."""
    policy, ended = tracking(), cooling(Direction.OUT, base=1, until=NOW + 300.5)
    assert plausible(ended, NOW) == TARGET
    assert decided(4, low(policy, 0.0), target=plausible(ended, NOW)).capacity == 1
    assert decided(4, high(policy, 105.0), target=plausible(ended, NOW)).capacity == 6
    for until in (NOW + 300, NOW - 1, None):
        possible = cooling(Direction.OUT, base=1, until=until)
        assert plausible(possible, NOW) == possible


def test_a_scale_out_cooldown_holds_back_scale_ins() -> None:
    policy = stepping("in", Step(None, 0, -1))
    target = cooling(Direction.OUT, base=2)
    signal = Signal(policy, "a", "ALARM", 10.0, (1.0,), NOW)
    assert decided(4, signal, target=target).capacity is None
    assert decided(4, signal, target=target, now=NOW + 1).capacity == 3


def test_the_largest_proposal_wins() -> None:
    one, two = tracking("one"), tracking("two", goal=10.0)
    found = decided(2, high(one, 100.0), high(two, 40.0))
    assert found.capacity == 8
    assert found.signal is not None
    assert found.signal.policy is two
    assert [proposal.capacity for proposal in found.proposals] == [3, 8]
    mixed = decided(4, low(one, 0.0), high(two, 20.0), policies=[one, two])
    assert mixed.capacity == 8


def test_scale_in_needs_every_policy() -> None:
    one, two = tracking("one"), tracking("two")
    alone = decided(4, low(one, 0.0), policies=[one, two])
    assert alone.capacity is None
    assert "two is not ready" in alone.why
    assert decided(4, low(one, 0.0), low(two, 40.0)).capacity == 3, "the larger of 1 and 3"
    never = tracking("never", disable_scale_in=True)
    assert decided(4, low(one, 0.0), policies=[one, never]).capacity == 1
    steps = stepping("steps", Step(0, None, 1))
    assert decided(4, low(one, 0.0), policies=[one, steps]).capacity == 1


def test_what_is_suspended_does_not_happen() -> None:
    policy = tracking()
    no_out = replace(TARGET, suspended=Suspended(scale_out=True))
    assert decided(1, high(policy, 280.0), target=no_out).capacity is None
    assert decided(4, low(policy, 0.0), target=no_out).capacity == 1
    no_in = replace(TARGET, suspended=Suspended(scale_in=True))
    assert decided(4, low(policy, 0.0), target=no_in).capacity is None
    assert decided(1, high(policy, 280.0), target=no_in).capacity == 4


def test_an_exact_capacity_and_a_percentage() -> None:
    exact = stepping("exact", Step(0, None, 7), kind=AdjustmentType.EXACT)
    found = decided(2, Signal(exact, "a", "ALARM", 1.0, (2.0,), NOW))
    assert found.capacity == 7
    assert found.proposals[0].formula == (
        "2 set to 7 (ExactCapacity), as 2 is 1 from the threshold"
    )
    assert decided(9, Signal(exact, "a", "ALARM", 1.0, (2.0,), NOW)).capacity == 7
    percent = stepping("percent", Step(0, None, 50), kind=AdjustmentType.PERCENT)
    found = decided(3, Signal(percent, "a", "ALARM", 1.0, (2.0,), NOW))
    assert found.capacity == 4
    assert found.proposals[0].formula == (
        "3 adjusted by +50 (PercentChangeInCapacity) = 4, as 2 is 1 from the threshold"
    )


def test_an_alarm_without_data_or_a_step_for_them_says_so() -> None:
    steps, held = stepping("s", Step(0, None, 1)), (Reason(NotScaled.AT_DESIRED, 2),)
    deaf = Signal(steps, "a", "ALARM", 1.0, (), NOW)
    found = decided(2, deaf)
    assert (found.capacity, found.signal, found.reasons) == (None, deaf, held)
    assert "no data points" in found.why
    assert "no data points" in decided(2, high(tracking())).why
    below = decided(2, Signal(steps, "a", "ALARM", 3.0, (2.0,), NOW))
    assert (below.reasons, "steps holds" in below.why) == (held, True)
    assert "which is 0" in decided(0, high(tracking(), 80.0)).why
    assert decided(2, deaf, high(tracking(), 280.0)).capacity == 8, "others are heard"


def test_an_alarm_that_is_over_asks_for_nothing() -> None:
    found = decided(2, high(tracking(), 80.0, 70.0))
    assert (found.capacity, found.reasons) == (None, (Reason(NotScaled.AT_DESIRED, 2),))
