"""AWS CloudTrail, as far as the audit log is read: LookupEvents.

Invariant: an account sees its own records alone. Beside management events, refused data events are
among them (calls of endpoints and objects), and of every region.
https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_LookupEvents.html
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from hostler.api.members import ACTS, Members, Refused
from hostler.api.registry import Access, Call, Database, Effect, Operation, table
from hostler.domain.errors import CallerError
from hostler.store.database import Transaction
from hostler.telemetry import trail
from hostler.telemetry.trail import Kept, Wanted

PAGE_MAX = 50
_TOKEN = re.compile(r"(\d{1,18})\.(\d{1,18})", re.ASCII)
"""A record's time and id: no more digits than a column holds."""
_ATTRIBUTES = {
    "AccessKeyId": "access_key_id",
    "EventId": "event_id",
    "EventName": "event_name",
    "EventSource": "event_source",
    "ReadOnly": "read_only",
    "ResourceName": "name",
    "Username": "user_name",
}

_MEMBERS: Members = {
    "LookupAttributes[].AttributeKey": ACTS,
    "LookupAttributes[].AttributeValue": ACTS,
    "StartTime": ACTS,
    "EndTime": ACTS,
    "EventCategory": Refused("there are no insights here; without it, all events are told."),
    "MaxResults": ACTS,
    "NextToken": ACTS,
}


def lookup(tx: Transaction, call: Call) -> Mapping[str, Any]:
    """LookupEvents: the newest first."""
    limit: int = call.params.get("MaxResults", PAGE_MAX)
    found = trail.page(tx, _wanted(call), after=_after(call), limit=limit + 1)
    page: dict[str, Any] = {"Events": [_shown(kept) for kept in found[:limit]]}
    if len(found) > limit:
        last = found[limit - 1]
        page["NextToken"] = f"{last.time_ms}.{last.id}"
    return page


def _wanted(call: Call) -> Wanted:
    params = call.params
    start, end = params.get("StartTime"), params.get("EndTime")
    if start is not None and end is not None and start > end:
        raise CallerError("InvalidTimeRangeException", "StartTime must not be after EndTime.")
    attributes = params.get("LookupAttributes") or ()
    if len(attributes) > 1:
        raise _invalid("Give one lookup attribute: more are not supported.")
    wanted: dict[str, Any] = {}
    for each in attributes:
        key, value = each["AttributeKey"], each["AttributeValue"]
        if key not in _ATTRIBUTES:
            raise _invalid(f"{key} is not supported: look the events up by ResourceName.")
        truth = {"true": True, "false": False}
        if key == "ReadOnly" and value not in truth:
            raise _invalid("The value of ReadOnly must be true or false.")
        wanted = {
            "attribute": _ATTRIBUTES[key],
            "value": truth[value] if key == "ReadOnly" else value,
        }
    return Wanted(
        call.account,
        start_ms=None if start is None else int(start * 1000),
        end_ms=None if end is None else int(end * 1000),
        **wanted,
    )


def _after(call: Call) -> tuple[int, int] | None:
    token: str | None = call.params.get("NextToken")
    if token is None:
        return None
    found = _TOKEN.fullmatch(token)
    if found is None:
        raise CallerError("InvalidNextTokenException", "The NextToken is not valid.")
    return int(found[1]), int(found[2])


def _shown(kept: Kept) -> dict[str, Any]:
    names = [name for name in kept.names if not name.startswith("arn:")]
    return {
        "EventId": kept.event_id,
        "EventName": kept.event_name,
        "ReadOnly": json.dumps(kept.read_only),
        "AccessKeyId": kept.access_key_id or None,
        "EventTime": kept.time_ms / 1000,
        "EventSource": kept.event_source,
        "Username": kept.user_name or None,
        "Resources": [{"ResourceName": name} for name in names],
        "CloudTrailEvent": kept.record,
    }


def _invalid(message: str) -> CallerError:
    return CallerError("InvalidLookupAttributesException", message)


def _access(_call: Call) -> Sequence[Access]:
    return [Access("cloudtrail:LookupEvents", "*")]


TABLE = table(
    "cloudtrail",
    [Operation("LookupEvents", lookup, _access, Effect.READS, members=_MEMBERS)],
    database=Database.AUDIT,
)
