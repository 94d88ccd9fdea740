"""Patterns with ``*`` and ``?``.

Invariant: matching takes time proportional to pattern times text at worst: the pieces between
``*`` are found leftmost, one after the other, with no backtracking.
"""

from dataclasses import dataclass
from functools import lru_cache

from hostler.iam.room import Room

ANY, ONE = "\ud800", "\ud801"
"""``*`` and ``?`` in a pattern that has been read, where those characters stand for themselves.
No Unicode text has them (they are halves of characters), and a document that does is refused."""
SPECIAL = frozenset(f"*?{ANY}{ONE}")
GLOBS_MAX = 4_096

_READ = str.maketrans({"*": ANY, "?": ONE})


def read(text: str) -> str:
    """A pattern as it is written in a policy, read."""
    return text.translate(_READ)


@dataclass(frozen=True, slots=True)
class Glob:
    """A pattern, cut at its ``*``."""

    head: str
    middle: tuple[str, ...] = ()
    tail: str | None = None
    """What follows the last ``*``; None when there is no ``*``."""

    def matches(self, text: str) -> bool:
        """Does it fit the whole text, with case?"""
        if self.tail is None:
            return _same(self.head, text)
        at, end = len(self.head), len(text) - len(self.tail)
        if at > end or not _same(self.head, text[:at]) or not _same(self.tail, text[end:]):
            return False
        for piece in self.middle:
            found = _find(piece, text, at, end)
            if found < 0:
                return False
            at = found + len(piece)
        return True


@lru_cache(maxsize=GLOBS_MAX)
def glob(pattern: str) -> Glob:
    """Compile a pattern that has been read."""
    _room.take(len(pattern))
    head, *rest = pattern.split(ANY)
    if not rest:
        return Glob(head)
    return Glob(head, tuple(piece for piece in rest[:-1] if piece), rest[-1])


_room = Room(glob.cache_clear)


def _same(pattern: str, text: str) -> bool:
    if ONE not in pattern:
        return pattern == text
    return len(pattern) == len(text) and all(
        wanted in (ONE, given) for wanted, given in zip(pattern, text, strict=True)
    )


def _find(piece: str, text: str, start: int, end: int) -> int:
    if ONE not in piece:
        return text.find(piece, start, end)
    size = len(piece)
    for at in range(start, end - size + 1):
        if _same(piece, text[at : at + size]):
            return at
    return -1
