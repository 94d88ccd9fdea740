"""kill -9 of every process in turn, under load: who is lost, what comes back, what must not change.

Instances keep their pids; endpoints and objects stay; a call fails only if it was in flight on the
killed gateway or instance.
"""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from archives import ECHO, script
from deploying import deploy, settled
from hostler.modelserver import identity
from load import Load, load
from running import BUCKET, Running, eventually, hostler

THREADS = 4
BODY = {"features": [1, 2, 3]}


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    with hostler("--gateways", "2") as running:
        deploy(running, "echo", script(ECHO), count=2)
        running.client("s3").put_object(Bucket=BUCKET, Key="kept/object", Body=b"still here")
        yield running


@pytest.fixture
def under_load(server: Running) -> Iterator[Load]:
    with load(server, "rc-project-a-echo-ep", BODY, BODY, THREADS) as running:
        _goes_on(running)
        yield running


def _goes_on(running: Load, calls: int = 50) -> None:
    """Wait until that many further calls were answered well."""
    moment = time.monotonic()
    eventually(
        f"{calls} answers; failures: {running.failures[-3:]}",
        lambda: running.answered_after(moment) >= calls,
    )


def _all_is_as_it_was(server: Running, pids: dict[str, int]) -> None:
    assert server.instance_pids() == pids
    body = server.client("s3").get_object(Bucket=BUCKET, Key="kept/object")["Body"].read()
    assert body == b"still here"
    described = settled(server, "rc-project-a-echo-ep")
    assert described["EndpointStatus"] == "InService"
    assert described["ProductionVariants"][0]["CurrentInstanceCount"] == 2


@pytest.mark.parametrize("name", ["control", "s3"])
def test_a_process_that_serves_no_invocation_costs_none(
    server: Running, under_load: Load, name: str
) -> None:
    pids = server.instance_pids()
    server.kill(name)
    _goes_on(under_load)
    _all_is_as_it_was(server, pids)
    assert not under_load.failures


@pytest.mark.parametrize("name", ["control", "s3"])
def test_a_call_waits_for_what_is_started_again(server: Running, name: str) -> None:
    """In one attempt: what SDKs repeat is over before a process starts on a busy machine."""
    sagemaker, s3 = server.client("sagemaker"), server.client("s3")
    sagemaker.list_endpoints()
    s3.list_objects_v2(Bucket=BUCKET)
    pid = server.pid(name)
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    eventually("its end is noticed", lambda: not Path(f"/proc/{pid}").exists(), every_s=0.01)
    if name == "control":
        assert sagemaker.list_endpoints()["Endpoints"]
    else:
        s3.list_objects_v2(Bucket=BUCKET)
    eventually("it is ready again", lambda: server.status()["ready"])


def test_a_killed_zygote_takes_no_instance_along(server: Running, under_load: Load) -> None:
    pids = server.instance_pids()
    (zygote,) = [path.stem for path in (server.home / "run").glob("zygote-*.pid")][:1]
    server.kill(zygote)
    _goes_on(under_load)
    _all_is_as_it_was(server, pids)
    assert not under_load.failures


def test_a_killed_gateway_loses_what_it_had_in_flight_and_nothing_else(
    server: Running, under_load: Load
) -> None:
    pids = server.instance_pids()
    server.kill("gateway-0")
    _goes_on(under_load)
    _all_is_as_it_was(server, pids)
    assert len(under_load.failures) <= THREADS
    assert all(failure.connection_lost for failure in under_load.failures), under_load.failures


def test_a_killed_instance_is_replaced_and_costs_what_it_had_in_flight(
    server: Running, under_load: Load
) -> None:
    pids = server.instance_pids()
    victim, survivor = sorted(pids)
    os.kill(pids[victim], signal.SIGKILL)
    eventually("two instances serve", lambda: victim not in _serving(server) and _both(server))
    _goes_on(under_load)
    replaced = server.instance_pids()
    assert replaced[survivor] == pids[survivor]
    assert victim not in replaced
    _all_is_as_it_was(server, replaced)
    assert len(under_load.failures) <= THREADS
    assert all("ModelError" in failure.error for failure in under_load.failures)


def _serving(server: Running) -> list[str]:
    return [path.parent.parent.name for path in (server.home / "i").glob("*/s/w0.sock")]


def _both(server: Running) -> bool:
    client = server.client("sagemaker")
    described = client.describe_endpoint(EndpointName="rc-project-a-echo-ep")
    return bool(described["ProductionVariants"][0]["CurrentInstanceCount"] == 2)


def test_a_killed_supervisor_is_replaced_by_a_new_up_without_a_lost_call(
    server: Running, under_load: Load
) -> None:
    pids = server.instance_pids()
    os.kill(server.status()["pid"], signal.SIGKILL)
    _goes_on(under_load)
    server.up("--gateways", "2")
    _goes_on(under_load)
    _all_is_as_it_was(server, pids)
    assert not under_load.failures


def test_all_but_the_instances_are_killed_and_a_new_up_finds_them(server: Running) -> None:
    pids = server.instance_pids()
    os.kill(server.status()["pid"], signal.SIGKILL)
    for path in (server.home / "run").glob("*.pid"):
        if (process := identity.read(path)) is not None:
            process.signal(signal.SIGKILL)
    server.up("--gateways", "2")
    with load(server, "rc-project-a-echo-ep", BODY, BODY, THREADS) as after:
        _goes_on(after)
        assert not after.failures
    _all_is_as_it_was(server, pids)


def test_down_stops_the_instances_and_the_next_up_brings_the_endpoints_back(
    server: Running,
) -> None:
    pids = server.instance_pids()
    server.down()
    assert server.instance_pids() == {}
    server.up("--gateways", "2")
    eventually("both serve again", lambda: _both(server) and len(server.instance_pids()) == 2)
    assert not set(server.instance_pids().values()) & set(pids.values())
    with load(server, "rc-project-a-echo-ep", BODY, BODY, THREADS) as after:
        _goes_on(after)
        assert not after.failures
