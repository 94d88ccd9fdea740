"""Deploys an archive by the conventions: model, config, endpoint, tags; and waits for it.

Invariant: the calls a user would make by hand, in their order, with nothing that AWS would refuse.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hostler.toolkit.connection import Connection
from hostler.toolkit.naming import Project

POLL_S = 0.05


class DeploymentError(Exception):
    """The endpoint did not come into service; the text is its FailureReason."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to deploy: ``model`` is the short name in ``{team}-{project}-{model}-…``."""

    project: Project
    model: str
    image: str
    role_arn: str
    version: int = 1
    instance_type: str = "ml.m5.large"
    instance_count: int = 1
    environment: str = "dev"


def any_framework(connection: Connection) -> str:
    """The image that leaves it to the archive which framework serves."""
    registry = f"{connection.account}.dkr.ecr.{connection.region}.amazonaws.com"
    return f"{registry}/sagemaker-inference:latest"


def upload(connection: Connection, plan: Plan, archive: Path) -> str:
    """Put an archive where the conventions want it; returns its S3 URI."""
    bucket, key = plan.project.bucket, plan.project.artifact_key(plan.model)
    connection.client("s3").upload_file(str(archive), bucket, key)
    return f"s3://{bucket}/{key}"


def create(connection: Connection, plan: Plan, model_data_url: str) -> str:
    """Create model, config and endpoint; returns the endpoint's name."""
    client = connection.client("sagemaker")
    project = plan.project
    tags = project.tags(plan.model, plan.environment, plan.version)
    model = project.model(plan.model, plan.version)
    config, endpoint = project.endpoint_config(plan.model), project.endpoint(plan.model)
    client.create_model(
        ModelName=model,
        PrimaryContainer={"Image": plan.image, "ModelDataUrl": model_data_url},
        ExecutionRoleArn=plan.role_arn,
        Tags=tags,
    )
    client.create_endpoint_config(
        EndpointConfigName=config,
        ProductionVariants=[
            {
                "VariantName": "AllTraffic",
                "ModelName": model,
                "InstanceType": plan.instance_type,
                "InitialInstanceCount": plan.instance_count,
            }
        ],
        Tags=tags,
    )
    client.create_endpoint(EndpointName=endpoint, EndpointConfigName=config, Tags=tags)
    return endpoint


def wait(
    connection: Connection,
    endpoint: str,
    timeout_s: float,
    pause: Callable[[float], None] = time.sleep,
) -> dict[str, Any]:
    """Wait until an endpoint is InService; returns its description.

    Raises:
        DeploymentError: it failed, or ``timeout_s`` passed.
    """
    client = connection.client("sagemaker")
    deadline = time.monotonic() + timeout_s
    while True:
        described: dict[str, Any] = client.describe_endpoint(EndpointName=endpoint)
        match described["EndpointStatus"]:
            case "InService":
                return described
            case "Failed":
                raise DeploymentError(described.get("FailureReason", "no reason was given"))
        if time.monotonic() > deadline:
            raise DeploymentError(f"{endpoint} is still {described['EndpointStatus']}")
        pause(POLL_S)
