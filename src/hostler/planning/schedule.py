"""When a scheduled action happens next: at(…), rate(…) and cron(…), in a time zone.

Invariant: pure, and always later than the moment asked about. What a clock skips when daylight
saving begins does not happen; what it shows twice when that ends happens once, the first time.
https://docs.aws.amazon.com/autoscaling/application/userguide/application-auto-scaling-scheduled-scaling.html
"""

import math
import re
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from hostler.planning import cron

LAST_S = datetime(9999, 1, 1, tzinfo=UTC).timestamp()
"""Nothing happens later: the calendar ends with that year, in some zones some hours before."""

_FORM = re.compile(r"(at|rate|cron)\((.*)\)")
_AT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?")
_RATE = re.compile(r"([1-9]\d*) (minute|hour|day)s?")
_UNIT_S = {"minute": 60, "hour": 3_600, "day": 86_400}


class ScheduleError(Exception):
    """A schedule or time zone that cannot be used: the message says why."""


def zone(name: str | None) -> tzinfo:
    """An IANA time zone; UTC where none is named."""
    if name is None:
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ScheduleError(
            f"Timezone {name} is not known: use a name of the IANA time zone database, such as "
            "Europe/Berlin."
        ) from None


def next_fire(
    schedule: str,
    timezone: str | None,
    after: float,
    *,
    created: float,
    start: float | None = None,
    end: float | None = None,
) -> float | None:
    """The first moment after ``after`` at which the action is to happen; None if there is none.

    Args:
        schedule: As in PutScheduledAction.
        timezone: Its IANA name, for ``at`` and ``cron``.
        after: Epoch seconds, exclusive.
        created: From when a rate counts, where it has no start.
        start: Nothing happens before (a rate begins there).
        end: Nothing happens later.

    Raises:
        ScheduleError: The schedule or the time zone cannot be read.
    """
    form = _FORM.fullmatch(schedule.strip())
    if form is None:
        raise _unreadable(schedule, "it must be at(…), rate(…) or cron(…)")
    kind, text = form[1], form[2].strip()
    where = zone(timezone)
    since = after if start is None else max(after, math.nextafter(start, -math.inf))
    if since > LAST_S:
        return None
    match kind:
        case "at":
            found = _once(schedule, text, where, since)
        case "rate":
            found = _each(schedule, text, since, created, start)
        case _:
            found = _by_cron(schedule, text, where, since)
    last = LAST_S if end is None else min(end, LAST_S)
    return found if found is None or found <= last else None


def _once(schedule: str, text: str, where: tzinfo, since: float) -> float | None:
    if _AT.fullmatch(text) is None:
        raise _unreadable(schedule, "at(…) takes a local time as in at(2026-11-28T09:00:00)")
    try:
        moment = datetime.fromisoformat(text).replace(tzinfo=where).timestamp()
    except ValueError as error:
        raise _unreadable(schedule, str(error)) from None
    return moment if moment > since else None


def _each(
    schedule: str, text: str, since: float, created: float, start: float | None
) -> float | None:
    found = _RATE.fullmatch(text)
    if found is None:
        raise _unreadable(schedule, "rate(…) takes a number and minutes, hours or days")
    period = int(found[1]) * _UNIT_S[found[2]]
    if period > LAST_S:
        return None
    first = created + period if start is None else start
    if since < first:
        return first
    return first + (math.floor((since - first) / period) + 1) * period


def _by_cron(schedule: str, text: str, where: tzinfo, since: float) -> float | None:
    try:
        expression = cron.parse(text)
    except cron.CronError as error:
        raise _unreadable(schedule, str(error)) from None
    # An hour that the clock shows twice begins before where it is now: look back a little.
    local = datetime.fromtimestamp(since, where).replace(tzinfo=None) - timedelta(hours=3)
    for naive in cron.after(expression, local):
        moment = naive.replace(tzinfo=where).timestamp()
        if moment <= since:
            continue
        if datetime.fromtimestamp(moment, where).replace(tzinfo=None) == naive:
            return moment
    return None


def _unreadable(schedule: str, why: str) -> ScheduleError:
    return ScheduleError(f"Schedule {schedule} is not valid: {why}.")
