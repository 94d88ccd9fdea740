"""What a server under test is, and how its processes are started, awaited and ended.

Invariant: whatever a peer started has ended when its block is left.
"""

import contextlib
import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

from bench import processes

APPS = Path(__file__).parents[1] / "apps"
MODELS = ("echo", "logistic", "gbm", "mlp")
STOP_S_MAX = 20.0


class AbsentError(Exception):
    """This peer cannot run here; the text is one line that says why."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a peer runs, for one model."""

    model: str
    models: Path
    """The folder of trained models."""
    work: Path
    """A folder of the peer's own."""
    python: Path
    """The interpreter of the peer's environment."""
    own_network: bool = False

    @property
    def environment(self) -> dict[str, str]:
        """What every app reads; one thread for BLAS, as there is one model process."""
        return {
            "BENCH_MODEL": self.model,
            "BENCH_MODELS": str(self.models),
            "HOME": str(self.work),
            "OMP_NUM_THREADS": "1",
            "PATH": f"{self.python.parent}:{os.environ['PATH']}",
            "PYTHONPATH": str(APPS),
        }

    @property
    def log(self) -> Path:
        return self.work / "peer.log"

    @property
    def path(self) -> str:
        """AWS's path of the endpoint."""
        return f"/endpoints/{self.model}/invocations"


@dataclass(slots=True)
class Peer:
    """A server that was started."""

    name: str
    port: int
    target: str
    began: float
    """The monotonic time at which its first process was started."""
    children: list[subprocess.Popen[bytes]] = field(default_factory=list)
    roots: list[int] = field(default_factory=list)
    """Instead of children: pids of what runs on its own."""
    headers: tuple[tuple[str, str], ...] = ()
    log: Path | None = None

    def pids(self) -> list[int]:
        roots = [*self.roots, *(child.pid for child in self.children)]
        return [pid for root in roots for pid in processes.tree(root)]

    def require_alive(self) -> None:
        for each in self.children:
            if each.poll() is not None:
                raise AbsentError(f"it ended with {each.returncode}: {self.last_words()}")

    def last_words(self) -> str:
        """The last line of its output that says anything."""
        text = self.log.read_text(errors="replace") if self.log and self.log.exists() else ""
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        return lines[-1][:200] if lines else "it said nothing"


@dataclass(frozen=True, slots=True)
class Kind:
    """A peer that can be chosen."""

    name: str
    title: str
    start: Callable[[Place], AbstractContextManager[Peer]]
    version: str = ""
    """A text with the versions of its packages, or of nginx and java, to be filled in."""
    requirements: tuple[str, ...] = ()
    """Of its environment, besides the models' own."""
    models: tuple[str, ...] = MODELS
    programs: tuple[str, ...] = ()
    """What must be installed beside Python."""
    only_with_all: bool = False
    start_s_max: float = 180.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def child(
    place: Place, *words: object, env: dict[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """A process in the peer's folder that is ended, and all below it, at the end."""
    with place.log.open("ab") as log:
        process = subprocess.Popen(
            [str(word) for word in words],
            env={**os.environ, **place.environment, **(env or {})},
            cwd=place.work,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        below = processes.identified(process.pid)
        process.terminate()
        try:
            process.wait(STOP_S_MAX)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        processes.kill(below)


@contextlib.contextmanager
def served(
    place: Place,
    name: str,
    *words: object,
    port: int,
    target: str | None = None,
    headers: tuple[tuple[str, str], ...] = (),
    env: dict[str, str] | None = None,
) -> Iterator[Peer]:
    """A peer of one program."""
    began = time.monotonic()
    with child(place, *words, env=env) as process:
        at = target or place.path
        yield Peer(name, port, at, began, [process], headers=headers, log=place.log)
