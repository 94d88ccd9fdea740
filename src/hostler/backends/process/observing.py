"""Reads an instance's folder into an Observation.

Invariant: reads only; what it says follows from files and processes, so that any control process
says the same.
"""

import os
import stat
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from hostler.domain.instance import Exit, FailureCause, InstanceSpec, Observation, Phase
from hostler.modelserver import folder, identity, page, verdict
from hostler.modelserver.folder import LaunchPlan
from hostler.modelserver.identity import ProcessId

RUNTIME, DIGEST, SINCE = "runtime", "digest", "starting_monotonic"
"""What control adds to ``launch.json`` beside the plan."""


@dataclass(frozen=True, slots=True)
class Launched:
    """What ``launch.json`` says to control."""

    plan: LaunchPlan
    runtime: str
    digest: str
    since_monotonic: float


@dataclass(frozen=True, slots=True)
class Seen:
    """An observation, with what the backend needs to act on it."""

    observation: Observation
    process: ProcessId | None = None
    kill_due: bool = False
    """It was to be gone by now."""
    unexplained: bool = False
    """Its shim is gone and left no word: the backend is to write one."""


def read_spec(path: Path) -> InstanceSpec | None:
    """The instance that a folder belongs to; None if it is not one, or of another version."""
    try:
        text = (path / folder.SPEC).read_bytes()
        return msgspec.json.decode(text, type=_Stored).spec
    except (OSError, msgspec.DecodeError):
        return None


def write_spec(directory_fd: int, spec: InstanceSpec) -> None:
    """Keep the spec in the instance's folder."""
    folder.write_json(directory_fd, folder.SPEC, {"spec": msgspec.to_builtins(spec)})


class _Stored(msgspec.Struct):
    version: int
    spec: InstanceSpec


def read_launch(directory_fd: int) -> Launched | None:
    """The launch plan, once it is written; None also where it cannot be read."""
    value = folder.read_json(directory_fd, folder.LAUNCH)
    if value is None:
        return None
    try:
        plan = LaunchPlan.from_json(value)
        return Launched(plan, value[RUNTIME], value[DIGEST], float(value[SINCE]))
    except (KeyError, TypeError, ValueError, AttributeError):
        return None  # one damaged folder must not hide the others


def _seconds(value: Mapping[str, Any], name: str) -> float:
    """A time in a file, 0.0 where it is missing or none."""
    given = value.get(name)
    return float(given) if isinstance(given, int | float) else 0.0


def read_shim(directory_fd: int) -> ProcessId | None:
    """The shim that an instance's folder names, whether it lives or not."""
    return identity.of_record(folder.read_json(directory_fd, folder.SHIM))


def observe(path: Path, spec: InstanceSpec, now: float, *, preparing: bool) -> Seen:
    """What the folder of ``spec`` shows at ``now`` (the product's clock)."""
    try:
        directory = folder.open_folder(str(path))
    except FileNotFoundError:
        return Seen(_observation(spec, Phase.ABSENT))
    try:
        return _observe(directory, path, spec, now, preparing=preparing)
    finally:
        os.close(directory)


def _observe(
    directory: int, path: Path, spec: InstanceSpec, now: float, *, preparing: bool
) -> Seen:
    process = read_shim(directory)
    launched = read_launch(directory)
    alive = process is not None and process.alive
    ended = folder.read_json(directory, folder.EXIT)  # last: a shim writes it before it dies
    if ended is not None and not alive:
        phase, end = Phase.EXITED, _exit(ended, now)
        return Seen(_observation(spec, phase, launched=launched, exit_=end), process)
    if process is None:
        phase = Phase.PREPARING if preparing else Phase.ABSENT
        return Seen(_observation(spec, phase, launched=launched))
    if not alive:
        return Seen(_observation(spec, Phase.EXITED, launched=launched), process, unexplained=True)
    asked = folder.read_json(directory, folder.STOP)
    if asked is not None or ended is not None:
        due = asked is not None and time.monotonic() >= _seconds(asked, "deadline_monotonic")
        own_end = _exit(ended, now) if ended is not None and asked is None else None
        stopping = _observation(
            spec, Phase.STOPPING, launched=launched, pid=process.pid, exit_=own_end
        )
        return Seen(stopping, process, kill_due=due)
    return Seen(_running(directory, path, spec, process, launched, now=now), process)


def _running(
    directory: int,
    path: Path,
    spec: InstanceSpec,
    process: ProcessId,
    launched: Launched | None,
    *,
    now: float,
) -> Observation:
    """STARTING or READY. A worker that is replaced does not make a ready instance start anew."""
    if launched is None:
        return _observation(spec, Phase.STARTING, pid=process.pid, starting_since=now)
    sockets = path / folder.SOCKETS
    count = launched.plan.workers
    ready = _ready_workers(sockets, count)
    restarted = folder.read_json(directory, folder.RESTART)
    began = launched.since_monotonic
    if restarted is not None:
        began = max(began, _seconds(restarted, "monotonic"))
    serving = len(ready) == count or (bool(ready) and restarted is not None)
    return _observation(
        spec,
        Phase.READY if serving else Phase.STARTING,
        launched=launched,
        pid=process.pid,
        sockets=tuple(str(sockets / f"w{index}.sock") for index in range(count)) if serving else (),
        starting_since=now - max(time.monotonic() - began, 0.0),
    )


def _ready_workers(sockets: Path, count: int) -> list[int]:
    """The workers that say READY in the page and have their socket.

    The folder is writable by the model's code: links are not followed, nothing is mapped.
    """
    path = str(sockets / page.FILE_NAME)
    slots = ((index, page.read_slot(path, index)) for index in range(count))
    return [
        index
        for index, slot in slots
        if slot is not None and slot[1] == page.READY and _is_socket(sockets, index)
    ]


def _is_socket(sockets: Path, index: int) -> bool:
    try:
        return stat.S_ISSOCK((sockets / f"w{index}.sock").lstat().st_mode)
    except OSError:
        return False


def _exit(ended: Mapping[str, Any], now: float) -> Exit:
    """The exit file, whose words come from the instance's side."""
    cause = str(ended.get("cause", ""))
    known = FailureCause(cause) if cause in set(FailureCause) else FailureCause.EXITED
    at = ended.get("at")
    message = verdict.clean(str(ended.get("message", "")))
    return Exit(known, message, float(at) if isinstance(at, int | float) else now)


def _observation(
    spec: InstanceSpec,
    phase: Phase,
    *,
    launched: Launched | None = None,
    pid: int | None = None,
    sockets: tuple[str, ...] = (),
    starting_since: float | None = None,
    exit_: Exit | None = None,
) -> Observation:
    return Observation(
        instance_id=spec.instance_id,
        owner=spec.owner,
        phase=phase,
        variant_name=spec.variant_name,
        pid=pid,
        sockets=sockets,
        starting_since=starting_since,
        exit=exit_,
        runtime=launched.runtime if launched else "",
        digest=launched.digest if launched else "",
    )
