"""AssumeRole: whom a role trusts, what a session may, and what it is called."""

import json
import re
from typing import Any

import pytest

OWN, OTHER = "123456789012", "210987654321"
BOB = f"arn:aws:iam::{OWN}:user/Bob"
S3_READ = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
NO_TRUST = "because no role trust policy allows the sts:AssumeRole action"
NO_IDENTITY = "because no identity-based policy allows the sts:AssumeRole action"


def trusting(principal: Any, *actions: str, **condition: Any) -> str:
    statement = {
        "Effect": "Allow",
        "Principal": principal if isinstance(principal, dict) else {"AWS": principal},
        "Action": actions or ["sts:AssumeRole"],
        **({"Condition": condition} if condition else {}),
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


class Roles:
    """Bob, and roles that trust whom a test says."""

    def __init__(self, root: Any, document: Any) -> None:
        self.root = root
        self.document = document
        root("CreateUser", UserName="Bob")

    def role(self, trust: str, name: str = "R", **params: Any) -> str:
        made = self.root("CreateRole", RoleName=name, AssumeRolePolicyDocument=trust, **params)
        return str(made["Role"]["Arn"])

    def may(self, *actions: str, user: str = "Bob", **condition: Any) -> Any:
        """Bob, who may do this."""
        text = json.loads(self.document(list(actions)))
        if condition:
            text["Statement"][0]["Condition"] = condition
        self.root("PutUserPolicy", UserName=user, PolicyName="p", PolicyDocument=json.dumps(text))
        return self.root.named(user)

    @property
    def bob(self) -> Any:
        return self.root.named("Bob")


@pytest.fixture
def roles(root: Any, document: Any) -> Roles:
    return Roles(root, document)


def ask(arn: str, **params: Any) -> dict[str, Any]:
    return {"RoleArn": arn, "RoleSessionName": "s", **params}


def assumed(caller: Any, arn: str, **params: Any) -> Any:
    """The session of a role."""
    return caller.session(caller("AssumeRole", **ask(arn, **params))["Credentials"])


def test_a_session_is_who_it_says(root: Any, roles: Roles) -> None:
    arn = roles.role(trusting(BOB), Path="/x/")
    answer = roles.bob("AssumeRole", **ask(arn))
    credentials = answer["Credentials"]
    assert re.fullmatch(r"ASIA[A-Z2-7]{16}", credentials["AccessKeyId"])
    assert re.fullmatch(r"[A-Za-z0-9+/]{40}", credentials["SecretAccessKey"])
    assert credentials["Expiration"] == 1_700_000_000 + 3_600
    role_id = root("GetRole", RoleName="R")["Role"]["RoleId"]
    user = {"AssumedRoleId": f"{role_id}:s", "Arn": f"arn:aws:sts::{OWN}:assumed-role/R/s"}
    assert answer["AssumedRoleUser"] == user
    assert "PackedPolicySize" not in answer
    identity = root.session(credentials)("GetCallerIdentity")
    assert identity == {"UserId": f"{role_id}:s", "Account": OWN, "Arn": user["Arn"]}


@pytest.mark.parametrize(
    ("principal", "identity", "refused"),
    [
        (BOB, "s3:*", None),
        (OWN, "sts:AssumeRole", None),
        (f"arn:aws:iam::{OWN}:root", "sts:AssumeRole", None),
        ("*", "s3:*", None),
        (OWN, "s3:*", NO_IDENTITY),
        (f"{BOB}by", "s3:*", NO_IDENTITY),
        (f"{BOB}by", "sts:*", NO_TRUST),
        (OTHER, "sts:*", NO_TRUST),
        ({"Service": "sagemaker.amazonaws.com"}, "sts:*", NO_TRUST),
    ],
)
def test_the_role_must_trust(
    roles: Roles, principal: Any, identity: str, refused: str | None
) -> None:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html"""
    arn = roles.role(trusting(principal))
    bob = roles.may(identity)
    if refused is None:
        bob("AssumeRole", **ask(arn))
        return
    error = bob.refused("AccessDeniedException", "AssumeRole", **ask(arn))
    said = f"User: {BOB} is not authorized to perform: sts:AssumeRole on resource: {arn} {refused}"
    assert error.message == said
    # A role that does not exist is told in the same words.
    missing = bob.refused("AccessDeniedException", "AssumeRole", **ask(f"{arn}x"))
    assert missing.message == said.replace(arn, f"{arn}x")


@pytest.mark.parametrize(("member", "trusted"), [("Arn", True), ("UserId", False)])
def test_a_name_is_trusted_in_every_life_and_a_unique_id_in_one(
    root: Any, roles: Roles, member: str, trusted: bool
) -> None:
    """AWS keeps the unique id where an ARN was given (docs/reference/policies.md)."""
    first = root("GetUser", UserName="Bob")["User"]
    arn = roles.role(trusting(first[member]))
    assert roles.bob("AssumeRole", **ask(arn))
    root("DeleteUser", UserName="Bob")
    root("CreateUser", UserName="Bob")
    if trusted:
        assert roles.bob("AssumeRole", **ask(arn))
    else:
        assert NO_IDENTITY in str(
            roles.bob.refused("AccessDeniedException", "AssumeRole", **ask(arn))
        )


def test_an_explicit_deny_wins(roles: Roles, document: Any) -> None:
    arn = roles.role(trusting(BOB))
    text = document("sts:AssumeRole", effect="Deny")
    roles.root("PutUserPolicy", UserName="Bob", PolicyName="no", PolicyDocument=text)
    error = roles.bob.refused("AccessDeniedException", "AssumeRole", **ask(arn))
    assert error.message.endswith("with an explicit deny in an identity-based policy")


def test_another_account_needs_both_sides(roles: Roles, stranger: Any, document: Any) -> None:
    arn = roles.role(trusting(OTHER))
    stranger("CreateUser", UserName="Eve")
    eve = stranger.named("Eve")
    eve.refused("AccessDeniedException", "AssumeRole", **ask(arn))
    text = document("sts:AssumeRole", arn)
    stranger("PutUserPolicy", UserName="Eve", PolicyName="p", PolicyDocument=text)
    session = assumed(stranger.named("Eve"), arn)
    assert session("GetCallerIdentity")["Account"] == OWN
    closed = roles.role(trusting(OWN), "Closed")
    error = stranger.named("Eve").refused("AccessDeniedException", "AssumeRole", **ask(closed))
    assert error.message.endswith(NO_IDENTITY)


@pytest.mark.parametrize(
    ("condition", "params", "allowed"),
    [
        ({"StringEquals": {"sts:ExternalId": "42"}}, {"ExternalId": "42"}, True),
        ({"StringEquals": {"sts:ExternalId": "42"}}, {"ExternalId": "43"}, False),
        ({"StringEquals": {"sts:ExternalId": "42"}}, {}, False),
        ({"StringLike": {"sts:RoleSessionName": "${aws:username}"}}, {}, False),
        (
            {"StringLike": {"sts:RoleSessionName": "${aws:username}"}},
            {"RoleSessionName": "Bob"},
            True,
        ),
        ({"StringEquals": {"aws:PrincipalTag/team": "red"}}, {}, True),
        ({"StringEquals": {"aws:PrincipalTag/team": "blue"}}, {}, False),
        ({"StringEquals": {"aws:ResourceTag/owner": "ann"}}, {}, True),
        ({"Bool": {"aws:MultiFactorAuthPresent": "true"}}, {}, False),
        ({"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:user/B*"}}, {}, True),
    ],
)
def test_conditions_of_the_trust(
    roles: Roles, condition: Any, params: Any, *, allowed: bool
) -> None:
    roles.root("TagUser", UserName="Bob", Tags=[{"Key": "team", "Value": "red"}])
    owner = [{"Key": "owner", "Value": "ann"}]
    arn = roles.role(trusting(BOB, **condition), Tags=owner)
    if allowed:
        roles.bob("AssumeRole", **ask(arn, **params))
    else:
        roles.bob.refused("AccessDeniedException", "AssumeRole", **ask(arn, **params))


def test_root_assumes_no_role(root: Any, roles: Roles) -> None:
    error = root.refused("AccessDeniedException", "AssumeRole", **ask(roles.role(trusting(OWN))))
    assert error.message == "Roles may not be assumed by root accounts."


def test_a_session_may_what_the_role_may_now(root: Any, roles: Roles, document: Any) -> None:
    arn = roles.role(trusting(BOB))
    credentials = roles.bob("AssumeRole", **ask(arn))["Credentials"]
    error = root.session(credentials).refused("AccessDeniedException", "ListUsers")
    assert error.message.startswith(f"User: arn:aws:sts::{OWN}:assumed-role/R/s is not authorized")
    root("PutRolePolicy", RoleName="R", PolicyName="p", PolicyDocument=document("iam:*"))
    root.session(credentials)("ListUsers")
    root("PutRolePermissionsBoundary", RoleName="R", PermissionsBoundary=S3_READ)
    root.session(credentials).refused("AccessDeniedException", "ListUsers")
    root("DeleteRolePermissionsBoundary", RoleName="R")
    revoked = {"DateLessThan": {"aws:TokenIssueTime": "2023-11-14T22:13:21Z"}}
    text = document("*", effect="Deny", Condition=revoked)
    root("PutRolePolicy", RoleName="R", PolicyName="AWSRevokeOlderSessions", PolicyDocument=text)
    error = root.session(credentials).refused("AccessDeniedException", "ListUsers")
    assert error.message.endswith("with an explicit deny in an identity-based policy")


def test_a_role_that_comes_back_has_no_sessions(root: Any, roles: Roles) -> None:
    credentials = roles.bob("AssumeRole", **ask(roles.role(trusting(BOB))))["Credentials"]
    root("DeleteRole", RoleName="R")
    roles.role(trusting(BOB))
    with pytest.raises(Exception, match="InvalidClientTokenId"):
        root.session(credentials)


def test_a_session_ends(root: Any, roles: Roles) -> None:
    arn = roles.role(trusting(BOB))
    credentials = roles.bob("AssumeRole", **ask(arn, DurationSeconds=900))["Credentials"]
    root.session(credentials, at=1_700_000_899.0)
    with pytest.raises(
        Exception, match="ExpiredToken: The security token included in the request is expired"
    ):
        root.session(credentials, at=1_700_000_900.0)


def test_how_long_a_session_may_last(root: Any, roles: Roles, document: Any) -> None:
    arn = roles.role(trusting([BOB, f"arn:aws:iam::{OWN}:role/R"]))
    longer = ask(arn, DurationSeconds=7_200)
    error = roles.bob.refused("ValidationError", "AssumeRole", **longer)
    assert "exceeds the MaxSessionDuration set for this role" in error.message
    root("UpdateRole", RoleName="R", MaxSessionDuration=7_200)
    session = root.session(roles.bob("AssumeRole", **longer)["Credentials"])
    error = session.refused("ValidationError", "AssumeRole", **longer)
    assert "roles assumed by role chaining" in error.message
    session("AssumeRole", **ask(arn))


def test_session_policies_limit(root: Any, roles: Roles, document: Any) -> None:
    arn = roles.role(trusting(BOB))
    root("PutRolePolicy", RoleName="R", PolicyName="p", PolicyDocument=document("*"))
    own = root("CreatePolicy", PolicyName="Own", PolicyDocument=document("iam:ListRoles"))
    own_arn = own["Policy"]["Arn"]
    answer = roles.bob(
        "AssumeRole",
        **ask(arn, Policy=document("iam:ListUsers"), PolicyArns=[{"arn": own_arn}]),
    )
    assert 0 < answer["PackedPolicySize"] <= 10
    session = root.session(answer["Credentials"])
    session("ListUsers")
    session("ListRoles")
    error = session.refused("AccessDeniedException", "ListPolicies")
    assert error.message.endswith("because no session policy allows the iam:ListPolicies action")
    # The session keeps the limits that it was made with.
    root("DeletePolicy", PolicyArn=own_arn)
    root.session(answer["Credentials"])("ListRoles")
    for params, code in (
        ({"Policy": "{}"}, "MalformedPolicyDocument"),
        ({"PolicyArns": [{"arn": own_arn}]}, "InvalidParameterValue"),
        ({"PolicyArns": [{"arn": S3_READ}] * 11}, "ValidationError"),
        ({"Policy": document("s3:*") + " " * 2_048}, "ValidationError"),
    ):
        roles.bob.refused(code, "AssumeRole", **ask(arn, **params))


def test_what_does_not_fit_into_a_token_is_refused(root: Any, roles: Roles) -> None:
    arn = roles.role(trusting(BOB, "sts:AssumeRole", "sts:TagSession"))
    wide = [
        {"Key": f"k{number}", "Value": "".join(chr(0x4E00 + (number * 997 + at * 31) % 20_000)
         for at in range(200))}
        for number in range(50)
    ]  # fmt: skip
    error = roles.bob.refused("PackedPolicyTooLarge", "AssumeRole", **ask(arn, Tags=wide))
    assert re.match(r"Packed policy consumes \d+% of allotted space", error.message)


def test_session_tags_take_a_permission_of_both(root: Any, roles: Roles) -> None:
    tags = [{"Key": "Team", "Value": "blue"}]
    silent = roles.role(trusting(BOB), "Silent")
    error = roles.bob.refused("AccessDeniedException", "AssumeRole", **ask(silent, Tags=tags))
    assert "sts:TagSession" in error.message
    only = {"StringEquals": {"aws:RequestTag/Team": "blue"}}
    arn = roles.role(
        trusting(BOB, "sts:AssumeRole", "sts:TagSession", **only),
        Tags=[{"Key": "team", "Value": "red"}, {"Key": "a", "Value": "b"}],
    )
    session = assumed(roles.bob, arn, Tags=tags)
    assert session.principal.tags == {"a": "b", "Team": "blue"}
    other = [{"Key": "Team", "Value": "red"}]
    roles.bob.refused("AccessDeniedException", "AssumeRole", **ask(arn, Tags=other))
    for wrong in (
        {"Tags": [*tags, {"Key": "team", "Value": ""}]},
        {"Tags": [{"Key": "aws:x", "Value": ""}]},
        {"Tags": tags, "TransitiveTagKeys": ["other"]},
    ):
        roles.bob.refused("InvalidParameterValue", "AssumeRole", **ask(arn, **wrong))


def test_transitive_tags_and_the_source_identity_stay_in_a_chain(root: Any, roles: Roles) -> None:
    first = f"arn:aws:iam::{OWN}:role/R"
    every = ("sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity")
    arn = roles.role(trusting(BOB, *every))
    needed = {"StringEquals": {"aws:PrincipalTag/team": "blue", "aws:SourceIdentity": "ann"}}
    second = roles.role(trusting(first, *every, **needed), "Second")
    silent = roles.role(trusting(first), "Silent")
    tags = [{"Key": "Team", "Value": "blue"}, {"Key": "x", "Value": "1"}]
    given = {"Tags": tags, "TransitiveTagKeys": ["team"], "SourceIdentity": "ann"}
    answer = roles.bob("AssumeRole", **ask(arn, **given))
    assert answer["SourceIdentity"] == "ann"
    session = root.session(answer["Credentials"])
    error = session.refused("AccessDeniedException", "AssumeRole", **ask(silent))
    assert "sts:TagSession" in error.message
    chained = assumed(session, second)
    assert chained.principal.tags == {"Team": "blue"}
    assert chained.principal.session.source_identity == "ann"
    assert chained.principal.session.transitive_tags == ("Team",)
    again = ask(second, Tags=[{"Key": "TEAM", "Value": "red"}])
    session.refused("InvalidParameterValue", "AssumeRole", **again)
    other = ask(second, SourceIdentity="eve")
    session.refused("AccessDeniedException", "AssumeRole", **other)
    session("AssumeRole", **ask(second, SourceIdentity="ann"))


@pytest.mark.parametrize(
    ("member", "value"),
    [("SerialNumber", "arn:aws:iam::1:mfa/x"), ("ProvidedContexts", [{"ProviderArn": "x"}])],
)
def test_what_does_not_exist_is_refused_by_name(roles: Roles, member: str, value: Any) -> None:
    error = roles.bob.refused(
        "ValidationError", "AssumeRole", **ask(roles.role(trusting(BOB)), **{member: value})
    )
    assert error.message.startswith(f"{member} is not supported")


@pytest.mark.parametrize("arn", ["arn:aws:s3:::a-bucket-of-mine", f"arn:aws:iam::{OWN}:user/Bob1"])
def test_an_arn_of_no_role(roles: Roles, arn: str) -> None:
    error = roles.bob.refused("ValidationError", "AssumeRole", **ask(arn))
    assert error.message == f"{arn} is invalid"
