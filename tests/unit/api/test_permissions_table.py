"""The page of who may do what is what boto3 meets: every operation of the control plane."""

import json
from typing import Any

import botocore.session
import pytest
from botocore import xform_name
from botocore.exceptions import ClientError
from tools import permissions

from hostler.api import tables
from hostler.domain.snapshot import Credential
from hostler.store import identities
from hostler.toolkit import policies

SESSION = botocore.session.get_session()
DOCUMENT = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}],
    }
)
TRUST = json.dumps(policies.trust())
REQUIRED: dict[str, Any] = {
    "AlarmRule": "ALARM(",
    "AssumeRolePolicyDocument": TRUST,
    "Description": "d",
    "AttributeName": "DisplayName",
    "DesiredWeightsAndCapacities": [{"VariantName": "v", "DesiredWeight": 1.0}],
    "EndTime": 1_700_000_000,
    "Message": "text",
    "MetricData": [{"MetricName": "m", "Value": 1.0}],
    "MetricDataQueries": [{"Id": "m", "Expression": "1"}],
    "MetricName": "m",
    "Period": 60,
    "PermissionsBoundary": "arn:aws:iam::123456789012:policy/none-such",
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
    "RoleSessionName": "session",
    "StartTime": 1_600_000_000,
    "StateReason": "why",
    "StateValue": "OK",
    "Status": "Inactive",
    "Tags": [{"Key": "Team", "Value": "rc"}],
    "Token": "token",
    "VersionId": "v1",
    "logEvents": [{"timestamp": 1_700_000_000_000, "message": "m"}],
    "retentionInDays": 7,
}
MORE = {
    "GetMetricStatistics": {"Statistics": ["Sum"]},
    "CreateModel": {"PrimaryContainer": {"Image": "image"}},
}


@pytest.fixture
def keys(world: Any) -> dict[str, Credential]:
    """Of the project's users, as bootstrap makes them, and of the stranger."""
    iam = world.client("iam")
    role = permissions.OWN.execution_role
    iam.delete_role(RoleName=role)  # the world's own, spelt otherwise
    iam.create_role(RoleName=role, AssumeRolePolicyDocument=TRUST)
    made = {}
    for who, own in (("deployer", permissions.OWN.deployer), ("caller", permissions.OWN.caller)):
        iam.create_user(UserName=own)
        for policy in permissions.callers()[who].principal.policies:
            iam.put_user_policy(
                UserName=own, PolicyName=policy.name, PolicyDocument=policy.document
            )
        key = iam.create_access_key(UserName=own)["AccessKey"]
        made[who] = Credential(key["AccessKeyId"], key["SecretAccessKey"], "")
    account = permissions.OTHER_ACCOUNT
    root = world.rooms.store.run(lambda tx: identities.ensure_root(tx, account, 1.0), write=True)
    return {**made, "stranger": root}


def asked(service: str, operation: str, project: Any) -> dict[str, Any]:
    shape = SESSION.get_service_model(service).operation_model(operation).input_shape
    needed = shape.required_members if shape is not None else ()
    found = {name: REQUIRED[name] for name in needed if name in REQUIRED}
    return {**found, **permissions.params(service, operation, project), **MORE.get(operation, {})}


def code(client: Any, operation: str, params: dict[str, Any]) -> str:
    """The error's code; empty for success."""
    try:
        getattr(client, xform_name(operation))(**params)
    except ClientError as error:
        return str(error.response["Error"]["Code"]).removesuffix("Exception")
    return ""


def test_the_table_is_what_clients_meet(world: Any, keys: dict[str, Credential]) -> None:
    services = [table.service for table in tables.TABLES]
    clients = {
        (service, who): world.client(service, key)
        for service in services
        for who, key in keys.items()
    }
    projects = (permissions.OWN, permissions.OTHERS)
    for service, operation, cells in permissions.rows():
        if service not in services:
            continue
        places = [(who, project) for project in projects for who in permissions.WHO]
        for (who, project), expected in zip(places, cells, strict=True):
            made = who == "stranger" and operation.startswith("Create") and expected == "yes"
            if who == "role" or made:  # it has no key; what is made would be there afterwards
                continue
            found = code(clients[service, who], operation, asked(service, operation, project))
            place = f"{operation} by {who} on {project.project}: {found}"
            assert (found == "AccessDenied") is (expected == "-"), place
            assert expected != "none" or found, place
