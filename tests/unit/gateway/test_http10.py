"""What a client of HTTP/1.0 is answered: bytes that it can read to the connection's end."""

from collections.abc import Iterator

import pytest

from gateway_pieces import bench, signed
from hostler.gateway.stream import STREAM_MIN
from hostler.modelserver import frames
from http_cases import CONTROL, RELAYS, S3, on
from http_exchange import Front, front

BODY = bytes(range(256)) * 6
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/xml\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
ASKED = b"GET <T> HTTP/1.0\r\nHost: h:1\r\n\r\n"


@pytest.fixture(scope="module")
def gateway() -> Iterator[Front]:
    with front() as made:
        yield made


def chunks(size: int) -> bytes:
    pieces = (BODY[at : at + size] for at in range(0, len(BODY), size))
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)


def answered(gateway: Front, way: str, pieces: list[bytes], *, dies: bool = False) -> bytes:
    """What the client is sent where control or S3 answers with these pieces."""
    client = gateway.client()
    gateway.loop.reached = []
    client.sends(on(way, ASKED))
    gateway.turn_loop()
    (reached,) = gateway.loop.reached
    assert reached.service == way
    for piece in pieces:
        reached.answer(piece)
    if dies:
        reached.wire.close()
        assert client.wire.closed
        assert not client.wire.half_closed
    gateway.turn_loop()
    assert client.wire.ended()
    written = client.wire.written
    gateway.let_go(client)
    return written


@pytest.mark.parametrize("way", RELAYS)
@pytest.mark.parametrize("step", [1, 7, 1000, 100_000])
@pytest.mark.parametrize("size", [1, 700, len(BODY)])
def test_a_chunked_answer_goes_on_as_its_bytes_alone(
    gateway: Front, way: str, step: int, size: int
) -> None:
    """RFC 9112 section 6.1; nothing but the end of the connection says where the body ends."""
    told = CHUNKED + chunks(size) + b"0\r\nTrailer: none\r\n\r\n"
    pieces = [told[at : at + step] for at in range(0, len(told), step)]
    assert answered(gateway, way, pieces) == HEAD + b"Connection: close\r\n\r\n" + BODY


def test_any_other_answer_goes_on_as_it_came(gateway: Front) -> None:
    told = HEAD + b"Content-Length: %d\r\n\r\n" % len(BODY) + BODY
    for step in (1, 1000, len(told)):
        pieces = [told[at : at + step] for at in range(0, len(told), step)]
        assert answered(gateway, S3, pieces) == told


def test_a_chunked_answer_that_is_cut_is_not_taken_for_a_whole_one(gateway: Front) -> None:
    told = CHUNKED + chunks(1000)
    assert answered(gateway, CONTROL, [told], dies=True).endswith(BODY)


def test_a_model_s_large_answer_is_told_its_length() -> None:
    with bench() as made:
        worker, client = made.instance(), made.client()
        client.sends(signed().replace(b"HTTP/1.1", b"HTTP/1.0", 1))
        assert len(worker.heard()) == 1
        body = b"x" * (STREAM_MIN + 1)
        worker.says(frames.response(1, 200, b"text/plain", body))
        head, _, got = client.wire.take().partition(b"\r\n\r\n")
        assert got == body
        assert b"\r\nContent-Length: %d\r\n" % len(body) in head
        assert b"\r\nConnection: close" in head
        assert b"transfer-encoding" not in head.lower()
        assert client.wire.ended()
