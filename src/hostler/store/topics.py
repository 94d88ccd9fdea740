"""Topics, their subscriptions, and what is still to be delivered to them.

Invariant: a subscription's messages are delivered in order, and at most ``WAITING_MAX`` of them
wait: of more, the oldest are dropped. Deleting a topic or a subscription deletes what waits for it.
"""

import uuid
from collections.abc import Iterable, Mapping, Sequence

import msgspec
from sqlalchemy import (
    Boolean,
    Column,
    ColumnElement,
    Float,
    Index,
    LargeBinary,
    String,
    Table,
    delete,
    func,
    insert,
    select,
    update,
)

from hostler.domain.topic import Message, Protocol, Subscription, Topic
from hostler.store.control_metadata import metadata
from hostler.store.database import Transaction
from hostler.store.lines import Lines

WAITING_MAX = 1_000
"""Messages of one subscription."""

topics = Table(
    "sns_topics",
    metadata,
    Column("account", String, primary_key=True),
    Column("region", String, primary_key=True),
    Column("name", String, primary_key=True),
    Column("body", LargeBinary, nullable=False),
)

subscriptions = Table(
    "sns_subscriptions",
    metadata,
    Column("id", String, primary_key=True),
    Column("account", String, nullable=False),
    Column("region", String, nullable=False),
    Column("topic", String, nullable=False),
    Column("confirmed", Boolean, nullable=False),
    Column("created", Float(53), nullable=False),
    Column("body", LargeBinary, nullable=False),
    Index("sns_subscriptions_by_topic", "account", "region", "topic", "id"),
)

deliveries = Lines("sns_deliveries", "subscription", Message)

_encode = msgspec.json.Encoder().encode
_topic = msgspec.json.Decoder(Topic).decode
_subscription = msgspec.json.Decoder(Subscription).decode


def get(tx: Transaction, account: str, region: str, name: str) -> Topic | None:
    """The topic of a name."""
    body = tx.execute(select(topics.c.body).where(*_of_topic(account, region, name))).scalar()
    return None if body is None else _topic(body)


def count(tx: Transaction, account: str, region: str) -> int:
    """How many topics an account has in a region."""
    query = select(func.count()).where(topics.c.account == account, topics.c.region == region)
    return tx.execute(query.select_from(topics)).scalar_one()


def put(tx: Transaction, topic: Topic) -> None:
    """Insert or replace a topic."""
    key = {"account": topic.account, "region": topic.region, "name": topic.name}
    change = update(topics).where(*_of_topic(**key)).values(body=_encode(topic))
    if tx.execute(change).rowcount == 0:
        tx.execute(insert(topics), {**key, "body": _encode(topic)})


def remove(tx: Transaction, account: str, region: str, name: str) -> None:
    """Forget a topic with all its subscriptions."""
    forget_subscriptions(tx, [each.id for each in of_topic(tx, account, region, name)])
    tx.execute(delete(topics).where(*_of_topic(account, region, name)))


def listed(
    tx: Transaction, account: str, region: str, *, after: str | None, limit: int
) -> Sequence[Topic]:
    """At most ``limit`` topics in the order of their names, after a name."""
    query = select(topics.c.body).where(topics.c.account == account, topics.c.region == region)
    if after is not None:
        query = query.where(topics.c.name > after)
    rows = tx.execute(query.order_by(topics.c.name).limit(limit)).scalars()
    return [_topic(row) for row in rows]


def subscription(tx: Transaction, subscription_id: str) -> Subscription | None:
    """The subscription of an id."""
    query = select(subscriptions.c.body).where(subscriptions.c.id == subscription_id)
    body = tx.execute(query).scalar()
    return None if body is None else _subscription(body)


def of_topic(tx: Transaction, account: str, region: str, name: str) -> Sequence[Subscription]:
    """Every subscription of a topic."""
    query = select(subscriptions.c.body).where(
        subscriptions.c.account == account,
        subscriptions.c.region == region,
        subscriptions.c.topic == name,
    )
    return [_subscription(row) for row in tx.execute(query.order_by(subscriptions.c.id)).scalars()]


def subscriptions_page(
    tx: Transaction,
    account: str,
    region: str,
    topic: str | None,
    *,
    after: str | None,
    limit: int,
) -> Sequence[Subscription]:
    """At most ``limit`` subscriptions, of one topic or all, in the order of ids after one."""
    query = select(subscriptions.c.body).where(
        subscriptions.c.account == account, subscriptions.c.region == region
    )
    if topic is not None:
        query = query.where(subscriptions.c.topic == topic)
    if after is not None:
        query = query.where(subscriptions.c.id > after)
    rows = tx.execute(query.order_by(subscriptions.c.id).limit(limit)).scalars()
    return [_subscription(row) for row in rows]


def put_subscription(tx: Transaction, one: Subscription) -> None:
    """Insert or replace a subscription."""
    row = {
        "account": one.account,
        "region": one.region,
        "topic": one.topic,
        "confirmed": one.confirmed,
        "created": one.created,
        "body": _encode(one),
    }
    change = update(subscriptions).where(subscriptions.c.id == one.id).values(row)
    if tx.execute(change).rowcount == 0:
        tx.execute(insert(subscriptions), {"id": one.id, **row})


def forget_subscriptions(tx: Transaction, ids: Iterable[str]) -> None:
    """Forget subscriptions with what waits for them."""
    for one in ids:
        tx.execute(delete(deliveries.rows).where(deliveries.line == one))
        tx.execute(delete(subscriptions).where(subscriptions.c.id == one))


def forget_unconfirmed(tx: Transaction, before: float) -> None:
    """Forget subscriptions that nobody has confirmed since a time."""
    query = select(subscriptions.c.id).where(
        subscriptions.c.confirmed.is_(False), subscriptions.c.created < before
    )
    forget_subscriptions(tx, list(tx.execute(query).scalars()))


def publish(tx: Transaction, topic: Topic, messages: Mapping[Protocol, Message]) -> Sequence[str]:
    """Have a topic's confirmed subscriptions told; returns their ids.

    Args:
        tx: A transaction.
        topic: The topic.
        messages: The message by protocol.
    """
    told = []
    for each in of_topic(tx, topic.account, topic.region, topic.name):
        if each.confirmed:
            deliver(tx, each, messages[each.protocol])
            told.append(each.id)
    return told


def deliver(tx: Transaction, to: Subscription, message: Message) -> None:
    """Queue a message for a subscription; the oldest goes where too many wait."""
    deliveries.put(tx, [(to.id, message.at, message)])
    too_old = deliveries.rows.c.id <= deliveries.newest(to.id, WAITING_MAX)
    tx.execute(delete(deliveries.rows).where(deliveries.line == to.id, too_old))


def new_id() -> str:
    """An id of a subscription or a message."""
    return str(uuid.uuid4())


def _of_topic(account: str, region: str, name: str) -> tuple[ColumnElement[bool], ...]:
    return (
        topics.c.account == account,
        topics.c.region == region,
        topics.c.name == name,
    )
