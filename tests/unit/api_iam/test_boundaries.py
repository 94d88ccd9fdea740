"""Permissions boundaries: set, shown, in force, and who may set which."""

import json
from typing import Any

import pytest

from hostler.iam.evaluate import PolicyEngine
from hostler.iam.grammar import Source
from hostler.store import identities
from hostler.store.database import Store

S3_READ = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
LOGS = "arn:aws:iam::aws:policy/CloudWatchLogsReadOnlyAccess"


def shown(arn: str) -> dict[str, str]:
    return {
        "PermissionsBoundaryType": "PermissionsBoundaryPolicy",
        "PermissionsBoundaryArn": arn,
    }


@pytest.mark.parametrize("kind", ["User", "Role"])
def test_a_boundary_is_set_shown_and_taken_away(root: Any, trust: str, kind: str) -> None:
    name = {f"{kind}Name": "Bob"}
    more = {"AssumeRolePolicyDocument": trust} if kind == "Role" else {}
    made = root(f"Create{kind}", PermissionsBoundary=S3_READ, **name, **more)[kind]
    assert made["PermissionsBoundary"] == shown(S3_READ)
    root(f"Put{kind}PermissionsBoundary", PermissionsBoundary=LOGS, **name)
    assert root(f"Get{kind}", **name)[kind]["PermissionsBoundary"] == shown(LOGS)
    (listed,) = root(f"List{kind}s")[f"{kind}s"]
    assert "PermissionsBoundary" not in listed
    root(f"Delete{kind}PermissionsBoundary", **name)
    assert "PermissionsBoundary" not in root(f"Get{kind}", **name)[kind]


def test_a_boundary_exists(root: Any, stranger: Any, document: Any) -> None:
    theirs = stranger("CreatePolicy", PolicyName="p", PolicyDocument=document("s3:*"))["Policy"]
    root("CreateUser", UserName="Bob")
    for arn in (f"{S3_READ}2", theirs["Arn"]):
        error = root.refused("NoSuchEntity", "CreateUser", UserName="Eve", PermissionsBoundary=arn)
        assert error.message == f"Scope ARN: {arn} does not exist or is not attachable."
        root.refused(
            "NoSuchEntity", "PutUserPermissionsBoundary", UserName="Bob", PermissionsBoundary=arn
        )
    root.refused("NoSuchEntity", "GetUser", UserName="Eve")


def test_a_policy_that_limits_somebody_is_in_use(root: Any, document: Any) -> None:
    own = root("CreatePolicy", PolicyName="limit", PolicyDocument=document("s3:*"))["Policy"]["Arn"]
    root("CreateUser", UserName="Bob", PermissionsBoundary=own)
    root("CreateUser", UserName="Eve")
    root("AttachUserPolicy", UserName="Eve", PolicyArn=S3_READ)
    policy = root("GetPolicy", PolicyArn=own)["Policy"]
    assert (policy["AttachmentCount"], policy["PermissionsBoundaryUsageCount"]) == (0, 1)
    root.refused("DeleteConflict", "DeletePolicy", PolicyArn=own)

    def listed(**params: Any) -> list[str]:
        return [one["Arn"] for one in root("ListPolicies", **params)["Policies"]]

    assert listed(PolicyUsageFilter="PermissionsBoundary") == [own]
    assert own not in listed(PolicyUsageFilter="PermissionsPolicy")
    assert own in listed()
    assert listed(OnlyAttached=True) == [S3_READ]
    assert listed(OnlyAttached=True, PolicyUsageFilter="PermissionsBoundary") == [own]

    def users(**params: Any) -> list[str]:
        answer = root("ListEntitiesForPolicy", PolicyArn=own, **params)
        return [one["UserName"] for one in answer["PolicyUsers"]]

    assert users() == users(PolicyUsageFilter="PermissionsBoundary") == ["Bob"]
    assert users(PolicyUsageFilter="PermissionsPolicy") == []
    root("AttachUserPolicy", UserName="Bob", PolicyArn=own)
    assert users() == ["Bob"], "once, in whatever ways"


def test_a_boundary_limits_in_every_plane(
    root: Any, document: Any, trust: str, store: Store
) -> None:
    root("CreateUser", UserName="Bob", PermissionsBoundary=S3_READ)
    root("PutUserPolicy", UserName="Bob", PolicyName="p", PolicyDocument=document("*"))
    bob = root.named("Bob")
    error = bob.refused("AccessDeniedException", "GetUser")
    assert error.message.endswith("because no permissions boundary allows the iam:GetUser action")
    known = store.run(identities.snapshot_parts)
    (kept,) = (one for one in known.principals if one.name == "Bob")
    assert kept == bob.principal
    assert PolicyEngine().decide(kept, "s3:GetObject", "arn:aws:s3:::b/k").allowed
    role = root(
        "CreateRole", RoleName="Exec", AssumeRolePolicyDocument=trust, PermissionsBoundary=LOGS
    )["Role"]["Arn"]
    root("PutRolePolicy", RoleName="Exec", PolicyName="p", PolicyDocument=document("s3:*"))
    acting = store.run(lambda tx: identities.role_principal(tx, role))
    assert acting is not None
    made = PolicyEngine().decide(acting, "s3:GetObject", "arn:aws:s3:::b/k")
    assert (made.allowed, made.source) == (False, Source.BOUNDARY)


def test_a_new_version_of_a_boundary_is_in_force(root: Any, document: Any) -> None:
    own = root("CreatePolicy", PolicyName="limit", PolicyDocument=document("s3:*"))["Policy"]["Arn"]
    root("CreateUser", UserName="Bob", PermissionsBoundary=own)
    root("PutUserPolicy", UserName="Bob", PolicyName="p", PolicyDocument=document("*"))
    root.named("Bob").refused("AccessDeniedException", "GetUser")
    root(
        "CreatePolicyVersion",
        PolicyArn=own,
        PolicyDocument=document("iam:GetUser"),
        SetAsDefault=True,
    )
    root.named("Bob")("GetUser")


def test_who_delegates_may_ask_for_a_boundary(root: Any, document: Any, trust: str) -> None:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html#access_policies_boundaries-delegate"""
    limited = {"StringEquals": {"iam:PermissionsBoundary": S3_READ}}
    actions = [
        "iam:CreateUser", "iam:CreateRole", "iam:PutUserPolicy", "iam:AttachUserPolicy",
        "iam:PutUserPermissionsBoundary", "iam:DeleteUserPermissionsBoundary",
    ]  # fmt: skip
    text = json.loads(document(actions))
    text["Statement"][0]["Condition"] = limited
    root("CreateUser", UserName="Maria")
    root("PutUserPolicy", UserName="Maria", PolicyName="p", PolicyDocument=json.dumps(text))
    root("CreateUser", UserName="Free")
    maria = root.named("Maria")
    maria("CreateUser", UserName="Zhang", PermissionsBoundary=S3_READ)
    role = {"AssumeRolePolicyDocument": trust}
    maria("CreateRole", RoleName="R", PermissionsBoundary=S3_READ, **role)
    maria("PutUserPolicy", UserName="Zhang", PolicyName="p", PolicyDocument=document("s3:*"))
    maria("AttachUserPolicy", UserName="Zhang", PolicyArn=S3_READ)
    maria("PutUserPermissionsBoundary", UserName="Free", PermissionsBoundary=S3_READ)
    maria("DeleteUserPermissionsBoundary", UserName="Free")
    for operation, params in (
        ("CreateUser", {"UserName": "x"}),
        ("CreateUser", {"UserName": "x", "PermissionsBoundary": LOGS}),
        ("CreateRole", {"RoleName": "x", **role}),
        ("PutUserPolicy", {"UserName": "Free", "PolicyName": "p", "PolicyDocument": "{}"}),
        ("AttachUserPolicy", {"UserName": "Free", "PolicyArn": S3_READ}),
        ("PutUserPermissionsBoundary", {"UserName": "Zhang", "PermissionsBoundary": LOGS}),
        ("DeleteUserPermissionsBoundary", {"UserName": "Free"}),
    ):
        maria.refused("AccessDeniedException", operation, **params)
