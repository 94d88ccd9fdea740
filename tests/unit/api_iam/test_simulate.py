"""SimulatePrincipalPolicy, GetCallerIdentity, the account."""

import json
import tracemalloc
from typing import Any

import pytest

ENDPOINT = "arn:aws:sagemaker:us-east-1:123456789012:endpoint/rc-x"


@pytest.fixture
def bob(root: Any, document: Any) -> str:
    arn = root("CreateUser", UserName="Bob", Path="/x/")["User"]["Arn"]
    allowed = document("sagemaker:*", f"{ENDPOINT}*")
    root("PutUserPolicy", UserName="Bob", PolicyName="calls", PolicyDocument=allowed)
    return str(arn)


def decisions(answer: Any) -> list[tuple[str, str, str]]:
    return [
        (one["EvalActionName"], one["EvalResourceName"], one["EvalDecision"])
        for one in answer["EvaluationResults"]
    ]


def test_every_action_with_every_resource(root: Any, bob: str, document: Any) -> None:
    answer = root(
        "SimulatePrincipalPolicy",
        PolicySourceArn=bob,
        ActionNames=["sagemaker:InvokeEndpoint", "s3:GetObject"],
        ResourceArns=[ENDPOINT, "*"],
        PolicyInputList=[document("s3:*", effect="Deny")],
    )
    assert decisions(answer) == [
        ("sagemaker:InvokeEndpoint", ENDPOINT, "allowed"),
        ("sagemaker:InvokeEndpoint", "*", "implicitDeny"),
        ("s3:GetObject", ENDPOINT, "explicitDeny"),
        ("s3:GetObject", "*", "explicitDeny"),
    ]
    matched = [one["MatchedStatements"] for one in answer["EvaluationResults"]]
    assert [one[0]["SourcePolicyId"] if one else None for one in matched] == [
        "calls",
        None,
        "PolicyInputList.1",
        "PolicyInputList.1",
    ]


def conditioned(document: Any, **condition: Any) -> str:
    text = json.loads(document("s3:GetObject"))
    for statement in text["Statement"]:
        statement["Condition"] = condition
    return json.dumps(text)


def test_the_simulated_request_has_the_keys_that_are_given(
    root: Any, bob: str, document: Any
) -> None:
    policy = conditioned(
        document,
        StringEquals={"aws:RequestedRegion": ["eu-west-1"], "aws:PrincipalTag/team": "red"},
        Bool={"aws:MultiFactorAuthPresent": "false"},
        IpAddressIfExists={"aws:SourceIp": "10.0.0.0/8"},
    )

    def ask(**keys: list[str]) -> tuple[str, list[str]]:
        entries = [
            {"ContextKeyName": name.replace("__", "/").replace("_", ":"), "ContextKeyValues": value}
            for name, value in keys.items()
        ]
        answer = root(
            "SimulatePrincipalPolicy",
            PolicySourceArn=bob,
            ActionNames=["s3:GetObject"],
            PolicyInputList=[policy],
            ContextEntries=entries,
        )
        (result,) = answer["EvaluationResults"]
        return result["EvalDecision"], result["MissingContextValues"]

    assert ask() == ("implicitDeny", ["aws:RequestedRegion", "aws:SourceIp"])
    region, team = ["eu-west-1"], ["red"]
    # Bob's own key brings no MFA, whatever a simulation says of it.
    assert ask(aws_RequestedRegion=region, aws_PrincipalTag__Team=team) == (
        "implicitDeny",
        ["aws:SourceIp"],
    )
    policy = policy.replace('"Bool"', '"BoolIfExists"')
    assert ask(aws_RequestedRegion=region, aws_PrincipalTag__Team=team)[0] == "allowed"
    assert ask(aws_RequestedRegion=region, aws_PrincipalTag__Team=["blue"])[0] == "implicitDeny"
    outside = ask(aws_RequestedRegion=region, AWS_principaltag__team=team, aws_SourceIp=["1.2.3.4"])
    assert outside == ("implicitDeny", [])
    root("TagUser", UserName="Bob", Tags=[{"Key": "Team", "Value": "red"}])
    assert ask(aws_RequestedRegion=region)[0] == "allowed"


BUCKET = "arn:aws:s3:::b/k"


def simulated(root: Any, operation: str, **params: Any) -> Any:
    asked = {"ActionNames": ["s3:GetObject"], "ResourceArns": [BUCKET], **params}
    (result,) = root(operation, **asked)["EvaluationResults"]
    return result


def test_a_boundary_and_groups_count(root: Any, bob: str, document: Any) -> None:
    root("CreateGroup", GroupName="Readers")
    root("AddUserToGroup", GroupName="Readers", UserName="Bob")
    root("PutGroupPolicy", GroupName="Readers", PolicyName="r", PolicyDocument=document("s3:*"))
    result = simulated(root, "SimulatePrincipalPolicy", PolicySourceArn=bob)
    assert result["EvalDecision"] == "allowed"
    assert result["MatchedStatements"][0]["SourcePolicyId"] == "group/Readers/r"
    assert "PermissionsBoundaryDecisionDetail" not in result
    boundary = "arn:aws:iam::aws:policy/CloudWatchLogsReadOnlyAccess"
    root("PutUserPermissionsBoundary", UserName="Bob", PermissionsBoundary=boundary)
    result = simulated(root, "SimulatePrincipalPolicy", PolicySourceArn=bob)
    assert result["EvalDecision"] == "implicitDeny"
    assert result["PermissionsBoundaryDecisionDetail"] == {"AllowedByPermissionsBoundary": False}
    tried = [document("s3:Get*")]
    result = simulated(
        root,
        "SimulatePrincipalPolicy",
        PolicySourceArn=bob,
        PermissionsBoundaryPolicyInputList=tried,
    )
    assert result["EvalDecision"] == "allowed"
    assert result["PermissionsBoundaryDecisionDetail"] == {"AllowedByPermissionsBoundary": True}
    root.refused(
        "InvalidInput",
        "SimulatePrincipalPolicy",
        PolicySourceArn=bob,
        ActionNames=["s3:a"],
        PermissionsBoundaryPolicyInputList=tried * 2,
    )
    group = "arn:aws:iam::123456789012:group/Readers"
    result = simulated(root, "SimulatePrincipalPolicy", PolicySourceArn=group)
    assert result["EvalDecision"] == "allowed"
    result = simulated(
        root, "SimulatePrincipalPolicy", PolicySourceArn=group, ActionNames=["sagemaker:a"]
    )
    assert result["EvalDecision"] == "implicitDeny"


@pytest.mark.parametrize(
    ("principal", "owner"),
    [
        ("arn:aws:iam::123456789012:user/x/Bob", {}),
        ("*", {"ResourceOwner": "arn:aws:iam::123456789012:root"}),
        ("123456789012", {}),
        ("*", {"ResourceOwner": "210987654321"}),
    ],
)
def test_a_resource_has_a_policy_and_an_owner(
    root: Any, bob: str, document: Any, principal: str, owner: Any
) -> None:
    allowed = principal == bob or "root" in owner.get("ResourceOwner", "")
    text = document("s3:GetObject", BUCKET, Principal={"AWS": principal})
    result = simulated(
        root, "SimulatePrincipalPolicy", PolicySourceArn=bob, ResourcePolicy=text, **owner
    )
    assert result["EvalDecision"] == ("allowed" if allowed else "implicitDeny")
    if allowed:
        matched = {"SourcePolicyId": "ResourcePolicy", "SourcePolicyType": "Resource Policy"}
        assert result["MatchedStatements"] == [matched]
    result = simulated(
        root,
        "SimulatePrincipalPolicy",
        PolicySourceArn=bob,
        PolicyInputList=[document("s3:*")],
        ResourcePolicy=document("s3:*", BUCKET, "Deny", Principal="*"),
        **owner,
    )
    assert result["EvalDecision"] == "explicitDeny"


def test_policies_alone(root: Any, bob: str, document: Any) -> None:
    own = document("s3:GetObject", "arn:aws:s3:::b/${aws:username}")
    asked = {"PolicyInputList": [own], "ResourceArns": ["arn:aws:s3:::b/Bob"]}
    nobody = simulated(root, "SimulateCustomPolicy", **asked)
    assert (nobody["EvalDecision"], nobody["MissingContextValues"]) == (
        "implicitDeny",
        ["aws:username"],
    )
    name = [{"ContextKeyName": "aws:username", "ContextKeyValues": ["Bob"]}]
    named = simulated(root, "SimulateCustomPolicy", ContextEntries=name, **asked)
    assert (named["EvalDecision"], named["MissingContextValues"]) == ("allowed", [])
    matched = {"SourcePolicyId": "PolicyInputList.1", "SourcePolicyType": "IAM Policy"}
    assert named["MatchedStatements"] == [matched]
    caller = simulated(root, "SimulateCustomPolicy", CallerArn=bob, **asked)
    assert caller["EvalDecision"] == "allowed"
    limited = simulated(
        root,
        "SimulateCustomPolicy",
        PolicyInputList=[document("*")],
        PermissionsBoundaryPolicyInputList=[document("ec2:*")],
    )
    assert limited["EvalDecision"] == "implicitDeny"
    wrong = {"PolicyInputList": ["{}"], "ActionNames": ["s3:a"]}
    root.refused("MalformedPolicyDocument", "SimulateCustomPolicy", **wrong)


def test_a_caller_is_a_user(root: Any, bob: str, trust: str, document: Any) -> None:
    role = root("CreateRole", RoleName="R", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    asked = {"PolicyInputList": [document("s3:*")], "ActionNames": ["s3:a"]}
    root.refused("InvalidInput", "SimulateCustomPolicy", CallerArn=role, **asked)
    result = simulated(
        root,
        "SimulatePrincipalPolicy",
        PolicySourceArn=role,
        CallerArn=bob,
        ResourcePolicy=document("s3:*", BUCKET, Principal={"AWS": bob}),
    )
    assert result["EvalDecision"] == "allowed"


def test_a_roles_trust_is_its_resources_policy(root: Any, bob: str, document: Any) -> None:
    statement = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": bob}}
    trust = json.dumps({"Version": "2012-10-17", "Statement": statement})
    result = simulated(
        root,
        "SimulatePrincipalPolicy",
        PolicySourceArn=bob,
        ActionNames=["sts:AssumeRole"],
        ResourceArns=["arn:aws:iam::123456789012:role/R"],
        ResourcePolicy=trust,
    )
    assert result["EvalDecision"] == "allowed"


def test_without_a_resource_everything_is_meant(root: Any, bob: str) -> None:
    answer = root("SimulatePrincipalPolicy", PolicySourceArn=bob, ActionNames=["s3:GetObject"])
    assert decisions(answer) == [("s3:GetObject", "*", "implicitDeny")]
    assert answer["IsTruncated"] is False


def test_in_pages(root: Any, bob: str) -> None:
    asked = {"PolicySourceArn": bob, "ActionNames": ["s3:a", "s3:b", "s3:c"]}
    page = root("SimulatePrincipalPolicy", MaxItems=2, **asked)
    rest = root("SimulatePrincipalPolicy", Marker=page["Marker"], **asked)
    assert [one[0] for one in decisions(page) + decisions(rest)] == ["s3:a", "s3:b", "s3:c"]
    root.refused("ValidationError", "SimulatePrincipalPolicy", Marker="YWJj", **asked)


def test_a_page_costs_what_it_shows_however_much_is_asked(root: Any, bob: str) -> None:
    """A million pairs of actions and resources, which once were all held in memory."""
    names = [f"s3:Action{number}" for number in range(1_000)]
    asked = {
        "PolicySourceArn": bob,
        "ActionNames": names,
        "ResourceArns": [f"arn:aws:s3:::bucket-{number}" for number in range(1_000)],
        "MaxItems": 2,
    }
    tracemalloc.start()
    page = root("SimulatePrincipalPolicy", **asked)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(decisions(page)) == 2
    assert page["IsTruncated"]
    assert peak < 10_000_000


@pytest.mark.parametrize(
    ("arn", "code"),
    [
        ("arn:aws:iam::123456789012:user/Missing", "NoSuchEntity"),
        ("arn:aws:iam::123456789012:role/Missing", "NoSuchEntity"),
        ("arn:aws:iam::123456789012:root", "InvalidInput"),
        ("arn:aws:s3:::a-bucket-of-someone", "InvalidInput"),
    ],
)
def test_principals_that_are_none(root: Any, arn: str, code: str) -> None:
    root.refused(code, "SimulatePrincipalPolicy", PolicySourceArn=arn, ActionNames=["s3:a"])


def test_the_caller_needs_no_permission_to_know_itself(root: Any, bob: str, document: Any) -> None:
    everything = document("*", effect="Deny")
    root("PutUserPolicy", UserName="Bob", PolicyName="no", PolicyDocument=everything)
    identity = root.named("Bob")("GetCallerIdentity")
    assert identity["Arn"] == bob
    assert identity["Account"] == "123456789012"
    assert identity["UserId"].startswith("AIDA")
    assert root("GetCallerIdentity") == {
        "UserId": "123456789012",
        "Account": "123456789012",
        "Arn": "arn:aws:iam::123456789012:root",
    }


def test_an_account_has_no_alias(root: Any) -> None:
    assert root("ListAccountAliases") == {"AccountAliases": [], "IsTruncated": False}
