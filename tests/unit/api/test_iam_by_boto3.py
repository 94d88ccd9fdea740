"""IAM and STS as boto3 reads them: waiters, paginators, and the shapes of larger answers."""

import json
from typing import Any

import pytest

TRUST = {"Version": "2012-10-17", "Statement": []}
ALLOW = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}],
}
S3_READ = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"


@pytest.fixture
def iam(world: Any) -> Any:
    """The account's root, with a user in two groups, a role and a policy."""
    client = world.client("iam")
    user = client.create_user(UserName="ann", PermissionsBoundary=S3_READ)["User"]
    statement = {"Effect": "Allow", "Principal": {"AWS": user["Arn"]}, "Action": "sts:AssumeRole"}
    trust = json.dumps({**TRUST, "Statement": [statement]})
    client.create_role(RoleName="App", AssumeRolePolicyDocument=trust)
    for name in ("devs", "ops"):
        client.create_group(GroupName=name)
        client.add_user_to_group(GroupName=name, UserName="ann")
        client.put_group_policy(GroupName=name, PolicyName="p", PolicyDocument=json.dumps(ALLOW))
    return client


def test_waiters_see_what_is_there(iam: Any) -> None:
    arn = iam.create_policy(PolicyName="own", PolicyDocument=json.dumps(ALLOW))["Policy"]["Arn"]
    iam.get_waiter("policy_exists").wait(PolicyArn=arn)
    iam.get_waiter("user_exists").wait(UserName="ann")
    iam.get_waiter("role_exists").wait(RoleName="App")


def test_paginators_come_to_an_end(iam: Any) -> None:
    def listed(operation: str, member: str, **params: Any) -> int:
        pages = iam.get_paginator(operation).paginate(**params, PaginationConfig={"PageSize": 1})
        return sum(len(page[member]) for page in pages)

    assert listed("list_groups", "Groups") == 2
    assert listed("list_groups_for_user", "Groups", UserName="ann") == 2
    assert listed("get_group", "Users", GroupName="devs") == 1
    assert listed("list_group_policies", "PolicyNames", GroupName="devs") == 1
    assert listed("get_account_authorization_details", "GroupDetailList") == 2


def test_policies_are_read_as_documents(iam: Any) -> None:
    assert iam.get_group_policy(GroupName="devs", PolicyName="p")["PolicyDocument"] == ALLOW
    found = iam.get_account_authorization_details(Filter=["User", "Group"])
    (user,) = found["UserDetailList"]
    assert user["PermissionsBoundary"]["PermissionsBoundaryArn"] == S3_READ
    assert user["GroupList"] == ["devs", "ops"]
    assert found["GroupDetailList"][0]["GroupPolicyList"][0]["PolicyDocument"] == ALLOW
    assert iam.get_account_summary()["SummaryMap"]["Groups"] == 2


def test_a_simulation_is_read_whole(iam: Any) -> None:
    user = iam.get_user(UserName="ann")["User"]["Arn"]
    (result,) = iam.simulate_principal_policy(PolicySourceArn=user, ActionNames=["s3:PutObject"])[
        "EvaluationResults"
    ]
    assert result["EvalDecision"] == "implicitDeny"
    assert result["PermissionsBoundaryDecisionDetail"] == {"AllowedByPermissionsBoundary": False}
    (result,) = iam.simulate_custom_policy(
        PolicyInputList=[json.dumps(ALLOW)], ActionNames=["s3:PutObject"]
    )["EvaluationResults"]
    assert result["EvalDecision"] == "allowed"


def test_errors_are_boto3s_own_exceptions(iam: Any) -> None:
    for error, call, params in (
        (iam.exceptions.EntityAlreadyExistsException, iam.create_group, {"GroupName": "DEVS"}),
        (iam.exceptions.NoSuchEntityException, iam.get_group, {"GroupName": "none"}),
        (iam.exceptions.DeleteConflictException, iam.delete_group, {"GroupName": "devs"}),
        (iam.exceptions.DeleteConflictException, iam.delete_user, {"UserName": "ann"}),
        (
            iam.exceptions.MalformedPolicyDocumentException,
            iam.put_group_policy,
            {"GroupName": "devs", "PolicyName": "p", "PolicyDocument": "{}"},
        ),
    ):
        with pytest.raises(error):
            call(**params)


def test_a_session_by_boto3(world: Any, iam: Any) -> None:
    sts = world.client("sts")
    token = sts.get_session_token(DurationSeconds=900)["Credentials"]
    assert token["AccessKeyId"].startswith("ASIA")
    assert token["Expiration"].tzinfo is not None
    arn = iam.get_role(RoleName="App")["Role"]["Arn"]
    with pytest.raises(sts.exceptions.ClientError, match="Roles may not be assumed by root"):
        sts.assume_role(RoleArn=arn, RoleSessionName="job")
