"""ListMetrics: what was written to in the last two weeks, in pages of 500.

Invariant: the token is the place of the page's last metric, so a page is never used up.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_ListMetrics.html
"""

from collections.abc import Mapping
from typing import Any

from hostler.api import places
from hostler.api.cloudwatch import refusals
from hostler.api.registry import Call
from hostler.store.database import Transaction
from hostler.telemetry import metric_lists
from hostler.telemetry.levels import DAY_S, HOUR_S
from hostler.telemetry.metric_lists import Filter, Place
from hostler.telemetry.metrics import Metric

PAGE = 500
LISTED_S = 14 * DAY_S
RECENT_S = 3 * HOUR_S


def listed(tx: Transaction, call: Call) -> Mapping[str, Any]:
    """ListMetrics."""
    params = call.params
    since_s = call.now - (RECENT_S if "RecentlyActive" in params else LISTED_S)
    wanted = Filter(
        params.get("Namespace"),
        params.get("MetricName"),
        tuple((each["Name"], each.get("Value")) for each in params.get("Dimensions") or ()),
        since_s,
    )
    after = _place(params.get("NextToken"))
    found = metric_lists.listed(tx, call.account, call.region, wanted, after=after, limit=PAGE + 1)
    page: dict[str, Any] = {"Metrics": [_shape(metric) for metric in found[:PAGE]]}
    if len(found) > PAGE:
        last = found[PAGE - 1]
        page["NextToken"] = places.token_of(last.namespace, last.name, last.text)
    return page


def _shape(metric: Metric) -> Mapping[str, Any]:
    return {
        "Namespace": metric.namespace,
        "MetricName": metric.name,
        "Dimensions": [{"Name": name, "Value": value} for name, value in metric.dimensions],
    }


def _place(token: str | None) -> Place | None:
    if token is None:
        return None
    try:
        match places.parts(token):
            case [str(namespace), str(name), str(text)]:
                return namespace, name, text
    except ValueError:
        pass
    raise refusals.invalid("Request parameter NextToken is invalid")
