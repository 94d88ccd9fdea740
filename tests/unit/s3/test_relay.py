"""What of a request reaches an external S3: what was judged, written anew, and nothing else."""

import asyncio
import base64
import hashlib
import json
import time
import zlib
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import pytest

from hostler.api.s3.front import Front
from hostler.api.s3.guard import Guard
from hostler.api.s3.kept import Elsewhere
from hostler.api.s3.relay import Relay
from hostler.aws.signing import sign
from hostler.domain.snapshot import Credential, Policy, Principal
from hostler.iam.evaluate import PolicyEngine
from hostler.snapshot.clock import SystemClock
from played_s3 import Player, playing, refused

ACCOUNT = "123456789012"
SECRET = "caller-secret"
FINE: tuple[int, dict[str, str], bytes] = (200, {"ETag": '"e"', "Server": "theirs"}, b"")
MAY = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": "s3:*", "Resource": "arn:aws:s3:::mine/*"},
            {"Effect": "Deny", "Action": "s3:*", "Resource": "arn:aws:s3:::mine/secret/*"},
        ],
    }
)
CALLER = Principal(
    f"arn:aws:iam::{ACCOUNT}:user/caller", ACCOUNT, "AIDA", "caller", (Policy("may", MAY),)
)


def ask(
    player: Player,
    method: str,
    path: str,
    body: bytes = b"",
    *,
    headers: Mapping[str, str] | None = None,
    query: str = "",
    payload_hash: str | None = None,
) -> tuple[int, dict[str, str], bytes]:
    """Send a signed request through a relay to the player; the relay's answer."""
    target = quote(path, safe="/") + (f"?{query}" if query else "")
    signed = sign(
        method,
        target,
        (("host", "localhost"), *(headers or {}).items()),
        payload_hash or hashlib.sha256(body).hexdigest(),
        access_key_id="AKCALLER",
        secret=SECRET,
        region="us-east-1",
        service="s3",
        now=time.time(),
    )
    known = {"AKCALLER": (Credential("AKCALLER", SECRET, CALLER.arn), CALLER)}
    guard = Guard(PolicyEngine(), "us-east-1", Elsewhere(ACCOUNT))
    front = Front(guard, SystemClock(), lambda key, _token: known.get(key), time.time, "us-east-1")
    relay = Relay(player.s3(), front, ACCOUNT)
    sent: list[Any] = []
    lines = [*signed, ("content-length", str(len(body)))]
    scope = {
        "type": "http",
        "method": method,
        "raw_path": target.partition("?")[0].encode(),
        "query_string": query.encode(),
        "headers": [(name.encode(), value.encode()) for name, value in lines],
    }
    messages = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Any:
        return messages.pop() if messages else await asyncio.Future()

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(relay(scope, receive, send))
    told = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], told, b"".join(each["body"] for each in sent[1:])


def test_only_what_the_operation_has_goes_on() -> None:
    headers = {
        "content-type": "text/plain",
        "x-amz-meta-of": "mine",
        "x-minio-force-delete": "true",
        "x-amz-expected-bucket-owner": ACCOUNT,
        "cookie": "c",
    }
    with playing(FINE) as player:
        status, told, _ = ask(player, "PUT", "/mine/a b", b"data", headers=headers, query="x=y")
    (asked,) = player.asked
    assert (status, told["etag"]) == (200, '"e"')
    assert "server" not in told
    assert (asked.method, asked.target, asked.body) == ("PUT", "/mine/a%20b", b"data")
    assert asked.headers["x-amz-meta-of"] == "mine"
    assert asked.headers["content-type"] == "text/plain"
    assert asked.headers["authorization"].startswith("AWS4-HMAC-SHA256 Credential=AKEXT/")
    others = {"x-minio-force-delete", "x-amz-expected-bucket-owner", "cookie"}
    assert others.isdisjoint(asked.headers)


def test_a_body_that_is_not_what_was_signed_never_arrives_whole() -> None:
    with playing(FINE) as player:
        status, _, text = ask(
            player, "PUT", "/mine/k", b"forged", payload_hash=hashlib.sha256(b"signed").hexdigest()
        )
        assert (status, b"XAmzContentSHA256Mismatch" in text) == (400, True)
    assert all(each.body == b"" for each in player.asked)
    assert player.answers == [FINE]


def test_a_checksum_behind_the_body_stays_behind_it() -> None:
    data = bytes(range(256)) * 5000  # more than a piece
    crc = base64.b64encode(zlib.crc32(data).to_bytes(4, "big")).decode()
    framed = b"%x\r\n%b\r\n0\r\nx-amz-checksum-crc32:%b\r\n\r\n" % (len(data), data, crc.encode())
    headers = {
        "content-encoding": "aws-chunked",
        "x-amz-trailer": "x-amz-checksum-crc32",
        "x-amz-decoded-content-length": str(len(data)),
    }
    form = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
    with playing(FINE) as player:
        status, *_ = ask(player, "PUT", "/mine/k", framed, headers=headers, payload_hash=form)
    (asked,) = player.asked
    assert status == 200
    assert asked.headers["x-amz-content-sha256"] == form
    assert asked.headers["x-amz-decoded-content-length"] == str(len(data))
    pieces, rest = b"", asked.body
    while size := int((head := rest.partition(b"\r\n"))[0], 16):
        pieces, rest = pieces + head[2][:size], head[2][size + 2 :]
    assert pieces == data
    assert rest == f"0\r\nx-amz-checksum-crc32:{crc}\r\n\r\n".encode()


@pytest.mark.parametrize(
    ("path", "headers", "code"),
    [
        ("/mine/secret/k", {}, "AccessDenied"),
        ("/mine/k", {"x-amz-copy-source": "/mine/secret/k"}, "AccessDenied"),
        ("/mine/k", {"x-amz-copy-source": "/mine/%73ecret/k"}, "AccessDenied"),
        ("/mine/k", {"x-amz-copy-source": "/mine/a/../secret/k"}, "InvalidURI"),
        ("/mine/a/../secret/k", {}, "InvalidURI"),
        ("/mine/k", {"x-amz-expected-bucket-owner": "999999999999"}, "AccessDenied"),
        ("/mine/k", {"x-amz-acl": "public-read"}, "NotImplemented"),
    ],
)
def test_what_is_refused_here_asks_for_nothing_there(
    path: str, headers: dict[str, str], code: str
) -> None:
    with playing() as player:
        assert f"<Code>{code}</Code>".encode() in ask(player, "PUT", path, headers=headers)[2]
    assert player.asked == []


def test_a_batch_with_one_forbidden_key_is_refused() -> None:
    keys = "".join(f"<Object><Key>{key}</Key></Object>" for key in ("k", "secret/k"))
    body = f"<Delete>{keys}</Delete>".encode()
    md5 = base64.b64encode(hashlib.md5(body).digest()).decode()
    with playing() as player:
        answer = ask(player, "POST", "/mine", body, headers={"content-md5": md5}, query="delete")
    assert b"<Code>AccessDenied</Code>" in answer[2]
    assert player.asked == []


def test_what_is_wrong_with_our_key_there_is_not_the_callers_fault() -> None:
    with playing(refused("InvalidAccessKeyId")) as player:
        status, _, text = ask(player, "GET", "/mine/k")
    assert status == 503
    assert b"it does not know the access key AKEXT" in text
    with playing((403, {}, b""), refused("SignatureDoesNotMatch")) as player:
        assert ask(player, "HEAD", "/mine/k")[0] == 503
    with playing(refused("NoSuchKey", 404)) as player:
        assert ask(player, "GET", "/mine/k")[0] == 404
