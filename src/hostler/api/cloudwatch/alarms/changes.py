"""DeleteAlarms, SetAlarmState, EnableAlarmActions and DisableAlarmActions.

Invariant: a state that is set here is one transaction with the actions it fires, by the same
function as the evaluator's (``alarm_transitions.moved``); whichever of the two wrote last is seen
by the other, for a row changes at the version it was read.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_SetAlarmState.html
"""

import json
from dataclasses import replace

from hostler.api.cloudwatch import refusals
from hostler.api.cloudwatch.alarms import composites, shapes
from hostler.api.registry import Call
from hostler.domain.alarm import STATE_SET, AlarmState, CompositeAlarm
from hostler.domain.errors import CallerError
from hostler.planning import alarm_transitions
from hostler.planning.alarms import Evaluation
from hostler.store import alarm_history, alarms
from hostler.store.database import Transaction


def delete(tx: Transaction, call: Call) -> None:
    """DeleteAlarms: names that nothing has are no error, as on AWS."""
    where = (call.account, call.region)
    names = list(dict.fromkeys(call.params["AlarmNames"]))
    found = [kept.alarm for name in names if (kept := alarms.get(tx, *where, name)) is not None]
    if sum(isinstance(alarm, CompositeAlarm) for alarm in found) > 1:
        raise refusals.unfit("At most one composite alarm can be deleted in one call.")
    known = composites.uses(tx, call)
    for alarm in found:
        if any(parent not in names for parent in composites.parents(known, alarm.name)):
            raise refusals.unfit(
                f"Cannot delete {alarm.name} as there are composite alarm(s) depending on it."
            )
    for alarm in found:
        item = alarm_transitions.configured(alarm, "delete", shapes.of_history(alarm), call.now)
        alarm_history.note(tx, *where, item)
    alarms.remove(tx, *where, [alarm.name for alarm in found])


def set_state(tx: Transaction, call: Call) -> None:
    """SetAlarmState: until the next evaluation."""
    params = call.params
    kept = alarms.get(tx, call.account, call.region, params["AlarmName"])
    if kept is None:
        raise CallerError("ResourceNotFound", f"There is no alarm {params['AlarmName']}.")
    reason_data = params.get("StateReasonData")
    if reason_data is not None:
        try:
            json.loads(reason_data)
        except (ValueError, RecursionError):
            raise CallerError("InvalidFormat", "StateReasonData was not valid JSON.") from None
    asked = Evaluation(AlarmState(params["StateValue"]), params["StateReason"], reason_data)
    change = alarm_transitions.moved(kept.alarm, asked, call.now)
    alarms.settle(tx, kept, change.alarm, items=change.items, firings=change.firings)
    if change.items:
        call.wakes.append(STATE_SET)


def enable(tx: Transaction, call: Call) -> None:
    """EnableAlarmActions."""
    _set_enabled(tx, call, enabled=True)


def disable(tx: Transaction, call: Call) -> None:
    """DisableAlarmActions."""
    _set_enabled(tx, call, enabled=False)


def _set_enabled(tx: Transaction, call: Call, *, enabled: bool) -> None:
    where = (call.account, call.region)
    for name in dict.fromkeys(call.params["AlarmNames"]):
        kept = alarms.get(tx, *where, name)
        if kept is None or kept.alarm.actions.enabled is enabled:
            continue
        actions = replace(kept.alarm.actions, enabled=enabled)
        alarm = replace(kept.alarm, actions=actions, configured=call.now)
        alarms.save(tx, kept, alarm)
        item = alarm_transitions.configured(alarm, "update", shapes.of_history(alarm), call.now)
        alarm_history.note(tx, *where, item)
