"""`hostler runtimes parity`: the same rows to the same model on two versions of its framework.

Invariant: the endpoint is only called; the second one, made for the comparison, is deleted again.
"""

import math
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from hostler.app import serving
from hostler.app.settings import Settings
from hostler.backends.process import configured
from hostler.backends.process.runtimes import TAG, Image, Runtime
from hostler.cli.output import (
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
)
from hostler.toolkit import parity as comparing
from hostler.toolkit.connection import Connection
from hostler.toolkit.deploy import DeploymentError

SHOWN_MAX = 5
_WIDTH = 60


def parity(
    endpoint: EndpointName,
    data: Annotated[
        Path, typer.Option(metavar="FILE", help="Rows: CSV, JSON lines, a JSON list, or one body.")
    ],
    against: Annotated[
        str | None,
        typer.Option(
            "--with", metavar="RUNTIME", help="The other runtime [default: the framework's newest]."
        ),
    ] = None,
    variant: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="The variant to compare [default: the first]."),
    ] = None,
    content_type: Annotated[
        str | None, typer.Option(metavar="TYPE", help="What a row is [default: by FILE's suffix].")
    ] = None,
    accept: Annotated[
        str | None, typer.Option(metavar="TYPE", help="What the answers should be.")
    ] = None,
    tolerance: Annotated[
        float, typer.Option(metavar="X", help="How far numbers may lie apart, relatively.")
    ] = 1e-6,
    data_dir: DataDir = None,
    who: As = None,
    as_json: AsJson = False,
) -> None:
    """Compare a model's answers on two versions of its framework; exit 1 where they differ."""
    home = directory(data_dir)
    settings, connection = Settings.load(home), connect(home, who)
    try:
        requests, kind = comparing.rows(data, content_type)
    except (OSError, ValueError) as error:
        raise CommandError(f"--data {data}: {error}") from None
    name, image = _served(connection, endpoint, variant)
    one = _running(settings, connection, endpoint, name)
    other = _other(settings, one, against)
    how = {"ContentType": kind} | ({"Accept": accept} if accept else {})
    err.print(Text(f"{one.name} ({one.title}) and {other.name} ({other.title})", style="dim"))
    answers = comparing.ask(connection, endpoint, requests, {**how, "TargetVariant": name})
    second = f"{image.uri.partition('@')[0].removesuffix(f':{image.tag}')}:{TAG}{other.name}"
    try:
        with comparing.beside(connection, endpoint, name, second) as made:
            others = comparing.ask(connection, made, requests, how)
    except DeploymentError as error:
        raise CommandError(f"the model does not serve on {other.name}: {error}") from None
    verdict = comparing.compare(answers, others, tolerance)
    _tell(verdict, one, other, as_json=as_json)
    if verdict.different:
        raise typer.Exit(1)


def _served(connection: Connection, endpoint: str, variant: str | None) -> tuple[str, Image]:
    """The variant's name, and the image that its model names."""
    client = connection.client("sagemaker")
    try:
        config = client.describe_endpoint(EndpointName=endpoint)["EndpointConfigName"]
        variants = client.describe_endpoint_config(EndpointConfigName=config)["ProductionVariants"]
        names = [each["VariantName"] for each in variants]
        if variant is not None and variant not in names:
            raise CommandError(f"{endpoint} has no variant {variant}: it has {', '.join(names)}")
        chosen = next(each for each in variants if variant in (None, each["VariantName"]))
        model = client.describe_model(ModelName=chosen["ModelName"])
    except client.exceptions.ClientError as error:
        raise CommandError(error.response["Error"]["Message"]) from None
    return chosen["VariantName"], Image.parse(model["PrimaryContainer"]["Image"])


def _running(settings: Settings, connection: Connection, endpoint: str, variant: str) -> Runtime:
    """The runtime that serves a variant now."""
    runtimes = configured.runtimes(settings.config.runtimes)
    for instance in serving.instances(settings):
        its = (instance.account, instance.region, instance.endpoint.lower(), instance.variant)
        if its == (connection.account, connection.region, endpoint.lower(), variant):
            for runtime in runtimes:
                if runtime.digest == instance.digest:
                    return runtime
            raise CommandError(
                f"{endpoint} runs on {instance.runtime} of earlier settings: update it first"
            )
    raise CommandError(f"{endpoint} has no instance that runs: `hostler status` says why")


def _other(settings: Settings, one: Runtime, against: str | None) -> Runtime:
    runtimes = configured.runtimes(settings.config.runtimes)
    others = [each for each in runtimes if each.kind == one.kind and each.name != one.name]
    others = [each for each in others if each.buildable]
    if against is None and others:
        return max(others, key=lambda each: each.order)
    for each in runtimes:
        if each.name == against:
            return each
    known = ", ".join(each.name for each in others) or "none: add one in [runtimes.add]"
    asked = f"there is no runtime {against}; " if against else ""
    raise CommandError(f"{asked}other versions of {one.kind} are {known}")


def _tell(verdict: comparing.Verdict, one: Runtime, other: Runtime, *, as_json: bool) -> None:
    apart = verdict.apart_max
    if as_json:
        document(
            {
                "rows": verdict.rows,
                "different": len(verdict.different),
                "apart_max": None if math.isinf(apart) else apart,
                "one": one.title,
                "other": other.title,
                "differences": [_fact(each) for each in verdict.different],
            }
        )
        return
    same = verdict.rows - len(verdict.different)
    said = "" if math.isinf(apart) else f"; at most {apart:.2g} apart"
    out.print(Text(f"{same} of {verdict.rows} rows are answered alike{said}"))
    for each in verdict.different[:SHOWN_MAX]:
        fact = _fact(each)
        out.print(Text(f"row {each.row}: {one.title}: {_short(fact['one'])}"))
        out.print(Text(f"{' ' * len(f'row {each.row}')}  {other.title}: {_short(fact['other'])}"))


def _fact(difference: comparing.Difference) -> dict[str, Any]:
    return {
        "row": difference.row,
        "one": _said(difference.one),
        "other": _said(difference.other),
    }


def _said(answer: comparing.Answer) -> str:
    text = answer.body.decode(errors="backslashreplace")
    return text if answer.status == 200 else f"{answer.status} {text}"


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _WIDTH else line[: _WIDTH - 1] + "…"
