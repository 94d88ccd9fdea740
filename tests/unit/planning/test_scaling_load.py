"""Target tracking under load, at AWS's timing, in virtual time."""

import math
import re
import secrets
from dataclasses import replace
from typing import Any

import pytest

from hostler.domain.scaling import Cooldown, NotScaled, Suspended, Target
from hostler.planning import scaling
from scaling_load import (
    JUMPS_MINUTES,
    World,
    by_seed,
    fitting,
    policy_of,
    target_of,
    wrong,
)

SEEDS = 1_000


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


def findings(seed: int) -> list[str]:
    """What is wrong with a seed's world."""
    world, steady = by_seed(seed)
    world.play(JUMPS_MINUTES + 130)
    found = list(wrong(world))
    only_out = any(each.tracking.disable_scale_in for each in world.policies if each.tracking)
    if world.watches or only_out:
        # Steps may answer a steady load with one change after another, and so may a policy that
        # scales in what one with a lower target, which never does, has scaled out.
        return found
    last = world.capacities[-45:]
    least = fitting(world, steady)
    if len(set(last)) > 1:
        found.append(f"never settles: {last}")
    if last[-1] < least:
        found.append(f"has {last[-1]}, and the load needs {least}")
    goals = [each.tracking.target_value for each in world.policies if each.tracking]
    # Within the tenth below the target nothing is scaled in.
    if last[-1] > least and steady / last[-1] < 0.9 * min(goals) * (1 - 1e-9):
        found.append(f"has {last[-1]}, and {least} would do")
    return found


def test_fresh_seeds_keep_bounds_and_cooldowns_and_settle() -> None:
    start = secrets.randbits(40)
    for seed in range(start, start + SEEDS):
        assert findings(seed) == [], f"seed {seed}"


def _nobody_is_asked(_signals: object, _policies: object) -> None:
    return None


_OUTWARD = scaling._outward


def _never_suspended(target: Target, *others: Any) -> Any:
    return _OUTWARD(replace(target, suspended=Suspended()), *others)


BUGS = {
    "no cooldown": (Cooldown, "holds", lambda _self, _now: False, "cooldown"),
    "rounded down": (math, "ceil", math.floor, "the formula says|load needs"),
    "one policy scales in alone": (scaling, "_unready", _nobody_is_asked, "not every policy"),
    "no bounds": (Target, "clamped", lambda _self, capacity: max(1, capacity), "out of bounds"),
    "the metric is of the new capacity": (
        Cooldown,
        "precedes",
        lambda _self, _moment: True,
        "the formula says",
    ),
    "suspension means nothing": (scaling, "_outward", _never_suspended, "suspended"),
}


@pytest.mark.parametrize("name", BUGS)
def test_a_planted_bug_is_seen(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    owner, attribute, instead, said = BUGS[name]
    worlds = [by_seed(seed)[0] for seed in range(200)]
    monkeypatch.setattr(owner, attribute, instead)
    for world in worlds:
        world.play(JUMPS_MINUTES + 130)
    monkeypatch.undo()
    found = [what for world in worlds for what in wrong(world)]
    assert any(re.search(said, what) for what in found), found[:5]
