"""The cases of RFC 9112 over sockets: a real gateway and worker, and played control and S3."""

import contextlib
import re
import socket
import threading
from collections.abc import Iterator

import pytest

import http_reader
from gateway_pieces import parsed
from gateway_rig import Rig, rig, variant
from gateway_upstreams import upstream
from http_cases import EACH, INVOCATION, Case, sent

ONE_AT_A_TIME = re.compile(r"without end|above the limit")
"""A client that is refused while it still sends may find its answer overtaken by a reset."""
CODED = re.compile(rb"(?im)^transfer-encoding:(?![ \t]*chunked[ \t]*\r$)")
"""What every client must be able to read is chunked alone, whatever its TE offers (section 7.4)."""


class Played:
    """Control and S3: answer what is a request, and remember the bodies that they were sent."""

    def __init__(self) -> None:
        self._heard: list[bytes] = []
        self._lock = threading.Lock()

    def __call__(self, connection: socket.socket) -> None:
        data, answered = b"", False
        with contextlib.suppress(OSError):
            while piece := connection.recv(1 << 20):
                data += piece
                with contextlib.suppress(http_reader.IncompleteError):
                    request, rest = http_reader.read(data)
                    self._note(request.body if not rest else b"more than one request")
                    if not answered:
                        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
                    answered = True

    def take(self) -> list[bytes]:
        with self._lock:
            heard, self._heard = self._heard, []
        return heard

    def _note(self, body: bytes) -> None:
        with self._lock:
            self._heard.append(body)


@pytest.fixture(scope="module")
def played() -> Iterator[tuple[Rig, Played]]:
    both = Played()
    with rig() as made:
        made.publish(variant(made.worker("i-1")))
        made.gateway()
        with upstream(made.layout.control_socket, both), upstream(made.layout.s3_socket, both):
            yield made, both


def answers(connection: socket.socket) -> list[tuple[int, bytes]]:
    """All that come to the end of the connection, none of them in a coding beyond chunked."""
    data = b""
    while piece := connection.recv(1 << 20):
        data += piece
    assert not CODED.search(data)
    return list(parsed(data))


@pytest.mark.parametrize(
    ("case", "way"), [each for each in EACH if not ONE_AT_A_TIME.search(each[0].name)], ids=str
)
def test_over_a_socket(played: tuple[Rig, Played], case: Case, way: str) -> None:
    front, both = played
    with front.connect() as connection:
        connection.sendall(sent(case, way))
        got = answers(connection)
    assert [status for status, _ in got] == [*case.statuses, *([200] if case.kept else [])]
    bodies = [] if case.body is None else [case.body]
    bodies += [b"next"] if case.kept else []
    if way == INVOCATION:
        assert [body for status, body in got if status == 200] == bodies
        bodies = []
    assert both.take() == bodies
