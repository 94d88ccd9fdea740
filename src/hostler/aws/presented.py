"""What a request presents to be believed: the scope of its signature and what that covers.

Invariant: a scope is only made of well-formed parts, and a request is only read with it when
``host`` and every ``x-amz-*`` header it has are covered.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, Final, NamedTuple

from hostler.aws import route
from hostler.aws.refusals import Refusal, refuse

STREAMING: Final = "STREAMING-"
PLANS_MAX: Final = 4
"""For one order of headers: those who send the same ones nearly always sign the same."""
PLAN_LENGTH_MAX: Final = 1024

_UNSIGNED_ALLOWED: Final = frozenset(
    {
        # Its value is the last line of what is signed.
        "x-amz-content-sha256",
        # Checked against the chunks, which are signed themselves.
        "x-amz-decoded-content-length",
        "x-amz-trailer",
        # Some clients add it after signing, and AWS allows that; it only ever narrows whose secret
        # the signature is checked with.
        "x-amz-security-token",
    }
)

_DATE = re.compile(r"\d{8}", re.ASCII)
_ONCE: Final = (
    "authorization",
    "host",
    "x-amz-date",
    "x-amz-content-sha256",
    "x-amz-security-token",
)


class Order:
    """The names of a request's headers in their order; many requests share one."""

    __slots__ = ("authorization", "names", "plans")

    def __init__(self, names: tuple[str, ...]) -> None:
        self.names = names
        self.plans: dict[str, Plan] = {}
        """By the signed headers' names. A scope has none: it would keep orders alive, each of as
        many names as anyone likes to send."""
        self.authorization = names.index("authorization") if "authorization" in names else -1


@dataclass(slots=True)
class Scope:
    """What an Authorization header says before its signature."""

    access_key_id: str
    date: str
    region: str
    service: str
    text: str
    """``date/region/service/aws4_request``."""
    signed: tuple[str, ...]
    names: str
    """The signed headers' names, joined by semicolons."""


class Plan(NamedTuple):
    """How to take what is needed from headers in a certain order; -1 where there is none."""

    template: str
    pick: Any
    """Chooses the signed headers' values; None where one of them comes twice."""
    stamp: int
    payload: int
    token: int


class Presented(NamedTuple):
    """A request's claim to be someone's, not yet verified."""

    scope: Scope
    stamp: str
    """The time of signing, as it was sent."""
    signature: str
    head: str
    """The canonical request up to its last line, the payload's hash."""
    payload_hash: str | None
    """What the request says its body's hash is (or ``UNSIGNED-PAYLOAD``, ``STREAMING-…``)."""
    session_token: str | None
    expires_s: int | None
    """A presigned request's life; None for one signed in its header."""
    head_without_token: str = ""
    """For presigned requests: ``head`` as signers see it who add the session token afterwards."""
    trailer: str = ""
    """The names of the trailers that the request announces."""
    decoded_length: str = ""
    """What the request says its length is without the framing of its chunks."""

    @property
    def access_key_id(self) -> str:
        return self.scope.access_key_id

    @property
    def region(self) -> str:
        return self.scope.region

    @property
    def service(self) -> str:
        """The signing name: ``sagemaker`` for sagemaker-runtime too."""
        return self.scope.service

    @property
    def is_streaming(self) -> bool:
        """Whether the body is framed as aws-chunked (see ``chunked.ChunkedBody``)."""
        return self.payload_hash is not None and self.payload_hash.startswith(STREAMING)

    def with_stream(self, headers: Mapping[str, str]) -> "Presented":
        """The same, with what the headers say of a body in chunks."""
        return self._replace(
            trailer=headers.get("x-amz-trailer", ""),
            decoded_length=headers.get("x-amz-decoded-content-length", ""),
        )


def read_scope(service: str, credential: str, signed_headers: str) -> Scope:
    """Checks and takes apart a credential and the list of signed headers.

    Args:
        service: The one that the request goes to (botocore's name).
        credential: ``key/date/region/service/aws4_request``.
        signed_headers: Names joined by semicolons.
    """
    parts = credential.split("/")
    if len(parts) != 5 or parts[4] != "aws4_request" or not all(parts):
        text = f"Credential must have five slash-delimited elements, got '{credential[:200]}'."
        raise refuse(service, Refusal.INCOMPLETE, text)
    key, date, region, name, _ = parts
    if _DATE.fullmatch(date) is None:
        raise refuse(service, Refusal.INCOMPLETE, f"The credential's date is not one: '{date}'.")
    if name != route.signing_name(service):
        # What the request is for must be what it was signed for, however its scope is spelt.
        expected = route.signing_name(service)
        text = f"Credential should be scoped to correct service: '{expected}'."
        raise refuse(service, Refusal.MISMATCH, text)
    signed = tuple(signed_headers.split(";"))
    if list(signed) != sorted(set(signed)) or signed_headers != signed_headers.lower():
        text = "SignedHeaders must be lower-case, sorted, and without duplicates."
        raise refuse(service, Refusal.INCOMPLETE, text)
    if "host" not in signed:
        raise refuse(service, Refusal.UNSIGNED_HEADER, "'host' must be a signed header.")
    return Scope(key, date, region, name, credential[len(key) + 1 :], signed, signed_headers)


def plan_for(scope: Scope, order: Order) -> Plan:
    """Checks that a scope covers headers of these names, and keeps how to read them (bounded)."""
    names = order.names
    for once in _ONCE:
        if names.count(once) > 1:
            raise refuse(scope.service, Refusal.INCOMPLETE, f"The header {once} comes twice.")
    if "x-amz-date" not in names:
        raise refuse(scope.service, Refusal.INCOMPLETE, "The header x-amz-date is missing.")
    check_covered(scope, names)

    def position(name: str) -> int:
        return names.index(name) if name in names else -1

    single = all(names.count(name) == 1 for name in scope.signed)
    plan = Plan(
        "".join([f"{name.replace('%', '%%')}:%s\n" for name in scope.signed]),
        itemgetter(*[names.index(name) for name in scope.signed]) if single else None,
        position("x-amz-date"),
        position("x-amz-content-sha256"),
        position("x-amz-security-token"),
    )
    if len(scope.names) <= PLAN_LENGTH_MAX:
        if len(order.plans) >= PLANS_MAX:
            order.plans.clear()
        order.plans[scope.names] = plan
    return plan


def check_covered(scope: Scope, names: Sequence[str]) -> None:
    """Every signed header is there, and every ``x-amz-*`` header is signed."""
    missing = [name for name in scope.signed if name not in names]
    if missing:
        text = f"These signed headers are missing: {', '.join(missing)}."
        raise refuse(scope.service, Refusal.MISMATCH, text)
    bare = [
        name
        for name in names
        if name.startswith("x-amz-") and name not in scope.signed and name not in _UNSIGNED_ALLOWED
    ]
    if bare:
        text = ", ".join(bare)
        if scope.service != "s3":
            text = f"These headers must be signed: {text}."
        raise refuse(scope.service, Refusal.UNSIGNED_HEADER, text)
