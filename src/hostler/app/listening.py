"""How control and S3 listen: HTTP on a Unix socket of the data directory, behind the gateways.

Invariant: requests that have begun are answered before the process ends, for ``drain_s`` at most;
the gateway has checked and bounded what comes in, and its own are the only lines about it.
"""

from pathlib import Path
from typing import Literal

import uvicorn
from starlette.types import ASGIApp

from hostler.modelserver import doorway

BACKLOG = 1024


def config(
    app: ASGIApp, *, drain_s: float, lifespan: Literal["on", "off"] = "off"
) -> uvicorn.Config:
    """How to answer with ``app``; ``should_exit`` of a server of it ends it as SIGTERM does."""
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


async def serve(made: uvicorn.Server, path: Path) -> None:
    """Listen at ``path``, in place of whoever did, until SIGTERM or SIGINT."""
    with doorway.listen(str(path), BACKLOG) as listener:
        await made.serve(sockets=[listener])
