"""PutCompositeAlarm: an alarm on other alarms.

Invariant: a composite alarm's children exist, and none of them leads back to it.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutCompositeAlarm.html
"""

from collections.abc import Mapping, Sequence

from hostler.api.cloudwatch import refusals
from hostler.api.cloudwatch.alarms import actions, keeping
from hostler.api.registry import Call
from hostler.domain.alarm import AlarmKind, CompositeAlarm, alarm_arn
from hostler.planning import alarm_rules, alarm_transitions
from hostler.planning.alarm_rules import RuleError
from hostler.store import alarms
from hostler.store.alarms import Wanted
from hostler.store.database import Transaction

PARENTS_MAX = 150
"""Composite alarms that one alarm may be a child of."""


def put(tx: Transaction, call: Call) -> None:
    """PutCompositeAlarm."""
    params = call.params
    alarm = CompositeAlarm(
        call.account,
        call.region,
        keeping.name_of(params),
        actions.given(call, actions.OF_COMPOSITES),
        params["AlarmRule"],
        call.now,
        alarm_transitions.initial(call.now),
        params.get("AlarmDescription"),
    )
    _check_rule(tx, call, alarm)
    keeping.keep(tx, call, alarm)


def uses(tx: Transaction, call: Call) -> dict[str, Sequence[str]]:
    """The account's composite alarms, each with the names of its children."""
    wanted = Wanted(kinds=(AlarmKind.COMPOSITE,))
    found = alarms.listed(tx, call.account, call.region, wanted)
    return {
        alarm.name: alarm_rules.names(alarm) for alarm in found if isinstance(alarm, CompositeAlarm)
    }


def parents(known: Mapping[str, Sequence[str]], name: str) -> Sequence[str]:
    """The composite alarms that an alarm is a child of."""
    return [parent for parent, children in known.items() if name in children]


def _check_rule(tx: Transaction, call: Call, alarm: CompositeAlarm) -> None:
    try:
        rule = alarm_rules.parse(alarm.rule)
    except RuleError as error:
        raise refusals.unfit(f"AlarmRule is invalid: {error}.") from None
    for written in alarm_rules.children(rule):
        own = alarm_arn(call.region, call.account, alarm_rules.name_of(written))
        if written.startswith("arn:") and written != own:
            raise refusals.unfit(
                f"AlarmRule is invalid: {written} is no alarm of this account and region."
            )
    children = alarm_rules.names(alarm)
    there = alarms.states(tx, call.account, call.region, children)
    gone = [name for name in children if name not in there and name != alarm.name]
    if gone:
        raise refusals.unfit(
            f"Could not save the composite alarm as alarms [{', '.join(gone)}] in the alarm rule "
            "do not exist"
        )
    known = {**uses(tx, call), alarm.name: children}
    _, circling = alarm_rules.in_order(known)
    if alarm.name in circling:
        raise refusals.unfit(
            f"AlarmRule is invalid: {alarm.name} would depend on its own state. Take it, or what "
            "leads to it, out of the rule."
        )
    for child in children:
        if len(parents(known, child)) > PARENTS_MAX:
            raise refusals.unfit(f"{child} is already in the rules of {PARENTS_MAX} alarms.")
