"""The AWS-managed policies that SageMaker users attach, as Hostler's own equivalents.

Invariant: each allows what AWS's policy of that name allows of the services that exist here, and
none depends on a request: no conditions, no variables.

https://docs.aws.amazon.com/aws-managed-policy/latest/reference/policy-list.html
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hostler.iam.grammar import VERSION

CREATED = 1_451_606_400.0
"""2016-01-01: AWS's own policies have no date of ours."""


@dataclass(frozen=True, slots=True)
class AwsPolicy:
    """One AWS-managed policy; its only version is v1."""

    arn: str
    id: str
    name: str
    path: str
    description: str
    document: str


def _allow(actions: str | Sequence[str], resources: str | Sequence[str] = "*") -> dict[str, Any]:
    return {"Effect": "Allow", "Action": actions, "Resource": resources}


def _allow_all_but(actions: Sequence[str]) -> dict[str, Any]:
    return {"Effect": "Allow", "NotAction": actions, "Resource": "*"}


_LOG_READS = [
    "logs:Describe*", "logs:Get*", "logs:List*", "logs:StartQuery", "logs:StopQuery",
    "logs:TestMetricFilter", "logs:FilterLogEvents", "logs:StartLiveTail", "logs:StopLiveTail",
]  # fmt: skip
_METRIC_READS = [
    "application-autoscaling:DescribeScalingPolicies", "cloudwatch:Describe*", "cloudwatch:Get*",
    "cloudwatch:List*",
]  # fmt: skip

_IAM_READS = ["iam:Generate*", "iam:Get*", "iam:List*", "iam:Simulate*"]
_REGISTRY_READS = [
    "ecr:GetAuthorizationToken", "ecr:BatchCheckLayerAvailability", "ecr:GetDownloadUrlForLayer",
    "ecr:GetRepositoryPolicy", "ecr:Describe*", "ecr:ListImages", "ecr:ListTagsForResource",
    "ecr:BatchGetImage",
]  # fmt: skip
_REGISTRY_WRITES = [
    "ecr:InitiateLayerUpload", "ecr:UploadLayerPart", "ecr:CompleteLayerUpload", "ecr:PutImage",
]  # fmt: skip
_SAGEMAKER_READS = [
    "sagemaker:Describe*", "sagemaker:List*", "sagemaker:BatchGetMetrics",
    "sagemaker:GetSearchSuggestions", "sagemaker:BatchGetRecord", "sagemaker:GetRecord",
    "sagemaker:Search",
]  # fmt: skip

_SAGEMAKER_FULL = [
    _allow(["sagemaker:*"]),
    _allow(
        [
            "application-autoscaling:*ScalableTarget*", "application-autoscaling:*ScalingPolic*",
            "application-autoscaling:*ScheduledAction*",
            "application-autoscaling:DescribeScalingActivities", "cloudwatch:DeleteAlarms",
            "cloudwatch:DescribeAlarms", "cloudwatch:GetMetricData",
            "cloudwatch:GetMetricStatistics", "cloudwatch:ListMetrics",
            "cloudwatch:PutMetricAlarm", "cloudwatch:PutMetricData",
            "ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:Describe*",
            "ecr:GetAuthorizationToken", "ecr:GetDownloadUrlForLayer", "iam:ListRoles",
            "logs:CreateLogDelivery", "logs:CreateLogGroup", "logs:CreateLogStream",
            "logs:DeleteLogDelivery", "logs:Describe*", "logs:FilterLogEvents",
            "logs:GetLogDelivery", "logs:GetLogEvents", "logs:ListLogDeliveries",
            "logs:PutLogEvents", "logs:UpdateLogDelivery",
        ]
    ),
    _allow(
        ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"],
        ["arn:aws:s3:::*SageMaker*", "arn:aws:s3:::*Sagemaker*", "arn:aws:s3:::*sagemaker*"],
    ),
    _allow(
        [
            "s3:CreateBucket", "s3:GetBucketLocation", "s3:ListBucket", "s3:ListAllMyBuckets",
            "s3:GetBucketCors", "s3:PutBucketCors",
        ]
    ),
    _allow("iam:GetRole", "arn:aws:iam::*:role/*"),
    # AWS adds the condition that the role is passed to SageMaker; here nobody else takes one.
    _allow("iam:PassRole", "arn:aws:iam::*:role/*AmazonSageMaker*"),
]  # fmt: skip


def _policy(
    name: str, description: str, statements: Sequence[Mapping[str, Any]], path: str = "/"
) -> AwsPolicy:
    """A policy whose id only has to be unique and to stay the same."""
    identifier = "ANPAHOSTLER" + "".join(part for part in name.upper() if part.isalpha())
    return AwsPolicy(
        arn=f"arn:aws:iam::aws:policy{path}{name}",
        id=identifier,
        name=name,
        path=path,
        description=description,
        document=json.dumps({"Version": VERSION, "Statement": list(statements)}),
    )


_ALL = (
    _policy(
        "AdministratorAccess", "Provides full access to AWS services and resources.", [_allow("*")]
    ),
    _policy(
        "AmazonEC2ContainerRegistryFullAccess",
        "Provides administrative access to Amazon ECR resources",
        [_allow("ecr:*")],
    ),
    _policy(
        "AmazonEC2ContainerRegistryPowerUser",
        "Provides full access to Amazon EC2 Container Registry repositories, but does not allow "
        "repository deletion or policy changes.",
        [_allow([*_REGISTRY_READS, *_REGISTRY_WRITES])],
    ),
    _policy(
        "AmazonEC2ContainerRegistryReadOnly",
        "Provides read-only access to Amazon EC2 Container Registry repositories.",
        [_allow(_REGISTRY_READS)],
    ),
    _policy(
        "AmazonS3FullAccess",
        "Provides full access to all buckets via the AWS Management Console.",
        [_allow("s3:*")],
    ),
    _policy(
        "AmazonS3ReadOnlyAccess",
        "Provides read only access to all buckets via the AWS Management Console.",
        [_allow(["s3:Get*", "s3:List*", "s3:Describe*"])],
    ),
    _policy(
        "AmazonSageMakerFullAccess",
        "Provides full access to Amazon SageMaker and select access to related services.",
        _SAGEMAKER_FULL,
    ),
    _policy(
        "AmazonSageMakerReadOnly",
        "Provides read only access to Amazon SageMaker via the AWS Management Console and SDK.",
        [
            _allow(
                [
                    *_SAGEMAKER_READS, "application-autoscaling:Describe*",
                    "cloudwatch:DescribeAlarms",
                ]
            )
        ],
    ),
    _policy(
        "CloudWatchAgentServerPolicy",
        "Permissions required to use AmazonCloudWatchAgent on servers",
        [
            _allow(
                [
                    "cloudwatch:PutMetricData", "logs:PutLogEvents", "logs:PutRetentionPolicy",
                    "logs:DescribeLogStreams", "logs:DescribeLogGroups", "logs:CreateLogStream",
                    "logs:CreateLogGroup",
                ]
            )
        ],
    ),
    _policy(
        "CloudWatchFullAccess",
        "Provides full access to CloudWatch.",
        [
            _allow(
                ["cloudwatch:*", "logs:*", "iam:GetPolicy", "iam:GetPolicyVersion", "iam:GetRole"]
            )
        ],
    ),
    _policy(
        "CloudWatchFullAccessV2",
        "Provides full access to CloudWatch.",
        [
            _allow(
                [
                    "application-autoscaling:DescribeScalingPolicies", "cloudwatch:*", "logs:*",
                    "iam:GetPolicy", "iam:GetPolicyVersion", "iam:GetRole",
                ]
            )
        ],
    ),
    _policy(
        "CloudWatchLogsFullAccess", "Provides full access to CloudWatch Logs", [_allow("logs:*")]
    ),
    _policy(
        "CloudWatchLogsReadOnlyAccess",
        "Provides read only access to CloudWatch Logs",
        [_allow(_LOG_READS)],
    ),
    _policy(
        "CloudWatchReadOnlyAccess",
        "Provides read only access to CloudWatch.",
        [_allow([*_METRIC_READS, *_LOG_READS])],
    ),
    _policy(
        "IAMFullAccess",
        "Provides full access to IAM via the AWS Management Console.",
        [_allow("iam:*")],
    ),
    _policy(
        "IAMReadOnlyAccess",
        "Provides read only access to IAM via the AWS Management Console.",
        [_allow(_IAM_READS)],
    ),
    _policy(
        "PowerUserAccess",
        "Provides full access to AWS services and resources, but does not allow management of "
        "Users and groups.",
        [
            _allow_all_but(["iam:*", "organizations:*", "account:*"]),
            _allow(
                [
                    "iam:CreateServiceLinkedRole", "iam:DeleteServiceLinkedRole", "iam:ListRoles",
                    "organizations:DescribeOrganization", "account:ListRegions",
                    "account:GetAccountInformation",
                ]
            ),
        ],
    ),
    _policy(
        "ReadOnlyAccess",
        "Provides read-only access to AWS services and resources.",
        [
            _allow(
                [
                    *_SAGEMAKER_READS, *_METRIC_READS, *_LOG_READS, *_IAM_READS, *_REGISTRY_READS,
                    "s3:Get*", "s3:List*", "s3:Describe*", "application-autoscaling:Describe*",
                    "application-autoscaling:List*", "sts:GetAccessKeyInfo",
                    "sts:GetCallerIdentity", "sts:GetSessionToken",
                ]
            )
        ],
    ),
    _policy(
        "ViewOnlyAccess",
        "This policy grants permissions to view resources and basic metadata across all AWS "
        "services.",
        [
            _allow(
                [
                    "sagemaker:Describe*", "sagemaker:List*", "s3:ListAllMyBuckets",
                    "s3:ListBucket", "logs:Describe*", "logs:ListTagsLogGroup",
                    "cloudwatch:Describe*", "cloudwatch:List*", "iam:List*",
                    "iam:GetAccountSummary", "ecr:DescribeRepositories", "ecr:ListImages",
                    "application-autoscaling:Describe*",
                ]
            )
        ],
        path="/job-function/",
    ),
)  # fmt: skip

POLICIES: Mapping[str, AwsPolicy] = {policy.arn: policy for policy in _ALL}
