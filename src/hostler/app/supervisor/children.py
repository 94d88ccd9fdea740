"""The supervised processes: started, watched, restarted with a growing pause.

Invariant: a child is known by its slot name; its pid file is written before anything else may ask
for it. When to start one again is a time in a table, never a sleep.
"""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from hostler.app.supervisor import journal
from hostler.domain import endings
from hostler.domain.layout import Layout
from hostler.modelserver import identity
from hostler.modelserver.identity import ProcessId

PAUSE_MIN_S = 0.1
PAUSE_MAX_S = 30.0
"""A process that dies at once spends a second or two on its imports: a small share of this."""
SETTLED_S = 10.0
"""A child that lived this long is started again at once, with the smallest pause."""


@dataclass(slots=True)
class Child:
    """One slot: what to run in it, and what runs in it now.

    ``final_status`` is the exit status that says "not again": the slot is then left empty.
    """

    name: str
    argv: tuple[str, ...]
    descriptors: tuple[int, ...] = ()
    pause_max_s: float = PAUSE_MAX_S
    final_status: int | None = None
    process: ProcessId | None = None
    started: float = 0.0
    pause_s: float = PAUSE_MIN_S
    start_at: float = 0.0
    restarts: int = 0
    last_exit: str = ""
    given_up: bool = False
    once: bool = False
    """It is not started again, however it ended."""
    renewed: bool = False
    """Its end was asked for, to be started again with other settings."""
    kill_at: float = 0.0
    """When it is killed, if it has not ended as it was asked to; 0 while it need not end."""


@dataclass(slots=True)
class Children:
    """Every slot of this supervisor. Times are on the monotonic clock.

    ``ended`` hears of each end that nobody asked for.
    """

    layout: Layout
    ended: Callable[[Child], None] = lambda _child: None
    by_name: dict[str, Child] = field(default_factory=dict)
    stopping: bool = False

    def add(self, child: Child) -> Child:
        """Fill a slot, started at once.

        One that is taken keeps its process, unless its command differs: then that process is
        ended, and the new command started.
        """
        present = self.by_name.get(child.name)
        if present is None:
            self.by_name[child.name] = child
            self._start(child)
            return child
        if present.argv != child.argv:
            present.argv = child.argv
            present.pause_s, present.given_up = PAUSE_MIN_S, False
            present.start_at = time.monotonic()
            self.renew(present)
        return present

    def renew(self, child: Child) -> None:
        """End a process so that it starts again at once; its end is no failure."""
        if child.process is not None:
            child.renewed = True
            child.kill_at = child.kill_at or time.monotonic() + endings.OTHER_KILL_S
            self.signal(child, signal.SIGTERM)

    def succeed(self, name: str, pid: int, *, failed: bool) -> ProcessId | None:
        """Start another beside a process that is to end, in its place.

        At once, or after the pause for one that ``failed``. The process, for the caller to look
        after; None if the slot is another's.
        """
        child = self.by_name.get(name)
        if self.stopping or child is None or child.process is None or child.process.pid != pid:
            return None
        leaving, child.process = child.process, None
        child.kill_at, child.last_exit = 0.0, "failed" if failed else "asked to end"
        child.restarts += 1
        if failed:
            self._pause(child)
        else:
            child.renewed, child.start_at = False, time.monotonic()
        return leaving

    def reap(self) -> None:
        """Collect every ended process: ours, and the orphans a subreaper is given."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            for child in self.by_name.values():
                if child.process is not None and child.process.pid == pid:
                    self._ended(child, status)

    def do_due(self) -> float | None:
        """Start and kill what is due; seconds until the next one is, None when none waits."""
        if self.stopping:
            return None
        now = time.monotonic()
        for child in self._waiting():
            if child.start_at <= now:
                self._start(child)
        for child in self._overdue(now):
            child.kill_at = (
                now + endings.OTHER_KILL_S
            )  # and again: the kernel may not let go of it at once
            self.signal(child, signal.SIGKILL)
        starts = [child.start_at for child in self._waiting()]
        kills = [child.kill_at for child in self.by_name.values() if child.kill_at]
        return max(0.0, min((*starts, *kills)) - now) if starts or kills else None

    def signal(self, child: Child, number: signal.Signals) -> None:
        if child.process is not None:
            child.process.signal(number)

    def running(self, prefix: str = "") -> list[Child]:
        """Children that run, whose name begins with ``prefix``."""
        return [
            child
            for child in self.by_name.values()
            if child.process is not None and child.name.startswith(prefix)
        ]

    def bound_logs(self, bytes_max: int) -> None:
        """Keep every log within its bound."""
        for name in self.by_name:
            journal.bound(self.layout.process_log(name), bytes_max)

    def _waiting(self) -> list[Child]:
        return [
            child for child in self.by_name.values() if child.process is None and not child.given_up
        ]

    def _overdue(self, now: float) -> list[Child]:
        return [child for child in self.by_name.values() if 0.0 < child.kill_at <= now]

    def _start(self, child: Child) -> None:
        log = journal.descriptor(self.layout.process_log(child.name))
        try:
            popen = subprocess.Popen(
                child.argv,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=child.descriptors,
                start_new_session=True,  # a terminal's Ctrl-C is ours to pass on
            )
        except OSError as error:  # no more processes, no such program: as if it had ended at once
            child.last_exit = f"not started: {error}"
            self._postpone(child)
            return
        finally:
            os.close(log)
        popen.returncode = 0  # reaped by ``reap``: Popen must not wait for it
        child.process = identity.of(popen.pid) or ProcessId(popen.pid, 0)
        child.started = time.monotonic()
        with contextlib.suppress(OSError):  # a full disk: it is found by its command line
            identity.write(self.layout.pid_file(child.name), child.process)

    def _ended(self, child: Child, status: int) -> None:
        code = os.waitstatus_to_exitcode(status)
        child.last_exit = f"signal {-code}" if code < 0 else f"status {code}"
        child.process = None
        child.kill_at = 0.0
        with contextlib.suppress(OSError):
            self.layout.pid_file(child.name).unlink(missing_ok=True)
        if self.stopping:
            return
        if child.renewed:
            child.renewed, child.start_at = False, time.monotonic()
            return
        if child.once:
            child.given_up = True
            if code == 0:
                return
        elif code == child.final_status:
            child.given_up = True
        else:
            child.restarts += 1
            self._pause(child)
        self.ended(child)

    def _pause(self, child: Child) -> None:
        """Start it again at once if it had settled, else after ever longer pauses."""
        if time.monotonic() - child.started > SETTLED_S:
            child.pause_s, child.start_at = PAUSE_MIN_S, time.monotonic()
        else:
            self._postpone(child)

    @staticmethod
    def _postpone(child: Child) -> None:
        child.start_at = time.monotonic() + child.pause_s
        child.pause_s = min(child.pause_max_s, child.pause_s * 2)


def words(module: str, *arguments: str, python: str) -> tuple[str, ...]:
    """The command of one of our own processes; the working folder's modules are none of ours."""
    return (python, "-P", "-m", module, *arguments)
