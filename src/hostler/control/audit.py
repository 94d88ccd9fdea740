"""Carries the processes' records of calls from their spools into the audit log.

Invariant: as in ``ingest``: how far a spool was read is committed with what was read of it.
"""

import asyncio
import shutil
import uuid
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import orjson

from hostler.domain.config import Audit
from hostler.domain.layout import Layout
from hostler.domain.ports import Clock
from hostler.modelserver import own_spool, spool
from hostler.snapshot import background
from hostler.store.database import Store, StoreUnavailableError, Transaction
from hostler.telemetry import trail
from hostler.telemetry.trail import Kept

POLL_S = 1.0
HOUSEKEEPING_S = 3600.0
BATCH = 500
LOST = "AuditRecordsLost"
"""The event that stands for records which are not there."""


class AuditIngest:
    """Reads every process's spool.

    Args:
        store: The audit log's database (``trail.metadata``).
        layout: Where the spools are.
        clock: For the age of records.
        account: Whose the records are that say what was lost.
        kept: How long, and how many.
    """

    def __init__(
        self, store: Store, layout: Layout, clock: Clock, account: str, kept: Audit
    ) -> None:
        self._store = store
        self._layout = layout
        self._clock = clock
        self._account = account
        self._bounds = kept
        self._next_housekeeping = 0.0
        self._positions: dict[str, str] = {}
        """How far each spool is read, as far as that is certain."""

    async def run(self) -> None:
        """Read until cancelled."""
        attempts = background.Attempts("hostler.audit", (StoreUnavailableError, OSError))
        await attempts.repeat("records of calls wait in their spools", self._work, POLL_S)

    async def _work(self) -> None:
        """Read what came, and keep house if it is time."""
        if self._clock.now() >= self._next_housekeeping:
            self._next_housekeeping = self._clock.now() + HOUSEKEEPING_S
            await self.housekeep()
        await self.sweep()

    async def sweep(self) -> None:
        """Read what came since the last time, of every process."""
        for folder in await asyncio.to_thread(self._stirring):
            await self._carry_all(folder)
            with own_spool.left(str(folder)) as ended:
                if ended:
                    await self._carry_all(folder)
                    await asyncio.to_thread(shutil.rmtree, folder)
                    self._positions.pop(folder.name, None)

    async def housekeep(self) -> None:
        """Forget what is kept no longer."""
        now_ms, bounds = int(self._clock.now() * 1000), self._bounds
        present = {each.name for each in await asyncio.to_thread(_spools, self._layout.spools)}

        def clean(tx: Transaction) -> None:
            trail.expire(tx, now_ms, days=bounds.days, records_max=bounds.records)
            trail.forget_positions(tx, present)

        await self._store.write(clean)

    def _stirring(self) -> Sequence[Path]:
        """The spools that are not read to their end, or that nobody will write to (blocking)."""
        return [each for each in _spools(self._layout.spools) if self._stirs(each)]

    def _stirs(self, folder: Path) -> bool:
        known = self._positions.get(folder.name)
        if known is None:
            return True
        try:
            with own_spool.left(str(folder)) as ended:
                return ended or bool(spool.read(str(folder), spool.Position.parse(known), 1)[0])
        except OSError:  # said when it is carried: behind those before it
            return True

    async def _carry_all(self, folder: Path) -> None:
        while await self._carry(folder):
            pass

    async def _carry(self, folder: Path) -> bool:
        """Carry some of a spool; False at its end."""
        source = folder.name
        before = self._positions.pop(source, None)
        if before is None:
            before = await self._store.read(lambda tx: trail.position(tx, source))
        read = partial(spool.read, str(folder), spool.Position.parse(before), BATCH)
        records, after = await asyncio.to_thread(read)
        if not records:
            self._positions[source] = before
            return False
        kept = [self._kept(source, str(after), each) for each in records]

        def add(tx: Transaction) -> bool:
            return trail.ingest(tx, source, before, str(after), kept)

        added = await self._store.write(add)
        if added:
            self._positions[source] = str(after)
        return added

    def _kept(self, source: str, place: str, record: spool.Record) -> Kept:
        if record.stream != spool.PLATFORM:
            try:
                return kept(record.time_ms, orjson.loads(record.line), record.line)
            except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
                return self._lost(source, place, record.time_ms, f"it cannot be read: {error!r}")
        return self._lost(source, place, record.time_ms, record.line)

    def _lost(self, source: str, place: str, time_ms: int, why: str) -> Kept:
        told = {
            "eventName": LOST,
            "eventSource": "hostler",
            "recipientAccountId": self._account,
            "additionalEventData": {"spool": source, "why": why},
            "userIdentity": {"type": "AWSService", "invokedBy": "hostler"},
            "readOnly": False,
            "eventID": str(uuid.uuid5(uuid.NAMESPACE_OID, f"{source} {place} {time_ms} {why}")),
        }
        return kept(time_ms, told, orjson.dumps(told).decode())


def kept(time_ms: int, record: dict[str, Any], line: str) -> Kept:
    """A record with what it is found by; raises KeyError for what is none."""
    identity = record["userIdentity"]
    return Kept(
        event_id=record["eventID"],
        account=record["recipientAccountId"],
        time_ms=time_ms,
        event_name=record["eventName"],
        event_source=record["eventSource"],
        user_name=identity.get("userName") or ("root" if identity["type"] == "Root" else ""),
        access_key_id=identity.get("accessKeyId") or "",
        read_only=record["readOnly"],
        record=line,
        names=tuple(_names(record)),
    )


def _names(record: dict[str, Any]) -> list[str]:
    """What the resources are called: ``…:endpoint/a`` also ``a``, ``…:::bucket/key`` ``bucket``."""
    found: list[str] = []
    for resource in record.get("resources") or ():
        arn: str = resource["ARN"]
        parts = arn.split(":", 5)
        found.append(arn)
        if len(parts) < 6:
            continue
        if parts[2] == "s3":
            found.append(parts[5].partition("/")[0])
        elif parts[2] == "logs":
            found.append(parts[5].removeprefix("log-group:").partition(":log-stream:")[0])
        else:
            found.append(parts[5].rpartition("/")[2])
    return found


def _spools(root: Path) -> Sequence[Path]:
    return sorted(path for path in root.glob("audit-*") if path.is_dir())
