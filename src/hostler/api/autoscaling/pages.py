"""Lists as Application Auto Scaling pages them: MaxResults and NextToken.

Invariant: a token says the place of the last item shown, so items that come or go between two
pages, that item too, make none appear twice and hide none.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeAlias, TypeVar

from hostler.api import places
from hostler.domain.errors import CallerError, validation

MAX_DEFAULT = 50

Place: TypeAlias = tuple[str | float, ...]

T = TypeVar("T")


def cut(
    items: Iterable[T],
    place: Callable[[T], Place],
    params: Mapping[str, Any],
    *,
    most: int = MAX_DEFAULT,
) -> tuple[Sequence[T], Mapping[str, str]]:
    """The page that ``params`` ask for, and the member NextToken where more follows.

    Args:
        items: All of them.
        place: By what they are ordered; no two are at the same.
        params: The call's.
        most: A page holds so many, and MaxResults may be no more.
    """
    limit: int = params.get("MaxResults") or most
    if not 1 <= limit <= most:
        raise validation(f"MaxResults {limit} is not valid: it must be between 1 and {most}.")
    found = sorted(items, key=place)
    token: str | None = params.get("NextToken")
    if token is not None:
        found = _after(token, found, place)
    page = found[:limit]
    if len(found) <= limit:
        return page, {}
    return page, {"NextToken": places.token_of(*place(page[-1]))}


def _after(token: str, items: Sequence[T], place: Callable[[T], Place]) -> list[T]:
    try:
        last = tuple(places.parts(token))
        return [item for item in items if place(item) > last]
    except (ValueError, TypeError) as error:  # no token, or none of this list
        raise CallerError(
            "InvalidNextTokenException",
            "The NextToken is not valid: begin the list again without it.",
        ) from error
