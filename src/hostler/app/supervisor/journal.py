"""The logs of supervised processes: files they write themselves, kept within a bound from here.

Invariant: a log and its predecessor (``NAME.log.1``) hold at most twice ``bytes_max`` and what
is written between two looks; a disk that is full never keeps a process from starting.
"""

import contextlib
import os
import shutil
from pathlib import Path

LOOK_EVERY_S = 10.0


def descriptor(path: Path) -> int:
    """Where a process is to write: its log, or nowhere if that cannot be opened."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
    try:
        return os.open(path, flags, 0o600)
    except OSError:
        return os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)


def bound(path: Path, bytes_max: int) -> None:
    """Put a log that has grown too large aside, in place of the one put aside before.

    Its writers hold it open and append, so it is copied and cut rather than renamed; a line written
    in between is lost, and so is the copy when the disk has no room for it.
    """
    aside = path.with_name(f"{path.name}.1")
    with contextlib.suppress(OSError):
        if path.stat().st_size <= bytes_max:
            return
        try:
            shutil.copyfile(path, aside)
        except OSError:
            _forget(aside)
        os.truncate(path, 0)


def _forget(aside: Path) -> None:
    with contextlib.suppress(OSError):
        aside.unlink()
