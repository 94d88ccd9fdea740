"""Signed requests that were changed on their way: what is accepted still says what was signed."""

import hashlib
import hmac
import re
import time
from random import Random
from urllib.parse import quote, unquote

from hostler.aws import sigv4
from hostler.domain.errors import CallerError

NAME = "sigv4"
NOW = 1_767_225_600.0
KEY, SECRET, SERVICES = "AKIAROOT", "root-secret", ("sagemaker", "s3", "logs", "iam")
TARGETS = ("/", "/endpoints/a/invocations", "/b/k%20k", "/b//k/../k", "/?b=1&a=%2F", "/x?X-Amz-Y=1")
TOKENS = (
    b"", b" ", b"  ", b",", b"=", b";", b"/", b"%", b"%2F", b"%00", b"\n", b"\0", b"&", b"?", b"..",
    b"Signature=", b"Credential=", b"SignedHeaders=", b"host;", b"x-amz-date", b"AWS4-HMAC-SHA256",
    b"UNSIGNED-PAYLOAD", b"STREAMING-UNSIGNED-PAYLOAD-TRAILER", b"X-Amz-Signature=0", b"\xe9", b"0",
    b"authorization: x\n", b"x-amz-date: 20250101T000000Z\n", b"x-amz-security-token: t\n",
)  # fmt: skip


def make(random: Random) -> list[bytes]:
    """The original as text lines (method, target, fields), then the same, changed."""
    original = _presigned(random) if random.random() < 0.3 else _signed(random)
    changed = original
    for _ in range(random.choice((0, 1, 1, 2, 3))):
        at = random.randint(0, len(changed))
        until = min(len(changed), at + random.choice((0, 0, 1, 1, 4, 30)))
        changed = changed[:at] + random.choice(TOKENS) + changed[until:]
    return [original, changed]


def _presigned(random: Random) -> bytes:
    """A URL of S3's that anybody may use for an hour, by AWS's description of it alone."""
    method, path = random.choice(("GET", "PUT")), random.choice(("/b/k", "/b/k%20k", "/b//k"))
    stamp, day = time.strftime("%Y%m%dT%H%M%SZ %Y%m%d", time.gmtime(NOW)).split()
    scope = f"{day}/us-east-1/s3/aws4_request"
    named = {
        "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
        "X-Amz-Credential": f"{KEY}/{scope}",
        "X-Amz-Date": stamp,
        "X-Amz-Expires": "3600",
        "X-Amz-SignedHeaders": "host",
        **random.choice(({}, {"versionId": "a b"}, {"response-content-type": "text/plain"})),
    }
    query = "&".join(f"{quote(name)}={quote(named[name], '')}" for name in sorted(named))
    canonical = f"{method}\n{path}\n{query}\nhost:h:1\n\nhost\nUNSIGNED-PAYLOAD"
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    key = f"AWS4{SECRET}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    told = hmac.digest(key, f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{digest}".encode(), "sha256")
    return f"{method} {path}?{query}&X-Amz-Signature={told.hex()}\nhost: h:1".encode()


def _signed(random: Random) -> bytes:
    """One that is signed by its Authorization header."""
    service = random.choice(SERVICES)
    method, target = random.choice(("GET", "POST", "PUT")), random.choice(TARGETS)
    fields = [("host", "h:1")]
    if random.random() < 0.5:
        fields.append(("x-amz-meta-a", random.choice(("b", "b  c", " b", ""))))
    head = sigv4.sign(
        method, target, fields, hashlib.sha256(b"{}").hexdigest(),
        access_key_id=KEY, secret=SECRET, region="us-east-1", service=service, now=NOW,
    )  # fmt: skip
    lines = [f"{method} {target}", *(f"{name}: {value}" for name, value in head)]
    return "\n".join(lines).encode("latin-1")


Head = tuple[str, str, list[tuple[str, str]]]


def _head(text: bytes) -> Head:
    first, *lines = text.decode("latin-1").split("\n")
    method, _, target = first.partition(" ")
    pairs = [line.partition(":") for line in lines]
    return method, target, [(name.strip().lower(), value.strip(" ")) for name, _, value in pairs]


def judge(_made: object, pieces: list[bytes]) -> None:
    """Raises what is wrong with the verdict."""
    original, changed = map(_head, pieces)
    presented = None
    try:
        presented = sigv4.present(*changed)
        payload = presented.payload_hash or hashlib.sha256(b"{}").hexdigest()
        sigv4.verify(presented, SECRET, payload, NOW)
    except CallerError:
        assert original != changed, "a good signature was refused"
        return
    signed = set(presented.scope.names.split(";"))
    assert "host" in signed
    assert _meaning(original, signed) == _meaning(changed, signed)


def _meaning(head: Head, signed: set[str]) -> object:
    """What a signature stands for: all but its spelling."""
    method, target, fields = head
    path, _, query = target.partition("?")
    values = sorted(
        (name, re.sub(" +", " ", value))
        for name, value in fields
        if name in signed and name != "authorization"
    )
    parts = [part for part in unquote(path, "latin-1").split("/") if part not in {"", "."}]
    while ".." in parts:
        at = parts.index("..")
        del parts[max(0, at - 1) : at + 1]
    pairs = sorted(
        tuple(unquote(half, "latin-1") for half in pair.partition("=")[::2])
        for pair in query.split("&") if pair
    )  # fmt: skip
    return method, parts, pairs, values
