"""What follows from an alarm's new state: how it stands, what is written down, what is to be done.

Invariant: pure. Actions are for a state that is another one than before; Auto Scaling's alone are
repeated, once a minute, while the alarm is in ALARM. What happens to an alarm is told in
CloudWatch's own words.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/AlarmThatSendsEmail.html
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from hostler.domain.alarm import (
    MINUTE_S,
    Alarm,
    AlarmState,
    CompositeAlarm,
    Firing,
    HistoryItem,
    HistoryType,
    Standing,
    States,
    alarm_arn,
    kind_of,
)
from hostler.planning import alarm_notifications, alarm_rules
from hostler.planning.alarms import DATA_MAX, REASON_MAX, Evaluation, long_time

INITIAL_REASON = "Unchecked: Initial alarm creation"
SUMMARY_MAX, ITEM_DATA_MAX = 255, 4095


@dataclass(frozen=True, slots=True)
class Change:
    """An alarm as it stands now, and what follows."""

    alarm: Alarm
    items: Sequence[HistoryItem] = ()
    firings: Sequence[Firing] = ()


def initial(now: float) -> Standing:
    """How a new alarm stands."""
    return Standing(AlarmState.INSUFFICIENT_DATA, INITIAL_REASON, None, now, now)


def moved(alarm: Alarm, found: Evaluation, now: float) -> Change:
    """What follows from a state, which may be the same as before."""
    before = alarm.standing
    if found.state is before.state:
        kept = replace(before, reason=found.reason, reason_data=found.reason_data, updated=now)
        return Change(replace(alarm, standing=kept))
    reached = Standing(found.state, found.reason, found.reason_data, now, now, repeated=now)
    after = replace(alarm, standing=reached)
    told = alarm_notifications.message(after, before)
    actions = alarm.actions.of(found.state) if alarm.actions.enabled else ()
    firings = [_firing(after, action, told, now, found.newest) for action in dict.fromkeys(actions)]
    return Change(after, [_state_item(after, before)], firings)


def repeated(alarm: Alarm, now: float, value: float | None) -> Change | None:
    """What an alarm that is still in ALARM owes Auto Scaling; None where that is nothing yet."""
    standing = alarm.standing
    if standing.state is not AlarmState.ALARM or not alarm.actions.enabled:
        return None
    actions = [each for each in alarm.actions.alarm if service_of(each) == "autoscaling"]
    last = standing.repeated or standing.transitioned
    if last > now:  # the clock was set back since: it would be told nothing until that is made up
        last = now - MINUTE_S
    if not actions or now // MINUTE_S <= last // MINUTE_S:
        return None
    after = replace(alarm, standing=replace(standing, repeated=now))
    told = alarm_notifications.message(after, standing)
    firings = [
        replace(_firing(after, action, told, now, value), repeated=True)
        for action in dict.fromkeys(actions)
    ]
    return Change(after, (), firings)


def evaluated(alarm: Alarm, found: Evaluation, now: float) -> Change | None:
    """What follows from an evaluation of a metric alarm; None where nothing does.

    The first one gives a new alarm its reason, whatever its state.
    """
    if found.state is not alarm.standing.state or alarm.standing.reason == INITIAL_REASON:
        return moved(alarm, found, now)
    return repeated(alarm, now, found.newest)


def composed(
    alarm: CompositeAlarm, states: States, since: Mapping[str, float], now: float
) -> Change | None:
    """What follows from the states of a composite alarm's children; None where nothing does.

    Args:
        alarm: The alarm.
        states: How its children stand.
        since: Since when, by name, in epoch seconds.
        now: Epoch seconds.
    """
    rule = alarm_rules.parse(alarm.rule)
    state = AlarmState.ALARM if alarm_rules.holds(rule, states) else AlarmState.OK
    if state is alarm.standing.state:
        return None
    names = [name for name in alarm_rules.names(alarm) if name in states]
    newest = max(names, key=lambda name: since[name], default=None)
    if newest is None:
        truth = "TRUE" if state is AlarmState.ALARM else "FALSE"
        return moved(alarm, Evaluation(state, f"The alarm's rule is {truth}"), now)
    arn = alarm_arn(alarm.region, alarm.account, newest)
    moment = datetime.fromtimestamp(since[newest], UTC)
    reason = f"{arn} transitioned to {states[newest].value} at {moment:%A %d %B, %Y %H:%M:%S} UTC"
    triggering = [
        {
            "arn": alarm_arn(alarm.region, alarm.account, name),
            "state": {"value": states[name].value, "timestamp": long_time(since[name])},
        }
        for name in sorted(names, key=lambda name: -since[name])
    ]
    data = _fitting("triggeringAlarms", triggering)
    return moved(alarm, Evaluation(state, reason[:REASON_MAX], data), now)


def configured(alarm: Alarm, how: str, shape: Mapping[str, Any], now: float) -> HistoryItem:
    """An item that tells of a change of what was asked for: ``how`` is create, update or delete."""
    data = {"version": "1.0", "type": how.capitalize(), f"{how}dAlarm": shape}
    return HistoryItem(
        alarm.name,
        kind_of(alarm),
        now,
        HistoryType.CONFIGURATION,
        f'Alarm "{alarm.name}" {how}d'[:SUMMARY_MAX],
        _data(data),
    )


def acted(firing: Firing, failure: str | None, now: float) -> HistoryItem:
    """An item that tells what became of an action; ``failure`` says what went wrong."""
    data: dict[str, Any] = {
        "actionState": "Succeeded" if failure is None else "Failed",
        "stateUpdateTimestamp": int(firing.at * 1000),
        "notificationResource": firing.action,
        "publishedMessage": firing.message,
    }
    if failure is not None:
        data["error"] = failure[:1000]
    how = "Successfully executed" if failure is None else "Failed to execute"
    summary = f"{how} action {firing.action}"
    return HistoryItem(
        firing.name, firing.kind, now, HistoryType.ACTION, summary[:SUMMARY_MAX], _data(data)
    )


def service_of(action: str) -> str:
    """Which service an action's ARN is of."""
    return action.split(":", 3)[2] if action.count(":") >= 3 else ""


def _firing(alarm: Alarm, action: str, message: str, now: float, value: float | None) -> Firing:
    return Firing(
        alarm.account,
        alarm.region,
        alarm.name,
        kind_of(alarm),
        action,
        alarm.standing.state,
        now,
        message,
        value,
    )


def _state_item(alarm: Alarm, before: Standing) -> HistoryItem:
    data = {
        "version": "1.0",
        "oldState": _standing(before),
        "newState": _standing(alarm.standing),
    }
    summary = f"Alarm updated from {before.state.value} to {alarm.standing.state.value}"
    now = alarm.standing.transitioned
    return HistoryItem(alarm.name, kind_of(alarm), now, HistoryType.STATE, summary, _data(data))


def _standing(one: Standing) -> Mapping[str, Any]:
    found: dict[str, Any] = {"stateValue": one.state.value, "stateReason": one.reason}
    if one.reason_data is not None:
        found["stateReasonData"] = json.loads(one.reason_data)
    return found


def _data(data: dict[str, Any]) -> str:
    """The item's data; what makes it longer than CloudWatch allows is left out."""
    text = json.dumps(data, separators=(",", ":"))
    if len(text) <= ITEM_DATA_MAX:
        return text
    for name in ("publishedMessage", "createdAlarm", "updatedAlarm", "deletedAlarm"):
        data.pop(name, None)
    for state in ("oldState", "newState"):
        if state in data:
            data[state] = {k: v for k, v in data[state].items() if k != "stateReasonData"}
    return json.dumps(data, separators=(",", ":"))


def _fitting(name: str, items: Sequence[Mapping[str, Any]]) -> str:
    text = json.dumps({name: items}, separators=(",", ":"))
    while len(text) > DATA_MAX:
        items = items[:-1]
        text = json.dumps({name: items}, separators=(",", ":"))
    return text
