"""What AWS tells of endpoints that Hostler does not have yet."""

from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.stub import ANY, Stubber

from hostler.planning.cleanup import SERVERLESS
from hostler.toolkit import endpoint_facts, prices
from hostler.toolkit.endpoint_facts import ASYNC, COMPONENTS, Clients

ARN = "arn:aws:sagemaker:us-east-1:123456789012:endpoint/e"
WHEN = datetime(2026, 11, 1, tzinfo=UTC)
SIZED = {"InstanceType": "ml.m5.large", "InitialInstanceCount": 3}
OUTPUT = {"AsyncInferenceConfig": {"OutputConfig": {"S3OutputPath": "s3://b/o"}}}


def told(config: dict[str, Any], *variants: dict[str, Any]) -> endpoint_facts.Facts:
    client = boto3.client(
        "sagemaker", "us-east-1", aws_access_key_id="x", aws_secret_access_key="x"
    )
    times = {"CreationTime": WHEN, "LastModifiedTime": WHEN}
    described = {
        "EndpointName": "e",
        "EndpointArn": ARN,
        "EndpointStatus": "InService",
        "EndpointConfigName": "c",
        "ProductionVariants": [{"VariantName": "v", "CurrentInstanceCount": 2}],
        "ResponseMetadata": {"HTTPHeaders": {"date": "Sun, 01 Nov 2026 00:00:10 GMT"}},
        **times,
    }
    given = {
        "EndpointConfigName": "c",
        "EndpointConfigArn": ARN,
        "CreationTime": WHEN,
        "ProductionVariants": [{"VariantName": "v", **each} for each in variants],
        **config,
    }
    with Stubber(client) as stub:
        stub.add_response("describe_endpoint", described, {"EndpointName": "e"})
        if variants:
            stub.add_response("describe_endpoint_config", given, {"EndpointConfigName": "c"})
        else:
            stub.add_client_error("describe_endpoint_config", "ValidationException", "gone")
        stub.add_response("list_tags", {"Tags": []}, {"ResourceArn": ANY})
        return endpoint_facts.read(Clients(client, client), prices.load(), "e")


@pytest.mark.parametrize(
    ("config", "variant", "why"),
    [
        ({}, {"ModelName": "m", **SIZED}, ""),
        (OUTPUT, {"ModelName": "m", **SIZED}, ASYNC),
        ({}, SIZED, COMPONENTS),
        (
            {},
            {"ModelName": "m", "ServerlessConfig": {"MemorySizeInMB": 1024, "MaxConcurrency": 1}},
            SERVERLESS,
        ),
    ],
)
def test_whose_calls_are_counted_otherwise(
    config: dict[str, Any], variant: dict[str, Any], why: str
) -> None:
    facts = told(config, variant)
    assert facts.apart == why
    assert facts.server_s == WHEN.timestamp() + 10
    assert facts.cost.per_hour == (0.23 if "InstanceType" in variant else 0)


def test_a_config_that_is_gone_leaves_the_cost_unknown() -> None:
    facts = told({})
    assert facts.cost == prices.Cost(0.0, (endpoint_facts.CONFIG_GONE,))
    assert facts.models == ()
