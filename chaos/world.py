"""A Hostler to harm: its endpoints, processes and memory."""

import contextlib
import json
import os
import random
import re
import signal
import socket
import struct
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from bench import processes
from botocore.exceptions import ClientError

from archives import script
from chaos.scale import Scale
from deploying import deploy
from hostler.gateway import stopped
from hostler.modelserver import folder, page
from running import Running, eventually, hostler

MODEL = """
import json, time

def model_fn(model_dir):
    return []

def transform_fn(model, data, content_type, accept):
    if len(data) > 100_000:
        return str(len(data)), "text/plain"
    orders = json.loads(data)
    if orders.get("sleep"):
        time.sleep(orders["sleep"])
    for _ in range(orders.get("grow", 0)):
        model.append(bytearray(1 << 24))
    return data, content_type
"""
"""Answers what it was sent, after a while if it is asked to; counts what is large."""


class Worker(NamedTuple):
    """A model server's process: its instance, its place in it, its pid here."""

    instance_id: str
    slot: int
    pid: int


@dataclass
class World:
    """A running Hostler, the dice, and how much is to be done to it."""

    server: Running
    rng: random.Random
    scale: Scale
    deployed: dict[str, str] = field(default_factory=dict)

    def endpoint(self, name: str, count: int = 1, workers: int = 1) -> str:
        """An endpoint of the obedient model, in service."""
        if name not in self.deployed:
            environment = {"SAGEMAKER_MODEL_SERVER_WORKERS": str(workers)}
            self.deployed[name] = deploy(
                self.server, name, script(MODEL), count=count, environment=environment
            )
        return self.deployed[name]

    def invoke(self, endpoint: str, who: str | None = None, **orders: Any) -> tuple[int, str]:
        """One call through boto3: status, and the answer or the error."""
        client = self.server.client("sagemaker-runtime", who)
        try:
            answer = client.invoke_endpoint(
                EndpointName=endpoint, ContentType="application/json", Body=json.dumps(orders)
            )
        except ClientError as error:
            return error.response["ResponseMetadata"]["HTTPStatusCode"], str(error)
        return 200, answer["Body"].read().decode()

    def shims(self, endpoint: str) -> dict[str, int]:
        """The shims of an endpoint's instances that run, by instance."""
        found = {}
        for instance_id, pid in self.server.instance_pids().items():
            spec = self.server.home / "i" / instance_id / "spec.json"
            with contextlib.suppress(OSError):
                if endpoint in spec.read_text():
                    found[instance_id] = pid
        return found

    def workers(self, endpoint: str) -> list[Worker]:
        """An endpoint's model servers that are ready."""
        found = []
        for instance_id in self.shims(endpoint):
            path = self.page(instance_id)
            for slot in range(page.SLOTS_MAX):
                words = page.read_slot(path, slot)
                if words is None or words[1] != page.READY:
                    break
                if pid := stopped.outer_pid(path, words[6]):
                    found.append(Worker(instance_id, slot, pid))
        return found

    def page(self, instance_id: str) -> str:
        return str(self.server.home / "i" / instance_id / folder.SOCKETS / page.FILE_NAME)

    def busy(self, worker: Worker) -> bool:
        """Whether it has been at one request for a tenth of a second."""
        words = page.read_slot(self.page(worker.instance_id), worker.slot)
        return words is not None and words[2] != 0 and time.monotonic_ns() - words[2] > 100_000_000

    def whole(self, endpoint: str, workers: int) -> float:
        """Wait until so many model servers are ready; when that was (monotonic s)."""
        eventually(
            f"{workers} model servers of {endpoint}",
            lambda: len(self.workers(endpoint)) == workers,
            every_s=0.01,
        )
        return time.monotonic()

    def gateway(self) -> int:
        """The pid of the gateway that accepts."""
        pid: int = eventually("a gateway", lambda: self.server.pid("gateway-0"), every_s=0.005)
        return pid

    def restart_gateway(self, number: signal.Signals = signal.SIGTERM) -> None:
        """End the gateway and wait until its successor serves."""
        before = self.gateway()
        os.kill(before, number)
        eventually(
            "a successor", lambda: self.server.pid("gateway-0") not in (None, before), every_s=0.005
        )
        door = self.server.home / "run/gateway-0.sock"
        eventually("it serves", lambda: owner(door) == self.server.pid("gateway-0"), every_s=0.005)

    def gateway_log(self) -> str:
        return (self.server.home / "log/gateway-0.log").read_text(errors="replace")

    def log(self, endpoint: str) -> str:
        """What CloudWatch Logs has of an endpoint."""
        events = self.server.client("logs").filter_log_events(
            logGroupName=f"/aws/sagemaker/Endpoints/{endpoint}"
        )
        return "\n".join(event["message"] for event in events["events"])

    def tree(self) -> list[int]:
        """Every process of this Hostler."""
        return processes.tree(self.server.status()["pid"])


def owner(door: Path) -> int | None:
    """The pid of the gateway that hands its listening socket out there."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        try:
            connection.connect(str(door))
            credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
        except OSError:
            return None
    pid: int = struct.unpack("3i", credentials)[0]
    return pid


def memory_kb(pid: int, what: str = "VmRSS") -> int:
    """A line of /proc/PID/status: VmRSS, or VmHWM for the most there was."""
    text = Path(f"/proc/{pid}/status").read_text()
    found = re.search(rf"{what}:\s+(\d+) kB", text)
    assert found is not None
    return int(found[1])


def forget_peak(pid: int) -> None:
    """Let VmHWM begin anew."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")


@contextlib.contextmanager
def world(seed: int, scale: Scale, gateways: int = 1) -> Iterator[World]:
    """A new Hostler, and nothing of it afterwards."""
    with hostler("--gateways", str(gateways)) as server:
        yield World(server, random.Random(seed), scale)
