"""`hostler runtimes list|build|prune|parity`: the frameworks' environments of this machine.

Invariant: reads settings as `hostler up` would here and now; what a running Hostler serves with is
never touched.
"""

import asyncio
from collections import defaultdict
from typing import Annotated, Any

import typer
from rich.text import Text

from hostler.app import serving
from hostler.app.config import reading
from hostler.app.settings import Settings
from hostler.backends.process import configured, shelf
from hostler.backends.process.environments import EnvironmentBuildError, Environments
from hostler.backends.process.pip_settings import Sources
from hostler.backends.process.runtimes import Runtime, Runtimes
from hostler.cli import parity
from hostler.cli.output import (
    AsJson,
    CommandError,
    ConfigFile,
    DataDir,
    document,
    err,
    out,
    table,
)

app = typer.Typer(no_args_is_help=True, help="The frameworks' environments, and comparing them.")
app.command()(parity.parity)

Names = Annotated[
    list[str] | None, typer.Argument(metavar="NAME…", help="Runtimes, as `list` names them.")
]


@app.command("list")
def list_(data_dir: DataDir = None, config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Show every runtime: its version, whether it is built, what it takes, and who uses it."""
    settings, runtimes = _read(data_dir, config)
    environments = _environments(settings)
    used: defaultdict[str, set[str]] = defaultdict(set)
    for instance in serving.instances(settings):
        used[instance.digest].add(instance.endpoint)
    sizes = {each.path: each.size_bytes() for each in shelf.held()}
    rows = [_row(each, environments, sizes, used.get(each.digest, set())) for each in runtimes]
    wanted = {environments.path(each) for each in runtimes}
    others = [each for each in shelf.held() if each.path not in wanted]
    if as_json:
        document(
            {
                "runtimes": rows,
                "unwanted": [
                    {"path": str(each.path), "size_bytes": sizes[each.path]} for each in others
                ],
            }
        )
        return
    table(
        ("runtime", "version", "built", "size", "used by"),
        [
            (row["name"], row["version"], row["state"], _size(row["size_bytes"]), _by(row))
            for row in rows
        ],
    )
    if others:
        total = sum(sizes[each.path] for each in others)
        out.print()
        text = f"{len(others)} no longer wanted ({_size(total)}): `hostler runtimes prune`"
        out.print(Text(text))


@app.command()
def build(
    names: Names = None,
    data_dir: DataDir = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Build runtimes' environments now instead of when a model needs them."""
    settings, runtimes = _read(data_dir, config)
    environments = _environments(settings)
    if not names:
        known = ", ".join(each.name for each in runtimes)
        raise CommandError(f"name what to build: {known}")
    built = []
    for runtime in [_named(runtimes, name) for name in names]:
        try:
            environment = asyncio.run(environments.ensure(runtime, _progress))
        except EnvironmentBuildError as error:
            raise CommandError(str(error)) from None
        row = {"name": runtime.name, "version": runtime.title, "path": str(environment.root)}
        built.append(row)
        if not as_json:
            out.print(Text(f"{runtime.name}  {runtime.title}  {environment.root}"))
    if as_json:
        document({"built": built})


@app.command()
def prune(
    unused: Annotated[
        bool, typer.Option("--unused", help="Also those that are wanted, and run nowhere now.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be removed.")
    ] = False,
    data_dir: DataDir = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Remove environments of earlier locks and of runtimes that are set no more."""
    settings, runtimes = _read(data_dir, config)
    environments = _environments(settings)
    wanted = set() if unused else {environments.path(each) for each in runtimes}
    removed: list[dict[str, Any]] = []
    kept: list[dict[str, Any]] = []
    for each in shelf.held():
        if each.path in wanted:
            continue
        fact: dict[str, Any] = {"path": str(each.path), "size_bytes": each.size_bytes()}
        gone = not shelf.in_use(each.path) if dry_run else shelf.remove(each)
        (removed if gone else kept).append(fact)
    if as_json:
        document({"removed": removed, "in_use": kept, "dry_run": dry_run})
        return
    verb = "would remove" if dry_run else "removed"
    for fact in removed:
        out.print(Text(f"{verb}  {_size(fact['size_bytes']):>8}  {fact['path']}"))
    for fact in kept:
        out.print(Text(f"in use   {_size(fact['size_bytes']):>8}  {fact['path']}"))
    if not removed and not kept:
        out.print("nothing to remove")


def _read(data_dir: Any, config: Any) -> tuple[Settings, Runtimes]:
    settings = reading.read(reading.Start(data_dir, config))
    return settings, configured.runtimes(settings.config.runtimes)


def _environments(settings: Settings) -> Environments:
    return Environments(sources=Sources.of(settings.config.runtimes))


def _named(runtimes: Runtimes, name: str) -> Runtime:
    found = next((each for each in runtimes if each.name == name), None)
    if found is None:
        known = ", ".join(each.name for each in runtimes)
        raise CommandError(f"there is no runtime {name}: there are {known}")
    return found


def _row(
    runtime: Runtime, environments: Environments, sizes: dict[Any, int], used: set[str]
) -> dict[str, Any]:
    state = "existing" if runtime.root is not None else "yes" if environments.built(runtime) else ""
    if not runtime.buildable:
        state = f"no wheels for this Python (at most {'.'.join(map(str, runtime.python_max))})"
    return {
        "name": runtime.name,
        "version": runtime.title,
        "state": state or "no",
        "path": str(environments.path(runtime)),
        "size_bytes": sizes.get(environments.path(runtime), 0),
        "repositories": list(runtime.repositories),
        "used_by": sorted(used),
    }


def _by(row: dict[str, Any]) -> str:
    return ", ".join(row["used_by"])


def _size(count: int) -> str:
    return f"{count / 1e6:.0f} MB" if count else ""


def _progress(line: str) -> None:
    err.print(Text(line, style="dim"))
