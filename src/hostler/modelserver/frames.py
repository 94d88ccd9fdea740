"""The frames between a gateway (or control) and a model server's worker, on a Unix stream socket.

A frame is a 16-byte little-endian header and a payload::

    u32 length of the payload | u8 version | u8 kind | u16 flags | u64 request id

Invariant: credit before REQUEST. Credit is a window: HELLO opens it, CREDIT widens it, and the peer
keeps at most that many requests without their last answer (RESPONSE or PART without MORE, REFUSED),
which gives the credit back by itself. The worker takes a connection's requests in order, so what
was sent and not *taken* (above the id that the shared page says was taken last from this
connection) may be sent elsewhere after a death. Unknown kinds are skipped, so that a newer peer may
say more. Ids are the sender's, unique and increasing on a connection.
"""

from __future__ import annotations

import struct

VERSION = 1
HEADER = struct.Struct("<IBBHQ")
HEADER_SIZE = HEADER.size
PAYLOAD_MAX = 64 * 1024 * 1024

# Kinds, by who sends them.
HELLO = 1
"""Worker, first: payload u32 initial credit | u32 worker index | u32 worker pid (its own view).

Its request id is the connection's serial, by which the shared page names this connection.
"""
CREDIT = 2
"""Worker: payload u32 further requests it is ready to receive."""
REQUEST = 3
"""Peer: payload u32 deadline in ms from now (0: none) | u16 meta length | meta | body.

One whose deadline passed before it was taken comes back as REFUSED.
"""
RESPONSE = 4
"""Worker: payload u16 status | u16 meta length | meta | body. Last of its id unless MORE is set."""
PART = 5
"""Worker: payload is further body; last of its id unless MORE is set."""
CANCEL = 6
"""Peer: nobody waits for this id any more. It still gets its last answer, which is dropped: REFUSED
at once when it was not taken, else whatever the model says.
"""
PING = 7
"""Peer: answered by PONG with the same id and payload, between requests."""
PONG = 8
GOAWAY = 9
"""Worker: takes no further REQUEST on this connection; those not taken come back as REFUSED."""
REFUSED = 10
"""Worker: this id was not and will not be taken; safe to send elsewhere."""

MORE = 1  # flag on RESPONSE and PART

REQUEST_HEAD = struct.Struct("<IH")
RESPONSE_HEAD = struct.Struct("<HH")
META_MAX = 0xFFFF
CREDIT_PAYLOAD = struct.Struct("<I")
HELLO_PAYLOAD = struct.Struct("<III")

# Meta is NUL-joined latin-1 fields by position; missing trailing fields are empty.
REQUEST_META = (
    "content_type",
    "accept",
    "custom_attributes",
    "inference_id",
    "target_model",
    "session_id",
)
RESPONSE_META = ("content_type", "custom_attributes", "session_id", "error", "closed_session_id")
"""``error`` is non-empty when the model's code raised: the exception's one-line text."""


class FrameError(Exception):
    """The peer broke the protocol: the connection is closed, nothing else is touched."""


def frame(kind: int, request_id: int, payload: bytes = b"", flags: int = 0) -> bytes:
    """One whole frame."""
    return HEADER.pack(len(payload), VERSION, kind, flags, request_id) + payload


def request(request_id: int, deadline_ms: int, meta: bytes, body: bytes) -> bytes:
    """A REQUEST frame; ``meta`` is NUL-joined, ``body`` the payload for the model."""
    size = REQUEST_HEAD.size + len(meta) + len(body)
    return b"".join(
        (
            HEADER.pack(size, VERSION, REQUEST, 0, request_id),
            REQUEST_HEAD.pack(deadline_ms, len(meta)),
            meta,
            body,
        )
    )


def response(request_id: int, status: int, meta: bytes, body: bytes, flags: int = 0) -> bytes:
    """A RESPONSE frame; ``meta`` is NUL-joined."""
    size = RESPONSE_HEAD.size + len(meta) + len(body)
    return b"".join(
        (
            HEADER.pack(size, VERSION, RESPONSE, flags, request_id),
            RESPONSE_HEAD.pack(status, len(meta)),
            meta,
            body,
        )
    )


class Decoder:
    """Cuts a byte stream into frames: feed it what arrived, iterate over what is complete."""

    def __init__(self, payload_max: int = PAYLOAD_MAX) -> None:
        self.payload_max = payload_max
        self._buffer = bytearray()
        self._needed = HEADER_SIZE

    def missing(self) -> int:
        """How many bytes of the frame that has begun are still to come; 0 where none has."""
        return self._needed - len(self._buffer) if self._buffer else 0

    def feed(self, arrived: bytes | memoryview) -> list[tuple[int, int, int, bytes]]:
        """Complete frames as (kind, flags, request id, payload bytes), in order.

        What arrived is copied: once where it is whole frames, and once more where a frame came in
        pieces. Raises FrameError for another version or a payload above the limit.
        """
        data: bytes | memoryview
        if self._buffer:
            self._buffer += arrived
            if len(self._buffer) < self._needed:
                return []
            data, self._buffer = memoryview(self._buffer), bytearray()
        else:
            data = bytes(arrived)
        frames = []
        offset, end = 0, len(data)
        needed = HEADER_SIZE
        while end - offset >= HEADER_SIZE:
            length, version, kind, flags, request_id = HEADER.unpack_from(data, offset)
            if version != VERSION:
                raise FrameError(f"frame version {version}, expected {VERSION}")
            if length > self.payload_max:
                raise FrameError(f"frame of {length} bytes, limit {self.payload_max}")
            stop = offset + HEADER_SIZE + length
            if stop > end:
                needed = stop - offset
                break
            frames.append((kind, flags, request_id, bytes(data[offset + HEADER_SIZE : stop])))
            offset = stop
        if offset < end:
            self._buffer += data[offset:]
            self._needed = needed
        return frames
