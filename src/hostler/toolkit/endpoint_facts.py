"""An endpoint as the public API tells it: what it is for, what it costs, what it is made of.

Invariant: reads only. What cannot be had of it (a config that is gone) is said, never guessed.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

from hostler.planning.cleanup import SERVERLESS, Candidate
from hostler.toolkit import prices
from hostler.toolkit.prices import Cost, Prices

COMPONENTS = "it has inference components, whose calls are counted elsewhere"
CONFIG_GONE = "its config is gone"
ASYNC = "it is asynchronous: what waits in its queue is not looked at"


@dataclass(frozen=True, slots=True)
class Clients:
    """boto3's clients of one account and region."""

    sagemaker: Any
    cloudwatch: Any

    @property
    def refused(self) -> type[Exception]:
        """What they raise where the service answers with an error: botocore's ClientError."""
        found: type[Exception] = self.sagemaker.exceptions.ClientError
        return found


@dataclass(frozen=True, slots=True)
class Facts:
    """An endpoint as the API tells it."""

    candidate: Candidate
    cost: Cost
    arn: str
    server_s: float
    """When that was, by the service's clock (epoch s)."""
    config: str = ""
    pending: str = ""
    models: tuple[str, ...] = ()
    variants: tuple[str, ...] = ()
    apart: str = ""
    """Why its calls cannot be counted as others' are."""


def read(clients: Clients, listed: Prices, name: str) -> Facts:
    """An endpoint of a name; raises ``clients.refused``."""
    sagemaker = clients.sagemaker
    described = sagemaker.describe_endpoint(EndpointName=name)
    arn: str = described["EndpointArn"]
    config: str = described.get("EndpointConfigName", "")
    running = [*variants(described)]
    try:
        given = sagemaker.describe_endpoint_config(EndpointConfigName=config) if config else {}
    except clients.refused:
        given = {}
    asked = [*variants(given)]
    pages = sagemaker.get_paginator("list_tags").paginate(ResourceArn=arn)
    return Facts(
        candidate=Candidate(
            described["EndpointName"],
            described["EndpointStatus"],
            described["CreationTime"].timestamp(),
            described["LastModifiedTime"].timestamp(),
            {each["Key"]: each["Value"] for page in pages for each in page["Tags"]},
        ),
        cost=_cost(listed, asked, running) if asked else Cost(0.0, (CONFIG_GONE,)),
        arn=arn,
        server_s=_server_s(described),
        config=config,
        pending=(described.get("PendingDeploymentSummary") or {}).get("EndpointConfigName", ""),
        models=tuple(each["ModelName"] for each in asked if "ModelName" in each),
        variants=tuple(each["VariantName"] for each in running),
        apart=_apart(given, asked),
    )


def _cost(
    listed: Prices, asked: Sequence[Mapping[str, Any]], running: Sequence[Mapping[str, Any]]
) -> Cost:
    """What the instances that run cost: their types are the config's."""
    counts = {each["VariantName"]: each.get("CurrentInstanceCount", 0) for each in running}
    return prices.cost(
        listed,
        [
            (each["InstanceType"], counts.get(each["VariantName"], 0))
            for each in asked
            if "InstanceType" in each
        ],
    )


def variants(described: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """All variants of an endpoint's or a config's description."""
    for member in ("ProductionVariants", "ShadowProductionVariants"):
        yield from described.get(member) or ()


def _apart(config: Mapping[str, Any], variants: Sequence[Mapping[str, Any]]) -> str:
    if config.get("AsyncInferenceConfig"):
        return ASYNC
    if any("ModelName" not in each for each in variants):
        return COMPONENTS
    if any("InstanceType" not in each for each in variants):
        return SERVERLESS
    return ""


def said(error: Any) -> str:
    """What a refusal says."""
    return str(error.response["Error"]["Message"])


def code(error: Any) -> str:
    """A refusal's code."""
    return str(error.response["Error"]["Code"])


def _server_s(answer: Mapping[str, Any]) -> float:
    """The service's time, of an answer (epoch s)."""
    date = answer["ResponseMetadata"]["HTTPHeaders"].get("date")
    return time.time() if date is None else parsedate_to_datetime(date).timestamp()
