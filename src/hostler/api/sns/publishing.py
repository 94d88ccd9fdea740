"""Publish.

Invariant: a message is queued for every confirmed subscription of the topic in one transaction, or
for none.
https://docs.aws.amazon.com/sns/latest/api/API_Publish.html
"""

import base64
import json
from collections.abc import Mapping
from typing import Any

from hostler.api.registry import Call
from hostler.api.sns import finding, refusals
from hostler.domain.topic import Message, MessageAttribute, MessageType, Protocol, wake_key
from hostler.store import topics
from hostler.store.database import Transaction

MESSAGE_BYTES_MAX = 262_144
SUBJECT_MAX = 100
_TYPES = ("String", "String.Array", "Number", "Binary")


def publish(tx: Transaction, call: Call) -> Mapping[str, Any]:
    """Publish."""
    params = call.params
    arn = params.get("TopicArn") or params.get("TargetArn")
    if arn is None:
        raise refusals.invalid("TopicArn or TargetArn Reason: no value for required parameter")
    topic = finding.topic(tx, call, arn)
    subject = params.get("Subject")
    if subject is not None and not _is_subject(subject):
        raise refusals.invalid("Subject")
    attributes = _attributes(params.get("MessageAttributes") or {})
    texts = _texts(params["Message"], params.get("MessageStructure"))
    size = len(params["Message"].encode()) + sum(
        len(f"{name}{each.type}{each.value}".encode()) for name, each in attributes.items()
    )
    if size > MESSAGE_BYTES_MAX:
        raise refusals.invalid("Message too long")
    message_id = topics.new_id()
    made = {
        protocol: Message(
            message_id, MessageType.NOTIFICATION, call.now, text, subject, attributes or None
        )
        for protocol, text in texts.items()
    }
    told = topics.publish(tx, topic, made)
    call.wakes.extend(wake_key(each) for each in told)
    return {"MessageId": message_id}


def _is_subject(subject: str) -> bool:
    return 0 < len(subject) <= SUBJECT_MAX and subject.isprintable() and not subject[0].isspace()


def _texts(given: str, structure: str | None) -> Mapping[Protocol, str]:
    """The message's text for each protocol."""
    if not given:
        raise refusals.invalid("Empty message")
    if structure is None:
        return dict.fromkeys(Protocol, given)
    if structure != "json":
        raise refusals.invalid("MessageStructure")
    try:
        parsed = json.loads(given)
    except (ValueError, RecursionError):
        parsed = None
    if not isinstance(parsed, dict):
        raise refusals.invalid("Message Structure - JSON message body failed to parse")
    default = parsed.get("default")
    if not isinstance(default, str):
        raise refusals.invalid("Message Structure - No default entry in JSON message body")
    found = {}
    for protocol in Protocol:
        own = parsed.get(protocol.value)
        found[protocol] = own if isinstance(own, str) else default
    return found


def _attributes(given: Mapping[str, Mapping[str, Any]]) -> dict[str, MessageAttribute]:
    found = {}
    for name, each in given.items():
        kind = each["DataType"]
        if kind not in _TYPES:
            raise refusals.invalid(
                f"MessageAttributes Reason: the type {kind} of {name} is none of "
                f"{', '.join(_TYPES)}"
            )
        if kind == "Binary":
            value = base64.b64encode(each.get("BinaryValue") or b"").decode()
        else:
            value = each.get("StringValue") or ""
        if not value:
            raise refusals.invalid(f"MessageAttributes Reason: {name} has no value")
        found[name] = MessageAttribute(kind, value)
    return found
