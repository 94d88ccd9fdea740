"""How commands speak: colour for people, one JSON document for machines, one line for errors.

Invariant: results go to standard output, everything else to standard error; exit codes are
0 (done), 1 (could not), 2 (asked wrongly). What others wrote (a caller's key, a model's error) is
shown, and never does anything to a terminal.
"""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console
from rich.text import Text

from hostler.app.config import places
from hostler.app.config.problems import SettingsError
from hostler.app.settings import Settings
from hostler.cli import trust
from hostler.cli.keyring import KeyRing
from hostler.toolkit.connection import Connection


def plain() -> bool:
    """Whether the user, or a dumb terminal, asks for text without any escapes."""
    return bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") == "dumb"


def harmless(text: str) -> str:
    """The text with a sign in the place of each character that terminals obey.

    Those are the controls, but for tab and newline, and what turns the direction of writing.
    """
    return text.translate(_OBEYED)


_OBEYED = dict.fromkeys(
    (
        *(code for code in (*range(0x20), *range(0x7F, 0xA0)) if chr(code) not in "\t\n"),
        *range(0x202A, 0x202F),
        *range(0x2066, 0x206A),
    ),
    "\N{REPLACEMENT CHARACTER}",
)


class HarmlessConsole(Console):
    """Rich's, whose texts are ``harmless``."""

    def print(self, *objects: Any, **options: Any) -> None:
        super().print(*map(_harmless, objects), **options)


def _harmless(shown: Any) -> Any:
    if isinstance(shown, Text):
        shown.plain = harmless(shown.plain)  # as long as before: its colours stay where they are
        return shown
    return harmless(shown) if isinstance(shown, str) else shown


def _console(*, stderr: bool = False) -> Console:
    return HarmlessConsole(
        stderr=stderr,
        highlight=False,
        soft_wrap=True,
        emoji=False,
        color_system=None if plain() else "auto",
        force_interactive=False if plain() else None,
    )


out = _console()
err = _console(stderr=True)

FOLLOW_TRIES = 8
"""Calls are repeated for long enough to outlast a restart of the control plane."""

DataDir = Annotated[
    Path | None,
    typer.Option(
        "--data-dir",
        metavar="D",
        help="Where Hostler keeps everything [default: $HOSTLER_DATA_DIR or ~/.hostler].",
        show_default=False,
    ),
]
ConfigFile = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="F",
        help="The settings' file [default: $HOSTLER_CONFIG, ./hostler.toml, the last one, or "
        "hostler.toml in the data directory].",
        show_default=False,
    ),
]
EndpointName = Annotated[str, typer.Argument(metavar="ENDPOINT", help="The endpoint's name.")]
AsJson = Annotated[bool, typer.Option("--json", help="JSON, for machines.")]
As = Annotated[
    str | None,
    typer.Option(
        "--as",
        metavar="WHO",
        help="root, deployer, caller or a user's name [default: root]; ACCOUNT or ACCOUNT/WHO in "
        "another account.",
    ),
]


class CommandError(Exception):
    """A command could not do what it was asked: one clear line with the remedy."""


def fail(message: str, *, status: int = 1) -> NoReturn:
    """Print an error as one line and exit."""
    err.print("[bold red]hostler:[/]", end=" ")
    err.print(" ".join(message.split()), markup=False)
    raise SystemExit(status)


def directory(chosen: Path | None) -> Path:
    """The data directory a command means, absolute."""
    if chosen is None:
        return places.default_data_dir()
    try:
        return chosen.expanduser().resolve()
    except (RuntimeError, OSError) as error:
        raise SettingsError(f"--data-dir {chosen} cannot be found: {error}") from None


def connect(data_dir: Path, who: str | None = None) -> Connection:
    """A connection to a data directory's Hostler as root or another user."""
    settings = Settings.load(data_dir)
    key = KeyRing(data_dir).find(who)
    account, region = key.account or settings.account, key.region or settings.region
    trusted = trust.bundle(settings) if settings.has_tls else None
    return Connection(settings.endpoint_url, region, account, key, trusted)


def table(head: Sequence[str], rows: Sequence[Sequence[str | Text]]) -> None:
    """Rows in columns. A row is never broken: lines are for eyes and for grep."""
    cells = [[_text(cell) for cell in row] for row in rows]
    widths = [
        max(each.cell_len for each in column)
        for column in zip(map(_text, head), *cells, strict=True)
    ]
    for row in [[Text(name, style="bold") for name in head], *cells]:
        line = Text()
        for cell, width in zip(row, widths, strict=True):
            line += cell + " " * (width - cell.cell_len + 3)
        line.rstrip()
        out.print(line)


def _text(cell: str | Text) -> Text:
    return cell if isinstance(cell, Text) else Text(cell)


def document(value: Mapping[str, Any]) -> None:
    """Print a result for machines: one line, or in colour where a person looks."""
    text = json.dumps(value, default=str, ensure_ascii=False)
    if out.is_terminal:
        out.print_json(harmless(text))
    else:
        print(text, flush=True)
