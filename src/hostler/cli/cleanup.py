"""`hostler cleanup`: which endpoints nobody calls, what they cost, and with --apply their end.

Invariant: without --apply nothing is changed; what is not certain is told and left.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from hostler.cli.output import (
    As,
    AsJson,
    CommandError,
    DataDir,
    connect,
    directory,
    document,
    err,
    out,
    table,
)
from hostler.domain import durations
from hostler.planning.cleanup import Rules, State
from hostler.planning.cleanup_steps import SCHEDULED, WITHDRAWN
from hostler.toolkit import cleanup as cleaning
from hostler.toolkit import endpoint_facts, prices
from hostler.toolkit.cleanup import Cleanup, Found
from hostler.toolkit.connection import Connection, Elsewhere
from hostler.toolkit.endpoint_facts import Clients
from hostler.toolkit.prices import Cost, Prices

HOURS_A_MONTH = 730
_STYLES = {State.IDLE: "yellow", State.USED: "green", State.UNKNOWN: "red", State.KEPT: "dim"}


OlderThan = Annotated[str, typer.Option(metavar="TIME", help="Not called for so long: 12h, 7d.")]
Environments = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME",
        help="By the tag Environment, else by -NAME- in the name; may be given again "
        "[default: dev].",
        show_default=False,
    ),
]
Include = Annotated[
    list[str] | None,
    typer.Option(metavar="TAG", help="Endpoints with this tag as well: Key=Value or Key."),
]
Exempt = Annotated[list[str] | None, typer.Option(metavar="TAG", help="None with this tag.")]
Apply = Annotated[bool, typer.Option("--apply", help="Delete what is idle.")]
PriceList = Annotated[
    Path | None,
    typer.Option("--prices", metavar="FILE", help="Another list of prices.", show_default=False),
]
Aws = Annotated[bool, typer.Option("--aws", help="On AWS, as your own profile.")]
Url = Annotated[
    str | None, typer.Option(metavar="URL", help="At another address, as your own profile.")
]
Profile = Annotated[
    str | None, typer.Option(metavar="NAME", help="Your profile, with --aws or an address.")
]
Where = Annotated[str | None, typer.Option(metavar="R", help="The region, likewise.")]


def cleanup(
    older_than: OlderThan = "7d",
    environment: Environments = None,
    include: Include = None,
    exempt: Exempt = None,
    apply: Apply = False,
    price_list: PriceList = None,
    aws: Aws = False,
    endpoint_url: Url = None,
    profile: Profile = None,
    region: Where = None,
    data_dir: DataDir = None,
    who: As = None,
    as_json: AsJson = False,
) -> None:
    """Show which development endpoints nobody calls, and what they cost; --apply deletes them."""
    older_than_s = durations.seconds(older_than)
    if older_than_s is None:
        raise CommandError(f"--older-than must be {durations.WANTS}, not {older_than!r}")
    for option, given in (("--include", include), ("--exempt", exempt)):
        if any(not tag.partition("=")[0] for tag in given or ()):
            raise CommandError(f"{option} must name a tag: Key=Value, Key=* or Key")
    if environment and "" in environment:
        raise CommandError("--environment must name one")
    listed = prices.load(price_list) if price_list else prices.load()
    place = _place(data_dir, who, Elsewhere(profile, region, endpoint_url), aws=aws)
    rules = Rules(
        older_than_s,
        cleaning.FRESH_S,
        tuple(environment or ("dev",)),
        tuple(include or ()),
        tuple(exempt or ()),
    )
    clients = Clients(place.client("sagemaker"), place.client("cloudwatch"))
    work = Cleanup(clients, rules, listed, _say)
    found = work.look()
    told = Told(found, [] if aws else _warnings(place, found), listed)
    if not apply:
        told.show(as_json=as_json)
        return
    done = Done()
    for each in work.proven(found):
        if each.verdict.state is State.IDLE:
            done.delete(work, each)
    told.show(as_json=as_json, done=done)
    if done.failed:
        raise typer.Exit(1)


def _place(
    data_dir: Path | None, who: str | None, elsewhere: Elsewhere, *, aws: bool
) -> Connection | Elsewhere:
    """Where to look: the data directory's Hostler, unless another place is named."""
    if aws and elsewhere.endpoint_url:
        raise CommandError("--aws and --endpoint-url are two places: give one of them")
    if not aws and not elsewhere.endpoint_url:
        if elsewhere.profile or elsewhere.region:
            raise CommandError("--profile and --region belong to --aws or --endpoint-url")
        return connect(directory(data_dir), who)
    if data_dir is not None or who is not None:
        raise CommandError("--data-dir and --as belong to Hostler, not to --aws or --endpoint-url")
    identity = elsewhere.client("sts").get_caller_identity()
    where = elsewhere.endpoint_url or "AWS"
    err.print(Text(f"{where}, account {identity['Account']}, as {identity['Arn']}", style="dim"))
    return elsewhere


class Done:
    """What was deleted, what was not after all, and what could not be."""

    def __init__(self) -> None:
        self.deleted: list[str] = []
        self.spared: dict[str, str] = {}
        self.failed: dict[str, str] = {}

    def delete(self, work: Cleanup, found: Found) -> None:
        """Delete an endpoint; one that cannot be keeps none of the others."""
        try:
            verdict = work.delete(found)
        except work.clients.refused as error:
            self.failed[found.name] = endpoint_facts.said(error)
            return
        if verdict.state is State.IDLE:
            self.deleted.append(found.name)
        else:
            self.spared[found.name] = verdict.why


@dataclass(frozen=True, slots=True)
class Told:
    """What is shown."""

    found: list[Found]
    warnings: list[dict[str, Any]]
    prices: Prices

    def show(self, *, as_json: bool, done: Done | None = None) -> None:
        """Print it."""
        if as_json:
            self._document(done)
        elif not self.found:
            out.print("there are no endpoints")
        else:
            self._table(done)

    def _document(self, done: Done | None) -> None:
        document(
            {
                "endpoints": [_fact(each) for each in self.found],
                "warnings": self.warnings,
                "prices": {"region": self.prices.region, "read": self.prices.read},
                "currency": self.prices.currency,
                **({} if done is None else vars(done)),
            }
        )

    def _table(self, done: Done | None) -> None:
        rows = [
            (
                each.name,
                Text(each.verdict.state.value, style=_STYLES[each.verdict.state]),
                _price(each.cost),
                each.verdict.why,
            )
            for each in self.found
        ]
        table(("endpoint", "", f"{self.prices.currency}/h", "why"), rows)
        for warning in self.warnings:
            line = f"{warning['endpoint']} will be deleted at {warning['deleteAfter']}"
            out.print(Text(f"{line}: {warning['why']}", style="yellow"))
        idle = [each for each in self.found if each.verdict.state is State.IDLE]
        cost = prices.total(each.cost for each in idle)
        month = cost.per_hour * HOURS_A_MONTH
        listed = f"list prices of {self.prices.region}, {self.prices.read}"
        out.print(
            f"{len(idle)} idle, {_price(cost)} {self.prices.currency} an hour, "
            f"{month:.0f} a month ({listed})",
            markup=False,
        )
        if done is None:
            if idle:
                out.print("--apply deletes what is idle", markup=False)
            return
        for name, why in {**done.spared, **done.failed}.items():
            out.print(Text(f"{name} is not deleted: {why}", style="red"))
        out.print(f"{len(done.deleted)} deleted", markup=False)


def _say(line: str) -> None:
    err.print(Text(line, style="dim"))


def _price(cost: Cost) -> str:
    """The known part of a cost, and what is unknown of it."""
    known = f"{cost.per_hour:.3f}" if cost.per_hour or not cost.unknown else ""
    unknown = f"unknown: {', '.join(cost.unknown)}" if cost.unknown else ""
    return " + ".join(filter(None, (known, unknown)))


def _fact(found: Found) -> dict[str, Any]:
    return {
        "name": found.name,
        "arn": found.arn,
        "status": found.status,
        "state": found.verdict.state.value,
        "why": found.verdict.why,
        "idle_since": found.verdict.idle_since,
        "cost_per_hour": found.cost.per_hour,
        "cost_unknown": list(found.cost.unknown),
        "config": found.config or None,
        "models": list(found.models),
    }


def _warnings(place: Connection | Elsewhere, found: list[Found]) -> list[dict[str, Any]]:
    """What the server itself has announced of endpoints that are there."""
    client = place.client("cloudtrail")
    try:
        newest = _newest(client)
    except client.exceptions.ClientError as error:
        _say(f"what the server announced cannot be read: {endpoint_facts.said(error)}")
        return []
    told = []
    for each in found:
        at, record = newest.get(each.arn, (0.0, {}))
        if at >= each.created and record["eventName"] == SCHEDULED:
            details = record["additionalEventData"]
            kept = {key: details[key] for key in ("deleteAfter", "idleSince", "why")}
            told.append({"endpoint": each.name, **kept})
    return told


def _newest(client: Any) -> dict[str, tuple[float, dict[str, Any]]]:
    """The last word on each endpoint, by its ARN, and when it was said."""
    newest: dict[str, tuple[float, dict[str, Any]]] = {}
    for name in (SCHEDULED, WITHDRAWN):
        attribute = {"AttributeKey": "EventName", "AttributeValue": name}
        pages = client.get_paginator("lookup_events").paginate(LookupAttributes=[attribute])
        for event in (each for page in pages for each in page["Events"]):
            record, at = json.loads(event["CloudTrailEvent"]), event["EventTime"].timestamp()
            for resource in record["resources"]:
                if at >= newest.get(resource["ARN"], (0.0,))[0]:
                    newest[resource["ARN"]] = at, record
    return newest
