"""One peer of a worker: what it asked and was not taken yet, and what it was not told yet.

Invariant: a peer costs the others nothing: reading and writing never block, requests in line are
bounded by the credit, unread answers by ``OUT_MAX``; a peer that breaks the protocol loses its
connection alone. Between the pieces of large requests and answers the processor is offered to
whoever waits for it: the scheduler itself would look with its next tick, milliseconds later.
"""

from __future__ import annotations

import os
import socket
from collections import deque
from typing import Optional

from . import frames, page

CREDIT = 128
"""Requests a peer may have in line: enough to keep a fast model busy between two wake-ups."""
OUT_MAX = 16 * 1024 * 1024
"""Unsent bytes above which none of the peer's requests is taken."""
IN_MAX = 96 * 1024 * 1024
"""Bytes in line above which the peer is not read."""

_read = bytearray(256 * 1024)
"""What all peers are read through, one at a time: a buffer of this size made for each read would be
mapped, cut and unmapped each time."""
_view = memoryview(_read)
_JOIN_MAX = 128 * 1024
_PIECE_MIN = 64 * 1024
"""Bytes of a read from which on it is a large request's."""
_VECTOR_MAX = 256

Waiting = tuple[int, int, bytes]
"""A request in line: its id, when it came (ns, monotonic), its payload."""


class Closed(Exception):  # noqa: N818 - the ordinary end of a connection
    """The peer is gone, or is to be cut off; the text says why."""


class Connection:
    """A peer's socket with its queue and its unsent answers."""

    __slots__ = (
        "_decoder",
        "_out",
        "_socket",
        "fd",
        "in_size",
        "in_turn",
        "out_size",
        "queue",
        "serial",
        "taken_at",
    )

    def __init__(self, sock: socket.socket, serial: int) -> None:
        sock.setblocking(False)
        self._socket = sock
        self._decoder = frames.Decoder()
        self._out: list[bytes | memoryview] = []
        self.fd = sock.fileno()
        self.serial = serial
        self.taken_at = page.taken_index(serial)
        self.queue: deque[Waiting] = deque()
        self.in_size = 0
        self.out_size = 0
        self.in_turn = False

    def receive(self, now_ns: int) -> None:
        """Read what has arrived: queue requests, answer pings, drop what was cancelled.

        Raises:
            Closed: the peer is gone or broke the protocol.
        """
        try:
            size = self._socket.recv_into(_read)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            raise Closed(str(error)) from error
        if not size:
            raise Closed("end of stream")
        if size >= _PIECE_MIN:
            os.sched_yield()
        try:
            arrived = self._decoder.feed(_view[:size])
        except frames.FrameError as error:
            raise Closed(str(error)) from error
        queue = self.queue
        for kind, _flags, request_id, payload in arrived:
            if kind == frames.REQUEST:
                queue.append((request_id, now_ns, payload))
                self.in_size += len(payload)
            elif kind == frames.CANCEL:
                self._cancel(request_id)
            elif kind == frames.PING:
                self.send(frames.frame(frames.PONG, request_id, payload))
        if len(queue) > CREDIT:
            raise Closed(f"{len(queue)} requests in line with a credit of {CREDIT}")

    def missing(self) -> int:
        """How many bytes of a request that has begun to arrive are still to come."""
        return self._decoder.missing()

    def take(self) -> Waiting:
        """The next request in line."""
        waiting = self.queue.popleft()
        self.in_size -= len(waiting[2])
        return waiting

    def _cancel(self, request_id: int) -> None:
        for index, waiting in enumerate(self.queue):
            if waiting[0] == request_id:
                del self.queue[index]
                self.in_size -= len(waiting[2])
                self.refuse(request_id)
                return

    def refuse(self, request_id: int) -> None:
        """Give back a request that was not taken."""
        self.send(frames.frame(frames.REFUSED, request_id))

    def refuse_all(self) -> None:
        """Give back everything in line."""
        while self.queue:
            self.refuse(self.take()[0])

    def answer(self, request_id: int, status: int, meta: bytes, body: bytes) -> None:
        """Queue an answer; a large body is not copied."""
        if len(body) < _JOIN_MAX:
            self.send(frames.response(request_id, status, meta, body))
            return
        size = frames.RESPONSE_HEAD.size + len(meta) + len(body)
        head = frames.HEADER.pack(size, frames.VERSION, frames.RESPONSE, 0, request_id)
        self.send(head + frames.RESPONSE_HEAD.pack(status, len(meta)) + meta)
        self.send(body)

    def send(self, data: bytes) -> None:
        """Queue bytes for the peer; ``flush`` sends them."""
        self._out.append(data)
        self.out_size += len(data)

    def flush(self) -> bool:
        """Send what the socket takes; whether all of it is sent.

        Raises:
            Closed: the peer is gone.
        """
        while self._out:
            try:
                sent = self._send_some()
            except (BlockingIOError, InterruptedError):
                return False
            except OSError as error:
                raise Closed(str(error)) from error
            self._forget(sent)
        return True

    def _send_some(self) -> int:
        out = self._out
        if self.out_size > _JOIN_MAX:
            os.sched_yield()
            return self._socket.sendmsg(out[:_VECTOR_MAX])
        if len(out) > 1:
            out = self._out = [b"".join(out)]
        return self._socket.send(out[0])

    def _forget(self, sent: int) -> None:
        self.out_size -= sent
        if not self.out_size:
            self._out.clear()
            return
        whole = 0
        for chunk in self._out:
            if sent < len(chunk):
                break
            sent -= len(chunk)
            whole += 1
        del self._out[:whole]
        if sent:
            self._out[0] = memoryview(self._out[0])[sent:]

    def close(self) -> None:
        self._socket.close()


def parse(payload: bytes) -> tuple[int, bytes, bytes]:
    """(deadline ms, meta, body) of a REQUEST's payload.

    Raises:
        Closed: the payload is shorter than it says.
    """
    start = frames.REQUEST_HEAD.size
    if len(payload) < start:
        raise Closed("a REQUEST without its head")
    deadline_ms, meta_size = frames.REQUEST_HEAD.unpack_from(payload)
    if len(payload) < start + meta_size:
        raise Closed("a REQUEST shorter than its meta")
    stop = start + meta_size
    return deadline_ms, payload[start:stop], payload[stop:]


def accept(listener: socket.socket) -> Optional[socket.socket]:
    """The next waiting peer, if there is one."""
    try:
        return listener.accept()[0]
    except (BlockingIOError, InterruptedError, ConnectionError):
        return None
