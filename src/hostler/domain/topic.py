"""SNS's topics, their subscriptions, and messages on their way.

Invariant: pure values. A subscription is told nothing but how to confirm it until it is confirmed.
"""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urlsplit

from hostler.domain.ids import AccountId, Arn, Region, partition


class Protocol(StrEnum):
    """How a subscription is told."""

    HTTP = "http"
    HTTPS = "https"
    FILE = "file"
    """Lines of a file in the data directory: SNS has no such protocol."""


class MessageType(StrEnum):
    """What a message is."""

    NOTIFICATION = "Notification"
    CONFIRMATION = "SubscriptionConfirmation"


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic; ``created`` in epoch seconds."""

    account: AccountId
    region: Region
    name: str
    created: float
    display_name: str = ""

    @property
    def arn(self) -> Arn:
        return topic_arn(self.region, self.account, self.name)


@dataclass(frozen=True, slots=True)
class Subscription:
    """Who is told what a topic is told; ``token`` proves that the endpoint wants to be."""

    id: str
    account: AccountId
    region: Region
    topic: str
    protocol: Protocol
    endpoint: str
    token: str
    created: float
    confirmed: bool = False
    raw: bool = False
    """Whether messages come as they are, without the envelope."""

    @property
    def topic_arn(self) -> Arn:
        return topic_arn(self.region, self.account, self.topic)

    @property
    def arn(self) -> Arn:
        return Arn(f"{self.topic_arn}:{self.id}")


@dataclass(frozen=True, slots=True)
class MessageAttribute:
    """One of a message's attributes; a Binary's value is in base64."""

    type: str
    value: str


@dataclass(frozen=True, slots=True)
class Message:
    """What is to be told to a subscription; ``at`` in epoch seconds."""

    id: str
    type: MessageType
    at: float
    text: str
    subject: str | None = None
    attributes: dict[str, MessageAttribute] | None = None


def topic_arn(region: str, account: str, name: str) -> Arn:
    """A topic's ARN."""
    return Arn(f"arn:{partition(region)}:sns:{region}:{account}:{name}")


def host_of(url: str) -> str:
    """The host of an HTTP endpoint, in lower case."""
    return (urlsplit(url).hostname or "").removesuffix(".")


def is_host_allowed(host: str, allowed: Collection[str]) -> bool:
    """Whether a host may be told anything: ``*.x`` allows what lies below x, nothing allows all."""
    return not allowed or any(
        host.endswith(each[1:]) if each.startswith("*.") else host == each for each in allowed
    )


_WAKE = "sns:"


def wake_key(subscription_id: str) -> str:
    """The key that wakes the deliveries to a subscription (``ports.Wake``)."""
    return f"{_WAKE}{subscription_id}"


def woken(key: str) -> str | None:
    """The subscription that a key is of; None where it is another's key."""
    return key.removeprefix(_WAKE) if key.startswith(_WAKE) else None
