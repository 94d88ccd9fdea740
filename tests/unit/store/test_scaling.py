"""Rows of scaling: found in any case, gone together, bounded in number and time."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from hostler.domain.ids import AccountId, Arn, Region
from hostler.domain.scaling import (
    Activity,
    ActivityStatus,
    Dimension,
    NotScaled,
    Policy,
    Reason,
    ScheduledAction,
    Target,
    TargetTracking,
)
from hostler.store import scaling, scaling_activities
from hostler.store.database import Store
from hostler.store.scaling import Resource
from memory_stores import memory_store

ACCOUNT, REGION = AccountId("123456789012"), Region("us-east-1")
NOW = 1_700_000_000.0
COUNT = Dimension.INSTANCE_COUNT
TARGET = Target("t", ACCOUNT, REGION, "Demo-EP", "AllTraffic", COUNT, 1, 4, NOW)


@pytest.fixture
def store() -> Iterator[Store]:
    with memory_store() as made:
        made.run(lambda tx: scaling.put_target(tx, TARGET), write=True)
        yield made


def activity(number: int, **changes: object) -> Activity:
    made = Activity(
        f"a-{number}", ACCOUNT, REGION, TARGET.resource_id, COUNT, "what", "why", NOW + number,
        ActivityStatus.SUCCESSFUL, "done", ended=NOW + number,
    )  # fmt: skip
    return replace(made, **changes)  # type: ignore[arg-type]


def put(store: Store, *made: Activity) -> None:
    def write(tx: object) -> None:
        for each in made:
            scaling_activities.put(tx, TARGET.id, each)  # type: ignore[arg-type]

    store.run(write, write=True)


def listed(store: Store, **more: object) -> list[str]:
    found = store.run(
        lambda tx: scaling_activities.listed(tx, ACCOUNT, REGION, **more)  # type: ignore[arg-type]
    )
    return [each.id for each in found]


def test_a_target_is_found_in_any_case_of_its_endpoints_name(store: Store) -> None:
    def find(endpoint: str, variant: str) -> Target | None:
        resource = Resource(endpoint, variant, COUNT)
        return store.run(lambda tx: scaling.target(tx, ACCOUNT, REGION, resource))

    assert find("demo-ep", "AllTraffic") == TARGET
    assert find("demo-ep", "alltraffic") is None, "variants are told apart by their case"
    other = Resource("demo-ep", "AllTraffic", COUNT)
    assert store.run(lambda tx: scaling.target(tx, "111122223333", REGION, other)) is None


def test_what_belongs_to_a_target_goes_with_it(store: Store) -> None:
    policy = Policy("t", "p", Arn("arn:p"), NOW, {}, tracking=TargetTracking(1.0))
    action = ScheduledAction("t", "s", Arn("arn:s"), NOW, "rate(1 day)", min=1, due=NOW + 5)
    store.run(lambda tx: scaling.put_policy(tx, policy), write=True)
    store.run(lambda tx: scaling.put_action(tx, action), write=True)
    put(store, activity(1))
    assert store.run(lambda tx: scaling.awake(tx, NOW + 4)) == []
    assert store.run(lambda tx: scaling.awake(tx, NOW + 5)) == ["t"]
    store.run(lambda tx: scaling.remove_target(tx, TARGET), write=True)
    assert store.run(lambda tx: scaling.policy_by_arn(tx, "arn:p")) is None
    assert store.run(lambda tx: scaling.awake(tx, NOW + 5)) == []
    assert listed(store) == ["a-1"], "activities stay"


def test_activities_of_one_moment_keep_their_order(store: Store) -> None:
    put(store, activity(1), activity(2, started=NOW + 1), activity(3, started=NOW + 1))
    assert listed(store) == ["a-3", "a-2", "a-1"]
    put(store, activity(1, message="changed"))
    assert listed(store) == ["a-3", "a-2", "a-1"]


def test_activities_are_bounded_in_number_and_time(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scaling_activities, "NOT_SCALED_MAX", 3)
    why = (Reason(NotScaled.AT_MAX, 4),)
    put(store, activity(0), *(activity(number, reasons=why) for number in range(1, 7)))
    assert listed(store, not_scaled=True) == ["a-6", "a-5", "a-4", "a-0"]
    late = activity(9, started=NOW + scaling_activities.KEPT_S + 5.5)
    put(store, late)
    assert listed(store, not_scaled=True) == ["a-9", "a-6"]


def test_what_is_under_way_is_known_until_it_ends(store: Store) -> None:
    put(store, activity(1, ended=None, status=ActivityStatus.IN_PROGRESS))
    assert store.run(scaling_activities.moving) == ["t"]
    begun = store.run(lambda tx: scaling_activities.underway(tx, "t"))
    assert begun is not None
    put(store, replace(begun, ended=NOW))
    assert store.run(scaling_activities.moving) == []
    assert store.run(lambda tx: scaling_activities.underway(tx, "t")) is None
