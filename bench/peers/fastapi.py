"""FastAPI on uvicorn with uvloop and httptools, the model in the server's process.

https://fastapi.tiangolo.com/deployment/server-workers/ and https://www.uvicorn.org/settings/
"""

import contextlib
from collections.abc import Iterator

from bench.peers.base import APPS, Kind, Peer, Place, free_port, served


@contextlib.contextmanager
def start(place: Place) -> Iterator[Peer]:
    port = free_port()
    words = (
        f"-m uvicorn fastapi_app:app --app-dir {APPS} --host 127.0.0.1 --port {port} --workers 1"
    )
    how = "--loop uvloop --http httptools --no-access-log"
    command = (place.python, *words.split(), *how.split())
    with served(place, KIND.name, *command, port=port) as peer:
        yield peer


KIND = Kind(
    name="fastapi",
    title="FastAPI + uvicorn",
    start=start,
    version="FastAPI {fastapi}, uvicorn {uvicorn}",
    requirements=("fastapi==0.165.0", "uvicorn[standard]==0.54.0"),
)
