"""Where a page of a list ended, as the token that the next page is asked for with.

Invariant: a token says a place and nothing else, so items that come or go between two pages change
nothing of the others; what was never written here is refused.
"""

import base64
from typing import Any

import orjson


def token(place: str) -> str:
    """The token of a place that is one text."""
    return base64.urlsafe_b64encode(place.encode()).decode()


def read(given: str) -> str:
    """The place of a token; raises ValueError where it is none."""
    return base64.b64decode(given, altchars=b"-_", validate=True).decode()


def token_of(*parts: str | float) -> str:
    """The token of a place that has several parts, or numbers."""
    return token(orjson.dumps(parts).decode())


def parts(given: str) -> Any:
    """What a token says, to be matched against the parts of a place.

    Raises:
        ValueError: It is no token.
    """
    return orjson.loads(read(given))
