"""CloudWatch's alarms: what was asked for, and how they stand.

Invariant: pure values. ``standing`` is written by transitions alone (``store.alarms.settle``);
everything else is as the caller put it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from hostler.domain.ids import AccountId, Arn, Region, partition

MINUTE_S = 60
FINE_PERIODS = (10, 20, 30)
"""Periods, in seconds, of alarms of high resolution."""
FINE_S = 10
"""How often those are evaluated; the others each minute."""
STATE_SET = "alarm-states"
"""Waking this key has composite alarms follow a state that was set, and its actions carried out."""


class AlarmState(StrEnum):
    """StateValue."""

    OK = "OK"
    ALARM = "ALARM"
    INSUFFICIENT_DATA = "INSUFFICIENT_DATA"


class Comparison(StrEnum):
    """ComparisonOperator, for fixed thresholds."""

    GREATER_OR_EQUAL = "GreaterThanOrEqualToThreshold"
    GREATER = "GreaterThanThreshold"
    LESS = "LessThanThreshold"
    LESS_OR_EQUAL = "LessThanOrEqualToThreshold"


class Missing(StrEnum):
    """TreatMissingData."""

    MISSING = "missing"
    IGNORE = "ignore"
    BREACHING = "breaching"
    NOT_BREACHING = "notBreaching"


class LowSamples(StrEnum):
    """EvaluateLowSampleCountPercentile."""

    EVALUATE = "evaluate"
    IGNORE = "ignore"


class AlarmKind(StrEnum):
    """AlarmType."""

    METRIC = "MetricAlarm"
    COMPOSITE = "CompositeAlarm"


@dataclass(frozen=True, slots=True)
class MetricStatistic:
    """A statistic of a metric; ``dimensions`` are (name, value) as they were given."""

    namespace: str
    metric_name: str
    dimensions: tuple[tuple[str, str], ...]
    statistic: str
    """SampleCount, Average, Sum, Minimum, Maximum or a percentile as in p99.9."""
    period_s: int
    unit: str | None = None


@dataclass(frozen=True, slots=True)
class AlarmQuery:
    """One of ``Metrics``: a metric's statistic, or an expression over the others' ids."""

    id: str
    metric: MetricStatistic | None = None
    expression: str | None = None
    label: str | None = None
    returned: bool | None = None
    period_s: int | None = None
    """Of an expression."""


@dataclass(frozen=True, slots=True)
class Actions:
    """ARNs of what to do on entering a state."""

    enabled: bool = True
    ok: tuple[str, ...] = ()
    alarm: tuple[str, ...] = ()
    insufficient: tuple[str, ...] = ()

    def of(self, state: AlarmState) -> tuple[str, ...]:
        """Those of a state, whether or not they are enabled."""
        match state:
            case AlarmState.OK:
                return self.ok
            case AlarmState.ALARM:
                return self.alarm
            case AlarmState.INSUFFICIENT_DATA:
                return self.insufficient


@dataclass(frozen=True, slots=True)
class Standing:
    """How an alarm stands; times in epoch seconds."""

    state: AlarmState
    reason: str
    reason_data: str | None
    """JSON, as StateReasonData."""
    updated: float
    transitioned: float
    """When the state became another one."""
    repeated: float | None = None
    """When Auto Scaling was last told that it is still in ALARM."""


@dataclass(frozen=True, slots=True)
class MetricAlarm:
    """An alarm on one metric (``metric``) or on an expression (``queries``)."""

    account: AccountId
    region: Region
    name: str
    actions: Actions
    comparison: Comparison
    threshold: float
    evaluation_periods: int
    configured: float
    standing: Standing
    description: str | None = None
    metric: MetricStatistic | None = None
    queries: tuple[AlarmQuery, ...] = ()
    datapoints_to_alarm: int | None = None
    treat_missing: Missing | None = None
    low_samples: LowSamples | None = None

    @property
    def arn(self) -> Arn:
        return alarm_arn(self.region, self.account, self.name)

    @property
    def period_s(self) -> int:
        """Of its data points: for an expression the longest of its metrics'."""
        if self.metric is not None:
            return self.metric.period_s
        periods = [each.metric.period_s for each in self.queries if each.metric is not None]
        return max(periods, default=MINUTE_S)

    @property
    def measured(self) -> str:
        """What its data points are, in words: a metric's statistic, or an expression."""
        given = self.metric or next(
            (each.metric or each.expression for each in self.queries if each.returned is not False),
            None,
        )
        if isinstance(given, MetricStatistic):
            return f"{given.statistic} of {given.namespace} {given.metric_name}"
        return given or ""

    @property
    def needed(self) -> int:
        """M of M out of N."""
        return self.datapoints_to_alarm or self.evaluation_periods

    @property
    def every_s(self) -> int:
        """How often it is evaluated."""
        return FINE_S if self.period_s in FINE_PERIODS else MINUTE_S


@dataclass(frozen=True, slots=True)
class CompositeAlarm:
    """An alarm on other alarms' states."""

    account: AccountId
    region: Region
    name: str
    actions: Actions
    rule: str
    configured: float
    standing: Standing
    description: str | None = None

    @property
    def arn(self) -> Arn:
        return alarm_arn(self.region, self.account, self.name)


Alarm: TypeAlias = MetricAlarm | CompositeAlarm

States: TypeAlias = Mapping[str, AlarmState]
"""Alarms' states by their names."""


class HistoryType(StrEnum):
    """HistoryItemType."""

    CONFIGURATION = "ConfigurationUpdate"
    STATE = "StateUpdate"
    ACTION = "Action"


@dataclass(frozen=True, slots=True)
class HistoryItem:
    """Something that happened to an alarm; ``data`` is JSON, ``at`` in epoch seconds."""

    name: str
    kind: AlarmKind
    at: float
    type: HistoryType
    summary: str
    data: str


@dataclass(frozen=True, slots=True)
class Firing:
    """One action to be carried out, as it is queued.

    ``message`` is the notification that CloudWatch would send; ``value`` the newest data point that
    was evaluated, where the alarm is on a metric; ``repeated``: the state is no new one.
    """

    account: AccountId
    region: Region
    name: str
    kind: AlarmKind
    action: str
    state: AlarmState
    at: float
    message: str
    value: float | None = None
    repeated: bool = False

    @property
    def line(self) -> str:
        """Actions of one alarm on one target are carried out one after another."""
        return f"{alarm_arn(self.region, self.account, self.name)} {self.action}"


def is_alarm_key(key: str) -> bool:
    """Whether a key to wake (``ports.Wake``) is of alarms: ``STATE_SET``, or an alarm's ARN."""
    return key == STATE_SET or (key.startswith("arn:") and key.split(":", 3)[2] == "cloudwatch")


def kind_of(alarm: Alarm) -> AlarmKind:
    """Which kind an alarm is of."""
    return AlarmKind.METRIC if isinstance(alarm, MetricAlarm) else AlarmKind.COMPOSITE


def alarm_arn(region: str, account: str, name: str) -> Arn:
    """An alarm's ARN."""
    return Arn(f"arn:{partition(region)}:cloudwatch:{region}:{account}:alarm:{name}")
