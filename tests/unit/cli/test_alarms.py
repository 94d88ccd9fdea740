"""`hostler alarms explain` in words."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from hostler.cli.alarms import explained, state

AT = datetime(2026, 1, 31, 12, tzinfo=UTC)
ALARM: dict[str, Any] = {
    "AlarmName": "errors",
    "StateValue": "ALARM",
    "StateReason": "Threshold Crossed",
    "StateUpdatedTimestamp": AT,
    "ActionsEnabled": True,
}
METRIC = {
    "Namespace": "Shop",
    "MetricName": "Errors",
    "Dimensions": [{"Name": "Till", "Value": "1"}],
    "Statistic": "Sum",
    "Period": 60,
}
COMPARED = {
    "Threshold": 2.0,
    "EvaluationPeriods": 3,
    "DatapointsToAlarm": 2,
    "ComparisonOperator": "GreaterThanThreshold",
}


def test_a_metric_alarm_says_what_it_saw() -> None:
    data = {"evaluatedDatapoints": [{"timestamp": "2026-01-31T11:59:00.000+0000", "value": 9.0}]}
    happened = [{"Timestamp": AT, "HistorySummary": "Alarm updated from OK to ALARM"}]
    alarm = {**ALARM, **METRIC, **COMPARED, "StateReasonData": json.dumps(data)}
    assert [*explained(alarm, happened)] == [
        "errors is ALARM since 2026-01-31 12:00:00",
        "  Threshold Crossed",
        "  watches Sum of Shop Errors over 60 s (Till 1)",
        "  ALARM when 2 of 3 are GreaterThanThreshold 2; missing data are missing",
        "  2026-01-31T11:59:00.000+0000  9",
        "  2026-01-31 12:00:00  Alarm updated from OK to ALARM",
    ]
    assert state(alarm).style == "red"


@pytest.mark.parametrize(
    ("more", "watched"),
    [
        ({"AlarmRule": "ALARM(a)"}, "ALARM(a)"),
        (
            {"Metrics": [{"Id": "r", "Expression": "e / c", "Label": "rate", "ReturnData": True}]},
            "rate: e / c",
        ),
        (
            {
                "Metrics": [
                    {"Id": "e", "ReturnData": False, "Expression": "m"},
                    {
                        "Id": "m",
                        "ReturnData": True,
                        "MetricStat": {"Metric": METRIC, "Stat": "p99", "Period": 300},
                    },
                ]
            },
            "p99 of Shop Errors over 300 s (Till 1)",
        ),
    ],
)
def test_what_is_watched(more: dict[str, Any], watched: str) -> None:
    lines = [*explained({**ALARM, **more, "ActionsEnabled": False}, [])]
    assert lines[2:] == [f"  watches {watched}", "  its actions are disabled"]
