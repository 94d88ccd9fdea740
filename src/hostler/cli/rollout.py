"""`hostler rollout`: how an endpoint goes over to another deployment, and what became of it.

Invariant: it is a client; what it shows is what DescribeEndpoint, DescribeAlarms and GetMetricData
say, and the updates that Hostler keeps (``cli.updates``).
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
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

TRIES = 3
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
    if sum((follow, listing, number is not None)) > 1:
        raise CommandError("--follow, --list and --update are three questions: ask one of them")
    if listing and svg is not None:
        raise CommandError("--svg draws one update: give --update N in place of --list")
    connection = connect(directory(data_dir), who)
    if listing:
        _list(endpoint, updates.known(connection, endpoint), as_json=as_json)
    elif number is not None:
        update = updates.chosen(updates.known(connection, endpoint), endpoint, number)
        _tell(connection, update, {"EndpointName": endpoint}, as_json=as_json)
        _draw(update, endpoint, svg)
    else:
        _draw(told(connection, endpoint, follow=follow, as_json=as_json), endpoint, svg)


def told(connection: Connection, endpoint: str, *, follow: bool, as_json: bool) -> Update | None:
    """Show what an endpoint is at, with the update that this is of; that update.

    None where there is none: weights and counts change without one.
    """
    tries = FOLLOW_TRIES if follow else TRIES
    before = _newest(connection, endpoint, tries)
    now = seen(connection, endpoint, tries=tries)
    changing = _is_changing(now)
    if follow:
        now = _followed(connection, endpoint, now, as_json=as_json)
    last = _newest(connection, endpoint, tries)
    update = updates.meant(before, last) if changing else last
    if update is not None and "Outcome" in update:
        if not as_json:
            _show(now, but=update.get("FailureReason"))
        _tell(connection, update, now, as_json=as_json, tries=tries)
    else:
        _show({**now, "Update": updates.dated(update)}, as_json=as_json)
    return update


def _newest(connection: Connection, endpoint: str, tries: int) -> Update | None:
    return next(iter(updates.known(connection, endpoint, tries=tries)), None)


def _is_changing(now: Mapping[str, Any]) -> bool:
    status: str = now["EndpointStatus"]
    return status.endswith("ing")


def _followed(
    connection: Connection, endpoint: str, now: dict[str, Any], *, as_json: bool
) -> dict[str, Any]:
    """Show each change until the endpoint is at rest; what was seen then, which is not shown."""
    shown = None
    while _is_changing(now):
        if as_json or now != shown:
            _show(now, as_json=as_json)
        shown = now
        time.sleep(FOLLOW_EVERY_S)
        now = seen(connection, endpoint, tries=FOLLOW_TRIES)
    return now


def _list(endpoint: str, known: Sequence[Update], *, as_json: bool) -> None:
    if as_json:
        document({"EndpointName": endpoint, "Updates": updates.dated(list(known))})
    elif known:
        table(updates.LIST_HEAD, updates.listed(known))
    else:
        out.print(f"no update of {endpoint} is known", markup=False)


def _tell(
    connection: Connection,
    update: Update,
    around: Mapping[str, Any],
    *,
    as_json: bool,
    tries: int = TRIES,
) -> None:
    """An update's whole story; ``around`` is what an endpoint's document has beside it."""
    sides = updates.calls(connection, around["EndpointName"], update, tries=tries)
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
        raise CommandError(
            f"nothing to draw: no update of {endpoint} was under way "
            f"(`hostler rollout {endpoint} --list` shows the last ones)"
        )
    file.write_text(update_plot.svg(update, endpoint), encoding="utf-8")
    err.print(Text(f"{file} is written", style="dim"))


def seen(connection: Connection, endpoint: str, *, tries: int = TRIES) -> dict[str, Any]:
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
