"""What S3 reads out of requests: names, ranges, conditions, tags, claims about the body."""

import hashlib

import pytest

from hostler.api.s3 import checksums, conditions, naming, tagging
from hostler.api.s3.conditions import NotModifiedError, Span
from hostler.api.s3.copying import source_of, source_span
from hostler.api.s3.finding import Wanted
from hostler.api.s3.incoming import claims
from hostler.domain.errors import CallerError
from hostler.store.objects import StoredObject

UNSIGNED = "UNSIGNED-PAYLOAD"
TRAILER = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
LONG = "9" * 5000
"""More digits than Python makes a number of."""


@pytest.mark.parametrize("name", ["abc", "a.b-c", "0" * 63, "acme-sm-rc-project-a"])
def test_bucket_names(name: str) -> None:
    naming.check_bucket(name)


@pytest.mark.parametrize(
    "name",
    ["ab", "A-b", "a_b", "-ab", "ab-", "a..b", "10.0.0.1", "x" * 64, "xn--a", "a-s3alias", ".."],
)
def test_names_that_no_bucket_can_have(name: str) -> None:
    with pytest.raises(CallerError, match="InvalidBucketName"):
        naming.check_bucket(name)


@pytest.mark.parametrize(
    ("header", "size", "expected"),
    [
        (None, 10, Span(0, 10, partial=False)),
        ("bytes=0-0", 10, Span(0, 1, partial=True)),
        ("bytes=3-", 10, Span(3, 7, partial=True)),
        ("bytes=-4", 10, Span(6, 4, partial=True)),
        ("bytes=-40", 10, Span(0, 10, partial=True)),
        ("bytes=5-500", 10, Span(5, 5, partial=True)),
        (f"bytes=5-{LONG}", 10, Span(5, 5, partial=True)),
        (f"bytes=-{LONG}", 10, Span(0, 10, partial=True)),
        (f"bytes={'0' * 5000}2-{'0' * 5000}3", 10, Span(2, 2, partial=True)),
        ("bytes=5-4", 10, Span(0, 10, partial=False)),
        ("bytes=-", 10, Span(0, 10, partial=False)),
        ("bytes=0-1,3-4", 10, Span(0, 10, partial=False)),
        ("bytes=\u0661-\u0662", 10, Span(0, 10, partial=False)),
        ("lines=0-1", 10, Span(0, 10, partial=False)),
    ],
)
def test_ranges(header: str | None, size: int, expected: Span) -> None:
    assert conditions.span(header, size) == expected


@pytest.mark.parametrize(
    ("header", "size"),
    [("bytes=10-", 10), ("bytes=-0", 10), ("bytes=0-", 0), (f"bytes={LONG}-", 10)],
)
def test_ranges_that_hold_nothing(header: str, size: int) -> None:
    with pytest.raises(CallerError, match="InvalidRange"):
        conditions.span(header, size)


def test_the_range_of_a_copy_lies_in_its_source() -> None:
    assert source_span(None, 10) == (0, 10)
    assert source_span("bytes=3-9", 10) == (3, 7)
    for header in ("bytes=3-10", "bytes=4-3", f"bytes=3-{LONG}", f"bytes={LONG}-{LONG}"):
        with pytest.raises(CallerError, match="InvalidArgument"):
            source_span(header, 10)


def stored(etag: str = "e1", modified: float = 1000.7) -> StoredObject:
    return StoredObject("b", "k", 1, "d", etag, modified)


def test_a_matching_etag_outweighs_an_older_time() -> None:
    conditions.for_read(stored(), {"IfMatch": '"e1"', "IfUnmodifiedSince": 1.0})
    conditions.for_read(stored(), {"IfNoneMatch": '"e2"', "IfModifiedSince": 5000.0})
    with pytest.raises(CallerError, match="PreconditionFailed"):
        conditions.for_read(stored(), {"IfUnmodifiedSince": 999.0})
    with pytest.raises(NotModifiedError):
        conditions.for_read(stored(), {"IfNoneMatch": 'W/"e0", "e1"'})
    with pytest.raises(NotModifiedError):
        conditions.for_read(stored(), {"IfModifiedSince": 1000.0})
    conditions.for_read(stored(), {"IfModifiedSince": 999.0})


def test_conditions_on_a_write() -> None:
    conditions.for_write(None, "k", {"IfNoneMatch": "*"})
    conditions.for_write(stored(), "k", {"IfMatch": "e1"})
    for existing, asked, code in (
        (stored(), {"IfNoneMatch": "*"}, "PreconditionFailed"),
        (stored(), {"IfMatch": "e2"}, "PreconditionFailed"),
        (None, {"IfMatch": "e1"}, "NoSuchKey"),
        (None, {"IfNoneMatch": "e1"}, "NotImplemented"),
    ):
        with pytest.raises(CallerError, match=code):
            conditions.for_write(existing, "k", asked)


def test_tags() -> None:
    assert tagging.of_header(None) == {}
    assert tagging.of_header("a=1&b=&%C3%A9=%20") == {"a": "1", "b": "", "\u00e9": " "}
    with pytest.raises(CallerError, match="InvalidArgument"):
        tagging.of_header("a=1&a=2")
    for header in ("=1", "aws:x=1", "k" * 129 + "=1", "&".join("abcdefghijk"), "a=%ff"):
        with pytest.raises(CallerError):
            tagging.of_header(header)


def test_copy_sources() -> None:
    assert source_of("/b/a%20b/c") == Wanted("b", "a b/c", None)
    assert source_of("b/a+b?versionId=null") == Wanted("b", "a+b", "null")
    version = "3HL4kqtJvjVBH40Nrjfkd-_.1234567X"
    assert source_of(f"b/k?versionId={version}") == Wanted("b", "k", version)
    for header in ("b", "b/", "/b", "", "b/k?versionId=3", "b/%ff", "b/a%00b"):
        with pytest.raises(CallerError):
            source_of(header)


def test_what_a_request_says_of_its_body() -> None:
    sha256 = hashlib.sha256(b"x").hexdigest()
    plain = claims({"content-length": "1"}, sha256)
    assert (plain.length, plain.sha256, plain.algorithm) == (1, sha256, None)
    summed = claims({"content-length": "1", "x-amz-checksum-crc32": "AAAAAA=="}, UNSIGNED)
    assert summed.algorithm is checksums.ALGORITHMS["CRC32"]
    assert (summed.sha256, summed.value) == (None, "AAAAAA==")
    trailing = claims(
        {
            "content-length": "99",
            "x-amz-decoded-content-length": "7",
            "x-amz-trailer": "x-amz-checksum-sha1",
            "x-amz-sdk-checksum-algorithm": "SHA1",
        },
        TRAILER,
    )
    assert (trailing.length, trailing.value) == (7, None)
    assert trailing.algorithm is checksums.ALGORITHMS["SHA1"]


@pytest.mark.parametrize(
    ("headers", "payload_hash", "code"),
    [
        ({"transfer-encoding": "chunked"}, UNSIGNED, "MissingContentLength"),
        ({"content-length": "9"}, TRAILER, "MissingContentLength"),
        ({"content-length": str((5 << 30) + 1)}, UNSIGNED, "EntityTooLarge"),
        ({"content-length": "1", "content-md5": "AAAA"}, UNSIGNED, "InvalidDigest"),
        (
            {"x-amz-decoded-content-length": "1", "x-amz-trailer": "x-evil"},
            TRAILER,
            "InvalidRequest",
        ),
    ],
)
def test_claims_that_cannot_be(headers: dict[str, str], payload_hash: str, code: str) -> None:
    with pytest.raises(CallerError) as caught:
        claims(headers, payload_hash)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        # The check values of the CRC catalogue, of "123456789".
        ("CRC32", "y/Q5Jg=="),
        ("CRC32C", "4waSgw=="),
        ("CRC64NVME", "rosUhgp5mIg="),
    ],
)
def test_the_catalogue_s_check_values(name: str, expected: str) -> None:
    running = checksums.ALGORITHMS[name].begin()
    for piece in (b"123", b"456789", b""):
        running.update(piece)
    assert checksums.text(running.digest()) == expected
    assert len(running.digest()) == checksums.ALGORITHMS[name].width


def test_a_composite_is_the_checksum_of_the_checksums() -> None:
    sha1 = checksums.ALGORITHMS["SHA1"]
    parts = [hashlib.sha1(data, usedforsecurity=False).digest() for data in (b"a", b"b")]
    expected = checksums.text(hashlib.sha1(b"".join(parts), usedforsecurity=False).digest())
    assert checksums.composite(sha1, [checksums.text(part) for part in parts]) == f"{expected}-2"
