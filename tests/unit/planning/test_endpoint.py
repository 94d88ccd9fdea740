"""The life of an endpoint, plan by plan, with a literal now."""

from dataclasses import replace

import pytest

from hostler.domain.endings import SERVED_S
from hostler.domain.endpoint import EndpointStatus, RolloutStage, Routing
from hostler.domain.ids import InstanceId
from hostler.domain.instance import FailureCause, Observation, Phase
from hostler.planning import endpoint as planning
from hostler.planning.deadlines import ACK_PATIENCE_S, STABLE_AFTER_S
from hostler.planning.plan import LaunchInstance, RemoveInstance, StopInstance
from planning_pieces import DIGEST, IMAGE, OWNER, Play, deployment, endpoint, targets, variant

E = EndpointStatus


def created(*variants: object) -> Play:
    return Play(endpoint(), deployment(1, *variants))  # type: ignore[arg-type]


def test_creation_records_before_it_launches() -> None:
    play = created(variant(count=2))
    plan = play.plan()
    assert plan.route is None
    launched = [a.spec.instance_id for a in plan.actions if isinstance(a, LaunchInstance)]
    assert sorted(launched) == sorted(record.id for record in plan.records)
    assert len(launched) == 2
    assert all(each.startswith("i-") and len(each) == 19 for each in launched)


def test_a_launch_that_was_not_seen_is_asked_for_again_with_the_same_id() -> None:
    play = created()
    first, second = play.plan(), play.plan()
    assert first.actions == second.actions
    assert second.records == ()


def test_creation_waits_for_all_instances_then_for_the_gateways() -> None:
    play = created(variant("a", 1), variant("b", 2, weight=0.5))
    play.plan()
    one, *others = play.standing()
    play.show(Phase.READY, one)
    play.show(Phase.STARTING, *others, starting_since=play.now)
    assert play.plan().route is None
    play.show(Phase.READY)
    switching = play.plan()
    assert play.endpoint.status is E.CREATING
    assert switching.awaits_gateways
    assert switching.route is not None
    assert [(v.name, v.weight, len(v.targets)) for v in switching.route.variants] == [
        ("a", 1.0, 1),
        ("b", 0.5, 2),
    ]
    assert switching.route.tags == {"team": "rc"}
    assert switching.route.variants[0].targets[0].page.endswith("/s/page")
    play.ack()
    play.plan()
    assert play.endpoint.status is E.IN_SERVICE
    assert play.endpoint.current == play.endpoint.target
    assert play.endpoint.rollout is None


def test_how_a_variant_s_requests_are_spread_reaches_gateways_and_describe() -> None:
    play = created(
        replace(variant("a"), routing=Routing.RANDOM),
        replace(variant("b"), routing=Routing.LEAST_OUTSTANDING),
        variant("c"),
    ).serve()
    assert play.last is not None
    assert play.last.route is not None
    assert [each.at_random for each in play.last.route.variants] == [True, False, False]
    shown = [each.routing for each in play.last.view.variants]
    assert shown == [Routing.RANDOM, Routing.LEAST_OUTSTANDING, None]


def test_a_gateway_that_never_answers_delays_creation_for_a_bounded_time() -> None:
    play = created()
    play.plan()
    play.show(Phase.READY)
    play.plan()
    play.now += ACK_PATIENCE_S - 0.1
    play.plan()
    assert play.endpoint.status is E.CREATING
    play.now += 0.2
    play.plan()
    assert play.endpoint.status is E.IN_SERVICE


def test_a_serving_endpoint_at_rest_asks_for_nothing() -> None:
    play = created(variant(count=2)).serve()
    plan = play.plan()
    assert (plan.actions, plan.records, plan.requeue_after_s) == ((), (), None)
    assert len(targets(plan)) == 2


@pytest.mark.parametrize(
    ("cause", "sentence"),
    [
        (FailureCause.IMPORT_ERROR, "did not pass the ping health check"),
        (FailureCause.UNKNOWN_IMAGE, "make sure all images included in the model"),
    ],
)
def test_creation_fails_at_once_for_a_cause_that_will_not_go_away(
    cause: FailureCause, sentence: str
) -> None:
    play = created(variant(count=2))
    play.plan()
    first, second = play.standing()
    play.show(Phase.READY, second)
    play.exit(first, cause, "inference.py, line 3")
    plan = play.plan()
    assert play.endpoint.status is E.FAILED
    assert play.endpoint.failure_reason is not None
    assert sentence in play.endpoint.failure_reason
    assert play.endpoint.failure_reason.endswith("inference.py, line 3")
    assert plan.route is None
    assert RemoveInstance(first.id) in plan.actions
    assert any(isinstance(a, StopInstance) and a.instance_id == second.id for a in plan.actions)
    play.show(Phase.EXITED, second)
    assert RemoveInstance(second.id) in play.plan().actions
    play.vanish(first, second)
    play.plan()
    assert not play.records
    assert play.endpoint.status is E.FAILED


def test_an_update_turns_traffic_when_green_is_complete_and_stops_blue_when_let_go() -> None:
    play = created(variant(count=2)).serve()
    blue = play.standing()
    play.update(deployment(2, variant(count=1)))
    plan = play.plan()
    assert sorted(targets(plan)) == sorted(r.id for r in blue)
    (green,) = play.standing("d-2")
    play.show(Phase.READY, green)
    switching = play.plan()
    assert targets(switching) == [green.id]
    assert not any(isinstance(a, StopInstance) for a in switching.actions)
    assert not any(isinstance(a, StopInstance) for a in play.plan().actions)
    play.ack()
    draining = play.plan()
    assert {a for a in draining.actions if isinstance(a, StopInstance)} == {
        StopInstance(record.id, SERVED_S) for record in blue
    }
    assert play.endpoint.status is E.UPDATING
    assert play.endpoint.config_name == "config-2"
    play.show(Phase.EXITED, *blue)
    play.plan()
    assert play.endpoint.status is E.UPDATING
    play.vanish(*blue)
    done = play.plan()
    assert play.endpoint.status is E.IN_SERVICE
    assert done.forgotten == ("d-1",)
    assert play.endpoint.update_started is None


def test_a_failing_update_leaves_the_old_config_serving_and_says_why() -> None:
    play = created().serve()
    (blue,) = play.standing()
    play.update(deployment(2))
    play.plan()
    (green,) = play.standing("d-2")
    play.exit(green, FailureCause.MISSING_OBJECT, "s3://b/k is gone")
    plan = play.plan()
    assert play.endpoint.rollout is not None
    assert play.endpoint.rollout.stage is RolloutStage.ROLLING_BACK
    assert targets(plan) == [blue.id]
    play.vanish(green)
    play.plan()
    assert play.endpoint.status is E.IN_SERVICE
    assert (play.endpoint.current, play.endpoint.target) == ("d-1", "d-1")
    assert play.endpoint.config_name == "config-1"
    assert play.endpoint.failure_reason is not None
    assert "s3://b/k is gone" in play.endpoint.failure_reason
    assert play.standing() == [blue]


def test_blue_is_repaired_while_green_comes_up() -> None:
    play = created().serve()
    (blue,) = play.standing()
    play.update(deployment(2))
    play.plan()
    play.exit(blue, FailureCause.KILLED)
    play.plan()
    (second,) = play.standing("d-1")
    assert (second.slot, second.attempt) == (blue.slot, 2)


def test_after_the_switch_a_dying_green_is_repaired_not_given_up() -> None:
    play = created().serve()
    play.update(deployment(2))
    play.plan()
    (green,) = play.standing("d-2")
    play.show(Phase.READY, green)
    play.plan()
    play.exit(green, FailureCause.IMPORT_ERROR)
    play.plan()
    assert play.endpoint.rollout is not None
    assert play.endpoint.rollout.stage is RolloutStage.SWITCHING
    (second,) = play.standing("d-2")
    assert second.id != green.id


def test_an_unpublished_switch_waits_if_green_lost_an_instance_meanwhile() -> None:
    """Found by the state machine: a crash between the row and the snapshot, then a death."""
    play = created(variant(count=2)).serve()
    blue = {record.id for record in play.standing()}
    play.update(deployment(2, variant(count=2)))
    play.plan()
    first, second = play.standing("d-2")
    play.show(Phase.READY, first, second)
    before = (play.published, play.weights, play.since)
    play.plan()
    play.published, play.weights, play.since = before
    play.exit(first, FailureCause.KILLED)
    assert set(targets(play.plan())) == blue
    play.show(Phase.READY)
    assert len(set(targets(play.plan())) & blue) == 0


def test_in_service_needs_every_instance_even_when_patience_is_over() -> None:
    """Found by seed 1341: the only instance died while a gateway was waited for."""
    play = created()
    play.plan()
    play.show(Phase.READY)
    play.plan()
    play.exit(play.standing()[0], FailureCause.KILLED)
    play.now += ACK_PATIENCE_S * 2
    play.plan()
    assert play.endpoint.status is E.CREATING
    play.show(Phase.READY)
    play.plan()
    play.ack()
    play.plan()
    assert play.endpoint.status is E.IN_SERVICE


def test_a_dead_instance_that_had_served_well_is_followed_at_once() -> None:
    play = created(variant(count=2)).serve()
    play.now += 100
    one, other = play.standing()
    play.exit(one, FailureCause.OUT_OF_MEMORY)
    plan = play.plan()
    assert targets(plan) == [other.id]
    (launch,) = (action for action in plan.actions if isinstance(action, LaunchInstance))
    assert launch.spec.instance_id not in (one.id, other.id)
    assert RemoveInstance(one.id) in plan.actions


def test_a_dead_instance_leaves_the_routes_at_once_and_is_followed_after_a_back_off() -> None:
    play = created(variant(count=2)).serve()
    play.now += STABLE_AFTER_S / 2
    one, other = play.standing()
    play.exit(one, FailureCause.OUT_OF_MEMORY)
    plan = play.plan()
    assert targets(plan) == [other.id]
    assert play.endpoint.status is E.IN_SERVICE
    assert not any(isinstance(a, LaunchInstance) for a in plan.actions)
    assert RemoveInstance(one.id) in plan.actions
    assert plan.requeue_after_s == 0.0
    play.vanish(one)
    waiting = play.plan()
    assert waiting.requeue_after_s is not None
    assert 0.5 <= waiting.requeue_after_s <= 1.0
    play.now += 1.0
    (action,) = play.plan().actions
    assert isinstance(action, LaunchInstance)
    assert action.spec.instance_id not in (one.id, other.id)


def test_a_variant_that_lacks_an_instance_tells_why_the_last_one_ended() -> None:
    play = created(variant(count=2)).serve()
    one, _other = play.standing()
    play.exit(one, FailureCause.MISSING_OBJECT, "s3://bucket/model.tar.gz")
    play.plan()
    (shown,) = play.plan().view.variants
    assert (shown.current_count, shown.desired_count) == (1, 2)
    (state,) = shown.statuses
    assert state.status == "Creating"
    assert state.message.endswith("The model data does not exist: s3://bucket/model.tar.gz")
    assert play.plan().view.variants == (shown,)
    (follower,) = [each for each in play.standing() if each.previous is not None]
    play.show(Phase.READY, follower)
    assert [each.statuses for each in play.plan().view.variants] == [()]


def test_deletion_stops_what_gateways_let_go_of_and_then_forgets_the_endpoint() -> None:
    play = created().serve()
    (record,) = play.standing()
    play.endpoint = replace(play.endpoint, status=E.DELETING, deleting=True)
    first = play.plan()
    assert first.route is None
    assert first.actions == ()
    assert first.awaits_gateways
    play.ack()
    assert play.plan().actions == (StopInstance(record.id, SERVED_S),)
    play.show(Phase.EXITED, record)
    assert play.plan().actions == (RemoveInstance(record.id),)
    assert not play.plan().gone
    play.vanish(record)
    assert play.plan().gone


def test_an_endpoint_is_not_forgotten_while_something_runs_in_its_name() -> None:
    play = created().serve()
    (record,) = play.standing()
    play.endpoint = replace(play.endpoint, status=E.DELETING, deleting=True)
    stray = Observation(InstanceId("i-stray"), OWNER, Phase.READY)
    play.vanish(record)
    play.observed[stray.instance_id] = stray
    plan = play.plan()
    assert not plan.gone
    assert StopInstance(stray.instance_id, 0.0) in plan.actions


def test_what_runs_for_an_owner_without_a_row_is_swept() -> None:
    running = Observation(InstanceId("i-1"), OWNER, Phase.STARTING)
    ended = Observation(InstanceId("i-2"), OWNER, Phase.EXITED)
    left = Observation(InstanceId("i-3"), OWNER, Phase.ABSENT)
    assert planning.sweep([running, ended, left]) == (
        StopInstance(InstanceId("i-1"), 0.0),
        RemoveInstance(InstanceId("i-2")),
        RemoveInstance(InstanceId("i-3")),
    )


def test_describe_shows_what_serves_beside_what_is_coming() -> None:
    play = created().serve()
    at_rest = play.plan().view
    assert [v.statuses for v in at_rest.variants] == [()]
    (shown,) = at_rest.variants
    assert (shown.current_count, shown.desired_count, shown.current_weight) == (1, 1, 1.0)
    assert shown.images[0].specified == IMAGE
    repository = IMAGE.rpartition(":")[0]
    assert shown.images[0].resolved == f"{repository}@sha256:{DIGEST}"
    play.update(deployment(2, variant(count=3, weight=2.5)))
    view = play.plan().view
    assert [v.statuses[0].status for v in view.variants] == ["Updating"]
    assert view.pending_config == "config-2"
    (coming,) = view.pending
    assert (coming.current_weight, coming.desired_weight) == (0.0, 2.5)
    assert (coming.current_count, coming.desired_count) == (0, 3)
    assert coming.statuses[0].status == "Creating"


def test_a_clock_set_back_by_an_hour_delays_nothing() -> None:
    play = created().serve()
    (record,) = play.standing()
    play.exit(record, FailureCause.KILLED)
    play.plan()
    play.vanish(record)
    play.now -= 3600.0
    plan = play.plan()
    assert plan.requeue_after_s is not None
    assert plan.requeue_after_s <= 60.0
