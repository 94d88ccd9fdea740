"""What each kind of policy adds and takes away, one case per rule of AWS's pages.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_policy-eval-denyallow.html
"""

import json
from dataclasses import replace
from typing import Any

import pytest

from hostler.domain.snapshot import Policy, Principal, Session
from hostler.iam import sessions
from hostler.iam.evaluate import (
    Decision,
    PolicyEngine,
    ResourcePolicy,
    refusal_text,
)
from hostler.iam.grammar import Kind, Source

OWN, OTHER = "123456789012", "210987654321"
USER = f"arn:aws:iam::{OWN}:user/bob"
ROLE = f"arn:aws:iam::{OWN}:role/r"
SESSION = f"arn:aws:sts::{OWN}:assumed-role/r/s"
ROOT = f"arn:aws:iam::{OWN}:root"
GET, KEY = "s3:GetObject", "arn:aws:s3:::b/k"

ALLOW = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
DENY = {**ALLOW, "Effect": "Deny"}
NOTHING = {**ALLOW, "Action": "ec2:*"}


def policy(*statements: Any, name: str = "p") -> Policy:
    return Policy(name, json.dumps({"Version": "2012-10-17", "Statement": list(statements)}))


def bucket(*statements: Any, owner: str = OWN) -> ResourcePolicy:
    return ResourcePolicy(owner, policy(*statements).document, "arn:aws:s3:::b")


def to(principal: Any, effect: str = "Allow") -> dict[str, Any]:
    named = principal if principal == "*" else {"AWS": principal}
    return {**ALLOW, "Effect": effect, "Principal": named}


def user(*statements: Any, root: bool = False) -> Principal:
    policies = (policy(*statements),) if statements else ()
    return Principal(ROOT if root else USER, OWN, "AIDA1", "bob", policies, is_root=root)


def role(*statements: Any) -> Principal:
    return Principal(ROLE, OWN, "AROA1", "r", (policy(*statements),) if statements else ())


def session(*policies: Policy) -> Session:
    return Session("ASIA1", 0.0, policies=policies or None)


def decide(
    who: Principal,
    *,
    on: ResourcePolicy | None = None,
    boundary: Policy | None = None,
    session: Session | None = None,
) -> Decision:
    limited = replace(who, boundary=boundary)
    if session is not None:
        limited = sessions.of_role(limited, "s", session, {})
    return PolicyEngine().decide(limited, GET, KEY, on=on)


@pytest.mark.parametrize(
    ("identity", "boundary", "source"),
    [
        (ALLOW, ALLOW, None),
        (ALLOW, NOTHING, Source.BOUNDARY),
        (NOTHING, ALLOW, Source.IDENTITY),
        (ALLOW, DENY, Source.BOUNDARY),
    ],
)
def test_a_boundary_only_limits(identity: Any, boundary: Any, source: Source | None) -> None:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html"""
    made = decide(user(identity), boundary=policy(boundary, name="limit"))
    assert made.allowed is (source is None)
    assert made.source is (source or Source.IDENTITY)
    assert made.policy == {Source.BOUNDARY: "limit" if made.explicit_deny else None}.get(
        made.source, "p" if made.allowed else None
    )


@pytest.mark.parametrize(
    ("identity", "inside", "allowed"),
    [(ALLOW, ALLOW, True), (ALLOW, NOTHING, False), (NOTHING, ALLOW, False), (ALLOW, DENY, False)],
)
def test_a_session_policy_only_limits(identity: Any, inside: Any, allowed: bool) -> None:
    """…/access_policies.html#policies_session"""
    made = decide(role(identity), session=session(policy(inside)))
    assert made.allowed is allowed
    assert decide(role(identity), session=session()).allowed is (identity is ALLOW)
    assert not decide(role(ALLOW), session=Session("ASIA1", 0.0, policies=())).allowed


NO_ALLOW = policy(NOTHING)


@pytest.mark.parametrize(
    ("principal", "alone", "beside_a_silent_boundary"),
    [
        (USER, True, True),
        ("*", True, True),
        ("AIDA1", True, True),
        (OWN, False, False),
        (ROOT, False, False),
        (f"{USER}2", False, False),
        (OTHER, False, False),
    ],
)
def test_a_resource_of_the_account_may_name_a_user(
    principal: str, alone: bool, beside_a_silent_boundary: bool
) -> None:
    """A grant to the user itself is enough; one to its account leaves the grant to its policies."""
    on = bucket(to(principal))
    assert decide(user(), on=on).allowed is alone
    assert decide(user(ALLOW), on=on).allowed
    assert decide(user(), on=on, boundary=NO_ALLOW).allowed is beside_a_silent_boundary
    assert decide(user(), on=on, boundary=policy(DENY)).explicit_deny


@pytest.mark.parametrize(
    ("principal", "alone", "limited"),
    [
        (ROLE, True, False),
        ("AROA1", True, False),
        (SESSION, True, True),
        (f"{SESSION}2", False, False),
    ],
)
def test_a_resource_of_the_account_may_name_a_role_or_its_session(
    principal: str, alone: bool, limited: bool
) -> None:
    """A grant to the role is limited by boundary and session policies; to the session, not."""
    on = bucket(to(principal))
    assert decide(role(), on=on, session=session()).allowed is alone
    assert decide(role(), on=on, session=session(NO_ALLOW)).allowed is limited
    assert decide(role(), on=on, session=session(), boundary=NO_ALLOW).allowed is limited


@pytest.mark.parametrize("who", [user(ALLOW), user(root=True)])
def test_another_accounts_resource_takes_both_sides(who: Principal) -> None:
    """…/reference_policies_evaluation-logic-cross-account.html"""
    for principal in (OWN, ROOT, who.arn, "*"):
        assert decide(who, on=bucket(to(principal), owner=OTHER)).allowed
    silent = decide(who, on=bucket(to(OTHER), owner=OTHER))
    assert (silent.allowed, silent.source) == (False, Source.RESOURCE)
    assert not decide(who, on=ResourcePolicy(OTHER)).allowed


def test_another_accounts_resource_is_not_enough() -> None:
    made = decide(user(), on=bucket(to(USER), owner=OTHER))
    assert (made.allowed, made.source) == (False, Source.IDENTITY)


def test_a_resource_may_deny_root() -> None:
    root = user(root=True)
    assert decide(root).allowed
    made = decide(root, on=bucket(to("*", "Deny")))
    assert (made.explicit_deny, made.source, made.policy) == (
        True,
        Source.RESOURCE,
        "arn:aws:s3:::b",
    )
    assert decide(root, on=bucket(to(USER, "Deny"))).allowed


@pytest.mark.parametrize(
    ("excepted", "denied"),
    [([USER], True), ([OWN], True), ([USER, OWN], False), ([USER, ROOT], False), (["*"], False)],
)
def test_not_principal_with_deny_takes_every_name(excepted: list[str], denied: bool) -> None:
    """…/reference_policies_elements_notprincipal.html"""
    statement = {**DENY, "NotPrincipal": {"AWS": excepted}}
    assert decide(user(ALLOW), on=bucket(statement)).explicit_deny is denied


def test_not_principal_with_deny_meets_everybody_with_a_boundary() -> None:
    statement = {**DENY, "NotPrincipal": {"AWS": [USER, OWN]}}
    assert decide(user(ALLOW), on=bucket(statement), boundary=policy(ALLOW)).explicit_deny


def test_not_principal_for_a_session_lists_it_too() -> None:
    names = [ROLE, SESSION, OWN]
    for missing in names:
        listed = {**DENY, "NotPrincipal": {"AWS": [one for one in names if one != missing]}}
        assert decide(role(ALLOW), on=bucket(listed), session=session()).explicit_deny
    whole = {**DENY, "NotPrincipal": {"AWS": names}}
    assert decide(role(ALLOW), on=bucket(whole), session=session()).allowed


def test_what_may_mean_the_caller_denies_and_does_not_allow() -> None:
    canonical = {**ALLOW, "Principal": {"CanonicalUser": "0123"}}
    assert not decide(user(), on=bucket(canonical)).allowed
    assert decide(user(ALLOW), on=bucket({**canonical, "Effect": "Deny"})).explicit_deny
    # A role acts in some session, and which is not known.
    assert not decide(role(), on=bucket(to(SESSION))).allowed
    assert decide(role(ALLOW), on=bucket(to(SESSION, "Deny"))).explicit_deny


@pytest.mark.parametrize(
    ("principal", "identity", "allowed"),
    [
        (USER, (), True),
        (OWN, (ALLOW,), True),
        (OWN, (), False),
        (ROLE, (ALLOW,), False),
        (OTHER, (ALLOW,), False),
    ],
)
def test_a_role_must_trust(principal: str, identity: Any, allowed: bool) -> None:
    """A role's trust is a resource's policy that must always allow, also within the account."""
    statement = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": principal}}
    on = ResourcePolicy(OWN, policy(statement).document, ROLE, Kind.TRUST)
    who = user(*({**each, "Action": "sts:*"} for each in identity))
    made = PolicyEngine().decide(who, "sts:AssumeRole", ROLE, on=on)
    assert made.allowed is allowed
    if not allowed and identity:
        assert made.source is Source.TRUST


@pytest.mark.parametrize(
    ("source", "explicit", "text"),
    [
        (Source.IDENTITY, False, "because no identity-based policy allows the s3:GetObject action"),
        (Source.RESOURCE, False, "because no resource-based policy allows the s3:GetObject action"),
        (Source.BOUNDARY, False, "because no permissions boundary allows the s3:GetObject action"),
        (Source.SESSION, False, "because no session policy allows the s3:GetObject action"),
        (Source.TRUST, False, "because no role trust policy allows the s3:GetObject action"),
        (Source.IDENTITY, True, "with an explicit deny in an identity-based policy"),
        (Source.RESOURCE, True, "with an explicit deny in a resource-based policy"),
        (Source.BOUNDARY, True, "with an explicit deny in a permissions boundary"),
        (Source.SESSION, True, "with an explicit deny in a session policy"),
        (Source.TRUST, True, "with an explicit deny in the role trust policy"),
    ],
)
def test_refusals_name_the_kind_of_policy(source: Source, explicit: bool, text: str) -> None:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html"""
    made = Decision(allowed=False, explicit_deny=explicit, source=source)
    assert refusal_text(USER, GET, KEY, made) == (
        f"User: {USER} is not authorized to perform: {GET} on resource: {KEY} {text}"
    )


def test_one_name_with_other_limits_shares_no_decision() -> None:
    engine, who = PolicyEngine(), user(ALLOW)
    assert engine.decide(who, GET, KEY).allowed
    assert not engine.decide(replace(who, boundary=NO_ALLOW), GET, KEY).allowed
    assert engine.decide(who, GET, KEY).allowed
    assert not engine.decide(who, GET, KEY, on=ResourcePolicy(OTHER)).allowed
