"""What points of CloudWatch prove about calls, and what they do not."""

from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostler.planning.cleanup import Calls
from hostler.toolkit.last_calls import CPU_MARGIN_S, Points, UnreadError, known, period_of

NONE = Points(60, {})


def points(sums: Mapping[int, float], period_s: int = 60) -> Points:
    return Points(period_s, sums)


def of(calls: Points, cpu: Points = NONE) -> Mapping[str, Sequence[Points]]:
    return {"v": [calls, cpu]}


def test_zeros_tell_from_when_until_when_nobody_called() -> None:
    whole = of(points({0: 0, 3600: 3, 7200: 0}, 3600))
    recent = of(points({7200: 0, 7260: 0}))
    assert known("e", whole, recent) == Calls(3600, 7260, 7200)


def test_where_nobody_writes_zeros_the_instances_own_metrics_tell() -> None:
    whole = of(NONE, points({0: 60, 3600: 60}, 3600))
    recent = of(NONE, points({3600: 1, 3660: 1}))
    assert known("e", whole, recent) == Calls(60, 3660 - CPU_MARGIN_S, None)


def test_the_least_known_variant_counts() -> None:
    quiet, late = points({0: 0}), points({600: 0})
    whole = {"a": [quiet, NONE], "b": [late, NONE], "": [NONE]}
    recent = {"a": [points({900: 0}), NONE], "b": [points({660: 1}), NONE], "": [NONE]}
    assert known("e", whole, recent) == Calls(660, 660, 720)


def test_calls_that_may_be_lost_are_a_hole() -> None:
    whole = {**of(points({0: 0})), "": [points({600: 1})]}
    assert known("e", whole, of(points({1200: 0}))) == Calls(660, 1200, None)


@pytest.mark.parametrize(
    ("whole", "recent"),
    [(of(NONE), of(points({0: 0}))), (of(points({0: 0})), of(NONE)), ({"": [NONE]}, {})],
)
def test_without_points_nothing_is_known(
    whole: Mapping[str, Sequence[Points]], recent: Mapping[str, Sequence[Points]]
) -> None:
    with pytest.raises(UnreadError):
        known("e", whole, recent)


minutes = st.dictionaries(
    st.integers(0, 500).map(lambda minute: minute * 60),
    st.sampled_from([0.0, 1.0]),
    min_size=1,
    max_size=20,
)


@given(minutes, minutes, minutes)
def test_every_call_in_what_is_known_is_seen(
    one: dict[int, float], other: dict[int, float], lost: dict[int, float]
) -> None:
    both = {"a": [points(one), NONE], "b": [points(other), NONE], "": [points(lost)]}
    found = known("e", both, both)
    for sums in (one, other):
        for at, calls in sums.items():
            assert not calls or (found.last is not None and found.last >= at + 60)
        assert found.until <= max(sums)
        assert found.since >= min(sums) + 60
    assert all(found.since >= at + 60 for at, value in lost.items() if value)


def test_a_window_has_a_bounded_number_of_points() -> None:
    for window_s in (60, 3600, 86_400, 5 * 86_400, 63 * 86_400):
        assert window_s / period_of(window_s) <= 1440 + 72
