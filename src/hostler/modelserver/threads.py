"""How many threads numeric libraries use, said to those that a zygote has loaded already.

Invariant: a library that is loaded later reads the environment's variables by itself. To find the
loaded ones takes longer than to load a small model: a zygote does it once, for all its instances.
"""

from __future__ import annotations

import sys
from typing import Any

from . import settings

_pools: list[Any] = []
"""threadpoolctl's controllers of the libraries that were loaded when ``find`` was called."""


def find() -> None:
    """Remember the thread pools of what is loaded, for forks to be quick."""
    threadpoolctl = sys.modules.get("threadpoolctl")
    if threadpoolctl is not None:
        _pools[:] = threadpoolctl.ThreadpoolController().lib_controllers


def limit(variable: str) -> None:
    """Give the libraries that were found, and torch, what a variable like OMP_NUM_THREADS says."""
    count = settings.whole(variable.partition(",")[0])
    if not count:
        return
    torch = sys.modules.get("torch")
    if torch is not None and torch.get_num_threads() != count:
        torch.set_num_threads(count)
    for pool in _pools:
        if pool.get_num_threads() != count:
            pool.set_num_threads(count)
