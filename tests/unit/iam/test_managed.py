"""The AWS-managed policies allow something, with the engine that there is."""

import pytest

from hostler.domain.snapshot import Policy, Principal
from hostler.iam import managed
from hostler.iam.document import parse
from hostler.iam.evaluate import PolicyEngine

NAMES = sorted(managed.POLICIES)
PREFIX = "arn:aws:iam::aws:policy/"


@pytest.mark.parametrize("arn", NAMES)
def test_no_statement_depends_on_a_request(arn: str) -> None:
    policy = managed.POLICIES[arn]
    assert policy.arn == arn == f"{PREFIX}{policy.path[1:]}{policy.name}"
    for statement in parse(policy.document).statements:
        assert statement.actions or statement.not_actions
        assert statement.resources
        assert not statement.conditions
        assert not any("${" in resource for resource in statement.resources)


def test_ids_are_unique() -> None:
    assert len({policy.id for policy in managed.POLICIES.values()}) == len(NAMES)


@pytest.mark.parametrize(
    ("name", "action", "resource", "allowed"),
    [
        ("AmazonSageMakerFullAccess", "sagemaker:CreateModel", "*", True),
        ("AmazonSageMakerFullAccess", "s3:GetObject", "arn:aws:s3:::my-sagemaker/k", True),
        ("AmazonSageMakerFullAccess", "s3:GetObject", "arn:aws:s3:::private/k", False),
        (
            "AmazonSageMakerFullAccess",
            "iam:PassRole",
            "arn:aws:iam::123456789012:role/service-role/AmazonSageMaker-ExecutionRole-1",
            True,
        ),
        ("AmazonSageMakerFullAccess", "iam:CreateUser", "*", False),
        ("AmazonSageMakerReadOnly", "sagemaker:DeleteModel", "*", False),
        ("AmazonS3ReadOnlyAccess", "s3:PutObject", "arn:aws:s3:::b/k", False),
        ("CloudWatchLogsFullAccess", "logs:PutLogEvents", "*", True),
        ("AdministratorAccess", "iam:CreateUser", "*", True),
        ("PowerUserAccess", "sagemaker:DeleteEndpoint", "*", True),
        ("PowerUserAccess", "sts:AssumeRole", "*", True),
        ("PowerUserAccess", "iam:ListRoles", "*", True),
        ("PowerUserAccess", "iam:CreateUser", "*", False),
        ("ReadOnlyAccess", "sagemaker:DescribeEndpoint", "*", True),
        ("ReadOnlyAccess", "s3:GetObject", "arn:aws:s3:::b/k", True),
        ("ReadOnlyAccess", "sagemaker:InvokeEndpoint", "*", False),
        ("ReadOnlyAccess", "logs:PutLogEvents", "*", False),
        ("job-function/ViewOnlyAccess", "s3:ListBucket", "*", True),
        ("job-function/ViewOnlyAccess", "s3:GetObject", "arn:aws:s3:::b/k", False),
        ("CloudWatchAgentServerPolicy", "logs:PutLogEvents", "*", True),
        ("CloudWatchFullAccessV2", "cloudwatch:PutMetricAlarm", "*", True),
        ("AmazonEC2ContainerRegistryPowerUser", "ecr:PutImage", "*", True),
        ("AmazonEC2ContainerRegistryPowerUser", "ecr:DeleteRepository", "*", False),
    ],
)
def test_what_they_allow(name: str, action: str, resource: str, allowed: bool) -> None:
    document = managed.POLICIES[PREFIX + name].document
    who = Principal("arn:aws:iam::1:user/x", "1", "x", "x", (Policy(name, document),))
    assert PolicyEngine().decide(who, action, resource).allowed is allowed
