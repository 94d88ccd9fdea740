"""In which steps one deployment follows another: arithmetic."""

from dataclasses import replace
from fractions import Fraction
from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostler.domain.endpoint import EndpointStatus, Rollout, RolloutStage, Size
from hostler.domain.guardrails import BlueGreen, CapacitySize, Rolling, Routing, SizeType, read
from hostler.planning import course
from planning_pieces import deployment, endpoint, variant

S = RolloutStage
PERCENT, COUNT = SizeType.CAPACITY_PERCENT, SizeType.INSTANCE_COUNT


def linear(size: CapacitySize) -> BlueGreen:
    return BlueGreen(Routing.LINEAR, size)


@pytest.mark.parametrize(
    ("policy", "total", "shares"),
    [
        (BlueGreen(), 4, [100]),
        (BlueGreen(Routing.CANARY, CapacitySize(PERCENT, 30)), 1, [30, 100]),
        (BlueGreen(Routing.CANARY, CapacitySize(COUNT, 1)), 4, [25, 100]),
        (BlueGreen(Routing.CANARY, CapacitySize(COUNT, 9)), 4, [100]),
        (linear(CapacitySize(PERCENT, 25)), 3, [25, 50, 75, 100]),
        (linear(CapacitySize(PERCENT, 33)), 3, [33, 66, 99, 100]),
        (linear(CapacitySize(COUNT, 2)), 5, [40, 80, 100]),
        (Rolling(CapacitySize(COUNT, 2)), 5, [40, 80, 100]),
        (Rolling(CapacitySize(PERCENT, 50)), 5, [40, 80, 100]),
        (Rolling(CapacitySize(PERCENT, 5)), 4, [25, 50, 75, 100]),
        (Rolling(CapacitySize(PERCENT, 50)), 1, [100]),
    ],
)
def test_the_steps_of_a_policy(policy: object, total: int, shares: list[int]) -> None:
    found = course.steps(policy, total)  # type: ignore[arg-type]
    assert [round(float(100 * share)) for share in found] == shares


def test_the_finest_batches_are_so_many() -> None:
    """By which an update's events are bounded (ADR 43)."""

    def most(percent: int) -> int:
        batches = Rolling(CapacitySize(PERCENT, percent))
        return max(len(course.steps(batches, total)) for total in range(1, 1000))

    assert most(5) == 39  # one by one of 39 instances
    assert most(1) == 199


def made(config: dict[str, object], blue: int, green: int) -> course.Course:
    old, new = deployment(1, variant(count=blue)), deployment(2, variant(count=green))
    new = replace(new, deployment_config=config)
    row = endpoint(EndpointStatus.UPDATING, current=old.id, target=new.id)
    found = course.of(row, {old.id: old, new.id: new})
    assert found is not None
    return found


def policy(kind: str, size: dict[str, object]) -> dict[str, object]:
    if kind == "rolling":
        return {"RollingUpdatePolicy": {"MaximumBatchSize": size, "WaitIntervalInSeconds": 1}}
    routing = {"Type": kind, "WaitIntervalInSeconds": 1}
    if kind != "ALL_AT_ONCE":
        routing["CanarySize" if kind == "CANARY" else "LinearStepSize"] = size  # type: ignore[assignment]
    return {"BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": routing}}


@given(
    kind=st.sampled_from(["ALL_AT_ONCE", "CANARY", "LINEAR", "rolling"]),
    size=st.builds(
        lambda kind, value: {"Type": kind.value, "Value": value},
        st.sampled_from(list(SizeType)),
        st.integers(1, 50),
    ),
    blue=st.integers(1, 40),
    green=st.integers(1, 40),
)
def test_every_fleet_has_at_least_its_share_of_instances_at_every_step(
    kind: str, size: dict[str, object], blue: int, green: int
) -> None:
    way = made(policy(kind, size), blue, green)
    assert way.blue is not None
    assert list(way.shares) == sorted(set(way.shares))
    assert way.shares[-1] == 1
    for step in range(len(way.shares)):
        for stage in (S.PROVISIONING, S.SWITCHING, S.BAKING):
            at = Rollout(stage, 0.0, step=step)
            share = way.share(at)
            (old,), (new,) = way.sized(way.blue, at).variants, way.sized(way.green, at).variants
            assert ceil((1 - share) * blue) <= old.initial_instance_count <= blue
            assert ceil(share * green) <= new.initial_instance_count <= green
            assert way.returns(at)
            whole = Fraction(old.initial_instance_count, blue)
            assert whole + Fraction(new.initial_instance_count, green) >= 1


def test_canary_keeps_all_of_blue_and_linear_what_no_step_took_over() -> None:
    size = {"Type": "CAPACITY_PERCENT", "Value": 50}
    for kind, kept in (("CANARY", [4, 4]), ("LINEAR", [4, 2])):
        way = made(policy(kind, size), 4, 4)
        assert way.blue is not None
        found = [way.sized(way.blue, Rollout(S.BAKING, 0.0, step=step)) for step in (0, 1)]
        assert [each.variants[0].initial_instance_count for each in found] == kept


def test_a_retreat_grows_blue_by_batches_and_green_keeps_what_blue_cannot_take() -> None:
    batch = {"Type": "INSTANCE_COUNT", "Value": 1}
    config = {
        "RollingUpdatePolicy": {
            "MaximumBatchSize": batch,
            "WaitIntervalInSeconds": 0,
            "RollbackMaximumBatchSize": {"Type": "INSTANCE_COUNT", "Value": 2},
        }
    }
    way = made(config, 4, 4)
    assert way.blue is not None
    assert way.begins_back(Rollout(S.BAKING, 0.0, step=0)) is S.ROLLING_BACK
    assert way.begins_back(Rollout(S.BAKING, 0.0, step=3)) is S.RETREATING
    seen = []
    for back in (0, 1):
        at = Rollout(S.RETREATING, 0.0, step=3, back=back)
        (old,), (new,) = way.sized(way.blue, at).variants, way.sized(way.green, at).variants
        seen.append((old.initial_instance_count, new.initial_instance_count, float(way.share(at))))
        assert way.is_back(at) == (back == 1)
    assert seen == [(3, 3, 0.75), (4, 1, 0.25)]


def test_blue_is_counted_as_it_was_sized_since_its_config() -> None:
    old, new = deployment(1, variant(count=1)), deployment(2, variant(count=4))
    new = replace(new, deployment_config=policy("LINEAR", {"Type": "INSTANCE_COUNT", "Value": 2}))
    row = endpoint(
        EndpointStatus.UPDATING,
        current=old.id,
        target=new.id,
        sizes={"AllTraffic": Size(1.0, 6)},
    )
    way = course.of(row, {old.id: old, new.id: new})
    assert way is not None
    assert way.blue is not None
    assert (
        way.sized(way.blue, Rollout(S.BAKING, 0.0, step=1)).variants[0].initial_instance_count == 3
    )


def test_nothing_said_is_blue_green_all_at_once() -> None:
    assert read(None) == read({}) == read({"AutoRollbackConfiguration": {}})
    assert read(None).policy == BlueGreen()
