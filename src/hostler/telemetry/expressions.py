"""Metric math: an expression's text to its tree.

Invariant: pure; a text that is not understood is refused with the place or the name, never read
approximately, and its depth is bounded.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

DEPTH_MAX = 50

FUNCTIONS = (
    "AVG", "DIFF", "FILL", "IF", "MAX", "METRICS", "MIN", "PERIOD", "RATE", "SEARCH",
    "SUM",
)  # fmt: skip
_WORDS = ("AND", "OR")
_FILLINGS = ("REPEAT", "LINEAR")

_TOKEN = re.compile(
    r"\s*(?:(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)"
    r"|(?P<name>[A-Za-z_][A-Za-z0-9_]*)"
    r"|(?P<text>\"[^\"]*\"|'[^']*')"
    r"|(?P<sign>&&|\|\||==|!=|<=|>=|[-+*/^(),<>\[\]]))",
    re.ASCII,
)


class ExpressionError(Exception):
    """The expression cannot be used; the text says why, without the expression's id."""


@dataclass(frozen=True, slots=True)
class Number:
    value: float


@dataclass(frozen=True, slots=True)
class Text:
    value: str


@dataclass(frozen=True, slots=True)
class Name:
    """A query's id."""

    id: str


@dataclass(frozen=True, slots=True)
class Array:
    items: tuple["Tree", ...]


@dataclass(frozen=True, slots=True)
class Negative:
    of: "Tree"


@dataclass(frozen=True, slots=True)
class Operation:
    sign: str
    left: "Tree"
    right: "Tree"


@dataclass(frozen=True, slots=True)
class Function:
    """``name`` is one of FUNCTIONS."""

    name: str
    arguments: tuple["Tree", ...]


@dataclass(frozen=True, slots=True)
class Filling:
    """FILL's REPEAT or LINEAR."""

    name: str


Tree: TypeAlias = Number | Text | Name | Array | Negative | Operation | Function | Filling

_LEVELS: Sequence[frozenset[str]] = (
    frozenset({"||"}),
    frozenset({"&&"}),
    frozenset({"==", "!=", "<", ">", "<=", ">="}),
    frozenset({"+", "-"}),
    frozenset({"*", "/"}),
)
"""Signs by how loosely they bind, the loosest first; all are read from left to right."""


def parse(text: str) -> Tree:
    """Read an expression; raises ExpressionError."""
    reader = _Reader(_tokens(text))
    tree = reader.level(0, 0)
    if reader.sign:
        raise ExpressionError(f"'{reader.sign}' was not expected here")
    return tree


def names(tree: Tree) -> set[str]:
    """The ids that an expression uses."""
    found: set[str] = set()
    left = [tree]
    while left:
        match left.pop():
            case Name(id=used):
                found.add(used)
            case Negative(of=inner):
                left.append(inner)
            case Operation(left=one, right=other):
                left += (one, other)
            case Array(items=parts) | Function(arguments=parts):
                left += parts
            case _:
                pass
    return found


def _tokens(text: str) -> list[tuple[str, str]]:
    """The kinds and texts of an expression's parts."""
    found = []
    at, end = 0, len(text.rstrip())
    while at < end:
        token = _TOKEN.match(text, at)
        if token is None:
            raise ExpressionError(f"unexpected character '{text[at:].lstrip()[0]}'")
        assert token.lastgroup is not None
        kind, part = token.lastgroup, token[token.lastgroup]
        if part in _WORDS:
            kind, part = "sign", "&&" if part == "AND" else "||"
        found.append((kind, part))
        at = token.end()
    return found


class _Reader:
    """Recursive descent over an expression's parts."""

    def __init__(self, tokens: list[tuple[str, str]]) -> None:
        self._tokens = tokens
        self._at = 0

    @property
    def sign(self) -> str:
        """The next part's text; empty at the end."""
        return self._tokens[self._at][1] if self._at < len(self._tokens) else ""

    def level(self, number: int, depth: int) -> Tree:
        """Operations that bind at least as tightly as those of a level."""
        if depth > DEPTH_MAX:
            raise ExpressionError(f"it is nested deeper than {DEPTH_MAX} levels")
        if number == len(_LEVELS):
            return self._unary(depth)
        tree = self.level(number + 1, depth)
        while self._is_sign() and self.sign in _LEVELS[number]:
            sign = self._take()[1]
            tree = Operation(sign, tree, self.level(number + 1, depth))
        return tree

    def _unary(self, depth: int) -> Tree:
        if depth > DEPTH_MAX:
            raise ExpressionError(f"it is nested deeper than {DEPTH_MAX} levels")
        if self._is_sign() and self.sign in ("-", "+"):
            sign = self._take()[1]
            inner = self._unary(depth + 1)
            return Negative(inner) if sign == "-" else inner
        tree = self._primary(depth)
        if self._is_sign() and self.sign == "^":
            self._take()
            return Operation("^", tree, self._unary(depth + 1))
        return tree

    def _primary(self, depth: int) -> Tree:
        kind, part = self._take()
        match kind:
            case "number":
                return Number(float(part))
            case "text":
                return Text(part[1:-1])
            case "name":
                return self._name(part, depth)
        if part == "(":
            tree = self.level(0, depth + 1)
            self._expect(")")
            return tree
        if part == "[":
            return Array(self._list("]", depth))
        raise ExpressionError(f"'{part}' was not expected here")

    def _name(self, part: str, depth: int) -> Tree:
        if self.sign == "(":
            if part not in FUNCTIONS:
                known = ", ".join(FUNCTIONS)
                raise ExpressionError(
                    f"the function {part} is not supported yet: there are {known}"
                )
            self._take()
            return Function(part, self._list(")", depth))
        return Filling(part) if part in _FILLINGS else Name(part)

    def _list(self, closing: str, depth: int) -> tuple[Tree, ...]:
        items: list[Tree] = []
        if self.sign == closing:
            self._take()
            return ()
        while True:
            items.append(self.level(0, depth + 1))
            if self.sign != ",":
                self._expect(closing)
                return tuple(items)
            self._take()

    def _is_sign(self) -> bool:
        return self._at < len(self._tokens) and self._tokens[self._at][0] == "sign"

    def _take(self) -> tuple[str, str]:
        if self._at == len(self._tokens):
            raise ExpressionError("it ends too early")
        self._at += 1
        return self._tokens[self._at - 1]

    def _expect(self, sign: str) -> None:
        if self.sign != sign:
            raise ExpressionError(f"'{sign}' is missing")
        self._take()
