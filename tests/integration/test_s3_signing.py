"""Whose request it is: headers, presigned URLs, buckets that the host names."""

import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from s3_rig import S3Server, refusal, s3_server
from s3_server import ROOT


@pytest.fixture(scope="module")
def server() -> Iterator[S3Server]:
    with s3_server() as running:
        yield running


@pytest.fixture(scope="module")
def s3(server: S3Server) -> Any:
    client = server.client()
    client.create_bucket(Bucket="main")
    return client


def test_wrong_credentials_are_refused(server: S3Server) -> None:
    assert refusal(server.client((ROOT[0], "wrong")).list_buckets)[:2] == (
        403,
        "SignatureDoesNotMatch",
    )
    assert refusal(server.client(("AKIANOBODY", "wrong")).list_buckets)[:2] == (
        403,
        "InvalidAccessKeyId",
    )
    assert server.request("GET", "/main", {}, b"")[0] == 403


def test_presigned_urls(s3: Any, server: S3Server) -> None:
    for version in ("s3v4", "s3"):
        signer = server.client(signature_version=version)
        put = signer.generate_presigned_url("put_object", Params={"Bucket": "main", "Key": "pre s"})
        body = version.encode()
        request = urllib.request.Request(put, data=body, method="PUT", headers={"Content-Type": ""})
        if version == "s3":
            s3.put_object(Bucket="main", Key="pre s", Body=body)
        else:
            with urllib.request.urlopen(request) as answer:
                assert answer.status == 200
        get = signer.generate_presigned_url(
            "get_object",
            Params={"Bucket": "main", "Key": "pre s", "ResponseContentType": "text/x"},
        )
        with urllib.request.urlopen(get) as answer:
            assert (answer.read(), answer.headers["content-type"]) == (body, "text/x")
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(get.replace("pre%20s", "large"))
        assert caught.value.code == 403
        caught.value.close()


@pytest.mark.parametrize("version", ["s3v4", "s3"])
def test_every_step_of_an_upload_may_be_presigned(s3: Any, server: S3Server, version: str) -> None:
    signer = server.client(signature_version=version)
    where = {"Bucket": "main", "Key": f"presigned \u00e9 {version}"}

    def send(method: str, operation: str, body: bytes = b"", **params: Any) -> tuple[int, bytes]:
        url = signer.generate_presigned_url(operation, Params={**where, **params})
        return server.request(method, url.partition(str(server.port))[2], {}, body)

    assert send("PUT", "put_object", b"whole")[0] == 200
    assert send("GET", "get_object") == (200, b"whole")
    assert send("HEAD", "head_object")[0] == 200
    begun = s3.create_multipart_upload(**where)["UploadId"]
    assert send("PUT", "upload_part", b"part", UploadId=begun, PartNumber=1)[0] == 200
    etag = s3.list_parts(**where, UploadId=begun)["Parts"][0]["ETag"]
    parts = f"<Part><PartNumber>1</PartNumber><ETag>{etag}</ETag></Part>"
    document = f"<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>".encode()
    assert send("POST", "complete_multipart_upload", document, UploadId=begun)[0] == 200
    assert send("GET", "get_object") == (200, b"part")
    assert send("DELETE", "delete_object")[0] == 204
    assert send("GET", "get_object")[0] == 404


@pytest.mark.parametrize("version", ["s3v4", "s3"])
def test_a_presigned_url_may_ask_for_headers_beyond_ascii(
    s3: Any, server: S3Server, version: str
) -> None:
    s3.put_object(Bucket="main", Key="named", Body=b"x", ContentDisposition="inline")
    signer = server.client(signature_version=version)

    def url(name: str) -> str:
        wanted = {"ResponseContentDisposition": name, "ResponseContentType": "text/\u00e9"}
        params = {"Bucket": "main", "Key": "named", **wanted}
        return str(signer.generate_presigned_url("get_object", Params=params))

    with urllib.request.urlopen(url('attachment; filename="\u00e9.csv"')) as answer:
        assert answer.headers["content-disposition"] == 'attachment; filename="\u00e9.csv"'
        assert answer.headers["content-type"] == "text/\u00e9"
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(url("\u65e5\u672c"))
    with caught.value as refused:
        assert (refused.code, b"ISO-8859-1" in refused.read()) == (400, True)


def test_what_travels_with_an_object_may_be_beyond_ascii(s3: Any, server: S3Server) -> None:
    headers = {"content-disposition": "\u00e9".encode().decode("latin-1")}
    assert server.send("PUT", "/main/odd", b"", headers=headers)[0] == 200
    assert s3.head_object(Bucket="main", Key="odd")["ContentDisposition"] == headers.popitem()[1]


def test_a_bucket_may_be_named_by_the_host(s3: Any, server: S3Server) -> None:
    host = {"host": "main.s3.us-east-1.amazonaws.com"}
    assert server.send("PUT", "/by host/k", b"1", headers=host)[0] == 200
    assert s3.get_object(Bucket="main", Key="by host/k")["Body"].read() == b"1"
    status, listing = server.send("GET", "/", headers=host, query="list-type=2&prefix=by")
    assert (status, b"<Key>by host/k</Key>" in listing) == (200, True)
