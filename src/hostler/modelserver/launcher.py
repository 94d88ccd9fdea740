"""Starts an instance's shim, detached from whoever asked: its parent is a fork that ends at once.

Invariant: the shim's identity is on disk before any of its code runs, and the folder's lock lets
one shim in: asking twice, or crashing between any two steps, gives one instance or none.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import time
import traceback
from typing import Any, Callable, Mapping, NoReturn

from . import failures, folder, identity, sandbox, syscalls

BOOTSTRAP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "bootstrap.py")
TURN_NS = 500_000
"""An answer of a small model takes less, and one of a large model gives way seldom enough."""
_ORPHANED = "the launcher died before it had told who the shim is"
Reply = Callable[[Mapping[str, Any]], None]


def launch(path: str, reply: Reply) -> NoReturn:
    """Start the instance of a folder, ``reply`` {"pid": …} or {"error": …}, and end."""
    status = 1
    try:
        reply({"pid": _launch(path)})
        status = 0
    except (OSError, KeyError, ValueError, TypeError) as error:
        reply({"error": f"{type(error).__name__}: {error}"})
    finally:
        os._exit(status)


def _launch(path: str) -> int:
    os.setsid()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    os.umask(0o022)
    directory = folder.open_folder(path)
    lock = os.open(folder.LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640, dir_fd=directory)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        running = folder.read_json(directory, folder.SHIM)
        if running is None:
            raise
        return int(running["pid"])
    if folder.read_json(directory, folder.EXIT) is not None:
        raise ValueError("the instance has ended already")
    value = folder.read_json(directory, folder.LAUNCH)
    if value is None:
        raise ValueError(f"no {folder.LAUNCH} in {path}")
    plan = folder.LaunchPlan.from_json(value)
    oom = -1
    if plan.oom_file is not None:
        oom = os.open(plan.oom_file, os.O_RDONLY | os.O_CLOEXEC)
    _redirect(directory)
    for procs in plan.cgroup_procs:
        with open(procs, "w", encoding="ascii") as file:
            file.write("0")
    sandbox.separate(plan.sandbox)
    gate, opener = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(opener)
        _begin(plan, directory, lock, oom, gate)
    os.close(gate)
    shim = {"pid": pid, "start_time": identity.start_time(pid)}
    try:
        folder.write_json(directory, folder.SHIM, shim)
    except OSError:
        os.kill(pid, signal.SIGKILL)  # a child of ours: the pid cannot be another's
        raise
    os.write(opener, b"1")
    return pid


def _redirect(directory: int) -> None:
    """The shim's own words, which are a defect's traceback, go to a file of the folder."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
    errors = os.open(folder.ERRORS, flags, 0o640, dir_fd=directory)
    nothing = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
    os.dup2(nothing, 0)
    os.dup2(errors, 2)
    os.close(errors)
    os.close(nothing)


def _begin(plan: folder.LaunchPlan, directory: int, lock: int, oom: int, gate: int) -> NoReturn:
    """The shim's first steps; nothing here returns into the launcher's frames."""
    try:
        opened = os.read(gate, 1)
        syscalls.prefer_short_turns(TURN_NS)
        os.dup2(2, 1)
        sandbox.close_descriptors(frozenset({directory, lock, oom}))
        if not opened:
            raise OSError(_ORPHANED)  # noqa: TRY301 - one place writes the end
        if plan.sandbox.kind != sandbox.NAMESPACES:
            syscalls.prctl(syscalls.PR_SET_CHILD_SUBREAPER, 1)
        sandbox.enter(plan.sandbox)
        if plan.fresh:
            for descriptor in (directory, lock, oom):
                if descriptor >= 0:
                    os.set_inheritable(descriptor, True)
            words = [plan.python, "-I", "-S", BOOTSTRAP, "shim", str(directory), str(oom)]
            os.execve(plan.python, words, dict(plan.sandbox.environment))  # noqa: S606 - no shell
        from . import shim  # noqa: PLC0415 - the modules of a zygote are loaded already

        shim.run(plan, directory, oom)
    except OSError as error:
        with contextlib.suppress(OSError):
            message = f"the instance's sandbox could not be built: {error}"
            folder.write_exit(directory, failures.PLATFORM, message, at=time.time())
    except BaseException:  # noqa: BLE001 - the end of a process: its last words
        traceback.print_exc()
    finally:
        os._exit(70)
