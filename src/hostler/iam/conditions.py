"""Conditions of a statement, in the context of a request.

Invariant: all must hold; of a condition's values one must match, or none where the operator is
negated. A key that is not known answers MAYBE, whatever the operator: neither ``IfExists`` nor
``Null`` nor a negation makes an answer of what nobody knows.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-logic-multiple-context-keys-or-values.html
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from hostler.iam import variables
from hostler.iam.answer import Answer
from hostler.iam.context import Facts
from hostler.iam.grammar import Condition
from hostler.iam.operators import OPERATORS, WITH_VARIABLES, Value
from hostler.iam.room import Room

OPERATORS_MAX = 512
"""Names remembered: there are some 160 that exist."""
IF_EXISTS = "IfExists"
NULL = "Null"
_NO_DATA = ((), ("",))
"""https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html"""


class Over(StrEnum):
    """Which of a key's values must match; the words before an operator's name."""

    THE_VALUE = ""
    ALL = "ForAllValues:"
    ANY = "ForAnyValue:"


@dataclass(frozen=True, slots=True)
class Operator:
    """An operator's name, taken apart."""

    name: str
    over: Over
    if_exists: bool


@lru_cache(maxsize=OPERATORS_MAX)
def operator(written: str) -> Operator | None:
    """Read the name of an operator; None for one that does not exist."""
    _room.take(len(written))
    over = next((each for each in (Over.ALL, Over.ANY) if written.startswith(each)), Over.THE_VALUE)
    bare = written.removeprefix(over)
    name = bare.removesuffix(IF_EXISTS)
    if name != NULL and name not in OPERATORS:
        return None
    return Operator(name, over, name != bare)


_room = Room(operator.cache_clear)


@dataclass(frozen=True, slots=True)
class Check:
    """A condition, compiled."""

    key: str
    over: Over
    negated: bool
    if_exists: bool
    values: tuple[Value, ...]

    def answer(self, facts: Facts) -> Answer:
        """Does it hold?"""
        given = facts.of(self.key)
        if given is None or not self.values:
            return Answer.MAYBE
        match self.over:
            case Over.THE_VALUE:
                if not given:
                    return Answer.YES if self.if_exists or self.negated else Answer.NO
                if len(given) == 1:
                    return self._one(given[0], facts)
                # An operator for one value, on a key with several: AWS's answer is not defined.
                found = {self._one(text, facts) for text in given}
                return found.pop() if len(found) == 1 else Answer.MAYBE
            case Over.ALL:
                if given in _NO_DATA:
                    return Answer.YES
                return min(self._one(text, facts) for text in given)
            case Over.ANY:
                if given in _NO_DATA:
                    return Answer.YES if self.if_exists and not given else Answer.NO
                return max(self._one(text, facts) for text in given)

    def _one(self, text: str, facts: Facts) -> Answer:
        best = Answer.NO
        for value in self.values:
            found = value(text, facts)
            if found is not Answer.NO:
                best = found
                if found is Answer.YES:
                    break
        return best.inverted if self.negated else best


@dataclass(frozen=True, slots=True)
class Existence:
    """``Null``: whether the key must be absent (``true``) or there (``false``)."""

    key: str
    wanted: frozenset[str]

    def answer(self, facts: Facts) -> Answer:
        """Does it hold?"""
        given = facts.of(self.key)
        known = self.wanted and self.wanted <= {"true", "false"}
        if given is None or given == ("",) or not known:
            return Answer.MAYBE
        return Answer.NO if ("false" if given else "true") not in self.wanted else Answer.YES


Compiled = tuple[Check | Existence, ...]


def compiled(conditions: Sequence[Condition], *, has_variables: bool) -> Compiled:
    """The conditions of a statement, ready to use."""
    return tuple(_compiled(condition, has_variables) for condition in conditions)


def answer(checks: Compiled, facts: Facts) -> Answer:
    """Do all of them hold?"""
    best = Answer.YES
    for check in checks:
        found = check.answer(facts)
        if found is not Answer.YES:
            best = found
            if found is Answer.NO:
                break
    return best


def keys(conditions: Sequence[Condition], *, has_variables: bool) -> Iterator[str]:
    """The keys that they read, as written."""
    for condition in conditions:
        yield condition.key
        if (
            condition.operator.removeprefix(Over.ALL)
            .removeprefix(Over.ANY)
            .startswith(WITH_VARIABLES)
        ):
            for value in condition.values:
                yield from variables.keys(
                    variables.template(value, variables=has_variables, is_pattern=False)
                )


def _compiled(condition: Condition, has_variables: bool) -> Check | Existence:
    found, key = operator(condition.operator), condition.key.lower()
    assert found is not None, "documents with other operators are not read"
    if found.name == NULL:
        plain = found.over is Over.THE_VALUE and not found.if_exists
        # AWS keeps documents with ForAllValues:Null and the like, and does not say what they mean.
        return Existence(key, frozenset(condition.values) if plain else frozenset({"unknown"}))
    reader, negated = OPERATORS[found.name]
    uses_variables = has_variables and found.name.startswith(WITH_VARIABLES)
    values = tuple(reader(value, uses_variables) for value in condition.values)
    return Check(key, found.over, negated, found.if_exists, values)
