"""Sessions: requests of a caller that all go to the instance which began them.

The model names a session; what the caller is told of it holds the name, when it expires, and the
instance. So any gateway can tell where it belongs, without asking another, also after a restart.
The model sees its own name alone.

Invariant: a session never leaves its endpoint: its instance is looked for among the endpoint's own.
"""

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from hostler.domain.errors import CallerError

if TYPE_CHECKING:
    from hostler.gateway.route import Endpoint, Variant
    from hostler.gateway.target import Target

NEW = "NEW_SESSION"
LENGTH_MAX = 256
"""Of a session id as callers send it."""
PATTERN = re.compile(r"NEW_SESSION|[a-zA-Z0-9](-*[a-zA-Z0-9])*")
WRITTEN = "^(NEW_SESSION)$|^[a-zA-Z0-9](-*[a-zA-Z0-9])*$"
"""The pattern as AWS writes it."""

_OUTWARD = re.compile(r"(?P<own>.+)-(?P<expires>[0-9a-f]{8})-(?P<instance>i-[0-9a-f]{17})")
_TOLD = re.compile(
    r"(?P<own>[a-zA-Z0-9](?:-*[a-zA-Z0-9])*)(?:; ?Expires=(?P<expires>[-0-9]{10}T[:0-9]{8}Z))?"
)
_OWN_MAX = LENGTH_MAX - len("-00000000-i-00000000000000000")
_NEVER = 0xFFFFFFFF


class Session(NamedTuple):
    """What a caller's session id says."""

    own: str
    """The model's name for it; NEW to begin one."""
    instance_id: str = ""
    expires: int = _NEVER
    """Epoch seconds."""


def read(value: str) -> Session:
    """What a caller sends (it matches ``PATTERN``); raises CallerError for one that is not ours."""
    if value == NEW:
        return Session(NEW)
    match = _OUTWARD.fullmatch(value)
    if match is None:
        raise _unknown(value)
    return Session(match["own"], match["instance"], int(match["expires"], 16))


def find(
    session: Session, value: str, endpoint: "Endpoint", now: float
) -> tuple["Variant", "Target"]:
    """Where a session lives (``now``: epoch s); raises CallerError when it lives no more."""
    if now < session.expires:
        for variant in endpoint.variants:
            for target in variant.pool.targets:
                if target.instance_id == session.instance_id:
                    return variant, target
    raise _unknown(value)


def begun(told: str, instance_id: str) -> str | None:
    """What a caller is told of a new session (``told``: by the model); None for what is no name."""
    match = _TOLD.fullmatch(told)
    if match is None or len(match["own"]) > _OWN_MAX:
        return None
    expires, suffix = _NEVER, ""
    if match["expires"]:
        try:
            moment = datetime.strptime(match["expires"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
        except ValueError:
            return None
        expires = min(max(0, int(moment.timestamp())), _NEVER)
        suffix = f"; Expires={match['expires']}"
    return f"{match['own']}-{expires:08x}-{instance_id}{suffix}"


def gone(value: str) -> CallerError:
    """The instance of a session that waited for it is no more."""
    return _unknown(value)


def _unknown(value: str) -> CallerError:
    return CallerError(
        "ValidationError",
        f"Session {value} was not found: it was closed, it has expired, or its instance is gone. "
        f"Begin another one with the session id {NEW}.",
    )
