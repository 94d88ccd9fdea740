"""Where a page of alarms or of their history ended.

Invariant: a token says a place and nothing else; what is no token of ours is refused.
"""

import base64
from typing import TypeVar

import orjson

from hostler.domain.errors import CallerError

Place = TypeVar("Place", str, int)
PLACE_MAX = 2**63 - 1
"""The largest number that a row has."""


def written(place: str | int) -> str:
    """The token of a place."""
    return base64.urlsafe_b64encode(orjson.dumps([place])).decode()


def read(token: str | None, kind: type[Place]) -> Place | None:
    """The place of a token; raises InvalidNextToken."""
    if token is None:
        return None
    try:
        match orjson.loads(base64.urlsafe_b64decode(token)):
            case [place] if type(place) is kind and (isinstance(place, str) or place <= PLACE_MAX):
                return place
    except ValueError:
        pass
    raise CallerError("InvalidNextToken", "The specified NextToken is invalid.")
