"""Where a page of alarms or of their history ended.

Invariant: a token says a place and nothing else; what is no token of ours is refused.
"""

from typing import TypeVar

from hostler.api import places
from hostler.domain.errors import CallerError

Place = TypeVar("Place", str, int)
PLACE_MAX = 2**63 - 1
"""The largest number that a row has."""


def written(place: str | int) -> str:
    """The token of a place."""
    return places.token_of(place)


def read(token: str | None, kind: type[Place]) -> Place | None:
    """The place of a token; raises InvalidNextToken."""
    if token is None:
        return None
    try:
        match places.parts(token):
            case [place] if type(place) is kind and (isinstance(place, str) or place <= PLACE_MAX):
                return place
    except ValueError:
        pass
    raise CallerError("InvalidNextToken", "The specified NextToken is invalid.")
