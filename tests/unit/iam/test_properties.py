"""The compiled engine against the plain one, over random policies and requests.

HOSTLER_IAM_EXAMPLES sets how many are tried of each property; with many of them, also give pytest
``-o faulthandler_timeout=0 -o faulthandler_exit_on_timeout=false``.
"""

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import plain_policies
from hostler.domain.snapshot import Policy, Principal, Session
from hostler.iam import sessions
from hostler.iam.context import ABSENT, EVERYTHING_ELSE
from hostler.iam.evaluate import Decision, PolicyEngine, ResourcePolicy
from hostler.iam.grammar import Kind
from plain_policies import Request

EXAMPLES = int(os.environ.get("HOSTLER_IAM_EXAMPLES", "100"))
CALM = settings(
    deadline=None,
    max_examples=EXAMPLES,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)

Json = dict[str, Any]
OWN, OTHER = "123456789012", "210987654321"
USER = f"arn:aws:iam::{OWN}:user/bob"
ROLE = f"arn:aws:iam::{OWN}:role/r"
SESSION = f"arn:aws:sts::{OWN}:assumed-role/r/s"

ACTIONS = ["s3:GetObject", "s3:PutObject", "sagemaker:InvokeEndpoint"]
ACTION_PATTERNS = ["*", "*", "*", "s3:*", "S3:getobject", "*:Get*", "s3:?utObject", "s3:Get"]
RESOURCES = [
    "*",
    "arn:aws:s3:::a/bob",
    "arn:aws:s3:::a/red/k",
    f"arn:aws:sagemaker:r:{OWN}:endpoint/x",
]
RESOURCE_PATTERNS = [
    "*", "*", "*", "arn:aws:s3:::a*", "arn:aws:s3:::a/?ob", "arn:aws:s3:::a/${aws:username}",
    "arn:aws:s3:::a/${aws:PrincipalTag/team}/*", "arn:aws:s3:::a/${aws:PrincipalTag/team, 'red'}/k",
    "arn:aws:s3:::a/${*}", "arn:aws:sagemaker:*:*:endpoint/*", "arn:aws:sagemaker:*:endpoint/x",
    "arn:aws:s3",
]  # fmt: skip
STRINGS = [
    "red", "RED", "re*", "r?d", "*", "bob", "${aws:username}", "${aws:PrincipalTag/team}",
    "${aws:PrincipalTag/team, 'red'}", "re${*}", "${aws:RequestTag/team}x", "x",
]  # fmt: skip
ARNS = [USER, ROLE, f"arn:aws:iam::{OWN}:*", "arn:aws:iam::*:user/${aws:username}", "arn:*:*:*:*:*"]
MOMENTS = ["2026-01-01T00:00:00Z", "2026-01-01", "1767225600", "2026-01-01T01:00:00+01:00"]
ADDRESSES = ["10.0.0.0/8", "10.1.2.3", "10.1.2.3/24", "2001:db8::/32", "0.0.0.0/0", "::1"]

KINDS: dict[str, tuple[list[str], list[str], list[Any]]] = {
    "String": (
        ["Equals", "NotEquals", "EqualsIgnoreCase", "NotEqualsIgnoreCase", "Like", "NotLike"],
        ["s3:prefix", "aws:RequestTag/team", "aws:PrincipalTag/team", "AWS:username"],
        STRINGS,
    ),
    "Arn": (
        ["Equals", "NotEquals", "Like", "NotLike"],
        ["aws:PrincipalArn", "aws:SourceArn"],
        ARNS,
    ),
    "Numeric": (
        ["Equals", "NotEquals", "LessThan", "LessThanEquals", "GreaterThan", "GreaterThanEquals"],
        ["s3:max-keys"],
        ["10", "10.0", 9, "-1", "10.5"],
    ),
    "Date": (
        ["Equals", "NotEquals", "LessThan", "LessThanEquals", "GreaterThan", "GreaterThanEquals"],
        ["aws:CurrentTime"],
        MOMENTS,
    ),
    "Bool": ([""], ["aws:SecureTransport"], ["true", "false", True, False]),
    "Binary": (["Equals"], ["app:blob"], ["QUJD", "QUJE"]),
    "IpAddress": ([""], ["aws:SourceIp"], ADDRESSES),
    "NotIpAddress": ([""], ["aws:SourceIp"], ADDRESSES),
}
KEYS: dict[str, list[str]] = {
    "s3:prefix": ["red", "Red", "re*", "bob", "x"],
    "aws:requesttag/team": ["red", "bob"],
    "aws:sourcearn": [USER, ROLE],
    "s3:max-keys": ["10", "11"],
    "aws:currenttime": ["2026-01-01T00:00:00Z", "2026-01-01T00:00:01Z"],
    "aws:securetransport": ["true", "false"],
    "app:blob": ["QUJD"],
    "aws:sourceip": ["10.1.2.3", "192.0.2.1", "2001:db8::1"],
}
TAG_KEYS = ["red", "bob", "x"]
TAGS = "aws:principaltag/*"
KNOWN = st.sets(st.sampled_from([*KEYS, "aws:tagkeys", TAGS]))


def some(values: list[Any]) -> st.SearchStrategy[list[Any]]:
    return st.lists(st.sampled_from(values), min_size=1, max_size=3)


@st.composite
def conditions(draw: st.DrawFn) -> Json:
    found: Json = {}
    for _ in range(draw(st.sampled_from([0, 1, 1, 2]))):
        over = draw(st.sampled_from(["", "", "", "ForAllValues:", "ForAnyValue:"]))
        kind = draw(st.sampled_from([*KINDS, "TagKeys", "Null"]))
        if kind == "Null":
            key = draw(st.sampled_from([*KEYS, "aws:TagKeys", "aws:PrincipalTag/team"]))
            found["Null"] = {key: draw(st.sampled_from(["true", "false", True]))}
            continue
        names, keys, values = KINDS["String" if kind == "TagKeys" else kind]
        if kind == "TagKeys":
            keys, over = ["aws:TagKeys"], over or "ForAnyValue:"
        base = "String" if kind == "TagKeys" else kind
        name = (
            f"{over}{base}{draw(st.sampled_from(names))}{draw(st.sampled_from(['', 'IfExists']))}"
        )
        found.setdefault(name, {})[draw(st.sampled_from(keys))] = draw(some(values))
    return found


@st.composite
def statements(draw: st.DrawFn, *, effect: str = "", of_resource: bool = False) -> Json:
    effect = effect or draw(st.sampled_from(["Allow", "Allow", "Allow", "Deny"]))
    found: Json = {
        "Effect": effect,
        draw(st.sampled_from(["Action", "Action", "Action", "NotAction"])): draw(
            some(ACTION_PATTERNS)
        ),
        draw(st.sampled_from(["Resource", "Resource", "Resource", "NotResource"])): draw(
            some(RESOURCE_PATTERNS)
        ),
    }
    if of_resource:
        who = st.sampled_from(["*", USER, ROLE, SESSION, OWN, f"arn:aws:iam::{OWN}:root", OTHER])
        name = draw(st.sampled_from(["Principal", "Principal", "Principal", "NotPrincipal"]))
        found[name] = {"AWS": draw(st.lists(who, min_size=1, max_size=3))}
    condition = draw(conditions())
    return {**found, "Condition": condition} if condition else found


@st.composite
def documents(draw: st.DrawFn, *, effect: str = "", of_resource: bool = False) -> Json:
    return {
        "Version": draw(st.sampled_from(["2012-10-17", "2012-10-17", "2008-10-17"])),
        "Statement": draw(
            st.lists(statements(effect=effect, of_resource=of_resource), min_size=1, max_size=3)
        ),
    }


@st.composite
def requests(draw: st.DrawFn) -> Request:
    is_role = draw(st.booleans())
    tag = draw(st.sampled_from([None, "red", "bob"]))
    keys = {
        key: [draw(st.sampled_from(values))] for key, values in KEYS.items() if draw(st.booleans())
    }
    tag_keys = draw(st.lists(st.sampled_from(TAG_KEYS), max_size=3, unique=True))
    if tag_keys:
        keys["aws:tagkeys"] = tag_keys
    keys["aws:principalarn"] = [ROLE if is_role else USER]
    keys.pop("aws:sourcearn", None)  # only services' own requests have it
    if not is_role:
        keys["aws:username"] = ["bob"]
    if tag is not None:
        keys["aws:principaltag/team"] = [tag]
    own = st.lists(documents(), min_size=1, max_size=2)
    return Request(
        arn=ROLE if is_role else USER,
        account=OWN,
        action=draw(st.sampled_from(ACTIONS)),
        resource=draw(st.sampled_from(RESOURCES)),
        keys=keys,
        identity=draw(own),
        boundary=draw(st.none() | documents()),
        session_arn=SESSION if is_role else None,
        session=draw(st.none() | own) if is_role else None,
        owner=draw(st.sampled_from([OWN, OWN, OTHER])),
        of_resource=draw(st.none() | documents(of_resource=True)),
    )


def decision(request: Request, known: set[str] | None = None) -> Decision:
    """The compiled engine's, told of the keys that are ``known`` (None: of all)."""
    tags = request.keys.get("aws:principaltag/team")
    tagged = known is None or TAGS in known
    who = Principal(
        request.arn, OWN, "ID", request.arn.rpartition("/")[2], policies(request.identity),
        tags=({"team": tags[0]} if tags else {}) if tagged else None,
    )  # fmt: skip
    context: dict[str, Any] = dict(request.keys)
    if known is None:
        context[EVERYTHING_ELSE] = ABSENT
    else:
        every = {*KEYS, "aws:tagkeys"}
        context = {key: request.keys.get(key, ABSENT) for key in every & known}
    boundary, arn, inside = request.boundary, request.session_arn, request.session
    who = replace(who, boundary=None if boundary is None else policies([boundary])[0])
    if arn is not None:
        limits = None if inside is None else policies(inside)
        who = sessions.of_role(
            who, arn.rpartition("/")[2], Session("ASIA1", 0.0, policies=limits), {}
        )
    document = request.of_resource
    return PolicyEngine().decide(
        who,
        request.action,
        request.resource,
        context,
        on=ResourcePolicy(
            request.owner, None if document is None else json.dumps(document), kind=Kind.LOGS
        ),
    )


def asking(request: Request) -> Iterator[Request]:
    """For every action on every resource."""
    for action, resource in product(ACTIONS, RESOURCES):
        yield replace(request, action=action, resource=resource)


def policies(given: list[Json]) -> tuple[Policy, ...]:
    return tuple(Policy(f"p{number}", json.dumps(each)) for number, each in enumerate(given))


def verdict(made: Decision) -> str:
    if made.allowed:
        return "allowed"
    return "explicitDeny" if made.explicit_deny else "implicitDeny"


@CALM
@given(requests())
def test_the_compiled_engine_equals_the_plain_one(request_: Request) -> None:
    for asked in asking(request_):
        assert verdict(decision(asked)) == plain_policies.decide(asked)


@CALM
@given(requests(), KNOWN)
def test_what_is_not_known_never_allows_what_would_be_denied(
    request_: Request, known: set[str]
) -> None:
    for asked in asking(request_):
        if decision(asked, known).allowed:
            assert plain_policies.decide(asked) == "allowed"


@CALM
@given(requests(), documents(effect="Deny"))
def test_adding_a_deny_never_allows_more(request_: Request, more: Json) -> None:
    after = replace(request_, identity=[*request_.identity, more])
    assert decision(request_).allowed or not decision(after).allowed


@CALM
@given(requests(), documents(effect="Allow"), KNOWN)
def test_adding_an_allow_never_allows_less(request_: Request, more: Json, known: set[str]) -> None:
    after = replace(request_, identity=[*request_.identity, more])
    assert decision(after, known).allowed or not decision(request_, known).allowed


@CALM
@given(requests(), st.randoms(use_true_random=False), KNOWN)
def test_order_does_not_matter(request_: Request, dice: Any, known: set[str]) -> None:
    mixed = [
        {**each, "Statement": dice.sample(each["Statement"], len(each["Statement"]))}
        for each in dice.sample(request_.identity, len(request_.identity))
    ]
    after = replace(request_, identity=mixed)
    assert verdict(decision(after, known)) == verdict(decision(request_, known))


@CALM
@given(requests(), KNOWN, KNOWN)
def test_what_may_be_remembered_does_not_depend_on_the_request(
    request_: Request, one: set[str], two: set[str]
) -> None:
    made = decision(request_, one)
    if made.cacheable:
        assert decision(request_, (two - {TAGS}) | (one & {TAGS})) == made
