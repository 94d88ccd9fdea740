"""What the operations on alarms need: their action, on the alarms that a call names.

Invariant: a call that names no alarm is on all of the account's, as on AWS.
https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoncloudwatch.html
"""

from collections.abc import Sequence
from typing import Any

from hostler.api.registry import Access, Call
from hostler.domain.alarm import alarm_arn
from hostler.iam.context import ABSENT

ALARM_ACTIONS = "cloudwatch:AlarmActions"
_TAG = "cloudwatch:TagResource"
_EVERY = "*"


def putting(call: Call) -> Sequence[Access]:
    """To put an alarm, and to tag it where it comes with tags."""
    params = call.params
    arn = alarm_arn(call.region, call.account, params["AlarmName"])
    given = [
        each
        for member in ("AlarmActions", "OKActions", "InsufficientDataActions")
        for each in params.get(member) or ()
    ]
    keys = {ALARM_ACTIONS: list(dict.fromkeys(given)) or ABSENT}
    needed = [Access(f"cloudwatch:{call.operation}", arn, keys)]
    if params.get("Tags"):
        needed.append(Access(_TAG, arn, is_new=True))
    return needed


def named(call: Call) -> Sequence[Access]:
    """On each alarm that is named, or on all."""
    names: Any = call.params.get("AlarmNames") or call.params.get("AlarmName") or _EVERY
    given = [names] if isinstance(names, str) else names
    arns = [alarm_arn(call.region, call.account, name) for name in dict.fromkeys(given)]
    return [Access(f"cloudwatch:{call.operation}", arn) for arn in arns]


def tagged(call: Call) -> Sequence[Access]:
    """On the resource of an ARN."""
    return [Access(f"cloudwatch:{call.operation}", call.params["ResourceARN"])]


def everything(call: Call) -> Sequence[Access]:
    """On no alarm in particular."""
    return [Access(f"cloudwatch:{call.operation}", _EVERY)]
