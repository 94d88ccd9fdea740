"""Where a point is by its age, and which periods see it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hostler.telemetry import levels
from hostler.telemetry.levels import DAY_S, HOUR_S

FAST = settings(max_examples=60, deadline=None)

NOW = 1_700_000_000
PERIODS = st.one_of(
    st.sampled_from(levels.SUBMINUTE_PERIODS), st.integers(1, 1440).map(lambda n: 60 * n)
)


@pytest.mark.parametrize(
    ("age_s", "resolution_s", "level"),
    [
        (0, 1, 1),
        (3 * HOUR_S, 1, 1),
        (3 * HOUR_S + 1, 1, 60),
        (3 * HOUR_S + 1, 10, 60),
        (15 * DAY_S, 60, 60),
        (15 * DAY_S + 1, 1, 300),
        (63 * DAY_S + 1, 60, 3600),
        (455 * DAY_S + 1, 60, None),
        (-7200, 60, 60),
    ],
)
def test_the_level_of_an_age(age_s: int, resolution_s: int, level: int | None) -> None:
    assert levels.place(NOW - age_s, resolution_s, NOW) == level


@FAST
@given(st.integers(0, 500 * DAY_S), st.sampled_from([1, 10, 60]), PERIODS)
def test_a_period_sees_what_its_levels_may_hold(
    age_s: int, resolution_s: int, period_s: int
) -> None:
    level = levels.place(NOW - age_s, resolution_s, NOW)
    seen = levels.seen_since(period_s, NOW) <= NOW - age_s
    dividing = {each.resolution_s for each in levels.dividing(period_s)}
    if period_s % resolution_s == 0:
        assert seen == (level in dividing)


@FAST
@given(st.integers(0, 500 * DAY_S), PERIODS)
def test_a_start_is_rounded_down_to_where_points_begin(age_s: int, period_s: int) -> None:
    start = levels.rounded_start(NOW - age_s, period_s, NOW)
    assert 0 <= NOW - age_s - start < 3600
    if period_s >= 60:
        level = levels.place(NOW - age_s, 60, NOW)
        assert level is None or start % level == 0
    else:
        assert start % period_s == 0


def test_periods() -> None:
    assert all(levels.is_period(period) for period in (1, 5, 10, 20, 30, 60, 300, 86_400))
    assert not any(levels.is_period(period) for period in (0, -60, 2, 15, 45, 61, 90))
