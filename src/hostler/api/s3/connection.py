"""One request's connection: its body in, an object's bytes out.

Invariant: nothing is buffered beyond a piece, a client that goes away stops the work, and a
connection whose body was announced but never sent is not used again.
"""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from starlette.types import Receive, Send

from hostler.api.s3.call import Content
from hostler.api.s3.incoming import Storage
from hostler.aws.http import HttpRequest, HttpResponse

SENT_BYTES = 512 << 10
PATIENCE_S = 5.0
"""After so long without an answer a byte is sent: clients give up after a minute of silence."""
FILES = "http.response.zerocopysend"
"""The message, and the extension of ASGI's, by which a server sends a part of a file by itself."""
_DECLARATION = b'<?xml version="1.0" encoding="UTF-8"?>\n'


class Body(Protocol):
    """What follows an answer's head, where that is no document."""

    @property
    def length(self) -> int | None:
        """In bytes; None where only the end will tell. HEAD has it, and no pieces."""
        ...

    def pieces(self) -> AsyncIterator[bytes]: ...

    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class FileBody:
    """An object's bytes, in a file that stays whole while it is open; None where HEAD asks."""

    file: int | None
    start: int
    length: int
    storage: Storage

    async def pieces(self) -> AsyncIterator[bytes]:
        at, end = self.start, self.start + self.length
        while self.file is not None and at < end:
            size = min(SENT_BYTES, end - at)
            piece = await self.storage.run(partial(os.pread, self.file, size, at))
            if not piece:
                raise EOFError("a blob is shorter than its row says")
            at += len(piece)
            yield piece

    async def close(self) -> None:
        if self.file is not None:
            os.close(self.file)


class ClientGoneError(Exception):
    """The client closed the connection before the end."""


class Connection:
    """One request's ends of ASGI."""

    def __init__(
        self, request: HttpRequest, receive: Receive, send: Send, *, files: bool = False
    ) -> None:
        self._request = request
        self._receive = receive
        self._send = send
        self._files = files
        self._ended = False
        self._begun = False
        self._answering = False

    async def body(self) -> AsyncIterator[bytes]:
        """The request's body, as it comes; raises ClientGoneError."""
        while not self._ended:
            self._begun = True
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise ClientGoneError
            self._ended = not message.get("more_body", False)
            yield message.get("body", b"")

    @contextlib.asynccontextmanager
    async def waiting(self, patience_s: float = PATIENCE_S) -> AsyncIterator[None]:
        """Keep the client waiting, with white space before the document, while the block works.

        The status is then 200 whatever comes, and a failure is told by the document, as S3 does
        (https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html).
        """
        ticking = asyncio.create_task(self._tick(patience_s))
        try:
            yield
        finally:
            ticking.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await ticking

    async def _tick(self, patience_s: float) -> None:
        await asyncio.sleep(patience_s)
        self._answering = True
        headers = [(b"content-type", b"application/xml")]
        await self._send({"type": "http.response.start", "status": 200, "headers": headers})
        text = _DECLARATION
        while True:
            await self._send({"type": "http.response.body", "body": text, "more_body": True})
            text = b" "
            await asyncio.sleep(patience_s)

    async def open(self, content: Content, storage: Storage) -> FileBody:
        """Before the answer begins: what an index row referred to may be collected soon after.

        Raises:
            OSError: it cannot be read; a client that asks again learns what its key means now.
        """
        file = None
        if self._request.method != "HEAD":
            file = await storage.run(partial(os.open, content.path, os.O_RDONLY | os.O_CLOEXEC))
        return FileBody(file, content.start, content.length, storage)

    async def respond(self, response: HttpResponse, body: Body | None = None) -> None:
        """Send a response, with an object's bytes as its body where there are some."""
        try:
            await self._respond(response, body)
        finally:
            if body is not None:
                await body.close()

    async def _respond(self, response: HttpResponse, body: Body | None) -> None:
        if self._answering:
            document = response.body.removeprefix(_DECLARATION)
            await self._send({"type": "http.response.body", "body": document})
            return
        length = len(response.body) if body is None else body.length
        headers = [
            (name.encode("latin-1"), value.encode("latin-1")) for name, value in response.headers
        ]
        if response.status not in (204, 304) and length is not None:
            headers.append((b"content-length", str(length).encode()))
        if not self._begun and "expect" in self._request.header:
            # The client may now leave the body out or send it: nobody can tell on this connection.
            headers.append((b"connection", b"close"))
        await self._send(
            {"type": "http.response.start", "status": response.status, "headers": headers}
        )
        if body is None:
            await self._send({"type": "http.response.body", "body": response.body})
        elif self._files and isinstance(body, FileBody) and body.file is not None:
            where = {"file": body.file, "offset": body.start, "count": body.length}
            await self._send({"type": FILES, **where})
        else:
            await self._send_body(body)

    async def _send_body(self, body: Body) -> None:
        gone = asyncio.create_task(self._until_gone())
        try:
            async for piece in body.pieces():
                if gone.done():
                    return
                await self._send({"type": "http.response.body", "body": piece, "more_body": True})
            await self._send({"type": "http.response.body", "body": b""})
        finally:
            gone.cancel()

    async def _until_gone(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
