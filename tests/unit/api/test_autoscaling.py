"""Application Auto Scaling from boto3 and back: every operation, its errors and its pages."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from hostler.domain.alarm import Comparison, MetricAlarm
from hostler.domain.endpoint import EndpointStatus
from hostler.domain.ids import AccountId, Arn, Region
from hostler.domain.scaling import (
    Activity,
    ActivityStatus,
    Dimension,
    NotScaled,
    Reason,
    ScheduledAction,
    Target,
)
from hostler.store import alarms, endpoints, scaling, scaling_activities
from hostler.store.alarms import Wanted
from hostler.toolkit.scaling import explain

ACCOUNT, REGION = "123456789012", "us-east-1"
NAME = "rc-project-a-fraud-ep"
RESOURCE = f"endpoint/{NAME}/variant/AllTraffic"
COUNT = "sagemaker:variant:DesiredInstanceCount"
OF = {"ServiceNamespace": "sagemaker", "ResourceId": RESOURCE, "ScalableDimension": COUNT}
ENDPOINT_ARN = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:endpoint/{NAME}"
NOTHING_REGISTERED = (
    f"No scalable target registered for service namespace: sagemaker, resource ID: {RESOURCE}, "
    f"scalable dimension: {COUNT}"
)
PREDEFINED = {"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"}
TRACKING = {
    "TargetValue": 70.0,
    "PredefinedMetricSpecification": PREDEFINED,
    "ScaleInCooldown": 300,
    "ScaleOutCooldown": 60,
}
STEPS = {
    "AdjustmentType": "ChangeInCapacity",
    "StepAdjustments": [{"MetricIntervalLowerBound": 0.0, "ScalingAdjustment": 2}],
    "Cooldown": 60,
}


@pytest.fixture
def client(world: Any, sagemaker: Any, deployable: Any) -> Any:
    """An endpoint in service, of one ml.m5.xlarge."""
    deployable("rc-project-a-fraud")
    sagemaker.create_endpoint(EndpointName=NAME, EndpointConfigName="rc-project-a-fraud-config")
    serve(world)
    world.wakes.clear()
    return world.client("application-autoscaling")


def serve(world: Any) -> None:
    """What the controller would write of a new endpoint."""

    def write(tx: Any) -> None:
        found = endpoints.get(tx, ACCOUNT, REGION, NAME)
        assert found is not None
        status = EndpointStatus.IN_SERVICE
        endpoints.save(tx, replace(found, status=status, current=found.target))

    world.rooms.store.run(write, write=True)


def register(client: Any, **more: Any) -> str:
    asked = {**OF, "MinCapacity": 1, "MaxCapacity": 4, **more}
    return str(client.register_scalable_target(**asked)["ScalableTargetARN"])


def put(client: Any, name: str = "track", **more: Any) -> dict[str, Any]:
    asked: dict[str, Any] = {"PolicyName": name, **OF, "PolicyType": "TargetTrackingScaling"}
    if "StepScalingPolicyConfiguration" not in more:
        asked["TargetTrackingScalingPolicyConfiguration"] = TRACKING
    answer: dict[str, Any] = client.put_scaling_policy(**{**asked, **more})
    return answer


def refusal(call: Any, **params: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call(**params)
    error = caught.value.response["Error"]
    return str(error["Code"]), str(error["Message"])


def stored(world: Any) -> Target:
    found = world.rooms.store.run(lambda tx: scaling.targets_of(tx, ACCOUNT, REGION))
    assert len(found) == 1
    target: Target = found[0]
    return target


def made(world: Any) -> dict[str, MetricAlarm]:
    """The alarms, by High and Low."""
    found = world.rooms.store.run(lambda tx: alarms.listed(tx, ACCOUNT, REGION, Wanted()))
    return {alarm.name.split("-Alarm")[1].split("-")[0]: alarm for alarm in found}


def test_a_target_is_registered_shown_changed_and_deregistered(world: Any, client: Any) -> None:
    arn = register(client, Tags={"Team": "rc"})
    assert arn.startswith(f"arn:aws:application-autoscaling:{REGION}:{ACCOUNT}:scalable-target/")
    assert world.wakes == [stored(world).key]
    (shown,) = client.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"]
    assert shown.pop("CreationTime")
    assert shown == {
        **OF,
        "MinCapacity": 1,
        "MaxCapacity": 4,
        "RoleARN": f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/sagemaker.application-"
        "autoscaling.amazonaws.com/AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint",
        "SuspendedState": {
            "DynamicScalingInSuspended": False,
            "DynamicScalingOutSuspended": False,
            "ScheduledScalingSuspended": False,
        },
        "ScalableTargetARN": arn,
    }
    assert client.list_tags_for_resource(ResourceARN=arn)["Tags"] == {"Team": "rc"}
    client.register_scalable_target(**OF, MaxCapacity=9)
    client.register_scalable_target(**OF, SuspendedState={"DynamicScalingInSuspended": True})
    changed = stored(world)
    assert (changed.arn, changed.min, changed.max, changed.bounded) == (arn, 1, 9, True)
    assert (changed.suspended.scale_in, changed.suspended.scale_out) == (True, False)
    client.deregister_scalable_target(**OF)
    assert client.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"] == []
    assert refusal(client.deregister_scalable_target, **OF) == (
        "ObjectNotFoundException",
        NOTHING_REGISTERED,
    )


def test_names_are_found_in_any_case_and_shown_as_the_endpoint_has_them(client: Any) -> None:
    register(client, ResourceId=f"endpoint/{NAME.upper()}/variant/AllTraffic")
    asked = {"ServiceNamespace": "sagemaker", "ResourceIds": [RESOURCE]}
    (shown,) = client.describe_scalable_targets(**asked)["ScalableTargets"]
    assert shown["ResourceId"] == RESOURCE


NOT_REGISTERED: list[tuple[dict[str, Any], str]] = [
    ({"MinCapacity": 0}, "at least 1 instance"),
    ({"MinCapacity": 5}, "Maximum capacity cannot be less than minimum capacity."),
    ({"ResourceId": "endpoint/none/variant/AllTraffic"}, "endpoint doesn't exist"),
    ({"ResourceId": f"endpoint/{NAME}/variant/Other"}, "variant doesn't exist"),
    ({"ResourceId": "service/cluster/web"}, "must be written as endpoint/"),
    ({"ResourceId": "inference-component/x"}, "inference components do not exist"),
    (
        {
            "ResourceId": "inference-component/x",
            "ScalableDimension": "sagemaker:inference-component:DesiredCopyCount",
        },
        "inference components do not exist",
    ),
    (
        {"ScalableDimension": "sagemaker:variant:DesiredProvisionedConcurrency"},
        "it has no ProvisionedConcurrency in its ServerlessConfig",
    ),
    ({"ScalableDimension": "ecs:service:DesiredCount"}, "is none of sagemaker's"),
    ({"ServiceNamespace": "ecs"}, "Service namespace ecs is not supported"),
    ({"Tags": {"aws:x": "y"}}, "reserved"),
]


def test_what_cannot_be_registered(client: Any) -> None:
    for changes, said in NOT_REGISTERED:
        code, text = refusal(
            client.register_scalable_target, **{**OF, "MinCapacity": 1, "MaxCapacity": 4, **changes}
        )
        assert code == "ValidationException"
        assert said in text, said


def test_the_first_registration_needs_both_bounds(client: Any) -> None:
    code, text = refusal(client.register_scalable_target, **OF, MaxCapacity=4)
    assert (code, "MinCapacity and MaxCapacity" in text) == ("ValidationException", True)


def test_burstable_instances_are_not_scaled(
    world: Any, sagemaker: Any, deployable: Any, client: Any
) -> None:
    deployable("rc-small", InstanceType="ml.t2.medium")
    sagemaker.create_endpoint(EndpointName="rc-small-ep", EndpointConfigName="rc-small-config")
    text = refusal(
        client.register_scalable_target,
        **{**OF, "ResourceId": "endpoint/rc-small-ep/variant/AllTraffic"},
        MinCapacity=1,
        MaxCapacity=2,
    )[1]
    assert text.startswith(
        "You cannot register a variant with ml.t2.medium instance type as a scalable target."
    )


def test_the_users_own_code(world: Any, client: Any) -> None:
    """Section 6 of the document, as it stands."""
    register(client)
    answer = client.put_scaling_policy(
        PolicyName="rc-project-a-scaling-policy",
        ServiceNamespace="sagemaker",
        ResourceId=RESOURCE,
        ScalableDimension=COUNT,
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration=TRACKING,
    )
    high, low = made(world)["High"], made(world)["Low"]
    assert [each["AlarmName"] for each in answer["Alarms"]] == [high.name, low.name]
    assert [each["AlarmARN"] for each in answer["Alarms"]] == [high.arn, low.arn]
    assert answer["PolicyARN"].startswith(f"arn:aws:autoscaling:{REGION}:{ACCOUNT}:scalingPolicy:")
    assert answer["PolicyARN"].endswith(
        f":resource/sagemaker/{RESOURCE}:policyName/rc-project-a-scaling-policy"
    )
    for which, alarm in (("High", high), ("Low", low)):
        assert alarm.name.startswith(f"TargetTracking-{RESOURCE}-Alarm{which}-")
        assert alarm.description == (
            f"DO NOT EDIT OR DELETE. For TargetTrackingScaling policy {answer['PolicyARN']}."
        )
        assert alarm.actions.alarm == (answer["PolicyARN"],)
        assert alarm.metric is not None
        assert (alarm.metric.namespace, alarm.metric.metric_name, alarm.metric.statistic) == (
            "AWS/SageMaker",
            "InvocationsPerInstance",
            "Sum",
        )
        assert alarm.metric.dimensions == (("EndpointName", NAME), ("VariantName", "AllTraffic"))
        assert alarm.period_s == 60
    assert (high.comparison, high.threshold) == (Comparison.GREATER, 70.0)
    assert (high.evaluation_periods, high.needed) == (3, 3)
    assert (low.comparison, low.threshold) == (Comparison.LESS, 63.0)
    assert (low.evaluation_periods, low.needed) == (15, 15)
    assert {high.arn, low.arn} <= {*world.wakes}, "they are evaluated at once"
    (shown,) = client.describe_scaling_policies(ServiceNamespace="sagemaker")["ScalingPolicies"]
    assert shown["TargetTrackingScalingPolicyConfiguration"] == TRACKING
    assert shown["Alarms"] == answer["Alarms"]


def test_a_policy_that_is_put_again_keeps_its_arn_and_alarms(world: Any, client: Any) -> None:
    register(client)
    first = put(client)
    config = {**TRACKING, "TargetValue": 10.0, "DisableScaleIn": True}
    second = put(client, TargetTrackingScalingPolicyConfiguration=config)
    assert second["PolicyARN"] == first["PolicyARN"]
    assert second["Alarms"] == first["Alarms"][:1], "without scale-in there is no low alarm"
    assert {which: alarm.threshold for which, alarm in made(world).items()} == {"High": 10.0}
    third = put(client)
    assert [each["AlarmName"].split("-Alarm")[1][:4] for each in third["Alarms"]] == [
        "High",
        "Low-",
    ]
    client.delete_scaling_policy(PolicyName="track", **OF)
    assert made(world) == {}
    code, text = refusal(client.delete_scaling_policy, PolicyName="track", **OF)
    assert code == "ObjectNotFoundException"
    assert text.endswith("policy name: track")


def test_cloudwatch_shows_the_alarms_and_a_step_policys_are_its_users(
    world: Any, client: Any
) -> None:
    register(client)
    cloudwatch = world.client("cloudwatch")
    names = [each["AlarmName"] for each in put(client)["Alarms"]]
    shown = cloudwatch.describe_alarms(AlarmNamePrefix="TargetTracking-endpoint/")["MetricAlarms"]
    assert [each["AlarmName"] for each in shown] == names
    history = cloudwatch.describe_alarm_history(AlarmName=names[0])["AlarmHistoryItems"]
    assert [each["HistoryItemType"] for each in history] == ["ConfigurationUpdate"]
    arn = put(client, "steps", PolicyType="StepScaling", StepScalingPolicyConfiguration=STEPS)[
        "PolicyARN"
    ]
    cloudwatch.put_metric_alarm(
        AlarmName="mine", Namespace="Acme", MetricName="Depth", Statistic="Sum", Period=60,
        EvaluationPeriods=1, Threshold=1.0, ComparisonOperator="GreaterThanThreshold",
        AlarmActions=[arn],
    )  # fmt: skip
    asked = {"ServiceNamespace": "sagemaker", "PolicyNames": ["steps"]}
    (steps,) = client.describe_scaling_policies(**asked)["ScalingPolicies"]
    assert [each["AlarmName"] for each in steps["Alarms"]] == ["mine"]
    client.delete_scaling_policy(PolicyName="steps", **OF)
    left = cloudwatch.describe_alarms(AlarmNames=["mine"])["MetricAlarms"]
    assert len(left) == 1, "it is the user's"


def test_an_explanation_names_the_alarms_that_were_deleted(world: Any, client: Any) -> None:
    register(client)
    high, low = (each["AlarmName"] for each in put(client)["Alarms"])
    assert [list(each.gone) for each in explain(world, NAME, "AllTraffic").policies] == [[]]
    world.client("cloudwatch").delete_alarms(AlarmNames=[high])
    (policy,) = explain(world, NAME, "AllTraffic").policies
    assert (list(policy.gone), [each.alarm for each in policy.watches]) == ([high], [low])
    put(client)
    assert list(explain(world, NAME, "AllTraffic").policies[0].gone) == []


def test_high_resolution_alarms_look_at_ten_seconds(world: Any, client: Any) -> None:
    register(client)
    metric = {"PredefinedMetricType": "SageMakerVariantConcurrentRequestsPerModelHighResolution"}
    config = {"TargetValue": 5.0, "PredefinedMetricSpecification": metric}
    put(client, TargetTrackingScalingPolicyConfiguration=config)
    assert made(world)["High"].period_s == 10
    assert made(world)["High"].every_s == 10
    assert made(world)["Low"].period_s == 60


def test_metric_math_is_tracked(world: Any, client: Any) -> None:
    register(client)
    stat = {
        "Stat": "Sum",
        "Metric": {
            "Namespace": "AWS/SageMaker",
            "MetricName": "Invocations",
            "Dimensions": [{"Name": "EndpointName", "Value": NAME}],
        },
    }
    queries = [
        {"Id": "calls", "MetricStat": stat, "ReturnData": False},
        {"Id": "rate", "Expression": "calls / 60", "Label": "a second"},
    ]
    config = {"TargetValue": 1.5, "CustomizedMetricSpecification": {"Metrics": queries}}
    put(client, TargetTrackingScalingPolicyConfiguration=config)
    alarm = made(world)["High"]
    assert alarm.metric is None
    assert [query.id for query in alarm.queries] == ["calls", "rate"]
    assert alarm.queries[0].metric is not None
    assert (alarm.queries[0].metric.period_s, alarm.queries[0].returned) == (60, False)
    assert alarm.queries[1].expression == "calls / 60"
    own = {"Namespace": "Acme", "MetricName": "Depth", "Statistic": "Average", "Unit": "Count"}
    put(client, TargetTrackingScalingPolicyConfiguration={
        "TargetValue": 1.5, "CustomizedMetricSpecification": own,
    })  # fmt: skip
    assert made(world)["Low"].metric is not None


CUSTOM = {"Namespace": "Acme", "MetricName": "Depth", "Statistic": "Average"}


NO_TRACKING: list[tuple[dict[str, Any], str]] = [
    ({"TargetValue": 0.0, "PredefinedMetricSpecification": PREDEFINED}, "TargetValue 0.0"),
    ({"TargetValue": 1.0}, "Exactly one of"),
    (
        {
            "TargetValue": 1.0,
            "PredefinedMetricSpecification": PREDEFINED,
            "CustomizedMetricSpecification": CUSTOM,
        },
        "Exactly one of",
    ),
    (
        {
            "TargetValue": 1.0,
            "PredefinedMetricSpecification": PREDEFINED,
            "ScaleInCooldown": -1,
        },
        "must not be negative",
    ),
    (
        {
            "TargetValue": 1.0,
            "PredefinedMetricSpecification": {"PredefinedMetricType": "ALBRequestCountPerTarget"},
        },
        "Unsupported predefined metric type",
    ),
    (
        {
            "TargetValue": 1.0,
            "PredefinedMetricSpecification": {
                "PredefinedMetricType": "SageMakerInferenceComponentInvocationsPerCopy"
            },
        },
        "inference components do not exist",
    ),
    (
        {"TargetValue": 1.0, "CustomizedMetricSpecification": {"MetricName": "Depth"}},
        "must have MetricName, Namespace and Statistic",
    ),
    (
        {
            "TargetValue": 1.0,
            "CustomizedMetricSpecification": {
                "Metrics": [{"Id": "a", "Expression": "b + 1"}],
            },
        },
        "b is not the Id of another",
    ),
    (
        {
            "TargetValue": 1.0,
            "CustomizedMetricSpecification": {
                "Metrics": [
                    {"Id": "a", "Expression": "1"},
                    {"Id": "b", "Expression": "2"},
                ],
            },
        },
        "Exactly one of Metrics",
    ),
]


def test_tracking_that_cannot_be(client: Any) -> None:
    register(client)
    for config, said in NO_TRACKING:
        code, text = refusal(put, client=client, TargetTrackingScalingPolicyConfiguration=config)
        assert code == "ValidationException"
        assert said in text, said


NO_STEPS: list[tuple[dict[str, Any], str]] = [
    ({"AdjustmentType": None}, "AdjustmentType must be specified"),
    ({"StepAdjustments": []}, "At least one StepAdjustment"),
    ({"MinAdjustmentMagnitude": 2}, "can only be specified with PercentChangeInCapacity"),
    (
        {
            "AdjustmentType": "ExactCapacity",
            "StepAdjustments": [{"MetricIntervalLowerBound": 0, "ScalingAdjustment": -1}],
        },
        "must not be negative",
    ),
    ({"Cooldown": -1}, "must not be negative"),
]


def test_steps_that_cannot_be(client: Any) -> None:
    register(client)
    for changes, said in NO_STEPS:
        config = {k: v for k, v in {**STEPS, **changes}.items() if v is not None}
        code, text = refusal(
            put, client=client, PolicyType="StepScaling", StepScalingPolicyConfiguration=config
        )
        assert code == "ValidationException"
        assert said in text, said


def test_what_a_policy_may_not_become(client: Any) -> None:
    assert refusal(put, client=client) == ("ObjectNotFoundException", NOTHING_REGISTERED)
    register(client)
    put(client)
    text = refusal(
        put, client=client, PolicyType="StepScaling", StepScalingPolicyConfiguration=STEPS
    )[1]
    assert "cannot be changed" in text
    text = refusal(put, client=client, name="other", PolicyType="PredictiveScaling")[1]
    assert "predictive scaling does not exist" in text
    text = refusal(
        client.get_predictive_scaling_forecast,
        PolicyName="other",
        StartTime=0,
        EndTime=1,
        **OF,
    )[1]
    assert "predictive scaling does not exist" in text


def test_policies_are_paged_by_ten(client: Any) -> None:
    register(client)
    for number in range(12):
        answer = put(
            client,
            f"steps-{number:02}",
            PolicyType="StepScaling",
            StepScalingPolicyConfiguration=STEPS,
        )
        assert answer["Alarms"] == []
    pages = list(
        client.get_paginator("describe_scaling_policies").paginate(ServiceNamespace="sagemaker")
    )
    assert [len(page["ScalingPolicies"]) for page in pages] == [10, 2]
    names = [each["PolicyName"] for page in pages for each in page["ScalingPolicies"]]
    assert names == [f"steps-{number:02}" for number in range(12)]
    only = {"ResourceId": RESOURCE, "ScalableDimension": COUNT, "PolicyNames": ["steps-03"]}
    one = client.describe_scaling_policies(ServiceNamespace="sagemaker", **only)
    assert [each["PolicyName"] for each in one["ScalingPolicies"]] == ["steps-03"]
    wrong = {"ServiceNamespace": "sagemaker", "NextToken": "bm9uZQ=="}
    assert refusal(client.describe_scaling_policies, **wrong)[0] == "InvalidNextTokenException"
    many = {"ServiceNamespace": "sagemaker", "MaxResults": 11}
    assert "between 1 and 10" in refusal(client.describe_scaling_policies, **many)[1]


def test_scheduled_actions(world: Any, client: Any) -> None:
    register(client)
    action = {**OF, "ScheduledActionName": "morning"}
    client.put_scheduled_action(
        **action,
        Schedule="cron(0 9 ? * MON-FRI *)",
        Timezone="Europe/Berlin",
        ScalableTargetAction={"MinCapacity": 2, "MaxCapacity": 8},
        StartTime=datetime(2023, 11, 14, tzinfo=UTC),
    )
    client.put_scheduled_action(**action, ScalableTargetAction={"MinCapacity": 3})
    (shown,) = client.describe_scheduled_actions(ServiceNamespace="sagemaker")["ScheduledActions"]
    assert shown["Schedule"] == "cron(0 9 ? * MON-FRI *)"
    assert shown["Timezone"] == "Europe/Berlin"
    assert shown["ScalableTargetAction"] == {"MinCapacity": 3}
    assert shown["StartTime"] == datetime(2023, 11, 14, tzinfo=UTC)
    assert "EndTime" not in shown
    assert shown["ScheduledActionARN"].endswith(f"{RESOURCE}:scheduledActionName/morning")
    target = stored(world)
    (kept,) = world.rooms.store.run(lambda tx: scaling.actions(tx, target.id))
    assert datetime.fromtimestamp(kept.due, UTC) == datetime(2023, 11, 15, 8, tzinfo=UTC)
    client.delete_scheduled_action(**action)
    code, text = refusal(client.delete_scheduled_action, **action)
    assert code == "ObjectNotFoundException"
    assert text.endswith("scheduled action name: morning")


NO_SCHEDULES: list[tuple[dict[str, Any], str]] = [
    ({}, "Schedule must be specified"),
    ({"Schedule": "cron(0 9 * * * *)"}, "exactly one of day-of-month"),
    ({"Schedule": "rate(5 minutes)", "Timezone": "Mars/Phobos"}, "Timezone Mars/Phobos"),
    ({"Schedule": "at(2020-01-01T00:00:00)"}, "never comes"),
    ({"Schedule": "rate(99999999999 days)"}, "never comes"),
    ({"Schedule": "rate(5 minutes)", "ScalableTargetAction": {}}, "must have MinCapacity"),
    (
        {"Schedule": "rate(5 minutes)", "ScalableTargetAction": {"MinCapacity": 0}},
        "at least 1 instance",
    ),
    (
        {
            "Schedule": "rate(5 minutes)",
            "ScalableTargetAction": {"MinCapacity": 3, "MaxCapacity": 2},
        },
        "cannot be less",
    ),
    ({"Schedule": "rate(5 minutes)", "EndTime": 1_000}, "EndTime must be in the future"),
]


def test_schedules_that_cannot_be(client: Any) -> None:
    register(client)
    for given, said in NO_SCHEDULES:
        asked = {
            **OF,
            "ScheduledActionName": "x",
            "ScalableTargetAction": {"MinCapacity": 1},
            **given,
        }
        code, text = refusal(client.put_scheduled_action, **asked)
        assert code == "ValidationException"
        assert said in text, said


def activity(number: int, *reasons: Reason) -> Activity:
    return Activity(
        f"a-{number}", AccountId(ACCOUNT), Region(REGION), RESOURCE, Dimension.INSTANCE_COUNT,
        f"Setting desired instance count to {number}.", "cause", 1_700_000_000.0 + number,
        ActivityStatus.FAILED if reasons else ActivityStatus.SUCCESSFUL, "message",
        ended=1_700_000_001.0 + number, reasons=reasons, evidence={"why": "so"},
    )  # fmt: skip


def test_activities_are_shown_newest_first(world: Any, client: Any) -> None:
    register(client)
    target = stored(world)

    def write(tx: Any) -> None:
        scaling_activities.put(tx, target.id, activity(1))
        scaling_activities.put(tx, target.id, activity(2, Reason(NotScaled.AT_MAX, 4)))
        scaling_activities.put(tx, target.id, activity(3, Reason(NotScaled.FLAPPING)))
        scaling_activities.put(tx, target.id, activity(4))
        scaling_activities.put(tx, target.id, activity(5, Reason(NotScaled.AT_MIN, 1)))
        scaling_activities.put(tx, target.id, activity(6, Reason(NotScaled.AT_DESIRED, 3)))

    world.rooms.store.run(write, write=True)

    def shown(**more: Any) -> list[dict[str, Any]]:
        asked = {"ServiceNamespace": "sagemaker", **more}
        found: list[dict[str, Any]] = client.describe_scaling_activities(**asked)[
            "ScalingActivities"
        ]
        return found

    assert [each["ActivityId"] for each in shown()] == ["a-4", "a-1"]
    everything = shown(ResourceId=RESOURCE, IncludeNotScaledActivities=True)
    assert [each.get("NotScaledReasons") for each in everything] == [
        [{"Code": "AlreadyAtDesiredCapacity", "CurrentCapacity": 3}],
        [{"Code": "AlreadyAtMinCapacity", "MinCapacity": 1}],
        None,
        [{"Code": "AutoScalingAnticipatedFlapping"}],
        [{"Code": "AlreadyAtMaxCapacity", "MaxCapacity": 4}],
        None,
    ]
    assert everything[0]["Details"] == '{"why":"so"}'
    assert shown(ResourceId="endpoint/other/variant/AllTraffic") == []


PAGED = [
    ("describe_scalable_targets", "ScalableTargets", "ResourceId"),
    ("describe_scaling_activities", "ScalingActivities", "ActivityId"),
    ("describe_scheduled_actions", "ScheduledActions", "ScheduledActionName"),
]


def test_targets_activities_and_schedules_are_paged_by_fifty(world: Any, client: Any) -> None:
    register(client)
    first = stored(world)

    def write(tx: Any) -> None:
        for number in range(1, 51):
            variant = f"v-{number}"
            target = replace(first, id=f"t-{number}", variant=variant, created=first.created + 1)
            scaling.put_target(tx, target)
        for number in range(51):
            arn, name = Arn(f"arn:{number}"), f"s-{number}"
            scaling.put_action(tx, ScheduledAction(first.id, name, arn, 0.0, "rate(1 day)", min=2))
            scaling_activities.put(tx, first.id, activity(number))

    world.rooms.store.run(write, write=True)
    for operation, member, name in PAGED:
        asked = {"ServiceNamespace": "sagemaker"}
        pages = list(client.get_paginator(operation).paginate(**asked))
        assert [len(page[member]) for page in pages] == [50, 1], operation
        assert len({each[name] for page in pages for each in page[member]}) == 51, "none twice"
        text = refusal(getattr(client, operation), **asked, MaxResults=51)[1]
        assert "between 1 and 50" in text


@pytest.mark.parametrize(
    ("described", "member", "name", "delete"),
    [
        ("describe_scaling_policies", "ScalingPolicies", "PolicyName", "delete_scaling_policy"),
        (
            "describe_scheduled_actions",
            "ScheduledActions",
            "ScheduledActionName",
            "delete_scheduled_action",
        ),
        (
            "describe_scalable_targets",
            "ScalableTargets",
            "ResourceId",
            "deregister_scalable_target",
        ),
    ],
)
def test_what_is_deleted_page_by_page_is_shown_whole(
    world: Any, client: Any, *, described: str, member: str, name: str, delete: str
) -> None:
    register(client)
    first = stored(world)
    bounds = {"MinCapacity": 1, "MaxCapacity": 2}
    for number in range(5):
        put(client, f"{number}", PolicyType="StepScaling", StepScalingPolicyConfiguration=STEPS)
        client.put_scheduled_action(
            **OF, ScheduledActionName=f"{number}", Schedule="rate(1 day)",
            ScalableTargetAction=bounds,
        )  # fmt: skip
        target = replace(first, id=f"t-{number}", variant=f"v-{number}", created=first.created + 1)
        world.rooms.store.run(lambda tx, one=target: scaling.put_target(tx, one), write=True)
    asked = {"ServiceNamespace": "sagemaker"}
    (whole,) = client.get_paginator(described).paginate(**asked)
    sizes, shown = {"PageSize": 2}, []
    for page in client.get_paginator(described).paginate(**asked, PaginationConfig=sizes):
        shown += [each[name] for each in page[member]]
        for each in page[member]:
            getattr(client, delete)(**{**OF, name: each[name]})
    assert shown == [each[name] for each in whole[member]]
    assert len(shown) >= 5


def test_tags_of_targets(client: Any) -> None:
    arn = register(client)
    client.tag_resource(ResourceARN=arn, Tags={"a": "1", "b": "2"})
    client.untag_resource(ResourceARN=arn, TagKeys=["a", "none"])
    assert client.list_tags_for_resource(ResourceARN=arn)["Tags"] == {"b": "2"}
    many = {f"k{number}": "" for number in range(50)}
    assert refusal(client.tag_resource, ResourceARN=arn, Tags=many)[0] == "TooManyTagsException"
    assert "first time" in refusal(register, client=client, Tags={"a": "1"})[1]
    none = f"{arn[:-4]}0000"
    with pytest.raises(ClientError) as caught:
        client.list_tags_for_resource(ResourceARN=none)
    assert caught.value.response["Error"]["Code"] == "ResourceNotFoundException"
    assert caught.value.response["ResourceName"] == none


def test_an_update_keeps_what_is_scaled(
    world: Any, sagemaker: Any, deployable: Any, client: Any
) -> None:
    register(client)
    deployable("rc-large", InstanceType="ml.m5.2xlarge")
    deployable("rc-other", VariantName="Other")
    deployable("rc-same", InitialInstanceCount=2)
    for config, said in (
        (
            "rc-large-config",
            "changes it from instance type ml.m5.xlarge to instance type ml.m5.2xlarge",
        ),
        ("rc-other-config", "removes it"),
    ):
        text = refusal(sagemaker.update_endpoint, EndpointName=NAME, EndpointConfigName=config)[1]
        assert said in text
        assert "DeregisterScalableTarget" in text
    sagemaker.update_endpoint(EndpointName=NAME, EndpointConfigName="rc-same-config")


def test_provisioned_concurrency_is_bounded_by_max_concurrency(sagemaker: Any, client: Any) -> None:
    config = {"MemorySizeInMB": 2048, "MaxConcurrency": 5, "ProvisionedConcurrency": 1}
    variant = {
        "VariantName": "v",
        "ModelName": "rc-project-a-fraud-v1",
        "ServerlessConfig": config,
    }
    sagemaker.create_endpoint_config(EndpointConfigName="naps", ProductionVariants=[variant])
    sagemaker.create_endpoint(EndpointName="naps", EndpointConfigName="naps")
    naps = {
        **OF,
        "ResourceId": "endpoint/naps/variant/v",
        "ScalableDimension": "sagemaker:variant:DesiredProvisionedConcurrency",
    }
    text = refusal(client.register_scalable_target, **naps, MinCapacity=1, MaxCapacity=6)[1]
    assert "MaxConcurrency is 5" in text
    client.register_scalable_target(**naps, MinCapacity=1, MaxCapacity=5)


def test_deleting_an_endpoint_deregisters_its_variants(
    world: Any, sagemaker: Any, client: Any
) -> None:
    register(client)
    put(client)
    sagemaker.delete_endpoint(EndpointName=NAME)
    assert made(world) == {}
    assert client.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"] == []
    assert client.describe_scaling_policies(ServiceNamespace="sagemaker")["ScalingPolicies"] == []


def test_permissions(world: Any, client: Any) -> None:
    arn = register(client, Tags={"Team": "rc"})
    allowed = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Action": ["application-autoscaling:RegisterScalableTarget"],
                "Resource": "*",
                "Condition": {
                    "StringEquals": {"application-autoscaling:scalable-dimension": COUNT}
                },
            },
            {"Effect": "Allow", "Action": "sagemaker:DescribeEndpoint", "Resource": ENDPOINT_ARN},
            {
                "Effect": "Allow",
                "Action": "application-autoscaling:PutScalingPolicy",
                "Resource": "*",
                "Condition": {"StringEquals": {"aws:ResourceTag/Team": "algo"}},
            },
        ],
    }
    mine = world.client("application-autoscaling", world.user("scaler", allowed))
    register(mine)
    code, text = refusal(put, client=mine)
    assert code == "AccessDeniedException"
    assert f"on resource: {arn}" in text
    client.tag_resource(ResourceARN=arn, Tags={"Team": "algo"})
    put(mine)
    other = {**OF, "ResourceId": "endpoint/other-ep/variant/AllTraffic", "MinCapacity": 1}
    assert "sagemaker:DescribeEndpoint" in refusal(mine.register_scalable_target, **other)[1]
    denied = refusal(mine.describe_scalable_targets, ServiceNamespace="sagemaker")
    assert denied[0] == "AccessDeniedException"
