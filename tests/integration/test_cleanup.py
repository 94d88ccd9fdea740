"""Endpoints that nobody calls, on a running Hostler: announced, deleted, told of; others stay."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from archives import ECHO, script
from deploying import deploy
from running import PREFIX, Running, eventually, hostler

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

    def deleted() -> list[dict[str, Any]]:
        lines = server.run("audit", "--resource", quiet, "--json").stdout.splitlines()
        records = [json.loads(line) for line in lines]
        return [each for each in records if each["eventName"] == "DeleteEndpoint"]

    (record,) = eventually("the audit log has it", deleted)
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
