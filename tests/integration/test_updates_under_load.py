"""Changes of what serves, under 200 calls a second: none of them may fail."""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from archives import ECHO, script
from deploying import create_config, create_model, settled
from load import Load, paced
from running import PREFIX, Running, eventually, hostler

ENDPOINT = f"{PREFIX}echo-ep"
BODY = {"features": [1, 2, 3]}


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    with hostler("--gateways", "2") as running:
        model = create_model(running, "echo", script(ECHO))
        create_config(running, "one", model)
        variants = [
            {
                "VariantName": name,
                "ModelName": model,
                "InstanceType": "ml.t2.medium",
                "InitialInstanceCount": 1,
                "InitialVariantWeight": 1.0,
            }
            for name in ("a", "b")
        ]
        client = running.client("sagemaker")
        client.create_endpoint_config(
            EndpointConfigName=f"{PREFIX}two-config", ProductionVariants=variants
        )
        client.create_endpoint(EndpointName=ENDPOINT, EndpointConfigName=f"{PREFIX}one-config")
        assert settled(running, ENDPOINT)["EndpointStatus"] == "InService"
        yield running


def changed(server: Running, running: Load, operation: str, **params: Any) -> dict[str, Any]:
    """Ask for a change, wait for its end and a little longer; what is described then."""
    getattr(server.client("sagemaker"), operation)(EndpointName=ENDPOINT, **params)
    described = settled(server, ENDPOINT)
    assert described["EndpointStatus"] == "InService", (described, server.process_logs())
    assert "FailureReason" not in described
    moment = time.monotonic()
    eventually("calls after the change", lambda: running.answered_after(moment) >= 40)
    assert not running.failures, (operation, params, running.failures[:3])
    return described


def sizes(described: dict[str, Any]) -> list[tuple[Any, ...]]:
    return [
        (
            variant["VariantName"],
            variant["CurrentWeight"],
            variant["DesiredWeight"],
            variant["CurrentInstanceCount"],
            variant["DesiredInstanceCount"],
        )
        for variant in described["ProductionVariants"]
    ]


def test_no_call_fails_while_configs_weights_and_counts_change(server: Running) -> None:
    capacities = "update_endpoint_weights_and_capacities"
    with paced(server, ENDPOINT, BODY, BODY, per_second=200) as running:
        eventually("calls are answered", lambda: running.answered_after(0.0) >= 40)
        wish = {"VariantName": "AllTraffic", "DesiredInstanceCount": 3}
        up = changed(server, running, capacities, DesiredWeightsAndCapacities=[wish])
        assert sizes(up) == [("AllTraffic", 1.0, 1.0, 3, 3)]
        assert len(server.instance_pids()) == 3

        changed(server, running, "update_endpoint", EndpointConfigName=f"{PREFIX}two-config")
        wishes = [
            {"VariantName": "a", "DesiredWeight": 0.0},
            {"VariantName": "b", "DesiredWeight": 2.5, "DesiredInstanceCount": 2},
        ]
        before = set(server.instance_pids())
        turned = changed(server, running, capacities, DesiredWeightsAndCapacities=wishes)
        assert sizes(turned) == [("a", 0.0, 0.0, 1, 1), ("b", 2.5, 2.5, 2, 2)]
        assert before < set(server.instance_pids()), "no instance was replaced"
        since = time.monotonic()
        eventually("more calls", lambda: running.answered_after(since) >= 40)
        variants = {each.variant for each in list(running.outcomes) if each.began > since}
        assert variants == {"b"}

        wish = {"VariantName": "b", "DesiredInstanceCount": 1}
        down = changed(server, running, capacities, DesiredWeightsAndCapacities=[wish])
        assert sizes(down) == [("a", 0.0, 0.0, 1, 1), ("b", 2.5, 2.5, 1, 1)]
        changed(server, running, "update_endpoint", EndpointConfigName=f"{PREFIX}one-config")
    assert not running.failures, running.failures[:3]
