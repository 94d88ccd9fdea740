"""The servers under test: how each is set up, started, found and stopped.

Invariant: a peer runs as its own documentation says for production, with one model process, and a
peer that cannot run here is reported as absent with the reason.
"""

import contextlib
import importlib.metadata
import os
import shutil
import socket
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path

from bench import processes

APPS = Path(__file__).parent / "apps"
MODELS = ("echo", "logistic")
START_S_MAX = 30.0


def _scikit_learn() -> tuple[str, ...]:
    """What Hostler serves the same model with: versions differ several times in speed."""
    shipped = tomllib.loads(files("hostler.backends.process").joinpath("runtimes.toml").read_text())
    wanted = shipped["scikit-learn"]["requirements"]
    return tuple(each for each in wanted if each.startswith("scikit-learn=="))


PEER_REQUIREMENTS = ("fastapi", "uvicorn[standard]", "orjson", *_scikit_learn())


class AbsentError(Exception):
    """This peer cannot run here; the text says why."""


@dataclass
class Peer:
    """A running server."""

    name: str
    version: str
    port: int
    roots: list[int]
    models: tuple[str, ...] = MODELS
    start_s: float = 0.0
    targets: dict[str, str] = field(
        default_factory=lambda: {model: f"/endpoints/{model}/invocations" for model in MODELS}
    )

    def pids(self) -> list[int]:
        return [pid for root in self.roots for pid in processes.tree(root)]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


def wait_for(what: str, ready: Callable[[], bool], pause_s: float = 0.01) -> float:
    """Seconds until ``ready()``."""
    began = time.monotonic()
    while not ready():
        if time.monotonic() - began > START_S_MAX:
            raise AbsentError(f"{what} did not start in {START_S_MAX:g} s")
        time.sleep(pause_s)
    return time.monotonic() - began


@contextlib.contextmanager
def child(*words: object, env: dict[str, str] | None = None) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        [str(word) for word in words],
        env={**os.environ, **(env or {})},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(20)


def peer_python(cache: Path) -> Path:
    """The interpreter of the peers' own environment, made once."""
    folder = cache / "fastapi"
    python = folder / "bin/python"
    wanted = "\n".join(PEER_REQUIREMENTS)
    done_mark = folder / ".done"
    if not done_mark.exists() or done_mark.read_text() != wanted:
        uv = [sys.executable, "-m", "uv"]
        links = os.environ.get("PIP_FIND_LINKS")
        env = {**os.environ, **({"UV_FIND_LINKS": links} if links else {})}
        for words in (
            [*uv, "venv", "--quiet", "--clear", "--python", sys.executable, folder],
            [*uv, "pip", "install", "--quiet", "--python", python, *PEER_REQUIREMENTS],
        ):
            done = subprocess.run(words, env=env, capture_output=True, text=True, check=False)
            if done.returncode:
                raise AbsentError(f"its environment cannot be built: {done.stderr.strip()}")
        done_mark.write_text(wanted)
    return python


_VERSIONS = (
    "import fastapi, uvicorn; print('FastAPI', fastapi.__version__, 'uvicorn', uvicorn.__version__)"
)


@contextlib.contextmanager
def fastapi(cache: Path, work: Path) -> Iterator[Peer]:
    """FastAPI on uvicorn with uvloop and httptools, the model in the server's process."""
    python = peer_python(cache)
    port = free_port()
    words = (
        python,
        "-m",
        "uvicorn",
        "fastapi_app:app",
        "--app-dir",
        APPS,
        "--port",
        port,
        "--loop",
        "uvloop",
        "--http",
        "httptools",
        "--no-access-log",
        "--workers",
        1,
    )
    with child(*words, env={"BENCH_MODEL": str(work / "model.joblib")}) as process:
        start_s = wait_for("FastAPI", lambda: answers(port))
        version = subprocess.run(
            [python, "-c", _VERSIONS], capture_output=True, text=True, check=True
        ).stdout.strip()
        yield Peer("fastapi", version, port, [process.pid], start_s=start_s)


_NGINX = """
{user}
daemon off; worker_processes 1; pid {work}/nginx.pid; error_log {work}/nginx.log;
events {{ worker_connections 1024; }}
http {{
  access_log off; keepalive_requests 100000000;
  client_body_temp_path {work}; proxy_temp_path {work}; fastcgi_temp_path {work};
  uwsgi_temp_path {work}; scgi_temp_path {work};
  upstream echo {{ server unix:{work}/echo.sock; keepalive 64; keepalive_requests 100000000; }}
  server {{
    listen 127.0.0.1:{port};
    location /endpoints/echo/ {{
      proxy_pass http://echo; proxy_http_version 1.1; proxy_set_header Connection "";
    }}
    location /static/ {{ return 200 "{{}}"; }}
  }}
}}
"""


def _nginx_config(work: Path, port: int) -> str:
    user = "user root;" if os.geteuid() == 0 else ""  # its workers must reach the work folder
    return _NGINX.format(work=work, port=port, user=user)


@contextlib.contextmanager
def nginx(_cache: Path, work: Path) -> Iterator[Peer]:
    """nginx in front of a raw echo process on a Unix socket: a hop without authentication."""
    program = shutil.which("nginx")
    if program is None:
        raise AbsentError("nginx is not installed (Debian: apt-get install nginx-light)")
    port = free_port()
    config = work / "nginx.conf"
    config.write_text(_nginx_config(work, port))
    version = subprocess.run(
        [program, "-v"], capture_output=True, text=True, check=True
    ).stderr.strip()
    with (
        child(sys.executable, APPS / "raw_echo.py", work / "echo.sock") as echo,
        child(program, "-c", config) as server,
    ):
        start_s = wait_for("nginx", lambda: answers(port) and (work / "echo.sock").exists())
        yield Peer(
            "nginx-unix",
            version.removeprefix("nginx version: "),
            port,
            [echo.pid, server.pid],
            models=("echo",),
            start_s=start_s,
        )


@contextlib.contextmanager
def nginx_static(_cache: Path, work: Path) -> Iterator[Peer]:
    """nginx answering by itself: what the machine and the client can do at most."""
    program = shutil.which("nginx")
    if program is None:
        raise AbsentError("nginx is not installed (Debian: apt-get install nginx-light)")
    port = free_port()
    folder = work / "static"
    folder.mkdir(exist_ok=True)
    config = folder / "nginx.conf"
    config.write_text(_nginx_config(folder, port))
    with child(program, "-c", config) as server:
        start_s = wait_for("nginx", lambda: answers(port))
        yield Peer(
            "nginx-static",
            "",
            port,
            [server.pid],
            models=("echo",),
            start_s=start_s,
            targets={"echo": "/static/"},
        )


def hostler_version() -> str:
    return f"hostler {importlib.metadata.version('hostler')}"
