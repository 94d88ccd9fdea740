"""Queries of metrics, as GetMetricData and alarms have them, and their values.

Invariant: a value is computed once, and only if it is asked for; ids that an expression uses are
there, without a circle (whoever makes queries of a request has seen to it).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

from hostler.telemetry.evaluate import Evaluator, Value
from hostler.telemetry.expressions import ExpressionError, Tree
from hostler.telemetry.metrics import Metric
from hostler.telemetry.timelines import Line


@dataclass(frozen=True, slots=True)
class Query:
    """One query: a metric's statistic, or an expression (``tree``)."""

    id: str
    label: str
    returned: bool
    period_s: int | None
    metric: Metric | None = None
    statistic: str = ""
    unit: str | None = None
    tree: Tree | None = None
    label_given: bool = False
    searches: bool = False
    """Whether the expression is a search itself."""


Search: TypeAlias = Callable[[Query, str, str, int | None], Sequence[Line]]
"""What a query's SEARCH finds: by its text, statistic and period (None: the query's)."""


class Values:
    """The values of one request's queries.

    Args:
        asked: The queries by their ids.
        read: The line of a query for a metric.
        search: The lines that a query's SEARCH finds; without it, it is refused.
    """

    def __init__(
        self,
        asked: Mapping[str, Query],
        read: Callable[[Query], Line],
        search: Search | None = None,
    ) -> None:
        self._asked = asked
        self._read = read
        self._search = search
        self._known: dict[str, Value] = {}

    def lines(self, query_id: str) -> Sequence[Line]:
        """A query's result: one line, or several; raises ExpressionError."""
        value = self._value(query_id)
        if isinstance(value, float):
            raise ExpressionError("its result is a number, not a time series")
        return (value,) if isinstance(value, Line) else value

    def _value(self, query_id: str) -> Value:
        found = self._known.get(query_id)
        if found is None:
            query = self._asked[query_id]
            found = self._read(query) if query.tree is None else self._evaluated(query, query.tree)
            self._known[query_id] = found
        return found

    def _evaluated(self, query: Query, tree: Tree) -> Value:
        if self._search is None:
            return Evaluator(self._value, self._metrics).value(tree)
        return Evaluator(self._value, self._metrics, partial(self._search, query)).value(tree)

    def _metrics(self) -> Sequence[tuple[str, Line]]:
        found = ((each.id, self._value(each.id)) for each in self._asked.values() if not each.tree)
        return [(name, line) for name, line in found if isinstance(line, Line)]
