"""The head of a relayed request: who sent it is told by the gateway, and by nobody else."""

from hostler.domain.sender import HEADER
from hostler.gateway import head as heads


def test_what_a_client_says_of_itself_does_not_go_on() -> None:
    raw = [
        (b"Host", b"localhost"),
        (b"X-Hostler-Sender", b"10.0.0.1 1.3"),
        (b"x-hostler-sender", b"10.0.0.2 1.3"),
        (b"X-HOSTLER-SENDER", b"10.0.0.3 1.3"),
        (b"Accept", b"*/*"),
    ]
    head = heads.parse(b"GET", "1.1", b"/bucket", raw)
    lines = heads.passed_on(head, "192.0.2.1 -").split(b"\r\n")
    assert [line for line in lines if line.lower().startswith(HEADER.encode())] == [
        b"x-hostler-sender: 192.0.2.1 -"
    ]
    assert lines[:3] == [b"GET /bucket HTTP/1.1", b"Host: localhost", b"Accept: */*"]
