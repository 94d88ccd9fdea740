"""The user's init scripts: where they lie, which there are, and how the last run of them went.

Invariant: ``D/run/init.json`` has one writer at a time: the supervisor before it starts the init
process (``app.init``), which then goes on with it.
"""

import json
import os
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from hostler.app.settings import Settings
from hostler.domain.layout import Layout
from hostler.modelserver import identity, whole

STAGE = "ready.d"
SUFFIXES = (".sh", ".py")


class State(StrEnum):
    """Of one script, or of all of them."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Script:
    """One script: its file's name, how far it is, and what became of it, in words."""

    name: str
    state: State = State.WAITING
    text: str = ""


def folder(settings: Settings) -> Path:
    """``ready.d``, whether or not it exists."""
    beside = settings.file.parent if settings.file else settings.data_dir
    return Path(settings.config.init.folder or beside / "init") / STAGE


def found(settings: Settings) -> list[Path]:
    """The scripts, in the order of their names; hidden files and others are none."""
    place = folder(settings)
    try:
        paths = sorted(place.iterdir())
    except OSError:
        return []
    return [
        path
        for path in paths
        if path.suffix in SUFFIXES and not path.name.startswith(".") and path.is_file()
    ]


def begin(settings: Settings) -> None:
    """Forget the last start's; those of this one wait, so that whoever asks at once waits too."""
    settings.layout.init_status.unlink(missing_ok=True)
    if paths := found(settings):
        keep(settings.layout, [Script(path.name) for path in paths])


def keep(layout: Layout, scripts: list[Script]) -> None:
    """Write how far they are, with the process that runs them."""
    me = identity.of(os.getpid())
    record = {
        "pid": os.getpid(),
        "start_time": me.start_time if me else 0,
        "scripts": [asdict(each) for each in scripts],
    }
    whole.write(layout.init_status, json.dumps(record).encode())


def status(layout: Layout) -> dict[str, Any] | None:
    """How they are: ``{"state", "scripts": [...]}``; None when none were run at this start."""
    try:
        record = json.loads(layout.init_status.read_bytes())
        scripts = [
            Script(each["name"], State(each["state"]), each["text"]) for each in record["scripts"]
        ]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if any(each.state in (State.WAITING, State.RUNNING) for each in scripts):
        alive = identity.read(layout.init_status) is not None
        state = State.RUNNING if alive else State.FAILED
    else:
        state = State.FAILED if any(each.state is State.FAILED for each in scripts) else State.DONE
    return {"state": state.value, "scripts": [asdict(each) for each in scripts]}
