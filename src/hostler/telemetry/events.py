"""Reading log events: by stream, or by group, forwards or backwards from a place.

Invariant: events are ordered by (time, id), and a page continues after a place in that order; a
place is never used up, so the same one asked again gives what came since.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, and_, func, or_, select

from hostler.telemetry.log_sizes import EVENT_OVERHEAD_BYTES
from hostler.telemetry.schema import events, streams


class Place(NamedTuple):
    """A place in the order of events."""

    time_ms: int
    id: int


FIRST = Place(-1, -1)
LAST = Place(2**62, 2**62)

CHUNK = 500
"""Events read at once: at most 16 MB, as a line of output has at most 32 KB."""


@dataclass(frozen=True, slots=True)
class Written:
    """A stored event."""

    id: int
    stream: str
    time_ms: int
    ingested_ms: int
    message: str

    @property
    def size(self) -> int:
        """In bytes, as CloudWatch Logs counts."""
        return len(self.message.encode()) + EVENT_OVERHEAD_BYTES

    @property
    def place(self) -> Place:
        return Place(self.time_ms, self.id)


@dataclass(frozen=True, slots=True)
class Span:
    """Which events: times are inclusive at the start, exclusive at the end, None for no bound."""

    group_id: int
    stream_id: int | None = None
    stream_names: tuple[str, ...] = ()
    stream_prefix: str = ""
    start_ms: int | None = None
    end_ms: int | None = None


def walk(tx: Connection, span: Span, place: Place, *, forward: bool) -> Iterator[Written]:
    """The events that follow a place (oldest first) or precede it (newest first).

    They are read as they are taken, ``CHUNK`` at a time: a page is bounded by whoever takes it.
    """
    while True:
        chunk = _read(tx, span, _beyond(place, forward=forward), descending=not forward)
        yield from chunk
        if len(chunk) < CHUNK:
            return
        place = chunk[-1].place


def _beyond(place: Place, *, forward: bool) -> ColumnElement[bool]:
    time, row_id = events.c.time_ms, events.c.id
    if forward:
        # The first condition follows from the second; an index seeks it.
        return and_(time >= place.time_ms, or_(time > place.time_ms, row_id > place.id))
    return and_(time <= place.time_ms, or_(time < place.time_ms, row_id < place.id))


def _read(
    tx: Connection, span: Span, beyond: ColumnElement[bool], *, descending: bool
) -> Sequence[Written]:
    order = (events.c.time_ms, events.c.id)
    query = (
        select(events, streams.c.name)
        .join(streams, streams.c.id == events.c.stream_id)
        .where(beyond, *_conditions(span))
        .order_by(*(column.desc() if descending else column.asc() for column in order))
        .limit(CHUNK)
    )
    return [
        Written(row.id, row.name, row.time_ms, row.ingested_ms, row.message)
        for row in tx.execute(query)
    ]


def _conditions(span: Span) -> list[ColumnElement[Any]]:
    conditions: list[ColumnElement[Any]] = []
    if span.stream_id is not None:
        conditions.append(events.c.stream_id == span.stream_id)
    else:
        conditions.append(events.c.group_id == span.group_id)
        conditions.append(streams.c.group_id == span.group_id)  # else the stream is gone
    if span.stream_names:
        conditions.append(streams.c.name.in_(span.stream_names))
    if span.stream_prefix:
        prefix = span.stream_prefix
        conditions.append(func.substr(streams.c.name, 1, len(prefix)) == prefix)
    if span.start_ms is not None:
        conditions.append(events.c.time_ms >= span.start_ms)
    if span.end_ms is not None:
        conditions.append(events.c.time_ms < span.end_ms)
    return conditions
