"""A control plane that is killed before and after each commit of a change goes on.

Whatever it was killed at, the history that is kept of the change is what its rows went through
(``sim.histories``), as every world's.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from hostler.domain.endpoint import Endpoint, EndpointStatus, RolloutStage
from hostler.domain.ids import EndpointId
from hostler.sim import loop as virtual
from hostler.sim.alarms import NAMES
from hostler.sim.client import ONE, Habits, Kind
from hostler.sim.faults import Faults
from hostler.sim.policies import Policy
from hostler.sim.world import World
from hostler.store.database import Store

S = RolloutStage
NEVER = 10**6
LIVES = Faults(until_s=60.0, crashes=(NEVER,))
HALF = {"Type": "CAPACITY_PERCENT", "Value": 50}
ALARM = NAMES[0]
AT_REST = {EndpointStatus.IN_SERVICE, EndpointStatus.UPDATE_ROLLBACK_FAILED}


def guarded(routing: dict[str, Any], *shares: float) -> Policy:
    traffic = {**routing, "WaitIntervalInSeconds": 1}
    blue_green = {"TrafficRoutingConfiguration": traffic, "TerminationWaitInSeconds": 1}
    return Policy({"BlueGreenUpdatePolicy": blue_green}, shares, 1.0, 1.0)


ALL_AT_ONCE = guarded({"Type": "ALL_AT_ONCE"}, 1.0)
CANARY = guarded({"Type": "CANARY", "CanarySize": HALF}, 0.5, 1.0)
LINEAR = guarded({"Type": "LINEAR", "LinearStepSize": HALF}, 0.5, 1.0)
BATCHES = {
    "MaximumBatchSize": HALF,
    "RollbackMaximumBatchSize": HALF,
    "WaitIntervalInSeconds": 1,
}
ROLLING = Policy({"RollingUpdatePolicy": BATCHES}, (0.5, 1.0), 1.0, rolls=True)
TURNED = {S.PROVISIONING, S.SWITCHING, S.BAKING}
FORWARD = {*TURNED, S.TERMINATING, S.DRAINING}


def updates(policy: Policy, *, watched: bool = False, kind: Kind = Kind.GOOD) -> Habits:
    """One update after another, each by this policy."""
    if watched:
        rollback = {"AutoRollbackConfiguration": {"Alarms": [{"AlarmName": ALARM}]}}
        policy = replace(policy, config={**(policy.config or {}), **rollback}, alarms=(ALARM,))
    return Habits(
        resizes=0.0,
        updates=1.0,
        kinds=(kind,),
        counts=(2,),
        names=(ONE,) if policy.rolls else Habits().names,
        policy=policy,
    )


def sizes() -> Habits:
    """Nothing but changes of weights and counts."""
    return Habits(resizes=1.0, updates=1.0, kinds=(Kind.GOOD,), counts=(2,))


@dataclass(frozen=True)
class Story:
    """What is asked for, what befalls it, and the stages that the first change goes through."""

    habits: Habits
    stages: set[RolloutStage]
    seed: int = 0
    alarm_in: int | None = None
    """The step in whose bake an alarm goes off."""
    full: bool = False
    """Whether the machine has no room for old instances then."""
    ends: EndpointStatus | None = EndpointStatus.IN_SERVICE
    """None is gone."""


BACK = {*TURNED, S.ROLLING_BACK}
STORIES = {
    "all at once": Story(updates(ALL_AT_ONCE), FORWARD),
    "canary": Story(updates(CANARY), FORWARD),
    "linear": Story(updates(LINEAR), FORWARD),
    "rolling": Story(updates(ROLLING), {*TURNED, S.DRAINING}),
    "all at once, an alarm": Story(updates(ALL_AT_ONCE, watched=True), BACK, alarm_in=0),
    "canary, an alarm": Story(updates(CANARY, watched=True), BACK, alarm_in=0),
    "linear, an alarm at its last step": Story(updates(LINEAR, watched=True), BACK, alarm_in=1),
    "rolling, an alarm": Story(updates(ROLLING, watched=True), {*BACK, S.RETREATING}, alarm_in=1),
    "rolling, an alarm, and no way back": Story(
        updates(ROLLING, watched=True),
        {*TURNED, S.RETREATING},
        alarm_in=1,
        full=True,
        ends=EndpointStatus.UPDATE_ROLLBACK_FAILED,
    ),
    "a version that does not come up": Story(
        updates(CANARY, kind=Kind.BROKEN), {S.PROVISIONING, S.ROLLING_BACK}
    ),
    "rolling, a version that does not come up": Story(
        updates(ROLLING, kind=Kind.BROKEN), {S.PROVISIONING, S.ROLLING_BACK}
    ),
    "weights and counts": Story(sizes(), {S.GROWING, S.SHRINKING}, seed=1),
    "counts for which there is no room": Story(sizes(), {S.GROWING, S.RESTORING}, seed=5),
    "deletion": Story(Habits(resizes=0.0, updates=0.0, kinds=(Kind.GOOD,)), set(), ends=None),
}


@dataclass
class Walk:
    """One story, lived again and again."""

    store: Store
    story: Story
    commits: set[int] = field(default_factory=set)
    """After how many steps of its life the control plane wrote a row, from the change's on."""
    stages: set[RolloutStage] = field(default_factory=set)
    ends: EndpointStatus | None = None
    over_s: float | None = None
    """When the first change was over, in the life without a crash."""

    def live(self, faults: Faults) -> Sequence[str]:
        """What the oracles find."""

        async def living() -> World:
            world = World(self.story.seed, self.store, faults, self.story.habits)
            world.client.troubled = self.story.alarm_in is not None
            watcher = Watcher(self, world)
            world.oracles.on_written = watcher.written
            await world.run()
            return world

        return virtual.run(living()).oracles.found


@dataclass
class Watcher:
    """Sees the first change of one life come and go."""

    walk: Walk
    world: World
    of: EndpointId | None = None
    over: bool = False
    fired: bool = False

    def written(self, key: EndpointId, endpoint: Endpoint | None) -> None:
        if self.of is None and endpoint is not None and _changes(endpoint):
            self.of = key
        if key != self.of or self.over:
            return
        control, walk = self.world.control, self.walk
        assert control is not None
        if control.life.steps_left is not None:
            walk.commits.add(NEVER - control.life.steps_left)
        if endpoint is not None and endpoint.rollout is not None:
            walk.stages.add(endpoint.rollout.stage)
            self._trouble(endpoint)
        if endpoint is None or (endpoint.status in AT_REST and endpoint.rollout is None):
            self.over = True
            walk.ends = None if endpoint is None else endpoint.status
            walk.over_s = walk.over_s or asyncio.get_running_loop().time()

    def _trouble(self, endpoint: Endpoint) -> None:
        rollout, client = endpoint.rollout, self.world.client
        assert rollout is not None
        bakes = rollout.stage is S.BAKING and rollout.step == self.walk.story.alarm_in
        if not bakes or self.fired:
            return
        self.fired = True
        asyncio.get_running_loop().call_soon(self.world.alarms.fire, ALARM)
        if self.walk.story.full and endpoint.current is not None:
            blue = client.deployments[endpoint.current]
            client.full.add(blue.variants[0].model.container.image)


def _changes(endpoint: Endpoint) -> bool:
    """Whether it is another change than its creation."""
    replaced = endpoint.current is not None and endpoint.target not in (None, endpoint.current)
    return replaced or endpoint.asked is not None or endpoint.deleting


@pytest.mark.parametrize("name", STORIES)
def test_killed_before_and_after_each_commit_it_goes_on(name: str, memory: Store) -> None:
    walk = Walk(memory, STORIES[name])
    assert walk.live(LIVES) == []
    assert walk.stages >= walk.story.stages
    assert walk.ends is walk.story.ends
    assert walk.over_s is not None
    short = replace(LIVES, until_s=walk.over_s)
    points = sorted({at + more for at in walk.commits for more in (0, 1)})
    for point in points:
        found = walk.live(replace(short, crashes=(point,)))
        assert found == [], f"killed at step {point}"
