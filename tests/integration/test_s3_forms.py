"""Uploads from browser forms: boto3 signs, urllib3 sends, the real server judges."""

import base64
import contextlib
import hashlib
import json
import os
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import urllib3

from s3_rig import S3Server, s3_server
from s3_server import READER

MIB = 1 << 20
FILE = "${filename}"
Refused = tuple[int, str, str]


@pytest.fixture(scope="module")
def server() -> Iterator[S3Server]:
    with s3_server() as running:
        client = running.client()
        client.create_bucket(Bucket="main")
        yield running
        client.close()


@pytest.fixture(scope="module")
def s3(server: S3Server) -> Iterator[Any]:
    client = server.client(signature_version="s3v4")
    yield client
    client.close()


@pytest.fixture(scope="module")
def http() -> Iterator[urllib3.PoolManager]:
    with urllib3.PoolManager(retries=False) as pool:
        yield pool


def sent(
    http: urllib3.PoolManager,
    form: dict[str, Any],
    content: bytes = b"content",
    filename: str = "a.txt",
    after: dict[str, str] | None = None,
    **more: str,
) -> tuple[int, dict[str, str], str]:
    """The answer to a form: status, headers, document."""
    fields = [*form["fields"].items(), *more.items()]
    fields += [("file", (filename, content)), *(after or {}).items()]
    body, kind = urllib3.encode_multipart_formdata(fields)
    answer = http.request(
        "POST", form["url"], body=body, headers={"content-type": kind}, redirect=False
    )
    headers = {name.lower(): value for name, value in answer.headers.items()}
    return answer.status, headers, answer.data.decode()


def outcome(answer: tuple[int, dict[str, str], str], text: str) -> Refused:
    """The status, and of a refusal the code and as much of its message as there is of ``text``."""
    status, _, document = answer
    code, message = told(document) if document else ("", "")
    return status, code, message[: len(text)]


def told(document: str) -> tuple[str, str]:
    """The code and the message of a refusal."""
    code, message = (
        re.search(f"<{name}>(.*?)</{name}>", document, re.DOTALL) for name in ("Code", "Message")
    )
    assert code is not None
    assert message is not None
    return code[1], message[1].replace("&quot;", '"')


@pytest.mark.parametrize("version", ["s3v4", "s3"])
@pytest.mark.parametrize("size", [0, 7, 3 * MIB + 1])
def test_what_is_signed_is_stored(server: S3Server, s3, http, version: str, size: int) -> None:
    content = os.urandom(size)
    signer = server.client(signature_version=version)
    form = signer.generate_presigned_post("main", f"{version}/{size} é")
    signer.close()
    status, headers, document = sent(http, form, content)
    assert (status, document) == (204, "")
    assert headers["etag"] == f'"{hashlib.md5(content, usedforsecurity=False).hexdigest()}"'
    assert headers["location"] == f"http://127.0.0.1:{server.port}/main/{version}/{size}%20%C3%A9"
    got = s3.get_object(Bucket="main", Key=f"{version}/{size} é")
    assert got["Body"].read() == content
    assert got["ContentType"] == "binary/octet-stream"


def test_fields_become_what_a_put_would_have_said(s3, http) -> None:
    tags = "<Tagging><TagSet><Tag><Key>a b</Key><Value>c&amp;d</Value></Tag></TagSet></Tagging>"
    fields = {
        "Content-Type": "text/plain",
        "Cache-Control": "no-cache",
        "x-amz-meta-Who": "me",
        "acl": "private",
        "tagging": tags,
        "x-amz-storage-class": "STANDARD",
        "x-amz-checksum-sha256": base64.b64encode(hashlib.sha256(b"content").digest()).decode(),
        "success_action_status": "201",
    }
    conditions = [{name: value} for name, value in fields.items()]
    form = s3.generate_presigned_post("main", "fields & more", fields, conditions)
    status, headers, document = sent(http, form, after={"submit": "Upload"})
    assert (status, headers["content-type"]) == (201, "application/xml")
    assert "<PostResponse><Location>http://127.0.0.1" in document
    assert "<Bucket>main</Bucket><Key>fields &amp; more</Key><ETag>" in document
    assert headers["etag"].strip('"') in document
    got = s3.get_object(Bucket="main", Key="fields & more", ChecksumMode="ENABLED")
    assert (got["ContentType"], got["CacheControl"]) == ("text/plain", "no-cache")
    assert got["Metadata"] == {"who": "me"}
    assert got["ChecksumSHA256"] == fields["x-amz-checksum-sha256"]
    assert s3.get_object_tagging(Bucket="main", Key="fields & more")["TagSet"] == [
        {"Key": "a b", "Value": "c&d"}
    ]


@pytest.mark.parametrize(
    ("filename", "key"), [("x.bin", "up/x.bin"), ("C:\\dir\\y.bin", "up/y.bin"), ("/a/z", "up/z")]
)
def test_the_files_name_completes_the_key(s3, http, filename: str, key: str) -> None:
    form = s3.generate_presigned_post("main", f"up/{FILE}")
    assert sent(http, form, filename=filename)[0] == 204
    assert s3.head_object(Bucket="main", Key=key)["ContentLength"] == 7


def test_a_browser_is_sent_on(s3, http) -> None:
    to = "https://example.org/done?x=1"
    conditions = [["starts-with", "$success_action_redirect", "https://example.org/"]]
    form = s3.generate_presigned_post("main", "on", {"success_action_redirect": to}, conditions)
    status, headers, _ = sent(http, form)
    assert status == 303
    place = urlsplit(headers["location"])
    assert (place.netloc, place.path) == ("example.org", "/done")
    assert parse_qs(place.query) == {
        "x": ["1"],
        "bucket": ["main"],
        "key": ["on"],
        "etag": [headers["etag"]],
    }
    conditions = [["starts-with", "$success_action_redirect", ""]]
    fields = {"success_action_redirect": "nowhere"}
    form = s3.generate_presigned_post("main", "on", fields, conditions)
    assert sent(http, form)[0] == 204


@pytest.mark.parametrize(
    ("size", "code"),
    [(9, "EntityTooSmall"), (10, ""), (2 * MIB, ""), (2 * MIB + 1, "EntityTooLarge")],
)
def test_the_length_lies_in_its_range(server: S3Server, s3, http, size: int, code: str) -> None:
    form = s3.generate_presigned_post(
        "main", f"range/{size}", None, [["content-length-range", 10, 2 * MIB]]
    )
    status, _, document = sent(http, form, bytes(size))
    if code:
        assert (status, told(document)[0]) == (400, code)
        assert "Contents" not in s3.list_objects_v2(Bucket="main", Prefix=f"range/{size}")
        assert server.unfinished() == []
    else:
        assert status == 204


def broken(form: dict[str, Any], **fields: str | None) -> dict[str, Any]:
    """A form with other fields; None leaves one out."""
    changed = {**form["fields"], **fields}
    kept = {name: value for name, value in changed.items() if value is not None}
    return {**form, "fields": kept}


EXTRA = "Invalid according to Policy: Extra input fields: x-amz-meta-a"
FAILED = "Invalid according to Policy: Policy Condition failed: "
MUST = "Bucket POST must contain a field named '{}'.  If it is specified, please check"


@pytest.mark.parametrize(
    ("fields", "refused"),
    [
        ({"x-amz-meta-a": "b"}, (403, "AccessDenied", EXTRA)),
        ({"x-ignore-a": "b"}, (204, "", "")),
        ({"key": "other"}, (403, "AccessDenied", f'{FAILED}["eq", "$key", "form"]')),
        ({"key": None}, (403, "AccessDenied", f'{FAILED}["eq", "$key", "form"]')),
        ({"x-amz-signature": "0" * 64}, (403, "SignatureDoesNotMatch", "")),
        ({"x-amz-signature": "\u00e9"}, (403, "SignatureDoesNotMatch", "")),
        ({"x-amz-signature": None}, (400, "InvalidArgument", MUST.format("x-amz-signature"))),
        ({"x-amz-credential": "nonsense"}, (400, "AuthorizationHeaderMalformed", "")),
        ({"x-amz-algorithm": "AWS4-HMAC-SHA1"}, (400, "InvalidArgument", "")),
        ({"x-amz-date": "20000101T000000Z"}, (400, "InvalidArgument", "")),
        ({"policy": "e30="}, (403, "SignatureDoesNotMatch", "")),
        ({"policy": None}, (400, "InvalidArgument", MUST.format("policy"))),
        ({"x-amz-security-token": "temporary"}, (400, "InvalidToken", "")),
    ],
)
def test_what_was_not_signed_is_refused(s3, http, fields, refused: Refused) -> None:
    form = broken(s3.generate_presigned_post("main", "form"), **fields)
    assert outcome(sent(http, form), refused[2]) == refused


def test_nobody_and_strangers_and_readers_upload_nothing(server: S3Server, s3, http) -> None:
    form = s3.generate_presigned_post("main", "nobodys")
    status, _, document = sent(http, {"url": form["url"], "fields": {"key": "nobodys"}})
    assert (status, told(document)) == (403, ("AccessDenied", "Access Denied"))
    for user, code in (
        (READER, "AccessDenied"),
        (("AKIAUNKNOWN000000000", "x"), "InvalidAccessKeyId"),
    ):
        other = server.client(user, signature_version="s3v4")
        status, _, document = sent(http, other.generate_presigned_post("main", "nobodys"))
        other.close()
        assert (status, told(document)[0]) == (403, code)
    assert "Contents" not in s3.list_objects_v2(Bucket="main", Prefix="nobodys")
    status, _, document = sent(http, s3.generate_presigned_post("none", "x"))
    assert (status, told(document)[0]) == (404, "NoSuchBucket")


@pytest.mark.parametrize(
    ("name", "value", "refused"),
    [
        ("Content-Type", "text/plain\r\nset-cookie: a=b", (400, "InvalidArgument")),
        ("success_action_redirect", "https://a/\r\nx: y", (400, "InvalidArgument")),
        ("acl", "public-read", (501, "NotImplemented")),
        ("x-amz-website-redirect-location", "/x", (501, "NotImplemented")),
        ("x-amz-nonsense", "x", (501, "NotImplemented")),
        ("tagging", "<Tagging>", (400, "MalformedXML")),
        ("x-amz-checksum-crc32", "AAAAAA==", (400, "BadDigest")),
        ("Content-MD5", "nonsense", (400, "InvalidDigest")),
    ],
)
def test_fields_that_cannot_act_are_refused(s3, http, name, value, refused) -> None:
    form = s3.generate_presigned_post("main", "acts", {name: value}, [{name: value}])
    assert outcome(sent(http, form), "") == (*refused, "")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "MalformedPOSTRequest"),
        (b"nonsense", "MalformedPOSTRequest"),
        (b"--x--\r\n", "InvalidArgument"),
        (b'--x\r\nContent-Disposition: form-data; name="key"\r\n\r\na', "MalformedPOSTRequest"),
        (
            b'--x\r\nContent-Disposition: form-data; name="key"\r\n\r\n' + bytes(30_000),
            "MaxPostPreDataLengthExceeded",
        ),
        (b"--x\r\nContent-Type: a/b\r\n\r\na\r\n--x--\r\n", "MalformedPOSTRequest"),
    ],
)
def test_what_is_no_form_is_refused(server: S3Server, body: bytes, code: str) -> None:
    headers = {"content-type": "multipart/form-data; boundary=x"}
    status, document = server.request("POST", "/main", headers, body)
    assert (status, told(document.decode())[0]) == (400, code)


def test_a_form_that_breaks_off_stores_nothing(server: S3Server, s3) -> None:
    form = s3.generate_presigned_post("main", "broken-off")
    fields = [*form["fields"].items(), ("file", ("a", b"content"))]
    body, kind = urllib3.encode_multipart_formdata(fields)
    for cut in (4, 8, 40):
        status, document = server.request("POST", "/main", {"content-type": kind}, body[:-cut])
        assert (status, told(document.decode())[0]) == (400, "MalformedPOSTRequest")
    assert "Contents" not in s3.list_objects_v2(Bucket="main", Prefix="broken-off")
    assert server.request("POST", "/main/key", {"content-type": kind}, body)[0] == 405
    assert server.unfinished() == []


def test_the_bucket_may_be_the_hosts(server: S3Server, s3) -> None:
    form = s3.generate_presigned_post("main", "hosted")
    fields = [*form["fields"].items(), ("file", ("a", b"content"))]
    body, kind = urllib3.encode_multipart_formdata(fields)
    host = {"content-type": kind, "host": "main.s3.us-east-1.amazonaws.com"}
    with contextlib.closing(server.connection()) as connection:
        connection.request("POST", "/", body, host)
        answer = connection.getresponse()
        assert answer.status == 204
        assert answer.headers["Location"] == "https://main.s3.us-east-1.amazonaws.com/hosted"
    assert s3.head_object(Bucket="main", Key="hosted")["ContentLength"] == 7


def test_a_buckets_policy_may_refuse_forms(s3, http) -> None:
    s3.create_bucket(Bucket="closed")
    statement = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:PutObject",
        "Resource": "arn:aws:s3:::closed/*",
        "Condition": {"StringEquals": {"s3:authType": "POST"}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    s3.put_bucket_policy(Bucket="closed", Policy=policy)
    s3.put_object(Bucket="closed", Key="put", Body=b"content")
    status, _, document = sent(http, s3.generate_presigned_post("closed", "formed"))
    assert (status, told(document)[0]) == (403, "AccessDenied")
