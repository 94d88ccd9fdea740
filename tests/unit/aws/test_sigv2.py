"""Presigned URLs in version 2, as boto3 makes them by default in us-east-1."""

from datetime import UTC, datetime
from typing import Any

import botocore.auth
import botocore.awsrequest
import botocore.credentials
import pytest

from hostler.aws import sigv4
from hostler.domain.errors import CallerError

KEY, SECRET, HOST = "AKIAIOSFODNN7EXAMPLE", "a secret", "127.0.0.1:4747"


def presigned(method: str, target: str, headers: dict[str, str] | None = None) -> Any:
    request = botocore.awsrequest.AWSRequest(
        method=method, url=f"http://{HOST}{target}", headers=headers or {}
    )
    credentials = botocore.credentials.Credentials(KEY, SECRET)
    botocore.auth.HmacV1QueryAuth(credentials, expires=60).add_auth(request)
    return request.prepare().url.split(HOST, 1)[1]


def verify(method: str, target: str, headers: list[tuple[str, str]], later: float = 0) -> None:
    presented = sigv4.present(method, target, [("host", HOST), *headers])
    assert presented.service == "s3"
    sigv4.verify(presented, SECRET, sigv4.UNSIGNED_PAYLOAD, datetime.now(UTC).timestamp() + later)


@pytest.mark.parametrize(
    "target",
    [
        "/bucket/key",
        "/bucket/a%20b/%C3%A9",
        "/b/k?versionId=1&uploads",
        "/b?list-type=2&prefix=x",
        "/b/k?response-content-disposition=filename%3D%22%C3%A9%20%E6%97%A5.csv%22",
    ],
)
def test_botocores_are_accepted(target: str) -> None:
    verify("GET", presigned("GET", target), [])


def test_a_signed_content_type_must_be_sent_as_it_was() -> None:
    target = presigned("PUT", "/b/k", {"Content-Type": "text/plain"})
    verify("PUT", target, [("content-type", "text/plain")])
    with pytest.raises(CallerError, match="SignatureDoesNotMatch"):
        verify("PUT", target, [("content-type", "text/html")])


def test_an_amz_header_that_was_not_signed_is_refused() -> None:
    with pytest.raises(CallerError, match="SignatureDoesNotMatch"):
        verify("PUT", presigned("PUT", "/b/k"), [("x-amz-copy-source", "/b/secret")])


@pytest.mark.parametrize("method", ["PUT", "DELETE", "HEAD"])
def test_another_method_is_refused(method: str) -> None:
    with pytest.raises(CallerError, match="SignatureDoesNotMatch"):
        verify(method, presigned("GET", "/b/k"), [])


@pytest.mark.parametrize(
    ("method", "more"),
    [
        ("PUT", "publicAccessBlock"),
        ("PUT", "encryption"),
        ("GET", "ownershipControls"),
        ("GET", "attributes"),
        ("PUT", "policy"),
        ("PUT", "tagging="),
        ("GET", "versionId=1"),
    ],
)
def test_a_url_cannot_be_made_one_of_another_operation(method: str, more: str) -> None:
    """Some parameters that tell operations apart are younger than version 2's signers."""
    with pytest.raises(CallerError, match="SignatureDoesNotMatch"):
        verify(method, f"{presigned(method, '/b')}&{more}", [])


def test_it_expires() -> None:
    target = presigned("GET", "/b/k")
    with pytest.raises(CallerError, match="Request has expired"):
        verify("GET", target, [], later=3600)


def test_it_is_for_s3_alone() -> None:
    target = presigned("POST", "/endpoints/x/invocations")
    with pytest.raises(CallerError) as raised:
        sigv4.present("POST", target, [("x-amz-target", "SageMaker.ListModels")])
    assert raised.value.code == "MissingAuthenticationTokenException"
