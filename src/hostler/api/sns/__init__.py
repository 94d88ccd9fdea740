"""Amazon SNS: topics, who subscribes to them, and what is published.

Invariant: a message that was accepted waits in the database until it is delivered or given up
(``control.deliveries``).
"""

from hostler.api.registry import (
    AccessRule,
    Effect,
    Handler,
    Operation,
    Preparation,
    ServiceTable,
    table,
)
from hostler.api.sns import access, publishing, subscriptions, topics
from hostler.api.sns.members import BY_OPERATION
from hostler.api.sns.tags import ON_TOPICS


def _operation(
    name: str,
    handler: Handler,
    rule: AccessRule,
    effect: Effect,
    prepare: Preparation | None = None,
) -> Operation:
    return Operation(name, handler, rule, effect, prepare, members=BY_OPERATION[name])


READS, WRITES, DELETES = Effect.READS, Effect.WRITES, Effect.DELETES

TABLE: ServiceTable = table(
    "sns",
    (
        _operation("CreateTopic", topics.create, access.creating, WRITES),
        _operation("DeleteTopic", topics.delete, access.on_topic, DELETES),
        _operation("ListTopics", topics.listed, access.everything, READS),
        _operation("GetTopicAttributes", topics.attributes, access.on_topic, READS),
        _operation("SetTopicAttributes", topics.set_attribute, access.on_topic, WRITES),
        _operation(
            "Subscribe",
            subscriptions.subscribe,
            access.subscribing,
            WRITES,
            subscriptions.check_host,
        ),
        _operation("ConfirmSubscription", subscriptions.confirm, access.on_topic, WRITES),
        _operation("Unsubscribe", subscriptions.unsubscribe, access.everything, DELETES),
        _operation("ListSubscriptions", subscriptions.listed, access.everything, READS),
        _operation("ListSubscriptionsByTopic", subscriptions.listed, access.on_topic, READS),
        _operation("GetSubscriptionAttributes", subscriptions.attributes, access.everything, READS),
        _operation(
            "SetSubscriptionAttributes", subscriptions.set_attribute, access.everything, WRITES
        ),
        _operation("Publish", publishing.publish, access.publishing, WRITES),
        _operation("TagResource", ON_TOPICS.tag, access.tagged, WRITES),
        _operation("UntagResource", ON_TOPICS.untag, access.tagged, DELETES),
        _operation("ListTagsForResource", ON_TOPICS.listed, access.tagged, READS),
    ),
)
