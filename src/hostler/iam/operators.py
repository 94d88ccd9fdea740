"""The comparisons of condition operators: one value of a policy with one of a request.

Invariant: a value that cannot be read as what its operator compares answers MAYBE, on either side.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
"""

import base64
import binascii
import ipaddress
import operator
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TypeVar

from hostler.iam.answer import Answer
from hostler.iam.context import Facts
from hostler.iam.globs import Glob, glob
from hostler.iam.variables import Template, template

ARN_PARTS = 6
NUMBER_CHARACTERS_MAX = 64

Value = Callable[[str, Facts], Answer]
"""Does a value of the request match this one of the policy?"""
Reader = Callable[[str, bool], Value]
"""Reads a value of a policy; whether ``${…}`` are variables in it."""

T = TypeVar("T")
_Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_NUMBER = re.compile(r"[+-]?\d+(?:\.\d+)?", re.ASCII)
_MOMENT = re.compile(
    r"(\d{4})-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,6})\d*)?)?"
    r"(Z|[+-]\d\d:?\d\d))?)?",
    re.ASCII | re.IGNORECASE,
)
_EPOCH = re.compile(r"\d{1,19}", re.ASCII)
_YEAR_DIGITS = 4
_PREFIX = re.compile(r"\d{1,3}", re.ASCII)
_START = datetime(1970, 1, 1, tzinfo=UTC)


def _yes(*, that: bool) -> Answer:
    return Answer.YES if that else Answer.NO


# Strings and ARNs, where variables may stand.


def _exactly(raw: str, variables: bool) -> Value:
    written = template(raw, variables=variables, is_pattern=False)
    fixed = written.text
    if fixed is not None:
        return lambda text, _facts: _yes(that=text == fixed)
    return lambda text, facts: _filled(written, text, facts)


def _ignoring_case(raw: str, variables: bool) -> Value:
    written = template(raw, variables=variables, is_pattern=False)
    return lambda text, facts: _filled(written, text, facts, fold=True)


def _like(raw: str, variables: bool) -> Value:
    written = template(raw, variables=variables, is_pattern=True)
    fixed = written.text
    if fixed is not None:
        pattern = glob(fixed)
        return lambda text, _facts: _yes(that=pattern.matches(text))
    return lambda text, facts: _filled(written, text, facts)


def _arn(raw: str, variables: bool) -> Value:
    written = template(raw, variables=variables, is_pattern=True)
    wanted = parts(written)

    def value(text: str, facts: Facts) -> Answer:
        given = text.split(":", ARN_PARTS - 1)
        if len(wanted) != ARN_PARTS or len(given) != ARN_PARTS:
            return Answer.MAYBE
        return parts_match(wanted, given, facts)

    return value


def parts(written: Template) -> tuple[Glob | Template, ...]:
    """The parts of an ARN's pattern; what depends on no request is compiled."""
    cut = written.split(":", ARN_PARTS - 1)
    return tuple(part if part.text is None else glob(part.text) for part in cut)


def parts_match(wanted: tuple[Glob | Template, ...], given: list[str], facts: Facts) -> Answer:
    """Does each part of an ARN fit its own pattern?"""
    best = Answer.YES
    for pattern, text in zip(wanted, given, strict=True):
        if isinstance(pattern, Glob):
            if not pattern.matches(text):
                return Answer.NO
            continue
        found = _filled(pattern, text, facts)
        if found is Answer.NO:
            return found
        best = min(best, found)
    return best


def _filled(written: Template, text: str, facts: Facts, *, fold: bool = False) -> Answer:
    filled = written.fill(facts)
    if filled is None:
        return Answer.NO  # null equals nothing and is like nothing
    wanted, sure = filled
    if sure and not written.is_pattern:
        return _same(wanted, text) if fold else _yes(that=wanted == text)
    if fold:
        if not text.isascii():
            return Answer.MAYBE
        wanted, text = wanted.casefold(), text.casefold()
    if not glob(wanted).matches(text):
        return Answer.NO
    return Answer.YES if sure else Answer.MAYBE


def _same(wanted: str, given: str) -> Answer:
    """Equal but for case; beyond ASCII, case is a matter of opinion."""
    if wanted == given:
        return Answer.YES
    if wanted.isascii() and given.isascii():
        return _yes(that=wanted.lower() == given.lower())
    alike = wanted.casefold() == given.casefold() or wanted.upper() == given.upper()
    return Answer.MAYBE if alike else Answer.NO


# Values that are more than text.


def _compared(read: Callable[[str], T | None], compare: Callable[[T, T], bool]) -> Reader:
    def reader(raw: str, _variables: bool) -> Value:
        wanted = read(raw)

        def value(text: str, _facts: Facts) -> Answer:
            given = read(text)
            if wanted is None or given is None:
                return Answer.MAYBE
            return _yes(that=compare(given, wanted))

        return value

    return reader


def number(text: str) -> Decimal | None:
    """An integer or a decimal number."""
    if len(text) > NUMBER_CHARACTERS_MAX or _NUMBER.fullmatch(text) is None:
        return None
    return Decimal(text)


def moment(text: str) -> int | None:
    """A date of ISO 8601, or seconds of the epoch, as microseconds of the epoch.

    Four digits may be a year or seconds; a time without a zone may be anywhere's: neither is read.
    """
    if _EPOCH.fullmatch(text) is not None:
        return None if len(text) == _YEAR_DIGITS else int(text) * 1_000_000
    found = _MOMENT.fullmatch(text)
    if found is None:
        return None
    year, month, day, hour, minute, second, fraction, zone = found.groups()
    try:
        at = datetime(
            int(year), int(month), int(day or 1), int(hour or 0), int(minute or 0),
            int(second or 0), int((fraction or "0").ljust(6, "0")), tzinfo=UTC,
        )  # fmt: skip
    except ValueError:
        return None
    passed = (at - _START) // timedelta(microseconds=1)
    if zone is None or zone in "zZ":
        return passed
    ahead = int(zone[1:3]) * 3_600 + int(zone[-2:]) * 60
    return passed - (ahead if zone[0] == "+" else -ahead) * 1_000_000


def _truth(text: str) -> bool | None:
    return {"true": True, "false": False}.get(text)


def _bytes(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None


def _address(raw: str, _variables: bool) -> Value:
    network = _network(raw)

    def value(text: str, _facts: Facts) -> Answer:
        try:
            given: _Address = ipaddress.ip_address(text)
        except ValueError:
            return Answer.MAYBE
        if network is None:
            return Answer.MAYBE
        if isinstance(given, ipaddress.IPv6Address) and given.ipv4_mapped is not None:
            given = given.ipv4_mapped
        return _yes(that=given in network)

    return value


def _network(text: str) -> _Network | None:
    address, slash, prefix = text.partition("/")
    if slash and _PREFIX.fullmatch(prefix) is None:
        return None
    try:
        return ipaddress.ip_network(f"{address}{slash}{prefix}", strict=False)
    except ValueError:
        return None


_NUMBERS: Mapping[str, Reader] = {
    "Equals": _compared(number, operator.eq),
    "LessThan": _compared(number, operator.lt),
    "LessThanEquals": _compared(number, operator.le),
    "GreaterThan": _compared(number, operator.gt),
    "GreaterThanEquals": _compared(number, operator.ge),
}
_MOMENTS: Mapping[str, Reader] = {
    "Equals": _compared(moment, operator.eq),
    "LessThan": _compared(moment, operator.lt),
    "LessThanEquals": _compared(moment, operator.le),
    "GreaterThan": _compared(moment, operator.gt),
    "GreaterThanEquals": _compared(moment, operator.ge),
}

OPERATORS: Mapping[str, tuple[Reader, bool]] = {
    "StringEquals": (_exactly, False),
    "StringNotEquals": (_exactly, True),
    "StringEqualsIgnoreCase": (_ignoring_case, False),
    "StringNotEqualsIgnoreCase": (_ignoring_case, True),
    "StringLike": (_like, False),
    "StringNotLike": (_like, True),
    **{f"Numeric{name}": (reader, False) for name, reader in _NUMBERS.items()},
    "NumericNotEquals": (_NUMBERS["Equals"], True),
    **{f"Date{name}": (reader, False) for name, reader in _MOMENTS.items()},
    "DateNotEquals": (_MOMENTS["Equals"], True),
    "Bool": (_compared(_truth, operator.eq), False),
    "BinaryEquals": (_compared(_bytes, operator.eq), False),
    "IpAddress": (_address, False),
    "NotIpAddress": (_address, True),
    "ArnEquals": (_arn, False),
    "ArnLike": (_arn, False),
    "ArnNotEquals": (_arn, True),
    "ArnNotLike": (_arn, True),
}
"""How each operator reads its values, and whether it is negated: none of them may match then.
``Null`` compares no values."""

WITH_VARIABLES = ("String", "Arn")
"""Beginnings of the names of operators whose values may have variables."""
