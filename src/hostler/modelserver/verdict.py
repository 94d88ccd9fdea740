"""Why a worker ended, in one line, from its wait status, its own last word and the OOM count.

Pure. Invariant: a worker's own word (``failure-*.json``) is a claim of the user's side: it is
clipped, cleaned and believed only while loading; an out-of-memory kill is the kernel's (or the
watchdog's) fact.
"""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass
from typing import Mapping

from . import failures

MESSAGE_MAX = 900
OWN_DOING = frozenset(
    {
        signal.SIGSEGV,
        signal.SIGABRT,
        signal.SIGBUS,
        signal.SIGFPE,
        signal.SIGILL,
        signal.SIGSYS,
        signal.SIGTRAP,
    }
)
"""What a process gets for its own faults; they come again, as a kill from outside need not."""


@dataclass(frozen=True)
class Death:
    """A worker's end. ``was_ready``: it had served before, in this life or an earlier one."""

    index: int
    wait_status: int
    oom: bool
    was_ready: bool


@dataclass(frozen=True)
class Verdict:
    """A cause (a ``FailureCause`` value) and a line for people."""

    cause: str
    message: str
    status: int | None = None
    signal: int | None = None
    oom: bool = False


def judge(
    death: Death,
    failure: Mapping[str, object] | None,
    memory_bytes: int,
    instance_type: str = "",
) -> Verdict:
    """The verdict on a worker that ended though nobody had asked it to."""
    doing = "while it served" if death.was_ready else "while it loaded the model"
    number = os.WTERMSIG(death.wait_status) if os.WIFSIGNALED(death.wait_status) else None
    status = os.WEXITSTATUS(death.wait_status) if number is None else None
    if death.oom and number not in OWN_DOING:  # else the kernel had killed something before
        message = f"worker {death.index} ran out of memory {doing}"
        message += _limit(memory_bytes, instance_type)
        return Verdict(failures.OUT_OF_MEMORY, message, status, number, oom=True)
    if failure is not None and not death.was_ready:
        cause, message = str(failure.get("cause", "")), str(failure.get("message", ""))
        return Verdict(cause or failures.MODEL_LOAD, clean(message), status, number)
    if number in OWN_DOING:
        message = f"worker {death.index} crashed with {signal_name(number)} {doing}"
        return Verdict(failures.EXITED, message, None, number)
    if number is not None:
        message = f"worker {death.index} was killed by {signal_name(number)} {doing}"
        return Verdict(failures.KILLED, message, None, number)
    message = f"worker {death.index} ended with status {status} {doing}"
    return Verdict(failures.EXITED, message, status, None)


def signal_name(number: int) -> str:
    """``SIGSEGV`` for 11."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def clean(text: str) -> str:
    """One printable line of at most MESSAGE_MAX characters."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= MESSAGE_MAX else line[: MESSAGE_MAX - 1] + "…"


def _limit(memory_bytes: int, instance_type: str) -> str:
    if not memory_bytes:
        return ""
    return f" ({instance_type or 'the instance'} has {memory_bytes / 2**30:.3g} GiB)"
