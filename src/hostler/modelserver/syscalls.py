"""The few Linux system calls that Python 3.9 does not offer, through the C library.

Invariant: a failed call raises OSError with the kernel's errno and the call's own words; nothing
here decides anything.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import resource
import socket
import struct
import sys

CLONE_NEWNS = 0x00020000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000

MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC = 1, 2, 4, 8
MS_REMOUNT, MS_NOATIME, MS_NODIRATIME = 32, 1024, 2048
MS_BIND, MS_REC, MS_PRIVATE, MS_SLAVE, MS_RELATIME = 4096, 16384, 1 << 18, 1 << 19, 1 << 21
MNT_DETACH = 2

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_CAPBSET_DROP = 1, 4, 24
PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS, PR_CAP_AMBIENT = 36, 38, 47
PR_CAP_AMBIENT_CLEAR_ALL = 4

MFD_CLOEXEC = 1

_SECCOMP_SET_MODE_FILTER, _SECCOMP_SPEC_ALLOW = 1, 4
_CAPABILITY_VERSION_3 = 0x20080522
_SCHED_SETATTR = {"x86_64": 314, "aarch64": 274, "riscv64": 274, "ppc64le": 355, "s390x": 345}
_SCHED_ATTR = struct.Struct("=IIQiIQQQII")
_SIOCGIFFLAGS, _SIOCSIFFLAGS, _IFF_UP = 0x8913, 0x8914, 0x1
_IFREQ = struct.Struct("16sh14x")

_libc = ctypes.CDLL(None, use_errno=True)


def lift_descriptor_limit() -> int:
    """Use all that the system grants: each connection and each watched process takes one.

    Returns how many that are.
    """
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    return most if most != resource.RLIM_INFINITY else sys.maxsize


def _call(name: str, *arguments: object) -> int:
    ctypes.set_errno(0)
    result: int = getattr(_libc, name)(*arguments)
    if result < 0:
        errno = ctypes.get_errno()
        words = ", ".join(
            value.decode(errors="replace") if isinstance(value, bytes) else str(value)
            for value in (getattr(argument, "value", argument) for argument in arguments)
        )
        raise OSError(errno, f"{name}({words}): {os.strerror(errno)}")
    return result


def _text(value: str | None) -> ctypes.c_char_p:
    return ctypes.c_char_p(None if value is None else os.fsencode(value))


def unshare(flags: int) -> None:
    """Leave the namespaces named by CLONE_NEW* flags for new ones."""
    _call("unshare", ctypes.c_int(flags))


def mount(source: str | None, target: str, kind: str | None, flags: int, data: str = "") -> None:
    """Mount something; flags are MS_*."""
    options = _text(data or None)
    _call("mount", _text(source), _text(target), _text(kind), ctypes.c_ulong(flags), options)


def unmount(target: str) -> None:
    """Detach a mount at once; it ends when nobody uses it any more."""
    _call("umount2", _text(target), ctypes.c_int(MNT_DETACH))


def pivot_root(new_root: str, put_old: str) -> None:
    """Make a mount this namespace's root, and put the old one elsewhere."""
    _call("pivot_root", _text(new_root), _text(put_old))


def prctl(option: int, second: int = 0, third: int = 0) -> None:
    """Set something of this process; the arguments not given are zero."""
    values = (ctypes.c_ulong(value) for value in (second, third, 0, 0))
    _call("prctl", ctypes.c_int(option), *values)


def drop_bounding_capabilities() -> None:
    """No execve of this process or its children will ever grant a capability again."""
    for capability in range(64):
        try:
            prctl(PR_CAPBSET_DROP, capability)
        except OSError:
            if capability > 40:  # beyond the kernel's last one
                return
            raise


def drop_capabilities() -> None:
    """Empty the ambient, effective, permitted and inheritable sets."""
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL)
    header = struct.pack("<Ii", _CAPABILITY_VERSION_3, 0)
    _call("capset", ctypes.c_char_p(header), ctypes.c_char_p(bytes(24)))


def set_filter(number: int, program: bytes) -> None:
    """Filter this process's system calls; ``number`` is that of ``seccomp`` on this machine.

    Without the slower speculation that older kernels put on filtered processes: it guards those
    that run others' code beside their own secrets, and sandboxed ones have none.
    """
    code = ctypes.create_string_buffer(program, len(program))
    head = struct.pack("@HP", len(program) // 8, ctypes.addressof(code))
    flags = ctypes.c_ulong(_SECCOMP_SPEC_ALLOW)
    mode = ctypes.c_ulong(_SECCOMP_SET_MODE_FILTER)
    _call("syscall", ctypes.c_long(number), mode, flags, ctypes.c_char_p(head))


def prefer_short_turns(nanoseconds: int) -> None:
    """Ask the scheduler for short turns: whoever has slept is then run sooner, and for less long.

    From Linux 6.12 on a thread that wakes takes the processor from one that has longer turns,
    instead of waiting for the end of that one's (https://docs.kernel.org/scheduler/sched-eevdf.html).
    Shares do not change; threads and processes made later inherit it. Elsewhere nothing happens.
    """
    number = _SCHED_SETATTR.get(os.uname().machine)
    if number is None:
        return
    nice = os.getpriority(os.PRIO_PROCESS, 0)
    wanted = _SCHED_ATTR.pack(_SCHED_ATTR.size, 0, 0, nice, 0, nanoseconds, 0, 0, 0, 0)
    arguments = (ctypes.c_int(0), ctypes.c_char_p(wanted), ctypes.c_uint(0))
    with contextlib.suppress(OSError):  # a container's filter may refuse it: it is a preference
        _call("syscall", ctypes.c_long(number), *arguments)


def memory_file(name: str) -> int:
    """A descriptor of an empty file that has no path and goes with its last descriptor.

    ``os.memfd_create`` is missing from interpreters that were built against an old C library.
    """
    return _call("memfd_create", _text(name), ctypes.c_uint(MFD_CLOEXEC))


def raise_loopback() -> None:
    """Bring up ``lo`` in a new network namespace."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        request = fcntl.ioctl(probe, _SIOCGIFFLAGS, _IFREQ.pack(b"lo", 0))
        name, flags = _IFREQ.unpack(request)
        fcntl.ioctl(probe, _SIOCSIFFLAGS, _IFREQ.pack(name, flags | _IFF_UP))
