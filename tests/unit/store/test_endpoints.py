"""Endpoints' rows: versions guard them, names are unique whatever their case, pages hold still."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError

from hostler.domain.endpoint import (
    Endpoint,
    EndpointStatus,
    EndpointView,
    Rollout,
    RolloutStage,
    VariantView,
)
from hostler.domain.errors import ConcurrentChangeError
from hostler.domain.ids import AccountId, DeploymentId, EndpointId, InstanceId, Region
from hostler.domain.instance import Exit, FailureCause, InstanceRecord
from hostler.domain.lifecycle import IllegalTransitionError
from hostler.store import endpoint_pages, endpoints
from hostler.store.database import Store
from hostler.store.endpoint_pages import EndpointFilter, SortBy
from hostler.store.pages import Window
from memory_stores import memory_store
from planning_pieces import NOW, OWNER, deployment, endpoint

E = EndpointStatus
ACCOUNT, REGION = AccountId("123456789012"), Region("us-east-1")


@pytest.fixture
def store() -> Iterator[Store]:
    with memory_store() as store:
        yield store


def made(store: Store, start: Endpoint | None = None) -> Endpoint:
    one = start or endpoint()
    run = replace(deployment(1), id=DeploymentId(f"d-{one.id}"), endpoint_id=one.id)
    return store.run(lambda tx: endpoints.create(tx, one, run), write=True)


def record(number: int) -> InstanceRecord:
    return InstanceRecord(
        InstanceId(f"i-{number}"),
        OWNER,
        DeploymentId("d-1"),
        "AllTraffic",
        number,
        NOW,
        NOW + 0.1,
        previous=Exit(FailureCause.KILLED, "why", NOW),
    )


def test_a_name_is_found_in_any_case_and_taken_once(store: Store) -> None:
    one = made(store)
    assert store.run(lambda tx: endpoints.get(tx, ACCOUNT, REGION, "dEMO")) == one
    assert store.run(lambda tx: endpoints.get(tx, "999999999999", REGION, "Demo")) is None
    assert store.run(lambda tx: endpoints.get(tx, ACCOUNT, "eu-west-1", "Demo")) is None
    with pytest.raises(IntegrityError):
        made(store, replace(one, id=EndpointId("e-2"), name="DEMO"))


def test_a_row_that_changed_since_it_was_read_is_not_written(store: Store) -> None:
    one = made(store)
    rollout = Rollout(RolloutStage.PROVISIONING, NOW, reason="r")
    saved = store.run(lambda tx: endpoints.save(tx, replace(one, rollout=rollout)), write=True)
    assert saved.version == one.version + 1
    assert store.run(lambda tx: endpoints.by_id(tx, one.id)) == saved
    with pytest.raises(ConcurrentChangeError):
        store.run(lambda tx: endpoints.save(tx, one), write=True)


def test_an_update_asks_for_another_deployment(store: Store) -> None:
    one = made(store, endpoint(E.IN_SERVICE, failure_reason="an older update failed"))
    wanted = deployment(2)
    asked = store.run(lambda tx: endpoints.request_update(tx, one, wanted, NOW + 5), write=True)
    assert (asked.status, asked.target, asked.update_started) == (E.UPDATING, "d-2", NOW + 5)
    assert asked.failure_reason is None
    assert store.run(lambda tx: endpoints.deployment(tx, DeploymentId("d-2"))) == wanted


@pytest.mark.parametrize("status", [E.CREATING, E.FAILED, E.DELETING])
def test_an_update_that_the_status_forbids_is_never_stored(
    store: Store, status: EndpointStatus
) -> None:
    one = made(store, endpoint(status))
    with pytest.raises(IllegalTransitionError):
        store.run(lambda tx: endpoints.request_update(tx, one, deployment(2), NOW), write=True)
    assert store.run(lambda tx: endpoints.deployment(tx, DeploymentId("d-2"))) is None


def test_everything_of_an_endpoint_is_known_and_goes_with_it(store: Store) -> None:
    one = made(store)
    view = EndpointView((VariantView("AllTraffic", 1.0, 1.0, 1, 2),))

    def fill(tx: endpoints.Transaction) -> None:
        for number in (2, 1, 2):
            endpoints.put_instance(tx, record(number))
        endpoints.save_view(tx, OWNER, EndpointView())
        endpoints.save_view(tx, OWNER, view)

    store.run(fill, write=True)
    known = store.run(lambda tx: endpoints.known(tx, OWNER))
    assert known is not None
    assert (known.endpoint, known.view) == (one, view)
    assert known.instances == [record(1), record(2)]
    assert list(known.deployments) == ["d-e-1"]
    assert store.run(endpoints.all_described) == [(one, view)]
    store.run(lambda tx: endpoints.drop_instance(tx, InstanceId("i-1")), write=True)
    assert store.run(lambda tx: endpoints.instances(tx, OWNER)) == [record(2)]
    store.run(lambda tx: endpoints.remove(tx, OWNER), write=True)
    assert store.run(lambda tx: endpoints.known(tx, OWNER)) is None
    assert store.run(lambda tx: endpoints.view(tx, OWNER)) is None
    assert store.run(lambda tx: endpoints.instances(tx, OWNER)) == []
    assert store.run(lambda tx: endpoints.deployment(tx, DeploymentId("d-e-1"))) is None


def listed(store: Store) -> list[Endpoint]:
    statuses = (E.CREATING, E.IN_SERVICE, E.FAILED)
    return [
        made(
            store,
            endpoint(
                statuses[number % 3],
                id=EndpointId(f"e-{number}"),
                name=f"Name-{'xyz'[number % 3]}-{number}",
                created=NOW + number // 2,
                modified=NOW + 10 - number,
            ),
        )
        for number in range(7)
    ]


@pytest.mark.parametrize("sort_by", list(SortBy))
@pytest.mark.parametrize("descending", [True, False])
def test_pages_show_each_endpoint_once(store: Store, sort_by: SortBy, descending: bool) -> None:
    rows = listed(store)
    made(store, endpoint(id=EndpointId("other"), account=AccountId("999999999999")))
    names: list[str] = []
    after = None
    while True:
        window = Window(3, descending, after)
        page, after = store.run(
            lambda tx, window=window: endpoint_pages.page(  # type: ignore[misc]
                tx, ACCOUNT, REGION, EndpointFilter(), sort_by=sort_by, window=window
            )
        )
        names += [each.name for each in page]
        if after is None:
            break
    key = {
        "Name": lambda e: (e.name.lower(), e.id),
        "CreationTime": lambda e: (e.created, e.id),
        "Status": lambda e: (e.status, e.id),
    }[sort_by]
    assert names == [each.name for each in sorted(rows, key=key, reverse=descending)]


def test_filters_narrow_a_page(store: Store) -> None:
    listed(store)

    def numbers(**filters: Any) -> list[int]:
        wanted = EndpointFilter(**filters)
        page, _ = store.run(
            lambda tx: endpoint_pages.page(
                tx, ACCOUNT, REGION, wanted, sort_by=SortBy.NAME, window=Window(100)
            )
        )
        return sorted(int(each.name[-1]) for each in page)

    assert numbers(name_contains="NAME-X") == [0, 3, 6]
    assert numbers(name_contains="%") == []
    assert numbers(status="InService") == [1, 4]
    assert numbers(created_after=NOW + 2) == [4, 5, 6]
    assert numbers(created_before=NOW + 2) == [0, 1, 2, 3]
    assert numbers(modified_after=NOW + 8, modified_before=NOW + 10) == [1, 2]
