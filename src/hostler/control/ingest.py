"""Carries instances' output from their spools into CloudWatch Logs.

Invariant: how far a spool was read is committed with the lines, so a crash between any two steps
neither loses nor doubles one; lines written while nobody read them arrive when someone does.
"""

import asyncio
import itertools
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from hostler.control.log_writing import LogWriting, Stream
from hostler.domain.ids import InstanceId, endpoint_log_group
from hostler.domain.layout import Layout
from hostler.domain.ports import Clock
from hostler.modelserver import folder, spool
from hostler.snapshot import background
from hostler.store.database import Store, StoreUnavailableError, Transaction
from hostler.telemetry import log_retention, logs
from hostler.telemetry.logs import Event

POLL_S = 0.5
HOUSEKEEPING_S = 3600.0
TURN_S, TURN_AGAIN_S = 60.0, 0.5
"""Between two turns of deleting; the second while there is more to delete than a turn may."""
BATCHES_A_TURN = 10
"""Of one instance, so that one that never stops talking does not silence the others."""
BATCH_LINES = 1_000
"""Lines of one transaction: at most 32 MB, as a line has at most 32 KB."""

QUIET_S = 10.0
QUIET_AT_ONCE = 32
"""Of the spools to which nothing came for so long, about so many are looked at in a sweep: each
in each sweep while there are no more, each within 8 s where there are 500."""
TICK_NS = 1_000_000_000
"""A folder that changed within this time may change again and show the same time."""


@dataclass(frozen=True, slots=True)
class Signature:
    """How a spool looked: unchanged, there is nothing new to read."""

    folder: Path
    newest: Path
    """Its last segment."""
    size: int
    changed_ns: int
    """When segments came or went last; 0 where that cannot be told."""
    since: float
    """When it was first seen so (monotonic s)."""

    @classmethod
    def of(cls, folder: Path) -> "Signature | None":
        """None where nothing was ever written."""
        try:
            changed_ns = folder.stat().st_mtime_ns
            segments = [path for path in folder.iterdir() if not path.name.startswith(".")]
            if not segments:
                return None
            newest = max(segments)
            size = newest.stat().st_size
        except (FileNotFoundError, NotADirectoryError):
            return None
        told = changed_ns < time.time_ns() - TICK_NS
        return cls(folder, newest, size, changed_ns if told else 0, time.monotonic())

    def holds(self) -> bool:
        """Whether it looks so still. Asked often, of every instance: two looks, no listing."""
        try:
            return (
                self.newest.stat().st_size == self.size
                and self.folder.stat().st_mtime_ns == self.changed_ns
            )
        except (FileNotFoundError, NotADirectoryError):
            return False

    def says(self, other: "Signature") -> bool:
        """Whether the same was written in both."""
        return (self.newest, self.size) == (other.newest, other.size)


@dataclass(frozen=True, slots=True)
class Source:
    """Whose output a folder holds."""

    instance_id: str
    account: str
    region: str
    endpoint_name: str
    variant_name: str
    role_arn: str

    @property
    def stream(self) -> Stream:
        """Where it belongs."""
        return Stream(
            self.account,
            self.region,
            endpoint_log_group(self.endpoint_name),
            f"{self.variant_name}/{self.instance_id}",
            self.role_arn,
        )


@dataclass(frozen=True, slots=True)
class Batch:
    """Lines between two positions of a spool."""

    lines: tuple[Event, ...]
    before: str
    after: str


class Ingest:
    """Reads every instance's spool.

    Args:
        store: The logs' database.
        layout: Where the instances' folders are.
        clock: For the time of ingestion.
        writing: Decides what may be written.
        bytes_max: What all groups may hold together; None for as much as comes.
    """

    def __init__(
        self,
        store: Store,
        layout: Layout,
        clock: Clock,
        writing: LogWriting,
        *,
        bytes_max: int | None = None,
    ) -> None:
        self._bytes_max = bytes_max
        self._instances = layout.instances
        self._writing = writing
        self._store = store
        self._clock = clock
        self._sources: dict[str, Source] = {}
        self._sweeps = 0
        self._next_housekeeping = self._next_turn = 0.0
        self._behind = 0
        """The group behind which the next turn of deleting looks."""
        self._read: dict[str, Signature] = {}
        """How each spool looked when it was last read to its end."""

    async def run(self) -> None:
        """Read until cancelled."""
        attempts = background.Attempts("hostler.control", (StoreUnavailableError, OSError))
        await attempts.repeat("logs wait in their spools", self._work, POLL_S)

    async def _work(self) -> None:
        """Read what came, and keep house if it is time."""
        if self._clock.now() >= self._next_housekeeping:
            self._next_housekeeping = self._clock.now() + HOUSEKEEPING_S
            await self.housekeep()
        await self.sweep()
        if self._clock.now() >= self._next_turn:
            self._next_turn = self._clock.now() + await self.expire()

    async def sweep(self) -> None:
        """Read what came since the last time, of every instance."""
        for instance_id, signature in await asyncio.to_thread(self._changed):
            if await self._carry(instance_id, BATCHES_A_TURN):
                self._read[instance_id] = signature

    async def drain(self, instance_id: InstanceId) -> None:
        """Read an ended instance's last output: its folder is about to go.

        Raises:
            StoreUnavailableError: Not now; the folder must stay.
        """
        await self._carry(instance_id)
        self._read.pop(instance_id, None)
        self._sources.pop(instance_id, None)
        self._writing.forget(instance_id)

    async def housekeep(self) -> None:
        """Forget folders that are gone."""
        present = set(await asyncio.to_thread(_names, self._instances))

        def transaction(tx: Transaction) -> None:
            for source in logs.sources(tx):
                if source not in present:
                    logs.forget(tx, source)

        await self._store.write(transaction)
        for remembered in (self._read, self._sources):
            for name in remembered.keys() - present:
                del remembered[name]
                self._writing.forget(name)

    async def expire(self) -> float:
        """A turn of deleting what is not kept any more; seconds until the next one."""
        turn = partial(
            log_retention.turn,
            now_ms=self._now_ms(),
            behind=self._behind,
            bytes_max=self._bytes_max,
        )
        done = await self._store.write(turn)
        self._behind = done.behind
        busy = done.behind or done.deleted >= log_retention.EVENTS_MAX
        return TURN_AGAIN_S if busy else TURN_S

    async def _carry(self, instance_id: str, batches_max: int | None = None) -> bool:
        """Carry one spool; False if not to its end: more is there, nobody's, or may not be yet."""
        source = await asyncio.to_thread(self._source, instance_id)
        if source is None:
            return False
        directory = str(self._instances / instance_id / folder.SPOOL)
        for _ in itertools.count() if batches_max is None else range(batches_max):
            before = await self._store.read(lambda tx: logs.position(tx, instance_id))
            records, after = await asyncio.to_thread(
                spool.read, directory, spool.Position.parse(before), BATCH_LINES
            )
            if not records:
                return True
            if not await self._may_write(source):
                return False
            batch = Batch(
                tuple(Event(record.time_ms, record.line) for record in records), before, str(after)
            )
            await self._store.write(partial(_ingest, source, batch, self._now_ms()))
        return False

    async def _may_write(self, source: Source) -> bool:
        into = source.stream
        found = await self._store.read(
            lambda tx: logs.group(tx, into.account, into.region, into.group)
        )
        return await self._writing.may(source.instance_id, into, new_group=found is None)

    def _now_ms(self) -> int:
        return int(self._clock.now() * 1000)

    def _changed(self) -> Sequence[tuple[str, Signature]]:
        """The spools that look otherwise than when they were last read (blocking)."""
        found = []
        self._sweeps += 1
        loud = time.monotonic() - QUIET_S
        names = _names(self._instances)
        turns = -(-len(names) // QUIET_AT_ONCE)
        for number, name in enumerate(names):
            known = self._read.get(name)
            if known is not None:
                in_turn = (number + self._sweeps) % turns == 0
                if (known.since < loud and not in_turn) or known.holds():
                    continue
            signature = Signature.of(self._instances / name / folder.SPOOL)
            if signature is None:
                continue
            if known is not None and signature.says(known):
                self._read[name] = replace(signature, since=known.since)
            else:
                found.append((name, signature))
        return found

    def _source(self, instance_id: str) -> Source | None:
        known = self._sources.get(instance_id)
        if known is None:
            known = _read_source(self._instances / instance_id, instance_id)
            if known is not None:
                self._sources[instance_id] = known
        return known


def _ingest(source: Source, batch: Batch, now_ms: int, tx: Transaction) -> None:
    logs.ingest(
        tx,
        account=source.account,
        region=source.region,
        group_name=source.stream.group,
        stream_name=source.stream.name,
        lines=batch.lines,
        source=source.instance_id,
        before=batch.before,
        after=batch.after,
        now_ms=now_ms,
    )


def _names(root: Path) -> list[str]:
    try:
        listed = os.listdir(root)  # noqa: PTH208 - names are all that is wanted, and often
    except (FileNotFoundError, NotADirectoryError):
        return []
    return sorted(name for name in listed if not name.startswith("."))


def _read_source(path: Path, instance_id: str) -> Source | None:
    try:
        directory = folder.open_folder(str(path))
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        value = folder.read_json(directory, folder.SPEC)
    finally:
        os.close(directory)
    match value:
        case {
            "spec": {
                "account": str(account),
                "region": str(region),
                "endpoint_name": str(endpoint_name),
                "variant_name": str(variant_name),
                "role_arn": str(role_arn),
            }
        }:
            return Source(instance_id, account, region, endpoint_name, variant_name, role_arn)
        case _:
            return None
