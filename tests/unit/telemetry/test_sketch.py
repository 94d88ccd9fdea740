"""Percentiles of many values, from a few buckets."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hostler.telemetry import sketch

FAST = settings(max_examples=60, deadline=None)

VALUES = st.one_of(
    st.just(0.0),
    st.floats(8.6e-109, 1.1e108),
    st.floats(-1.1e108, -8.6e-109),
)
COUNTS = st.one_of(st.integers(1, 10_000).map(float), st.floats(0.001, 1e6, allow_nan=False))
SKETCHES = st.lists(st.tuples(VALUES, COUNTS), max_size=30).map(sketch.of_values)


@FAST
@given(VALUES)
def test_a_bucket_stands_for_its_values_within_the_error(value: float) -> None:
    stood = sketch.value_of(sketch.key_of(value))
    assert abs(stood - value) <= abs(value) * sketch.ERROR * (1 + 1e-9)


@FAST
@given(VALUES, VALUES)
def test_keys_are_in_the_order_of_values(one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert sketch.key_of(low) <= sketch.key_of(high)


@FAST
@given(st.lists(VALUES, min_size=1, max_size=200), st.floats(0, 100))
def test_a_percentile_is_that_of_the_values_within_the_error(
    values: list[float], percent: float
) -> None:
    found = sketch.percentile(sketch.of_values((value, 1.0) for value in values), percent)
    exact = sorted(values)[math.floor((len(values) - 1) * percent / 100)]
    assert abs(found - exact) <= abs(exact) * sketch.ERROR * (1 + 1e-9)


@FAST
@given(SKETCHES, SKETCHES, SKETCHES)
def test_sketches_add_up_in_any_order(
    one: dict[int, float], two: dict[int, float], three: dict[int, float]
) -> None:
    left = sketch.added(sketch.added(one, two), three)
    right = sketch.added(three, sketch.added(two, one))
    assert left.keys() == right.keys()
    assert all(math.isclose(left[key], right[key]) for key in left)


@FAST
@given(SKETCHES)
def test_bytes_and_back(given_one: dict[int, float]) -> None:
    assert sketch.decode(sketch.encode(given_one)) == given_one


@FAST
@given(SKETCHES, st.data())
def test_bytes_that_are_cut_short_are_an_error_or_less(
    given_one: dict[int, float], data: st.DataObject
) -> None:
    whole = sketch.encode(given_one)
    part = whole[: data.draw(st.integers(0, len(whole) - 1))]
    try:
        found = sketch.decode(part)
    except sketch.SketchError:
        return
    assert found.items() <= given_one.items()


def test_nothing_has_no_percentile_and_foreign_bytes_are_refused() -> None:
    assert math.isnan(sketch.percentile({}, 50))
    with pytest.raises(sketch.SketchError):
        sketch.decode(b"\x02\x00")


def test_a_minute_of_latencies_is_small() -> None:
    latencies = [(1000.0 + 37 * n, 1.0) for n in range(600)]
    assert len(sketch.encode(sketch.of_values(latencies))) < 600
