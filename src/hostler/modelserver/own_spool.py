"""The folder of a spool that one process alone writes, and that goes once it is read.

A process and its successor live side by side for a while; in one folder, each would take the
other's segments for its own.

Invariant: a folder is locked while its process lives, and deleted by its reader alone, who holds
the lock for that: nothing is written into a folder that is being deleted.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from typing import Iterator


def life() -> str:
    """What tells this process from all others of its name, earlier ones included."""
    return f"{time.time_ns() // 1_000_000}-{os.getpid()}"


def open_locked(folder: str) -> int:
    """The folder's descriptor, made where it is missing and locked until it is closed.

    Raises:
        OSError: It cannot be had now: a full disk, or a reader that is just deciding about it.
    """
    os.makedirs(folder, mode=0o700, exist_ok=True)
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        if not os.path.samestat(os.fstat(descriptor), os.stat(folder)):
            raise FileNotFoundError(2, "it was just deleted", folder)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


@contextlib.contextmanager
def left(folder: str) -> Iterator[bool]:
    """Whether its process has ended; within the block nobody begins to write there."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        yield False
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        yield False
    else:
        yield True
    finally:
        os.close(descriptor)
