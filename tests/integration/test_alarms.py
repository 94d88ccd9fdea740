"""Alarms of a running Hostler: from a metric to an endpoint, a file and a command, over a kill."""

import asyncio
import json
import os
import signal
import threading
import time
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from running import ACCOUNT, REGION, Running, eventually, hostler
from told_server import Told, told


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the command writes."""
    return tmp_path_factory.mktemp("alarms") / "kept"


@pytest.fixture(scope="module")
def server(kept: Path) -> Iterator[Running]:
    file = kept.with_name("hostler.toml")
    run = json.dumps(["/bin/sh", "-c", f"cat >> {kept}; echo >> {kept}"])
    file.write_text(f"[alarms.commands.keep]\nrun = {run}\n")
    with hostler("--config", str(file), bootstrap=False) as running:
        yield running


@pytest.fixture
def endpoint() -> Iterator[Told]:
    """Somebody's HTTP server, in a thread."""
    made: list[Told] = []
    ready, loop = threading.Event(), asyncio.new_event_loop()
    end = asyncio.Event()

    async def serve() -> None:
        async with told() as kept:
            made.append(kept)
            ready.set()
            await end.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    assert ready.wait(10)
    yield made[0]
    loop.call_soon_threadsafe(end.set)
    thread.join(10)
    loop.close()


def documents(endpoint: Told, kind: str) -> list[dict[str, Any]]:
    found = [json.loads(body) for _, body in endpoint.requests]
    return [each for each in found if each["Type"] == kind]


def states(endpoint: Told) -> list[str]:
    """What the endpoint was told of the alarm, in order."""
    told_it = documents(endpoint, "Notification")
    return [json.loads(each["Message"])["NewStateValue"] for each in told_it]


def test_an_alarm_tells_everybody_also_when_control_is_killed(
    server: Running, endpoint: Told, kept: Path
) -> None:
    sns, cloudwatch = server.client("sns"), server.client("cloudwatch")
    topic = sns.create_topic(Name="ops")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="file", Endpoint="ops.jsonl")
    sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=endpoint.url)
    asked = eventually(
        "it is asked", lambda: documents(endpoint, "SubscriptionConfirmation") or None
    )
    with urllib.request.urlopen(asked[0]["SubscribeURL"], timeout=20) as answer:
        assert b"<SubscriptionArn>" in answer.read()
    command = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:keep"
    metric = {"MetricName": "Errors", "Value": 9.0, "StorageResolution": 1}
    at = datetime.fromtimestamp(time.time() - 12, UTC)
    cloudwatch.put_metric_data(Namespace="Shop", MetricData=[{**metric, "Timestamp": at}])
    cloudwatch.put_metric_alarm(
        AlarmName="errors",
        Namespace="Shop",
        MetricName="Errors",
        Statistic="Sum",
        Period=10,
        EvaluationPeriods=1,
        Threshold=1.0,
        ComparisonOperator="GreaterThanThreshold",
        TreatMissingData="ignore",
        AlarmActions=[topic, command],
        OKActions=[topic],
    )
    eventually("it goes off", lambda: states(endpoint) == ["ALARM"])
    notification = json.loads(documents(endpoint, "Notification")[0]["Message"])
    assert notification["Trigger"]["MetricName"] == "Errors"
    line = eventually("the command ran", lambda: kept.read_text() if kept.exists() else None)
    assert json.loads(line.splitlines()[0]) == notification
    assert "errors" in server.run("alarms", "list").stdout
    assert "Sum of Shop Errors over 10 s" in server.run("alarms", "explain", "errors").stdout

    cloudwatch.set_alarm_state(AlarmName="errors", StateValue="OK", StateReason="a test")
    pid = server.pid("control")
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    eventually("another is there", lambda: server.pid("control") not in (None, pid))
    eventually("nothing is lost", lambda: "OK" in states(endpoint))
    assert states(endpoint)[0] == "ALARM"
    lines = (server.home / "notifications" / "ops.jsonl").read_text().splitlines()
    assert json.loads(lines[0])["Subject"] == f'ALARM: "errors" in {notification["Region"]}'
    happened = cloudwatch.describe_alarm_history(AlarmName="errors")["AlarmHistoryItems"]
    summaries = [each["HistorySummary"] for each in happened]
    assert "Alarm updated from ALARM to OK" in summaries
    assert f"Successfully executed action {command}" in summaries
