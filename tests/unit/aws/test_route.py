"""Which service and operation a request is for."""

import gzip

import pytest

from hostler.aws import parse, route, specs, uri
from hostler.aws.http import HttpRequest
from hostler.aws.route import identify, service_name
from hostler.domain.errors import CallerError


def scope(service: str) -> tuple[str, str]:
    credential = f"AKIA/20260101/eu-west-1/{service}/aws4_request"
    value = f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host, Signature=0"
    return "authorization", value


def test_target_prefixes_are_the_models() -> None:
    for prefix, service in route.BY_TARGET.items():
        assert specs.service(service).target_prefix == prefix


def test_signing_names_are_the_models() -> None:
    for signing, service in route.BY_SIGNING_NAME.items():
        assert specs.service(service).signing_name == signing


@pytest.mark.parametrize(
    ("target", "headers", "expected"),
    [
        ("/", [("x-amz-target", "SageMaker.ListModels"), scope("sagemaker")], "sagemaker"),
        ("/endpoints/x/invocations", [scope("sagemaker")], "sagemaker-runtime"),
        ("/endpoints/x/invocations", [], "sagemaker-runtime"),
        ("/endpoints/x/invocations", [scope("s3")], "s3"),
        ("/endpoints/notes.txt", [], "s3"),
        (
            "/endpoints/x/invocations",
            [("x-amz-target", "SageMaker.ListModels"), scope("sagemaker")],
            "sagemaker",
        ),
        ("/", [scope("iam")], "iam"),
        ("/", [scope("sts")], "sts"),
        ("/", [scope("monitoring")], "cloudwatch"),
        ("/", [scope("ec2")], "ec2"),
        ("/", [("x-amz-target", "Logs_20140328.GetLogEvents")], "logs"),
        ("/", [("content-type", "application/x-www-form-urlencoded; charset=utf-8")], "sts"),
        ("/", [], "s3"),
        ("/bucket/key?AWSAccessKeyId=x&Signature=y&Expires=1", [], "s3"),
        ("/b/k?X-Amz-Credential=AKIA%2F20260101%2Fus-east-1%2Fs3%2Faws4_request", [], "s3"),
        ("/?a=b&X-Amz-Credential=AKIA/20260101/us-east-1/sts/aws4_request&c=d", [], "sts"),
    ],
)
def test_the_service_is_known_from_the_head(
    target: str, headers: list[tuple[str, str]], expected: str
) -> None:
    assert service_name("POST", target, headers) == expected


@pytest.mark.parametrize(
    ("method", "target", "headers", "expected"),
    [
        ("GET", "/", [], "ListBuckets"),
        ("GET", "/?x-id=ListBuckets", [], "ListBuckets"),
        ("GET", "/b", [], "ListObjects"),
        ("GET", "/b/", [], "ListObjects"),
        ("GET", "/b/?list-type=2&prefix=x", [], "ListObjectsV2"),
        ("GET", "/b?location", [], "GetBucketLocation"),
        ("GET", "/b?lifecycle", [], "GetBucketLifecycleConfiguration"),
        ("GET", "/b?analytics", [], "ListBucketAnalyticsConfigurations"),
        ("GET", "/b?analytics&id=1", [], "GetBucketAnalyticsConfiguration"),
        ("HEAD", "/b", [], "HeadBucket"),
        ("PUT", "/b", [], "CreateBucket"),
        ("DELETE", "/b", [], "DeleteBucket"),
        ("POST", "/b?delete", [], "DeleteObjects"),
        ("GET", "/b/k/l", [], "GetObject"),
        ("GET", "/b//k", [], "GetObject"),
        ("GET", "/b/k?attributes", [], "GetObjectAttributes"),
        ("GET", "/b/k?uploadId=1", [], "ListParts"),
        ("HEAD", "/b/k", [], "HeadObject"),
        ("PUT", "/b/k", [], "PutObject"),
        ("PUT", "/b/k?tagging", [], "PutObjectTagging"),
        ("PUT", "/b/k", [("x-amz-copy-source", "/b/o")], "CopyObject"),
        ("PUT", "/b/k?partNumber=1&uploadId=1", [], "UploadPart"),
        (
            "PUT",
            "/b/k?partNumber=1&uploadId=1",
            [("x-amz-copy-source", "/b/o")],
            "UploadPartCopy",
        ),
        ("POST", "/b/k?uploads", [], "CreateMultipartUpload"),
        ("POST", "/b/k?uploadId=1", [], "CompleteMultipartUpload"),
        ("DELETE", "/b/k?uploadId=1", [], "AbortMultipartUpload"),
        ("DELETE", "/b/k", [], "DeleteObject"),
        ("GET", "/k/l", [("host", "buck.s3.us-east-1.amazonaws.com")], "GetObject"),
        ("GET", "/", [("host", "buck.s3.amazonaws.com")], "ListObjects"),
        ("GET", "/", [("host", "s3.us-east-1.amazonaws.com")], "ListBuckets"),
        ("GET", "/", [("host", "buck.s3.localhost:4747")], "ListObjects"),
    ],
)
def test_s3s_operations(
    method: str, target: str, headers: list[tuple[str, str]], expected: str
) -> None:
    found = identify(HttpRequest(method, target, (*headers, scope("s3"))))
    assert found.operation.name == expected


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (
            HttpRequest("POST", "/", (("x-amz-target", "SageMaker.Nope"), scope("sagemaker"))),
            "UnknownOperationException",
        ),
        (
            HttpRequest("POST", "/", (("x-amz-target", "Other.ListModels"), scope("sagemaker"))),
            "UnknownOperationException",
        ),
        (HttpRequest("POST", "/", (scope("sagemaker"),)), "UnknownOperationException"),
        (HttpRequest("POST", "/", (scope("ec2"),)), "UnknownOperationException"),
        (HttpRequest("POST", "/", (scope("iam"),), b"Action=Nope"), "InvalidAction"),
        (HttpRequest("POST", "/", (scope("iam"),)), "InvalidAction"),
        (HttpRequest("POST", "/", (scope("iam"),), b"Action=%ff"), "MalformedInput"),
        (HttpRequest("POST", "/endpoints/x/y", (scope("sagemaker"),)), "UnknownOperationException"),
        (HttpRequest("PATCH", "/b/k", (scope("s3"),)), "NotImplemented"),
        (HttpRequest("GET", "/b/%ff%fe", (scope("s3"),)), "InvalidArgument"),
        (HttpRequest("GET", "/b?" + "a&" * 30_000, (scope("s3"),)), "InvalidArgument"),
    ],
)
def test_what_is_not_known_is_told_in_the_services_words(request_: HttpRequest, code: str) -> None:
    with pytest.raises(CallerError) as raised:
        parse.parse(identify(request_), request_)
    assert raised.value.code == code


def test_an_action_may_stand_in_the_query() -> None:
    request = HttpRequest("GET", "/?Action=GetCallerIdentity&Version=x", (scope("sts"),))
    assert identify(request).operation.name == "GetCallerIdentity"


def test_no_model_is_loaded_to_know_the_service() -> None:
    specs.read_model.cache_clear()
    specs.service.cache_clear()
    service_name("POST", "/", [("x-amz-target", "SageMaker.ListModels")])
    assert specs.read_model.cache_info().currsize == 0


FORM = ("content-type", "application/x-www-form-urlencoded")


@pytest.mark.parametrize(
    ("target", "body", "operation"),
    [
        ("/", b"Action=GetUser&Version=2010-05-08", "GetUser"),
        ("/", b"Version=2010-05-08&Action=Get%55ser", "GetUser"),
        ("/", b"Action=GetUser&Action=GetRole", "GetRole"),
        ("/?Action=GetUser", b"", "GetUser"),
        ("/?Action=GetUser", b"Action=GetRole", "GetRole"),
        ("/", b"Action=GetUser&UserName=%ff&x=" + b"%41" * (uri.ESCAPES_MAX + 1), "GetUser"),
    ],
)
def test_of_a_form_only_its_action_is_read_before_its_caller_is_known(
    target: str, body: bytes, operation: str
) -> None:
    request = HttpRequest("POST", target, (scope("iam"), FORM), body)
    assert identify(request).operation.name == operation


def test_of_a_compressed_form_only_the_beginning_is_inflated() -> None:
    """A few kilobytes of a stranger's kept the control plane for seconds."""
    plain = b"Action=PutMetricData&Namespace=" + b"%41" * 1_000_000
    cut = gzip.compress(plain)[:-8]
    headers = (scope("monitoring"), FORM, ("content-encoding", "gzip"))
    request = HttpRequest("POST", "/", headers, cut)
    target = identify(request)
    assert target.operation.name == "PutMetricData"
    with pytest.raises(CallerError, match="cut short"):
        parse.parse(target, request)
    whole = HttpRequest("POST", "/", headers, gzip.compress(plain))
    with pytest.raises(CallerError, match="characters are percent-encoded"):
        parse.parse(target, whole)


@pytest.mark.parametrize("body", [b"", b"Version=1", b"XAction=GetUser", b"Action=" + b"a" * 129])
def test_a_form_without_an_action_is_told(body: bytes) -> None:
    with pytest.raises(CallerError) as raised:
        identify(HttpRequest("POST", "/", (scope("iam"), FORM), body))
    assert raised.value.code == "InvalidAction"
