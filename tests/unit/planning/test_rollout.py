"""Deployments by their guardrails, plan by plan, with a literal now."""

from dataclasses import replace
from typing import Any

import pytest

from hostler.domain.alarm import AlarmState
from hostler.domain.endpoint import Deployment, EndpointStatus, RolloutStage
from hostler.domain.instance import FailureCause, Phase
from hostler.planning.deadlines import ALARM_POLL_S
from planning_pieces import NOW, Play, deployment, ended, endpoint, targets, variant, weighed

E, S = EndpointStatus, RolloutStage
OK, ALARM = AlarmState.OK, AlarmState.ALARM


def guarded(
    kind: str = "ALL_AT_ONCE",
    percent: int = 50,
    *,
    wait: int = 60,
    termination: int = 0,
    timeout: int | None = None,
    alarms: tuple[str, ...] = (),
    count: int = 4,
) -> Deployment:
    routing: dict[str, Any] = {"Type": kind, "WaitIntervalInSeconds": wait}
    if kind != "ALL_AT_ONCE":
        size = {"Type": "CAPACITY_PERCENT", "Value": percent}
        routing["CanarySize" if kind == "CANARY" else "LinearStepSize"] = size
    blue_green = {"TrafficRoutingConfiguration": routing, "TerminationWaitInSeconds": termination}
    if timeout is not None:
        blue_green["MaximumExecutionTimeoutInSeconds"] = timeout
    watched = [{"AlarmName": name} for name in alarms]
    config = {
        "BlueGreenUpdatePolicy": blue_green,
        "AutoRollbackConfiguration": {"Alarms": watched} if watched else {},
    }
    return replace(deployment(2, variant(count=count)), deployment_config=config)


def serving(count: int = 4) -> Play:
    return Play(endpoint(), deployment(1, variant(count=count))).serve()


def stage(play: Play) -> tuple[RolloutStage | None, int]:
    rollout = play.endpoint.rollout
    return (None, 0) if rollout is None else (rollout.stage, rollout.step)


def shares(play: Play) -> dict[str, float]:
    assert play.last is not None
    found: dict[str, float] = {}
    for (run, _name), weight in weighed(play.last).items():
        found[run] = found.get(run, 0.0) + weight
    return found


def standing(play: Play) -> tuple[int, int]:
    return len(play.standing("d-1")), len(play.standing("d-2"))


def test_all_at_once_bakes_before_blue_goes_and_keeps_it_for_its_sessions() -> None:
    play = serving().update(guarded(wait=60, termination=30))
    play.settle()
    assert stage(play) == (S.BAKING, 0)
    assert shares(play) == {"d-1": 0.0, "d-2": 1.0}
    assert play.last is not None
    assert len(targets(play.last)) == 8
    assert play.last.requeue_after_s == 60
    play.now += 59
    play.settle()
    assert stage(play) == (S.BAKING, 0)
    play.now += 1
    play.settle()
    assert stage(play) == (S.TERMINATING, 0)
    assert (standing(play), play.endpoint.current) == ((4, 4), "d-1")
    play.now += 30
    play.settle()
    assert play.endpoint.status is E.IN_SERVICE
    assert (standing(play), play.endpoint.current) == ((0, 4), "d-2")
    assert play.endpoint.config_name == "config-2"


def test_an_instance_killed_after_a_long_life_in_a_bake_is_followed() -> None:
    play = serving().update(guarded(wait=3600))
    began = play.now
    for record in play.standing("d-2"):
        play.show(Phase.READY, record, starting_since=began)
    play.settle()
    assert stage(play) == (S.BAKING, 0)
    play.now += 3000
    (victim, *_) = play.standing("d-2")
    play.show(
        Phase.EXITED,
        victim,
        starting_since=began,
        exit=ended(FailureCause.KILLED, at=play.now),
    )
    play.plan()
    assert stage(play) == (S.BAKING, 0)
    assert standing(play) == (4, 4)


def test_a_canary_gets_its_share_bakes_and_then_the_remainder_does() -> None:
    play = serving().update(guarded("CANARY", 10))
    play.settle()
    assert (stage(play), shares(play)) == ((S.BAKING, 0), {"d-1": 0.9, "d-2": 0.1})
    assert standing(play) == (4, 4)
    play.now += 60
    play.settle()
    assert (stage(play), shares(play)) == ((S.BAKING, 1), {"d-1": 0.0, "d-2": 1.0})
    assert standing(play) == (4, 4)
    play.now += 60
    play.settle()
    assert play.endpoint.status is E.IN_SERVICE
    assert standing(play) == (0, 4)


def test_linear_retires_of_blue_what_a_baked_step_took_over() -> None:
    play = serving().update(guarded("LINEAR", 50, count=2))
    seen = []
    for _ in range(2):
        play.settle()
        seen.append((stage(play), shares(play)["d-2"], standing(play)))
        play.now += 60
    assert seen == [((S.BAKING, 0), 0.5, (4, 2)), ((S.BAKING, 1), 1.0, (2, 2))]
    play.settle()
    assert (play.endpoint.status, standing(play)) == (E.IN_SERVICE, (0, 2))


def test_a_step_waits_until_every_gateway_divides_by_it() -> None:
    play = serving().update(guarded("CANARY", 10))
    play.plan()
    play.show(Phase.READY)
    assert play.plan().awaits_gateways
    play.plan()
    assert (stage(play), shares(play)["d-2"]) == ((S.SWITCHING, 0), 0.1)
    play.ack()
    play.plan()
    assert stage(play) == (S.BAKING, 0)


def test_describe_shows_the_step_and_both_weights() -> None:
    play = serving().update(guarded("CANARY", 10))
    play.settle()
    assert play.last is not None
    (old,), (new,) = play.last.view.variants, play.last.view.pending
    assert (old.current_weight, new.current_weight, new.desired_weight) == (0.9, 0.1, 1.0)
    assert new.statuses[0].status == "Baking"
    assert new.statuses[0].message.startswith("Step 1 of 2, 0.1 of the traffic, until 2023-11-14T")
    assert play.last.route is not None
    assert [each.config for each in play.last.route.variants] == ["config-1", "config-2"]


@pytest.mark.parametrize(
    ("kind", "at"), [("ALL_AT_ONCE", 0), ("CANARY", 0), ("CANARY", 1), ("LINEAR", 0), ("LINEAR", 1)]
)
def test_an_alarm_in_a_bake_gives_all_traffic_back_to_blue(kind: str, at: int) -> None:
    play = serving()
    play.alarms = {"a": OK, "b": AlarmState.INSUFFICIENT_DATA}
    play.update(guarded(kind, alarms=("a", "b")))
    for _ in range(at + 1):
        play.settle()
        play.now += 60 if stage(play)[1] < at else 10
    assert play.last is not None
    assert play.last.requeue_after_s == ALARM_POLL_S
    play.alarms["b"] = ALARM
    plan = play.plan()
    assert stage(play)[0] is S.ROLLING_BACK
    assert {run for run, _ in weighed(plan)} == {"d-1"}
    assert len(play.standing("d-2")) == 0
    play.settle()
    assert (play.endpoint.status, standing(play)) == (E.IN_SERVICE, (4, 0))
    assert play.endpoint.failure_reason is not None
    assert 'alarm "b" is in ALARM' in play.endpoint.failure_reason
    assert play.endpoint.config_name == "config-1"


def test_an_alarm_that_is_deleted_meanwhile_takes_the_deployment_back() -> None:
    play = serving()
    play.alarms = {"a": OK}
    play.update(guarded(alarms=("a",)))
    play.settle()
    play.alarms.clear()
    play.settle()
    assert play.endpoint.status is E.IN_SERVICE
    assert "no longer exists" in (play.endpoint.failure_reason or "")


@pytest.mark.parametrize("alarms", [{"a": ALARM}, {}])
def test_an_alarm_keeps_a_deployment_from_beginning(alarms: dict[str, AlarmState]) -> None:
    play = serving()
    play.alarms = alarms
    play.update(guarded(alarms=("a",)))
    plan = play.plan()
    assert (plan.actions, len(play.records)) == ((), 4)
    play.settle()
    assert (play.endpoint.status, play.endpoint.current) == (E.IN_SERVICE, "d-1")
    assert 'the alarm "a"' in (play.endpoint.failure_reason or "")


def test_an_alarm_is_asked_once_even_without_a_wait_and_not_after_the_last_bake() -> None:
    play = serving()
    play.alarms = {"a": OK}
    play.update(guarded(alarms=("a",), wait=0, termination=60))
    play.plan()
    play.show(Phase.READY)
    play.plan()
    play.ack()
    play.alarms["a"] = ALARM
    play.settle()
    assert (play.endpoint.status, play.endpoint.current) == (E.IN_SERVICE, "d-1")
    play.alarms["a"] = OK
    play.update(replace(guarded(alarms=("a",), wait=0, termination=60)))
    play.settle()
    assert stage(play) == (S.TERMINATING, 0)
    play.alarms["a"] = ALARM
    play.settle()
    play.now += 60
    play.settle()
    assert (play.endpoint.status, play.endpoint.current) == (E.IN_SERVICE, "d-2")


def test_a_deployment_that_takes_too_long_is_taken_back() -> None:
    play = serving().update(guarded(wait=0, timeout=600))
    play.plan()
    assert play.last is not None
    play.now += 599
    plan = play.plan()
    assert plan.requeue_after_s == 1
    play.now += 1
    play.plan()
    assert (play.endpoint.status, play.endpoint.current) == (E.IN_SERVICE, "d-1")
    assert "MaximumExecutionTimeoutInSeconds of 600" in (play.endpoint.failure_reason or "")


def test_green_that_dies_twice_alike_in_a_bake_is_taken_back() -> None:
    play = serving(1).update(guarded(count=1))
    play.settle()
    for _ in range(2):
        (green,) = play.standing("d-2")
        play.exit(green, FailureCause.MODEL_LOAD)
        plan = play.plan()
        assert set(targets(plan)) == {record.id for record in play.standing("d-1")}
        assert set(weighed(plan).values()) <= {0.0, 1.0}
    assert stage(play)[0] is S.ROLLING_BACK


def test_green_that_dies_once_in_a_bake_is_repaired_and_bakes_on() -> None:
    play = serving(2).update(guarded("CANARY", 50, count=2))
    play.settle()
    one = play.standing("d-2")[0]
    play.exit(one, FailureCause.KILLED)
    play.plan()
    assert shares(play) == {"d-1": 0.5, "d-2": 0.5}
    play.settle()
    assert (stage(play), standing(play)) == ((S.BAKING, 0), (2, 2))


def test_green_goes_on_though_blue_can_never_be_had_again() -> None:
    """Found by seed 1559."""
    play = serving(1).update(guarded("CANARY", 10, count=1))
    play.settle()
    play.exit(play.standing("d-1")[0], FailureCause.IMPORT_ERROR)
    for _ in range(3):
        play.plan()
        play.ack()
    assert shares(play) == {"d-1": 0.0, "d-2": 1.0}
    for _ in range(2):
        play.now += 60
        for _ in range(4):
            play.plan()
            play.ack()
            play.vanish(*play.retired())
    assert (play.endpoint.status, play.endpoint.current) == (E.IN_SERVICE, "d-2")


def test_blue_is_repaired_for_as_long_as_there_is_a_way_back() -> None:
    play = serving(2).update(guarded("CANARY", 50, count=2))
    play.settle()
    play.exit(play.standing("d-1")[0], FailureCause.KILLED)
    play.settle()
    assert standing(play) == (2, 2)


@pytest.mark.parametrize("jump", [-3600.0, 3600.0])
def test_a_clock_that_was_set_neither_ends_nor_prolongs_a_bake(jump: float) -> None:
    play = serving().update(guarded(wait=60, timeout=600))
    play.settle()
    play.now += jump
    play.watching_since = play.now  # only another life of the control plane reads another clock
    play.settle()
    assert stage(play) == (S.BAKING, 0)
    play.now += 60
    play.settle()
    assert play.endpoint.status is E.IN_SERVICE
    assert play.endpoint.failure_reason is None


def test_a_bake_that_nobody_watched_does_not_count() -> None:
    play = serving()
    play.alarms = {"a": OK}
    play.update(guarded(alarms=("a",)))
    play.settle()
    play.now += 100
    play.watching_since = play.now
    play.alarms["a"] = ALARM
    play.settle()
    assert play.endpoint.current == "d-1"
    assert play.now > NOW


def rolling(
    count: int = 4, batch: int = 1, rollback: int | None = None, timeout: int | None = None
) -> Deployment:
    policy: dict[str, Any] = {
        "MaximumBatchSize": {"Type": "INSTANCE_COUNT", "Value": batch},
        "WaitIntervalInSeconds": 60,
    }
    if rollback is not None:
        policy["RollbackMaximumBatchSize"] = {"Type": "INSTANCE_COUNT", "Value": rollback}
    if timeout is not None:
        policy["MaximumExecutionTimeoutInSeconds"] = timeout
    config = {
        "RollingUpdatePolicy": policy,
        "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": "a"}]},
    }
    return replace(deployment(2, variant(count=count)), deployment_config=config)


def rolled(to_step: int, rollback: int | None = None, timeout: int | None = None) -> Play:
    """A rolling update of four instances, one by one, that bakes a step."""
    play = serving()
    play.alarms = {"a": OK}
    play.update(rolling(rollback=rollback, timeout=timeout))
    for step in range(to_step + 1):
        play.settle()
        assert stage(play) == (S.BAKING, step)
        play.now += 60 if step < to_step else 0
    return play


def test_rolling_starts_bakes_and_retires_batch_by_batch() -> None:
    play = serving()
    play.alarms = {"a": OK}
    play.update(rolling())
    seen = []
    for _ in range(4):
        play.settle()
        seen.append((shares(play)["d-2"], standing(play)))
        play.now += 60
    assert seen == [(0.25, (4, 1)), (0.5, (3, 2)), (0.75, (2, 3)), (1.0, (1, 4))]
    play.settle()
    assert (play.endpoint.status, standing(play)) == (E.IN_SERVICE, (0, 4))


def retreat(play: Play) -> list[tuple[RolloutStage | None, tuple[int, int]]]:
    """Plan to the end of the update, never with less than its capacity: each stage and who stood.

    Between two plans a second passes.
    """
    seen = []
    while play.endpoint.status is E.UPDATING:
        play.plan()
        for record in play.standing():
            if record.id not in play.observed:
                play.show(Phase.READY, record)
        play.vanish(*play.retired())
        seen.append((stage(play)[0], standing(play)))
        assert sum(standing(play)) >= 4
        play.ack()
        play.now += 1
    return seen


def test_rolling_is_taken_back_in_batches_that_never_lack_capacity() -> None:
    play = rolled(2, rollback=1)
    play.alarms["a"] = ALARM
    seen = retreat(play)
    assert (S.RETREATING, (3, 2)) in seen
    assert (S.RETREATING, (4, 1)) in seen
    assert (play.endpoint.current, standing(play)) == ("d-1", (4, 0))
    assert 'alarm "a" is in ALARM' in (play.endpoint.failure_reason or "")


def test_rolling_that_takes_too_long_is_taken_back_in_batches() -> None:
    play = rolled(2, rollback=1, timeout=600)
    assert play.endpoint.update_started is not None
    play.now = play.endpoint.update_started + 599
    play.plan()
    assert stage(play) == (S.PROVISIONING, 3)
    play.now += 1
    seen = retreat(play)
    assert (S.RETREATING, (3, 2)) in seen
    assert (play.endpoint.current, standing(play)) == ("d-1", (4, 0))
    assert "MaximumExecutionTimeoutInSeconds of 600" in (play.endpoint.failure_reason or "")


def test_time_that_runs_out_while_rolling_retreats_changes_nothing() -> None:
    play = rolled(2, rollback=1, timeout=600)
    play.alarms["a"] = ALARM
    play.plan()
    assert stage(play)[0] is S.RETREATING
    play.now += 600
    retreat(play)
    assert (play.endpoint.status, standing(play)) == (E.IN_SERVICE, (4, 0))
    assert 'alarm "a" is in ALARM' in (play.endpoint.failure_reason or "")


def stuck() -> Play:
    """Neither the update nor its rollback could be finished."""
    play = rolled(2)
    play.alarms["a"] = ALARM
    play.plan()
    assert stage(play)[0] is S.RETREATING
    play.plan()
    for record in play.standing("d-1"):
        if record.id not in play.observed:
            play.exit(record, FailureCause.MISSING_OBJECT, "s3://b/k is gone")
    play.settle()
    return play


def test_a_rollback_that_fails_leaves_both_serving_and_says_why() -> None:
    play = stuck()
    assert play.endpoint.status is E.UPDATE_ROLLBACK_FAILED
    reason = play.endpoint.failure_reason or ""
    assert 'alarm "a"' in reason
    assert "s3://b/k is gone" in reason
    assert (standing(play), shares(play)) == ((2, 2), {"d-1": 0.5, "d-2": 0.5})
    assert play.endpoint.target == play.endpoint.current == "d-1"


def test_a_retreat_waits_in_vain_for_no_old_instance_that_died_and_cannot_start_again() -> None:
    play = rolled(2, rollback=1)
    play.alarms["a"] = ALARM
    play.plan()
    assert stage(play)[0] is S.RETREATING
    (served, *_) = [each for each in play.standing("d-1") if each.id in play.observed]
    play.exit(served, FailureCause.KILLED)
    for _ in range(3):
        play.plan()
        play.now += 60
        for record in play.standing("d-1"):
            if record.id not in play.observed:
                if record.slot == served.slot:
                    play.exit(record, FailureCause.MISSING_OBJECT, "s3://b/k is gone")
                else:
                    play.show(Phase.READY, record)
    play.settle()
    assert play.endpoint.status is E.UPDATE_ROLLBACK_FAILED
    assert "s3://b/k is gone" in (play.endpoint.failure_reason or "")


def test_another_update_repairs_it() -> None:
    play = stuck().update(deployment(3, variant(count=4)))
    play.plan()
    assert (standing(play), shares(play)) == ((2, 2), {"d-1": 0.5, "d-2": 0.5})
    play.settle()
    assert (play.endpoint.status, play.endpoint.beside) == (E.IN_SERVICE, None)
    assert {record.deployment_id for record in play.standing()} == {"d-3"}


def test_another_update_that_fails_leaves_it_as_it_was() -> None:
    play = stuck().update(deployment(3, variant(count=1)))
    play.plan()
    (green,) = play.standing("d-3")
    play.exit(green, FailureCause.IMPORT_ERROR)
    play.settle()
    assert play.endpoint.status is E.UPDATE_ROLLBACK_FAILED
    assert (standing(play), shares(play)) == ((2, 2), {"d-1": 0.5, "d-2": 0.5})


def test_of_two_that_serve_each_stands_in_for_the_other_beside_a_canary() -> None:
    canary = replace(
        deployment(3, variant(count=4)), deployment_config=guarded("CANARY", 20).deployment_config
    )
    play = stuck().update(canary)
    play.settle()
    assert stage(play) == (S.BAKING, 0)
    assert shares(play) == pytest.approx({"d-1": 0.4, "d-2": 0.4, "d-3": 0.2})
    for record in play.standing("d-2"):
        play.exit(record, FailureCause.KILLED)
    play.plan()
    assert shares(play) == pytest.approx({"d-1": 0.8, "d-2": 0.0, "d-3": 0.2})
    for record in play.standing("d-1"):
        play.exit(record, FailureCause.KILLED)
    play.plan()
    assert shares(play) == pytest.approx({"d-1": 0.0, "d-2": 0.0, "d-3": 1.0})


def test_what_green_has_taken_over_of_a_dead_blue_it_keeps_though_it_lacks_an_instance() -> None:
    play = serving().update(guarded("CANARY", 50))
    while stage(play) != (S.SWITCHING, 0):
        play.plan()
        for record in play.standing("d-2"):
            play.show(Phase.READY, record)
    play.exit(play.standing("d-2")[0], FailureCause.KILLED)
    play.plan()
    assert shares(play) == {"d-1": 0.5, "d-2": 0.5}
    for record in play.standing("d-1"):
        play.exit(record, FailureCause.KILLED)
    for _ in range(3):
        play.plan()
        assert stage(play) == (S.SWITCHING, 0)
        assert shares(play) == {"d-1": 0.0, "d-2": 1.0}
