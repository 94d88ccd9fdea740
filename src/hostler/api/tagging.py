"""Tags of resources that are kept by ARN: checked, added, removed, for services that tag alike.

Invariant: at most ``TAGS_MAX`` tags a resource, none of them in AWS's own ``aws:`` space. Services
differ in the code of their refusals, which each gives.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from hostler.api.registry import Call
from hostler.domain.errors import CallerError
from hostler.domain.ids import Arn
from hostler.store import tags
from hostler.store.database import Transaction

TAGS_MAX = 50

Refuse: TypeAlias = Callable[[str], CallerError]


def checked(params: Mapping[str, Any], refuse: Refuse) -> dict[str, str]:
    """The tags of a request."""
    pairs = [(tag["Key"], tag["Value"]) for tag in params.get("Tags") or ()]
    found = dict(pairs)
    if len(found) != len(pairs):
        raise refuse("Duplicate tag keys found in the request; give each key once.")
    _refuse_reserved(found, refuse)
    _check_number(found, refuse)
    return found


@dataclass(frozen=True, slots=True)
class Tagging:
    """TagResource, UntagResource and ListTagsForResource, as one service has them.

    Args:
        named: The ARN of the resource that a call names; refuses where there is none.
        refuse: What tags that cannot be are refused with.
    """

    named: Callable[[Transaction, Call], Arn]
    refuse: Refuse

    def tag(self, tx: Transaction, call: Call) -> Mapping[str, Any]:
        """TagResource: tags with the same key are overwritten."""
        arn = self.named(tx, call)
        new = checked(call.params, self.refuse)
        _check_number({**tags.of(tx, arn), **new}, self.refuse)
        tags.put(tx, arn, new)
        return {}

    def untag(self, tx: Transaction, call: Call) -> Mapping[str, Any]:
        """UntagResource: keys that are not there are no error."""
        arn = self.named(tx, call)
        keys: Sequence[str] = call.params["TagKeys"]
        _refuse_reserved(keys, self.refuse)
        tags.remove(tx, arn, keys)
        return {}

    def listed(self, tx: Transaction, call: Call) -> Mapping[str, Any]:
        """ListTagsForResource."""
        found = tags.of(tx, self.named(tx, call))
        return {"Tags": [{"Key": key, "Value": value} for key, value in found.items()]}


def _refuse_reserved(keys: Iterable[str], refuse: Refuse) -> None:
    for key in keys:
        if key.lower().startswith("aws:"):
            raise refuse(f"The tag key {key} is reserved: keys may not begin with aws:.")


def _check_number(found: Mapping[str, str], refuse: Refuse) -> None:
    if len(found) > TAGS_MAX:
        raise refuse(f"A resource has at most {TAGS_MAX} tags: delete some, or give fewer.")
