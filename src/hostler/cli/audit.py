"""`hostler audit`: who called what, and which statement of which policy decided.

Invariant: it reads what LookupEvents tells, as any client may; nothing of the data directory.
"""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer
from rich.text import Text

from hostler.audit.record import event_id
from hostler.cli.moments import moment
from hostler.cli.output import As, AsJson, CommandError, DataDir, connect, directory, document, out

FOLLOW_EVERY_S = 1.0
LATE_S = 5
"""How much later than its time a record may arrive: processes write theirs each half second."""

app = typer.Typer(help="Who called what, and what decided.", invoke_without_command=True)

Resource = Annotated[
    str | None, typer.Option("--resource", metavar="NAME", help="Of a resource: its name or ARN.")
]
User = Annotated[
    str | None, typer.Option("--user", metavar="NAME", help="By a user (or root, or a role).")
]
Event = Annotated[
    str | None, typer.Option("--event", metavar="NAME", help="Of an operation: DeleteEndpoint.")
]
Since = Annotated[
    str, typer.Option("--since", metavar="WHEN", help="Not older: 30m, 12h, 7d, or a time in UTC.")
]
Refused = Annotated[bool, typer.Option("--refused", help="Only what was not allowed.")]
Follow = Annotated[bool, typer.Option("-f", "--follow", help="Go on with new ones until Ctrl-C.")]


@app.callback()
def audit(
    context: typer.Context,
    resource: Resource = None,
    user: User = None,
    event: Event = None,
    since: Since = "1d",
    refused: Refused = False,
    follow: Follow = False,
    data_dir: DataDir = None,
    who: As = None,
    as_json: AsJson = False,
) -> None:
    """Print who called what: control calls, and every call that was refused; the oldest first."""
    if context.invoked_subcommand is not None:
        return
    asked = Asked(resource, user, event, refused=refused)
    client = connect(directory(data_dir), who).client("cloudtrail")
    start, shown = moment(since, datetime.now(UTC)), dict[str, datetime]()
    while True:
        for record in reversed([*asked.records(client, start)]):
            if record["eventID"] not in shown:
                at = datetime.fromisoformat(record["eventTime"]) if "eventTime" in record else start
                shown[record["eventID"]] = at
                _print(record, as_json=as_json)
        if not follow:
            return
        start = max([start, *shown.values()]) - timedelta(seconds=LATE_S)
        shown = {each: at for each, at in shown.items() if at >= start}
        time.sleep(FOLLOW_EVERY_S)


@app.command()
def explain(
    request_id: Annotated[
        str, typer.Argument(metavar="REQUEST_ID", help="As the answer or the error said it.")
    ],
    data_dir: DataDir = None,
    who: As = None,
    as_json: AsJson = False,
) -> None:
    """Say which statement of which policy decided a request."""
    client = connect(directory(data_dir), who).client("cloudtrail")
    wanted = {"AttributeKey": "EventId", "AttributeValue": event_id(request_id)}
    found = client.lookup_events(LookupAttributes=[wanted])["Events"]
    if not found:
        raise CommandError(
            f"there is no record of the request {request_id}: it is known within a second or two, "
            "to its caller's account; invocations and objects are recorded when they are refused"
        )
    record = json.loads(found[0]["CloudTrailEvent"])
    if as_json:
        document(record)
        return
    for line in explained(record):
        out.print(_one_line(line), markup=False)


@dataclass(frozen=True, slots=True)
class Asked:
    """Which records are wanted: all that is given must hold."""

    resource: str | None = None
    user: str | None = None
    event: str | None = None
    refused: bool = field(default=False, kw_only=True)

    def records(self, client: Any, start: datetime) -> Iterator[dict[str, Any]]:
        """The records, the newest first."""
        keys = {"ResourceName": self.resource, "Username": self.user, "EventName": self.event}
        # The server looks one of them up, the most telling; the others are looked at here.
        given = [(key, value) for key, value in keys.items() if value is not None]
        more: dict[str, Any] = {}
        if given:
            key, value = given[0]
            more["LookupAttributes"] = [{"AttributeKey": key, "AttributeValue": value}]
        pages = client.get_paginator("lookup_events").paginate(StartTime=start, **more)
        for page in pages:
            for event in page["Events"]:
                record: dict[str, Any] = json.loads(event["CloudTrailEvent"])
                if self._holds(event, record):
                    yield record

    def _holds(self, event: Mapping[str, Any], record: Mapping[str, Any]) -> bool:
        if self.user is not None and event.get("Username") != self.user:
            return False
        if self.event is not None and event["EventName"] != self.event:
            return False
        return not self.refused or _outcome(record) in ("refused", "unknown caller")


def explained(record: Mapping[str, Any]) -> Sequence[str]:
    """A record in words: what was asked, and what decided each permission."""
    error = record.get("errorCode")
    end = f"{error}: {record.get('errorMessage', '')}" if error else "done"
    when, sender = record.get("eventTime", ""), record.get("sourceIPAddress", "unknown")
    lines = [f"{when} {record['eventName']} by {_who(record)} from {sender}", f"  {end}"]
    decisions = (record.get("additionalEventData") or {}).get("decisions") or ()
    lines += [f"  {_decided(each, record)}" for each in decisions]
    if not decisions and _outcome(record) == "unknown caller":
        lines.append("  nothing was decided: nobody is known by this key and signature")
    elif not decisions:
        lines.append("  nothing needed to be decided")
    return lines


def _decided(decision: Mapping[str, Any], record: Mapping[str, Any]) -> str:
    what = f"{decision['action']} on {decision['resource']}"
    policy, kind = decision["policy"], decision["policyType"]
    if policy is not None:
        verb = "allowed" if decision["allowed"] else "denied"
        return f"{what}: {verb} by statement {decision['statement']} of {policy} ({kind})"
    if not decision["allowed"]:
        return f"{what}: refused, as no {kind} allows it"
    if record["userIdentity"]["type"] == "Root":
        return f"{what}: allowed, as the account's root may do everything in it"
    return f"{what}: allowed"


def _print(record: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        document(record)
        return
    named = [_one_line(each["ARN"]) for each in record.get("resources") or ()]
    outcome = _outcome(record)
    line = Text(f"{record.get('eventTime', '')}  {_who(record)}  {record['eventName']}  ")
    line.append(outcome, style="green" if outcome == "done" else "red")
    line.append(f"  {' '.join(named)}" if named else "")
    line.append(f"  {record.get('requestID', '')}", style="dim")
    out.print(line)


def _who(record: Mapping[str, Any]) -> str:
    identity = record["userIdentity"]
    match identity["type"]:
        case "Root":
            return "root"
        case "Unknown":
            return f"unknown ({_one_line(identity.get('accessKeyId') or 'no key')})"
        case _:
            return str(identity.get("userName") or identity.get("invokedBy"))


def _one_line(text: str) -> str:
    """A caller chose it, and might have written a record of its own into it."""
    return "\N{REPLACEMENT CHARACTER}".join(text.splitlines())


def _outcome(record: Mapping[str, Any]) -> str:
    """Done, refused, an unknown caller, or the code of another error."""
    error = record.get("errorCode")
    if record["userIdentity"]["type"] == "Unknown":
        return "unknown caller"
    if error in ("AccessDenied", "AccessDeniedException"):
        return "refused"
    decisions = (record.get("additionalEventData") or {}).get("decisions") or ()
    if error is None and any(not each["allowed"] for each in decisions):
        return "refused"  # some of DeleteObjects' keys
    return str(error or "done")
