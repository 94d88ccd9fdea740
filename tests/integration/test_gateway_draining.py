"""A gateway that stops lets finish what it cannot see into: tunnels, and handshakes under way."""

import base64
import http.client
import json
import signal
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator

import pytest

from gateway_rig import Rig, rig
from hostler.app import authority
from hostler.modelserver import spool
from running import eventually

HOST = "sts.us-east-1.amazonaws.com"


@pytest.fixture
def front() -> Iterator[Rig]:
    with rig() as made:
        authority.ensure(made.layout)
        made.gateway()
        yield made


def dialled(front: Rig, target: str) -> socket.socket:
    """A CONNECT with the token, accepted."""
    connection = front.connect()
    basic = base64.b64encode(f"hostler:{front.layout.proxy_token.read_text().strip()}".encode())
    head = f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\nProxy-Authorization: Basic "
    connection.sendall(head.encode() + basic + b"\r\n\r\n")
    assert connection.recv(4096).startswith(b"HTTP/1.1 200 ")
    return connection


def stopping(front: Rig) -> subprocess.Popen[bytes]:
    """Ask the gateway to end; it has begun to when its door is shut."""
    gateway = front.gateways[-1]
    gateway.send_signal(signal.SIGTERM)
    eventually("it drains", lambda: not front.layout.gateway_socket(0).exists(), every_s=0.01)
    return gateway


def test_a_tunnel_goes_on_until_it_is_closed(front: Rig) -> None:
    """What was in it when a gateway was replaced was lost."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        connection = dialled(front, f"127.0.0.1:{listener.getsockname()[1]}")
        other, _ = listener.accept()
        gateway = stopping(front)
        threading.Event().wait(0.3)
        for _ in range(3):
            connection.sendall(b"asked")
            assert other.recv(5) == b"asked"
            other.sendall(b"answered")
            assert connection.recv(8) == b"answered"
        assert gateway.poll() is None
        connection.close()
        assert other.recv(1) == b""
        other.close()
        assert gateway.wait(60) == 0


def test_a_handshake_under_way_is_finished_and_its_request_answered(front: Rig) -> None:
    connection = dialled(front, f"{HOST}:443")
    gateway = stopping(front)
    threading.Event().wait(0.3)
    context = ssl.create_default_context(cafile=str(front.layout.root / "authority/ca.pem"))
    with context.wrap_socket(connection, server_hostname=HOST) as secured:
        secured.sendall(b"GET /_hostler/health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        answer = http.client.HTTPResponse(secured)
        answer.begin()
        assert b'"gateway":"serving"' in answer.read()
    assert gateway.wait(60) == 0


def test_its_counts_say_that_nothing_of_them_is_missing(front: Rig) -> None:
    gateway = stopping(front)
    assert gateway.wait(60) == 0
    last = []
    for folder in front.layout.spools.glob("gateway-0-*"):
        records, _ = spool.read(str(folder))
        last.append(json.loads(records[-1].line))
    assert [each["ended"] for each in last] == [True]
