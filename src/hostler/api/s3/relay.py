"""S3 as an ASGI application in front of an external S3: callers keep Hostler's keys and rules.

A request is authenticated and authorised as for Hostler's own S3, then written anew and signed with
the external access key; the answer goes back as it comes.

Invariant: the last piece of an upload leaves only after length, signature, chunk signatures, MD5
and checksum are all right: a body that is not what was signed is never stored. About a piece of
each request is in memory.
"""

import asyncio
import hashlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from http.client import HTTPResponse
from typing import TypeVar
from urllib.parse import quote

from starlette.types import Receive, Scope, Send

from hostler.api import asgi
from hostler.api.s3 import access, copying, passing
from hostler.api.s3.connection import Connection
from hostler.api.s3.errors import error, not_implemented
from hostler.api.s3.front import Admitted, Answer, Front
from hostler.api.s3.incoming import claims
from hostler.api.s3.passage import PIECE_BYTES, Passage
from hostler.aws.external import Exchange, ExternalError, ExternalS3, lowered
from hostler.aws.http import HttpResponse

THREADS = 64
"""Requests at work at once: each takes one while it waits for the network."""
_OF_THE_CONNECTION = frozenset(
    {"connection", "keep-alive", "transfer-encoding", "content-length", "date", "server"}
)
_REPEATED = frozenset({200, 204, 206, 304})

T = TypeVar("T")
_log = logging.getLogger("hostler.api.s3")


class Relay:
    """The ASGI application.

    Args:
        external: Where requests go on to.
        front: What they pass before.
        account: Whose the external buckets are.
    """

    def __init__(self, external: ExternalS3, front: Front, account: str) -> None:
        self._external = external
        self._front = front
        self._account = account
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="s3-relay")
        self._said = ""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request, or live through the server's life."""
        match scope["type"]:
            case "http":
                await self._front.serve(asgi.head(scope), receive, send, self._pass_on)
            case "lifespan":
                for event in ("startup", "shutdown"):
                    await receive()
                    await send({"type": f"lifespan.{event}.complete"})
            case _:
                return

    async def _pass_on(self, admitted: Admitted, _connection: Connection) -> Answer:
        if admitted.form is not None:
            text = (
                "Uploads from browser forms do not go on to an external S3: presign a PUT instead."
            )
            raise not_implemented(text)
        passing.check_owners(admitted, self._account)
        passing.check_key(admitted.call.params.get("Key") or "")
        await self._check_others(admitted)
        try:
            exchange = await self._sent(admitted)
            try:
                response = await self._run(exchange.answer)
                answer = await self._answered(admitted, exchange, response)
            except BaseException:
                await self._close(exchange)
                raise
        except ExternalError as failure:
            self._say(failure)
            raise error("ServiceUnavailable", str(failure)) from failure
        self._said = ""
        return answer

    async def _check_others(self, admitted: Admitted) -> None:
        """The objects that a request names beside its own: each must be allowed.

        DeleteObjects is refused as a whole where one key is.
        """
        call, needs = admitted.call, list[access.Need]()
        if admitted.operation.name == "DeleteObjects":
            for item in call.params["Delete"].get("Objects", ()):
                key, version_id = item.get("Key", ""), item.get("VersionId") or None
                needs.append(access.deleting(call.bucket, key, version_id, item.get("ETag")))
        if (source := call.params.get("CopySource")) is not None:
            wanted = copying.named_source(source)
            needs.append(access.reading(wanted.bucket, wanted.key, wanted.version_id))
        await self._front.guard.admit(call.asked, needs)

    # the request

    async def _sent(self, admitted: Admitted) -> Exchange:
        """The request, with all of its body."""
        call = admitted.call
        passed = passing.headers(admitted)
        if (given := call.params.get("CopySource")) is not None:
            passed = (*(each for each in passed if each[0] != "x-amz-copy-source"), _source(given))
        if not admitted.operation.streams:
            body = call.request.body
            sha256 = hashlib.sha256(body).hexdigest()
            exchange = await self._begin(admitted, passed, sha256, len(body))
            work = self._run(partial(exchange.send, body))
        else:
            claimed = claims(call.request.header, call.payload_hash)
            passed, signed, trailed = passing.framing(admitted, passed)
            length = claimed.length if trailed is None else trailed.length(claimed.length)
            exchange = await self._begin(admitted, passed, signed, length)
            work = self._stream(admitted, Passage(claimed, trailed, call.chunked, exchange))
        try:
            await work
        except BaseException:
            await self._close(exchange)
            raise
        return exchange

    async def _begin(
        self, admitted: Admitted, headers: passing.Headers, sha256: str, length: int
    ) -> Exchange:
        params = admitted.call.params
        return await self._run(
            partial(
                self._external.begin,
                admitted.call.request.method,
                params.get("Bucket"),
                params.get("Key"),
                passing.query(admitted),
                headers,
                body_sha256=sha256,
                length=length,
            )
        )

    async def _stream(self, admitted: Admitted, passage: Passage) -> None:
        pending = bytearray()
        async for data in admitted.call.body:
            pending += data
            if len(pending) >= PIECE_BYTES:
                piece, pending = bytes(pending), bytearray()
                await self._run(partial(passage.take, piece))
        await self._run(partial(passage.finish, bytes(pending)))

    # the answer

    async def _answered(
        self, admitted: Admitted, exchange: Exchange, response: HTTPResponse
    ) -> Answer:
        headers = lowered(response)
        kept = tuple((n, v) for n, v in headers.items() if n not in _OF_THE_CONNECTION)
        head = admitted.call.request.method == "HEAD"
        if response.status not in _REPEATED:
            document = b"" if head else await self._run(exchange.document)
            if head and response.status == 403:
                await self._run(self._external.probe)  # without a document: is it our key?
            refused = self._external.refusal(response.status, headers, document)
            if isinstance(refused, ExternalError):
                raise refused
            await self._close(exchange)
            return HttpResponse(response.status, kept, document), None
        told = headers.get("content-length", "")
        length = int(told) if told.isdecimal() else None
        return HttpResponse(response.status, kept), _Passing(self._run, exchange, length)

    # threads

    async def _run(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    async def _close(self, exchange: Exchange) -> None:
        await self._run(exchange.close)

    def _say(self, failure: ExternalError) -> None:
        """Once, until it is another one or all is well again."""
        if str(failure) != self._said:
            self._said = str(failure)
            _log.warning("%s", failure)


@dataclass(frozen=True, slots=True)
class _Passing:
    """The external S3's answer, as the body of ours."""

    run: Callable[[Callable[[], bytes]], Awaitable[bytes]]
    exchange: Exchange
    length: int | None

    async def pieces(self) -> AsyncIterator[bytes]:
        while piece := await self.run(self.exchange.read):
            yield piece

    async def close(self) -> None:
        self.exchange.close()


def _source(header: str) -> tuple[str, str]:
    """What a copy is made of, written so that nobody reads another object in it."""
    wanted = copying.named_source(header)
    passing.check_key(wanted.key)
    version = "" if wanted.version_id is None else f"?versionId={quote(wanted.version_id)}"
    return "x-amz-copy-source", f"{quote(f'{wanted.bucket}/{wanted.key}', safe='/-._~')}{version}"
