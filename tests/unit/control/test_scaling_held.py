"""Scaling of an endpoint that is at rest and cannot be changed."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace

import pytest

from hostler.control import scaling_steps
from hostler.control.scaling_steps import BUSY_S, Rules
from hostler.domain.config import Quotas
from hostler.domain.endpoint import Beside, Deployment, EndpointStatus
from hostler.domain.ids import Arn, DeploymentId
from hostler.domain.scaling import ActivityStatus, ScheduledAction
from hostler.store import endpoints, scaling, schema
from hostler.store.database import Store
from planning_pieces import deployment, endpoint, variant
from scaling_world import START, TARGET, World, play, track

MINUTE = 60.0
E = EndpointStatus
TWO = deployment(1, variant(count=2))
RUNS = DeploymentId("d-1")
ROLLING = {
    "RollingUpdatePolicy": {
        "MaximumBatchSize": {"Type": "INSTANCE_COUNT", "Value": 1},
        "WaitIntervalInSeconds": 60,
    }
}


def update(world: World, wanted: Deployment) -> None:
    """What the API writes for UpdateEndpoint."""
    found, now = world.endpoint, world.clock.now()
    world.store.run(lambda tx: endpoints.request_update(tx, found, wanted, now), write=True)
    world.plane.wake(found.id)


async def roll_back_in_vain(world: World) -> None:
    """A rolling update whose second batch does not come up; neither does what it replaced."""
    update(world, replace(deployment(2, variant(count=2)), deployment_config=ROLLING))
    await asyncio.sleep(30)
    world.boots = False
    await asyncio.sleep(5 * MINUTE)
    assert world.endpoint.status is E.UPDATE_ROLLBACK_FAILED
    assert world.endpoint.beside is not None
    world.boots = True


def test_two_deployments_that_serve_are_not_scaled_until_one_does() -> None:
    """UpdateEndpointWeightsAndCapacities is refused there too."""

    async def story(world: World) -> None:
        await roll_back_in_vain(world)
        world.load = lambda _at: 400.0
        world.register(track(), target=replace(TARGET, min=3))
        await asyncio.sleep(10 * MINUTE)
        assert world.endpoint.status is E.UPDATE_ROLLBACK_FAILED
        assert world.activities() == []
        update(world, deployment(3, variant(count=2)))
        await asyncio.sleep(5 * MINUTE)
        assert (world.endpoint.status, world.endpoint.beside) == (E.IN_SERVICE, None)
        assert [each.capacity for each in world.activities()] == [3, 4]

    play(story, TWO)


def test_a_change_is_told_of_once_its_endpoint_is_at_rest_whatever_it_came_to() -> None:
    """Control's scaling is away from when it asked until the update after it is over."""

    async def story(world: World) -> None:
        world.register(target=replace(TARGET, min=3))
        await asyncio.sleep(1.2)
        for task in world.life:
            task.cancel()
        (begun,) = world.activities()
        assert begun.status is ActivityStatus.IN_PROGRESS
        await asyncio.sleep(MINUTE)
        await roll_back_in_vain(world)
        world.begin()
        await asyncio.sleep(MINUTE)
        (ended,) = world.activities()
        assert (ended.id, ended.status) == (begun.id, ActivityStatus.FAILED)
        assert ended.message.endswith(world.endpoint.failure_reason or "?")

    play(story, TWO)


@pytest.mark.parametrize(
    ("status", "changes", "again_s"),
    [
        (E.CREATING, {}, BUSY_S),
        (E.UPDATING, {"current": RUNS}, BUSY_S),
        (E.FAILED, {}, 600.0),
        (E.UPDATE_ROLLBACK_FAILED, {"current": RUNS, "beside": Beside(RUNS, 1)}, 600.0),
    ],
)
def test_bounds_wait_for_an_endpoint_that_changes_and_not_for_one_that_is_held(
    status: E, changes: Mapping[str, object], again_s: float
) -> None:
    """What is held is looked at for the next scheduled action, and at each resync."""
    store = Store("sqlite://", inline=True, tables=schema.metadata)
    store.create_tables()
    action = ScheduledAction(
        TARGET.id, "later", Arn("arn:later"), START, "rate(10 minutes)", due=START + 600
    )
    bounded = replace(TARGET, bounded=True)
    store.run(lambda tx: endpoints.create(tx, endpoint(status, **changes), TWO), write=True)
    store.run(lambda tx: scaling.put_target(tx, bounded), write=True)
    store.run(lambda tx: scaling.put_action(tx, action), write=True)
    rules = Rules(START, Quotas())
    done = store.run(lambda tx: scaling_steps.settle(tx, TARGET.id, rules), write=True)
    assert (done.again_s, done.wakes) == (again_s, [])
    assert store.run(lambda tx: scaling.by_id(tx, TARGET.id)) == bounded
    store.close()
