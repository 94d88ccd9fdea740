"""The usual alarms: what they watch, and when they go off."""

import re
from pathlib import Path

from hostler.toolkit import alarms

PAGE = Path(__file__).parents[3] / "docs" / "how-to" / "alarms.md"
TOPIC = "arn:aws:sns:us-east-1:123456789012:ops"


def test_each_variant_has_the_usual_alarms() -> None:
    made = {each["AlarmName"]: each for each in alarms.alarms("fraud", "v1", [TOPIC])}
    assert {name.rpartition("/")[2]: each["Threshold"] for name, each in made.items()} == {
        "ModelLatency": 1_000_000,
        "OverheadLatency": 200_000,
        "Invocation4XXErrors": 1.0,
        "Invocation5XXErrors": 0.1,
        "CPUUtilization": 80,
        "MemoryUtilization": 80,
    }
    assert {name.rpartition("/")[0] for name in made} == {"fraud/v1"}
    assert {(each["AlarmActions"][0], each["OKActions"][0]) for each in made.values()} == {
        (TOPIC, TOPIC)
    }


def test_the_page_names_each_usual_alarm_and_no_other() -> None:
    """The metrics that need an alarm, one threshold each; the others have none."""
    table = PAGE.read_text().split("## Your own")[0]
    assert re.findall(r"^\| (\w+) \|", table, re.MULTILINE) == [
        each.metric for each in alarms.WATCHES
    ]
    assert "Invocations and InvocationsPerInstance have no alarm" in table


def test_errors_are_a_share_of_all_calls() -> None:
    made = {each["AlarmName"]: each for each in alarms.alarms("fraud", "v1", [])}
    rate, *metrics = made["fraud/v1/Invocation5XXErrors"]["Metrics"]
    assert rate["Expression"] == "IF(calls > 0, 100 * errors / calls, 0)"
    assert [each["MetricStat"]["Metric"]["MetricName"] for each in metrics] == [
        "Invocation5XXErrors",
        "Invocations",
    ]
