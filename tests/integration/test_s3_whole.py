"""S3 behind the real gateway, with the credentials and policies that control pushes."""

import os
import urllib.request
from collections.abc import Iterator

import pytest
from botocore.exceptions import ClientError

from running import BUCKET, Running, hostler

MIB = 1 << 20


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    with hostler() as running:
        yield running


def test_objects_pass_through_the_gateway_unchanged(server: Running) -> None:
    s3 = server.client("s3", who="deployer")
    data = os.urandom(12 * MIB)
    key = "models/a b+\u00e9/../model.tar.gz"
    s3.put_object(Bucket=BUCKET, Key=key, Body=data, Metadata={"m": "\u00e9".encode().hex()})
    got = s3.get_object(Bucket=BUCKET, Key=key)
    assert got["Body"].read() == data
    assert [item["Key"] for item in s3.list_objects_v2(Bucket=BUCKET)["Contents"]] == [key]
    assert s3.head_object(Bucket=BUCKET, Key=key)["ContentLength"] == len(data)
    url = s3.generate_presigned_url("get_object", Params={"Bucket": BUCKET, "Key": key})
    with urllib.request.urlopen(url) as answer:
        assert answer.read() == data
    s3.delete_object(Bucket=BUCKET, Key=key)


def test_a_caller_may_not_read_objects(server: Running) -> None:
    with pytest.raises(ClientError, match="AccessDenied"):
        server.client("s3", who="caller").list_objects_v2(Bucket=BUCKET)


def test_s3_comes_back_after_kill_9_with_its_objects(server: Running) -> None:
    s3 = server.client("s3", who="deployer")
    s3.put_object(Bucket=BUCKET, Key="models/kept", Body=b"kept")
    server.kill("s3")
    assert s3.get_object(Bucket=BUCKET, Key="models/kept")["Body"].read() == b"kept"
