"""Policies of browser forms: what a signer lets others upload, and the signature on it.

Invariant: a form is only let through whose every field the policy speaks of, and of which every
condition is true; signatures are compared in constant time.
https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTConstructPolicy.html
"""

import base64
import binascii
import hmac
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

from hostler.aws.presented import read_scope
from hostler.aws.signing import ALGORITHM, TIME_FORMAT, signing_key

_EXEMPT = frozenset({"file", "policy", "x-amz-signature", "signature", "awsaccesskeyid"})
_IGNORED = "x-ignore-"
_V4 = ("x-amz-algorithm", "x-amz-credential", "x-amz-date", "x-amz-signature")


class PolicyDocumentError(Exception):
    """The document is none."""


class NotCoveredError(Exception):
    """A form that the policy does not let through; the text is AWS's."""


class MissingFieldError(Exception):
    """A field without which nobody has signed; the text is its name."""


@dataclass(frozen=True, slots=True)
class Signed:
    """What a form presents to be believed."""

    access_key_id: str
    region: str
    """Of the signature; empty where its version names none."""
    policy: str
    """As it was sent: base64."""
    signature: str
    token: str
    date: str
    """Of version 4's scope; empty for version 2."""
    at: float | None
    """When version 4 says that it was signed (epoch s)."""

    def is_by(self, secret: str) -> bool:
        """Whether the secret's holder has signed the policy."""
        text = self.policy.encode()
        if self.date:
            made = signing_key(secret, self.date, self.region, "s3").sign(text)
        else:
            digest = hmac.digest(secret.encode(), text, "sha1")
            made = base64.b64encode(digest).decode()
        return hmac.compare_digest(made.encode(), self.signature.encode())


def signed(fields: Mapping[str, str]) -> Signed | None:
    """Who has signed a form (fields by lower-case name), of version 4 or 2; None for nobody.

    Raises:
        MissingFieldError: A part of a signature is missing, or says something else.
        CallerError: The credential is malformed.
    """
    policy, token = fields.get("policy", ""), fields.get("x-amz-security-token", "")
    if "awsaccesskeyid" in fields and "x-amz-signature" not in fields:
        for name in ("policy", "signature"):
            if name not in fields:
                raise MissingFieldError(name)
        return Signed(fields["awsaccesskeyid"], "", policy, fields["signature"], token, "", None)
    if not policy and not any(name in fields for name in _V4):
        return None
    for name in ("policy", *_V4):
        if name not in fields:
            raise MissingFieldError(name)
    scope = read_scope("s3", fields["x-amz-credential"], "host")
    if fields["x-amz-algorithm"] != ALGORITHM:
        raise MissingFieldError("x-amz-algorithm")
    stamp = fields["x-amz-date"]
    try:
        at = datetime.strptime(stamp, TIME_FORMAT).replace(tzinfo=UTC).timestamp()
    except ValueError:
        raise MissingFieldError("x-amz-date") from None
    if stamp[:8] != scope.date:
        raise MissingFieldError("x-amz-date")
    signature = fields["x-amz-signature"]
    return Signed(scope.access_key_id, scope.region, policy, signature, token, scope.date, at)


class Condition(NamedTuple):
    """``eq`` or ``starts-with``."""

    operator: str
    name: str
    """In lower case."""
    value: str
    told: str
    """As AWS writes it in a refusal."""


@dataclass(frozen=True, slots=True)
class Policy:
    """A document: until when, and what must hold."""

    expires: float
    """Epoch s."""
    conditions: tuple[Condition, ...]
    length_min: int
    length_max: int | None

    def check(self, fields: Mapping[str, str], now: float) -> None:
        """Raise NotCoveredError unless a form may be taken.

        Args:
            fields: By lower-case name, with ``bucket``, and their variables replaced.
            now: The wall clock (epoch s).
        """
        if now > self.expires:
            raise NotCoveredError("Invalid according to Policy: Policy expired.")
        for condition in self.conditions:
            if not _holds(condition, fields.get(condition.name)):
                text = f"Invalid according to Policy: Policy Condition failed: {condition.told}"
                raise NotCoveredError(text)
        named = {condition.name for condition in self.conditions}
        extra = [
            name
            for name in fields
            if name not in named and name not in _EXEMPT and not name.startswith(_IGNORED)
        ]
        if extra:
            text = f"Invalid according to Policy: Extra input fields: {', '.join(extra)}"
            raise NotCoveredError(text)


def _holds(condition: Condition, given: str | None) -> bool:
    if given is None:
        return False
    if condition.operator == "eq":
        return given == condition.value
    if condition.name == "content-type":
        return all(each.strip().startswith(condition.value) for each in given.split(","))
    return given.startswith(condition.value)


def read(encoded: str) -> Policy:
    """A policy as a form carries it; raises PolicyDocumentError."""
    try:
        document = json.loads(base64.b64decode(encoded, validate=True).decode())
    except (binascii.Error, ValueError, RecursionError):
        raise PolicyDocumentError("Invalid Policy: Invalid JSON.") from None
    if not isinstance(document, dict):
        raise PolicyDocumentError("Invalid Policy: Invalid JSON.")
    expires = _moment(document.get("expiration"))
    stated = document.get("conditions")
    if not isinstance(stated, list):
        raise PolicyDocumentError("Invalid Policy: Policy missing conditions.")
    conditions: list[Condition] = []
    length_min, length_max = 0, None
    for each in stated:
        match each:
            case dict():
                conditions += _equalities(each)
            case ["content-length-range", low, high]:
                first, last = _size(low), _size(high)
                length_min = max(length_min, first)
                length_max = last if length_max is None else min(length_max, last)
            case [str(operator), str(name), str(value)] if _is_known(operator, name):
                conditions.append(_condition(operator.lower(), name[1:], value))
            case _:
                text = json.dumps(each)[:200]
                raise PolicyDocumentError(f"Invalid Policy: Invalid Condition: {text}.")
    return Policy(expires, tuple(conditions), length_min, length_max)


def _is_known(operator: str, name: str) -> bool:
    return operator.lower() in ("eq", "starts-with") and name.startswith("$")


def _equalities(stated: Mapping[str, Any]) -> Iterator[Condition]:
    for name, value in stated.items():
        if not isinstance(value, str):
            text = "Invalid Policy: Invalid Simple-Condition: value must be a string."
            raise PolicyDocumentError(text)
        yield _condition("eq", name, value)


def _condition(operator: str, name: str, value: str) -> Condition:
    told = f"[{', '.join(map(json.dumps, (operator, f'${name}', value)))}]"
    return Condition(operator, name.lower(), value, told)


def _size(value: object) -> int:
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20:
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    raise PolicyDocumentError("Invalid Policy: Invalid Condition: content-length-range.")


def _moment(text: object) -> float:
    if text is None:
        raise PolicyDocumentError("Invalid Policy: Policy missing expiration.")
    if isinstance(text, str) and text.endswith("Z"):
        try:
            return datetime.fromisoformat(text[:-1]).replace(tzinfo=UTC).timestamp()
        except ValueError:
            pass
    raise PolicyDocumentError(f"Invalid Policy: Invalid 'expiration' value: '{str(text)[:100]}'")
