"""Imports a runtime's frameworks once and forks instances from what it has loaded.

The next one may be forked already (``spares``).

Invariant: it runs no model, starts no thread and reads no request: each connection is handed to a
fork, so nothing that happens to an instance reaches it.
"""

from __future__ import annotations

import gc
import importlib
import os
import select
import signal
import socket
import sys
import time
from typing import NoReturn

from . import doorway, launcher, launches, spares, threads

# Loaded here so that instances share them; the server's own imports come with it.
from . import page, server, settings, shim, worker  # noqa: F401  # isort: skip

BACKLOG = 128
STATUS_THREADS = 64
"""Exit status when an import left threads behind: such a runtime must be started fresh."""


def main(path: str, imports: list[str]) -> NoReturn:
    """Serve launches on a Unix socket until killed."""
    for variable in settings.THREAD_VARIABLES:
        os.environ[variable] = "1"  # numeric libraries start threads at import otherwise
    for name in imports:
        importlib.import_module(name)
    started = len(os.listdir("/proc/self/task")) - 1
    if started:
        text = f"{', '.join(imports)} started {started} threads: not forked from"
        print(f"hostler zygote: {text}", file=sys.stderr)
        sys.exit(STATUS_THREADS)
    for variable in settings.THREAD_VARIABLES:
        del os.environ[variable]
    threads.find()
    gc.collect()
    gc.freeze()  # a collection in an instance would otherwise write to every shared page
    serve(doorway.listen(path, BACKLOG))


def serve(listener: socket.socket) -> NoReturn:
    """Accept, fork, forget; while there is a spare, leave it to that one to accept."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # launchers report on their own connection
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    listener.setblocking(False)  # a spare may have been quicker
    pair = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    made = spares.Spares(listener, *pair)
    while True:
        sources = made.sources() if made.ready else [*made.sources(), listener]
        select.select(sources, (), (), made.timeout_s(time.monotonic()))
        made.step(time.monotonic())
        if not made.ready:
            _accept(listener, made.told)


def _accept(listener: socket.socket, told: launcher.Told) -> None:
    try:
        connection, _ = listener.accept()
    except (BlockingIOError, InterruptedError, ConnectionAbortedError):
        return
    with connection:
        try:
            pid = os.fork()
        except OSError as error:
            launches.answer(connection, {"error": f"fork: {error}"})
            return
        if pid == 0:
            listener.close()
            _handle(connection, told)


def _handle(connection: socket.socket, told: launcher.Told) -> NoReturn:
    try:
        path = launches.read(connection)
        if path is not None:
            launcher.launch(path, lambda answer: launches.answer(connection, answer), told)
    finally:
        os._exit(1)
