"""What became of an endpoint's updates, as `hostler rollout` tells it afterwards.

Invariant: events are told as Hostler keeps them, calls as CloudWatch has them; nothing is guessed.
"""

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from rich.text import Text

from hostler.cli import side_calls, signed, update_plot
from hostler.cli.output import CommandError
from hostler.cli.side_calls import Window
from hostler.domain import own_paths
from hostler.toolkit.connection import Connection

CALLS_HEAD = ("", "CONFIG", "VARIANT", "CALLS", "4XX", "5XX", "P99")
LIST_HEAD = ("N", "ASKED (UTC)", "CONFIG", "")
BARS_MAX = 60
WORDS_MIN = 36
"""Narrower, and words stand below their times."""
_MINUTE = timedelta(minutes=1)
_STYLES = {"Completed": "green", "RolledBack": "yellow", "RollbackFailed": "red", "Failed": "red"}
_TIMES = ("Time", "Asked", "Ended", "Since")

Update = Mapping[str, Any]


def known(connection: Connection, endpoint: str, *, tries: int = 1) -> Sequence[Update]:
    """The updates that are kept of an endpoint, the newest first."""
    path = own_paths.ENDPOINT_UPDATES
    found = signed.own(connection, path, tries=tries, EndpointName=endpoint)
    updates: Sequence[Update] = found["Updates"]
    return updates


def meant(before: Update | None, last: Update | None) -> Update | None:
    """The update that an endpoint was changing for between two looks, if for any.

    Weights and counts change without one: the last update is then over since before the first look.
    """
    if last is not None and "Outcome" in last and last == before:
        return None
    return last


def chosen(updates: Sequence[Update], endpoint: str, number: int) -> Update:
    """The update of a number."""
    for update in updates:
        if update["Number"] == number:
            return update
    raise CommandError(
        f"no update {number} of {endpoint} is kept: `hostler rollout {endpoint} --list` shows them"
    )


def calls(
    connection: Connection, endpoint: str, update: Update, *, tries: int
) -> Sequence[dict[str, Any]]:
    """The calls of both sides from when the new one had traffic; none if it never had any."""
    with_traffic = [e["Time"] for e in update["Events"] if e["Green"]["Share"] > 0]
    if not with_traffic or "PreviousEndpointConfigName" not in update:
        return []
    now = datetime.now(UTC)
    start = datetime.fromtimestamp(with_traffic[0], UTC).replace(second=0, microsecond=0)
    end = datetime.fromtimestamp(update["Ended"], UTC) + _MINUTE if "Ended" in update else now
    sides = [
        _side("blue", update["PreviousEndpointConfigName"], name)
        for name in update["PreviousVariantNames"]
    ] + [_side("green", update["EndpointConfigName"], name) for name in update["VariantNames"]]
    client = connection.client("cloudwatch", retries=tries)
    side_calls.count(client, endpoint, sides, Window(start, max(end, start + _MINUTE)), now)
    return sides


def row(side: Mapping[str, Any]) -> Sequence[str]:
    """A side as a row below ``CALLS_HEAD``."""
    return (side["Side"], side["Config"], side["Variant"], *side_calls.row(side))


def listed(updates: Sequence[Update]) -> Sequence[Sequence[str | Text]]:
    """The updates as rows below ``LIST_HEAD``."""
    return [
        (
            str(update["Number"]),
            f"{_moment(update['Asked']):%Y-%m-%d %H:%M:%S}",
            update["EndpointConfigName"],
            Text(update["Summary"], style=_style(update)),
        )
        for update in updates
    ]


def lines(update: Update, width: int | None) -> Iterator[Text]:
    """An update's story; ``width`` is the terminal's, None where no line is to be broken."""
    config, before = update["EndpointConfigName"], update.get("PreviousEndpointConfigName")
    in_place_of = f" in place of {before}" if before else ""
    asked = _moment(update["Asked"])
    opening = (
        (f"update {update['Number']}: {config}{in_place_of}", "bold"),
        (f"  {update['Summary']}", _style(update)),
        (f"  {asked:%Y-%m-%d %H:%M:%S} UTC: {update['Plan']}", ""),
    )
    for said, style in opening:
        yield from (Text(each, style) for each in _wrapped(said, width, "  "))
    yield Text("")
    yield Text(f"  {'UTC':<8}  {'BLUE':<11}  GREEN", style="bold")
    for event in update["Events"]:
        yield from _event(event, asked, width)
    yield Text("")
    room = BARS_MAX if width is None else max(10, min(BARS_MAX, width - 10))
    yield from update_plot.drawn(update, room)


def dated(value: Any) -> Any:
    """The same with its times as ISO 8601, for machines and people."""
    match value:
        case dict():
            return {
                key: _moment(each).isoformat(timespec="milliseconds")
                if key in _TIMES
                else dated(each)
                for key, each in value.items()
            }
        case list():
            return [dated(each) for each in value]
        case _:
            return value


def _event(event: Mapping[str, Any], asked: datetime, width: int | None) -> Iterator[Text]:
    at = _moment(event["Time"])
    if at.date() != asked.date():
        yield Text(f"  {at:%Y-%m-%d}", style="dim")
    sides = "".join(f"{_share(event[side]):<11}  " for side in ("Blue", "Green"))
    head = f"  {at:%H:%M:%S}  {sides}"
    fired = event.get("AlarmsFired", ())
    words = [(event["Message"], ""), *((alarm["Message"], "red") for alarm in fired)]
    room = None if width is None else width - len(head)
    if room is not None and room < WORDS_MIN:
        yield Text(head.rstrip())
        head, room = " " * 4, width and width - 4
    for said, style in words:
        for line in _wrapped(said, room):
            yield Text(head) + Text(line, style=style)
            head = " " * len(head)


def _share(side: Mapping[str, Any]) -> str:
    instances = f" on {side['Instances']}" if side["Instances"] else ""
    return f"{side['Share'] * 100:.3g} %{instances}"


def _wrapped(text: str, width: int | None, indent: str = "") -> Sequence[str]:
    if width is None:
        return [text]
    return textwrap.wrap(text, max(20, width), subsequent_indent=indent, break_on_hyphens=False)


def _side(name: str, config: str, variant: str) -> dict[str, Any]:
    return {"Side": name, "Config": config, "Variant": variant, **side_calls.UNKNOWN}


def _style(update: Update) -> str:
    return _STYLES.get(update.get("Outcome", ""), "")


def _moment(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC)
