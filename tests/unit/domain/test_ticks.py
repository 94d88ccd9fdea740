"""When pauses end."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostler.domain import ticks

pauses = st.sampled_from([0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 60.0])
times = st.floats(0.0, 1e7)


@given(pauses, times)
def test_a_pause_is_half_a_step_less_or_more(about_s: float, now_s: float) -> None:
    left = ticks.left_s(about_s, now_s)

    step = min(about_s, ticks.GRID_S)
    assert about_s - step / 2 - 1e-6 <= left <= about_s + step / 2 + 1e-6


@given(pauses, times, times)
def test_whoever_pauses_ends_on_the_same_grid(about_s: float, one_s: float, other_s: float) -> None:
    ends = [now + ticks.left_s(about_s, now) for now in (one_s, other_s)]

    steps = (ends[1] - ends[0]) / min(about_s, ticks.GRID_S)
    assert steps == pytest.approx(round(steps), abs=1e-6)


def test_pauses_of_different_lengths_end_together() -> None:
    ends = {round(100.3 + ticks.left_s(about_s, 100.3), 6) for about_s in (0.5, 1.0)}
    later = {round(100.3 + ticks.left_s(about_s, 100.3), 6) for about_s in (2.0, 5.0, 60.0)}

    assert ends == {101.0}
    assert later == {102.0, 105.0, 160.0}


def test_one_who_pauses_again_and_again_keeps_the_pace() -> None:
    now, begun = 7.21, 7.21
    for _ in range(600):
        now += ticks.left_s(0.5, now) + 0.013  # the work behind each pause takes its time

    assert now - begun == pytest.approx(300.0, abs=1.0)
