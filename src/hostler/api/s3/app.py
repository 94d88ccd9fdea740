"""S3 as an ASGI application over the index and the blobs; ``front`` has the way of a request.

Invariant: what nothing refers to is deleted in the end, whatever goes wrong meanwhile.
"""

import asyncio
import contextlib
import logging
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from starlette.types import Receive, Scope, Send

from hostler.api import asgi
from hostler.api.authenticate import Lookup
from hostler.api.s3.call import Reply, Room
from hostler.api.s3.connection import FILES, Connection
from hostler.api.s3.errors import index_unavailable
from hostler.api.s3.front import Admitted, Answer, Front
from hostler.api.s3.guard import Guard
from hostler.api.s3.incoming import Storage
from hostler.api.s3.kept import Indexed
from hostler.audit.journal import Journal
from hostler.aws import serialize
from hostler.aws.http import HttpResponse
from hostler.aws.specs import Operation as Model
from hostler.domain.ids import DEFAULT_ACCOUNT
from hostler.domain.ports import Clock
from hostler.domain.uses import Uses
from hostler.iam.evaluate import PolicyEngine
from hostler.snapshot.background import Attempts
from hostler.store import disk, garbage
from hostler.store.blobs import Blobs
from hostler.store.database import Store, StoreUnavailableError, Transaction

THREADS = 16
NICENESS_MAX = 19
COLLECT_EVERY_S, COLLECT_CROWDED_S = 60.0, 2.0
ADOPT_FOLDERS = 4
"""Of 256, looked through for blobs without a row at each collection: all in about an hour."""

_log = logging.getLogger("hostler.api.s3")


def create(
    store: Store,
    blobs: Blobs,
    *,
    lookup: Lookup,
    clock: Clock,
    wall: Callable[[], float],
    region: str,
    uses: Uses | None = None,
    account: str = DEFAULT_ACCOUNT,
    journal: Journal | None = None,
) -> "S3":
    """The application.

    Args:
        store: The index (``store.object_index.open_index``).
        blobs: The contents; this process must own them.
        lookup: Finds an active access key and its principal.
        clock: The product's time.
        wall: The wall clock, for the age of signatures alone.
        region: The region where a signature names none (version 2).
        uses: Where the use of access keys is noted; None: nowhere.
        account: The installation's.
        journal: Where calls are written down; without one they are not.
    """
    threads = ThreadPoolExecutor(THREADS, thread_name_prefix="s3-disk", initializer=give_way)
    guard = Guard(PolicyEngine(), region, Indexed(store))
    room = Room(store, Storage(blobs, threads), guard, clock)
    written = Journal() if journal is None else journal
    noted = Uses() if uses is None else uses
    return S3(room, Front(guard, clock, lookup, wall, region, noted, written, account))


def give_way() -> None:
    """Put this thread last: ten parts of an upload at once must not outweigh a gateway."""
    os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS_MAX)


class S3:
    """The ASGI application; its lifespan collects garbage."""

    def __init__(self, room: Room, front: Front) -> None:
        self._room = room
        self._front = front
        self._folder = 0
        """Whose blobs are looked through next."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request, or live through the server's life."""
        match scope["type"]:
            case "http":
                files = FILES in scope.get("extensions", {})
                request = asgi.head(scope)
                await self._front.serve(request, receive, send, self._answer, files=files)
            case "lifespan":
                await self._live(receive, send)
            case _:
                return

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        collecting = asyncio.create_task(self._collect())
        await send({"type": "lifespan.startup.complete"})
        await receive()
        collecting.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await collecting
        await send({"type": "lifespan.shutdown.complete"})

    async def _collect(self) -> None:
        """Delete what nothing refers to, a little at a time."""
        attempts = Attempts(_log.name, (StoreUnavailableError, OSError))
        while True:
            await attempts.attempt("garbage is kept for now", self._collect_some())
            await asyncio.sleep(COLLECT_CROWDED_S if self._crowded() else COLLECT_EVERY_S)

    async def _collect_some(self) -> None:
        while await self._room.store.write(self._collecting(), deletes=True):
            pass  # first: on a full disk there is no room yet to note anything
        for _ in range(ADOPT_FOLDERS):
            await self._room.store.write(self._adopting(f"{self._folder:02x}"))
            self._folder = (self._folder + 1) % 256

    def _adopting(self, folder: str) -> Callable[[Transaction], int]:
        now, blobs = self._room.clock.now(), self._room.storage.blobs
        return lambda tx: garbage.adopt(tx, blobs, folder, now)

    def _collecting(self) -> Callable[[Transaction], int]:
        now, blobs = self._room.clock.now(), self._room.storage.blobs
        grace_s = garbage.CROWDED_GRACE_S if self._crowded() else garbage.GRACE_S
        return lambda tx: garbage.collect(tx, blobs, now, grace_s)

    def _crowded(self) -> bool:
        with contextlib.suppress(OSError):  # then nothing can be told of it
            return disk.is_low(self._room.storage.blobs.root)
        return False

    async def _answer(self, admitted: Admitted, connection: Connection) -> Answer:
        """Carry a call out against the index and the blobs."""
        call = admitted.call
        try:
            reply = await admitted.operation.handler(self._room, call)
        except StoreUnavailableError as failure:
            _log.warning("request %s: the index is unavailable: %s", call.request_id, failure)
            raise index_unavailable() from failure
        response = _written(admitted.model, reply, call.request_id)
        if reply.content is None:
            return response, None
        return response, await connection.open(reply.content, self._room.storage)


def _written(model: Model, reply: Reply, request_id: str) -> HttpResponse:
    response = serialize.response(model, reply.members, request_id)
    return replace(
        response,
        status=reply.status or response.status,
        headers=(*response.headers, *reply.headers),
    )
