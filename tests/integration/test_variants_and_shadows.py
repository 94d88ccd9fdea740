"""What docs/how-to say of A/B tests, shadows and careful deployments, done as they say."""

import json
import os
import subprocess
import sys
import urllib.request
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

import pages
import prometheus_page
from archives import ECHO, script
from aws_cli import CLIENTS, aws, failed
from deploying import create_config, create_model, put, settled
from load import paced
from running import GENERIC_IMAGE, PREFIX, ROLE, Running, eventually, hostler

SCORES = """
import json

def model_fn(model_dir):
    print("a scorer is loaded", flush=True)
    return {score}

def input_fn(data, content_type):
    return json.loads(data)

def predict_fn(data, model):
    return [model * each for each in data]

def output_fn(prediction, accept):
    return json.dumps(prediction), "application/json"
"""
AB, SHADOW, IRIS = (f"{PREFIX}{name}-ep" for name in ("ab", "shadow", "iris"))
CLI_2 = CLIENTS.parents[1] / "cli2/bin/aws"


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    with hostler("--gateways", "2") as running:
        for name, score in (("champion", 1.0), ("challenger", 1.005)):
            create_model(running, name, script(SCORES.format(score=score)))
        create_config(running, "iris", create_model(running, "iris", script(ECHO)))
        yield running


def run_page(server: Running, page: str) -> str:
    """What the page's Python blocks print, run as one program."""
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(pages.code(page, "python"))],
        env=server.environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr + server.process_logs()
    return done.stdout


def call(server: Running, endpoint: str, body: Any, **more: Any) -> tuple[str, Any]:
    answer = server.client("sagemaker-runtime").invoke_endpoint(
        EndpointName=endpoint, ContentType="application/json", Body=json.dumps(body), **more
    )
    return answer["InvokedProductionVariant"], json.loads(answer["Body"].read())


def invocations(server: Running, variant: str) -> float:
    """How many CloudWatch knows of, in these minutes."""
    now = datetime.now(UTC)
    found = server.client("cloudwatch").get_metric_statistics(
        Namespace="AWS/SageMaker",
        MetricName="Invocations",
        Dimensions=[
            {"Name": "EndpointName", "Value": SHADOW},
            {"Name": "VariantName", "Value": variant},
        ],
        StartTime=now - timedelta(minutes=10),
        EndTime=now + timedelta(minutes=1),
        Period=60,
        Statistics=["Sum"],
    )
    return sum(point["Sum"] for point in found["Datapoints"])


def prometheus(server: Running) -> prometheus_page.Page:
    with urllib.request.urlopen(f"{server.url}/metrics") as answer:
        return prometheus_page.read(answer.read().decode())


def report(server: Running) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(
        server.run("shadow", "report", SHADOW, "--json", "--since", "10m").stdout
    )
    return told


def test_the_page_on_ab_tests(server: Running, tmp_path: Path) -> None:
    first, stuck = run_page(server, "ab-test").splitlines()
    assert first.split()[1] == "challenger"
    assert stuck in ("{'champion'}", "{'challenger'}")
    (command,) = pages.code("ab-test", "bash")
    failed(aws(server, tmp_path, {"weights": command.removeprefix("aws ")}))
    described = settled(server, AB)
    assert [
        (v["VariantName"], v["CurrentWeight"], v["CurrentInstanceCount"])
        for v in described["ProductionVariants"]
    ] == [("champion", 1.0, 1), ("challenger", 1.0, 2)]
    users = [f"user={number}" for number in range(100)]
    served = {user: call(server, AB, [1], CustomAttributes=user)[0] for user in users}
    assert {user: call(server, AB, [1], CustomAttributes=user)[0] for user in users} == served
    assert 20 < Counter(served.values())["champion"] < 80, "50 ± 6 standard deviations"


def _compared(told: dict[str, Any]) -> int:
    return int(told["close"] + told["equal"] + told["uncompared"])


def test_the_page_on_shadows(server: Running) -> None:
    run_page(server, "shadow")
    described = settled(server, SHADOW)
    (shadow,) = described["ShadowProductionVariants"]
    assert (shadow["VariantName"], shadow["CurrentInstanceCount"]) == ("challenger", 1)
    for _ in range(20):
        assert call(server, SHADOW, [1.0, 2.0]) == ("champion", [1.0, 2.0])
    (shown,) = [each for each in server.status()["endpoints"] if each["name"] == SHADOW]
    assert [(v["name"], v["shadow"], v["instances"]) for v in shown["variants"]] == [
        ("champion", False, 1),
        ("challenger", True, 1),
    ]
    pids = server.instance_pids().values()
    niceness = sorted(os.getpriority(os.PRIO_PROCESS, pid) for pid in pids)
    assert niceness[-1] == min(19, niceness[0] + 10), "the shadow's stands back"
    with pytest.raises(ClientError, match="Variant challenger not found"):
        call(server, SHADOW, [1], TargetVariant="challenger")
    assert call(server, SHADOW, [1e-300]) == ("champion", [1e-300])
    eventually("the shadow's numbers", lambda: invocations(server, "challenger") >= 21)
    # Whichever answer comes last is what they are compared at: perhaps in the second after.
    eventually("all are compared", lambda: _compared(report(server)) >= 21)
    told = report(server)
    assert (told["copied"], told["dropped"], told["production"]["invocations"]) == (21, {}, 21)
    assert _compared(told) == 21
    assert told["agreement"] == 1.0
    streams = server.client("logs").describe_log_streams(
        logGroupName=f"/aws/sagemaker/Endpoints/{SHADOW}"
    )["logStreams"]
    assert {each["logStreamName"].split("/")[0] for each in streams} == {"champion", "challenger"}

    copied = prometheus(server).values("hostler_shadow_copied_total")
    assert list(copied.values()) == [21]
    compared = prometheus(server).values("hostler_shadow_answers_total")
    assert sum(compared.values()) == 21
    shown, _example = (block for block in pages.code("shadow", "") if "shadow-ep" in block)
    assert "copied to the shadow: 21 (100.0% of 21)" in server.run(*shown.split()[1:]).stdout


def test_the_share_of_a_shadow_is_changed_by_the_cli_and_answers_go_on(server: Running) -> None:
    (command,) = pages.code("shadow", "bash")
    with paced(server, SHADOW, [1.0], [1.0], per_second=100) as running:
        words = [str(CLI_2), *command.split()[1:]]
        subprocess.run(words, env=server.environment(), check=True, capture_output=True)
        described = settled(server, SHADOW)
        (shadow,) = described["ShadowProductionVariants"]
        assert shadow["CurrentWeight"] == 0.5
        sent = len(running.outcomes)
        eventually("calls after the change", lambda: len(running.outcomes) > sent + 200)
    assert not running.failures, running.failures[:3]
    expected = 21 + len(running.outcomes)
    eventually("all are counted", lambda: invocations(server, "champion") >= expected)
    assert 21 < invocations(server, "challenger") < expected


def test_a_shadow_that_is_updated_away_is_gone(server: Running) -> None:
    client = server.client("sagemaker")
    config = client.describe_endpoint_config(EndpointConfigName=f"{PREFIX}shadow-config")
    client.create_endpoint_config(
        EndpointConfigName=f"{PREFIX}unshadowed-config",
        ProductionVariants=config["ProductionVariants"],
    )
    client.update_endpoint(EndpointName=SHADOW, EndpointConfigName=f"{PREFIX}unshadowed-config")
    described = settled(server, SHADOW)
    assert described["EndpointStatus"] == "InService"
    assert "ShadowProductionVariants" not in described
    assert call(server, SHADOW, [3]) == ("champion", [3.0])
    done = server.run("shadow", "report", SHADOW, check=False)
    assert done.returncode == 1
    assert "has no shadow variant" in done.stderr


def test_the_page_on_careful_deployments(server: Running, tmp_path: Path) -> None:
    client = server.client("sagemaker")
    client.create_model(
        ModelName=f"{PREFIX}iris-v2",
        PrimaryContainer={
            "Image": GENERIC_IMAGE,
            "ModelDataUrl": put(server, "iris-2", script(ECHO)),
        },
        ExecutionRoleArn=ROLE,
    )
    old, new = f"{PREFIX}iris-config", f"{PREFIX}iris-v2-config"
    client.create_endpoint(EndpointName=IRIS, EndpointConfigName=old)
    assert settled(server, IRIS)["EndpointStatus"] == "InService"
    said = run_page(server, "blue-green").splitlines()
    assert said == [f"{config} went well" for config in (new, old, new)]
    (command,) = pages.code("blue-green", "bash")
    failed(aws(server, tmp_path, {"again": command.removeprefix("aws ")}))
    described = settled(server, IRIS)
    assert (described["EndpointConfigName"], "FailureReason" in described) == (old, False)
    assert "RollingUpdatePolicy" in described["LastDeploymentConfig"]
    watched, told = (block.splitlines()[0] for block in pages.code("blue-green", ""))
    assert IRIS in server.run(*watched.split()[1:]).stdout
    assert "in place of" in server.run(*told.split()[1:]).stdout
