"""Pieces for tests of alarms: an alarm as it is put, and one in a state."""

from dataclasses import replace

from hostler.domain.alarm import (
    Actions,
    AlarmState,
    Comparison,
    CompositeAlarm,
    MetricAlarm,
    MetricStatistic,
    Standing,
)
from hostler.domain.ids import DEFAULT_ACCOUNT, DEFAULT_REGION

NOW = 1_700_000_040.0
"""The beginning of a minute."""


def standing(state: AlarmState = AlarmState.INSUFFICIENT_DATA, at: float = NOW) -> Standing:
    return Standing(state, "It was put so", None, at, at)


def metric_alarm(
    name: str = "errors", state: AlarmState = AlarmState.INSUFFICIENT_DATA, **changes: object
) -> MetricAlarm:
    """3 of 3 minutes above 1, unless said otherwise."""
    alarm = MetricAlarm(
        DEFAULT_ACCOUNT,
        DEFAULT_REGION,
        name,
        Actions(),
        Comparison.GREATER,
        1.0,
        3,
        NOW,
        standing(state),
        metric=MetricStatistic("Shop", "Errors", (("Till", "1"),), "Sum", 60),
    )
    return replace(alarm, **changes)  # type: ignore[arg-type]


def composite_alarm(name: str, rule: str, **changes: object) -> CompositeAlarm:
    alarm = CompositeAlarm(DEFAULT_ACCOUNT, DEFAULT_REGION, name, Actions(), rule, NOW, standing())
    return replace(alarm, **changes)  # type: ignore[arg-type]
