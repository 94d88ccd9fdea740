"""A message in the form in which SNS sends it.

Invariant: pure. Members, names, forms and headers are SNS's own, but for the signature: nothing
here signs, so SignatureVersion, Signature and SigningCertURL are left out.
https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from hostler.domain.moments import to_millisecond
from hostler.domain.topic import Message, MessageType, Subscription

CONFIRM_PATH = "/_hostler/sns/confirm"
UNSUBSCRIBE_PATH = "/_hostler/sns/unsubscribe"


@dataclass(frozen=True, slots=True)
class Sent:
    """What is sent: headers and body."""

    headers: Mapping[str, str]
    body: bytes


def sent(message: Message, to: Subscription, base_url: str) -> Sent:
    """A message as a subscription gets it; ``base_url`` is where links into Hostler begin."""
    headers = {
        "x-amz-sns-message-type": message.type.value,
        "x-amz-sns-message-id": message.id,
        "x-amz-sns-topic-arn": to.topic_arn,
        "Content-Type": "text/plain; charset=UTF-8",
        "User-Agent": "Amazon Simple Notification Service Agent",
    }
    if message.type is MessageType.CONFIRMATION:
        return Sent(headers, _json(_confirmation(message, to, base_url)))
    headers["x-amz-sns-subscription-arn"] = to.arn
    if to.raw:
        headers["x-amz-sns-rawdelivery"] = "true"
        return Sent(headers, message.text.encode())
    return Sent(headers, _json(_notification(message, to, base_url)))


def confirmation_text(topic_arn: str) -> str:
    """What a confirmation's Message says."""
    return (
        f"You have chosen to subscribe to the topic {topic_arn}.\nTo confirm the subscription, "
        "visit the SubscribeURL included in this message."
    )


def _confirmation(message: Message, to: Subscription, base_url: str) -> Mapping[str, Any]:
    asked = urlencode({"TopicArn": to.topic_arn, "Token": to.token})
    return {
        "Type": message.type.value,
        "MessageId": message.id,
        "Token": to.token,
        "TopicArn": to.topic_arn,
        "Message": message.text,
        "SubscribeURL": f"{base_url}{CONFIRM_PATH}?{asked}",
        "Timestamp": to_millisecond(message.at),
    }


def _notification(message: Message, to: Subscription, base_url: str) -> Mapping[str, Any]:
    asked = urlencode({"SubscriptionArn": to.arn, "Token": to.token})
    document: dict[str, Any] = {
        "Type": message.type.value,
        "MessageId": message.id,
        "TopicArn": to.topic_arn,
    }
    if message.subject is not None:
        document["Subject"] = message.subject
    document |= {
        "Message": message.text,
        "Timestamp": to_millisecond(message.at),
        "UnsubscribeURL": f"{base_url}{UNSUBSCRIBE_PATH}?{asked}",
    }
    if message.attributes:
        document["MessageAttributes"] = {
            name: {"Type": each.type, "Value": each.value}
            for name, each in message.attributes.items()
        }
    return document


def _json(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, indent=2, ensure_ascii=False).encode()
