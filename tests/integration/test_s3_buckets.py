"""What is set on a bucket: its tags and its policy."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

import s3_rig
from s3_rig import S3Server, s3_server
from s3_server import READER, STRANGER

READABLE = {
    "Sid": "one may read",
    "Effect": "Allow",
    "Principal": {"AWS": "arn:aws:iam::999999999999:user/guest"},
    "Action": "s3:GetObject",
    "Resource": "arn:aws:s3:::main/*",
}


@pytest.fixture(scope="module")
def server() -> Iterator[S3Server]:
    with s3_server() as running:
        running.client().create_bucket(Bucket="main")
        yield running


@pytest.fixture(scope="module")
def s3(server: S3Server) -> Any:
    return server.client()


def refusal(call: Any, **params: Any) -> tuple[int, str, str]:
    return s3_rig.refusal(call, Bucket="main", **params)


def policy(**changes: Any) -> str:
    statement = {name: value for name, value in {**READABLE, **changes}.items() if value}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def test_tags(s3: Any, server: S3Server) -> None:
    assert refusal(s3.get_bucket_tagging)[:2] == (404, "NoSuchTagSet")
    tags = {"TagSet": [{"Key": "team", "Value": "rc \u00e9"}, {"Key": "empty", "Value": ""}]}
    s3.put_bucket_tagging(Bucket="main", Tagging=tags)
    assert s3.get_bucket_tagging(Bucket="main")["TagSet"] == tags["TagSet"]
    for wrong in (
        [{"Key": "a", "Value": "1"}, {"Key": "a", "Value": "2"}],
        [{"Key": "aws:a", "Value": "1"}],
        [{"Key": "k" * 129, "Value": "1"}],
    ):
        told = refusal(s3.put_bucket_tagging, Tagging={"TagSet": wrong})
        assert told[:2] == (400, "InvalidTag")
    many = {"TagSet": [{"Key": f"k{n}", "Value": ""} for n in range(51)]}
    assert refusal(s3.put_bucket_tagging, Tagging=many)[0] == 400
    assert s3.get_bucket_tagging(Bucket="main")["TagSet"] == tags["TagSet"]
    s3.put_bucket_tagging(Bucket="main", Tagging={"TagSet": many["TagSet"][:50]})
    s3.delete_bucket_tagging(Bucket="main")
    assert refusal(s3.get_bucket_tagging)[:2] == (404, "NoSuchTagSet")
    for user in (READER, STRANGER):
        assert refusal(server.client(user).get_bucket_tagging)[:2] == (403, "AccessDenied")


def test_a_bucket_may_be_created_with_tags(s3: Any) -> None:
    tags = [{"Key": "team", "Value": "rc"}]
    s3.create_bucket(Bucket="tagged", CreateBucketConfiguration={"Tags": tags})
    assert s3.get_bucket_tagging(Bucket="tagged")["TagSet"] == tags
    wrong = {"Tags": [{"Key": "aws:x", "Value": ""}]}
    with pytest.raises(ClientError, match="InvalidTag"):
        s3.create_bucket(Bucket="tagged-wrongly", CreateBucketConfiguration=wrong)


def test_a_policy_is_kept_as_it_was_put(s3: Any) -> None:
    s3.delete_bucket_policy(Bucket="main")
    assert refusal(s3.get_bucket_policy)[:2] == (404, "NoSuchBucketPolicy")
    s3.put_bucket_policy(Bucket="main", Policy=policy())
    assert s3.get_bucket_policy(Bucket="main")["Policy"] == policy()
    s3.delete_bucket_policy(Bucket="main")
    assert refusal(s3.get_bucket_policy)[:2] == (404, "NoSuchBucketPolicy")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "JSON"),
        ("{}", "Statement"),
        (policy(Principal=None), "Missing required field Principal"),
        (policy(Resource=None), "Missing required field Resource"),
        (policy(Resource="arn:aws:s3:::other/*"), "Policy has invalid resource"),
        (policy(Action="sagemaker:*"), "Policy has invalid action"),
        (policy(Effect="Maybe"), "Effect"),
        (policy(Sid="x" * 21_000), "maximum allowed"),
    ],
)
def test_a_policy_that_s3_would_not_keep_is_refused(
    server: S3Server, s3: Any, text: str, why: str
) -> None:
    status, body = server.send("PUT", "/main", text.encode(), query="policy=")
    assert status == 400
    assert b"<Code>MalformedPolicy</Code>" in body
    assert why in body.decode()
    assert refusal(s3.get_bucket_policy)[:2] == (404, "NoSuchBucketPolicy")


def test_what_every_bucket_is_and_cannot_be_otherwise(s3: Any) -> None:
    grants = s3.get_bucket_acl(Bucket="main")["Grants"]
    s3.put_object(Bucket="main", Key="k", Body=b"")
    assert s3.get_object_acl(Bucket="main", Key="k")["Grants"] == grants
    assert [each["Permission"] for each in grants] == ["FULL_CONTROL"]
    assert grants[0]["Grantee"]["Type"] == "CanonicalUser"
    blocks = s3.get_public_access_block(Bucket="main")["PublicAccessBlockConfiguration"]
    assert set(blocks.values()) == {True}
    s3.put_public_access_block(Bucket="main", PublicAccessBlockConfiguration=blocks)
    told = s3.get_bucket_encryption(Bucket="main")["ServerSideEncryptionConfiguration"]
    s3.put_bucket_encryption(Bucket="main", ServerSideEncryptionConfiguration=told)
    owned = s3.get_bucket_ownership_controls(Bucket="main")["OwnershipControls"]
    s3.put_bucket_ownership_controls(Bucket="main", OwnershipControls=owned)
    kms = {"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}}]}
    for call, params in (
        (s3.put_public_access_block, {"PublicAccessBlockConfiguration": {"BlockPublicAcls": True}}),
        (
            s3.put_public_access_block,
            {"PublicAccessBlockConfiguration": {**blocks, "BlockPublicPolicy": False}},
        ),
        (s3.put_bucket_encryption, {"ServerSideEncryptionConfiguration": kms}),
        (
            s3.put_bucket_ownership_controls,
            {"OwnershipControls": {"Rules": [{"ObjectOwnership": "ObjectWriter"}]}},
        ),
    ):
        assert refusal(call, **params)[:2] == (501, "NotImplemented")
    assert s3.get_bucket_request_payment(Bucket="main")["Payer"] == "BucketOwner"
    for call, code in (
        (s3.get_bucket_cors, "NoSuchCORSConfiguration"),
        (s3.get_bucket_website, "NoSuchWebsiteConfiguration"),
        (s3.get_bucket_lifecycle_configuration, "NoSuchLifecycleConfiguration"),
        (s3.get_bucket_replication, "ReplicationConfigurationNotFoundError"),
        (s3.get_object_lock_configuration, "ObjectLockConfigurationNotFoundError"),
    ):
        assert refusal(call)[:2] == (404, code)
    for call in (
        s3.get_bucket_logging,
        s3.get_bucket_accelerate_configuration,
        s3.get_bucket_notification_configuration,
    ):
        assert set(call(Bucket="main")) == {"ResponseMetadata"}


def test_settings_go_with_their_bucket(s3: Any) -> None:
    s3.create_bucket(Bucket="short-lived")
    arn = "arn:aws:s3:::short-lived"
    s3.put_bucket_policy(Bucket="short-lived", Policy=policy(Resource=arn))
    s3.put_bucket_versioning(Bucket="short-lived", VersioningConfiguration={"Status": "Enabled"})
    s3.delete_bucket(Bucket="short-lived")
    s3.create_bucket(Bucket="short-lived")
    assert "Status" not in s3.get_bucket_versioning(Bucket="short-lived")
    with pytest.raises(ClientError, match="NoSuchBucketPolicy"):
        s3.get_bucket_policy(Bucket="short-lived")
