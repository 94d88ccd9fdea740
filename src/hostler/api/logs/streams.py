"""Log streams: listing by name or by last event, making, deleting, and writing events.

Invariant: a batch of events is written whole, in chronological order, or the call is refused.
"""

import re
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from typing import Any

from hostler.api.logs import groups, pages
from hostler.api.logs.refusals import bad_token, invalid, missing, taken
from hostler.api.registry import Call
from hostler.domain.ids import log_group_arn
from hostler.store.database import Transaction
from hostler.telemetry import log_retention, logs
from hostler.telemetry.log_sizes import DAY_MS, EVENT_OVERHEAD_BYTES
from hostler.telemetry.logs import Event, Group, Stream

BATCH_BYTES_MAX = 1_048_576
OLD_DAYS = 14
NEW_MS = 2 * 3_600_000
_LIST = "streams"
_TOKEN = re.compile(r"(\d{1,18})-(\d{1,18})", re.ASCII)
_WITH_PREFIX = "Cannot order by LastEventTime with a logStreamNamePrefix."


def existing(tx: Transaction, call: Call) -> tuple[Group, Stream]:
    """The group and the stream that a call names."""
    group = groups.existing(tx, call)
    found = logs.stream(tx, group.id, call.params["logStreamName"])
    if found is None:
        raise missing("log stream")
    return group, found


def described(tx: Transaction, call: Call) -> Mapping[str, Any]:
    """DescribeLogStreams."""
    group = groups.existing(tx, call)
    limit: int = call.params.get("limit", groups.PAGE_DEFAULT)
    found, token = (
        _by_last_event(tx, call, group, limit)
        if call.params.get("orderBy") == "LastEventTime"
        else _by_name(tx, call, group, limit)
    )
    page: dict[str, Any] = {"logStreams": [_shape(group, stream) for stream in found[:limit]]}
    if len(found) > limit:
        page["nextToken"] = token
    return page


def create(tx: Transaction, call: Call) -> None:
    """CreateLogStream."""
    group = groups.existing(tx, call)
    name: str = call.params["logStreamName"]
    if logs.stream(tx, group.id, name) is not None:
        raise taken("log stream")
    logs.create_stream(tx, group.id, name, int(call.now * 1000))


def delete(tx: Transaction, call: Call) -> None:
    """DeleteLogStream: its events go with it."""
    _, stream = existing(tx, call)
    log_retention.drop_stream(tx, stream.id, int(call.now * 1000))


def put_events(tx: Transaction, call: Call) -> Mapping[str, Any]:
    """PutLogEvents: events too old or too new are left out, and said."""
    group, stream = existing(tx, call)
    now_ms = int(call.now * 1000)
    given = [Event(one["timestamp"], one["message"]) for one in call.params["logEvents"]]
    times = [event.time_ms for event in given]
    if times != sorted(times):
        raise invalid("Log events in a single PutLogEvents request must be in chronological order.")
    size = sum(len(event.message.encode()) + EVENT_OVERHEAD_BYTES for event in given)
    if size > BATCH_BYTES_MAX:
        raise invalid(f"Upload too large: {size} bytes exceeds limit of {BATCH_BYTES_MAX}")
    expired_ms = now_ms - DAY_MS * (group.retention_days or OLD_DAYS)
    expired = _older(times, expired_ms) if group.retention_days is not None else 0
    old = _older(times, now_ms - OLD_DAYS * DAY_MS)
    new = sum(1 for time in times if time > now_ms + NEW_MS)
    kept = given[max(expired, old) : len(given) - new]
    if kept and kept[-1].time_ms - kept[0].time_ms > DAY_MS:
        raise invalid(
            "The batch of log events in a single PutLogEvents request cannot span more than "
            "24 hours."
        )
    logs.append(tx, group.id, stream.id, kept, now_ms)
    result: dict[str, Any] = {"nextSequenceToken": str(now_ms)}
    rejected = {
        "expiredLogEventEndIndex": expired or None,
        "tooOldLogEventEndIndex": old or None,
        "tooNewLogEventStartIndex": len(given) - new if new else None,
    }
    if expired or old or new:
        result["rejectedLogEventsInfo"] = rejected
    return result


def _older(times: Sequence[int], than_ms: int) -> int:
    """How many come before a time; they are in order."""
    return bisect_left(times, than_ms)


def _by_name(tx: Transaction, call: Call, group: Group, limit: int) -> tuple[Sequence[Stream], str]:
    found = logs.streams_by_name(
        tx,
        group.id,
        prefix=call.params.get("logStreamNamePrefix", ""),
        descending=call.params.get("descending", False),
        after=pages.read(_LIST, call.params.get("nextToken")),
        limit=limit + 1,
    )
    return found, pages.written(_LIST, found[min(limit, len(found)) - 1].name) if found else ""


def _by_last_event(
    tx: Transaction, call: Call, group: Group, limit: int
) -> tuple[Sequence[Stream], str]:
    if "logStreamNamePrefix" in call.params:
        raise invalid(_WITH_PREFIX)
    found = logs.streams_by_last_event(
        tx,
        group.id,
        descending=call.params.get("descending", False),
        after=_after(call.params.get("nextToken")),
        limit=limit + 1,
    )
    last = found[min(limit, len(found)) - 1] if found else None
    return found, f"{last.last_event_ms or 0}-{last.id}" if last is not None else ""


def _after(token: str | None) -> tuple[int, int] | None:
    if token is None:
        return None
    found = _TOKEN.fullmatch(token)
    if found is None:
        raise bad_token()
    return int(found[1]), int(found[2])


def _shape(group: Group, stream: Stream) -> Mapping[str, Any]:
    arn = log_group_arn(group.region, group.account, group.name)
    return {
        "logStreamName": stream.name,
        "creationTime": stream.created_ms,
        "firstEventTimestamp": stream.first_event_ms,
        "lastEventTimestamp": stream.last_event_ms,
        "lastIngestionTime": stream.last_ingestion_ms,
        "uploadSequenceToken": str(stream.last_ingestion_ms or stream.created_ms),
        "arn": f"{arn}:log-stream:{stream.name}",
        "storedBytes": stream.stored_bytes,
    }
