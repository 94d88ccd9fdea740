"""What is kept of many values of one moment: how many, their sum, least, greatest and sketch.

Invariant: pure values. Merging is commutative and associative (sums within rounding), so a point of
an hour is the same whichever way its minutes came together.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from hostler.telemetry import sketch
from hostler.telemetry.sketch import Sketch

BASIC = ("SampleCount", "Average", "Sum", "Minimum", "Maximum")
_PERCENTILE = re.compile(r"p(\d{1,2}(?:\.\d{1,10})?|100)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Point:
    """Values of one moment.

    ``sketch`` is None where they were given as a statistic set that does not tell how they are
    distributed: such a point, and whatever it is merged into, has no percentiles.
    """

    count: float
    total: float
    least: float
    greatest: float
    sketch: Sketch | None = None

    def encoded(self) -> bytes | None:
        """The sketch for the store: empty where the four numbers tell it, None where unknown."""
        if self.sketch is None:
            return None
        return b"" if self.least == self.greatest else sketch.encode(self.sketch)


def of_values(values: Iterable[tuple[float, float]]) -> Point:
    """The point of (value, count) pairs, of which there is at least one with a count above 0."""
    pairs = [(value, count) for value, count in values if count > 0]
    given = [value for value, _ in pairs]
    return Point(
        sum(count for _, count in pairs),
        sum(value * count for value, count in pairs),
        min(given),
        max(given),
        sketch.of_values(pairs),
    )


def of_set(count: float, total: float, least: float, greatest: float) -> Point:
    """The point of a statistic set.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_concepts.html (under
    Percentiles): known where there is one value, or where all are equal.
    """
    same = least == greatest
    return Point(
        count, total, least, greatest, sketch.of_values([(least, count)]) if same else None
    )


def stored(
    count: float, total: float, least: float, greatest: float, encoded: bytes | None
) -> Point:
    """A point as the store keeps it (``Point.encoded``)."""
    if encoded is None:
        return Point(count, total, least, greatest)
    if not encoded:
        return of_set(count, total, least, greatest)
    return Point(count, total, least, greatest, sketch.decode(encoded))


def merged(one: Point, other: Point) -> Point:
    """Both together."""
    together = None
    if one.sketch is not None and other.sketch is not None:
        together = sketch.added(one.sketch, other.sketch)
    return Point(
        one.count + other.count,
        one.total + other.total,
        min(one.least, other.least),
        max(one.greatest, other.greatest),
        together,
    )


def percent_of(statistic: str) -> float | None:
    """The percentage of a ``pNN.NN``; None where a statistic is none."""
    found = _PERCENTILE.fullmatch(statistic)
    return None if found is None else float(found[1])


def is_statistic(name: str) -> bool:
    """Whether ``statistic`` knows it."""
    return name in BASIC or percent_of(name) is not None


def statistic(point: Point, name: str) -> float | None:
    """A statistic of a point, by CloudWatch's name of it; None where the point has none."""
    match name:
        case "SampleCount":
            return point.count
        case "Sum":
            return point.total
        case "Minimum":
            return point.least
        case "Maximum":
            return point.greatest
        case "Average":
            return point.total / point.count if point.count else None
    percent = percent_of(name)
    if percent is None:
        raise ValueError(f"{name} is no statistic")
    if not point.sketch:
        return None
    if percent in (0.0, 100.0):
        return point.greatest if percent else point.least
    # The ends are known exactly, and no value is beyond them.
    return min(max(sketch.percentile(point.sketch, percent), point.least), point.greatest)
