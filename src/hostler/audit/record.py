"""An entry as a record of CloudTrail's, in JSON.

Invariant: no secret, no content and no answer to a read is in it, and it fits one line of a spool.
The decisions stand in ``additionalEventData``.

https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import orjson

from hostler.audit.entry import Entry
from hostler.domain.moments import to_second
from hostler.domain.snapshot import Principal
from hostler.iam.evaluate import Judged

VERSION = "1.11"
BYTES_MAX = 32 * 1024
"""Of a record: a spool cuts longer lines."""
TEXT_MAX = 1024
"""Characters of one value: an error's text, a client's name of itself."""
HIDDEN = "HIDDEN_DUE_TO_SECURITY_REASONS"
DECISIONS_MAX = 50
"""Of one call: DeleteObjects may have a thousand."""

_IDS = uuid.UUID("6f1c1a53-6f0e-5a52-9f3a-2a4b5a1d7c11")
_SECRET = frozenset(
    {
        "CopySourceSSECustomerKey",
        "Endpoint",  # of SNS's Subscribe: a webhook's address is often its secret
        "Environment",
        "Message",  # of SNS's Publish, as CloudTrail hides it
        "MessageAttributes",
        "NewPassword",
        "OldPassword",
        "Password",
        "SAMLAssertion",
        "SSECustomerKey",
        "SecretAccessKey",
        "SessionToken",
        "Subject",
        "Token",
        "WebIdentityToken",
    }
)
_CONTENT = frozenset({"Body", "logEvents"})


def event_id(request_id: str) -> str:
    """The event's id, which follows from the request's: either finds the record."""
    return str(uuid.uuid5(_IDS, request_id))


def written(entry: Entry) -> bytes:
    """The record as one line."""
    record = _record(entry)
    try:
        line = orjson.dumps(record, default=str)
    except TypeError:  # a number or a text that JSON cannot hold
        record = _record(replace(entry, params={}, result=None))
        line = orjson.dumps(record, default=str)
    for name in ("responseElements", "requestParameters", "additionalEventData", "resources"):
        if len(line) <= BYTES_MAX:
            break
        record[name] = {"omitted": True, "reason": f"the record is longer than {BYTES_MAX} bytes"}
        if name == "resources":
            record[name] = []
        line = orjson.dumps(record, default=str)
    return line


def _record(entry: Entry) -> dict[str, Any]:
    error, writes, own = entry.error, not entry.reads, entry.own
    judged = entry.judged
    told: dict[str, Any] = {"decisions": [_decision(each) for each in judged[:DECISIONS_MAX]]}
    arns = [each.resource for each in judged]
    if own is not None:
        told |= own.details
        arns += own.arns
    record: dict[str, Any] = {
        "eventVersion": VERSION,
        "userIdentity": _identity(entry),
        "eventTime": to_second(entry.at),
        "eventSource": source(entry.service),
        "eventName": entry.operation,
        "awsRegion": entry.region,
        "sourceIPAddress": own.part if own is not None else entry.sender.address or "unknown",
        "userAgent": own.part if own is not None else entry.agent[:TEXT_MAX],
        "requestParameters": _members(entry.params) or None,
        "responseElements": _members(entry.result or {}) or None if writes else None,
        "additionalEventData": told,
        "requestID": entry.request_id,
        "eventID": event_id(entry.request_id),
        "readOnly": entry.reads,
        "resources": _resources(arns, entry.account),
        "eventType": "AwsServiceEvent" if own is not None and own.arns else "AwsApiCall",
        "managementEvent": not entry.is_data,
        "recipientAccountId": entry.account,
        "eventCategory": "Data" if entry.is_data else "Management",
    }
    if error is not None:
        record["errorCode"] = error.code
        record["errorMessage"] = error.message[:TEXT_MAX]
    if entry.sender.tls is not None:
        record["tlsDetails"] = {"tlsVersion": f"TLSv{entry.sender.tls}"}
    return record


def source(service: str) -> str:
    """CloudTrail's name of a service."""
    return f"{service.removesuffix('-runtime')}.amazonaws.com"


def _identity(entry: Entry) -> dict[str, Any]:
    caller = entry.caller
    if entry.own is not None:
        return {"type": "AWSService", "invokedBy": entry.own.part}
    if caller is None:
        return {"type": "Unknown", "accessKeyId": entry.access_key_id[:TEXT_MAX]}
    found: dict[str, Any] = {
        "type": _type(caller),
        "principalId": caller.unique_id,
        "arn": caller.arn,
        "accountId": caller.account,
        "accessKeyId": entry.access_key_id,
    }
    if caller.is_root:
        return found
    found["userName"] = caller.name
    if found["type"] == "AssumedRole":
        role = caller.arn.split("/")[1]
        issuer = {
            "type": "Role",
            "principalId": caller.unique_id.partition(":")[0],
            "accountId": caller.account,
            "userName": role,
        }
        found["sessionContext"] = {"sessionIssuer": issuer}
    return found


def _type(caller: Principal) -> str:
    if caller.is_root:
        return "Root"
    return "IAMUser" if ":user/" in caller.arn else "AssumedRole"


def _decision(judged: Judged) -> dict[str, Any]:
    decision = judged.decision
    return {
        "action": judged.action,
        "resource": judged.resource,
        "allowed": decision.allowed,
        "explicitDeny": decision.explicit_deny,
        "policyType": decision.source.value,
        "policy": decision.policy,
        "statement": decision.statement,
    }


def _resources(named: Sequence[str], account: str) -> list[dict[str, str]]:
    arns = dict.fromkeys(each for each in named if each.startswith("arn:"))
    return [{"ARN": arn, "accountId": arn.split(":")[4] or account} for arn in arns]


def _members(given: Mapping[str, Any]) -> dict[str, Any]:
    """Members as CloudTrail spells them, without what must not be kept."""
    return {
        name[:1].lower() + name[1:]: HIDDEN if name in _SECRET else _value(value)
        for name, value in given.items()
        if name not in _CONTENT and value is not None
    }


def _value(value: Any) -> Any:
    match value:
        case Mapping():
            return _members(value)
        case list() | tuple():
            return [_value(each) for each in value]
        case bool() | int() | float() | str():
            return value
        case bytes():
            return HIDDEN
        case _:
            return str(value)
