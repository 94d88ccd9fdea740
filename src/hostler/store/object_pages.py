"""One page of a bucket's listing: objects and, with a delimiter, the prefixes they share.

Invariant: a page costs as many index seeks as it has entries, however many keys hide behind a
common prefix; the next page begins exactly after ``last``.
"""

from dataclasses import dataclass

from hostler.store.database import Transaction
from hostler.store.objects import StoredObject, scan, successor


@dataclass(frozen=True, slots=True)
class Page:
    """Objects and common prefixes, each in order; ``last`` is the last entry of both, if any."""

    objects: tuple[StoredObject, ...]
    prefixes: tuple[str, ...]
    last: str | None
    truncated: bool


def page(
    tx: Transaction, bucket: str, *, prefix: str, delimiter: str, after: str, limit: int
) -> Page:
    """The entries after ``after`` (a key or a common prefix), at most ``limit``."""
    objects: list[StoredObject] = []
    prefixes: list[str] = []
    last: str | None = None
    start: str | None = after
    inclusive = False
    if delimiter and after and (shared := shared_prefix(after, prefix, delimiter)) == after:
        start, inclusive = successor(shared), True
    while start is not None:
        jump: str | None = None
        for stored in scan(tx, bucket, prefix=prefix, start=start, inclusive=inclusive):
            shared = shared_prefix(stored.key, prefix, delimiter)
            if len(objects) + len(prefixes) == limit:
                return Page(tuple(objects), tuple(prefixes), last, truncated=limit > 0)
            if shared is None:
                objects.append(stored)
                last = stored.key
            else:
                prefixes.append(shared)
                last = jump = shared
                break
        start, inclusive = (None if jump is None else successor(jump)), True
    return Page(tuple(objects), tuple(prefixes), last, truncated=False)


def shared_prefix(key: str, prefix: str, delimiter: str) -> str | None:
    """The common prefix that stands for this key, if one does."""
    if not delimiter or not key.startswith(prefix):
        return None
    at = key.find(delimiter, len(prefix))
    return None if at < 0 else key[: at + len(delimiter)]
