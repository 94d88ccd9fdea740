"""Step adjustments: which step holds, every rounding, and which steps can be."""

import math

import pytest

from hostler.domain.scaling import AdjustmentType, Aggregation, Step, StepScaling
from hostler.planning import adjustment
from hostler.planning.adjustment import StepsError

CHANGE, PERCENT, EXACT = AdjustmentType.CHANGE, AdjustmentType.PERCENT, AdjustmentType.EXACT
# AWS's own example: threshold 60, with steps above and below it.
LADDER = (
    Step(None, -20, -30),
    Step(-20, -10, -10),
    Step(-10, 0, 0),
    Step(0, 10, 0),
    Step(10, 20, 10),
    Step(20, None, 30),
)


def capacity(
    steps: tuple[Step, ...],
    value: float,
    before: int = 10,
    kind: AdjustmentType = CHANGE,
    **more: int,
) -> int | None:
    found = adjustment.adjusted(StepScaling(kind, steps, **more), [value], 60, before)
    return None if found is None else found.capacity


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (80, 13),  # the lower bound belongs to a step above the threshold
        (79.9, 11),
        (70, 11),
        (69.9, 10),
        (60, 10),
        (50.1, 10),
        (50, 9),  # the upper bound to one below it
        (40.1, 9),
        (40, 7),
        (-1e9, 7),
        (1e9, 13),
    ],
)
def test_a_step_holds_for_its_interval(value: float, expected: int) -> None:
    assert capacity(LADDER, value, kind=PERCENT) == expected


def test_a_value_of_no_step_changes_nothing() -> None:
    assert capacity((Step(0, None, 1),), 59.9) is None
    assert capacity((Step(None, 0, -1),), 60) == 9, "the threshold is its upper bound"
    assert capacity((Step(None, 0, -1),), 60.1) is None
    assert capacity((Step(None, 0, -1), Step(0, None, 1)), 60) == 11
    assert adjustment.adjusted(StepScaling(CHANGE, LADDER), [], 60, 3) is None


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (12.7, 12),
        (1.5, 1),
        (1, 1),
        (0.67, 1),
        (0.01, 1),
        (0, 0),
        (-0.01, -1),
        (-0.58, -1),
        (-1, -1),
        (-6.67, -6),
    ],
)
def test_percentages_are_rounded(change: float, expected: int) -> None:
    assert adjustment.percentage(change) == expected


@pytest.mark.parametrize(
    ("kind", "number", "before", "more", "expected"),
    [
        (CHANGE, 3, 2, {}, 5),
        (CHANGE, -3, 2, {}, 0),
        (EXACT, 7, 2, {}, 7),
        (EXACT, 0, 2, {}, 0),
        (PERCENT, 50, 1, {}, 2),
        (PERCENT, 50, 5, {}, 7),
        (PERCENT, -50, 1, {}, 0),
        (PERCENT, -50, 5, {}, 3),
        (PERCENT, 10, 4, {"min_magnitude": 2}, 6),
        (PERCENT, 100, 4, {"min_magnitude": 2}, 8),
        (PERCENT, -10, 4, {"min_magnitude": 2}, 2),
        (PERCENT, 0, 4, {"min_magnitude": 2}, 4),
        (PERCENT, 100, 0, {}, 0),
        (PERCENT, 100, 0, {"min_magnitude": 1}, 1),
        (CHANGE, 1, 4, {"min_magnitude": 3}, 5),
    ],
)
def test_what_a_step_makes_of_a_capacity(
    kind: AdjustmentType, number: int, before: int, more: dict[str, int], expected: int
) -> None:
    assert capacity((Step(0, None, number),), 61, before, kind, **more) == expected


@pytest.mark.parametrize(
    ("how", "expected"),
    [(Aggregation.AVERAGE, 20.0), (Aggregation.MINIMUM, 5.0), (Aggregation.MAXIMUM, 40.0)],
)
def test_several_points_become_one_value(how: Aggregation, expected: float) -> None:
    assert adjustment.aggregated([15.0, 5.0, 40.0], how) == expected
    policy = StepScaling(CHANGE, (Step(0, None, 1),), aggregation=how)
    found = adjustment.adjusted(policy, [15.0, 5.0, 40.0], 5.0, 1)
    assert found is not None
    assert (found.value, found.capacity) == (expected, 2)


@pytest.mark.parametrize(
    "steps",
    [LADDER, LADDER[::-1], (Step(0, None, 1),), (Step(None, 0, -1),), (Step(None, None, 1),)],
)
def test_steps_that_can_be(steps: tuple[Step, ...]) -> None:
    adjustment.check(steps)


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        ((), "At least one"),
        ((*(Step(n, n + 1, 1) for n in range(20)), Step(20, None, 1)), "at most 20"),
        ((Step(None, 0, 1), Step(None, 5, 1)), "unspecified MetricIntervalLowerBound"),
        ((Step(0, None, 1), Step(5, None, 1)), "unspecified MetricIntervalUpperBound"),
        ((Step(10, 5, 1),), "must be less than"),
        ((Step(5, 5, 1),), "must be less than"),
        ((Step(0, 10, 1), Step(20, None, 2)), "ends at 10 and the next begins at 20"),
        ((Step(0, 10, 1), Step(5, None, 2)), "ends at 10 and the next begins at 5"),
        ((Step(math.nan, None, 1),), "MetricIntervalLowerBound must be a finite number"),
        ((Step(0, math.inf, 1),), "MetricIntervalUpperBound must be a finite number"),
        ((Step(-10, 0, 1),), "unspecified lower bound"),
        ((Step(0, 10, 1),), "unspecified upper bound"),
    ],
)
def test_steps_that_cannot_be(steps: tuple[Step, ...], said: str) -> None:
    with pytest.raises(StepsError, match=said):
        adjustment.check(steps)
