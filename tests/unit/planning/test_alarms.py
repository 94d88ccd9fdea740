"""CloudWatch's tables of missing data, M of N, comparisons, and percentiles of few samples."""

import json
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alarm_pieces import NOW, metric_alarm
from hostler.domain.alarm import (
    AlarmState,
    Comparison,
    LowSamples,
    MetricAlarm,
    MetricStatistic,
    Missing,
)
from hostler.planning import alarms
from hostler.planning.alarms import Datapoint

OK, ALARM, NO_DATA = AlarmState.OK, AlarmState.ALARM, AlarmState.INSUFFICIENT_DATA
KEPT = None


def window(text: str, step_s: int = 60) -> Sequence[Datapoint | None]:
    """Points as AWS's tables draw them: 0 is good, X breaches, - is missing; the newest is last."""
    first = int(NOW) - step_s * len(text)
    values = {"0": 0.0, "X": 9.0}
    return [
        Datapoint(first + step_s * index, values[each], 1.0) if each in values else None
        for index, each in enumerate(text)
    ]


def state_of(alarm: MetricAlarm, text: str) -> AlarmState:
    return alarms.evaluate(alarm, window(text), NOW).state


# Columns: missing, ignore, breaching, notBreaching.
TABLE = [
    (3, "0-X-X", (OK, OK, OK, OK)),
    (3, "0----", (OK, OK, OK, OK)),
    (3, "-----", (NO_DATA, KEPT, ALARM, OK)),
    (3, "0XX-X", (ALARM, ALARM, ALARM, ALARM)),
    (3, "--X--", (ALARM, KEPT, ALARM, OK)),
    (2, "0-X-X", (ALARM, ALARM, ALARM, ALARM)),
    (2, "00X0X", (ALARM, ALARM, ALARM, ALARM)),
    (2, "0-X--", (OK, OK, ALARM, OK)),
    (2, "----0", (OK, OK, ALARM, OK)),
    (2, "---X-", (ALARM, KEPT, ALARM, OK)),
    # Too early to be an alarm, says the page below the tables.
    (3, "----X", (KEPT, KEPT, ALARM, OK)),
    (3, "---X-", (KEPT, KEPT, ALARM, OK)),
    (3, "---X0", (OK, OK, OK, OK)),
    (3, "--X-0", (OK, OK, OK, OK)),
    # The page says nothing of these.
    (1, "----X", (ALARM, ALARM, ALARM, ALARM)),
    (3, "XXX00", (OK, OK, OK, OK)),
    (3, "00XXX", (ALARM, ALARM, ALARM, ALARM)),
    (3, "-X-X-", (ALARM, KEPT, ALARM, OK)),
]


@pytest.mark.parametrize("before", [OK, ALARM, NO_DATA])
@pytest.mark.parametrize(
    ("needed", "text", "expected"), TABLE, ids=[f"{n} {t}" for n, t, _ in TABLE]
)
def test_missing_points_are_treated_as_cloudwatchs_tables_say(
    needed: int, text: str, expected: Sequence[AlarmState | None], before: AlarmState
) -> None:
    for treatment, state in zip(Missing, expected, strict=True):
        alarm = metric_alarm(state=before, datapoints_to_alarm=needed, treat_missing=treatment)
        assert state_of(alarm, text) is (state or before), treatment


def test_without_a_treatment_missing_is_missing_and_m_is_n() -> None:
    assert state_of(metric_alarm(), "-----") is NO_DATA
    assert state_of(metric_alarm(), "00XX0") is OK
    assert state_of(metric_alarm(), "00XXX") is ALARM


@pytest.mark.parametrize(
    ("comparison", "below", "equal", "above"),
    [
        (Comparison.GREATER, OK, OK, ALARM),
        (Comparison.GREATER_OR_EQUAL, OK, ALARM, ALARM),
        (Comparison.LESS, ALARM, OK, OK),
        (Comparison.LESS_OR_EQUAL, ALARM, ALARM, OK),
    ],
)
def test_a_value_is_compared_with_the_threshold(
    comparison: Comparison, below: AlarmState, equal: AlarmState, above: AlarmState
) -> None:
    alarm = metric_alarm(evaluation_periods=1, comparison=comparison, threshold=5.0)
    for value, state in ((4.9, below), (5.0, equal), (5.1, above)):
        found = alarms.evaluate(alarm, [Datapoint(int(NOW) - 60, value)], NOW)
        assert found.state is state
        assert found.newest == value


def test_an_alarm_of_high_resolution_is_evaluated_by_the_same_rule() -> None:
    fine = MetricStatistic("Shop", "Errors", (), "Sum", 10)
    alarm = metric_alarm(metric=fine)
    assert alarm.every_s == 10
    assert metric_alarm().every_s == 60
    found = alarms.evaluate(alarm, window("0XXX-", 10), NOW)
    assert found.state is ALARM
    assert json.loads(found.reason_data or "")["period"] == 10


@pytest.mark.parametrize(
    ("statistic", "samples", "is_few"),
    [
        ("p99", 999, True),
        ("p99", 1000, False),
        ("p50", 19, True),
        ("p50", 20, False),
        ("p10", 99, True),
        ("p10", 100, False),
        ("p100", 1, False),
        ("Average", 1, False),
    ],
)
def test_percentiles_of_few_samples_change_nothing_where_they_are_ignored(
    statistic: str, samples: float, is_few: bool
) -> None:
    metric = MetricStatistic("Shop", "Latency", (), statistic, 60)
    alarm = metric_alarm(state=OK, metric=metric, evaluation_periods=1)
    points = [Datapoint(int(NOW) - 60, 9.0, samples)]
    assert alarms.evaluate(alarm, points, NOW).state is ALARM
    ignoring = replace(alarm, low_samples=LowSamples.IGNORE)
    assert alarms.evaluate(ignoring, points, NOW).state is (OK if is_few else ALARM)


def test_reasons_are_in_cloudwatchs_words() -> None:
    one = metric_alarm(evaluation_periods=1, threshold=80.0)

    def reason(alarm: MetricAlarm, text: str) -> str:
        return alarms.evaluate(alarm, window(text), NOW).reason

    assert reason(one, "--X") == (
        "Threshold Crossed: 1 out of the last 1 datapoints [9.0 (14/11/23 22:13:00)] was not "
        "greater than the threshold (80.0) (minimum 1 datapoint for ALARM -> OK transition)."
    )
    two = metric_alarm(evaluation_periods=3, datapoints_to_alarm=2)
    assert reason(two, "00X0X") == (
        "Threshold Crossed: 2 out of the last 3 datapoints [9.0 (14/11/23 22:13:00), 9.0 (14/11/23 "
        "22:11:00)] were greater than the threshold (1.0) (minimum 2 datapoints for OK -> ALARM "
        "transition)."
    )
    assert reason(two, "-----") == "Insufficient Data: 3 datapoints were unknown."
    assert reason(metric_alarm(), "----X") == "Insufficient Data: 2 datapoints were unknown."
    breaching = replace(two, treat_missing=Missing.BREACHING)
    assert reason(breaching, "-----") == (
        "Threshold Crossed: no datapoints were received for 3 periods and 3 missing datapoints "
        "were treated as [Breaching]."
    )


def test_the_reasons_data_fit_whatever_was_evaluated() -> None:
    alarm = metric_alarm(evaluation_periods=1440)
    points = [Datapoint(60 * index, 1 / 3, 100.0) for index in range(1440)]
    found = alarms.evaluate(alarm, points, NOW)
    assert len(found.reason) <= 1023
    assert found.reason_data is not None
    assert len(found.reason_data) <= 4000
    data = json.loads(found.reason_data)
    assert data["evaluatedDatapoints"][0]["timestamp"] == "1970-01-01T23:59:00.000+0000"
    assert len(data["recentDatapoints"]) == len(data["evaluatedDatapoints"])


@given(
    st.text("0X-", min_size=5, max_size=5),
    st.integers(1, 3),
    st.sampled_from([None, *Missing]),
    st.sampled_from(AlarmState),
)
def test_enough_real_points_decide_alone(
    text: str, needed: int, treatment: Missing | None, before: AlarmState
) -> None:
    alarm = metric_alarm(state=before, datapoints_to_alarm=needed, treat_missing=treatment)
    real = text.replace("-", "")[-3:]
    if len(real) == 3:
        assert state_of(alarm, text) is (ALARM if real.count("X") >= needed else OK)
    if real.count("X") >= needed:
        assert state_of(alarm, text) is ALARM
    if "X" not in real and real and treatment is not Missing.BREACHING:
        assert state_of(alarm, text) is OK
