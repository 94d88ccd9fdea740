"""Sequences of S3 calls whose outcomes can be compared between servers.

Each case is a function of a ``Recorder`` and of a bucket of its own. What no two servers can share
(ids, times) is numbered by first appearance, so that the same id is the same in both.
"""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

MIB = 1 << 20
LONG_AGO = datetime(2001, 1, 1, tzinfo=UTC)
FIRST, LAST = b"a" * (5 * MIB), b"the end"

_IDS = {
    "VersionId": "version",
    "DeleteMarkerVersionId": "version",
    "CopySourceVersionId": "version",
    "VersionIdMarker": "version",
    "NextVersionIdMarker": "version",
    "UploadId": "upload",
    "UploadIdMarker": "upload",
    "NextUploadIdMarker": "upload",
    "ContinuationToken": "token",
    "NextContinuationToken": "token",
}
_OF_THE_SERVER = ("Owner", "Initiator", "Grantee", "Location", "ResponseMetadata")
_PLAIN = ("", "null")


class Recorder:
    """Calls a server and keeps what it answered: for each step its members, by path."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self.told: dict[str, dict[str, Any]] = {}
        self.operations: set[str] = set()
        self._seen: dict[str, str] = {}
        self._steps = 0

    def __call__(self, operation: str, **params: Any) -> Any:
        """The answer, or nothing where it was a refusal; recorded in either case."""
        self._steps += 1
        method = getattr(self.client, operation)
        self.operations.add(self.client.meta.method_to_api_mapping[operation])
        step = f"{self._steps:02} {operation}"
        answer: Any = None
        try:
            answer = method(**params)
            status = answer["ResponseMetadata"]["HTTPStatusCode"]
            self.told[step] = {"Status": str(status), **dict(self._flat(answer, ""))}
        except ClientError as refused:
            status = refused.response["ResponseMetadata"]["HTTPStatusCode"]
            self.told[step] = {"Status": f"{status} {refused.response['Error']['Code']}"}
        return answer

    def _flat(self, value: Any, path: str) -> Iterator[tuple[str, Any]]:
        match value:
            case Mapping():
                for name, item in value.items():
                    if name not in _OF_THE_SERVER:
                        yield from self._flat(item, f"{path}.{name}" if path else name)
            case list():
                for index, item in enumerate(value):
                    yield from self._flat(item, f"{path}.{index}")
            case datetime():
                yield path, "a time"
            case _ if hasattr(value, "read"):
                with value:
                    body = value.read()
                yield path, f"{len(body)} bytes: {body[:40]!r}"
            case _:
                yield path, self._numbered(path, value)

    def _numbered(self, path: str, value: Any) -> Any:
        kind = _IDS.get(path.rpartition(".")[2])
        if kind is None or value in _PLAIN:
            return value
        taken = sum(1 for each in self._seen.values() if each.startswith(kind))
        return self._seen.setdefault(str(value), f"{kind} {taken + 1}")


Case = Callable[[Recorder, str], None]
CASES: dict[str, Case] = {}


def case(function: Case) -> Case:
    CASES[function.__name__.replace("_", "-")] = function
    return function


@case
def buckets(call: Recorder, bucket: str) -> None:
    call("head_bucket", Bucket=bucket)
    call("get_bucket_location", Bucket=bucket)
    call("create_bucket", Bucket=bucket)
    call("create_bucket", Bucket="Not_A_Name")
    west = {"LocationConstraint": "eu-west-1"}
    call("create_bucket", Bucket="of-the-west", CreateBucketConfiguration=west)
    call("get_bucket_location", Bucket="of-the-west")
    call("create_bucket", Bucket="of-the-west", CreateBucketConfiguration=west)
    call("delete_bucket", Bucket="of-the-west")
    call("list_buckets", Prefix="of-the-west")
    call("head_bucket", Bucket="nowhere-at-all")
    for operation in ("list_objects_v2", "list_objects", "list_object_versions", "delete_bucket"):
        call(operation, Bucket="nowhere-at-all")
    call("put_object", Bucket=bucket, Key="k", Body=b"")
    call("delete_bucket", Bucket=bucket)


@case
def objects(call: Recorder, bucket: str) -> None:
    where = {"Bucket": bucket, "Key": "a b/\u00e9+%"}
    call(
        "put_object",
        **where,
        Body=b"0123456789",
        ContentType="text/plain",
        CacheControl="no-cache",
        ContentDisposition="inline",
        ContentEncoding="gzip",
        ContentLanguage="en",
        Metadata={"one": "1", "two": "zwei"},
    )
    call("get_object", **where)
    call("head_object", **where)
    for span in ("bytes=2-4", "bytes=7-", "bytes=-3", "bytes=0-99", "bytes=10-", "bytes=5-2"):
        call("get_object", **where, Range=span)
    call("head_object", **where, Range="bytes=2-4")
    call("get_object", **where, PartNumber=1)
    call(
        "get_object",
        **where,
        ResponseContentType="text/csv",
        ResponseContentDisposition="attachment",
        ResponseCacheControl="max-age=1",
    )
    call("get_object_attributes", **where, ObjectAttributes=["ETag", "ObjectSize", "StorageClass"])
    call("put_object", Bucket=bucket, Key="empty", Body=b"")
    call("get_object", Bucket=bucket, Key="empty")
    call("get_object", Bucket=bucket, Key="empty", Range="bytes=0-")
    call("get_object", Bucket=bucket, Key="none")
    call("head_object", Bucket=bucket, Key="none")
    call("delete_object", Bucket=bucket, Key="none")
    call("delete_object", **where)
    call("get_object", **where)
    call("put_object", Bucket=bucket, Key="x" * 1025, Body=b"")


@case
def conditions(call: Recorder, bucket: str) -> None:
    where = {"Bucket": bucket, "Key": "k"}
    etag = call("put_object", **where, Body=b"1")["ETag"]
    modified = call("head_object", **where)["LastModified"]
    for operation in ("get_object", "head_object"):
        call(operation, **where, IfMatch=etag)
        call(operation, **where, IfMatch='"other"')
        call(operation, **where, IfNoneMatch=etag)
        call(operation, **where, IfNoneMatch='"other"')
        call(operation, **where, IfModifiedSince=modified)
        call(operation, **where, IfUnmodifiedSince=modified)
        call(operation, **where, IfModifiedSince=LONG_AGO)
        call(operation, **where, IfUnmodifiedSince=LONG_AGO)
        call(operation, **where, IfMatch=etag, IfUnmodifiedSince=LONG_AGO)
    call("put_object", **where, Body=b"2", IfNoneMatch="*")
    call("put_object", Bucket=bucket, Key="new", Body=b"2", IfNoneMatch="*")
    call("put_object", **where, Body=b"3", IfMatch='"other"')
    call("put_object", **where, Body=b"3", IfMatch=etag)
    call("put_object", Bucket=bucket, Key="none", Body=b"3", IfMatch=etag)
    call("delete_object", **where, IfMatch='"other"')
    source = {"Bucket": bucket, "Key": "new"}
    to = {"Bucket": bucket, "Key": "copy", "CopySource": source}
    etag = call("head_object", **source)["ETag"]
    call("copy_object", **to, CopySourceIfMatch=etag)
    call("copy_object", **to, CopySourceIfMatch='"other"')
    call("copy_object", **to, CopySourceIfNoneMatch=etag)
    call("copy_object", **to, CopySourceIfNoneMatch='"other"')
    call("copy_object", **to, CopySourceIfModifiedSince=LONG_AGO)
    call("copy_object", **to, CopySourceIfUnmodifiedSince=LONG_AGO)


@case
def copies(call: Recorder, bucket: str) -> None:
    source = {"Bucket": bucket, "Key": "from \u00e9"}
    call("put_object", **source, Body=b"x", Metadata={"a": "1"}, ContentType="a/b", Tagging="t=1")
    call("copy_object", Bucket=bucket, Key="kept", CopySource=source)
    call("head_object", Bucket=bucket, Key="kept")
    call("get_object_tagging", Bucket=bucket, Key="kept")
    call(
        "copy_object",
        Bucket=bucket,
        Key="kept",
        CopySource=source,
        MetadataDirective="REPLACE",
        TaggingDirective="REPLACE",
        Metadata={"b": "2"},
        ContentType="text/plain",
        Tagging="u=2",
    )
    call("head_object", Bucket=bucket, Key="kept")
    call("get_object_tagging", Bucket=bucket, Key="kept")
    call("copy_object", **source, CopySource=source)
    call("copy_object", **source, CopySource=source, MetadataDirective="REPLACE")
    call("copy_object", Bucket=bucket, Key="x", CopySource={"Bucket": bucket, "Key": "none"})
    call("copy_object", Bucket=bucket, Key="x", CopySource={"Bucket": "nowhere-x", "Key": "k"})
    call("copy_object", Bucket=bucket, Key="s", CopySource=source, ChecksumAlgorithm="SHA256")


@case
def lists(call: Recorder, bucket: str) -> None:
    keys = ["a/1", "a/2", "a/b/3", "b", "c d+\u00e9", "z//x", "\u00fc"]
    for key in keys:
        call("put_object", Bucket=bucket, Key=key, Body=key.encode())
    for operation in ("list_objects_v2", "list_objects"):
        call(operation, Bucket=bucket)
        call(operation, Bucket=bucket, Prefix="a/")
        call(operation, Bucket=bucket, Delimiter="/")
        call(operation, Bucket=bucket, Prefix="a/", Delimiter="/")
        call(operation, Bucket=bucket, Prefix="none")
        call(operation, Bucket=bucket, MaxKeys=2)
        call(operation, Bucket=bucket, MaxKeys=0)
        call(operation, Bucket=bucket, EncodingType="url")
        call(operation, Bucket=bucket, Delimiter="//")
    call("list_objects", Bucket=bucket, Marker="a/2", MaxKeys=2)
    call("list_objects", Bucket=bucket, Delimiter="/", MaxKeys=1)
    call("list_objects", Bucket=bucket, Delimiter="/", MaxKeys=1, Marker="a/")
    call("list_objects_v2", Bucket=bucket, StartAfter="a/2", FetchOwner=True)
    page = call("list_objects_v2", Bucket=bucket, MaxKeys=3)
    token = page["NextContinuationToken"]
    call("list_objects_v2", Bucket=bucket, MaxKeys=3, ContinuationToken=token)
    page = call("list_objects_v2", Bucket=bucket, MaxKeys=1, Delimiter="/")
    token = page["NextContinuationToken"]
    call("list_objects_v2", Bucket=bucket, Delimiter="/", ContinuationToken=token)
    call("list_objects_v2", Bucket=bucket, MaxKeys=-1)


@case
def batches(call: Recorder, bucket: str) -> None:
    for key in ("a", "b", "c"):
        call("put_object", Bucket=bucket, Key=key, Body=b"")
    named = [{"Key": "a"}, {"Key": "none"}]
    call("delete_objects", Bucket=bucket, Delete={"Objects": named})
    call("delete_objects", Bucket=bucket, Delete={"Objects": [{"Key": "b"}], "Quiet": True})
    call("delete_objects", Bucket=bucket, Delete={"Objects": []})
    call("list_objects_v2", Bucket=bucket)
    call("delete_objects", Bucket="nowhere-at-all", Delete={"Objects": named})


@case
def object_tags(call: Recorder, bucket: str) -> None:
    where = {"Bucket": bucket, "Key": "k"}
    call("put_object", **where, Body=b"", Tagging="a=1&b=%20x")
    call("get_object_tagging", **where)
    call("head_object", **where)
    call("get_object", **where)
    call("put_object_tagging", **where, Tagging={"TagSet": [{"Key": "n", "Value": "v"}]})
    call("get_object_tagging", **where)
    call("put_object_tagging", **where, Tagging={"TagSet": [{"Key": "n", "Value": "v"}] * 2})
    many = [{"Key": f"k{n}", "Value": "v"} for n in range(11)]
    call("put_object_tagging", **where, Tagging={"TagSet": many})
    call("put_object_tagging", **where, Tagging={"TagSet": [{"Key": "aws:x", "Value": "v"}]})
    call("delete_object_tagging", **where)
    call("get_object_tagging", **where)
    call("get_object_tagging", Bucket=bucket, Key="none")
    call("put_object", **where, Body=b"", Tagging="a=1&a=2")


@case
def bucket_settings(call: Recorder, bucket: str) -> None:
    tags = {"TagSet": [{"Key": "team", "Value": "rc"}]}
    call("get_bucket_tagging", Bucket=bucket)
    call("put_bucket_tagging", Bucket=bucket, Tagging=tags)
    call("get_bucket_tagging", Bucket=bucket)
    call("put_bucket_tagging", Bucket=bucket, Tagging={"TagSet": tags["TagSet"] * 2})
    call("put_bucket_tagging", Bucket=bucket, Tagging={"TagSet": [{"Key": "aws:x", "Value": ""}]})
    call("delete_bucket_tagging", Bucket=bucket)
    call("get_bucket_tagging", Bucket=bucket)
    policy = (
        '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", '
        '"Principal": {"AWS": "arn:aws:iam::123456789012:root"}, '
        f'"Action": "s3:GetObject", "Resource": "arn:aws:s3:::{bucket}/*"}}]}}'
    )
    call("get_bucket_policy", Bucket=bucket)
    call("put_bucket_policy", Bucket=bucket, Policy=policy)
    call("get_bucket_policy", Bucket=bucket)
    call("put_bucket_policy", Bucket=bucket, Policy="{}")
    call("delete_bucket_policy", Bucket=bucket)
    call("get_bucket_policy", Bucket=bucket)
    call("get_bucket_versioning", Bucket=bucket)
    on = {"Status": "Enabled"}
    call("put_bucket_versioning", Bucket=bucket, VersioningConfiguration=on)
    call("get_bucket_versioning", Bucket=bucket)
    call("put_bucket_versioning", Bucket=bucket, VersioningConfiguration={"Status": "On"})


@case
def constants(call: Recorder, bucket: str) -> None:
    call("put_object", Bucket=bucket, Key="k", Body=b"")
    call("get_bucket_acl", Bucket=bucket)
    call("get_object_acl", Bucket=bucket, Key="k")
    call("get_object_acl", Bucket=bucket, Key="none")
    blocks = dict.fromkeys(
        ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True
    )
    call("put_public_access_block", Bucket=bucket, PublicAccessBlockConfiguration=blocks)
    call("get_public_access_block", Bucket=bucket)
    rule = {
        "ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"},
        "BucketKeyEnabled": False,
    }
    encryption = {"ServerSideEncryptionConfiguration": {"Rules": [rule]}}
    call("put_bucket_encryption", Bucket=bucket, **encryption)
    call("get_bucket_encryption", Bucket=bucket)
    owned = {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    call("put_bucket_ownership_controls", Bucket=bucket, OwnershipControls=owned)
    call("get_bucket_ownership_controls", Bucket=bucket)
    call("get_bucket_request_payment", Bucket=bucket)
    for what in ("logging", "accelerate_configuration", "notification_configuration", "cors"):
        call(f"get_bucket_{what}", Bucket=bucket)
    for what in ("website", "lifecycle_configuration", "replication"):
        call(f"get_bucket_{what}", Bucket=bucket)
    call("get_object_lock_configuration", Bucket=bucket)


@case
def versions(call: Recorder, bucket: str) -> None:
    where = {"Bucket": bucket, "Key": "k"}
    call("put_object", **where, Body=b"before")
    on, off = {"Status": "Enabled"}, {"Status": "Suspended"}
    call("put_bucket_versioning", Bucket=bucket, VersioningConfiguration=on)
    first = call("put_object", **where, Body=b"first")["VersionId"]
    second = call("put_object", **where, Body=b"second", Tagging="n=2")["VersionId"]
    call("list_object_versions", Bucket=bucket)
    for version in ("null", first, second):
        call("get_object", **where, VersionId=version)
        call("head_object", **where, VersionId=version)
        call("get_object_tagging", **where, VersionId=version)
    call("copy_object", Bucket=bucket, Key="c", CopySource={**where, "VersionId": first})
    call("get_object", Bucket=bucket, Key="c")
    marker = call("delete_object", **where)["VersionId"]
    call("get_object", **where)
    call("head_object", **where)
    call("get_object", **where, VersionId=marker)
    call("list_objects_v2", Bucket=bucket)
    call("list_object_versions", Bucket=bucket, Prefix="k")
    call("list_object_versions", Bucket=bucket, MaxKeys=2)
    call("list_object_versions", Bucket=bucket, KeyMarker="c")
    call("list_object_versions", Bucket=bucket, KeyMarker="k", VersionIdMarker=second)
    call("delete_object", **where, VersionId=marker)
    call("get_object", **where)
    call("delete_object", **where, VersionId=second)
    call("get_object", **where)
    call("get_object", **where, VersionId=second)
    call("put_bucket_versioning", Bucket=bucket, VersioningConfiguration=off)
    call("put_object", **where, Body=b"suspended")
    call("get_object", **where)
    call("delete_object", **where)
    call("list_object_versions", Bucket=bucket)
    call("get_object", **where, VersionId=first)
    named = [{"Key": "k", "VersionId": first}, {"Key": "c"}]
    call("delete_objects", Bucket=bucket, Delete={"Objects": named})
    call("delete_bucket", Bucket=bucket)


@case
def uploads(call: Recorder, bucket: str) -> None:
    begun = call("create_multipart_upload", Bucket=bucket, Key="k", Metadata={"m": "1"})
    where = {"Bucket": bucket, "Key": "k", "UploadId": begun["UploadId"]}
    one = call("upload_part", **where, PartNumber=1, Body=FIRST)["ETag"]
    two = call("upload_part", **where, PartNumber=2, Body=LAST)["ETag"]
    call("upload_part", **where, PartNumber=10001, Body=LAST)
    call("list_parts", **where)
    call("list_parts", **where, MaxParts=1)
    call("list_parts", **where, PartNumberMarker=1)
    call("list_multipart_uploads", Bucket=bucket)
    both = [{"PartNumber": 1, "ETag": one}, {"PartNumber": 2, "ETag": two}]
    for parts in (
        [both[1], both[0]],
        [{"PartNumber": 1, "ETag": '"00000000000000000000000000000000"'}],
        [{"PartNumber": 3, "ETag": one}],
        [],
    ):
        call("complete_multipart_upload", **where, MultipartUpload={"Parts": parts})
    call("complete_multipart_upload", **where, MultipartUpload={"Parts": both})
    call("head_object", Bucket=bucket, Key="k")
    call("get_object", Bucket=bucket, Key="k", PartNumber=2)
    call("get_object", Bucket=bucket, Key="k", PartNumber=3)
    call("get_object_attributes", Bucket=bucket, Key="k", ObjectAttributes=["ObjectParts", "ETag"])
    call("list_multipart_uploads", Bucket=bucket)
    call("list_parts", **where)
    call("complete_multipart_upload", **where, MultipartUpload={"Parts": both})
    begun = call("create_multipart_upload", Bucket=bucket, Key="copied")
    where = {"Bucket": bucket, "Key": "copied", "UploadId": begun["UploadId"]}
    source = {"CopySource": {"Bucket": bucket, "Key": "k"}}
    copied = call("upload_part_copy", **where, **source, PartNumber=1)
    span = f"bytes={5 * MIB}-{5 * MIB + 2}"
    last = call("upload_part_copy", **where, **source, PartNumber=2, CopySourceRange=span)
    call("upload_part_copy", **where, **source, PartNumber=3, CopySourceRange="bytes=0-9999999")
    none = {"CopySource": {"Bucket": bucket, "Key": "none"}}
    call("upload_part_copy", **where, **none, PartNumber=3)
    parts = [
        {"PartNumber": number, "ETag": each["CopyPartResult"]["ETag"]}
        for number, each in enumerate((copied, last), 1)
    ]
    call("complete_multipart_upload", **where, MultipartUpload={"Parts": parts})
    call("get_object", Bucket=bucket, Key="copied", Range=f"bytes={5 * MIB}-")
    begun = call("create_multipart_upload", Bucket=bucket, Key="small")
    where = {"Bucket": bucket, "Key": "small", "UploadId": begun["UploadId"]}
    small = [
        {"PartNumber": n, "ETag": call("upload_part", **where, PartNumber=n, Body=b"s")["ETag"]}
        for n in (1, 2)
    ]
    call("complete_multipart_upload", **where, MultipartUpload={"Parts": small})
    call("abort_multipart_upload", **where)
    call("abort_multipart_upload", **where)
    call("upload_part", **where, PartNumber=1, Body=b"s")


@case
def checksums(call: Recorder, bucket: str) -> None:
    for algorithm in ("CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"):
        where = {"Bucket": bucket, "Key": algorithm}
        call("put_object", **where, Body=b"summed", ChecksumAlgorithm=algorithm)
        call("get_object", **where, ChecksumMode="ENABLED")
        call("head_object", **where, ChecksumMode="ENABLED")
        call("head_object", **where)
        call("get_object_attributes", **where, ObjectAttributes=["Checksum"])
    call("put_object", Bucket=bucket, Key="wrong", Body=b"summed", ChecksumSHA256="A" * 43 + "=")
    call("put_object", Bucket=bucket, Key="wrong", Body=b"x", ContentMD5="A" * 22 + "==")
    for algorithm, kind in (
        ("CRC32", "COMPOSITE"),
        ("CRC32", "FULL_OBJECT"),
        ("CRC64NVME", "FULL_OBJECT"),
        ("SHA256", "COMPOSITE"),
    ):
        key = f"{algorithm} {kind}"
        asked = {"ChecksumAlgorithm": algorithm, "ChecksumType": kind}
        begun = call("create_multipart_upload", Bucket=bucket, Key=key, **asked)
        where = {"Bucket": bucket, "Key": key, "UploadId": begun["UploadId"]}
        parts = []
        for number, body in ((1, FIRST), (2, LAST)):
            part = call(
                "upload_part",
                **where,
                PartNumber=number,
                Body=body,
                ChecksumAlgorithm=algorithm,
            )
            names = ("ETag", f"Checksum{algorithm}")
            sums = {name: part[name] for name in names if name in part}
            parts.append({"PartNumber": number, **sums})
        call("list_parts", **where)
        call("complete_multipart_upload", **where, MultipartUpload={"Parts": parts})
        call("head_object", Bucket=bucket, Key=key, ChecksumMode="ENABLED")


def record(client: Any, name: str) -> Recorder:
    """Run a case against a server; its bucket has the case's name."""
    recorder = Recorder(client)
    client.create_bucket(Bucket=f"case-{name}")
    with contextlib.suppress(TypeError, KeyError):  # a step needs what an earlier one was refused
        CASES[name](recorder, f"case-{name}")
    return recorder


def differences(name: str, one: Recorder, other: Recorder) -> dict[str, tuple[Any, Any]]:
    """``case/step/path`` → both values; where the statuses differ, only those."""
    found: dict[str, tuple[Any, Any]] = {}
    for step in sorted(one.told.keys() | other.told.keys()):
        here, there = one.told.get(step, {}), other.told.get(step, {})
        paths = sorted(here.keys() | there.keys())
        if here.get("Status") != there.get("Status"):
            paths = ["Status"]
        for path in paths:
            if here.get(path) != there.get(path):
                found[f"{name}/{step}/{path}"] = (here.get(path), there.get(path))
    return found
