"""GetMetricData's queries: what each asks for, checked before anything is read.

Invariant: ids are unique, expressions are understood and use ids that are there, without a circle.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from hostler.api.cloudwatch import reading, refusals
from hostler.api.registry import Call
from hostler.domain.errors import CallerError
from hostler.telemetry import expressions, levels, points
from hostler.telemetry.expressions import ExpressionError
from hostler.telemetry.queries import Query

QUERIES_MAX = 500
_ID = re.compile(r"[a-z][a-zA-Z0-9_]*", re.ASCII)


def read(call: Call, parameter: str = "MetricDataQueries") -> Mapping[str, Query]:
    """The queries that a parameter gives, by their ids, in order.

    Raises:
        CallerError: ValidationError, for whatever is wrong with them.
    """
    given: Sequence[Mapping[str, Any]] = call.params[parameter]
    if not given:
        raise refusals.unfit(f"The parameter {parameter} is required.")
    if len(given) > QUERIES_MAX:
        raise refusals.unfit(
            f"The collection {parameter} must not have a size greater than {QUERIES_MAX}."
        )
    for number, one in enumerate(given, 1):
        if _ID.fullmatch(one["Id"]) is None:
            raise refusals.unfit(
                f"The value {one['Id']} for parameter {parameter}.member.{number}.Id is not "
                "matching the expected pattern ^[a-z][a-zA-Z0-9_]*$."
            )
    found = {
        one["Id"]: _query(call, f"{parameter}.member.{number}", one)
        for number, one in enumerate(given, 1)
    }
    if len(found) < len(given):
        raise refusals.unfit(
            f"The values for parameter id in parameter {parameter} are not unique."
        )
    _check_circles(found)
    return found


def wrong(query_id: str, error: ExpressionError) -> CallerError:
    """What is wrong with an expression."""
    return refusals.unfit(f"Error in expression '{query_id}': {error}.")


def _query(call: Call, path: str, one: Mapping[str, Any]) -> Query:
    stat, expression = one.get("MetricStat"), one.get("Expression")
    if (stat is None) == (expression is None):
        raise refusals.unfit(
            f"Exactly one of the parameters {path}.MetricStat and {path}.Expression must be "
            "specified."
        )
    label: str = one.get("Label") or ""
    if "${" in label:
        raise refusals.unfit(
            f"{path}.Label {label!r} is not supported yet: labels are plain texts."
        )
    returned: bool = one.get("ReturnData", True)
    period_s: int | None = one.get("Period")
    if period_s is not None and not levels.is_period(period_s):
        raise _bad_period(f"{path}.Period", period_s)
    if stat is not None:
        if period_s is not None:
            raise refusals.unfit(
                f"The parameters {path}.Period and {path}.MetricStat are mutually exclusive: "
                "MetricStat has a Period."
            )
        return _statistic(call, path, stat, Query(one["Id"], label, returned, None))
    assert expression is not None
    try:
        tree = expressions.parse(expression)
    except ExpressionError as error:
        raise wrong(one["Id"], error) from None
    searches = isinstance(tree, expressions.Function) and tree.name == "SEARCH"
    return Query(
        one["Id"],
        label or one["Id"],
        returned,
        period_s,
        tree=tree,
        label_given=bool(label),
        searches=searches,
    )


def _statistic(call: Call, path: str, stat: Mapping[str, Any], query: Query) -> Query:
    metric = stat["Metric"]
    for name in ("Namespace", "MetricName"):
        if name not in metric:
            raise refusals.unfit(f"The parameter {path}.MetricStat.Metric.{name} is required.")
    if not points.is_statistic(stat["Stat"]):
        known = ", ".join(points.BASIC)
        raise refusals.unfit(
            f"The value {stat['Stat']} for parameter {path}.MetricStat.Stat is not supported: "
            f"there are {known} and percentiles (p0 to p100)."
        )
    if not levels.is_period(stat["Period"]):
        raise _bad_period(f"{path}.MetricStat.Period", stat["Period"])
    return Query(
        query.id,
        query.label or metric["MetricName"],
        query.returned,
        stat["Period"],
        metric=reading.metric_of(call, metric),
        statistic=stat["Stat"],
        unit=stat.get("Unit"),
    )


def _bad_period(path: str, period_s: int) -> CallerError:
    return refusals.unfit(
        f"The value {period_s} for parameter {path} is invalid: it must be 1, 5, 10, 20, 30 or a "
        "multiple of 60."
    )


def _check_circles(found: Mapping[str, Query]) -> None:
    """Every id that is used is there, and none leads back to itself."""
    uses = {
        query.id: expressions.names(query.tree)
        for query in found.values()
        if query.tree is not None
    }
    for query_id, used in uses.items():
        for name in sorted(used - found.keys()):
            raise wrong(query_id, ExpressionError(f"{name} is not the id of a query"))
    settled = set(found.keys() - uses.keys())
    while left := uses.keys() - settled:
        ready = {query_id for query_id in left if uses[query_id] <= settled}
        if not ready:
            first = min(left)
            raise wrong(first, ExpressionError("it uses its own result"))
        settled |= ready
