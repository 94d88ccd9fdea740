"""Receives snapshots: from the file at start, then from the publisher, for ever.

Invariant: ``on_snapshot`` sees generations that only grow, and an acknowledgement leaves only after
it returned.
"""

import asyncio
import contextlib
import hashlib
import logging
import os
import random
from collections.abc import Callable, Sequence
from pathlib import Path

from hostler.domain.batches import batched
from hostler.domain.snapshot import Demand, Snapshot
from hostler.snapshot import codec, file, wire
from hostler.vault.sealing import Vault

BACKOFF_S_MIN = 0.05
BACKOFF_S_MAX = 1.0
UNSENT_MAX = 64 * 1024
"""Bytes that a publisher may have left unread before it is told nothing more."""

log = logging.getLogger(__name__)


class Subscriber:
    """The data plane's end.

    Args:
        socket_path: The publisher's socket; it need not exist yet.
        snapshot_file: The last snapshot, for a start without a publisher.
        on_snapshot: Puts a snapshot to use; must not block. Whatever it raises is logged, and the
            snapshot before stays in force.
        name: Who this is, for the publisher's status, e.g. ``gateway-0``.
        vault: Opens that file.
        kind: ``gateway`` (route changes wait for it) or ``s3``.
        on_connected: Called when a publisher is there, which may be another than before.
    """

    def __init__(
        self,
        socket_path: Path,
        snapshot_file: Path,
        on_snapshot: Callable[[Snapshot], None],
        name: str,
        kind: str = "gateway",
        *,
        vault: Vault | None = None,
        on_connected: Callable[[], None] = lambda: None,
    ) -> None:
        self._on_connected = on_connected
        self._writer: asyncio.StreamWriter | None = None
        """To the publisher; None while it is away."""
        self._vault = vault
        self._socket_path = socket_path
        self._file = snapshot_file
        self._on_snapshot = on_snapshot
        self._greeting = wire.Greeting(v=wire.VERSION, kind=kind, name=name, pid=os.getpid())
        self.generation = 0
        """The generation in force; 0 before the first."""
        self._digest = b""
        """Of the snapshot in force: a publisher that lost its file uses numbers again."""
        self.connected = False
        self._last_refusal = ""

    def load(self) -> bool:
        """Use the file's snapshot; False when there is none (or none that can be read)."""
        try:
            snapshot = file.load(self._file, self._vault)
            if snapshot is None:
                return False
            self._use(snapshot, codec.encode(snapshot))
        except (codec.SnapshotError, OSError) as error:
            log.warning("the snapshot file %s is not usable: %s", self._file, error)
            return False
        return True

    def tell(self, demands: Sequence[Demand]) -> bool:
        """Tell the publisher which serverless variants are used; False when it cannot hear."""
        writer = self._writer
        if writer is None or writer.transport.get_write_buffer_size() > UNSENT_MAX:
            return False
        for some in batched(demands, wire.DEMANDS_MAX):
            message = wire.Acknowledgement(self.generation, tuple(some))
            writer.write(wire.packed(message))
        return True

    async def run(self) -> None:
        """Stay connected until cancelled; a publisher that is away is tried again for ever."""
        pause = BACKOFF_S_MIN
        while True:
            before = self.generation
            with contextlib.suppress(OSError, EOFError, wire.WireError):
                reader, writer = await asyncio.open_unix_connection(self._socket_path)
                try:
                    self.connected = True
                    await self._follow(reader, writer)
                finally:
                    self.connected = False
                    self._writer = None
                    writer.close()
            if self.generation > before:
                pause = BACKOFF_S_MIN
            await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 - jitter, not a secret
            pause = min(pause * 2, BACKOFF_S_MAX)

    async def _follow(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(wire.packed(self._greeting))
        self._writer = writer
        self._on_connected()
        while True:
            message = await wire.receive(reader)
            try:
                differs = self._use(codec.decode(message), message)
            except codec.SnapshotError as error:
                self._refuse(str(error))
                raise wire.WireError(str(error)) from error
            writer.write(wire.packed(wire.Acknowledgement(self.generation, differs=differs)))
            await writer.drain()

    def _use(self, snapshot: Snapshot, data: bytes) -> bool:
        """Put it to use if it is newer; True where it only has the number of the one in force."""
        digest = hashlib.blake2b(data).digest()
        if snapshot.generation <= self.generation:
            return snapshot.generation == self.generation and digest != self._digest
        try:
            self._on_snapshot(snapshot)
        except Exception as defect:
            reason = f"generation {snapshot.generation} cannot be used: {defect!r}"
            self._refuse(reason, defect)
            raise codec.SnapshotError(reason) from defect
        self.generation, self._digest = snapshot.generation, digest
        return False

    def _refuse(self, reason: str, defect: Exception | None = None) -> None:
        """Say once why a snapshot was refused, with the traceback of a defect of ours."""
        if reason != self._last_refusal:
            self._last_refusal = reason
            text = "a snapshot was refused, the last good one stays in force: %s"
            log.error(text, reason, exc_info=defect)
