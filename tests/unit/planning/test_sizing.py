"""Weights and counts of what serves, changed plan by plan, with a literal now."""

from hostler.domain.endpoint import EndpointStatus, RolloutStage, Size
from hostler.domain.instance import FailureCause, InstanceRecord, Phase
from hostler.planning.deadlines import ACK_PATIENCE_S
from hostler.planning.plan import LaunchInstance, StopInstance
from hostler.planning.sizing import Wish
from planning_pieces import Play, deployment, divided, endpoint, targets, variant

E = EndpointStatus


def serving(**counts: int) -> Play:
    variants = [variant(name, count) for name, count in counts.items()]
    return Play(endpoint(), deployment(1, *variants)).serve()


def stage(play: Play) -> RolloutStage | None:
    return play.endpoint.rollout.stage if play.endpoint.rollout else None


def fresh(play: Play, before: list[InstanceRecord]) -> list[InstanceRecord]:
    known = {record.id for record in before}
    return [record for record in play.standing() if record.id not in known]


def test_weights_turn_without_a_new_instance_and_wait_for_the_gateways() -> None:
    play = serving(a=1, b=1)
    before = targets(play.plan())
    turned = play.resize(a=Wish(weight=0.0), b=Wish(weight=2.5)).plan()
    assert turned.actions == ()
    assert divided(turned) == {"a": 0.0, "b": 2.5}
    assert targets(turned) == before
    assert turned.awaits_gateways
    assert play.plan().endpoint.status is E.UPDATING
    play.ack()
    done = play.plan()
    assert (done.endpoint.status, done.endpoint.rollout) == (E.IN_SERVICE, None)
    assert [(v.current_weight, v.desired_weight) for v in done.view.variants] == [
        (0.0, 0.0),
        (2.5, 2.5),
    ]


def test_gateways_that_never_answer_delay_new_weights_for_a_bounded_time() -> None:
    play = serving(a=1, b=1).resize(a=Wish(weight=3.0))
    play.plan()
    play.now += ACK_PATIENCE_S + 0.1
    assert play.plan().endpoint.status is E.IN_SERVICE


def test_more_instances_are_ready_before_the_weights_turn() -> None:
    play = serving(a=1, b=1)
    before = play.standing()
    plan = play.resize(a=Wish(weight=9.0, count=3)).plan()
    assert len([a for a in plan.actions if isinstance(a, LaunchInstance)]) == 2
    assert divided(plan) == {"a": 1.0, "b": 1.0}
    one, other = fresh(play, before)
    (shown, _) = plan.view.variants
    assert (shown.current_weight, shown.desired_weight) == (1.0, 9.0)
    assert (shown.current_count, shown.desired_count) == (1, 3)
    assert [state.status for state in shown.statuses] == ["Updating"]
    play.show(Phase.READY, one)
    assert (len(targets(play.plan())), stage(play)) == (3, RolloutStage.GROWING)
    play.show(Phase.READY, other)
    turned = play.plan()
    assert divided(turned) == {"a": 9.0, "b": 1.0}
    play.ack()
    assert play.plan().endpoint.status is E.IN_SERVICE
    assert len(play.standing()) == 4


def test_fewer_instances_leave_the_routes_then_drain_then_stop() -> None:
    play = serving(a=3)
    plan = play.resize(a=Wish(count=1)).plan()
    assert len(targets(plan)) == 1
    assert not any(isinstance(a, StopInstance) for a in plan.actions)
    surplus = play.retired()
    assert [record.slot for record in surplus] == [1, 2]
    play.ack()
    stopping = play.plan()
    assert {a.instance_id for a in stopping.actions if isinstance(a, StopInstance)} == {
        record.id for record in surplus
    }
    assert play.endpoint.status is E.UPDATING
    play.vanish(*surplus)
    done = play.plan()
    assert done.endpoint.status is E.IN_SERVICE
    (shown,) = done.view.variants
    assert (shown.current_count, shown.desired_count) == (1, 1)


def test_one_variant_grows_before_another_shrinks() -> None:
    play = serving(a=2, b=1)
    before = play.standing()
    plan = play.resize(a=Wish(count=1), b=Wish(count=2)).plan()
    assert len(targets(plan)) == 3
    assert not play.retired()
    play.show(Phase.READY, *fresh(play, before))
    assert len(targets(play.plan())) == 3
    assert [(r.variant_name, r.slot) for r in play.retired()] == [("a", 1)]


def test_what_cannot_start_is_taken_back_and_the_reason_told() -> None:
    play = serving(a=1)
    before = play.standing()
    play.resize(a=Wish(weight=5.0, count=3)).plan()
    one, other = fresh(play, before)
    play.show(Phase.READY, one)
    play.plan()
    play.exit(other, FailureCause.IMPORT_ERROR, "inference.py, line 3")
    plan = play.plan()
    assert (play.endpoint.status, stage(play)) == (E.ROLLING_BACK, RolloutStage.RESTORING)
    assert targets(plan) == [before[0].id]
    assert divided(plan) == {"a": 1.0}
    play.ack()
    play.plan()
    play.vanish(one, other)
    done = play.plan()
    assert done.endpoint.status is E.IN_SERVICE
    assert (done.endpoint.failure_reason or "").endswith("inference.py, line 3")
    assert done.endpoint.sizes == {}
    assert [(v.desired_weight, v.desired_count) for v in done.view.variants] == [(1.0, 1)]


def test_an_old_instance_that_dies_meanwhile_is_followed_and_blames_nobody() -> None:
    play = serving(a=1)
    (old,) = play.standing()
    play.resize(a=Wish(count=2)).plan()
    play.exit(old, FailureCause.IMPORT_ERROR)
    play.plan()
    assert stage(play) is RolloutStage.GROWING
    assert len(play.standing()) == 2


def test_sizes_outlive_a_death_and_end_with_the_next_config() -> None:
    play = serving(a=1).resize(a=Wish(weight=0.5, count=2))
    play.plan()
    play.show(Phase.READY)
    play.plan()
    play.ack()
    assert play.plan().endpoint.sizes == {"a": Size(0.5, 2)}
    play.exit(play.standing()[0], FailureCause.KILLED)
    play.plan()
    assert len(play.standing()) == 2
    play.show(Phase.READY)
    play.plan()
    play.update(deployment(2, variant("a", 1, weight=4.0)))
    assert len(targets(play.plan())) == 2
    play.show(Phase.READY)
    assert divided(play.plan()) == {"a": 4.0}
    play.ack()
    play.plan()
    assert play.endpoint.sizes == {}
    assert len(play.standing()) == 1


def test_an_update_that_fails_keeps_the_sizes_of_what_serves() -> None:
    play = serving(a=1).resize(a=Wish(count=2))
    play.plan()
    play.show(Phase.READY)
    play.plan()
    play.ack()
    play.plan()
    play.update(deployment(2, variant("a", 1))).plan()
    (green,) = play.standing("d-2")
    play.exit(green, FailureCause.IMPORT_ERROR)
    play.plan()
    play.vanish(green)
    play.plan()
    assert play.endpoint.status is E.IN_SERVICE
    assert len(play.standing()) == 2
