"""A short cut for heads like one before: compared with it instead of parsed.

A client sends nearly the same head again and again: between two requests only the time, the
signature, the length and a retry's notes change, each in its place. A mould is such a head with
holes. A request that arrives whole, in one piece, and fits is known without a parser; its signature
is verified like any other's.

Invariant: a mould is cast only from a request that httptools has read, whose signature was good and
which asked for nothing unusual. Whatever fits, httptools would have read in the same way: outside
the holes it is byte for byte the same, inside them stand only ordinary characters. Tests hold the
two against each other.
"""

import struct
from itertools import chain, pairwise
from typing import TYPE_CHECKING

from hostler.aws.recurring import CHANGING, Recurring
from hostler.gateway.head import Head

if TYPE_CHECKING:
    from hostler.gateway.short import Way

MOULDS_MAX = 1024
ALIKE_MAX = 8
"""Moulds of one request line and length."""

_HOLES = CHANGING | {"x-amz-date"}
"""Beside the signature. No hole is signed but the time's, which is verified as it came: of requests
that sign others nothing recurs."""
_NOTE_MARKS = b"-=; "

_KEPT = 1024
_DECIMALS = tuple(b"%d" % number for number in range(_KEPT))

Hole = tuple[int, int]


Claim = tuple[str, str, bytes]
"""What is a request's own: the time of its signature, the signature, and the body."""


class Mould:
    """A head with holes."""

    __slots__ = (
        "_casts",
        "_cut",
        "_length",
        "_notes",
        "_signature",
        "_stamp",
        "head",
        "meta",
        "name",
        "recurring",
        "way",
    )

    def __init__(
        self, head: Head, raw: bytes, holes: dict[str, Hole], name: str, recurring: Recurring
    ) -> None:
        self.head = head
        """The head it was cast from: right in all that is not a hole."""
        self.name = name
        self.meta = b""
        self.recurring = recurring
        self.way: Way | None = None
        """Where its requests go, once the chain has found it."""
        every = sorted(holes.values())
        starts = (0, *(stop for _, stop in every))
        stops = (*(start for start, _ in every), len(raw))
        edges = chain.from_iterable(zip(starts, stops, strict=True))
        self._cut = struct.Struct("".join(f"{stop - start}s" for start, stop in pairwise(edges)))
        """Cuts a head into what is the same (even places) and the holes (odd places)."""
        self._casts = self._cut.unpack_from(raw)[::2]
        places = {hole: 2 * number + 1 for number, hole in enumerate(every)}
        self._stamp = places[holes.pop("x-amz-date")]
        self._signature = places[holes.pop("authorization")]
        self._length = places[holes.pop("content-length")]
        self._notes = tuple(places[hole] for hole in holes.values())

    def fit(self, data: bytes) -> Claim | None:
        """What is its own of a request that fits; None for one that does not."""
        end = self._cut.size
        if len(data) < end:
            return None
        parts = self._cut.unpack_from(data)
        if parts[::2] != self._casts:
            return None
        body = data[end:]
        size = len(body)
        stamp, signature = parts[self._stamp], parts[self._signature]
        if (
            parts[self._length] != (_DECIMALS[size] if size < _KEPT else b"%d" % size)
            or not stamp.isalnum()
            or not signature.isalnum()
        ):
            return None
        for note in self._notes:
            if not parts[note].translate(None, _NOTE_MARKS).isalnum():
                return None
        return stamp.decode(), signature.decode(), body


class Moulds:
    """The moulds of all clients (bounded)."""

    def __init__(self) -> None:
        self._by_line: dict[tuple[int, bytes], list[Mould]] = {}

    def find(self, data: bytes) -> tuple[Mould, Claim] | None:
        """A mould that fits, and what is the request's own."""
        end = data.find(b"\r\n\r\n") + 4
        for mould in self._by_line.get((end, data[: data.find(b"\r\n")]), ()):
            claim = mould.fit(data)
            if claim is not None:
                return mould, claim
        return None

    def cast(self, head: Head, data: bytes, name: str, recurring: Recurring) -> Mould | None:
        """Keep the mould of a whole request; None for one that is not spelt in the usual way.

        Nor is one kept of HTTP/1.0, where a request is the last on its connection.
        """
        line = f"{head.method} {head.target} HTTP/{head.version}".encode("latin-1")
        raw = b"\r\n".join((line, *(b"%b: %b" % header for header in head.raw), b"\r\n"))
        holes = _holes(head, len(line) + 2)
        if head.version != "1.1" or not head.shape.is_plain:
            return None
        if holes is None or not data.startswith(raw):
            return None
        mould = Mould(head, raw, holes, name, recurring)
        if mould.fit(data) is None:
            return None
        key = (len(raw), line)
        alike = self._by_line.pop(key, [])
        while len(self._by_line) >= MOULDS_MAX:
            del self._by_line[next(iter(self._by_line))]
        self._by_line[key] = [mould, *alike[: ALIKE_MAX - 1]]
        return mould


def _varies(name: str, value: bytes) -> bool:
    """Whether it changes with each request; a count of attempts without a time hardly does."""
    return name != "amz-sdk-request" or b"ttl=" in value


def _holes(head: Head, offset: int) -> dict[str, Hole] | None:
    """Where what changes stands, by header; None without all that must."""
    holes: dict[str, Hole] = {}
    for name, (sent, value) in zip(head.shape.names, head.raw, strict=True):
        start = offset + len(sent) + 2
        offset = start + len(value) + 2
        if name in _HOLES and _varies(name, value):
            holes[name] = (start, offset - 2)
        elif name == "authorization":
            before, mark, _ = value.rpartition(b"Signature=")
            if mark:
                holes[name] = (start + len(before) + len(mark), offset - 2)
    return holes if {"x-amz-date", "content-length", "authorization"} <= holes.keys() else None
