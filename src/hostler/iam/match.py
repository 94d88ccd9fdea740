"""Does a pattern of a policy fit an action or a resource: yes, no, or not for this engine to say.

Invariant: answers are three-valued, and the least of several counts; ``MAYBE`` stands wherever the
engine does not evaluate an element yet. The caller lets MAYBE deny and never lets it allow.

Matching takes time proportional to pattern times text at worst: the pieces between ``*`` are
found leftmost, one after the other, with no backtracking.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache

ARN_PARTS = 6

_VARIABLE = re.compile(r"\$\{[^}]*(?:\}|\Z)")


class Answer(IntEnum):
    """Ordered, so that ``min`` is AND and ``max`` is OR."""

    NO = 0
    MAYBE = 1
    YES = 2


@dataclass(frozen=True, slots=True)
class Glob:
    """A pattern with ``*`` (any run of characters) and ``?`` (any one)."""

    head: str
    middle: tuple[str, ...] = ()
    tail: str | None = None
    """What follows the last ``*``; None when there is no ``*``."""

    def matches(self, text: str) -> bool:
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


@lru_cache(maxsize=4_096)
def glob(pattern: str) -> Glob:
    """Compile a pattern; matching is with case."""
    head, *rest = pattern.split("*")
    if not rest:
        return Glob(head)
    return Glob(head, tuple(piece for piece in rest[:-1] if piece), rest[-1])


def _same(pattern: str, text: str) -> bool:
    if "?" not in pattern:
        return pattern == text
    return len(pattern) == len(text) and all(
        wanted in ("?", given) for wanted, given in zip(pattern, text, strict=True)
    )


def _find(piece: str, text: str, start: int, end: int) -> int:
    if "?" not in piece:
        return text.find(piece, start, end)
    size = len(piece)
    for at in range(start, end - size + 1):
        if _same(piece, text[at : at + size]):
            return at
    return -1


@dataclass(frozen=True, slots=True)
class Actions:
    """The Action element of a statement; actions are compared without case."""

    globs: tuple[Glob, ...]
    unevaluated: bool
    """The statement has NotAction instead, which this engine does not evaluate yet."""

    def answer(self, action: str) -> Answer:
        """Does it name ``action`` (already in lower case)?"""
        if self.unevaluated:
            return Answer.MAYBE
        return Answer.YES if any(one.matches(action) for one in self.globs) else Answer.NO


def actions(patterns: Iterable[str], *, negated: Sequence[str]) -> Actions:
    """Compile Action and NotAction."""
    return Actions(tuple(glob(pattern.lower()) for pattern in patterns), bool(negated))


@dataclass(frozen=True, slots=True)
class Resource:
    """One pattern of a Resource element: six globs, or None for ``*``."""

    parts: tuple[Glob, ...] | None
    hit: Answer
    """What a match means: MAYBE when the pattern has a variable, whose value is not known here."""

    def answer(self, resource: Sequence[str]) -> Answer:
        """Does it name the resource (an ARN split into its six parts, or one part for ``*``)?"""
        if self.parts is None:
            return self.hit
        if len(resource) != ARN_PARTS:
            return Answer.NO
        for part, text in zip(self.parts, resource, strict=True):
            if not part.matches(text):
                return Answer.NO
        return self.hit


@dataclass(frozen=True, slots=True)
class Resources:
    """The Resource element of a statement; resources are compared with case."""

    patterns: tuple[Resource, ...]
    unevaluated: bool
    """The statement has NotResource instead, which this engine does not evaluate yet."""

    def answer(self, resource: Sequence[str]) -> Answer:
        if self.unevaluated:
            return Answer.MAYBE
        best = Answer.NO
        for pattern in self.patterns:
            best = max(best, pattern.answer(resource))
            if best is Answer.YES:
                break
        return best


def resources(patterns: Iterable[str], *, negated: Sequence[str], variables: bool) -> Resources:
    """Compile Resource and NotResource; ``variables``: ``${…}`` is not literal text."""
    return Resources(
        tuple(_resource(pattern, variables=variables) for pattern in patterns), bool(negated)
    )


def split(resource: str) -> tuple[str, ...]:
    """The six parts of an ARN: the last keeps its colons."""
    return tuple(resource.split(":", ARN_PARTS - 1))


def _resource(pattern: str, *, variables: bool) -> Resource:
    hit = Answer.YES
    if variables and "${" in pattern:
        # Before splitting: a variable's name has a colon in it.
        pattern, hit = _VARIABLE.sub("*", pattern), Answer.MAYBE
    if pattern == "*":
        return Resource(None, hit)
    # A short ARN stands for all that it leaves out, as IAM itself completes it.
    parts = (*split(pattern), *"*" * ARN_PARTS)[:ARN_PARTS]
    return Resource(tuple(map(glob, parts)), hit)
