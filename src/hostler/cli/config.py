"""`hostler config show|check|reload`: what is set, where it comes from, and whether it is right.

Invariant: reads as `hostler up` would here and now, and changes nothing; only `reload` asks a
running Hostler to read again.
"""

import contextlib
import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typer
from rich.text import Text

from hostler.app import external, program
from hostler.app.config import places, reading, sources, typed
from hostler.app.config.problems import SettingsError
from hostler.app.settings import Settings
from hostler.app.supervisor import desk, place, readiness
from hostler.cli.output import (
    AsJson,
    CommandError,
    ConfigFile,
    DataDir,
    directory,
    document,
    err,
    out,
    table,
)
from hostler.cli.rotate import rotate_key

DEFAULT = "default"
RELOAD_TIMEOUT_S = 60.0
LOOK_EVERY_S = 0.1
HIDDEN = "***"
_PASSWORD = re.compile(r"(?<=//)[^/@\s]+(?=@)")

app = typer.Typer(
    help="Show, check and reload settings.", no_args_is_help=True, rich_markup_mode="rich"
)
app.command()(rotate_key)


@app.command()
def show(data_dir: DataDir = None, config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Show every setting as `up` would use it, and where it comes from."""
    settings = reading.read(reading.Start(data_dir, config))
    rows = {
        f"{section}.{key}": (_value(settings, section, key), _origin(settings, section, key))
        for section, key in sources.places()
    }
    running = _running(settings)
    waiting = _differing(settings, running) if running else []
    theirs = reading.file_again(running) if running else None
    if as_json:
        document(
            {
                "file": settings.file,
                "data_dir": settings.data_dir,
                "settings": {
                    name: {"value": each, "from": by} for name, (each, by) in rows.items()
                },
                "not_running_with": waiting,
                "reload_reads": theirs,
            }
        )
        return
    out.print(Text(f"file  {settings.file or 'none'}"))
    out.print(Text(f"data  {settings.data_dir}"))
    out.print()
    table(
        ("setting", "from", "value"),
        [
            (name, Text(by, style="dim" if by == DEFAULT else ""), _written(value))
            for name, (value, by) in rows.items()
        ],
    )
    another = running is not None and theirs != settings.file
    if waiting or another:
        out.print()
    if another:
        out.print(Text(f"runs with {theirs or 'no file'}: a reload reads that, a start this one"))
    if waiting:
        remedy = "start again" if another else "reload, or start again"
        out.print(Text(f"runs with other values of {', '.join(waiting)}: {remedy}"))


@app.command()
def check(data_dir: DataDir = None, config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Say everything that is wrong with the file and the environment; exit 1 if anything is.

    An external S3 is asked whether it is there and knows the key.
    """
    file: Path | None = None
    try:
        settings = reading.read(reading.Start(data_dir, config))
        file = settings.file
        problems = [problem] if (problem := external.problem(settings)) else []
    except SettingsError as error:
        problems = [str(each) for each in error.problems] or [str(error)]
    if as_json:
        document({"right": not problems, "file": file, "problems": problems})
    elif problems:
        for problem in problems:
            err.print(Text(problem))
    else:
        out.print(Text(f"{file} is right" if file else _nothing(data_dir)))
    if problems:
        raise typer.Exit(1)


@app.command()
def reload(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Have a running Hostler read its settings again, as SIGHUP does, and wait until they count."""
    settings = Settings.load(directory(data_dir))
    try:
        before = _processes(settings)
        answer = desk.ask(settings.layout.supervisor_socket, {"op": "reload"})
    except OSError:
        option = program.option(settings.data_dir)
        raise CommandError(
            f"not running on {settings.data_dir}: `hostler up{option}` reads them"
        ) from None
    if problem := answer.get("error"):
        raise CommandError(f"settings stay as they were: {problem}")
    _until_back(settings, {name: before.get(name) for name in answer["restarted"]})
    if as_json:
        document(answer)
        return
    out.print(Text(f"read  {answer['file'] or 'no file, the environment alone'}"))
    out.print(Text(f"changed  {', '.join(answer['changed']) or 'nothing'}"))
    for title, names in (
        ("restarted", answer["restarted"]),
        ("waiting for the next `hostler up`", answer["waiting"]),
    ):
        if names:
            out.print(Text(f"{title}  {', '.join(names)}"))


def _processes(settings: Settings) -> dict[str, int | None]:
    """The pid of each process by its name, while it runs."""
    asked = desk.ask(settings.layout.supervisor_socket, {"op": "status"})
    return {child["name"]: child["pid"] for child in asked["children"]}


def _until_back(settings: Settings, before: Mapping[str, int | None]) -> None:
    """Return when others are in the place of those processes and all is ready, or it takes long."""
    deadline = time.monotonic() + RELOAD_TIMEOUT_S
    while before and time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            now = _processes(settings)
            replaced = all(now.get(name) not in (None, pid) for name, pid in before.items())
            health = readiness.ask(settings.host, settings.port, tls=settings.has_tls) or {}
            if replaced and health.get("ready"):
                return
        time.sleep(LOOK_EVERY_S)
    if before:
        raise CommandError("settings were read, yet it is not ready again: see `hostler status`")


def _nothing(data_dir: Path | None) -> str:
    where = directory(data_dir) / places.NAME
    return f"no file: neither ./{places.NAME} nor {where}; the environment is right"


def _value(settings: Settings, section: str, key: str) -> Any:
    """A setting in JSON's types, without secrets and passwords of URLs."""
    if (section, key) == (sources.SERVER, "data_dir"):
        return str(settings.data_dir)
    record = getattr(settings.config, section)
    value = getattr(record, key)
    if value and typed.rules_of(type(record))[key].secret:
        return HIDDEN
    return _hidden(typed.plain(value))


def _hidden(value: Any) -> Any:
    match value:
        case str():
            return _PASSWORD.sub(HIDDEN, value)
        case list():
            return [_hidden(each) for each in value]
        case dict():
            return {name: _hidden(each) for name, each in value.items()}
    return value


def _origin(settings: Settings, section: str, key: str) -> str:
    return settings.origins.get(f"{section}.{key}", DEFAULT)


def _written(value: Any) -> str:
    return typed.UNLIMITED if value is None else typed.written(value)


def _running(settings: Settings) -> Settings | None:
    """What a Hostler on the same data directory runs with; None when none does."""
    if place.holder(settings.data_dir) is None:
        return None
    return Settings.load(settings.data_dir)


def _differing(settings: Settings, running: Settings) -> list[str]:
    """The settings that a running Hostler has other values of."""
    names = reading.differences(running.config, settings.config)
    return [name for name in names if name != f"{sources.SERVER}.data_dir"]
