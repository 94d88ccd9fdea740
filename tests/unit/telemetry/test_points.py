"""Many values as one point, and its statistics."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hostler.telemetry import points
from hostler.telemetry.points import Point

FAST = settings(max_examples=60, deadline=None)

VALUES = st.floats(-1e9, 1e9).map(lambda value: 0.0 if abs(value) < 1e-9 else value)
PAIRS = st.tuples(VALUES, st.integers(1, 50).map(float))
POINTS = st.one_of(
    st.lists(PAIRS, min_size=1, max_size=10).map(points.of_values),
    st.tuples(st.integers(1, 9), VALUES, VALUES).map(
        lambda given_one: points.of_set(
            float(given_one[0]), sum(given_one[1:]), min(given_one[1:]), max(given_one[1:])
        )
    ),
)


def alike(one: Point, other: Point) -> bool:
    same = (one.count, one.least, one.greatest) == (other.count, other.least, other.greatest)
    return (
        same
        and math.isclose(one.total, other.total, rel_tol=1e-6, abs_tol=1e-3)
        and one.sketch == other.sketch
    )


@FAST
@given(POINTS, POINTS, POINTS)
def test_points_merge_in_any_order(one: Point, two: Point, three: Point) -> None:
    left = points.merged(points.merged(one, two), three)
    assert alike(left, points.merged(one, points.merged(three, two)))


@FAST
@given(POINTS)
def test_what_is_stored_is_the_point(point: Point) -> None:
    encoded = point.encoded()
    again = points.stored(point.count, point.total, point.least, point.greatest, encoded)
    assert alike(again, point)


@FAST
@given(st.lists(PAIRS, min_size=1, max_size=10), st.floats(0, 100))
def test_statistics_are_those_of_the_values(
    pairs: list[tuple[float, float]], percent: float
) -> None:
    point = points.of_values(pairs)
    flat = [value for value, count in pairs for _ in range(int(count))]
    assert points.statistic(point, "SampleCount") == len(flat)
    assert points.statistic(point, "Minimum") == min(flat)
    assert points.statistic(point, "Maximum") == max(flat)
    total, average = points.statistic(point, "Sum"), points.statistic(point, "Average")
    assert total is not None
    assert average is not None
    assert math.isclose(total, math.fsum(flat), rel_tol=1e-6, abs_tol=1e-3)
    assert math.isclose(average * len(flat), total)
    found = points.statistic(point, f"p{min(percent, 99.99):.2f}")
    assert found is not None
    assert min(flat) <= found <= max(flat)


def test_a_statistic_set_that_hides_its_values_has_no_percentiles() -> None:
    hidden = points.of_set(3, 6, 1, 3)
    assert points.statistic(hidden, "p50") is None
    known = points.of_set(3, 6, 2, 2)
    assert points.statistic(known, "p50") == 2
    assert points.statistic(points.merged(known, hidden), "p50") is None


@pytest.mark.parametrize("name", ["p0", "p5", "p99.99", "p100", "Sum", "SampleCount"])
def test_statistics(name: str) -> None:
    assert points.is_statistic(name)


@pytest.mark.parametrize("name", ["p101", "p", "p-1", "tm90", "sum", "TM(1%:2%)", "p1."])
def test_no_statistics(name: str) -> None:
    assert not points.is_statistic(name)
    with pytest.raises(ValueError, match="no statistic"):
        points.statistic(points.of_values([(1.0, 1.0)]), name)
