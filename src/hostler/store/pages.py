"""Pages of a list that others change while it is read.

Invariant: a page continues after a *position* (the last row's sort value and unique key), never
after a count, so rows that come or go between two pages make none appear twice.
"""

from dataclasses import dataclass
from typing import Any, TypeAlias

from sqlalchemy import ColumnElement, Select, and_, or_

from hostler.domain.ids import name_key

Query: TypeAlias = Select[*tuple[Any, ...]]
"""A statement that selects whatever columns."""


@dataclass(frozen=True, slots=True)
class Position:
    """Where a page ended: the sort column's value there, and the row's unique key."""

    value: str | float
    key: str


@dataclass(frozen=True, slots=True)
class Window:
    """Which page: at most ``limit`` rows after ``after``."""

    limit: int
    descending: bool = False
    after: Position | None = None


@dataclass(frozen=True, slots=True)
class Filter:
    """Which of an account's things to list; times in epoch seconds.

    «After» is inclusive and «before» exclusive, as AWS's reference has it.
    """

    name_contains: str | None = None
    created_after: float | None = None
    created_before: float | None = None


def filtered(
    query: Query, name: ColumnElement[str], created: ColumnElement[float], wanted: Filter
) -> Query:
    """The query, narrowed; ``name`` is the column of name keys."""
    if wanted.name_contains:
        query = query.where(name.contains(name_key(wanted.name_contains), autoescape=True))
    return between(query, created, wanted.created_after, wanted.created_before)


def between(
    query: Query, time: ColumnElement[float], after: float | None, before: float | None
) -> Query:
    """The query, narrowed to times from ``after`` on and before ``before``."""
    if after is not None:
        query = query.where(time >= after)
    if before is not None:
        query = query.where(time < before)
    return query


def windowed(
    query: Query, column: ColumnElement[Any], key: ColumnElement[str], window: Window
) -> Query:
    """The query, sorted and cut to the page; it asks for one row more, to know if there is more."""
    if window.after is not None:
        last = window.after
        beyond = column < last.value if window.descending else column > last.value
        further = key < last.key if window.descending else key > last.key
        query = query.where(or_(beyond, and_(column == last.value, further)))
    order = (column.desc(), key.desc()) if window.descending else (column.asc(), key.asc())
    return query.order_by(*order).limit(window.limit + 1)
