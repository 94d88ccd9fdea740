"""An instance's output on disk until it is ingested: bounded segments, written without waiting.

A segment ``{number:08}.log`` is a header (magic, u32 version, u64 sequence of its first record) and
records (u32 length, u32 crc32, u64 time in ms since the epoch, u8 stream, the line in UTF-8).

Invariant: one writer at a time, and sequences count every line ever offered, so that a reader knows
how many it missed when old segments were dropped or a disk was full. A torn tail reads as the end.
"""

from __future__ import annotations

import contextlib
import errno
import os
import struct
import zlib
from typing import Callable, Iterator, NamedTuple

VERSION = 1
MAGIC = b"HSPL"
SEGMENT_BYTES = 1024 * 1024
SEGMENTS_MAX = 8
LINE_MAX = 32 * 1024
"""Longer lines are cut into records of this many bytes."""

PLATFORM, STDOUT, STDERR = 0, 1, 2

_HEADER = struct.Struct("<4sIQ")
_RECORD = struct.Struct("<IIQB")


class Record(NamedTuple):
    """A line: when it arrived (ms since the epoch), where from, and its text without newline."""

    time_ms: int
    stream: int
    line: str


class Position(NamedTuple):
    """Where a reader goes on; ``str`` and ``parse`` keep it in a database."""

    segment: int = 0
    offset: int = 0
    sequence: int = 0

    def __str__(self) -> str:
        return f"{self.segment}:{self.offset}:{self.sequence}"

    @classmethod
    def parse(cls, text: str) -> Position:
        """The inverse of ``str``; an empty text is the beginning."""
        if not text:
            return cls()
        segment, offset, sequence = text.split(":")
        return cls(int(segment), int(offset), int(sequence))


BEGINNING = Position()


class Writer:
    """Appends lines to the spool in an open folder, after an earlier writer's segments."""

    def __init__(self, directory_fd: int, *, segment_bytes: int = SEGMENT_BYTES) -> None:
        self._directory = directory_fd
        self._segment_bytes = segment_bytes
        self._segments = _segments(directory_fd)
        self._sequence = _next_sequence(directory_fd, self._segments)
        self._file = -1
        self._size = 0

    def append(self, time_ms: int, stream: int, lines: list[bytes]) -> None:
        """Write lines (no newlines in them); what a full disk refuses is counted as lost."""
        pieces = [
            line[start : start + LINE_MAX]
            for line in lines
            for start in range(0, max(len(line), 1), LINE_MAX)
        ]
        batch: list[bytes] = []
        size = 0
        for piece in pieces:
            batch.append(_RECORD.pack(len(piece), _check(piece, stream), time_ms, stream) + piece)
            size += len(batch[-1])
            if size >= self._segment_bytes:
                self._write(batch)
                batch, size = [], 0
        if batch:
            self._write(batch)

    def close(self) -> None:
        """Close the open segment."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _write(self, batch: list[bytes]) -> None:
        data = b"".join(batch)
        try:
            if self._file < 0 or self._size + len(data) > self._segment_bytes:
                self._roll()
            if os.write(self._file, data) != len(data):
                raise OSError(errno.ENOSPC, "short write")  # noqa: TRY301 - the same remedy
            self._size += len(data)
        except OSError:
            # The gap in the sequences tells the reader; a new segment begins after it.
            with contextlib.suppress(OSError):
                if self._file >= 0:
                    os.ftruncate(self._file, self._size)
            self.close()
        self._sequence += len(batch)

    def _roll(self) -> None:
        self.close()
        number = self._segments[-1] + 1 if self._segments else 1
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
        self._file = os.open(_name(number), flags, 0o644, dir_fd=self._directory)
        try:
            os.fchmod(self._file, 0o644)  # control begins a spool, the instance's user goes on
            self._size = os.write(self._file, _HEADER.pack(MAGIC, VERSION, self._sequence))
            if self._size != _HEADER.size:
                raise OSError(errno.ENOSPC, "short write")  # noqa: TRY301 - the same remedy
        except OSError:  # without its head it is no segment, and the next try has its number
            self.close()
            os.unlink(_name(number), dir_fd=self._directory)
            raise
        self._segments.append(number)
        while len(self._segments) > SEGMENTS_MAX:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(_name(self._segments[0]), dir_fd=self._directory)
            del self._segments[0]


def read(
    directory: str, position: Position = BEGINNING, limit: int = 10_000
) -> tuple[list[Record], Position]:
    """The next records, at most about ``limit``, and where to go on.

    A gap (segments dropped before they were read, or lines refused by a full disk) is one PLATFORM
    record that says how many lines were lost. An absent folder holds nothing.
    """
    records: list[Record] = []
    try:
        fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except FileNotFoundError:
        return records, position
    try:
        for number in _segments(fd):
            if number < position.segment:
                continue
            if len(records) >= limit:
                break
            with contextlib.suppress(FileNotFoundError):  # dropped just now
                position = _read_segment(fd, number, position, limit, records)
    finally:
        os.close(fd)
    return records, position


def _read_segment(
    directory_fd: int, number: int, position: Position, limit: int, records: list[Record]
) -> Position:
    with open(_name(number), "rb", opener=_opener(directory_fd)) as file:
        header = file.read(_HEADER.size)
        if len(header) < _HEADER.size:
            return position
        magic, version, first = _HEADER.unpack(header)
        if magic != MAGIC or version != VERSION:
            return Position(number + 1, 0, position.sequence)
        offset, sequence = position.offset, position.sequence
        if number != position.segment or not offset:
            offset = _HEADER.size
            lost = first - sequence
            sequence = first
        else:
            lost = 0
        file.seek(offset)
        for time_ms, stream, line in _records(file.read(), limit - len(records)):
            if lost > 0:
                text = f"[hostler] {lost} lines of output were lost here: the log spool was full"
                records.append(Record(time_ms, PLATFORM, text))
                lost = 0
            records.append(Record(time_ms, stream, line.decode("utf-8", "replace")))
            offset += _RECORD.size + len(line)
            sequence += 1
    if lost > 0:  # nothing behind the gap yet: meet it again next time
        return position
    return Position(number, offset, sequence)


def _records(data: bytes, limit: int) -> Iterator[tuple[int, int, bytes]]:
    """The whole records at the beginning of some bytes."""
    offset = 0
    for _ in range(max(limit, 1)):
        if offset + _RECORD.size > len(data):
            return
        length, check, time_ms, stream = _RECORD.unpack_from(data, offset)
        start = offset + _RECORD.size
        line = data[start : start + length]
        if length > LINE_MAX or len(line) < length or _check(line, stream) != check:
            return
        yield time_ms, stream, line
        offset = start + length


def _check(line: bytes, stream: int) -> int:
    """A record's checksum; never that of zeroed bytes."""
    return zlib.crc32(line, stream + 1)


def _segments(directory_fd: int) -> list[int]:
    names = (name[:-4] for name in os.listdir(directory_fd) if name.endswith(".log"))
    return sorted(int(name) for name in names if name.isdigit())


def _next_sequence(directory_fd: int, segments: list[int]) -> int:
    if not segments:
        return 0
    with open(_name(segments[-1]), "rb", opener=_opener(directory_fd)) as file:
        data = file.read()
    if len(data) < _HEADER.size:
        return 0
    first: int = _HEADER.unpack_from(data)[2]
    return first + sum(1 for _ in _records(data[_HEADER.size :], SEGMENT_BYTES))


def _name(number: int) -> str:
    return f"{number:08}.log"


def _opener(directory_fd: int) -> Callable[[str, int], int]:
    def open_beside(name: str, flags: int) -> int:
        return os.open(name, flags, dir_fd=directory_fd)

    return open_beside
