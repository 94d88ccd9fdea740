"""Requests that differ from one before them only in time, signature and body.

A client signs the same headers again and again, so everything but the time of signing and the hash
of the body can be hashed beforehand: what remains for a request are one SHA-256 over that hash and
one HMAC.

Invariant: it accepts only what ``sigv4.verify`` accepts, and refuses nothing: what does not fit is
given to ``sigv4.verify``, as is the first request with each time.
"""

import hmac
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, NamedTuple, Self

from hostler.aws import sigv4
from hostler.aws.presented import Presented
from hostler.aws.signing import ALGORITHM, TIME_FORMAT, signing_key

STAMPS_MAX = 4
CHANGING = frozenset({"content-length", "amz-sdk-invocation-id", "amz-sdk-request"})
"""What changes with each request, beside the time. The SDKs for Go and Java sign these."""
_DATE_HEADER = "x-amz-date:"


class _Prepared(NamedTuple):
    """The hash states for one time of signing and one secret."""

    not_before: float
    not_after: float
    canonical: Any
    inner: Any
    outer: Any


class Recurring:
    """The part of a request's signature that recurs."""

    __slots__ = (
        "_after",
        "_before",
        "_last",
        "_last_secret",
        "_last_stamp",
        "_prepared",
        "_presented",
        "access_key_id",
        "region",
    )

    def __init__(self, presented: Presented, before: str, after: str) -> None:
        self._presented = presented
        self._before = before
        self._after = after
        self._prepared: dict[tuple[str, str], _Prepared] = {}
        self._last: _Prepared | None = None
        self._last_stamp = self._last_secret = ""
        self.access_key_id = presented.access_key_id
        self.region = presented.region

    @classmethod
    def of(cls, presented: Presented) -> Self | None:
        """What recurs of a request that was verified; None where it cannot be told apart."""
        scope = presented.scope
        if not CHANGING.isdisjoint(scope.signed):
            return None
        line = f"\n{_DATE_HEADER}{presented.stamp}\n"
        before, found, after = presented.head.partition(line)
        if (
            not found
            or scope.service == "s3"
            or _DATE_HEADER in after
            or presented.payload_hash is not None
            or presented.session_token is not None
            or presented.expires_s is not None
            or presented.head_without_token
        ):
            return None
        return cls(presented, f"{before}\n{_DATE_HEADER}", f"\n{after}")

    def presented(self, stamp: str, signature: str) -> Presented:
        """The whole claim of a request with this time and signature."""
        head = f"{self._before}{stamp}{self._after}"
        return self._presented._replace(stamp=stamp, signature=signature, head=head)

    def verify(
        self, stamp: str, signature: str, secret: str, body_sha256: str, wall_now: float
    ) -> None:
        """``sigv4.verify`` for a request with this (ASCII) time and signature."""
        if stamp == self._last_stamp and secret is self._last_secret:
            prepared = self._last
        else:
            prepared = self._last = self._prepared.get((stamp, secret))
            self._last_stamp, self._last_secret = stamp, secret
        if prepared is not None:
            not_before, not_after, canonical, inner, outer = prepared
            if not_before <= wall_now <= not_after:
                digest = canonical.copy()
                digest.update(body_sha256.encode())
                within = inner.copy()
                within.update(digest.hexdigest().encode())
                whole = outer.copy()
                whole.update(within.digest())
                if hmac.compare_digest(whole.hexdigest(), signature):
                    return
        sigv4.verify(self.presented(stamp, signature), secret, body_sha256, wall_now)
        self._prepare(stamp, secret)

    def _prepare(self, stamp: str, secret: str) -> None:
        """Hash what the next request with this time, just found good, will have in common."""
        scope = self._presented.scope
        moment = datetime.strptime(stamp, TIME_FORMAT).replace(tzinfo=UTC).timestamp()
        key = signing_key(secret, scope.date, scope.region, scope.service)
        inner = key.inner.copy()
        inner.update(f"{ALGORITHM}\n{stamp}\n{scope.text}\n".encode("latin-1"))
        head = f"{self._before}{stamp}{self._after}".encode("latin-1")
        while len(self._prepared) >= STAMPS_MAX:
            del self._prepared[next(iter(self._prepared))]
        self._last = self._prepared[stamp, secret] = _Prepared(
            moment - sigv4.SKEW_S, moment + sigv4.SKEW_S, sha256(head), inner, key.outer
        )
