"""S3 under damage: what is cut, forged or killed half-way never becomes an object."""

import base64
import contextlib
import hashlib
import os
import socket
import threading
import time
import zlib
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from hostler.aws.signing import signing_key
from running import eventually
from s3_rig import REGION, S3Server, s3_server
from s3_server import ROOT

MIB = 1 << 20
EMPTY = hashlib.sha256(b"").hexdigest()


@pytest.fixture(scope="module")
def server() -> Iterator[S3Server]:
    with s3_server() as running:
        running.client().create_bucket(Bucket="main")
        yield running


def exists(server: S3Server, key: str) -> bool:
    return server.send("HEAD", f"/main/{key}")[0] == 200


def crc32(data: bytes) -> str:
    return base64.b64encode(zlib.crc32(data).to_bytes(4, "big")).decode()


@pytest.mark.parametrize(
    ("header", "value", "code"),
    [
        ("content-md5", base64.b64encode(hashlib.md5(b"other").digest()).decode(), "BadDigest"),
        ("content-md5", "no digest", "InvalidDigest"),
        ("x-amz-checksum-crc32", crc32(b"other"), "BadDigest"),
        ("x-amz-checksum-crc32", "AAA", "InvalidRequest"),
        ("x-amz-checksum-sha256", base64.b64encode(bytes(32)).decode(), "BadDigest"),
        ("x-amz-checksum-crc64nvme", base64.b64encode(bytes(8)).decode(), "BadDigest"),
        ("x-amz-checksum-crc99", "AAAA", "InvalidRequest"),
        ("x-amz-sdk-checksum-algorithm", "CRC32", "InvalidRequest"),
    ],
)
def test_a_wrong_or_unknown_checksum_is_refused(
    server: S3Server, header: str, value: str, code: str
) -> None:
    status, body = server.send("PUT", "/main/wrong", b"body", headers={header: value})
    assert status == 400
    assert f"<Code>{code}</Code>".encode() in body
    assert not exists(server, "wrong")
    assert server.unfinished() == []


def test_two_checksums_at_once_are_refused(server: S3Server) -> None:
    both = {"x-amz-checksum-crc32": crc32(b"x"), "x-amz-checksum-sha1": "AAAA"}
    status, body = server.send("PUT", "/main/both", b"x", headers=both)
    assert (status, b"Expecting a single" in body) == (400, True)


def test_a_body_other_than_the_signed_one_is_refused(server: S3Server) -> None:
    signed_for = hashlib.sha256(b"signed").hexdigest()
    status, body = server.send("PUT", "/main/forged", b"forged", payload_hash=signed_for)
    assert (status, b"XAmzContentSHA256Mismatch" in body) == (400, True)
    assert not exists(server, "forged")


def test_an_unsigned_header_that_would_change_the_meaning_is_refused(server: S3Server) -> None:
    server.send("PUT", "/main/private", b"private")
    target, headers = server.signed("PUT", "/main/stolen")
    headers["x-amz-copy-source"] = "/main/private"
    assert server.request("PUT", target, headers, b"")[0] == 403
    assert not exists(server, "stolen")


def unsigned_chunks(data: bytes, size: int, trailer: str) -> bytes:
    framed = b""
    for at in range(0, len(data), size):
        piece = data[at : at + size]
        framed += f"{len(piece):x}\r\n".encode() + piece + b"\r\n"
    return framed + f"0\r\nx-amz-checksum-crc32:{trailer}\r\n\r\n".encode()


def send_unsigned(server: S3Server, key: str, data: bytes, trailer: str) -> tuple[int, bytes]:
    return server.send(
        "PUT",
        f"/main/{key}",
        unsigned_chunks(data, 70_000, trailer),
        payload_hash="STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        headers={
            "content-encoding": "aws-chunked",
            "x-amz-decoded-content-length": str(len(data)),
            "x-amz-trailer": "x-amz-checksum-crc32",
            "x-amz-sdk-checksum-algorithm": "CRC32",
        },
    )


def test_chunks_with_a_trailing_checksum_are_decoded_and_verified(server: S3Server) -> None:
    data = os.urandom(3 * MIB)
    assert send_unsigned(server, "chunked", data, crc32(data))[0] == 200
    got = server.client().get_object(Bucket="main", Key="chunked", ChecksumMode="ENABLED")
    assert got["Body"].read() == data
    assert got["ChecksumCRC32"] == crc32(data)
    assert "ContentEncoding" not in got
    status, body = send_unsigned(server, "unchunked", data, crc32(b"other"))
    assert (status, b"BadDigest" in body) == (400, True)
    assert not exists(server, "unchunked")


def signed_chunks(headers: dict[str, str], pieces: list[bytes], forge: int | None) -> bytes:
    scope = headers["authorization"].split("Credential=")[1].split(",")[0].partition("/")[2]
    stamp = headers["x-amz-date"]
    previous = headers["authorization"].rpartition("Signature=")[2]
    key = signing_key(ROOT[1], stamp[:8], REGION, "s3")
    framed = b""
    for number, piece in enumerate([*pieces, b""]):
        text = "\n".join(
            (
                "AWS4-HMAC-SHA256-PAYLOAD",
                stamp,
                scope,
                previous,
                EMPTY,
                hashlib.sha256(piece).hexdigest(),
            )
        )
        previous = key.sign(text.encode())
        sent = bytes(len(piece)) if number == forge else piece
        framed += f"{len(piece):x};chunk-signature={previous}\r\n".encode() + sent + b"\r\n"
    return framed


@pytest.mark.parametrize("forge", [None, 0, 1])
def test_every_signed_chunk_is_verified(server: S3Server, forge: int | None) -> None:
    pieces = [os.urandom(65536), os.urandom(100)]
    target, headers = server.signed(
        "PUT",
        "/main/signed-chunks",
        payload_hash="STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
        headers={
            "content-encoding": "aws-chunked",
            "x-amz-decoded-content-length": str(sum(map(len, pieces))),
        },
    )
    server.send("DELETE", "/main/signed-chunks")
    status, _body = server.request("PUT", target, headers, signed_chunks(headers, pieces, forge))
    assert status == (200 if forge is None else 403)
    if forge is None:
        assert server.send("GET", "/main/signed-chunks") == (200, b"".join(pieces))
    else:
        assert not exists(server, "signed-chunks")


def raw_head(target: str, headers: dict[str, str], length: int) -> bytes:
    lines = [f"PUT {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, f"content-length: {length}", "", ""]).encode()


def test_a_truncated_upload_leaves_nothing(server: S3Server) -> None:
    before = set(server.blobs())
    target, headers = server.signed("PUT", "/main/cut", payload_hash="UNSIGNED-PAYLOAD")
    with socket.create_connection(("127.0.0.1", server.port)) as client:
        client.sendall(raw_head(target, headers, 5 * MIB) + os.urandom(3 * MIB))
        eventually("the upload is being written", server.unfinished)
    eventually("what was written is gone", lambda: not server.unfinished())
    assert not exists(server, "cut")
    assert set(server.blobs()) == before


def test_100_continue_is_sent_only_to_an_upload_that_may_go_on(server: S3Server) -> None:
    for path, first in (("/main/expected", b"HTTP/1.1 100"), ("/absent/expected", b"HTTP/1.1 404")):
        target, headers = server.signed(
            "PUT", path, payload_hash="UNSIGNED-PAYLOAD", headers={"expect": "100-continue"}
        )
        with socket.create_connection(("127.0.0.1", server.port), timeout=60) as client:
            client.sendall(raw_head(target, headers, 4))
            answer = client.recv(4096)
            assert answer.startswith(first)
            if first.endswith(b"100"):
                client.sendall(b"body")
                assert client.recv(4096).startswith(b"HTTP/1.1 200")
            else:
                while more := client.recv(4096):
                    answer += more
                assert b"connection: close" in answer
    assert server.send("GET", "/main/expected") == (200, b"body")


def test_a_connection_is_used_again_after_a_refused_upload(server: S3Server) -> None:
    target, headers = server.signed("PUT", "/absent/key", payload_hash="UNSIGNED-PAYLOAD")
    with contextlib.closing(server.connection()) as connection:
        connection.request("PUT", target, os.urandom(2 * MIB), headers)
        answer = connection.getresponse()
        assert (answer.status, b"NoSuchBucket" in answer.read()) == (404, True)
        again, fields = server.signed("GET", "/main/expected-nothing")
        connection.request("GET", again, headers=fields)
        answer = connection.getresponse()
        assert (answer.status, b"NoSuchKey" in answer.read()) == (404, True)


def test_bytes_that_are_gone_before_they_are_read_are_an_error_that_can_be_tried_again(
    server: S3Server,
) -> None:
    """The answer had begun by then: the client saw a promised length and a broken connection."""
    assert server.send("PUT", "/main/gone", b"collected a moment ago")[0] == 200
    digest = hashlib.sha256(b"collected a moment ago").hexdigest()
    next(path for path in server.blobs() if path.name == digest).unlink()
    status, body = server.send("GET", "/main/gone")
    assert (status, b"<Code>InternalError</Code>" in body) == (500, True)


def test_of_two_uploads_that_must_be_first_one_is(server: S3Server) -> None:
    outcomes: list[int] = []

    def upload(body: bytes) -> None:
        headers = {"if-none-match": "*"}
        outcomes.append(server.send("PUT", "/main/first", body, headers=headers)[0])

    threads = [
        threading.Thread(target=upload, args=(bytes([number]) * MIB,)) for number in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == [200, 412, 412, 412, 412, 412]


def test_a_full_disk_is_told_and_nothing_is_half_written() -> None:
    with s3_server(file_bytes_max=2 * MIB) as server:
        client = server.client()
        client.create_bucket(Bucket="main")
        status, body = server.send("PUT", "/main/too-large", bytes(5 * MIB))
        assert status == 503
        assert b"<Code>ServiceUnavailable</Code>" in body
        assert b"disk is full" in body
        assert not exists(server, "too-large")
        assert server.unfinished() == []
        assert server.send("PUT", "/main/small", b"fits")[0] == 200
        assert server.send("GET", "/main/small") == (200, b"fits")


class _Uploads(threading.Thread):
    """Puts objects until it is told to stop; remembers those that were acknowledged."""

    def __init__(self, server: S3Server, name: str) -> None:
        super().__init__()
        self._client: Any = server.client()
        self._prefix = name
        self.acknowledged: dict[str, bytes] = {}
        self.stop = threading.Event()

    def run(self) -> None:
        number = 0
        while not self.stop.is_set():
            key, body = f"{self._prefix}/{number}", os.urandom(200_000)
            number += 1
            with contextlib.suppress(BotoCoreError, ClientError):
                self._client.put_object(Bucket="main", Key=key, Body=body)
                self.acknowledged[key] = body


def test_kill_9_loses_no_acknowledged_object_and_leaves_no_half_one() -> None:
    with s3_server() as server:
        server.client().create_bucket(Bucket="main")
        kept: dict[str, bytes] = {}
        for attempt in range(2):
            uploads = [_Uploads(server, f"{attempt}-{number}") for number in range(3)]
            for upload in uploads:
                upload.start()
            wanted = time.monotonic() + 0.2 * attempt
            eventually(
                "uploads are under way",
                lambda uploads=uploads, wanted=wanted: (
                    all(each.acknowledged for each in uploads) and time.monotonic() > wanted
                ),
            )
            server.kill()
            for upload in uploads:
                upload.stop.set()
                upload.join()
                kept |= upload.acknowledged
            server.start()
            assert server.unfinished() == []
        client = server.client()
        pages = client.get_paginator("list_objects_v2").paginate(Bucket="main")
        listed = {item["Key"]: item for page in pages for item in page.get("Contents", ())}
        assert kept.keys() <= listed.keys()
        for key, item in listed.items():
            body = client.get_object(Bucket="main", Key=key)["Body"].read()
            assert item["ETag"].strip('"') == hashlib.md5(body).hexdigest()
            assert body == kept.get(key, body)
        for blob in server.blobs():
            assert hashlib.sha256(blob.read_bytes()).hexdigest() == blob.name
