"""How a launch is asked for on a zygote's socket: one line of JSON, one line back.

    {"version": 1, "op": "launch", "instance_dir": D}      →  {"pid": 4711}, or {"error": …}

Invariant: who connects and says nothing is only looking whether somebody listens.
"""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Any, Mapping, Optional

from . import folder

if TYPE_CHECKING:
    import socket

REQUEST_MAX = 4096
REQUEST_TIMEOUT_S = 5.0


def read(connection: socket.socket) -> Optional[str]:
    """The folder of the instance to start; None, after the answer if one is due, without any."""
    data = b""
    try:
        connection.settimeout(REQUEST_TIMEOUT_S)
        while not data.endswith(b"\n") and len(data) < REQUEST_MAX:
            more = connection.recv(REQUEST_MAX)
            if not more:
                break
            data += more
        if not data:
            return None
        request = json.loads(data)
        if request.get("version") != folder.VERSION or request.get("op") != "launch":
            raise ValueError(f"unknown request {request!r}")  # noqa: TRY301 - one answer
        return str(request["instance_dir"])
    except (OSError, ValueError, KeyError, AttributeError) as error:
        answer(connection, {"error": f"{type(error).__name__}: {error}"})
        return None


def answer(connection: socket.socket, value: Mapping[str, Any]) -> None:
    """Say it, if anybody listens still."""
    with contextlib.suppress(OSError):
        connection.sendall(json.dumps(value).encode() + b"\n")
