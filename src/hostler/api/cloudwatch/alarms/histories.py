"""DescribeAlarmHistory: what happened to alarms in the last 30 days.

Invariant: the token is the number of the page's last item, so a page is never used up; the history
of an alarm that was deleted is shown like any other.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarmHistory.html
"""

from collections.abc import Mapping
from typing import Any

from hostler.api.cloudwatch import refusals
from hostler.api.cloudwatch.alarms import tokens
from hostler.api.registry import Call
from hostler.domain.alarm import AlarmKind, HistoryItem, HistoryType
from hostler.store import alarm_history
from hostler.store.alarm_history import KEPT_S, Filter
from hostler.store.database import Transaction

PAGE = 100


def listed(tx: Transaction, call: Call) -> Mapping[str, Any]:
    """DescribeAlarmHistory: without AlarmTypes that of metric alarms alone, newest first."""
    params = call.params
    start, end = params.get("StartDate"), params.get("EndDate")
    if start is not None and end is not None and start > end:
        raise refusals.unfit("The parameter StartDate must not be after the parameter EndDate.")
    kind = params.get("HistoryItemType")
    wanted = Filter(
        [AlarmKind(each) for each in params.get("AlarmTypes") or (AlarmKind.METRIC,)],
        params.get("AlarmName"),
        None if kind is None else HistoryType(kind),
        max(start or 0.0, call.now - KEPT_S),
        end,
    )
    most: int = params.get("MaxRecords", PAGE)
    found = alarm_history.page(
        tx,
        call.account,
        call.region,
        wanted,
        descending=params.get("ScanBy", "TimestampDescending") == "TimestampDescending",
        after=tokens.read(params.get("NextToken"), int),
        limit=most + 1,
    )
    page: dict[str, Any] = {"AlarmHistoryItems": [_shape(item) for _, item in found[:most]]}
    if len(found) > most:
        page["NextToken"] = tokens.written(found[most - 1][0])
    return page


def _shape(item: HistoryItem) -> Mapping[str, Any]:
    return {
        "AlarmName": item.name,
        "AlarmType": item.kind.value,
        "Timestamp": item.at,
        "HistoryItemType": item.type.value,
        "HistorySummary": item.summary,
        "HistoryData": item.data,
    }
