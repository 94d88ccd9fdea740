"""`hostler alarms`: the usual alarms of an endpoint, how alarms stand, and why.

Invariant: it is a client of CloudWatch's and SageMaker's APIs, as any other.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any

import typer
from rich.text import Text

from hostler.cli.output import (
    As,
    AsJson,
    CommandError,
    DataDir,
    EndpointName,
    connect,
    directory,
    document,
    out,
    table,
)
from hostler.toolkit import alarms

KINDS = ("MetricAlarm", "CompositeAlarm")
_STYLES = {"OK": "green", "ALARM": "red", "INSUFFICIENT_DATA": "yellow"}

app = typer.Typer(help="Alarms on endpoints' metrics.", no_args_is_help=True)

Actions = Annotated[
    list[str] | None,
    typer.Option(
        "--action",
        metavar="ARN",
        help="What is told when an alarm goes off and when it is over, as a topic; repeatable.",
    ),
]


@app.command()
def setup(
    endpoint: EndpointName,
    actions: Actions = None,
    data_dir: DataDir = None,
    who: As = None,
    as_json: AsJson = False,
) -> None:
    """Put the usual alarms on an endpoint: latencies, errors, CPU and memory of each variant."""
    connection = connect(directory(data_dir), who)
    described = connection.client("sagemaker").describe_endpoint(EndpointName=endpoint)
    variants = [each["VariantName"] for each in described.get("ProductionVariants") or ()]
    if not variants:
        raise CommandError(
            f"{endpoint} is {described['EndpointStatus']} and has no variants yet: set its alarms "
            "up when it is InService"
        )
    client = connection.client("cloudwatch")
    made = []
    for variant in variants:
        for asked in alarms.alarms(described["EndpointName"], variant, actions or ()):
            client.put_metric_alarm(**asked)
            made.append(asked["AlarmName"])
    if as_json:
        document({"AlarmNames": made})
        return
    for name in made:
        out.print(name, markup=False)


@app.command("list")
def listed(
    prefix: Annotated[
        str | None, typer.Argument(metavar="PREFIX", help="Only those whose names begin so.")
    ] = None,
    data_dir: DataDir = None,
    who: As = None,
    as_json: AsJson = False,
) -> None:
    """Print how alarms stand."""
    client = connect(directory(data_dir), who).client("cloudwatch")
    limits = {"AlarmNamePrefix": prefix} if prefix else {}
    found = [*_alarms(client, **limits)]
    if as_json:
        document({"Alarms": found})
        return
    rows: list[Sequence[str | Text]] = [
        (each["AlarmName"], state(each), _since(each), each["StateReason"]) for each in found
    ]
    if not rows:
        out.print("there are no alarms: `hostler alarms setup ENDPOINT` makes the usual ones")
        return
    table(("ALARM", "STATE", "SINCE", "REASON"), rows)


@app.command()
def explain(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The alarm's name.")],
    data_dir: DataDir = None,
    who: As = None,
    as_json: AsJson = False,
) -> None:
    """Say what an alarm watches, why it stands as it does, and what came of it."""
    client = connect(directory(data_dir), who).client("cloudwatch")
    found = [*_alarms(client, AlarmNames=[name])]
    if not found:
        raise CommandError(f"there is no alarm {name}: `hostler alarms list` shows those there are")
    happened = client.describe_alarm_history(AlarmName=name, AlarmTypes=list(KINDS), MaxRecords=10)[
        "AlarmHistoryItems"
    ]
    if as_json:
        document({"Alarm": found[0], "History": happened})
        return
    for line in explained(found[0], happened):
        out.print(line, markup=False)


def explained(alarm: Mapping[str, Any], happened: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """An alarm in words."""
    yield f"{alarm['AlarmName']} is {alarm['StateValue']} since {_since(alarm)}"
    yield f"  {alarm['StateReason']}"
    yield f"  watches {_watched(alarm)}"
    if "Threshold" in alarm:
        needed = alarm.get("DatapointsToAlarm", alarm["EvaluationPeriods"])
        compared = f"{alarm['ComparisonOperator']} {alarm['Threshold']:g}"
        missing = alarm.get("TreatMissingData", "missing")
        yield (
            f"  ALARM when {needed} of {alarm['EvaluationPeriods']} are {compared}; missing data "
            f"are {missing}"
        )
    data = json.loads(alarm.get("StateReasonData") or "{}")
    for point in data.get("evaluatedDatapoints", ()):
        yield f"  {point['timestamp']}  {point['value']:g}"
    if not alarm["ActionsEnabled"]:
        yield "  its actions are disabled"
    for item in happened:
        yield f"  {_moment(item['Timestamp'])}  {item['HistorySummary']}"


def state(alarm: Mapping[str, Any]) -> Text:
    """An alarm's state in its colour."""
    return Text(alarm["StateValue"], style=_STYLES[alarm["StateValue"]])


def _alarms(client: Any, **limits: Any) -> Iterator[Mapping[str, Any]]:
    pages = client.get_paginator("describe_alarms").paginate(AlarmTypes=list(KINDS), **limits)
    for page in pages:
        yield from page["MetricAlarms"]
        yield from page["CompositeAlarms"]


def _watched(alarm: Mapping[str, Any]) -> str:
    if "AlarmRule" in alarm:
        return str(alarm["AlarmRule"])
    queries = alarm.get("Metrics") or ()
    for query in queries:
        if query.get("ReturnData", True) and "Expression" in query:
            return f"{query.get('Label', query['Id'])}: {query['Expression']}"
    metric = alarm
    if queries:
        stat = next(each["MetricStat"] for each in queries if each.get("ReturnData", True))
        metric = {**stat["Metric"], "Statistic": stat["Stat"], "Period": stat["Period"]}
    of = ", ".join(f"{each['Name']} {each['Value']}" for each in metric.get("Dimensions") or ())
    statistic = metric.get("Statistic") or metric.get("ExtendedStatistic")
    place = f"{metric['Namespace']} {metric['MetricName']}"
    return f"{statistic} of {place} over {metric['Period']} s" + (f" ({of})" if of else "")


def _since(alarm: Mapping[str, Any]) -> str:
    return _moment(alarm.get("StateTransitionedTimestamp") or alarm["StateUpdatedTimestamp"])


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S}"
