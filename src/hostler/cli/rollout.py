"""`hostler rollout`: how an endpoint goes over to another deployment, and what became of it.

Invariant: it is a client; what it shows is what DescribeEndpoint, DescribeAlarms and GetMetricData
say, and the updates that Hostler keeps (``cli.updates``).
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from hostler.cli import side_calls, update_plot, updates
from hostler.cli.output import (
    FOLLOW_TRIES,
    As,
    AsJson,
    CommandError,
    DataDir,
    EndpointName,
    connect,
    directory,
    document,
    err,
    out,
    table,
)
from hostler.cli.side_calls import Window
from hostler.cli.updates import Update
from hostler.domain.moments import to_second
from hostler.toolkit.connection import Connection

FOLLOW_EVERY_S = 1.0
WINDOW_S = 300
"""How far back the calls of both deployments are counted."""
LATE = timedelta(seconds=60)
"""So that the minute that is not over is counted as well."""
HEAD = ("", "CONFIG", "VARIANT", "WEIGHT", "INSTANCES", "CALLS", "4XX", "5XX", "P99")

Follow = Annotated[bool, typer.Option("-f", "--follow", help="Go on until the deployment is over.")]
Listing = Annotated[bool, typer.Option("--list", help="The last updates, a line each.")]
Number = Annotated[
    int | None, typer.Option("--update", metavar="N", help="This one of the last updates.")
]
Svg = Annotated[
    Path | None,
    typer.Option("--svg", metavar="FILE", help="Draw the update's traffic over time into a file."),
]


def rollout(
    endpoint: EndpointName,
    follow: Follow = False,
    listing: Listing = False,
    number: Number = None,
    svg: Svg = None,
    data_dir: DataDir = None,
    who: As = None,
    as_json: AsJson = False,
) -> None:
    """Show a deployment under way, or what became of the last one: steps, alarms, both sides."""
    if sum((follow, listing, number is not None)) > 1 or (listing and svg is not None):
        raise CommandError("--follow, --list and --update are three questions: ask one of them")
    connection = connect(directory(data_dir), who)
    if listing:
        _list(endpoint, updates.known(connection, endpoint), as_json=as_json)
        return
    if number is not None:
        update = updates.chosen(updates.known(connection, endpoint), endpoint, number)
        _tell(connection, endpoint, update, {"EndpointName": endpoint}, as_json=as_json)
        _draw(update, endpoint, svg)
        return
    see = partial(_followed, as_json=as_json) if follow else seen
    now = see(connection, endpoint)
    last = next(iter(updates.known(connection, endpoint)), None)
    if last is not None and "Outcome" in last:
        if not as_json and not follow:
            _show(now, but=last.get("FailureReason"))
        _tell(connection, endpoint, last, now, as_json=as_json)
    elif as_json or not follow:
        _show({**now, "Update": updates.dated(last)}, as_json=as_json)
    _draw(last, endpoint, svg)


def _followed(connection: Connection, endpoint: str, *, as_json: bool) -> dict[str, Any]:
    """Show each change until the deployment is over; what was seen last."""
    shown = None
    while True:
        now = seen(connection, endpoint, tries=FOLLOW_TRIES)
        over = not now["EndpointStatus"].endswith("ing")
        if (as_json and not over) or (not as_json and now != shown):
            _show(now, as_json=as_json)
        if over:
            return now
        shown = now
        time.sleep(FOLLOW_EVERY_S)


def _list(endpoint: str, known: Sequence[Update], *, as_json: bool) -> None:
    if as_json:
        document({"EndpointName": endpoint, "Updates": updates.dated(list(known))})
    elif known:
        table(updates.LIST_HEAD, updates.listed(known))
    else:
        out.print(f"no update of {endpoint} is known", markup=False)


def _tell(
    connection: Connection,
    endpoint: str,
    update: Update,
    around: Mapping[str, Any],
    *,
    as_json: bool,
) -> None:
    """An update's whole story."""
    sides = updates.calls(connection, endpoint, update)
    if as_json:
        document({**around, "Update": {**updates.dated(update), "Sides": sides}})
        return
    for line in updates.lines(update, out.width if out.is_terminal else None):
        out.print(line)
    if sides:
        out.print()
        table(updates.CALLS_HEAD, [updates.row(side) for side in sides])


def _draw(update: Update | None, endpoint: str, file: Path | None) -> None:
    if file is None:
        return
    if update is None:
        raise CommandError(f"no update of {endpoint} is known: there is nothing to draw")
    file.write_text(update_plot.svg(update, endpoint))
    err.print(Text(f"{file} is written", style="dim"))


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
        client, end = connection.client("cloudwatch", retries=tries), datetime.now(UTC) + LATE
        window = Window(end - timedelta(seconds=WINDOW_S) - LATE, end)
        side_calls.count(client, described["EndpointName"], fleets, window, end)
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


def lines(now: Mapping[str, Any], *, but: str | None = None) -> Iterator[str]:
    """The deployment in words, but for the fleets."""
    yield f"{now['EndpointName']} is {now['EndpointStatus']} on {now['EndpointConfigName']}"
    for step in now["Steps"]:
        yield f"  {step['Since']}  {step['Status']}: {step['Message']}"
    for name, state in now["Alarms"].items():
        yield f"  alarm {name} is {state}"
    if now["FailureReason"] and now["FailureReason"] != but:
        yield f"  {now['LastModifiedTime']}  {now['FailureReason']}"


def _show(now: Mapping[str, Any], *, as_json: bool = False, but: str | None = None) -> None:
    """What there is now; ``but`` a FailureReason that is told elsewhere."""
    if as_json:
        document(now)
        return
    for line in lines(now, but=but):
        out.print(line, markup=False)
    rows: list[Sequence[str]] = [_row(fleet) for fleet in now["Fleets"]]
    counted = any(fleet["Calls"] is not None for fleet in now["Fleets"])
    columns = len(HEAD) if counted else HEAD.index("CALLS")
    if rows:
        table(HEAD[:columns], [row[:columns] for row in rows])


def _row(fleet: Mapping[str, Any]) -> Sequence[str]:
    return (
        fleet["Side"],
        str(fleet["Config"]),
        fleet["Variant"],
        f"{fleet['Weight']:.4g}",
        f"{fleet['Instances']} of {fleet['DesiredInstances']}",
        *side_calls.row(fleet),
    )


def _fleet(side: str, config: str | None, variant: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "Side": side,
        "Config": config,
        "Variant": variant["VariantName"],
        "Weight": variant.get("CurrentWeight", 0.0),
        "Instances": variant.get("CurrentInstanceCount", 0),
        "DesiredInstances": variant.get("DesiredInstanceCount", 0),
        **side_calls.UNKNOWN,
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
