"""Which spare a zygote has: none before its first launch, then one, made when launches pause.

Invariant: there is one at most. It is made only after a launch asked for one, so one that cannot be
made is not tried again and again; and only where the machine has memory to spare.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
from typing import Optional, Union

from . import folder, sandbox, spare

DELAY_S = 0.25
"""After a launch: the new instance loads its model first, and the next launch may be near."""
AVAILABLE_MIN = 512 << 20
"""Bytes of memory that must be available for a spare to be made."""
_NEWS_MAX = 64 * 1024
_MEMORY = "/proc/meminfo"


class Spares:
    """A zygote's, in the zygote's process. All moments are monotonic s.

    Args:
        listener: Where launches are asked for; it must not block.
        news, teller: Two ends of a pair of datagram sockets, by which forks tell of launches.
    """

    def __init__(self, listener: socket.socket, news: socket.socket, teller: socket.socket) -> None:
        self._listener = listener
        self._news, self._teller = news, teller
        for end in (news, teller):
            end.setblocking(False)
        self._shell: Optional[sandbox.Shell] = None
        self._due: Optional[float] = None
        self._keeper: Optional[socket.socket] = None
        self.ready = False
        """Whether the spare takes the next launch; it is not for the zygote to accept then."""

    def told(self, plan: folder.LaunchPlan) -> None:
        """Tell the zygote, from a fork of it, what was started: the next spare is for its like."""
        root = plan.spare_root
        shell = None if root is None else sandbox.Shell(root, plan.sandbox.common).to_json()
        with contextlib.suppress(OSError):
            self._teller.send(json.dumps(shell).encode())

    def sources(self) -> list[socket.socket]:
        """What to wait for, besides launches."""
        return [self._news] if self._keeper is None else [self._news, self._keeper]

    def timeout_s(self, now: float) -> Optional[float]:
        """How long to wait at most."""
        return None if self._due is None else max(0.0, self._due - now)

    def step(self, now: float) -> None:
        """Take in what was said, then make a spare if it is time."""
        self._hear(now)
        self._look()
        if self._due is not None and now >= self._due:
            self._due = None
            if self._keeper is None and self._shell is not None and not memory_is_short():
                self._make(self._shell)

    def _hear(self, now: float) -> None:
        with contextlib.suppress(BlockingIOError):
            while True:
                said = json.loads(self._news.recv(_NEWS_MAX))
                shell = None if said is None else sandbox.Shell.from_json(said)
                if shell != self._shell:
                    self._end()
                self._shell, self._due = shell, now + DELAY_S

    def _look(self) -> None:
        if self._keeper is None:
            return
        try:
            said = self._keeper.recv(1)
        except BlockingIOError:
            return
        except OSError:
            said = b""
        if said == spare.READY:
            self.ready = True
        else:
            self._end()

    def _make(self, shell: sandbox.Shell) -> None:
        with contextlib.suppress(OSError):  # no descriptor or process to be had: forked as ever
            ours, theirs = socket.socketpair()
            ours.setblocking(False)
            self._keeper = ours
            with theirs:
                if os.fork() == 0:
                    ours.close()
                    self._news.close()
                    spare.keep(self._listener, theirs, shell, self.told)

    def _end(self) -> None:
        """Have none; its keeper sees that and ends, if it has not."""
        if self._keeper is not None:
            self._keeper.close()
        self._keeper, self.ready = None, False


def memory_is_short(path: Union[str, os.PathLike[str]] = _MEMORY) -> bool:
    """Whether the machine has none to spare; not where it does not say."""
    with contextlib.suppress(OSError), open(path, "rb") as lines:
        for line in lines:
            if line.startswith(b"MemAvailable:"):
                return int(line.split()[1]) * 1024 < AVAILABLE_MIN
    return False
