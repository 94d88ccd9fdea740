"""The account as a whole: what is in it, and how much may be."""

from typing import Any
from urllib.parse import unquote

import pytest

from hostler.api.iam import quotas

S3_READ = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"


@pytest.fixture
def filled(root: Any, trust: str, document: Any) -> str:
    """An account with one of each; the ARN of its own policy."""
    arn = root("CreatePolicy", PolicyName="Own", PolicyDocument=document("s3:*"))["Policy"]["Arn"]
    tags = [{"Key": "team", "Value": "rc"}]
    root("CreateUser", UserName="Bob", PermissionsBoundary=S3_READ, Tags=tags)
    root("PutUserPolicy", UserName="Bob", PolicyName="p", PolicyDocument=document("ecr:*"))
    root("CreateGroup", GroupName="Devs")
    root("AddUserToGroup", GroupName="Devs", UserName="Bob")
    root("AttachGroupPolicy", GroupName="Devs", PolicyArn=arn)
    root("CreateRole", RoleName="Exec", Description="d", AssumeRolePolicyDocument=trust)
    return str(arn)


def test_everybody_and_every_policy_in_use(root: Any, filled: str, trust: str) -> None:
    found = root("GetAccountAuthorizationDetails")
    (user,), (group,), (role,) = (found[f"{kind}DetailList"] for kind in ("User", "Group", "Role"))
    assert (user["UserName"], user["GroupList"]) == ("Bob", ["Devs"])
    assert user["PermissionsBoundary"]["PermissionsBoundaryArn"] == S3_READ
    assert user["Tags"] == [{"Key": "team", "Value": "rc"}]
    assert [one["PolicyName"] for one in user["UserPolicyList"]] == ["p"]
    assert user["AttachedManagedPolicies"] == []
    attached = [{"PolicyName": "Own", "PolicyArn": filled}]
    assert (group["GroupPolicyList"], group["AttachedManagedPolicies"]) == ([], attached)
    assert unquote(role["AssumeRolePolicyDocument"]) == trust
    assert role["InstanceProfileList"] == []
    by_arn = {one["Arn"]: one for one in found["Policies"]}
    assert list(by_arn) == [filled, S3_READ]
    assert by_arn[filled]["AttachmentCount"] == 1
    assert by_arn[S3_READ]["PermissionsBoundaryUsageCount"] == 1
    assert by_arn[filled]["PolicyVersionList"][0]["IsDefaultVersion"]


def test_by_kind_and_in_pages(root: Any, filled: str) -> None:
    found = root("GetAccountAuthorizationDetails", Filter=["User", "LocalManagedPolicy"])
    assert [one["UserName"] for one in found["UserDetailList"]] == ["Bob"]
    assert [one["Arn"] for one in found["Policies"]] == [filled]
    assert found["GroupDetailList"] == found["RoleDetailList"] == []
    seen: list[str] = []
    more: dict[str, Any] = {}
    while True:
        page = root("GetAccountAuthorizationDetails", MaxItems=2, **more)
        lists = (page[name] for name in page if name.endswith("List") or name == "Policies")
        seen += [one["Arn"] for listed in lists for one in listed]
        if not page["IsTruncated"]:
            break
        more = {"Marker": page["Marker"]}
    assert len(seen) == len(set(seen)) == 5


def test_a_summary_counts_what_there_is(root: Any, filled: str, stranger: Any) -> None:
    found = root("GetAccountSummary")["SummaryMap"]
    counted = {name: found[name] for name in ("Users", "Groups", "Roles", "Policies")}
    assert counted == dict.fromkeys(counted, 1)
    assert found["PolicyVersionsInUse"] == 1
    assert (found["UsersQuota"], found["AccessKeysPerUserQuota"]) == (5_000, 2)
    assert (found["AccountMFAEnabled"], found["AccountAccessKeysPresent"]) == (0, 1)
    assert stranger("GetAccountSummary")["SummaryMap"]["Users"] == 0


def test_an_account_may_have_so_many(
    root: Any, filled: str, trust: str, document: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quotas, "POLICIES_MAX", 1)
    kinds = {kind: (name, 1) for kind, (name, _) in quotas._OF_KIND.items()}
    monkeypatch.setattr(quotas, "_OF_KIND", kinds)
    for operation, params, quota in (
        ("CreateUser", {"UserName": "x"}, "UsersPerAccount"),
        ("CreateGroup", {"GroupName": "x"}, "GroupsPerAccount"),
        ("CreateRole", {"RoleName": "x", "AssumeRolePolicyDocument": trust}, "RolesPerAccount"),
        (
            "CreatePolicy",
            {"PolicyName": "x", "PolicyDocument": document("*")},
            "PoliciesPerAccount",
        ),
    ):
        error = root.refused("LimitExceeded", operation, **params)
        assert error.message == f"Cannot exceed quota for {quota}: 1"
