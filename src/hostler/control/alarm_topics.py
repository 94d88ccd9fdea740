"""Tells a topic of an alarm.

Invariant: what is told is queued for the topic's subscriptions when this returns.
"""

from collections.abc import Callable, Sequence
from functools import partial

from hostler.control.alarm_actions import ActionFailedError
from hostler.domain.alarm import Firing
from hostler.domain.topic import Message, MessageType, Protocol
from hostler.planning import alarm_notifications
from hostler.store import topics
from hostler.store.database import Store, Transaction


class TopicAction:
    """The action of an SNS topic.

    Args:
        store: The control database.
        told: Called with the id of each subscription for which something waits now.
    """

    def __init__(self, store: Store, told: Callable[[str], None]) -> None:
        self._store = store
        self._told = told

    async def __call__(self, firing: Firing, /) -> None:
        """Publish the notification; raises ActionFailedError where the topic does not exist."""
        for each in await self._store.write(partial(_publish, firing=firing)):
            self._told(each)


def _publish(tx: Transaction, firing: Firing) -> Sequence[str]:
    topic = topics.get(tx, firing.account, firing.region, firing.action.split(":", 5)[5])
    if topic is None or topic.arn != firing.action:
        raise ActionFailedError("the topic does not exist")
    subject = alarm_notifications.subject(firing.name, firing.state, firing.region)
    message = Message(topics.new_id(), MessageType.NOTIFICATION, firing.at, firing.message, subject)
    return topics.publish(tx, topic, dict.fromkeys(Protocol, message))
