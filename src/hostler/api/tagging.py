"""Tags of resources that are kept by ARN: checked, added, removed, for services that tag alike.

Invariant: at most ``TAGS_MAX`` tags a resource, none of them in AWS's own ``aws:`` space. Services
differ in the code of their refusals, which each gives.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeAlias

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


def add(tx: Transaction, arn: Arn, params: Mapping[str, Any], refuse: Refuse) -> None:
    """Add the tags of a request; those with the same key are overwritten."""
    new = checked(params, refuse)
    _check_number({**tags.of(tx, arn), **new}, refuse)
    tags.put(tx, arn, new)


def remove(tx: Transaction, arn: Arn, params: Mapping[str, Any], refuse: Refuse) -> None:
    """Remove the tags of a request's keys; keys that are not there are no error."""
    keys: Sequence[str] = params["TagKeys"]
    _refuse_reserved(keys, refuse)
    tags.remove(tx, arn, keys)


def shown(tx: Transaction, arn: Arn) -> list[dict[str, str]]:
    """A resource's tags as the API shows them."""
    return [{"Key": key, "Value": value} for key, value in tags.of(tx, arn).items()]


def _refuse_reserved(keys: Iterable[str], refuse: Refuse) -> None:
    for key in keys:
        if key.lower().startswith("aws:"):
            raise refuse(f"The tag key {key} is reserved: keys may not begin with aws:.")


def _check_number(found: Mapping[str, str], refuse: Refuse) -> None:
    if len(found) > TAGS_MAX:
        raise refuse(f"A resource has at most {TAGS_MAX} tags: delete some, or give fewer.")
