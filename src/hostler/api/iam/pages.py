"""Lists as IAM pages them: MaxItems, Marker, IsTruncated.

Invariant: a marker names the last item shown, so items that come or go between two pages make none
appear twice.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from hostler.api import places
from hostler.api.iam.errors import validation

MAX_ITEMS_DEFAULT = 100

ACTS = "Marker MaxItems"
"""The input members read here."""

T = TypeVar("T")


def limit(params: Mapping[str, Any]) -> int:
    """How many items a page has."""
    return int(params.get("MaxItems", MAX_ITEMS_DEFAULT))


def after(params: Mapping[str, Any]) -> str:
    """The key that the page follows; empty for the first."""
    marker = params.get("Marker")
    if marker is None:
        return ""
    try:
        return places.read(marker)
    except ValueError as error:
        raise validation("Invalid Marker.") from error


def ended(items: Sequence[T], key: Callable[[T], str], size: int) -> tuple[Sequence[T], Any]:
    """Cut a list that was fetched with one item too many.

    Returns:
        The page, and the members IsTruncated and Marker.
    """
    if len(items) <= size:
        return items, {"IsTruncated": False}
    shown = items[:size]
    marker = places.token(key(shown[-1]))
    return shown, {"IsTruncated": True, "Marker": marker}


def cut(
    items: Sequence[T], key: Callable[[T], str], params: Mapping[str, Any]
) -> tuple[Sequence[T], Any]:
    """The page that ``params`` ask for, of a whole list sorted by ``key``."""
    start = after(params)
    rest = [item for item in items if key(item) > start] if start else items
    return ended(rest, key, limit(params))


def cut_range(numbers: range, params: Mapping[str, Any]) -> tuple[Sequence[int], Any]:
    """The page that ``params`` ask for, of things that have numbers instead of names."""
    last = after(params)
    if last and not (last.isascii() and last.isdigit() and int(last) in numbers):
        raise validation("Invalid Marker.")
    return ended(numbers[int(last) + 1 :] if last else numbers, str, limit(params))
