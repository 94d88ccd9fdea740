"""Versions of a model that say which they are, good ones and bad ones, and policies of updates."""

from enum import StrEnum
from typing import Any

from archives import script
from chaos.world import World
from deploying import create_config, create_model, settled
from running import PREFIX

MODEL = """
import os, time

VERSION, FLAW = os.environ["MODEL_VERSION"], os.environ.get("MODEL_FLAW")

def model_fn(model_dir):
    if FLAW == "hangs":
        time.sleep(3600)
    if FLAW == "cannot load":
        raise ValueError("a version that cannot be loaded")

def transform_fn(model, data, content_type, accept):
    if FLAW == "5xx":
        raise ValueError("a bad version")
    if FLAW == "slow":
        time.sleep(1.0)
    if FLAW == "crashes":
        os._exit(3)
    return VERSION + data, content_type
"""
"""Answers its version and what it was sent, unless it is flawed."""

SLOW_US = 500_000
"""Beyond this a version is slow: a good one takes a millisecond, the slow one a second."""


class Flaw(StrEnum):
    """What is wrong with a version."""

    NONE = ""
    ERRORS = "5xx"
    SLOW = "slow"
    CRASHES = "crashes"
    HANGS = "hangs"
    """It is loading for ever."""
    CANNOT_LOAD = "cannot load"


def blue_green(routing: str, wait_s: int, **size: dict[str, Any]) -> dict[str, Any]:
    """A DeploymentConfig of new instances beside the old ones."""
    traffic = {"Type": routing, "WaitIntervalInSeconds": wait_s, **size}
    return {"BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": traffic}}


def rolling(wait_s: int, batch: int) -> dict[str, Any]:
    """A DeploymentConfig of so many percent of the instances at a time."""
    return {
        "RollingUpdatePolicy": {"MaximumBatchSize": percent(batch), "WaitIntervalInSeconds": wait_s}
    }


def percent(value: int) -> dict[str, Any]:
    return {"Type": "CAPACITY_PERCENT", "Value": value}


def model(world: World, version: str, flaw: Flaw = Flaw.NONE) -> str:
    """A model of this version; its name."""
    environment = {"MODEL_VERSION": version, "MODEL_FLAW": flaw.value}
    return create_model(world.server, f"version-{version}", script(MODEL), environment=environment)


def config(world: World, version: str, model_name: str, count: int) -> str:
    """A config of so many instances of it, which are given a minute to start; its name."""
    return create_config(
        world.server,
        f"version-{version}",
        model_name,
        count,
        ContainerStartupHealthCheckTimeoutInSeconds=60,
    )


def created(world: World, name: str, config_name: str) -> str:
    """A new endpoint in service; its name."""
    endpoint = f"{PREFIX}{name}-ep"
    client = world.server.client("sagemaker")
    client.create_endpoint(EndpointName=endpoint, EndpointConfigName=config_name)
    described = settled(world.server, endpoint)
    assert described["EndpointStatus"] == "InService", described
    return endpoint
