"""Requests that a batch may hold, and what must be the same of their answers alone and together."""

import json
import math
import os
import random
import re
import struct
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from framework_models import Ask, Reply, Served

JSON, CSV, NPY = "application/json", "text/csv", "application/x-npy"
SIZE = 6
"""Small enough that many batches hold nothing wrong, by which all of one would be asked alone."""
RTOL = 1e-6
"""A linear model's or a network's last bits depend on how many rows its libraries multiply."""


SEED = int(os.environ.get("BATCHES_SEED") or time.time_ns() % 1_000_000)
"""Fresh in each run; a failure names it, and BATCHES_SEED brings it back."""
COUNT = 180
"""So many that some are wrong, and that some batches hold nothing wrong."""


def requests(columns: int, *, kinds: Sequence[str] = (JSON, CSV)) -> list[Ask]:
    """Rows of every form: of one, of several, of whole numbers, flat, and some that are wrong."""
    draw = random.Random(SEED)
    return [_request(draw, columns, draw.choice(kinds)) for _ in range(COUNT)]


def rows(columns: int, count: int) -> list[Ask]:
    """One row each, and nothing wrong with any."""
    draw = random.Random(SEED)
    cells = [[draw.uniform(-1, 8) for _ in range(columns)] for _ in range(count)]
    return [Ask(json.dumps([each]).encode()) for each in cells]


def _request(draw: random.Random, columns: int, kind: str) -> Ask:
    width = columns if draw.random() < 0.9 else columns + 1
    cell: Any = draw.choice((lambda: draw.uniform(-1, 8), lambda: draw.randrange(8)))
    rows = [[cell() for _ in range(width)] for _ in range(draw.choice((1, 1, 1, 2, 5)))]
    accept = draw.choice((JSON, CSV, "")) if draw.random() < 0.95 else "image/png"
    if draw.random() < 0.05:
        return Ask(b"no rows", kind, accept)
    if draw.random() < 0.05:
        rows[-1][0] = math.nan
    if kind == NPY:
        return Ask(_single_precision(rows), kind, accept)
    if kind == CSV:
        text = "\n".join(",".join(map(str, row)) for row in rows)
        return Ask(text.encode(), kind, accept)
    body = rows[0] if draw.random() < 0.1 else rows
    wrapped = {"features": body} if draw.random() < 0.3 else body
    return Ask(json.dumps(wrapped).encode(), kind, accept)


def _single_precision(rows: list[list[float]]) -> bytes:
    """An npy file of float32, which this environment has no library for."""
    shape = (len(rows), len(rows[0]))
    head = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}}}\n".encode()
    cells = [cell for row in rows for cell in row]
    size = struct.pack("<H", len(head))
    return b"\x93NUMPY\1\0" + size + head + struct.pack(f"<{len(cells)}f", *cells)


def check_same(served: Served, *, exact: bool) -> None:
    """Each request of the batch has the answer that it got alone, and some are wrong."""
    assert {reply.status for reply in served.replies} > {200}, f"seed {SEED}: no request failed"
    check_answers(served, exact=exact)


def check_answers(served: Served, *, exact: bool) -> None:
    """Each request of the batch has the answer that it got alone."""
    assert not served.cause, served.message
    assert len(served.together) == len(served.replies) > 0
    for number, (alone, together) in enumerate(zip(served.replies, served.together, strict=True)):
        where = f"seed {SEED}, request {number}: alone {alone}, together {together}"
        if exact or alone.status != 200:
            assert _timeless(together) == _timeless(alone), where
        else:
            assert (together.status, together.kind) == (alone.status, alone.kind), where
            assert _close(_numbers(together), _numbers(alone)), where


def _timeless(reply: Reply) -> Reply:
    """Without the time of day that XGBoost writes into its errors."""
    return replace(
        reply,
        body=re.sub(rb"\[\d\d:\d\d:\d\d\]", b"[]", reply.body),
        error=re.sub(r"\[\d\d:\d\d:\d\d\]", "[]", reply.error),
    )


def _numbers(reply: Reply) -> list[float]:
    return [float(number) for number in re.findall(r"[-+.\w]+", reply.body.decode())]


def _close(left: list[float], right: list[float]) -> bool:
    return len(left) == len(right) and all(
        math.isclose(one, other, rel_tol=RTOL) for one, other in zip(left, right, strict=True)
    )
