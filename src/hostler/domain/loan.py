"""What a gateway and S3 tell each other about a client's connection that S3 is lent.

The gateway says where the request is: a preamble, together with the descriptor of the client's
socket; then the head and what it had read of the body. S3 reads the rest of the body and writes
the answer at the socket itself, and tells how far it is in single bytes.

Invariant: what S3 has written nothing for may still be answered by the gateway; a connection goes
on only behind a body that was read whole.
"""

import struct
from typing import NamedTuple

VERSION = b"HL01"
_PREAMBLE = struct.Struct(">4sIQQ")
SIZE = _PREAMBLE.size

ANSWERING = b"a"
"""S3: from here on it writes to the client."""
DONE = b"d"
"""S3, last: the body is read, the answer written; the next request may follow."""
LAST = b"l"
"""S3, last: the answer is written; it told the client that the connection ends."""


class Preamble(NamedTuple):
    """Where the parts of a request are; all in bytes."""

    head: int
    early: int
    """Of the body, behind the head."""
    rest: int
    """Of the body, to be read at the client's socket."""


def written(preamble: Preamble) -> bytes:
    """The preamble as it is sent."""
    return _PREAMBLE.pack(VERSION, *preamble)


def read(data: bytes) -> Preamble | None:
    """What was sent; None for what is no preamble of this version."""
    if len(data) != SIZE:
        return None
    version, *sizes = _PREAMBLE.unpack(data)
    return Preamble(*sizes) if version == VERSION else None
