"""Roles, their trust, and how planes find them."""

import json
import re
from typing import Any
from urllib.parse import unquote

from hostler.iam.trust import allows_service
from hostler.store import identities
from hostler.store.database import Store

ARN = "arn:aws:iam::123456789012:role"


def test_a_role_from_birth_to_death(root: Any, trust: str, store: Store) -> None:
    made = root(
        "CreateRole",
        RoleName="Exec",
        Path="/service-role/",
        AssumeRolePolicyDocument=trust,
        Description="runs models",
        Tags=[{"Key": "Team", "Value": "rc"}],
    )["Role"]
    assert made["Arn"] == f"{ARN}/service-role/Exec"
    assert re.fullmatch(r"AROA[A-Z2-7]{17}", made["RoleId"])
    assert made["MaxSessionDuration"] == 3600
    assert "{" not in made["AssumeRolePolicyDocument"]
    assert unquote(made["AssumeRolePolicyDocument"]) == trust
    assert root("GetRole", RoleName="exec")["Role"] == made
    (listed,) = root("ListRoles", PathPrefix="/service-role/")["Roles"]
    assert listed == {name: value for name, value in made.items() if name != "Tags"}

    found = store.run(lambda tx: identities.role(tx, made["Arn"]))
    assert found is not None
    assert allows_service(found.trust, "sagemaker.amazonaws.com")

    assert root("ListInstanceProfilesForRole", RoleName="Exec")["InstanceProfiles"] == []
    root("DeleteRole", RoleName="Exec")
    error = root.refused("NoSuchEntity", "GetRole", RoleName="Exec")
    assert error.message == "The role with name Exec cannot be found."
    assert store.run(lambda tx: identities.role(tx, made["Arn"])) is None
    assert store.run(lambda tx: identities.role_principal(tx, made["Arn"])) is None


def test_a_role_and_a_user_may_share_a_name(root: Any, trust: str, store: Store) -> None:
    root("CreateUser", UserName="Same")
    role = root("CreateRole", RoleName="Same", AssumeRolePolicyDocument=trust)["Role"]
    error = root.refused(
        "EntityAlreadyExists", "CreateRole", RoleName="SAME", AssumeRolePolicyDocument=trust
    )
    assert error.message == "Role with name SAME already exists."
    user_arn = role["Arn"].replace(":role/", ":user/")
    assert store.run(lambda tx: identities.role(tx, user_arn)) is None


def test_trust_is_read_and_changed(root: Any, trust: str, document: Any, store: Store) -> None:
    error = root.refused(
        "MalformedPolicyDocument",
        "CreateRole",
        RoleName="Exec",
        AssumeRolePolicyDocument=document("s3:*"),
    )
    assert error.status == 400
    arn = root("CreateRole", RoleName="Exec", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    other = trust.replace("sagemaker", "ec2")
    root("UpdateAssumeRolePolicy", RoleName="Exec", PolicyDocument=other)
    found = store.run(lambda tx: identities.role(tx, arn))
    assert found is not None
    assert not allows_service(found.trust, "sagemaker.amazonaws.com")
    statement = json.loads(trust)["Statement"][0]
    long = json.dumps({"Version": "2012-10-17", "Statement": [{**statement, "Sid": "x" * 2048}]})
    error = root.refused(
        "LimitExceeded", "UpdateAssumeRolePolicy", RoleName="Exec", PolicyDocument=long
    )
    assert error.message == "Cannot exceed quota for ACLSizePerRole: 2048"


def test_a_roles_policies_keep_it(root: Any, trust: str, document: Any) -> None:
    root("CreateRole", RoleName="Exec", AssumeRolePolicyDocument=trust)
    root("PutRolePolicy", RoleName="Exec", PolicyName="p", PolicyDocument=document("s3:*"))
    error = root.refused("DeleteConflict", "DeleteRole", RoleName="Exec")
    assert error.message == "Cannot delete entity, must delete policies first."


def test_descriptions_and_sessions(root: Any, trust: str) -> None:
    root(
        "CreateRole",
        RoleName="Exec",
        AssumeRolePolicyDocument=trust,
        Description="a",
        MaxSessionDuration=7200,
    )
    described = root("UpdateRoleDescription", RoleName="Exec", Description="b")["Role"]
    assert (described["Description"], described["MaxSessionDuration"]) == ("b", 7200)
    assert root("UpdateRole", RoleName="Exec", Description="c") == {}
    updated = root("GetRole", RoleName="Exec")["Role"]
    assert (updated["Description"], updated["MaxSessionDuration"]) == ("c", 3600)


def test_role_tags(root: Any, trust: str) -> None:
    root("CreateRole", RoleName="Exec", AssumeRolePolicyDocument=trust)
    root("TagRole", RoleName="Exec", Tags=[{"Key": "a", "Value": "1"}])
    assert root("GetRole", RoleName="Exec")["Role"]["Tags"] == [{"Key": "a", "Value": "1"}]
    root("UntagRole", RoleName="Exec", TagKeys=["a"])
    assert root("ListRoleTags", RoleName="Exec")["Tags"] == []


def test_a_permission_on_a_path_guards_what_is_below_it(
    root: Any, trust: str, document: Any
) -> None:
    root("CreateRole", RoleName="Exec", Path="/secret/", AssumeRolePolicyDocument=trust)
    root("CreateRole", RoleName="Open", AssumeRolePolicyDocument=trust)
    root("CreateUser", UserName="Bob")
    root("PutUserPolicy", UserName="Bob", PolicyName="a", PolicyDocument=document("iam:*"))
    denied = document("iam:*", f"{ARN}/secret/*", "Deny")
    root("PutUserPolicy", UserName="Bob", PolicyName="d", PolicyDocument=denied)
    bob = root.named("Bob")
    bob("GetRole", RoleName="Open")
    error = bob.refused("AccessDeniedException", "GetRole", RoleName="Exec")
    assert f"on resource: {ARN}/secret/Exec with an explicit deny" in error.message


def test_who_may_not_see_it_learns_nothing(root: Any, document: Any) -> None:
    root("CreateUser", UserName="Bob")
    bob = root.named("Bob")
    error = bob.refused("AccessDeniedException", "GetRole", RoleName="Missing")
    assert f"on resource: {ARN}/Missing because" in error.message
