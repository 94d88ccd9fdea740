"""Endpoints that nobody calls, on a running Hostler: announced, deleted, told of; others stay."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from archives import ECHO, script
from deploying import create_config, create_model, deploy
from running import ACCOUNT, PREFIX, Running, eventually, hostler

SETTINGS = """
[cleanup]
enabled = true
every = "1s"
older_than = "3s"
warn_before = "15s"
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    settings = tmp_path_factory.mktemp("settings") / "hostler.toml"
    settings.write_text(SETTINGS)
    with hostler("--config", str(settings)) as running:
        yield running


def deletions(server: Running, endpoint: str) -> list[dict[str, Any]] | None:
    """Who deleted an endpoint, as the audit log has it; None before it has anything."""
    lines = server.run("audit", "--resource", endpoint, "--json").stdout.splitlines()
    records = [json.loads(line) for line in lines]
    return [each for each in records if each["eventName"] == "DeleteEndpoint"] or None


def test_who_is_called_stays_and_who_is_not_goes_with_a_word_before(server: Running) -> None:
    quiet = deploy(server, "dev-quiet", script(ECHO))
    other = deploy(server, "other", script(ECHO))
    busy = deploy(server, "dev-busy", script(ECHO))
    client, runtime = server.client("sagemaker"), server.client("sagemaker-runtime")
    trail = server.client("cloudtrail")
    warnings = [{"AttributeKey": "EventName", "AttributeValue": "EndpointCleanupScheduled"}]

    def call() -> None:
        runtime.invoke_endpoint(EndpointName=busy, Body=b"[1]", ContentType="application/json")

    def announced() -> bool:
        call()
        return bool(trail.lookup_events(LookupAttributes=warnings)["Events"])

    def gone() -> bool:
        call()
        names = {each["EndpointName"] for each in client.list_endpoints()["Endpoints"]}
        return quiet not in names

    eventually("it is announced", announced, within_s=120, every_s=0.5)
    told = json.loads(server.run("cleanup", "--older-than", "1m", "--json").stdout)
    assert [each["endpoint"] for each in told["warnings"]] == [quiet]
    assert "not called for" in told["warnings"][0]["why"]
    eventually("the quiet endpoint is gone", gone, within_s=120, every_s=0.5)

    def cleared() -> bool:
        configs = client.list_endpoint_configs(NameContains="quiet")["EndpointConfigs"]
        models = client.list_models(NameContains="quiet")["Models"]
        return not configs and not models

    eventually("so are its config and its model", cleared)
    left = {each["EndpointName"] for each in client.list_endpoints()["Endpoints"]}
    assert left == {busy, other}

    (record,) = eventually("the audit log has it", lambda: deletions(server, quiet))
    assert record["userIdentity"] == {"type": "AWSService", "invokedBy": "cleanup.hostler"}
    assert "not called for" in record["additionalEventData"]["why"]


def test_what_is_not_known_for_long_enough_is_told_and_left(server: Running) -> None:
    done = server.run("cleanup", "--older-than", "1h")
    line = next(each for each in done.stdout.splitlines() if each.startswith(f"{PREFIX}other"))
    assert "kept" in line
    assert "0.056" in line
    assert "0 idle" in done.stdout
    asked = ("cleanup", "--aws", "--endpoint-url", server.url)
    assert "give one of them" in server.run(*asked, check=False).stderr


def test_the_command_deletes_what_nobody_calls_with_its_config_and_model(server: Running) -> None:
    """An agent's metrics say at once what the server's own would after some minutes of quiet."""
    idle = deploy(server, "stage-idle", script(ECHO))
    kept = create_config(server, "stage-kept", create_model(server, "stage-kept", script(ECHO)))
    cpu = {
        "MetricName": "CPUUtilization",
        "Dimensions": [
            {"Name": "EndpointName", "Value": idle},
            {"Name": "VariantName", "Value": "AllTraffic"},
        ],
        "Value": 0.0,
    }
    now = datetime.now(UTC)
    server.client("cloudwatch").put_metric_data(
        Namespace="/aws/sagemaker/Endpoints",
        MetricData=[{**cpu, "Timestamp": now + timedelta(minutes=each)} for each in (-2, 10)],
    )
    asked = ("cleanup", "--older-than", "1s", "--environment", "stage")
    assert "--apply deletes what is idle" in server.run(*asked).stdout
    done = server.run(*asked, "--apply")
    shown = next(each for each in done.stdout.splitlines() if each.startswith(idle))
    assert shown.split()[1:3] == ["idle", "0.056"]
    assert "1 idle, 0.056 USD an hour, 41 a month" in done.stdout
    assert done.stdout.endswith("1 deleted\n")
    assert f"endpoint {idle} is deleted: -stage- in its name, and not called for" in done.stderr
    assert (
        f"EndpointConfig {PREFIX}stage-idle-config is deleted: only {idle} used it" in done.stderr
    )
    assert f"Model {PREFIX}stage-idle-v1 is deleted: only {idle} used it" in done.stderr
    client, stage = server.client("sagemaker"), {"NameContains": "stage"}
    assert client.list_endpoints(**stage)["Endpoints"] == []
    configs = client.list_endpoint_configs(**stage)["EndpointConfigs"]
    assert [each["EndpointConfigName"] for each in configs] == [kept]
    models = client.list_models(**stage)["Models"]
    assert [each["ModelName"] for each in models] == [f"{PREFIX}stage-kept-v1"]
    (record,) = eventually("the audit log has it", lambda: deletions(server, idle))
    assert record["userIdentity"]["arn"] == f"arn:aws:iam::{ACCOUNT}:root"
    assert record["requestParameters"] == {"endpointName": idle}
