"""What services of monitoring and scaling do not have here is refused by its name."""

from typing import Any

import pytest
from botocore import xform_name

from hostler.api import catalog
from refusals import invalid, refusal

SERVICES = ("application-autoscaling", "cloudwatch", "logs", "sns")
CODES = {"UnknownOperationException", "InvalidAction"}


@pytest.mark.parametrize("service", SERVICES)
def test_every_operation_is_served_or_refused_by_its_name_with_what_to_do(
    world: Any, service: str
) -> None:
    client = world.client(service)
    modelled = set(client.meta.service_model.operation_names)
    served = set(catalog.implemented()[service])
    assert served <= modelled
    for operation in sorted(modelled - served):
        code, message = refusal(getattr(client, xform_name(operation)))
        assert code in CODES, operation
        named, _, instead = message.partition(". ")
        assert named.endswith(f"operation {operation}")
        assert instead.endswith("."), operation


@pytest.mark.parametrize(
    ("service", "operation", "instead"),
    [
        ("logs", "StartQuery", "FilterLogEvents"),
        ("logs", "GetQueryResults", "FilterLogEvents"),
        ("logs", "PutMetricFilter", "PutMetricData"),
        ("logs", "StartLiveTail", "aws logs tail --follow"),
        ("cloudwatch", "PutDashboard", "GetMetricData"),
        ("cloudwatch", "PutAnomalyDetector", "Threshold"),
        ("cloudwatch", "PutAlarmMuteRule", "DisableAlarmActions"),
        ("sns", "PublishBatch", "Publish"),
        ("sns", "AddPermission", "sns:Subscribe"),
        ("sagemaker", "CreateInferenceExperiment", "ShadowProductionVariants"),
    ],
)
def test_the_refusal_names_what_does_the_same(
    world: Any, service: str, operation: str, instead: str
) -> None:
    _, message = refusal(getattr(world.client(service), xform_name(operation)))
    assert instead in message.partition(". ")[2]


def test_a_name_that_aws_does_not_have_gets_no_advice(world: Any) -> None:
    headers = {
        "x-amz-target": "Logs_20140328.Nothing",
        "content-type": "application/x-amz-json-1.1",
    }
    answer = world.call("POST", "/", headers, b"{}")
    assert b"operation Nothing." in answer.body
    assert b"FilterLogEvents" not in answer.body


def test_forecasts_are_refused_with_the_policies_that_there_are(world: Any) -> None:
    client = world.client("application-autoscaling")
    message = invalid(
        client.get_predictive_scaling_forecast,
        ServiceNamespace="sagemaker",
        ResourceId="endpoint/e/variant/v",
        ScalableDimension="sagemaker:variant:DesiredInstanceCount",
        PolicyName="p",
        StartTime=0,
        EndTime=1,
    )
    assert "target tracking" in message
