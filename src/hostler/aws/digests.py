"""SHA-256 of short texts.

OpenSSL hashes a block of 64 bytes several times faster than CPython's own implementation, but its
objects cost more to make, to copy and to read. Where one block is all there is, that decides.

Invariant: the same digests as ``hashlib.sha256``, which also stands in where an interpreter was
built without its own.
"""

import hashlib
from collections.abc import Callable
from importlib import import_module
from typing import Any

SHORT_MAX = 55
"""Bytes that make one block: up to here it is the faster one."""


def _choose() -> Callable[[bytes], Any]:
    for name in ("_sha2", "_sha256"):  # from Python 3.12 on; before
        try:
            found: Callable[[bytes], Any] = import_module(name).sha256
        except (ImportError, AttributeError):
            continue
        return found
    return hashlib.sha256


short_sha256 = _choose()
"""Like ``hashlib.sha256``."""
