"""What becomes of each input member of SNS's operations.

Invariant: as in ``api.sagemaker.members``; what a map of attributes may hold is checked by name in
the operation's own module.
"""

from collections.abc import Mapping

from hostler.api.members import ACTS, Fate, Members, Only, Refused

_NO_FIFO = Refused("topics are standard topics, not FIFO")


def _acting(*names: str, **limited: Fate) -> Members:
    return {**dict.fromkeys(names, ACTS), **limited}


_ATTRIBUTE = "MessageAttributes"

BY_OPERATION: Mapping[str, Members] = {
    "CreateTopic": _acting(
        *("Name", "Attributes", "Tags[].Key", "Tags[].Value"),
        DataProtectionPolicy=Refused("messages are not inspected"),
    ),
    "DeleteTopic": _acting("TopicArn"),
    "ListTopics": _acting("NextToken"),
    "GetTopicAttributes": _acting("TopicArn"),
    "SetTopicAttributes": _acting("TopicArn", "AttributeName", "AttributeValue"),
    "Subscribe": _acting("TopicArn", "Protocol", "Endpoint", "Attributes", "ReturnSubscriptionArn"),
    "ConfirmSubscription": _acting(
        *("TopicArn", "Token"),
        AuthenticateOnUnsubscribe=Only(
            frozenset({"false"}), "the UnsubscribeURL of a message unsubscribes"
        ),
    ),
    "Unsubscribe": _acting("SubscriptionArn"),
    "ListSubscriptions": _acting("NextToken"),
    "ListSubscriptionsByTopic": _acting("TopicArn", "NextToken"),
    "GetSubscriptionAttributes": _acting("SubscriptionArn"),
    "SetSubscriptionAttributes": _acting("SubscriptionArn", "AttributeName", "AttributeValue"),
    "Publish": _acting(
        *("TopicArn", "TargetArn", "Message", "Subject", "MessageStructure", _ATTRIBUTE),
        PhoneNumber=Refused("nothing here sends SMS; publish to a topic"),
        MessageDeduplicationId=_NO_FIFO,
        MessageGroupId=_NO_FIFO,
    ),
    "TagResource": _acting("ResourceArn", "Tags[].Key", "Tags[].Value"),
    "UntagResource": _acting("ResourceArn", "TagKeys[]"),
    "ListTagsForResource": _acting("ResourceArn"),
}
