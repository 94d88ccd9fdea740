"""What is Hostler's own, and what is a bucket's that is called so."""

import pytest

from hostler.gateway import own
from hostler.gateway.head import Head, shape_of


def is_own(target: str, method: str = "GET", **headers: str) -> bool:
    given = {"host": "127.0.0.1:4747", **headers}
    head = Head(method, "1.1", target, shape_of(tuple(given)), list(given.values()))
    return own.is_own(head, {"hostler.example"})


@pytest.mark.parametrize("host", ["127.0.0.1:4747", "localhost", "hostler.example:443"])
def test_metrics_are_read_unsigned_under_a_name_of_ours(host: str) -> None:
    for target in ("/metrics", "/metrics?name[]=up"):
        for method in ("GET", "HEAD"):
            assert is_own(target, method, host=host)
            assert is_own(target, method, host=host, authorization="Bearer token")


def test_what_is_for_a_bucket_or_an_object_is_not_ours() -> None:
    signature = "AWS4-HMAC-SHA256 Credential=AKIA/20260101/us-east-1/s3/aws4_request"
    assert not is_own("/metrics", authorization=signature)
    assert not is_own("/metrics", authorization="AWS AKIA:c2lnbmF0dXJl")
    assert not is_own("/metrics?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=0")
    assert not is_own("/metrics?AWSAccessKeyId=AKIA&Signature=0&Expires=1")
    assert not is_own("/metrics", "POST")  # a browser's form names the bucket in the path
    assert not is_own("/metrics", "PUT")
    assert not is_own("/metrics/key")
    assert not is_own("/metrics", host="bucket.s3.amazonaws.com")
    assert not is_own("/metrics", host="rebound.example")


def test_hostlers_paths_are_ours_whoever_asks() -> None:
    assert is_own("/_hostler/health", "POST", host="rebound.example")
