"""The `hostler` command: its subcommands, and the one place where errors become lines.

Invariant: no command prints a traceback for something a person can mend.
"""

import importlib
import io
import os
import sys
from collections.abc import Sequence
from typing import Annotated, Any, Final

import typer
from typer.exceptions import TyperException

from hostler import __version__
from hostler.cli import failures
from hostler.cli.output import fail, out, plain

COMMANDS: Final = {
    "up": "up",
    "down": "up",
    "status": "status",
    "env": "env",
    "bootstrap": "bootstrap",
    "demo": "demo",
    "logs": "logs",
    "rollout": "rollout",
    "invoke": "invoke",
    "cleanup": "cleanup",
}
"""Each command with its module, where a function of its name is the command."""
GROUPS: Final = ("account", "alarms", "audit", "config", "runtimes", "scaling", "shadow")
"""Modules whose ``app`` is a group of commands of the same name."""


def command_line(words: Sequence[str]) -> typer.Typer:
    """The commands that a command line may mean: the one it names, else all there are.

    A command's module is only loaded when it is needed: most of a short command's time would go
    into loading the others.
    """
    app = typer.Typer(
        name="hostler",
        help="SageMaker Real-Time Inference that you run yourself.",
        invoke_without_command=True,
        add_completion=False,
        rich_markup_mode="rich",
        pretty_exceptions_enable=False,
    )
    app.callback()(root)
    named = next((word for word in words if not word.startswith("-")), None)
    chosen = {named} if named in {*COMMANDS, *GROUPS} else {*COMMANDS, *GROUPS}
    for name, module in COMMANDS.items():
        if name in chosen:
            app.command()(getattr(importlib.import_module(f"hostler.cli.{module}"), name))
    for name in GROUPS:
        if name in chosen:
            app.add_typer(importlib.import_module(f"hostler.cli.{name}").app, name=name)
    return app


def _version(value: bool) -> None:
    if value:
        out.print(f"hostler {__version__}")
        raise typer.Exit


def root(
    context: typer.Context,
    _version_asked: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """SageMaker Real-Time Inference that you run yourself."""
    if context.invoked_subcommand is None:
        print(context.get_help())
        raise typer.Exit(2)


def run() -> None:
    """What was typed: exit codes 0, 1 and 2, and errors of one line."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal without our typography
    if plain():
        help_of: Any = importlib.import_module("typer.rich_utils")  # slow to load, so only here
        help_of.COLOR_SYSTEM = None
    try:
        status = command_line(sys.argv[1:])(prog_name="hostler", standalone_mode=False)
    except TyperException as error:
        if line := failures.wrongly_asked(error):
            fail(line, status=2)
        raise SystemExit(2) from None
    except (KeyboardInterrupt, typer.Abort):
        raise SystemExit(130) from None
    except BrokenPipeError:
        _forget_output()
        raise SystemExit(1) from None
    except failures.mendable() as error:
        fail(failures.line(error))
    raise SystemExit(status)


def _forget_output() -> None:
    """Whoever read our output (`| head`) is gone: the last flush must not complain."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
