"""Thirty endpoints of one warm runtime: each answers as itself, and nothing of them is left."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from archives import script
from deploying import create_config, put
from process_world import tree
from running import GENERIC_IMAGE, PREFIX, ROLE, Running, eventually, hostler

COUNT = 30
NAMED = """
import os

def model_fn(model_dir):
    return os.environ["OWN_NAME"]

def transform_fn(model, data, content_type, accept):
    return model, "text/plain"
"""


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    with hostler() as running:
        yield running


def _names() -> list[str]:
    return [f"{PREFIX}many-{number}" for number in range(COUNT)]


def _create(server: Running) -> None:
    sagemaker = server.client("sagemaker")
    uri = put(server, "many", script(NAMED))
    for name in _names():
        container = {
            "Image": GENERIC_IMAGE,
            "ModelDataUrl": uri,
            "Environment": {"OWN_NAME": name, "SAGEMAKER_MODEL_SERVER_WORKERS": "1"},
        }
        sagemaker.create_model(ModelName=name, PrimaryContainer=container, ExecutionRoleArn=ROLE)
        config = create_config(server, name.removeprefix(PREFIX), name)
        sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=config)


def _statuses(server: Running) -> list[str]:
    found = server.client("sagemaker").list_endpoints(MaxResults=100)["Endpoints"]
    return [each["EndpointStatus"] for each in found]


def _pids(server: Running) -> dict[str, int]:
    """Of the processes that deal with every instance."""
    found = {name: server.pid(name) or 0 for name in ("control", "gateway-0")}
    return {**found, "supervisor": server.status()["pid"]}


def _descriptors(pids: dict[str, int]) -> dict[str, int]:
    return {name: len(list(Path(f"/proc/{pid}/fd").iterdir())) for name, pid in pids.items()}


def _exists(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def _call(server: Running, name: str) -> Any:
    runtime = server.client("sagemaker-runtime")
    return runtime.invoke_endpoint(EndpointName=name, Body=b"{}")["Body"].read().decode()


def test_thirty_endpoints_answer_as_themselves_and_leave_nothing(server: Running) -> None:
    services = _pids(server)
    before = _descriptors(services)
    _create(server)
    eventually("all in service", lambda: _statuses(server) == ["InService"] * COUNT, 200.0)
    assert [_call(server, name) for name in _names()] == _names()

    during = _descriptors(services)
    for name, most in (("control", 1), ("gateway-0", 1), ("supervisor", 0)):
        # Databases open a descriptor or two more as they are used.
        assert during[name] - before[name] <= most * COUNT + 20, (before, during)
    pids = server.instance_pids()
    assert len(pids) == COUNT
    alive = {each for pid in pids.values() for each in (pid, *tree(pid))}
    assert len(alive) == 2 * COUNT  # a shim and its worker
    plans = [
        json.loads((server.home / "i" / name / "launch.json").read_text()) for name in sorted(pids)
    ]
    groups = [Path(file).parent for plan in plans for file in plan["cgroup_procs"]]

    for name in _names():
        server.client("sagemaker").delete_endpoint(EndpointName=name)
    eventually("all are gone", lambda: _statuses(server) == [], 200.0)
    eventually("their folders are gone", lambda: not list((server.home / "i").glob("*")))
    eventually("their processes are gone", lambda: not any(map(_exists, alive)))
    eventually("their groups are gone", lambda: not any(group.exists() for group in groups))
    eventually(
        "their descriptors are closed",
        lambda: all(now <= before[name] + 20 for name, now in _descriptors(services).items()),
    )
