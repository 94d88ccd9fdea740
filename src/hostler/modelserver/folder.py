"""An instance's folder: the small JSON files by which its processes and control know each other.

Invariant: a file is replaced whole (written beside, then renamed) by its one writer:
``spec.json``, ``launch.json`` and ``stop.json`` by control, ``shim.json`` by the launcher,
``death-*.json`` by the shim, as ``exit.json`` (by control, when the shim died without a word or
never began).
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
from dataclasses import dataclass, field
from typing import Any, Mapping

from .sandbox import SandboxPlan

VERSION = 1
FILE_MAX = 4 * 1024 * 1024
SPEC, LAUNCH, SHIM, EXIT, STOP = "spec.json", "launch.json", "shim.json", "exit.json", "stop.json"
LOCK = "lock"
"""Held (flock) by the living shim: an instance never runs twice."""
RESTART = "restart.json"
"""When the shim last replaced a worker that had served (CLOCK_MONOTONIC seconds)."""
GPUS = "gpus.json"
DEATH = "death-{}.json"
"""By a worker's index: its last process that ended and why, for those it owed answers."""
SPOOL, SOCKETS, ROOT, ERRORS = "spool", "s", "root", "shim.err"

_EXHAUSTED = (errno.EMFILE, errno.ENFILE, errno.ENOMEM)


def open_folder(path: str) -> int:
    """A descriptor of the folder, for the functions below."""
    return os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)


def write_json(directory_fd: int, name: str, value: Mapping[str, Any]) -> None:
    """Replace a file of the folder."""
    beside = f".{name}.{os.getpid()}"
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        fd = os.open(beside, flags, 0o644, dir_fd=directory_fd)
        with os.fdopen(fd, "w", encoding="utf-8") as file:
            os.fchmod(fd, 0o644)  # control and the instance's user both read; the folder is 0700
            json.dump({"version": VERSION, **value}, file)
        os.rename(beside, name, src_dir_fd=directory_fd, dst_dir_fd=directory_fd)
    finally:
        with contextlib.suppress(FileNotFoundError):  # it has been renamed
            os.unlink(beside, dir_fd=directory_fd)


def read_json(directory_fd: int, name: str) -> dict[str, Any] | None:
    """A file of the folder, or None if it is absent or says nothing that we understand.

    Safe where a model's code may write: links are not followed, pipes not waited for, and no more
    than FILE_MAX is read. Raises OSError where the machine has no descriptor or memory to read it
    with: that says nothing of the file.
    """
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    try:
        fd = os.open(name, flags, dir_fd=directory_fd)
        with os.fdopen(fd, "rb") as file:
            value = json.loads(file.read(FILE_MAX) or b"")
    except OSError as error:
        if error.errno in _EXHAUSTED:
            raise
        return None
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def write_exit(
    directory_fd: int,
    cause: str,
    message: str,
    *,
    at: float,
    status: int | None = None,
    signal: int | None = None,
    oom: bool = False,
) -> None:
    """Say how the instance ended."""
    told = {"cause": cause, "message": message, "at": at}
    write_json(directory_fd, EXIT, {**told, "status": status, "signal": signal, "oom": oom})


@dataclass(frozen=True)
class LaunchPlan:
    """How to run the instance, decided by control and read by the launcher and the shim.

    ``settings`` goes to the workers as it is. ``oom_file`` is the cgroup's file with an
    ``oom_kill`` line; with ``watch_memory`` the shim enforces ``memory_bytes`` itself. ``fresh``:
    begin a new interpreter, whose site-packages only the workers load. ``output_bytes_per_s`` is
    what may be printed, 0 for as much as comes. ``nice`` is added to the launcher's own niceness.
    ``spare_root`` is the empty folder for the root of the zygote's next spare; None: no spare.
    """

    instance_id: str
    sandbox: SandboxPlan
    settings: Mapping[str, Any]
    python: str
    grace_s: float
    workers: int = 1
    fresh: bool = False
    memory_bytes: int = 0
    watch_memory: bool = False
    cgroup_procs: tuple[str, ...] = ()
    oom_file: str | None = None
    nice: int = 0
    notes: tuple[str, ...] = field(default_factory=tuple)
    output_bytes_per_s: int = 0
    spare_root: str | None = None

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> LaunchPlan:
        """Read what ``to_json`` wrote; raises KeyError or ValueError for another format."""
        if value["version"] != VERSION:
            raise ValueError(f"launch format {value['version']}, expected {VERSION}")
        return cls(
            instance_id=str(value["instance_id"]),
            sandbox=SandboxPlan.from_json(value["sandbox"]),
            settings=dict(value["settings"]),
            python=str(value["python"]),
            workers=int(value["workers"]),
            fresh=bool(value["fresh"]),
            memory_bytes=int(value["memory_bytes"]),
            watch_memory=bool(value["watch_memory"]),
            cgroup_procs=tuple(str(path) for path in value["cgroup_procs"]),
            oom_file=value["oom_file"],
            nice=int(value.get("nice", 0)),
            grace_s=float(value["grace_s"]),
            notes=tuple(str(line) for line in value["notes"]),
            output_bytes_per_s=int(value.get("output_bytes_per_s", 0)),
            spare_root=value.get("spare_root"),
        )

    def to_json(self) -> dict[str, Any]:
        """The plan as JSON's types, without the version."""
        return {
            "instance_id": self.instance_id,
            "sandbox": self.sandbox.to_json(),
            "settings": dict(self.settings),
            "python": self.python,
            "workers": self.workers,
            "fresh": self.fresh,
            "memory_bytes": self.memory_bytes,
            "watch_memory": self.watch_memory,
            "cgroup_procs": list(self.cgroup_procs),
            "oom_file": self.oom_file,
            "nice": self.nice,
            "grace_s": self.grace_s,
            "notes": list(self.notes),
            "output_bytes_per_s": self.output_bytes_per_s,
            "spare_root": self.spare_root,
        }
