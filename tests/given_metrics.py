"""SageMaker's metrics of endpoints: those that are given, by their units, and those that are not.

https://docs.aws.amazon.com/sagemaker/latest/dg/monitoring-cloudwatch.html
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from running import Running, eventually

CALLS, INSTANCES = "AWS/SageMaker", "/aws/sagemaker/Endpoints"
OF_EVERY_VARIANT = {
    "Invocations": "None",
    "Invocation4XXErrors": "None",
    "Invocation5XXErrors": "None",
    "InvocationModelErrors": "None",
    "ModelLatency": "Microseconds",
    "OverheadLatency": "Microseconds",
}
OF_INSTANCES = {
    **OF_EVERY_VARIANT,
    "InvocationsPerInstance": "None",
    "ConcurrentRequestsPerModel": "None",
}
OF_SERVERLESS = {
    **OF_EVERY_VARIANT,
    "ModelSetupTime": "Microseconds",
    "ServerlessConcurrentExecutionsUtilization": "None",
    "ServerlessProvisionedConcurrencyExecutions": "None",
    "ServerlessProvisionedConcurrencyUtilization": "None",
    "ServerlessProvisionedConcurrencyInvocations": "None",
    "ServerlessProvisionedConcurrencySpilloverInvocations": "None",
}
OF_USE = {
    "CPUUtilization": "Percent",
    "MemoryUtilization": "Percent",
    "DiskUtilization": "Percent",
}
OF_GPUS = {"GPUUtilization": "Percent", "GPUMemoryUtilization": "Percent"}
NOT_GIVEN = (
    "MidStreamErrors",
    "FirstChunkLatency",
    "NoCapacityInvocationFailures",
    "ContainerLatency",
    "ModelLoadingWaitTime",
    "ModelLoadingTime",
    "ModelDownloadingTime",
    "ModelUnloadingTime",
    "ModelCacheHit",
    "LoadedModelCount",
    "/aws/sagemaker/TransformJobs",
)
"""They belong to what does not exist here; docs/how-to/metrics.md says to what."""


def check(server: Running, endpoint: str, namespace: str, units: Mapping[str, str]) -> None:
    """Each is listed with the variant's dimensions, and has values of its unit; no others are."""
    client = server.client("cloudwatch")
    dimensions = [
        {"Name": "EndpointName", "Value": endpoint},
        {"Name": "VariantName", "Value": "AllTraffic"},
    ]

    def listed() -> set[str]:
        pages = client.get_paginator("list_metrics").paginate(
            Namespace=namespace, Dimensions=dimensions
        )
        found = [each for page in pages for each in page["Metrics"]]
        assert all(each["Dimensions"] == dimensions for each in found)
        return {each["MetricName"] for each in found}

    eventually("all are listed", lambda: listed() >= units.keys(), 90)
    assert listed() == units.keys()
    now = datetime.now(UTC)
    span: dict[str, Any] = {
        "StartTime": now - timedelta(hours=1),
        "EndTime": now + timedelta(minutes=1),
    }
    for name, unit in units.items():
        points = client.get_metric_statistics(
            Namespace=namespace,
            MetricName=name,
            Dimensions=dimensions,
            Period=60,
            Statistics=["Sum", "SampleCount"],
            **span,
        )["Datapoints"]
        assert {point["Unit"] for point in points} == {unit}, name
    queries = [
        {
            "Id": f"m{number}",
            "Label": name,
            "MetricStat": {
                "Metric": {"Namespace": namespace, "MetricName": name, "Dimensions": dimensions},
                "Period": 60,
                "Stat": "Average",
            },
        }
        for number, name in enumerate(units)
    ]
    read = client.get_metric_data(MetricDataQueries=queries, **span)["MetricDataResults"]
    assert {each["Label"]: bool(each["Values"]) for each in read} == dict.fromkeys(units, True)
