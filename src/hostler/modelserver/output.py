"""Carries what the workers print into the instance's spool.

Invariant: a pipe is always drained, whatever becomes of the disk: no worker waits in ``print``.
What is beyond the instance's allowance is read and dropped, and said.
"""

from __future__ import annotations

import contextlib
import os
import select
import time

from . import folder, spool
from .allowance import Allowance

_READ_SIZE = 64 * 1024


class Output:
    """The pipes of an instance's workers, registered with the shim's poll, and the spool.

    Args:
        directory: A descriptor of the instance's folder.
        poll: The shim's.
        bytes_per_s: What the workers together may print; 0 for as much as comes.
    """

    def __init__(self, directory: int, poll: select.poll, bytes_per_s: int = 0) -> None:
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
        self._spool = spool.Writer(os.open(folder.SPOOL, flags, dir_fd=directory))
        self._poll = poll
        self._pipes: dict[int, tuple[int, int]] = {}  # descriptor → (pid, stream)
        self._rest: dict[int, bytes] = {}
        self._allowance = Allowance(bytes_per_s, time.monotonic())
        self._cut: set[int] = set()
        """Pipes that are within a line whose beginning was dropped."""

    def tell(self) -> float | None:
        """Say what was dropped, if it is time; in how many seconds it will be, if it will."""
        now = time.monotonic()
        if text := self._allowance.told(now):
            self.note(text)
        return self._allowance.due_in(now)

    def note(self, line: str) -> None:
        """A line of the platform's own, so marked."""
        text = f"[hostler] {line}".encode("utf-8", "replace")
        self._spool.append(_now_ms(), spool.PLATFORM, text.splitlines())

    def add(self, pid: int, stdout: int, stderr: int) -> None:
        """Take over the reading ends of a worker's two pipes."""
        for descriptor, stream in ((stdout, spool.STDOUT), (stderr, spool.STDERR)):
            os.set_blocking(descriptor, False)
            self._pipes[descriptor] = (pid, stream)
            self._rest[descriptor] = b""
            self._poll.register(descriptor, select.POLLIN)

    def drain(self, descriptor: int) -> bool:
        """Keep what has arrived on one pipe; False when nothing was there (or it ended)."""
        if descriptor not in self._pipes:
            return False
        try:
            data = os.read(descriptor, _READ_SIZE)
        except BlockingIOError:
            return False
        if not data:
            self._close(descriptor)
            return False
        if self._allowance.is_spent(time.monotonic()):
            self._drop(descriptor, data)
            return True
        if descriptor in self._cut:
            data = self._behind_cut(descriptor, data)
        *lines, rest = (self._rest[descriptor] + data).split(b"\n")
        if len(rest) >= spool.LINE_MAX:
            lines.append(rest)
            rest = b""
        self._rest[descriptor] = rest
        if lines:
            self._keep(descriptor, lines)
        return True

    def remove(self, pid: int) -> None:
        """Keep a dead worker's last lines and forget its pipes."""
        for descriptor in [each for each, (owner, _) in self._pipes.items() if owner == pid]:
            # Bounded: a process that it left behind may still be writing.
            for _ in range(64):
                if not self.drain(descriptor):
                    break
            if descriptor in self._pipes:
                self._close(descriptor)

    def close(self) -> None:
        """Close every pipe and the spool."""
        for descriptor in list(self._pipes):
            self._close(descriptor)
        if text := self._allowance.told(time.monotonic(), last=True):
            self.note(text)
        self._spool.close()

    def _drop(self, descriptor: int, data: bytes) -> None:
        """Pass over what came, up to the last line that begins in it."""
        end = data.rfind(b"\n") + 1
        dropped = len(self._rest[descriptor]) + (end or len(data))
        self._allowance.drop(data.count(b"\n"), dropped)
        self._rest[descriptor] = data[end:] if end else b""
        if end:
            self._cut.discard(descriptor)
        else:
            self._cut.add(descriptor)

    def _behind_cut(self, descriptor: int, data: bytes) -> bytes:
        """What follows the line whose beginning was dropped."""
        end = data.find(b"\n") + 1
        self._allowance.drop(1 if end else 0, end or len(data))
        if end:
            self._cut.discard(descriptor)
        return data[end:] if end else b""

    def _keep(self, descriptor: int, lines: list[bytes]) -> None:
        stream = self._pipes[descriptor][1]
        self._allowance.spend(len(lines), sum(map(len, lines)))
        self._spool.append(_now_ms(), stream, [line.rstrip(b"\r") for line in lines])

    def _close(self, descriptor: int) -> None:
        rest = self._rest.pop(descriptor)
        if rest:
            self._keep(descriptor, [rest])
        del self._pipes[descriptor]
        self._cut.discard(descriptor)
        with contextlib.suppress(KeyError):
            self._poll.unregister(descriptor)
        os.close(descriptor)


def _now_ms() -> int:
    return int(time.time() * 1000)
