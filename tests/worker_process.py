"""A real worker in a process of its own, loaded as instances load it, and a blocking peer."""

import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import hostler.modelserver
from hostler.modelserver import frames, page

_ROOM = Path(hostler.modelserver.__file__).parent
_START = """
import importlib.util, json, sys
room, spec = sys.argv[1:]
start = importlib.util.spec_from_file_location("start", room + "/bootstrap.py")
bootstrap = importlib.util.module_from_spec(start)
start.loader.exec_module(bootstrap)
bootstrap.load()
from hostler_modelserver import server, settings
sys.exit(server.run_worker(settings.Settings.from_spec(json.loads(spec)), 0))
"""
PATIENCE_S = 60.0


@dataclass(frozen=True)
class Reply:
    kind: int
    status: int = 0
    meta: tuple[str, ...] = ()
    body: bytes = b""

    @property
    def error(self) -> str:
        return self.meta[3] if len(self.meta) > 3 else ""


class Peer:
    """What a gateway is to a worker, one blocking socket."""

    def __init__(self, path: Path) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(PATIENCE_S)
        self.socket.connect(str(path))
        self._decoder = frames.Decoder()
        self._arrived: list[tuple[int, int, int, bytes]] = []
        self._last_id = 0
        kind, _, self.serial, payload = self.frame()
        assert kind == frames.HELLO
        self.credit, self.index, self.worker_pid = frames.HELLO_PAYLOAD.unpack(payload)

    def frame(self) -> tuple[int, int, int, bytes]:
        """The next frame; raises EOFError when the worker hangs up."""
        while not self._arrived:
            data = self.socket.recv(1 << 18)
            if not data:
                raise EOFError
            self._arrived = self._decoder.feed(data)
        return self._arrived.pop(0)

    def send(
        self, body: bytes, *, content_type: str = "", accept: str = "", deadline_ms: int = 60_000
    ) -> int:
        self._last_id += 1
        meta = f"{content_type}\0{accept}".encode("latin-1")
        self.socket.sendall(frames.request(self._last_id, deadline_ms, meta, body))
        return self._last_id

    def cancel(self, request_id: int) -> None:
        self.socket.sendall(frames.frame(frames.CANCEL, request_id))

    def reply(self) -> tuple[int, Reply]:
        """The next answer and its request's id."""
        kind, _, request_id, payload = self.frame()
        if kind != frames.RESPONSE:
            return request_id, Reply(kind)
        status, meta_size = frames.RESPONSE_HEAD.unpack_from(payload)
        start = frames.RESPONSE_HEAD.size
        meta = payload[start : start + meta_size].decode("latin-1")
        body = payload[start + meta_size :]
        return request_id, Reply(kind, status, tuple(meta.split("\0")), body)

    def answers_so_far(self) -> list[int]:
        """Ids of the answers that have arrived, without waiting for more."""
        self.socket.setblocking(False)
        ids = []
        try:
            while True:
                ids.append(self.frame()[2])
        except BlockingIOError:
            return ids
        finally:
            self.socket.settimeout(PATIENCE_S)

    def read_to_the_end(self) -> None:
        """Read until the worker hangs up, which raises."""
        while True:
            self.frame()

    def ask(self, body: bytes, **how: Any) -> Reply:
        request_id = self.send(body, **how)
        answered, reply = self.reply()
        assert answered == request_id
        return reply

    def close(self) -> None:
        self.socket.close()

    def __del__(self) -> None:
        self.close()


class WorkerProcess:
    """A worker serving a folder of files; use as a context manager."""

    def __init__(
        self,
        files: Mapping[str, str | bytes | Path],
        *,
        python: Path = Path(sys.executable),
        socket_folder: str = "s",
        **spec: Any,
    ) -> None:
        self.folder = Path(tempfile.mkdtemp(dir="/tmp", prefix="h-"))
        model_dir = self.folder / "model"
        model_dir.mkdir()
        for name, content in files.items():
            path = model_dir / name
            path.parent.mkdir(parents=True, exist_ok=True)
            match content:
                case Path():
                    shutil.copy(content, path)
                case bytes():
                    path.write_bytes(content)
                case str():
                    path.write_text(content)
        self.sockets = self.folder / socket_folder
        self.sockets.mkdir()
        told = {"model_dir": str(model_dir), "socket_dir": str(self.sockets), **spec}
        self.log = self.folder / "log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [python, "-I", "-c", _START, str(_ROOM), json.dumps(told)], stdout=log, stderr=log
            )

    @property
    def socket_path(self) -> Path:
        return self.sockets / "w0.sock"

    def slot(self) -> tuple[int, ...]:
        return page.read(page.open_page(str(self.sockets / "page")), 0)

    def ready(self) -> "WorkerProcess":
        """Wait until it listens."""
        descriptor = os.pidfd_open(self.process.pid)
        try:
            for _ in range(int(PATIENCE_S * 100)):
                if self.socket_path.exists():
                    return self
                ended, _, _ = select.select([descriptor], [], [], 0.01)
                if ended:
                    break
        finally:
            os.close(descriptor)
        raise AssertionError(f"the worker is not ready: {self.log.read_text()}")

    def peer(self) -> Peer:
        return Peer(self.socket_path)

    def failure(self) -> dict[str, Any]:
        """What a worker that could not load its model said of it."""
        assert self.process.wait(PATIENCE_S) == 3, self.log.read_text()
        told: dict[str, Any] = json.loads((self.sockets / "failure-0.json").read_text())
        return told

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE_S)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        shutil.rmtree(self.folder)


def until(condition: Any, patience_s: float = PATIENCE_S) -> None:
    """Wait for something outside this process; fails after ``patience_s``."""
    end = time.monotonic() + patience_s
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        select.select([], [], [], 0.005)
