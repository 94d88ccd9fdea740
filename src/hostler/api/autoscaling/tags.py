"""TagResource, UntagResource, ListTagsForResource, of scalable targets.

Invariant: at most ``TAGS_MAX`` tags a target, none of them in AWS's own ``aws:`` space.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from hostler.api.registry import Call
from hostler.domain.errors import CallerError, validation
from hostler.domain.scaling import Target, target_arn
from hostler.store import scaling, tags
from hostler.store.database import Transaction

TAGS_MAX = 50


def tag(tx: Transaction, call: Call) -> Mapping[str, Any]:
    """TagResource: tags with the same key are overwritten."""
    target, given = _target(tx, call), call.params["Tags"]
    check(given, {**tags.of(tx, target.arn), **given})
    tags.put(tx, target.arn, given)
    return {}


def untag(tx: Transaction, call: Call) -> Mapping[str, Any]:
    """UntagResource: keys that are not there are no error."""
    tags.remove(tx, _target(tx, call).arn, call.params["TagKeys"])
    return {}


def listed(tx: Transaction, call: Call) -> Mapping[str, Any]:
    """ListTagsForResource."""
    return {"Tags": tags.of(tx, _target(tx, call).arn)}


def check(given: Iterable[str], together: Mapping[str, str]) -> None:
    """Refuse keys that are reserved, and more tags together than a target may have."""
    for key in given:
        if key.lower().startswith("aws:"):
            raise validation(f"The tag key {key} is reserved: keys may not begin with aws:.")
    if len(together) > TAGS_MAX:
        raise CallerError(
            "TooManyTagsException", f"A scalable target has at most {TAGS_MAX} tags: delete some."
        )


def _target(tx: Transaction, call: Call) -> Target:
    given: str = call.params["ResourceARN"]
    home = target_arn(call.region, call.account, "")
    found = scaling.by_id(tx, given.removeprefix(home)) if given.startswith(home) else None
    if found is None or found.arn != given:
        raise CallerError(
            "ResourceNotFoundException",
            f"The resource {given} could not be found.",
            members={"ResourceName": given},
        )
    return found
