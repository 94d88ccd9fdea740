"""One S3 call, what it may use, and its answer.

Invariant: a handler answers with the output shape's members and, for an object's bytes, with where
they lie in a blob; nothing in it knows ASGI.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

from hostler.api.s3.guard import Asked, Guard
from hostler.api.s3.incoming import Storage
from hostler.aws.chunked import ChunkedBody
from hostler.aws.http import HttpRequest
from hostler.domain.ports import Clock
from hostler.domain.snapshot import Principal
from hostler.store.database import Store


class Turns:
    """Work on one thing, one after the other; on different things, side by side."""

    def __init__(self) -> None:
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    @asynccontextmanager
    async def of(self, thing: str) -> AsyncIterator[None]:
        """Surrounds one turn; the thing is forgotten when nobody waits for it."""
        lock = self._locks.setdefault(thing, asyncio.Lock())
        async with lock:
            yield


@dataclass(frozen=True, slots=True)
class Room:
    """What handlers use: the index, the blobs, the decisions, and the time."""

    store: Store
    storage: Storage
    guard: Guard
    clock: Clock
    turns: Turns = field(default_factory=Turns)


@dataclass(frozen=True, slots=True)
class S3Call:
    """One authenticated call."""

    params: Mapping[str, Any]
    request: HttpRequest
    region: str
    """Of the signature: the regional endpoint that the caller means."""
    request_id: str
    now: float
    body: AsyncIterator[bytes]
    """The bytes from the connection, for the operations that store them."""
    payload_hash: str
    """What the signature says of them."""
    chunked: ChunkedBody | None
    """Decodes them, where they came as aws-chunked."""
    waiting: Callable[[], AbstractAsyncContextManager[None]]
    """Surrounds work that may take longer than a client waits for a sign of life."""

    asked: Asked
    """Who asks, and what was decided about it."""

    @property
    def principal(self) -> Principal:
        return self.asked.principal

    @property
    def bucket(self) -> str:
        return str(self.params["Bucket"])

    @property
    def key(self) -> str:
        return str(self.params["Key"])


@dataclass(frozen=True, slots=True)
class Content:
    """A range of a blob's file."""

    path: Path
    start: int
    length: int


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: the output's members; ``headers`` go out as they are."""

    members: Mapping[str, Any] = field(default_factory=dict)
    status: int | None = None
    content: Content | None = None
    headers: tuple[tuple[str, str], ...] = ()


Handler = Callable[[Room, S3Call], Awaitable[Reply]]
