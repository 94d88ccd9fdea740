"""Tags of log groups: TagResource and its like, and the older operations that take a group's name.

Invariant: at most ``TAGS_MAX`` tags a group, none of them in AWS's own ``aws:`` space.
https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_TagResource.html
"""

from collections.abc import Mapping
from typing import Any

from hostler.api.logs import groups
from hostler.api.logs.refusals import invalid, refuse_reserved
from hostler.api.registry import Call
from hostler.domain.errors import CallerError
from hostler.store.database import Transaction
from hostler.telemetry import log_tags

TAGS_MAX = 50


def put(tx: Transaction, call: Call) -> None:
    """TagResource and TagLogGroup: tags with the same key are overwritten."""
    group = groups.existing(tx, call)
    new: Mapping[str, str] = call.params["tags"]
    refuse_reserved(new)
    if len({**log_tags.of(tx, group.id), **new}) > TAGS_MAX:
        text = f"A log group has {TAGS_MAX} tags at most."
        if call.operation == "TagLogGroup":
            raise invalid(text)
        raise CallerError("TooManyTagsException", text, members={"resourceName": group.name})
    log_tags.put(tx, group.id, new)


def remove(tx: Transaction, call: Call) -> None:
    """UntagResource and UntagLogGroup: keys that are not there are no error."""
    group = groups.existing(tx, call)
    log_tags.remove(tx, group.id, call.params.get("tagKeys") or call.params.get("tags") or ())


def listed(tx: Transaction, call: Call) -> Mapping[str, Any]:
    """ListTagsForResource and ListTagsLogGroup."""
    return {"tags": log_tags.of(tx, groups.existing(tx, call).id)}
