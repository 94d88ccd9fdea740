"""One seed's world: it runs with its faults, then without them until it is quiet, and is judged.

Invariant: everything random comes from the seed's generator, in the order of virtual time; the same
seed gives the same world, on every machine.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Any, TypeVar

from hostler.control import controller
from hostler.control.plane import ControlPlane, Surroundings
from hostler.domain.ids import DEFAULT_ACCOUNT, DEFAULT_REGION, InstanceId
from hostler.domain.snapshot import Demand, Identities
from hostler.sim import loop as virtual
from hostler.sim import mishaps, policies
from hostler.sim.alarms import NAMES, Alarms
from hostler.sim.backend import FakeBackend
from hostler.sim.callers import Callers
from hostler.sim.client import CAREFUL, Client, Habits
from hostler.sim.faults import (
    Faults,
    InjectedError,
    Life,
    MortalBackend,
    MortalRows,
    drawn,
)
from hostler.sim.gateways import Fleet, Gateway, SlowPublisher
from hostler.sim.oracles import Oracles
from hostler.sim.steady import unsettled
from hostler.store import schema
from hostler.store.database import Store, StoreUnavailableError, Transaction

T = TypeVar("T")

WALL_AT_START = 1_700_000_000.0
RESTART_S_MAX = 6.0
CONVERGE_S_MAX = 400.0
"""Longest chain: a start-up time-out, a stop that hangs, and the patience with hung gateways."""
LOOK_S = 5.0
QUIET_S = 21.0
"""More than two resyncs: a quiet world does nothing in them."""
NEVER_S = 1e9
IDLE_S = 15.0
"""What a serverless variant does not need for so long goes."""
SERVERLESS_EVERY = 4
"""Of so many seeds one has serverless endpoints, and callers."""
CAREFUL_SEEDS = (1, 2)
"""Of four seeds these have a guardrail for every deployment, and, unless all is well, more alarms
that go off."""
CAREFUL_ALARMS = 2
AT_AWS_PACE, EVERY = 1, 48
"""Of so many seeds this one has waits and time-outs as long as AWS's."""


class StartClock:
    """The product's clock: wall time at the start of a process, monotonic since."""

    def __init__(self, wall_now: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._offset = wall_now - self._loop.time()

    def now(self) -> float:
        return self._offset + self._loop.time()


@dataclass(slots=True)
class ControlProcess:
    """One life of the control plane with everything that dies with it; the client's ``Api``."""

    life: Life
    clock: StartClock
    rows: MortalRows
    publisher: SlowPublisher
    plane: ControlPlane

    async def write(self, transaction: Callable[[Transaction], T]) -> T:
        return await self.rows.write(transaction)

    def wake(self, key: str) -> None:
        if self.life.alive and not self.life.unlucky(self.life.faults.lost_wakes):
            self.plane.wake(key)

    def now(self) -> float:
        return self.clock.now()


class World:
    """The world of one seed; made inside its virtual loop.

    Args:
        seed: Decides everything.
        store: An inline store in memory; it is emptied first.
        faults: Instead of the seed's own.
        habits: Of the client, instead of the usual ones.
    """

    def __init__(
        self,
        seed: int,
        store: Store,
        faults: Faults | None = None,
        habits: Habits | None = None,
    ) -> None:
        self.rng = Random(seed)  # noqa: S311 - replayable is the point
        own = drawn(self.rng)
        usual = faults is None and habits is None
        self.pace = policies.AWS if usual and seed % EVERY == AT_AWS_PACE else policies.QUICK
        own = replace(own, until_s=own.until_s * self.pace.longer)
        if usual and seed % 4 in CAREFUL_SEEDS:
            habits = CAREFUL
            own = own if own.none else replace(own, alarms=own.alarms + CAREFUL_ALARMS)
        self.faults = own if faults is None else faults
        self.store = store
        self._crashes = list(self.faults.crashes)
        self._calmed = False
        self.wall_offset = 0.0
        self.control: ControlProcess | None = None
        self._task: asyncio.Task[None] | None = None
        self._commits = 0
        self.client = Client(
            self.rng,
            self._reach,
            habits or Habits(),
            slow_boots=self.faults.slow_boots,
            hung_stops=self.faults.hung_stops,
            impatient=not self.faults.none,
            troubled=self.faults.alarms > 0,
            serverless=habits is None and seed % SERVERLESS_EVERY == 0,
            pace=self.pace,
        )
        self.gateways = Fleet([Gateway("gateway-0"), Gateway("gateway-1")])
        self.backend = FakeBackend(StartClock(WALL_AT_START), self.client.boot)
        self.alarms = Alarms(store)
        self.oracles = Oracles(
            self.store, self.backend, self.gateways, self.client, self.faults, self.alarms
        )
        self.alarms.note = self.oracles.note
        self.callers = Callers(
            self.rng,
            self.gateways.gateways,
            self.backend,
            self._tell,
            self.oracles.report,
            strict=self.faults.none,
        )
        self.backend.on_change = self._changed
        self.gateways.on_publish = self.oracles.published
        self.gateways.on_use = self._used
        self.gateways.on_connect = self.callers.connected

    async def run(self) -> None:
        """Live, calm down, come to rest; ``oracles.found`` says what was wrong."""
        loop = asyncio.get_running_loop()
        self.store.run(_empty, write=True)
        self.alarms.begin()
        loop.set_exception_handler(self._stray_exception)
        with _errors_to(self.oracles):
            living = loop.create_task(self._live())
            self.oracles.on_finding = living.cancel
            with contextlib.suppress(asyncio.CancelledError):
                await living
            await self._stop_control()

    async def _live(self) -> None:
        self._start_control()
        mishaps.schedule(self)
        names = ("sim-a", "sim-b")[: self.rng.choice((1, 1, 2))]
        sweeping = asyncio.get_running_loop().create_task(self.callers.sweep())
        async with asyncio.TaskGroup() as users:
            for name in names:
                users.create_task(self.client.use(name, self.faults.until_s))
            if self.client.serverless:
                users.create_task(self.callers.use(self.faults.until_s))
                users.create_task(self._calm_in_time())
        await self._calm_in_time()
        await asyncio.sleep(RESTART_S_MAX)
        await self.callers.probe()
        await self._come_to_rest()
        sweeping.cancel()

    async def _calm_in_time(self) -> None:
        """The faults end, once; callers may still wait then."""
        await asyncio.sleep(max(0.0, self.faults.until_s - asyncio.get_running_loop().time()))
        if not self._calmed:
            self._calmed = True
            self._calm()

    def _changed(self) -> None:
        self.oracles.changed()
        self.callers.stir()

    def _used(self, gateway: Gateway) -> None:
        self.oracles.used(gateway)
        self.callers.stir()

    def _tell(self, gateway: Gateway, demands: Sequence[Demand]) -> None:
        """What a gateway says reaches control, if both are there and it is not lost."""
        control, loop = self._reach(), asyncio.get_running_loop()
        if control is None or not control.publisher.hears(gateway):
            return
        if not control.life.unlucky(control.life.faults.lost_wakes):
            loop.call_later(self.rng.uniform(0.0, 0.05), self._hear, control, gateway, demands)

    def _hear(self, control: ControlProcess, gateway: Gateway, demands: Sequence[Demand]) -> None:
        if control.life.alive:
            control.plane.demanded(gateway.name, demands)

    async def _come_to_rest(self) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + CONVERGE_S_MAX + self.pace.longest_s
        await asyncio.sleep(RESTART_S_MAX)
        while next(unsettled(self), None) is not None:
            if loop.time() > deadline:
                for what in unsettled(self):
                    self.oracles.report(f"never settled: {what}")
                return
            await asyncio.sleep(LOOK_S)
        before = (self._commits, self.gateways.file, set(self.backend.instances))
        await asyncio.sleep(QUIET_S)
        if before != (self._commits, self.gateways.file, set(self.backend.instances)):
            self.oracles.report("it goes on changing though nothing is asked of it")

    @property
    def publisher(self) -> SlowPublisher:
        """The newest life's."""
        if self.control is None:
            raise RuntimeError("the control plane was never started")
        return self.control.publisher

    def _reach(self) -> ControlProcess | None:
        control = self.control
        return control if control is not None and control.life.alive else None

    def _start_control(self) -> None:
        steps = self._crashes.pop(0) if self._crashes else None
        life = Life(self._present(), self.rng, steps, self._control_died)
        clock = StartClock(WALL_AT_START + self.wall_offset + asyncio.get_running_loop().time())
        self.backend.use_clock(clock)
        rows = MortalRows(self.store, life, self._written)
        latency = self._present().ack_s_max
        publisher = SlowPublisher(self.gateways, self.rng, latency, self._acknowledged)
        plane = ControlPlane(
            Surroundings(
                store=rows,
                backend=MortalBackend(self.backend, life, self.oracles),
                publisher=publisher,
                clock=clock,
                identities=_nobody,
                before_removal=_nothing_kept,
                account=DEFAULT_ACCOUNT,
                region=DEFAULT_REGION,
                identities_poll_s=NEVER_S,
                idle_s=IDLE_S,
            )
        )
        self.control = ControlProcess(life, clock, rows, publisher, plane)
        self.oracles.note("control starts")
        publisher.begin()
        self._task = asyncio.get_running_loop().create_task(plane.run(self.gateways.file))
        self._task.add_done_callback(self._control_ended)

    def _control_ended(self, task: asyncio.Task[None]) -> None:
        """A start that failed is tried again by the supervisor."""
        if task.cancelled() or self.control is None:
            return
        error = task.exception()
        if isinstance(error, StoreUnavailableError) and self.control.life.alive:
            self.control.life.alive = False
            self._control_died()
        elif isinstance(error, Exception):
            self.oracles.report(f"the control plane ended: {error!r}")

    def _control_died(self) -> None:
        self.oracles.note("control dies")
        loop = asyncio.get_running_loop()
        if self.control is not None:
            self.control.publisher.alive = False
        if self._task is not None:
            loop.call_soon(self._task.cancel)
        self.backend.control_died()
        loop.call_later(self.rng.uniform(0.1, RESTART_S_MAX), self._start_control)

    async def _stop_control(self) -> None:
        if self.control is not None:
            self.control.life.alive = False
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(BaseException):
                await self._task

    def _acknowledged(self, generation: int) -> None:
        control = self._reach()
        if control is not None:
            control.plane.acknowledged(generation)

    def _written(self) -> None:
        self._commits += 1
        self.oracles.written()

    def _present(self) -> Faults:
        """The faults of this moment."""
        over = asyncio.get_running_loop().time() >= self.faults.until_s
        return Faults(until_s=self.faults.until_s) if over else self.faults

    def _calm(self) -> None:
        self.oracles.note("faults end")
        self._crashes.clear()
        if self.control is not None:
            self.control.life.calm()
            self.control.publisher.latency_s_max = 0.05
        for instance in self.backend.instances.values():
            instance.boot = replace(instance.boot, hangs=False)
        for name in NAMES:
            self.alarms.mend(name)
        self.client.troubled = False
        self.client.slow_boots = False
        self.client.hung_stops = 0.0

    def _stray_exception(self, _loop: object, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if isinstance(error, Exception):
            self.oracles.report(f"outside every task: {error!r}")


def judge(seed: int, store: Store, faults: Faults | None = None) -> World:
    """Run a seed's world; it holds its verdict (``oracles.found``) and its story."""

    async def live() -> World:
        world = World(seed, store, faults)
        await world.run()
        return world

    with _Named(seed):
        return virtual.run(live())


@dataclass(frozen=True, slots=True)
class _Named:
    """What breaks within says of which seed it is."""

    seed: int

    def __enter__(self) -> None:
        pass

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if error is not None:
            error.add_note(f"in the world of this seed: python -m hostler.sim --seed {self.seed}")


class _Ear(logging.Handler):
    def __init__(self, oracles: Oracles) -> None:
        super().__init__()
        self._oracles = oracles

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        if error is None or _injected(error):
            return
        self._oracles.report(f"{record.getMessage()}: {error!r}")


def _injected(error: BaseException) -> bool:
    if isinstance(error, BaseExceptionGroup):
        return all(map(_injected, error.exceptions))
    return isinstance(error, InjectedError | StoreUnavailableError)


@contextlib.contextmanager
def _errors_to(oracles: Oracles) -> Iterator[None]:
    """An error that the controller had to catch, and that was not injected, is a finding."""
    ear, propagate = _Ear(oracles), controller.log.propagate
    controller.log.addHandler(ear)
    controller.log.propagate = False
    try:
        yield
    finally:
        controller.log.removeHandler(ear)
        controller.log.propagate = propagate


def _empty(tx: Transaction) -> None:
    for table in schema.metadata.sorted_tables:
        tx.execute(table.delete())


def _nobody(_tx: Transaction) -> Identities:
    return Identities()


async def _nothing_kept(_instance_id: InstanceId) -> None:
    """The simulated instances write nothing."""
