"""The three answers of whatever is asked of a statement.

Invariant: ``MAYBE`` stands wherever AWS's own answer cannot be known here. A statement that may
apply denies, and does not allow.
"""

from enum import IntEnum


class Answer(IntEnum):
    """Ordered, so that ``min`` is AND and ``max`` is OR."""

    NO = 0
    MAYBE = 1
    YES = 2

    @property
    def inverted(self) -> "Answer":
        """NOT."""
        return _INVERTED[self]


_INVERTED = (Answer.YES, Answer.MAYBE, Answer.NO)
