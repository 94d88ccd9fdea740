"""A filter of system calls: no user namespace is made or entered from inside a sandbox.

Who makes a user namespace has every capability in it, and with them reaches much of a kernel that a
plain process does not. setns is refused whole, for its descriptor does not tell which kind of
namespace it is. Invariant: nothing else is refused, and what is allowed costs no measurable time:
the kernel remembers which calls the filter lets pass whatever their arguments.
"""

from __future__ import annotations

import errno
import os
import struct
from dataclasses import dataclass
from typing import Optional

from . import syscalls

_INSTRUCTION = struct.Struct("=HBBI")
_LOAD, _EQUAL, _AT_LEAST, _HAS_BITS, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT = 0, 4, 16
"""Offsets in ``struct seccomp_data``; of the argument its low half, as it lies on our machines."""
_ALLOW, _FAIL = 0x7FFF0000, 0x00050000
_X32 = 0x40000000
"""From here on x86-64's numbers are those of its 32-bit twin."""
_CLONE3 = 435


@dataclass(frozen=True)
class _Machine:
    """The kernel's name of an architecture (AUDIT_ARCH_*), and its numbers of system calls."""

    architecture: int
    clone: int
    unshare: int
    setns: int
    seccomp: int


_MACHINES = {
    "x86_64": _Machine(0xC000003E, clone=56, unshare=272, setns=308, seccomp=317),
    "aarch64": _Machine(0xC00000B7, clone=220, unshare=97, setns=268, seccomp=277),
}


def known() -> bool:
    """Whether there is a filter for this machine."""
    return _machine() is not None


def refuse_user_namespaces() -> None:
    """Refuse them to this process, which has ``no_new_privs``, and to all that descend from it.

    Does nothing on a machine that is not ``known``.
    """
    machine = _machine()
    if machine is not None:
        syscalls.set_filter(machine.seccomp, _program(machine))


def _machine() -> Optional[_Machine]:
    wide = struct.calcsize("P") == 8  # a 32-bit interpreter may run on such a kernel
    return _MACHINES.get(os.uname().machine) if wide else None


def _program(machine: _Machine) -> bytes:
    """The filter in the kernel's classic BPF; jumps count from the next instruction."""
    refused, absent = _FAIL | errno.EPERM, _FAIL | errno.ENOSYS
    steps = (
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_EQUAL, 0, 11, machine.architecture),  # another: a 32-bit program's call
        (_LOAD, 0, 0, _NUMBER),
        (_AT_LEAST, 9, 0, _X32),
        (_EQUAL, 8, 0, _CLONE3),  # its flags lie in memory; C libraries go on to clone
        (_EQUAL, 6, 0, machine.setns),
        (_EQUAL, 2, 0, machine.unshare),
        (_EQUAL, 1, 0, machine.clone),
        (_RETURN, 0, 0, _ALLOW),
        (_LOAD, 0, 0, _FIRST_ARGUMENT),
        (_HAS_BITS, 1, 0, syscalls.CLONE_NEWUSER),
        (_RETURN, 0, 0, _ALLOW),
        (_RETURN, 0, 0, refused),
        (_RETURN, 0, 0, absent),
    )
    return b"".join(_INSTRUCTION.pack(*step) for step in steps)
