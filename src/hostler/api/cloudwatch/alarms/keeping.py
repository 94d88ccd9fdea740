"""An alarm that was put takes its place: as a new one, or instead of the one of its name.

Invariant: the state of an alarm that exists is left as it is, and its kind never changes.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from hostler.api import tagging
from hostler.api.cloudwatch import refusals
from hostler.api.cloudwatch.alarms import shapes
from hostler.api.registry import Call
from hostler.domain.alarm import Alarm
from hostler.domain.errors import CallerError
from hostler.planning import alarm_transitions
from hostler.store import alarm_history, alarms, tags
from hostler.store.database import Transaction

ALARMS_MAX = 5_000
"""Of an account in a region."""
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def keep(tx: Transaction, call: Call, alarm: Alarm) -> None:
    """Store an alarm that is new, or instead of one of its name and kind; have it evaluated."""
    where = (call.account, call.region)
    kept = alarms.get(tx, *where, alarm.name)
    if kept is None:
        if alarms.count(tx, *where) >= ALARMS_MAX:
            raise CallerError(
                "LimitExceeded",
                f"The quota of {ALARMS_MAX} alarms in this account and region is used up: delete "
                "some first.",
            )
        given = tagging.checked(call.params, refusals.invalid)
        alarms.create(tx, alarm)
        tags.replace(tx, alarm.arn, given)
        how = "create"
    else:
        if type(kept.alarm) is not type(alarm):
            raise refusals.unfit(
                f"There is an alarm of another type called {alarm.name}: delete it first, or "
                "choose another name."
            )
        alarm = replace(alarm, standing=kept.alarm.standing)
        alarms.save(tx, kept, alarm)
        how = "update"
    item = alarm_transitions.configured(alarm, how, shapes.of_history(alarm), call.now)
    alarm_history.note(tx, *where, item)
    call.wakes.append(alarm.arn)


def name_of(params: Mapping[str, Any]) -> str:
    """The alarm's name, checked."""
    name: str = params["AlarmName"]
    if _CONTROL.search(name) or not name.strip():
        raise refusals.unfit(
            "The value for parameter AlarmName is invalid: it may not be blank or contain control "
            "characters."
        )
    return name
