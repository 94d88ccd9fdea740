"""A real gateway for tests: its own process, the test's snapshot, frame-speaking workers."""

import contextlib
import http.client
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import boto3
import orjson
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials

from hostler.domain.ids import iam_arn, root_arn, sagemaker_arn
from hostler.domain.layout import Layout
from hostler.domain.snapshot import (
    Credential,
    EndpointRoute,
    Policy,
    Principal,
    Snapshot,
    TargetRoute,
    VariantRoute,
)
from hostler.modelserver import page
from hostler.snapshot import file
from running import eventually

ACCOUNT, REGION = "123456789012", "us-east-1"
ROOT_KEY, ROOT_SECRET = "AKIAROOT", "root-secret"
CALLER_KEY, CALLER_SECRET = "AKIACALLER", "caller-secret"
CALLER_ARN = str(iam_arn(ACCOUNT, "user", "caller"))
CALLER_POLICY = (
    '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sagemaker:InvokeEndpoint",'
    f'"Resource":"arn:aws:sagemaker:{REGION}:{ACCOUNT}:endpoint/demo*"}}]}}'
)
START = """
import json, logging, sys
from pathlib import Path
from hostler.domain.layout import Layout
from hostler.gateway.limits import Limits
from hostler.gateway.main import run
logging.basicConfig(level=logging.INFO)
run(int(sys.argv[1]), 0, Layout(Path(sys.argv[2])), Limits(**json.loads(sys.argv[3])))
"""
PATIENT = dict.fromkeys(
    ("header_deadline_s", "body_rate_window_s", "unreachable_s", "upstream_wait_s"), 60.0
)
"""Nobody is late because the machine is busy."""
WORKER = Path(__file__).with_name("frame_worker.py")


@dataclass
class Worker:
    """One frame-speaking process, alone in its instance."""

    name: str
    folder: Path
    process: subprocess.Popen[bytes]

    @property
    def route(self) -> TargetRoute:
        return TargetRoute(self.name, (str(self.folder / "w0.sock"),), str(self.folder / "page"))

    def greetings(self) -> int:
        """How many connections it has greeted so far."""
        try:
            return (self.folder / "greeted").stat().st_size
        except FileNotFoundError:
            return 0

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@dataclass
class Rig:
    """A data directory, a listening socket, and the processes around it."""

    layout: Layout
    listener: socket.socket
    workers: dict[str, Worker] = field(default_factory=dict)
    gateways: list[subprocess.Popen[bytes]] = field(default_factory=list)
    snapshot: Snapshot = field(default_factory=lambda: snapshot_of(()))

    @property
    def port(self) -> int:
        port: int = self.listener.getsockname()[1]
        return port

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def worker(self, name: str, credit: int = 64) -> Worker:
        """Start a worker, or start it again in its folder."""
        if name in self.workers:
            self.workers[name].kill()
        folder = self.layout.instance(name) / "s"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "w0.sock").unlink(missing_ok=True)
        page.create(str(folder / "page"), 1)
        words = [sys.executable, str(WORKER), folder / "w0.sock", folder / "page", 0, credit, name]
        process = subprocess.Popen([str(word) for word in words])
        eventually(f"{name} listens", (folder / "w0.sock").exists)
        self.workers[name] = Worker(name, folder, process)
        return self.workers[name]

    def publish(self, *variants: VariantRoute, name: str = "Demo") -> None:
        """Write the snapshot that routes one endpoint (before the gateway starts)."""
        arn = sagemaker_arn(REGION, ACCOUNT, "endpoint", name)
        route = EndpointRoute(ACCOUNT, REGION, name, arn, variants)
        self.snapshot = replace(snapshot_of((route,)), generation=self.snapshot.generation + 1)
        file.save(self.layout.snapshot, self.snapshot)

    def gateway(self, planted: str = "", **limits: float) -> subprocess.Popen[bytes]:
        """Start a gateway on the rig's listening socket, with limits of its own.

        It knows all workers that live by then. ``planted`` is Python that plants a defect in it.
        """
        greeted = {each.name: each.greetings() for each in self._routed()}
        fd = self.listener.fileno()
        told = orjson.dumps({**PATIENT, **limits}).decode()
        words = ["-c", planted + START, fd, self.layout.root, told]
        with (self.layout.root / "gateway.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, *map(str, words)], pass_fds=(fd,), stderr=log
            )
        self.gateways.append(process)
        door = self.layout.gateway_socket(0)
        eventually("the gateway serves", lambda: _owner(door) == process.pid)
        for name, before in greeted.items():
            worker = self.workers[name]
            eventually(
                f"{name} is connected", lambda w=worker, b=before: w.greetings() > b, every_s=0.005
            )
        return process

    def _routed(self) -> list[Worker]:
        """The workers that a gateway connects to when it starts."""
        variants = [each for route in self.snapshot.endpoints for each in route.variants]
        names = {target.instance_id for each in variants for target in each.targets}
        workers = [each for each in self.workers.values() if each.name in names]
        return [each for each in workers if each.process.poll() is None]

    def client(
        self, key: str = ROOT_KEY, secret: str = ROOT_SECRET, region: str = REGION, **config: Any
    ) -> Any:
        options = {"retries": {"total_max_attempts": 1}, "read_timeout": 60, **config}
        return boto3.Session(key, secret, region_name=region).client(
            "sagemaker-runtime", endpoint_url=self.url, config=Config(**options)
        )

    def signed(
        self,
        body: bytes = b"{}",
        *,
        endpoint: str = "Demo",
        path: str | None = None,
        **headers: str,
    ) -> tuple[str, dict[str, str]]:
        """Path and headers of a signed invocation, for raw clients."""
        target = path or f"/endpoints/{endpoint}/invocations"
        request = AWSRequest("POST", self.url + target, data=body)
        for name, value in headers.items():
            request.headers[name.replace("_", "-")] = value
        SigV4Auth(Credentials(ROOT_KEY, ROOT_SECRET), "sagemaker", REGION).add_auth(request)
        found = dict(request.headers.items())
        found["Host"] = f"127.0.0.1:{self.port}"
        return target, found

    def raw(self, body: bytes = b"{}", **options: Any) -> bytes:
        """A signed invocation as bytes."""
        target, headers = self.signed(body, **options)
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        head = f"POST {target} HTTP/1.1\r\n{lines}Content-Length: {len(body)}\r\n\r\n"
        return head.encode() + body

    def connect(self) -> socket.socket:
        connection = socket.create_connection(("127.0.0.1", self.port))
        connection.settimeout(60)
        return connection

    def is_closed(self, connection: socket.socket) -> bool:
        """Whether nobody holds the other end of a client's connection, however full it is."""
        ends = (self.port, connection.getsockname()[1])
        for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
            _, local, remote, state, *_ = line.split()
            if (int(local[-4:], 16), int(remote[-4:], 16)) == ends:
                return state != "01"
        return True

    def http(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)

    def log(self) -> str:
        path = self.layout.root / "gateway.log"
        return path.read_text() if path.exists() else ""


def snapshot_of(endpoints: tuple[EndpointRoute, ...]) -> Snapshot:
    """A root user and a caller who may invoke ``demo*``."""
    root = Principal(root_arn(ACCOUNT), ACCOUNT, ACCOUNT, "root", is_root=True)
    caller = Principal(
        CALLER_ARN, ACCOUNT, "AIDACALLER", "caller", (Policy("invoke", CALLER_POLICY),)
    )
    return Snapshot(
        generation=1,
        account=ACCOUNT,
        region=REGION,
        endpoints=endpoints,
        credentials=(
            Credential(ROOT_KEY, ROOT_SECRET, root.arn),
            Credential(CALLER_KEY, CALLER_SECRET, caller.arn),
        ),
        principals=(root, caller),
    )


def variant(*workers: Worker, name: str = "AllTraffic", weight: float = 1.0) -> VariantRoute:
    return VariantRoute(name, weight, tuple(worker.route for worker in workers))


def response(connection: socket.socket, method: str = "POST") -> http.client.HTTPResponse:
    """The next response on a raw connection, its body read."""
    answer = http.client.HTTPResponse(connection, method=method)
    answer.begin()
    return answer


@contextlib.contextmanager
def rig() -> Iterator[Rig]:
    """A rig, and nothing of it afterwards; a defect in the gateway's log fails the test."""
    root = Path(tempfile.mkdtemp(dir="/tmp", prefix="h-"))
    (root / "run").mkdir()
    listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
    made = Rig(Layout(root), listener)
    try:
        yield made
        for process in made.gateways:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in made.gateways:
            process.wait(60)
        if made.gateways:
            assert "defect" not in made.log(), made.log()
            assert "Traceback" not in made.log(), made.log()
    finally:
        for process in (*made.gateways, *(worker.process for worker in made.workers.values())):
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGKILL)
            process.wait()
        listener.close()
        shutil.rmtree(root, ignore_errors=True)


def _owner(door: Path) -> int | None:
    """The pid that the hand-over socket names."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        try:
            connection.connect(str(door))
            line, descriptors, _, _ = socket.recv_fds(connection, 4096, 1)
        except OSError:
            return None
        for descriptor in descriptors:
            os.close(descriptor)
        pid: int = orjson.loads(line)["pid"]
        return pid
