"""Whatever botocore writes is read as it was meant, and whatever is written botocore reads back."""

from functools import cache
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hostler.aws import parse, route, serialize, specs
from hostler.aws.shapes import Shape
from hostler.aws.specs import Operation

from .clients import model, parsed, request_of
from .shaped import common, structures

CBOR = "cloudwatch:smithy-rpc-v2-cbor"
SERVICES = (
    *("sagemaker", "sagemaker-runtime", "s3", "iam", "logs", "sts", "sns"),
    *("cloudwatch", "cloudwatch:query", CBOR),
)
"""Names of services; of one with several protocols perhaps with the one that is meant."""

FAST = settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def spoken(service: str) -> specs.Service:
    name, _, protocol = service.partition(":")
    return specs.service(name, cast("Any", protocol) or None)


@cache
def operations(service: str, *, way: str) -> list[Operation]:
    """The operations whose input or output can be compared."""
    found = []
    for operation in spoken(service).operations():
        shape = operation.input if way == "in" else operation.output
        if shape is None or operation.deprecated:
            continue
        if any("eventstream" in m.traits for m in shape.members.values()):
            continue
        if way == "out" and operation.name == "GetBucketLocation":
            continue  # botocore reads its answer by hand, after its parser
        if way == "in" and "hostPrefix" in operation.model.get("endpoint", {}):
            continue
        found.append(operation)
    return found


@pytest.mark.parametrize("service", SERVICES)
@FAST
@given(data=st.data())
def test_requests_are_read_as_botocore_meant_them(service: str, data: st.DataObject) -> None:
    operation = data.draw(st.sampled_from(operations(service, way="in")), label="operation")
    assert operation.input is not None
    params = data.draw(structures(operation.input), label="params")
    if service == "s3":
        # A string in the model, of which botocore's loader makes a time.
        params.pop("Expires", None)
    request = request_of(operation.service.name, operation.protocol, operation.name, params)

    found = parse.parse(operation, request)

    shape = operation.input
    assert common(shape, traced(shape, found)) == common(shape, traced(shape, params))


def traced(shape: Shape, members: dict[str, Any]) -> dict[str, Any]:
    """Without what looks on the wire as if it were not there."""
    kept = {}
    for name, value in members.items():
        empty = value in (b"", "", {}, [])
        if empty and (name == shape.payload or shape.members[name].location == "headers"):
            continue
        kept[name] = value
    return kept


@pytest.mark.parametrize("service", SERVICES)
@FAST
@given(data=st.data())
def test_answers_are_read_by_botocore_as_they_were_meant(service: str, data: st.DataObject) -> None:
    operation = data.draw(st.sampled_from(operations(service, way="out")), label="operation")
    shape = operation.output
    assert shape is not None
    result = data.draw(structures(shape), label="result")
    if service == "s3":
        result.pop("Expires", None)  # as above
    for name, member in shape.members.items():
        if member.location == "statusCode" and name in result:
            result[name] = 200

    response = serialize.response(operation, result, "the-request")

    theirs = model(operation.service.name).operation_model(operation.name).output_shape
    found = parsed(operation.protocol, response, theirs)
    assert found.pop("ResponseMetadata")["RequestId"] == "the-request"
    if "ContentType" not in result:
        found.pop("ContentType", None)  # a body always says what it is
    assert common(shape, traced(shape, found)) == common(shape, traced(shape, result))


@pytest.mark.parametrize(
    "service",
    ["sagemaker", "sagemaker-runtime", "iam", "logs", "s3", "cloudwatch", "cloudwatch:query", CBOR],
)
def test_every_request_is_identified(service: str) -> None:
    """Botocore's request for each operation, its required members filled in, leads back to it."""
    scope = spoken(service).signing_name
    for operation in spoken(service).operations():
        params = required(operation)
        request = request_of(operation.service.name, operation.protocol, operation.name, params)
        signed = type(request)(
            request.method,
            request.raw_target,
            (*request.headers, ("authorization", credential(scope))),
            request.body,
        )
        found = route.identify(signed).operation
        assert found.name in SAME_ON_THE_WIRE.get(operation.name, {operation.name})


SAME_ON_THE_WIRE = {
    # Told apart by nothing in the request, or deprecated twins.
    "GetBucketLifecycle": {"GetBucketLifecycleConfiguration"},
    "PutBucketLifecycle": {"PutBucketLifecycleConfiguration"},
    "GetBucketNotification": {"GetBucketNotificationConfiguration"},
    "PutBucketNotification": {"PutBucketNotificationConfiguration"},
    "ListDirectoryBuckets": {"ListBuckets"},
}


def credential(service: str) -> str:
    return f"AWS4-HMAC-SHA256 Credential=AKIA/20260101/us-east-1/{service}/aws4_request, etc"


def required(operation: Operation) -> dict[str, Any]:
    """The least that a request must have."""
    if operation.input is None:
        return {}
    shape = operation.input
    made: dict[str, Any] = {}
    for name in shape.required:
        member = shape.members[name]
        match member.type:
            case "string":
                made[name] = "x"
            case "integer" | "long":
                made[name] = 1
            case "list" if member.location is not None:
                made[name] = ["x"]
    return made
