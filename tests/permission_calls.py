"""The calls behind the cells of docs/reference/permissions.md, and what boto3 meets with them."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import botocore.session
from botocore import xform_name
from botocore.exceptions import ClientError
from tools import permissions

from hostler.toolkit import policies
from hostler.toolkit.naming import Project

SESSION = botocore.session.get_session()
DOCUMENT = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}],
    }
)
TRUST = json.dumps(policies.trust())
TAGS = [{"Key": "Team", "Value": "rc"}]
REQUIRED: dict[str, Any] = {
    "AlarmRule": "ALARM(",
    "AssumeRolePolicyDocument": TRUST,
    "AttributeName": "DisplayName",
    "Delete": {"Objects": [{"Key": "models/artifacts/fraud/model.tar.gz"}]},
    "Description": "d",
    "DesiredWeightsAndCapacities": [{"VariantName": "v", "DesiredWeight": 1.0}],
    "EndTime": 1_700_000_000,
    "Message": "text",
    "MetricData": [{"MetricName": "m", "Value": 1.0}],
    "MetricDataQueries": [{"Id": "m", "Expression": "1"}],
    "MetricName": "m",
    "ObjectAttributes": ["ETag"],
    "OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]},
    "PartNumber": 1,
    "Period": 60,
    "PermissionsBoundary": "arn:aws:iam::123456789012:policy/none-such",
    "Policy": DOCUMENT,
    "PolicyDocument": DOCUMENT,
    "PolicyInputList": [DOCUMENT],
    "ProductionVariants": [
        {
            "VariantName": "v",
            "ModelName": permissions.OWN.model(permissions.MODEL),
            "InstanceType": "ml.m5.large",
            "InitialInstanceCount": 1,
        }
    ],
    "PublicAccessBlockConfiguration": {"BlockPublicAcls": True},
    "RoleSessionName": "session",
    "ServerSideEncryptionConfiguration": {
        "Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]
    },
    "StartTime": 1_600_000_000,
    "StateReason": "why",
    "StateValue": "OK",
    "Status": "Inactive",
    "Tagging": {"TagSet": TAGS},
    "Tags": TAGS,
    "Token": "token",
    "UploadId": "none-such",
    "VersionId": "v1",
    "VersioningConfiguration": {"Status": "Suspended"},
    "logEvents": [{"timestamp": 1_700_000_000_000, "message": "m"}],
    "retentionInDays": 7,
    "tagKeys": ["Team"],
    "tags": {"Team": "rc"},
}
OF_SCALING: dict[str, Any] = {
    "PolicyName": "own",
    "ScheduledActionName": "own",
    "Tags": {"Team": "rc"},
}
"""Members that mean something else in Application Auto Scaling."""
MORE: dict[str, dict[str, Any]] = {
    "CreateModel": {"PrimaryContainer": {"Image": "image"}},
    "GetMetricStatistics": {"Statistics": ["Sum"]},
    "InvokeEndpoint": {"Body": b"[1]", "ContentType": "application/json"},
    "UntagLogGroup": {"tags": ["Team"]},
}


@dataclass(frozen=True)
class Cell:
    """One cell of the page."""

    service: str
    operation: str
    who: str
    project: Project
    expected: str

    def check(self, found: str) -> None:
        """Hold it to the code that a client was refused with; empty for none."""
        place = f"{self.operation} by {self.who} on {self.project.project}: {found}"
        assert (found in ("AccessDenied", "403")) is (self.expected == "-"), place
        assert self.expected != "none" or found, place


def cells() -> Iterator[Cell]:
    """Those of the page that leave nothing behind: a stranger makes things of its own."""
    projects = (permissions.OWN, permissions.OTHERS)
    places = [(project, who) for project in projects for who in permissions.WHO]
    for service, operation, row in permissions.rows():
        for (project, who), expected in zip(places, row, strict=True):
            makes = who == "stranger" and operation.startswith("Create") and expected == "yes"
            if not makes:
                yield Cell(service, operation, who, project, expected)


def asked(cell: Cell, region: str) -> dict[str, Any]:
    """A call's parameters."""
    operation = SESSION.get_service_model(cell.service).operation_model(cell.operation)
    shape = operation.input_shape
    needed = shape.required_members if shape is not None else ()
    given = {**REQUIRED, **(OF_SCALING if cell.service == "application-autoscaling" else {})}
    found = {name: given[name] for name in needed if name in given}
    named = permissions.params(cell.service, cell.operation, cell.project, region)
    return {**found, **named, **MORE.get(cell.operation, {})}


def code(client: Any, cell: Cell) -> str:
    """The error's code, also where it is one of a part; empty for success."""
    try:
        call = getattr(client, xform_name(cell.operation))
        answer = call(**asked(cell, client.meta.region_name))
    except ClientError as error:
        return str(error.response["Error"]["Code"]).removesuffix("Exception")
    of_parts = [each for each in answer.get("Errors") or () if "Code" in each]
    return str(of_parts[0]["Code"]) if of_parts else ""
