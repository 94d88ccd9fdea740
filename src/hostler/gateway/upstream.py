"""The connection to the control plane or S3 for one relayed request.

Invariant: what arrives is passed on as it came; the parser only finds where the answer ends. A
large answer is read when its turn comes.
"""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

import httptools

from hostler.gateway.turns import PIECE_MIN, Turns

if TYPE_CHECKING:
    from hostler.gateway.proxy import Relay


class Upstream(asyncio.Protocol):
    """The other side of a ``Relay``."""

    __slots__ = (
        "_final",
        "_head_only",
        "_keep_alive",
        "_parser",
        "_passed",
        "_relay",
        "_turns",
        "_wanted",
        "_whole",
        "_yields",
        "blocked",
        "transport",
    )

    def __init__(self, relay: "Relay", turns: Turns, *, head_only: bool) -> None:
        self._relay = relay
        self._turns = turns
        self._head_only = head_only
        self._parser = httptools.HttpResponseParser(self)
        self._final = False
        self._whole = False
        self._keep_alive = True
        self._passed = 0
        self._wanted = True
        """Whether the client keeps up with the answer."""
        self._yields = False
        """Whether the rest of the answer waits for its turn."""
        self.blocked = False
        """Whether it has much of the request to take before more is read."""
        self.transport: asyncio.Transport = cast("asyncio.Transport", None)

    def write(self, pieces: Sequence[bytes]) -> None:
        """Pass on more of the request."""
        self._passed += sum(map(len, pieces))
        self.transport.writelines(pieces)

    @property
    def moved(self) -> int:
        """How many bytes it has taken and given; the same number twice: it stands still."""
        return self._passed - self.transport.get_write_buffer_size()

    def read(self, *, yes: bool) -> None:
        """Whether more of the answer is wanted."""
        self._wanted = yes
        self._steer()

    def _steer(self) -> None:
        if self.transport.is_closing():
            return
        if self._wanted and not self._yields:
            self.transport.resume_reading()
        else:
            self.transport.pause_reading()

    def _go_on(self) -> None:
        self._yields = False
        self._steer()

    # asyncio's callbacks

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._passed += len(data)
        if len(data) >= PIECE_MIN and not self._yields:
            self._yields = True
            self._steer()
            self._turns.wait(self._go_on)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            if not self._whole:
                self._relay.connection.abort()
                return
        self._pass_on(data)

    def _pass_on(self, data: bytes) -> None:
        if self._final:
            self._relay.answered(data, whole=self._whole, keep_alive=self._keep_alive)
        else:
            self._relay.informed(data)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        self._relay.cut()
        del self._parser

    def pause_writing(self) -> None:
        self.blocked = True
        self._relay.read_more(yes=False)

    def resume_writing(self) -> None:
        self.blocked = False
        self._relay.read_more(yes=True)

    # httptools' callbacks

    def on_headers_complete(self) -> None:
        if self._parser.get_status_code() >= 200:
            self._final = True
            self._keep_alive = self._parser.should_keep_alive()
            self._whole = self._head_only

    def on_message_complete(self) -> None:
        self._whole = self._final
