"""Bucket policies in force, with boto3: in one account, between two, and what is never public."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore import xform_name

from hostler.api.s3.table import OPERATIONS
from s3_rig import S3Server, refusal, s3_server
from s3_server import ACCOUNT, GUEST, OTHER_ACCOUNT, READER, STRANGER

READER_ARN = f"arn:aws:iam::{ACCOUNT}:user/reader"
GUEST_ARN = f"arn:aws:iam::{OTHER_ACCOUNT}:user/guest"
DENIED = (403, "AccessDenied")


@pytest.fixture(scope="module")
def server() -> Iterator[S3Server]:
    with s3_server() as running:
        running.client().create_bucket(Bucket="main")
        running.client().create_bucket(Bucket="other")
        yield running


@pytest.fixture
def s3(server: S3Server) -> Iterator[Any]:
    client = server.client()
    client.put_object(Bucket="main", Key="k", Body=b"here", Tagging="team=red")
    yield client
    client.delete_bucket_policy(Bucket="main")


def put(s3: Any, *statements: dict[str, Any]) -> None:
    """Make this the bucket's policy; what a statement does not say is the usual."""
    usual = {"Effect": "Allow", "Resource": ["arn:aws:s3:::main", "arn:aws:s3:::main/*"]}
    document = {"Version": "2012-10-17", "Statement": [{**usual, **each} for each in statements]}
    s3.put_bucket_policy(Bucket="main", Policy=json.dumps(document))


def to(arn: str, *actions: str, **more: Any) -> dict[str, Any]:
    return {"Principal": {"AWS": arn}, "Action": list(actions), **more}


def denied(call: Any, **params: Any) -> str:
    status, code, text = refusal(call, Bucket="main", **params)
    assert (status, code) == DENIED
    return text


def test_a_user_of_the_account_needs_no_permission_of_its_own(server: S3Server, s3: Any) -> None:
    reader = server.client(READER)
    assert "because no identity-based policy allows" in denied(reader.get_object, Key="k")
    put(s3, to(READER_ARN, "s3:GetObject"))
    assert reader.get_object(Bucket="main", Key="k")["Body"].read() == b"here"
    denied(reader.put_object, Key="k", Body=b"")
    # The account as a principal only trusts: the permission must be the user's own.
    put(s3, to(f"arn:aws:iam::{ACCOUNT}:root", "s3:GetObject"))
    denied(reader.get_object, Key="k")


def test_a_deny_holds_for_the_root_too_but_not_for_mending_it(server: S3Server, s3: Any) -> None:
    put(s3, {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Sid": "closed"})
    text = denied(s3.get_object, Key="k")
    assert text.endswith("with an explicit deny in a resource-based policy")
    denied(s3.list_objects_v2)
    denied(s3.delete_bucket)
    assert "closed" in s3.get_bucket_policy(Bucket="main")["Policy"]
    s3.delete_bucket_policy(Bucket="main")
    assert s3.get_object(Bucket="main", Key="k")["Body"].read() == b"here"


def test_everybody_but_one(server: S3Server, s3: Any) -> None:
    spared = {"AWS": [f"arn:aws:iam::{ACCOUNT}:root"]}
    put(
        s3,
        to(READER_ARN, "s3:GetObject"),
        {"Effect": "Deny", "NotPrincipal": spared, "Action": "s3:GetObject"},
    )
    denied(server.client(READER).get_object, Key="k")
    assert s3.get_object(Bucket="main", Key="k")["Body"].read() == b"here"


def test_another_account_needs_both_sides(server: S3Server, s3: Any) -> None:
    guest, stranger = server.client(GUEST), server.client(STRANGER)
    for client in (guest, stranger):
        assert denied(client.get_object, Key="k") == "Access Denied"
    put(s3, to(GUEST_ARN, "s3:GetObject", "s3:ListBucket"))
    assert guest.get_object(Bucket="main", Key="k")["Body"].read() == b"here"
    assert [each["Key"] for each in guest.list_objects_v2(Bucket="main")["Contents"]] == ["k"]
    denied(guest.put_object, Key="new", Body=b"")
    denied(stranger.get_object, Key="k")
    put(s3, to(f"arn:aws:iam::{OTHER_ACCOUNT}:root", "s3:*"))
    for client in (guest, stranger):
        client.put_object(Bucket="main", Key="theirs", Body=b"x")
    # What others write is the bucket's owner's.
    owner = s3.list_objects_v2(Bucket="main", FetchOwner=True)["Contents"][-1]["Owner"]["ID"]
    assert owner == s3.list_buckets()["Owner"]["ID"]
    assert guest.list_objects_v2(Bucket="main", FetchOwner=True)["Contents"][-1]["Owner"] == {
        "ID": owner
    }
    assert guest.list_buckets()["Buckets"] == []


def test_another_account_copies_out_and_in(server: S3Server, s3: Any) -> None:
    guest = server.client(GUEST)
    guest.create_bucket(Bucket="guests")
    source = {"Bucket": "main", "Key": "k"}
    assert refusal(guest.copy_object, Bucket="guests", Key="c", CopySource=source)[:2] == DENIED
    put(s3, to(GUEST_ARN, "s3:GetObject", "s3:GetObjectTagging"))
    guest.copy_object(Bucket="guests", Key="c", CopySource=source)
    assert guest.get_object(Bucket="guests", Key="c")["Body"].read() == b"here"
    back = {"Bucket": "guests", "Key": "c"}
    denied(guest.copy_object, Key="back", CopySource=back)
    put(s3, to(GUEST_ARN, "s3:PutObject*"))
    guest.copy_object(Bucket="main", Key="back", CopySource=back)
    upload = guest.create_multipart_upload(Bucket="main", Key="large")["UploadId"]
    part = {"Bucket": "main", "Key": "large", "UploadId": upload, "PartNumber": 1}
    etag = guest.upload_part(**part, Body=b"part")["ETag"]
    parts = {"Parts": [{"ETag": etag, "PartNumber": 1}]}
    del part["PartNumber"]
    guest.complete_multipart_upload(**part, MultipartUpload=parts)
    assert s3.get_object(Bucket="main", Key="large")["Body"].read() == b"part"


def test_who_may_not_list_learns_of_no_key(server: S3Server, s3: Any) -> None:
    guest = server.client(GUEST)
    put(s3, to(GUEST_ARN, "s3:GetObject"))
    denied(guest.get_object, Key="missing")
    put(s3, to(GUEST_ARN, "s3:GetObject", "s3:ListBucket"))
    assert refusal(guest.get_object, Bucket="main", Key="missing")[:2] == (404, "NoSuchKey")


@pytest.mark.parametrize(("tag", "opens"), [("red", True), ("blue", False)])
def test_the_tags_of_the_object_decide(server: S3Server, s3: Any, tag: str, opens: bool) -> None:
    condition = {"StringEquals": {"s3:ExistingObjectTag/team": tag}}
    put(s3, to(READER_ARN, "s3:GetObject", Condition=condition))
    reader = server.client(READER)
    if opens:
        assert reader.get_object(Bucket="main", Key="k")["Body"].read() == b"here"
    else:
        denied(reader.get_object, Key="k")


def test_every_upload_must_say_how_it_is_encrypted(server: S3Server, s3: Any) -> None:
    """The parts of an upload are taken for what it began with."""
    unlike = {"StringNotEquals": {"s3:x-amz-server-side-encryption": "AES256"}}
    action = {"Principal": "*", "Action": "s3:PutObject", "Effect": "Deny", "Condition": unlike}
    put(s3, action)
    denied(s3.put_object, Key="bare", Body=b"")
    s3.put_object(Bucket="main", Key="said", Body=b"", ServerSideEncryption="AES256")
    denied(s3.create_multipart_upload, Key="large")
    begun = s3.create_multipart_upload(Bucket="main", Key="large", ServerSideEncryption="AES256")
    part = {"Bucket": "main", "Key": "large", "UploadId": begun["UploadId"]}
    s3.upload_part(**part, PartNumber=1, Body=b"part")
    s3.abort_multipart_upload(**part)


def test_a_bucket_is_in_its_own_region_whichever_a_signature_names(
    server: S3Server, s3: Any
) -> None:
    """Else who is confined to a region would leave it by signing for another."""
    for region, opens in (("eu-west-1", False), ("us-east-1", True)):
        condition = {"StringEquals": {"aws:RequestedRegion": region}}
        put(s3, to(READER_ARN, "s3:GetObject", Condition=condition))
        for signed_for in ("eu-west-1", "us-east-1"):
            reader = server.client(READER, region_name=signed_for)
            if opens:
                assert reader.get_object(Bucket="main", Key="k")["Body"].read() == b"here"
            else:
                denied(reader.get_object, Key="k")


def test_how_a_request_was_signed_decides(server: S3Server, s3: Any) -> None:
    unsigned = {"StringNotEquals": {"s3:authType": "REST-HEADER"}}
    put(s3, {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Condition": unsigned})
    assert s3.get_object(Bucket="main", Key="k")["Body"].read() == b"here"
    url = s3.generate_presigned_url("get_object", Params={"Bucket": "main", "Key": "k"})
    target = url.partition(str(server.port))[2]
    headers = {"host": f"127.0.0.1:{server.port}"}
    assert server.request("GET", target, headers, b"")[0] == 403


@pytest.mark.parametrize(
    "principal", ["*", {"AWS": "*"}, {"AWS": [GUEST_ARN, "*"]}], ids=["all", "aws", "among"]
)
def test_nothing_is_made_public(s3: Any, principal: Any) -> None:
    statement = {"Principal": principal, "Action": "s3:GetObject"}
    with pytest.raises(Exception, match="blocked by the BlockPublicPolicy"):
        put(s3, statement)
    for limit in (
        {"StringEquals": {"aws:PrincipalAccount": OTHER_ACCOUNT}},
        {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}},
    ):
        put(s3, {**statement, "Condition": limit})
    for none in (
        {"StringLike": {"aws:PrincipalArn": "arn:aws:iam::*:user/x"}},
        {"IpAddress": {"aws:SourceIp": "0.0.0.0/0"}},
        {"StringNotEquals": {"aws:PrincipalAccount": OTHER_ACCOUNT}},
    ):
        with pytest.raises(Exception, match="blocked by the BlockPublicPolicy"):
            put(s3, {**statement, "Condition": none})


SAMPLE: dict[str, Any] = {
    "CopySource": "theirs/any",
    "CreateBucketConfiguration": {"LocationConstraint": "eu-west-1"},
    "Delete": {"Objects": [{"Key": "k"}]},
    "MultipartUpload": {"Parts": [{"ETag": "e", "PartNumber": 1}]},
    "ObjectAttributes": ["ETag"],
    "OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]},
    "PartNumber": 1,
    "Policy": json.dumps({"Version": "2012-10-17", "Statement": []}),
    "PublicAccessBlockConfiguration": {"BlockPublicAcls": True},
    "ServerSideEncryptionConfiguration": {
        "Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]
    },
    "Tagging": {"TagSet": []},
    "UploadId": "u",
    "VersioningConfiguration": {"Status": "Enabled"},
}
OF_NO_BUCKET = {"CreateBucket": "names are everybody's", "ListBuckets": "there are only own ones"}


def test_every_operation_on_another_accounts_bucket_tells_nothing(
    server: S3Server, s3: Any
) -> None:
    """Neither what is in it nor what is set on it: one answer, whatever is asked."""
    stranger = server.client(STRANGER)
    stranger.create_bucket(Bucket="theirs")
    stranger.put_object(Bucket="theirs", Key="any", Body=b"")
    service = stranger.meta.service_model
    for name in sorted(OPERATIONS.keys() - OF_NO_BUCKET.keys()):
        shape = service.operation_model(name).input_shape
        given = {each: SAMPLE[each] for each in shape.required_members if each in SAMPLE}
        head = name.startswith("Head")
        expected = (403, "403", "Forbidden") if head else (403, "AccessDenied", "Access Denied")
        for key in ("k", "missing") if "Key" in shape.members else (None,):
            asked = {"Bucket": "main", **given, **({} if key is None else {"Key": key})}
            call = getattr(stranger, xform_name(name))
            if name == "DeleteObjects":
                errors = call(**asked)["Errors"]
                assert [each["Code"] for each in errors] == ["AccessDenied"]
            else:
                assert refusal(call, **asked) == expected, name
    assert s3.get_object(Bucket="main", Key="k")["Body"].read() == b"here"
