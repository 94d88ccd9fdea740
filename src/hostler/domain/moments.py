"""Moments in texts, in UTC: as AWS writes them (ISO 8601), and for people.

Invariant: what is less than the unit is cut off. The forms of answers, which the models choose, are
``aws.times``'.
"""

from datetime import UTC, datetime


def to_second(at: float) -> str:
    """A time in epoch seconds, to the second: 2026-11-28T11:20:00Z."""
    return datetime.fromtimestamp(int(at), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def to_millisecond(at: float, zone: str = "Z") -> str:
    """The same to the millisecond, with UTC called ``zone``: 2026-11-28T11:20:00.000Z."""
    moment = datetime.fromtimestamp(at, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03}{zone}"


def time_of_day(at: float) -> str:
    """A time in epoch seconds without its day, for people: 11:20:00."""
    return f"{datetime.fromtimestamp(at, UTC):%H:%M:%S}"
