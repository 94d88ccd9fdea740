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
from dataclasses import dataclass
from typing import Any, Callable, Mapping, NoReturn, Sequence

from . import failures, folder, identity, sandbox, syscalls

BOOTSTRAP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "bootstrap.py")
TURN_NS = 500_000
"""An answer of a small model takes less, and one of a large model gives way seldom enough."""
ORPHANED = "the launcher died before it had told who the shim is"
REASONS = (OSError, KeyError, ValueError, TypeError)
"""What a launch that fails raises."""
Reply = Callable[[Mapping[str, Any]], None]
Told = Callable[[folder.LaunchPlan], None]


def launch(path: str, reply: Reply, told: Told = lambda _plan: None) -> NoReturn:
    """Start the instance of a folder, ``reply`` {"pid": …} or {"error": …}, and end.

    ``told`` is called with the plan of what was started, after the reply.
    """
    status = 1
    try:
        detach()
        claim = take(path)
        if isinstance(claim, int):
            reply({"pid": claim})
        else:
            reply({"pid": _launch(claim)})
            told(claim.plan)
        status = 0
    except REASONS as error:
        reply({"error": f"{type(error).__name__}: {error}"})
    finally:
        os._exit(status)


def detach() -> None:
    """Belong to nobody's session or signals, as whatever is launched from here does."""
    os.setsid()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    os.umask(0o022)


@dataclass(frozen=True)
class Claim:
    """An instance that is ours to start: descriptors of its folder's, and its plan.

    Whoever holds ``lock`` open keeps every other one from starting it.
    """

    directory: int
    lock: int
    oom: int
    """-1 where nothing tells of memory that ran out."""
    errors: int
    """The shim's own words, which are a defect's traceback."""
    plan: folder.LaunchPlan

    @classmethod
    def handed(cls, descriptors: Sequence[int]) -> Claim:
        """The claim of whoever handed us its ``descriptors``."""
        directory, lock, errors, *oom = descriptors
        return cls(directory, lock, oom[0] if oom else -1, errors, _plan(directory))

    @property
    def descriptors(self) -> list[int]:
        """What to hand on; ``handed`` reads it."""
        oom = [] if self.oom < 0 else [self.oom]
        return [self.directory, self.lock, self.errors, *oom]

    def take_output(self) -> None:
        """Say our own words there, and read nothing."""
        nothing = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
        for descriptor, number in ((nothing, 0), (self.errors, 1), (self.errors, 2)):
            os.dup2(descriptor, number)
        os.close(nothing)
        os.close(self.errors)

    def join_groups(self) -> None:
        """Be limited as the instance is."""
        for procs in self.plan.cgroup_procs:
            with open(procs, "w", encoding="ascii") as file:
                file.write("0")

    def tell(self, pid: int) -> None:
        """Say on disk who the shim is: a child of ours, which is killed if that cannot be said."""
        shim = {"pid": pid, "start_time": identity.start_time(pid)}
        try:
            folder.write_json(self.directory, folder.SHIM, shim)
        except OSError:
            os.kill(pid, signal.SIGKILL)  # a child of ours: the pid cannot be another's
            raise


def take(path: str) -> Claim | int:
    """Claim the instance of a folder; the pid of its shim if it runs already."""
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
    plan = _plan(directory)
    oom = -1
    if plan.oom_file is not None:
        oom = os.open(plan.oom_file, os.O_RDONLY | os.O_CLOEXEC)
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
    errors = os.open(folder.ERRORS, flags, 0o640, dir_fd=directory)
    return Claim(directory, lock, oom, errors, plan)


def _plan(directory: int) -> folder.LaunchPlan:
    value = folder.read_json(directory, folder.LAUNCH)
    if value is None:
        raise ValueError(f"there is no {folder.LAUNCH}")
    return folder.LaunchPlan.from_json(value)


def _launch(claim: Claim) -> int:
    claim.join_groups()
    sandbox.separate(claim.plan.sandbox.kind)
    gate, opener = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(opener)
        begin(claim, lambda: _confine(claim, gate))
    os.close(gate)
    claim.tell(pid)
    os.write(opener, b"1")
    return pid


def _confine(claim: Claim, gate: int) -> None:
    if not os.read(gate, 1):
        raise OSError(ORPHANED)
    syscalls.prefer_short_turns(TURN_NS)
    sandbox.close_descriptors(frozenset({claim.directory, claim.lock, claim.oom}))
    if claim.plan.sandbox.kind != sandbox.NAMESPACES:
        syscalls.prctl(syscalls.PR_SET_CHILD_SUBREAPER, 1)
    sandbox.enter(claim.plan.sandbox)


def begin(claim: Claim, confine: Callable[[], None]) -> NoReturn:
    """Be the shim, once ``confine`` has returned; nothing here returns into the caller's frames."""
    try:
        claim.take_output()
        confine()
        plan = claim.plan
        if plan.fresh:
            for descriptor in (claim.directory, claim.lock, claim.oom):
                if descriptor >= 0:
                    os.set_inheritable(descriptor, True)
            words = [plan.python, "-I", "-S", BOOTSTRAP, "shim"]
            words += [str(claim.directory), str(claim.oom)]
            os.execve(plan.python, words, dict(plan.sandbox.environment))  # noqa: S606 - no shell
        from . import shim  # noqa: PLC0415 - the modules of a zygote are loaded already

        shim.run(plan, claim.directory, claim.oom)
    except OSError as error:
        with contextlib.suppress(OSError):
            message = f"the instance's sandbox could not be built: {error}"
            folder.write_exit(claim.directory, failures.PLATFORM, message, at=time.time())
    except BaseException:  # noqa: BLE001 - the end of a process: its last words
        traceback.print_exc()
    finally:
        os._exit(70)
