"""aws-chunked bodies: what is whole and right is decoded, everything else is refused."""

import hashlib
import hmac

import pytest

from hostler.aws import sigv4
from hostler.aws.signing import signing_key
from hostler.domain.errors import CallerError

SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
STAMP, SCOPE = "20250615T151640Z", "20250615/us-east-1/s3/aws4_request"
NOW = 1_750_000_600.0
SIGNED = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
SIGNED_TRAILER = f"{SIGNED}-TRAILER"
UNSIGNED_TRAILER = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
EMPTY = hashlib.sha256(b"").hexdigest()
CHECKSUM = ("x-amz-checksum-crc32", "AAAAAA==")


def presented(form: str, length: str, trailer: str = "") -> sigv4.Presented:
    extra = [("host", "h"), ("x-amz-decoded-content-length", length)]
    if trailer:
        extra.append(("x-amz-trailer", trailer))
    headers = sigv4.sign(
        "PUT",
        "/b/k",
        extra,
        form,
        access_key_id="AKIA",
        secret=SECRET,
        region="us-east-1",
        service="s3",
        now=NOW,
    )
    claim = sigv4.present("PUT", "/b/k", headers)
    sigv4.verify(claim, SECRET, form, NOW)
    assert claim.is_streaming
    return claim


class Framing:
    """A client's side: chunks, and their signatures where they have them."""

    def __init__(self, claim: sigv4.Presented) -> None:
        self.previous = claim.signature
        self.signed = claim.payload_hash != UNSIGNED_TRAILER
        self.key = signing_key(SECRET, "20250615", "us-east-1", "s3")

    def chunk(self, data: bytes) -> bytes:
        line = f"{len(data):x}"
        if self.signed:
            digest = hashlib.sha256(data).hexdigest()
            text = f"AWS4-HMAC-SHA256-PAYLOAD\n{STAMP}\n{SCOPE}\n{self.previous}\n{EMPTY}\n{digest}"
            self.previous = self.key.sign(text.encode())
            line += f";chunk-signature={self.previous}"
        return line.encode() + b"\r\n" + data + (b"\r\n" if data else b"")

    def trailer(self, name: str, value: str) -> bytes:
        out = f"{name}:{value}\r\n"
        if self.signed:
            digest = hashlib.sha256(f"{name}:{value}\n".encode()).hexdigest()
            text = f"AWS4-HMAC-SHA256-TRAILER\n{STAMP}\n{SCOPE}\n{self.previous}\n{digest}"
            out += f"x-amz-trailer-signature:{self.key.sign(text.encode())}\r\n"
        return out.encode()


def body_of(claim: sigv4.Presented, *chunks: bytes) -> bytes:
    framing = Framing(claim)
    out = b"".join(framing.chunk(chunk) for chunk in (*chunks, b""))
    if claim.trailer:
        out += framing.trailer(*CHECKSUM)
    return out + b"\r\n"


def decode(claim: sigv4.Presented, body: bytes, step: int = 7) -> tuple[bytes, dict[str, str]]:
    chunked = sigv4.ChunkedBody(claim, SECRET)
    out = b"".join(chunked.feed(body[at : at + step]) for at in range(0, len(body), step))
    chunked.finish()
    return out, chunked.trailers


def refused(claim: sigv4.Presented, body: bytes) -> str:
    with pytest.raises(CallerError) as raised:
        decode(claim, body)
    return raised.value.code


FORMS = [(SIGNED, ""), (SIGNED_TRAILER, CHECKSUM[0]), (UNSIGNED_TRAILER, CHECKSUM[0])]


@pytest.mark.parametrize(("form", "trailer"), FORMS)
@pytest.mark.parametrize("step", [1, 3, 64, 10_000])
def test_a_whole_body_is_decoded_however_it_arrives(form: str, trailer: str, step: int) -> None:
    claim = presented(form, "1003", trailer)
    out, trailers = decode(claim, body_of(claim, b"a" * 1000, b"bcd"), step)
    assert out == b"a" * 1000 + b"bcd"
    assert trailers == ({CHECKSUM[0]: CHECKSUM[1]} if trailer else {})


@pytest.mark.parametrize(("form", "trailer"), FORMS)
def test_an_empty_object(form: str, trailer: str) -> None:
    claim = presented(form, "0", trailer)
    assert decode(claim, body_of(claim))[0] == b""


@pytest.mark.parametrize(("form", "trailer"), FORMS)
def test_a_body_that_is_cut_short_anywhere_is_refused(form: str, trailer: str) -> None:
    claim = presented(form, "40", trailer)
    body = body_of(claim, b"x" * 30, b"y" * 10)
    for end in range(len(body)):
        assert refused(claim, body[:end]) in ("IncompleteBody", "SignatureDoesNotMatch")


@pytest.mark.parametrize(("form", "trailer"), FORMS[:2])
def test_a_changed_byte_is_refused(form: str, trailer: str) -> None:
    claim = presented(form, "40", trailer)
    body = body_of(claim, b"x" * 30, b"y" * 10)
    assert refused(claim, body.replace(b"y", b"z", 1)) == "SignatureDoesNotMatch"
    assert refused(claim, body.replace(b"x" * 30, b"x" * 29 + b"z")) == "SignatureDoesNotMatch"


def test_chunks_in_another_order_are_refused() -> None:
    claim = presented(SIGNED, "20")
    framing = Framing(claim)
    one, two, last = framing.chunk(b"a" * 10), framing.chunk(b"b" * 10), framing.chunk(b"")
    assert decode(claim, one + two + last + b"\r\n")
    assert refused(claim, two + one + last + b"\r\n") == "SignatureDoesNotMatch"


@pytest.mark.parametrize(("form", "trailer"), FORMS)
@pytest.mark.parametrize("length", ["39", "41", "0"])
def test_the_decoded_length_is_exact(form: str, trailer: str, length: str) -> None:
    claim = presented(form, length, trailer)
    assert refused(claim, body_of(claim, b"x" * 30, b"y" * 10)) == "IncompleteBody"


@pytest.mark.parametrize("length", ["", "-1", "+5", "0x5", "٣", "1e3"])
def test_the_decoded_length_must_be_told(length: str) -> None:
    claim = presented(SIGNED, "0")._replace(decoded_length=length)
    with pytest.raises(CallerError) as raised:
        sigv4.ChunkedBody(claim, SECRET)
    assert raised.value.code == "MissingContentLength"


@pytest.mark.parametrize(
    "size", [b"+a", b"-a", b" a", b"a ", b"0xa", b"_a", b"00000000000000000a", b"", b"g"]
)
@pytest.mark.parametrize(("form", "trailer"), FORMS)
def test_a_size_that_is_not_one_is_refused(form: str, trailer: str, size: bytes) -> None:
    claim = presented(form, "10", trailer)
    body = body_of(claim, b"z" * 10)
    assert refused(claim, size + body.removeprefix(b"a")) == "InvalidChunkSizeError"


def test_a_signed_stream_needs_its_signatures() -> None:
    claim = presented(SIGNED, "3")
    assert refused(claim, b"3\r\nabc\r\n0\r\n\r\n") == "InvalidChunkSizeError"


def test_trailers_must_be_those_announced() -> None:
    claim = presented(UNSIGNED_TRAILER, "3", CHECKSUM[0])
    body = b"3\r\nabc\r\n0\r\n"
    assert refused(claim, body + b"\r\n") == "MalformedTrailerError"
    assert refused(claim, body + b"x-amz-checksum-sha1:x\r\n\r\n") == "MalformedTrailerError"
    two = b"x-amz-checksum-crc32:x\r\n"
    assert refused(claim, body + two + two + b"\r\n") == "MalformedTrailerError"
    assert refused(claim, body + b"no colon\r\n\r\n") == "MalformedTrailerError"
    assert decode(claim, body + two + b"\r\n")[1] == {"x-amz-checksum-crc32": "x"}


@pytest.mark.parametrize("change", [(b"AAAAAA==", b"BBBBBB=="), (b"-signature:", b"-signature:0")])
def test_a_signed_trailer_is_believed_only_as_signed(change: tuple[bytes, bytes]) -> None:
    claim = presented(SIGNED_TRAILER, "3", CHECKSUM[0])
    assert refused(claim, body_of(claim, b"abc").replace(*change)) == "SignatureDoesNotMatch"


def test_a_signed_trailer_needs_its_signature() -> None:
    claim = presented(SIGNED_TRAILER, "3", CHECKSUM[0])
    body = body_of(claim, b"abc").split(b"x-amz-trailer-signature")[0]
    assert refused(claim, body + b"\r\n\r\n") == "IncompleteBody"


def test_nothing_may_follow_the_end() -> None:
    claim = presented(SIGNED, "3")
    assert refused(claim, body_of(claim, b"abc") + b"x") == "InvalidChunkSizeError"


def test_a_line_has_a_bound() -> None:
    claim = presented(UNSIGNED_TRAILER, "3", CHECKSUM[0])
    chunked = sigv4.ChunkedBody(claim, SECRET)
    with pytest.raises(CallerError) as raised:
        chunked.feed(b"3;" + b"x" * 10_000)
    assert raised.value.code == "InvalidChunkSizeError"


def test_an_extension_of_a_chunk_has_a_bound() -> None:
    claim = presented(UNSIGNED_TRAILER, "3", CHECKSUM[0])
    rest = b"\r\nabc\r\n0\r\nx-amz-checksum-crc32:x\r\n\r\n"
    assert decode(claim, b"3;" + b"x" * 128 + rest)[0] == b"abc"
    assert refused(claim, b"3;" + b"x" * 129 + rest) == "InvalidChunkSizeError"


def test_another_form_is_refused() -> None:
    claim = presented("STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD", "3")
    with pytest.raises(CallerError, match="unsupported"):
        sigv4.ChunkedBody(claim, SECRET)


def test_the_documented_example() -> None:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html, its first chunk."""
    key = signing_key(SECRET, "20130524", "us-east-1", "s3")
    seed = "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9"
    digest = hashlib.sha256(b"a" * 65536).hexdigest()
    text = (
        "AWS4-HMAC-SHA256-PAYLOAD\n20130524T000000Z\n20130524/us-east-1/s3/aws4_request\n"
        f"{seed}\n{EMPTY}\n{digest}"
    )
    expected = "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648"
    assert hmac.compare_digest(key.sign(text.encode()), expected)
