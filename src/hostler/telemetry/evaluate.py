"""Metric math: an expression's tree to lines.

Invariant: pure. A number is a scalar, a metric a line, METRICS() and SEARCH() arrays of lines; what
an operation is not defined for is refused with its types, never guessed.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html
"""

import math
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TypeAlias

from hostler.telemetry import expressions as ex
from hostler.telemetry import levels, points, timelines
from hostler.telemetry.expressions import ExpressionError, Tree
from hostler.telemetry.timelines import Line

Value: TypeAlias = float | Line | tuple[Line, ...]

_KINDS: Mapping[type, str] = {float: "a number", Line: "a time series", tuple: "an array"}


def _quotient(one: float, other: float) -> float:
    return one / other if other else math.nan


def _power(one: float, other: float) -> float:
    try:
        found = one**other
    except (OverflowError, ZeroDivisionError):
        return math.nan
    return found if isinstance(found, float) else math.nan  # a root of a negative number


_OPERATIONS: Mapping[str, Callable[[float, float], float]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": _quotient,
    "^": _power,
    "==": lambda one, other: float(one == other),
    "!=": lambda one, other: float(one != other),
    "<": lambda one, other: float(one < other),
    ">": lambda one, other: float(one > other),
    "<=": lambda one, other: float(one <= other),
    ">=": lambda one, other: float(one >= other),
    "&&": lambda one, other: float(one != 0 and other != 0),
    "||": lambda one, other: float(one != 0 or other != 0),
}


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


_REDUCTIONS: Mapping[str, Callable[[Sequence[float]], float]] = {
    "SUM": sum,
    "AVG": _mean,
    "MAX": max,
    "MIN": min,
}


Searcher: TypeAlias = Callable[[str, str, int | None], Sequence[Line]]
"""The lines of SEARCH's query, by statistic and period (None: that of the expression)."""


def _no_search(_text: str, _statistic: str, _period_s: int | None) -> Sequence[Line]:
    raise ExpressionError("SEARCH cannot be used here")


class Evaluator:
    """Evaluates the expressions of one request.

    Args:
        known: The value of an id; raises ExpressionError for one that is not there.
        metrics: The ids and lines of all metrics (not expressions) of the request.
        search: What SEARCH finds; without it, it is refused.
    """

    def __init__(
        self,
        known: Callable[[str], Value],
        metrics: Callable[[], Sequence[tuple[str, Line]]],
        search: Searcher = _no_search,
    ) -> None:
        self._known = known
        self._metrics = metrics
        self._search = search

    def value(self, tree: Tree) -> Value:
        """The value of a tree; raises ExpressionError."""
        match tree:
            case ex.Number(value):
                return value
            case ex.Name(name):
                return self._known(name)
            case ex.Array(items):
                return tuple(_line(self.value(item), "an array's item") for item in items)
            case ex.Negative(of):
                return _each(self.value(of), lambda one: timelines.mapped(one, operator.neg), -1.0)
            case ex.Operation():
                return self._chain(tree)
            case ex.Function(name, arguments):
                return self._called(name, arguments)
            case ex.Text():
                raise ExpressionError("a text stands only in METRICS(…) and SEARCH(…)")
            case ex.Filling(name):
                raise ExpressionError(f"{name} stands only in FILL(…)")

    def _chain(self, tree: Tree) -> Value:
        """Operations from left to right: a loop, as a long sum is as deep as it is long."""
        steps = []
        while isinstance(tree, ex.Operation):
            steps.append((tree.sign, tree.right))
            tree = tree.left
        value = self.value(tree)
        for sign, right in reversed(steps):
            value = _operated(sign, value, self.value(right))
        return value

    def _called(self, name: str, arguments: Sequence[Tree]) -> Value:
        least, most = _ARGUMENTS.get(name, (1, 1))
        if not least <= len(arguments) <= most:
            count = f"{least}" if least == most else f"{least} to {most}"
            raise ExpressionError(f"{name} takes {count} arguments, not {len(arguments)}")
        match name:
            case "METRICS":
                return self._all(arguments)
            case "SEARCH":
                return self._found(*arguments)
            case "FILL":
                return self._filled(*arguments)
            case "IF":
                return _chosen(*(self.value(argument) for argument in arguments))
        value = self.value(arguments[0])
        match name:
            case "PERIOD":
                return float(_line(value, "PERIOD's argument").grid.step)
            case "RATE" | "DIFF":
                rate = name == "RATE"
                return _each(value, lambda one: timelines.differences(one, per_second=rate))
            case _:
                return _reduced(name, value)

    def _all(self, arguments: Sequence[Tree]) -> Value:
        wanted = ""
        if arguments:
            if not isinstance(arguments[0], ex.Text):
                raise ExpressionError('METRICS takes a text: METRICS("errors")')
            wanted = arguments[0].value
        found = tuple(line for name, line in self._metrics() if wanted in name)
        if not found:
            raise ExpressionError("METRICS() finds no metric")
        return found

    def _found(self, text: Tree, statistic: Tree, period: Tree | None = None) -> Value:
        if not isinstance(text, ex.Text) or not isinstance(statistic, ex.Text):
            raise ExpressionError("SEARCH takes two texts: SEARCH('{AWS/SageMaker} x', 'Sum', 60)")
        if not points.is_statistic(statistic.value):
            raise ExpressionError(f"the statistic {statistic.value} of SEARCH is not supported")
        if period is None:
            return tuple(self._search(text.value, statistic.value, None))
        seconds = period.value if isinstance(period, ex.Number) else 0.0
        if seconds != int(seconds) or not levels.is_period(int(seconds)):
            raise ExpressionError("SEARCH's period must be 1, 5, 10, 20, 30 or a multiple of 60")
        return tuple(self._search(text.value, statistic.value, int(seconds)))

    def _filled(self, of: Tree, how: Tree) -> Value:
        value = self.value(of)
        if isinstance(how, ex.Filling):
            repeats = how.name == "REPEAT"
            return _each(value, timelines.repeated if repeats else timelines.interpolated)
        filler = self.value(how)
        if not isinstance(filler, float):
            raise ExpressionError("FILL fills with a number, REPEAT or LINEAR")
        return _each(value, lambda one: timelines.filled(one, filler))


_ARGUMENTS: Mapping[str, tuple[int, int]] = {
    "METRICS": (0, 1),
    "FILL": (2, 2),
    "IF": (2, 3),
    "SEARCH": (2, 3),
}


def _line(value: Value, what: str) -> Line:
    if not isinstance(value, Line):
        raise ExpressionError(f"{what} must be a time series, not {_KINDS[type(value)]}")
    return value


def _each(value: Value, change: Callable[[Line], Line], factor: float | None = None) -> Value:
    """A change of a line, or of each line of an array; a number is multiplied, where it may be."""
    if isinstance(value, Line):
        return change(value)
    if isinstance(value, tuple):
        return tuple(change(one) for one in value)
    if factor is None:
        raise ExpressionError("a time series is needed, not a number")
    return value * factor


def _operated(sign: str, left: Value, right: Value) -> Value:
    operation = _OPERATIONS[sign]
    if isinstance(left, tuple) and isinstance(right, tuple):
        raise ExpressionError(f"'{sign}' is not defined between two arrays")
    if isinstance(left, tuple):
        return tuple(_line(_operated(sign, one, right), sign) for one in left)
    if isinstance(right, tuple):
        # The label is the array's: it tells the results apart.
        found = ((_line(_operated(sign, left, one), sign), one.label) for one in right)
        return tuple(replace(line, label=label) for line, label in found)
    if isinstance(left, Line) and isinstance(right, Line):
        return timelines.paired(left, right, operation)
    if isinstance(left, Line):
        assert isinstance(right, float)
        number = right
        return timelines.mapped(left, lambda value: operation(value, number))
    if isinstance(right, Line):
        number = left
        return timelines.mapped(right, lambda value: operation(number, value))
    found_number = operation(left, right)
    if not math.isfinite(found_number):
        raise ExpressionError(f"'{sign}' has no result for these numbers")
    return found_number


def _reduced(name: str, value: Value) -> Value:
    """SUM, AVG, MAX, MIN: of a line a number, of an array a line."""
    if isinstance(value, float):
        raise ExpressionError(f"{name} needs a time series or an array, not a number")
    if isinstance(value, tuple):
        return timelines.reduced(value, _REDUCTIONS[name]) if value else ()
    if not value.values:
        return Line({}, value.grid, value.label)  # no data: no number, and so none in the result
    return float(_REDUCTIONS[name](tuple(value.values.values())))


def _chosen(condition: Value, yes: Value, no: Value | None = None) -> Value:
    """IF: at each of the condition's times one of two values, where that one has a value."""
    if isinstance(condition, float):
        chosen = yes if condition else no
        if chosen is None:
            raise ExpressionError("IF with a condition that is a number needs a third argument")
        return chosen
    line = _line(condition, "IF's condition")
    if isinstance(yes, tuple) or isinstance(no, tuple):
        raise ExpressionError("IF chooses between time series and numbers, not arrays")
    values = {}
    for at, holds in line.values.items():
        of = yes if holds else no
        value = of.values.get(at) if isinstance(of, Line) else of
        if value is not None:
            values[at] = value
    label = yes.label if isinstance(yes, Line) else line.label
    return Line(values, line.grid, label)
