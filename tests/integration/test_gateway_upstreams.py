"""Upstreams that hang are given up, in whatever state; those that move on are not."""

import contextlib
import http.client
import json
import socket
import threading
from collections.abc import Iterator

import pytest

from gateway_rig import Rig, response, rig
from gateway_upstreams import downloading, drained, until, upstream


@pytest.fixture(scope="module")
def short() -> Iterator[Rig]:
    """Its upstreams may stand still for two seconds."""
    with rig() as made:
        made.gateway(upstream_still_s=2.0, health_wait_s=0.1, answer_rate_window_s=30.0)
        yield made


def hangs(connection: socket.socket) -> None:
    until(connection, b"\r\n\r\n")
    drained(connection)  # until it is given up


def test_an_upstream_that_accepts_and_never_answers_is_given_up(short):
    """It held its client for ever."""
    with upstream(short.layout.control_socket, hangs), upstream(short.layout.s3_socket, hangs):
        call, download = short.http(), short.http()
        call.request("POST", "/", b"{}", {"X-Amz-Target": "SageMaker.ListModels"})
        download.request("GET", "/bucket/key")
        answer = call.getresponse()
        assert (answer.status, answer.headers["Retry-After"]) == (503, "1")
        document = json.loads(answer.read())
        assert document["__type"] == "ServiceUnavailable"
        assert "the control plane has not answered for 2 s" in document["message"]
        answer = download.getresponse()
        assert answer.status == 503
        assert b"<Code>ServiceUnavailable</Code>" in answer.read()
        call.request("GET", "/_hostler/health")
        answer = call.getresponse()
        assert (answer.status, json.loads(answer.read())["gateway"]) == (503, "serving")
        call.close()
        download.close()


@pytest.mark.parametrize("request_head", [b"GET /b/k", b"PUT /b/k"])
def test_s3_that_stands_still_with_a_lent_connection_is_given_up(short, request_head: bytes):
    with upstream(short.layout.s3_loans_socket, drained):
        connection = short.connect()
        size = b"Content-Length: 10000000\r\n" if request_head.startswith(b"PUT") else b""
        connection.sendall(b"%b HTTP/1.1\r\nHost: x\r\n%b\r\n" % (request_head, size))
        connection.sendall(bytes(1_000_000) if size else b"")
        answer = response(connection, "GET")
        assert (answer.status, answer.headers["Connection"]) == (503, "close")
        connection.close()


def test_an_upstream_that_stops_taking_an_upload_is_given_up(short):
    def stuck(connection):
        until(connection, b"\r\n\r\n")
        given_up.wait(60)

    given_up = threading.Event()
    with upstream(short.layout.s3_socket, stuck):
        connection = short.connect()
        head = b"PUT /b/k HTTP/1.1\r\nHost: x\r\nContent-Length: 100000000\r\n\r\n"
        connection.sendall(head)
        connection.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while connection.send(bytes(1 << 20)):
                pass
        connection.settimeout(60)
        answer = response(connection, "PUT")
        assert (answer.status, b"<Code>ServiceUnavailable</Code>" in answer.read()) == (503, True)
        given_up.set()
        connection.close()


def test_an_upstream_that_stops_in_the_middle_of_its_answer_ends_the_connection(short):
    def halfway(connection):
        until(connection, b"\r\n\r\n")
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this")
        drained(connection)

    with upstream(short.layout.s3_socket, halfway):
        connection = short.connect()
        connection.sendall(b"GET /b/k HTTP/1.1\r\nHost: x\r\n\r\n")
        with pytest.raises((http.client.IncompleteRead, ConnectionResetError)):
            response(connection, "GET").read()
        connection.close()


def test_an_upstream_that_moves_on_is_waited_for_however_long(short):
    """As a completion does that keeps its client waiting with white space."""

    def slow(connection):
        until(connection, b"\r\n\r\n")
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n")
        pause = threading.Event()
        for _ in range(6):
            pause.wait(0.4)
            connection.sendall(b".")

    with upstream(short.layout.s3_socket, slow):
        connection = short.connect()
        connection.sendall(b"GET /b/k HTTP/1.1\r\nHost: x\r\n\r\n")
        assert response(connection, "GET").read() == b"......"
        connection.close()


def test_an_upstream_is_not_blamed_for_a_client_that_takes_nothing_for_a_while(short):
    size = 24 << 20
    with upstream(short.layout.s3_socket, downloading(size)):
        connection = short.connect()
        connection.sendall(b"GET /b/k HTTP/1.1\r\nHost: x\r\n\r\n")
        threading.Event().wait(3.0)
        assert len(response(connection, "GET").read()) == size
        connection.close()
