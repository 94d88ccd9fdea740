"""TagResource, UntagResource and ListTagsForResource, on alarms.

Invariant: at most ``TAGS_MAX`` tags an alarm, none of them in AWS's own ``aws:`` space.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_TagResource.html
"""

from collections.abc import Iterable, Mapping
from typing import Any

from hostler.api.registry import Call
from hostler.domain.errors import CallerError
from hostler.domain.ids import Arn
from hostler.store import alarms, tags
from hostler.store.database import Transaction

TAGS_MAX = 50


def checked(params: Mapping[str, Any]) -> dict[str, str]:
    """The tags of a request."""
    pairs = [(tag["Key"], tag["Value"]) for tag in params.get("Tags") or ()]
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _invalid("Duplicate tag keys found in the request; give each key once.")
    _refuse_reserved(found)
    _check_number(found)
    return found


def tag(tx: Transaction, call: Call) -> Mapping[str, Any]:
    """TagResource: tags with the same key are overwritten."""
    arn = _alarm(tx, call)
    new = checked(call.params)
    _check_number({**tags.of(tx, arn), **new})
    tags.put(tx, arn, new)
    return {}


def untag(tx: Transaction, call: Call) -> Mapping[str, Any]:
    """UntagResource: keys that are not there are no error."""
    arn = _alarm(tx, call)
    keys: Iterable[str] = call.params["TagKeys"]
    _refuse_reserved(keys)
    tags.remove(tx, arn, keys)
    return {}


def listed(tx: Transaction, call: Call) -> Mapping[str, Any]:
    """ListTagsForResource."""
    found = tags.of(tx, _alarm(tx, call))
    return {"Tags": [{"Key": key, "Value": value} for key, value in found.items()]}


def _alarm(tx: Transaction, call: Call) -> Arn:
    """The ARN of an alarm that exists."""
    given: str = call.params["ResourceARN"]
    parts = given.split(":", 6)
    if len(parts) == 7 and parts[5] == "alarm":
        kept = alarms.get(tx, call.account, call.region, parts[6])
        if kept is not None and kept.alarm.arn == given:
            return kept.alarm.arn
    raise CallerError(
        "ResourceNotFoundException", f"There is no alarm {given} in this account and region."
    )


def _refuse_reserved(keys: Iterable[str]) -> None:
    for key in keys:
        if key.lower().startswith("aws:"):
            raise _invalid(f"The tag key {key} is reserved: keys may not begin with aws:.")


def _check_number(found: Mapping[str, str]) -> None:
    if len(found) > TAGS_MAX:
        raise _invalid(f"An alarm has at most {TAGS_MAX} tags: delete some, or give fewer.")


def _invalid(message: str) -> CallerError:
    return CallerError("InvalidParameterValue", message)
