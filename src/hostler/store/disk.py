"""The room that is left on the disk, and a little of it kept back for making more.

Invariant: the reserve is given up only to delete something where a database found the disk full,
and kept back again only where that leaves room for others.
"""

import contextlib
import os
import time
from pathlib import Path

LOW_BYTES = 256 << 20
"""With less than this left, people are warned, and what is deleted is freed almost at once."""
RESERVE_BYTES = 4 << 20
_TRY_EVERY_S = 30.0


def free_bytes(path: Path) -> int:
    """What may still be written beside a file or folder that is there."""
    free = os.statvfs(path)
    return free.f_bavail * free.f_frsize


def is_low(path: Path) -> bool:
    """Whether little is left."""
    return free_bytes(path) < LOW_BYTES


class Reserve:
    """A file that only takes room, until a deletion needs it. Used from threads that may block."""

    def __init__(self, path: Path, size: int = RESERVE_BYTES) -> None:
        self._path = path
        self._size = size
        self._tried: float | None = None

    def release(self) -> bool:
        """Give the room up; False where none was kept back."""
        try:
            self._path.unlink()
        except OSError:
            return False
        self._tried = time.monotonic()
        return True

    def keep(self) -> None:
        """Keep the room back, unless that was tried a moment ago or the disk needs it more."""
        now = time.monotonic()
        if self._tried is not None and now < self._tried + _TRY_EVERY_S:
            return
        self._tried = now
        with contextlib.suppress(OSError):
            if self._path.exists() or free_bytes(self._path.parent) < 2 * self._size:
                return
            self._make()

    def _make(self) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        file = os.open(self._path, flags, 0o600)
        try:
            os.posix_fallocate(file, 0, self._size)
        except OSError:
            self._path.unlink()
            raise
        finally:
            os.close(file)
