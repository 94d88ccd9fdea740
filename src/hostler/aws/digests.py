"""SHA-256 of short texts.

CPython's own implementation hashes long texts more slowly than OpenSSL's, but making, copying and
reading one of its objects costs a quarter, and of short texts that is nearly everything.

Invariant: the same digests as ``hashlib.sha256``, which also stands in where an interpreter was
built without its own.
"""

import hashlib
from collections.abc import Callable
from importlib import import_module
from typing import Any

SHORT_MAX = 512
"""Bytes up to which it is the faster one."""


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
