"""Settings read again while everything runs: by SIGHUP, or `hostler config reload`.

Control takes its own by being started again: gateways serve on from their snapshot, and calls of
other operations wait for the next control. Listening addresses and the like wait for a start.

Invariant: settings that cannot be used change nothing.
"""

import os
from collections.abc import Collection

from hostler.app.config import reading
from hostler.app.settings import Settings

READ_BY = {
    "control": frozenset(
        {
            "runtimes",
            "quotas",
            "instances",
            "serverless",
            "s3",
            "audit",
            "prometheus",
            "alarms",
            "sns",
            "cleanup",
        }
        | {"logs.instance_kilobytes_per_s", "logs.megabytes"}
    ),
    "s3": frozenset({"s3"}),
}
"""Which sections, or keys, a process reads at its start, and a start alone does not change."""


def read(running: Settings) -> tuple[Settings, list[str], list[str]]:
    """The settings to go on with, which of them changed, and which wait for a start.

    Raises:
        SettingsError: they cannot be used.
    """
    new = reading.anew(running)
    settings = reading.reloaded(running, new)
    changed = reading.differences(running.config, settings.config)
    return settings, changed, reading.differences(settings.config, new.config)


def concerned(changed: Collection[str]) -> list[str]:
    """The processes that must start again."""
    named = {*changed, *(name.partition(".")[0] for name in changed)}
    return [process for process, read_ in READ_BY.items() if named & read_]


def line(changed: Collection[str], waiting: Collection[str]) -> str:
    """What became of it, for people."""
    done = f"changed {', '.join(changed)}" if changed else "nothing to change"
    later = f"; {', '.join(waiting)} waits for the next `hostler up`" if waiting else ""
    return f"settings were read again: {done}{later}"


def has_terminal() -> bool:
    """Whether we belong to a terminal that is still there."""
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC))
    except OSError:
        return False
    return True
