"""A policy engine that is as plain as AWS's pages, for whoever doubts the compiled one.

It reads raw JSON each time, knows every condition key of a request, takes no thought of speed, and
shares no code with ``hostler.iam``.
"""

import base64
import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction
from typing import Any

Json = dict[str, Any]
ANY, ONE = object(), object()


@dataclass
class Request:
    """Everything that a decision depends on; ``keys`` are in lower case, and complete."""

    arn: str
    account: str
    action: str
    resource: str
    keys: dict[str, list[str]]
    identity: list[Json]
    boundary: Json | None = None
    session_arn: str | None = None
    session: list[Json] | None = None
    owner: str = ""
    of_resource: Json | None = None
    is_role: bool = field(init=False)

    def __post_init__(self) -> None:
        self.is_role = ":role/" in self.arn
        self.owner = self.owner or self.account


def decide(request: Request) -> str:
    """``allowed``, ``explicitDeny`` or ``implicitDeny``."""
    layers = [request.identity]
    if request.boundary is not None:
        layers.append([request.boundary])
    if request.session is not None:
        layers.append(request.session)
    of_resource = [] if request.of_resource is None else [request.of_resource]
    for documents in [*layers, of_resource]:
        if any(applies(each, request, "Deny") for each in documents):
            return "explicitDeny"
    own = [any(applies(each, request, "Allow") for each in documents) for documents in layers]
    how = directness(request)
    if request.owner != request.account:
        return "allowed" if all(own) and how > 0 else "implicitDeny"
    if how == 3 or (how == 2 and all(own[1:])) or all(own):
        return "allowed"
    return "implicitDeny"


def applies(document: Json, request: Request, effect: str) -> bool:
    return any(fits(document, each, request) for each in statements(document, effect))


def statements(document: Json, effect: str) -> list[Json]:
    found = document["Statement"]
    found = found if isinstance(found, list) else [found]
    return [each for each in found if each["Effect"] == effect]


def directness(request: Request) -> int:
    """How directly the resource's policy allows: 3 the caller, 2 its role, 1 its account, 0 not."""
    if request.of_resource is None:
        return 0
    best = 0
    for each in statements(request.of_resource, "Allow"):
        if fits(request.of_resource, each, request):
            best = max(best, 1 if "NotPrincipal" in each else named(each["Principal"], request))
    return best


def named(principal: Any, request: Request) -> int:
    values = listed(principal if isinstance(principal, str) else principal.get("AWS", []))
    if "*" in values or request.session_arn in values:
        return 3
    if request.arn in values:
        return 2 if request.is_role else 3
    account = {request.account, f"arn:aws:iam::{request.account}:root"}
    return 1 if account & set(values) else 0


def excepted(each: Json, request: Request) -> bool:
    """Does NotPrincipal leave the caller out?"""
    principal = each["NotPrincipal"]
    if each["Effect"] == "Allow":
        return named(principal, request) > 0
    values = set(listed(principal if isinstance(principal, str) else principal.get("AWS", [])))
    if "*" in values:
        return True
    names = {request.arn, *([request.session_arn] if request.session_arn else [])}
    account = {request.account, f"arn:aws:iam::{request.account}:root"}
    return names <= values and bool(account & values) and request.boundary is None


def fits(document: Json, each: Json, request: Request) -> bool:
    modern = document.get("Version") == "2012-10-17"
    if "Principal" in each and named(each["Principal"], request) == 0:
        return False
    if "NotPrincipal" in each and excepted(each, request):
        return False
    actions = listed(each.get("Action", each.get("NotAction")))
    acts = any(
        like(tokens(one.lower(), {}, modern=False, wild=True), request.action.lower())
        for one in actions
    )
    if acts is ("NotAction" in each):
        return False
    resources = listed(each.get("Resource", each.get("NotResource")))
    about = any(names_resource(one, request, modern=modern) for one in resources)
    if about is ("NotResource" in each):
        return False
    return all(
        holds(operator, key, listed(values), request, modern=modern)
        for operator, keys in each.get("Condition", {}).items()
        for key, values in keys.items()
    )


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def names_resource(pattern: str, request: Request, *, modern: bool) -> bool:
    if pattern == "*":
        return True
    wanted = re.split(r":(?![^{]*\})", pattern) if modern else pattern.split(":")
    wanted = [*wanted[:5], ":".join(wanted[5:])] if len(wanted) > 5 else wanted
    wanted += ["*"] * (6 - len(wanted))
    given = request.resource.split(":", 5)
    if len(given) != 6:
        return False
    read = [tokens(part, request.keys, modern=modern, wild=True) for part in wanted]
    return all(like(*pair) for pair in zip(read, given, strict=True))


def tokens(
    text: str, keys: dict[str, list[str]], *, modern: bool, wild: bool
) -> list[object] | None:
    """A text as characters and wildcards; None when a variable has no value."""
    found: list[object] = []
    while text:
        variable = re.match(r"\$\{([^},]*)(?:, '([^']*)')?\}", text) if modern else None
        if variable is not None:
            name, default = variable[1], variable[2]
            values = [name] if name in ("*", "?", "$") else keys.get(name.lower(), [])
            if not values and default is None:
                return None
            found += list((values or [default])[0])
            text = text[variable.end() :]
            continue
        first, text = text[0], text[1:]
        found.append({"*": ANY, "?": ONE}.get(first, first) if wild else first)
    return found


def like(wanted: Sequence[object] | None, text: str) -> bool:
    if wanted is None:
        return False
    if not wanted or not text:
        return not text and all(each is ANY for each in wanted)
    if wanted[0] is ANY:
        return like(wanted[1:], text) or like(wanted, text[1:])
    return wanted[0] in (ONE, text[0]) and like(wanted[1:], text[1:])


def holds(operator: str, key: str, values: list[Any], request: Request, *, modern: bool) -> bool:
    given = request.keys.get(key.lower(), [])
    wanted = [str(value).lower() if isinstance(value, bool) else str(value) for value in values]
    over, _, name = operator.rpartition(":")
    if name == "Null":
        return ("false" if given else "true") in wanted
    if_exists, name = name.endswith("IfExists"), name.removesuffix("IfExists")
    negated = "Not" in name
    name = name.replace("Not", "")

    def one(text: str) -> bool:
        return any(equal(name, value, text, request, modern=modern) for value in wanted) != negated

    if over == "ForAllValues":
        return all(one(text) for text in given)
    if over == "ForAnyValue":
        return any(one(text) for text in given) or (if_exists and not given)
    if not given:
        return if_exists or negated
    assert len(given) == 1, "AWS does not say what this means"
    return one(given[0])


def equal(name: str, value: str, text: str, request: Request, *, modern: bool) -> bool:
    if name.startswith("String"):
        read = tokens(value, request.keys, modern=modern, wild=name == "StringLike")
        if name == "StringEqualsIgnoreCase":
            return read is not None and "".join(map(str, read)).lower() == text.lower()
        return like(read, text)
    if name.startswith("Arn"):
        wanted, given = re.split(r":(?![^{]*\})", value, maxsplit=5), text.split(":", 5)
        return all(
            like(tokens(part, request.keys, modern=modern, wild=True), found)
            for part, found in zip(wanted, given, strict=True)
        )
    if name.startswith("Numeric"):
        return ordered(name.removeprefix("Numeric"), Fraction(text), Fraction(value))
    if name.startswith("Date"):
        return ordered(name.removeprefix("Date"), seconds(text), seconds(value))
    if name == "IpAddress":
        network, address = ipaddress.ip_network(value, strict=False), ipaddress.ip_address(text)
        return network.version == address.version and address in network
    if name == "BinaryEquals":
        return base64.b64decode(value) == base64.b64decode(text)
    assert name == "Bool"
    return value == text


def ordered(name: str, given: Any, wanted: Any) -> bool:
    return bool(
        {
            "Equals": given == wanted,
            "LessThan": given < wanted,
            "LessThanEquals": given <= wanted,
            "GreaterThan": given > wanted,
            "GreaterThanEquals": given >= wanted,
        }[name]
    )


def seconds(text: str) -> float:
    if text.isdigit():
        return float(text)
    return datetime.fromisoformat(text).timestamp()
