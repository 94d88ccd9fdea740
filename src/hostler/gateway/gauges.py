"""What a gateway has in hand, for whoever scrapes: a small file in its spool's folder.

Invariant: written beside and renamed, so that it is read whole, and only when it has changed: a
gateway at rest writes nothing. The folder is locked while the process lives; a file in one that is
not tells of nobody.
"""

import contextlib
import os
from typing import TYPE_CHECKING

import orjson

from hostler.domain.gauges import NAME, VERSION, GatewayGauges

if TYPE_CHECKING:
    from hostler.gateway.gateway import Gateway


class Gauges:
    """Writes the file.

    Args:
        folder: A descriptor of the spool's folder.
        slot: Which of the gateways this is.
    """

    def __init__(self, folder: int, slot: int) -> None:
        self._folder = folder
        self._slot = slot
        self._written = b""

    def seen(self, gateway: "Gateway") -> bytes:
        """The file's content as of now; empty when that is written already. On the loop."""
        text = orjson.dumps(_now(gateway, self._slot))
        return b"" if text == self._written else text

    def write(self, text: bytes) -> None:
        """Replace the file (blocking); on a full disk the old one stays."""
        beside = f".{NAME}"
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
        with contextlib.suppress(OSError):
            file = os.open(beside, flags, 0o600, dir_fd=self._folder)
            try:
                whole = os.write(file, text) == len(text)
            finally:
                os.close(file)
            if whole:
                os.rename(beside, NAME, src_dir_fd=self._folder, dst_dir_fd=self._folder)
                self._written = text


def _now(gateway: "Gateway", slot: int) -> GatewayGauges:
    targets = gateway.fleet.summary()
    return GatewayGauges(
        v=VERSION,
        slot=slot,
        generation=gateway.generation,
        in_flight=gateway.in_flight,
        connections=len(gateway.connections),
        instances=targets["instances"],
        reachable=targets["reachable"],
        waiting=[(*subject, count) for subject, count in gateway.fleet.waiting()],
    )
