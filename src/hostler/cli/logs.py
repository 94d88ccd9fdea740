"""`hostler logs`: an endpoint's log, as its instances wrote it.

Invariant: a line is shown once, also one that arrives late among newer ones.
"""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.text import Text

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
    out,
)
from hostler.domain.ids import endpoint_log_group
from hostler.toolkit.connection import Connection

FOLLOW_EVERY_S = 0.5
LATE_MS = 10_000
"""How much later than its time a line may arrive: instances' output is carried in turns."""


def logs(
    endpoint: EndpointName,
    follow: Annotated[
        bool, typer.Option("-f", "--follow", help="Go on with new lines until Ctrl-C.")
    ] = False,
    data_dir: DataDir = None,
    who: As = None,
    as_json: AsJson = False,
) -> None:
    """Print an endpoint's log: every instance's standard output and error, in order of time."""
    connection = connect(directory(data_dir), who)
    client = connection.client("logs", retries=FOLLOW_TRIES if follow else 3)
    news = News()
    while True:
        try:
            for event in _events(client, endpoint_log_group(endpoint), news.since_ms):
                if news.add(event["eventId"], event["timestamp"]):
                    _show(event, as_json=as_json)
        except client.exceptions.ResourceNotFoundException:
            status = _status(connection, endpoint)
            if not follow:
                raise CommandError(
                    f"{endpoint} is {status} and has written nothing yet: follow it with "
                    f"`hostler logs {endpoint} -f`"
                ) from None
        if not follow:
            return
        news.forget_old()
        time.sleep(FOLLOW_EVERY_S)


class News:
    """Which events were shown; remembers as many as may come again."""

    def __init__(self) -> None:
        self._shown: dict[str, int] = {}
        self._newest_ms = 0

    @property
    def since_ms(self) -> int:
        """From when on to ask."""
        return max(0, self._newest_ms - LATE_MS)

    def add(self, event_id: str, at_ms: int) -> bool:
        """Whether an event is new."""
        if event_id in self._shown:
            return False
        self._shown[event_id] = at_ms
        self._newest_ms = max(self._newest_ms, at_ms)
        return True

    def forget_old(self) -> None:
        """Before asking again: what is older than ``since_ms`` will not come again."""
        since = self.since_ms
        self._shown = {known: at for known, at in self._shown.items() if at >= since}


def _events(client: Any, group: str, since_ms: int) -> Iterator[dict[str, Any]]:
    paginator = client.get_paginator("filter_log_events")
    for page in paginator.paginate(logGroupName=group, startTime=since_ms):
        yield from page["events"]


def _status(connection: Connection, endpoint: str) -> str:
    """The status of an endpoint that has no log group; an error when there is no such endpoint."""
    client = connection.client("sagemaker")
    try:
        status: str = client.describe_endpoint(EndpointName=endpoint)["EndpointStatus"]
    except client.exceptions.ClientError:
        raise CommandError(
            f"no endpoint and no log named {endpoint} in {connection.region}: `hostler status` "
            "lists what there is"
        ) from None
    return status


def _show(event: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        document(event)
        return
    at = datetime.fromtimestamp(event["timestamp"] / 1000, tz=UTC).strftime("%H:%M:%S.%f")[:-3]
    if out.is_terminal:
        line = Text(f"{at} {event['logStreamName']} ", style="dim", end="")
        out.print(Text.assemble(line, Text.from_ansi(event["message"])))
    else:
        print(f"{at} {event['logStreamName']} {event['message']}", flush=True)
