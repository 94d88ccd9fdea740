"""Subscribe, ConfirmSubscription, Unsubscribe, lists and attributes of subscriptions.

Invariant: an HTTP endpoint is told nothing but its token until it has shown it; a file of Hostler's
own needs no confirmation. Subscribing the same endpoint again changes nothing and gives its ARN.
https://docs.aws.amazon.com/sns/latest/api/API_Subscribe.html
"""

import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from hostler.api.registry import Call, Rooms
from hostler.api.sns import finding, refusals
from hostler.domain.errors import CallerError
from hostler.domain.topic import (
    Message,
    MessageType,
    Protocol,
    Subscription,
    Topic,
    host_of,
    is_host_allowed,
    wake_key,
)
from hostler.planning import messages
from hostler.planning.delivery import RETRY_POLICY
from hostler.store import topics
from hostler.store.database import Transaction

SUBSCRIPTIONS_MAX = 1_000
"""Of one topic: they are told in one transaction."""
UNCONFIRMED_S = 3 * 86_400
PENDING = "pending confirmation"
LISTED_PENDING = "PendingConfirmation"
ENDPOINT_MAX = 2_048
_FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_TOKEN_BYTES, _ID_DIGITS = 32, 32


async def check_host(rooms: Rooms, call: Call) -> None:
    """An HTTP endpoint's host is one of those that the settings allow, if they name any."""
    params = call.params
    if not rooms.topic_hosts or params["Protocol"] == Protocol.FILE:
        return
    host = host_of(_endpoint(_protocol(params["Protocol"]), params.get("Endpoint")))
    if not is_host_allowed(host, rooms.topic_hosts):
        raise refusals.invalid(
            f"Endpoint Reason: {host} is none of allowed_hosts of [sns] in hostler.toml "
            f"({', '.join(rooms.topic_hosts)})"
        )


def subscribe(tx: Transaction, call: Call) -> Mapping[str, Any]:
    """Subscribe."""
    params = call.params
    topic = finding.topic(tx, call, params["TopicArn"])
    protocol = _protocol(params["Protocol"])
    endpoint = _endpoint(protocol, params.get("Endpoint"))
    own_id = topics.new_id()
    wanted = Subscription(
        own_id,
        call.account,
        call.region,
        topic.name,
        protocol,
        endpoint,
        own_id.replace("-", "") + secrets.token_hex(_TOKEN_BYTES),
        call.now,
        confirmed=protocol is Protocol.FILE,
    )
    for attribute, value in (params.get("Attributes") or {}).items():
        wanted = _with(wanted, attribute, value)
    topics.forget_unconfirmed(tx, call.now - UNCONFIRMED_S)
    found = _kept(tx, topic, wanted)
    if not found.confirmed:
        _ask(tx, call, found)
    shown = found.confirmed or params.get("ReturnSubscriptionArn", False)
    return {"SubscriptionArn": found.arn if shown else PENDING}


def confirm(tx: Transaction, call: Call) -> Mapping[str, Any]:
    """ConfirmSubscription."""
    topic = finding.topic(tx, call, call.params["TopicArn"])
    found = of_token(tx, call.params["Token"])
    if found is None or found.topic_arn != topic.arn:
        raise refusals.invalid("Token")
    topics.put_subscription(tx, replace(found, confirmed=True))
    return {"SubscriptionArn": found.arn}


def of_token(tx: Transaction, token: str) -> Subscription | None:
    """The subscription whose token this is: it begins with the subscription's id."""
    try:
        found = topics.subscription(tx, str(UUID(token[:_ID_DIGITS])))
    except ValueError:
        return None
    if found is None or not secrets.compare_digest(found.token.encode(), token.encode()):
        return None
    return found


def unsubscribe(tx: Transaction, call: Call) -> None:
    """Unsubscribe: a subscription that does not exist is no error."""
    try:
        found = finding.subscription(tx, call, call.params["SubscriptionArn"])
    except CallerError as error:
        if error.code == "NotFound":
            return
        raise
    topics.forget_subscriptions(tx, [found.id])


def listed(tx: Transaction, call: Call) -> Mapping[str, Any]:
    """ListSubscriptions and ListSubscriptionsByTopic: in pages of 100."""
    params = call.params
    topic = finding.topic(tx, call, params["TopicArn"]).name if "TopicArn" in params else None
    found = topics.subscriptions_page(
        tx,
        call.account,
        call.region,
        topic,
        after=finding.after(call),
        limit=finding.PAGE + 1,
    )
    return finding.page("Subscriptions", found, _shape, lambda each: each.id)


def attributes(tx: Transaction, call: Call) -> Mapping[str, Any]:
    """GetSubscriptionAttributes."""
    found = finding.subscription(tx, call, call.params["SubscriptionArn"])
    shown = {
        "SubscriptionArn": found.arn,
        "TopicArn": found.topic_arn,
        "Owner": found.account,
        "Protocol": found.protocol.value,
        "Endpoint": found.endpoint,
        "PendingConfirmation": _flag(value=not found.confirmed),
        "ConfirmationWasAuthenticated": _flag(value=found.protocol is Protocol.FILE),
        "RawMessageDelivery": _flag(value=found.raw),
    }
    if found.protocol is not Protocol.FILE:
        policy = {"defaultHealthyRetryPolicy": RETRY_POLICY["http"]["defaultHealthyRetryPolicy"]}
        shown["EffectiveDeliveryPolicy"] = json.dumps(policy)
    return {"Attributes": shown}


def set_attribute(tx: Transaction, call: Call) -> None:
    """SetSubscriptionAttributes."""
    params = call.params
    found = finding.subscription(tx, call, params["SubscriptionArn"])
    changed = _with(found, params["AttributeName"], params.get("AttributeValue") or "")
    topics.put_subscription(tx, changed)


def _protocol(given: str) -> Protocol:
    try:
        return Protocol(given)
    except ValueError:
        known = ", ".join(Protocol)
        raise refusals.invalid(
            f"Amazon SNS does not support this protocol string: {given} (here there are {known})"
        ) from None


def _endpoint(protocol: Protocol, given: str | None) -> str:
    endpoint = given or ""
    if protocol is Protocol.FILE:
        if _FILE.fullmatch(endpoint) is None:
            raise refusals.invalid(
                "Endpoint Reason: a file is a plain name like ops.jsonl, in the folder "
                "notifications of the data directory"
            )
        if endpoint.endswith(".1"):
            raise refusals.invalid(
                f"Endpoint Reason: {endpoint} is where {endpoint[:-2]} is put aside when it is full"
            )
        return endpoint
    try:
        url = urlsplit(endpoint)
        usable = url.scheme == protocol and bool(url.hostname) and url.port != 0
    except ValueError:
        usable = False
    if not usable or not endpoint.isascii() or not endpoint.isprintable() or " " in endpoint:
        raise refusals.invalid("Endpoint must match the specified protocol")
    if len(endpoint) > ENDPOINT_MAX:
        raise refusals.invalid(f"Endpoint Reason: it is longer than {ENDPOINT_MAX} characters")
    return endpoint


def _kept(tx: Transaction, topic: Topic, wanted: Subscription) -> Subscription:
    """The subscription of an endpoint to a topic, made where there is none."""
    there = topics.of_topic(tx, topic.account, topic.region, topic.name)
    for each in there:
        if (each.protocol, each.endpoint) == (wanted.protocol, wanted.endpoint):
            if each.confirmed and each.raw != wanted.raw:
                raise refusals.invalid(
                    "Attributes Reason: Subscription already exists with different attributes"
                )
            return each
    if len(there) >= SUBSCRIPTIONS_MAX:
        raise CallerError(
            "SubscriptionLimitExceeded",
            f"The topic has {SUBSCRIPTIONS_MAX} subscriptions: delete some first.",
        )
    topics.put_subscription(tx, wanted)
    return wanted


def _ask(tx: Transaction, call: Call, one: Subscription) -> None:
    """Have an endpoint asked to confirm."""
    text = messages.confirmation_text(one.topic_arn)
    message = Message(topics.new_id(), MessageType.CONFIRMATION, call.now, text)
    topics.deliver(tx, one, message)
    call.wakes.append(wake_key(one.id))


def _with(one: Subscription, attribute: str, value: str) -> Subscription:
    """A subscription with an attribute, if it acts."""
    if attribute == "RawMessageDelivery" and value.lower() in ("true", "false"):
        return replace(one, raw=value.lower() == "true")
    if attribute == "RawMessageDelivery":
        raise refusals.invalid("RawMessageDelivery Reason: it is true or false")
    raise refusals.invalid(
        f"AttributeName Reason: {attribute} is not supported: RawMessageDelivery is"
    )


def _shape(one: Subscription) -> Mapping[str, Any]:
    return {
        "SubscriptionArn": one.arn if one.confirmed else LISTED_PENDING,
        "Owner": one.account,
        "Protocol": one.protocol.value,
        "Endpoint": one.endpoint,
        "TopicArn": one.topic_arn,
    }


def _flag(*, value: bool) -> str:
    return "true" if value else "false"
