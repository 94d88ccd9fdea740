"""`hostler rollout`: how an endpoint goes over to another deployment, or what became of it.

Invariant: it is a client of SageMaker's and CloudWatch's APIs, as any other; what it shows is what
DescribeEndpoint, DescribeAlarms and GetMetricData say.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer

from hostler.cli.output import (
    FOLLOW_TRIES,
    As,
    AsJson,
    DataDir,
    EndpointName,
    connect,
    directory,
    document,
    out,
    table,
)
from hostler.domain.moments import to_second
from hostler.toolkit.connection import Connection

FOLLOW_EVERY_S = 1.0
WINDOW_S = 300
"""How far back the calls of both deployments are counted."""
METRICS = {
    "Calls": ("Invocations", "Sum"),
    "Errors4XX": ("Invocation4XXErrors", "Sum"),
    "Errors5XX": ("Invocation5XXErrors", "Sum"),
    "LatencyP99Us": ("ModelLatency", "p99"),
}
HEAD = ("", "CONFIG", "VARIANT", "WEIGHT", "INSTANCES", "CALLS", "4XX", "5XX", "P99")

Follow = Annotated[bool, typer.Option("-f", "--follow", help="Go on until the deployment is over.")]


def rollout(
    endpoint: EndpointName,
    follow: Follow = False,
    data_dir: DataDir = None,
    who: As = None,
    as_json: AsJson = False,
) -> None:
    """Show a deployment under way: its step, alarms, and both versions side by side."""
    connection = connect(directory(data_dir), who)
    shown = None
    while True:
        now = seen(connection, endpoint, tries=FOLLOW_TRIES if follow else 3)
        if as_json:
            document(now)
        elif now != shown:
            _show(now)
        shown = now
        if not follow or not now["EndpointStatus"].endswith("ing"):
            return
        time.sleep(FOLLOW_EVERY_S)


def seen(connection: Connection, endpoint: str, *, tries: int = 3) -> dict[str, Any]:
    """All that is known of an endpoint's deployment."""
    client = connection.client("sagemaker", retries=tries)
    described = client.describe_endpoint(EndpointName=endpoint)
    pending = described.get("PendingDeploymentSummary") or {}
    sides = [("blue", described.get("EndpointConfigName"), described.get("ProductionVariants"))]
    if pending:
        sides.append(("green", pending["EndpointConfigName"], pending.get("ProductionVariants")))
    fleets = [
        _fleet(side, config, variant)
        for side, config, variants in sides
        for variant in variants or ()
    ]
    if pending:
        _count(connection.client("cloudwatch", retries=tries), described["EndpointName"], fleets)
    return {
        "EndpointName": described["EndpointName"],
        "EndpointStatus": described["EndpointStatus"],
        "EndpointConfigName": described.get("EndpointConfigName"),
        "LastModifiedTime": described["LastModifiedTime"].astimezone(UTC).isoformat(),
        "FailureReason": described.get("FailureReason"),
        "Steps": _steps(pending),
        "Alarms": _alarms(connection, described, tries) if pending else {},
        "Fleets": fleets,
    }


def lines(now: Mapping[str, Any]) -> Iterator[str]:
    """The deployment in words, but for the fleets."""
    yield f"{now['EndpointName']} is {now['EndpointStatus']} on {now['EndpointConfigName']}"
    for step in now["Steps"]:
        yield f"  {step['Since']}  {step['Status']}: {step['Message']}"
    for name, state in now["Alarms"].items():
        yield f"  alarm {name} is {state}"
    if now["FailureReason"]:
        yield f"  {now['LastModifiedTime']}  {now['FailureReason']}"


def _show(now: Mapping[str, Any]) -> None:
    for line in lines(now):
        out.print(line, markup=False)
    rows: list[Sequence[str]] = [_row(fleet) for fleet in now["Fleets"]]
    if rows:
        table(HEAD, rows)


def _row(fleet: Mapping[str, Any]) -> Sequence[str]:
    latency = fleet["LatencyP99Us"]
    return (
        fleet["Side"],
        str(fleet["Config"]),
        fleet["Variant"],
        f"{fleet['Weight']:.4g}",
        f"{fleet['Instances']} of {fleet['DesiredInstances']}",
        *("" if fleet[name] is None else f"{fleet[name]:.0f}" for name in [*METRICS][:3]),
        "" if latency is None else f"{latency / 1000:.1f} ms",
    )


def _fleet(side: str, config: str | None, variant: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "Side": side,
        "Config": config,
        "Variant": variant["VariantName"],
        "Weight": variant.get("CurrentWeight", 0.0),
        "Instances": variant.get("CurrentInstanceCount", 0),
        "DesiredInstances": variant.get("DesiredInstanceCount", 0),
        **dict.fromkeys(METRICS),
    }


def _steps(pending: Mapping[str, Any]) -> list[dict[str, str]]:
    """What the new deployment's variants are at, each once."""
    found = {
        (state["Status"], state.get("StatusMessage", "")): state["StartTime"]
        for variant in pending.get("ProductionVariants", ())
        for state in variant.get("VariantStatus", ())
    }
    return [
        {
            "Status": status,
            "Message": message,
            "Since": to_second(since.timestamp()),
        }
        for (status, message), since in found.items()
    ]


def _alarms(connection: Connection, described: Mapping[str, Any], tries: int) -> dict[str, str]:
    """How the alarms stand that can take the deployment back."""
    config = described.get("LastDeploymentConfig") or {}
    watched = (config.get("AutoRollbackConfiguration") or {}).get("Alarms") or ()
    names = [each["AlarmName"] for each in watched]
    if not names:
        return {}
    client = connection.client("cloudwatch", retries=tries)
    answer = client.describe_alarms(AlarmNames=names, AlarmTypes=["MetricAlarm", "CompositeAlarm"])
    found = {
        each["AlarmName"]: each["StateValue"]
        for each in (*answer["MetricAlarms"], *answer["CompositeAlarms"])
    }
    return {name: found.get(name, "deleted") for name in names}


def _count(client: Any, endpoint: str, fleets: Sequence[dict[str, Any]]) -> None:
    """Fill in the calls that each fleet had lately."""
    if not fleets:
        return
    end = datetime.now(UTC) + timedelta(seconds=60)
    queries = [
        _query(f"m{number}_{name.lower()}", endpoint, fleet, *METRICS[name])
        for number, fleet in enumerate(fleets)
        for name in METRICS
    ]
    answer = client.get_metric_data(
        MetricDataQueries=queries, StartTime=end - timedelta(seconds=WINDOW_S + 60), EndTime=end
    )
    values = {each["Id"]: each["Values"] for each in answer["MetricDataResults"]}
    for number, fleet in enumerate(fleets):
        for name, (_metric, statistic) in METRICS.items():
            found = values.get(f"m{number}_{name.lower()}")
            if found:
                fleet[name] = sum(found) if statistic == "Sum" else max(found)


def _query(
    name: str, endpoint: str, fleet: Mapping[str, Any], metric: str, statistic: str
) -> dict[str, Any]:
    dimensions = {
        "EndpointName": endpoint,
        "VariantName": fleet["Variant"],
        "EndpointConfigName": fleet["Config"],
    }
    given = [{"Name": key, "Value": value} for key, value in dimensions.items()]
    return {
        "Id": name,
        "MetricStat": {
            "Metric": {"Namespace": "AWS/SageMaker", "MetricName": metric, "Dimensions": given},
            "Period": 60,
            "Stat": statistic,
        },
    }
