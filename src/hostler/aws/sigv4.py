"""Who signed a request: signature version 4 in the Authorization header or in the query.

Invariant: what is not signed is not believed, there is exactly one source of authentication, and
nothing but a comparison in constant time accepts.

The path that every request takes costs a few microseconds: the Authorization prefix and the order
of the headers repeat from request to request, so what follows from them is kept (bounded).
"""

import hashlib
import hmac
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

from hostler.aws import canonical, presigned, route, sigv2, uri
from hostler.aws.chunked import ChunkedBody
from hostler.aws.presented import STREAMING, Order, Presented, Scope, plan_for, read_scope
from hostler.aws.protocols.errors import UnreadableError
from hostler.aws.refusals import Refusal, refuse
from hostler.aws.signing import (
    ALGORITHM,
    TIME_FORMAT,
    UNSIGNED_PAYLOAD,
    SigningKey,
    sign,
    signing_key,
)
from hostler.domain.errors import CallerError

__all__ = [
    "UNSIGNED_PAYLOAD",
    "ChunkedBody",
    "Order",
    "Presented",
    "order_of",
    "present",
    "present_in",
    "sign",
    "verify",
]

SKEW_S: Final = 300
SKEW_S3_S: Final = 900

CACHED_MAX = 1024
CACHED_LENGTH_MAX = 1024

_PARTS: Final = frozenset({"Credential", "SignedHeaders", "Signature"})
_STAMP = re.compile(r"\d{8}T\d{6}Z", re.ASCII)
_SECOND_SOURCE = re.compile(r"(?:^|&)(?:X-Amz-(?:Signature|Algorithm)|AWSAccessKeyId)=")

_scopes: dict[str, Scope] = {}
_orders: dict[tuple[str, ...], Order] = {}
_paths: dict[str, str] = {}
_moments: dict[str, float] = {}


def _remember(cache: dict[Any, Any], key: Any, value: Any) -> None:
    while len(cache) >= CACHED_MAX:
        del cache[next(iter(cache))]
    cache[key] = value


def present(method: str, raw_target: str, headers: Sequence[tuple[str, str]]) -> Presented:
    """Reads a request's authentication, and what it covers.

    Args:
        method: As received.
        raw_target: Path and query as received, bytes as latin-1 characters.
        headers: In the order received, names in lower case, values as latin-1 characters.

    Raises:
        CallerError: There is none, it is incomplete, there are two, or a header is not covered.
    """
    # Pairs cannot differ in length; «strict» would cost as much again.
    names, values = zip(*headers) if headers else ((), ())  # noqa: B905
    return present_in(order_of(names), method, raw_target, values)


def order_of(names: tuple[str, ...]) -> Order:
    """The order of lower-case names; the same object for those presented lately."""
    order = _orders.get(names)
    if order is None:
        order = Order(names)
        _remember(_orders, names, order)
    return order


def present_in(order: Order, method: str, raw_target: str, values: Sequence[str]) -> Presented:
    """``present`` for headers whose names are known already; ``values`` in the same order."""
    if order.authorization < 0:
        return _present_query(method, raw_target, _pairs(order, values))
    prefix, _, signature = values[order.authorization].rpartition("Signature=")
    scope = _scopes.get(prefix)
    if scope is None or len(signature) != 64:
        scope, signature = _read_authorization(
            method, raw_target, _pairs(order, values), prefix, signature
        )
    plan = order.plans.get(scope.names) or plan_for(scope, order)
    if plan.pick is None:
        covered = canonical.headers(_pairs(order, values), scope.signed)
    else:
        covered = plan.template % plan.pick(values)
        if "  " in covered or ": " in covered or " \n" in covered or "\t" in covered:
            covered = canonical.headers(_pairs(order, values), scope.signed)
    path, mark, query = raw_target.partition("?")
    if mark:
        if _SECOND_SOURCE.search(query):
            raise refuse(scope.service, Refusal.AMBIGUOUS, "There are two signatures.")
        query = canonical.query(query)
    path = _paths.get(path) or _canonical_path(path, scope.service)
    payload = values[plan.payload] if plan.payload >= 0 else None
    presented = Presented(
        scope,
        values[plan.stamp],
        signature,
        f"{method}\n{path}\n{query}\n{covered}\n{scope.names}\n",
        payload,
        values[plan.token] if plan.token >= 0 else None,
        None,
    )
    if payload is not None and payload.startswith(STREAMING):
        return presented.with_stream(dict(_pairs(order, values)))
    return presented


def _pairs(order: Order, values: Sequence[str]) -> tuple[tuple[str, str], ...]:
    return tuple(zip(order.names, values, strict=True))


def _canonical_path(raw: str, service: str) -> str:
    """A path's canonical form, remembered where it is the same for every service."""
    made = canonical.path(raw, s3=service == "s3")
    if made == raw and service != "s3" and len(raw) <= CACHED_LENGTH_MAX:
        _remember(_paths, raw, made)
    return made


def _read_authorization(
    method: str,
    raw_target: str,
    headers: Sequence[tuple[str, str]],
    prefix: str,
    signature: str,
) -> tuple[Scope, str]:
    """The scope and the signature of an Authorization header not seen before."""
    service = route.service_name(method, raw_target, headers)
    header = f"{prefix}Signature={signature}" if prefix else signature
    algorithm, _, rest = header.strip().partition(" ")
    if algorithm != ALGORITHM:
        if service == "s3":
            raise CallerError(
                "InvalidRequest",
                "The authorization mechanism you have provided is not supported. "
                f"Please use {ALGORITHM}.",
            )
        raise refuse(service, Refusal.INCOMPLETE, f"Unsupported AWS 'algorithm': '{algorithm}'.")
    pieces = [piece.strip().partition("=") for piece in rest.split(",")]
    parts = {name: value for name, _, value in pieces if value}
    if len(pieces) != len(_PARTS) or parts.keys() != _PARTS:
        text = f"Authorization header requires exactly the parameters {', '.join(sorted(_PARTS))}."
        raise refuse(service, Refusal.INCOMPLETE, text)
    scope = read_scope(service, parts["Credential"], parts["SignedHeaders"])
    if parts["Signature"] == signature and len(prefix) <= CACHED_LENGTH_MAX:
        # Only where the signature comes last does the prefix say everything else.
        _remember(_scopes, prefix, scope)
    return scope, parts["Signature"]


def _present_query(method: str, raw_target: str, headers: Sequence[tuple[str, str]]) -> Presented:
    """Reads a request that is signed in its query, if at all."""
    path, _, raw_query = raw_target.partition("?")
    service = route.service_name(method, raw_target, headers)
    try:
        query = uri.multidict(raw_query)
    except UnreadableError as error:
        raise refuse(service, Refusal.INCOMPLETE, error.message) from None
    version_4 = "X-Amz-Algorithm" in query or "X-Amz-Signature" in query
    version_2 = service == "s3" and "Signature" in query and "AWSAccessKeyId" in query
    if version_4 and version_2:
        raise refuse(service, Refusal.AMBIGUOUS)
    if version_4:
        return presigned.present(method, path, raw_query, query, headers, service=service)
    if version_2:
        return sigv2.present(method, path, query, headers)
    raise refuse(service, Refusal.MISSING)


def verify(presented: Presented, secret: str, body_sha256: str, wall_now: float) -> None:
    """Accepts a request's signature, or raises.

    Args:
        presented: From ``present``.
        secret: The access key's secret.
        body_sha256: The hexadecimal hash of the body. S3, whose bodies are read after their heads,
            passes ``presented.payload_hash`` and compares the hash itself when it knows it.
        wall_now: The wall clock, seconds since the epoch.

    Raises:
        CallerError: In the words of the service that the scope names.
    """
    scope = presented.scope
    if not scope.text:
        sigv2.verify(presented, secret, wall_now)
        return
    moment = _moments.get(presented.stamp)
    if (
        moment is None
        or abs(wall_now - moment) > SKEW_S
        or presented.expires_s is not None
        or not presented.stamp.startswith(scope.date)
    ):
        _check_time(presented, wall_now)
    payload = presented.payload_hash
    if payload is None:
        payload = body_sha256
    elif payload != body_sha256:
        if scope.service != "s3":
            raise refuse(scope.service, Refusal.PAYLOAD)
        if payload != UNSIGNED_PAYLOAD and not payload.startswith(STREAMING):
            raise refuse(scope.service, Refusal.PAYLOAD)
    elif scope.service != "s3" and len(payload) != 64:
        raise refuse(scope.service, Refusal.PAYLOAD)
    key = signing_key(secret, scope.date, scope.region, scope.service)
    if _signed(presented, key, presented.head, payload):
        return
    if presented.head_without_token and _signed(
        presented, key, presented.head_without_token, payload
    ):
        return
    raise refuse(scope.service, Refusal.MISMATCH)


def signed_at(presented: Presented) -> float | None:
    """When a verified request was signed, by its own account (epoch s); None in version 2."""
    return _moment(presented.service, presented.stamp) if presented.scope.text else None


def _signed(presented: Presented, key: SigningKey, head: str, payload: str) -> bool:
    """Whether the signature is the key's for this canonical request."""
    digest = hashlib.sha256((head + payload).encode("latin-1")).hexdigest()
    text = f"{ALGORITHM}\n{presented.stamp}\n{presented.scope.text}\n{digest}"
    claimed = presented.signature
    return claimed.isascii() and hmac.compare_digest(key.sign(text.encode("latin-1")), claimed)


def _check_time(presented: Presented, wall_now: float) -> None:
    scope, stamp = presented.scope, presented.stamp
    moment = _moments.get(stamp)
    if moment is None:
        moment = _moment(scope.service, stamp)
        _remember(_moments, stamp, moment)
    if stamp[:8] != scope.date:
        text = (
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from "
            f"HTTP: '{scope.date}' != '{stamp[:8]}', from '{stamp}'."
        )
        raise refuse(scope.service, Refusal.MISMATCH, text)
    skew = SKEW_S3_S if scope.service == "s3" else SKEW_S
    if presented.expires_s is not None:
        if wall_now > moment + presented.expires_s:
            raise refuse(scope.service, Refusal.EXPIRED, f"Signature expired: {stamp}.")
        if moment > wall_now + skew:
            raise refuse(scope.service, Refusal.SKEWED, f"Signature not yet current: {stamp}.")
        return
    if abs(wall_now - moment) <= skew:
        return
    late = moment < wall_now
    now, edge = (
        datetime.fromtimestamp(at, UTC).strftime(TIME_FORMAT)
        for at in (wall_now, wall_now + (-skew if late else skew))
    )
    what, way = ("Signature expired", "-") if late else ("Signature not yet current", "+")
    relation = "now earlier" if late else "still later"
    text = f"{what}: {stamp} is {relation} than {edge} ({now} {way} {skew // 60} min.)"
    raise refuse(scope.service, Refusal.SKEWED, text)


def _moment(service: str, stamp: str) -> float:
    """The time of a stamp, seconds since the epoch."""
    if _STAMP.fullmatch(stamp):
        try:
            return datetime.strptime(stamp, TIME_FORMAT).replace(tzinfo=UTC).timestamp()
        except ValueError:
            pass
    text = f"Date must be in ISO-8601 'basic format'. Got '{stamp[:40]}'."
    raise refuse(service, Refusal.INCOMPLETE, text)
