"""How control and S3 listen: HTTP on a Unix socket of the data directory, behind the gateways.

Invariant: requests that have begun are answered before the process ends, for ``drain_s`` at most;
the gateway has checked and bounded what comes in, and its own are the only lines about it.
"""

import socket
from pathlib import Path
from typing import Literal, cast

import uvicorn
from starlette.types import ASGIApp

from hostler.app.loans import Loans
from hostler.modelserver import doorway

BACKLOG = 1024


class Server(uvicorn.Server):
    """Uvicorn's, with a door for loans, which closes when nothing new is to come in."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.loans = Loans(cast("ASGIApp", config.app), self.server_state.tasks)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self.loans.close()
        await super().shutdown(sockets)


def server(app: ASGIApp, *, drain_s: float, lifespan: Literal["on", "off"] = "off") -> Server:
    """What answers with ``app``; its ``should_exit`` ends it as SIGTERM does."""
    return Server(
        uvicorn.Config(
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
    )


async def serve(made: Server, path: Path, loans: Path | None = None) -> None:
    """Listen at ``path``, in place of whoever did, until SIGTERM or SIGINT.

    Args:
        made: Answers.
        path: Where requests come in.
        loans: Where gateways lend connections, if they do.
    """
    if loans is not None:
        made.loans.open(loans)
    with doorway.listen(str(path), BACKLOG) as listener:
        await made.serve(sockets=[listener])
