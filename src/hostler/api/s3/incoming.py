"""An upload's bytes: from the connection, through every check, into a blob.

Invariant: memory stays bounded (a piece at a time), hashing and disk work run on threads, and a
blob is committed only after length, signature, chunk signatures, MD5 and checksum are all right.
"""

import asyncio
import base64
import errno
import hashlib
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import Executor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from hostler.api.s3 import checksums
from hostler.api.s3.checksums import Algorithm
from hostler.api.s3.errors import disk_full, error, invalid_request, malformed_xml
from hostler.aws.chunked import ChunkedBody
from hostler.aws.presented import STREAMING
from hostler.aws.signing import UNSIGNED_PAYLOAD
from hostler.domain.errors import CallerError
from hostler.store.blobs import Blob, Blobs, BlobWriter

PIECE_BYTES = 1 << 20
OBJECT_BYTES_MAX = 5 << 30
"""Of one PUT or part; larger objects are uploaded in parts, as on S3."""

UNTOLD = -1
"""The length of a body that ends where it says so itself: whoever gives it judges it."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Claims:
    """What the request says of its body, to be found true."""

    length: int
    """Of the content, without the framing of aws-chunked; or UNTOLD."""
    sha256: str | None = None
    """Hexadecimal, from x-amz-content-sha256."""
    md5: bytes | None = None
    algorithm: Algorithm | None = None
    """Of the checksum in a header or trailer."""
    value: str | None = None
    """The checksum's base64; None where it comes in the trailer."""


@dataclass(frozen=True, slots=True)
class Received:
    """A durable content and what was computed on its way in."""

    blob: Blob
    md5: bytes
    checksum: str | None
    """In base64, of the algorithm that was asked for."""


def claims(headers: Mapping[str, str], payload_hash: str, *, of_body: bool = True) -> Claims:
    """Reads what a request says of its body; raises CallerError.

    Args:
        headers: The request's, by lower-case name.
        payload_hash: What its signature says (``UNSIGNED-PAYLOAD``, ``STREAMING-…``, or a hash).
        of_body: Whether checksum headers speak of the body.
    """
    streaming = payload_hash.startswith(STREAMING)
    if not of_body:
        headers = {n: v for n, v in headers.items() if not n.startswith("x-amz-checksum-")}
    given = [name for name in headers if name in checksums.BY_HEADER]
    for name in headers:
        if name.startswith("x-amz-checksum-") and name not in (
            *given,
            "x-amz-checksum-algorithm",
            "x-amz-checksum-type",
            "x-amz-checksum-mode",
        ):
            raise invalid_request(f"The checksum algorithm of {name} is not supported.")
    trailing = _trailing(headers) if streaming else []
    if len(given) + len(trailing) > 1:
        raise invalid_request(
            "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed."
        )
    algorithm = checksums.BY_HEADER[(given + trailing)[0]] if given or trailing else None
    named = headers.get("x-amz-sdk-checksum-algorithm")
    if named is not None and checksums.named(named) != algorithm:
        raise invalid_request(
            "x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or "
            "x-amz-trailer headers were found."
        )
    return Claims(
        length=_length(headers, streaming=streaming),
        sha256=None if streaming or payload_hash == UNSIGNED_PAYLOAD else payload_hash,
        md5=_md5(headers.get("content-md5")),
        algorithm=algorithm,
        value=checksums.check_value(algorithm, headers[given[0]]) if algorithm and given else None,
    )


def _trailing(headers: Mapping[str, str]) -> list[str]:
    names = [name.strip().lower() for name in headers.get("x-amz-trailer", "").split(",")]
    for name in names:
        if name and name not in checksums.BY_HEADER:
            raise invalid_request(
                f"The value specified in the x-amz-trailer header is not supported: {name}"
            )
    return [name for name in names if name]


def _length(headers: Mapping[str, str], *, streaming: bool) -> int:
    name = "x-amz-decoded-content-length" if streaming else "content-length"
    text = headers.get(name)
    if text is None and not streaming and "transfer-encoding" not in headers:
        return 0
    if text is None or not (text.isascii() and text.isdigit()):
        raise error(
            "MissingContentLength", "You must provide the Content-Length HTTP header.", Header=name
        )
    length = int(text)
    if length > OBJECT_BYTES_MAX:
        raise error(
            "EntityTooLarge",
            "Your proposed upload exceeds the maximum allowed size",
            ProposedSize=str(length),
            MaxSizeAllowed=str(OBJECT_BYTES_MAX),
        )
    return length


def _md5(text: str | None) -> bytes | None:
    if text is None:
        return None
    try:
        digest = base64.b64decode(text, validate=True)
    except ValueError:
        digest = b""
    if len(digest) != 16:
        raise error(
            "InvalidDigest", "The Content-MD5 you specified was invalid.", **{"Content-MD5": text}
        )
    return digest


class Digests:
    """The MD5 and the checksum of a content, piece by piece. Blocking."""

    def __init__(self, algorithm: Algorithm | None) -> None:
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._running = algorithm.begin() if algorithm else None

    def take(self, piece: bytes) -> None:
        self._md5.update(piece)
        if self._running is not None:
            self._running.update(piece)

    def md5(self) -> bytes:
        return self._md5.digest()

    def checksum(self) -> str | None:
        return None if self._running is None else checksums.text(self._running.digest())


class Storage:
    """Blobs, seen from an event loop: every blocking step on a thread, a full disk as an error."""

    def __init__(self, blobs: Blobs, threads: Executor) -> None:
        self.blobs = blobs
        self._threads = threads

    async def run(self, work: Callable[[], T]) -> T:
        """Run blocking work on a thread; raises ServiceUnavailable where the disk is full."""
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        except OSError as failure:
            if failure.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
                raise disk_full() from failure
            raise

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[BlobWriter]:
        """A new content; write its index row before the block ends."""
        writer = self.blobs.begin()
        try:
            yield writer
        finally:
            await self.run(writer.close)


async def receive(
    storage: Storage,
    writer: BlobWriter,
    body: AsyncIterator[bytes],
    claimed: Claims,
    *,
    chunked: ChunkedBody | None,
    also: Algorithm | None = None,
) -> Received:
    """Read a body to its end, check it and commit it.

    Args:
        storage: Runs the blocking work.
        writer: The content to fill; the caller closes it.
        body: The bytes as they come from the connection.
        claimed: What must be true of them.
        chunked: Decodes and verifies aws-chunked framing.
        also: The checksum to compute where the request claims none.
    """
    digests = Digests(claimed.algorithm or also)

    def take(pieces: list[bytes]) -> None:
        for data in pieces:
            piece = data if chunked is None else chunked.feed(data)
            writer.write(piece)
            digests.take(piece)

    def finish(rest: list[bytes]) -> Received:
        take(rest)
        if chunked is not None:
            chunked.finish()
        if claimed.length not in (UNTOLD, writer.size):
            raise incomplete()
        verify(claimed, writer.hexdigest(), digests, chunked)
        return Received(writer.commit(), digests.md5(), digests.checksum())

    pending: list[bytes] = []
    size = 0
    async for data in body:
        pending.append(data)
        size += len(data)
        if size >= PIECE_BYTES:
            pieces, pending, size = pending, [], 0
            await storage.run(partial(take, pieces))
    return await storage.run(partial(finish, pending))


async def read_document(
    body: AsyncIterator[bytes], claimed: Claims, chunked: ChunkedBody | None, length_max: int
) -> bytes:
    """A small body, whole and checked (an XML document)."""
    if claimed.length > length_max:
        raise malformed_xml()
    document = bytearray()
    async for data in body:
        document += data if chunked is None else chunked.feed(data)
        if len(document) > claimed.length:
            break
    if chunked is not None:
        chunked.finish()
    if len(document) != claimed.length:
        raise incomplete()
    whole = bytes(document)
    digests = Digests(claimed.algorithm)
    digests.take(whole)
    verify(claimed, hashlib.sha256(whole).hexdigest(), digests, chunked)
    return whole


def incomplete() -> CallerError:
    """The body is not as long as was said."""
    return error(
        "IncompleteBody",
        "You did not provide the number of bytes specified by the Content-Length HTTP header",
    )


def verify(claimed: Claims, sha256: str, digests: Digests, chunked: ChunkedBody | None) -> None:
    """Raise CallerError for the first claim that is not true of the whole content."""
    if claimed.sha256 is not None and claimed.sha256 != sha256:
        raise error(
            "XAmzContentSHA256Mismatch",
            "The provided 'x-amz-content-sha256' header does not match what was computed.",
            ClientComputedContentSHA256=claimed.sha256,
            S3ComputedContentSHA256=sha256,
        )
    if claimed.md5 is not None and claimed.md5 != digests.md5():
        raise error(
            "BadDigest",
            "The Content-MD5 you specified did not match what we received.",
            ExpectedDigest=checksums.text(claimed.md5),
            CalculatedDigest=checksums.text(digests.md5()),
        )
    algorithm = claimed.algorithm
    if algorithm is None:
        return
    value = claimed.value
    if value is None:
        trailers = {} if chunked is None else chunked.trailers
        if algorithm.header not in trailers:
            raise error(
                "MalformedTrailerError",
                "The request contained trailing data that was not well-formed or did not conform "
                "to our published schema.",
            )
        value = checksums.check_value(algorithm, trailers[algorithm.header].strip())
    if value != digests.checksum():
        raise error(
            "BadDigest",
            f"The {algorithm.name} you specified did not match the calculated checksum.",
        )
