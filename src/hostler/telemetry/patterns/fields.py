"""Patterns for events of fields between blanks: ``[ip, user, ..., status = 4*, bytes > 1000]``.

Invariant: what stands in ``"…"`` or ``[…]`` is one field, without them. Without an ellipsis the
last field is all that is left of the event; each ellipsis stands for any number of fields, and the
fields between two are looked for leftmost. A message is cut in time proportional to its length.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from hostler.telemetry.patterns import comparisons, conditions
from hostler.telemetry.patterns.comparisons import Comparison
from hostler.telemetry.patterns.conditions import Condition
from hostler.telemetry.patterns.reader import Reader

ELLIPSIS = "..."

_BARE = re.compile(r"[^\s\"%&|,()\]=<>!]+")
_NAME = re.compile(r"\w+")
_OTHER_FIELD = re.compile(r'"(?P<quoted>[^"]*)"|(?P<plain>\S+)')
_FIELD = re.compile(rf"\[(?P<bracketed>[^\]]*)\]|{_OTHER_FIELD.pattern}")

Run: TypeAlias = tuple[Condition[str] | None, ...]
"""Conditions on fields that follow each other; None for a field that may be anything."""


@dataclass(frozen=True, slots=True)
class Compared:
    """Does a field compare so?"""

    comparison: Comparison

    def holds(self, text: str) -> bool:
        """Of a field's text."""
        return self.comparison.holds(text, comparisons.number(text))


@dataclass(frozen=True, slots=True)
class Fields:
    """Runs of fields; there is an ellipsis between two of them."""

    runs: tuple[Run, ...]

    def matches(self, message: str) -> bool:
        """Whether a message passes."""
        head, *rest = self.runs
        if not rest:
            found = _split(message, len(head))
            return len(found) == len(head) and _fit(head, found, 0)
        found = _split(message)
        tail = rest.pop()
        at, end = len(head), len(found) - len(tail)
        if at > end or not _fit(head, found, 0) or not _fit(tail, found, end):
            return False
        for run in rest:
            begins = range(at, end - len(run) + 1)
            place = next((place for place in begins if _fit(run, found, place)), None)
            if place is None:
                return False
            at = place + len(run)
        return True


def read(reader: Reader) -> Fields:
    """The whole pattern."""
    reader.took("[")
    runs: list[list[Condition[str] | None]] = [[]]
    while True:
        if reader.took(ELLIPSIS):
            runs.append([])
        else:
            runs[-1].append(_field(reader))
        if not reader.took(","):
            break
    reader.need("]", "a field")
    reader.end('the closing "]"')
    return Fields(tuple(tuple(run) for run in runs))


def _field(reader: Reader) -> Condition[str] | None:
    """A field's name, and what is asked of it."""
    if reader.peek() == "(":
        return conditions.read(reader, _Conditions(None))
    place = reader.place
    name = reader.found(_NAME)
    if not name:
        reader.fail("the name of a field or ... is expected")
    if reader.peek() in {",", "]", ""}:
        return None
    reader.place = place
    return conditions.read(reader, _Conditions(name))


class _Conditions:
    """Reads conditions of one field, which all name it."""

    def __init__(self, name: str | None) -> None:
        self._name = name

    def __call__(self, reader: Reader) -> Condition[str]:
        reader.blank()
        place = reader.place
        name = reader.found(_NAME)
        self._name = self._name or name
        if not name or name != self._name:
            reader.fail(f'"{self._name}" is expected: a field\'s conditions are about it', place)
        return Compared(comparisons.read(reader, _BARE))


def _fit(run: Run, found: Sequence[str], place: int) -> bool:
    """Do the fields from a place on hold what is asked of them?"""
    return all(
        condition is None or condition.holds(found[place + number])
        for number, condition in enumerate(run)
    )


def _split(message: str, limit: int | None = None) -> Sequence[str]:
    """The fields of a message; with a limit, the last of so many is all that is left."""
    found: list[str] = []
    for field in _found(message):
        if limit is not None and len(found) == limit - 1 and message[field.end() :].strip():
            found.append(message[field.start() :].strip())
            break
        found.append(field[field.lastgroup or "plain"])
    return found


def _found(message: str) -> Iterator[re.Match[str]]:
    """Each field; behind the last ``]`` no ``[`` opens one, so none is followed to the end."""
    last = message.rfind("]")
    at = 0
    while found := (_FIELD if at <= last else _OTHER_FIELD).search(message, at):
        yield found
        at = found.end()
