"""The gateway of a whole Hostler: limits are those of `[gateway]`, control reads what it passes."""

import socket
from collections.abc import Iterator

import pytest

from gateway_rig import response
from running import Running, hostler

UPGRADE = (
    b"POST / HTTP/1.1\r\nHost: localhost\r\nX-Amz-Target: SageMaker.ListModels\r\n"
    b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAAAAIAAAAB\r\n"
    b"Content-Length: 2\r\n\r\n{}"
)


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    with hostler("--set", "gateway.headers=16", bootstrap=False) as running:
        yield running


def test_limits_of_the_settings_are_those_of_the_gateways(server: Running) -> None:
    with socket.create_connection(("127.0.0.1", server.port), 20) as connection:
        for fields, status in ((15, 200), (16, 431)):
            lines = b"".join(b"A%d: b\r\n" % number for number in range(fields))
            head = b"GET /_hostler/health HTTP/1.1\r\nHost: localhost\r\n%b\r\n" % lines
            connection.sendall(head)
            answer = response(connection, "GET")
            assert answer.status == status
            answer.read()


def test_a_body_behind_an_upgrade_reaches_control(server: Running) -> None:
    """Control's own server would take it for another protocol's bytes, and answer nothing."""
    with socket.create_connection(("127.0.0.1", server.port), 20) as connection:
        for _ in range(2):
            connection.sendall(UPGRADE)
            answer = response(connection)
            assert answer.status == 400
            assert b"MissingAuthenticationToken" in answer.read()
