"""Inline and managed policies, attachments, versions, and their effect."""

import json
from typing import Any
from urllib.parse import unquote

from hostler.iam.evaluate import PolicyEngine
from hostler.store import identities
from hostler.store.database import Store

ARN = "arn:aws:iam::123456789012:policy"
S3_READ = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"


def test_inline_policies_of_both_kinds(root: Any, trust: str, document: Any) -> None:
    root("CreateUser", UserName="Bob")
    root("CreateRole", RoleName="Exec", AssumeRolePolicyDocument=trust)
    for kind, name in (("User", "Bob"), ("Role", "Exec")):
        who = {f"{kind}Name": name}
        root(f"Put{kind}Policy", **who, PolicyName="b", PolicyDocument=document("s3:*"))
        root(f"Put{kind}Policy", **who, PolicyName="a", PolicyDocument=document("s3:*"))
        root(f"Put{kind}Policy", **who, PolicyName="a", PolicyDocument=document("s3:Get*"))
        assert root(f"List{kind}Policies", **who)["PolicyNames"] == ["a", "b"]
        got = root(f"Get{kind}Policy", **who, PolicyName="a")
        assert got[f"{kind}Name"] == name
        assert json.loads(unquote(got["PolicyDocument"])) == json.loads(document("s3:Get*"))
        root(f"Delete{kind}Policy", **who, PolicyName="a")
        for operation in ("Get", "Delete"):
            error = root.refused("NoSuchEntity", f"{operation}{kind}Policy", **who, PolicyName="a")
            expected = f"The {kind.lower()} policy with name a cannot be found."
            assert error.message == expected


def test_inline_policies_share_one_limit(root: Any, document: Any) -> None:
    root("CreateUser", UserName="Bob")
    large = document([f"s3:Action{number:03}" for number in range(100)])
    padded = large.replace(" ", "\n" * 100)
    root("PutUserPolicy", UserName="Bob", PolicyName="a", PolicyDocument=padded)
    root("PutUserPolicy", UserName="Bob", PolicyName="a", PolicyDocument=large)
    error = root.refused(
        "LimitExceeded", "PutUserPolicy", UserName="Bob", PolicyName="b", PolicyDocument=large
    )
    assert error.message == "Maximum policy size of 2048 bytes exceeded for user Bob"


def test_a_managed_policy_and_its_versions(root: Any, document: Any) -> None:
    made = root(
        "CreatePolicy",
        PolicyName="Own",
        Path="/x/",
        PolicyDocument=document("s3:*"),
        Description="mine",
        Tags=[{"Key": "a", "Value": "b"}],
    )["Policy"]
    arn = made["Arn"]
    assert arn == f"{ARN}/x/Own"
    assert (made["DefaultVersionId"], made["AttachmentCount"]) == ("v1", 0)
    got = root("GetPolicy", PolicyArn=arn)["Policy"]
    assert (got["Description"], got["Tags"]) == ("mine", [{"Key": "a", "Value": "b"}])
    error = root.refused(
        "EntityAlreadyExists", "CreatePolicy", PolicyName="OWN", PolicyDocument=document("s3:*")
    )
    assert error.message == "A policy called OWN already exists. Duplicate names are not allowed."

    for number in range(2, 6):
        version = root(
            "CreatePolicyVersion",
            PolicyArn=arn,
            PolicyDocument=document(f"s3:Get{number}"),
            SetAsDefault=number == 3,
        )["PolicyVersion"]
        assert version["VersionId"] == f"v{number}"
        assert version["IsDefaultVersion"] is (number == 3)
    error = root.refused(
        "LimitExceeded", "CreatePolicyVersion", PolicyArn=arn, PolicyDocument=document("s3:*")
    )
    assert "up to 5 versions" in error.message
    pages = root("ListPolicyVersions", PolicyArn=arn, MaxItems=3)
    rest = root("ListPolicyVersions", PolicyArn=arn, Marker=pages["Marker"])
    listed = [one["VersionId"] for one in pages["Versions"] + rest["Versions"]]
    assert listed == ["v5", "v4", "v3", "v2", "v1"]

    third = root("GetPolicyVersion", PolicyArn=arn, VersionId="v3")["PolicyVersion"]
    assert third["IsDefaultVersion"]
    assert unquote(third["Document"]) == document("s3:Get3")
    root.refused("DeleteConflict", "DeletePolicyVersion", PolicyArn=arn, VersionId="v3")
    root("SetDefaultPolicyVersion", PolicyArn=arn, VersionId="v5")
    root("DeletePolicyVersion", PolicyArn=arn, VersionId="v3")
    root.refused("NoSuchEntity", "GetPolicyVersion", PolicyArn=arn, VersionId="v3")
    root.refused("ValidationError", "GetPolicyVersion", PolicyArn=arn, VersionId="3")
    # A number is never given twice.
    again = root("CreatePolicyVersion", PolicyArn=arn, PolicyDocument=document("s3:*"))
    assert again["PolicyVersion"]["VersionId"] == "v6"

    root.refused("DeleteConflict", "DeletePolicy", PolicyArn=arn)
    for version_id in ("v1", "v2", "v4", "v6"):
        root("DeletePolicyVersion", PolicyArn=arn, VersionId=version_id)
    root("DeletePolicy", PolicyArn=arn)
    error = root.refused("NoSuchEntity", "GetPolicy", PolicyArn=arn)
    assert error.message == f"Policy {arn} was not found."


def test_managed_documents_are_read(root: Any, document: Any) -> None:
    old = document("s3:*").replace("2012-10-17", "2008-10-17")
    error = root.refused(
        "MalformedPolicyDocument", "CreatePolicy", PolicyName="p", PolicyDocument=old
    )
    assert error.message == "Policy document must be version 2012-10-17 or greater."
    long = document(["s3:" + "x" * 6144])
    error = root.refused("LimitExceeded", "CreatePolicy", PolicyName="p", PolicyDocument=long)
    assert error.message == "Cannot exceed quota for PolicySize: 6144"


def test_attachments(root: Any, trust: str, document: Any) -> None:
    root("CreateUser", UserName="Bob")
    root("CreateRole", RoleName="Exec", AssumeRolePolicyDocument=trust)
    own = root("CreatePolicy", PolicyName="Own", PolicyDocument=document("s3:*"))["Policy"]["Arn"]
    for kind, name in (("User", "Bob"), ("Role", "Exec")):
        who = {f"{kind}Name": name}
        for arn in (own, own, S3_READ):
            root(f"Attach{kind}Policy", **who, PolicyArn=arn)
        assert root(f"ListAttached{kind}Policies", **who)["AttachedPolicies"] == [
            {"PolicyName": "Own", "PolicyArn": own},
            {"PolicyName": "AmazonS3ReadOnlyAccess", "PolicyArn": S3_READ},
        ]
        missing = f"{ARN}/Missing"
        error = root.refused("NoSuchEntity", f"Attach{kind}Policy", **who, PolicyArn=missing)
        assert error.message == f"Policy {missing} does not exist or is not attachable."
        error = root.refused("NoSuchEntity", f"Detach{kind}Policy", **who, PolicyArn=missing)
        assert error.message == f"Policy {missing} was not found."
    assert root("GetPolicy", PolicyArn=own)["Policy"]["AttachmentCount"] == 2
    held = root("ListEntitiesForPolicy", PolicyArn=own)
    assert [user["UserName"] for user in held["PolicyUsers"]] == ["Bob"]
    assert [role["RoleName"] for role in held["PolicyRoles"]] == ["Exec"]
    assert held["PolicyGroups"] == []
    roles = root("ListEntitiesForPolicy", PolicyArn=own, EntityFilter="Role")
    assert roles["PolicyUsers"] == []
    assert len(roles["PolicyRoles"]) == 1
    error = root.refused("DeleteConflict", "DeletePolicy", PolicyArn=own)
    assert error.message == "Cannot delete a policy attached to entities."
    root("DetachUserPolicy", UserName="Bob", PolicyArn=own)
    root("DetachRolePolicy", RoleName="Exec", PolicyArn=own)
    root("DeletePolicy", PolicyArn=own)


def test_ten_attachments_are_the_limit(root: Any, document: Any) -> None:
    root("CreateUser", UserName="Bob")
    arns = [
        root("CreatePolicy", PolicyName=f"p{number}", PolicyDocument=document("s3:*"))["Policy"][
            "Arn"
        ]
        for number in range(11)
    ]
    for arn in arns[:10]:
        root("AttachUserPolicy", UserName="Bob", PolicyArn=arn)
    root("AttachUserPolicy", UserName="Bob", PolicyArn=arns[0])
    error = root.refused("LimitExceeded", "AttachUserPolicy", UserName="Bob", PolicyArn=arns[10])
    assert error.message == "Cannot exceed quota for PoliciesPerUser: 10"


def test_awss_policies_are_there_to_read_only(root: Any, document: Any) -> None:
    got = root("GetPolicy", PolicyArn=S3_READ)["Policy"]
    assert (got["PolicyName"], got["DefaultVersionId"]) == ("AmazonS3ReadOnlyAccess", "v1")
    version = root("GetPolicyVersion", PolicyArn=S3_READ, VersionId="v1")["PolicyVersion"]
    assert "s3:Get*" in unquote(version["Document"])
    for operation, more in (
        ("DeletePolicy", {}),
        ("CreatePolicyVersion", {"PolicyDocument": document("*")}),
        ("DeletePolicyVersion", {"VersionId": "v1"}),
        ("SetDefaultPolicyVersion", {"VersionId": "v1"}),
        ("TagPolicy", {"Tags": [{"Key": "a", "Value": "b"}]}),
    ):
        root.refused("AccessDenied", operation, PolicyArn=S3_READ, **more)


def test_lists_of_policies(root: Any, document: Any) -> None:
    root("CreatePolicy", PolicyName="Own", Path="/x/", PolicyDocument=document("s3:*"))
    root("CreateUser", UserName="Bob")
    root("AttachUserPolicy", UserName="Bob", PolicyArn=S3_READ)

    def names(**params: Any) -> list[str]:
        return [one["PolicyName"] for one in root("ListPolicies", **params)["Policies"]]

    assert names(Scope="Local") == ["Own"]
    assert "Own" not in names(Scope="AWS")
    assert {"Own", "AmazonSageMakerFullAccess"} <= set(names())
    assert names(OnlyAttached=True) == ["AmazonS3ReadOnlyAccess"]
    assert names(PathPrefix="/x/", PolicyUsageFilter="PermissionsPolicy") == ["Own"]
    assert names(PolicyUsageFilter="PermissionsBoundary") == []


def test_policy_tags(root: Any, document: Any) -> None:
    arn = root("CreatePolicy", PolicyName="Own", PolicyDocument=document("s3:*"))["Policy"]["Arn"]
    root("TagPolicy", PolicyArn=arn, Tags=[{"Key": "a", "Value": "1"}])
    assert root("ListPolicyTags", PolicyArn=arn)["Tags"] == [{"Key": "a", "Value": "1"}]
    root("UntagPolicy", PolicyArn=arn, TagKeys=["A"])
    assert root("ListPolicyTags", PolicyArn=arn)["Tags"] == []


def test_policies_reach_the_principal(root: Any, trust: str, document: Any, store: Store) -> None:
    role = root("CreateRole", RoleName="Exec", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    own = root("CreatePolicy", PolicyName="Own", PolicyDocument=document("s3:GetObject"))
    arn = own["Policy"]["Arn"]
    root("AttachRolePolicy", RoleName="Exec", PolicyArn=arn)
    root("AttachRolePolicy", RoleName="Exec", PolicyArn=S3_READ)
    root("PutRolePolicy", RoleName="Exec", PolicyName="i", PolicyDocument=document("ecr:*"))
    engine = PolicyEngine()

    def may(action: str) -> str | None:
        principal = store.run(lambda tx: identities.role_principal(tx, role))
        assert principal is not None
        return engine.decide(principal, action, "arn:aws:s3:::b/k").policy

    assert may("ecr:BatchGetImage") == "i"
    assert may("s3:GetObject") == arn
    assert may("s3:ListBucket") == S3_READ
    assert may("s3:PutObject") is None
    root(
        "CreatePolicyVersion",
        PolicyArn=arn,
        PolicyDocument=document("s3:PutObject"),
        SetAsDefault=True,
    )
    assert may("s3:GetObject") == S3_READ
    assert may("s3:PutObject") == arn


def test_the_snapshot_has_active_keys_and_everybody(
    root: Any, document: Any, trust: str, store: Store
) -> None:
    for name in ("Bob", "Eve"):
        root("CreateUser", UserName=name)
        root("PutUserPolicy", UserName=name, PolicyName=name, PolicyDocument=document("s3:*"))
    root("TagUser", UserName="Bob", Tags=[{"Key": "Team", "Value": "red"}])
    kept = root("CreateAccessKey", UserName="Bob")["AccessKey"]
    off = root("CreateAccessKey", UserName="Eve")["AccessKey"]["AccessKeyId"]
    root("UpdateAccessKey", UserName="Eve", AccessKeyId=off, Status="Inactive")
    root("CreateRole", RoleName="Exec", AssumeRolePolicyDocument=trust)
    root("CreateGroup", GroupName="Devs")
    known = store.run(identities.snapshot_parts)
    credentials = known.credentials
    arns = {principal.arn: principal for principal in known.principals}
    names = ["role/Exec", "root", "user/Bob", "user/Eve"]
    assert list(arns) == [f"arn:aws:iam::123456789012:{name}" for name in names]
    assert len(known.session_key) == 32
    assert off not in {credential.access_key_id for credential in credentials}
    bob = arns["arn:aws:iam::123456789012:user/Bob"]
    assert [policy.name for policy in bob.policies] == ["Bob"]
    assert bob.tags == {"Team": "red"}
    assert arns["arn:aws:iam::123456789012:root"].tags == {}, "none, and that is known"
    assert arns["arn:aws:iam::123456789012:root"].is_root
    secrets = {credential.access_key_id: credential.secret for credential in credentials}
    assert secrets[kept["AccessKeyId"]] == kept["SecretAccessKey"]
