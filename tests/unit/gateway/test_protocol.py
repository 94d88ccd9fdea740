"""HTTP without sockets: what a connection answers to every kind of bytes."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway_pieces import Bench, bench, signed
from hostler.gateway import head as heads

GOOD = b"GET /_hostler/x HTTP/1.1\r\nHost: x\r\n\r\n"
POST = b"POST /endpoints/Demo/invocations HTTP/1.1\r\nHost: x\r\n"

MALFORMED = {
    "a bare LF after the request line": b"GET / HTTP/1.1\nHost: x\r\n\r\n",
    "a bare LF after a header": b"GET / HTTP/1.1\r\nHost: x\nA: b\r\n\r\n",
    "a bare CR in a header": b"GET / HTTP/1.1\r\nHost: x\rA: b\r\n\r\n",
    "a NUL in a header": b"GET / HTTP/1.1\r\nHost: x\r\nA: b\0\r\n\r\n",
    "a folded header": b"GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n",
    "white space before the colon": b"GET / HTTP/1.1\r\nHost : x\r\n\r\n",
    "white space before the first header": b"GET / HTTP/1.1\r\n Host: x\r\n\r\n",
    "no header name": b"GET / HTTP/1.1\r\nHost: x\r\n: b\r\n\r\n",
    "both framings": POST + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "both framings, turned": POST
    + b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
    "two lengths": POST + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc",
    "the same length twice": POST + b"Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
    "a list of lengths": POST + b"Content-Length: 3, 3\r\n\r\nabc",
    "a signed length": POST + b"Content-Length: +3\r\n\r\nabc",
    "an empty length": POST + b"Content-Length: \r\n\r\nabc",
    "an unknown coding": POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "chunked twice": POST
    + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "another coding": POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "a coding in HTTP/1.0": b"POST /a HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a bad chunk size": POST + b"Transfer-Encoding: chunked\r\n\r\n0x1\r\na\r\n0\r\n\r\n",
    "a huge chunk size": POST + b"Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\na",
    "a chunk that is longer than it says": POST
    + b"Transfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n",
    "a chunk line with a bare LF": POST + b"Transfer-Encoding: chunked\r\n\r\n1\na\r\n0\r\n\r\n",
    "two hosts": b"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
    "the same host twice": b"GET / HTTP/1.1\r\nHost: x\r\nhost: x\r\n\r\n",
    "no host": b"GET / HTTP/1.1\r\n\r\n",
    "HTTP/0.9": b"GET /\r\n\r\n",
    "HTTP/2.0": b"GET / HTTP/2.0\r\nHost: x\r\n\r\n",
    "HTTP/1.2": b"GET / HTTP/1.2\r\nHost: x\r\n\r\n",
    "the HTTP/2 preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "an unknown method": b"FOO / HTTP/1.1\r\nHost: x\r\n\r\n",
    "a method in lower case": b"get / HTTP/1.1\r\nHost: x\r\n\r\n",
    "a tab in the request line": b"GET\t/ HTTP/1.1\r\nHost: x\r\n\r\n",
    "a control character in the path": b"GET /\x01 HTTP/1.1\r\nHost: x\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "noise": bytes(range(256)),
}


@pytest.fixture
def gateway():
    with bench() as made:
        yield made


@pytest.mark.parametrize("name", MALFORMED)
def test_what_is_not_http_gets_one_4xx_and_a_close(gateway: Bench, name: str):
    answers, wire = gateway.answers_to(MALFORMED[name] + GOOD + signed())
    assert len(answers) == 1
    assert 400 <= answers[0][0] < 600
    assert answers[0][0] not in {500, 502, 503, 504}
    assert wire.ended()


@pytest.mark.parametrize("name", MALFORMED)
def test_the_same_holds_when_it_comes_byte_by_byte(gateway: Bench, name: str):
    client = gateway.client()
    for byte in MALFORMED[name] + GOOD:
        client.sends(bytes([byte]))
    answers = client.reads()
    assert len(answers) == 1
    assert 400 <= answers[0][0] < 600
    assert client.wire.ended()


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


@settings(max_examples=50, deadline=None)
@given(st.binary(max_size=400))
def test_no_bytes_make_more_than_one_answer_or_a_5xx(noise):
    with bench() as made:
        answers, _ = made.answers_to(noise)
        assert len(answers) <= 1
        assert all(400 <= status < 500 or status in {501, 505} for status, _ in answers)


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


def test_an_http_1_0_connection_ends_with_its_answer(gateway: Bench):
    worker, client = gateway.instance(), gateway.client()
    client.sends(signed().replace(b"HTTP/1.1", b"HTTP/1.0"))
    worker.answers(1)
    assert client.reads() == [(200, b"ok")]
    assert client.wire.ended()


def test_an_upgrade_is_not_taken_up_but_answered(gateway: Bench):
    worker, client = gateway.instance(), gateway.client()
    client.sends(signed(b"", connection="upgrade", upgrade="h2c") + b"PRI * HTTP/2.0\r\n")
    worker.answers(1)
    assert client.reads() == [(200, b"ok")]
    assert client.wire.ended()


def test_an_upgrade_with_a_body_is_refused_and_not_misread(gateway: Bench):
    answers, wire = gateway.answers_to(signed(b"{}", connection="upgrade", upgrade="h2c"))
    assert [status for status, _ in answers] == [501]
    assert wire.ended()


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


def test_an_endless_head_is_cut_off(gateway: Bench):
    client = gateway.client()
    client.sends(b"GET / HTTP/1.1\r\nA: ")
    for _ in range(40):
        client.sends(b"x" * 1024)
    assert [status for status, _ in client.reads()] == [431]


def test_more_headers_than_the_limit_are_refused(gateway: Bench):
    head = POST + b"".join(b"A%d: b\r\n" % number for number in range(100)) + b"\r\n"
    answers, _ = gateway.answers_to(head)
    assert [status for status, _ in answers] == [431]


def test_a_large_body_beside_the_head_does_not_count_as_head(gateway: Bench):
    worker, client = gateway.instance(), gateway.client()
    client.sends(signed(b"x" * 200_000) + signed()[:50])
    worker.answers(1)
    client.sends(signed()[50:])
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


def test_an_absolute_target_is_served(gateway: Bench):
    worker, client = gateway.instance(), gateway.client()
    client.sends(signed().replace(b"POST /", b"POST http://h:1/", 1))
    worker.answers(1)
    assert client.reads() == [(200, b"ok")]


def test_the_host_of_an_absolute_target_is_the_one_that_counts(gateway: Bench):
    """It is what such a client signs; the Host header beside it was believed."""
    worker, client = gateway.instance(), gateway.client()
    absolute = signed().replace(b"POST /", b"POST http://h:1/", 1)
    client.sends(absolute.replace(b"host: h:1", b"Host: proxy:3128", 1))
    worker.answers(1)
    assert client.reads() == [(200, b"ok")]
    client.sends(absolute.replace(b"//h:1/", b"//other/", 1))
    assert [status for status, _ in client.reads()] == [403]
