"""What a team does to watch, scale and save on its endpoints, by any client (``callers``).

Each walk is a story of one service, with names of its caller's own; it asserts what it was answered
and leaves nothing behind.
"""

import contextlib
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from callers import Boto3, Caller, RefusedError
from deploying import create_config, settled
from running import ACCOUNT, PREFIX, REGION, Running, eventually

SLOW = """
import os
import time

def model_fn(model_dir):
    print("a model is loaded", flush=True)
    return model_dir

def transform_fn(model, data, content_type, accept):
    text = data.decode() if isinstance(data, bytes) else str(data)
    print("ERROR" if text == "complain" else text, flush=True)
    while text == "wait" and not os.path.exists(f"{model}/open"):
        time.sleep(0.01)
    return text, "text/plain"
"""
"""Answers what it is sent; ``wait`` when its gate is open."""


def deployed(server: Running, name: str, model: str) -> str:
    """An endpoint with an instance of a type that can be scaled, in service."""
    endpoint = f"{PREFIX}{name}-ep"
    config = create_config(server, name, model, InstanceType="ml.m5.large")
    server.client("sagemaker").create_endpoint(EndpointName=endpoint, EndpointConfigName=config)
    described = settled(server, endpoint)
    assert described["EndpointStatus"] == "InService", (described, server.process_logs())
    return endpoint


@contextlib.contextmanager
def refused(code: str, text: str = "") -> Iterator[None]:
    """An operation is answered with this error."""
    with pytest.raises(RefusedError) as caught:
        yield
    assert caught.value.code == code
    assert text in caught.value.message


def _names(items: list[dict[str, Any]], member: str) -> list[str]:
    return sorted(item[member] for item in items)


def printed(call: Caller, endpoint: str, text: str) -> list[str] | None:
    """The lines with a text in an endpoint's log, if there are any yet."""
    group = f"/aws/sagemaker/Endpoints/{endpoint}"
    try:
        found = call("logs", "filter_log_events", logGroupName=group, filterPattern=f'"{text}"')
    except RefusedError:
        return None
    return _names(found["events"], "message") or None


def metrics(call: Caller) -> None:
    """Written, listed and read, with math."""
    namespace = f"Acme/{call.name}"
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    span = {
        "StartTime": (now - timedelta(hours=1)).isoformat(),
        "EndTime": (now + timedelta(hours=1)).isoformat(),
    }
    dimensions = [{"Name": "Shop", "Value": "north"}]
    metric = {"Namespace": namespace, "MetricName": "Orders", "Dimensions": dimensions}
    datum = {"MetricName": "Orders", "Dimensions": dimensions, "Timestamp": now.isoformat()}
    call(
        "cloudwatch",
        "put_metric_data",
        Namespace=namespace,
        MetricData=[
            {**datum, "Value": 3.0, "Unit": "Count"},
            {**datum, "Values": [1.0, 2.0], "Counts": [2.0, 1.0], "Unit": "Count"},
        ],
    )
    listed = call("cloudwatch", "list_metrics", Namespace=namespace)["Metrics"]
    assert listed == [metric]
    statistics = call(
        "cloudwatch",
        "get_metric_statistics",
        **metric,
        **span,
        Period=60,
        Statistics=["Sum", "SampleCount", "Maximum"],
    )
    (point,) = statistics["Datapoints"]
    assert [point[name] for name in ("Sum", "SampleCount", "Maximum", "Unit")] == [7, 4, 3, "Count"]
    queries = [
        {"Id": "m", "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Sum"}},
        {"Id": "half", "Expression": "m / 2", "Label": "half of them"},
    ]
    found = call("cloudwatch", "get_metric_data", MetricDataQueries=queries, **span)
    results = {each["Id"]: each for each in found["MetricDataResults"]}
    assert (results["m"]["Values"], results["half"]["Values"]) == ([7.0], [3.5])
    assert results["half"]["Label"] == "half of them"
    with refused("UnknownOperationException", "GetMetricData"):
        call("cloudwatch", "list_dashboards")


def topics(call: Caller) -> None:
    """A topic, who subscribes to it, and what is published."""
    topic = call("sns", "create_topic", Name=call.name)["TopicArn"]
    assert topic == f"arn:aws:sns:{REGION}:{ACCOUNT}:{call.name}"
    subscription = call(
        "sns", "subscribe", TopicArn=topic, Protocol="file", Endpoint=f"{call.name}.jsonl"
    )["SubscriptionArn"]
    (listed,) = call("sns", "list_subscriptions_by_topic", TopicArn=topic)["Subscriptions"]
    assert (listed["SubscriptionArn"], listed["Protocol"]) == (subscription, "file")
    call(
        "sns",
        "set_subscription_attributes",
        SubscriptionArn=subscription,
        AttributeName="RawMessageDelivery",
        AttributeValue="true",
    )
    shown = call("sns", "get_subscription_attributes", SubscriptionArn=subscription)["Attributes"]
    assert shown["RawMessageDelivery"] == "true"
    call("sns", "tag_resource", ResourceArn=topic, Tags=[{"Key": "Team", "Value": "rc"}])
    tags = call("sns", "list_tags_for_resource", ResourceArn=topic)["Tags"]
    assert tags == [{"Key": "Team", "Value": "rc"}]
    assert call("sns", "publish", TopicArn=topic, Message="hello")["MessageId"]
    assert topic in _names(call("sns", "list_topics")["Topics"], "TopicArn")
    with refused("InvalidAction", "Call Publish"):
        call(
            "sns",
            "publish_batch",
            TopicArn=topic,
            PublishBatchRequestEntries=[{"Id": "1", "Message": "m"}],
        )
    call("sns", "unsubscribe", SubscriptionArn=subscription)
    call("sns", "delete_topic", TopicArn=topic)
    with refused("NotFound"):
        call("sns", "get_topic_attributes", TopicArn=topic)


def alarms(call: Caller) -> None:
    """One on a metric, one on that one: set, described, silenced, tagged, deleted."""
    one, both = f"{call.name}-errors", f"{call.name}-any"
    metric = {"Namespace": f"Acme/{call.name}", "MetricName": "Errors"}
    call(
        "cloudwatch",
        "put_metric_alarm",
        AlarmName=one,
        **metric,
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=3,
        DatapointsToAlarm=2,
        Threshold=1.0,
        ComparisonOperator="GreaterThanThreshold",
        Tags=[{"Key": "Team", "Value": "rc"}],
    )
    call("cloudwatch", "put_composite_alarm", AlarmName=both, AlarmRule=f'ALARM("{one}")')
    asked = {"AlarmNames": [one, both], "AlarmTypes": ["MetricAlarm", "CompositeAlarm"]}
    described = call("cloudwatch", "describe_alarms", **asked)
    (shown,) = described["MetricAlarms"]
    assert (shown["DatapointsToAlarm"], shown["StateValue"]) == (2, "INSUFFICIENT_DATA")
    arn = f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:{one}"
    assert shown["AlarmArn"] == arn
    assert described["CompositeAlarms"][0]["AlarmRule"] == f'ALARM("{one}")'
    found = call("cloudwatch", "describe_alarms_for_metric", **metric)["MetricAlarms"]
    assert _names(found, "AlarmName") == [one]
    call("cloudwatch", "set_alarm_state", AlarmName=one, StateValue="ALARM", StateReason="a trial")
    items = call("cloudwatch", "describe_alarm_history", AlarmName=one)["AlarmHistoryItems"]
    assert "Alarm updated from INSUFFICIENT_DATA to ALARM" in _names(items, "HistorySummary")
    for operation, enabled in (("disable_alarm_actions", False), ("enable_alarm_actions", True)):
        call("cloudwatch", operation, AlarmNames=[one])
        (shown,) = call("cloudwatch", "describe_alarms", AlarmNames=[one])["MetricAlarms"]
        assert shown["ActionsEnabled"] is enabled
    call("cloudwatch", "tag_resource", ResourceARN=arn, Tags=[{"Key": "Env", "Value": "dev"}])
    call("cloudwatch", "untag_resource", ResourceARN=arn, TagKeys=["Team"])
    tags = call("cloudwatch", "list_tags_for_resource", ResourceARN=arn)["Tags"]
    assert tags == [{"Key": "Env", "Value": "dev"}]
    with refused("ValidationError", "composite alarm(s) depending on it"):
        call("cloudwatch", "delete_alarms", AlarmNames=[one])
    call("cloudwatch", "delete_alarms", AlarmNames=[both, one])
    left = call("cloudwatch", "describe_alarms", **asked)
    assert not left.get("MetricAlarms")
    assert not left.get("CompositeAlarms")


def logs(call: Caller, endpoint: str) -> None:
    """An endpoint's log is read and kept; a group of one's own is written."""
    theirs = f"/aws/sagemaker/Endpoints/{endpoint}"
    assert call.invoke(endpoint, "complain") == "complain"
    found = eventually("what it printed is found", lambda: printed(call, endpoint, "ERROR"))
    assert set(found) == {"ERROR"}
    stream, *_ = call("logs", "describe_log_streams", logGroupName=theirs)["logStreams"]
    assert stream["logStreamName"].startswith("AllTraffic/")
    events = call(
        "logs",
        "get_log_events",
        logGroupName=theirs,
        logStreamName=stream["logStreamName"],
        startFromHead=True,
    )["events"]
    assert "a model is loaded" in _names(events, "message")
    call("logs", "put_retention_policy", logGroupName=theirs, retentionInDays=7)
    (group,) = call("logs", "describe_log_groups", logGroupNamePrefix=theirs)["logGroups"]
    assert group["retentionInDays"] == 7
    call("logs", "delete_retention_policy", logGroupName=theirs)
    own = {"logGroupName": f"/acme/{call.name}"}
    call("logs", "create_log_group", **own, tags={"Team": "rc"})
    assert call("logs", "list_tags_log_group", **own)["tags"] == {"Team": "rc"}
    call("logs", "create_log_stream", **own, logStreamName="s")
    event = {"timestamp": int(time.time() * 1000), "message": '{"ms": 120}'}
    call("logs", "put_log_events", **own, logStreamName="s", logEvents=[event])
    found = call("logs", "filter_log_events", **own, filterPattern="{ $.ms > 100 }")["events"]
    assert _names(found, "message") == ['{"ms": 120}']
    with refused("UnknownOperationException", "FilterLogEvents"):
        call("logs", "start_query", **own, startTime=0, endTime=1, queryString="fields @message")
    call("logs", "delete_log_group", **own)
    with refused("ResourceNotFoundException"):
        call("logs", "describe_log_streams", **own)


def scaling(call: Caller, endpoint: str, count: int) -> None:
    """A target with policies of both kinds and a scheduled action; its bounds move it to a count.

    Args:
        call: The client.
        endpoint: One with instances, not as many as ``count``.
        count: How many it has in the end.
    """
    service = "application-autoscaling"
    arn = f"endpoint/{endpoint}/variant/AllTraffic"
    target = {
        "ServiceNamespace": "sagemaker",
        "ResourceId": arn,
        "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
    }
    call(service, "register_scalable_target", **target, MinCapacity=count, MaxCapacity=count)
    description = f"Setting desired instance count to {count}."

    def followed() -> bool:
        asked = {"ServiceNamespace": "sagemaker", "ResourceId": arn}
        found = call(service, "describe_scaling_activities", **asked)["ScalingActivities"]
        done = [each for each in found if each["StatusCode"] == "Successful"]
        return bool(done) and done[0]["Description"] == description

    eventually("its bounds were followed", followed)
    suspended = {"DynamicScalingInSuspended": True, "ScheduledScalingSuspended": False}
    call(service, "register_scalable_target", **target, MaxCapacity=4, SuspendedState=suspended)
    described = {"ServiceNamespace": "sagemaker", "ResourceIds": [arn]}
    (shown,) = call(service, "describe_scalable_targets", **described)["ScalableTargets"]
    assert (shown["MinCapacity"], shown["MaxCapacity"]) == (count, 4)
    assert shown["SuspendedState"]["DynamicScalingInSuspended"] is True
    _policies(call, service, target)
    call(service, "deregister_scalable_target", **target)
    assert call(service, "describe_scalable_targets", **described)["ScalableTargets"] == []
    left = call("cloudwatch", "describe_alarms", AlarmNamePrefix=f"TargetTracking-{arn}/")
    assert not left.get("MetricAlarms")


def _policies(call: Caller, service: str, target: dict[str, str]) -> None:
    tracking = {
        "TargetValue": 70.0,
        "PredefinedMetricSpecification": {
            "PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"
        },
    }
    steps = {
        "AdjustmentType": "ChangeInCapacity",
        "StepAdjustments": [{"MetricIntervalLowerBound": 0.0, "ScalingAdjustment": 1}],
    }
    put = call(
        service,
        "put_scaling_policy",
        PolicyName="follow",
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration=tracking,
        **target,
    )
    assert len(put["Alarms"]) == 2
    call(
        service,
        "put_scaling_policy",
        PolicyName="step",
        PolicyType="StepScaling",
        StepScalingPolicyConfiguration=steps,
        **target,
    )
    with refused("ValidationException", "predictive scaling does not exist here"):
        call(
            service,
            "put_scaling_policy",
            PolicyName="guess",
            PolicyType="PredictiveScaling",
            **target,
        )
    named = {name: target[name] for name in ("ServiceNamespace", "ResourceId")}
    policies = call(service, "describe_scaling_policies", **named)["ScalingPolicies"]
    assert _names(policies, "PolicyName") == ["follow", "step"]
    call(
        service,
        "put_scheduled_action",
        ScheduledActionName="morning",
        Schedule="cron(0 8 ? * MON-FRI *)",
        Timezone="Europe/Berlin",
        ScalableTargetAction={"MinCapacity": 2, "MaxCapacity": 4},
        **target,
    )
    (action,) = call(service, "describe_scheduled_actions", **named)["ScheduledActions"]
    assert (action["Timezone"], action["ScheduledActionName"]) == ("Europe/Berlin", "morning")
    call(service, "delete_scheduled_action", ScheduledActionName="morning", **target)
    call(service, "delete_scaling_policy", PolicyName="step", **target)


def serverless(call: Caller, server: Running, model: str) -> None:
    """Created, invoked, throttled, given provisioned concurrency, deleted."""
    endpoint = f"{PREFIX}{call.name}-serverless"
    config = {"MemorySizeInMB": 1024, "MaxConcurrency": 1}
    variant = {"VariantName": "AllTraffic", "ModelName": model, "ServerlessConfig": config}
    named = {"EndpointConfigName": endpoint}
    call("sagemaker", "create_endpoint_config", **named, ProductionVariants=[variant])
    call("sagemaker", "create_endpoint", EndpointName=endpoint, **named)
    assert settled(server, endpoint)["EndpointStatus"] == "InService"
    assert call.invoke(endpoint, "hello") == "hello"
    with ThreadPoolExecutor(1) as other:
        held = other.submit(Boto3(server).invoke, endpoint, "wait")
        eventually("it is under way", lambda: printed(call, endpoint, "wait"))
        with refused("ThrottlingException"):
            call.invoke(endpoint, "me too")
        gates = [path.with_name("open") for path in (server.home / "models").glob("*/code")]
        for gate in gates:
            gate.touch()
        assert held.result(60) == "wait"
        for gate in gates:
            gate.unlink()
    provisioned = {"MaxConcurrency": 2, "ProvisionedConcurrency": 1}
    change = {"VariantName": "AllTraffic", "ServerlessUpdateConfig": provisioned}
    call(
        "sagemaker",
        "update_endpoint_weights_and_capacities",
        EndpointName=endpoint,
        DesiredWeightsAndCapacities=[change],
    )
    settled(server, endpoint)
    (shown,) = call("sagemaker", "describe_endpoint", EndpointName=endpoint)["ProductionVariants"]
    assert shown["CurrentServerlessConfig"] == {**config, **provisioned}
    assert call.invoke(endpoint, "again") == "again"
    call("sagemaker", "delete_endpoint", EndpointName=endpoint)
    call("sagemaker", "delete_endpoint_config", **named)
