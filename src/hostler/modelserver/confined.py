"""Control's errands in processes of their own: fresh interpreters, and confined commands.

Invariant: a confined command dies with the process that started it, and sees and may write only
what its plan names.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import traceback
from typing import Any, Callable, Mapping, NoReturn

from . import launcher, sandbox, syscalls

UNPACK = "unpack"

STATUS_UNCONFINED = 125
"""Exit status when the sandbox could not be built; stderr says why."""


def launch(directory: str) -> NoReturn:
    """Start an instance with a fresh interpreter; the reply is a line on stdout."""

    def reply(answer: Mapping[str, Any]) -> None:
        os.write(answers, json.dumps(answer).encode() + b"\n")

    answers = os.dup(1)
    launcher.launch(directory, reply)


def run(plan: int, words: list[str]) -> NoReturn:
    """Run a command with our own stdin, stdout and stderr; end as it ends.

    ``plan`` is a descriptor of the plan's JSON, which may hold secrets: arguments are for all to
    read.

    The word ``unpack`` instead of a program's path runs our own module in the same interpreter:
    starting another one would take longer than the unpacking.
    """
    if words[0] == UNPACK:
        from . import unpack  # noqa: PLC0415 - before the sandbox, which may not show it

        _confine(_read(plan), lambda _told: unpack.main(words[1:]))
    _confine(_read(plan), lambda told: _execute(told, words))


def _read(descriptor: int) -> sandbox.SandboxPlan:
    with open(descriptor, encoding="utf-8") as file:
        return sandbox.SandboxPlan.from_json(json.load(file))


def _confine(plan: sandbox.SandboxPlan, act: Callable[[sandbox.SandboxPlan], int]) -> NoReturn:
    syscalls.prctl(syscalls.PR_SET_PDEATHSIG, signal.SIGKILL)
    status = STATUS_UNCONFINED
    try:
        sandbox.separate(plan.kind)
        pid = os.fork()
        if pid == 0:
            _begin(plan, act)
        _, wait_status = os.waitpid(pid, 0)
        number = os.WTERMSIG(wait_status) if os.WIFSIGNALED(wait_status) else 0
        status = 128 + number if number else os.WEXITSTATUS(wait_status)
    except OSError as error:
        with contextlib.suppress(OSError):
            os.write(2, f"{error}\n".encode())
    os._exit(status)


def _begin(plan: sandbox.SandboxPlan, act: Callable[[sandbox.SandboxPlan], int]) -> NoReturn:
    status = STATUS_UNCONFINED
    try:
        sandbox.close_descriptors(frozenset())
        sandbox.enter(plan)
        syscalls.prctl(syscalls.PR_SET_PDEATHSIG, signal.SIGKILL)  # cleared by the change of uid
        status = act(plan)
    except OSError as error:
        sys.stderr.write(f"{error}\n")
    except BaseException:  # noqa: BLE001 - the end of a process: its last words
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def _execute(plan: sandbox.SandboxPlan, words: list[str]) -> int:
    os.execve(words[0], words, dict(plan.environment))  # noqa: S606 - no shell on purpose
