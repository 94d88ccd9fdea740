"""S3 as boto3 uses it: real client, real server."""

import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from boto3.s3.transfer import TransferConfig

from s3_rig import S3Server, refusal, s3_server
from s3_server import ACCOUNT, READER, STRANGER

MIB = 1 << 20

ODD_KEYS = [
    "plain.txt",
    "a b/c+d&e=f?g#h%20",
    "\u00e9t\u00e9/\u65e5\u672c/\U0001f600",
    "/leading//double/",
    "../up/./same",
    "tab\there",
    "~!@$^*()_-{}[]|;:'\",<>`\\",
    "x" * 1024,
]


@pytest.fixture(scope="module")
def server() -> Iterator[S3Server]:
    with s3_server() as running:
        yield running


@pytest.fixture(scope="module")
def s3(server: S3Server) -> Any:
    client = server.client()
    client.create_bucket(Bucket="main")
    return client


def bucket(s3: Any, name: str) -> str:
    s3.create_bucket(Bucket=name)
    return name


def test_an_object_comes_back_with_all_that_was_given(s3: Any) -> None:
    given = {
        "ContentType": "text/csv",
        "CacheControl": "no-cache",
        "ContentDisposition": 'attachment; filename="a.csv"',
        "ContentEncoding": "identity",
        "ContentLanguage": "en",
        "Metadata": {"owner": "team rc", "n": "1"},
    }
    put = s3.put_object(Bucket="main", Key="kept", Body=b"1,2\n", Tagging="a=1&b=%20", **given)
    got = s3.get_object(Bucket="main", Key="kept", ExpectedBucketOwner=ACCOUNT)
    assert got["Body"].read() == b"1,2\n"
    assert {name: got[name] for name in given} == given
    assert got["ETag"] == put["ETag"] == '"3ecfad755fa825f7a17c5526ec44e651"'
    head = s3.head_object(Bucket="main", Key="kept")
    assert (head["ContentLength"], head["LastModified"]) == (4, got["LastModified"])
    tags = s3.get_object_tagging(Bucket="main", Key="kept")["TagSet"]
    assert tags == [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": " "}]


def test_odd_keys_come_back_and_are_listed(s3: Any) -> None:
    name = bucket(s3, "odd-keys")
    for number, key in enumerate(ODD_KEYS):
        s3.put_object(Bucket=name, Key=key, Body=str(number).encode())
    for number, key in enumerate(ODD_KEYS):
        assert s3.get_object(Bucket=name, Key=key)["Body"].read() == str(number).encode()
    listed = [item["Key"] for item in s3.list_objects_v2(Bucket=name)["Contents"]]
    assert listed == sorted(ODD_KEYS, key=lambda key: key.encode())
    deleted = s3.delete_objects(Bucket=name, Delete={"Objects": [{"Key": k} for k in ODD_KEYS]})
    assert "Errors" not in deleted
    assert len(deleted["Deleted"]) == len(ODD_KEYS)
    s3.delete_bucket(Bucket=name)


def test_a_key_of_more_than_1024_bytes_and_one_with_nul_are_refused(
    s3: Any, server: S3Server
) -> None:
    assert refusal(s3.put_object, Bucket="main", Key="\u00e9" * 513, Body=b"")[:2] == (
        400,
        "KeyTooLongError",
    )
    status, body = server.send("PUT", "/main/a\0b", b"x")
    assert status == 400
    assert b"<Code>InvalidURI</Code>" in body


def test_a_large_file_goes_up_in_parts_and_comes_down_the_same(s3: Any, tmp_path: Path) -> None:
    data = os.urandom(20 * MIB + 3)
    (tmp_path / "up").write_bytes(data)
    s3.upload_file(str(tmp_path / "up"), "main", "large", ExtraArgs={"Metadata": {"m": "1"}})
    s3.download_file("main", "large", str(tmp_path / "down"))
    assert (tmp_path / "down").read_bytes() == data
    head = s3.head_object(Bucket="main", Key="large", ChecksumMode="ENABLED")
    assert head["ETag"].endswith('-3"')
    assert head["ChecksumType"] == "COMPOSITE"
    assert head["ChecksumCRC32"].endswith("-3")
    assert head["Metadata"] == {"m": "1"}
    second = s3.get_object(Bucket="main", Key="large", PartNumber=2)
    assert second["PartsCount"] == 3
    assert second["Body"].read() == data[8 * MIB : 16 * MIB]
    s3.copy({"Bucket": "main", "Key": "large"}, "main", "large copy")
    assert s3.get_object(Bucket="main", Key="large copy")["Body"].read() == data
    whole = s3.copy_object(
        Bucket="main",
        Key="large whole",
        CopySource={"Bucket": "main", "Key": "large"},
        ChecksumAlgorithm="SHA256",
    )["CopyObjectResult"]
    assert "-" not in whole["ETag"]
    read = s3.get_object(Bucket="main", Key="large whole", ChecksumMode="ENABLED")
    assert read["ChecksumSHA256"] == whole["ChecksumSHA256"]
    assert read["Body"].read() == data


@pytest.mark.parametrize(
    "algorithm",
    [
        "CRC32",
        "CRC32C",
        "CRC64NVME",
        "SHA1",
        "SHA256",
        "SHA512",
        "XXHASH64",
        "XXHASH3",
        "XXHASH128",
    ],
)
def test_every_checksum_is_verified_kept_and_returned(s3: Any, algorithm: str) -> None:
    body = algorithm.encode() * 1000
    put = s3.put_object(Bucket="main", Key="sum", Body=body, ChecksumAlgorithm=algorithm)
    got = s3.get_object(Bucket="main", Key="sum", ChecksumMode="ENABLED")
    assert got[f"Checksum{algorithm}"] == put[f"Checksum{algorithm}"]
    assert got["Body"].read() == body  # botocore verifies while it reads
    part = s3.get_object(Bucket="main", Key="sum", ChecksumMode="ENABLED", Range="bytes=1-2")
    assert f"Checksum{algorithm}" not in part
    listed = s3.list_objects_v2(Bucket="main", Prefix="sum")["Contents"][0]
    assert listed["ChecksumAlgorithm"] == [algorithm]


def test_an_object_without_a_checksum_of_the_caller_s_gets_the_usual_one(server: S3Server) -> None:
    plain = server.client(request_checksum_calculation="when_required")
    where = {"Bucket": "main", "Key": "usual"}
    data = [os.urandom(5 * MIB), b"the end"]
    whole = plain.put_object(**where, Body=b"".join(data))
    assert whole["ChecksumType"] == "FULL_OBJECT"
    asked = {"ObjectAttributes": ["Checksum", "ObjectParts"]}
    assert "ObjectParts" not in plain.get_object_attributes(**where, **asked)
    begun = plain.create_multipart_upload(**where)
    assert "ChecksumAlgorithm" not in begun
    upload = {**where, "UploadId": begun["UploadId"]}
    parts = []
    for number, body in enumerate(data, 1):
        part = plain.upload_part(**upload, PartNumber=number, Body=body)
        parts.append({"PartNumber": number, "ETag": part["ETag"]})
    done = plain.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
    assert done["ChecksumCRC64NVME"] == whole["ChecksumCRC64NVME"]
    got = plain.get_object(**where, ChecksumMode="ENABLED")
    assert got["ChecksumCRC64NVME"] == whole["ChecksumCRC64NVME"]
    assert got["Body"].read() == b"".join(data)
    assert plain.get_object_attributes(**where, **asked)["ObjectParts"] == {"TotalPartsCount": 2}


@pytest.mark.parametrize(
    ("algorithm", "kind"),
    [
        ("CRC32", "COMPOSITE"),
        ("CRC32", "FULL_OBJECT"),
        ("CRC32C", "FULL_OBJECT"),
        ("CRC64NVME", "FULL_OBJECT"),
        ("SHA256", "COMPOSITE"),
    ],
)
def test_multipart_checksums_are_of_the_parts_or_of_the_whole(
    s3: Any, algorithm: str, kind: str
) -> None:
    data = [os.urandom(5 * MIB), b"the end"]
    begun = s3.create_multipart_upload(
        Bucket="main", Key="summed", ChecksumAlgorithm=algorithm, ChecksumType=kind
    )
    assert (begun["ChecksumAlgorithm"], begun["ChecksumType"]) == (algorithm, kind)
    where = {"Bucket": "main", "Key": "summed", "UploadId": begun["UploadId"]}
    member = f"Checksum{algorithm}"
    parts = []
    for number, body in enumerate(data, 1):
        part = s3.upload_part(**where, PartNumber=number, Body=body, ChecksumAlgorithm=algorithm)
        parts.append({"PartNumber": number, "ETag": part["ETag"], member: part[member]})
    listed = s3.list_parts(**where)
    assert [part[member] for part in listed["Parts"]] == [part[member] for part in parts]
    done = s3.complete_multipart_upload(**where, MultipartUpload={"Parts": parts})
    again = s3.complete_multipart_upload(**where, MultipartUpload={"Parts": parts})
    assert (again["ETag"], again[member]) == (done["ETag"], done[member])
    assert done["ChecksumType"] == kind
    if kind == "FULL_OBJECT":
        whole = s3.put_object(
            Bucket="main", Key="whole", Body=b"".join(data), ChecksumAlgorithm=algorithm
        )
        assert done[member] == whole[member]
    else:
        assert done[member].endswith("-2")


def test_an_upload_is_finished_by_its_own_parts_in_order(s3: Any) -> None:
    begun = s3.create_multipart_upload(Bucket="main", Key="strict")
    where = {"Bucket": "main", "Key": "strict", "UploadId": begun["UploadId"]}
    etags = [s3.upload_part(**where, PartNumber=number, Body=b"small")["ETag"] for number in (1, 2)]

    def complete(*parts: tuple[int, str]) -> tuple[int, str]:
        listed = [{"PartNumber": number, "ETag": etag} for number, etag in parts]
        upload = {"Parts": listed}
        return refusal(s3.complete_multipart_upload, **where, MultipartUpload=upload)[:2]

    assert complete((2, etags[1]), (1, etags[0])) == (400, "InvalidPartOrder")
    assert complete((1, "wrong")) == (400, "InvalidPart")
    assert complete((3, etags[0])) == (400, "InvalidPart")
    assert complete((1, etags[0]), (2, etags[1])) == (400, "EntityTooSmall")
    assert (
        s3.list_multipart_uploads(Bucket="main", Prefix="strict")["Uploads"][0]["Key"] == "strict"
    )
    s3.abort_multipart_upload(**where)
    assert complete((1, etags[0])) == (404, "NoSuchUpload")
    assert refusal(s3.upload_part, **where, PartNumber=1, Body=b"")[:2] == (404, "NoSuchUpload")
    assert refusal(s3.head_object, Bucket="main", Key="strict")[0] == 404


def test_a_bucket_is_listed_page_by_page(s3: Any) -> None:
    name = bucket(s3, "paged")
    keys = [f"{folder}/{number:02}" for folder in "ab" for number in range(12)] + ["top"]
    for key in keys:
        s3.put_object(Bucket=name, Key=key, Body=b"")
    for operation in ("list_objects_v2", "list_objects"):
        pages = s3.get_paginator(operation).paginate(Bucket=name, PaginationConfig={"PageSize": 5})
        assert [item["Key"] for page in pages for item in page["Contents"]] == keys
        folders = s3.get_paginator(operation).paginate(
            Bucket=name, Delimiter="/", PaginationConfig={"PageSize": 1}
        )
        seen = [
            (page.get("CommonPrefixes") or page["Contents"])[0].popitem()[1] for page in folders
        ]
        assert len(seen) == 3
    after = s3.list_objects_v2(Bucket=name, StartAfter="b/10", FetchOwner=True)["Contents"]
    assert [item["Key"] for item in after] == ["b/11", "top"]
    assert len(after[0]["Owner"]["ID"]) == 64
    assert s3.list_objects_v2(Bucket=name, MaxKeys=0)["KeyCount"] == 0
    told = refusal(s3.list_objects_v2, Bucket=name, ContinuationToken="bogus")
    assert told[:2] == (400, "InvalidArgument")


def test_ranges(s3: Any) -> None:
    s3.put_object(Bucket="main", Key="ten", Body=b"0123456789")

    def read(span: str) -> tuple[int, bytes, str | None]:
        got = s3.get_object(Bucket="main", Key="ten", Range=span)
        return (
            got["ResponseMetadata"]["HTTPStatusCode"],
            got["Body"].read(),
            got.get("ContentRange"),
        )

    assert read("bytes=2-4") == (206, b"234", "bytes 2-4/10")
    assert read("bytes=7-") == (206, b"789", "bytes 7-9/10")
    assert read("bytes=-3") == (206, b"789", "bytes 7-9/10")
    assert read("bytes=0-99") == (206, b"0123456789", "bytes 0-9/10")
    assert read("chars=1-2") == (200, b"0123456789", None)
    told = refusal(s3.get_object, Bucket="main", Key="ten", Range="bytes=10-")
    assert told[:2] == (416, "InvalidRange")


def test_conditions(s3: Any) -> None:
    etag = s3.put_object(Bucket="main", Key="conditional", Body=b"1")["ETag"]
    where = {"Bucket": "main", "Key": "conditional"}
    assert s3.get_object(**where, IfMatch=etag)["Body"].read() == b"1"
    assert refusal(s3.get_object, **where, IfMatch='"other"')[:2] == (412, "PreconditionFailed")
    assert refusal(s3.get_object, **where, IfNoneMatch=etag)[0] == 304
    modified = s3.head_object(**where)["LastModified"]
    assert refusal(s3.get_object, **where, IfModifiedSince=modified)[0] == 304
    assert s3.get_object(**where, IfUnmodifiedSince=modified)["ETag"] == etag
    taken = refusal(s3.put_object, **where, Body=b"2", IfNoneMatch="*")
    assert taken[:2] == (412, "PreconditionFailed")
    s3.put_object(Bucket="main", Key="new conditional", Body=b"2", IfNoneMatch="*")
    assert refusal(s3.put_object, **where, Body=b"2", IfMatch='"x"')[0] == 412
    s3.put_object(**where, Body=b"3", IfMatch=etag)
    assert s3.get_object(**where)["Body"].read() == b"3"


def test_a_copy_keeps_or_replaces_what_travels_with_it(s3: Any) -> None:
    s3.put_object(Bucket="main", Key="from \u00e9", Body=b"x", Metadata={"a": "1"}, Tagging="t=1")
    source = {"Bucket": "main", "Key": "from \u00e9"}
    s3.copy_object(Bucket="main", Key="kept copy", CopySource=source)
    assert s3.head_object(Bucket="main", Key="kept copy")["Metadata"] == {"a": "1"}
    assert s3.get_object_tagging(Bucket="main", Key="kept copy")["TagSet"]
    s3.copy_object(
        Bucket="main",
        Key="kept copy",
        CopySource={"Bucket": "main", "Key": "kept copy"},
        MetadataDirective="REPLACE",
        TaggingDirective="REPLACE",
        ContentType="text/plain",
        Metadata={"b": "2"},
    )
    head = s3.head_object(Bucket="main", Key="kept copy")
    assert (head["Metadata"], head["ContentType"]) == ({"b": "2"}, "text/plain")
    assert not s3.get_object_tagging(Bucket="main", Key="kept copy")["TagSet"]
    itself = refusal(s3.copy_object, **source, CopySource=source)
    assert itself[:2] == (400, "InvalidRequest")
    missing = refusal(
        s3.copy_object, Bucket="main", Key="x", CopySource={"Bucket": "main", "Key": "nothing"}
    )
    assert missing[:2] == (404, "NoSuchKey")


def test_buckets(s3: Any, server: S3Server) -> None:
    name = bucket(s3, "of-root")
    s3.create_bucket(Bucket=name)  # in us-east-1 an own bucket may be created again
    assert name in [each["Name"] for each in s3.list_buckets()["Buckets"]]
    assert s3.head_bucket(Bucket=name)["BucketRegion"] == "us-east-1"
    assert s3.get_bucket_location(Bucket=name)["LocationConstraint"] is None
    west = {"LocationConstraint": "eu-west-1"}
    s3.create_bucket(Bucket="in-the-west", CreateBucketConfiguration=west)
    assert s3.get_bucket_location(Bucket="in-the-west")["LocationConstraint"] == "eu-west-1"
    again = refusal(s3.create_bucket, Bucket="in-the-west", CreateBucketConfiguration=west)
    assert again[:2] == (409, "BucketAlreadyOwnedByYou")
    far = server.client(region_name="eu-west-1")
    assert refusal(far.create_bucket, Bucket="far")[1] == "IllegalLocationConstraintException"
    east = {"LocationConstraint": "eu-east-9"}
    told = refusal(far.create_bucket, Bucket="far", CreateBucketConfiguration=east)
    assert told[1] == "IllegalLocationConstraintException"
    far.create_bucket(Bucket="far", CreateBucketConfiguration=west)
    stranger = server.client(STRANGER)
    assert refusal(stranger.create_bucket, Bucket=name)[:2] == (409, "BucketAlreadyExists")
    assert refusal(stranger.list_objects_v2, Bucket=name)[:2] == (403, "AccessDenied")
    assert refusal(stranger.head_bucket, Bucket=name)[0] == 403
    assert stranger.list_buckets()["Buckets"] == []
    owner = refusal(s3.head_bucket, Bucket=name, ExpectedBucketOwner="999999999999")
    assert owner[0] == 403
    s3.put_object(Bucket=name, Key="k", Body=b"")
    assert refusal(s3.delete_bucket, Bucket=name)[:2] == (409, "BucketNotEmpty")
    s3.delete_object(Bucket=name, Key="k")
    s3.delete_object(Bucket=name, Key="k")
    s3.delete_bucket(Bucket=name)
    assert refusal(s3.head_bucket, Bucket=name)[0] == 404
    assert refusal(s3.list_objects_v2, Bucket=name)[:2] == (404, "NoSuchBucket")
    assert server.send("PUT", "/UPPER")[0] == 400


def test_policies_are_enforced(s3: Any, server: S3Server) -> None:
    name = bucket(s3, "readable")
    s3.put_object(Bucket=name, Key="public/a", Body=b"a")
    s3.put_object(Bucket=name, Key="secret", Body=b"s")
    reader = server.client(READER)
    assert reader.get_object(Bucket=name, Key="public/a")["Body"].read() == b"a"
    told = (
        f"User: arn:aws:iam::{ACCOUNT}:user/reader is not authorized to perform: s3:GetObject on "
        f'resource: "arn:aws:s3:::{name}/secret" because no identity-based policy allows the '
        "s3:GetObject action"
    )
    assert refusal(reader.get_object, Bucket=name, Key="secret") == (403, "AccessDenied", told)
    # Who may not list is not told that a key is missing.
    assert refusal(reader.get_object, Bucket=name, Key="public/none")[:2] == (403, "AccessDenied")
    for call, params in (
        (reader.list_objects_v2, {}),
        (reader.put_object, {"Key": "public/a", "Body": b"x"}),
        (reader.delete_object, {"Key": "public/a"}),
        (reader.copy_object, {"Key": "public/b", "CopySource": f"{name}/public/a"}),
        (reader.delete_bucket, {}),
    ):
        assert refusal(call, Bucket=name, **params)[:2] == (403, "AccessDenied")
    batch = reader.delete_objects(Bucket=name, Delete={"Objects": [{"Key": "public/a"}]})
    assert batch["Errors"][0]["Code"] == "AccessDenied"
    assert refusal(reader.list_buckets)[:2] == (403, "AccessDenied")
    assert s3.get_object(Bucket=name, Key="public/a")["Body"].read() == b"a"


def test_what_does_not_exist_is_refused_by_name(s3: Any) -> None:
    for call in (s3.get_bucket_policy_status, s3.delete_bucket_cors, s3.delete_bucket_website):
        status, code, message = refusal(call, Bucket="main")
        assert (status, code) == (501, "NotImplemented")
        assert "does not implement" in message
    where = {"Bucket": "main", "Key": "refused", "Body": b""}
    for member, value in (
        ("ACL", "public-read"),
        ("StorageClass", "GLACIER"),
        ("SSEKMSKeyId", "key"),
        ("WebsiteRedirectLocation", "/x"),
        ("ObjectLockLegalHoldStatus", "ON"),
    ):
        status, code, message = refusal(s3.put_object, **where, **{member: value})
        assert (status, code) == (501, "NotImplemented")
        assert message.startswith(member)
    s3.put_object(**where, ACL="private", StorageClass="STANDARD")


def test_encryption_is_told_as_it_is(s3: Any) -> None:
    where = {"Bucket": "main", "Key": "encrypted"}
    for asked in ("AES256", "aws:kms"):  # the SageMaker SDK asks for the latter, without a key
        put = s3.put_object(**where, Body=b"", ServerSideEncryption=asked)
        got = s3.head_object(**where)
        assert put["ServerSideEncryption"] == got["ServerSideEncryption"] == "AES256"
    s3.put_object(Bucket="main", Key="bare", Body=b"")
    assert "ServerSideEncryption" not in s3.head_object(Bucket="main", Key="bare")
    copied = s3.copy_object(**where, CopySource="main/bare", ServerSideEncryption="AES256")
    assert copied["ServerSideEncryption"] == "AES256"
    for member, value in (
        ("ServerSideEncryption", "aws:kms:dsse"),
        ("SSECustomerAlgorithm", "AES256"),
        ("SSEKMSKeyId", "key"),
    ):
        status, code, message = refusal(s3.put_object, **where, Body=b"", **{member: value})
        assert (status, code) == (501, "NotImplemented")
        assert message.startswith(member)
    told = refusal(s3.copy_object, **where, CopySource="main/bare", ServerSideEncryption="aws:kms")
    assert told[:2] == (501, "NotImplemented")


def test_a_stream_of_unknown_length_is_uploaded(s3: Any) -> None:
    source = io.BytesIO(os.urandom(6 * MIB))
    small = TransferConfig(multipart_threshold=5 * MIB, multipart_chunksize=5 * MIB)
    s3.upload_fileobj(source, "main", "stream", Config=small)
    got = s3.get_object(Bucket="main", Key="stream")
    assert got["ETag"].endswith('-2"')
    assert got["ContentLength"] == 6 * MIB
    got["Body"].close()


@pytest.mark.parametrize(
    ("method", "query", "missing"),
    [("POST", "", b"uploadId"), ("GET", "attributes", b"x-amz-object-attributes")],
)
def test_a_request_without_what_its_operation_needs_is_the_callers_mistake(
    server: S3Server, method: str, query: str, missing: bytes
) -> None:
    status, body = server.send(method, "/main/some-key", query=query)
    assert status == 400
    assert b"<Code>InvalidRequest</Code>" in body
    assert missing in body
