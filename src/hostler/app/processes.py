"""What every process of Hostler's does at its start: arguments, logging, its end.

Invariant: a process's log lines go to standard error, which the supervisor keeps in ``log/``.
"""

import argparse
import asyncio
import contextlib
import logging
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import uvloop

from hostler.app.settings import Settings
from hostler.backends.process.zygotes import ZygoteError, exchange
from hostler.domain.layout import Layout
from hostler.modelserver import syscalls
from hostler.store.versions import NewerSchemaError
from hostler.vault.sealing import VaultError


def arguments(name: str, *extra: str) -> tuple[Settings, argparse.Namespace]:
    """The data directory's settings and the process's own integer options."""
    parser = argparse.ArgumentParser(prog=f"hostler {name}")
    parser.add_argument("--data-dir", type=Path, required=True)
    for option in extra:
        parser.add_argument(option, type=int, required=True)
    options = parser.parse_args()
    settings = Settings.load(options.data_dir)
    logging.basicConfig(
        stream=sys.stderr,
        level=settings.config.logs.level.upper(),
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
    return settings, options


def run(layout: Layout, main: Coroutine[Any, Any, None]) -> None:
    """Run a process's coroutine on uvloop.

    What no restart mends is told to the supervisor, which ends with that line.
    """
    syscalls.lift_descriptor_limit()
    try:
        uvloop.run(main)
    except (NewerSchemaError, VaultError) as error:
        with contextlib.suppress(ZygoteError):
            asyncio.run(exchange(layout.supervisor_socket, {"op": "refuse", "line": str(error)}))
        sys.exit(str(error))
