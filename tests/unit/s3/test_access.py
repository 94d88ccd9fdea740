"""Conditions in S3: the prefix of a listing, and what every call tells."""

import json
from typing import Any

import pytest

from hostler.api.s3.access import needed
from hostler.api.s3.guard import Asked, Guard, Holding
from hostler.api.s3.kept import Elsewhere
from hostler.domain.snapshot import Policy, Principal
from hostler.iam.context import times
from hostler.iam.evaluate import PolicyEngine

SHARED = {"aws:RequestedRegion": "us-east-1", **times(1_700_000_000)}
ALL, OWN, NONE = {"Prefix": ""}, {"Prefix": "home/bob/x"}, dict[str, Any]()


def allowed(condition: Any, operation: str, params: dict[str, Any], resource: str = "*") -> bool:
    statement = {"Effect": "Allow", "Action": "s3:*", "Resource": resource, "Condition": condition}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    bob = Principal("arn:aws:iam::1:user/bob", "1", "AIDA1", "bob", (Policy("p", document),))
    guard = Guard(PolicyEngine(), "us-east-1", Elsewhere("1"))
    asked = Asked(bob, SHARED, {"acme": Holding("1")})
    needs = needed(operation, {"Bucket": "acme", **params})
    return all(guard.decide(asked, need).allowed for need in needs)


@pytest.mark.parametrize(
    ("condition", "params", "expected"),
    [
        ({"StringLike": {"s3:prefix": ["home/${aws:username}/*"]}}, OWN, True),
        ({"StringLike": {"s3:prefix": ["home/eve/*"]}}, OWN, False),
        ({"StringEquals": {"s3:prefix": ["", "home/"]}}, ALL, True),
        ({"StringEquals": {"s3:prefix": ["", "home/"]}}, NONE, False),
        ({"StringNotLike": {"s3:prefix": "secret/*"}}, NONE, True),
        ({"Null": {"s3:prefix": "true"}}, NONE, True),
        ({"NumericLessThanEquals": {"s3:max-keys": "10"}}, {"MaxKeys": 10}, True),
        ({"NumericLessThanEquals": {"s3:max-keys": "10"}}, NONE, False),
        ({"StringEquals": {"aws:RequestedRegion": "us-east-1"}}, NONE, True),
        ({"DateLessThan": {"aws:CurrentTime": "2020-01-01T00:00:00Z"}}, NONE, False),
    ],
)
def test_listings(condition: Any, params: dict[str, Any], expected: bool) -> None:
    """https://docs.aws.amazon.com/AmazonS3/latest/userguide/amazon-s3-policy-keys.html"""
    for operation in ("ListObjects", "ListObjectsV2", "ListObjectVersions"):
        assert allowed(condition, operation, params) is expected


def test_a_key_that_other_operations_do_not_tell_refuses() -> None:
    unlike = {"StringNotLike": {"s3:prefix": "secret/*"}}
    assert not allowed(unlike, "GetObject", {"Key": "k"})
    private = {"StringNotEquals": {"s3:x-amz-acl": "public-read"}}
    assert not allowed(private, "DeleteObject", {"Key": "k"})
    assert not allowed(private, "UploadPart", {"Key": "k"}), "it was said when the upload began"
    assert allowed(private, "PutObject", {"Key": "k"})
    assert not allowed(private, "PutObject", {"Key": "k", "ACL": "public-read"})


def test_a_users_own_folder() -> None:
    own = "arn:aws:s3:::acme/home/${aws:username}/*"
    assert allowed({}, "GetObject", {"Key": "home/bob/k"}, own)
    assert not allowed({}, "GetObject", {"Key": "home/eve/k"}, own)
