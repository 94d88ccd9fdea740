"""Auto scaling for real: alarms of ten seconds scale an endpoint out and in under load."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest

from archives import ECHO, script
from deploying import create_config, create_model, settled
from load import paced
from running import PREFIX, Running, eventually, hostler

ENDPOINT = f"{PREFIX}fraud-ep"
RESOURCE = f"endpoint/{ENDPOINT}/variant/AllTraffic"
COUNT = "sagemaker:variant:DesiredInstanceCount"
OF = {"ServiceNamespace": "sagemaker", "ResourceId": RESOURCE, "ScalableDimension": COUNT}
BODY = {"features": [1, 2, 3]}
SLOW = ECHO.replace("return data\n", "time.sleep(0.02)\n    return data\n", 1).replace(
    "import json", "import json\nimport time", 1
)
SECTION_6 = """
import boto3

autoscaling = boto3.client('application-autoscaling')

autoscaling.register_scalable_target(
    ServiceNamespace='sagemaker',
    ResourceId='endpoint/{team}-{project}-{model}-ep/variant/AllTraffic',
    ScalableDimension='sagemaker:variant:DesiredInstanceCount',
    MinCapacity=1,
    MaxCapacity=4
)

autoscaling.put_scaling_policy(
    PolicyName='{team}-{project}-scaling-policy',
    ServiceNamespace='sagemaker',
    ResourceId='endpoint/{team}-{project}-{model}-ep/variant/AllTraffic',
    ScalableDimension='sagemaker:variant:DesiredInstanceCount',
    PolicyType='TargetTrackingScaling',
    TargetTrackingScalingPolicyConfiguration={
        'TargetValue': 70.0,
        'PredefinedMetricSpecification': {
            'PredefinedMetricType': 'SageMakerVariantInvocationsPerInstance'
        },
        'ScaleInCooldown': 300,
        'ScaleOutCooldown': 60
    }
)
"""
"""The user's own code, as it stands."""


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    with hostler() as running:
        model = create_model(running, "fraud", script(SLOW))
        config = create_config(running, "fraud", model, InstanceType="ml.m5.large")
        running.client("sagemaker").create_endpoint(
            EndpointName=ENDPOINT, EndpointConfigName=config
        )
        assert settled(running, ENDPOINT)["EndpointStatus"] == "InService"
        yield running


def count(server: Running) -> int:
    described = server.client("sagemaker").describe_endpoint(EndpointName=ENDPOINT)
    return int(described["ProductionVariants"][0]["CurrentInstanceCount"])


def test_the_users_own_code_sets_scaling_up(server: Running) -> None:
    code = SECTION_6
    for name, value in (("team", "rc"), ("project", "project-a"), ("model", "fraud")):
        code = code.replace(f"{{{name}}}", value)
    subprocess.run([sys.executable, "-c", code], check=True, env=server.environment())
    policies = server.client("application-autoscaling").describe_scaling_policies(
        ServiceNamespace="sagemaker", ResourceId=RESOURCE
    )["ScalingPolicies"]
    assert [each["PolicyName"] for each in policies] == [f"{PREFIX}scaling-policy"]
    names = [each["AlarmName"] for each in policies[0]["Alarms"]]
    found = server.client("cloudwatch").describe_alarms(AlarmNames=names)["MetricAlarms"]
    assert {each["Threshold"] for each in found} == {70.0, 63.0}
    said = server.run("scaling", "explain", ENDPOINT).stdout
    assert f"{ENDPOINT} / AllTraffic: InService, 1 instance" in said
    assert "Sum of AWS/SageMaker InvocationsPerInstance > 70, 3 of 3 periods of 60 s" in said
    explained = json.loads(server.run("scaling", "explain", ENDPOINT, "--json").stdout)
    assert (explained["min"], explained["max"], explained["desired"]) == (1, 4, 1)
    server.client("application-autoscaling").deregister_scalable_target(**OF)
    assert server.client("cloudwatch").describe_alarms()["MetricAlarms"] == []


def stepping(server: Running, name: str, number: int, **alarm: Any) -> None:
    """A step policy, and the alarm on requests at once that calls it."""
    made = server.client("application-autoscaling").put_scaling_policy(
        PolicyName=name,
        **OF,
        PolicyType="StepScaling",
        StepScalingPolicyConfiguration={
            "AdjustmentType": "ChangeInCapacity",
            "StepAdjustments": [{"ScalingAdjustment": number}],
            "Cooldown": 1,
        },
    )
    server.client("cloudwatch").put_metric_alarm(
        AlarmName=name,
        Namespace="AWS/SageMaker",
        MetricName="ConcurrentRequestsPerModel",
        Dimensions=[
            {"Name": "EndpointName", "Value": ENDPOINT},
            {"Name": "VariantName", "Value": "AllTraffic"},
        ],
        Statistic="Average",
        Period=10,
        EvaluationPeriods=1,
        AlarmActions=[made["PolicyARN"]],
        **alarm,
    )


def test_load_scales_out_and_quiet_scales_in_without_a_failed_request(server: Running) -> None:
    client = server.client("application-autoscaling")
    client.register_scalable_target(**OF, MinCapacity=1, MaxCapacity=3)
    with paced(server, ENDPOINT, BODY, BODY, per_second=5) as quiet:
        with paced(server, ENDPOINT, BODY, BODY, per_second=45) as busy:
            above = {"Threshold": 0.6, "ComparisonOperator": "GreaterThanThreshold"}
            stepping(server, "out", 2, **above)
            eventually("three instances", lambda: count(server) == 3)
            since = time.monotonic()
            eventually("calls with three", lambda: busy.answered_after(since) >= 40)
        below = {"Threshold": 0.2, "ComparisonOperator": "LessThanThreshold"}
        stepping(server, "in", -2, **below)
        eventually("one instance", lambda: count(server) == 1)
        since = time.monotonic()
        eventually("calls with one", lambda: quiet.answered_after(since) >= 5)
    assert not [*busy.failures, *quiet.failures], [*busy.failures, *quiet.failures][:3]
    eventually("the activities end", lambda: all("EndTime" in each for each in told(client)))
    assert [(each["Description"], each["StatusCode"]) for each in told(client)] == [
        ("Setting desired instance count to 1.", "Successful"),
        ("Setting desired instance count to 3.", "Successful"),
    ]
    assert told(client)[1]["Cause"] == "monitor alarm out in state ALARM triggered policy out"
    explained = json.loads(server.run("scaling", "explain", ENDPOINT, "--json").stdout)
    inward, outward = (each["evidence"] for each in explained["decisions"])
    for evidence, name, before, after in ((outward, "out", 1, 3), (inward, "in", 3, 1)):
        (alarm,), (proposal,) = evidence["alarms"], evidence["proposals"]
        assert (alarm["name"], alarm["policy"], alarm["state"]) == (name, name, "ALARM")
        assert alarm["metric"] == "Average of AWS/SageMaker ConcurrentRequestsPerModel"
        (value,), threshold = alarm["values"], alarm["threshold"]
        assert value > threshold if name == "out" else value < threshold
        change = f"{before} adjusted by {after - before:+d} (ChangeInCapacity) = {after}"
        assert proposal["formula"].startswith(f"{change}, as {value:.10g} is ")
        assert evidence["decision"] == f"Scale {name} from {before} to {after}."
        assert (evidence["current"], evidence["capacity"]) == (before, after)
    assert outward["cooldown"] is None
    cooldown = inward["cooldown"]
    assert (cooldown["direction"], cooldown["policy"], cooldown["holds"]) == ("out", "out", False)
    assert cooldown["until"] < inward["at"]


def told(client: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.describe_scaling_activities(
        ServiceNamespace="sagemaker", ResourceId=RESOURCE
    )["ScalingActivities"]
    return found
