"""How control and S3 listen: HTTP on a Unix socket of the data directory, behind the gateways.

Invariant: requests that have begun are answered before the process ends, for ``drain_s`` at most;
the gateway has checked and bounded what comes in, and its own are the only lines about it.
"""

import asyncio
import contextlib
from pathlib import Path
from types import FrameType
from typing import Literal

import uvicorn
from starlette.types import ASGIApp

from hostler.domain import ticks
from hostler.modelserver import doorway

BACKLOG = 1024
TICK_S = 1.0
"""Between two looks at the time, for the Date header, and at ``should_exit``."""


class Server(uvicorn.Server):
    """One that hardly wakes while nobody asks: uvicorn's own looks ten times a second."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._told = asyncio.Event()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """A signal: as uvicorn takes it, and at once."""
        super().handle_exit(sig, frame)
        self.end()

    def end(self) -> None:
        """Finish what has begun and return from ``serve``, as at SIGTERM; on the main thread."""
        self.should_exit = True
        asyncio.get_running_loop().call_soon_threadsafe(self._told.set)  # a signal wakes no loop

    async def main_loop(self) -> None:
        """Until it is told to end."""
        loop = asyncio.get_running_loop()
        while not await self.on_tick(0):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(ticks.left_s(TICK_S, loop.time())):
                    await self._told.wait()


def config(
    app: ASGIApp, *, drain_s: float, lifespan: Literal["on", "off"] = "off"
) -> uvicorn.Config:
    """How to answer with ``app``."""
    return uvicorn.Config(
        app,
        http="httptools",
        ws="none",
        lifespan=lifespan,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=int(drain_s),
    )


async def serve(made: Server, path: Path) -> None:
    """Listen at ``path``, in place of whoever did, until SIGTERM or SIGINT."""
    with doorway.listen(str(path), BACKLOG) as listener:
        await made.serve(sockets=[listener])
