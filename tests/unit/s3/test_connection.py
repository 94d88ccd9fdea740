"""How an answer leaves: whole, or after signs of life."""

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from hostler.api.s3.call import Content
from hostler.api.s3.connection import Connection
from hostler.api.s3.incoming import Storage
from hostler.aws.http import HttpRequest, HttpResponse
from hostler.store.blobs import Blobs

DOCUMENT = b'<?xml version="1.0" encoding="UTF-8"?>\n<Done></Done>'


class Wire:
    """ASGI's two ends, as lists."""

    def __init__(self, *received: dict[str, Any]) -> None:
        self.received = list(received)
        self.sent: list[Any] = []

    async def receive(self) -> dict[str, Any]:
        if self.received:
            return self.received.pop(0)
        return await asyncio.Future[dict[str, Any]]()

    async def send(self, message: Any) -> None:
        self.sent.append(message)

    def connection(self, method: str = "GET", *headers: tuple[str, str]) -> Connection:
        return Connection(HttpRequest(method, "/", headers), self.receive, self.send)

    def body(self) -> bytes:
        return b"".join(message["body"] for message in self.sent[1:])


def storage(folder: Path) -> Storage:
    return Storage(Blobs(folder), ThreadPoolExecutor(1))


def test_quick_work_is_answered_as_if_nobody_had_waited(tmp_path: Path) -> None:
    wire = Wire()

    async def answer() -> None:
        connection = wire.connection("POST")
        async with connection.waiting():
            pass
        await connection.respond(HttpResponse(400, (), DOCUMENT))

    asyncio.run(answer())
    assert wire.sent[0]["status"] == 400
    assert (b"content-length", b"%d" % len(DOCUMENT)) in wire.sent[0]["headers"]
    assert wire.body() == DOCUMENT


def test_slow_work_is_bridged_by_white_space_inside_the_document(tmp_path: Path) -> None:
    wire = Wire()

    async def answer() -> None:
        connection = wire.connection("POST")
        async with connection.waiting(patience_s=0):
            while len(wire.sent) < 4:
                await asyncio.sleep(0)
        await connection.respond(HttpResponse(500, (), DOCUMENT))

    asyncio.run(answer())
    assert wire.sent[0]["status"] == 200
    assert wire.body().split() == DOCUMENT.split()
    assert wire.body().startswith(DOCUMENT.partition(b"\n")[0])
    assert not wire.sent[-1].get("more_body")


def test_reading_stops_when_the_client_has_gone(tmp_path: Path) -> None:
    (tmp_path / "blob").write_bytes(bytes(10 << 20))
    wire = Wire({"type": "http.disconnect"})
    content = Content(tmp_path / "blob", 0, 10 << 20)

    async def answer() -> None:
        connection = wire.connection()
        body = await connection.open(content, storage(tmp_path))
        await connection.respond(HttpResponse(200), body)

    asyncio.run(answer())
    assert len(wire.body()) < content.length


def test_what_is_opened_before_the_answer_is_sent_whole_though_it_is_collected(
    tmp_path: Path,
) -> None:
    (tmp_path / "blob").write_bytes(b"collected")
    wire = Wire()

    async def answer() -> None:
        connection = wire.connection()
        body = await connection.open(Content(tmp_path / "blob", 0, 9), storage(tmp_path))
        (tmp_path / "blob").unlink()
        await connection.respond(HttpResponse(200), body)
        assert body.file is not None
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(body.file)

    asyncio.run(answer())
    assert wire.body() == b"collected"


def test_what_was_collected_already_fails_before_an_answer_has_begun(tmp_path: Path) -> None:
    wire = Wire()
    content = Content(tmp_path / "blob", 0, 9)
    with pytest.raises(FileNotFoundError):
        asyncio.run(wire.connection().open(content, storage(tmp_path)))
    assert not wire.sent


def test_an_unread_body_that_was_promised_closes_the_connection(tmp_path: Path) -> None:
    wire = Wire()
    connection = wire.connection("PUT", ("expect", "100-continue"))
    asyncio.run(connection.respond(HttpResponse(403)))
    assert (b"connection", b"close") in wire.sent[0]["headers"]
