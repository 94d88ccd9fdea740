"""What is told of an update while it goes on, and the words for it."""

from dataclasses import replace
from typing import Any

import pytest

from hostler.domain.alarm import (
    Actions,
    AlarmState,
    Comparison,
    CompositeAlarm,
    MetricAlarm,
    Standing,
)
from hostler.domain.endpoint import Deployment, EndpointStatus, RolloutStage
from hostler.domain.ids import DEFAULT_ACCOUNT, DEFAULT_REGION, DeploymentId
from hostler.domain.instance import FailureCause
from hostler.domain.updates import Event, Fired, Outcome, Side, Terms, Update
from hostler.planning import update_words, updates
from hostler.planning.sizing import Wish
from planning_pieces import NOW, Play, deployment, endpoint, variant

S = RolloutStage
FIRED = Fired("a", NOW + 9, "Threshold Crossed", 5.0, 1.0, Comparison.GREATER)
HALF = {"Type": "CAPACITY_PERCENT", "Value": 50}
CANARY = {"Type": "CANARY", "CanarySize": HALF, "WaitIntervalInSeconds": 60}
WATCHED = {"AutoRollbackConfiguration": {"Alarms": [{"AlarmName": "a"}]}}
ROLLING = {"MaximumBatchSize": HALF, "RollbackMaximumBatchSize": HALF, "WaitIntervalInSeconds": 60}


def guarded(**config: Any) -> Deployment:
    return replace(deployment(2, variant(count=2)), deployment_config=config)


def serving() -> Play:
    play = Play(endpoint(), deployment(1, variant(count=2))).serve()
    play.told.clear()
    play.alarms = {"a": AlarmState.OK}
    return play


def canary() -> Play:
    policy = {"TrafficRoutingConfiguration": CANARY, "TerminationWaitInSeconds": 30}
    return serving().update(guarded(BlueGreenUpdatePolicy=policy, **WATCHED))


def told(play: Play) -> Update:
    assert len({each.terms.deployment for each in play.told}) == 1
    return Update(1, play.told[0].terms, tuple(each.event for each in play.told))


def went(update: Update) -> list[tuple[RolloutStage | None, int, float, int]]:
    return [(e.stage, e.step, e.green.share, e.green.instances) for e in update.events]


def test_each_step_is_told_once_with_the_shares_and_instances_of_both() -> None:
    play = canary()
    for wait in (60, 60, 30, 0):
        play.settle()
        play.now += wait
    update = told(play)
    assert went(update) == [
        (S.PROVISIONING, 0, 0.0, 0),
        (S.SWITCHING, 0, 0.5, 2),
        (S.BAKING, 0, 0.5, 2),
        (S.SWITCHING, 1, 1.0, 2),
        (S.BAKING, 1, 1.0, 2),
        (S.TERMINATING, 1, 1.0, 2),
        (S.DRAINING, 0, 1.0, 2),
        (None, 0, 1.0, 2),
    ]
    assert [e.blue.instances for e in update.events] == [2, 2, 2, 2, 2, 2, 0, 0]
    assert [e.at - NOW for e in update.events] == [0, 0, 0, 60, 60, 120, 150, 150]
    assert (update.outcome, update.last.reason) == (Outcome.COMPLETED, None)
    assert update.terms.shares == (0.5, 1.0)
    assert (update.terms.before, update.terms.config) == ("config-1", "config-2")
    assert list(update_words.lines(update)) == [
        "Starting the new instances.",
        "Step 1 of 2: turning 50 % of the traffic to the new instances.",
        "Step 1 of 2: every gateway gives the new instances their share. Watching them for 60 s.",
        (
            "Watched for 60 s, alarms OK. Step 2 of 2: turning 100 % of the traffic to the new "
            "instances."
        ),
        "Step 2 of 2: every gateway gives the new instances their share. Watching them for 60 s.",
        "Watched for 60 s, alarms OK. Keeping the old instances for 30 s.",
        "The new instances have taken over; stopping the old ones.",
        "Done: the new instances serve alone.",
    ]
    assert update_words.summary(update) == "completed in 2 min 30 s"
    assert update_words.plan(update.terms) == (
        "CANARY 50 %, 100 %; each watched for 60 s; old instances kept for 30 s; alarms a"
    )


def test_an_alarm_that_takes_it_back_is_told_with_what_it_saw() -> None:
    play = canary()
    play.settle()
    play.now += 10
    play.alarms, play.fired = {"a": AlarmState.ALARM}, (FIRED,)
    play.settle()
    update = told(play)
    back, over = update.events[-2:]
    assert (back.stage, back.fired, back.green) == (S.ROLLING_BACK, (FIRED,), Side(0.0, 0))
    assert back.unsettled == {"a": AlarmState.ALARM}
    assert (over.outcome, over.fired) == (Outcome.ROLLED_BACK, ())
    assert over.reason == play.endpoint.failure_reason == back.reason
    assert update_words.lines(update)[-2] == (
        "All traffic is the old instances' again; stopping the new ones. The deployment was "
        'rolled back because the alarm "a" is in ALARM.'
    )
    assert update_words.alarm(FIRED) == (
        'Alarm "a", in ALARM since 22:13:29: 5 > 1. Threshold Crossed'
    )
    assert update_words.summary(update) == "rolled back after 10 s, the rollback took 0 s"


def test_what_an_alarm_kept_from_beginning_is_told_too() -> None:
    play = serving()
    play.alarms, play.fired = {"a": AlarmState.ALARM}, (FIRED,)
    play.update(guarded(BlueGreenUpdatePolicy={"TrafficRoutingConfiguration": CANARY}, **WATCHED))
    play.settle()
    update = told(play)
    assert update.events[0].fired == (FIRED,)
    assert update.outcome is Outcome.ROLLED_BACK
    assert "stopped before it began" in update_words.lines(update)[0]


def test_a_retreat_is_told_batch_by_batch() -> None:
    play = serving().update(guarded(RollingUpdatePolicy=ROLLING, **WATCHED))
    play.settle()
    play.now += 60
    play.settle()
    play.alarms, play.fired = {"a": AlarmState.ALARM}, (FIRED,)
    while play.endpoint.status is EndpointStatus.UPDATING:
        play.settle()
    update = told(play)
    assert [(e.stage, e.back) for e in update.events if e.stage in updates.BACK] == [
        (S.RETREATING, 0),
        (S.ROLLING_BACK, 0),
    ]
    assert [bool(e.fired) for e in update.events][-3:] == [True, False, False]
    assert update_words.lines(update)[-3].startswith("Going back in batches. The deployment was")
    assert update_words.lines(update)[3] == (
        "Watched for 60 s, alarms OK. Step 2 of 2: starting the next batch of new instances."
    )


def test_a_rollback_that_fails_is_told_as_that() -> None:
    play = serving().update(guarded(RollingUpdatePolicy=ROLLING, **WATCHED))
    play.settle()
    play.now += 60
    play.settle()
    play.alarms = {"a": AlarmState.ALARM}
    play.plan()
    play.plan()
    for record in play.standing("d-1"):
        if record.id not in play.observed:
            play.exit(record, FailureCause.MISSING_OBJECT, "s3://b/k is gone")
    play.settle()
    assert play.endpoint.status is EndpointStatus.UPDATE_ROLLBACK_FAILED
    update = told(play)
    assert update.outcome is Outcome.ROLLBACK_FAILED
    assert update.last.blue.share == update.last.green.share == 0.5
    assert "s3://b/k is gone" in update_words.lines(update)[-1]
    assert update_words.summary(update).startswith("rollback failed after 60 s")


def test_a_first_deployment_is_told_and_a_change_of_sizes_is_not() -> None:
    play = Play(endpoint(), deployment(1, variant(count=1)))
    play.serve()
    update = told(play)
    assert [e.stage for e in update.events] == [S.PROVISIONING, S.SWITCHING, None]
    assert update_words.lines(update)[-1] == "In service."
    play.told.clear()
    play.resize(AllTraffic=Wish(count=2)).settle()
    assert (play.endpoint.status, play.told) == (EndpointStatus.IN_SERVICE, [])


def test_a_first_deployment_that_does_not_come_up_is_told_as_failed() -> None:
    play = Play(endpoint(), deployment(1, variant(count=1)))
    play.plan()
    play.exit(play.standing()[0], FailureCause.IMPORT_ERROR, "no weights")
    play.settle()
    update = told(play)
    assert (play.endpoint.status, update.outcome) == (EndpointStatus.FAILED, Outcome.FAILED)
    assert "no weights" in update_words.lines(update)[-1]


@pytest.mark.parametrize(
    ("reason_data", "value"),
    [
        ('{"recentDatapoints":[2.0,5.0],"threshold":1.0}', 5.0),
        (None, None),
        ("{}", None),
        ("[]", None),
        ('{"recentDatapoints":[]}', None),
        ("anything", None),
        (f'{{"recentDatapoints":[1{"0" * 400}]}}', None),
        ('{"recentDatapoints":[1e999]}', None),
        ("[" * 100_000, None),
    ],
    ids=range(9),
)
def test_an_alarm_s_value_is_its_newest_data_point(
    reason_data: str | None, value: float | None
) -> None:
    standing = Standing(AlarmState.ALARM, "why", reason_data, NOW + 2, NOW + 1)
    where = (DEFAULT_ACCOUNT, DEFAULT_REGION, "a", Actions())
    alarm = MetricAlarm(*where, Comparison.LESS, 3.0, 1, NOW, standing)
    assert updates.fired(alarm) == Fired("a", NOW + 1, "why", value, 3.0, Comparison.LESS)
    composite = CompositeAlarm(*where, "ALARM(b)", NOW, standing)
    assert updates.fired(composite) == Fired("a", NOW + 1, "why")


def test_alarms_without_data_are_named_where_it_went_on() -> None:
    terms = Terms(DeploymentId("d"), "two", NOW, before="one", shares=(0.1, 1.0), wait_s=60)
    baking = Event(NOW, S.BAKING, 0, 0, Side(0.9, 1), Side(0.1, 1))
    unsure = {"a": AlarmState.INSUFFICIENT_DATA}
    following = replace(baking, at=NOW + 61.5, stage=S.SWITCHING, step=1, unsettled=unsure)
    said = update_words.lines(Update(1, terms, (baking, following)))[1]
    assert said.startswith("Watched for 61.5 s, without data for a. Step 2 of 2")
