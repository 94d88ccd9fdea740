"""What the audit log is told of the control plane's calls.

Invariant: every call that names an operation of ours is told, whatever became of it.
"""

from collections.abc import Mapping
from typing import Any

from hostler.api.registry import Call, Effect, Operation, Rooms
from hostler.audit.entry import Entry, decided, told
from hostler.aws import sigv4
from hostler.aws.http import HttpRequest
from hostler.domain import sender
from hostler.domain.errors import CallerError


def call(
    made: Call,
    operation: Operation,
    result: Mapping[str, Any] | None,
    error: CallerError | None,
) -> Entry:
    """An authenticated call, and how it ended."""
    header = made.request.header
    return Entry(
        service=made.service,
        operation=made.operation,
        request_id=made.request_id,
        at=made.now,
        account=made.account,
        region=made.region,
        caller=made.principal,
        access_key_id=made.access_key_id,
        sender=sender.read(header.get(sender.HEADER)),
        agent=header.get("user-agent", ""),
        reads=operation.effect is Effect.READS,
        params=made.params,
        result=result,
        error=told(error),
        judged=decided(made.judged, error),
        own=made.own,
    )


def stranger(
    rooms: Rooms,
    request: HttpRequest,
    request_id: str,
    error: CallerError,
    *,
    service: str,
    operation: str,
) -> Entry:
    """A call of somebody who is not known: who it claims to be is all that is told."""
    header = request.header
    return Entry(
        service=service,
        operation=operation,
        request_id=request_id,
        at=rooms.clock.now(),
        account=rooms.account,
        region=rooms.region,
        access_key_id=claimed_key(request),
        sender=sender.read(header.get(sender.HEADER)),
        agent=header.get("user-agent", ""),
        error=told(error),
    )


def claimed_key(request: HttpRequest) -> str:
    """The access key that a request says it is of; empty where it says nothing readable."""
    try:
        return sigv4.present(request.method, request.raw_target, request.headers).access_key_id
    except CallerError:
        return ""
