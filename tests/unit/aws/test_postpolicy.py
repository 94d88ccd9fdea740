"""Policies of browser forms, and who has signed them."""

import base64
import hmac
import json
from typing import Any

import pytest

from hostler.aws import postpolicy
from hostler.aws.postpolicy import MissingFieldError, NotCoveredError, PolicyDocumentError
from hostler.domain.errors import CallerError

UNTIL = "2100-01-01T00:00:00Z"
FORM = {"bucket": "main", "key": "a/b", "content-type": "text/a, text/b", "policy": "p"}
COVERED = (
    {"bucket": "main"},
    ["starts-with", "$key", "a/"],
    ["starts-with", "$Content-Type", "te"],
)


def encoded(document: Any) -> str:
    text = document if isinstance(document, str) else json.dumps(document)
    return base64.b64encode(text.encode()).decode()


def policy(*conditions: Any, until: str = UNTIL) -> str:
    return encoded({"expiration": until, "conditions": list(conditions)})


@pytest.mark.parametrize(
    ("conditions", "refused"),
    [
        (COVERED, ""),
        ((*COVERED, ["eq", "$KEY", "a/b"]), ""),
        ((*COVERED, ["EQ", "$key", "a"]), 'Policy Condition failed: ["EQ", "$key", "a"]'.lower()),
        ((*COVERED, {"Key": "A/B"}), 'policy condition failed: ["eq", "$key", "a/b"]'),
        ((*COVERED, ["starts-with", "$acl", ""]), "policy condition failed"),
        ((*COVERED, ["starts-with", "$content-type", "text/a"]), "policy condition failed"),
        (COVERED[:2], "extra input fields: content-type"),
        (COVERED[1:], "extra input fields: bucket"),
    ],
)
def test_every_field_is_covered_and_every_condition_true(conditions, refused: str) -> None:
    read = postpolicy.read(policy(*conditions))
    if not refused:
        read.check(FORM, 0.0)
        return
    with pytest.raises(NotCoveredError) as caught:
        read.check(FORM, 0.0)
    assert str(caught.value).lower().startswith(f"invalid according to policy: {refused}")


def test_a_policy_ends() -> None:
    for until in ("2026-01-01T00:00:00Z", "2026-01-01T00:00:00.500Z"):
        read = postpolicy.read(policy(*COVERED, until=until))
        read.check(FORM, 1_767_225_600.0)
        with pytest.raises(NotCoveredError, match="Policy expired"):
            read.check(FORM, 1_767_225_601.0)


def test_ranges_of_the_length_are_met_together() -> None:
    read = postpolicy.read(
        policy(["content-length-range", 1, "100"], ["content-length-range", 5, 200])
    )
    assert (read.length_min, read.length_max) == (5, 100)
    assert postpolicy.read(policy()).length_max is None


@pytest.mark.parametrize(
    ("document", "text"),
    [
        ("not JSON", "Invalid JSON"),
        ("[" * 9000, "Invalid JSON"),
        ("[]", "Invalid JSON"),
        ({}, "missing expiration"),
        ({"expiration": UNTIL}, "missing conditions"),
        ({"expiration": "soon", "conditions": []}, "'expiration' value: 'soon'"),
        ({"expiration": 5, "conditions": []}, "'expiration' value"),
        ({"expiration": UNTIL, "conditions": [["ends-with", "$key", "d"]]}, "Invalid Condition"),
        ({"expiration": UNTIL, "conditions": [["eq", "key", "d"]]}, "Invalid Condition"),
        ({"expiration": UNTIL, "conditions": [["eq", "$key"]]}, "Invalid Condition"),
        ({"expiration": UNTIL, "conditions": ["eq"]}, "Invalid Condition"),
        ({"expiration": UNTIL, "conditions": [{"key": 1}]}, "Simple-Condition"),
        ({"expiration": UNTIL, "conditions": [["content-length-range", -1, 5]]}, "length-range"),
        ({"expiration": UNTIL, "conditions": [["content-length-range", 0, True]]}, "length-range"),
    ],
)
def test_what_is_no_policy_is_refused(document: Any, text: str) -> None:
    with pytest.raises(PolicyDocumentError, match=text):
        postpolicy.read(encoded(document))


def test_what_is_no_base64_is_refused() -> None:
    with pytest.raises(PolicyDocumentError):
        postpolicy.read("{}")


V4 = {
    "policy": "cA==",
    "x-amz-algorithm": "AWS4-HMAC-SHA256",
    "x-amz-credential": "AK/20260101/eu-west-1/s3/aws4_request",
    "x-amz-date": "20260101T000000Z",
}


def signature(secret: str) -> str:
    key = f"AWS4{secret}".encode()
    for part in ("20260101", "eu-west-1", "s3", "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return hmac.digest(key, b"cA==", "sha256").hex()


def test_the_signer_of_either_version_is_known_by_the_signature() -> None:
    found = postpolicy.signed(
        {**V4, "x-amz-signature": signature("s"), "x-amz-security-token": "t"}
    )
    assert found is not None
    assert (found.access_key_id, found.region, found.token) == ("AK", "eu-west-1", "t")
    assert found.at == 1_767_225_600.0
    assert (found.is_by("s"), found.is_by("other")) == (True, False)
    old = base64.b64encode(hmac.digest(b"s", b"cA==", "sha1")).decode()
    found = postpolicy.signed({"policy": "cA==", "awsaccesskeyid": "AK", "signature": old})
    assert found is not None
    assert (found.is_by("s"), found.is_by("other")) == (True, False)
    assert postpolicy.signed({"key": "a"}) is None


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"policy": None}, MissingFieldError),
        ({"x-amz-algorithm": "AWS4-HMAC-SHA1"}, MissingFieldError),
        ({"x-amz-date": "20260102T000000Z"}, MissingFieldError),
        ({"x-amz-date": "20260101"}, MissingFieldError),
        ({"x-amz-signature": None}, MissingFieldError),
        ({"x-amz-credential": "AK/20260101/eu-west-1/sts/aws4_request"}, CallerError),
        ({"x-amz-credential": "AK"}, CallerError),
    ],
)
def test_half_a_signature_is_none(change: dict[str, str | None], error: type[Exception]) -> None:
    fields = {**V4, "x-amz-signature": signature("s"), **change}
    with pytest.raises(error):
        postpolicy.signed({name: value for name, value in fields.items() if value is not None})
