"""Hands the listening socket to a new supervisor, so that a dead one loses no connection.

Whoever connects to ``run/gateway-N.sock`` under the gateway's own uid gets one message without
asking: a JSON line ``{"version": 1, "slot": N, "pid": …, "address": [host, port]}`` with the
socket's descriptor attached (SCM_RIGHTS); then the connection ends.

Invariant: handing over changes nothing here: both processes then hold the same listening socket.
"""

import asyncio
import contextlib
import os
import socket
import struct
from pathlib import Path

import orjson

VERSION = 1
_CREDENTIALS = struct.Struct("3i")  # struct ucred: pid, uid, gid


class Handover:
    """The door at ``path`` for the listening socket ``listener``."""

    def __init__(self, path: Path, listener: socket.socket, slot: int) -> None:
        self._path = path
        self._listener = listener
        self._slot = slot
        self._door = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        self._inode = 0

    def open(self) -> None:
        """Replace the door of the slot's previous gateway."""
        beside = self._path.with_name(f"{self._path.name}.{os.getpid()}")
        beside.unlink(missing_ok=True)
        self._door.bind(str(beside))
        beside.chmod(0o600)
        self._door.listen(8)
        self._inode = beside.stat().st_ino
        beside.replace(self._path)
        asyncio.get_running_loop().add_reader(self._door, self._admit)

    def is_replaced(self) -> bool:
        """Whether a successor has its door here."""
        with contextlib.suppress(FileNotFoundError):
            return self._path.stat().st_ino != self._inode
        return False

    def close(self) -> None:
        """Shut the door; a successor's at the same path stays."""
        asyncio.get_running_loop().remove_reader(self._door)
        self._door.close()
        if not self.is_replaced():
            self._path.unlink(missing_ok=True)

    def _admit(self) -> None:
        with contextlib.suppress(OSError):
            connection, _ = self._door.accept()
            with connection:
                connection.setblocking(False)
                if peer_uid(connection) == os.getuid():
                    words = {
                        "version": VERSION,
                        "slot": self._slot,
                        "pid": os.getpid(),
                        "address": self._listener.getsockname(),
                    }
                    line = orjson.dumps(words) + b"\n"
                    socket.send_fds(connection, [line], [self._listener.fileno()])


def peer_uid(connection: socket.socket) -> int:
    """The uid of the process at the other end."""
    data = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    uid: int = _CREDENTIALS.unpack(data)[1]
    return uid
