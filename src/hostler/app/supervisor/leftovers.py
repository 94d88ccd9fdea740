"""What runs on a data directory without being this supervisor's child: found, and stopped.

Two kinds: processes that an earlier supervisor started (it was killed, they serve on), and
instances, which are nobody's children once their launcher has ended.

Invariant: found by what is on disk and in /proc alone, and only those very processes are signalled.
Instances' rows stay: the next `hostler up` brings the endpoints back.
"""

import contextlib
import json
import os
from dataclasses import dataclass
from pathlib import Path

from hostler.backends.process import cgroup
from hostler.domain import endings
from hostler.domain.layout import Layout
from hostler.modelserver import identity
from hostler.modelserver.identity import ProcessId

MODULES = {
    "hostler.app.control": "control",
    "hostler.app.s3": "s3",
    "hostler.app.init": "init",
    "hostler.gateway": "gateway",
}
TRIES = 3


@dataclass(frozen=True, slots=True)
class Leftover:
    """A process of an earlier supervisor; ``kind`` is control, s3, gateway, zygote or init."""

    kind: str
    process: ProcessId


def processes(layout: Layout) -> list[Leftover]:
    """Every process of the data directory that runs, but instances.

    By pid files, and by command lines for those whose file is missing (they were started in the
    moment of a kill, on a full disk, or are gateways that still drain). A zygote is known by its
    file alone: instances are its forks and show its command line.
    """
    found: dict[ProcessId, str] = {}
    for path in sorted(layout.run.glob("*.pid")):
        if (process := identity.read(path)) is not None:
            found[process] = path.stem.partition("-")[0]
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            kind = _kind(folder, layout.root)
            process = identity.of(int(folder.name)) if kind else None
            if kind and process is not None:
                found[process] = kind
    return [Leftover(kind, process) for process, kind in found.items()]


def instances(layout: Layout) -> list[ProcessId]:
    """The shims of every instance of the data directory that runs."""
    found = (identity.read(path) for path in sorted(layout.instances.glob("*/shim.json")))
    return [process for process in found if process is not None]


def children() -> list[ProcessId]:
    """Our own children that run, whoever started them: a subreaper is given orphans."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            words = (folder / "stat").read_bytes().rpartition(b")")[2].split()
            if int(words[1]) == os.getpid() and (process := identity.of(int(folder.name))):
                found.append(process)
    return found


def stop(layout: Layout) -> int:
    """Without a supervisor: stop all of it, in order; returns how many there were."""
    stopped = 0
    for kinds, patience_s in (
        (("gateway", "init"), endings.GATEWAY_KILL_S),
        (("control", "s3"), endings.S3_KILL_S),
        (("zygote",), endings.OTHER_KILL_S),
    ):
        those = [each.process for each in processes(layout) if each.kind in kinds]
        identity.stop_all(those, patience_s)
        stopped += len(those)
    for _ in range(TRIES):  # again: one may have been about to start
        living = instances(layout)
        identity.stop_all(living, endings.INSTANCE_KILL_S)
        stopped += len(living)
    forget_groups(layout)
    return stopped


def forget_groups(layout: Layout) -> None:
    """Remove the control groups of instances that ended; one that still holds a process stays."""
    for path in layout.instances.glob("*/launch.json"):
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            cgroup.remove([Path(name) for name in json.loads(path.read_text())["cgroup_procs"]])


def _kind(folder: Path, root: Path) -> str | None:
    """What a process of ours in /proc is, if it belongs to the data directory."""
    if folder.stat().st_uid != os.geteuid():
        return None
    words = (folder / "cmdline").read_bytes().split(b"\0")
    match words[1:]:
        case [b"-P", b"-m", module, b"--data-dir", place, *_] if place == os.fsencode(root):
            return MODULES.get(os.fsdecode(module))
    return None
