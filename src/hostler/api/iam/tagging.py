"""Tags as calls give them.

Invariant: keys are unique regardless of case, no more than 50 on one entity, and none is AWS's own.
https://docs.aws.amazon.com/IAM/latest/UserGuide/id_tags.html
"""

from collections.abc import Mapping, Sequence
from typing import Any

from hostler.api.iam.errors import invalid_input, limit_exceeded
from hostler.store.database import Transaction
from hostler.store.identities import entities

TAGS_MAX = 50
_RESERVED = "aws:"


def given(items: Sequence[Mapping[str, Any]] | None) -> dict[str, str]:
    """The tags of a call's Tags."""
    tags = {item["Key"]: item["Value"] for item in items or ()}
    if len({key.lower() for key in tags}) != len(items or ()):
        raise invalid_input(
            "Duplicate tag keys found. Please note that Tag keys are case insensitive."
        )
    for key in tags:
        if key.lower().startswith(_RESERVED):
            raise invalid_input(f"Tag key {key} begins with aws:, which is kept for AWS's own use.")
    return tags


def put(tx: Transaction, owner: str, tags: Mapping[str, str]) -> None:
    """Add tags to an entity's id, within the limit."""
    kept = {key.lower() for key in entities.tags(tx, owner)}
    if len(kept | {key.lower() for key in tags}) > TAGS_MAX:
        raise limit_exceeded(f"The number of tags has reached the maximum limit of {TAGS_MAX}.")
    entities.put_tags(tx, owner, tags)
