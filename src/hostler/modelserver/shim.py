"""PID 1 of an instance: forks its workers, keeps their output, says how it ended.

Invariant: it never runs a user's code itself and needs nobody outside: no control plane, no
supervisor, no zygote. Whatever happens to a worker, ``exit.json`` names the cause, or the worker is
replaced.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
import time
from typing import Any, NoReturn

from . import failures, folder, page, sandbox, settings, syscalls, worker
from .output import Output
from .restarts import Restarts
from .stops import Stops
from .verdict import Death, Verdict, judge
from .watchdog import OomCounter, Watchdog

STOPPED = "the instance was stopped"
_MARGIN_S = 0.5
STUCK_MARGIN_S = 5.0
"""So long beyond a request's own time limit, a worker that is still at it is replaced."""
AGAIN_S = 1.0
"""After a start that the machine had no process or descriptor for."""
LOOK_MARGIN_S = 0.01
"""A look that comes a little late finds what it came for."""


def run(plan: folder.LaunchPlan, directory: int, oom: int) -> NoReturn:
    """Serve until stopped or beyond help; ends the process."""
    # Again, as an exec undoes it: workers share the uid and must not reach our descriptors.
    syscalls.prctl(syscalls.PR_SET_DUMPABLE, 0)
    if plan.nice:
        os.nice(plan.nice)
    Shim(plan, directory, oom).run()
    os._exit(0)


def main(arguments: list[str]) -> NoReturn:
    """Entry of a fresh interpreter: the numbers of the folder's and the OOM file's descriptors."""
    directory, oom = int(arguments[0]), int(arguments[1])
    value = folder.read_json(directory, folder.LAUNCH)
    if value is None:
        sys.exit(f"no {folder.LAUNCH}")
    run(folder.LaunchPlan.from_json(value), directory, oom)


class Shim:
    """One instance's workers and their fate. Single-threaded; ``run`` is its whole life."""

    def __init__(self, plan: folder.LaunchPlan, directory: int, oom: int) -> None:
        self._plan = plan
        self._directory = directory
        self._sockets = str(plan.settings["socket_dir"])
        self._oom = OomCounter(oom)
        self._watchdog = self._make_watchdog()
        self._memory_check = 0.0
        self._workers: dict[int, int] = {}  # pid → index
        self._starts: dict[int, float] = {}  # index → when (monotonic)
        self._restarts = Restarts()
        self._was_ready: set[int] = set()
        self._stops = Stops()
        self._stop_at: float | None = None
        self._verdict: Verdict | None = None
        limit_s = settings.Settings.from_spec(plan.settings).request_limit_s
        self._stuck_s = limit_s + STUCK_MARGIN_S
        self._stuck_check = time.monotonic() + self._stuck_s
        self._wake, self._waker = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._poll = select.poll()
        self._poll.register(self._wake, select.POLLIN)
        self._output = Output(directory, self._poll, plan.output_bytes_per_s)
        self._tell_in: float | None = None

    def _make_watchdog(self) -> Watchdog | None:
        if not self._plan.watch_memory:
            return None
        private = self._plan.sandbox.kind == sandbox.NAMESPACES
        return Watchdog(self._plan.memory_bytes, private_temporary=private)

    def run(self) -> None:
        """Start every worker, then react until none is left to run."""
        signal.set_wakeup_fd(self._waker, warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGCHLD):
            signal.signal(number, lambda _number, _frame: None)
        for line in self._plan.notes:
            self._output.note(line)
        path = os.path.join(self._sockets, page.FILE_NAME)
        page.create(path, self._plan.workers)
        self._page = page.open_page(path, write=True)
        for index in range(self._plan.workers):
            self._start(index)
        if self._asked_to_stop() is not None:
            self._stop()  # asked before the handlers stood
        while self._workers or self._starts:
            self._step()
        self._end(self._verdict or Verdict(failures.EXITED, STOPPED))

    def _step(self) -> None:
        for descriptor, _ in self._poll.poll(self._timeout_ms()):
            if descriptor == self._wake:
                if signal.SIGTERM in self._signals():
                    self._stop()
            else:
                self._output.drain(descriptor)
        self._tell_in = self._output.tell()
        self._reap()
        now = time.monotonic()
        if self._watchdog is not None and now >= self._memory_check:
            self._memory_check = now + self._watchdog.check(now)
        self._stuck_check = self._replace_stuck()
        if self._stop_at is not None and now >= self._stop_at:
            text = "the instance was killed: it had not ended within the time it was given"
            self._verdict = self._verdict or Verdict(failures.KILLED, text)
            self._kill_all()
        for index in [index for index, due in self._starts.items() if now >= due]:
            del self._starts[index]
            self._start_again(index, now)

    def _signals(self) -> bytes:
        """The numbers of the signals that arrived, one byte each."""
        with contextlib.suppress(BlockingIOError):
            return os.read(self._wake, 512)
        return b""

    def _timeout_ms(self) -> int:
        now = time.monotonic()
        dues = [self._stuck_check - now, *(due - now for due in self._starts.values())]
        if self._stop_at is not None:
            dues.append(self._stop_at - now)
        if self._tell_in is not None:
            dues.append(self._tell_in)
        if self._watchdog is not None:
            dues.append(self._memory_check - now)
        return max(0, int(min(dues) * 1000) + 1)

    def _start(self, index: int) -> None:
        self._clear(index)
        ends: list[int] = []
        try:
            ends += os.pipe2(os.O_CLOEXEC)
            ends += os.pipe2(os.O_CLOEXEC)
            pid = worker.fork()
        except OSError:
            for end in ends:
                os.close(end)
            raise
        if pid == 0:
            worker.begin(self._plan, index, ends[1], ends[3])
        os.close(ends[1])
        os.close(ends[3])
        self._output.add(pid, ends[0], ends[2])
        self._workers[pid] = index

    def _start_again(self, index: int, now: float) -> None:
        """Start one that died; what the machine lacks at the moment is no end for the others."""
        try:
            self._start(index)
        except OSError as error:
            self._output.note(f"worker {index} cannot be started yet: {error}; trying again")
            self._starts[index] = now + AGAIN_S

    def _clear(self, index: int) -> None:
        """Say that a worker is not ready; what it had last taken stays, gateways still ask."""
        page.clear(self._page, index)
        for name in (f"w{index}.sock", f"failure-{index}.json"):
            with contextlib.suppress(OSError):
                os.unlink(os.path.join(self._sockets, name))

    def _replace_stuck(self) -> float:
        """Replace workers that take no other request.

        Nobody waits any more for a request that is so old; one that is stopped does nothing at all.
        Returns when to look again (monotonic s): none can be so old before, and the kernel tells
        when a worker is stopped.
        """
        now_ns, now = time.monotonic_ns(), time.monotonic()
        longest_s = 0.0
        for pid, index in self._workers.items():
            since = page.read(self._page, index)[2]
            spent_s = (now_ns - since) / 1e9 if since else 0.0
            stopped_s = self._stops.stopped_s(pid, now)
            if stopped_s > self._stuck_s:
                self._output.note(f"worker {index} has been stopped for {stopped_s:.0f} s: killed")
            elif spent_s > self._stuck_s:
                text = f"worker {index} has been at one request for {spent_s:.0f} s: killed"
                self._output.note(text)
            else:
                longest_s = max(longest_s, spent_s, stopped_s)
                continue
            with contextlib.suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)
        return now + max(self._stuck_s - longest_s, 0.0) + LOOK_MARGIN_S

    def _reap(self) -> None:
        """Collect every dead child; those that are not workers are orphans of theirs."""
        with contextlib.suppress(ChildProcessError):
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if pid == 0:
                    return
                if pid in self._workers:
                    self._died(pid, status)

    def _died(self, pid: int, status: int) -> None:
        index = self._workers.pop(pid)
        self._stops.forget(pid)
        now = time.monotonic()
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)  # what it had started
        self._output.remove(pid)
        slot = page.read(self._page, index)
        if slot[1] in (page.READY, page.DRAINING):
            self._was_ready.add(index)
        oom = self._oom.advanced()
        if self._watchdog is not None:
            oom = self._watchdog.blames(pid, now) or oom
        death = Death(index, status, oom=oom, was_ready=index in self._was_ready)
        kind = str(self._plan.settings.get("instance_type", ""))
        verdict = judge(death, self._failure(index), self._plan.memory_bytes, kind)
        if self._stop_at is not None:
            # Whoever waits for an answer is told what ended it: the stop would have let it finish.
            stopped = self._verdict or Verdict(failures.EXITED, STOPPED)
            self._tell(index, pid, verdict if oom else stopped)
            return
        others = {
            each: _served_s(page.read(self._page, each), now) for each in self._workers.values()
        }
        pause_s = self._restarts.pause_s(index, _served_s(slot, now), others)
        if not death.was_ready or pause_s is None:
            self._output.note(verdict.message)
            self._tell(index, pid, verdict)
            self._give_up(verdict)
        else:
            self._output.note(f"{verdict.message}; starting it again")
            self._starts[index] = now + pause_s
            self._clear(index)
            self._tell(index, pid, verdict)
            with contextlib.suppress(OSError):  # a full disk costs only the start-up time's base
                folder.write_json(self._directory, folder.RESTART, {"monotonic": now})

    def _tell(self, index: int, pid: int, verdict: Verdict) -> None:
        """Leave word for gateways, which hold requests that the worker had taken."""
        told = {"pid": pid, "message": verdict.message}
        with contextlib.suppress(OSError):  # on a full disk they say only that it ended
            folder.write_json(self._directory, folder.DEATH.format(index), told)

    def _failure(self, index: int) -> dict[str, object] | None:
        try:
            sockets = folder.open_folder(self._sockets)
        except OSError:
            return None
        try:
            return folder.read_json(sockets, f"failure-{index}.json")
        except OSError:
            return None
        finally:
            os.close(sockets)

    def _give_up(self, verdict: Verdict) -> None:
        self._verdict = verdict
        self._starts.clear()
        self._stop_at = time.monotonic()
        self._kill_all()

    def _asked_to_stop(self) -> dict[str, Any] | None:
        try:
            return folder.read_json(self._directory, folder.STOP)
        except OSError:  # a machine without descriptors is no reason for an instance to end
            return None

    def _stop(self) -> None:
        """Ask the workers to finish, within the grace that ``stop.json`` (or the plan) gives.

        Asked again, the nearer deadline counts.
        """
        asked = self._asked_to_stop() or {}
        grace = float(asked.get("grace_s", self._plan.grace_s))
        deadline = time.monotonic() + max(grace - _MARGIN_S, 0.0)
        if self._stop_at is not None:
            self._stop_at = min(self._stop_at, deadline)
            return
        self._stop_at = deadline
        self._starts.clear()
        for pid in self._workers:
            os.kill(pid, signal.SIGTERM)

    def _kill_all(self) -> None:
        for pid in self._workers:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)
        self._stop_at = time.monotonic() + 1.0  # again, should one have been missed

    def _end(self, verdict: Verdict) -> None:
        if os.getpid() == 1:
            with contextlib.suppress(ProcessLookupError):
                os.kill(-1, signal.SIGKILL)
        self._output.close()
        folder.write_exit(
            self._directory,
            verdict.cause,
            verdict.message,
            at=time.time(),
            status=verdict.status,
            signal=verdict.signal,
            oom=verdict.oom,
        )


def _served_s(slot: tuple[int, ...], now: float) -> float:
    """For how long a worker has taken requests, by its slot of the page; 0 if it does not."""
    state, since = slot[1], slot[7]
    return now - since if since and state in (page.READY, page.DRAINING) else 0.0
