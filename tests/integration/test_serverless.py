"""Serverless endpoints by boto3: asleep, woken by a call, throttled exactly, asleep again."""

import os
import signal
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

import given_metrics
from archives import script
from deploying import create_model, settled
from hostler.gateway.waking import ASK_AGAIN_S
from running import PREFIX, Running, eventually, hostler

IDLE_S = 2
CALLERS = 200
MOST = 120
SCRIPT = """
import os, socket, time

def model_fn(model_dir):
    while os.path.exists(f"{model_dir}/shut"):
        print("shut", flush=True)
        time.sleep(0.5)
    return model_dir

def transform_fn(model, data, content_type, accept):
    while "wait" in str(data) and not os.path.exists(f"{model}/open"):
        time.sleep(0.01)
    held = []
    while "grow" in str(data) and len(held) < 256:  # to four times what there is
        held.append(b"x" * 2**24)
        time.sleep(0.01)
    return socket.gethostname(), "text/plain"
"""


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    with tempfile.TemporaryDirectory(dir="/tmp", prefix="h-") as folder:
        config = Path(folder, "hostler.toml")
        config.write_text(f"[server]\ngateways = 2\n[serverless]\nidle_timeout_s = {IDLE_S}\n")
        with hostler("--config", str(config)) as running:
            yield running


def serverless(server: Running, name: str, model: str, **config: int) -> str:
    """A serverless endpoint of a model, in service."""
    client, endpoint = server.client("sagemaker"), f"{PREFIX}{name}-serverless"
    variant = {
        "VariantName": "AllTraffic",
        "ModelName": model,
        "ServerlessConfig": {"MemorySizeInMB": 1024, "MaxConcurrency": MOST, **config},
    }
    client.create_endpoint_config(EndpointConfigName=endpoint, ProductionVariants=[variant])
    client.create_endpoint(EndpointName=endpoint, EndpointConfigName=endpoint)
    described = settled(server, endpoint)
    assert described["EndpointStatus"] == "InService", (described, server.process_logs())
    return endpoint


@pytest.fixture(scope="module")
def endpoint(server: Running) -> str:
    return serverless(server, "naps", create_model(server, "naps", script(SCRIPT)))


def asleep(server: Running) -> None:
    eventually("nothing runs any more", lambda: not server.instance_pids())


def fresh(server: Running) -> Any:
    """A client with a connection of its own: the kernel gives it to either gateway."""
    exports = server.exports()
    return boto3.Session(
        exports["AWS_ACCESS_KEY_ID"],
        exports["AWS_SECRET_ACCESS_KEY"],
        region_name=exports["AWS_REGION"],
    ).client(
        "sagemaker-runtime",
        endpoint_url=exports["AWS_ENDPOINT_URL"],
        config=Config(retries={"total_max_attempts": 1}, read_timeout=70),
    )


def call(client: Any, endpoint: str, body: str = "go on") -> str:
    """Who answered, or the error's code."""
    try:
        answer = client.invoke_endpoint(EndpointName=endpoint, Body=body, ContentType="text/plain")
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return str(answer["Body"].read().decode())


def started(server: Running, endpoint: str) -> set[str]:
    """The environments that ever said anything."""
    streams = server.client("logs").describe_log_streams(
        logGroupName=f"/aws/sagemaker/Endpoints/{endpoint}"
    )["logStreams"]
    return {each["logStreamName"].split("/")[1] for each in streams}


def loads_long(server: Running, endpoint: str) -> bool:
    """Whether what loads has said so for three times as long as gateways ask once."""
    group = f"/aws/sagemaker/Endpoints/{endpoint}"
    events = server.client("logs").filter_log_events(logGroupName=group, filterPattern="shut")[
        "events"
    ]
    return bool(events) and (events[-1]["timestamp"] - events[0]["timestamp"] > 3000 * ASK_AGAIN_S)


def test_it_sleeps_wakes_for_a_call_and_sleeps_again(server: Running, endpoint: str) -> None:
    (variant,) = server.client("sagemaker").describe_endpoint(EndpointName=endpoint)[
        "ProductionVariants"
    ]
    config = {"MemorySizeInMB": 1024, "MaxConcurrency": MOST}
    assert variant["CurrentServerlessConfig"] == variant["DesiredServerlessConfig"] == config
    assert "CurrentInstanceCount" not in variant
    asleep(server)
    (shown,) = server.status()["endpoints"]
    assert (shown["status"], shown["variants"][0]["serverless"]) == ("InService", True)
    client = fresh(server)
    host = call(client, endpoint)
    assert host.startswith("i-")
    assert call(client, endpoint) == host
    asleep(server)
    assert call(client, endpoint) not in (host, "ModelNotReadyException")


def test_many_callers_at_once_make_one_start_and_the_limit_is_exact(
    server: Running, endpoint: str
) -> None:
    asleep(server)
    before = started(server, endpoint)
    clients = [fresh(server) for _ in range(CALLERS)]
    (code,) = (server.home / "models").glob("*/code")
    gate, load = code.with_name("open"), code.with_name("shut")
    gate.unlink(missing_ok=True)
    load.touch()
    barrier = threading.Barrier(CALLERS)

    def one(client: Any) -> str:
        barrier.wait(60)
        return call(client, endpoint, "wait")

    with ThreadPoolExecutor(CALLERS) as callers:
        calls = [callers.submit(one, client) for client in clients]
        eventually("the others are refused", lambda: sum(c.done() for c in calls) == CALLERS - MOST)
        eventually(
            "it loads for longer than a gateway asks again", lambda: loads_long(server, endpoint)
        )
        assert len(server.instance_pids()) == 1, "those that wait make no further start"
        load.unlink()
        gate.touch()
    found = Counter(each.result() for each in calls)
    assert found.pop("ThrottlingException") == CALLERS - MOST
    assert sum(found.values()) == MOST
    assert found.keys() <= started(server, endpoint) - before


def test_an_environment_that_outgrows_its_memory_says_so_and_the_endpoint_serves_on(
    server: Running, endpoint: str
) -> None:
    client = fresh(server)
    with pytest.raises(ClientError, match="ran out of memory") as failed:
        client.invoke_endpoint(EndpointName=endpoint, Body="grow", ContentType="text/plain")
    assert failed.value.response["Error"]["Code"] == "ModelError"
    assert "serverless.1024MB has 1 GiB" in str(failed.value)
    eventually("it serves", lambda: call(client, endpoint).startswith("i-"))


def test_what_sleeps_is_told_of_while_control_is_down(server: Running, endpoint: str) -> None:
    asleep(server)
    pid = server.pid("control")
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    assert call(fresh(server), endpoint).startswith("i-"), "it waits for the next control"


def test_provisioned_environments_stand_and_become_instances(
    server: Running, endpoint: str
) -> None:
    sagemaker = server.client("sagemaker")
    update = {"MaxConcurrency": 3, "ProvisionedConcurrency": 1}
    sagemaker.update_endpoint_weights_and_capacities(
        EndpointName=endpoint,
        DesiredWeightsAndCapacities=[
            {"VariantName": "AllTraffic", "ServerlessUpdateConfig": update}
        ],
    )
    described = settled(server, endpoint)
    (variant,) = described["ProductionVariants"]
    assert variant["CurrentServerlessConfig"] == {"MemorySizeInMB": 1024, **update}
    assert len(server.instance_pids()) == 1
    assert call(fresh(server), endpoint).startswith("i-")


def test_every_metric_of_a_serverless_endpoint_is_listed_with_its_unit(
    server: Running, endpoint: str
) -> None:
    (code,) = (server.home / "models").glob("*/code")
    gate = code.with_name("open")
    gate.unlink(missing_ok=True)
    clients = [fresh(server) for _ in range(2)]
    with ThreadPoolExecutor(len(clients)) as callers:
        calls = [callers.submit(call, client, endpoint, "wait") for client in clients]
        eventually("one spills over", lambda: len(server.instance_pids()) == 2)
        gate.touch()
    assert {each.result()[:2] for each in calls} == {"i-"}
    given_metrics.check(server, endpoint, given_metrics.CALLS, given_metrics.OF_SERVERLESS)
