"""The environments that a cache folder holds: what each takes, who uses it, and removing it.

Invariant: nothing is removed that a process was started with, whichever data directory it belongs
to, nor what is being built.
"""

import contextlib
import fcntl
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hostler.backends.process.environments import LOCK, cache_root

_NAME = re.compile(r"(?P<name>.+)-(?P<digest>[0-9a-f]{16})")


@dataclass(frozen=True, slots=True)
class Held:
    """One whole environment of a runtime, perhaps of an earlier lock of it."""

    path: Path
    name: str
    digest: str
    """The first 16 digits."""

    def size_bytes(self) -> int:
        """What its files take on the disk, those shared with uv's cache included."""
        blocks = 0
        for base, _, names in os.walk(self.path):
            for name in names:
                with contextlib.suppress(OSError):
                    blocks += os.lstat(os.path.join(base, name)).st_blocks  # noqa: PTH118
        return blocks * 512


def held(root: Path | None = None) -> list[Held]:
    """Every whole environment, by name."""
    folder = (root or cache_root()) / "runtimes"
    found = []
    for path in sorted(folder.glob("*")):
        match = _NAME.fullmatch(path.name)
        if match and (path / "pyvenv.cfg").exists():
            found.append(Held(path, match["name"], match["digest"]))
    return found


def in_use(path: Path) -> bool:
    """Whether a process was started from an environment: an instance, a zygote, anything."""
    prefix = os.fsencode(path) + b"/"
    return any(word.startswith(prefix) for words in _command_lines() for word in words)


def remove(environment: Held) -> bool:
    """Delete an environment; False where somebody uses or builds it.

    Its lock file stays: a process that waits for the lock has this very file open, and a new one
    in its place would let two build at once.
    """
    path = environment.path
    with path.with_name(path.name + LOCK).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        if in_use(path):
            return False
        (path / "pyvenv.cfg").unlink()  # from now on it is none, whatever ends this
        shutil.rmtree(path)
    return True


def _command_lines() -> Iterator[list[bytes]]:
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            yield (folder / "cmdline").read_bytes().split(b"\0")
