"""One request and its answer, to know when a server has begun to answer rightly."""

import contextlib
import json
import math
import socket
import time
from http.client import HTTPException, HTTPResponse
from typing import Any

from bench.load import Key, Signer, body
from bench.peers.base import AbsentError, Peer

PROBE = [5.1, 3.5, 1.4, 0.2]
PAUSE_S = 0.005


def first_right(peer: Peer, key: Key, right: Any, start_s_max: float) -> float:
    """Seconds from the start of the server's first process to its first right answer."""
    deadline = peer.began + start_s_max
    said = "nothing listens"
    while time.monotonic() < deadline:
        peer.require_alive()
        with contextlib.suppress(ConnectionError):
            status, answer = call(peer, key)
            if status == 200 and (right is None or is_right(answer, right)):
                return time.monotonic() - peer.began
            said = f"{status} {answer[:80]!r}"
        time.sleep(PAUSE_S)
    raise AbsentError(f"no right answer in {start_s_max:g} s ({said}; {peer.last_words()})")


def call(peer: Peer, key: Key) -> tuple[int, bytes]:
    """The probe's status and answer."""
    signer = Signer(peer.port, peer.target, key, peer.headers)
    try:
        with socket.create_connection(("127.0.0.1", peer.port), timeout=10) as connection:
            connection.sendall(signer.request(0, body(PROBE)))
            response = HTTPResponse(connection)
            response.begin()
            answer = response.read()
    except (OSError, HTTPException) as error:
        raise ConnectionError(str(error)) from error
    # Triton's binary answers begin with a description whose length a header says.
    return response.status, answer[int(response.headers["Inference-Header-Content-Length"] or 0) :]


def is_right(answer: bytes, right: Any) -> bool:
    """Whether an answer holds these predictions, whatever it wraps them in."""
    try:
        value = json.loads(answer[answer.index(b"{") if b"{" in answer else 0 :])
    except ValueError:
        return False
    if isinstance(value, dict):
        value = value.get("predictions", value.get("instances"))
    found, wanted = list(_numbers(value)), list(_numbers(right))
    return len(found) == len(wanted) and all(
        math.isclose(one, other, rel_tol=1e-4, abs_tol=1e-6)
        for one, other in zip(found, wanted, strict=True)
    )


def _numbers(value: Any) -> Any:
    if isinstance(value, list):
        for each in value:
            yield from _numbers(each)
    elif isinstance(value, int | float):
        yield float(value)
