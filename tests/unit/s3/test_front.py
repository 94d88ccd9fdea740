"""What every S3 request passes: nobody waits while the document of another is read."""

import asyncio
import base64
import hashlib
import time
from typing import Any

from hostler.api.s3.front import Admitted, Answer, Front
from hostler.api.s3.guard import Guard
from hostler.api.s3.kept import Elsewhere
from hostler.aws.http import HttpRequest
from hostler.aws.signing import sign
from hostler.domain.snapshot import Credential, Principal
from hostler.iam.evaluate import PolicyEngine
from hostler.snapshot.clock import SystemClock

ACCOUNT = "123456789012"
KEY = Credential("AKCALLER", "caller-secret", f"arn:aws:iam::{ACCOUNT}:user/caller")
CALLER = Principal(KEY.principal_arn, ACCOUNT, "AIDA", "caller", ())


def request_of(body: bytes) -> HttpRequest:
    digest = base64.b64encode(hashlib.md5(body).digest()).decode()
    signed = sign(
        "POST",
        "/mine?delete",
        (("host", "localhost"), ("content-md5", digest)),
        hashlib.sha256(body).hexdigest(),
        access_key_id=KEY.access_key_id,
        secret=KEY.secret,
        region="us-east-1",
        service="s3",
        now=time.time(),
    )
    return HttpRequest("POST", "/mine?delete", (*signed, ("content-length", str(len(body)))))


async def answered(body: bytes) -> tuple[bytes, int]:
    """DeleteObjects' answer to a document, and how often others had their turn before it."""
    guard = Guard(PolicyEngine(), "us-east-1", Elsewhere(ACCOUNT))
    front = Front(guard, SystemClock(), lambda _key, _token: (KEY, CALLER), time.time, "us-east-1")
    sent: list[bytes] = []
    turns = 0

    async def receive() -> Any:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message.get("body", b""))

    async def work(_admitted: Admitted, _connection: Any) -> Answer:
        raise AssertionError("what is malformed is not carried out")

    async def others() -> None:
        nonlocal turns
        while not sent:
            turns += 1
            await asyncio.sleep(0)

    await asyncio.gather(front.serve(request_of(body), receive, send, work), others())
    return b"".join(sent), turns


def test_others_have_their_turn_while_a_large_document_is_read() -> None:
    unclosed = b"<Delete>" + b"<Object><Key>k</Key></Object>" * 10_000
    answer, turns = asyncio.run(answered(unclosed))
    assert b"<Code>MalformedXML</Code>" in answer
    assert turns > 0


def test_a_small_document_is_read_at_once() -> None:
    answer, turns = asyncio.run(answered(b"<Delete>"))
    assert b"<Code>MalformedXML</Code>" in answer
    assert turns == 0
