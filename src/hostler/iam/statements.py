"""Statements compiled: everything that is the same for every request is worked out once.

Invariant: a compiled statement depends on its document's text alone, so all engines of a process
share it. A document that cannot be read may hold a Deny, so it is one, of everything.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from hostler.domain.errors import CallerError
from hostler.iam import conditions, match
from hostler.iam.answer import Answer
from hostler.iam.context import Facts
from hostler.iam.document import parse
from hostler.iam.grammar import VERSION, Effect, Kind, PrincipalPattern, Statement
from hostler.iam.principals import Principals
from hostler.iam.room import Room

DOCUMENTS_MAX = 4_096


@dataclass(frozen=True, slots=True)
class _Body:
    resources: match.Resources
    conditions: conditions.Compiled


class Compiled:
    """A statement, ready to use: its actions at once, the rest when an action is first named.

    Most requests are named by few of a principal's statements.
    """

    __slots__ = ("_body", "_has_variables", "_statement", "actions", "effect", "index", "label")

    def __init__(self, statement: Statement, index: int, *, has_variables: bool) -> None:
        self.label = statement.label
        self.index = index
        self.effect = statement.effect
        self.actions = match.actions(statement.actions, statement.not_actions)
        self._statement = statement
        self._has_variables = has_variables
        self._body: _Body | None = None

    def answer(self, resource: list[str], facts: Facts) -> Answer:
        """Do resource and conditions fit? Action and principal are asked for apart."""
        body = self._body
        if body is None:
            body = self._body = self._compile()
        found = body.resources.answer(resource, facts)
        if found is Answer.NO or not body.conditions:
            return found
        return min(found, conditions.answer(body.conditions, facts))

    @property
    def principals(self) -> Principals:
        """Principal and NotPrincipal."""
        statement = self._statement
        return Principals(statement.principals, statement.not_principals, self.effect)

    @property
    def keys(self) -> Iterator[str]:
        """The condition keys that it reads, as written."""
        statement, has_variables = self._statement, self._has_variables
        yield from conditions.keys(statement.conditions, has_variables=has_variables)
        yield from match.keys(
            statement.resources + statement.not_resources, has_variables=has_variables
        )

    def _compile(self) -> _Body:
        statement, has_variables = self._statement, self._has_variables
        named, excepted = statement.resources, statement.not_resources
        return _Body(
            match.resources(named, excepted, has_variables=has_variables)
            if named or excepted
            else match.EVERYTHING,
            conditions.compiled(statement.conditions, has_variables=has_variables),
        )


@lru_cache(maxsize=DOCUMENTS_MAX)
def compiled(text: str, kind: Kind = Kind.IDENTITY) -> tuple[Compiled, ...]:
    """The statements of a document, in its order."""
    _room.take(len(text))
    try:
        document = parse(text, kind)
    except CallerError:
        return (_UNREADABLE,)
    has_variables = document.version == VERSION
    return tuple(
        Compiled(statement, index, has_variables=has_variables)
        for index, statement in enumerate(document.statements)
    )


_room = Room(compiled.cache_clear)
_UNREADABLE = Compiled(
    Statement(
        label="unreadable document",
        sid="",
        effect=Effect.DENY,
        actions=("*",),
        not_actions=(),
        resources=("*",),
        not_resources=(),
        principals=(PrincipalPattern("*", "*"),),
        not_principals=(),
        conditions=(),
    ),
    index=0,
    has_variables=False,
)
