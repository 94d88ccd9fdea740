"""Builds a confined process's file system: a small tmpfs with read-only windows onto the host.

Built in two steps, so that the first can be done before it is known for whom: ``lay``, ``move_in``.
Invariant: whatever is not named is not there. Nothing is writable but the plan's writable folders,
/tmp and /dev/shm, which are bounded.
"""

from __future__ import annotations

import contextlib
import os
import re
import stat
from typing import TYPE_CHECKING, Collection, Iterable, Iterator

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
_SEALED = _FIXED | syscalls.MS_RDONLY
_TEMPORARY = ("/tmp", "/dev/shm")  # noqa: S108 - the sandbox's own
_FLAGS = {
    "ro": syscalls.MS_RDONLY,
    "nosuid": syscalls.MS_NOSUID,
    "nodev": syscalls.MS_NODEV,
    "noexec": syscalls.MS_NOEXEC,
    "noatime": syscalls.MS_NOATIME,
    "nodiratime": syscalls.MS_NODIRATIME,
    "relatime": syscalls.MS_RELATIME,
}


def lay(root: str, shown: Iterable[tuple[str, str]]) -> None:
    """Mount a new root on an empty folder, with all that does not depend on whose it will be.

    ``shown`` are windows (source, path inside) that everybody has who will get this root.
    """
    # What is mounted here stays here; what the host mounts and unmounts meanwhile is followed.
    syscalls.mount(None, "/", None, syscalls.MS_REC | syscalls.MS_SLAVE)
    syscalls.mount("hostler", root, "tmpfs", _FIXED, "mode=0755,size=8m")
    os.makedirs(root + "/dev")
    for folder in _TEMPORARY:
        os.makedirs(root + folder)
        syscalls.mount("hostler", root + folder, "tmpfs", _FIXED, "mode=1777,size=4096")
    for path in SYSTEM:
        _window(path, root + path)
    _devices(root)
    # After the temporary folders: a data directory may lie below the host's /tmp.
    _show(root, shown)
    for folder in ("/etc", "/proc", "/run", "/var", "/opt/ml/model"):
        os.makedirs(root + folder, exist_ok=True)
    os.symlink("/tmp", root + "/var/tmp")  # noqa: S108 - the sandbox's own
    syscalls.mount("proc", root + "/proc", "proc", _FIXED | syscalls.MS_NOEXEC)
    _seal(root, {"", *_TEMPORARY, "/proc"})


def move_in(root: str, plan: SandboxPlan, shown: Iterable[tuple[str, str]]) -> None:
    """Add what is the plan's own to a root that was laid with ``shown``, and make it the root.

    The host's settings are shown now and not before: they are files that are replaced, and a
    window shows the one that was there when it was made.
    """
    for folder in _TEMPORARY:
        size = f"size={plan.temporary_bytes}"
        syscalls.mount(None, root + folder, None, syscalls.MS_REMOUNT | _FIXED, size)
    for path in SETTINGS:
        _window(path, root + path)
    _accounts(root, plan)
    for path in plan.devices:
        if os.path.exists(path):
            _bind(path, root + path)
    _show(root, set(plan.read_only).difference(shown))
    for source, inside in plan.writable:
        _bind(source, root + inside)
    os.chdir(root)
    syscalls.pivot_root(".", ".")
    syscalls.unmount(".")
    os.chdir("/")
    syscalls.mount(None, "/", None, syscalls.MS_REC | syscalls.MS_PRIVATE)
    _seal("", {*_TEMPORARY, "/proc", *(inside for _, inside in plan.writable)})


def _show(root: str, windows: Iterable[tuple[str, str]]) -> None:
    for source, inside in sorted(windows, key=lambda pair: pair[1]):
        if not _covered(source, inside):
            _bind(source, root + inside)


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


def _devices(root: str) -> None:
    for path in (f"/dev/{name}" for name in DEVICES):
        if os.path.exists(path):
            _bind(path, root + path)
    for name, target in (
        ("fd", "/proc/self/fd"),
        ("stdin", "/proc/self/fd/0"),
        ("stdout", "/proc/self/fd/1"),
        ("stderr", "/proc/self/fd/2"),
    ):
        os.symlink(target, f"{root}/dev/{name}")


def _seal(root: str, writable: Collection[str]) -> None:
    """Remount read-only what lies below ``root`` and is not meant to be written, the root last.

    ``writable`` and what is left out besides are paths inside; "" is the root itself.
    """
    for point, flags in reversed(list(_mount_points())):
        if root and point != root and not point.startswith(root + "/"):
            continue
        inside = point[len(root) :]
        if inside in writable or (inside.startswith("/dev/") and not os.path.isdir(point)):
            continue
        if flags & _SEALED == _SEALED:
            continue
        kept = flags | syscalls.MS_REMOUNT | syscalls.MS_BIND | _SEALED
        syscalls.mount(None, point, None, kept)


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
