"""TLS on the gateway's own port: the same answers, a certificate that changes under way, limits."""

import contextlib
import http.client
import signal
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from certificates import Files, written
from gateway_rig import Rig, response, rig, variant
from hostler.gateway import issuing
from running import eventually


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return written(tmp_path, "localhost")


@pytest.fixture
def secured(files: Files) -> Iterator[Rig]:
    with rig() as made:
        made.publish(variant(made.worker("i1")))
        made.gateway(
            listening={"certificate": str(files.certificate), "key": str(files.key)},
            header_deadline_s=1,
            body_rate_window_s=1,
            linger_s=1,
            connections_max=8,
            refused_connections_max=0,
        )
        yield made


def client(rigged: Rig, authority: Path) -> http.client.HTTPSConnection:
    context = ssl.create_default_context(cafile=str(authority))
    return http.client.HTTPSConnection("localhost", rigged.port, timeout=20, context=context)


def trusted(rigged: Rig, authority: Path) -> bool:
    """Whether a handshake succeeds for who trusts the authority."""
    context = ssl.create_default_context(cafile=str(authority))
    with rigged.connect() as plain:
        try:
            context.wrap_socket(plain, server_hostname="localhost").close()
        except (ssl.SSLCertVerificationError, ConnectionResetError):
            return False
    return True


def test_invocations_are_answered_as_on_the_plain_port(secured: Rig, files: Files) -> None:
    connection = client(secured, files.authority)
    for size in (2, 3_000_000):
        body = b"x" * size
        target, headers = secured.signed(body)
        connection.request("POST", target, body, headers)
        answer = connection.getresponse()
        assert (answer.status, answer.read()) == (200, body)
    connection.close()


def test_who_speaks_plain_text_or_does_not_trust_us_is_let_go(
    secured: Rig, files: Files, tmp_path: Path
) -> None:
    with secured.connect() as plain:
        plain.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert b"HTTP" not in plain.recv(4096)
    (tmp_path / "other").mkdir()
    assert not trusted(secured, written(tmp_path / "other", "localhost").authority)
    assert trusted(secured, files.authority)


def test_a_renewed_certificate_is_served_from_the_next_handshake_on(
    secured: Rig, files: Files, tmp_path: Path
) -> None:
    before = client(secured, files.authority)
    before.connect()
    (tmp_path / "new").mkdir()
    new = written(tmp_path / "new", "localhost")
    files.certificate.write_bytes(new.certificate.read_bytes())
    secured.gateways[0].send_signal(signal.SIGHUP)  # half of it is there: the old one stays
    eventually("it says so", lambda: "stays as it was" in secured.log())
    assert trusted(secured, files.authority)
    files.key.write_bytes(new.key.read_bytes())
    secured.gateways[0].send_signal(signal.SIGHUP)

    eventually("the new one is served", lambda: trusted(secured, new.authority))
    target, headers = secured.signed(b"{}")
    before.request("POST", target, b"{}", headers)  # what was open stays open
    assert before.getresponse().read() == b"{}"
    before.close()


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET /_hostler/health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", b"503"),
        (b"NONSENSE\r\n\r\n", b"400"),
        (b"POST /a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n", b"408"),
    ],
    ids=["the last one", "a malformed one", "one that never comes"],
)
def test_a_connection_ends_with_an_alert_that_it_is_meant(
    secured: Rig, files: Files, request_: bytes, status: bytes
) -> None:
    """RFC 9112 section 9.8: else nobody knows whether something was cut off."""
    context = ssl.create_default_context(cafile=str(files.authority))
    with (
        secured.connect() as plain,
        context.wrap_socket(
            plain, server_hostname="localhost", suppress_ragged_eofs=False
        ) as connection,
    ):
        connection.sendall(request_)
        got = b""
        while piece := connection.recv(4096):  # an end without it is an SSLEOFError
            got += piece
    assert got.split()[1] == status


def test_who_never_shakes_hands_counts_and_is_cut_off(secured: Rig, files: Files) -> None:
    silent = [secured.connect() for _ in range(8)]
    refused = secured.connect()
    assert refused.recv(1) == b""
    for each in silent:
        assert each.recv(1) == b""  # after the header deadline
        each.close()
    refused.close()
    eventually("there is room again", lambda: trusted(secured, files.authority))


def test_who_has_shaken_hands_counts_once(secured: Rig, files: Files) -> None:
    connections = [client(secured, files.authority) for _ in range(8)]
    for connection in connections:
        target, headers = secured.signed(b"{}")
        connection.request("POST", target, b"{}", headers)
        assert connection.getresponse().read() == b"{}"
    for connection in connections:
        connection.close()


@contextlib.contextmanager
def intercepting(**limits: float) -> Iterator[Rig]:
    """A plain port with an authority for AWS's names."""
    with rig() as made:
        authority, key = issuing.authority("test", ["amazonaws.com"])
        made.layout.authority.mkdir()
        made.layout.authority_certificate.write_bytes(authority)
        made.layout.authority_key.write_bytes(key)
        made.gateway(**limits)
        yield made


def connects(rigged: Rig) -> tuple[socket.socket, bytes]:
    """One that asks for AWS and stays silent then, and the status it was told."""
    connection = rigged.connect()
    connection.sendall(b"CONNECT sts.amazonaws.com:443 HTTP/1.1\r\nHost: sts.amazonaws.com\r\n\r\n")
    return connection, connection.recv(4096).split()[1]


def test_who_asks_for_aws_and_never_shakes_hands_counts() -> None:
    """Each was in nobody's count, and nothing had been signed."""
    with intercepting(connections_max=4) as made:
        silent = [connects(made) for _ in range(4)]
        assert [status for _, status in silent] == [b"200"] * 4
        with made.connect() as refused:
            assert response(refused, "GET").status == 503
        for connection, _ in silent:
            connection.close()

        def is_served() -> bool:
            with made.connect() as again:
                again.sendall(b"GET /_hostler/health HTTP/1.1\r\nHost: h\r\n\r\n")
                return b"Too many connections" not in again.recv(4096)

        eventually("there is room again", is_served)


def test_handshakes_with_those_who_ask_for_aws_are_bounded() -> None:
    with intercepting(handshakes_max=2) as made:
        silent = [connects(made) for _ in range(3)]
        assert [status for _, status in silent] == [b"200", b"200", b"503"]
        for connection, _ in silent:
            connection.close()


def test_a_gateway_of_its_own_certificate_vouches_for_the_names_it_was_given() -> None:
    with rig() as made:
        for names in (["localhost", "127.0.0.1"], ["localhost", "127.0.0.1", "hostler.test"]):
            process = made.gateway(listening={"names": names, "hosts": names})
            context = ssl.create_default_context(
                cafile=str(made.layout.server_authority_certificate)
            )
            for name in names:
                with (
                    made.connect() as plain,
                    context.wrap_socket(plain, server_hostname=name) as connection,
                ):
                    connection.sendall(
                        f"GET /_hostler/health HTTP/1.1\r\nHost: {name}\r\n\r\n".encode()
                    )
                    assert response(connection, "GET").status == 503  # without control
            process.send_signal(signal.SIGTERM)
            process.wait(20)
        assert made.layout.server_authority_key.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"])
@pytest.mark.parametrize("target", ["/", "/_hostler/health", "/endpoints/Demo/invocations", "/b/k"])
def test_no_route_is_answered_under_a_name_that_leads_here(
    plain: Rig, method: str, target: str
) -> None:
    with plain.connect() as connection:
        line = f"{method} {target} HTTP/1.1\r\nHost: rebound.example:{plain.port}\r\n"
        connection.sendall(f"{line}Content-Length: 0\r\n\r\n".encode())
        assert response(connection, method).status == 421


@pytest.fixture(scope="module")
def plain() -> Iterator[Rig]:
    with rig() as made:
        made.gateway()
        yield made
