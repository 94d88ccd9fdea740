"""The control plane's reconcilers, wired: what the product runs and what the simulator runs.

Invariant: everything here may die at any moment and be built again from the store, the backend and
the last snapshot.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeAlias

from hostler.backends.base import InstanceBackend
from hostler.control.ahead import ModelPreparer
from hostler.control.controller import RESYNC_S, Controller
from hostler.control.demand import Demands
from hostler.control.endpoints import EndpointReconciler, Rows
from hostler.control.execute import BeforeRemoval, Executor
from hostler.control.publish import Publication, SnapshotPublisher
from hostler.control.vigil import Vigil
from hostler.domain.ids import EndpointId
from hostler.domain.ports import Clock
from hostler.domain.snapshot import Demand, Identities, Snapshot
from hostler.planning.serverless import IDLE_S
from hostler.store.database import Transaction

IDENTITIES = "identities"
"""Waking this key publishes identities at once instead of within ``IDENTITIES_POLL_S``."""
IDENTITIES_POLL_S = 3.0

IdentitiesReader: TypeAlias = Callable[[Transaction], Identities]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a control plane needs of the world around it."""

    store: Rows
    backend: InstanceBackend
    publisher: SnapshotPublisher
    clock: Clock
    identities: IdentitiesReader
    before_removal: BeforeRemoval
    account: str
    region: str
    identities_poll_s: float = IDENTITIES_POLL_S
    resync_s: float = RESYNC_S
    idle_s: float = IDLE_S
    """Unused for so long, a serverless variant's environments go."""
    asleep: Callable[[], float] = lambda: 0.0
    """Seconds that the machine has slept so far."""


class ControlPlane:
    """The reconcilers of one life of the control process."""

    def __init__(self, around: Surroundings) -> None:
        self._around = around
        self._progress = asyncio.Event()
        self.publication = Publication(
            around.publisher,
            around.clock,
            account=around.account,
            region=around.region,
            on_progress=self._progressed,
        )
        executor = Executor(around.backend, around.before_removal)
        self._demands = Demands(around.clock, around.idle_s)
        self._endpoints = EndpointReconciler(
            around.store,
            around.backend,
            self.publication,
            executor,
            around.clock,
            demands=self._demands,
            vigil=Vigil(around.clock, around.asleep),
        )
        self._controller = Controller(
            "endpoints",
            self._endpoints.reconcile,
            self._endpoints.keys,
            resync_s=around.resync_s,
        )
        models = ModelPreparer(around.store, around.backend)
        self._models = Controller("models", models.reconcile, models.keys, resync_s=around.resync_s)
        self._identities = Controller(
            IDENTITIES, self._read_identities, _only_identities, resync_s=around.resync_s
        )
        self._asking: set[asyncio.Event] = set()
        """Set, each, by a reading of the identities that began after it came here."""

    def wake(self, key: str) -> None:
        """Reconcile an endpoint (by id), a model (by ARN) or ``IDENTITIES`` soon.

        Call it on the event loop.
        """
        if key == IDENTITIES:
            self._identities.wake(key)
        elif key.startswith("arn:"):
            self._models.wake(key)
        else:
            self._controller.wake(key)

    async def identities_read(self) -> None:
        """Have what is committed about identities published; returns once it is on its way.

        While the database cannot be read this waits: bound it.
        """
        read = asyncio.Event()
        self._asking.add(read)
        self.wake(IDENTITIES)
        try:
            await read.wait()
        finally:
            self._asking.discard(read)

    async def progress(self) -> None:
        """Wait until a snapshot is published, or a subscriber acknowledges one or goes away."""
        await self._progress.wait()

    def acknowledged(self, generation: int) -> None:
        """For ``Publisher``'s ``on_ack``."""
        self.publication.acknowledged(generation)

    def demanded(self, gateway: str, demands: Sequence[Demand]) -> None:
        """For ``Publisher``'s ``on_demand``: what a gateway says of serverless variants."""
        for key in self._demands.hear(gateway, demands):
            self._controller.wake(key)

    async def run(self, last: Snapshot | None) -> None:
        """Reconcile until cancelled, beginning with the last snapshot that was published."""
        self.publication.begin(last, await self._endpoints.serving())
        self._around.backend.watch(self._changed)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._identities.run())
            group.create_task(self._controller.run())
            group.create_task(self._models.run())

    def _changed(self, owner: EndpointId) -> None:
        self._controller.wake(owner)

    def _progressed(self) -> None:
        progress, self._progress = self._progress, asyncio.Event()
        progress.set()
        for key in sorted(self._endpoints.awaiting):
            self._controller.wake(key)

    async def _read_identities(self, _key: str) -> timedelta:
        asking = tuple(self._asking)  # whoever asks meanwhile may have written after this reading
        self.publication.set_identities(await self._around.store.read(self._around.identities))
        for each in asking:
            each.set()
        return timedelta(seconds=self._around.identities_poll_s)


async def _only_identities() -> Iterable[str]:
    return (IDENTITIES,)
