"""CreateTopic, DeleteTopic, ListTopics and topics' attributes.

Invariant: making a topic that is there already changes nothing and gives its ARN; an attribute that
does not act is refused by its name.
https://docs.aws.amazon.com/sns/latest/api/API_CreateTopic.html
"""

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from hostler.api import tagging
from hostler.api.registry import Call
from hostler.api.sns import finding, refusals
from hostler.domain.errors import CallerError
from hostler.domain.ids import root_arn
from hostler.domain.topic import Topic
from hostler.planning.delivery import RETRY_POLICY
from hostler.store import tags, topics
from hostler.store.database import Transaction

TOPICS_MAX = 10_000
DISPLAY_NAME_MAX = 100
_NAME = re.compile(r"[A-Za-z0-9_-]{1,256}")
_OWNERS_ACTIONS = (
    *("GetTopicAttributes", "SetTopicAttributes", "AddPermission", "RemovePermission"),
    *("DeleteTopic", "Subscribe", "ListSubscriptionsByTopic", "Publish"),
)


def create(tx: Transaction, call: Call) -> Mapping[str, Any]:
    """CreateTopic."""
    params = call.params
    name: str = params["Name"]
    if name.endswith(".fifo"):
        raise refusals.invalid("Topic Name Reason: topics are standard topics here, not FIFO")
    if _NAME.fullmatch(name) is None:
        raise refusals.invalid("Topic Name")
    topic = Topic(call.account, call.region, name, call.now)
    for attribute, value in (params.get("Attributes") or {}).items():
        topic = _with(topic, attribute, value)
    given = tagging.checked(params, refusals.invalid)
    there = topics.get(tx, call.account, call.region, name)
    if there is not None:
        if params.get("Attributes") and there.display_name != topic.display_name:
            raise refusals.invalid(
                "Attributes Reason: Topic already exists with different attributes"
            )
        if given and tags.of(tx, there.arn) != given:
            raise refusals.invalid("Tags Reason: Topic already exists with different tags")
        return {"TopicArn": there.arn}
    if topics.count(tx, call.account, call.region) >= TOPICS_MAX:
        raise CallerError("TopicLimitExceeded", f"There are {TOPICS_MAX} topics: delete some.")
    topics.put(tx, topic)
    tags.replace(tx, topic.arn, given)
    return {"TopicArn": topic.arn}


def delete(tx: Transaction, call: Call) -> None:
    """DeleteTopic: a topic that does not exist is no error."""
    arn = call.params["TopicArn"]
    try:
        topic = finding.topic(tx, call, arn)
    except CallerError as error:
        if error.code == "NotFound":
            return
        raise
    topics.remove(tx, call.account, call.region, topic.name)
    tags.remove_all(tx, topic.arn)


def listed(tx: Transaction, call: Call) -> Mapping[str, Any]:
    """ListTopics: in pages of 100."""
    after = finding.after(call)
    found = topics.listed(tx, call.account, call.region, after=after, limit=finding.PAGE + 1)
    return finding.page(
        "Topics", found, lambda each: {"TopicArn": each.arn}, lambda each: each.name
    )


def attributes(tx: Transaction, call: Call) -> Mapping[str, Any]:
    """GetTopicAttributes."""
    topic = finding.topic(tx, call, call.params["TopicArn"])
    of_it = topics.of_topic(tx, topic.account, topic.region, topic.name)
    confirmed = sum(each.confirmed for each in of_it)
    return {
        "Attributes": {
            "TopicArn": topic.arn,
            "Owner": topic.account,
            "DisplayName": topic.display_name,
            "Policy": json.dumps(_policy(topic)),
            "EffectiveDeliveryPolicy": json.dumps(RETRY_POLICY),
            "SubscriptionsConfirmed": str(confirmed),
            "SubscriptionsPending": str(len(of_it) - confirmed),
            "SubscriptionsDeleted": "0",
        }
    }


def set_attribute(tx: Transaction, call: Call) -> None:
    """SetTopicAttributes."""
    topic = finding.topic(tx, call, call.params["TopicArn"])
    changed = _with(topic, call.params["AttributeName"], call.params.get("AttributeValue") or "")
    topics.put(tx, changed)


def _with(topic: Topic, attribute: str, value: str) -> Topic:
    """A topic with an attribute, if it acts."""
    match attribute:
        case "DisplayName":
            if len(value) > DISPLAY_NAME_MAX or not value.isprintable():
                raise refusals.invalid("DisplayName")
            return replace(topic, display_name=value)
        case "FifoTopic" if value == "false":
            return topic
        case "Policy" if _is_default(topic, value):
            return topic
    raise refusals.invalid(
        f"AttributeName Reason: {attribute} is not supported: DisplayName is, and a topic is told "
        "and read by its own account"
    )


def _is_default(topic: Topic, value: str) -> bool:
    try:
        return bool(json.loads(value) == _policy(topic))
    except (ValueError, RecursionError):
        return False


def _policy(topic: Topic) -> Mapping[str, Any]:
    """What SNS shows of a topic without a policy of its own: its owner may use it."""
    return {
        "Version": "2008-10-17",
        "Id": "__default_policy_ID",
        "Statement": [
            {
                "Sid": "__default_statement_ID",
                "Effect": "Allow",
                "Principal": {"AWS": root_arn(topic.account)},
                "Action": [f"SNS:{action}" for action in _OWNERS_ACTIONS],
                "Resource": topic.arn,
            }
        ],
    }
