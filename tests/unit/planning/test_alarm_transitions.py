"""What follows from a state: history, actions and notifications, once for each transition."""

import json
from dataclasses import replace

from alarm_pieces import NOW, composite_alarm, metric_alarm, standing
from hostler.domain.alarm import (
    Actions,
    AlarmQuery,
    AlarmState,
    HistoryType,
    MetricStatistic,
    Missing,
)
from hostler.planning import alarm_notifications, alarm_transitions
from hostler.planning.alarms import Evaluation

TOPIC = "arn:aws:sns:us-east-1:123456789012:ops"
POLICY = (
    "arn:aws:autoscaling:us-east-1:123456789012:scalingPolicy:u:resource/sagemaker/endpoint/e/"
    "variant/v:policyName/p"
)
OK, ALARM = AlarmState.OK, AlarmState.ALARM
TOLD = Actions(ok=(TOPIC,), alarm=(POLICY, TOPIC, TOPIC))
CROSSED = Evaluation(ALARM, "Threshold Crossed", '{"period":60}', 9.0)


def test_a_transition_is_written_down_and_fires_each_action_once() -> None:
    change = alarm_transitions.evaluated(metric_alarm(state=OK, actions=TOLD), CROSSED, NOW + 5)
    assert change is not None
    assert change.alarm.standing.state is ALARM
    assert change.alarm.standing.transitioned == NOW + 5
    assert [each.action for each in change.firings] == [POLICY, TOPIC]
    assert {(each.value, each.repeated) for each in change.firings} == {(9.0, False)}
    (item,) = change.items
    assert (item.type, item.summary) == (HistoryType.STATE, "Alarm updated from OK to ALARM")
    data = json.loads(item.data)
    assert data["oldState"]["stateValue"] == "OK"
    assert data["newState"]["stateReasonData"] == {"period": 60}


def test_the_first_evaluation_gives_a_new_alarm_its_reason() -> None:
    alarm = metric_alarm(standing=alarm_transitions.initial(NOW))
    unknown = Evaluation(AlarmState.INSUFFICIENT_DATA, "Insufficient Data: 3 datapoints", "{}")
    change = alarm_transitions.evaluated(alarm, unknown, NOW + 15)
    assert change is not None
    assert (change.items, change.firings) == ((), ())
    assert change.alarm.standing.reason == unknown.reason
    assert change.alarm.standing.transitioned == NOW
    assert alarm_transitions.evaluated(change.alarm, unknown, NOW + 75) is None


def test_the_same_state_does_nothing() -> None:
    for state in AlarmState:
        alarm = metric_alarm(state=state, actions=Actions(alarm=(TOPIC,), ok=(TOPIC,)))
        found = replace(CROSSED, state=state)
        assert alarm_transitions.evaluated(alarm, found, NOW + 600) is None


def test_auto_scaling_is_told_each_minute_in_alarm() -> None:
    alarm = metric_alarm(state=ALARM, actions=TOLD)
    assert alarm_transitions.evaluated(alarm, CROSSED, NOW + 50) is None
    change = alarm_transitions.evaluated(alarm, CROSSED, NOW + 65)
    assert change is not None
    assert [(each.action, each.repeated) for each in change.firings] == [(POLICY, True)]
    assert change.items == ()
    assert change.alarm.standing.transitioned == NOW
    assert alarm_transitions.evaluated(change.alarm, CROSSED, NOW + 75) is None
    assert alarm_transitions.evaluated(change.alarm, CROSSED, NOW + 125) is not None


def test_a_clock_that_was_set_back_keeps_nothing_from_auto_scaling() -> None:
    told = replace(standing(ALARM), repeated=NOW + 86_400)
    change = alarm_transitions.repeated(metric_alarm(standing=told, actions=TOLD), NOW, 9.0)
    assert change is not None
    assert [each.action for each in change.firings] == [POLICY]
    assert change.alarm.standing.repeated == NOW
    assert alarm_transitions.repeated(change.alarm, NOW + 1, 9.0) is None


def test_disabled_actions_are_not_fired() -> None:
    alarm = metric_alarm(state=OK, actions=replace(TOLD, enabled=False))
    change = alarm_transitions.evaluated(alarm, CROSSED, NOW)
    assert change is not None
    assert change.firings == []
    assert alarm_transitions.evaluated(change.alarm, CROSSED, NOW + 300) is None


def test_a_notification_is_cloudwatchs() -> None:
    alarm = metric_alarm(
        state=ALARM,
        actions=TOLD,
        description="too many",
        treat_missing=Missing.NOT_BREACHING,
        datapoints_to_alarm=2,
    )
    document = json.loads(alarm_notifications.message(alarm, standing(OK)))
    assert document == {
        "AlarmName": "errors",
        "AlarmDescription": "too many",
        "AWSAccountId": "123456789012",
        "AlarmConfigurationUpdatedTimestamp": "2023-11-14T22:14:00.000+0000",
        "NewStateValue": "ALARM",
        "NewStateReason": "It was put so",
        "StateChangeTime": "2023-11-14T22:14:00.000+0000",
        "Region": "US East (N. Virginia)",
        "AlarmArn": "arn:aws:cloudwatch:us-east-1:123456789012:alarm:errors",
        "OldStateValue": "OK",
        "OKActions": [TOPIC],
        "AlarmActions": [POLICY, TOPIC, TOPIC],
        "InsufficientDataActions": [],
        "Trigger": {
            "MetricName": "Errors",
            "Namespace": "Shop",
            "StatisticType": "Statistic",
            "Statistic": "SUM",
            "Unit": None,
            "Dimensions": [{"value": "1", "name": "Till"}],
            "Period": 60,
            "EvaluationPeriods": 3,
            "DatapointsToAlarm": 2,
            "ComparisonOperator": "GreaterThanThreshold",
            "Threshold": 1.0,
            "TreatMissingData": "notBreaching",
            "EvaluateLowSampleCountPercentile": "",
        },
    }


def test_a_notification_of_an_expression_has_its_queries() -> None:
    metric = MetricStatistic("Shop", "Errors", (), "Sum", 300)
    alarm = metric_alarm(
        metric=None,
        queries=(
            AlarmQuery("e", expression="m / 2", label="half"),
            AlarmQuery("m", metric, returned=False),
        ),
    )
    trigger = json.loads(alarm_notifications.message(alarm, standing()))["Trigger"]
    assert trigger["Period"] == 300
    assert trigger["Metrics"] == [
        {"Id": "e", "Expression": "m / 2", "Label": "half", "ReturnData": True},
        {
            "Id": "m",
            "MetricStat": {
                "Metric": {"Dimensions": [], "MetricName": "Errors", "Namespace": "Shop"},
                "Period": 300,
                "Stat": "Sum",
            },
            "ReturnData": False,
        },
    ]


def test_subjects_are_cut_to_what_sns_takes() -> None:
    assert alarm_notifications.subject("errors", ALARM, "eu-west-1") == (
        'ALARM: "errors" in EU (Ireland)'
    )
    assert alarm_notifications.subject("x", OK, "xx-new-1") == 'OK: "x" in xx-new-1'
    assert len(alarm_notifications.subject("e" * 255, ALARM, "eu-west-1")) == 100


def test_a_composite_alarm_follows_its_children() -> None:
    alarm = composite_alarm("both", "ALARM(a) AND ALARM(b)", actions=Actions(alarm=(TOPIC,)))
    since = {"a": NOW, "b": NOW + 60}
    calm = alarm_transitions.composed(alarm, {"a": ALARM, "b": OK}, since, NOW + 60)
    assert calm is not None
    assert calm.alarm.standing.state is OK
    alarm = replace(alarm, standing=calm.alarm.standing)
    change = alarm_transitions.composed(alarm, {"a": ALARM, "b": ALARM}, since, NOW + 61)
    assert change is not None
    assert change.alarm.standing.reason == (
        "arn:aws:cloudwatch:us-east-1:123456789012:alarm:b transitioned to ALARM at Tuesday 14 "
        "November, 2023 22:15:00 UTC"
    )
    (firing,) = change.firings
    children = json.loads(firing.message)["TriggeringChildren"]
    assert [each["Arn"].rpartition(":")[2] for each in children] == ["b", "a"]
    alarm = replace(alarm, standing=change.alarm.standing)
    assert alarm_transitions.composed(alarm, {"a": ALARM, "b": ALARM}, since, NOW + 120) is None


def test_a_rule_without_alarms_has_a_state_too() -> None:
    change = alarm_transitions.composed(composite_alarm("always", "TRUE"), {}, {}, NOW)
    assert change is not None
    assert change.alarm.standing.state is ALARM
    assert change.alarm.standing.reason == "The alarm's rule is TRUE"


def test_history_tells_what_became_of_an_action() -> None:
    change = alarm_transitions.evaluated(metric_alarm(state=OK, actions=TOLD), CROSSED, NOW)
    assert change is not None
    firing = change.firings[1]
    done = alarm_transitions.acted(firing, None, NOW + 1)
    assert done.summary == f"Successfully executed action {TOPIC}"
    assert json.loads(done.data)["actionState"] == "Succeeded"
    failed = alarm_transitions.acted(firing, "no such topic", NOW + 1)
    assert failed.summary == f"Failed to execute action {TOPIC}"
    assert json.loads(failed.data)["error"] == "no such topic"
    long = alarm_transitions.acted(replace(firing, message="x" * 5000), None, NOW)
    assert len(long.data) <= 4095
