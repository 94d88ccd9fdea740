"""The watcher: how many looks and glances it takes, with pages of its own and no processes."""

import asyncio
import errno
import os
from collections import Counter
from collections.abc import Awaitable, Callable

import pytest

from hostler.backends.process import watching
from hostler.backends.process.observing import Seen
from hostler.backends.process.watching import Watcher
from hostler.domain.ids import EndpointId, InstanceId
from hostler.domain.instance import Observation, Phase
from hostler.modelserver import identity


class World:
    """Instances that are this very process, each with a phase and a page."""

    def __init__(self, count: int, phase: Phase) -> None:
        self.phases = {InstanceId(f"i-{number}"): phase for number in range(count)}
        self.pages = dict.fromkeys(self.phases, b"before")
        self.looks: Counter[InstanceId] = Counter()
        self.glances: Counter[InstanceId] = Counter()
        self.woken: list[str] = []
        self.hidden: set[InstanceId] = set()
        self.watcher = Watcher(self.look, self.glance)

    def look(self, instance_id: InstanceId) -> Seen:
        self.looks[instance_id] += 1
        if instance_id in self.hidden:
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        owner = EndpointId(f"owner of {instance_id}")
        phase = self.phases[instance_id]
        observation = Observation(instance_id=instance_id, owner=owner, phase=phase)
        return Seen(observation, identity.of(os.getpid()))

    def glance(self, instance_id: InstanceId) -> bytes:
        self.glances[instance_id] += 1
        return self.pages[instance_id]

    def run(self, story: Callable[[], Awaitable[None]]) -> None:
        async def whole() -> None:
            self.watcher.start(self.woken.append)
            for instance_id in self.phases:
                self.watcher.follow(instance_id)
            await until(lambda: set(self.looks) == set(self.phases))
            self.woken.clear()
            await story()
            await self.watcher.close()

        asyncio.run(whole())


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.001)


def test_what_starts_is_glanced_at_and_looked_at_when_its_page_changes() -> None:
    world = World(2, Phase.STARTING)
    one, two = world.phases

    async def story() -> None:
        glanced = world.glances[two]
        await until(lambda: world.glances[two] >= glanced + 20)
        assert world.looks[two] < world.glances[two] / 2
        world.phases[one], world.pages[one] = Phase.READY, b"after"
        await until(lambda: world.woken == [f"owner of {one}"])

    world.run(story)


def test_a_start_is_told_when_it_lasts_and_an_end_of_it_at_once() -> None:
    world = World(2, Phase.PREPARING)
    one, two = world.phases

    async def story() -> None:
        for instance in (one, two):
            world.phases[instance], world.pages[instance] = Phase.STARTING, b"after"
            world.watcher.follow(instance)
        looked = world.looks[one]
        await until(lambda: world.looks[one] > looked)
        assert world.woken == []
        world.phases[one], world.pages[one] = Phase.READY, b"ready"
        await until(lambda: world.woken == [f"owner of {one}"])
        await until(lambda: world.woken == [f"owner of {one}", f"owner of {two}"])

    world.run(story)


def test_what_was_ready_and_starts_anew_is_told_at_once() -> None:
    world = World(1, Phase.READY)
    (one,) = world.phases

    async def story() -> None:
        world.phases[one], world.pages[one] = Phase.STARTING, b"after"
        world.watcher.follow(one)
        looked = world.looks[one]
        await until(lambda: world.looks[one] > looked)
        assert world.woken == [f"owner of {one}"]

    world.run(story)


def test_a_turn_at_rest_costs_the_same_for_any_number_and_sees_a_change_in_the_end() -> None:
    world = World(5 * watching.SLOW_GLANCES, Phase.READY)
    last = list(world.phases)[-1]

    async def story() -> None:
        looked = world.looks.total()
        before = world.glances.total()
        await until(lambda: world.glances.total() > before)
        assert world.glances.total() == before + watching.SLOW_GLANCES  # in one turn of the loop
        world.phases[last], world.pages[last] = Phase.STOPPING, b"after"
        await until(lambda: bool(world.woken))
        assert world.woken == [f"owner of {last}"]
        assert world.looks.total() - looked <= 2

    world.run(story)


def test_what_cannot_be_looked_at_is_said_once_and_tried_again_and_hides_no_other(
    caplog: pytest.LogCaptureFixture,
) -> None:
    world = World(2, Phase.STARTING)
    one, two = world.phases

    async def story() -> None:
        world.hidden.add(one)
        world.watcher.follow(one)
        looked = world.looks[one]
        await until(lambda: world.looks[one] >= looked + 2)
        world.phases[two], world.pages[two] = Phase.READY, b"after"
        await until(lambda: world.woken[-1:] == [f"owner of {two}"])
        world.phases[one] = Phase.EXITED
        world.hidden.clear()
        await until(lambda: world.woken[-1:] == [f"owner of {one}"])

    world.run(story)
    assert [record.message for record in caplog.records] == [f"{one} cannot be looked at"]
