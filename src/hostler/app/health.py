"""What control says of the whole on `/_hostler/health`: whether it answers, and how it runs.

Invariant: costs next to nothing and waits for nobody; holds nothing that a stranger on this machine
may not know (no names of endpoints, no keys).
"""

import contextlib
import socket
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from hostler.app import scripts
from hostler.app.settings import Settings
from hostler.backends.process.environments import Environments
from hostler.backends.process.isolation import Tier
from hostler.snapshot.publisher import Publisher
from hostler.store import disk


class Watched(Protocol):
    """Something of which may be said what is wrong with it now; None where all is well."""

    @property
    def problem(self) -> str | None: ...


class Health:
    """The health route's body: ready when a gateway has the identities and S3 answers."""

    def __init__(
        self,
        settings: Settings,
        publisher: Publisher,
        tier: Tier,
        environments: Environments,
        *,
        watched: Sequence[Watched],
    ) -> None:
        self._layout = settings.layout
        self._started = settings.warnings
        """What is to be said of how it was started."""
        self._publisher = publisher
        self._tier = tier
        self._environments = environments
        self._watched = watched

    def __call__(self) -> Mapping[str, Any]:
        subscribers = self._publisher.subscribers()
        gateways = sum(bool(acked) for greeting, acked in subscribers if greeting.kind == "gateway")
        s3 = _accepts(self._layout.s3_socket)
        return {
            "ready": bool(gateways) and s3,
            "control": True,
            "gateways": gateways,
            "s3": s3,
            "isolation": self._tier.text,
            "warnings": [*self._tier.warnings, *self._started, *self._room(), *self._wrong()],
            "builds": dict(self._environments.builds),
            "init": scripts.status(self._layout),
        }

    def _wrong(self) -> Iterator[str]:
        yield from filter(None, (each.problem for each in self._watched))

    def _room(self) -> Iterator[str]:
        """A word where the disk is nearly full."""
        with contextlib.suppress(OSError):
            free = disk.free_bytes(self._layout.root)
            if free < disk.LOW_BYTES:
                yield (
                    f"only {free >> 20} MiB are free on the data directory's disk: free some, or "
                    "delete objects, models and endpoints that are not needed"
                )


def _accepts(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        try:
            probe.connect(str(path))
        except OSError:
            return False
        return True
