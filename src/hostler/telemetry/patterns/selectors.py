"""Which values of a JSON document a pattern is about: ``$.a.b[0]``, ``$.['a.b']``, ``$.list[*]``.

Invariant: a selector has one wildcard at most, so it finds no more values than the document has.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from hostler.telemetry.patterns.reader import Reader

WILDCARDS_MAX = 3
"""In one pattern, as CloudWatch allows; in one selector there is one at most."""

_NAME = re.compile(r"[\w-]+")
_INDEX = re.compile(r"\d{1,6}(?=\s*\])")
_BRACKETED = re.compile(r"'([^']*)'|\"([^\"]*)\"")

Step: TypeAlias = str | int | None
"""A property, an element, or any of them (None)."""


@dataclass(frozen=True, slots=True)
class Selector:
    """A way through a document."""

    steps: tuple[Step, ...]

    def values(self, document: Any) -> Iterator[Any]:
        """What it finds."""
        found: Sequence[Any] = [document]
        for step in self.steps:
            found = [value for each in found for value in _below(each, step)]
        yield from found


def read(reader: Reader) -> Selector:
    """The selector that comes next."""
    place = reader.place
    if not reader.took("$"):
        reader.fail('a property is expected, such as "$.name"')
    steps: list[Step] = []
    while sign := _sign(reader):
        steps.append(_property(reader) if sign == "." else _bracketed(reader))
    if not steps:
        reader.fail('"." and the name of a property are expected behind "$"')
    if steps.count(None) > 1:
        reader.fail("a property has one wildcard at most", place)
    return Selector(tuple(steps))


def _below(value: Any, step: Step) -> Sequence[Any]:
    match value, step:
        case Mapping(), str() if step in value:
            return [value[step]]
        case list(), int() if step < len(value):
            return [value[step]]
        case Mapping(), None:
            return list(value.values())
        case list(), None:
            return value
        case _:
            return ()


def _sign(reader: Reader) -> str:
    """How the next step begins, taken: no blank may stand before it."""
    sign = reader.text[reader.place : reader.place + 1]
    return reader.took(sign) if sign in {".", "["} else ""


def _property(reader: Reader) -> Step:
    if reader.took("["):
        return _bracketed(reader)
    if reader.took("*"):
        return None
    name = reader.found(_NAME)
    if not name:
        reader.fail("the name of a property is expected: letters, digits, - and _, or ['a.name']")
    return name


def _bracketed(reader: Reader) -> Step:
    """What stands between brackets, behind the first."""
    step: Step = None
    if not reader.took("*"):
        name = reader.found(_BRACKETED)
        step = name[1:-1] if name else int(reader.found(_INDEX) or -1)
    if step == -1:
        reader.fail("""a number, * or a name in quotes is expected behind "[" """.strip())
    reader.need("]", "what an array's brackets hold")
    return step
