"""Whether Hostler answers: its health route, asked from within the supervisor's selector loop.

Invariant: the loop never waits for an answer; after ATTEMPT_S an attempt is given up for another.
Under TLS nobody's certificate is looked at: nothing is told, and what is heard opens nothing.
"""

import contextlib
import json
import selectors
import socket
import ssl
import time
from collections.abc import Callable
from typing import Any, TypeVar

LOOK_EVERY_S = 0.05
ATTEMPT_S = 1.0
ANSWER_BYTES_MAX = 64 * 1024
_REQUEST = b"GET /_hostler/health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"

T = TypeVar("T")


class Readiness:
    """Asks until the answer is "ready"; ``health`` is then what it said."""

    def __init__(
        self, selector: selectors.BaseSelector, host: str, port: int, *, tls: bool = False
    ) -> None:
        self._selector = selector
        self._address = (host, port)
        self._tls = _unverified() if tls else None
        self._connection: socket.socket | None = None
        self._answer = bytearray()
        self._due = 0.0
        self.health: dict[str, Any] | None = None
        self.last: dict[str, Any] | None = None
        """The last answer of whatever kind: which part is awaited."""

    @property
    def ready(self) -> bool:
        return self.health is not None

    def look(self) -> float | None:
        """Do what is due; seconds until something is again, None once it is ready."""
        if self.ready:
            return None
        now = time.monotonic()
        if now >= self._due:
            self._close()
            self._ask()
            self._due = now + ATTEMPT_S
        return self._due - now

    def _ask(self) -> None:
        try:
            connection = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        except OSError:  # too many open files: the next attempt may have one
            return
        try:
            with contextlib.suppress(BlockingIOError):
                connection.connect(self._address)
        except OSError:
            connection.close()
            return
        self._connection = connection
        self._answer.clear()
        self._selector.register(connection, selectors.EVENT_WRITE, self._connected)

    def _connected(self) -> None:
        connection = self._connection
        if connection is None:
            return
        if self._tls is not None:
            self._selector.unregister(connection)
            self._connection = None
            try:
                secured = self._tls.wrap_socket(connection, do_handshake_on_connect=False)
            except OSError:  # nobody listens there yet
                connection.close()
                self._again()
                return
            self._connection = secured
            self._selector.register(secured, selectors.EVENT_WRITE, self._send)
        self._send()

    def _send(self) -> None:
        if self._step(lambda connection: connection.send(_REQUEST), self._send) is not None:
            self._read_on()

    def _step(self, act: Callable[[socket.socket], T], again: Callable[[], None]) -> T | None:
        """What ``act`` gives; None where ``again`` is to be called later, or all begins anew.

        Under TLS a side writes in order to read, and the other way round.
        """
        connection = self._connection
        if connection is None:
            return None
        try:
            return act(connection)
        except (ssl.SSLWantReadError, BlockingIOError):
            self._selector.modify(connection, selectors.EVENT_READ, again)
        except ssl.SSLWantWriteError:
            self._selector.modify(connection, selectors.EVENT_WRITE, again)
        except OSError:
            self._again()
        return None

    def _read_on(self) -> None:
        if self._connection is not None:
            self._selector.modify(self._connection, selectors.EVENT_READ, self._read)

    def _read(self) -> None:
        data = self._step(lambda connection: connection.recv(ANSWER_BYTES_MAX), self._read)
        if data is None:
            return
        self._answer += data
        if data and len(self._answer) < ANSWER_BYTES_MAX:
            return
        health = parse(bytes(self._answer))
        self._again()
        if health is not None:
            self.last = health
            if health.get("ready") is True:
                self.health = health

    def _again(self) -> None:
        self._close()
        self._due = time.monotonic() + LOOK_EVERY_S

    def _close(self) -> None:
        if self._connection is not None:
            self._selector.unregister(self._connection)
            self._connection.close()
            self._connection = None


def parse(answer: bytes) -> dict[str, Any] | None:
    """The JSON object of a whole HTTP answer; None if it is none of ours."""
    head, _, body = answer.partition(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1."):
        return None
    try:
        health = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return health if isinstance(health, dict) else None


def ask(
    host: str, port: int, timeout_s: float = 2.0, *, tls: bool = False
) -> dict[str, Any] | None:
    """Ask once and wait for the answer; None when nobody of ours answers there."""
    answer = bytearray()
    deadline = time.monotonic() + timeout_s
    try:
        plain = socket.create_connection((host, port), timeout_s)
        with _unverified().wrap_socket(plain) if tls else plain as connection:
            connection.sendall(_REQUEST)
            while len(answer) < ANSWER_BYTES_MAX:
                connection.settimeout(max(0.01, deadline - time.monotonic()))
                data = connection.recv(ANSWER_BYTES_MAX)
                if not data:
                    break
                answer += data
    except OSError:
        return None
    return parse(bytes(answer))


def _unverified() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
