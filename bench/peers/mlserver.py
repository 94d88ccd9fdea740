"""MLServer with one parallel worker and a custom runtime that takes and gives plain JSON.

https://mlserver.readthedocs.io/en/latest/examples/custom-json/README.html
"""

import contextlib
import json
from collections.abc import Iterator

from bench.peers.base import Kind, Peer, Place, free_port, served


@contextlib.contextmanager
def start(place: Place) -> Iterator[Peer]:
    port = free_port()
    settings = {
        "debug": False,
        "host": "127.0.0.1",
        "http_port": port,
        "grpc_port": free_port(),
        "metrics_port": free_port(),
        "metrics_dir": str(place.work / "metrics"),
        "parallel_workers": 1,
        "environments_dir": str(place.work / "environments"),
    }
    (place.work / "metrics").mkdir()
    (place.work / "settings.json").write_text(json.dumps(settings))
    model = {"name": place.model, "implementation": "mlserver_model.Bench"}
    (place.work / "model-settings.json").write_text(json.dumps(model))
    command = (place.python.with_name("mlserver"), "start", place.work)
    with served(place, KIND.name, *command, port=port, target="/bench") as peer:
        yield peer


KIND = Kind(
    name="mlserver",
    title="MLServer",
    start=start,
    version="MLServer {mlserver}",
    requirements=("mlserver==1.7.1", "uvloop<0.22"),  # with newer ones its workers find no loop
    only_with_all=True,
)
