"""`hostler scaling explain`: why a variant has as many instances as it has.

Invariant: what is said is what the APIs told (``toolkit.scaling``); nothing is guessed.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Annotated

import typer
from rich.text import Text

from hostler.cli import bars
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
)
from hostler.domain.moments import time_of_day
from hostler.toolkit import scaling as toolkit
from hostler.toolkit.scaling import Decided, Explanation, NotScaledError, PolicyView, Watch

_OPERATORS = {
    "GreaterThanThreshold": ">",
    "GreaterThanOrEqualToThreshold": ">=",
    "LessThanThreshold": "<",
    "LessThanOrEqualToThreshold": "<=",
}
_COLOURS = {"OK": "green", "ALARM": "red", "INSUFFICIENT_DATA": "yellow"}
_MEND = "put the policy again to mend it"

app = typer.Typer(help="Auto scaling, explained.", no_args_is_help=True)


@app.callback()
def scaling() -> None:
    """Auto scaling, explained."""


@app.command()
def explain(
    endpoint: EndpointName,
    variant: Annotated[
        str | None,
        typer.Option("--variant", metavar="V", help="The variant [default: the one scaled]."),
    ] = None,
    data_dir: DataDir = None,
    who: As = None,
    as_json: AsJson = False,
) -> None:
    """Say why a variant has as many instances as it has: metric, alarm, formula, cooldown."""
    try:
        found = toolkit.explain(connect(directory(data_dir), who), endpoint, variant)
    except NotScaledError as error:
        raise CommandError(str(error)) from None
    if as_json:
        document(asdict(found))
        return
    for line in lines(found):
        out.print(line)


def lines(found: Explanation) -> Iterator[Text]:
    """The explanation, in words and bars."""
    yield Text(f"{found.endpoint} / {found.variant}", style="bold") + Text(
        f": {found.status}, {_capacity(found)}, {found.desired} desired, "
        f"between {found.min} and {found.max}"
    )
    for name in found.suspended:
        yield Text(f"  {name}", style="yellow")
    if not found.policies:
        yield Text("  no scaling policy: only bounds and schedules change it", style="yellow")
    for policy in found.policies:
        yield from _policy(policy, found)
    if found.decisions:
        yield Text("\nlast decisions", style="bold")
    for decided in found.decisions:
        yield from _decision(decided)


def _policy(policy: PolicyView, found: Explanation) -> Iterator[Text]:
    goal = "" if policy.target_value is None else f", target {policy.target_value:g}"
    yield Text(f"\npolicy {policy.name}", style="bold") + Text(f" ({policy.type}{goal})")
    for name in policy.gone:
        yield Text(f"  GONE  {name}", style="red")
        yield Text(f"    it is deleted: {_lost(name)}; {_MEND}", style="red")
    if not policy.watches and not policy.gone:
        yield Text("  no alarm calls it: make one whose action is the policy's ARN", style="yellow")
    for watch in policy.watches:
        yield (
            Text("  ")
            + Text(watch.state, style=_COLOURS.get(watch.state, ""))
            + Text(f"  {watch.alarm}")
        )
        yield Text(
            f"    {watch.metric} {_OPERATORS.get(watch.comparison, watch.comparison)} "
            f"{watch.threshold:g}, {watch.needed} of {watch.evaluated} periods of "
            f"{watch.period_s} s"
        )
        yield Text("    ") + plot(watch) + Text(f"  {_newest(watch)}", style="dim")
    if policy.formula is not None:
        wanted = int(policy.formula.rpartition(" ")[2])
        bounded = max(found.min, min(found.max, wanted))
        within = "" if bounded == wanted else f", within the bounds {bounded}"
        yield Text(f"  by its formula now: {policy.formula}{within}")


def _lost(alarm: str) -> str:
    """What does not happen any more without an alarm of a target tracking policy."""
    if "-AlarmHigh-" in alarm:
        return "this policy does not scale out any more"
    if "-AlarmLow-" in alarm:
        return "no target tracking policy scales in any more"
    return "it does not call this policy any more"


def plot(watch: Watch) -> Text:
    """The metric as bars up to its greatest value or the threshold; red is beyond the threshold."""
    drawn = Text()
    if not watch.points:
        return drawn + Text("no data", style="yellow")
    known = {round(at): value for at, value in watch.points}
    top = max(*known.values(), watch.threshold, 1e-12)
    above = watch.comparison.startswith("Greater")
    for at in range(min(known), max(known) + 1, watch.period_s):
        value = known.get(at)
        if value is None:
            drawn += bars.NOTHING
            continue
        beyond = value > watch.threshold if above else value < watch.threshold
        drawn += Text(bars.bar(value / top), style="red" if beyond else "green")
    return drawn


def _decision(decided: Decided) -> Iterator[Text]:
    what = Text(f"{time_of_day(decided.at)}  {decided.what}")
    yield what + Text(f"  {decided.status}", style="dim")
    yield Text(f"          {decided.cause}", style="dim")
    yield Text(f"          {decided.message}")
    for proposal in _listed(decided, "proposals"):
        yield Text(f"          {proposal.get('policy')}: {proposal.get('formula')}")
    cooling = decided.evidence.get("cooldown")
    if isinstance(cooling, dict) and cooling.get("holds"):
        until = cooling.get("until")
        end = "begins when that is fulfilled" if until is None else f"until {time_of_day(until)}"
        yield Text(f"          cooldown of the last scale-{cooling.get('direction')}: {end}")
    if decided.reasons:
        yield Text(f"          {', '.join(decided.reasons)}", style="yellow")


def _listed(decided: Decided, name: str) -> Sequence[dict[str, object]]:
    given = decided.evidence.get(name)
    return [each for each in given if isinstance(each, dict)] if isinstance(given, list) else []


def _newest(watch: Watch) -> str:
    if not watch.points:
        return ""
    at, value = watch.points[-1]
    return f"newest {value:g} at {time_of_day(at)}"


def _capacity(found: Explanation) -> str:
    if found.is_serverless:
        return f"provisioned concurrency {found.current}"
    return "1 instance" if found.current == 1 else f"{found.current} instances"
