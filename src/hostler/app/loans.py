"""Where gateways lend S3 their clients' connections, beside the HTTP server (``domain.loan``).

Invariant: what has come in through the door is one of the server's tasks, which it awaits at its
end; a request that is not taken up is closed without a word, and the gateway answers it.
"""

import asyncio
import logging
import os
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import cast

import uvicorn
from starlette.types import ASGIApp

from hostler.api.s3.app import give_way
from hostler.api.s3.borrowed import Borrowed
from hostler.app import listening
from hostler.domain import loan
from hostler.modelserver import doorway

BACKLOG = 1024
THREADS = 16
"""That read objects' bytes from the disk, straight into connections."""
ACCEPT_AGAIN_S = 0.1
"""After the system granted no descriptor."""

_log = logging.getLogger(__name__)


class Loans:
    """The door.

    Args:
        app: Answers the requests.
        tasks: Where each is to be found while it is being answered.
    """

    def __init__(self, app: ASGIApp, tasks: set[asyncio.Task[None]]) -> None:
        self._app = app
        self._tasks = tasks
        self._threads = ThreadPoolExecutor(
            THREADS, thread_name_prefix="s3-sending", initializer=give_way
        )
        self._listener: socket.socket | None = None
        self._accepting: asyncio.Task[None] | None = None

    def open(self, path: Path) -> None:
        """Let them in at ``path``, in place of whoever did."""
        self._listener = doorway.listen(str(path), BACKLOG)
        self._listener.setblocking(False)
        self._accepting = asyncio.create_task(self._accept(self._listener))

    def close(self) -> None:
        """Let nobody in any more."""
        if self._accepting is not None and self._listener is not None:
            listener = self._listener
            self._accepting.cancel()
            self._accepting.add_done_callback(lambda _: listener.close())

    async def _accept(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                door, _ = await loop.sock_accept(listener)
            except OSError as failure:
                _log.warning("no request is taken at a lent connection for now: %s", failure)
                await asyncio.sleep(ACCEPT_AGAIN_S)
                continue
            task = loop.create_task(self._serve(door))
            self._tasks.add(task)
            task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (defect := task.exception()) is not None:
            _log.error("an answer broke off by our doing", exc_info=defect)

    async def _serve(self, door: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        with door:
            found = await _received(door)
            if found is None:
                return
            client, preamble = found
            with client:
                request = await _exactly(door, preamble.head + preamble.early)
                if request is None:
                    return
                borrowed = Borrowed(client, door, preamble, request, self._threads)
                watched = door.fileno()

                def left() -> None:
                    loop.remove_reader(watched)  # it stays readable
                    borrowed.leave()

                loop.add_reader(watched, left)
                try:
                    await self._app(borrowed.scope, borrowed.receive, borrowed.send)
                finally:
                    loop.remove_reader(watched)
                    borrowed.end()


async def _received(door: socket.socket) -> tuple[socket.socket, loan.Preamble] | None:
    """The client's connection, and where its request is; None for what is neither."""
    loop = asyncio.get_running_loop()
    while True:
        try:
            data, files, _, _ = socket.recv_fds(door, loan.SIZE, 1, socket.MSG_CMSG_CLOEXEC)
        except BlockingIOError:
            await _ready(door, loop)
            continue
        except OSError:
            return None
        preamble = loan.read(data)
        if preamble is None or len(files) != 1:
            for file in files:
                os.close(file)
            return None
        client = socket.socket(fileno=files[0])
        client.setblocking(False)
        return client, preamble


async def _ready(door: socket.socket, loop: asyncio.AbstractEventLoop) -> None:
    ready = asyncio.Event()
    loop.add_reader(door.fileno(), ready.set)
    try:
        await ready.wait()
    finally:
        loop.remove_reader(door.fileno())


async def _exactly(door: socket.socket, size: int) -> bytes | None:
    """So many bytes; None where there are fewer."""
    loop = asyncio.get_running_loop()
    found = bytearray()
    while len(found) < size:
        try:
            piece = await loop.sock_recv(door, size - len(found))
        except OSError:
            return None
        if not piece:
            return None
        found += piece
    return bytes(found)


class LendingServer(listening.Server):
    """Uvicorn's, with a door for loans, which closes when nothing new is to come in."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.loans = Loans(cast("ASGIApp", config.app), self.server_state.tasks)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self.loans.close()
        await super().shutdown(sockets)
