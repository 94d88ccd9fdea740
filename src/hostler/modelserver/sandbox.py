"""Shuts a process into its own view of the machine: namespaces, a new root, another uid, no powers.

Two steps, because a pid namespace begins with a process's next child: ``separate`` in the parent,
then ``enter`` in the child that becomes PID 1. Invariant: ``enter`` returns only when the whole
plan holds; anything it cannot do raises OSError, and no code of a user has run by then.
"""

from __future__ import annotations

import contextlib
import os
import resource
import socket
from dataclasses import dataclass, field
from typing import Any, Mapping

from . import mounts, seccomp, syscalls

NAMESPACES, RLIMITS = "namespaces", "rlimits"
OPEN_FILES_MAX = 65536
PROCESSES_MAX = 4096


@dataclass(frozen=True)
class SandboxPlan:
    """What a confined process may see and be.

    ``read_only`` and ``writable`` are (source on the host, path inside). ``root`` is an empty
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
            read_only=tuple((str(a), str(b)) for a, b in value["read_only"]),
            writable=tuple((str(a), str(b)) for a, b in value["writable"]),
            devices=tuple(str(each) for each in value["devices"]),
            temporary_bytes=int(value["temporary_bytes"]),
            environment={str(k): str(v) for k, v in value["environment"].items()},
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
        }


def separate(plan: SandboxPlan) -> None:
    """Make the next child PID 1 of a new pid namespace (in a user namespace, unless root)."""
    if plan.kind != NAMESPACES:
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
    os.umask(0o022)
    _limit()
    if plan.kind == NAMESPACES:
        spaces = syscalls.CLONE_NEWNS | syscalls.CLONE_NEWIPC | syscalls.CLONE_NEWUTS
        if plan.isolate_network:
            spaces |= syscalls.CLONE_NEWNET
        syscalls.unshare(spaces)
        socket.sethostname(plan.hostname)
        if plan.isolate_network:
            syscalls.raise_loopback()
        mounts.build_root(plan)
        if os.geteuid() != 0:
            # As the filter does below, on machines that it is not written for too.
            with contextlib.suppress(OSError):
                _write("/proc/sys/user/max_user_namespaces", "0")
        _drop_powers(plan)
    syscalls.prctl(syscalls.PR_SET_NO_NEW_PRIVS, 1)
    if plan.kind == NAMESPACES:
        seccomp.refuse_user_namespaces()
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
    syscalls.drop_bounding_capabilities()
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
