"""Log groups: finding the one a call names, listing, making, deleting, keeping.

Invariant: a group is found within its account and region alone; without an ARN that says otherwise
it is the caller's own.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from hostler.api.logs import pages
from hostler.api.logs.refusals import invalid, missing, refuse_reserved, taken
from hostler.api.registry import Access, Call
from hostler.domain.ids import log_group_arn
from hostler.store.database import Transaction
from hostler.telemetry import log_retention, log_tags, logs
from hostler.telemetry.logs import Group

PAGE_DEFAULT = 50
_LIST = "groups"
_ARN = re.compile(r"arn:[\w-]+:logs:[\w-]*:\d{12}:log-group:")
RETENTIONS = frozenset(
    {1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731}
    | {1096, 1827, 2192, 2557, 2922, 3288, 3653}
)
"""https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html"""


def owner_of(call: Call) -> str:
    """Whose group a call means: another account's is named by its ARN."""
    arn = _arn_of(call)
    return call.account if arn is None else arn.split(":")[4]


def name_of(call: Call) -> str:
    """The group's name, whether given by name, by identifier or by ARN."""
    arn = _arn_of(call)
    if arn is not None:
        home = log_group_arn(call.region, owner_of(call), "")
        if not arn.startswith(home):
            raise missing("log group")  # of another region, or no group at all
        return arn.removeprefix(home)
    name: str | None = call.params.get("logGroupName")
    identifier: str | None = call.params.get("logGroupIdentifier")
    if name is not None and identifier is None:
        return name
    if identifier is not None and name is None:
        return identifier
    raise invalid("Specify either logGroupName or logGroupIdentifier, and not both.")


def _arn_of(call: Call) -> str | None:
    """The ARN by which a call names its group, if it does."""
    given: str = call.params.get("resourceArn") or call.params.get("logGroupIdentifier") or ""
    return given if _ARN.match(given) is not None else None


def existing(tx: Transaction, call: Call) -> Group:
    """The group that a call names, or the error that it does not exist."""
    found = logs.group(tx, owner_of(call), call.region, name_of(call))
    if found is None:
        raise missing("log group")
    return found


def access(call: Call) -> Sequence[Access]:
    """Permission on the group, and on the stream where one is named, in the form AWS evaluates."""
    if call.operation == "DescribeLogGroups":
        group = call.params.get("logGroupNamePrefix", "")
    else:
        group = name_of(call)
    stream = call.params.get("logStreamName", "")
    arn = f"{log_group_arn(call.region, owner_of(call), group)}:log-stream:{stream}"
    needed = [Access(f"logs:{call.operation}", arn, is_new=call.operation == "CreateLogGroup")]
    if call.operation == "CreateLogGroup" and call.params.get("tags"):
        needed.append(Access("logs:TagResource", arn, is_new=True))
    return needed


def described(tx: Transaction, call: Call) -> Mapping[str, Any]:
    """DescribeLogGroups: by name."""
    prefix: str = call.params.get("logGroupNamePrefix", "")
    containing: str = call.params.get("logGroupNamePattern", "")
    if prefix and containing:
        raise invalid("Specify either logGroupNamePrefix or logGroupNamePattern, and not both.")
    limit: int = call.params.get("limit", PAGE_DEFAULT)
    found = logs.groups_after(
        tx,
        call.account,
        call.region,
        prefix=prefix,
        containing=containing,
        after=pages.read(_LIST, call.params.get("nextToken")) or "",
        limit=limit + 1,
    )
    page: dict[str, Any] = {"logGroups": [_shape(call, group) for group in found[:limit]]}
    if len(found) > limit:
        page["nextToken"] = pages.written(_LIST, found[limit - 1].name)
    return page


def create(tx: Transaction, call: Call) -> None:
    """CreateLogGroup."""
    name: str = call.params["logGroupName"]
    if logs.group(tx, call.account, call.region, name) is not None:
        raise taken("log group")
    made = logs.create_group(tx, call.account, call.region, name, int(call.now * 1000))
    given: Mapping[str, str] = call.params.get("tags") or {}
    refuse_reserved(given)
    log_tags.put(tx, made, given)


def delete(tx: Transaction, call: Call) -> None:
    """DeleteLogGroup: its streams and events go with it."""
    log_retention.drop_group(tx, existing(tx, call).id)


def put_retention(tx: Transaction, call: Call) -> None:
    """PutRetentionPolicy: older events are deleted within minutes, a few thousand at a time."""
    days: int = call.params["retentionInDays"]
    if days not in RETENTIONS:
        allowed = ", ".join(str(value) for value in sorted(RETENTIONS))
        raise invalid(f"retentionInDays {days} is not one of {allowed}.")
    logs.set_retention(tx, existing(tx, call).id, days)


def delete_retention(tx: Transaction, call: Call) -> None:
    """DeleteRetentionPolicy: events are kept for ever again."""
    logs.set_retention(tx, existing(tx, call).id, None)


def _shape(call: Call, group: Group) -> Mapping[str, Any]:
    arn = log_group_arn(call.region, call.account, group.name)
    shown: dict[str, Any] = {
        "logGroupName": group.name,
        "creationTime": group.created_ms,
        "metricFilterCount": 0,
        "arn": f"{arn}:*",
        "storedBytes": group.stored_bytes,
        "logGroupClass": "STANDARD",
        "logGroupArn": arn,
    }
    if group.retention_days is not None:
        shown["retentionInDays"] = group.retention_days
    return shown
