"""The checksums that S3 knows beside the MD5: computed while bytes pass.

Invariant: an algorithm is in ``ALGORITHMS`` with everything that is known of it; whoever asks for
another is refused by its name, never ignored.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html
"""

import base64
import hashlib
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from awscrt import checksums as crt

from hostler.api.s3.errors import invalid_request


class Running(Protocol):
    """A checksum under way."""

    def update(self, data: bytes, /) -> None: ...

    def digest(self) -> bytes: ...


class _Crc:
    """A CRC by a function that continues from an earlier value; big-endian, as S3 sends it."""

    def __init__(self, step: Callable[[bytes, int], int], width: int) -> None:
        self._step = step
        self._width = width
        self._value = 0

    def update(self, data: bytes) -> None:
        self._value = self._step(data, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(self._width, "big")


class _XxHash:
    """An xxHash of the Common Runtime; it can be finished once, so its digest is kept."""

    def __init__(self, make: Callable[[], crt.XXHash]) -> None:
        self._hash = make()
        self._digest: bytes | None = None

    def update(self, data: bytes) -> None:
        self._hash.update(data)

    def digest(self) -> bytes:
        if self._digest is None:
            self._digest = bytes(self._hash.finalize())
        return self._digest


@dataclass(frozen=True, slots=True)
class Algorithm:
    """``name`` as in x-amz-checksum-algorithm; ``width`` in bytes of the binary value."""

    name: str
    width: int
    begin: Callable[[], Running]
    kinds: tuple[str, ...]
    """Of a multipart object, the usual one first."""

    @property
    def header(self) -> str:
        return f"x-amz-checksum-{self.name.lower()}"

    @property
    def member(self) -> str:
        """The member of S3's shapes that carries the value."""
        return f"Checksum{self.name}"


COMPOSITE = "COMPOSITE"
FULL_OBJECT = "FULL_OBJECT"


def _hash(name: str) -> Callable[[], Running]:
    return partial(hashlib.new, name, usedforsecurity=False)


ALGORITHMS: Mapping[str, Algorithm] = {
    algorithm.name: algorithm
    for algorithm in (
        Algorithm("CRC32", 4, partial(_Crc, zlib.crc32, 4), (COMPOSITE, FULL_OBJECT)),
        Algorithm("CRC32C", 4, partial(_Crc, crt.crc32c, 4), (COMPOSITE, FULL_OBJECT)),
        Algorithm("CRC64NVME", 8, partial(_Crc, crt.crc64nvme, 8), (FULL_OBJECT,)),
        Algorithm("SHA1", 20, _hash("sha1"), (COMPOSITE,)),
        Algorithm("SHA256", 32, _hash("sha256"), (COMPOSITE,)),
        Algorithm("SHA512", 64, _hash("sha512"), (COMPOSITE,)),
        Algorithm("MD5", 16, _hash("md5"), (COMPOSITE,)),
        Algorithm("XXHASH64", 8, partial(_XxHash, crt.XXHash.new_xxhash64), (COMPOSITE,)),
        Algorithm("XXHASH3", 8, partial(_XxHash, crt.XXHash.new_xxhash3_64), (COMPOSITE,)),
        Algorithm("XXHASH128", 16, partial(_XxHash, crt.XXHash.new_xxhash3_128), (COMPOSITE,)),
    )
}

USUAL = ALGORITHMS["CRC64NVME"]
"""What S3 computes of the whole object where the caller asks for none."""

BY_HEADER: Mapping[str, Algorithm] = {a.header: a for a in ALGORITHMS.values()}


def named(name: str) -> Algorithm:
    """An algorithm by the name in a header; raises CallerError."""
    algorithm = ALGORITHMS.get(name.upper())
    if algorithm is None:
        raise invalid_request(f"Checksum algorithm provided is unsupported: {name}")
    return algorithm


def text(digest: bytes) -> str:
    """A checksum as S3 writes it."""
    return base64.b64encode(digest).decode()


def check_value(algorithm: Algorithm, value: str) -> str:
    """The value as given, if it is base64 of the right length; raises CallerError."""
    try:
        width = len(base64.b64decode(value, validate=True))
    except ValueError:
        width = -1
    if width != algorithm.width:
        raise invalid_request(f"Value for {algorithm.header} header is invalid.")
    return value


def composite(algorithm: Algorithm, parts: list[str]) -> str:
    """The checksum of the parts' checksums, with their number."""
    running = algorithm.begin()
    for part in parts:
        running.update(base64.b64decode(part))
    return f"{text(running.digest())}-{len(parts)}"
