"""The transition tables: whole, and closed."""

import pytest

from hostler.domain import lifecycle
from hostler.domain.endpoint import EndpointStatus, RolloutStage

E = EndpointStatus


def test_every_status_and_every_stage_has_its_row() -> None:
    assert set(lifecycle.ENDPOINT) == set(EndpointStatus)
    assert set(lifecycle.ROLLOUT) == {*RolloutStage, None}


@pytest.mark.parametrize("status", list(EndpointStatus))
def test_a_status_may_stay(status: EndpointStatus) -> None:
    lifecycle.check(status, status)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (E.CREATING, E.IN_SERVICE),
        (E.CREATING, E.FAILED),
        (E.IN_SERVICE, E.UPDATING),
        (E.UPDATING, E.IN_SERVICE),
        (E.FAILED, E.DELETING),
    ],
)
def test_listed_changes_pass(before: EndpointStatus, after: EndpointStatus) -> None:
    lifecycle.check(before, after)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (E.FAILED, E.IN_SERVICE),
        (E.FAILED, E.UPDATING),
        (E.DELETING, E.IN_SERVICE),
        (E.IN_SERVICE, E.CREATING),
        (E.CREATING, E.UPDATING),
    ],
)
def test_others_are_refused_by_name(before: EndpointStatus, after: EndpointStatus) -> None:
    with pytest.raises(lifecycle.IllegalTransitionError, match=f"{before} -> {after}"):
        lifecycle.check(before, after)


def test_nothing_leaves_deleting() -> None:
    assert lifecycle.ENDPOINT[E.DELETING] == frozenset()


def test_a_deployment_that_drains_never_turns_traffic_again() -> None:
    with pytest.raises(lifecycle.IllegalTransitionError, match="Draining -> Switching"):
        lifecycle.check_stage(RolloutStage.DRAINING, RolloutStage.SWITCHING)
    lifecycle.check_stage(RolloutStage.DRAINING, None)
