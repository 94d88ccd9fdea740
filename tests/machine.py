"""What this machine lets this user do, for tests that need it; a skip says why."""

import ctypes
import tempfile
from functools import cache
from pathlib import Path

import pytest

from hostler.backends.process import isolation
from hostler.backends.process.isolation import TierKind


@cache
def has_namespaces() -> bool:
    """Whether instances can be confined here; hardened kernels refuse ordinary users."""
    with tempfile.TemporaryDirectory(prefix="h-", dir="/tmp") as folder:
        return isolation.probe(Path(folder)).kind is not TierKind.RLIMITS


needs_namespaces = pytest.mark.skipif(
    not has_namespaces(), reason="this machine lets this user make no namespaces"
)


def skip_without_openmp() -> None:
    """LightGBM's wheel expects the system's OpenMP."""
    try:
        ctypes.CDLL("libgomp.so.1")
    except OSError:
        pytest.skip("this machine lacks libgomp.so.1 (Debian: apt-get install libgomp1)")
