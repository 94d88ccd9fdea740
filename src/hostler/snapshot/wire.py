"""The messages between publisher and subscribers: u32 little-endian length, then msgpack.

Subscriber, first: ``{"v": 1, "kind": "gateway"|"s3", "name": …, "pid": …}``; then one
``{"generation": n}`` for each snapshot it has put to use; a gateway says in the same form, with
``demands``, which serverless variants are used. Publisher: whole snapshots (``codec``).

Invariant: no message is above ``MESSAGE_MAX`` bytes; a peer that announces more is cut off. A
subscriber's ``v`` may be the publisher's or an earlier one, whose fields are a part of today's: a
later one is refused.
"""

import asyncio
import struct

import msgspec

from hostler.domain.snapshot import Demand

VERSION = 1
LENGTH = struct.Struct("<I")
MESSAGE_MAX = 64 * 1024 * 1024
GREETING_MAX = 4096
DEMANDS_MAX = 8
"""In one message, so that it stays below ``GREETING_MAX``."""


class WireError(Exception):
    """The peer broke the protocol; the connection is closed."""


class Greeting(msgspec.Struct, frozen=True):
    """Who subscribes; the publisher waits for the acknowledgements of kind ``gateway``."""

    v: int
    kind: str
    name: str
    pid: int


class _Version(msgspec.Struct):
    v: int


class Acknowledgement(msgspec.Struct, frozen=True, omit_defaults=True):
    """The snapshot of this generation is in force at the subscriber.

    A publisher of an earlier version takes no notice of ``demands`` and ``differs``.
    """

    generation: int
    demands: tuple[Demand, ...] = ()
    differs: bool = False
    """What was sent has the number of the one in force, and is another: it was ignored."""


def greeting(message: bytes) -> Greeting:
    """Who subscribes; raises WireError for one of a newer Hostler, DecodeError for a stranger."""
    version = msgspec.msgpack.decode(message, type=_Version).v
    if version > VERSION:
        raise WireError(
            f"it speaks version {version} of the snapshot wire, this Hostler up to {VERSION}: end "
            "the processes of the newer Hostler"
        )
    return msgspec.msgpack.decode(message, type=Greeting)


def packed(message: bytes | msgspec.Struct) -> bytes:
    """A message with its length before it."""
    data = message if isinstance(message, bytes) else msgspec.msgpack.encode(message)
    return LENGTH.pack(len(data)) + data


async def receive(reader: asyncio.StreamReader, limit: int = MESSAGE_MAX) -> bytes:
    """The next message; raises WireError, or IncompleteReadError at the end of the stream."""
    (length,) = LENGTH.unpack(await reader.readexactly(LENGTH.size))
    if length > limit:
        raise WireError(f"message of {length} bytes, limit {limit}")
    return await reader.readexactly(length)
