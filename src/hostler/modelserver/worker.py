"""A worker's first steps between the shim's fork and the model server.

Invariant: a worker holds none of the shim's descriptors, and behaves as a fresh interpreter would:
its own randomness, its thread counts, line-buffered output, a clean environment.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import traceback
from typing import TYPE_CHECKING, Any, NoReturn

from . import sandbox, settings, syscalls, threads

if TYPE_CHECKING:
    from .folder import LaunchPlan

_OOM_SCORE = b"500"
"""A worker goes before the shim does, so that somebody can say why."""


def fork() -> int:
    """As ``os.fork``, but a SIGTERM to the child waits for ``usual_signals``.

    Until then the child has the shim's handler, which would swallow it: the worker would serve on
    until it was killed.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    pid = -1
    try:
        pid = os.fork()
    finally:
        if pid:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
    return pid


def usual_signals() -> None:
    """Answer signals as a fresh process does, one that came since ``fork`` too."""
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGTERM, signal.SIGCHLD, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})


def begin(plan: LaunchPlan, index: int, stdout: int, stderr: int) -> NoReturn:
    """Become worker ``index``, with output to two pipes; ends the process."""
    status = 70
    try:
        _detach(stdout, stderr)
        told = settings.Settings.from_spec(plan.settings)
        os.environ.update(told.variables())
        if plan.fresh:
            import site  # noqa: PLC0415 - runs the environment's .pth files: here, and only here

            site.main()
        threads.limit(os.environ.get("OMP_NUM_THREADS", ""))
        _reseed()
        given = os.environ.get("PYTHONPATH", "").split(os.pathsep)
        sys.path[:0] = [path for path in given if path]  # an interpreter would have read it
        from . import server  # noqa: PLC0415 - after the environment is complete

        status = server.run_worker(told, index)
    except SystemExit as error:
        status = error.code if isinstance(error.code, int) else 0 if error.code is None else 1
        if isinstance(error.code, str):
            print(error.code, file=sys.stderr)
    except BaseException:  # noqa: BLE001 - the end of a process: its last words
        traceback.print_exc()
    finally:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError):
                stream.flush()
        os._exit(status & 0xFF)


def _detach(stdout: int, stderr: int) -> None:
    os.setpgid(0, 0)
    usual_signals()
    os.dup2(stdout, 1)
    os.dup2(stderr, 2)
    sandbox.close_descriptors(frozenset())
    syscalls.prctl(syscalls.PR_SET_PDEATHSIG, signal.SIGKILL)
    syscalls.prctl(syscalls.PR_SET_DUMPABLE, 1)  # the shim was not: it holds the instance's folder
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "wb") as file:
        file.write(_OOM_SCORE)
    sys.stdout, sys.stderr = _lines(1), _lines(2)


def _lines(descriptor: int) -> Any:
    return open(
        descriptor, "w", buffering=1, closefd=False, encoding="utf-8", errors="backslashreplace"
    )


def _reseed() -> None:
    """Python reseeds ``random`` after a fork; numpy's global generator is for us to do.

    Only if it is loaded: numpy imports it at its first use, which takes 50 ms.
    """
    generator = sys.modules.get("numpy.random")
    if generator is not None:
        generator.seed()
