"""Deployments by their guardrails, under 200 calls a second: good ones lose no call."""

import contextlib
import json
import random
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError
from chaos import bad_versions, updates
from chaos.__main__ import Fault
from chaos.scale import SHORT
from chaos.verdict import Kind
from chaos.versions import blue_green, percent
from chaos.world import World

from archives import script
from deploying import create_config, create_model, settled
from load import Load, Outcome, paced
from running import PREFIX, Running, eventually, hostler

ENDPOINT = f"{PREFIX}guarded-ep"
BODY = {"features": [1, 2, 3]}
SAYS = """
def model_fn(model_dir):
    return {version!r}

def predict_fn(data, model):
    {act}
    return [model]
"""
VERSIONS = {"one": "pass", "two": "pass", "failing": "raise ValueError('bad')"}
VERSIONS["crashing"] = "import os; os._exit(3)"
HALF = percent(50)


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    with hostler("--gateways", "2") as running:
        for version, act in VERSIONS.items():
            content = script(SAYS.format(version=version, act=act))
            create_config(running, version, create_model(running, version, content), 2)
        client = running.client("sagemaker")
        client.create_endpoint(EndpointName=ENDPOINT, EndpointConfigName=f"{PREFIX}one-config")
        assert settled(running, ENDPOINT)["EndpointStatus"] == "InService"
        yield running


def update(server: Running, version: str, config: dict[str, Any]) -> None:
    server.client("sagemaker").update_endpoint(
        EndpointName=ENDPOINT,
        EndpointConfigName=f"{PREFIX}{version}-config",
        DeploymentConfig=config,
    )


def began_after(running: Load, moment: float, calls: int) -> list[Outcome]:
    """Calls that began after a moment, once there are so many."""
    found: list[Outcome] = []

    def look() -> bool:
        found[:] = [each for each in list(running.outcomes) if each.began > moment]
        return len(found) >= calls

    eventually("more calls", look)
    return found


def baking(server: Running) -> dict[str, Any] | None:
    """The summary of what is coming, while it bakes."""
    described = server.client("sagemaker").describe_endpoint(EndpointName=ENDPOINT)
    coming = described.get("PendingDeploymentSummary", {}).get("ProductionVariants", [{}])[0]
    states = [each["Status"] for each in coming.get("VariantStatus", [])]
    return coming if "Baking" in states else None


def counted(server: Running, config: str) -> tuple[float, float] | None:
    """CloudWatch's calls, and failed calls, of the endpoint's deployment by a config, if any."""
    dimensions = {
        "EndpointName": ENDPOINT,
        "VariantName": "AllTraffic",
        "EndpointConfigName": config,
    }
    given = [{"Name": name, "Value": value} for name, value in dimensions.items()]
    now = datetime.now(UTC)
    answer = server.client("cloudwatch").get_metric_data(
        MetricDataQueries=[
            {
                "Id": name.lower(),
                "MetricStat": {
                    "Metric": {
                        "Namespace": "AWS/SageMaker",
                        "MetricName": name,
                        "Dimensions": given,
                    },
                    "Period": 60,
                    "Stat": "Sum",
                },
            }
            for name in ("Invocations", "Invocation5XXErrors")
        ],
        StartTime=now - timedelta(minutes=5),
        EndTime=now + timedelta(minutes=1),
    )
    calls, errors = (sum(each["Values"]) for each in answer["MetricDataResults"])
    return (calls, errors) if calls else None


@contextlib.contextmanager
def followed(server: Running, told: Path, *words: str) -> Iterator["subprocess.Popen[bytes]"]:
    """`hostler rollout -f` beside what the block does, once it has told of both deployments."""
    line = [sys.executable, "-m", "hostler.cli.main", "rollout", ENDPOINT, "-f", *words]
    line += ["--data-dir", str(server.home)]
    with told.open("wb") as out, subprocess.Popen(line, stdout=out) as process:
        try:
            eventually("it is followed", lambda: "\ngreen " in told.read_text())
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize(
    "fault", [updates.updated, bad_versions.taken_back], ids=["good versions", "bad versions"]
)
def test_updates_of_every_kind_leave_standing_what_they_must(server: Running, fault: Fault) -> None:
    """``make chaos ONLY=U1,U2`` in short form: a slow version and one that never starts."""
    claims = [
        each for each in fault(World(server, random.Random(7), SHORT)) if each.kind is Kind.COUNT
    ]
    wrong = [f"{claim.says}: {claim.seen}" for claim in claims if not claim.holds]
    assert claims
    assert not wrong, server.process_logs()


def test_a_version_that_fails_is_taken_back_when_the_alarm_says_so(
    server: Running, tmp_path: Path
) -> None:
    """Of the calls half go to the canary, and to the old version alone ten seconds after ALARM."""
    cloudwatch = server.client("cloudwatch")
    cloudwatch.put_metric_alarm(
        AlarmName="guard",
        MetricName="Invocation5XXErrors",
        Namespace="AWS/SageMaker",
        Dimensions=[{"Name": "EndpointName", "Value": "none"}],
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1.0,
        ComparisonOperator="GreaterThanThreshold",
        TreatMissingData="ignore",  # the state that is set stays
    )
    before = server.client("sagemaker").describe_endpoint(EndpointName=ENDPOINT)
    watched = {"AutoRollbackConfiguration": {"Alarms": [{"AlarmName": "guard"}]}}
    with paced(server, ENDPOINT, BODY, None, per_second=200) as running:
        update(server, "failing", blue_green("CANARY", 600, CanarySize=HALF) | watched)
        coming = eventually("it bakes", lambda: baking(server), 60.0)
        assert coming["CurrentWeight"] == 0.5
        during = began_after(running, time.monotonic(), 200)
        failed = sum(1 for each in during if each.error) / len(during)
        assert 0.3 < failed < 0.7, "the canary's share"
        told = json.loads(server.run("rollout", ENDPOINT, "--json").stdout)
        assert [each["Side"] for each in told["Fleets"]] == ["blue", "green"]
        assert [each["Weight"] for each in told["Fleets"]] == [0.5, 0.5]
        assert told["Steps"][0]["Message"].startswith("Step 1 of 2, 0.5 of the traffic, until")
        assert told["Alarms"]["guard"] != "ALARM"
        new, old = (
            eventually(f"{config} is counted", lambda config=config: counted(server, config))
            for config in (f"{PREFIX}failing-config", before["EndpointConfigName"])
        )
        assert (new[1], old[1]) == (new[0], 0.0), "only the new one fails, at every call"
        following, svg = tmp_path / "told.txt", tmp_path / "traffic.svg"
        with followed(server, following, "--svg", str(svg)) as process:
            alarm = time.monotonic()
            cloudwatch.set_alarm_state(
                AlarmName="guard",
                StateValue="ALARM",
                StateReason="test",
                StateReasonData='{"recentDatapoints": [5.0], "threshold": 1.0}',
            )
            described = settled(server, ENDPOINT)
            assert process.wait(60) == 0
        assert described["EndpointStatus"] == "InService"
        assert 'the alarm "guard" is in ALARM' in described["FailureReason"]
        assert described["EndpointConfigName"] == before["EndpointConfigName"]
        _judge_followed(following.read_text())
        assert "guard</text>" in svg.read_text()
        _judge_history(server, described)
        after = began_after(running, time.monotonic(), 40)
        assert not [each for each in after if each.error]
    bad = [each.began - alarm for each in running.failures]
    assert max(bad) < 10


def _judge_followed(told: str) -> None:
    """What `hostler rollout -f` has said: both sides while they served, and then the end."""
    assert "Baking: Step 1 of 2, 0.5 of the traffic" in told
    head = r"CONFIG +VARIANT +WEIGHT +INSTANCES +CALLS +4XX +5XX +P99"
    blue = r"blue +\S+ +AllTraffic +0\.5 +2 of 2 +[1-9]\d* +0 +0 +[\d.]+ ms"
    green = r"green +\S+failing-config +AllTraffic +0\.5 +2 of 2 +[1-9]\d* +0 +\d+ \(100\.0%\)"
    assert re.search(f"{head}\n{blue}\n{green}", told), told
    assert 'alarm "guard" is in ALARM' in told
    assert re.search(r'Alarm "guard", in ALARM since [0-9:]{8}: 5 > 1\. test', told), told
    assert told.index("Baking: Step 1") < told.index("in ALARM since")


def _judge_history(server: Running, described: dict[str, Any]) -> None:
    """What is told of the update that was taken back, and that those before it are known."""
    update = json.loads(server.run("rollout", ENDPOINT, "--json").stdout)["Update"]
    assert (update["Outcome"], update["FailureReason"]) == (
        "RolledBack",
        described["FailureReason"],
    )
    assert [each["Stage"] for each in update["Events"]] == [
        *("Provisioning", "Switching", "Baking", "RollingBack", "RolledBack"),
    ]
    baking = update["Events"][2]
    assert baking["Blue"] == baking["Green"] == {"Share": 0.5, "Instances": 2}
    blue, green = update["Sides"]
    assert (blue["Side"], blue["Errors5XX"], green["Side"]) == ("blue", 0.0, "green")
    assert green["Errors5XX"] == green["Calls"] > 0
    known = json.loads(server.run("rollout", ENDPOINT, "--list", "--json").stdout)["Updates"]
    assert [each["Number"] for each in known] == list(range(update["Number"], 0, -1))
    assert {each["Outcome"] for each in known[1:]} == {"Completed"}


def test_a_version_that_crashes_on_its_calls_is_taken_back(server: Running) -> None:
    before = server.client("sagemaker").describe_endpoint(EndpointName=ENDPOINT)
    runtime = server.client("sagemaker-runtime", read_timeout=2, retries={"total_max_attempts": 1})
    update(server, "crashing", blue_green("CANARY", 600, CanarySize=HALF))

    def called() -> dict[str, Any] | None:
        with contextlib.suppress(BotoCoreError, ClientError):
            runtime.invoke_endpoint(EndpointName=ENDPOINT, Body=b"{}")
        described = server.client("sagemaker").describe_endpoint(EndpointName=ENDPOINT)
        return described if described["EndpointStatus"] != "Updating" else None

    described = eventually("it is taken back", called, 90.0)
    assert described["EndpointStatus"] == "InService"
    assert "did not pass the ping health check" in described["FailureReason"]
    assert described["EndpointConfigName"] == before["EndpointConfigName"]
    answer = runtime.invoke_endpoint(EndpointName=ENDPOINT, Body=b"{}")
    assert answer["Body"].read() == b'["one"]'
