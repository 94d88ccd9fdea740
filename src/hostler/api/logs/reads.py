"""GetLogEvents and FilterLogEvents: pages of at most 10,000 events or 1 MB.

Invariant: a token is a direction and a place, so asking again with it gives what came since; at the
end GetLogEvents returns the token it was given.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from hostler.api.logs import groups, streams
from hostler.api.logs.refusals import bad_token, invalid, missing
from hostler.api.registry import Call
from hostler.store.database import Transaction
from hostler.telemetry import events, logs
from hostler.telemetry.events import FIRST, LAST, Place, Span, Written
from hostler.telemetry.logs import Group
from hostler.telemetry.patterns import Pattern, PatternError, compile_pattern

EVENTS_MAX = 10_000
PAGE_BYTES_MAX = 1_048_576
SCANNED_MAX = 20_000
SCANNED_BYTES_MAX = 2 * PAGE_BYTES_MAX
"""What one FilterLogEvents looks at; a rarer pattern takes more pages, as on AWS.

The costliest regular expression takes some 3 s of a reader for so much."""

INTEGER_MAX = 2**63 - 1
"""The largest that a member or a column holds, of times and of places."""

_TOKEN = re.compile(r"([fb])/(-?\d{1,19})\.(-?\d{1,19})/s")


def get(tx: Transaction, call: Call) -> Mapping[str, Any]:
    """GetLogEvents."""
    group, stream = streams.existing(tx, call)
    span = Span(
        group_id=group.id,
        stream_id=stream.id,
        start_ms=call.params.get("startTime"),
        end_ms=call.params.get("endTime"),
    )
    limit: int = call.params.get("limit", EVENTS_MAX)
    head: bool = call.params.get("startFromHead", False)
    token: str | None = call.params.get("nextToken")
    forward, place = _parse(token) if token is not None else (head, FIRST if head else LAST)
    page = list(_fitting(islice(events.walk(tx, span, place, forward=forward), limit)))
    if not forward:
        page.reverse()
    if page:
        first, last = page[0].place, page[-1].place
    elif token is not None:
        first = last = place
    else:
        first = last = FIRST  # nothing yet: forwards from here is everything that comes
    return {
        "events": [
            {
                "timestamp": event.time_ms,
                "message": event.message,
                "ingestionTime": event.ingested_ms,
            }
            for event in page
        ],
        "nextForwardToken": _text("f", last),
        "nextBackwardToken": _text("b", first),
    }


def filtered(tx: Transaction, call: Call) -> Mapping[str, Any]:
    """FilterLogEvents: what `aws logs tail` calls."""
    group = groups.existing(tx, call)
    span = _span(tx, call, group)
    pattern = _pattern(call.params.get("filterPattern", ""))
    limit: int = call.params.get("limit", EVENTS_MAX)
    head: bool = call.params.get("startFromHead", True)
    token: str | None = call.params.get("nextToken")
    forward, place = _parse(token) if token is not None else (head, FIRST if head else LAST)
    scan = Scan(pattern, limit)
    page = list(_fitting(scan.matching(events.walk(tx, span, place, forward=forward))))
    shown: dict[str, Any] = {
        "events": [_filtered_event(event) for event in page],
        "searchedLogStreams": [],
    }
    if scan.seen is not None and not scan.ended:
        # A page that was full ends at its last event; a scan that was long, at the last it saw.
        last = page[-1] if scan.found > len(page) else scan.seen
        shown["nextToken"] = _text("f" if forward else "b", last.place)
    return shown


@dataclass(slots=True)
class Scan:
    """One walk over a group's events, and where it stopped."""

    pattern: Pattern
    limit: int
    found: int = 0
    scanned_bytes: int = 0
    seen: Written | None = None
    ended: bool = False

    def matching(self, walked: Iterator[Written]) -> Iterator[Written]:
        """The events that match, until the limits; ``ended`` if there are no more."""
        for scanned, event in enumerate(walked):
            if scanned == SCANNED_MAX or self.found == self.limit:
                return
            if self.scanned_bytes > SCANNED_BYTES_MAX:
                return
            self.seen = event
            self.scanned_bytes += event.size
            if self.pattern.matches(event.message):
                self.found += 1
                yield event
        self.ended = True


def _span(tx: Transaction, call: Call, group: Group) -> Span:
    names = tuple(call.params.get("logStreamNames") or ())
    prefix: str = call.params.get("logStreamNamePrefix", "")
    if names and prefix:
        raise invalid("Specify either logStreamNames or logStreamNamePrefix, and not both.")
    if any(logs.stream(tx, group.id, name) is None for name in names):
        raise missing("log stream")
    end: int | None = call.params.get("endTime")
    return Span(
        group_id=group.id,
        stream_names=names,
        stream_prefix=prefix,
        start_ms=call.params.get("startTime"),
        # Here, unlike in GetLogEvents, the end is included; the last of all times (Java's
        # Long.MAX_VALUE) has none after it.
        end_ms=None if end is None or end == INTEGER_MAX else end + 1,
    )


def _pattern(text: str) -> Pattern:
    try:
        return compile_pattern(text)
    except PatternError as error:
        raise invalid(str(error)) from None


def _filtered_event(event: Written) -> Mapping[str, Any]:
    return {
        "logStreamName": event.stream,
        "timestamp": event.time_ms,
        "message": event.message,
        "ingestionTime": event.ingested_ms,
        "eventId": f"{max(event.time_ms, 0):020}{event.id:036}",
    }


def _fitting(found: Iterator[Written]) -> Iterator[Written]:
    """The events that fit one answer; at least one, so that a reader gets on."""
    size = 0
    for count, event in enumerate(found):
        size += event.size
        if size > PAGE_BYTES_MAX and count:
            return
        yield event


def _text(direction: str, place: Place) -> str:
    return f"{direction}/{place.time_ms}.{place.id}/s"


def _parse(token: str) -> tuple[bool, Place]:
    found = _TOKEN.fullmatch(token)
    if found is None:
        raise bad_token()
    place = Place(int(found[2]), int(found[3]))
    if max(abs(place.time_ms), abs(place.id)) > INTEGER_MAX:
        raise bad_token()
    return found[1] == "f", place
