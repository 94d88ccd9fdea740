"""Step scaling: which step a metric's value falls into, and the capacity that it makes.

Invariant: pure. Of steps that ``check`` has passed at most one holds for a value.
https://docs.aws.amazon.com/autoscaling/application/userguide/step-scaling-policy-overview.html
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from hostler.domain.scaling import AdjustmentType, Aggregation, Step, StepScaling

STEPS_MAX = 20


class StepsError(Exception):
    """Steps that cannot be: the message says why."""


@dataclass(frozen=True, slots=True)
class Adjusted:
    """The step that holds for a value, and the capacity that it makes of the one before."""

    step: Step
    value: float
    """What the alarm's data points came to."""
    capacity: int


def aggregated(values: Sequence[float], how: Aggregation) -> float:
    """One value of an alarm's data points, of which there is at least one."""
    match how:
        case Aggregation.AVERAGE:
            return math.fsum(values) / len(values)
        case Aggregation.MINIMUM:
            return min(values)
        case Aggregation.MAXIMUM:
            return max(values)


def adjusted(
    policy: StepScaling, values: Sequence[float], threshold: float, capacity: int
) -> Adjusted | None:
    """What a policy makes of a capacity; None where no step holds, or nothing was measured.

    Args:
        policy: With steps that ``check`` has passed.
        values: The data points that the alarm evaluated.
        threshold: The alarm's.
        capacity: To be adjusted.
    """
    if not values:
        return None
    value = aggregated(values, policy.aggregation)
    step = _holding(policy.steps, value - threshold)
    if step is None:
        return None
    return Adjusted(step, value, max(0, _applied(policy, step, capacity)))


def check(steps: Sequence[Step]) -> None:
    """Raise StepsError unless the steps are intervals without overlaps and gaps."""
    if not steps:
        raise StepsError("At least one StepAdjustment must be specified.")
    if len(steps) > STEPS_MAX:
        raise StepsError(f"There can be at most {STEPS_MAX} step adjustments in a policy.")
    for what, bounds in (
        ("MetricIntervalLowerBound", [step.lower for step in steps]),
        ("MetricIntervalUpperBound", [step.upper for step in steps]),
    ):
        if bounds.count(None) > 1:
            raise StepsError(f"At most one StepAdjustment may have an unspecified {what}.")
        if not all(bound is None or math.isfinite(bound) for bound in bounds):
            raise StepsError(f"{what} must be a finite number, or left out.")
    for step in steps:
        if step.lower is not None and step.upper is not None and step.lower >= step.upper:
            raise StepsError(
                f"MetricIntervalLowerBound {step.lower:g} must be less than "
                f"MetricIntervalUpperBound {step.upper:g}."
            )
    ordered = sorted(steps, key=_lowest)
    for before, after in pairwise(ordered):
        if before.upper != after.lower:
            raise StepsError(
                "StepAdjustment intervals must not overlap or have a gap between them: one ends "
                f"at {_shown(before.upper)} and the next begins at {_shown(after.lower)}."
            )
    if ordered[0].lower is not None and ordered[0].lower < 0:
        raise StepsError(
            "There must be a StepAdjustment with an unspecified lower bound when one has a "
            "negative lower bound."
        )
    last = ordered[-1].upper
    if last is not None and last > 0:
        raise StepsError(
            "There must be a StepAdjustment with an unspecified upper bound when one has a "
            "positive upper bound."
        )


def percentage(change: float) -> int:
    """A percent change in whole instances: away from zero at least one, otherwise toward zero."""
    if 0 < change < 1:
        return 1
    if -1 < change < 0:
        return -1
    return math.trunc(change)


def _holding(steps: Sequence[Step], offset: float) -> Step | None:
    """Above the threshold the lower bound belongs to a step, below it the upper one.

    At the threshold itself either does, and that of the steps above it goes first.
    """
    below: Step | None = None
    for step in steps:
        lower = -math.inf if step.lower is None else step.lower
        upper = math.inf if step.upper is None else step.upper
        if lower < offset < upper or 0 <= lower == offset:
            return step
        if offset == upper <= 0:
            below = step
    return below


def _applied(policy: StepScaling, step: Step, capacity: int) -> int:
    match policy.adjustment_type:
        case AdjustmentType.EXACT:
            return step.adjustment
        case AdjustmentType.CHANGE:
            return capacity + step.adjustment
        case AdjustmentType.PERCENT:
            change = percentage(capacity * step.adjustment / 100)
            least = policy.min_magnitude or 0
            if step.adjustment and abs(change) < least:
                change = least if step.adjustment > 0 else -least
            return capacity + change


def _lowest(step: Step) -> float:
    return -math.inf if step.lower is None else step.lower


def _shown(bound: float | None) -> str:
    return "infinity" if bound is None else f"{bound:g}"
