"""Errors, as each protocol's clients read them."""

import botocore.parsers
import botocore.session
import orjson
import pytest

from hostler.aws import conventions, errors, specs
from hostler.domain.errors import CallerError

from .clients import model, parsed


@pytest.mark.parametrize(
    ("service", "operation", "code", "status"),
    [
        ("sagemaker", "CreateModel", "ValidationException", 400),
        ("sagemaker", "CreateModel", "ResourceLimitExceeded", 400),
        ("sagemaker", "CreateModel", "AccessDeniedException", 400),
        ("sagemaker", "CreateModel", "UnknownOperationException", 400),
        ("sagemaker-runtime", "InvokeEndpoint", "ModelError", 424),
        ("sagemaker-runtime", "InvokeEndpoint", "ValidationError", 400),
        ("sagemaker-runtime", "InvokeEndpoint", "AccessDeniedException", 400),
        ("sagemaker-runtime", "InvokeEndpoint", "ServiceUnavailable", 503),
        ("iam", "GetRole", "NoSuchEntity", 404),
        ("iam", "CreateRole", "EntityAlreadyExists", 409),
        ("sts", "GetCallerIdentity", "InvalidClientTokenId", 403),
        ("sts", "GetCallerIdentity", "AccessDenied", 403),
        ("logs", "GetLogEvents", "ResourceNotFoundException", 400),
        ("s3", "GetObject", "NoSuchKey", 404),
        ("s3", "GetObject", "NoSuchBucket", 404),
        ("s3", "GetObject", "PreconditionFailed", 412),
        ("s3", "PutObject", "SignatureDoesNotMatch", 403),
        ("s3", "PutObject", "BadDigest", 400),
        ("s3", "PutObject", "MissingContentLength", 411),
        ("s3", "DeleteBucket", "BucketNotEmpty", 409),
        ("s3", "PutObject", "NotImplemented", 501),
    ],
)
def test_botocore_reads_the_code_and_the_text(
    service: str, operation: str, code: str, status: int
) -> None:
    ours = specs.service(service)
    text = 'It went wrong: <tag> & "quote" é'
    response = errors.response(
        ours, ours.operation(operation), CallerError(code, text), "the-request"
    )
    assert response.status == status
    found = parsed(ours.protocol, response, None)
    assert found["Error"]["Code"] == code
    assert found["Error"]["Message"] == text
    assert found["ResponseMetadata"]["RequestId"] == "the-request"


def test_the_shapes_name_of_a_query_error_becomes_its_code() -> None:
    ours = specs.service("iam")
    response = errors.response(ours, None, CallerError("NoSuchEntityException", "x"), "r")
    assert b"<Code>NoSuchEntity</Code>" in response.body
    assert response.status == 404


def test_members_of_a_modelled_error() -> None:
    ours = specs.service("sagemaker-runtime")
    members = {"OriginalStatusCode": 500, "OriginalMessage": "boom", "LogStreamArn": "arn:x"}
    error = CallerError("ModelError", "It failed", members=members)
    response = errors.response(ours, ours.operation("InvokeEndpoint"), error, "r")
    shape = model("sagemaker-runtime").shape_for("ModelError")
    found = parsed("rest-json", response, shape)
    assert found == {"Message": "It failed", **members}
    assert dict(response.headers)["x-amzn-errortype"] == "ModelError"


def test_s3s_error_names_what_it_is_about() -> None:
    ours = specs.service("s3")
    error = CallerError("NoSuchBucket", "gone", members={"BucketName": "b", "Resource": "/b"})
    response = errors.response(ours, ours.operation("ListObjectsV2"), error, "r")
    found = parsed("rest-xml", response, None)
    assert found["Error"]["BucketName"] == "b"
    assert found["Error"]["Resource"] == "/b"
    assert found["ResponseMetadata"]["HostId"]


def test_a_head_has_no_body() -> None:
    ours = specs.service("s3")
    response = errors.response(
        ours, ours.operation("HeadObject"), CallerError("NoSuchKey", "x"), "r"
    )
    assert (response.status, response.body) == (404, b"")


@pytest.mark.parametrize("service", ["sagemaker", "sagemaker-runtime", "iam", "s3", "logs"])
def test_our_own_failures_tell_nothing(service: str) -> None:
    ours = specs.service(service)
    response = errors.internal(ours, "r")
    assert response.status == 500
    code = parsed(ours.protocol, response, None)["Error"]["Code"]
    assert code == ("InternalError" if service == "s3" else "InternalFailure")


def test_an_error_of_no_service_is_read_by_every_json_client() -> None:
    response = errors.unrouted(CallerError("UnknownOperationException", "no"), "r")
    for protocol in ("json", "rest-json"):
        found = botocore.parsers.create_parser(protocol).parse(
            {
                "status_code": response.status,
                "headers": dict(response.headers),
                "body": response.body,
            },
            None,
        )
        assert found["Error"] == {"Code": "UnknownOperationException", "Message": "no"}


def test_a_query_compatible_service_names_both_codes() -> None:
    ours = specs.service("cloudwatch")
    assert ours.query_compatible
    name = next(n for n, s in ours.shapes.errors.items() if s.error_code != s.name)
    code = ours.shapes.errors[name].error_code
    response = errors.response(ours, None, CallerError(code, "x"), "r")
    assert dict(response.headers)["x-amzn-query-error"] == f"{code};Sender"
    assert orjson.loads(response.body)["__type"] == ours.shapes.errors[name].name


def test_the_gateways_statuses_are_the_models() -> None:
    """The gateway, which loads no model, once kept a table of its own that disagreed."""
    modelled = specs.service("sagemaker-runtime").operation("InvokeEndpoint").errors
    assert {shape.error_code for shape in modelled} >= {"ModelError", "ModelNotReadyException"}
    for shape in modelled:
        told = conventions.status("sagemaker-runtime", "rest-json", shape.error_code)
        assert told == shape.error_status, shape.error_code


@pytest.mark.parametrize(
    ("service", "operation"),
    [
        ("ec2", "DescribeInstances"),
        ("autoscaling", "DescribeAutoScalingGroups"),
        ("cloudformation", "ListStacks"),
    ],
)
def test_clients_of_services_that_are_absent_read_why(service: str, operation: str) -> None:
    """boto3 could not parse the JSON that an unknown query service was answered with."""
    text = f"Hostler does not implement the service {service} <yet>."
    failure = CallerError("UnknownOperationException", text)
    answer = errors.unrouted(failure, "a-request", form=True)
    described = botocore.session.get_session().get_service_model(service)
    read = botocore.parsers.create_parser(described.metadata["protocol"]).parse(
        {"status_code": answer.status, "headers": dict(answer.headers), "body": answer.body},
        described.operation_model(operation).output_shape,
    )
    assert read["Error"]["Code"] == "UnknownOperationException"
    assert read["Error"]["Message"] == text
