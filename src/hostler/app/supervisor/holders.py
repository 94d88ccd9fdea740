"""Who listens on a TCP port, as far as /proc lets us see: for the error that says it is taken.

Invariant: reads only; another user's process cannot be seen, and the answer is then None.
"""

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path

_LISTEN = "0A"


@dataclass(frozen=True, slots=True)
class Holder:
    """A process that listens; ``words`` is its command line."""

    pid: int
    words: tuple[str, ...]

    def __str__(self) -> str:
        if root := self.data_dir:
            return f"the Hostler of {root}: stop it with `hostler down --data-dir {root}`"
        name = Path(self.words[0]).name if self.words and self.words[0] else "?"
        return f"process {self.pid} ({name}): stop it"

    @property
    def data_dir(self) -> str | None:
        """The data directory, if it is a process of Hostler's."""
        match self.words:
            case (
                _,
                "-P",
                "-m",
                "hostler.app.supervisor" | "hostler.gateway",
                "--data-dir",
                root,
                *_,
            ):
                return root
        return None


def of(port: int) -> Holder | None:
    """The process that listens on a port of this machine."""
    inodes = _inodes(port)
    if not inodes:
        return None
    for folder in sorted(Path("/proc").glob("[0-9]*"), key=lambda each: int(each.name)):
        with contextlib.suppress(OSError):
            if _holds(folder / "fd", inodes):
                words = (folder / "cmdline").read_bytes().rstrip(b"\0").split(b"\0")
                return Holder(int(folder.name), tuple(map(os.fsdecode, words)))
    return None


def _holds(descriptors: Path, inodes: set[str]) -> bool:
    for entry in descriptors.iterdir():
        with contextlib.suppress(FileNotFoundError):  # closed since
            if os.readlink(entry) in inodes:
                return True
    return False


def _inodes(port: int) -> set[str]:
    """The sockets that listen on a port, as /proc/PID/fd shows them."""
    found: set[str] = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with contextlib.suppress(OSError):
            for line in Path(table).read_text().splitlines()[1:]:
                fields = line.split()
                if fields[3] == _LISTEN and int(fields[1].rpartition(":")[2], 16) == port:
                    found.add(f"socket:[{fields[9]}]")
    return found
