"""Shuts a process into its own view of the machine: namespaces, a new root, another uid, no powers.

Two steps, because a pid namespace begins with a process's next child: ``separate`` in the parent,
then ``enter`` in the child that becomes PID 1. That one is ``prepare``, which needs no plan and may
be done long before, and ``complete``. Invariant: ``enter`` and ``complete`` return only when the
whole plan holds; anything they cannot do raises OSError, and no code of a user has run by then.
"""

from __future__ import annotations

import contextlib
import os
import resource
import socket
from dataclasses import dataclass, field
from typing import Any, Iterable, Mapping

from . import mounts, seccomp, syscalls

NAMESPACES, RLIMITS = "namespaces", "rlimits"
OPEN_FILES_MAX = 65536
PROCESSES_MAX = 4096
UMASK = 0o022


@dataclass(frozen=True)
class Shell:
    """What a sandbox is before it is anybody's: its root's empty folder, and windows to show."""

    root: str
    shown: tuple[tuple[str, str], ...] = ()

    def suits(self, plan: SandboxPlan) -> bool:
        """Whether it can become the plan's: it shows nothing that the plan does not."""
        return plan.kind == NAMESPACES and set(self.shown).issubset(plan.read_only)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Shell:
        """Read what ``to_json`` wrote."""
        return cls(str(value["root"]), _pairs(value["shown"]))

    def to_json(self) -> dict[str, Any]:
        """The shell as JSON's types."""
        return {"root": self.root, "shown": [list(pair) for pair in self.shown]}


@dataclass(frozen=True)
class SandboxPlan:
    """What a confined process may see and be.

    ``read_only`` and ``writable`` are (source on the host, path inside); ``common`` are those of
    ``read_only`` that everybody has who is forked from the same zygote. ``root`` is an empty
    folder of the host on which the new root is mounted, privately. ``uid`` None keeps the caller's.
    """

    root: str
    kind: str = NAMESPACES
    uid: int | None = None
    isolate_network: bool = False
    hostname: str = "model"
    read_only: tuple[tuple[str, str], ...] = ()
    writable: tuple[tuple[str, str], ...] = ()
    devices: tuple[str, ...] = ()
    temporary_bytes: int = 256 * 1024 * 1024
    environment: Mapping[str, str] = field(default_factory=dict)
    common: tuple[tuple[str, str], ...] = ()

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> SandboxPlan:
        """Read what ``to_json`` wrote."""
        uid = value["uid"]
        return cls(
            root=str(value["root"]),
            kind=str(value["kind"]),
            uid=None if uid is None else int(uid),
            isolate_network=bool(value["isolate_network"]),
            hostname=str(value["hostname"]),
            read_only=_pairs(value["read_only"]),
            writable=_pairs(value["writable"]),
            devices=tuple(str(each) for each in value["devices"]),
            temporary_bytes=int(value["temporary_bytes"]),
            environment={str(k): str(v) for k, v in value["environment"].items()},
            common=_pairs(value.get("common", ())),
        )

    def to_json(self) -> dict[str, Any]:
        """The plan as JSON's types."""
        return {
            "root": self.root,
            "kind": self.kind,
            "uid": self.uid,
            "isolate_network": self.isolate_network,
            "hostname": self.hostname,
            "read_only": [list(pair) for pair in self.read_only],
            "writable": [list(pair) for pair in self.writable],
            "devices": list(self.devices),
            "temporary_bytes": self.temporary_bytes,
            "environment": dict(self.environment),
            "common": [list(pair) for pair in self.common],
        }


def separate(kind: str = NAMESPACES) -> None:
    """Make the next child PID 1 of a new pid namespace (in a user namespace, unless root)."""
    if kind != NAMESPACES:
        return
    uid, gid = os.geteuid(), os.getegid()
    if uid == 0:
        syscalls.unshare(syscalls.CLONE_NEWPID)
        return
    syscalls.unshare(syscalls.CLONE_NEWUSER | syscalls.CLONE_NEWPID)
    _write("/proc/self/setgroups", "deny")
    _write("/proc/self/uid_map", f"{uid} {uid} 1")
    _write("/proc/self/gid_map", f"{gid} {gid} 1")


def enter(plan: SandboxPlan) -> None:
    """Become confined for good; call in the child of a process that called ``separate``."""
    shell = Shell(plan.root, plan.common)
    if plan.kind == NAMESPACES:
        prepare(shell)
    complete(plan, shell)


def prepare(shell: Shell) -> None:
    """All of it that does not depend on who will be confined.

    What is taken away here is not needed to complete it; the rest goes there.
    """
    os.umask(UMASK)  # others than who makes the folders are to find their way through them
    syscalls.unshare(syscalls.CLONE_NEWNS | syscalls.CLONE_NEWIPC | syscalls.CLONE_NEWUTS)
    mounts.lay(shell.root, shell.shown)
    syscalls.drop_bounding_capabilities()
    syscalls.prctl(syscalls.PR_SET_NO_NEW_PRIVS, 1)
    seccomp.refuse_user_namespaces()


def complete(plan: SandboxPlan, shell: Shell) -> None:
    """Become confined for good, as who the plan says, in a shell that was prepared if it needs one.

    Raises:
        OSError: also where the shell shows what the plan does not.
    """
    if plan.kind == NAMESPACES and not shell.suits(plan):
        raise OSError("it was prepared with windows that are not the plan's")
    os.umask(UMASK)
    _limit()
    if plan.kind == NAMESPACES:
        if plan.isolate_network:
            syscalls.unshare(syscalls.CLONE_NEWNET)
            syscalls.raise_loopback()
        socket.sethostname(plan.hostname)
        mounts.move_in(shell.root, plan, shell.shown)
        if os.geteuid() != 0:
            # As the filter does, on machines that it is not written for too.
            with contextlib.suppress(OSError):
                _write("/proc/sys/user/max_user_namespaces", "0")
        _drop_powers(plan)
    syscalls.prctl(syscalls.PR_SET_NO_NEW_PRIVS, 1)
    syscalls.prctl(syscalls.PR_SET_DUMPABLE, 0)
    os.chdir("/tmp")  # noqa: S108 - the sandbox's own
    os.environ.clear()
    os.environ.update(plan.environment)


def close_descriptors(keep: frozenset[int]) -> None:
    """Close every descriptor above 2 that is not kept."""
    for name in os.listdir("/proc/self/fd"):
        descriptor = int(name)
        if descriptor > 2 and descriptor not in keep:
            with contextlib.suppress(OSError):  # the listing's own
                os.close(descriptor)


def _limit() -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    files = OPEN_FILES_MAX if hard == resource.RLIM_INFINITY else min(hard, OPEN_FILES_MAX)
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))


def _drop_powers(plan: SandboxPlan) -> None:
    if plan.uid is not None or (os.geteuid() != 0 and _namespaces_count_apart()):
        # Counted by uid, so only where the uid is the instance's own, or its namespace's.
        resource.setrlimit(resource.RLIMIT_NPROC, (PROCESSES_MAX, PROCESSES_MAX))
    if plan.uid is not None:
        os.setgroups([])
        os.setresgid(plan.uid, plan.uid, plan.uid)
        os.setresuid(plan.uid, plan.uid, plan.uid)
    syscalls.drop_capabilities()


def _namespaces_count_apart() -> bool:
    """Whether a user's processes are counted in each user namespace by themselves (Linux 5.14)."""
    major, minor = os.uname().release.split(".")[:2]
    return (int(major), int(minor.partition("-")[0])) >= (5, 14)


def _write(path: str, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(descriptor, text.encode())
    finally:
        os.close(descriptor)


def _pairs(value: Iterable[Iterable[Any]]) -> tuple[tuple[str, str], ...]:
    return tuple((str(first), str(second)) for first, second in value)
