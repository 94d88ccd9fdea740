"""LitServe with one worker, its fast queue, and batches for models.

https://lightning.ai/docs/litserve/features/batching
"""

import contextlib
from collections.abc import Iterator

from bench.peers.base import APPS, Kind, Peer, Place, free_port, served


@contextlib.contextmanager
def start(place: Place) -> Iterator[Peer]:
    port = free_port()
    command = (place.python, APPS / "litserve_app.py", port)
    with served(place, KIND.name, *command, port=port) as peer:
        yield peer


KIND = Kind(
    name="litserve",
    title="LitServe",
    start=start,
    version="LitServe {litserve}",
    requirements=("litserve==0.2.19",),
)
