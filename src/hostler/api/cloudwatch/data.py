"""GetMetricData: up to 500 queries, their values in pages.

Invariant: the token says behind which query, line and time the next page begins, so pages
fit together although each is computed anew; what a page does not need is not read for it.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from hostler.api import places
from hostler.api.cloudwatch import finding, queries, reading, refusals
from hostler.api.registry import Call
from hostler.domain.errors import CallerError
from hostler.store.database import Transaction
from hostler.telemetry import searches, timelines
from hostler.telemetry.expressions import ExpressionError
from hostler.telemetry.metrics import Metric
from hostler.telemetry.queries import Query, Values
from hostler.telemetry.timelines import Line

DATAPOINTS_MAX = 100_800
SEARCH_PERIOD_S = 300
"""Of a search that names none, in a query that does not either."""


class Place(NamedTuple):
    """Where a page ends: the query's number, its line's, and the last time that was shown."""

    query: int
    line: int
    time_s: int


def get(tx: Transaction, call: Call) -> Mapping[str, Any]:
    """GetMetricData."""
    params = call.params
    if params["StartTime"] >= params["EndTime"]:
        raise refusals.unfit("The parameter EndTime must be greater than StartTime.")
    most: int = params.get("MaxDatapoints", DATAPOINTS_MAX)
    if not 1 <= most <= DATAPOINTS_MAX:
        raise refusals.unfit(
            f"The value {most} for parameter MaxDatapoints is invalid: it must be 1 to "
            f"{DATAPOINTS_MAX}."
        )
    results = Results(tx, call, queries.read(call))
    descending = params.get("ScanBy", "TimestampDescending") == "TimestampDescending"
    after = _place(params.get("NextToken"))
    page: dict[str, Any] = {"MetricDataResults": [], "Messages": []}
    last = after
    for number, label, line in results.lines(after):
        times = sorted(line.values, reverse=descending)
        if after is not None and number == after[:2]:
            times = [at for at in times if (at < after.time_s if descending else at > after.time_s)]
            if not times:
                continue  # it was complete
        if times and not most:
            break
        kept = times[:most]
        most -= len(kept)
        page["MetricDataResults"].append(
            {
                "Id": results.ids[number[0]],
                "Label": label,
                "Timestamps": kept,
                "Values": [line.values[at] for at in kept],
                "StatusCode": "Complete" if len(kept) == len(times) else "PartialData",
            }
        )
        if kept:
            last = Place(*number, kept[-1])
        if len(kept) < len(times):
            break
    else:
        return page
    assert last is not None
    page["NextToken"] = places.token_of(*last)
    return page


class Results:
    """The queries' values, each computed when it is first asked for."""

    def __init__(self, tx: Transaction, call: Call, asked: Mapping[str, Query]) -> None:
        self._tx = tx
        self._call = call
        self._asked = asked
        self.ids = tuple(query.id for query in asked.values() if query.returned)
        """Of the queries whose data are returned, by their number."""
        self._values = Values(asked, self._read, self._search)

    def lines(self, after: Place | None) -> Iterator[tuple[tuple[int, int], str, Line]]:
        """The lines to return, with (query, line) and label, from where a page ended."""
        for number, query_id in enumerate(self.ids):
            if after is not None and number < after.query:
                continue
            query = self._asked[query_id]
            found = self._returned(query)
            for place, line in enumerate(found):
                if after is None or (number, place) >= after[:2]:
                    yield (number, place), _label(query, line, alone=len(found) == 1), line

    def _returned(self, query: Query) -> Sequence[Line]:
        try:
            lines = self._values.lines(query.id)
        except ExpressionError as error:
            raise queries.wrong(query.id, error) from None
        for line in lines:
            if query.period_s not in (None, line.grid.step):
                raise refusals.unfit(
                    f"Period {query.period_s} of query {query.id} is not supported: the result has "
                    f"the period of its metrics, {line.grid.step}."
                )
        return lines

    def _read(self, query: Query) -> Line:
        assert query.metric is not None
        assert query.period_s is not None
        return self._line(query.metric, query.statistic, query.period_s, query.label, query.unit)

    def _search(
        self, query: Query, text: str, statistic: str, period_s: int | None
    ) -> Sequence[Line]:
        """The lines of the metrics that a search finds, in their order."""
        period_s = period_s or query.period_s or SEARCH_PERIOD_S
        found = finding.found(self._tx, self._call, searches.parse(text))
        return [self._line(metric, statistic, period_s, finding.label(metric)) for metric in found]

    def _line(
        self,
        metric: Metric,
        statistic: str,
        period_s: int,
        label: str,
        unit: str | None = None,
    ) -> Line:
        times = reading.times_of(self._call, period_s)
        found = reading.readings(
            self._tx, self._call, metric, times, unit=unit, statistics=(statistic,)
        )
        return timelines.line(found, times, statistic, label)


def _label(query: Query, line: Line, *, alone: bool) -> str:
    """A result's label: a search's has what it found, and before it what was asked for."""
    if alone and not query.searches:
        return query.label
    return f"{query.label} {line.label}" if query.label_given or not query.searches else line.label


def _place(token: str | None) -> Place | None:
    if token is None:
        return None
    try:
        match places.parts(token):
            case [int(query), int(line), int(time_s)]:
                return Place(query, line, time_s)
    except ValueError:
        pass
    raise CallerError("InvalidNextToken", "The specified NextToken is invalid.")
