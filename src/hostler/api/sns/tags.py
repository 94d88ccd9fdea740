"""TagResource, UntagResource and ListTagsForResource, on topics.

Invariant: as in ``api.tagging``.
https://docs.aws.amazon.com/sns/latest/api/API_TagResource.html
"""

from collections.abc import Mapping
from typing import Any

from hostler.api import tagging
from hostler.api.registry import Call
from hostler.api.sns import finding, refusals
from hostler.domain.errors import CallerError
from hostler.domain.ids import Arn
from hostler.store.database import Transaction


def tag(tx: Transaction, call: Call) -> Mapping[str, Any]:
    """TagResource."""
    tagging.add(tx, _topic(tx, call), call.params, refusals.invalid)
    return {}


def untag(tx: Transaction, call: Call) -> Mapping[str, Any]:
    """UntagResource."""
    tagging.remove(tx, _topic(tx, call), call.params, refusals.invalid)
    return {}


def listed(tx: Transaction, call: Call) -> Mapping[str, Any]:
    """ListTagsForResource."""
    return {"Tags": tagging.shown(tx, _topic(tx, call))}


def _topic(tx: Transaction, call: Call) -> Arn:
    try:
        return finding.topic(tx, call, call.params["ResourceArn"]).arn
    except CallerError:
        raise CallerError("ResourceNotFound", "Resource does not exist") from None
