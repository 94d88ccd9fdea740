"""Comparing a value of an event with what a pattern asks for: ``= 404``, ``!= "a*"``, ``>= 1e3``.

Invariant: numbers compare as numbers where both sides are numbers and the pattern's is not quoted;
everything else compares as text, in which ``*`` of the pattern stands for anything.
"""

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, TypeAlias

from hostler.iam import globs
from hostler.iam.globs import Glob
from hostler.telemetry.patterns import regexes
from hostler.telemetry.patterns.reader import Reader
from hostler.telemetry.patterns.regexes import Regex

NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,6})?")
"""Digits follow digits after a point alone: long ones that are no number are read once."""
OPERATORS = ("!=", ">=", "<=", "=", ">", "<")
"""Longer ones first, as they are looked for in this order."""

_ORDERINGS: dict[str, Callable[[Any, Any], bool]] = {
    ">": operator.gt,
    "<": operator.lt,
    ">=": operator.ge,
    "<=": operator.le,
}


@dataclass(frozen=True, slots=True)
class Equal:
    """Is it this text, a text of this form, or this number?"""

    form: Glob | Regex
    number: Decimal | None = None
    negated: bool = False

    def holds(self, text: str, number: Decimal | None) -> bool:
        """Of a value's text, and of its number if it is one."""
        if self.number is not None and number is not None:
            same = self.number == number
        elif isinstance(self.form, Regex):
            same = self.form.search(text)
        else:
            same = self.form.matches(text)
        return same is not self.negated


@dataclass(frozen=True, slots=True)
class Ordered:
    """Is it a number on this side of another?"""

    compare: Callable[[Any, Any], bool]
    number: Decimal

    def holds(self, _text: str, number: Decimal | None) -> bool:
        """Of a value's text, and of its number if it is one."""
        return number is not None and self.compare(number, self.number)


Comparison: TypeAlias = Equal | Ordered


def number(text: str) -> Decimal | None:
    """A text as a number; None where it is none."""
    return Decimal(text) if NUMBER.fullmatch(text) else None


def read(reader: Reader, bare: re.Pattern[str]) -> Comparison:
    """An operator and its operand.

    Args:
        reader: The pattern.
        bare: What an operand without quotes looks like here.
    """
    sign = reader.took(*OPERATORS)
    if not sign:
        reader.fail("an operator is expected: = != < > <= >=")
    first, place = reader.peek(), reader.place
    if first == "%":
        if sign in _ORDERINGS:
            reader.fail(f'a regular expression cannot be compared by "{sign}"')
        return Equal(regexes.read(reader), negated=sign == "!=")
    quoted = first == '"'
    text = reader.quoted() if quoted else reader.found(bare)
    if not text and not quoted:
        reader.fail(f'a value is expected after "{sign}": put it in double quotes if it has blanks')
    found = None if quoted else number(text)
    if sign not in _ORDERINGS:
        return Equal(globs.glob(text.replace("*", globs.ANY)), found, sign == "!=")
    if found is None:
        reader.fail(f'"{sign}" compares with a number, without quotes', place)
    return Ordered(_ORDERINGS[sign], found)
