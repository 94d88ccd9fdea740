"""Log groups: finding the one a call names, listing, making, deleting, keeping.

Invariant: a group is found within the caller's account and region alone; others do not exist.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from hostler.api.registry import Access, Call
from hostler.domain.errors import CallerError
from hostler.domain.ids import log_group_arn
from hostler.store.database import Transaction
from hostler.telemetry import logs
from hostler.telemetry.logs import Group

PAGE_DEFAULT = 50
RETENTIONS = frozenset(
    {1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731}
    | {1096, 1827, 2192, 2557, 2922, 3288, 3653}
)
"""https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html"""


def invalid(message: str) -> CallerError:
    """CloudWatch Logs' answer to a request that contradicts itself."""
    return CallerError("InvalidParameterException", message)


def missing(what: str) -> CallerError:
    """The group or the stream is not there."""
    return CallerError("ResourceNotFoundException", f"The specified {what} does not exist.")


def taken(what: str) -> CallerError:
    """The name of a group or a stream is in use."""
    return CallerError("ResourceAlreadyExistsException", f"The specified {what} already exists")


def name_of(call: Call) -> str:
    """The group's name, whether given by name, by identifier or by ARN."""
    name: str | None = call.params.get("logGroupName")
    identifier: str | None = call.params.get("logGroupIdentifier")
    if (name is None) == (identifier is None):
        raise invalid("Specify either logGroupName or logGroupIdentifier, and not both.")
    if name is not None:
        return name
    assert identifier is not None
    if not identifier.startswith("arn:"):
        return identifier
    home = log_group_arn(call.region, call.account, "")
    if not identifier.startswith(home):
        raise missing("log group")
    return identifier.removeprefix(home)


def existing(tx: Transaction, call: Call) -> Group:
    """The group that a call names, or the error that it does not exist."""
    found = logs.group(tx, call.account, call.region, name_of(call))
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
    arn = f"{log_group_arn(call.region, call.account, group)}:log-stream:{stream}"
    return [Access(f"logs:{call.operation}", arn)]


def described(tx: Transaction, call: Call) -> Mapping[str, Any]:
    """DescribeLogGroups: by name; the token is the name of the last one."""
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
        after=call.params.get("nextToken", ""),
        limit=limit + 1,
    )
    page: dict[str, Any] = {"logGroups": [_shape(call, group) for group in found[:limit]]}
    if len(found) > limit:
        page["nextToken"] = found[limit - 1].name
    return page


def create(tx: Transaction, call: Call) -> None:
    """CreateLogGroup."""
    name: str = call.params["logGroupName"]
    if logs.group(tx, call.account, call.region, name) is not None:
        raise taken("log group")
    logs.create_group(tx, call.account, call.region, name, int(call.now * 1000))


def delete(tx: Transaction, call: Call) -> None:
    """DeleteLogGroup: its streams and events go with it."""
    logs.delete_group(tx, existing(tx, call).id)


def put_retention(tx: Transaction, call: Call) -> None:
    """PutRetentionPolicy: older events are deleted by the ingester."""
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
