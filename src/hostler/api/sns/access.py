"""What SNS's operations need: their action, on the topic that a call names.

Invariant: subscriptions are no resources of policies; operations on them are on everything.
https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsns.html
"""

from collections.abc import Sequence

from hostler.api.registry import Access, Call
from hostler.domain.topic import topic_arn
from hostler.iam.context import ABSENT

_EVERYTHING = "*"
_TAG = "sns:TagResource"


def creating(call: Call) -> Sequence[Access]:
    """To make a topic, and to tag it where it comes with tags."""
    arn = topic_arn(call.region, call.account, call.params["Name"])
    needed = [Access(f"sns:{call.operation}", arn, is_new=True)]
    if call.params.get("Tags"):
        needed.append(Access(_TAG, arn, is_new=True))
    return needed


def on_topic(call: Call) -> Sequence[Access]:
    """On the topic of TopicArn."""
    return [Access(f"sns:{call.operation}", call.params["TopicArn"])]


def publishing(call: Call) -> Sequence[Access]:
    """On the topic that is published to, by either of its names."""
    params = call.params
    arn = params.get("TopicArn") or params.get("TargetArn") or _EVERYTHING
    return [Access(f"sns:{call.operation}", arn)]


def subscribing(call: Call) -> Sequence[Access]:
    """On the topic, with what is to be told and how."""
    params = call.params
    keys = {
        "sns:Endpoint": params.get("Endpoint") or ABSENT,
        "sns:Protocol": params["Protocol"],
    }
    return [Access(f"sns:{call.operation}", params["TopicArn"], keys)]


def tagged(call: Call) -> Sequence[Access]:
    """On the topic of ResourceArn."""
    return [Access(f"sns:{call.operation}", call.params["ResourceArn"])]


def everything(call: Call) -> Sequence[Access]:
    """On no topic in particular."""
    return [Access(f"sns:{call.operation}", _EVERYTHING)]
