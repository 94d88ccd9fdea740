"""The server's own clean-up, step by step: announced, withdrawn, carried on by another life."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from hostler.api.own import OwnCalls
from hostler.audit import record
from hostler.control.cleanup import Cleaner
from hostler.domain.cleanup import Cleanup
from hostler.domain.endpoint import EndpointStatus
from hostler.store import cleanups, endpoints
from hostler.store.database import StoreUnavailableError, Transaction
from hostler.telemetry import calls

ACCOUNT, REGION = "123456789012", "us-east-1"
DAY_S = 86_400.0
SETTINGS = Cleanup(enabled=True)


class Place:
    """A server with endpoints of ten days ago, all of whose calls are known."""

    def __init__(self, world: Any, deployable: Callable[..., str]) -> None:
        self.world, self.store, self.deployable = world, world.rooms.store, deployable
        self.metrics = world.rooms.metrics
        self.metrics.run(lambda tx: calls.lost(tx, world.clock.time), write=True)
        self.itself: Any = OwnCalls(world.rooms, "cleanup.hostler")

    def deploy(self, name: str, config: str = "") -> None:
        self.world.client("sagemaker").create_endpoint(
            EndpointName=name, EndpointConfigName=config or self.deployable(name)
        )

        def serve(tx: Transaction) -> None:
            found = endpoints.get(tx, ACCOUNT, REGION, name)
            assert found is not None
            served = replace(found, status=EndpointStatus.IN_SERVICE, current=found.target)
            endpoints.save(tx, served)

        self.store.run(serve, write=True)

    def later(self, seconds: float) -> None:
        self.world.clock.time += seconds

    def turn(self, settings: Cleanup = SETTINGS) -> list[str]:
        """A turn of another life, and what it told: events and calls."""
        cleaner = Cleaner(
            self.store,
            self.metrics,
            self.world.clock,
            known_until=lambda: self.world.clock.time - 10,
            settings=settings,
            itself=self.itself,
        )
        asyncio.run(cleaner.turn())
        return [record._record(each)["eventName"] for each in self.world.rooms.journal.take()]

    def call(self, name: str) -> None:
        callee, now = calls.callee(ACCOUNT, REGION, name), self.world.clock.time
        self.metrics.run(lambda tx: calls.note(tx, [callee], now), write=True)

    def marked(self) -> list[str]:
        return [each.name for each in self.store.run(cleanups.marks)]


@pytest.fixture
def place(world: Any, deployable: Callable[..., str]) -> Place:
    made = Place(world, deployable)
    made.deploy("a-dev")
    made.deploy("a-dev-b")
    made.deploy("c-dev-d", "a-dev-b-config")
    made.later(10 * DAY_S)
    made.world.rooms.journal.take()
    return made


def test_an_endpoint_is_announced_then_deleted_then_what_only_it_used(place: Place) -> None:
    assert place.turn() == ["EndpointCleanupScheduled"] * 2
    assert sorted(place.marked()) == ["a-dev-b", "c-dev-d"]
    place.later(0.9 * DAY_S)
    assert place.turn() == []
    place.later(0.2 * DAY_S)
    assert place.turn() == ["DeleteEndpoint"] * 2
    assert place.turn() == [], "the controller has not ended them yet"
    place.world.remove_deleted()
    assert sorted(place.turn()) == ["DeleteEndpointConfig", "DeleteModel"]
    assert place.marked() == []
    assert place.turn() == []


def test_who_is_called_meanwhile_is_kept(place: Place) -> None:
    place.turn()
    place.call("A-dev-b")
    place.later(1.1 * DAY_S)
    assert sorted(place.turn()) == ["DeleteEndpoint", "EndpointCleanupWithdrawn"]


def test_a_serverless_endpoint_is_kept(place: Place) -> None:
    """It costs nothing while nobody calls it; ``hostler cleanup`` keeps it as well."""
    place.deployable("naps-dev")
    variant = {
        "VariantName": "AllTraffic",
        "ModelName": "naps-dev-v1",
        "ServerlessConfig": {"MemorySizeInMB": 1024, "MaxConcurrency": 1},
    }
    place.world.client("sagemaker").create_endpoint_config(
        EndpointConfigName="naps", ProductionVariants=[variant]
    )
    place.deploy("naps-dev-x", "naps")
    place.later(10 * DAY_S)
    place.turn()
    assert sorted(place.marked()) == ["a-dev-b", "c-dev-d"]


def test_a_tag_that_exempts_withdraws_what_was_announced(place: Place) -> None:
    place.turn()
    arn = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:endpoint/a-dev-b"
    tags = [{"Key": "Keep", "Value": "x"}]
    place.world.client("sagemaker").add_tags(ResourceArn=arn, Tags=tags)
    place.world.rooms.journal.take()
    place.later(3700)
    assert place.turn(replace(SETTINGS, exempt=("Keep",))) == ["EndpointCleanupWithdrawn"]


def test_switched_off_it_withdraws_everything_and_looks_at_nothing(place: Place) -> None:
    place.turn()
    assert place.turn(Cleanup()) == ["EndpointCleanupWithdrawn"] * 2
    assert place.turn(Cleanup()) == []


def test_a_death_before_the_deletion_is_made_good_by_another_life(place: Place) -> None:
    place.turn()
    place.later(1.1 * DAY_S)

    class Dying(OwnCalls):
        async def call(self, *_: Any) -> None:
            raise StoreUnavailableError("now")

    alive, place.itself = place.itself, Dying(place.world.rooms, "cleanup.hostler")
    with pytest.raises(StoreUnavailableError):
        place.turn()
    place.itself = alive
    assert place.turn() == ["DeleteEndpoint"] * 2


def test_a_change_of_the_endpoint_is_a_use(place: Place) -> None:
    place.turn()
    place.later(1.1 * DAY_S)
    place.world.client("sagemaker").update_endpoint(
        EndpointName="a-dev-b", EndpointConfigName="a-dev-config"
    )
    place.world.rooms.journal.take()
    assert sorted(place.turn()) == ["DeleteEndpoint", "EndpointCleanupWithdrawn"]
