"""Groups: who is in them, and that their policies are in force for members."""

import json
import re
from typing import Any

import pytest

from hostler.iam.evaluate import PolicyEngine
from hostler.store import identities
from hostler.store.database import Store

ARN = "arn:aws:iam::123456789012:group"
S3_READ = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"


@pytest.fixture
def devs(root: Any) -> Any:
    """The group Devs, with Bob in it."""
    made = root("CreateGroup", GroupName="Devs")["Group"]
    root("CreateUser", UserName="Bob")
    root("AddUserToGroup", GroupName="Devs", UserName="Bob")
    return made


def test_a_group_from_birth_to_death(root: Any) -> None:
    made = root("CreateGroup", GroupName="Devs", Path="/team/")["Group"]
    assert made["Arn"] == f"{ARN}/team/Devs"
    assert re.fullmatch(r"AGPA[A-Z2-7]{17}", made["GroupId"])
    assert root("GetGroup", GroupName="devs") == {"Group": made, "Users": [], "IsTruncated": False}
    assert root("ListGroups")["Groups"] == [made]
    assert root("ListGroups", PathPrefix="/other/")["Groups"] == []
    error = root.refused("EntityAlreadyExists", "CreateGroup", GroupName="DEVS")
    assert error.message == "Group with name DEVS already exists."
    root("UpdateGroup", GroupName="Devs", NewGroupName="Ops", NewPath="/")
    renamed = root("GetGroup", GroupName="Ops")["Group"]
    assert (renamed["Arn"], renamed["GroupId"]) == (f"{ARN}/Ops", made["GroupId"])
    root("DeleteGroup", GroupName="Ops")
    gone = root.refused("NoSuchEntity", "GetGroup", GroupName="Ops")
    assert gone.message == "The group with name Ops cannot be found."


def test_a_user_joins_and_leaves(root: Any, devs: Any) -> None:
    root("AddUserToGroup", GroupName="Devs", UserName="Bob")  # again is no error
    (user,) = root("GetGroup", GroupName="Devs")["Users"]
    assert user["UserName"] == "Bob"
    assert root("ListGroupsForUser", UserName="Bob")["Groups"] == [devs]
    for missing in (
        {"GroupName": "Ops", "UserName": "Bob"},
        {"GroupName": "Devs", "UserName": "x"},
    ):
        root.refused("NoSuchEntity", "AddUserToGroup", **missing)
    conflict = root.refused("DeleteConflict", "DeleteUser", UserName="Bob")
    assert conflict.message == "Cannot delete entity, must remove users from group first."
    root.refused("DeleteConflict", "DeleteGroup", GroupName="Devs")
    root("RemoveUserFromGroup", GroupName="Devs", UserName="Bob")
    root("RemoveUserFromGroup", GroupName="Devs", UserName="Bob")
    assert root("GetGroup", GroupName="Devs")["Users"] == []
    root("DeleteUser", UserName="Bob")
    root("DeleteGroup", GroupName="Devs")


def test_what_hangs_on_a_group_keeps_it(root: Any, document: Any) -> None:
    root("CreateGroup", GroupName="Devs")
    root("PutGroupPolicy", GroupName="Devs", PolicyName="p", PolicyDocument=document("s3:*"))
    root("AttachGroupPolicy", GroupName="Devs", PolicyArn=S3_READ)
    assert root("ListGroupPolicies", GroupName="Devs")["PolicyNames"] == ["p"]
    attached = root("ListAttachedGroupPolicies", GroupName="Devs")["AttachedPolicies"]
    assert attached == [{"PolicyName": "AmazonS3ReadOnlyAccess", "PolicyArn": S3_READ}]
    got = root("GetGroupPolicy", GroupName="Devs", PolicyName="p")
    assert (got["GroupName"], got["PolicyName"]) == ("Devs", "p")
    entities = root("ListEntitiesForPolicy", PolicyArn=S3_READ)
    assert [one["GroupName"] for one in entities["PolicyGroups"]] == ["Devs"]
    only = root("ListEntitiesForPolicy", PolicyArn=S3_READ, EntityFilter="User")
    assert only["PolicyGroups"] == []
    for operation, params in (
        ("DetachGroupPolicy", {"PolicyArn": S3_READ}),
        ("DeleteGroupPolicy", {"PolicyName": "p"}),
    ):
        root.refused("DeleteConflict", "DeleteGroup", GroupName="Devs")
        root(operation, GroupName="Devs", **params)
    error = root.refused("NoSuchEntity", "GetGroupPolicy", GroupName="Devs", PolicyName="p")
    assert error.message == "The group policy with name p cannot be found."
    root("DeleteGroup", GroupName="Devs")


def test_the_policies_of_its_groups_are_a_members_own(
    root: Any, devs: Any, document: Any, store: Store
) -> None:
    root("CreateGroup", GroupName="Ops")
    root("AddUserToGroup", GroupName="Ops", UserName="Bob")
    root("CreateUser", UserName="Eve")
    root("PutGroupPolicy", GroupName="Devs", PolicyName="p", PolicyDocument=document("ecr:*"))
    denied = document("ecr:DeleteRepository", effect="Deny")
    root("PutGroupPolicy", GroupName="Ops", PolicyName="p", PolicyDocument=denied)
    for group in ("Devs", "Ops"):
        root("AttachGroupPolicy", GroupName=group, PolicyArn=S3_READ)
    root("AttachUserPolicy", UserName="Bob", PolicyArn=S3_READ)
    known = store.run(identities.snapshot_parts)
    held = {one.name: [policy.name for policy in one.policies] for one in known.principals}
    assert held["Bob"] == [S3_READ, "group/Devs/p", "group/Ops/p"]
    assert held["Eve"] == []
    bob = root.named("Bob").principal
    assert [policy.name for policy in bob.policies] == held["Bob"]

    def decided(action: str) -> tuple[bool, str | None]:
        made = PolicyEngine().decide(bob, action, "*")
        return made.allowed, made.policy

    assert decided("ecr:BatchGetImage") == (True, "group/Devs/p")
    assert decided("ecr:DeleteRepository") == (False, "group/Ops/p")
    assert decided("s3:GetObject") == (True, S3_READ)
    root("RemoveUserFromGroup", GroupName="Devs", UserName="Bob")
    assert not PolicyEngine().decide(root.named("Bob").principal, "ecr:a", "*").allowed


def test_members_come_in_pages(root: Any) -> None:
    root("CreateGroup", GroupName="Devs")
    names = ["ann", "Bob", "cid"]
    for name in names:
        root("CreateUser", UserName=name)
        root("AddUserToGroup", GroupName="Devs", UserName=name)
    page = root("GetGroup", GroupName="Devs", MaxItems=2)
    assert page["IsTruncated"]
    rest = root("GetGroup", GroupName="Devs", Marker=page["Marker"])
    assert [one["UserName"] for one in page["Users"] + rest["Users"]] == names


def test_limits(root: Any, document: Any) -> None:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html"""
    root("CreateUser", UserName="Bob")
    for number in range(11):
        root("CreateGroup", GroupName=f"g{number}")
    for number in range(10):
        root("AddUserToGroup", GroupName=f"g{number}", UserName="Bob")
        name = f"p{number}"
        arn = root("CreatePolicy", PolicyName=name, PolicyDocument=document("s3:*"))["Policy"][
            "Arn"
        ]
        root("AttachGroupPolicy", GroupName="g0", PolicyArn=arn)
    error = root.refused("LimitExceeded", "AddUserToGroup", GroupName="g10", UserName="Bob")
    assert error.message == "Cannot exceed quota for GroupsPerUser: 10"
    root("AddUserToGroup", GroupName="g9", UserName="Bob")
    error = root.refused("LimitExceeded", "AttachGroupPolicy", GroupName="g0", PolicyArn=S3_READ)
    assert error.message == "Cannot exceed quota for PoliciesPerGroup: 10"
    long = json.dumps(json.loads(document([f"s3:{'a' * 40}{n}" for n in range(60)])), indent=8)
    root("PutGroupPolicy", GroupName="g0", PolicyName="a", PolicyDocument=long)
    error = root.refused(
        "LimitExceeded", "PutGroupPolicy", GroupName="g0", PolicyName="b", PolicyDocument=long
    )
    assert error.message == "Maximum policy size of 5120 bytes exceeded for group g0"


def test_renaming_needs_the_permission_on_the_new_name_too(root: Any, document: Any) -> None:
    root("CreateGroup", GroupName="Devs", Path="/x/")
    root("CreateUser", UserName="Bob")
    mine = document("iam:UpdateGroup", f"{ARN}/x/*")
    root("PutUserPolicy", UserName="Bob", PolicyName="p", PolicyDocument=mine)
    bob = root.named("Bob")
    error = bob.refused("AccessDeniedException", "UpdateGroup", GroupName="Devs", NewPath="/")
    assert f"on resource: {ARN}/Devs" in error.message
    bob("UpdateGroup", GroupName="Devs", NewGroupName="Developers")
