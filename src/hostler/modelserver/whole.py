"""A small file that is replaced whole.

Invariant: readers see the old text or the new one, whoever dies or whatever disk is full; a failed
write leaves nothing behind. The file that is written first is ours from its making: whatever lay at
its name is not followed. Not forced to the disk.
"""

from __future__ import annotations

import contextlib
import os

PRIVATE = 0o600


def write(path: str | os.PathLike[str], data: bytes, mode: int = PRIVATE) -> None:
    """Make or replace a file; raises OSError."""
    folder, name = os.path.split(os.fspath(path))
    beside = os.path.join(folder, f".{name}.{os.urandom(4).hex()}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        os.replace(beside, path)
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(beside)
        raise
