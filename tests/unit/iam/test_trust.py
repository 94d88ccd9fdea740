"""Whom a role's trust document trusts."""

import json
from typing import Any

import pytest

from hostler.domain.errors import CallerError
from hostler.iam.trust import allows_service, is_execution_role

ACCOUNT, REGION = "123456789012", "us-west-2"
SAGEMAKER = "sagemaker.amazonaws.com"
SOURCE = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}"
TRUSTED = {"Effect": "Allow", "Principal": {"Service": SAGEMAKER}, "Action": "sts:AssumeRole"}


def trusts(*statements: Any) -> bool:
    return allows_service(
        json.dumps({"Version": "2012-10-17", "Statement": list(statements)}), SAGEMAKER
    )


@pytest.mark.parametrize(
    "statement",
    [
        TRUSTED,
        {**TRUSTED, "Action": ["sts:TagSession", "STS:assumerole"]},
        {**TRUSTED, "Action": "sts:*"},
        {**TRUSTED, "Principal": {"Service": ["ec2.amazonaws.com", SAGEMAKER]}},
        {"Effect": "Allow", "Principal": {"Service": SAGEMAKER}, "NotAction": "sts:TagSession"},
    ],
)
def test_trust_is_said(statement: Any) -> None:
    assert trusts(statement)


@pytest.mark.parametrize(
    "statement",
    [
        {**TRUSTED, "Principal": {"Service": "ec2.amazonaws.com"}},
        {**TRUSTED, "Principal": {"AWS": SAGEMAKER}},
        {**TRUSTED, "Principal": "*"},
        {**TRUSTED, "Principal": {"AWS": "*"}},
        {**TRUSTED, "Action": "sts:TagSession"},
        {**TRUSTED, "Condition": {"StringEquals": {"aws:SourceAccount": "123456789012"}}},
        {"Effect": "Allow", "NotPrincipal": {"AWS": "123456789012"}, "Action": "sts:AssumeRole"},
        {"Effect": "Allow", "Principal": {"Service": SAGEMAKER}, "NotAction": "sts:Assume*"},
    ],
)
def test_what_does_not_say_it_does_not_trust(statement: Any) -> None:
    assert not trusts(statement)


@pytest.mark.parametrize(
    "refusing",
    [
        {},
        {"Principal": "*"},
        {"Condition": {"Bool": {"aws:SecureTransport": "false"}}},
    ],
)
def test_a_deny_refuses_whatever_is_said_beside_it(refusing: Any) -> None:
    assert not trusts(TRUSTED, {**TRUSTED, "Effect": "Deny", **refusing})


def test_a_deny_of_someone_else_refuses_nothing() -> None:
    other = {**TRUSTED, "Effect": "Deny", "Principal": {"Service": "ec2.amazonaws.com"}}
    assert trusts(other, TRUSTED)


def test_a_broken_document_is_said() -> None:
    with pytest.raises(CallerError, match="MalformedPolicyDocument"):
        allows_service("{", SAGEMAKER)


def test_an_execution_role_trusts_sagemaker_and_a_broken_one_nobody() -> None:
    document = {"Version": "2012-10-17", "Statement": [TRUSTED]}
    assert is_execution_role(json.dumps(document), ACCOUNT, REGION)
    assert not is_execution_role(json.dumps({**document, "Statement": []}), ACCOUNT, REGION)
    assert not is_execution_role("{", ACCOUNT, REGION)


@pytest.mark.parametrize(
    ("condition", "trusted"),
    [
        ({"StringEquals": {"aws:SourceAccount": ACCOUNT}}, True),
        ({"StringEquals": {"aws:SourceAccount": "210987654321"}}, False),
        ({"ArnLike": {"aws:SourceArn": f"{SOURCE}:*"}}, True),
        ({"StringEquals": {"aws:SourceArn": f"{SOURCE}:*"}}, True),
        ({"ArnLike": {"aws:SourceArn": f"arn:aws:sagemaker:*:{ACCOUNT}:*"}}, True),
        ({"ArnNotLikeIfExists": {"aws:SourceArn": "arn:aws:ec2:*:*:*"}}, True),
        # The guide warns of these: SageMaker names no model and no endpoint.
        ({"ArnLike": {"aws:SourceArn": f"{SOURCE}:model/*"}}, False),
        ({"ArnLike": {"aws:SourceArn": f"{SOURCE}:endpoint/rc-x"}}, False),
        ({"ArnLike": {"aws:SourceArn": f"arn:aws:sagemaker:eu-west-1:{ACCOUNT}:*"}}, False),
    ],
)
def test_sagemaker_acts_for_the_account_of_the_role_in_the_region_of_the_model(
    condition: Any, trusted: bool
) -> None:
    """https://docs.aws.amazon.com/sagemaker/latest/dg/security-confused-deputy-prevention.html"""
    document = {"Version": "2012-10-17", "Statement": {**TRUSTED, "Condition": condition}}
    assert is_execution_role(json.dumps(document), ACCOUNT, REGION) is trusted
