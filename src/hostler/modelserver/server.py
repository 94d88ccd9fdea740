"""A worker's process, from its first to its last step: load the model, listen, serve, drain.

Invariant: the shared page says READY, and the socket exists, only once the model is loaded; what
keeps it from loading is in ``failure-{index}.json`` before the process ends.
"""

from __future__ import annotations

import contextlib
import gc
import json
import logging
import os
import signal
import socket
import sys
from typing import Any

from . import contract, failures, page
from .failures import LoadFailure
from .loop import Loop
from .settings import Settings

FAILED_TO_LOAD = 3
"""The exit status of a worker whose model cannot serve."""

_BACKLOG = 128
_PATH_MAX = 100


def run_worker(settings: Settings, index: int) -> int:
    """Be worker ``index`` of an instance until SIGTERM; the process's exit status."""
    os.environ.update(settings.variables())
    _start_output(settings.log_level)
    own = words, taken = _slot(settings, index)
    page.begin(words, taken, os.getpid())
    signal.signal(signal.SIGTERM, _end_at_once)
    os.register_at_fork(after_in_child=_like_any_process)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # an instance outlives the terminal
    try:
        model = contract.load(settings)
    except LoadFailure as failure:
        _report(settings, index, failure)
        page.write_state(words, page.FAILED, os.getpid())
        return FAILED_TO_LOAD
    gc.collect()
    gc.freeze()
    path = os.path.join(settings.socket_dir, f"w{index}.sock")
    loop = Loop(model, listen(path), path, index, own)
    os.register_at_fork(after_in_child=loop.was_forked)
    stop = _StopSignal(loop)
    try:
        loop.serve()
    finally:
        stop.close()
    return 0


class _StopSignal:
    """SIGTERM stops a worker, also while it waits for its peers."""

    def __init__(self, loop: Loop) -> None:
        ours, self._theirs = socket.socketpair()
        for end in (ours, self._theirs):
            end.setblocking(False)
        self._ours = ours
        signal.set_wakeup_fd(self._theirs.fileno(), warn_on_full_buffer=False)
        loop.wake_by(ours)
        signal.signal(signal.SIGTERM, lambda *_: loop.stop())

    def close(self) -> None:
        signal.set_wakeup_fd(-1)
        self._ours.close()
        self._theirs.close()


def listen(path: str) -> socket.socket:
    """A listening socket that appears at ``path`` at once, and only when it can be connected to.

    A long path is bound through its folder's descriptor: the kernel takes 107 bytes.
    """
    folder, name = os.path.split(path)
    directory = os.open(folder or ".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        hidden = f".{name}"
        _remove(os.path.join(folder, hidden))
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        sock.setblocking(False)
        is_long = len(os.fsencode(path)) > _PATH_MAX
        parent = f"/proc/self/fd/{directory}" if is_long else folder
        sock.bind(os.path.join(parent, hidden))
        os.chmod(hidden, 0o660, dir_fd=directory)
        sock.listen(_BACKLOG)
        os.rename(hidden, name, src_dir_fd=directory, dst_dir_fd=directory)
    finally:
        os.close(directory)
    return sock


def _slot(settings: Settings, index: int) -> tuple[memoryview, memoryview]:
    path = os.path.join(settings.socket_dir, page.FILE_NAME)
    if not os.path.exists(path):
        page.create(path, settings.workers)
    mapped = page.open_page(path, write=True)
    return page.writer(mapped, index), page.taken_writer(mapped, index)


def _start_output(level: int) -> None:
    """Lines reach the log as they are printed; the user's logging goes to stderr."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure: Any = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(line_buffering=True)
    logging.basicConfig(
        level=level, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s %(message)s"
    )


def _end_at_once(_number: int, _frame: object) -> None:
    """SIGTERM while the model loads: nothing was taken, so nothing is owed."""
    os._exit(0)


def _like_any_process() -> None:
    """What the model's code forks is no worker: multiprocessing ends its processes by SIGTERM."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)


def _report(settings: Settings, index: int, failure: LoadFailure) -> None:
    """The failure for control to read, and for the log."""
    failures.print_trace(failure)
    told = {
        "version": 1,
        "cause": failure.cause,
        "message": failure.message,
        "file": failure.file,
        "line": failure.line,
    }
    path = os.path.join(settings.socket_dir, f"failure-{index}.json")
    with open(path + ".new", "w", encoding="utf-8") as file:
        json.dump(told, file)
    os.rename(path + ".new", path)


def _remove(path: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
