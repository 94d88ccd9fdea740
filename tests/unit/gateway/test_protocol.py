"""HTTP without sockets: whole requests, pipelines (RFC 9112 §9.3.2) and heads.

Bytes by the letter: test_rfc9112.
"""

from time import monotonic

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway_pieces import Bench, bench, signed
from hostler.gateway import head as heads
from http_exchange import front

POST = b"POST /endpoints/Demo/invocations HTTP/1.1\r\nHost: x\r\n"


@pytest.fixture
def gateway():
    with bench() as made:
        yield made


@settings(max_examples=50, deadline=None)
@given(st.data())
def test_a_request_cut_anywhere_is_answered_once(data):
    request = signed(b"x" * 300)
    cuts = sorted(data.draw(st.sets(st.integers(1, len(request) - 1), max_size=6)))
    with bench() as made:
        worker, client = made.instance(), made.client()
        for start, end in zip([0, *cuts], [*cuts, len(request)], strict=True):
            client.sends(request[start:end])
        ((_, request_id, payload),) = worker.heard()
        assert payload.endswith(b"x" * 300)
        worker.answers(request_id, b"done")
        assert client.reads() == [(200, b"done")]
        assert not client.wire.ended()


def test_answers_leave_in_the_order_of_the_requests(gateway: Bench):
    worker, client = gateway.instance(), gateway.client()
    client.sends(b"".join(signed(b"%d" % number) for number in range(3)))
    for number in range(3):
        ((_, request_id, payload),) = worker.heard()  # one at a time is in flight
        assert payload.endswith(b"%d" % number)
        assert not client.reads()
        worker.answers(request_id, b"%d" % number)
        assert client.reads() == [(200, b"%d" % number)]
    assert client.wire.reading


def test_a_thousand_pipelined_requests_do_not_nest(gateway: Bench):
    answers, _ = gateway.answers_to((POST + b"Content-Length: 0\r\n\r\n") * 1500)
    assert [status for status, _ in answers] == [403] * 1500


def test_pipelined_requests_that_wait_are_bounded():
    """One read made thousands of them, and nobody had signed anything."""
    with front() as made:
        client = made.client()
        client.sends(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n" * 5000)
        assert len(client.connection._waiting) == 64
        made.settles()
        assert [status for status, _ in client.reads()] == [200] * 65 + [503]
        assert client.wire.ended()


def test_while_answers_are_owed_no_more_is_read(gateway: Bench):
    worker, client = gateway.instance(), gateway.client()
    client.sends(signed() + signed())
    assert not client.wire.reading
    worker.answers(1)
    worker.answers(2)
    assert client.wire.reading


def test_malformed_bytes_after_a_request_wait_for_its_answer(gateway: Bench):
    worker, client = gateway.instance(), gateway.client()
    client.sends(signed() + b"NONSENSE\r\n\r\n")
    assert client.reads() == []
    worker.answers(1, b"first")
    assert [status for status, _ in client.reads()] == [200, 400]
    assert client.wire.ended()


def test_nothing_after_connection_close_is_served(gateway: Bench):
    worker, client = gateway.instance(), gateway.client()
    client.sends(signed(connection="close") + signed())
    worker.answers(1)
    assert client.reads() == [(200, b"ok")]
    assert client.wire.ended()
    assert len(worker.heard()) == 1


def test_trailers_are_dropped(gateway: Bench):
    worker, client = gateway.instance(), gateway.client()
    request = signed(b"hello").replace(b"content-length: 5", b"transfer-encoding: chunked")
    head = request.partition(b"\r\n\r\n")[0]
    client.sends(head + b"\r\n\r\n5\r\nhello\r\n0\r\nx-amzn-sagemaker-target-model: m\r\n\r\n")
    worker.answers(1)
    assert client.reads() == [(200, b"ok")]


@pytest.mark.parametrize("pieces", [1, 7])
def test_a_head_above_the_limit_is_refused(gateway: Bench, pieces: int):
    head = POST + b"A: " + b"x" * 40_000 + b"\r\n\r\n"
    client = gateway.client()
    step = len(head) // pieces + 1
    for start in range(0, len(head), step):
        client.sends(head[start : start + step])
    assert [status for status, _ in client.reads()] == [431]
    assert client.wire.ended()


@pytest.mark.parametrize("owed", [0, 1])
def test_a_header_above_the_limit_is_refused_before_it_ends(gateway: Bench, owed: int):
    """What came with a head's first read was not counted before the header was whole."""
    worker, client = gateway.instance(), gateway.client()
    for _ in range(owed):
        client.sends(signed())
    client.sends(POST + b"A: " + b"x" * 200_000)
    for number in range(owed):
        worker.answers(number + 1)
    assert [status for status, _ in client.reads()] == [200] * owed + [431]
    assert client.wire.ended()


def test_a_large_body_beside_the_head_does_not_count_as_head(gateway: Bench):
    worker, client = gateway.instance(), gateway.client()
    client.sends(signed(b"x" * 200_000) + signed()[:50])
    worker.answers(1)
    client.sends(signed()[50:])
    worker.answers(2)
    assert client.reads() == [(200, b"ok"), (200, b"ok")]


def test_what_comes_in_one_read_with_the_next_body_is_none_of_its_framing(gateway: Bench):
    worker, client = gateway.instance(), gateway.client()
    second = signed(b"y" * 1000)
    client.sends(signed(b"x" * 200_000) + second[:-500])
    worker.answers(1)
    client.sends(second[-500:])
    worker.answers(2)
    assert client.reads() == [(200, b"ok"), (200, b"ok")]


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("http://h:1/endpoints/Demo/invocations", "/endpoints/Demo/invocations"),
        ("HTTP://h?x=1", "/?x=1"),
        ("https://h", "/"),
        ("/http://h/", "/http://h/"),
        ("*", "*"),
    ],
)
def test_the_absolute_form_means_the_same_as_the_path(target: str, expected: str):
    head = heads.parse(b"POST", "1.1", target.encode(), [])
    assert head.target == expected


def test_the_host_of_an_absolute_target_is_the_one_that_counts(gateway: Bench):
    """It is what such a client signs; the Host header beside it was believed."""
    worker, client = gateway.instance(), gateway.client()
    absolute = signed().replace(b"POST /", b"POST http://h:1/", 1)
    client.sends(absolute.replace(b"host: h:1", b"Host: proxy:3128", 1))
    worker.answers(1)
    assert client.reads() == [(200, b"ok")]
    client.sends(absolute.replace(b"//h:1/", b"//x/", 1))
    assert [status for status, _ in client.reads()] == [403]


@pytest.mark.parametrize("protocol", [b"RTSP/1.0", b"ICE/1.0"])
def test_what_llhttp_reads_in_the_name_of_other_protocols_is_http(gateway: Bench, protocol: bytes):
    """It does not say which it read: no harm, as the request line is written anew for others."""
    worker, client = gateway.instance(), gateway.client()
    client.sends(signed().replace(b"HTTP/1.1", protocol))
    if protocol.startswith(b"ICE"):
        assert [status for status, _ in client.reads()] == [400]  # but not for POST
    else:
        worker.answers(1)
        assert client.reads() == [(200, b"ok")]
    assert client.wire.ended()


def test_a_body_for_s3_that_trickles_is_cut_and_s3_is_let_go():
    with front() as made:
        client = made.client()
        client.sends(b"PUT /bucket/key HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\n")
        made.settles()
        now = monotonic()
        for second in range(1, 12):
            client.sends(b"x")
            client.connection.expire(now + second)
        assert [status for status, _ in client.reads()] == [408]
        assert client.wire.ended()
        (reached,) = made.loop.reached
        assert reached.wire.closed
        assert not made.gateway.relays
