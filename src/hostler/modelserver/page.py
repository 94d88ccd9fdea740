"""The shared page: a worker's health, written by it, read by anyone, surviving its death.

One 64-byte slot a worker in a file mapped by all::

    u32 version | u32 state | u64 busy since (ns, CLOCK_MONOTONIC; 0 = idle) |
    u64 connection serial | u64 last taken request id | u64 served | u32 pid |
    u32 ready since (s, CLOCK_MONOTONIC; 0 = it was not)

Behind the slots, for each worker, what it took last from each of its latest connections, by the
serial's remainder (without it, in an older page, only that of the last connection is known)::

    32 x (u64 connection serial | u64 last taken request id)

Invariant: single writer a slot (the worker), aligned 8-byte stores, so a reader sees old or new.
What was taken is cleared after the pid has changed and read before the pid is: whoever finds the
pid of a worker that has ended finds what that one took, not the nothing of its successor.
CLOCK_MONOTONIC is the machine's, the same in every namespace.
"""

from __future__ import annotations

import mmap
import os
import struct
import time
from typing import Optional

FILE_NAME = "page"
"""Beside the sockets of the instance's workers."""
VERSION = 1
SLOT_SIZE = 64
SLOTS_MAX = 64
SLOT = struct.Struct("<IIQQQQII")
_CLEARED = struct.Struct("<IIQ")
CONNECTIONS = 32
_STATES = struct.Struct(f"8s{SLOT_SIZE - 8}x" * SLOTS_MAX)
_TAKEN = struct.Struct("<QQ")
_TAKEN_SIZE = _TAKEN.size * CONNECTIONS
_TAKEN_AT = SLOT_SIZE * SLOTS_MAX
_PID_AT = SLOT.size - 8

LOADING, READY, DRAINING, FAILED = 0, 1, 2, 3


def create(path: str, slots: int) -> None:
    """Make the page's file, zeroed, readable by the instance's user."""
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o660)
    try:
        os.ftruncate(fd, _TAKEN_AT + _TAKEN_SIZE * slots)
    finally:
        os.close(fd)


def open_page(path: str, *, write: bool = False) -> mmap.mmap:
    """Map the page; read-only unless ``write``."""
    fd = os.open(path, (os.O_RDWR if write else os.O_RDONLY) | os.O_CLOEXEC)
    try:
        size = os.fstat(fd).st_size
        return mmap.mmap(fd, size, access=mmap.ACCESS_WRITE if write else mmap.ACCESS_READ)
    finally:
        os.close(fd)


def read(page: mmap.mmap, slot: int) -> tuple[int, int, int, int, int, int, int, int]:
    """(version, state, busy_since_ns, connection, last_taken, served, pid, ready_s) of a slot."""
    return SLOT.unpack_from(page, slot * SLOT_SIZE)


def read_slot(path: str, slot: int) -> Optional[tuple[int, int, int, int, int, int, int, int]]:
    """What ``read`` says, for readers outside the instance; None without a page or slot."""
    data = _read(path, slot * SLOT_SIZE, _PID_AT, SLOT_SIZE - _PID_AT)
    if len(data) < SLOT_SIZE:
        return None
    found = SLOT.unpack_from(data)
    return found if found[0] == VERSION else None


def read_taken(path: str, slot: int, serial: int) -> Optional[int]:
    """The last id that a worker took from one of its connections; None where it cannot be known.

    To be read before the slot, whose pid says whose it is.
    """
    at = _TAKEN_AT + _TAKEN_SIZE * slot + _TAKEN.size * (serial % CONNECTIONS)
    data = _read(path, at, _TAKEN.size)
    if len(data) < _TAKEN.size:
        return None
    found, taken = _TAKEN.unpack(data)
    if found > serial:
        return None  # a later connection's by now
    return taken if found == serial else 0


def states(path: str) -> bytes:
    """What changes when a worker's state does, and only then; for readers outside the instance."""
    data = _read(path, 0, _STATES.size)
    return b"".join(_STATES.unpack(data.ljust(_STATES.size, b"\0"))) if data else b""


def _read(path: str, offset: int, *sizes: int) -> bytes:
    """A part of the file, empty without one, read in pieces one after another.

    The file is the model's to spoil: mapped, it could be truncated under the reader (SIGBUS), and
    opened carelessly, it could be a link or a pipe.
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return b""
    found = b""
    try:
        for size in sizes:
            found += os.pread(fd, size, offset + len(found))
    except OSError:
        pass  # a pipe
    finally:
        os.close(fd)
    return found


def clear(page: mmap.mmap, slot: int) -> None:
    """Say of a dead worker's slot that another is on its way, and idle; what was taken stays."""
    _CLEARED.pack_into(page, slot * SLOT_SIZE, VERSION, LOADING, 0)


# Indices of the aligned 8-byte words of a slot, for its writer.
_HEAD, BUSY_SINCE, CONNECTION, LAST_TAKEN, SERVED, _PID = range(6)


def writer(page: mmap.mmap, slot: int) -> memoryview:
    """The slot as 8-byte words; a store to one is a single machine store (native order)."""
    start = slot * SLOT_SIZE
    return memoryview(page)[start : start + SLOT_SIZE].cast("Q")


def taken_writer(page: mmap.mmap, slot: int) -> memoryview:
    """What a worker has taken by connection, as words: serial, id, and so on."""
    start = _TAKEN_AT + _TAKEN_SIZE * slot
    return memoryview(page)[start : start + _TAKEN_SIZE].cast("Q")


def taken_index(serial: int) -> int:
    """Where a connection's words begin there: its serial, then the id, to be written in turn."""
    return serial % CONNECTIONS * 2


def begin(words: memoryview, taken: memoryview, pid: int) -> None:
    """Say that this worker is loading, and that it, unlike its predecessor, has taken nothing."""
    write_state(words, LOADING, pid)
    words[CONNECTION] = words[LAST_TAKEN] = 0
    for index in range(2 * CONNECTIONS):
        taken[index] = 0


def write_state(words: memoryview, state: int, pid: int) -> None:
    """Say how far this worker has come, and since when it is ready."""
    since = words[_PID] >> 32 if state == DRAINING else 0
    words[_PID] = pid | (int(time.monotonic()) if state == READY else since) << 32
    words[_HEAD] = VERSION | state << 32
