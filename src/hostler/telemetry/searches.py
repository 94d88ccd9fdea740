"""SEARCH's query: which metrics it means.

A term in double quotes is a whole name or value; another one is cut into tokens (at other
characters than letters and digits, at a change to capitals, at digits) and means whatever has all
of them. Neither looks at the case.

Invariant: pure; a text that is not understood is refused with the place, never read approximately.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/search-expression-syntax.html
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

from hostler.telemetry.expressions import ExpressionError
from hostler.telemetry.metrics import Metric

TEXT_MAX = 1024
DEPTH_MAX = 20
_PART = re.compile(r'\s*(?:"(?P<exact>[^"]*)"|(?P<sign>[(){}=,])|(?P<word>[^\s"(){}=,]+))')
_RUN = re.compile(r"[^\W_]+")
_TOKEN = re.compile(r"\d+|[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[^\W\d_]")


@dataclass(frozen=True, slots=True)
class Term:
    """What something of a metric must be; ``of`` is MetricName, Namespace or a dimension's name."""

    text: str
    exact: bool
    of: str | None = None


@dataclass(frozen=True, slots=True)
class Not:
    of: "Condition"


@dataclass(frozen=True, slots=True)
class Either:
    of: tuple["Condition", ...]


@dataclass(frozen=True, slots=True)
class All:
    of: tuple["Condition", ...]


Condition: TypeAlias = Term | Not | Either | All


@dataclass(frozen=True, slots=True)
class Search:
    """A query: its namespace and dimensions (None: any), and its condition."""

    namespace: str | None
    dimensions: frozenset[str] | None
    condition: Condition

    def finds(self, metric: Metric) -> bool:
        """Whether it means a metric."""
        if self.namespace is not None and metric.namespace != self.namespace:
            return False
        names = frozenset(name for name, _ in metric.dimensions)
        if self.dimensions is not None and names != self.dimensions:
            return False
        return _holds(self.condition, metric)


def parse(text: str) -> Search:
    """Read a query; raises ExpressionError."""
    if len(text) > TEXT_MAX:
        raise ExpressionError(f"a search is at most {TEXT_MAX} characters long")
    if not text.strip():
        raise ExpressionError("a search needs a metric schema in braces, or a term")
    reader = _Reader(text)
    schema = reader.schema()
    condition = reader.either(0, None)
    if reader.part:
        raise ExpressionError(f"'{reader.part}' was not expected in the search")
    if schema is None:
        return Search(None, None, condition)
    namespace, *dimensions = schema
    return Search(namespace, frozenset(dimensions) if dimensions else None, condition)


def tokens(text: str) -> set[str]:
    """What a text is found by: its runs of letters and digits, and the tokens in them."""
    runs = _RUN.findall(text)
    cut = {token.lower() for run in runs for token in _TOKEN.findall(run)}
    return cut | {run.lower() for run in runs} | {"".join(runs).lower()}


def _holds(condition: Condition, metric: Metric) -> bool:
    match condition:
        case All(of):
            return all(_holds(each, metric) for each in of)
        case Either(of):
            return any(_holds(each, metric) for each in of)
        case Not(each):
            return not _holds(each, metric)
        case Term(text, exact, of):
            given = list(_texts(metric, of))
            if exact:
                return text.lower() in {each.lower() for each in given}
            there = {token for each in given for token in tokens(each)}
            wanted = {token.lower() for run in _RUN.findall(text) for token in _TOKEN.findall(run)}
            return text.lower() in there or (bool(wanted) and wanted <= there)


def _texts(metric: Metric, of: str | None) -> Iterator[str]:
    """What a term is compared with."""
    if of is None:
        yield metric.namespace
        yield metric.name
        for pair in metric.dimensions:
            yield from pair
    elif of == "MetricName":
        yield metric.name
    elif of == "Namespace":
        yield metric.namespace
    else:
        yield from (value for name, value in metric.dimensions if name == of)


class _Reader:
    """Recursive descent: OR binds loosest, then AND (also unwritten), then NOT."""

    def __init__(self, text: str) -> None:
        self._parts = list(_parts(text))
        self._at = 0

    @property
    def part(self) -> str:
        """The next part's text; empty at the end."""
        return self._parts[self._at][1] if self._at < len(self._parts) else ""

    def schema(self) -> list[str] | None:
        """What stands in braces: a namespace, and names of dimensions."""
        if not self._is_sign("{"):
            return None
        self._take()
        names = [self._name()]
        while self._is_sign(","):
            self._take()
            names.append(self._name())
        self._expect("}")
        if self._is_sign(","):  # as older examples have it
            self._take()
        return names

    def either(self, depth: int, of: str | None) -> Condition:
        if depth > DEPTH_MAX:
            raise ExpressionError(f"the search is nested deeper than {DEPTH_MAX} levels")
        found = [self._all(depth, of)]
        while self._is_word("OR"):
            self._take()
            found.append(self._all(depth, of))
        return found[0] if len(found) == 1 else Either(tuple(found))

    def _all(self, depth: int, of: str | None) -> Condition:
        found: list[Condition] = []
        while self.part and not self._is_sign(")") and not self._is_word("OR"):
            if self._is_word("AND"):
                self._take()
                continue
            found.append(self._one(depth, of))
        return found[0] if len(found) == 1 else All(tuple(found))

    def _one(self, depth: int, of: str | None) -> Condition:
        if self._is_word("NOT"):
            self._take()
            return Not(self._one(depth + 1, of))
        if self._is_sign("("):
            self._take()
            inner = self.either(depth + 1, of)
            self._expect(")")
            return inner
        kind, text = self._take()
        if kind == "sign":
            raise ExpressionError(f"'{text}' was not expected in the search")
        if self._is_sign("="):
            self._take()
            if text.startswith(":aws."):
                raise ExpressionError(f"{text} is not supported: there are no linked accounts")
            if self._is_word("NOT") or not self.part:
                raise ExpressionError(f"what {text} is to be is missing in the search")
            return self._one(depth + 1, text)
        return Term(text, kind == "exact", of)

    def _name(self) -> str:
        kind, text = self._take()
        if kind == "sign":
            raise ExpressionError("a metric schema is a namespace and names of dimensions")
        return text

    def _is_sign(self, sign: str) -> bool:
        return self._at < len(self._parts) and self._parts[self._at] == ("sign", sign)

    def _is_word(self, word: str) -> bool:
        return self._at < len(self._parts) and self._parts[self._at] == ("word", word)

    def _take(self) -> tuple[str, str]:
        if self._at == len(self._parts):
            raise ExpressionError("the search ends too early")
        self._at += 1
        return self._parts[self._at - 1]

    def _expect(self, sign: str) -> None:
        if not self._is_sign(sign):
            raise ExpressionError(f"'{sign}' is missing in the search")
        self._take()


def _parts(text: str) -> Iterator[tuple[str, str]]:
    at, end = 0, len(text.rstrip())
    while at < end:
        found = _PART.match(text, at)
        if found is None or found.lastgroup is None:
            raise ExpressionError("a quotation mark is missing in the search")
        yield found.lastgroup, found[found.lastgroup]
        at = found.end()
