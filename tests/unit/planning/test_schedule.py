"""When scheduled actions happen: once, at a rate, and by AWS's cron, in time zones."""

from datetime import UTC, datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostler.planning import cron
from hostler.planning.schedule import ScheduleError, next_fire, zone


def at(text: str, where: str = "UTC") -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(where)).timestamp()


def shown(moment: float | None, where: str = "UTC") -> str | None:
    return None if moment is None else f"{datetime.fromtimestamp(moment, ZoneInfo(where)):%F %R}"


def following(schedule: str, after: str, count: int = 1, where: str = "UTC") -> list[str | None]:
    moment: float | None = at(after, where)
    found: list[str | None] = []
    for _ in range(count):
        assert moment is not None
        moment = next_fire(schedule, where, moment, created=0.0)
        found.append(shown(moment, where))
    return found


def test_once() -> None:
    once = "at(2026-11-28T09:00:00)"
    assert following(once, "2026-11-28 08:59") == ["2026-11-28 09:00"]
    assert following(once, "2026-11-28 09:00") == [None]
    tokyo = next_fire(once, "Asia/Tokyo", 0.0, created=0.0)
    assert tokyo == at("2026-11-28 00:00")
    assert next_fire("at(2026-11-28T09:00)", None, 0.0, created=0.0) == at("2026-11-28 09:00")


def test_a_rate_counts_from_its_start_or_its_making() -> None:
    assert next_fire("rate(5 minutes)", None, 1000.0, created=1000.0) == 1300.0
    assert next_fire("rate(5 minutes)", None, 1300.0, created=1000.0) == 1600.0
    assert next_fire("rate(1 hour)", None, 10_000.0, created=1000.0) == 1000.0 + 3 * 3600
    assert next_fire("rate(1 day)", None, 0.0, created=1000.0) == 1000.0 + 86_400
    assert next_fire("rate(1 minute)", None, 0.0, created=0.0, start=500.0) == 500.0
    assert next_fire("rate(1 minute)", None, 500.0, created=0.0, start=500.0) == 560.0


def test_nothing_happens_before_the_start_and_after_the_end() -> None:
    daily = "cron(0 9 * * ? *)"
    start, end = at("2026-11-28 09:00"), at("2026-11-29 09:00")
    assert next_fire(daily, None, 0.0, created=0.0, start=start) == start
    assert next_fire(daily, None, start, created=0.0, start=start, end=end) == end
    assert next_fire(daily, None, end, created=0.0, start=start, end=end) is None


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ("0 9 * * ? *", ["2026-11-29 09:00", "2026-11-30 09:00"]),
        ("15 10 ? * MON-FRI *", ["2026-11-30 10:15", "2026-12-01 10:15"]),
        ("0/15 11 ? * SAT *", ["2026-11-28 11:15", "2026-11-28 11:30"]),
        ("5,35 14 * * ? *", ["2026-11-28 14:05", "2026-11-28 14:35"]),
        ("0 18 L * ? *", ["2026-11-30 18:00", "2026-12-31 18:00"]),
        ("0 18 LW * ? *", ["2026-11-30 18:00", "2026-12-31 18:00"]),
        ("0 8 1 * ? *", ["2026-12-01 08:00", "2027-01-01 08:00"]),
        ("0 9 1W * ? *", ["2026-12-01 09:00", "2027-01-01 09:00"]),
        ("0 9 28W 11 ? *", ["2027-11-29 09:00", "2028-11-28 09:00"]),
        ("0 9 ? * 2#1 *", ["2026-12-07 09:00", "2027-01-04 09:00"]),
        ("0 9 ? * 5#5 *", ["2026-12-31 09:00", "2027-04-29 09:00"]),
        ("0 9 ? * 6L *", ["2026-12-25 09:00", "2027-01-29 09:00"]),
        ("0 9 ? * L *", ["2026-12-05 09:00", "2026-12-12 09:00"]),
        ("0 0 29 FEB ? *", ["2028-02-29 00:00", "2032-02-29 00:00"]),
        ("0 9 ? 1/6 1 2027-2028", ["2027-01-03 09:00", "2027-01-10 09:00"]),
        ("0 12 ? * SAT-MON *", ["2026-11-28 12:00", "2026-11-29 12:00"]),
    ],
)
def test_cron(fields: str, expected: list[str]) -> None:
    assert following(f"cron({fields})", "2026-11-28 11:00", 2) == expected


def test_a_cron_of_the_past_never_comes() -> None:
    assert following("cron(0 9 * * ? 2025)", "2026-11-28 11:00") == [None]
    assert following("cron(0 9 30 2 ? *)", "2026-11-28 11:00") == [None]


@pytest.mark.parametrize("period", ["99999999999", "1" + "0" * 400])
def test_a_rate_beyond_the_calendar_never_comes(period: str) -> None:
    assert next_fire(f"rate({period} days)", None, 1000.0, created=1000.0) is None


@pytest.mark.parametrize("schedule", ["cron(0 9 * * ? *)", "rate(1 day)"])
def test_a_start_at_the_calendars_end_never_comes(schedule: str) -> None:
    start = at("9999-12-31 23:59:59")
    assert next_fire(schedule, "Pacific/Kiritimati", 0.0, created=0.0, start=start) is None


def test_daylight_saving_keeps_the_hour_of_the_wall_clock() -> None:
    daily = "cron(0 9 * * ? *)"
    days = following(daily, "2026-03-28 00:00", 3, "Europe/Berlin")
    assert days == ["2026-03-28 09:00", "2026-03-29 09:00", "2026-03-30 09:00"]
    moments = [at(day or "", "Europe/Berlin") for day in days]
    assert [after - before for before, after in pairwise(moments)] == [
        23 * 3600,
        24 * 3600,
    ]


def test_what_the_clock_skips_does_not_happen() -> None:
    assert following("cron(30 2 * * ? *)", "2026-03-28 03:00", 1, "Europe/Berlin") == [
        "2026-03-30 02:30"
    ]


def test_what_the_clock_shows_twice_happens_once() -> None:
    first = next_fire("cron(30 2 * * ? *)", "Europe/Berlin", at("2026-10-24 23:00"), created=0.0)
    assert first == at("2026-10-25 00:30"), "summer time's 02:30"
    second = next_fire("cron(30 2 * * ? *)", "Europe/Berlin", first, created=0.0)
    assert shown(second, "Europe/Berlin") == "2026-10-26 02:30"


@pytest.mark.parametrize(
    ("schedule", "said"),
    [
        ("every day", r"it must be at\("),
        ("at(tomorrow)", "takes a local time"),
        ("at(2026-13-01T00:00:00)", "month"),
        ("rate(0 minutes)", "takes a number"),
        ("rate(5 weeks)", "takes a number"),
        ("cron(0 9 * * ?)", "has six fields, and this has 5"),
        ("cron(0 9 * * * *)", "exactly one"),
        ("cron(0 9 ? * ? *)", "exactly one"),
        ("cron(60 9 * * ? *)", "60 is not between 0 and 59"),
        ("cron(0 9 32W * ? *)", "32 is not between 1 and 31"),
        ("cron(0 9 * FOO ? *)", "FOO is no value"),
        ("cron(0/0 9 * * ? *)", "no step"),
        ("cron(0 9 ? * 2#6 *)", "6 is not between 1 and 5"),
        ("cron(0 9 ? * 8 *)", "8 is not between 1 and 7"),
    ],
)
def test_what_cannot_be_read_is_said(schedule: str, said: str) -> None:
    with pytest.raises(ScheduleError, match=said):
        next_fire(schedule, None, 0.0, created=0.0)


@pytest.mark.parametrize("name", ["Mars/Phobos", "../etc/passwd", ""])
def test_an_unknown_time_zone(name: str) -> None:
    with pytest.raises(ScheduleError, match="is not known"):
        zone(name)


_DAYS = st.sampled_from(
    ["* * ?", "1-7 * ?", "L * ?", "15W * ?", "? * MON-FRI", "? 2 3#2", "? * 7L"]
)
_ZONES = st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"])


@given(
    minute=st.integers(0, 59),
    hour=st.integers(0, 23),
    days=_DAYS,
    where=_ZONES,
    after=st.floats(1_500_000_000, 2_500_000_000),
)
def test_the_next_is_later_and_at_the_time_asked_for(
    minute: int, hour: int, days: str, where: str, after: float
) -> None:
    moment = next_fire(f"cron({minute} {hour} {days} *)", where, after, created=0.0)
    assert moment is not None
    assert moment > after
    local = datetime.fromtimestamp(moment, ZoneInfo(where))
    assert (local.hour, local.minute, local.second) == (hour, minute, 0)
    assert local.day in cron.parse(f"{minute} {hour} {days} *").of_month(local.year, local.month)
    between = next_fire(f"cron({minute} {hour} {days} *)", where, moment - 0.5, created=0.0)
    assert between == moment
    assert datetime.fromtimestamp(moment, UTC).second == 0
