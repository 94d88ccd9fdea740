"""What control says of the whole on `/_hostler/health`: whether it answers, and how it runs.

Invariant: costs next to nothing and waits for nobody; holds nothing that a stranger on this machine
may not know (no names of endpoints, no keys).
"""

import contextlib
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from hostler.app import scripts
from hostler.backends.process.isolation import Tier
from hostler.domain.layout import Layout
from hostler.snapshot.publisher import Publisher
from hostler.store import disk


class Health:
    """The health route's body: ready when a gateway has the identities and S3 answers."""

    def __init__(
        self,
        layout: Layout,
        publisher: Publisher,
        tier: Tier,
        builds: Callable[[], Mapping[str, str]],
        problems: Sequence[Callable[[], str | None]] = (),
        settings: Sequence[str] = (),
    ) -> None:
        self._layout = layout
        self._publisher = publisher
        self._tier = tier
        self._builds = builds
        self._problems = problems
        """Each says what is wrong now; None where all is well."""
        self._settings = settings
        """What is to be said of how it was started."""

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
            "warnings": [*self._tier.warnings, *self._settings, *self._room(), *self._wrong()],
            "builds": dict(self._builds()),
            "init": scripts.status(self._layout),
        }

    def _wrong(self) -> Iterator[str]:
        yield from filter(None, (problem() for problem in self._problems))

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
