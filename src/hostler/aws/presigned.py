"""Version 4 signatures in the query: presigned requests.

Invariant: every part is there exactly once, and nothing in the headers can stand in for it.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from hostler.aws import canonical
from hostler.aws.presented import Presented, Scope, check_covered, read_scope
from hostler.aws.refusals import Refusal, refuse
from hostler.aws.signing import ALGORITHM, UNSIGNED_PAYLOAD

EXPIRES_MAX_S: Final = 604_800

_QUERY_PARTS: Final = (
    "X-Amz-Algorithm",
    "X-Amz-Credential",
    "X-Amz-Date",
    "X-Amz-Expires",
    "X-Amz-SignedHeaders",
    "X-Amz-Signature",
)


def present(
    method: str,
    path: str,
    raw_query: str,
    query: Mapping[str, list[str]],
    headers: Sequence[tuple[str, str]],
    *,
    service: str,
) -> Presented:
    """Reads a presigned request to a service; ``query`` is ``raw_query`` decoded."""
    part = {name: _only(service, query, name) for name in _QUERY_PARTS}
    if part["X-Amz-Algorithm"] != ALGORITHM:
        raise refuse(service, Refusal.INCOMPLETE, f"X-Amz-Algorithm must be {ALGORITHM}.")
    scope = read_scope(service, part["X-Amz-Credential"], part["X-Amz-SignedHeaders"])
    check_covered(scope, [name for name, _ in headers])
    sent = dict(headers)
    uri = canonical.path(path, s3=scope.service == "s3")
    covered = f"{canonical.headers(headers, scope.signed)}\n{scope.names}\n"
    signed_query = canonical.query(raw_query, without=["X-Amz-Signature"])
    token = query.get("X-Amz-Security-Token", [None])[0]
    other = canonical.query(raw_query, without=["X-Amz-Signature", "X-Amz-Security-Token"])
    presented = Presented(
        scope,
        part["X-Amz-Date"],
        part["X-Amz-Signature"],
        f"{method}\n{uri}\n{signed_query}\n{covered}",
        _payload_hash(scope, query, sent),
        token,
        _expires(service, part["X-Amz-Expires"]),
        f"{method}\n{uri}\n{other}\n{covered}" if token else "",
    )
    return presented.with_stream(sent)


def _only(service: str, query: Mapping[str, list[str]], name: str) -> str:
    values = query.get(name, [])
    if len(values) != 1:
        raise refuse(service, Refusal.INCOMPLETE, f"The query needs exactly one {name}.")
    return values[0]


def _payload_hash(
    scope: Scope, query: Mapping[str, list[str]], headers: Mapping[str, str]
) -> str | None:
    """What stands for the payload: a signed header, a parameter, or for S3 nothing at all."""
    declared = headers.get("x-amz-content-sha256")
    if "x-amz-content-sha256" in scope.signed:
        return declared
    payload = query.get("X-Amz-Content-Sha256", [None])[0]
    if payload is None and scope.service == "s3":
        payload = UNSIGNED_PAYLOAD
    if declared not in (None, payload):
        # It would choose how the body is read without having been signed.
        raise refuse(scope.service, Refusal.UNSIGNED_HEADER, "x-amz-content-sha256")
    return payload


def _expires(service: str, text: str) -> int:
    """Seconds that the signature lives."""
    if text.isascii() and text.isdigit() and len(text) <= 9 and 1 <= int(text) <= EXPIRES_MAX_S:
        return int(text)
    why = f"X-Amz-Expires must be between 1 and {EXPIRES_MAX_S} seconds."
    raise refuse(service, Refusal.INCOMPLETE, why)
