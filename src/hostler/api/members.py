"""What becomes of an input member: it acts, it is echoed, or it is refused by its name.

Invariant: an accepted field acts. A member whose feature does not exist yet is answered with a
ValidationException that names it; nothing is stored and ignored. Paths are written as in
``PrimaryContainer.Environment``; a list's items are ``Tags[]``, so ``Tags[].Key``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from hostler.domain.errors import CallerError


@dataclass(frozen=True, slots=True)
class Acts:
    """The member does what AWS documents."""


@dataclass(frozen=True, slots=True)
class Echoed:
    """The member is checked, kept and shown again; ``why`` says why nothing else is owed."""

    why: str


@dataclass(frozen=True, slots=True)
class Only:
    """Some values act (often the default, spelt out); the others are refused."""

    values: frozenset[Any]
    why: str


@dataclass(frozen=True, slots=True)
class Refused:
    """The member, and everything below it, is refused; ``why`` ends the message."""

    why: str
    message: str | None = None
    """AWS's own sentence, where it has one for this refusal."""


Fate: TypeAlias = Acts | Echoed | Only | Refused
Members: TypeAlias = Mapping[str, Fate]

ACTS = Acts()


def fate(members: Members, path: str) -> Fate | None:
    """A leaf's fate: its own entry, or that of a refused structure around it."""
    if path in members:
        return members[path]
    for cut in range(len(path) - 1, 0, -1):
        if path[cut] in ".[":
            around = members.get(path[:cut])
            if isinstance(around, Refused):
                return around
    return None


def refuse(
    members: Members, params: Mapping[str, Any], *, code: str = "ValidationException"
) -> None:
    """Raise a CallerError that names the first given member which does not act.

    Empty lists, maps and structures ask for nothing and pass. A member that only a newer service
    model knows is not in the table, and is refused as well.
    """
    for name, value in params.items():
        _check(members, code, name, name, value)


def _check(members: Members, code: str, path: str, shown: str, value: Any) -> None:
    if value in ({}, [], None):
        return
    match members.get(path):
        case Acts() | Echoed():
            return
        case Only(values, why):
            if value not in values:
                raise CallerError(code, f"{shown} {value!r} is not supported yet: {why}")
            return
        case Refused(why, message):
            raise CallerError(code, message or f"{shown} is not supported yet: {why}")
        case None:
            pass
    if not any(known.startswith((f"{path}.", f"{path}[")) for known in members):
        raise CallerError(code, f"{shown} is not supported: this version does not know it.")
    if isinstance(value, Mapping):
        for name, item in value.items():
            _check(members, code, f"{path}.{name}", f"{shown}.{name}", item)
    else:
        for index, item in enumerate(value):  # as the SDKs' own messages count
            _check(members, code, f"{path}[]", f"{shown}[{index}]", item)
