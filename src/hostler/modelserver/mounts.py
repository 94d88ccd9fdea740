"""Builds a confined process's file system: a small tmpfs with read-only windows onto the host.

Invariant: whatever is not named is not there. Nothing is writable but the plan's writable folders,
/tmp and /dev/shm, which are bounded.
"""

from __future__ import annotations

import contextlib
import os
import re
import stat
from typing import TYPE_CHECKING, Iterable, Iterator

from . import syscalls

if TYPE_CHECKING:
    from .sandbox import SandboxPlan

SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/sys/devices/system")
SETTINGS = (
    "/etc/alternatives",
    "/etc/ca-certificates",
    "/etc/crypto-policies",
    "/etc/fonts",
    "/etc/gai.conf",
    "/etc/host.conf",
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/localtime",
    "/etc/mime.types",
    "/etc/nsswitch.conf",
    "/etc/os-release",
    "/etc/pki",
    "/etc/protocols",
    "/etc/resolv.conf",
    "/etc/services",
    "/etc/ssl",
    "/etc/timezone",
)
DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
_OCTAL = re.compile(rb"\\([0-7]{3})")
_FIXED = syscalls.MS_NOSUID | syscalls.MS_NODEV
_FLAGS = {
    "nosuid": syscalls.MS_NOSUID,
    "nodev": syscalls.MS_NODEV,
    "noexec": syscalls.MS_NOEXEC,
    "noatime": syscalls.MS_NOATIME,
    "nodiratime": syscalls.MS_NODIRATIME,
    "relatime": syscalls.MS_RELATIME,
}


def build_root(plan: SandboxPlan) -> None:
    """Replace this mount namespace's root by the plan's; the old one is gone afterwards."""
    root = plan.root
    syscalls.mount(None, "/", None, syscalls.MS_REC | syscalls.MS_PRIVATE)
    syscalls.mount("hostler", root, "tmpfs", _FIXED, "mode=0755,size=8m")
    os.makedirs(root + "/dev")
    for folder in ("/tmp", "/dev/shm"):  # noqa: S108 - the sandbox's own
        os.makedirs(root + folder)
        options = f"mode=1777,size={plan.temporary_bytes}"
        syscalls.mount("hostler", root + folder, "tmpfs", _FIXED, options)
    for path in (*SYSTEM, *SETTINGS):
        _window(path, root + path)
    _accounts(root, plan)
    _devices(root, plan)
    # After the temporary folders: a data directory may lie below the host's /tmp.
    for source, inside in sorted(plan.read_only, key=lambda pair: pair[1]):
        if not _covered(source, inside):
            _bind(source, root + inside)
    for source, inside in plan.writable:
        _bind(source, root + inside)
    for folder in ("/proc", "/run", "/var", "/opt/ml/model"):
        os.makedirs(root + folder, exist_ok=True)
    os.symlink("/tmp", root + "/var/tmp")  # noqa: S108 - the sandbox's own
    syscalls.mount("proc", root + "/proc", "proc", _FIXED | syscalls.MS_NOEXEC)
    os.chdir(root)
    syscalls.pivot_root(".", ".")
    syscalls.unmount(".")
    os.chdir("/")
    _seal({inside for _, inside in plan.writable})


def _window(path: str, target: str) -> None:
    """Show a path of the host if it is there; a symbolic link of the root folder stays one."""
    if not os.path.lexists(path):
        return
    if os.path.islink(path) and os.path.dirname(path) == "/":
        os.symlink(os.readlink(path), target)
    elif os.path.exists(path):
        _bind(os.path.realpath(path), target)


def _bind(source: str, target: str) -> None:
    if stat.S_ISDIR(os.stat(source).st_mode):
        os.makedirs(target, exist_ok=True)
    elif not os.path.lexists(target):
        os.makedirs(os.path.dirname(target), exist_ok=True)
        os.close(os.open(target, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o444))
    syscalls.mount(source, target, None, syscalls.MS_BIND | syscalls.MS_REC)


def _covered(source: str, inside: str) -> bool:
    """True if a system folder shows this path already, at the same place."""
    real = os.path.realpath(source)
    return real == inside and any(
        real == folder or real.startswith(folder + "/")
        for folder in SYSTEM
        if not os.path.islink(folder)
    )


def _accounts(root: str, plan: SandboxPlan) -> None:
    """Names for the uid and the host: libraries ask for them, the host's own are not theirs."""
    os.makedirs(root + "/etc", exist_ok=True)
    uid = os.geteuid() if plan.uid is None else plan.uid
    gid = os.getegid() if plan.uid is None else plan.uid
    home = "/tmp"  # noqa: S108 - the sandbox's own
    hosts = ""
    with contextlib.suppress(OSError), open("/etc/hosts", "rb") as source:
        hosts = source.read().decode("utf-8", "replace")
    files = {
        "/etc/passwd": f"root:x:0:0::/:/bin/false\nmodel:x:{uid}:{gid}::{home}:/bin/sh\n",
        "/etc/group": f"root:x:0:\nmodel:x:{gid}:\n",
        "/etc/hosts": f"127.0.0.1 localhost {plan.hostname}\n{hosts}\n",
        "/etc/hostname": f"{plan.hostname}\n",
    }
    for path, text in files.items():
        with open(root + path, "w", encoding="utf-8") as file:
            file.write(text)


def _devices(root: str, plan: SandboxPlan) -> None:
    for path in (*(f"/dev/{name}" for name in DEVICES), *plan.devices):
        if os.path.exists(path):
            _bind(path, root + path)
    for name, target in (
        ("fd", "/proc/self/fd"),
        ("stdin", "/proc/self/fd/0"),
        ("stdout", "/proc/self/fd/1"),
        ("stderr", "/proc/self/fd/2"),
    ):
        os.symlink(target, f"{root}/dev/{name}")


def _seal(writable: Iterable[str]) -> None:
    """Remount read-only all that is not meant to be written, the root last."""
    open_ended = {*writable, "/tmp", "/dev/shm", "/proc"}  # noqa: S108 - the sandbox's own
    for point, flags in reversed(list(_mount_points())):
        if point in open_ended or (point.startswith("/dev/") and not os.path.isdir(point)):
            continue
        kept = flags | syscalls.MS_REMOUNT | syscalls.MS_BIND | syscalls.MS_RDONLY
        syscalls.mount(None, point, None, kept | _FIXED)


def _mount_points() -> Iterator[tuple[str, int]]:
    """Every mount of this namespace and its flags, which a user namespace may not clear."""
    with open("/proc/self/mountinfo", "rb") as lines:
        for line in lines:
            words = line.split(b" ")
            point = _OCTAL.sub(lambda match: bytes([int(match[1], 8)]), words[4])
            flags = 0
            for option in words[5].decode().split(","):
                flags |= _FLAGS.get(option, 0)
            yield os.fsdecode(point), flags
