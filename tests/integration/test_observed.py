"""What is seen of a model that prints a lot: its log, its metrics, the page of Prometheus."""

import json
import subprocess
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import given_metrics
import prometheus_page
from archives import HANDLERS, script
from deploying import deploy
from running import ACCOUNT, PREFIX, REGION, Running, eventually, hostler

pytestmark = pytest.mark.xdist_group("observed")

AWS_V2 = Path(__file__).parents[2] / ".cache/clients/cli2/bin/aws"
NOISY_EP = f"{PREFIX}noisy-ep"
GROUP = f"/aws/sagemaker/Endpoints/{NOISY_EP}"
LINES = 150_000
CALLS = 20
NOISY = f"""
import threading
{HANDLERS}
def model_fn(model_dir):
    def talk():
        for _ in range({LINES}):
            print("x" * 199)
    threading.Thread(target=talk).start()
    return "noisy"
"""
WHO = {"account": ACCOUNT, "region": REGION, "endpoint": NOISY_EP, "variant": "AllTraffic"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    settings = tmp_path_factory.mktemp("settings") / "hostler.toml"
    settings.write_text("[logs]\ninstance_kilobytes_per_s = 64\n")
    with hostler("--config", str(settings)) as running:
        deploy(running, "noisy", script(NOISY))
        runtime = running.client("sagemaker-runtime")
        for number in range(CALLS):
            answer = runtime.invoke_endpoint(
                EndpointName=NOISY_EP, Body=f"[{number}]", ContentType="application/json"
            )
            assert json.loads(answer["Body"].read()) == [number]
        yield running


def found(server: Running, pattern: str) -> list[str]:
    logs = server.client("logs")
    pages = logs.get_paginator("filter_log_events").paginate(
        logGroupName=GROUP, filterPattern=pattern
    )
    return [event["message"] for page in pages for event in page["events"]]


def page(server: Running) -> prometheus_page.Page:
    with urllib.request.urlopen(f"{server.url}/metrics") as answer:
        return prometheus_page.read(answer.read().decode())


def test_a_noisy_model_answers_and_its_log_says_what_was_left_out(server: Running) -> None:
    lines = eventually(
        "it is said",
        lambda: found(server, r'%[0-9]+\.[0-9] MB of output% "left out of this log"') or None,
    )
    assert "more than 64 KB a second (instance_kilobytes_per_s below [logs]" in lines[0]
    (spool,) = (server.home / "i").glob("*/spool")
    assert sum(path.stat().st_size for path in spool.iterdir()) < 9 << 20
    (group,) = server.client("logs").describe_log_groups()["logGroups"]
    assert group["storedBytes"] < LINES * 200 / 4


def test_prometheus_reads_what_happened(server: Running) -> None:
    def counted() -> prometheus_page.Page | None:
        read = page(server)
        calls, reached = (
            list(read.values(name).values())
            for name in ("hostler_invocations_total", "hostler_gateway_instances_reachable")
        )
        return read if (calls, reached) == ([CALLS], [1]) else None

    read = eventually("all calls are counted", counted)
    latency = "hostler_model_latency_seconds"
    assert read.value(f"{latency}_count", **WHO) == CALLS
    assert read.value(f"{latency}_bucket", **WHO, le="+Inf") == CALLS
    assert read.value("hostler_instances", **WHO) == 1
    assert read.value("hostler_gateway_requests_in_flight", gateway="0") <= 1  # this one


def test_a_bucket_called_metrics_is_a_bucket(server: Running) -> None:
    s3 = server.client("s3")
    s3.create_bucket(Bucket="metrics", CreateBucketConfiguration={"LocationConstraint": REGION})
    assert s3.list_objects_v2(Bucket="metrics")["KeyCount"] == 0


def test_aws_logs_tail_follows(server: Running) -> None:
    words = ["logs", "tail", GROUP, "--follow", "--since", "1h", "--filter-pattern", '"left out"']
    with subprocess.Popen(
        [str(AWS_V2), *words], env=server.environment(), stdout=subprocess.PIPE, text=True
    ) as following:
        assert following.stdout is not None
        assert "were left out of this log" in following.stdout.readline()
        assert following.poll() is None
        following.terminate()


def test_what_the_instance_uses_is_a_metric(server: Running) -> None:
    server.kill("control")  # the next one looks at once, and again five seconds later

    def percents(name: str) -> list[float]:
        dimensions = [
            {"Name": "EndpointName", "Value": NOISY_EP},
            {"Name": "VariantName", "Value": "AllTraffic"},
        ]
        now = datetime.now(UTC)
        answer = server.client("cloudwatch").get_metric_statistics(
            Namespace="/aws/sagemaker/Endpoints",
            MetricName=name,
            Dimensions=dimensions,
            StartTime=now - timedelta(minutes=5),
            EndTime=now + timedelta(minutes=1),
            Period=60,
            Statistics=["Average"],
        )
        return [point["Average"] for point in answer["Datapoints"]]

    assert eventually("time is a metric", lambda: percents("CPUUtilization") or None)[0] >= 0
    assert 0 < percents("MemoryUtilization")[0] < 100
    assert 0 < percents("DiskUtilization")[0] <= 100
    (shown,) = page(server).values("hostler_instance_memory_utilization_percent").values()
    assert 0 < shown < 100


def test_every_metric_that_an_endpoint_gives_is_listed_with_its_unit(server: Running) -> None:
    for namespace, units in (
        (given_metrics.CALLS, given_metrics.OF_INSTANCES),
        (given_metrics.INSTANCES, given_metrics.OF_USE),
    ):
        given_metrics.check(server, NOISY_EP, namespace, units)
