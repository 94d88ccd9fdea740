"""What is known of condition keys, and what that does to decisions (ADR 28)."""

import json
from dataclasses import replace
from typing import Any

import pytest

from hostler.domain.snapshot import Policy, Principal, Session
from hostler.iam import context, sessions
from hostler.iam.context import ABSENT, Facts
from hostler.iam.evaluate import Decision, PolicyEngine

OWN = "123456789012"
USER = Principal(f"arn:aws:iam::{OWN}:user/x/bob", OWN, "AIDA1", "bob", tags={"Team": "red"})
ROOT = Principal(f"arn:aws:iam::{OWN}:root", OWN, OWN, "root", is_root=True, tags={})
ROLE = Principal(f"arn:aws:iam::{OWN}:role/r", OWN, "AROA1", "r", tags={})
LATER = Session("ASIA1", 86_400.5, source_identity="ann")


def assumed(role: Principal, name: str = "s", **tags: str) -> Principal:
    return sessions.of_role(role, name, LATER, tags)


def known(who: Principal, key: str) -> Any:
    return Facts(context.of_principal(who), {}).of(key)


@pytest.mark.parametrize(
    ("key", "of_user", "of_root", "of_role"),
    [
        ("aws:principalarn", (USER.arn,), (ROOT.arn,), (ROLE.arn,)),
        ("aws:principalaccount", (OWN,), (OWN,), (OWN,)),
        ("aws:principaltype", ("User",), ("Account",), ("AssumedRole",)),
        ("aws:username", ("bob",), (), ()),
        ("aws:userid", ("AIDA1",), (OWN,), None),
        ("aws:principaltag/team", ("red",), (), ()),
        ("aws:principaltag/other", (), (), ()),
        ("aws:multifactorauthpresent", (), (), None),
        ("aws:principalorgid", (), (), ()),
        ("aws:sourcevpce", (), (), None),
        ("aws:viaawsservice", ("false",), ("false",), None),
        ("aws:sourceip", None, None, None),
        ("made:up", None, None, None),
    ],
)
def test_what_follows_from_who_calls(key: str, of_user: Any, of_root: Any, of_role: Any) -> None:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html"""
    assert [known(who, key) for who in (USER, ROOT, ROLE)] == [of_user, of_root, of_role]


@pytest.mark.parametrize(
    ("key", "of_role", "of_user"),
    [
        ("aws:principalarn", (ROLE.arn,), (USER.arn,)),
        ("aws:principaltype", ("AssumedRole",), ("User",)),
        ("aws:username", (), ("bob",)),
        ("aws:userid", ("AROA1:s",), ("AIDA1",)),
        ("aws:principaltag/team", ("blue",), ("red",)),
        ("aws:multifactorauthpresent", ("false",), ("false",)),
        ("aws:multifactorauthage", (), ()),
        ("aws:tokenissuetime", ("1970-01-02T00:00:00Z",), ("1970-01-02T00:00:00Z",)),
        ("aws:sourceidentity", ("ann",), ("ann",)),
        ("aws:viaawsservice", ("false",), ("false",)),
    ],
)
def test_what_follows_from_a_session(key: str, of_role: Any, of_user: Any) -> None:
    user = replace(USER, session=LATER)
    assert [known(who, key) for who in (assumed(ROLE, team="blue"), user)] == [of_role, of_user]


def test_session_tags_stand_before_the_roles_own_regardless_of_case() -> None:
    tagged = replace(ROLE, tags={"Team": "red", "a": "b"})
    assert assumed(tagged, team="blue").tags == {"a": "b", "team": "blue"}
    assert assumed(replace(ROLE, tags=None), team="blue").tags is None, "the role's are not known"


def test_tags_of_before_they_were_written_are_not_known() -> None:
    old = Principal(USER.arn, OWN, "AIDA1", "bob")
    assert known(old, "aws:principaltag/team") is None


def test_tags_that_differ_in_case_alone_are_not_known() -> None:
    facts = Facts(
        {}, context.tags("aws:ResourceTag", [("Team", "red"), ("team", "blue"), ("x", "1")])
    )
    assert facts.of("aws:resourcetag/team") is None
    assert facts.of("aws:resourcetag/x") == ("1",)
    assert facts.of("aws:resourcetag/other") == ()
    assert facts.of("sagemaker:resourcetag/x") is None


def test_a_request_does_not_say_who_calls() -> None:
    facts = Facts(context.of_principal(USER), {"aws:username": "eve", "aws:PrincipalTag/Team": "x"})
    assert facts.of("aws:username") == ("bob",)
    assert facts.of("aws:principaltag/team") == ("red",)
    assert not facts.asked


def decide(condition: Any, given: Any, effect: str = "Allow", resource: str = "*") -> Decision:
    statements = [{"Effect": effect, "Action": "*", "Resource": resource, "Condition": condition}]
    if effect == "Deny":
        statements.append({"Effect": "Allow", "Action": "*", "Resource": "*"})
    document = json.dumps({"Version": "2012-10-17", "Statement": statements})
    who = Principal(USER.arn, OWN, "AIDA1", "bob", (Policy("p", document),), tags={"Team": "red"})
    return PolicyEngine().decide(who, "s3:GetObject", "arn:aws:s3:::b/k", given)


@pytest.mark.parametrize(
    "condition",
    [
        {"StringEquals": {"s3:authType": "x"}},
        {"StringNotEquals": {"s3:authType": "x"}},
        {"StringEqualsIfExists": {"s3:authType": "x"}},
        {"StringNotEqualsIfExists": {"s3:authType": "x"}},
        {"Null": {"s3:authType": "true"}},
        {"Null": {"s3:authType": "false"}},
        {"ForAllValues:StringEquals": {"s3:authType": "x"}},
        {"ForAnyValue:StringNotEquals": {"s3:authType": "x"}},
        {"StringNotEquals": {"aws:username": "${s3:authType}"}},
    ],
)
def test_a_key_that_nobody_supplies_refuses(condition: Any) -> None:
    """Each could be true on AWS, and each could be false."""
    assert not decide(condition, {}).allowed
    assert decide(condition, {}, "Deny").explicit_deny


def test_a_key_that_is_said_to_be_absent_is_absent() -> None:
    absent = {"s3:authType": ABSENT}
    assert decide({"StringNotEquals": {"s3:authType": "x"}}, absent).allowed
    assert decide({"Null": {"s3:authType": "true"}}, absent).allowed
    assert not decide({"StringEquals": {"s3:authType": "x"}}, absent).allowed
    assert decide({"StringEquals": {"s3:authType": "x"}}, absent, "Deny").allowed


TIMES = context.times(1_767_225_600.9)


def test_a_moment_in_both_forms() -> None:
    assert TIMES == {"aws:CurrentTime": "2026-01-01T00:00:00Z", "aws:EpochTime": "1767225600"}
    assert decide({"NumericEquals": {"aws:EpochTime": "1767225600"}}, TIMES).allowed
    assert decide({"DateLessThan": {"aws:CurrentTime": "2026-01-01T00:00:01Z"}}, TIMES).allowed


@pytest.mark.parametrize(
    ("condition", "cacheable"),
    [
        ({"StringEquals": {"aws:username": "bob"}}, True),
        ({"StringEquals": {"aws:PrincipalTag/team": "red"}}, True),
        ({"StringEquals": {"aws:RequestedRegion": "eu-west-1"}}, True),
        ({"StringEquals": {"sagemaker:ResourceTag/team": "red"}}, True),
        ({"DateLessThan": {"aws:CurrentTime": "2100-01-01T00:00:00Z"}}, False),
        ({"IpAddress": {"aws:SourceIp": "0.0.0.0/0"}}, False),
        ({"Bool": {"aws:SecureTransport": "true"}}, False),
        ({"StringEquals": {"aws:username": "${aws:SourceIp}"}}, False),
    ],
)
def test_only_what_outlasts_a_request_is_remembered(condition: Any, cacheable: bool) -> None:
    given = {**TIMES, "aws:SourceIp": "10.0.0.1", "aws:RequestedRegion": "eu-west-1"}
    assert decide(condition, given).cacheable is cacheable
    # What does not apply to the resource is not looked at.
    assert decide(condition, given, "Deny", "arn:aws:s3:::other").cacheable


def test_an_engine_forgets_what_a_request_said() -> None:
    statement = {
        "Effect": "Allow", "Action": "*", "Resource": "*",
        "Condition": {"StringEquals": {"aws:RequestedRegion": "eu-west-1"}},
    }  # fmt: skip
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    who = Principal(USER.arn, OWN, "AIDA1", "bob", (Policy("p", document),))
    engine = PolicyEngine()
    for region in ("eu-west-1", "us-east-1", "eu-west-1"):
        made = engine.decide(who, "s3:a", "*", {"aws:RequestedRegion": region})
        assert made.allowed is (region == "eu-west-1")


def test_the_keys_that_policies_read_and_nobody_gives() -> None:
    statement = {
        "Effect": "Allow", "Action": "*", "Resource": "arn:aws:s3:::${aws:username}/${app:Folder}",
        "Condition": {
            "Bool": {"aws:SecureTransport": "true"},
            "StringLike": {"s3:prefix": ["a", "${app:folder}", "${*}"]},
            "Null": {"aws:PrincipalTag/team": "false"},
        },
    }  # fmt: skip
    document = json.dumps({"Version": "2012-10-17", "Statement": statement})
    who = Principal(USER.arn, OWN, "AIDA1", "bob", (Policy("p", document),), tags={})
    engine = PolicyEngine()
    assert engine.missing_keys(who, {}) == ["app:folder", "aws:SecureTransport", "s3:prefix"]
    assert engine.missing_keys(who, {"APP:folder": "x", "*": ABSENT}) == [
        "aws:SecureTransport",
        "s3:prefix",
    ]


def test_sessions_of_one_role_are_told_apart() -> None:
    statement = {
        "Effect": "Allow", "Action": "*", "Resource": "*",
        "Condition": {"StringLike": {"aws:userid": "*:s"}},
    }  # fmt: skip
    document = json.dumps({"Version": "2012-10-17", "Statement": statement})
    who = Principal(ROLE.arn, OWN, "AROA1", "r", (Policy("p", document),))
    engine = PolicyEngine()
    assert engine.decide(assumed(who), "s3:a", "*").allowed
    assert not engine.decide(assumed(who, "s2"), "s3:a", "*").allowed
    assert not engine.decide(who, "s3:a", "*").allowed
