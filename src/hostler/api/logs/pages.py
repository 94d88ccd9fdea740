"""Tokens of lists by name: where a page ended.

Invariant: a token says a place in one kind of list and nothing else; what is no token of ours, or
another list's, is refused. A name that has gone meanwhile is still a place.
"""

from hostler.api import places
from hostler.api.logs.refusals import bad_token


def written(kind: str, name: str) -> str:
    """The token of a page that ends at a name; ``kind`` is of the list."""
    return places.token_of(kind, name)


def read(kind: str, token: str | None) -> str | None:
    """The name that a page ended at; None without a token.

    Raises:
        CallerError: InvalidParameterException, where it is no token of this kind of list.
    """
    if token is None:
        return None
    try:
        match places.parts(token):
            case [str(of), str(name)] if of == kind:
                return name
    except ValueError:
        pass
    raise bad_token()
