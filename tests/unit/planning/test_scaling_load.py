"""Target tracking under load, at AWS's timing, in virtual time."""

import math

from hostler.domain.scaling import NotScaled
from scaling_load import (
    JUMPS_MINUTES,
    World,
    by_seed,
    check_cooldowns,
    fitting,
    policy_of,
    target_of,
)

SEEDS = range(1_000)


def the_users(load: dict[int, float]) -> World:
    """Section 6 of the document: 1 to 4 instances, 70 a minute each, 60 s out and 300 s in."""

    def at(minute: int) -> float:
        return load[max(start for start in load if start <= minute)]

    return World(target_of(1, 4), [policy_of("p", 70.0, out_s=60, in_s=300)], at, capacity=1)


def test_the_users_policy_goes_from_one_to_four_and_back() -> None:
    world = the_users({0: 10.0, 20: 280.0, 60: 0.0})
    world.play(100)
    assert [(change.before, change.after) for change in world.changes] == [(1, 4), (4, 1)]
    out, into = world.changes
    assert out.at == 23 * 60, "three minutes of three above 70"
    assert into.at == 75 * 60, "fifteen minutes of fifteen below 63"
    assert set(world.capacities[76:]) == {1}


def test_a_load_that_grows_is_followed_step_by_step() -> None:
    world = the_users({0: 60.0, 10: 130.0, 20: 200.0, 30: 260.0})
    world.play(45)
    assert [change.after for change in world.changes] == [2, 3, 4]


def test_a_steady_load_below_the_target_is_left_alone() -> None:
    world = the_users({0: 130.0})
    world.play(120)
    assert [change.after for change in world.changes] == [2]
    quiet = the_users({0: 110.0})
    quiet.play(120)
    assert [change.after for change in quiet.changes] == [2]
    reasons = {reason.code for each in quiet.decisions for reason in each.reasons}
    assert NotScaled.FLAPPING in reasons, "55 each is below 63, and one alone would have 110"


def test_every_seed_keeps_bounds_and_cooldowns_and_settles() -> None:
    for seed in SEEDS:
        world, steady = by_seed(seed)
        world.play(JUMPS_MINUTES + 130)
        check_cooldowns(world)
        last = world.capacities[-45:]
        assert len(set(last)) == 1, f"seed {seed} never settles: {last}"
        least = fitting(world, steady)
        assert last[-1] >= least, f"seed {seed} has {last[-1]}, and the load needs {least}"
        if last[-1] > least:  # within the tenth below the target nothing is scaled in
            goals = [each.tracking.target_value for each in world.policies if each.tracking]
            some = min(goals)
            assert not math.isclose(some, 0)
            assert steady / last[-1] >= 0.9 * some * (1 - 1e-9), f"seed {seed}"
