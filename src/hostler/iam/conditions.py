"""Conditions of a statement, in the context of a request.

Invariant: an operator or key that is not evaluated answers MAYBE, which never allows and
always denies. So far it evaluates none: any condition is MAYBE, and none at all is YES.
"""

from collections.abc import Mapping, Sequence

from hostler.iam.grammar import Condition
from hostler.iam.match import Answer

Context = Mapping[str, str | Sequence[str]]
"""Condition keys of a request, with their values."""


def answer(conditions: Sequence[Condition], _context: Context) -> Answer:
    """Do all of them hold?"""
    return Answer.MAYBE if conditions else Answer.YES
