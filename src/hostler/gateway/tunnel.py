"""Two connections whose bytes are passed on to each other.

Invariant: the faster side is not read while the other has much to take, and a tunnel on which
nothing moves ends.
"""

import asyncio
from time import monotonic
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from hostler.gateway.gateway import Gateway


class Pipe(asyncio.Protocol):
    """One end of a tunnel."""

    def __init__(self, gateway: "Gateway") -> None:
        self._gateway = gateway
        self.other: Pipe | None = None
        self._early: list[bytes] = []
        self._lost = False
        self._ended = False
        """Whether this end will send nothing more."""
        self.transport: asyncio.Transport = cast("asyncio.Transport", None)
        self.moved = monotonic()
        """When a byte last came from this end."""

    def join(self, other: "Pipe") -> None:
        """Make a tunnel of two connected ends."""
        self.other, other.other = other, self
        for data in self._early:
            other.transport.write(data)
        if self._early:
            self._early.clear()
            self.transport.resume_reading()
        if self._lost:
            other.transport.close()

    def expire(self, now: float) -> None:
        """End the tunnel if nothing has moved for long (monotonic s)."""
        other = self.other
        latest = self.moved if other is None else max(self.moved, other.moved)
        limits = self._gateway.limits
        idle_s = limits.tunnel_drain_idle_s if self._gateway.draining else limits.tunnel_idle_s
        if now - latest > idle_s:
            self.abort()

    def abort(self) -> None:
        """End both sides at once."""
        self._gateway.tunnels.discard(self)
        if self.transport is not None:
            self.transport.abort()
        if self.other is not None:
            self.other.transport.abort()

    # asyncio's callbacks

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.transport.set_write_buffer_limits(high=self._gateway.limits.relay_buffer_bytes)

    def data_received(self, data: bytes) -> None:
        self.moved = monotonic()
        if self.other is None:
            self._early.append(data)
            self.transport.pause_reading()
        else:
            self.other.transport.write(data)

    def eof_received(self) -> bool:
        self._ended = True
        other = self.other
        if other is None or other.ended() or not other.transport.can_write_eof():
            return False  # closes this side, and with it the other
        other.transport.write_eof()
        return True

    def ended(self) -> bool:
        """Whether this end has said that it sends nothing more."""
        return self._ended

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        self._lost = True
        self._gateway.tunnels.discard(self)
        if self.other is not None:
            self._gateway.tunnels.discard(self.other)
            self.other.transport.close()

    def pause_writing(self) -> None:
        if self.other is not None:
            self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        if self.other is not None:
            self.other.transport.resume_reading()
