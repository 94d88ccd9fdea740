"""How a connection gets on whose bytes pass this process by, told by the kernel's counters.

Invariant: each deadline judges the one that is waited for. The client is while it has an answer to
take, or all it sent of a body has been read; otherwise S3 is.
"""

import fcntl
import socket
import struct
import termios
from enum import Enum
from typing import NamedTuple

from hostler.gateway.limits import Limits

_COUNT = struct.Struct("i")
_COUNTERS = struct.Struct("QQ")
_AT, _INFO_SIZE = 120, 136
"""Of ``tcpi_bytes_acked`` and ``tcpi_bytes_received``, in struct tcp_info (linux/tcp.h)."""


class Counters(NamedTuple):
    """A connection's; all in bytes."""

    acknowledged: int
    """By the client, of all that was ever sent to it."""
    received: int
    """From the client, since it connected."""
    unread: int
    """Of these, what nobody has read."""
    untaken: int
    """Sent to the client, and not acknowledged."""


def counters(connection: socket.socket) -> Counters:
    """Of a TCP connection; raises OSError for one that has ended."""
    info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _INFO_SIZE)
    acknowledged, received = _COUNTERS.unpack_from(info, _AT)
    file = connection.fileno()
    return Counters(
        acknowledged, received, _count(file, termios.FIONREAD), _count(file, termios.TIOCOUTQ)
    )


def _count(file: int, request: int) -> int:
    (number,) = _COUNT.unpack(fcntl.ioctl(file, request, bytes(_COUNT.size)))
    return int(number)


class Late(Enum):
    """Who lets the other wait for too long."""

    SENDER = "the client sends its body too slowly"
    TAKER = "the client takes its answer too slowly"
    S3 = "S3 stands still"


class Progress:
    """One connection's.

    Args:
        first: Its counters when it passed into other hands.
        now: Monotonic s.
        rest: Bytes of the body that were still to come then, with those that were unread.
    """

    def __init__(self, first: Counters, now: float, rest: int) -> None:
        self._ends_at = first.received - first.unread + rest
        self._since = now
        self._waiting = self._waits(first)
        self._begun = first

    def judge(self, found: Counters, now: float, limits: Limits) -> Late | None:
        """Who is late, if anybody; to be asked again and again."""
        waiting, begun, elapsed = self._waits(found), self._begun, now - self._since
        if waiting is not self._waiting:
            self._begin(found, now)
        elif waiting is Late.S3:
            if found != begun:
                self._begin(found, now)
            elif elapsed > limits.upstream_still_s:
                return waiting
        else:
            sends = waiting is Late.SENDER
            window_s = limits.body_rate_window_s if sends else limits.answer_rate_window_s
            if elapsed > window_s:
                moved = found.received - begun.received
                moved = moved if sends else found.acknowledged - begun.acknowledged
                if moved < (limits.body_rate_min if sends else limits.answer_rate_min) * elapsed:
                    return waiting
                self._begin(found, now)
        return None

    def _begin(self, found: Counters, now: float) -> None:
        self._since, self._begun, self._waiting = now, found, self._waits(found)

    def _waits(self, found: Counters) -> Late:
        """Whom the other waits for."""
        if found.untaken:
            return Late.TAKER
        if not found.unread and found.received < self._ends_at:
            return Late.SENDER
        return Late.S3
