"""The topic or subscription that an ARN names, and places in lists.

Invariant: another account's or region's is answered as if it did not exist.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from hostler.api import places
from hostler.api.registry import Call
from hostler.api.sns import refusals
from hostler.domain.topic import Subscription, Topic
from hostler.store import topics
from hostler.store.database import Transaction

PAGE = 100
_TOPIC_PARTS, _SUBSCRIPTION_PARTS = 6, 7

T = TypeVar("T")


def topic(tx: Transaction, call: Call, arn: str) -> Topic:
    """The topic of an ARN.

    Raises:
        CallerError: InvalidParameter for what is no topic's ARN, NotFound for none that exists.
    """
    parts = arn.split(":")
    if len(parts) != _TOPIC_PARTS or parts[2] != "sns":
        raise refusals.invalid(f"TopicArn Reason: {arn} is no topic's ARN")
    found = topics.get(tx, call.account, call.region, parts[5])
    if found is None or found.arn != arn:
        raise refusals.no_topic()
    return found


def subscription(tx: Transaction, call: Call, arn: str) -> Subscription:
    """The subscription of an ARN; raises as ``topic`` does."""
    parts = arn.split(":")
    if len(parts) != _SUBSCRIPTION_PARTS or parts[2] != "sns":
        raise refusals.invalid(f"SubscriptionArn Reason: {arn} is no subscription's ARN")
    found = topics.subscription(tx, parts[6])
    if found is None or found.arn != arn or found.account != call.account:
        raise refusals.no_subscription()
    return found


def after(call: Call) -> str | None:
    """The place that the page follows; None for the first. Raises InvalidParameter."""
    token = call.params.get("NextToken")
    if not token:
        return None
    try:
        return places.read(token)
    except ValueError:
        raise refusals.invalid("NextToken") from None


def page(
    member: str, found: Sequence[T], shape: Callable[[T], Any], place: Callable[[T], str]
) -> Mapping[str, Any]:
    """A page of what was fetched with one item too many, and NextToken where more follows."""
    shown = {member: [shape(each) for each in found[:PAGE]]}
    if len(found) <= PAGE:
        return shown
    return {**shown, "NextToken": places.token(place(found[PAGE - 1]))}
