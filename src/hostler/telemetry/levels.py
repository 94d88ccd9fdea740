"""At which resolutions points are kept, for how long, and which periods can be asked of them.

Each value is at one level: it arrives at that of its resolution, and is merged into the next one
when it is too old for its own. So a period is the sum over all levels that divide it.

Invariant: pure arithmetic in whole seconds since the epoch. What is seen depends on age alone, and
not on whether the housekeeper has come by already.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_concepts.html
"""

from collections.abc import Sequence
from dataclasses import dataclass

HOUR_S, DAY_S = 3600, 86_400


@dataclass(frozen=True, slots=True)
class Level:
    """A resolution, how long points stay at it, and the one they go to then (None: they end)."""

    resolution_s: int
    kept_s: int
    then_s: int | None


LEVELS: Sequence[Level] = (
    Level(1, 3 * HOUR_S, 60),
    Level(10, 3 * HOUR_S, 60),
    Level(60, 15 * DAY_S, 300),
    Level(300, 63 * DAY_S, 3600),
    Level(3600, 455 * DAY_S, None),
)
_BY_RESOLUTION = {level.resolution_s: level for level in LEVELS}
SUBMINUTE_PERIODS = (1, 5, 10, 20, 30)


def is_period(period_s: int) -> bool:
    """Whether points can be asked for by it."""
    return period_s in SUBMINUTE_PERIODS or (period_s > 0 and period_s % 60 == 0)


def start_of(time_s: float, resolution_s: int) -> int:
    """The beginning of the interval that a time is in."""
    return int(time_s // resolution_s) * resolution_s


def place(time_s: float, resolution_s: int, now_s: float) -> int | None:
    """The level that a value of a resolution belongs to at its age; None where it is too old."""
    level: int | None = resolution_s
    while level is not None and time_s < now_s - _BY_RESOLUTION[level].kept_s:
        level = _BY_RESOLUTION[level].then_s
    return level


def dividing(period_s: int) -> Sequence[Level]:
    """The levels whose points make up a period."""
    return [level for level in LEVELS if period_s % level.resolution_s == 0]


def seen_since(period_s: int, now_s: float) -> float:
    """The oldest time of which a period has points."""
    return now_s - max(level.kept_s for level in dividing(period_s))


def rounded_start(start_s: float, period_s: int, now_s: float) -> int:
    """A request's StartTime as CloudWatch takes it: rounded down, the more so the older it is.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html
    """
    if period_s in SUBMINUTE_PERIODS:
        return start_of(start_s, period_s)
    age_s = now_s - start_s
    if age_s < 15 * DAY_S:
        return start_of(start_s, 60)
    return start_of(start_s, 300 if age_s < 63 * DAY_S else HOUR_S)
