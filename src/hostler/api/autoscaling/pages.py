"""Lists as Application Auto Scaling pages them: MaxResults and NextToken.

Invariant: a token names the last item shown, so items that come or go between two pages make none
appear twice.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from hostler.api import places
from hostler.domain.errors import CallerError, validation

MAX_DEFAULT = 50

T = TypeVar("T")


def cut(
    items: Sequence[T],
    key: Callable[[T], str],
    params: Mapping[str, Any],
    *,
    most: int = MAX_DEFAULT,
) -> tuple[Sequence[T], Mapping[str, str]]:
    """The page that ``params`` ask for, and the member NextToken where more follows.

    Args:
        items: All of them, in order.
        key: What is unique of an item.
        params: The call's.
        most: A page holds so many, and MaxResults may be no more.
    """
    limit: int = params.get("MaxResults") or most
    if not 1 <= limit <= most:
        raise validation(f"MaxResults {limit} is not valid: it must be between 1 and {most}.")
    token: str | None = params.get("NextToken")
    start = 0
    if token is not None:
        last = _read(token)
        found = [number for number, item in enumerate(items) if key(item) == last]
        if not found:
            raise _invalid()
        start = found[0] + 1
    page = items[start : start + limit]
    if start + limit >= len(items):
        return page, {}
    return page, {"NextToken": places.token(key(page[-1]))}


def _read(token: str) -> str:
    try:
        return places.read(token)
    except ValueError as error:
        raise _invalid() from error


def _invalid() -> CallerError:
    return CallerError(
        "InvalidNextTokenException",
        "The NextToken is not valid: begin the list again without it.",
    )
