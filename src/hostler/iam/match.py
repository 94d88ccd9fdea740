"""Does a statement name an action and a resource?

Invariant: answers are three-valued (``iam.answer``), and the least of several counts.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from hostler.iam import variables
from hostler.iam.answer import Answer
from hostler.iam.context import Facts
from hostler.iam.globs import ANY, Glob, glob, read
from hostler.iam.operators import ARN_PARTS, parts, parts_match
from hostler.iam.variables import Template, template


class Actions(NamedTuple):
    """The Action or NotAction of a statement; actions are compared without case."""

    patterns: tuple[str, ...]
    """In lower case. One is of a single service by its beginning, or of all by ``*``."""
    negated: bool

    def match(self, action: str) -> bool:
        """Does it name ``action`` (already in lower case)?

        Patterns of other services, as most of a caller's are, are not even read.
        """
        fitting = (action[: action.find(":") + 1], "*")
        for pattern in self.patterns:
            if pattern.startswith(fitting) and glob(read(pattern)).matches(action):
                return not self.negated
        return self.negated


def actions(named: Sequence[str], excepted: Sequence[str]) -> Actions:
    """Compile Action and NotAction, one of which is empty."""
    return Actions(tuple([pattern.lower() for pattern in named or excepted]), not named)


@dataclass(frozen=True, slots=True)
class Resource:
    """A pattern of a Resource element: a glob for each part of an ARN; None for ``*``."""

    parts: tuple[Glob, ...] | None

    def answer(self, resource: list[str], _facts: Facts) -> Answer:
        """Does it name the resource (an ARN split into its six parts, or one part for ``*``)?"""
        if self.parts is None:
            return Answer.YES
        if len(resource) != ARN_PARTS:
            return Answer.NO
        for part, text in zip(self.parts, resource, strict=True):
            if not part.matches(text):
                return Answer.NO
        return Answer.YES


@dataclass(frozen=True, slots=True)
class VariableResource:
    """A pattern with variables; one without a value makes it name no resource at all."""

    parts: tuple[Glob | Template, ...]

    def answer(self, resource: list[str], facts: Facts) -> Answer:
        """Does it name the resource, in this request?"""
        if len(resource) != ARN_PARTS:
            return Answer.NO
        return parts_match(self.parts, resource, facts)


@dataclass(frozen=True, slots=True)
class Resources:
    """The Resource or NotResource of a statement; resources are compared with case."""

    patterns: tuple[Resource | VariableResource, ...]
    negated: bool

    def answer(self, resource: list[str], facts: Facts) -> Answer:
        """Does it name the resource?"""
        best = Answer.NO
        for pattern in self.patterns:
            best = max(best, pattern.answer(resource, facts))
            if best is Answer.YES:
                break
        return best.inverted if self.negated else best


EVERYTHING = Resources((Resource(None),), negated=False)
"""What a role's trust document speaks of: the role."""


def resources(named: Sequence[str], excepted: Sequence[str], *, has_variables: bool) -> Resources:
    """Compile Resource and NotResource, one of which is empty."""
    patterns = tuple(_resource(pattern, has_variables) for pattern in named or excepted)
    return Resources(patterns, negated=not named)


def split(resource: str) -> list[str]:
    """The six parts of an ARN: the last keeps its colons."""
    return resource.split(":", ARN_PARTS - 1)


def keys(named: Sequence[str], *, has_variables: bool) -> Iterator[str]:
    """The condition keys whose values stand in resources, as written."""
    for pattern in named:
        yield from variables.keys(template(pattern, variables=has_variables, is_pattern=True))


def _resource(pattern: str, has_variables: bool) -> Resource | VariableResource:
    if pattern == "*":
        return Resource(None)
    # A short ARN stands for all that it leaves out, as IAM itself completes it.
    written = template(pattern, variables=has_variables, is_pattern=True)
    if written.text is not None:
        texts = (*split(written.text), *ANY * ARN_PARTS)[:ARN_PARTS]
        return Resource(tuple(map(glob, texts)))
    missing = (glob(ANY),) * ARN_PARTS
    return VariableResource((*parts(written), *missing)[:ARN_PARTS])
