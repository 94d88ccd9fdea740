"""Policy variables: texts with ``${key}``, ``${key, 'default'}``, ``${*}``, ``${?}`` and ``${$}``.

Invariant: a variable whose value is not known stands for any text, and what comes of it is not
sure; one that is known to have no value makes a text that nothing equals.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from hostler.iam.context import Facts
from hostler.iam.globs import ANY, SPECIAL, read

_MARK = "${"
_FOUND = re.compile(r"\$\{([^}]*)(?:\}|\Z)")
_KEY = re.compile(r"([^\s,'{}$](?:[^,'{}$]*[^\s,'{}$])?)(?:\s*,\s*'([^']*)'\s*)?")
_ESCAPED = frozenset("*?$")


@dataclass(frozen=True, slots=True)
class Variable:
    """A condition key whose value stands here; an empty one is never known."""

    name: str
    default: str | None = None

    @property
    def key(self) -> str:
        """As context has it."""
        return self.name.lower()


_ANYTHING = Variable("")


@dataclass(frozen=True, slots=True)
class Template:
    """A text of a policy, in pieces."""

    pieces: tuple[str | Variable, ...]
    is_pattern: bool

    @property
    def text(self) -> str | None:
        """The whole, where nothing depends on a request."""
        fixed = [piece for piece in self.pieces if isinstance(piece, str)]
        return "".join(fixed) if len(fixed) == len(self.pieces) else None

    def fill(self, facts: Facts) -> tuple[str, bool] | None:
        """The text of a request, and whether it is sure; None when a variable has no value.

        What is not sure is a pattern that has been read, and fits whatever the text may be.
        """
        text, sure = "", True
        for piece in self.pieces:
            if isinstance(piece, str):
                text += piece
                continue
            values = facts.of(piece.key) if piece.name else None
            if values == ():
                if piece.default is None:
                    return None
                values = (piece.default,)
            if values is None or len(values) > 1:
                text, sure = text + ANY, False
            elif self.is_pattern and not SPECIAL.isdisjoint(values[0]):
                # Whether a wildcard in a value is one, AWS does not say: at most it is.
                text, sure = text + read(values[0]), False
            else:
                text += values[0]
        return text, sure

    def split(self, separator: str, most: int) -> Iterator["Template"]:
        """Cut at the first ``most`` separators outside of variables."""
        part: list[str | Variable] = []
        for piece in self.pieces:
            if isinstance(piece, Variable):
                part.append(piece)
                continue
            first, *rest = piece.split(separator, most)
            most -= len(rest)
            part.append(first)
            for each in rest:
                yield Template(tuple(part), self.is_pattern)
                part = [each]
        yield Template(tuple(part), self.is_pattern)


def template(text: str, *, variables: bool, is_pattern: bool) -> Template:
    """Read a text of a policy.

    Args:
        text: As written.
        variables: ``${…}`` is not literal text (Version 2012-10-17, where variables may stand).
        is_pattern: ``*`` and ``?`` are wildcards.
    """
    if not variables or _MARK not in text:
        return Template((read(text) if is_pattern else text,), is_pattern)
    pieces: list[str | Variable] = []
    at = 0
    for found in _FOUND.finditer(text):
        literal = text[at : found.start()]
        pieces.append(read(literal) if is_pattern else literal)
        variable = found[1] if found[1] in _ESCAPED else _variable(found[0])
        if variable is None:
            return Template((_ANYTHING,), is_pattern)
        pieces.append(variable)
        at = found.end()
    pieces.append(read(text[at:]) if is_pattern else text[at:])
    return Template(tuple(pieces), is_pattern)


def keys(template_: Template) -> Iterator[str]:
    """The keys whose values it takes."""
    return (piece.name for piece in template_.pieces if isinstance(piece, Variable) and piece.name)


def _variable(written: str) -> Variable | None:
    """None for one that cannot be read; where it ends cannot be said then either."""
    found = _KEY.fullmatch(written.removeprefix(_MARK).removesuffix("}"))
    if found is None or not written.endswith("}"):
        return None
    return Variable(found[1], found[2])
