"""The actions that an alarm is put with.

Invariant: what is accepted can be carried out: by a service that is here, in the alarm's own region
and account, and of commands by one that the settings have.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from hostler.api.cloudwatch import refusals
from hostler.api.registry import Call, Rooms
from hostler.domain.alarm import Actions

SERVICES = ("autoscaling", "lambda", "sns")
OF_COMPOSITES = ("lambda", "sns")
_ACTION = re.compile(
    r"arn:[a-z-]+:(?P<service>[a-z0-9-]+):(?P<region>[a-z0-9-]+):[0-9]{12}:(?P<resource>.+)"
)
_COMMAND = re.compile(r"function:(?P<name>[A-Za-z0-9_-]+)")


def given(call: Call, services: Sequence[str]) -> Actions:
    """The actions of a call, checked."""
    params = call.params
    for action in _named(params):
        _check_action(call, action, services)
    return Actions(
        params.get("ActionsEnabled", True),
        tuple(params.get("OKActions") or ()),
        tuple(params.get("AlarmActions") or ()),
        tuple(params.get("InsufficientDataActions") or ()),
    )


async def check_commands(rooms: Rooms, call: Call) -> None:
    """Functions of Lambda that alarms may call are commands of the settings, by name."""
    for action in _named(call.params):
        named = _ACTION.fullmatch(action)
        if named is None or named["service"] != "lambda":
            continue  # what is no action at all is refused with the rest
        found = _COMMAND.fullmatch(named["resource"])
        if found is None or found["name"] not in rooms.alarm_commands:
            known = ", ".join(sorted(rooms.alarm_commands)) or "there is none"
            raise refusals.unfit(
                f"Unsupported action {action}: a function is a command of [alarms.commands] in "
                f"hostler.toml, by its name ({known})."
            )


def _named(params: Mapping[str, Any]) -> Iterator[str]:
    for member in ("OKActions", "AlarmActions", "InsufficientDataActions"):
        yield from params.get(member) or ()


def _check_action(call: Call, action: str, services: Sequence[str]) -> None:
    found = _ACTION.fullmatch(action)
    if found is None:
        raise refusals.unfit(f"Invalid arn syntax: {action}")
    if found["service"] not in services:
        raise refusals.unfit(
            f"Unsupported action {action}: alarms of this kind act on {', '.join(services)}."
        )
    if found["region"] != call.region:
        raise refusals.unfit(
            f"Invalid region {found['region']} specified. Only {call.region} is supported."
        )
    account = action.split(":", 5)[4]
    if account != call.account:
        raise refusals.unfit(f"Unsupported action {action}: it is of another account.")
