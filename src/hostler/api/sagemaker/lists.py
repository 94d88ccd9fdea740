"""What the lists have in common: defaults, sorting, and tokens.

Invariant: a NextToken continues the list it came from and no other; one that was altered, or
brought to other filters, is refused.
"""

import hashlib
from collections.abc import Mapping
from typing import Any

import msgspec

from hostler.api.registry import Call
from hostler.domain.errors import validation
from hostler.planning import quotas
from hostler.store.database import Transaction
from hostler.store.pages import Filter, Position, Window
from hostler.store.records import Records

PAGE_DEFAULT = 10
"""https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ListModels.html"""


class _Token(msgspec.Struct, frozen=True, array_like=True):
    seal: str
    """Of the list and the position together."""
    value: str | float
    key: str


def window(call: Call) -> Window:
    """The page asked for; newest first unless told otherwise."""
    return Window(
        limit=call.params.get("MaxResults", PAGE_DEFAULT),
        descending=call.params.get("SortOrder", "Descending") == "Descending",
        after=_position(call),
    )


def check_quota(
    tx: Transaction, call: Call, records: Records, limit: int | None, noun: str
) -> None:
    """Refuse one more of these where the account has as many as it may."""
    if limit is not None:
        used = records.count(tx, call.account, call.region)
        quotas.check(f"Number of {noun}", noun.title(), limit, used, 1)


def of_records(
    tx: Transaction, call: Call, records: Records, member: str, noun: str
) -> Mapping[str, Any]:
    """ListModels or ListEndpointConfigs: ``noun`` begins the names of a summary's members."""
    found, following = records.page(
        tx,
        call.account,
        call.region,
        Filter(
            name_contains=call.params.get("NameContains"),
            created_after=call.params.get("CreationTimeAfter"),
            created_before=call.params.get("CreationTimeBefore"),
        ),
        by_name=call.params.get("SortBy") == "Name",
        window=window(call),
    )
    summaries = [
        {f"{noun}Name": one.name, f"{noun}Arn": one.arn, "CreationTime": one.created}
        for one in found
    ]
    return result(call, member, summaries, following)


def result(
    call: Call, member: str, summaries: list[dict[str, Any]], following: Position | None
) -> Mapping[str, Any]:
    """The output shape: a page, and a token if there is another."""
    if following is None:
        return {member: summaries}
    token = _Token(_seal(call, following), following.value, following.key)
    return {member: summaries, "NextToken": msgspec.json.encode(token).hex()}


def _position(call: Call) -> Position | None:
    text: str | None = call.params.get("NextToken")
    if text is None:
        return None
    try:
        token = msgspec.json.decode(bytes.fromhex(text), type=_Token)
    except (ValueError, msgspec.MsgspecError):
        token = None
    position = None if token is None else Position(token.value, token.key)
    if token is None or position is None or token.seal != _seal(call, position):
        raise validation(
            "The NextToken is not valid: give the one that the previous page of this same list "
            "returned, with the same filters."
        )
    return position


def _seal(call: Call, position: Position) -> str:
    """A fingerprint of everything that makes the list what it is, and of where a page ended."""
    asked = sorted(
        (name, str(value))
        for name, value in call.params.items()
        if name not in ("NextToken", "MaxResults")
    )
    where = (position.value, position.key)
    text = repr((call.operation, call.account, call.region, asked, where))
    return hashlib.sha256(text.encode()).hexdigest()[:16]
