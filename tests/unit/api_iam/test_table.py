"""What every operation of the tables must have: a permission, declared members, one account."""

from typing import Any

import botocore.session
import pytest

from hostler.api import iam, sts
from hostler.api.members import fate
from hostler.api.registry import ServiceTable

SESSION = botocore.session.get_session()
MODEL = SESSION.get_service_model("iam")
NAMES = sorted(iam.TABLE.operations)
EVERY = [(table, name) for table in (iam.TABLE, sts.TABLE) for name in sorted(table.operations)]


def leaves(shape: Any, path: str = "") -> list[str]:
    if shape.type_name == "structure":
        return [
            leaf
            for name, member in shape.members.items()
            for leaf in leaves(member, f"{path}.{name}" if path else name)
        ]
    if shape.type_name == "list":
        return leaves(shape.member, f"{path}[]")
    return [path]


@pytest.mark.parametrize(("table", "name"), EVERY, ids=lambda each: str(each)[:40])
def test_every_input_member_has_a_fate(table: ServiceTable, name: str) -> None:
    members = table.operations[name].members
    assert members is not None
    shape = SESSION.get_service_model(table.service).operation_model(name).input_shape
    given = leaves(shape) if shape is not None else []
    undecided = [leaf for leaf in given if fate(members, leaf) is None]
    assert undecided == []
    invented = [
        path
        for path in members
        if not any(leaf == path or leaf.startswith((f"{path}.", f"{path}[")) for leaf in given)
    ]
    assert invented == []


SAMPLE = {
    "UserName": "Bob",
    "RoleName": "Exec",
    "PermissionsBoundary": "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess",
    "GroupName": "Devs",
    "PolicyName": "p",
    "PolicyArn": "arn:aws:iam::123456789012:policy/Own",
    "PolicySourceArn": "arn:aws:iam::123456789012:user/Bob",
    "AccessKeyId": "AKIAIOSFODNN7EXAMPLE",
    "Status": "Active",
    "VersionId": "v1",
    "ActionNames": ["s3:GetObject"],
    "PolicyInputList": ["{}"],
    "Tags": [{"Key": "a", "Value": "b"}],
    "TagKeys": ["a"],
    "Description": "d",
}


@pytest.fixture
def params(trust: str, document: Any) -> dict[str, dict[str, Any]]:
    given: dict[str, dict[str, Any]] = {}
    sample = {**SAMPLE, "AssumeRolePolicyDocument": trust, "PolicyDocument": document("s3:*")}
    for name in NAMES:
        shape = MODEL.operation_model(name).input_shape
        required = shape.required_members if shape is not None else ()
        given[name] = {member: sample[member] for member in required}
    return given


def test_nothing_is_done_without_its_own_permission(
    root: Any, trust: str, document: Any, params: dict[str, dict[str, Any]]
) -> None:
    root("CreateUser", UserName="Bob")
    root("CreateRole", RoleName="Exec", AssumeRolePolicyDocument=trust)
    root("CreateGroup", GroupName="Devs")
    root("CreatePolicy", PolicyName="Own", PolicyDocument=document("s3:*"))
    root("CreateUser", UserName="Eve")
    eve = root.named("Eve")
    for name in NAMES:
        error = eve.refused("AccessDeniedException", name, **params[name])
        assert f"is not authorized to perform: iam:{name} on resource: " in error.message


def test_another_accounts_identities_do_not_exist(
    root: Any, stranger: Any, trust: str, document: Any, params: dict[str, dict[str, Any]]
) -> None:
    root("CreateUser", UserName="Bob")
    root("CreateRole", RoleName="Exec", AssumeRolePolicyDocument=trust)
    root("CreateGroup", GroupName="Devs")
    root("CreatePolicy", PolicyName="Own", PolicyDocument=document("s3:*"))
    on_an_entity = [
        name
        for name in NAMES
        if not name.startswith("Create")
        and {"UserName", "RoleName", "GroupName", "PolicyArn", "PolicySourceArn"}
        & set(params[name])
    ]
    assert len(on_an_entity) > 30
    for name in on_an_entity:
        stranger.refused("NoSuchEntity", name, **params[name])
    for name, member in (("ListUsers", "Users"), ("ListRoles", "Roles"), ("ListGroups", "Groups")):
        assert stranger(name)[member] == []
    assert stranger("ListPolicies", Scope="Local")["Policies"] == []
    # Names are one account's own.
    stranger("CreateUser", UserName="Bob")
    stranger("CreateRole", RoleName="Exec", AssumeRolePolicyDocument=trust)
    stranger("CreatePolicy", PolicyName="Own", PolicyDocument=document("s3:*"))


def test_sts_has_what_it_says() -> None:
    assert list(sts.TABLE.operations) == ["GetCallerIdentity", "AssumeRole", "GetSessionToken"]
