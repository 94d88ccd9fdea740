"""What goes wrong in a seed's world, and how the control plane dies in the middle of a step.

Invariant: a ``Faults`` is drawn from the seed before anything runs. A life of the control plane
that is over touches nothing any more: each of its steps ends in ``ControlPlaneDiedError``.
"""

import asyncio
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from random import Random
from typing import Protocol, TypeVar

from hostler.domain.ids import Arn, EndpointId, InstanceId
from hostler.domain.instance import InstanceSpec, Observation
from hostler.domain.model import Container
from hostler.sim.backend import FakeBackend
from hostler.store.database import Store, StoreUnavailableError, Transaction

T = TypeVar("T")

SLOW_STEPS = 0.1
SLOW_STEP_S_MAX = 0.3


class ControlPlaneDiedError(BaseException):
    """Kill -9: not an Exception, so that nobody handles it."""


class InjectedError(OSError):
    """A backend call that fails once."""


@dataclass(frozen=True, slots=True)
class Faults:
    """The seed's faults; all of them end at ``until_s`` (virtual seconds)."""

    until_s: float = 40.0
    crashes: tuple[int, ...] = ()
    """Steps that each life of the control plane in turn is given."""
    slow_boots: bool = False
    deaths: int = 0
    foreign_stops: int = 0
    hung_stops: float = 0.0
    lost_wakes: float = 0.0
    backend_errors: float = 0.0
    store_errors: float = 0.0
    clock_jumps: int = 0
    gateway_hangs: int = 0
    gateway_restarts: int = 0
    ack_s_max: float = 0.05
    alarms: int = 0
    """How often one goes off, is deleted or has no data."""

    @property
    def none(self) -> bool:
        return self == Faults(until_s=self.until_s)

    @property
    def bends_deadlines(self) -> bool:
        """Whether patience with gateways may rightly run out while one still sends."""
        return bool(self.clock_jumps or self.gateway_hangs or self.gateway_restarts)

    @property
    def delays_decisions(self) -> bool:
        """Whether the control plane may be away, or fail to look, for a while."""
        return bool(self.crashes or self.backend_errors or self.store_errors)


def drawn(rng: Random) -> Faults:
    """One world in four is without faults; the others mix a few kinds."""
    until_s = rng.uniform(10.0, 35.0)
    if rng.random() < 0.25:
        return Faults(until_s=until_s)

    def sometimes(share: float) -> bool:
        return rng.random() < share

    return Faults(
        until_s=until_s,
        crashes=tuple(rng.randint(1, 60) for _ in range(rng.randint(1, 4)))
        if sometimes(0.6)
        else (),
        slow_boots=sometimes(0.3),
        deaths=rng.randint(1, 4) if sometimes(0.4) else 0,
        foreign_stops=1 if sometimes(0.15) else 0,
        hung_stops=0.5 if sometimes(0.3) else 0.0,
        lost_wakes=rng.choice((0.3, 1.0)) if sometimes(0.3) else 0.0,
        backend_errors=0.1 if sometimes(0.2) else 0.0,
        store_errors=0.05 if sometimes(0.2) else 0.0,
        clock_jumps=rng.randint(1, 2) if sometimes(0.2) else 0,
        gateway_hangs=1 if sometimes(0.2) else 0,
        gateway_restarts=rng.randint(1, 2) if sometimes(0.2) else 0,
        ack_s_max=2.0 if sometimes(0.3) else 0.05,
        alarms=rng.randint(1, 4) if sometimes(0.5) else 0,
    )


class Life:
    """One life of the control plane: it may take so many steps, and then it is over."""

    def __init__(
        self, faults: Faults, rng: Random, steps: int | None, on_death: Callable[[], None]
    ) -> None:
        self.faults = faults
        self.rng = rng
        self.alive = True
        self._steps = steps
        self._on_death = on_death

    @property
    def steps_left(self) -> int | None:
        """Until it ends; None if it may live for ever."""
        return self._steps

    def calm(self) -> None:
        """No more faults."""
        self._steps = None
        self.faults = Faults(until_s=self.faults.until_s)

    async def step(self) -> None:
        """A point at which the process may be killed, and others get their turn."""
        self.check()
        if self._steps is not None:
            self._steps -= 1
            if self._steps <= 0:
                self.alive = False
                self._on_death()
                raise ControlPlaneDiedError
        slow = not self.faults.none and self.rng.random() < SLOW_STEPS
        await asyncio.sleep(self.rng.uniform(0.0, SLOW_STEP_S_MAX) if slow else 0)
        self.check()

    def check(self) -> None:
        if not self.alive:
            raise ControlPlaneDiedError

    def unlucky(self, share: float) -> bool:
        return share > 0 and self.rng.random() < share


class MortalRows:
    """The store of one life: real transactions, with a death before or after any of them."""

    def __init__(self, store: Store, life: Life, on_write: Callable[[], None]) -> None:
        self._store = store
        self._life = life
        self._on_write = on_write

    async def read(self, transaction: Callable[[Transaction], T]) -> T:
        return await self._run(transaction, write=False)

    async def write(self, transaction: Callable[[Transaction], T]) -> T:
        result = await self._run(transaction, write=True)
        await self._life.step()
        return result

    async def _run(self, transaction: Callable[[Transaction], T], *, write: bool) -> T:
        await self._life.step()
        if self._life.unlucky(self._life.faults.store_errors):
            raise StoreUnavailableError("injected")
        result = self._store.run(transaction, write=write)
        if write:
            self._on_write()
        return result


class Judge(Protocol):
    """What an oracle wants to see before it happens."""

    def launching(self, spec: InstanceSpec) -> None: ...

    def stopping(self, instance_id: InstanceId) -> None: ...


class MortalBackend:
    """The backend as one life sees it: slow, sometimes failing, and its calls may be the last."""

    def __init__(self, backend: FakeBackend, life: Life, judge: Judge) -> None:
        self._backend = backend
        self._life = life
        self._judge = judge

    async def prepare(self, model: Arn, container: Container, role_arn: str) -> None:
        await self._before()
        await self._backend.prepare(model, container, role_arn)
        await self._life.step()

    async def give_up(self, model: Arn) -> None:
        await self._before()
        await self._backend.give_up(model)
        await self._life.step()

    async def launch(self, spec: InstanceSpec) -> None:
        await self._before()
        self._judge.launching(spec)
        await self._backend.launch(spec)
        await self._life.step()

    async def stop(self, instance_id: InstanceId, grace_s: float) -> None:
        await self._before()
        self._judge.stopping(instance_id)
        await self._backend.stop(instance_id, grace_s)
        await self._life.step()

    async def remove(self, instance_id: InstanceId) -> None:
        await self._before()
        await self._backend.remove(instance_id)
        await self._life.step()

    async def observe(self, owner: EndpointId | None = None) -> Sequence[Observation]:
        await self._before()
        return await self._backend.observe(owner)

    async def owners(self) -> Collection[EndpointId]:
        await self._before()
        return await self._backend.owners()

    def watch(self, wake: Callable[[EndpointId], None]) -> None:
        def told(owner: EndpointId) -> None:
            if self._life.alive and not self._life.unlucky(self._life.faults.lost_wakes):
                wake(owner)

        self._backend.watch(told)

    async def _before(self) -> None:
        await self._life.step()
        if self._life.unlucky(self._life.faults.backend_errors):
            raise InjectedError("injected")
