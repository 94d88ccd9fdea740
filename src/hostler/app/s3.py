"""The S3 process: `python -m hostler.app.s3 --data-dir D`. S3, or a relay to one, is wired here.

Invariant: it writes to nothing but ``layout.s3``, its socket and its spool of records, and it needs
nobody: without control it goes on with the last snapshot's credentials and policies.
"""

import asyncio
import contextlib
import logging
import os
import signal
import time
from collections.abc import Callable, Mapping

from starlette.types import ASGIApp

from hostler.api.s3.app import create
from hostler.api.s3.front import Front
from hostler.api.s3.guard import Guard
from hostler.api.s3.kept import Elsewhere
from hostler.api.s3.relay import Relay
from hostler.app import external, listening, processes
from hostler.app.loans import LendingServer
from hostler.audit.journal import Journal
from hostler.aws.external import ExternalS3
from hostler.aws.temporary import Temporary
from hostler.domain import endings
from hostler.domain.ids import DEFAULT_ACCOUNT
from hostler.domain.layout import Layout
from hostler.domain.ports import Clock
from hostler.domain.snapshot import Known, Snapshot
from hostler.domain.uses import Uses
from hostler.iam.evaluate import PolicyEngine
from hostler.modelserver import own_spool
from hostler.snapshot import background, uses
from hostler.snapshot.clock import SystemClock
from hostler.snapshot.subscriber import Subscriber
from hostler.store.blobs import Blobs, BlobsInUseError
from hostler.store.disk import Reserve
from hostler.store.object_index import open_index
from hostler.vault.sealing import Vault

NICENESS = 5
"""Hashing a large upload gives way to gateways and model servers on the same cores."""
OWN_TRIES_S = 30
"""How long a predecessor may take to finish what it has begun."""

_log = logging.getLogger("hostler.s3")


def main() -> None:
    """Serve until SIGTERM."""
    settings, _options = processes.arguments("s3")
    layout = settings.layout
    elsewhere = external.of(settings)
    if elsewhere is None:
        work = serve(
            layout,
            region=settings.region,
            clock=SystemClock(),
            wall=time.time,
            account=settings.account,
        )
    else:
        work = relay(layout, elsewhere, region=settings.region, account=settings.account)
    processes.run(layout, work)


class AccessKeys:
    """The access keys of the last snapshot, and whose they are."""

    def __init__(self) -> None:
        self._known: Mapping[str, Known] = {}
        self._temporary = Temporary()
        self.uses = Uses()

    def use(self, snapshot: Snapshot) -> None:
        """Put a snapshot in force."""
        self._known = snapshot.access_keys()
        self._temporary = Temporary(snapshot.session_key, snapshot.principals)

    def lookup(self, access_key_id: str, session_token: str | None) -> Known | None:
        """An active access key, or temporary credentials, and whose they are."""
        known = self._known.get(access_key_id)
        if known is None and session_token is not None:
            known = self._temporary.find(access_key_id, session_token)
        return known


async def serve(
    layout: Layout,
    *,
    region: str,
    clock: Clock,
    wall: Callable[[], float],
    account: str = DEFAULT_ACCOUNT,
) -> None:
    """Serve Hostler's own S3 on ``layout.s3_socket`` until SIGTERM or SIGINT.

    The account is the installation's: it is told of callers whom nobody knows.
    """
    os.nice(NICENESS)
    _survive_signals()
    blobs = Blobs(layout.s3)
    await _own(blobs)
    index = open_index(layout.s3_index, Reserve(layout.s3_reserve))
    keys = AccessKeys()
    journal = Journal(layout.audit_spool("s3", own_spool.life()))
    app = create(
        index,
        blobs,
        lookup=keys.lookup,
        clock=clock,
        wall=wall,
        region=region,
        uses=keys.uses,
        account=account,
        journal=journal,
    )
    try:
        await _listen(layout, app, keys, journal)
    finally:
        index.close()
        blobs.release()


async def relay(layout: Layout, elsewhere: ExternalS3, *, region: str, account: str) -> None:
    """Serve an external S3 on ``layout.s3_socket`` until SIGTERM or SIGINT."""
    os.nice(NICENESS)
    _survive_signals()
    keys = AccessKeys()
    guard = Guard(PolicyEngine(), region, Elsewhere(account))
    journal = Journal(layout.audit_spool("s3", own_spool.life()))
    front = Front(guard, SystemClock(), keys.lookup, time.time, region, keys.uses, journal, account)
    _log.info("objects are kept by the external S3 at %s", elsewhere.place.endpoint)
    await _listen(layout, Relay(elsewhere, front, account), keys, journal)


async def _listen(layout: Layout, app: ASGIApp, keys: AccessKeys, journal: Journal) -> None:
    vault = Vault(layout.secrets_key)
    where = (layout.snapshot_socket, layout.snapshot)
    subscriber = Subscriber(*where, keys.use, name="s3", kind="s3", vault=vault)
    subscriber.load()
    server = LendingServer(listening.config(app, drain_s=endings.S3_S, lifespan="on"))

    layout.run.mkdir(mode=0o700, parents=True, exist_ok=True)
    telling = uses.tell(layout.key_uses("s3"), keys.uses.due)
    async with background.beside(subscriber.run(), telling, journal.run(), failed=server.end):
        server.loans.open(layout.s3_loans_socket)
        await listening.serve(server, layout.s3_socket)


def _survive_signals() -> None:
    """The server raises the signal that ended it once more: somebody is there, and we tidy up."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, _log.info, "S3 has ended by signal %d", number)


async def _own(blobs: Blobs) -> None:
    """Become the writer, once a draining predecessor has ended."""
    for _ in range(OWN_TRIES_S):
        with contextlib.suppress(BlobsInUseError):
            blobs.own()
            return
        await asyncio.sleep(1)
    blobs.own()


if __name__ == "__main__":
    main()
