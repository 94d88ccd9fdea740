"""The permissions of a project: the execution role's, the deployer's and the caller's.

The first three documents are the user's own, word for word. ``completion`` is what running the
user's own code needs beyond them, action by action with its reason; a caller needs nothing more.
Invariant: documents are pure functions of account, region and project.
"""

from typing import Any

from hostler.domain.ids import (
    bucket_arn,
    endpoint_log_group,
    iam_arn,
    log_group_arn,
    object_arn,
    sagemaker_arn,
)
from hostler.iam.trust import SAGEMAKER
from hostler.toolkit.naming import Project

Document = dict[str, Any]

VERSION = "2012-10-17"
COMPLETION = "HostlerCompletion"


def trust() -> Document:
    """Who may assume the execution role: SageMaker."""
    return _document(
        {
            "Effect": "Allow",
            "Principal": {"Service": SAGEMAKER},
            "Action": "sts:AssumeRole",
        }
    )


def execution(project: Project, account: str, region: str) -> Document:
    """What an endpoint may do: read its model, pull its image, write its logs."""
    return _document(
        {
            "Sid": "InferenceModelAccess",
            "Effect": "Allow",
            "Action": ["s3:GetObject"],
            "Resource": [object_arn(region, project.bucket, "models/*")],
        },
        {
            "Sid": "InferenceContainerAccess",
            "Effect": "Allow",
            "Action": [
                "ecr:GetDownloadUrlForLayer",
                "ecr:BatchGetImage",
                "ecr:BatchCheckLayerAvailability",
            ],
            "Resource": "*",
        },
        {
            "Sid": "InferenceLogging",
            "Effect": "Allow",
            "Action": ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"],
            "Resource": log_group_arn(region, account, endpoint_log_group("*")),
        },
    )


def deployer(project: Project, account: str, region: str) -> Document:
    """What the user who creates and manages endpoints may do."""
    return _document(
        {
            "Sid": "EndpointManagement",
            "Effect": "Allow",
            "Action": [
                "sagemaker:CreateModel",
                "sagemaker:DescribeModel",
                "sagemaker:DeleteModel",
                "sagemaker:CreateEndpointConfig",
                "sagemaker:DescribeEndpointConfig",
                "sagemaker:DeleteEndpointConfig",
                "sagemaker:CreateEndpoint",
                "sagemaker:DescribeEndpoint",
                "sagemaker:DeleteEndpoint",
                "sagemaker:UpdateEndpoint",
                "sagemaker:InvokeEndpoint",
            ],
            "Resource": [
                sagemaker_arn(region, account, kind, f"{project.prefix}*")
                for kind in ("model", "endpoint-config", "endpoint")
            ],
        }
    )


def caller(project: Project, account: str, region: str) -> Document:
    """What an application that calls endpoints may do."""
    return _document(
        {
            "Sid": "AllowInvokeEndpoint",
            "Effect": "Allow",
            "Action": "sagemaker:InvokeEndpoint",
            "Resource": sagemaker_arn(region, account, "endpoint", f"{project.prefix}*"),
        }
    )


def completion(project: Project, account: str, region: str) -> Document:
    """What a deployer's own commands need beyond ``deployer``.

    Written tersely: a user's inline policies may hold 2,048 characters together.
    """
    logs = log_group_arn(region, account, endpoint_log_group(f"{project.prefix}*"))
    return _document(
        {  # CreateModel hands the execution role on
            "Sid": "PassExecutionRole",
            "Effect": "Allow",
            "Action": ["iam:PassRole", "iam:GetRole"],
            "Resource": iam_arn(account, "role", project.execution_role),
        },
        {  # deploy(tags=…) tags the model, the config and the endpoint; A/B tests turn weights
            "Sid": "OwnResources",
            "Effect": "Allow",
            "Action": [
                "sagemaker:AddTags",
                "sagemaker:DeleteTags",
                "sagemaker:UpdateEndpointWeightsAndCapacities",
            ],
            "Resource": sagemaker_arn(region, account, "*", f"{project.prefix}*"),
        },
        {  # `aws sagemaker list-endpoints` and its like; the SDK looks its bucket up
            "Sid": "List",
            "Effect": "Allow",
            "Action": ["sagemaker:List*", "s3:ListAllMyBuckets"],
            "Resource": "*",
        },
        {  # targets' ARNs name no endpoint: those that may not be described are not scaled either
            "Sid": "Scale",
            "Effect": "Allow",
            "Action": [
                "application-autoscaling:*",
                "cloudwatch:DescribeAlarms",
                "cloudwatch:GetMetricData",
            ],
            "Resource": "*",
        },
        _project_bucket(project, region),
        {  # `hostler logs` and `aws logs tail`
            "Sid": "ReadEndpointLogs",
            "Effect": "Allow",
            "Action": ["logs:DescribeLogStreams", "logs:GetLogEvents", "logs:FilterLogEvents"],
            "Resource": logs,
        },
    )


def _project_bucket(project: Project, region: str) -> Document:
    """Uploading models; the SDK repacks a model with its script below models/."""
    return {
        "Sid": "ProjectBucket",
        "Effect": "Allow",
        "Action": [
            "s3:ListBucket*",
            "s3:GetBucketLocation",
            "s3:GetObject",
            "s3:PutObject",
            "s3:DeleteObject",
            "s3:AbortMultipartUpload",
            "s3:ListMultipartUploadParts",
        ],
        "Resource": [
            bucket_arn(region, project.bucket),
            object_arn(region, project.bucket, "*"),
        ],
    }


def _document(*statements: Document) -> Document:
    return {"Version": VERSION, "Statement": list(statements)}
