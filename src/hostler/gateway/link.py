"""One connection to one worker of a model server, speaking ``modelserver.frames``.

Invariant: nothing that happens to one invocation (its client gone, its answer malformed, a defect
of ours while answering it) disturbs the others on the connection; an answer to an id that nobody
waits for is dropped.
"""

import asyncio
import struct
import sys
from typing import TYPE_CHECKING, cast

from hostler.gateway import forward
from hostler.gateway.stream import STREAM_MIN, Stream
from hostler.modelserver import frames

if TYPE_CHECKING:
    from hostler.gateway.request import Request
    from hostler.gateway.target import Target

_VERSION, _REQUEST, _RESPONSE, _MORE = frames.VERSION, frames.REQUEST, frames.RESPONSE, frames.MORE
_REQUEST_HEAD_SIZE = frames.REQUEST_HEAD.size
_pack = struct.Struct("<IBBHQIH").pack  # a frame's header, then REQUEST_HEAD
_unpack_header = frames.HEADER.unpack_from
_unpack_response = frames.RESPONSE_HEAD.unpack_from
_HEADER_SIZE = frames.HEADER_SIZE
_ANSWER_OFFSET = frames.HEADER_SIZE + frames.RESPONSE_HEAD.size
_JOIN_MAX = 256 * 1024
"""Frames below this together are written as one piece; above, bodies are not copied."""
_COUNTED_MIN = 2 * 1024
"""Requests below this are never large together: no more than a window of them leave in a turn."""
_UNSENT_MAX, _UNSENT_LOW = 1024 * 1024, 256 * 1024
"""Bytes that wait for the socket: above the first nothing is sent until below the second."""


class Link(asyncio.Protocol):
    """A connection; its target hears of its beginning and its end."""

    __slots__ = (
        "_chunks",
        "_granted",
        "_have",
        "_held_back",
        "_kept",
        "_leaving_from",
        "_need",
        "_out",
        "_parts",
        "_queued",
        "_stream",
        "_taken_in",
        "_unsent",
        "_written",
        "_written_to",
        "full",
        "going_away",
        "inflight",
        "line_max",
        "next_id",
        "outer_pid",
        "pid",
        "pinged",
        "ready",
        "serial",
        "silence_s",
        "silent",
        "slot",
        "target",
        "transport",
        "unanswered",
        "window",
    )

    def __init__(self, target: "Target", slot: int) -> None:
        self.target = target
        self.slot = slot
        self.transport: asyncio.Transport = cast("asyncio.Transport", None)
        self.ready = False
        self.going_away = False
        self.silent = False
        """It seems to be stopped: nothing is sent until it is heard again."""
        self.full = False
        """A large request is leaving, or several that are as large together. What follows waits in
        the pool, whose room is bounded: uvloop holds what is written together until all of it
        has left, and so would hold bodies that are answered."""
        self._queued = 0
        """Bytes of this turn's requests that are not small."""
        self._held_back = False
        self._leaving_from = self._written_to = 1
        """The first id of what was written last, and the first of what was not."""
        self._kept: list[Request] = []
        """Nobody waits for them any more; their bytes are still here."""
        self.window = 0
        """How many requests may be unanswered: the credit granted, within ``line_max``."""
        self.line_max = sys.maxsize
        self.unanswered = 0
        self.inflight: dict[int, Request | None] = {}
        """By id, in order of sending; None for those nobody waits for any more."""
        self.next_id = 1
        self.serial = 0
        self.pid = 0
        """As the worker names itself."""
        self.outer_pid = 0
        """As it is known here; 0 until it was looked for."""
        self._granted = 0
        self.silence_s = 0.0
        """For how long nothing was heard while anything is awaited, counted by the sweep."""
        self._written = 0
        self._taken_in = 0
        self._unsent = 0
        """Bytes that had left here at the last sweep, and those that had not."""
        self.pinged = False
        self._out: list[bytes] = []
        """What this turn of the loop sends: uvloop would make a system call of each write."""
        self._chunks: list[bytes] = []
        self._have = 0
        self._need = _HEADER_SIZE
        self._parts: dict[int, tuple[int, bytes, list[bytes], int]] = {}
        self._stream: Stream | None = None
        """The large answer whose rest comes next."""

    # what the gateway calls

    def available(self) -> bool:
        """Whether a request may be sent now."""
        return (
            self.unanswered < self.window
            and self.ready
            and not self.going_away
            and not self.silent
            and not self.full
        )

    def bound_line(self, line_max: int) -> None:
        """Leave no more than this unanswered, whatever credit there is."""
        self.line_max = line_max
        self.window = min(self._granted, line_max)

    def send(self, invocation: "Request", deadline_ms: int) -> int:
        """Send a request; its id here."""
        link_id = self.next_id
        self.next_id = link_id + 1
        self.inflight[link_id] = invocation
        self.unanswered += 1
        target = self.target
        target.outstanding += 1  # as ``Target.count``, without the call
        if target.row >= 0:
            target.counts.add(target.row, 1)
        meta = invocation.meta
        meta_size = len(meta)
        size = _REQUEST_HEAD_SIZE + meta_size + invocation.size
        out = self._out
        if not out:
            target.soon(self._flush)
        out.append(_pack(size, _VERSION, _REQUEST, 0, link_id, deadline_ms, meta_size))
        out.append(meta)
        out += invocation.pieces
        if size > _COUNTED_MIN:
            self._queued += size
            if self._queued > _JOIN_MAX:
                self.full = True
        return link_id

    def sent(self) -> int:
        """How many requests were sent so far."""
        return self.next_id - 1

    def abandon(self, link_id: int) -> None:
        """Nobody waits for this id any more; its place comes back with its answer."""
        request = self.inflight.get(link_id)
        if request is not None:
            if self._held_back and link_id >= self._leaving_from:
                self._kept.append(request)
                request.keep()
            self.inflight[link_id] = None
            self._parts.pop(link_id, None)
            self._write(frames.frame(frames.CANCEL, link_id))

    def ping(self) -> None:
        """Ask an idle worker for a sign of life."""
        self.pinged = True
        self.silence_s = 0.0
        self._write(frames.frame(frames.PING, 0))

    def takes_in(self) -> bool:
        """Whether the worker has read anything of what did not leave here when this was asked last.

        What leaves here at once says nothing: the kernel keeps some for a worker that is stopped.
        """
        before, waited = self._taken_in, self._unsent > 0
        self._unsent = self.transport.get_write_buffer_size()
        self._taken_in = self._written - self._unsent
        return waited and self._taken_in > before

    def close(self) -> None:
        """End the connection; its target sees to what is in flight on it."""
        if self.transport is not None:
            self.transport.abort()

    # asyncio's callbacks

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.transport.set_write_buffer_limits(_UNSENT_MAX, _UNSENT_LOW)
        self.target.joined(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        self.ready = False
        self._let_go()
        self.target.lost(self)

    def pause_writing(self) -> None:
        self.full = self._held_back = True

    def resume_writing(self) -> None:
        self._held_back = False
        self._let_go()
        self._make_room()

    def data_received(self, data: bytes) -> None:
        if self._stream is not None:
            data = self._pass_on(self._stream, data)
        if self._have:
            self._chunks.append(data)
            self._have += len(data)
            if self._have < self._need:
                return
            data = b"".join(self._chunks)
            self._chunks, self._have = [], 0
        try:
            offset = self._frames(data)
        except (frames.FrameError, struct.error) as error:
            self.target.report(f"broke the protocol: {error}")
            self.close()
            return
        if offset < len(data):
            self._chunks, self._have = [data[offset:] if offset else data], len(data) - offset
        if self.target.pool.waiting:
            self.target.pool.pump()

    # inside

    def _write(self, *pieces: bytes) -> None:
        if not self._out:
            self.target.soon(self._flush)
        self._out += pieces

    def _flush(self) -> None:
        out, self._out = self._out, []
        self._queued = 0
        if self.next_id != self._written_to:  # else this is no request
            self._leaving_from, self._written_to = self._written_to, self.next_id
        if self.transport.is_closing():
            return
        size = sum(map(len, out))
        self._written += size
        if size <= _JOIN_MAX:
            self.transport.write(b"".join(out))
        else:
            self.transport.writelines(out)
        if self.full and not self._held_back:
            self._make_room()

    def _let_go(self) -> None:
        """What was written has left, or never will."""
        kept, self._kept = self._kept, []
        for request in kept:
            request.has_left()

    def _make_room(self) -> None:
        self.full = False
        if self.target.pool.waiting:
            self.target.pool.pump()

    def _frames(self, data: bytes) -> int:
        """Handle the whole frames in ``data``; where the first incomplete one begins."""
        self.pinged = self.silent = False
        self.silence_s = 0.0
        offset, end = 0, len(data)
        while end - offset >= _HEADER_SIZE:
            length, version, kind, flags, link_id = _unpack_header(data, offset)
            if version != _VERSION:
                raise frames.FrameError(f"frame version {version}, expected {frames.VERSION}")
            stop = offset + _HEADER_SIZE + length
            if stop > end:
                if length > frames.PAYLOAD_MAX:
                    raise frames.FrameError(f"frame of {length} bytes")
                if kind == _RESPONSE and length >= STREAM_MIN and not flags & _MORE:
                    return self._begin(data, offset, stop, link_id)
                self._need = stop - offset
                return offset
            if kind == _RESPONSE:
                status, meta_length = _unpack_response(data, offset + _HEADER_SIZE)
                meta_at = offset + _ANSWER_OFFSET
                body_at = meta_at + meta_length
                if body_at > stop:
                    raise frames.FrameError("an answer's meta is longer than its frame")
                if flags & _MORE:
                    self._first_part(link_id, status, data[meta_at:body_at], data[body_at:stop])
                else:
                    invocation = self._give_back(link_id)
                    if invocation is not None:
                        invocation.reply(status, data[meta_at:body_at], data[body_at:stop])
            else:
                self._other(kind, flags, link_id, data[offset + _HEADER_SIZE : stop])
            offset = stop
        self._need = _HEADER_SIZE
        return offset

    def _begin(self, data: bytes, offset: int, stop: int, link_id: int) -> int:
        """Pass on what is here of a large answer; where what was not used begins."""
        end, body_at = len(data), offset + _ANSWER_OFFSET
        if end >= body_at:
            status, meta_length = _unpack_response(data, offset + _HEADER_SIZE)
            body_at += meta_length
            if body_at > stop:
                raise frames.FrameError("an answer's meta is longer than its frame")
        if end < body_at:
            self._need = body_at - offset
            return offset
        if link_id not in self.inflight:
            raise frames.FrameError(f"an answer to id {link_id}, which is not awaited")
        meta = data[offset + _ANSWER_OFFSET : body_at]
        stream = Stream(link_id, self.inflight[link_id], status, meta, stop - body_at)
        self._need = _HEADER_SIZE
        self._pass_on(stream, data[body_at:])
        return end

    def _pass_on(self, stream: Stream, data: bytes) -> bytes:
        """Give a large answer more of what came; what follows it."""
        self.pinged = self.silent = False
        self.silence_s = 0.0
        after = stream.take(data, self.inflight.get(stream.link_id))
        self._stream = stream if stream.rest else None
        if not stream.rest:
            stream.end(self._give_back(stream.link_id))
        return after

    def _answered(self, link_id: int, status: int, meta: bytes, body: bytes) -> None:
        invocation = self._give_back(link_id)
        if invocation is not None:
            invocation.reply(status, meta, body)

    def _give_back(self, link_id: int) -> "Request | None":
        try:
            invocation = self.inflight.pop(link_id)
        except KeyError:
            raise frames.FrameError(f"an answer to id {link_id}, which is not awaited") from None
        self.unanswered -= 1
        target = self.target
        target.outstanding -= 1
        if target.row >= 0:
            target.counts.add(target.row, -1)
        return invocation

    def _other(self, kind: int, flags: int, link_id: int, payload: bytes) -> None:
        match kind:
            case frames.PART:
                self._part(flags, link_id, payload)
            case frames.REFUSED:
                self._parts.pop(link_id, None)
                invocation = self._give_back(link_id)
                if invocation is not None:
                    invocation.given_back()
            case frames.HELLO:
                if self.serial or not link_id:  # by it we tell what the worker has taken
                    raise frames.FrameError(f"a greeting with serial {link_id}, or a second one")
                credit, _index, self.pid = frames.HELLO_PAYLOAD.unpack_from(payload)
                self.serial = link_id
                self._grant(credit)
                self.ready = True
                self.target.pool.pump()
            case frames.CREDIT:
                self._grant(frames.CREDIT_PAYLOAD.unpack_from(payload)[0])
            case frames.GOAWAY:
                self.going_away = True
            case _:
                pass  # PONG was heard; unknown kinds are a newer peer's

    def _grant(self, credit: int) -> None:
        self._granted += credit
        self.bound_line(self.line_max)

    def _first_part(self, link_id: int, status: int, meta: bytes, piece: bytes) -> None:
        if link_id not in self.inflight:
            raise frames.FrameError(f"a part for id {link_id}, which is not awaited")
        if self.inflight[link_id] is not None:  # else nobody waits for it any more
            self._parts[link_id] = (status, meta, [piece], len(piece))

    def _part(self, flags: int, link_id: int, payload: bytes) -> None:
        if link_id in self._parts:
            status, meta, pieces, size = self._parts[link_id]
            size += len(payload)
            if size <= frames.PAYLOAD_MAX:
                pieces.append(payload)
            else:  # dropped, as is all that follows: the size stays above the limit
                (status, meta), pieces = forward.TOO_LONG, []
            self._parts[link_id] = (status, meta, pieces, size)
        if not flags & frames.MORE:
            status, meta, pieces, _ = self._parts.pop(link_id, (*forward.TOO_LONG, [], 0))
            self._answered(link_id, status, meta, b"".join(pieces))
