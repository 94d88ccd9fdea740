"""Values over time: points as a period's statistic, and arithmetic on such lines.

Invariant: pure; a line has values at some of its grid's times and no others, all finite. What has
no value (a division by nothing, a moment that one of two lines lacks) is left out.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from hostler.telemetry import points
from hostler.telemetry.metrics import Reading
from hostler.telemetry.points import Point


@dataclass(frozen=True, slots=True)
class Line:
    """Values by time (epoch s); ``grid.step`` is the period in seconds."""

    values: Mapping[int, float]
    grid: range
    label: str = ""


def grid(start_s: int, end_s: float, period_s: int) -> range:
    """The times of a request's data points: ``start_s`` inclusive, ``end_s`` exclusive."""
    return range(start_s, max(start_s, math.ceil(end_s)), period_s)


def binned(readings: Iterable[Reading], times: range) -> dict[int, Point]:
    """The points of each period, merged."""
    found: dict[int, Point] = {}
    for reading in readings:
        at = reading.time_s - (reading.time_s - times.start) % times.step
        there = found.get(at)
        found[at] = reading.point if there is None else points.merged(there, reading.point)
    return found


def line(readings: Iterable[Reading], times: range, statistic: str, label: str) -> Line:
    """A statistic of each period that has one."""
    values = {}
    for at, point in binned(readings, times).items():
        value = points.statistic(point, statistic)
        if value is not None and math.isfinite(value):
            values[at] = value
    return Line(values, times, label)


def mapped(one: Line, operation: Callable[[float], float]) -> Line:
    """An operation on each value."""
    return _kept(((at, operation(value)) for at, value in one.values.items()), one.grid, one.label)


def paired(one: Line, other: Line, operation: Callable[[float, float], float]) -> Line:
    """An operation on the values of two lines where both have one."""
    coarser = one.grid if one.grid.step >= other.grid.step else other.grid
    both = one.values.keys() & other.values.keys()
    results = ((at, operation(one.values[at], other.values[at])) for at in both)
    return _kept(results, coarser, one.label)


def reduced(lines: Sequence[Line], operation: Callable[[Sequence[float]], float]) -> Line:
    """One line of several: at each time an operation on the values of those that have one."""
    coarsest = max((each.grid for each in lines), key=lambda times: times.step)
    times = {at for each in lines for at in each.values}
    results = (
        (at, operation([each.values[at] for each in lines if at in each.values])) for at in times
    )
    return _kept(results, coarsest, "")


def differences(one: Line, *, per_second: bool) -> Line:
    """From each value to the next one, perhaps by the seconds between them; the first has none."""
    times = sorted(one.values)
    results = (
        (at, (one.values[at] - one.values[before]) / (at - before if per_second else 1))
        for before, at in pairwise(times)
    )
    return _kept(results, one.grid, one.label)


def filled(one: Line, value: float) -> Line:
    """The missing values given."""
    return _kept(((at, one.values.get(at, value)) for at in one.grid), one.grid, one.label)


def repeated(one: Line) -> Line:
    """The missing values as the last one before; before the first there is none."""
    values: dict[int, float] = {}
    last: float | None = None
    for at in one.grid:
        last = one.values.get(at, last)
        if last is not None:
            values[at] = last
    return Line(values, one.grid, one.label)


def interpolated(one: Line) -> Line:
    """The missing values on the straight line between their neighbours."""
    values = dict(one.values)
    times = sorted(values)
    for before, after in pairwise(times):
        slope = (values[after] - values[before]) / (after - before)
        for at in range(before + one.grid.step, after, one.grid.step):
            values[at] = values[before] + slope * (at - before)
    return Line(values, one.grid, one.label)


def _kept(results: Iterable[tuple[int, float]], times: range, label: str) -> Line:
    return Line({at: value for at, value in results if math.isfinite(value)}, times, label)
