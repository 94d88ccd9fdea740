"""Environments of serverless variants, plan by plan: checked once, woken, let go."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from hostler.domain.endpoint import Deployment, EndpointStatus, RolloutStage, Variant
from hostler.domain.instance import FailureCause, InstanceSpec, Phase
from hostler.domain.serverless import Awake, Serverless, environment_type
from hostler.planning import quotas
from hostler.planning.plan import LaunchInstance, Plan, RemoveInstance, StopInstance
from hostler.planning.serverless import Demand, Need
from hostler.planning.sizing import Wish, retained
from hostler.planning.worth import environments
from planning_pieces import NOW, Play, deployment, endpoint, targets, variant

E = EndpointStatus
IDLE_S = 300.0


def serverless(most: int = 5, provisioned: int = 0, memory_mb: int = 2048) -> Variant:
    return replace(
        variant(count=provisioned),
        instance_type=environment_type(memory_mb),
        serverless=Serverless(memory_mb, most, provisioned),
    )


def serving(most: int = 5, provisioned: int = 0) -> Play:
    return Play(endpoint(), deployment(1, serverless(most, provisioned))).serve()


def needing(play: Play, count: int, used: float | None = None) -> Play:
    need = Need(count, play.now if used is None else used)
    play.demand = Demand({"AllTraffic": need}, heard=True)
    return play


def launches(plan: Plan) -> list[InstanceSpec]:
    return [action.spec for action in plan.actions if isinstance(action, LaunchInstance)]


def asleep(most: int = 5, provisioned: int = 0) -> Play:
    """An endpoint that served and was left alone until nothing of it is left."""
    play = serving(most, provisioned)
    play.now += IDLE_S + 1
    if not provisioned:
        end(play)
    return play


def end(play: Play) -> None:
    """Let what was retired go its whole way."""
    play.plan()
    play.ack()
    play.plan()
    gone = play.retired()
    play.show(Phase.EXITED, *gone)
    assert {a.instance_id for a in play.plan().actions} == {record.id for record in gone}
    play.vanish(*gone)
    play.plan()


def test_one_environment_proves_that_the_model_loads_before_the_endpoint_is_in_service() -> None:
    play = Play(endpoint(), deployment(1, serverless()))
    (spec,) = launches(play.plan())
    assert (spec.memory_bytes, spec.vcpus, spec.one_worker) == (2048 * 2**20, 2, True)
    assert play.endpoint.status is E.CREATING
    play.serve()
    assert play.endpoint.awake == {"AllTraffic": Awake(1, NOW + IDLE_S)}


def test_a_model_that_does_not_load_fails_the_endpoint() -> None:
    play = Play(endpoint(), deployment(1, serverless()))
    play.plan()
    play.exit(play.standing()[0], FailureCause.NO_HANDLER)
    assert play.plan().endpoint.status is E.FAILED


def test_the_unused_environment_leaves_the_routes_then_drains_then_is_gone() -> None:
    play = serving()
    assert play.plan().requeue_after_s == IDLE_S
    play.now += IDLE_S
    plan = play.plan()
    assert (targets(plan), plan.awaits_gateways) == ([], True)
    assert plan.endpoint.status is E.IN_SERVICE
    assert not plan.actions
    play.ack()
    (stop,) = play.plan().actions
    assert isinstance(stop, StopInstance)
    play.show(Phase.EXITED, *play.retired())
    (removal,) = play.plan().actions
    assert isinstance(removal, RemoveInstance)
    play.vanish(*play.retired())
    rest = play.plan()
    assert (play.records, rest.requeue_after_s, rest.endpoint.awake) == ({}, None, {})
    assert rest.route is not None, "a sleeping endpoint answers"
    assert rest.route.variants[0].max_concurrency == 5
    assert rest.view.variants[0].images, "what would serve is still shown"


def test_a_sleeping_endpoint_is_woken_with_one_start_however_often_it_is_asked_for() -> None:
    play = needing(asleep(), 1)
    (spec,) = launches(play.plan())
    for _ in range(3):
        assert {each.instance_id for each in launches(play.plan())} == {spec.instance_id}
    assert len(play.records) == 1
    play.show(Phase.READY)
    assert targets(play.plan()) == [spec.instance_id]


def test_what_is_used_stays_for_another_while() -> None:
    play = serving()
    play.now += IDLE_S
    needing(play, 0, used=play.now - 10)
    assert targets(play.plan())
    assert play.endpoint.awake["AllTraffic"].until == play.now - 10 + IDLE_S


def test_more_environments_come_at_once_and_go_when_they_are_not_needed() -> None:
    play = needing(serving(most=5), 3)
    assert len(launches(play.plan())) == 2
    play.show(Phase.READY)
    assert len(targets(play.plan())) == 3
    needing(play, 0)
    assert len(targets(play.plan())) == 3
    play.now += IDLE_S
    needing(play, 2)
    assert len(targets(play.plan())) == 2


def test_there_are_never_more_environments_than_concurrent_requests() -> None:
    play = needing(serving(most=2), 50)
    play.plan()
    assert len(play.standing()) == 2


def test_provisioned_environments_stand_without_anybody_calling() -> None:
    play = asleep(provisioned=2)
    assert len(play.standing()) == 2
    assert len(targets(play.plan())) == 2


def test_provisioned_environments_and_the_limit_change_in_service() -> None:
    play = asleep()
    wishes = {"AllTraffic": Wish(count=2, max_concurrency=9)}
    plan = play.resize(**wishes).plan()
    assert len(launches(plan)) == 2
    shown = plan.view.variants[0]
    assert shown.serverless == Serverless(2048, 5)
    assert shown.desired_serverless == Serverless(2048, 9, 2)
    play.show(Phase.READY)
    play.plan()
    play.ack()
    done = play.plan()
    assert done.endpoint.status is E.IN_SERVICE
    assert done.route is not None
    (route,) = done.route.variants
    assert (route.max_concurrency, route.provisioned, len(route.targets)) == (9, 2, 2)
    assert done.view.variants[0].serverless == Serverless(2048, 9, 2)


def test_a_control_plane_that_begins_anew_lets_nothing_go_before_it_has_heard() -> None:
    play = serving()
    play.now += 10 * IDLE_S
    play.demand = Demand(heard=False)
    assert targets(play.plan())
    play.now += 3
    play.demand = Demand({"AllTraffic": Need(0, play.now - 1)}, heard=True)
    assert targets(play.plan())
    play.demand = Demand(heard=True)
    assert targets(play.plan())
    play.now += IDLE_S
    assert not targets(play.plan())


def test_an_environment_that_died_is_followed_while_it_is_awake() -> None:
    play = serving()
    play.exit(play.standing()[0], FailureCause.MODEL_LOAD)
    play.plan()
    assert len(play.standing()) == 1
    play.exit(play.standing()[0], FailureCause.MODEL_LOAD)
    assert play.plan().endpoint.status is E.IN_SERVICE
    assert len(play.standing()) == 1


def test_a_clock_set_back_keeps_no_environment_longer() -> None:
    play = serving()
    play.now -= 3600
    play.plan()
    assert play.endpoint.awake["AllTraffic"].until == play.now + IDLE_S


def updated(play: Play, wanted: Deployment) -> Play:
    play.update(wanted).plan()
    play.show(Phase.READY, *play.standing(wanted.id))
    play.plan()
    play.ack()
    play.plan()
    return play


def test_a_sleeping_endpoint_becomes_a_real_time_one() -> None:
    play = updated(asleep(), deployment(2, variant(count=2)))
    assert play.endpoint.status is E.IN_SERVICE
    assert play.endpoint.awake == {}
    assert len(targets(play.plan())) == 2


def test_an_update_checks_the_new_model_and_is_taken_back_without_it() -> None:
    play = asleep()
    play.update(deployment(2, serverless(most=7))).plan()
    play.exit(play.standing("d-2")[0], FailureCause.NO_HANDLER)
    plan = play.plan()
    assert plan.endpoint.rollout is not None
    assert plan.endpoint.rollout.stage is RolloutStage.ROLLING_BACK
    assert plan.route is not None
    assert plan.route.variants[0].max_concurrency == 5


def test_a_sleeping_endpoint_wakes_during_an_update() -> None:
    play = asleep()
    play.update(deployment(2, serverless())).plan()
    plan = needing(play, 1).plan()
    assert {spec.instance_id for spec in launches(plan)} == {r.id for r in play.standing()}
    play.show(Phase.READY, *play.standing("d-1"))
    assert targets(play.plan()) == [record.id for record in play.standing("d-1")]


def test_sizes_of_instances_are_not_those_of_environments() -> None:
    asked = deployment(2, variant(count=3))
    kept = retained(deployment(1, serverless(provisioned=1)), {}, asked)
    assert kept.variants[0].initial_instance_count == 3
    assert quotas.asked(deployment(1, serverless(provisioned=4)), {}) == {}


def test_requests_that_are_answered_in_good_time_are_worth_no_further_environment() -> None:
    assert environments(have=1, in_flight=50, answered_per_s=100.0, total=50) == 1
    assert environments(have=1, in_flight=50, answered_per_s=10.0, total=50) == 5
    assert environments(have=1, in_flight=4, answered_per_s=0.0, total=9) == 9
    assert environments(have=0, in_flight=200, answered_per_s=0.0, total=200) == 1


@given(
    have=st.integers(0, 200),
    in_flight=st.integers(0, 200),
    others=st.integers(0, 200),
    answered_per_s=st.floats(0, 1e6),
)
def test_there_are_no_more_environments_than_requests(
    have: int, in_flight: int, others: int, answered_per_s: float
) -> None:
    total = in_flight + others
    assert 0 <= environments(have, in_flight, answered_per_s, total) <= total
