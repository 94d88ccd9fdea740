"""HTTP for one request at a client's connection that a gateway lends (``domain.loan``).

As an ASGI server does, it hands the application the head and the body, and writes its answer. The
gateway has checked the head, and bounds and judges everything: nothing here has a deadline.

Invariant: of the client's bytes only the request's own are read; the connection is let go of before
the gateway hears that it is, and one whose body was not read whole is not used again.
"""

import asyncio
import http
import os
import socket
from collections.abc import Callable
from concurrent.futures import Executor
from email.utils import formatdate
from functools import partial
from typing import Any
from urllib.parse import unquote

from starlette.types import Message, Scope

from hostler.api.s3 import connection
from hostler.domain import loan

PIECE_BYTES = 1 << 20
_NO_BODY = frozenset({204, 304})


class Borrowed:
    """One request.

    Args:
        client: The lent connection, non-blocking; closed here.
        door: The connection to the gateway, non-blocking.
        preamble: Where the parts of the request are.
        request: Its head, as it is sent to any server, and what was read of its body.
        threads: Read files.
    """

    def __init__(
        self,
        client: socket.socket,
        door: socket.socket,
        preamble: loan.Preamble,
        request: bytes,
        threads: Executor,
    ) -> None:
        self._client = client
        self._door = door
        self._early = request[preamble.head :]
        self._rest = preamble.rest
        self._threads = threads
        self.scope, self._headers = _scope(request[: preamble.head])
        self._expects = "expect" in self._headers and not self._early
        self._asked_to_close = "close" in self._headers.get("connection", "").lower()
        self._told = False
        """Whether the application has heard the body's end."""
        self._gone = asyncio.Event()
        """The client's end, or the gateway's word that nobody waits."""
        self._waiting: set[asyncio.Future[None]] = set()
        self._head = b""
        """The answer's, until something follows it."""
        self._chunked = False
        self._closes = False
        self._answered = False

    def leave(self) -> None:
        """Nobody waits for the answer any more."""
        self._gone.set()
        for each in self._waiting:
            _settle(each)

    def end(self) -> None:
        """Let go of the connection, and say how it may go on."""
        self._client.close()
        if self._answered:
            self._tell(loan.LAST if self._closes else loan.DONE)

    # the application's side

    async def receive(self) -> Message:
        if self._early:
            piece, self._early = self._early, b""
            return self._piece(piece)
        if self._rest:
            if self._expects:
                self._expects = False
                await self._write(b"HTTP/1.1 100 Continue\r\n\r\n")
            piece = await self._read(min(self._rest, PIECE_BYTES))
            self._rest -= len(piece)
            if piece:
                return self._piece(piece)
            self.leave()
        elif not self._told:
            return self._piece(b"")
        await self._gone.wait()
        return {"type": "http.disconnect"}

    def _piece(self, piece: bytes) -> Message:
        self._told = not self._rest
        return {"type": "http.request", "body": piece, "more_body": not self._told}

    async def send(self, message: Message) -> None:
        match message["type"]:
            case "http.response.start":
                self._head = self._begin(message["status"], message.get("headers", ()))
            case connection.FILES:
                await self._send_body(b"", more=True)
                await self._send_file(message["file"], message["offset"], message["count"])
            case _:
                more = message.get("more_body", False)
                await self._send_body(message.get("body", b""), more=more)

    def _begin(self, status: int, headers: Any) -> bytes:
        lines = [(name.lower(), value) for name, value in headers]
        names = dict(lines)
        self._closes = self._rest > 0 or self._asked_to_close
        self._closes = self._closes or b"close" in names.get(b"connection", b"").lower()
        if self._closes and b"connection" not in names:
            lines.append((b"connection", b"close"))
        if b"date" not in names:
            lines.append((b"date", formatdate(usegmt=True).encode()))
        bodiless = status in _NO_BODY or self.scope["method"] == "HEAD"
        if b"content-length" not in names and not bodiless:
            self._chunked = True
            lines.append((b"transfer-encoding", b"chunked"))
        reason = http.HTTPStatus(status).phrase.encode()
        head = b"".join(b"%b: %b\r\n" % line for line in lines)
        return b"HTTP/1.1 %d %b\r\n%b\r\n" % (status, reason, head)

    async def _send_body(self, body: bytes, *, more: bool) -> None:
        if self.scope["method"] == "HEAD":
            body = b""
        elif self._chunked:
            body = b"%x\r\n%b\r\n" % (len(body), body) if body else b""
            body += b"" if more else b"0\r\n\r\n"
        head, self._head = self._head, b""
        if head:
            self._tell(loan.ANSWERING)
        await self._write(head + body if head else body)
        self._answered = not more and not self._gone.is_set()

    async def _send_file(self, file: int, offset: int, count: int) -> None:
        """All of a part of a file, as the end of the answer."""
        loop, end = asyncio.get_running_loop(), offset + count
        while offset < end and not self._gone.is_set():
            work = partial(os.sendfile, self._client.fileno(), file, offset, end - offset)
            try:
                sent = await loop.run_in_executor(self._threads, work)
            except BlockingIOError:
                await self._wait(loop.add_writer, loop.remove_writer)
            except OSError:
                self.leave()
            else:
                if not sent:
                    raise EOFError("a blob is shorter than its row says")
                offset += sent
        self._answered = not self._gone.is_set()

    # the connection's side

    async def _read(self, size: int) -> bytes:
        while True:
            try:
                return self._client.recv(size)
            except BlockingIOError:
                loop = asyncio.get_running_loop()
                await self._wait(loop.add_reader, loop.remove_reader)
                if self._gone.is_set():
                    return b""
            except OSError:
                return b""

    async def _write(self, data: bytes) -> None:
        """Write all of it; nothing any more once the client has gone."""
        left = memoryview(data)
        while left and not self._gone.is_set():
            try:
                left = left[self._client.send(left) :]
            except BlockingIOError:
                loop = asyncio.get_running_loop()
                await self._wait(loop.add_writer, loop.remove_writer)
            except OSError:
                self.leave()

    async def _wait(self, watch: Callable[..., object], unwatch: Callable[[int], object]) -> None:
        """Until the client's connection is ready, or nobody waits any more."""
        file, ready = self._client.fileno(), asyncio.get_running_loop().create_future()
        self._waiting.add(ready)
        watch(file, _settle, ready)
        try:
            await ready
        finally:
            unwatch(file)
            self._waiting.discard(ready)

    def _tell(self, word: bytes) -> None:
        try:
            self._door.send(word)
        except OSError:
            self.leave()


def _settle(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


def _scope(head: bytes) -> tuple[Scope, dict[str, str]]:
    """ASGI's scope of a head, and its headers by lower-case name."""
    line, *lines = head.removesuffix(b"\r\n\r\n").split(b"\r\n")
    method, target, _ = line.decode("latin-1").split(" ")
    path, _, query = target.partition("?")
    pairs = [(name.lower(), value) for name, _, value in (each.partition(b": ") for each in lines)]
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "path": unquote(path),
        "raw_path": path.encode("latin-1"),
        "query_string": query.encode("latin-1"),
        "headers": pairs,
        "extensions": {connection.FILES: {}},
    }
    return scope, {name.decode("latin-1"): value.decode("latin-1") for name, value in pairs}
