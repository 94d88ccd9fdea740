"""The control process: `python -m hostler.app.control --data-dir D`. Everything is wired here.

Invariant: it holds nothing that dies with it: a restart builds the same from the store, the
instances' folders and the last snapshot.
"""

import asyncio
import contextlib
import logging
import os
from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial
from typing import Any

from hostler.api import tables
from hostler.api.own import OwnCalls
from hostler.api.registry import Rooms
from hostler.api.server import create_app
from hostler.app import accounts, authority, external, listening, processes
from hostler.app.accounts import Accounts
from hostler.app.announcements import Announcements
from hostler.app.health import Health
from hostler.app.key_uses import KeyUses
from hostler.app.metering import Metering
from hostler.app.propagation import Propagation
from hostler.app.settings import Settings
from hostler.audit.journal import Journal
from hostler.backends.process import configured, isolation
from hostler.backends.process.backend import ProcessBackend
from hostler.backends.process.environments import Environments
from hostler.backends.process.pip_settings import Sources
from hostler.backends.process.zygotes import SupervisedZygotes
from hostler.control.audit import AuditIngest
from hostler.control.cleanup import Cleaner
from hostler.control.counted import Counted
from hostler.control.external_objects import ExternalObjects
from hostler.control.ingest import Ingest
from hostler.control.log_writing import LogWriting
from hostler.control.model_data import Objects, StoredModelData
from hostler.control.plane import ControlPlane, Surroundings
from hostler.control.stored_objects import StoredObjects
from hostler.domain import endings
from hostler.domain.ids import AccountId, Region
from hostler.domain.layout import Layout
from hostler.modelserver import own_spool
from hostler.snapshot import background
from hostler.snapshot import file as snapshot_file
from hostler.snapshot.clock import SystemClock, asleep_s
from hostler.snapshot.codec import SnapshotError
from hostler.snapshot.publisher import Publisher
from hostler.store import identities, schema
from hostler.store.blobs import Blobs
from hostler.store.database import Store
from hostler.store.disk import Reserve
from hostler.store.object_index import read_index
from hostler.telemetry import logs, metrics, trail
from hostler.vault.sealing import Vault

_log = logging.getLogger("hostler.control")


def main() -> None:
    """Serve until SIGTERM."""
    settings, _options = processes.arguments("control")
    authority.ensure(settings.layout)
    processes.run(settings.layout, serve(settings))


async def serve(settings: Settings) -> None:
    """Reconcile and answer the control APIs on ``layout.control_socket``."""
    layout, clock = settings.layout, SystemClock()
    probing = asyncio.create_task(asyncio.to_thread(isolation.probe, layout.mount_point))
    await asyncio.sleep(0)  # its process starts while we open the databases
    vault = Vault(layout.secrets_key)
    stores = store, log_store, metric_store = _stores(settings, clock, vault)
    model_data, watch, indexes = _model_data(settings, store)
    announcements = Announcements(layout)
    environments = _environments(settings, announcements)
    tier = await probing
    backend = _backend(settings, environments, model_data, tier, clock)
    publisher = Publisher(layout.snapshot_socket, layout.snapshot, vault=vault)
    writing = LogWriting(store, clock)
    ingest = _ingest(settings, log_store, clock, writing)
    trail_store, audit = _trail(settings, clock)
    around = _around(settings, clock, ingest)
    plane = ControlPlane(around(store=store, backend=backend, publisher=publisher))
    publisher.on_ack, publisher.on_demand = plane.acknowledged, plane.demanded
    metering = Metering(settings, stores, clock, plane, publisher.gateways)
    propagation = Propagation(plane, publisher)
    further = Accounts(store, layout, clock, propagation.committed)
    journal = Journal(layout.audit_spool("control", own_spool.life()))
    rooms = Rooms(
        store=store,
        logs=log_store,
        metrics=metric_store,
        clock=clock,
        wake=metering.wake,
        tables=tables.TABLES,
        account=AccountId(settings.account),
        region=Region(settings.region),
        model_data=model_data,
        committed=propagation.committed,
        health=Health(settings, publisher, tier, environments, watched=(watch, writing)),
        hosts=settings.config.server.hosts,
        quotas=lambda: settings.config.quotas,
        alarm_commands=settings.config.alarms.commands,
        topic_hosts=settings.config.sns.allowed_hosts,
        audit=trail_store,
        journal=journal,
        scrape=metering.scrape,
    )
    await publisher.start()
    uses = KeyUses(store, layout, rooms.uses)
    cleaner = _cleaner(settings, rooms, metering.counted)
    beside = (ingest, *metering.parts, announcements, further, watch, uses, audit, journal, cleaner)
    async with (
        _closing((backend, publisher), (*stores, trail_store, *indexes)),
        background.beside(
            plane.run(_last(layout, vault)), *(each.run() for each in beside), failed=_end_now
        ),
    ):
        server = listening.Server(listening.config(create_app(rooms), drain_s=endings.CONTROL_S))
        await listening.serve(server, layout.control_socket)


def _backend(
    settings: Settings,
    environments: Environments,
    model_data: StoredModelData,
    tier: isolation.Tier,
    clock: SystemClock,
) -> ProcessBackend:
    return ProcessBackend(
        settings.layout,
        runtimes=configured.runtimes(settings.config.runtimes),
        environments=environments,
        model_data=model_data,
        zygotes=SupervisedZygotes(settings.layout),
        tier=tier,
        clock=clock,
        instances=settings.config.instances,
        output_bytes_per_s=settings.config.logs.instance_kilobytes_per_s << 10,
    )


@contextlib.asynccontextmanager
async def _closing(
    parts: Sequence[ProcessBackend | Publisher], stores: Sequence[Store]
) -> AsyncIterator[None]:
    """Let go of everything, in this order, when the block ends."""
    try:
        yield
    finally:
        for part in parts:
            await part.close()
        for store in stores:
            store.close()


def _end_now() -> None:
    """The supervisor starts another, which finds everything in the store."""
    os._exit(1)


def _stores(settings: Settings, clock: SystemClock, vault: Vault) -> tuple[Store, Store, Store]:
    layout = settings.layout
    vault.ensure()
    reserve = Reserve(layout.reserve)
    store = Store.at(layout.database, tables=schema.metadata, reserve=reserve, vault=vault)
    log_store = Store.at(layout.logs_database, tables=logs.metadata)
    metric_store = Store.at(layout.metrics_database, tables=metrics.metadata)
    for each in (store, log_store, metric_store):
        each.create_tables()
    _seal_anew(store, layout, vault)
    _root_credentials(store, settings, clock.now())
    return store, log_store, metric_store


def _around(settings: Settings, clock: SystemClock, ingest: Ingest) -> Callable[..., Surroundings]:
    """The reconcilers' surroundings, but for what they work with."""
    return partial(
        Surroundings,
        clock=clock,
        asleep=asleep_s,
        identities=identities.snapshot_parts,
        before_removal=ingest.drain,
        idle_s=settings.config.serverless.idle_timeout_s,
        account=settings.account,
        region=settings.region,
    )


def _trail(settings: Settings, clock: SystemClock) -> tuple[Store, AuditIngest]:
    """The audit log, and who carries the processes' records into it."""
    layout, kept = settings.layout, settings.config.audit
    store = Store.at(layout.audit_database, tables=trail.metadata)
    store.create_tables()
    return store, AuditIngest(store, layout, clock, settings.account, kept)


def _ingest(
    settings: Settings, logs_store: Store, clock: SystemClock, writing: LogWriting
) -> Ingest:
    bytes_max = settings.config.logs.megabytes << 20
    return Ingest(logs_store, settings.layout, clock, writing, bytes_max=bytes_max)


def _cleaner(settings: Settings, rooms: Rooms, counted: Counted) -> Cleaner:
    return Cleaner(
        rooms.store,
        rooms.metrics,
        rooms.clock,
        known_until=lambda: counted.known_until,
        settings=settings.config.cleanup,
        itself=OwnCalls(rooms, "cleanup.hostler"),
    )


def _environments(settings: Settings, announcements: Announcements) -> Environments:
    sources = Sources.of(settings.config.runtimes)
    return Environments(announce=announcements.say, sources=sources)


def _model_data(
    settings: Settings, store: Store
) -> tuple[StoredModelData, external.Watch, Sequence[Store]]:
    """Model data, who looks whether the external S3 is well, and what is to be closed."""
    layout, elsewhere = settings.layout, external.of(settings)
    opened: list[Store] = []
    kept: Objects
    if elsewhere is not None:
        kept = ExternalObjects(elsewhere, settings.account, layout.downloads)
    else:
        opened.append(read_index(layout.s3_index))
        kept = StoredObjects(opened[0], Blobs(layout.s3))
    return StoredModelData(store, kept, settings.region), external.Watch(elsewhere), opened


def _root_credentials(store: Store, settings: Settings, now: float) -> None:
    """The first start makes the root user's key; ``hostler env`` reads it from its file."""
    credential = store.run(lambda tx: identities.ensure_root(tx, settings.account, now), write=True)
    accounts.keep(credential, settings.account, settings.layout.root_credentials)


def _seal_anew(store: Store, layout: Layout, vault: Vault) -> None:
    """Where there is a newer key, seal everything with it, and then forget the others."""
    if store.run(identities.seal_anew, write=True):
        store.scrub()
    try:
        snapshot_file.seal_anew(layout.snapshot, vault)
    except (SnapshotError, OSError) as error:
        _log.warning("the last snapshot is not sealed anew: %s", error)
        return
    vault.forget_others()


def _last(layout: Layout, vault: Vault) -> Any:
    try:
        return snapshot_file.load(layout.snapshot, vault)
    except (SnapshotError, OSError) as error:
        _log.warning("the last snapshot cannot be read, routes are rebuilt: %s", error)
        return None


if __name__ == "__main__":
    main()
