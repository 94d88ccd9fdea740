"""A composite alarm's rule: its text to a tree, and the tree to true or false.

Invariant: pure; what is not understood is refused with the place, never read approximately, and
depth and size are bounded. NOT binds tighter than AND, AND tighter than OR.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutCompositeAlarm.html
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from hostler.domain.alarm import AlarmState, CompositeAlarm, States

CHILDREN_MAX = 100
ELEMENTS_MAX = 500
DEPTH_MAX = 50

_TOKEN = re.compile(r"\s*(?:(?P<word>[A-Z_]+)\b|(?P<sign>[()]))")
_ARGUMENT = re.compile(r'\(\s*(?:"(?P<quoted>[^"]*)"|(?P<plain>[^()"\s]+))\s*\)')
_STATES: Mapping[str, AlarmState] = {state.value: state for state in AlarmState}


class RuleError(Exception):
    """The rule cannot be used; the text says why."""


@dataclass(frozen=True, slots=True)
class Constant:
    value: bool


@dataclass(frozen=True, slots=True)
class Stands:
    """Whether an alarm, by its name or ARN as it is written, is in a state."""

    alarm: str
    state: AlarmState


@dataclass(frozen=True, slots=True)
class Not:
    of: "Rule"


@dataclass(frozen=True, slots=True)
class All:
    of: tuple["Rule", ...]


@dataclass(frozen=True, slots=True)
class Any:
    of: tuple["Rule", ...]


Rule: TypeAlias = Constant | Stands | Not | All | Any


def parse(text: str) -> Rule:
    """Read a rule.

    Raises:
        RuleError: It is none, or too large.
    """
    reader = _Reader(text)
    rule = reader.any_of(0)
    reader.end()
    if len(set(children(rule))) > CHILDREN_MAX:
        raise RuleError(f"it names more than {CHILDREN_MAX} alarms")
    return rule


def children(rule: Rule) -> Iterator[str]:
    """The alarms of a rule as they are written, in order, perhaps again and again."""
    match rule:
        case Stands(alarm=name):
            yield name
        case Not(of=inner):
            yield from children(inner)
        case All(of=parts) | Any(of=parts):
            for part in parts:
                yield from children(part)
        case Constant():
            return


def name_of(written: str) -> str:
    """An alarm's name, as a rule writes it: itself, or at the end of its ARN."""
    if written.startswith("arn:") and written.count(":") >= 6:
        return written.split(":", 6)[6]
    return written


def holds(rule: Rule, states: States) -> bool:
    """Whether a rule is true; an alarm that does not exist is in no state."""
    match rule:
        case Constant(value):
            return value
        case Stands(alarm, state):
            return states.get(name_of(alarm)) is state
        case Not(of=inner):
            return not holds(inner, states)
        case All(of=parts):
            return all(holds(part, states) for part in parts)
        case Any(of=parts):
            return any(holds(part, states) for part in parts)


def names(alarm: CompositeAlarm) -> tuple[str, ...]:
    """The names of an alarm's children, each once."""
    return tuple(dict.fromkeys(name_of(each) for each in children(parse(alarm.rule))))


def in_order(uses: Mapping[str, Sequence[str]]) -> tuple[Sequence[str], frozenset[str]]:
    """Composite alarms, those that others use first; and those that use themselves.

    Args:
        uses: The names of each one's children; those that are not keys are metric alarms.
    """
    order: list[str] = []
    left = dict.fromkeys(uses)
    while left:
        ready = [name for name in left if not any(child in left for child in uses[name])]
        if not ready:
            return order, frozenset(left)
        for name in ready:
            del left[name]
        order += ready
    return order, frozenset()


class _Reader:
    """Recursive descent over a rule's text."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._elements = 0

    def any_of(self, depth: int) -> Rule:
        """Terms with OR between them."""
        parts = [self._all_of(depth)]
        while self._takes("OR"):
            parts.append(self._all_of(depth))
        return parts[0] if len(parts) == 1 else Any(tuple(parts))

    def end(self) -> None:
        """Nothing may be left."""
        if self._text[self._at :].strip():
            raise self._unexpected()

    def _all_of(self, depth: int) -> Rule:
        parts = [self._term(depth)]
        while self._takes("AND"):
            parts.append(self._term(depth))
        return parts[0] if len(parts) == 1 else All(tuple(parts))

    def _term(self, depth: int) -> Rule:
        if depth > DEPTH_MAX:
            raise RuleError(f"it is nested deeper than {DEPTH_MAX} levels")
        if self._takes("NOT"):
            return Not(self._term(depth + 1))
        self._elements += 1
        if self._elements > ELEMENTS_MAX:
            raise RuleError(f"it has more than {ELEMENTS_MAX} elements")
        if self._takes("("):
            inner = self.any_of(depth + 1)
            if not self._takes(")"):
                raise RuleError(f"')' is missing at character {self._at + 1}")
            return inner
        for word in ("TRUE", "FALSE"):
            if self._takes(word):
                return Constant(word == "TRUE")
        for word, state in _STATES.items():
            if self._takes(word):
                return Stands(self._argument(word), state)
        raise self._unexpected()

    def _argument(self, word: str) -> str:
        found = _ARGUMENT.match(self._text, self._at)
        if found is None:
            raise RuleError(
                f'{word} takes the name or the ARN of one alarm, as in {word}("name"), at '
                f"character {self._at + 1}"
            )
        self._at = found.end()
        name = found["quoted"] if found["plain"] is None else found["plain"]
        if not name:
            raise RuleError(f"{word} names no alarm at character {self._at}")
        return name

    def _takes(self, part: str) -> bool:
        found = _TOKEN.match(self._text, self._at)
        if found is None or part not in (found["word"], found["sign"]):
            return False
        self._at = found.end()
        return True

    def _unexpected(self) -> RuleError:
        left = self._text[self._at :].strip()
        if not left:
            return RuleError("it ends too early")
        return RuleError(f"'{left.split()[0][:40]}' was not expected at character {self._at + 1}")
