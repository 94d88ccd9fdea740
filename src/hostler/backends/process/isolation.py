"""How far this machine lets us confine a model's code: tried once at the start, by doing it.

Invariant: the tier that is reported is the tier that is used; anything less than namespaces with
kernel limits is said aloud.
"""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from hostler.backends.process import cgroup
from hostler.modelserver import launcher, sandbox, seccomp, syscalls

PROBE_TIMEOUT_S = 20.0
PROBES_MAX = 2
"""On a machine that is too busy to answer in time: it is no reason to isolate nothing."""
UID_FIRST, UID_COUNT = 0x7000_0000, 1 << 24
"""Instances' users where we are root: far above any account's (2^24, one an instance)."""


class TierKind(StrEnum):
    CGROUP = "namespaces + cgroup"
    WATCHDOG = "namespaces + memory watchdog"
    RLIMITS = "rlimits"


@dataclass(frozen=True, slots=True)
class Users:
    """A range of user ids for instances; the last one unpacks archives and runs uv."""

    first: int
    count: int

    @property
    def errands(self) -> int:
        return self.first + self.count - 1


@dataclass(frozen=True, slots=True)
class Tier:
    """What the probe found. ``users`` is None where instances run as ourselves."""

    kind: TierKind
    text: str
    warnings: tuple[str, ...] = ()
    users: Users | None = None
    cgroups: cgroup.CgroupDriver | None = None

    @property
    def namespaces(self) -> bool:
        return self.kind is not TierKind.RLIMITS


def probe(mount_point: Path) -> Tier:
    """Confine a shell as an instance would be, and make a control group; blocks for 0.1 s.

    ``mount_point`` is ``Layout.mount_point``.
    """
    users = _users()
    for _ in range(PROBES_MAX):
        problem, in_time = _try_sandbox(users, mount_point)
        if in_time:
            break
    if problem:
        warning = (
            f"MODELS ARE NOT ISOLATED on this machine: their code runs as {_who()}, sees its files "
            f"and its network. {problem}"
        )
        return Tier(TierKind.RLIMITS, f"{TierKind.RLIMITS}: {warning}", (warning,))
    own = "own users" if users else _who()
    warnings = []
    if os.geteuid() == 0 and not seccomp.known():
        warnings.append(
            f"a model can make user namespaces on this machine ({os.uname().machine}): as root, "
            "Hostler can refuse them on x86_64 and aarch64 only. Run it as another user."
        )
    cgroups = cgroup.detect()
    if cgroups is None:
        text = (
            "no control groups: memory is watched (up to 5 times a second), processor time is not"
        )
        warnings.append(text)
    kind = TierKind.WATCHDOG if cgroups is None else TierKind.CGROUP
    return Tier(kind, f"{kind} ({own})", tuple(warnings), users, cgroups)


def _users() -> Users | None:
    if os.geteuid() != 0:
        return None
    for line in Path("/proc/self/uid_map").read_text().splitlines():
        first, _, count = map(int, line.split())
        if first <= UID_FIRST and first + count >= UID_FIRST + UID_COUNT:
            return Users(UID_FIRST, UID_COUNT)
    for line in Path("/proc/self/uid_map").read_text().splitlines():
        first, _, count = map(int, line.split())
        if first + count >= 60_000:  # a rootless container's range, above its own accounts
            return Users(30_000, 30_000)
    return None


def _try_sandbox(users: Users | None, mount_point: Path) -> tuple[str, bool]:
    """Why a sandbox cannot be built (empty if it can), and whether that was found out in time."""
    uid = users.errands if users else None
    mount_point.mkdir(mode=0o700, parents=True, exist_ok=True)
    plan = sandbox.SandboxPlan(root=str(mount_point), uid=uid, isolate_network=True)
    try:
        with confined(plan, "/bin/sh", "-c", ":") as (words, descriptor):
            done = subprocess.run(
                words,
                pass_fds=(descriptor,),
                capture_output=True,
                check=False,
                text=True,
                timeout=PROBE_TIMEOUT_S,
            )
    except subprocess.TimeoutExpired:
        return (
            f"a sandbox was not made within {PROBE_TIMEOUT_S:.0f} s, {PROBES_MAX} times over",
            False,
        )
    except OSError as error:
        return str(error), True
    failed = done.stderr.strip()[-300:] or f"status {done.returncode}"
    return failed if done.returncode else "", True


@contextlib.contextmanager
def confined(plan: sandbox.SandboxPlan, *words: str) -> Iterator[tuple[list[str], int]]:
    """The command that runs another one under a plan, and the descriptor that it must inherit.

    The plan is not among the words, which everybody on the machine may read: its environment can
    hold what opens a company's package index.
    """
    descriptor = syscalls.memory_file("hostler plan")
    try:
        with open(descriptor, "w", encoding="utf-8", closefd=False) as file:
            json.dump(plan.to_json(), file)
        os.lseek(descriptor, 0, os.SEEK_SET)
        bootstrap = [sys.executable, "-I", "-S", launcher.BOOTSTRAP]
        yield [*bootstrap, "confined", str(descriptor), *words], descriptor
    finally:
        os.close(descriptor)


def _who() -> str:
    return "root" if os.geteuid() == 0 else f"your own user (uid {os.geteuid()})"
