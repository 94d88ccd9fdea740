"""Moments in texts: UTC, and what is less than the unit is cut off."""

from hostler.domain.moments import time_of_day, to_millisecond, to_second


def test_moments_are_written_in_utc_and_cut_off() -> None:
    at = 1_795_864_800.9876
    assert to_second(at) == "2026-11-28T11:20:00Z"
    assert time_of_day(at) == "11:20:00"
    assert to_millisecond(at) == "2026-11-28T11:20:00.987Z"
    assert to_millisecond(at, "+0000") == "2026-11-28T11:20:00.987+0000"
