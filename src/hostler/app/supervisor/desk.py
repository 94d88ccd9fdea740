"""The supervisor's desk: a Unix socket where control asks for zygotes and `hostler` for the state.

One JSON object a line, one answer a line:

- ``{"op": "status"}`` → ``{"pid", "settings", "children": [...], "ready"}``
- ``{"op": "zygote", "name": N, "argv": [...]}`` → ``{"ok": true}``; ``zygote-N`` is kept running
- ``{"op": "succeed", "name": N, "pid": P, "failed": false}`` → ``{"ok": true}``; a gateway that is
  to end is followed by another before it stops accepting
- ``{"op": "say", "line": TEXT}`` → ``{"ok": true}``; a line of progress for whoever watches `up`
- ``{"op": "refuse", "line": TEXT}`` → ``{"ok": true}``; `up` ends with that line: no restart helps
- ``{"op": "reload"}`` → ``{"file", "changed", "waiting", "restarted"}``: read again
- ``{"op": "stop"}`` → ``{"ok": true}``; then everything is drained and stopped

Invariant: the loop never waits for a peer; a line is bounded, and a peer that breaks the protocol
is closed.
"""

import contextlib
import json
import selectors
import socket
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from hostler.modelserver import doorway

LINE_MAX = 64 * 1024
PEERS_MAX = 64
BACKLOG = 512

Answer = Callable[[Mapping[str, Any]], Mapping[str, Any]]


class Desk:
    """Serves requests on ``path`` from within the supervisor's selector loop."""

    def __init__(self, selector: selectors.BaseSelector, path: Path, answer: Answer) -> None:
        self._selector = selector
        self._answer = answer
        self._path = path
        self._buffers: dict[socket.socket, bytearray] = {}
        self._listener = doorway.listen(str(path), BACKLOG)
        self._listener.setblocking(False)
        selector.register(self._listener, selectors.EVENT_READ, self._accept)

    def close(self, *, remove: bool = True) -> None:
        """Serve no more."""
        for peer in list(self._buffers):
            self._close(peer)
        self._selector.unregister(self._listener)
        self._listener.close()
        if remove:
            with contextlib.suppress(OSError):
                self._path.unlink(missing_ok=True)

    def _accept(self) -> None:
        try:
            peer, _address = self._listener.accept()
        except OSError:  # gone again, or too many open files
            return
        if len(self._buffers) >= PEERS_MAX:
            self._close(next(iter(self._buffers)))  # whoever has said nothing for longest
        peer.setblocking(False)
        self._buffers[peer] = bytearray()
        self._selector.register(peer, selectors.EVENT_READ, lambda: self._read(peer))

    def _read(self, peer: socket.socket) -> None:
        if (buffer := self._buffers.get(peer)) is None:
            return  # closed by what came before it in the same turn
        try:
            data = peer.recv(LINE_MAX)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        buffer += data
        if not data or len(buffer) > LINE_MAX:
            self._close(peer)
            return
        while b"\n" in buffer:
            line, _newline, rest = bytes(buffer).partition(b"\n")
            buffer[:] = rest
            self._reply(peer, line)

    def _reply(self, peer: socket.socket, line: bytes) -> None:
        try:
            request = json.loads(line)
        except (ValueError, RecursionError) as error:
            reply: Mapping[str, Any] = {"error": f"not JSON: {error}"}
        else:
            reply = self._answer(request) if isinstance(request, dict) else {"error": "no object"}
        # An answer is far smaller than a socket's buffer; a peer that does not read loses its own.
        with contextlib.suppress(OSError):
            peer.send(json.dumps(reply).encode() + b"\n")

    def _close(self, peer: socket.socket) -> None:
        self._selector.unregister(peer)
        del self._buffers[peer]
        peer.close()


def ask(path: Path, request: Mapping[str, Any], timeout_s: float = 5.0) -> dict[str, Any]:
    """Ask a supervisor and return its answer; raises OSError when none answers there."""
    with contextlib.closing(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)) as connection:
        connection.settimeout(timeout_s)
        connection.connect(str(path))
        connection.sendall(json.dumps(request).encode() + b"\n")
        answer = bytearray()
        while not answer.endswith(b"\n"):
            chunk = connection.recv(LINE_MAX)
            if not chunk:
                raise ConnectionError("the supervisor closed the connection without an answer")
            answer += chunk
    parsed: dict[str, Any] = json.loads(answer)
    return parsed
