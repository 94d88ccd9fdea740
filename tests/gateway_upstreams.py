"""What a gateway relays to, played by a test: servers on Unix sockets that say what it wants."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

Talk = Callable[[socket.socket], None]


class Upstream:
    """A server on a Unix socket that does with each connection what the test says."""

    def __init__(self, path: Path, talk: Talk) -> None:
        self._path = path
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(str(path))
        self._listener.listen(16)
        self._talk = talk
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(60)
                self._talk(connection)

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._path.unlink()
        self._thread.join(60)


@contextlib.contextmanager
def upstream(path: Path, talk: Talk) -> Iterator[None]:
    """Serve the socket during the block."""
    server = Upstream(path, talk)
    try:
        yield
    finally:
        server.close()


def until(connection: socket.socket, end: bytes) -> bytes:
    """All that comes, to the end that is given or a little further."""
    data = b""
    while end not in data:
        piece = connection.recv(65536)
        assert piece, data
        data += piece
    return data


def drained(connection: socket.socket) -> None:
    """Read until the other side ends."""
    with contextlib.suppress(OSError):
        while connection.recv(65536):
            pass


def downloading(size: int) -> Talk:
    """Answers every request with so many bytes."""

    def talk(connection: socket.socket) -> None:
        until(connection, b"\r\n\r\n")
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
        with contextlib.suppress(OSError):
            for _ in range(size >> 20):
                connection.sendall(bytes(1 << 20))

    return talk
