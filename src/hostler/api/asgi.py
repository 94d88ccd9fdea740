"""Requests and responses between ASGI and the protocol layer.

Invariant: the request target and the headers reach the signature's check exactly as received, and
no more of a body is kept than its limit.
"""

import asyncio
from collections.abc import Callable
from typing import TypeVar

from starlette.types import Receive, Scope, Send

from hostler.aws.http import HttpRequest, HttpResponse
from hostler.domain.errors import CallerError

READ_AT_ONCE_MAX = 64 * 1024
"""Bytes of a body up to which it is read where it came in, and keeps others waiting."""

T = TypeVar("T")


def head(scope: Scope) -> HttpRequest:
    """The request's head, its body still unread."""
    query: bytes = scope["query_string"]
    target = scope["raw_path"] + (b"?" + query if query else b"")
    return HttpRequest(
        method=scope["method"],
        raw_target=target.decode("latin-1"),
        headers=tuple(
            (name.decode("latin-1").lower(), value.decode("latin-1"))
            for name, value in scope["headers"]
        ),
    )


async def body(request: HttpRequest, receive: Receive, limit: int) -> bytes | None:
    """The whole body; None when the client went away before its end.

    Raises:
        CallerError: It is, or says that it will be, longer than ``limit`` bytes.
    """
    declared = request.header.get("content-length", "")
    if declared.isdecimal() and int(declared) > limit:
        raise _too_large(limit)
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        part: bytes = message.get("body", b"")
        size += len(part)
        if size > limit:
            raise _too_large(limit)
        parts.append(part)
        if not message.get("more_body", False):
            return b"".join(parts)


async def reading(request: HttpRequest, read: Callable[[], T]) -> T:
    """What ``read`` makes of a request; a large body is read beside the event loop."""
    size = len(request.body)
    if size == 0 or (size <= READ_AT_ONCE_MAX and "content-encoding" not in request.header):
        return read()
    return await asyncio.to_thread(read)


async def send_response(send: Send, response: HttpResponse) -> None:
    """Send a complete response."""
    headers = [
        (name.encode("latin-1"), value.encode("latin-1")) for name, value in response.headers
    ]
    if all(name != b"content-length" for name, _ in headers):
        headers.append((b"content-length", str(len(response.body)).encode()))
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    await send({"type": "http.response.body", "body": response.body})


def _too_large(limit: int) -> CallerError:
    return CallerError(
        "RequestEntityTooLargeException",
        f"The request's body is longer than the limit of {limit} bytes.",
        status=413,
    )
