"""Versions as boto3 uses them: real client, real server."""

import concurrent.futures
import os
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from refusals import refused
from s3_rig import S3Server, s3_server
from s3_server import READER

MIB = 1 << 20


@pytest.fixture(scope="module")
def server() -> Iterator[S3Server]:
    with s3_server() as running:
        yield running


@pytest.fixture(scope="module")
def s3(server: S3Server) -> Any:
    return server.client()


def versioned(s3: Any, name: str, status: str = "Enabled") -> str:
    s3.create_bucket(Bucket=name)
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": status})
    return name


def refusal(call: Any, **params: Any) -> tuple[int, str, dict[str, str]]:
    told = refused(call, **params)
    metadata = told["ResponseMetadata"]
    return metadata["HTTPStatusCode"], told["Error"]["Code"], metadata["HTTPHeaders"]


def test_a_bucket_s_state_is_told_and_changed(s3: Any) -> None:
    s3.create_bucket(Bucket="states")
    assert "Status" not in s3.get_bucket_versioning(Bucket="states")
    for state in ("Enabled", "Suspended", "Enabled"):
        s3.put_bucket_versioning(Bucket="states", VersioningConfiguration={"Status": state})
        assert s3.get_bucket_versioning(Bucket="states")["Status"] == state
    for wrong in ({"Status": "On"}, {}):
        told = refusal(s3.put_bucket_versioning, Bucket="states", VersioningConfiguration=wrong)
        assert told[:2] == (400, "MalformedXML")
    told = refusal(
        s3.put_bucket_versioning,
        Bucket="states",
        VersioningConfiguration={"Status": "Enabled", "MFADelete": "Enabled"},
    )
    assert told[:2] == (501, "NotImplemented")
    assert refusal(s3.get_bucket_versioning, Bucket="nowhere")[:2] == (404, "NoSuchBucket")


def test_every_version_can_be_read_until_it_is_deleted(s3: Any) -> None:
    where = {"Bucket": versioned(s3, "kept"), "Key": "k"}
    ids = [s3.put_object(**where, Body=f"{n}".encode())["VersionId"] for n in range(3)]
    assert len(set(ids)) == 3
    newest = s3.get_object(**where)
    assert (newest["VersionId"], newest["Body"].read()) == (ids[2], b"2")
    for number, version_id in enumerate(ids):
        got = s3.get_object(**where, VersionId=version_id)
        assert (got["VersionId"], got["Body"].read()) == (version_id, f"{number}".encode())
        assert s3.head_object(**where, VersionId=version_id)["ContentLength"] == 1
        told = s3.get_object_attributes(**where, VersionId=version_id, ObjectAttributes=["ETag"])
        assert f'"{told["ETag"]}"' == got["ETag"]
    gone = s3.delete_object(**where, VersionId=ids[2])
    assert (gone["VersionId"], "DeleteMarker" in gone) == (ids[2], False)
    assert s3.get_object(**where)["VersionId"] == ids[1]
    assert refusal(s3.get_object, **where, VersionId=ids[2])[:2] == (404, "NoSuchVersion")
    assert refusal(s3.get_object, **where, VersionId="null")[:2] == (404, "NoSuchVersion")
    assert refusal(s3.get_object, **where, VersionId="no id")[:2] == (400, "InvalidArgument")


def test_a_delete_marker_hides_and_is_taken_away(s3: Any) -> None:
    where = {"Bucket": versioned(s3, "hidden"), "Key": "k"}
    version_id = s3.put_object(**where, Body=b"1")["VersionId"]
    marker = s3.delete_object(**where)
    assert marker["DeleteMarker"] is True
    status, code, headers = refusal(s3.get_object, **where)
    assert (status, code, headers["x-amz-delete-marker"]) == (404, "NoSuchKey", "true")
    assert headers["x-amz-version-id"] == marker["VersionId"]
    assert refusal(s3.head_object, **where)[2]["x-amz-delete-marker"] == "true"
    for call in (s3.get_object, s3.head_object, s3.get_object_tagging):
        status, _, headers = refusal(call, **where, VersionId=marker["VersionId"])
        assert (status, headers["allow"]) == (405, "DELETE")
    copied = refusal(s3.copy_object, Bucket="hidden", Key="c", CopySource="hidden/k")
    assert copied[:2] == (404, "NoSuchKey")
    assert "Contents" not in s3.list_objects_v2(Bucket="hidden")
    assert refusal(s3.delete_bucket, Bucket="hidden")[:2] == (409, "BucketNotEmpty")
    taken = s3.delete_object(**where, VersionId=marker["VersionId"])
    assert (taken["DeleteMarker"], taken["VersionId"]) == (True, marker["VersionId"])
    assert s3.get_object(**where)["VersionId"] == version_id


def test_a_suspended_bucket_has_one_version_that_is_called_null(s3: Any) -> None:
    s3.create_bucket(Bucket="suspended")
    where = {"Bucket": "suspended", "Key": "k"}
    s3.put_object(**where, Body=b"before")
    assert "VersionId" not in s3.get_object(**where)
    versioned(s3, "suspended")
    assert s3.get_object(**where)["VersionId"] == "null"
    kept = s3.put_object(**where, Body=b"kept")["VersionId"]
    assert s3.get_object(**where, VersionId="null")["Body"].read() == b"before"
    versioned(s3, "suspended", "Suspended")
    assert "VersionId" not in s3.put_object(**where, Body=b"after")
    assert s3.get_object(**where, VersionId="null")["Body"].read() == b"after"
    marker = s3.delete_object(**where)
    assert (marker["DeleteMarker"], marker["VersionId"]) == (True, "null")
    assert s3.get_object(**where, VersionId=kept)["Body"].read() == b"kept"
    assert refusal(s3.get_object, **where, VersionId="null")[0] == 405
    listed = s3.list_object_versions(Bucket="suspended")
    assert [each["VersionId"] for each in listed["Versions"]] == [kept]
    assert [each["IsLatest"] for each in listed["DeleteMarkers"]] == [True]


def test_versions_are_listed_page_by_page_and_emptied_in_batches(s3: Any) -> None:
    name = versioned(s3, "listed")
    for key in ("a/1", "a/2", "b \u00e9"):
        for number in range(3):
            s3.put_object(Bucket=name, Key=key, Body=bytes(number))
    s3.delete_object(Bucket=name, Key="a/2")
    pages = list(
        s3.get_paginator("list_object_versions").paginate(
            Bucket=name, PaginationConfig={"PageSize": 2}
        )
    )
    assert len(pages) == 5
    seen = [each for page in pages for each in page.get("Versions", [])]
    assert [(each["Key"], each["Size"], each["IsLatest"]) for each in seen] == [
        ("a/1", 2, True),
        ("a/1", 1, False),
        ("a/1", 0, False),
        ("a/2", 2, False),
        ("a/2", 1, False),
        ("a/2", 0, False),
        ("b \u00e9", 2, True),
        ("b \u00e9", 1, False),
        ("b \u00e9", 0, False),
    ]
    markers = [each for page in pages for each in page.get("DeleteMarkers", [])]
    assert [(each["Key"], each["IsLatest"]) for each in markers] == [("a/2", True)]
    folders = s3.list_object_versions(Bucket=name, Delimiter="/")
    assert folders["CommonPrefixes"] == [{"Prefix": "a/"}]
    assert len(folders["Versions"]) == 3
    after = s3.list_object_versions(Bucket=name, KeyMarker="a/2")
    assert {each["Key"] for each in after["Versions"]} == {"b \u00e9"}
    told = refusal(s3.list_object_versions, Bucket=name, VersionIdMarker=seen[0]["VersionId"])
    assert told[:2] == (400, "InvalidArgument")
    every = [{"Key": each["Key"], "VersionId": each["VersionId"]} for each in (*seen, *markers)]
    done = s3.delete_objects(Bucket=name, Delete={"Objects": every})
    assert len(done["Deleted"]) == 10
    assert [each["Key"] for each in done["Deleted"] if each.get("DeleteMarker")] == ["a/2"]
    s3.delete_bucket(Bucket=name)


def test_a_batch_without_versions_leaves_markers(s3: Any) -> None:
    name = versioned(s3, "batches")
    s3.put_object(Bucket=name, Key="k", Body=b"")
    done = s3.delete_objects(Bucket=name, Delete={"Objects": [{"Key": "k"}, {"Key": "none"}]})
    for each in done["Deleted"]:
        assert each["DeleteMarker"] is True
        assert "VersionId" not in each
        assert refusal(s3.head_object, Bucket=name, Key=each["Key"])[0] == 404
    odd = s3.delete_objects(Bucket=name, Delete={"Objects": [{"Key": "k", "VersionId": "no id"}]})
    assert (odd["Errors"][0]["Code"], odd["Errors"][0]["VersionId"]) == ("InvalidArgument", "no id")


def test_a_copy_takes_the_version_it_names(s3: Any) -> None:
    name = versioned(s3, "copies")
    first = s3.put_object(Bucket=name, Key="k", Body=b"first", Tagging="n=1")["VersionId"]
    s3.put_object(Bucket=name, Key="k", Body=b"second")
    source = {"Bucket": name, "Key": "k", "VersionId": first}
    copied = s3.copy_object(Bucket=name, Key="k", CopySource=source)  # restores it
    assert copied["CopySourceVersionId"] == first
    assert s3.get_object(Bucket=name, Key="k")["VersionId"] == copied["VersionId"]
    assert s3.get_object(Bucket=name, Key="k")["Body"].read() == b"first"
    assert s3.get_object_tagging(Bucket=name, Key="k")["TagSet"] == [{"Key": "n", "Value": "1"}]
    begun = s3.create_multipart_upload(Bucket=name, Key="parts")
    where = {"Bucket": name, "Key": "parts", "UploadId": begun["UploadId"]}
    part = s3.upload_part_copy(**where, PartNumber=1, CopySource=source)
    assert part["CopySourceVersionId"] == first
    listed = [{"PartNumber": 1, "ETag": part["CopyPartResult"]["ETag"]}]
    done = s3.complete_multipart_upload(**where, MultipartUpload={"Parts": listed})
    assert s3.get_object(Bucket=name, Key="parts")["VersionId"] == done["VersionId"]


def test_each_version_has_its_own_tags(s3: Any) -> None:
    where = {"Bucket": versioned(s3, "tagged"), "Key": "k"}
    ids = [s3.put_object(**where, Body=b"", Tagging=f"n={n}")["VersionId"] for n in range(2)]
    tags = {"TagSet": [{"Key": "new", "Value": "x"}]}
    put = s3.put_object_tagging(**where, VersionId=ids[0], Tagging=tags)
    assert put["VersionId"] == ids[0]
    old = s3.get_object_tagging(**where, VersionId=ids[0])
    assert (old["TagSet"], old["VersionId"]) == (tags["TagSet"], ids[0])
    assert s3.get_object_tagging(**where)["TagSet"] == [{"Key": "n", "Value": "1"}]
    assert s3.delete_object_tagging(**where)["VersionId"] == ids[1]
    assert s3.get_object_tagging(**where)["TagSet"] == []


def test_reading_a_version_is_a_permission_of_its_own(s3: Any, server: S3Server) -> None:
    where = {"Bucket": versioned(s3, "readable"), "Key": "public/k"}
    version_id = s3.put_object(**where, Body=b"1")["VersionId"]
    reader = server.client(READER)
    assert reader.get_object(**where)["Body"].read() == b"1"
    assert refusal(reader.get_object, **where, VersionId=version_id)[:2] == (403, "AccessDenied")
    assert refusal(reader.list_object_versions, Bucket="readable")[:2] == (403, "AccessDenied")


def test_a_presigned_url_reads_one_version(s3: Any, server: S3Server) -> None:
    where = {"Bucket": versioned(s3, "presigned"), "Key": "k"}
    first = s3.put_object(**where, Body=b"first")["VersionId"]
    s3.put_object(**where, Body=b"second")
    for scheme in ("s3v4", "s3"):
        signer = server.client(signature_version=scheme)
        url = signer.generate_presigned_url("get_object", Params={**where, "VersionId": first})
        with urllib.request.urlopen(url) as answer:
            assert answer.read() == b"first"
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(url.replace(first, "null"))
        assert caught.value.code == 403
        caught.value.close()


@pytest.mark.parametrize("state", ["", "Enabled"])
def test_eight_completions_of_one_upload_all_succeed(server: S3Server, s3: Any, state: str) -> None:
    name = f"completed-{state.lower()}x"
    s3.create_bucket(Bucket=name)
    if state:
        versioned(s3, name)
    begun = s3.create_multipart_upload(Bucket=name, Key="k", ChecksumAlgorithm="CRC32")
    where = {"Bucket": name, "Key": "k", "UploadId": begun["UploadId"]}
    parts = []
    for number, body in ((1, os.urandom(5 * MIB)), (2, b"end")):
        part = s3.upload_part(**where, PartNumber=number, Body=body, ChecksumAlgorithm="CRC32")
        sums = {name: part[name] for name in ("ETag", "ChecksumCRC32")}
        parts.append({"PartNumber": number, **sums})

    def complete() -> dict[str, Any]:
        client = server.client(read_timeout=60)
        answer = client.complete_multipart_upload(**where, MultipartUpload={"Parts": parts})
        return {
            name: answer.get(name) for name in ("ETag", "ChecksumCRC32", "VersionId", "Location")
        }

    with concurrent.futures.ThreadPoolExecutor(8) as threads:
        answers = [each.result() for each in [threads.submit(complete) for _ in range(8)]]
    assert answers == [answers[0]] * 8
    assert (answers[0]["VersionId"] is not None) == bool(state)
    assert len(s3.list_object_versions(Bucket=name)["Versions"]) == 1
    s3.put_object(Bucket=name, Key="k", Body=b"another")
    assert complete() == answers[0]  # remembered, whatever the key means by now
    assert s3.get_object(Bucket=name, Key="k")["Body"].read() == b"another"
    other = refusal(
        s3.complete_multipart_upload,
        **{**where, "Key": "other"},
        MultipartUpload={"Parts": parts},
    )
    assert other[:2] == (404, "NoSuchUpload")
