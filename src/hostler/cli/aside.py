"""Data directories among the temporary files, for Hostlers that are only tried.

Invariant: each belongs to the process that made it, which holds it (flock) for as long as it lives;
what a killed one left behind, running or not, is ended and removed by the next. One that is to be
kept belongs to the user.
"""

import contextlib
import fcntl
import os
import shutil
import socket
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from hostler.domain.layout import ROOT_LENGTH_MAX, Layout

OWNED, KEPT = "hostler-demo-", "hostler-kept-"


@contextlib.contextmanager
def home(down: Callable[[Path], object], *, keep: bool) -> Iterator[Path]:
    """A folder for a data directory, ended with ``down`` and removed after the block.

    With ``keep`` it stays, unless the block fails.
    """
    prefix = KEPT if keep else OWNED
    place = _place(prefix)
    _sweep(place, down)
    made = Path(tempfile.mkdtemp(prefix=prefix, dir=place)).resolve()
    stays = False
    with _held(made):
        try:
            yield made
            stays = keep
        finally:
            if not stays:
                down(made)
                shutil.rmtree(made, ignore_errors=True)


def free_port() -> int:
    """A port of this machine that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _place(prefix: str) -> Path:
    """The folder for temporary files, where its path leaves room for sockets."""
    usual = Path(tempfile.gettempdir()).resolve()
    short = len(os.fsencode(usual / prefix)) + 8 <= ROOT_LENGTH_MAX
    return usual if short else Path("/tmp")  # noqa: S108 (mkdtemp makes it ours alone)


def _sweep(place: Path, down: Callable[[Path], object]) -> None:
    for left in place.glob(f"{OWNED}*"):
        # Without its lock file it may be one that is about to be held.
        with contextlib.suppress(OSError), _held(left):
            if left.stat().st_uid == os.geteuid() and Layout(left).lock.exists():
                down(left)
                shutil.rmtree(left, ignore_errors=True)


@contextlib.contextmanager
def _held(folder: Path) -> Iterator[None]:
    """Hold a folder; BlockingIOError while somebody else does."""
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(folder, flags)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(descriptor)
