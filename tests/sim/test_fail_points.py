"""A control plane that is killed before and after each commit of a deployment goes on.

Whatever it was killed at, the history that is kept of the deployment is what its rows went through
(``sim.histories``), as every world's.
"""

import asyncio
from collections.abc import Collection
from dataclasses import replace
from typing import Any

import pytest

from hostler.domain.endpoint import Endpoint, RolloutStage
from hostler.sim import loop as virtual
from hostler.sim.alarms import NAMES
from hostler.sim.client import Habits, Kind
from hostler.sim.faults import Faults
from hostler.sim.policies import Policy
from hostler.sim.world import World
from hostler.store.database import Store

S = RolloutStage
NEVER = 10**6
LIVES = Faults(until_s=20.0, crashes=(NEVER,))
SEED = 7
FIRST = "d-2"
"""What the endpoint is first updated to."""
HALF = {"Type": "CAPACITY_PERCENT", "Value": 50}


def guarded(routing: dict[str, Any], *shares: float) -> Policy:
    traffic = {**routing, "WaitIntervalInSeconds": 1}
    blue_green = {"TrafficRoutingConfiguration": traffic, "TerminationWaitInSeconds": 1}
    return Policy({"BlueGreenUpdatePolicy": blue_green}, shares, 1.0, 1.0)


POLICIES = {
    "all at once": guarded({"Type": "ALL_AT_ONCE"}, 1.0),
    "canary": guarded({"Type": "CANARY", "CanarySize": HALF}, 0.5, 1.0),
    "linear": guarded({"Type": "LINEAR", "LinearStepSize": HALF}, 0.5, 1.0),
}
ROLLING = {"MaximumBatchSize": HALF, "WaitIntervalInSeconds": 1}
POLICIES["rolling"] = Policy(
    {"RollingUpdatePolicy": ROLLING}, (0.5, 1.0), 1.0, termination_wait_s=0.0, rolls=True
)
BACK = replace(
    POLICIES["rolling"],
    config={
        "RollingUpdatePolicy": {**ROLLING, "RollbackMaximumBatchSize": HALF},
        "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": NAMES[0]}]},
    },
    alarms=NAMES[:1],
)
"""Its second bake is ended by an alarm."""
FORWARD = {S.PROVISIONING, S.SWITCHING, S.BAKING, S.DRAINING}


class Walk:
    """One seed's story of one policy, lived again and again."""

    def __init__(self, store: Store, policy: Policy, killed_in: Collection[S] = S) -> None:
        self._store = store
        self._killed_in = killed_in
        good = (Kind.GOOD,)
        self._habits = Habits(resizes=0.0, updates=1.0, kinds=good, counts=(2,), policy=policy)
        self.commits: set[int] = set()
        """After how many steps of its life the control plane wrote a row of a deployment."""
        self.stages: set[RolloutStage] = set()

    def live(self, faults: Faults) -> list[str]:
        """What the oracles find."""

        async def living() -> World:
            world = World(SEED, self._store, faults, self._habits)
            world.client.troubled = bool(self._habits.policy and self._habits.policy.alarms)
            world.oracles.on_written = lambda endpoint: self._written(world, endpoint)
            await world.run()
            return world

        return virtual.run(living()).oracles.found

    def _written(self, world: World, endpoint: Endpoint) -> None:
        assert world.control is not None
        left = world.control.life.steps_left
        if endpoint.rollout is not None and endpoint.target == FIRST and left is not None:
            self.stages.add(endpoint.rollout.stage)
            if endpoint.rollout.stage in self._killed_in:
                self.commits.add(NEVER - left)
            bakes = endpoint.rollout.stage is S.BAKING and endpoint.rollout.step > 0
            if bakes and world.client.troubled:
                asyncio.get_running_loop().call_soon(world.alarms.fire, NAMES[0])


@pytest.mark.parametrize("name", POLICIES)
def test_killed_before_and_after_each_commit_it_goes_on(name: str, memory: Store) -> None:
    assert walked(Walk(memory, POLICIES[name]), FORWARD) >= 12


def test_killed_while_it_is_taken_back_it_goes_on_back(memory: Store) -> None:
    through = {S.RETREATING, S.ROLLING_BACK}
    assert walked(Walk(memory, BACK, through), through) >= 6


def walked(walk: Walk, through: set[RolloutStage]) -> int:
    """At how many points it was killed; it went through these stages when it was not."""
    assert walk.live(LIVES) == []
    assert walk.stages >= through
    points = sorted({at + more for at in walk.commits for more in (0, 1)})
    for point in points:
        found = walk.live(replace(LIVES, crashes=(point,)))
        assert found == [], f"killed at step {point}"
    return len(points)
