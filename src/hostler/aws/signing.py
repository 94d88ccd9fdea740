"""Signature version 4's keys, and a small signer for calls of our own.

Invariant: a derived key is kept as two hash states (HMAC's inner and outer pads), so that a
signature costs two copies and two updates; the cache is bounded.
"""

import hashlib
import hmac
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from hostler.aws import canonical
from hostler.aws.digests import short_sha256

ALGORITHM = "AWS4-HMAC-SHA256"
UNSIGNED_PAYLOAD = "UNSIGNED-PAYLOAD"
EMPTY_SHA256 = hashlib.sha256(b"").hexdigest()
TIME_FORMAT = "%Y%m%dT%H%M%SZ"

KEYS_MAX = 4096

_INNER = bytes(byte ^ 0x36 for byte in range(256))
_OUTER = bytes(byte ^ 0x5C for byte in range(256))


class SigningKey(NamedTuple):
    """HMAC-SHA256 with a fixed key: the states after the key's pads.

    To the outer one comes a digest, which makes one block.
    """

    inner: Any
    outer: Any

    def sign(self, text: bytes) -> str:
        """The hexadecimal HMAC of a text."""
        inner = self.inner.copy()
        inner.update(text)
        outer = self.outer.copy()
        outer.update(inner.digest())
        return outer.hexdigest()  # type: ignore[no-any-return]


_keys: dict[tuple[str, str, str, str], SigningKey] = {}


def signing_key(secret: str, date: str, region: str, service: str) -> SigningKey:
    """The key of a secret for one day, region and service."""
    scope = (secret, date, region, service)
    known = _keys.get(scope)
    if known is None:
        key = f"AWS4{secret}".encode()
        for part in (date, region, service, "aws4_request"):
            key = hmac.digest(key, part.encode("latin-1"), "sha256")
        padded = key.ljust(64, b"\0")
        known = SigningKey(
            hashlib.sha256(padded.translate(_INNER)), short_sha256(padded.translate(_OUTER))
        )
        while len(_keys) >= KEYS_MAX:
            del _keys[next(iter(_keys))]
        _keys[scope] = known
    return known


def sign(
    method: str,
    raw_target: str,
    headers: Sequence[tuple[str, str]],
    body_sha256: str,
    *,
    access_key_id: str,
    secret: str,
    region: str,
    service: str,
    now: float,
) -> tuple[tuple[str, str], ...]:
    """The headers with those that sign them; ``host`` must be among them, names in lower case.

    Args:
        method: The HTTP method.
        raw_target: Path and query as they will be sent.
        headers: All of them are signed.
        body_sha256: Hexadecimal, or UNSIGNED_PAYLOAD for S3.
        access_key_id: Whose signature it is.
        secret: The access key's secret.
        region: The region of the scope.
        service: The signing name of the service.
        now: Seconds since the epoch.
    """
    stamp = datetime.fromtimestamp(now, UTC).strftime(TIME_FORMAT)
    sent = [*headers, ("x-amz-date", stamp)]
    if service == "s3":
        sent.append(("x-amz-content-sha256", body_sha256))
    path, _, query = raw_target.partition("?")
    signed = sorted({name for name, _ in sent})
    names = ";".join(signed)
    request = (
        f"{method}\n{canonical.path(path, s3=service == 's3')}\n{canonical.query(query)}\n"
        f"{canonical.headers(sent, signed)}\n{names}\n{body_sha256}"
    )
    scope = f"{stamp[:8]}/{region}/{service}/aws4_request"
    digest = hashlib.sha256(request.encode("latin-1")).hexdigest()
    signature = signing_key(secret, stamp[:8], region, service).sign(
        f"{ALGORITHM}\n{stamp}\n{scope}\n{digest}".encode()
    )
    authorization = (
        f"{ALGORITHM} Credential={access_key_id}/{scope}, SignedHeaders={names}, "
        f"Signature={signature}"
    )
    return (*sent, ("authorization", authorization))
