"""Room in caches whose keys are callers' texts: a count of entries alone does not bound them.

Invariant: the texts of a cache are never longer together than its room, but for one that is longer
by itself.
"""

from collections.abc import Callable

CHARACTERS_MAX = 4 * 1024 * 1024
"""Of the texts of one cache; policies, compiled, take some ten times as many bytes."""


class Room:
    """What a cache has room for. Where there is none, all is forgotten, and made again as asked.

    Args:
        forget: Empties the cache.
    """

    __slots__ = ("_forget", "_left")

    def __init__(self, forget: Callable[[], object]) -> None:
        self._forget = forget
        self._left = CHARACTERS_MAX

    def take(self, characters: int) -> None:
        """For a text that is about to be remembered."""
        self._left -= characters
        if self._left < 0:
            self._forget()
            self._left = CHARACTERS_MAX - characters
