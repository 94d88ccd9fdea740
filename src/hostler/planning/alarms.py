"""How a metric alarm stands, given its data points: CloudWatch's rule.

Invariant: pure; real points are never ignored in favour of filled ones. The rule, and the tables
that it was made to reproduce:
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
"""

import json
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from hostler.domain.alarm import AlarmState, Comparison, LowSamples, MetricAlarm, Missing
from hostler.domain.moments import to_millisecond

EXTRA_POINTS = 2
"""How many periods more than EvaluationPeriods are looked at, for those that are missing."""
SAMPLES_OF_TAIL = 10
"""So many values are to lie beyond a percentile, or it says little."""
REASON_MAX, DATA_MAX = 1023, 4000
"""How long CloudWatch's reasons and their data are at most."""

_BREACHES: Mapping[Comparison, tuple[Callable[[float, float], bool], str]] = {
    Comparison.GREATER_OR_EQUAL: (operator.ge, "greater than or equal to"),
    Comparison.GREATER: (operator.gt, "greater than"),
    Comparison.LESS: (operator.lt, "less than"),
    Comparison.LESS_OR_EQUAL: (operator.le, "less than or equal to"),
}


@dataclass(frozen=True, slots=True)
class Datapoint:
    """A period that has a value; ``at`` is its beginning in epoch seconds."""

    at: int
    value: float
    samples: float | None = None
    """How many values it was made of, where that is known."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """How an alarm is to stand; ``reason_data`` is JSON."""

    state: AlarmState
    reason: str
    reason_data: str | None = None
    newest: float | None = None
    """The newest real value."""


def evaluation_range(alarm: MetricAlarm) -> int:
    """How many periods are looked at."""
    return alarm.evaluation_periods + EXTRA_POINTS


def evaluate(alarm: MetricAlarm, points: Sequence[Datapoint | None], now: float) -> Evaluation:
    """How an alarm is to stand.

    Args:
        alarm: The alarm, with its present state: what is not decided keeps it.
        points: The periods of its evaluation range, the newest last; None where one is missing.
        now: For the reason's data, epoch seconds.
    """
    ages = {point.at: len(points) - index for index, point in enumerate(points) if point}
    real = [point for point in points if point is not None]
    used = real[-alarm.evaluation_periods :]
    filled = alarm.evaluation_periods - len(used)
    state = _state(alarm, used, filled, ages)
    newest = real[-1].value if real else None
    return Evaluation(
        state,
        _reason(alarm, state, used, filled)[:REASON_MAX],
        _reason_data(alarm, used, now),
        newest,
    )


def _state(
    alarm: MetricAlarm,
    used: Sequence[Datapoint],
    filled: int,
    ages: Mapping[int, int],
) -> AlarmState:
    """The state; ``ages``: how many periods back a point's time is, 1 for the newest."""
    if alarm.low_samples is LowSamples.IGNORE and any(_is_few(alarm, point) for point in used):
        return alarm.standing.state
    breaching = [point for point in used if breaches(alarm, point.value)]
    treatment = alarm.treat_missing or Missing.MISSING
    if not filled or treatment in (Missing.BREACHING, Missing.NOT_BREACHING):
        counted = len(breaching) + (filled if treatment is Missing.BREACHING else 0)
        return AlarmState.ALARM if counted >= alarm.needed else AlarmState.OK
    if not used:
        ignored = treatment is Missing.IGNORE
        return alarm.standing.state if ignored else AlarmState.INSUFFICIENT_DATA
    if len(breaching) >= alarm.needed:
        return AlarmState.ALARM
    if len(breaching) < len(used):
        return AlarmState.OK
    # All there is breaches, but there is less than M of it. Once the oldest is M periods old it is
    # an alarm, before that the next point may yet be a good one: the state is kept.
    is_old = ages[breaching[0].at] >= alarm.needed and treatment is Missing.MISSING
    return AlarmState.ALARM if is_old else alarm.standing.state


def breaches(alarm: MetricAlarm, value: float) -> bool:
    """Whether a value is beyond the threshold."""
    return _BREACHES[alarm.comparison][0](value, alarm.threshold)


def _is_few(alarm: MetricAlarm, point: Datapoint) -> bool:
    """Whether a percentile is of too few values to mean much.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/percentiles-with-low-samples.html
    """
    if point.samples is None or alarm.metric is None:
        return False
    statistic = alarm.metric.statistic
    if not statistic.startswith("p"):
        return False
    share = float(statistic[1:]) / 100
    tail = share if share < 0.5 else 1 - share
    return tail > 0 and point.samples < SAMPLES_OF_TAIL / tail


def _reason(alarm: MetricAlarm, state: AlarmState, used: Sequence[Datapoint], filled: int) -> str:
    treatment = alarm.treat_missing or Missing.MISSING
    if not used or state is AlarmState.INSUFFICIENT_DATA:
        return _reason_without_data(state, treatment, filled or len(used))
    in_alarm = state is AlarmState.ALARM
    shown = [point for point in used if breaches(alarm, point.value) is in_alarm] or list(used)
    listed = ", ".join(f"{point.value} ({_short(point.at)})" for point in reversed(shown))
    words = _BREACHES[alarm.comparison][1]
    is_not = "" if breaches(alarm, shown[0].value) else "not "
    was = "was" if len(shown) == 1 else "were"
    least = alarm.needed if in_alarm else alarm.evaluation_periods - alarm.needed + 1
    way = "OK -> ALARM" if in_alarm else "ALARM -> OK"
    treated = ""
    if filled and treatment in (Missing.BREACHING, Missing.NOT_BREACHING):
        treated = f" and {_counted(filled, 'missing datapoint')} treated as [{_TREATED[treatment]}]"
    return (
        f"Threshold Crossed: {len(shown)} out of the last {alarm.evaluation_periods} datapoints "
        f"[{listed}] {was} {is_not}{words} the threshold ({alarm.threshold}){treated} (minimum "
        f"{least} datapoint{'' if least == 1 else 's'} for {way} transition)."
    )


_TREATED = {Missing.BREACHING: "Breaching", Missing.NOT_BREACHING: "NonBreaching"}


def _reason_without_data(state: AlarmState, treatment: Missing, filled: int) -> str:
    if treatment in _TREATED and state is not AlarmState.INSUFFICIENT_DATA:
        return (
            f"Threshold Crossed: no datapoints were received for {filled} "
            f"period{'' if filled == 1 else 's'} and {_counted(filled, 'missing datapoint')} "
            f"treated as [{_TREATED[treatment]}]."
        )
    return f"Insufficient Data: {_counted(filled, 'datapoint')} unknown."


def _counted(number: int, what: str) -> str:
    return f"{number} {what} was" if number == 1 else f"{number} {what}s were"


def _reason_data(alarm: MetricAlarm, used: Sequence[Datapoint], now: float) -> str:
    data: dict[str, Any] = {"version": "1.0", "queryDate": long_time(now)}
    if used:
        data["startDate"] = long_time(used[0].at)
    if alarm.metric is not None:
        if alarm.metric.unit is not None:
            data["unit"] = alarm.metric.unit
        data["statistic"] = alarm.metric.statistic
    data["period"] = alarm.period_s
    data["recentDatapoints"] = [point.value for point in used]
    data["threshold"] = alarm.threshold
    data["evaluatedDatapoints"] = [
        {
            "timestamp": long_time(point.at),
            **({} if point.samples is None else {"sampleCount": point.samples}),
            "value": point.value,
        }
        for point in reversed(used)
    ]
    text = json.dumps(data, separators=(",", ":"))
    while len(text) > DATA_MAX:  # the oldest points are left out
        data["evaluatedDatapoints"].pop()
        data["recentDatapoints"] = data["recentDatapoints"][1:]
        text = json.dumps(data, separators=(",", ":"))
    return text


def long_time(at: float) -> str:
    """A time as CloudWatch writes it into JSON: 2026-11-28T11:20:00.000+0000."""
    return to_millisecond(at, "+0000")


def _short(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%d/%m/%y %H:%M:%S}"
