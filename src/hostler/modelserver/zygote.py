"""Imports a runtime's frameworks once and forks instances from what it has loaded.

Invariant: it runs no model, starts no thread and reads no request: each connection is handed to a
fork, so nothing that happens to an instance reaches it.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import signal
import socket
import sys
from typing import Any, Mapping, NoReturn

from . import doorway, folder, launcher, threads

# Loaded here so that instances share them; the server's own imports come with it.
from . import page, server, settings, shim, worker  # noqa: F401  # isort: skip

REQUEST_MAX = 4096
REQUEST_TIMEOUT_S = 5.0
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
    """Accept, fork, forget."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # launchers report on their own connection
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while True:
        try:
            connection, _ = listener.accept()
        except (InterruptedError, ConnectionAbortedError):
            continue
        with connection:
            try:
                pid = os.fork()
            except OSError as error:
                _reply(connection, {"error": f"fork: {error}"})
                continue
            if pid == 0:
                listener.close()
                _handle(connection)


def _handle(connection: socket.socket) -> NoReturn:
    try:
        connection.settimeout(REQUEST_TIMEOUT_S)
        data = b""
        while not data.endswith(b"\n") and len(data) < REQUEST_MAX:
            more = connection.recv(REQUEST_MAX)
            if not more:
                break
            data += more
        request = json.loads(data)
        if request.get("version") != folder.VERSION or request.get("op") != "launch":
            raise ValueError(f"unknown request {request!r}")  # noqa: TRY301 - one reply
        launcher.launch(str(request["instance_dir"]), lambda answer: _reply(connection, answer))
    except (OSError, ValueError, KeyError, AttributeError) as error:
        _reply(connection, {"error": f"{type(error).__name__}: {error}"})
    finally:
        os._exit(1)


def _reply(connection: socket.socket, answer: Mapping[str, Any]) -> None:
    with contextlib.suppress(OSError):
        connection.sendall(json.dumps(answer).encode() + b"\n")
