"""The short cut reads nothing that httptools would read otherwise."""

import hashlib
import re
from time import time

import httptools
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway_pieces import PATH, REGION, ROOT_KEY, ROOT_SECRET, Bench, bench, signed
from hostler.aws import sigv4
from hostler.aws.recurring import CHANGING, Recurring
from hostler.gateway import head as heads
from hostler.gateway.mould import Moulds
from mould_requests import by_go, signing_one

NOTES = {"amz_sdk_invocation_id": "3f2a-01", "amz_sdk_request": "attempt=1; max=3"}


def request(body: bytes = b"hello", **extra: str) -> bytes:
    """As boto3 writes it: notes of the SDK behind, unsigned."""
    data = signed(body, content_type="text/csv", **extra)
    notes = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in NOTES.items())
    return data.replace(b"content-length", notes.encode() + b"content-length", 1)


REQUEST = request()
SEEDS = (REQUEST, by_go(), *(signing_one(name) for name in sorted(CHANGING)))


class Parsed:
    """What httptools reads of bytes that hold one request."""

    def __init__(self, data: bytes) -> None:
        self.raw: heads.RawHeaders = []
        self.url = self.body = b""
        self.complete = 0
        self.parser = httptools.HttpRequestParser(self)
        self.parser.feed_data(data)

    def on_url(self, url: bytes) -> None:
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self.raw.append((name, value))

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        self.complete += 1

    def head(self) -> heads.Head:
        version = self.parser.get_http_version()
        return heads.parse(self.parser.get_method(), version, self.url, self.raw)


def cast(data: bytes) -> Moulds:
    """What the gateway has once it has served a request."""
    moulds = Moulds()
    head = Parsed(data).head()
    presented = sigv4.present_in(head.shape.order, "POST", head.target, head.values)
    recurring = Recurring.of(presented)
    if recurring is not None:
        moulds.cast(head, data, "Demo", recurring)
    return moulds


def fits(moulds: Moulds, data: bytes) -> bool:
    """Whether the short cut is taken; if so, it must agree with the parser in everything."""
    found = moulds.find(data)
    if found is None:
        return False
    mould, claim = found
    parsed = Parsed(data)
    head = parsed.head()
    assert parsed.complete == 1
    assert parsed.parser.should_keep_alive()
    assert not parsed.parser.should_upgrade()
    assert parsed.body == claim[2]
    assert (head.version, head.target) == ("1.1", PATH)
    assert head.shape is mould.head.shape
    holes = {"x-amz-date", "authorization", "content-length", *(n.replace("_", "-") for n in NOTES)}
    for name, value in head.pairs:
        if name not in holes:
            assert mould.head.get(name) == value
    presented = sigv4.present_in(head.shape.order, "POST", head.target, head.values)
    assert mould.recurring.presented(*claim[:2]) == presented
    return True


def test_the_next_request_of_the_same_client_fits():
    moulds = cast(REQUEST)
    assert fits(moulds, REQUEST)
    assert fits(moulds, request(b"\r\n\r\n!"))
    assert fits(moulds, REQUEST.replace(b"3f2a-01", b"-77-ab-"))
    assert not fits(moulds, request(b"a longer body"))
    assert fits(cast(request(b"a longer body")), request(b"another body!"))


def test_a_retrys_note_changes_in_its_place_where_it_tells_the_time():
    """Without a time it stays the same for nearly all calls, and is compared like all else."""
    assert not fits(cast(REQUEST), REQUEST.replace(b"attempt=1", b"attempt=2"))
    timed = REQUEST.replace(b"attempt=1", b"ttl=20261128T054510Z; attempt=2")
    later = timed.replace(b"T054510Z; attempt=2", b"T054511Z; attempt=3")
    assert fits(cast(timed), later)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"text/csv", b"text/xml"),
        (b"text/csv", b"text/c\0v"),
        (b"3f2a-01", b"3f2a\r01"),
        (b"3f2a-01", b"3f2a\n01"),
        (b"3f2a-01", b"3f2a\xe901"),
        (b"3f2a-01", b"       "),
        (b"3f2a-01", b"a\r\nb: c"),
        (b"attempt=1", b"attempt:1"),
        (b"Signature=", b"Signature=\r\n"),
        (b"hello", b"hell"),
        (b"hello", b"hello!"),
        (b"length: 5", b"length: +"),
        (b"host: ", b"Host: "),
        (b"HTTP/1.1", b"HTTP/1.0"),
        (b"POST", b"PUT "),
        (b"Demo", b"Dem0"),
    ],
)
def test_anything_else_is_left_to_the_parser(before, after):
    assert before in REQUEST
    assert not fits(cast(REQUEST), REQUEST.replace(before, after, 1))


@pytest.mark.parametrize(
    "extra",
    [
        {"connection": "keep-alive"},
        {"expect": "100-continue"},
        {"upgrade": "h2c"},
        {"te": "trailers"},
        {"proxy_connection": "close"},
        {"proxy_connection": "keep-alive"},
        {"x_amz_content_sha256": hashlib.sha256(b"hello").hexdigest()},
        {"x_amz_security_token": "token"},
    ],
)
def test_what_changes_the_connection_or_the_signature_is_never_cast(extra):
    data = request(**extra)
    assert not fits(cast(data), data)


def test_a_request_whose_answer_ends_the_connection_is_never_cast():
    """HTTP/1.0 says so in its request line alone (RFC 9112 section 9.3)."""
    data = REQUEST.replace(b"HTTP/1.1", b"HTTP/1.0", 1)
    assert not fits(cast(data), data)


def test_unusual_spelling_is_never_cast():
    for before, after in ((b"text/csv", b" text/csv"), (b"type: ", b"type:")):
        data = REQUEST.replace(before, after, 1)
        assert not fits(cast(data), data)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_a_mutated_request_is_read_as_httptools_reads_it_or_left_alone(data):
    seed = data.draw(st.sampled_from(SEEDS))
    mutated = bytearray(seed)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(mutated) - 1))
        piece = data.draw(
            st.one_of(
                st.binary(max_size=2),
                st.sampled_from(
                    [b": ", b"\r\n", b":", b" ", b"\t", b"\r", b"\n", b"5", b"A: b\r\n"]
                ),
            )
        )
        if data.draw(st.booleans()):
            mutated[at : at + len(piece)] = piece
        else:
            mutated[at:at] = piece
    fits(cast(seed), bytes(mutated))


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_whatever_stands_in_the_holes(data):
    """Bytes of the same length in place of what may change."""
    seed = data.draw(st.sampled_from(SEEDS))
    changed = seed
    for value in (b"3f2a-01", b"attempt=1; max=3", re.findall(rb"\d{8}T\d{6}Z", seed)[0]):
        if data.draw(st.booleans()):
            other = data.draw(st.binary(min_size=len(value), max_size=len(value)))
            changed = changed.replace(value, other, 1)
    fits(cast(seed), changed)


# Through a whole gateway.


def test_moulded_and_parsed_requests_lead_to_the_same_frames_and_answers():
    with bench() as made:
        worker, client = made.instance(), made.client()
        payloads = []
        for request_id in (1, 2, 3):  # the first is parsed, the others fit its mould
            client.sends(request(b"same", accept="text/csv"))
            ((_, _, payload),) = worker.heard()
            payloads.append(payload[4:])
            worker.answers(request_id)
            assert client.reads() == [(200, b"ok")]
        assert client.connection.mould is not None
        assert payloads[0] == payloads[1] == payloads[2]
        assert_the_rest_is_served(made, worker, client)


def assert_the_rest_is_served(made: Bench, worker, client) -> None:
    client.sends(request(b"tampered", accept="text/csv")[:-1] + b"!")
    assert [status for status, _ in client.reads()] == [403]
    half = request(b"in two pieces")
    client.sends(half[:100])
    client.sends(half[100:])
    worker.answers(4)
    client.sends(request(b"one") + request(b"two"))
    worker.answers(5)
    worker.answers(6)
    assert client.reads() == [(200, b"ok")] * 3
    assert not made.gateway.active


def test_a_moulded_request_is_verified_like_any_other():
    with bench() as made:
        worker, client = made.instance(), made.client()
        client.sends(request())
        worker.answers(1)
        client.reads()
        late = request_at(time() - 1000)
        client.sends(late)
        ((status, body),) = client.reads()
        assert status == 403
        assert b"Signature expired" in body
        client.sends(re.sub(rb"Signature=[0-9a-f]{64}", b"Signature=" + b"0" * 64, request()))
        assert [status for status, _ in client.reads()] == [403]
        made.gateway.credentials.clear()
        client.sends(request())
        ((status, body),) = client.reads()[-1:]
        assert status == 403
        assert b"security token" in body


def test_each_request_of_http_1_0_is_the_last_on_its_connection():
    with bench() as made:
        worker = made.instance()
        for number in (1, 2):
            client = made.client()
            client.sends(request().replace(b"HTTP/1.1", b"HTTP/1.0", 1))
            worker.answers(number)
            assert b"\r\nConnection: close\r\n" in client.wire.written
            assert client.wire.ended()


def request_at(now: float) -> bytes:
    """A request signed at another time."""
    head = sigv4.sign(
        "POST",
        PATH,
        [("host", "h:1"), ("content-type", "text/csv")],
        hashlib.sha256(b"hello").hexdigest(),
        access_key_id=ROOT_KEY,
        secret=ROOT_SECRET,
        region=REGION,
        service="sagemaker",
        now=now,
    )
    lines = "".join(f"{name}: {value}\r\n" for name, value in head)
    notes = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in NOTES.items())
    return f"POST {PATH} HTTP/1.1\r\n{lines}{notes}content-length: 5\r\n\r\nhello".encode()


def test_a_client_whose_heads_never_recur_costs_few_moulds():
    with bench() as made:
        worker, client = made.instance(), made.client()
        for number in range(1, 40):
            client.sends(request(accept=f"text/{number}"))
            worker.answers(number)
        assert client.connection.moulds_cast == 8
        assert len(client.reads()) == 39
