"""Patterns for JSON: ``{ $.level = "ERROR" && ($.ms > 100 || $.retry IS TRUE) }``.

Invariant: a comparison is about strings and numbers alone: of what is absent, null, true, false, a
list or an object neither ``=`` nor ``!=`` holds.
"""

import json
import re
from dataclasses import dataclass
from typing import Any

from hostler.telemetry.patterns import comparisons, conditions, selectors
from hostler.telemetry.patterns.comparisons import Comparison
from hostler.telemetry.patterns.conditions import Condition
from hostler.telemetry.patterns.reader import Reader
from hostler.telemetry.patterns.selectors import Selector

_BARE = re.compile(r"[^\s\"%&|(){}=<>!]+")
_CONSTANTS = {"NULL": None, "TRUE": True, "FALSE": False}


class _Number(str):
    """A number as it is written: 1.0 is another text than 1."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Compared:
    """Does a value compare so?"""

    selector: Selector
    comparison: Comparison

    def holds(self, document: Any) -> bool:
        """Of any value that is selected."""
        return any(self._holds(value) for value in self.selector.values(document))

    def _holds(self, value: Any) -> bool:
        if isinstance(value, _Number):
            return self.comparison.holds(value, comparisons.number(value))
        return isinstance(value, str) and self.comparison.holds(value, None)


@dataclass(frozen=True, slots=True)
class Is:
    """Is a value null, true or false?"""

    selector: Selector
    constant: bool | None

    def holds(self, document: Any) -> bool:
        """Of any value that is selected."""
        return any(value is self.constant for value in self.selector.values(document))


@dataclass(frozen=True, slots=True)
class Absent:
    """Is there no such value?"""

    selector: Selector

    def holds(self, document: Any) -> bool:
        """Of the document."""
        return not any(True for _ in self.selector.values(document))


@dataclass(frozen=True, slots=True)
class Document:
    """A condition on messages that are JSON objects; others do not pass."""

    condition: Condition[Any]

    def matches(self, message: str) -> bool:
        """Whether a message passes."""
        if not message.lstrip().startswith("{"):
            return False
        try:
            document = json.loads(
                message, parse_int=_Number, parse_float=_Number, parse_constant=_no_number
            )
        except (ValueError, RecursionError):  # the second: nested deeper than anything sensible
            return False
        return self.condition.holds(document)


def read(reader: Reader) -> Document:
    """The whole pattern."""
    reader.took("{")
    wildcards: list[Selector] = []

    def one(reader: Reader) -> Condition[Any]:
        return _condition(reader, wildcards)

    found: Condition[Any] = conditions.read(reader, one)
    reader.need("}", "the condition")
    reader.end('the closing "}"')
    return Document(found)


def _condition(reader: Reader, wildcards: list[Selector]) -> Condition[Any]:
    reader.blank()
    place = reader.place
    selector = selectors.read(reader)
    if None in selector.steps:
        wildcards.append(selector)
        if len(wildcards) > selectors.WILDCARDS_MAX:
            reader.fail(f"a pattern has {selectors.WILDCARDS_MAX} wildcards at most", place)
    if reader.took("IS"):
        constant = reader.took(*_CONSTANTS)
        if not constant:
            reader.fail("NULL, TRUE or FALSE is expected after IS")
        return Is(selector, _CONSTANTS[constant])
    if reader.took("NOT"):
        reader.need("EXISTS", "NOT")
        return Absent(selector)
    return Compared(selector, comparisons.read(reader, _BARE))


def _no_number(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")
