"""A listening Unix socket at a path that an earlier process may have left behind.

Invariant: whoever connects meets the old door or the new one, never none; and only processes of the
same user get in, from the first moment on.
"""

from __future__ import annotations

import contextlib
import os
import socket


def listen(path: str, backlog: int) -> socket.socket:
    """A socket that listens at ``path``, in place of whatever was there."""
    beside = f"{path}.{os.getpid()}"
    with contextlib.suppress(FileNotFoundError):
        os.unlink(beside)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listener.bind(beside)
        os.chmod(beside, 0o600)
        listener.listen(backlog)
        os.rename(beside, path)
    except OSError:
        listener.close()
        raise
    return listener
