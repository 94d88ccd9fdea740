"""Invocations whose signature covers what changes with each, as the SDK for Go writes them."""

import hashlib
from collections.abc import Mapping, Sequence
from time import time

from gateway_pieces import PATH, REGION, ROOT_KEY, ROOT_SECRET
from hostler.aws import sigv4

CHANGE = {
    "content-length": "5",
    "amz-sdk-invocation-id": "3f2a-01",
    "amz-sdk-request": "ttl=20261128T054510Z; attempt=1; max=3",
}


def written(
    body: bytes, covered: Sequence[tuple[str, str]], bare: Sequence[tuple[str, str]] = ()
) -> bytes:
    """A request with headers that are signed, and others behind that are not."""
    head = sigv4.sign(
        "POST",
        PATH,
        covered,
        hashlib.sha256(body).hexdigest(),
        access_key_id=ROOT_KEY,
        secret=ROOT_SECRET,
        region=REGION,
        service="sagemaker",
        now=time(),
    )
    lines = "".join(f"{name}: {value}\r\n" for name, value in [*head, *bare])
    return f"POST {PATH} HTTP/1.1\r\n{lines}\r\n".encode() + body


def by_go(body: bytes = b"hello", **differs: str) -> bytes:
    """All is signed but the user agent (aws-sdk-go-v2's IgnoredHeaders)."""
    headers = {
        "host": "h:1",
        **CHANGE,
        "content-length": str(len(body)),
        "content-type": "text/csv",
        "accept-encoding": "identity",
        **{name.replace("_", "-"): value for name, value in differs.items()},
    }
    return written(body, list(headers.items()), [("user-agent", "aws-sdk-go-v2/1.36")])


def signing_one(name: str, values: Mapping[str, str] = CHANGE, body: bytes = b"hello") -> bytes:
    """Of what changes, one is signed."""
    covered = [("host", "h:1"), ("content-type", "text/csv"), (name, values[name])]
    return written(body, covered, [each for each in values.items() if each[0] != name])
