"""DescribeAlarms and DescribeAlarmsForMetric.

Invariant: the token is the name of the page's last alarm, so a page is never used up.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarms.html
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from hostler.api.cloudwatch import refusals
from hostler.api.cloudwatch.alarms import composites, shapes, tokens
from hostler.api.registry import Call
from hostler.domain.alarm import Alarm, AlarmKind, AlarmState, MetricAlarm
from hostler.domain.errors import CallerError
from hostler.store import alarms
from hostler.store.alarms import Wanted
from hostler.store.database import Transaction

PAGE = 50
_ALONE = ("ChildrenOfAlarmName", "ParentsOfAlarmName")
_WITH_THEM = frozenset({*_ALONE, "MaxRecords", "NextToken"})
_OF_CHILDREN = (
    *("AlarmName", "AlarmArn", "StateValue", "StateUpdatedTimestamp"),
    "StateTransitionedTimestamp",
)
_OF_PARENTS = ("AlarmName", "AlarmArn")


def listed(tx: Transaction, call: Call) -> Mapping[str, Any]:
    """DescribeAlarms: without AlarmTypes metric alarms alone."""
    params = call.params
    related = [member for member in _ALONE if member in params]
    if related:
        return _related(tx, call, related)
    if params.get("AlarmNames") and "AlarmNamePrefix" in params:
        raise refusals.contradictory("AlarmNames and AlarmNamePrefix are mutually exclusive.")
    state = params.get("StateValue")
    wanted = Wanted(
        [AlarmKind(kind) for kind in params.get("AlarmTypes") or (AlarmKind.METRIC,)],
        params.get("AlarmNames") or None,
        params.get("AlarmNamePrefix"),
        None if state is None else AlarmState(state),
        params.get("ActionPrefix"),
    )
    return _page(tx, call, wanted, members=None)


def of_metric(tx: Transaction, call: Call) -> Mapping[str, Any]:
    """DescribeAlarmsForMetric: those on exactly this metric, not those of expressions over it."""
    params = call.params
    dimensions = {each["Name"]: each["Value"] for each in params.get("Dimensions") or ()}
    limits = {
        "period_s": params.get("Period"),
        "statistic": params.get("Statistic") or params.get("ExtendedStatistic"),
        "unit": params.get("Unit"),
    }
    found = []
    for alarm in alarms.listed(tx, call.account, call.region, Wanted()):
        metric = alarm.metric if isinstance(alarm, MetricAlarm) else None
        if (
            metric is not None
            and (metric.namespace, metric.metric_name)
            == (params["Namespace"], params["MetricName"])
            and dict(metric.dimensions) == dimensions
            and all(getattr(metric, name) == value for name, value in limits.items() if value)
        ):
            found.append(shapes.of(alarm))
    return {"MetricAlarms": found}


def _related(tx: Transaction, call: Call, related: Sequence[str]) -> Mapping[str, Any]:
    params = call.params
    if params.keys() - _WITH_THEM or len(related) > 1:
        raise refusals.unfit(
            f"{related[0]} goes with no other parameter than MaxRecords and NextToken."
        )
    name = params[related[0]]
    kept = alarms.get(tx, call.account, call.region, name)
    if kept is None:
        raise CallerError("ResourceNotFound", f"There is no alarm {name}.")
    known = composites.uses(tx, call)
    if related[0] == "ChildrenOfAlarmName":
        children = Wanted(tuple(AlarmKind), known.get(name, ()))
        return _page(tx, call, children, members=_OF_CHILDREN)
    parents = Wanted(tuple(AlarmKind), composites.parents(known, name))
    return _page(tx, call, parents, members=_OF_PARENTS)


def _page(
    tx: Transaction, call: Call, wanted: Wanted, *, members: Iterable[str] | None
) -> Mapping[str, Any]:
    params = call.params
    most: int = params.get("MaxRecords", PAGE)
    after = tokens.read(params.get("NextToken"), str)
    found = alarms.listed(tx, call.account, call.region, wanted, after=after, limit=most + 1)
    page: dict[str, Any] = {"MetricAlarms": [], "CompositeAlarms": []}
    for alarm in found[:most]:
        page[_list_of(alarm)].append(_shown(shapes.of(alarm), members))
    if len(found) > most:
        page["NextToken"] = tokens.written(found[most - 1].name)
    return page


def _list_of(alarm: Alarm) -> str:
    return "MetricAlarms" if isinstance(alarm, MetricAlarm) else "CompositeAlarms"


def _shown(shape: Mapping[str, Any], members: Iterable[str] | None) -> Mapping[str, Any]:
    return shape if members is None else {name: shape[name] for name in members}
