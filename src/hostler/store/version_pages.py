"""One page of a bucket's versions: objects, delete markers and common prefixes, newest first.

Invariant: the next page begins exactly after the last entry of this one; a version that is gone by
then costs a repetition of its key's other versions, never an omission.
"""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass

from hostler.store import object_versions, objects
from hostler.store.database import Transaction
from hostler.store.object_pages import shared_prefix
from hostler.store.object_versions import Version
from hostler.store.objects import successor


@dataclass(frozen=True, slots=True)
class Listed:
    """A version, and whether it is the newest of its key."""

    version: Version
    is_newest: bool


@dataclass(frozen=True, slots=True)
class VersionPage:
    """``last`` is the last entry's key and version; of a common prefix, itself and nothing."""

    listed: tuple[Listed, ...]
    prefixes: tuple[str, ...]
    last: tuple[str, str | None] | None
    truncated: bool


def page(
    tx: Transaction,
    bucket: str,
    *,
    prefix: str,
    delimiter: str,
    after: tuple[str, str | None],
    limit: int,
) -> VersionPage:
    """The entries after a key (or a common prefix), or after one version of a key."""
    listed: list[Listed] = []
    prefixes: list[str] = []
    last: tuple[str, str | None] | None = None
    start: _Start | None = _start(tx, bucket, prefix, delimiter, after)
    while start is not None:
        jump: str | None = None
        for entry in _entries(tx, bucket, prefix, start):
            if len(listed) + len(prefixes) == limit:
                return VersionPage(tuple(listed), tuple(prefixes), last, truncated=limit > 0)
            shared = shared_prefix(entry.version.key, prefix, delimiter)
            if shared is None:
                listed.append(entry)
                last = (entry.version.key, entry.version.version_id)
            else:
                prefixes.append(shared)
                last, jump = (shared, None), shared
                break
        following = None if jump is None else successor(jump)
        start = None if following is None else _Start(following)
    return VersionPage(tuple(listed), tuple(prefixes), last, truncated=False)


@dataclass(frozen=True, slots=True)
class _Start:
    """From a key on; of that key only what is behind the current version, or behind a place."""

    key: str
    behind_current: bool = False
    behind_place: int | None = None


def _start(
    tx: Transaction, bucket: str, prefix: str, delimiter: str, after: tuple[str, str | None]
) -> _Start | None:
    key, version_id = after
    if key < prefix:
        return _Start(prefix)
    if version_id is not None:
        place = object_versions.place_of(tx, bucket, key, version_id)
        current = objects.lookup(tx, bucket, key)
        meant = current is not None and current.version_id == version_id
        return _Start(key, meant or place is not None, place)
    if not key:
        return _Start("")
    if shared_prefix(key, prefix, delimiter) == key:
        following = successor(key)
        return None if following is None else _Start(max(following, prefix))
    return _Start(max(key + "\0", prefix))


def _entries(tx: Transaction, bucket: str, prefix: str, start: _Start) -> Iterator[Listed]:
    """Both tables' rows below a prefix, by key, the newest first."""
    begin = max(start.key, prefix)
    end = successor(prefix) if prefix else None
    meant = objects.scan(tx, bucket, prefix=prefix, start=begin, inclusive=not start.behind_current)
    earlier = object_versions.scan(tx, bucket, start=begin, after_place=start.behind_place, end=end)
    key = start.key if start.behind_current else None
    merged: Iterator[Version] = heapq.merge(meant, earlier, key=lambda version: version.key)
    for version in merged:
        yield Listed(version, is_newest=version.key != key)
        key = version.key
