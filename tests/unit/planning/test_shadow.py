"""A shadow variant: its instances are kept like any other's, and no request is divided to it."""

from dataclasses import replace

import pytest

from hostler.domain.endpoint import Deployment, EndpointStatus, RolloutStage
from hostler.domain.instance import FailureCause, Phase
from hostler.planning.plan import LaunchInstance
from hostler.planning.sizing import Wish, mirrored
from planning_pieces import Play, deployment, divided, endpoint, variant

E = EndpointStatus


def shadowed(number: int = 1) -> Deployment:
    return deployment(
        number, variant("live"), replace(variant("next", count=2, weight=0.5), shadow=True)
    )


def test_a_shadow_has_instances_and_a_place_of_its_own_in_the_route() -> None:
    play = Play(endpoint(), shadowed())
    launched = [a.spec for a in play.plan().actions if isinstance(a, LaunchInstance)]
    assert sorted(spec.variant_name for spec in launched) == ["live", "next", "next"]
    play.serve()
    route = play.plan().route
    assert route is not None
    assert [(v.name, len(v.targets)) for v in route.variants] == [("live", 1)]
    assert [(v.name, len(v.targets), v.weight) for v in route.shadows] == [("next", 2, 0.5)]
    assert route.mirrored == 0.5


@pytest.mark.parametrize(
    ("weight", "production", "share"),
    [(1, 1, 1.0), (0.5, 2, 0.25), (3, 2, 1.0), (0, 1, 0.0), (0, 0, 0.0), (1, 0, 1.0)],
)
def test_the_share_is_the_weight_to_the_other_and_no_more_than_all(
    weight: float, production: float, share: float
) -> None:
    live, new = variant("live", weight=production), variant("next", weight=weight)
    assert mirrored(deployment(1, live, replace(new, shadow=True))) == share
    assert mirrored(deployment(1, live, new)) == 0.0


def test_an_endpoint_is_in_service_when_its_shadow_is() -> None:
    play = Play(endpoint(), shadowed())
    play.plan()
    live = next(r for r in play.standing() if r.variant_name == "live")
    play.show(Phase.READY, live)
    assert play.plan().endpoint.status is E.CREATING
    play.show(Phase.READY)
    play.plan()
    play.ack()
    assert play.plan().endpoint.status is E.IN_SERVICE


def test_what_is_seen_says_which_variant_is_the_shadow() -> None:
    play = Play(endpoint(), shadowed()).serve()
    view = play.plan().view
    assert [(v.name, v.shadow, v.current_count) for v in view.variants] == [
        ("live", False, 1),
        ("next", True, 2),
    ]


def test_the_weight_and_count_of_a_shadow_change_like_any_other() -> None:
    play = Play(endpoint(), shadowed()).serve()
    play.resize(next=Wish(weight=0.25, count=1)).plan()
    play.ack()
    play.vanish(*play.retired())
    done = play.plan()
    assert done.endpoint.status is E.IN_SERVICE
    assert divided(done) == {"live": 1.0, "next": 0.25}
    assert done.route is not None
    assert [len(v.targets) for v in done.route.shadows] == [1]


def test_a_shadow_that_dies_takes_nothing_from_production() -> None:
    play = Play(endpoint(), shadowed()).serve()
    for record in [r for r in play.standing() if r.variant_name == "next"]:
        play.exit(record, FailureCause.EXITED)
    plan = play.plan()
    assert plan.endpoint.status is E.IN_SERVICE
    assert plan.route is not None
    assert [len(v.targets) for v in (*plan.route.variants, *plan.route.shadows)] == [1, 0]
    assert len([r for r in play.standing() if r.variant_name == "next"]) == 2, "both are followed"


def test_a_shadow_that_cannot_start_fails_an_update_as_any_variant_does() -> None:
    play = Play(endpoint(), deployment(1, variant("live"))).serve()
    play.update(shadowed(2)).plan()
    broken = next(r for r in play.standing("d-2") if r.variant_name == "next")
    play.exit(broken, FailureCause.IMPORT_ERROR, "no module named x")
    plan = play.plan()
    assert plan.endpoint.rollout is not None
    assert plan.endpoint.rollout.stage is RolloutStage.ROLLING_BACK
    assert "next" in (plan.endpoint.rollout.reason or "")
