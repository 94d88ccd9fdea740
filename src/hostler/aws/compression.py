"""Request bodies that clients compressed (smithy's requestCompression).

Invariant: a body inflates to at most ``INFLATED_MAX`` bytes. The signature is of what was sent.
"""

import zlib
from dataclasses import replace
from typing import Any, Final

from hostler.aws.http import HttpRequest
from hostler.aws.protocols.errors import UnreadableError

INFLATED_MAX: Final = 32 * 1024 * 1024
BEGINNING_MAX: Final = 64 * 1024


def beginning(request: HttpRequest) -> HttpRequest:
    """The request, of whose compressed body the first bytes are inflated and no more.

    Raises:
        UnreadableError: It is not gzip.
    """
    if not _is_gzip(request):
        return request
    return replace(request, body=_inflate(zlib.decompressobj(wbits=31), request, BEGINNING_MAX))


def inflated(request: HttpRequest) -> HttpRequest:
    """The request with its plain body, where content-encoding says gzip.

    Raises:
        UnreadableError: It is not gzip, or too large.
    """
    if not _is_gzip(request):
        return request
    inflate = zlib.decompressobj(wbits=31)
    plain = _inflate(inflate, request, INFLATED_MAX)
    if not inflate.eof:
        raise UnreadableError(f"The body is cut short, or inflates beyond {INFLATED_MAX} bytes.")
    return replace(request, body=plain)


def _is_gzip(request: HttpRequest) -> bool:
    encodings = request.header.get("content-encoding", "").lower().split(",")
    return encodings[-1].strip() == "gzip"


def _inflate(inflate: Any, request: HttpRequest, limit: int) -> bytes:
    try:
        plain: bytes = inflate.decompress(request.body, limit)
    except zlib.error:
        raise UnreadableError("The body is not gzip, as content-encoding says.") from None
    return plain
