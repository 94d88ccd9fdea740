"""Conditions joined by ``&&``, ``||`` and parentheses, as JSON patterns and fields have them.

Invariant: ``&&`` binds closer than ``||``; parentheses are nested ``DEPTH_MAX`` deep at most.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from hostler.telemetry.patterns.reader import Reader

DEPTH_MAX = 30

T_contra = TypeVar("T_contra", contravariant=True)
T = TypeVar("T")


class Condition(Protocol[T_contra]):
    """Something that holds of a value, or does not."""

    def holds(self, value: T_contra) -> bool:
        """Whether it holds."""
        ...


@dataclass(frozen=True, slots=True)
class All(Generic[T]):
    """Joined by ``&&``."""

    parts: tuple[Condition[T], ...]

    def holds(self, value: T) -> bool:
        """Whether all of them hold."""
        return all(part.holds(value) for part in self.parts)


@dataclass(frozen=True, slots=True)
class AnyOf(Generic[T]):
    """Joined by ``||``."""

    parts: tuple[Condition[T], ...]

    def holds(self, value: T) -> bool:
        """Whether one of them holds."""
        return any(part.holds(value) for part in self.parts)


def read(
    reader: Reader, one: Callable[[Reader], Condition[T]], depth: int = DEPTH_MAX
) -> Condition[T]:
    """A whole condition; ``one`` reads what stands between the operators."""
    parts = [_all(reader, one, depth)]
    while reader.took("||"):
        parts.append(_all(reader, one, depth))
    return parts[0] if len(parts) == 1 else AnyOf(tuple(parts))


def _all(reader: Reader, one: Callable[[Reader], Condition[T]], depth: int) -> Condition[T]:
    parts = [_single(reader, one, depth)]
    while reader.took("&&"):
        parts.append(_single(reader, one, depth))
    return parts[0] if len(parts) == 1 else All(tuple(parts))


def _single(reader: Reader, one: Callable[[Reader], Condition[T]], depth: int) -> Condition[T]:
    if reader.peek() != "(":
        return one(reader)
    if not depth:
        reader.fail(f"parentheses are nested more than {DEPTH_MAX} deep")
    reader.took("(")
    found = read(reader, one, depth - 1)
    reader.need(")", "a condition in parentheses")
    return found
