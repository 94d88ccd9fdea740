"""S3 is lent the client's connection for one request: the bytes of large bodies pass us by.

The connection stays the gateway's: it counts it, keeps it, judges its deadlines by the kernel's
counters, and goes on with it behind the request. Until then it writes nothing, and reads nothing
where a body is lent. What cannot be lent (TLS, chunked framing, S3 without that door) is relayed.

Invariant: only who has connected to S3's own socket lends, and one side reads and one writes.
"""

import asyncio
import os
import socket
from time import monotonic
from typing import TYPE_CHECKING, cast

from hostler.domain import loan
from hostler.gateway.progress import Late, Progress, counters

if TYPE_CHECKING:
    from hostler.gateway.head import Head
    from hostler.gateway.proxy import Relay

BODY_MIN = 256 * 1024
"""Bytes of a body still to come from which on it is lent."""
LOOK_EVERY_S = 2.0


def is_lendable(head: "Head", body_read: int) -> bool:
    """Whether a request for S3 may be lent: one for an object's bytes, or with many of its own.

    Args:
        head: The request's.
        body_read: How much of its body has come.
    """
    shape = head.shape
    if head.version != "1.1" or shape.at("transfer-encoding") >= 0:
        return False
    if head.has_body():
        return rest_of(head, body_read) >= BODY_MIN
    return head.method == "GET"


def rest_of(head: "Head", body_read: int) -> int:
    """How much of the body is still to come."""
    return int(head.get("content-length") or "0") - body_read


class Loan(asyncio.Protocol):
    """The connection to S3 about one lent request."""

    __slots__ = ("_begun", "_client", "_look_at", "_progress", "_relay", "transport")

    def __init__(self, relay: "Relay") -> None:
        self._relay = relay
        self._begun = False
        self._progress: Progress | None = None
        self._look_at = 0.0
        self.transport: asyncio.Transport = cast("asyncio.Transport", None)
        self._client: socket.socket = cast("socket.socket", None)

    def begin(self, client: asyncio.Transport, parts: list[bytes], rest: int) -> bool:
        """Send the request and the client's descriptor; False where the kernel refuses.

        Args:
            client: Whose connection is lent.
            parts: The head, and what was read of the body.
            rest: Bytes of the body that S3 is to read itself.
        """
        self._client = client.get_extra_info("socket")
        own = self.transport.get_extra_info("socket")
        early = sum(map(len, parts[1:]))
        preamble = loan.written(loan.Preamble(len(parts[0]), early, rest))
        now = monotonic()
        try:
            self._progress = Progress(counters(self._client), now, rest)
            with socket.socket(fileno=os.dup(own.fileno())) as door:
                sent = socket.send_fds(door, [preamble], [self._client.fileno()])
        except OSError:  # the client has gone, or no more descriptors may be on their way
            return False
        if sent != len(preamble):
            return False
        self._begun = True
        self._look_at = now + LOOK_EVERY_S
        self.transport.writelines(parts)
        return True

    def late(self, now: float) -> Late | None:
        """Who lets the other wait for too long (monotonic s); now and then it looks."""
        if self._progress is None or now < self._look_at:
            return None
        self._look_at = now + LOOK_EVERY_S
        try:
            found = counters(self._client)
        except OSError:  # S3 will see that as well
            return None
        return self._progress.judge(found, now, self._relay.gateway.limits)

    # asyncio's callbacks

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        if data.startswith(loan.ANSWERING):
            self._relay.answering = True
        if data.endswith((loan.DONE, loan.LAST)):
            self._relay.returned(goes_on=data.endswith(loan.DONE))

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        if self._begun:
            self._relay.cut()
