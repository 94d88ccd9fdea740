"""The wired control plane in virtual time: how soon what changed is known."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from random import Random
from typing import TypeVar

import pytest

from hostler.control.plane import IDENTITIES, ControlPlane, Surroundings
from hostler.control.publish import PAUSE_S
from hostler.domain.endpoint import EndpointStatus
from hostler.domain.ids import InstanceId
from hostler.domain.instance import FailureCause
from hostler.domain.snapshot import Credential, Identities
from hostler.sim import loop as virtual
from hostler.sim.backend import Boot, FakeBackend
from hostler.sim.gateways import Fleet, Gateway, SlowPublisher
from hostler.sim.world import StartClock
from hostler.store import endpoints, schema, tags
from hostler.store.database import Store, Transaction
from planning_pieces import ARN, NOW, OWNER, deployment, endpoint

SETTLED_S = 5.0

T = TypeVar("T")


@dataclass
class Rows:
    """A store whose answers are as old as they took: ``read_s`` seconds."""

    store: Store
    read_s: float = 0.0

    async def read(self, transaction: Callable[[Transaction], T]) -> T:
        found = await self.store.read(transaction)
        await asyncio.sleep(self.read_s)
        return found

    async def write(self, transaction: Callable[[Transaction], T]) -> T:
        return await self.store.write(transaction)


@dataclass
class World:
    """A control plane over a fake backend and one gateway that acknowledges at once."""

    store: Store
    rows: Rows
    backend: FakeBackend
    fleet: Fleet
    plane: ControlPlane
    credentials: list[Credential] = field(default_factory=list)
    slept_s: list[float] = field(default_factory=list)

    @property
    def gateway(self) -> Gateway:
        return self.fleet.gateways[0]


def play(story: Callable[[World], Awaitable[None]]) -> None:
    async def run() -> None:
        store = Store("sqlite://", inline=True, tables=schema.metadata)
        store.create_tables()
        rows = Rows(store)
        credentials: list[Credential] = []
        slept_s: list[float] = []
        clock = StartClock(NOW)
        backend = FakeBackend(clock, lambda _spec, _launch: Boot(prepare_s=0.1, start_s=0.2))
        fleet = Fleet([Gateway("gateway-0")])
        publisher = SlowPublisher(fleet, Random(1), 0.001, on_ack=lambda _generation: None)
        plane = ControlPlane(
            Surroundings(
                store=rows,
                backend=backend,
                publisher=publisher,
                clock=clock,
                identities=lambda _tx: Identities(tuple(credentials)),
                before_removal=_nothing,
                account="123456789012",
                region="us-east-1",
                asleep=lambda: sum(slept_s),
            )
        )
        publisher.on_ack = plane.acknowledged
        publisher.begin()
        running = asyncio.create_task(plane.run(None))
        await asyncio.sleep(SETTLED_S)
        await story(World(store, rows, backend, fleet, plane, credentials, slept_s))
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        store.close()

    virtual.run(run())


async def _nothing(_instance_id: InstanceId) -> None:
    return None


def create(tx: Transaction) -> None:
    endpoints.create(tx, endpoint(), deployment(1))
    tags.replace(tx, ARN, {"team": "rc"})


def status(world: World) -> EndpointStatus | None:
    found = world.store.run(lambda tx: endpoints.by_id(tx, OWNER))
    return found.status if found else None


@pytest.mark.parametrize(("woken", "within_s"), [(True, 0.1), (False, 1.1)])
def test_a_change_of_identities_reaches_the_gateways(woken: bool, within_s: float) -> None:
    async def story(world: World) -> None:
        world.credentials.append(Credential("AKIA", "secret", "arn"))
        if woken:
            world.plane.wake(IDENTITIES)
        await asyncio.sleep(within_s)
        assert world.gateway.snapshot is not None
        assert [each.access_key_id for each in world.gateway.snapshot.credentials] == ["AKIA"]

    play(story)


def test_who_waits_for_identities_is_served_by_a_reading_that_began_after_it_asked() -> None:
    """And by the one reconciler that publishes them: an older reading never comes last."""

    async def story(world: World) -> None:
        world.rows.read_s = 0.3
        world.plane.wake(IDENTITIES)
        await asyncio.sleep(0.1)  # that reading has read, and not published
        world.credentials.append(Credential("AKIA", "secret", "arn"))
        await asyncio.wait_for(world.plane.identities_read(), 0.6)
        await asyncio.sleep(PAUSE_S + 0.01)
        assert world.gateway.snapshot is not None
        assert [each.access_key_id for each in world.gateway.snapshot.credentials] == ["AKIA"]

    play(story)


def test_an_endpoint_is_in_service_as_soon_as_its_instance_is_ready_and_gateways_know() -> None:
    async def story(world: World) -> None:
        world.store.run(create, write=True)
        world.plane.wake(OWNER)
        await asyncio.sleep(0.35)
        assert status(world) is EndpointStatus.IN_SERVICE
        (route,) = world.gateway.routes
        assert route.tags == {"team": "rc"}

    play(story)


def test_a_dead_instance_is_out_of_the_routes_at_once_and_replaced_within_seconds() -> None:
    async def story(world: World) -> None:
        world.store.run(create, write=True)
        world.plane.wake(OWNER)
        await asyncio.sleep(10)
        (first,) = world.backend.instances
        world.backend.end(first, FailureCause.KILLED, "killed")
        await asyncio.sleep(0.1)
        (route,) = world.gateway.routes
        assert route.variants[0].targets == ()
        await asyncio.sleep(2.0)
        (route,) = world.gateway.routes
        assert len(route.variants[0].targets) == 1

    play(story)


def test_a_deleted_endpoint_is_forgotten_with_its_tags_and_its_name_is_free() -> None:
    async def story(world: World) -> None:
        world.store.run(create, write=True)
        world.plane.wake(OWNER)
        await asyncio.sleep(1)

        def delete(tx: Transaction) -> None:
            found = endpoints.by_id(tx, OWNER)
            assert found is not None
            endpoints.request_delete(tx, found, NOW)

        world.store.run(delete, write=True)
        world.plane.wake(OWNER)
        await asyncio.sleep(5)
        assert status(world) is None
        assert world.store.run(lambda tx: tags.of(tx, ARN)) == {}
        assert not world.backend.instances
        assert list(world.gateway.routes) == []
        world.store.run(create, write=True)

    play(story)


def test_an_update_that_arrives_between_reading_and_writing_is_not_overwritten() -> None:
    async def story(world: World) -> None:
        world.store.run(create, write=True)
        world.plane.wake(OWNER)
        await asyncio.sleep(1)
        (first,) = world.backend.instances
        observe = world.backend.observe

        async def late(owner: object = None) -> object:
            world.backend.observe = observe  # type: ignore[method-assign]
            found = world.store.run(lambda tx: endpoints.by_id(tx, OWNER))
            assert found is not None
            wanted = replace(deployment(2), created=NOW)
            world.store.run(lambda tx: endpoints.request_update(tx, found, wanted, NOW), write=True)
            return await observe(OWNER)

        world.backend.observe = late  # type: ignore[method-assign, assignment]
        world.backend.end(first, FailureCause.KILLED, "killed")
        await asyncio.sleep(10)
        found = world.store.run(lambda tx: endpoints.by_id(tx, OWNER))
        assert found is not None
        assert (found.status, found.current) == (EndpointStatus.IN_SERVICE, "d-2")

    play(story)


def test_a_bake_begins_anew_when_the_machine_wakes() -> None:
    routing = {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 300}
    policy = {"BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": routing}}

    async def story(world: World) -> None:
        world.store.run(create, write=True)
        world.plane.wake(OWNER)
        await asyncio.sleep(10)
        before = world.store.run(lambda tx: endpoints.by_id(tx, OWNER))
        assert before is not None
        wanted = replace(deployment(2), deployment_config=policy)
        world.store.run(
            lambda tx: endpoints.request_update(tx, before, wanted, NOW + 15), write=True
        )
        world.plane.wake(OWNER)
        await asyncio.sleep(200)
        world.slept_s.append(3600.0)
        await asyncio.sleep(200)
        assert status(world) is EndpointStatus.UPDATING
        await asyncio.sleep(200)
        assert status(world) is EndpointStatus.IN_SERVICE

    play(story)
