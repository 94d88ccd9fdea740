"""A call as the process that answered it knows it.

Invariant: it is only data, and refers to what the call had already: making one costs no I/O.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from hostler.domain.errors import CallerError
from hostler.domain.sender import NOBODY, Sender
from hostler.domain.snapshot import Principal
from hostler.iam.evaluate import DeniedError, Judged


class Told(NamedTuple):
    """An error as the caller heard it."""

    code: str
    message: str


class Own(NamedTuple):
    """What Hostler did by itself: which part of it, and why."""

    part: str
    """As ``cleanup.hostler``."""
    details: Mapping[str, Any]
    arns: Sequence[str] = ()
    """What an event is about that is no call."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One call."""

    service: str
    """botocore's name."""
    operation: str
    request_id: str
    at: float
    """Epoch seconds."""
    account: str
    """Whose record it is: the caller's, else the installation's."""
    region: str
    caller: Principal | None = None
    """None for one that did not authenticate itself."""
    access_key_id: str = ""
    sender: Sender = NOBODY
    agent: str = ""
    reads: bool = False
    is_data: bool = False
    """Of what is in an endpoint or a bucket: CloudTrail's data events."""
    params: Mapping[str, Any] = field(default_factory=dict)
    result: Mapping[str, Any] | None = None
    error: Told | None = None
    judged: Sequence[Judged] = ()
    own: Own | None = None
    """Where Hostler itself calls, or (with ``arns``) says that something is so."""


def told(error: CallerError | None) -> Told | None:
    """What was told the caller: without the exception, which holds all that led to it."""
    return None if error is None else Told(error.code, error.message)


def decided(judged: Sequence[Judged], error: CallerError | None) -> Sequence[Judged]:
    """The decisions of a call, with the one that an error tells of."""
    if isinstance(error, DeniedError):
        return (*judged, error.judged)
    return judged
