"""Reads a ``.tar.gz`` that nobody vouches for: its members, within limits, to the gzip trailer.

Invariant: nothing of a declared size is believed before it was read, and a member comes out only
with a header whose checksum is right; ``members`` ends only at the end mark of a sound stream.
"""

from __future__ import annotations

import tarfile
import zlib
from dataclasses import dataclass
from typing import BinaryIO, Iterator

from .failures import CORRUPT_ARCHIVE, HOSTILE_ARCHIVE

BLOCK = 512
CHUNK = 1024 * 1024
_EXTENSION_MAX = 1024 * 1024
"""Bytes of a long name or of extended headers."""
_PAX = (tarfile.XHDTYPE, tarfile.SOLARIS_XHDTYPE)


@dataclass(frozen=True)
class Limits:
    """What an archive may cost.

    ``ratio_max`` is of unpacked bytes per packed byte, from ``ratio_from_bytes`` unpacked on:
    below, no ratio is too good to be true (weights of zeros, a table of one value).
    """

    bytes_max: int = 64 * 1024**3
    entries_max: int = 100_000
    depth_max: int = 32
    ratio_max: int = 250
    ratio_from_bytes: int = 1024**3
    deadline_s: float = 1200.0


class Refused(Exception):  # noqa: N818 - the outcome this program exists for
    """The archive is not unpacked; ``cause`` is a FailureCause value."""

    def __init__(self, cause: str, message: str) -> None:
        super().__init__(message)
        self.cause = cause


@dataclass
class Member:
    """A header with its extensions applied."""

    kind: bytes
    path: str
    target: str
    size: int
    mode: int


class Gunzip:
    """Reads a gzip stream to its very end, within limits; zlib verifies each trailer's CRC."""

    def __init__(self, source: BinaryIO, limits: Limits) -> None:
        self._source = source
        self._limits = limits
        self._inflate = zlib.decompressobj(wbits=31)
        self._packed = b""
        self._unpacked = bytearray()
        self._packed_total = 0
        self._total = 0
        self._ended = False

    def read(self, size: int) -> bytes:
        """Exactly ``size`` bytes, fewer only at the end of the stream."""
        while len(self._unpacked) < size and not self._ended:
            self._more()
        data = bytes(self._unpacked[:size])
        del self._unpacked[:size]
        return data

    def _more(self) -> None:
        ended = False
        if not self._packed:
            self._packed = self._source.read(CHUNK)
            self._packed_total += len(self._packed)
            ended = not self._packed
        try:
            data = self._inflate.decompress(self._packed, CHUNK)
        except zlib.error as error:
            text = f"the archive is not a sound .tar.gz: {error}"
            raise Refused(CORRUPT_ARCHIVE, text) from None
        if ended and not data and not self._inflate.eof:
            raise Refused(CORRUPT_ARCHIVE, "the archive ends in the middle: it is truncated")
        self._packed = self._inflate.unconsumed_tail
        self._unpacked += data
        self._total += len(data)
        self._check()
        if self._inflate.eof:
            self._next_stream(self._inflate.unused_data)

    def _check(self) -> None:
        limits = self._limits
        if self._total > limits.bytes_max:
            raise Refused(
                HOSTILE_ARCHIVE, f"the archive unpacks to more than {limits.bytes_max} bytes"
            )
        ratio = self._total / max(1, self._packed_total)
        if self._total > limits.ratio_from_bytes and ratio > limits.ratio_max:
            raise Refused(
                HOSTILE_ARCHIVE,
                f"the archive unpacks to more than {limits.ratio_max} times its size",
            )

    def _next_stream(self, rest: bytes) -> None:
        """A gzip file may hold several streams, and zeros after the last."""
        while not rest.strip(b"\0"):
            rest = self._source.read(CHUNK)
            self._packed_total += len(rest)
            if not rest:
                self._ended = True
                return
        rest = rest.lstrip(b"\0")
        if not rest.startswith(b"\x1f"):
            raise Refused(CORRUPT_ARCHIVE, "the archive has garbage after its end")
        self._packed = rest
        self._inflate = zlib.decompressobj(wbits=31)


def members(stream: Gunzip, limits: Limits) -> Iterator[Member]:
    """The archive's members in order; the consumer reads each one's data before the next.

    Ends only after the end-of-archive mark and everything behind it was read.
    """
    extensions: dict[str, str] = {}
    for count in range(limits.entries_max * 3 + 1):
        block = stream.read(BLOCK)
        if len(block) < BLOCK:
            raise Refused(
                CORRUPT_ARCHIVE, "the archive has no end mark: it is not a whole tar file"
            )
        if block == bytes(BLOCK):
            while stream.read(CHUNK):
                pass
            return
        try:
            header = tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
        except tarfile.HeaderError as error:
            hint = " (is it a tar file?)" if count == 0 else ""
            raise Refused(
                CORRUPT_ARCHIVE, f"the archive has a broken header: {error}{hint}"
            ) from None
        if header.size < 0:
            raise Refused(CORRUPT_ARCHIVE, "the archive has a member of negative size")
        if header.type in _PAX:
            extensions.update(_pax(_extension(stream, header.size)))
        elif header.type == tarfile.XGLTYPE:
            _extension(stream, header.size)
        elif header.type == tarfile.GNUTYPE_LONGNAME:
            extensions["path"] = _text(_extension(stream, header.size).partition(b"\0")[0])
        elif header.type == tarfile.GNUTYPE_LONGLINK:
            extensions["linkpath"] = _text(_extension(stream, header.size).partition(b"\0")[0])
        else:
            yield _member(header, extensions)
            extensions = {}
    raise Refused(HOSTILE_ARCHIVE, f"the archive has more than {limits.entries_max} members")


def _member(header: tarfile.TarInfo, extensions: dict[str, str]) -> Member:
    if any(name.startswith("GNU.sparse") for name in extensions):
        raise Refused(HOSTILE_ARCHIVE, f"{shown(header.name)} is a sparse file")
    size = extensions.get("size", "")
    if size and not size.isdecimal():
        raise Refused(CORRUPT_ARCHIVE, f"{shown(header.name)} has the size {shown(size)}")
    return Member(
        kind=header.type,
        path=extensions.get("path", header.name),
        target=extensions.get("linkpath", header.linkname),
        size=int(size) if size else header.size,
        mode=header.mode,
    )


def _extension(stream: Gunzip, size: int) -> bytes:
    if size > _EXTENSION_MAX:
        raise Refused(HOSTILE_ARCHIVE, f"the archive has an extended header of {size} bytes")
    padded = -(-size // BLOCK) * BLOCK
    data = stream.read(padded)
    if len(data) < padded:
        raise Refused(CORRUPT_ARCHIVE, "the archive ends inside an extended header")
    return data[:size]


def _pax(data: bytes) -> dict[str, str]:
    """Records: their length, a space, key=value, a newline."""
    records = {}
    at = 0
    while at < len(data):
        digits = data[at : at + 8].partition(b" ")[0]
        length = int(digits) if digits.isdigit() and len(digits) < 8 else 0
        # Cut out once: a header may hold as many records as it has room for.
        record = data[at + len(digits) + 1 : at + length]
        key, mark, value = record.partition(b"=")
        if not mark or not value.endswith(b"\n") or at + length > len(data):
            raise Refused(CORRUPT_ARCHIVE, "the archive has a broken extended header")
        records[_text(key)] = _text(value[:-1])
        at += length
    return records


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def shown(name: str) -> str:
    """A name for a message: printable, bounded, quoted."""
    return ascii(name if len(name) <= 100 else name[:100] + "…")
