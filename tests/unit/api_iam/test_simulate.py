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
