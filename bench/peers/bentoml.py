"""BentoML's HTTP server in production mode, one worker, adaptive batches for models.

https://docs.bentoml.com/en/latest/get-started/adaptive-batching.html
"""

import contextlib
from collections.abc import Iterator

from bench.peers.base import APPS, Kind, Peer, Place, free_port, served


@contextlib.contextmanager
def start(place: Place) -> Iterator[Peer]:
    port = free_port()
    words = f"serve bentoml_app:Bench --working-dir {APPS} --host 127.0.0.1 --port {port}"
    command = (place.python.with_name("bentoml"), *words.split())
    environment = {
        "BENTOML_HOME": str(place.work / "bentoml"),
        "BENTOML_DO_NOT_TRACK": "True",
        "PROMETHEUS_MULTIPROC_DIR": str(place.work),
    }
    with served(place, KIND.name, *command, port=port, env=environment) as peer:
        yield peer


KIND = Kind(
    name="bentoml",
    title="BentoML",
    start=start,
    version="BentoML {bentoml}",
    requirements=("bentoml==1.4.40",),
)
