"""Counts that all gateways of a data directory share: one page of memory, mapped by each.

A row is what is counted (an instance, an account); a column is a gateway's own. A gateway writes in
its column alone and reads a row's sum, so no count is lost to another's, and what a dead gateway
had counted goes with its column.

Invariant: a column belongs to who holds its byte's lock, which the kernel takes back from the dead;
a row keeps its name for as long as any gateway holds it. ``admit`` never lets more than the limit
through, over all gateways.
"""

import contextlib
import fcntl
import logging
import mmap
import os
import struct
import threading
from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path
from time import monotonic

from hostler.modelserver import syscalls

COLUMNS = 32
"""Gateways at once, those that still drain included."""
ROWS = 8192
NAME_BYTES = 16
OPENING_S_MAX, ALONE_S_MAX = 5.0, 0.05
"""How long to try to be alone with the page, at first and later: who is waits for nothing, so one
that stays for long has been stopped."""

_MAGIC = b"HSTCNT01"
_HEADER = struct.Struct("<8sII")
_WIDTH_AT = _HEADER.size
_HELD_AT = _WIDTH_AT + 4
_NAMES_AT = 256
_HOLDERS_AT = _NAMES_AT + ROWS * NAME_BYTES
_CELLS_AT = _HOLDERS_AT + ROWS * 4
_SIZE = _CELLS_AT + ROWS * COLUMNS * 4
_ALONE = COLUMNS
"""The byte, behind the columns' own, of who changes names or decides near a limit."""
_FLOCK = struct.Struct("hhqqi0q")

_log = logging.getLogger(__name__)


class CountsError(Exception):
    """The page cannot be used; a gateway then counts for itself alone."""


class Counts:
    """This gateway's view of the page.

    Args:
        path: The page, made when it is not there; None for one that nobody else sees.

    Raises:
        CountsError: It cannot be mapped, is of another version, or every column is taken.
    """

    def __init__(self, path: Path | None) -> None:
        try:
            self._file = (
                syscalls.memory_file("hostler counts")
                if path is None
                else os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            )
        except OSError as error:
            raise CountsError(f"{path}: {error.strerror}") from error
        try:
            self._page = self._map()
        except (OSError, ValueError) as error:
            os.close(self._file)
            raise CountsError(f"{path} cannot be mapped: {error}") from error
        whole = memoryview(self._page)
        self._width = whole[_WIDTH_AT : _WIDTH_AT + 4].cast("I")
        """Of columns up to the last one in use; all gateways see the same."""
        self._held = whole[_HELD_AT : _HELD_AT + COLUMNS * 4].cast("I")
        """How many rows each column holds: of one without any there is nothing to strike out."""
        self._holders = whole[_HOLDERS_AT:_CELLS_AT].cast("I")
        self._cells = whole[_CELLS_AT:].cast("I")
        self._fence = threading.Lock()
        self._rows: dict[str, int] = {}
        self._users: dict[str, int] = {}
        """How many in this gateway share a name's row, of those that say when they need it no more:
        two versions of a variant, an instance that left the routes and came back."""
        self._apart: Counts | None = None
        """What finds no place on the page, as this gateway alone counts it."""
        self._others = 0
        self._column = self._take_column()
        if self._column < 0:
            os.close(self._file)
            raise CountsError(f"{COLUMNS} gateways count already")
        self.look()

    @property
    def alone(self) -> bool:
        """Whether no other gateway counted when this one last looked."""
        return self._others == 0

    def look(self) -> None:
        """See which gateways live, and strike out what the dead ones had counted."""
        with self._alone() as yes:
            if yes:
                living = [column for column in range(self._width[0]) if self._lives(column)]
                self._others = len(living) - 1
                self._width[0] = living[-1] + 1

    # names

    def hold(self, name: str) -> int | None:
        """The row of a name, until ``let_go``; None when there is no room for another."""
        row = self._rows.get(name)
        if row is not None:
            return row
        with self._alone() as yes:
            row = (
                self._find(blake2b(name.encode(), digest_size=NAME_BYTES).digest()) if yes else None
            )
            if row is not None:
                self._holders[row] |= 1 << self._column
                self._held[self._column] += 1
                self._rows[name] = row
        return row

    def join(self, name: str) -> int | None:
        """As ``hold``; for each that joins, the row is kept until it lets go."""
        row = self.hold(name)
        if row is not None:
            self._users[name] = self._users.get(name, 0) + 1
        return row

    def held(self, name: str) -> int | None:
        """The row of a name that is held here."""
        return self._rows.get(name)

    def shares(self, name: str) -> bool:
        """Whether somebody has joined under a name and not let go."""
        return name in self._users

    def place(self, name: str) -> "tuple[Counts, int] | None":
        """Where to count under a name: here, else apart from the other gateways.

        Nothing that is counted apart moves here meanwhile, nor while somebody has joined there.
        None only where that page is full too.
        """
        apart = self._apart
        row = None if apart is None else apart.held(name)
        if apart is not None and row is not None:
            if apart.total(row) or apart.shares(name):
                return apart, row
            apart.let_go(name)
        row_here = self.hold(name)
        if row_here is not None:
            return self, row_here
        if apart is None:
            apart = self._apart = Counts(None)
        row_apart = apart.hold(name)
        return None if row_apart is None else (apart, row_apart)

    def let_go(self, name: str) -> None:
        """Count nothing under the name any more; who shares it has taken back what was its own."""
        others = self._users.pop(name, 1) - 1
        if others:
            self._users[name] = others
            return
        row = self._rows.pop(name, None)
        if row is not None:
            self._cells[row * COLUMNS + self._column] = 0
            with self._alone() as yes:
                if yes:  # else the row is free again when this process ends
                    self._holders[row] &= ~(1 << self._column)
                    self._held[self._column] -= 1

    # counting

    def add(self, row: int, change: int) -> None:
        """Count up or down in this gateway's column."""
        cell = row * COLUMNS + self._column
        try:
            self._cells[cell] += change
        except ValueError:  # below 0: a defect, which is to cost nobody an answer
            self._cells[cell] = 0
            _log.exception("row %d was counted down more often than up", row)

    def total(self, row: int) -> int:
        """The sum over all gateways."""
        start = row * COLUMNS
        return sum(self._cells[start : start + self._width[0]])

    def admit(self, row: int, limit: int) -> bool:
        """Count one more, if that makes no more than the limit over all gateways.

        A gateway first says that it counts one, and looks then: of those who would together be too
        many, the last to look has seen all the others. Two that refuse each other's last place are
        told apart by the lock, for which only those near the limit wait.
        """
        if self._say_and_look(row, limit):
            return True
        if self.alone:
            return False
        with self._alone() as yes:
            return yes and self._say_and_look(row, limit)

    def close(self) -> None:
        """Give the column back."""
        if self._apart is not None:
            self._apart.close()
        self._users.clear()
        for name in list(self._rows):
            self.let_go(name)
        self._unlock(self._column)  # by itself it ends with the map, which has its own descriptor
        os.close(self._file)

    # inside

    def _map(self) -> mmap.mmap:
        with self._alone(OPENING_S_MAX) as yes:
            if not yes:
                raise OSError("another gateway holds it and does not go on")
            if os.fstat(self._file).st_size < _SIZE:
                os.posix_fallocate(self._file, 0, _SIZE)  # a full disk is told now, by an error
                os.pwrite(self._file, _HEADER.pack(_MAGIC, ROWS, COLUMNS), 0)
            page = mmap.mmap(self._file, _SIZE)
        if _HEADER.unpack_from(page) != (_MAGIC, ROWS, COLUMNS):
            raise ValueError("it is of another version")
        return page

    def _say_and_look(self, row: int, limit: int) -> bool:
        self.add(row, 1)
        with self._fence:  # an atomic instruction: the processor may not look before it has said
            total = self.total(row)
        if total > limit:
            self.add(row, -1)
        return total <= limit

    def _find(self, digest: bytes) -> int | None:
        """The row of a name, or a free one that is given it."""
        row = self._place(digest, _NAMES_AT, _HOLDERS_AT)
        if row is None:
            row = self._place(bytes(4), _HOLDERS_AT, _CELLS_AT)
            if row is not None:
                at = _NAMES_AT + row * NAME_BYTES
                self._page[at : at + NAME_BYTES] = digest
        return row

    def _place(self, value: bytes, start: int, stop: int) -> int | None:
        """Where a value stands in a table of such; None where it does not."""
        at = self._page.find(value, start, stop)
        while at >= 0 and (at - start) % len(value):  # the end of one and the begin of the next
            at = self._page.find(value, at + 1, stop)
        return None if at < 0 else (at - start) // len(value)

    def _take_column(self) -> int:
        """The first that nobody holds; -1 when there is none."""
        with self._alone(OPENING_S_MAX) as yes:
            for column in range(COLUMNS if yes else 0):
                if self._lock(column):
                    self._strike_out(column)
                    self._width[0] = max(self._width[0], column + 1)
                    return column
        return -1

    def _lives(self, column: int) -> bool:
        """Whether anybody holds a column; the trace of one who is gone is removed."""
        if column == self._column:
            return True
        if not self._lock(column):
            return True
        self._strike_out(column)
        self._unlock(column)
        return False

    def _strike_out(self, column: int) -> None:
        if not self._held[column]:
            return
        self._held[column] = 0
        mark = 1 << column
        for row, held in enumerate(self._holders):
            if held & mark:
                self._cells[row * COLUMNS + column] = 0
                self._holders[row] = held & ~mark

    @contextlib.contextmanager
    def _alone(self, seconds: float = ALONE_S_MAX) -> Iterator[bool]:
        """Alone with the page; False when that cannot be had (who holds it was stopped)."""
        deadline = monotonic() + seconds
        while not self._lock(_ALONE):
            if monotonic() > deadline:
                yield False
                return
            os.sched_yield()
        try:
            yield True
        finally:
            self._unlock(_ALONE)

    def _lock(self, byte: int) -> bool:
        """Of the open file, not of the process: it ends with this object."""
        wanted = _FLOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, byte, 1, 0)
        try:
            fcntl.fcntl(self._file, fcntl.F_OFD_SETLK, wanted)
        except (BlockingIOError, PermissionError):
            return False
        return True

    def _unlock(self, byte: int) -> None:
        given = _FLOCK.pack(fcntl.F_UNLCK, os.SEEK_SET, byte, 1, 0)
        fcntl.fcntl(self._file, fcntl.F_OFD_SETLK, given)


def shared(path: Path) -> Counts:
    """The page of all gateways; where that cannot be had, one of this gateway's own."""
    try:
        return Counts(path)
    except CountsError as error:
        _log.warning("this gateway counts without the others: %s", error)
        return Counts(None)
