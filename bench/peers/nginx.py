"""nginx: the ceilings, a hop without authentication and an answer without a hop."""

import contextlib
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from bench.peers.base import APPS, Kind, Peer, Place, child, free_port

_HEAD = """
{user}
daemon off; worker_processes 1; pid {work}/nginx.pid; error_log {work}/nginx.log;
events {{ worker_connections 1024; }}
"""
TEMPORARY = """
  client_body_temp_path {work}; proxy_temp_path {work}; fastcgi_temp_path {work};
  uwsgi_temp_path {work}; scgi_temp_path {work};
"""
_BEFORE_A_SOCKET = """
http {{
  access_log off; keepalive_requests 100000000; {temporary}
  upstream echo {{ server unix:{work}/echo.sock; keepalive 64; keepalive_requests 100000000; }}
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_pass http://echo; proxy_http_version 1.1; proxy_set_header Connection "";
    }}
  }}
}}
"""
_STATIC = """
http {{
  access_log off; keepalive_requests 100000000; {temporary}
  server {{
    listen 127.0.0.1:{port};
    location / {{ default_type application/json; return 200 '{{"instances": [[]]}}'; }}
  }}
}}
"""


def write(text: str, work: Path, port: int) -> Path:
    """A configuration file; nginx started by root must stay root to reach the folder."""
    user = "user root;" if os.geteuid() == 0 else ""
    path = work / "nginx.conf"
    values = {"work": work, "port": port, "user": user}
    path.write_text(text.format(temporary=TEMPORARY.format(**values), **values))
    return path


@contextlib.contextmanager
def before_a_socket(place: Place) -> Iterator[Peer]:
    """Before a raw echo (uvloop, httptools) on a Unix socket."""
    port, began = free_port(), time.monotonic()
    config = write(_HEAD + _BEFORE_A_SOCKET, place.work, port)
    with (
        child(place, sys.executable, APPS / "raw_echo.py", place.work / "echo.sock") as echo,
        child(place, "nginx", "-c", config) as server,
    ):
        yield Peer(UNIX.name, port, place.path, began, [echo, server], log=place.log)


@contextlib.contextmanager
def static(place: Place) -> Iterator[Peer]:
    """Answering by itself: what the machine and the client can do at most."""
    port, began = free_port(), time.monotonic()
    config = write(_HEAD + _STATIC, place.work, port)
    with child(place, "nginx", "-c", config) as server:
        yield Peer(STATIC.name, port, place.path, began, [server], log=place.log)


UNIX = Kind(
    name="nginx-unix",
    title="nginx → Unix socket, raw echo, no authentication",
    start=before_a_socket,
    version="nginx {nginx}",
    models=("echo",),
    programs=("nginx",),
)
STATIC = Kind(
    name="nginx-static",
    title="nginx, static answer",
    start=static,
    version="nginx {nginx}",
    models=("echo",),
    programs=("nginx",),
)
