"""Request bodies that clients compressed (smithy's requestCompression).

Invariant: a body inflates to at most ``INFLATED_MAX`` bytes. The signature is of what was sent.
"""

import zlib
from dataclasses import replace
from typing import Final

from hostler.aws.http import HttpRequest
from hostler.aws.protocols.errors import UnreadableError

INFLATED_MAX: Final = 32 * 1024 * 1024


def inflated(request: HttpRequest) -> HttpRequest:
    """The request with its plain body, where content-encoding says gzip.

    Raises:
        UnreadableError: It is not gzip, or too large.
    """
    encodings = request.header.get("content-encoding", "").lower().split(",")
    if encodings[-1].strip() != "gzip":
        return request
    inflate = zlib.decompressobj(wbits=31)
    try:
        plain = inflate.decompress(request.body, INFLATED_MAX)
    except zlib.error:
        raise UnreadableError("The body is not gzip, as content-encoding says.") from None
    if not inflate.eof:
        raise UnreadableError(f"The body is cut short, or inflates beyond {INFLATED_MAX} bytes.")
    return replace(request, body=plain)
