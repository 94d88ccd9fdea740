"""Timestamps between the wire's three forms and seconds since the epoch.

Invariant: inside, a time is a float of seconds since the epoch, UTC; a datetime is understood when
an answer is written.
"""

import math
import re
from datetime import UTC, datetime
from email.utils import formatdate, parsedate_to_datetime
from typing import Literal

Format = Literal["iso8601", "rfc822", "unixtimestamp"]

LATEST = 253402300799.999
"""The end of the year 9999."""
EARLIEST = -62135596800.0

_ISO = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)(?:[Tt ](\d\d):(\d\d)(?::(\d\d)(\.\d{1,9})?)?"
    r"([Zz]|[+-]\d\d:?\d\d)?)?",
    re.ASCII,
)
_NUMBER = re.compile(r"-?\d{1,15}(\.\d{1,9})?([eE]\+?\d{1,2})?", re.ASCII)


def parse(text: str, form: Format) -> float:
    """Reads one timestamp; a form other than the expected one is understood too.

    Raises:
        ValueError: It is in none of the forms, or not in the years 1 to 9999.
    """
    text = text.strip()
    if _NUMBER.fullmatch(text):
        return bounded(float(text))
    if form == "rfc822":
        try:
            return bounded(parsedate_to_datetime(text).timestamp())
        except (ValueError, TypeError, OverflowError):
            return _parse_iso(text)
    try:
        return _parse_iso(text)
    except ValueError:
        return bounded(parsedate_to_datetime(text).timestamp())


def _parse_iso(text: str) -> float:
    found = _ISO.fullmatch(text)
    if found is None:
        raise ValueError("not a timestamp")
    year, month, day, hour, minute, second, fraction, zone = found.groups()
    moment = datetime(
        int(year),
        int(month),
        int(day),
        int(hour or 0),
        int(minute or 0),
        int(second or 0),
        tzinfo=UTC,
    )
    offset = 0
    if zone and zone not in "Zz":
        digits = zone[1:].replace(":", "")
        offset = (int(digits[:2]) * 60 + int(digits[2:])) * 60 * (-1 if zone[0] == "-" else 1)
    return bounded(moment.timestamp() - offset + float(fraction or 0))


def bounded(seconds: float) -> float:
    """The time itself, if a calendar can show it; raises ValueError."""
    if not math.isfinite(seconds) or not EARLIEST <= seconds <= LATEST:
        raise ValueError("not within the years 1 to 9999")
    return seconds


def seconds(value: float | datetime) -> float:
    """A time of ours as seconds since the epoch; a datetime without a zone is UTC."""
    if isinstance(value, datetime):
        aware = value if value.tzinfo else value.replace(tzinfo=UTC)
        return aware.timestamp()
    return float(value)


def text(value: float | datetime, form: Format) -> str:
    """Writes a timestamp in one of the forms; milliseconds where there are any, as AWS does."""
    moment = seconds(value)
    if form == "rfc822":
        return formatdate(math.floor(moment), usegmt=True)
    if form == "unixtimestamp":
        return repr(int(moment)) if moment.is_integer() else repr(moment)
    milliseconds = math.floor(moment * 1000 + 0.5)
    whole, rest = divmod(milliseconds, 1000)
    stem = datetime.fromtimestamp(whole, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{stem.rjust(19, '0')}.{rest:03}Z" if rest else f"{stem.rjust(19, '0')}Z"


def form(trait: str | None, usual: Format) -> Format:
    """A shape's ``timestampFormat`` or else the protocol's usual form."""
    match (trait or usual).lower():
        case "iso8601":
            return "iso8601"
        case "rfc822":
            return "rfc822"
        case _:
            return "unixtimestamp"
