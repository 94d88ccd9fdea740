"""Fresh seeds at every run; a failure names its seed and how to see it again."""

import os
import secrets

import pytest

from hostler.sim.__main__ import SEED_BITS
from hostler.sim.seeds import failure
from hostler.sim.world import judge
from hostler.store.database import Store

SEEDS = int(os.environ.get("HOSTLER_SIM_SEEDS", "1000"))
SHARES = 20
"""So that several workers can share them."""


@pytest.mark.parametrize("share", range(SHARES))
def test_fresh_seeds_hold(share: int, memory: Store) -> None:
    start = secrets.randbits(SEED_BITS)
    count = len(range(share, SEEDS, SHARES))
    for seed in range(start, start + count):
        world = judge(seed, memory)
        assert not world.oracles.found, failure(seed, world)


@pytest.mark.parametrize(
    "seed",
    [707900621630],
    ids=["a replacement has all traffic from its first step on, as what it replaces has died"],
)
def test_what_was_held_against_the_planner_wrongly(seed: int, memory: Store) -> None:
    world = judge(seed, memory)
    assert not world.oracles.found, failure(seed, world)


def test_a_seed_tells_the_same_story_twice(memory: Store) -> None:
    stories = [judge(11, memory).oracles.trace for _ in range(2)]
    assert stories[0] == stories[1]
    assert len(stories[0]) > 10
