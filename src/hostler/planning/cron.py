"""AWS's cron expressions: six fields, with ? L W and #, as the days and times that they mean.

Invariant: pure, and without a time zone: the days and times are those of a wall clock.
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-cron-expressions.html
"""

import calendar
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

YEAR_MIN, YEAR_MAX = 1970, 2199

_MONTHS = {name.upper(): number for number, name in enumerate(calendar.month_abbr) if name}
_WEEKDAYS = {
    name: number for number, name in enumerate(("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"), 1)
}
_SATURDAY, _SUNDAY = 5, 6
"""As Python counts: Monday is 0."""


class CronError(Exception):
    """An expression that means nothing: the message says which part."""


@dataclass(frozen=True, slots=True)
class Cron:
    """A parsed expression; the day fields stay text where they depend on the month."""

    minutes: Sequence[int]
    hours: Sequence[int]
    days: str
    months: frozenset[int]
    weekdays: str
    years: frozenset[int]

    def times(self, start: datetime) -> Iterator[datetime]:
        """The naive local times from ``start`` on (inclusive), in order; few, or none at all."""
        for day in self._dates(start.date()):
            for hour in self.hours:
                for minute in self.minutes:
                    found = datetime.combine(day, time(hour, minute))
                    if found >= start:
                        yield found

    def _dates(self, start: date) -> Iterator[date]:
        for year in range(max(start.year, YEAR_MIN), YEAR_MAX + 1):
            if year not in self.years:
                continue
            for month in sorted(self.months):
                if (year, month) < (start.year, start.month):
                    continue
                for day in sorted(self.of_month(year, month)):
                    found = date(year, month, day)
                    if found >= start:
                        yield found

    def of_month(self, year: int, month: int) -> set[int]:
        """The days of a month."""
        if self.days != "?":
            return {d for part in self.days.split(",") for d in _days_of_month(part, year, month)}
        return {d for part in self.weekdays.split(",") for d in _weekdays_of(part, year, month)}


def parse(expression: str) -> Cron:
    """The fields of ``Minutes Hours Day-of-month Month Day-of-week Year``.

    Raises:
        CronError: They are not six, or one cannot be read.
    """
    fields = expression.upper().split()
    if len(fields) != 6:
        raise CronError(f"a cron expression has six fields, and this has {len(fields)}")
    minutes, hours, days, months, weekdays, years = fields
    if (days == "?") == (weekdays == "?"):
        raise CronError("exactly one of day-of-month and day-of-week must be ?")
    cron = Cron(
        sorted(_numbers(minutes, 0, 59)),
        sorted(_numbers(hours, 0, 23)),
        days,
        frozenset(_numbers(months, 1, 12, _MONTHS)),
        weekdays,
        frozenset(_numbers(years, YEAR_MIN, YEAR_MAX)),
    )
    cron.of_month(2024, 1)  # reads every part of the day fields
    return cron


def _numbers(field: str, low: int, high: int, names: Mapping[str, int] | None = None) -> set[int]:
    """The numbers of a field of values, ranges and steps, separated by commas."""
    found: set[int] = set()
    for part in field.split(","):
        span, slash, step = part.partition("/")
        first, dash, last = span.partition("-")
        if slash and (not step.isdecimal() or int(step) == 0):
            raise CronError(f"{part} has no step after its slash")
        if first == "*" and not dash:
            start, end = low, high
        else:
            start = _number(first, low, high, names or {})
            end = _number(last, low, high, names or {}) if dash else (high if slash else start)
        if end < start and dash:  # SAT-MON goes over the end of the week
            found.update(range(start, high + 1, int(step or 1)))
            start = low
        found.update(range(start, end + 1, int(step or 1)))
    return found


def _number(text: str, low: int, high: int, names: Mapping[str, int]) -> int:
    number = names.get(text)
    if number is None:
        if not text.isascii() or not text.isdecimal():
            raise CronError(f"{text or 'nothing'} is no value")
        number = int(text)
    if not low <= number <= high:
        raise CronError(f"{text} is not between {low} and {high}")
    return number


def _days_of_month(part: str, year: int, month: int) -> set[int]:
    """A part of the third field: days, ``L`` (the last), ``nW`` and ``LW`` (a weekday near it)."""
    last = calendar.monthrange(year, month)[1]
    match part:
        case "L":
            return {last}
        case "LW":
            return {_weekday_near(year, month, last)}
        case _ if part.endswith("W"):
            day = _number(part.removesuffix("W"), 1, 31, {})
            return {_weekday_near(year, month, day)} if day <= last else set()
        case _:
            return {day for day in _numbers(part, 1, 31) if day <= last}


def _weekday_near(year: int, month: int, day: int) -> int:
    """The weekday (Monday to Friday) nearest to a day, within its month."""
    last = calendar.monthrange(year, month)[1]
    match date(year, month, day).weekday():
        case 5:
            return day - 1 if day > 1 else day + 2
        case 6:
            return day + 1 if day < last else day - 2
        case _:
            return day


def _weekdays_of(part: str, year: int, month: int) -> set[int]:
    """A part of the fifth field: weekdays (1 is Sunday), ``n#k`` (the k-th) and ``nL``."""
    if "#" in part:
        name, _, which = part.partition("#")
        number = _number(which, 1, 5, {})
        days = _all_of(_number(name, 1, 7, _WEEKDAYS), year, month)
        return set(days[number - 1 : number])
    if part == "L":
        return set(_all_of(_WEEKDAYS["SAT"], year, month))
    if part.endswith("L"):
        return {_all_of(_number(part.removesuffix("L"), 1, 7, _WEEKDAYS), year, month)[-1]}
    wanted = _numbers(part, 1, 7, _WEEKDAYS)
    return {day for weekday in wanted for day in _all_of(weekday, year, month)}


def _all_of(weekday: int, year: int, month: int) -> list[int]:
    """The days of a month that are this weekday (1 is Sunday)."""
    first, last = calendar.monthrange(year, month)
    start = 1 + ((weekday + 5) % 7 - first) % 7
    return list(range(start, last + 1, 7))


def after(cron: Cron, moment: datetime) -> Iterator[datetime]:
    """The naive local times after a moment, in order."""
    return cron.times(moment.replace(second=0, microsecond=0) + timedelta(minutes=1))
