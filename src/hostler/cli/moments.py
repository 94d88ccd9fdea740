"""Times as people write them on a command line.

Invariant: a time that is understood is one moment; without a zone it is UTC's.
"""

import re
from datetime import UTC, datetime, timedelta

from hostler.cli.output import CommandError

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_AGO = re.compile(r"(\d{1,6})([smhd])")


def moment(since: str, now: datetime) -> datetime:
    """What ``--since`` means: so long ago, or a time."""
    ago = _AGO.fullmatch(since)
    if ago is not None:
        return now - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
    try:
        at = datetime.fromisoformat(since)
    except ValueError:
        raise CommandError(
            f"--since {since} is no time: write 30m, 12h, 7d or 2026-01-31T12:00"
        ) from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)
