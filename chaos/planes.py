"""Faults of Hostler's own processes: gateways that are restarted, a control plane that is down."""

import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import boto3
from botocore.exceptions import ClientError

from chaos import verdict
from chaos.load import load, p99_ms, pause, summary
from chaos.verdict import Claim
from chaos.world import World
from deploying import settled


def restarted(world: World) -> Iterator[Claim]:
    """F12: restarts of the gateway under load, and requests that outlast many of them."""
    scale = world.scale
    endpoint = world.endpoint("restarted", count=2)
    slow = world.endpoint("slow", workers=scale.slow_requests)
    took = []
    with ThreadPoolExecutor(scale.slow_requests) as pool:
        with load(world.server, endpoint, per_second=scale.per_second) as calls:
            pause(1.0)
            requests = [
                pool.submit(world.invoke, slow, sleep=scale.slow_s)
                for _ in range(scale.slow_requests)
            ]
            pause(0.3)
            for _ in range(scale.restarts):
                began = time.monotonic()
                world.restart_gateway()
                took.append(time.monotonic() - began)
            pause(1.0)
        finished = [request.result()[0] for request in requests]
    yield verdict.count(
        f"none of {len(calls.all)} calls is dropped", calls.summary(), not calls.failed
    )
    yield verdict.count(
        f"requests of {scale.slow_s:.0f} s finish", finished, set(finished) == {200}
    )
    yield verdict.time(
        "and none waits for a start",
        f"p99 {p99_ms(calls.all):.0f} ms, {p99_ms(calls.all, 1.0):.0f} ms at most; a restart took "
        f"{max(took):.1f} s at most",
        p99_ms(calls.all, 1.0) < 1000 * min(took),
    )
    left = [pid for pid in world.tree() if _is_gateway(pid)]
    yield verdict.count("no old gateway is left", len(left), len(left) == 1)


def _is_gateway(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:  # noqa: PTH123 - /proc
            return b"hostler.gateway" in file.read()
    except OSError:
        return False


def without_control(world: World) -> Iterator[Claim]:
    """F13: the control plane hangs, and a gateway is started from what lies on the disk."""
    server, scale = world.server, world.scale
    endpoint = world.endpoint("uncontrolled", count=2)
    foreign = _of_another_project(world)
    for who in ("caller", "deployer"):
        server.exports(who)
    control = server.pid("control")
    assert control is not None
    with load(server, endpoint, per_second=scale.per_second) as calls:
        pause(0.5)
        os.kill(control, signal.SIGSTOP)
        try:
            pause(scale.without_control_s)
            allowed = world.invoke(endpoint, "caller")[0]
            denied = world.invoke(foreign, "caller")
            forged = _forged(world, endpoint)
            world.restart_gateway()
            again = world.invoke(endpoint, "caller")[0]
            still_denied = world.invoke(foreign, "caller")
            still_forged = _forged(world, endpoint)
        finally:
            os.kill(control, signal.SIGCONT)
        pause(0.5)
    yield verdict.count(f"none of {len(calls.all)} calls fails", calls.summary(), not calls.failed)
    yield verdict.count("who may, may", f"{allowed}, {again}", (allowed, again) == (200, 200))
    yield verdict.count(
        "who may not, may not",
        f"{denied[0]} {denied[1][:80]}, {still_denied[0]}",
        all("AccessDeniedException" in text for _, text in (denied, still_denied)),
    )
    yield verdict.count(
        "and a forged signature is refused",
        f"{forged}, {still_forged}",
        (forged, still_forged) == (403, 403),
    )
    with load(server, endpoint, per_second=scale.per_second) as calls:
        pause(0.5)
        os.kill(control, signal.SIGKILL)
        pause(scale.without_control_s / 4)
    yield verdict.count("nor when it is killed", summary(calls.failed), not calls.failed)


def _of_another_project(world: World) -> str:
    """An endpoint in service whose name the project's callers have no right to."""
    client, endpoint = world.server.client("sagemaker"), "another-projects-ep"
    config = client.describe_endpoint(EndpointName=world.endpoint("uncontrolled", count=2))
    client.create_endpoint(EndpointName=endpoint, EndpointConfigName=config["EndpointConfigName"])
    assert settled(world.server, endpoint)["EndpointStatus"] == "InService"
    assert world.invoke(endpoint)[0] == 200
    return endpoint


def _forged(world: World, endpoint: str) -> int:
    """The status of a call that is signed with another secret."""
    exports = world.server.exports()
    client = boto3.client(
        "sagemaker-runtime",
        aws_access_key_id=exports["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key="not the secret",
        region_name=exports["AWS_REGION"],
        endpoint_url=world.server.url,
    )
    try:
        client.invoke_endpoint(EndpointName=endpoint, Body=b"{}")
    except ClientError as error:
        status: int = error.response["ResponseMetadata"]["HTTPStatusCode"]
        return status
    return 200
