"""Another account's resources answer as if they did not exist: every operation, the same way.

Each operation is called twice by another account's root: with names and ARNs of what the first one
has, and with those of what nobody has. Status, headers and body are the same but for the names and
the request's id, and so are the statements that the databases were asked.
"""

import contextlib
import re
from collections.abc import Iterator
from typing import Any

import botocore.session
import pytest
from botocore import xform_name
from botocore.exceptions import ClientError
from sqlalchemy import event

from hostler.api import tables
from hostler.store import identities

ACCOUNT, OTHER = "123456789012", "111122223333"
SESSION = botocore.session.get_session()
TAGS = [{"Key": "team", "Value": "rc"}]
POLICY = """{"Version": "2012-10-17",
"Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}"""
TRUST = """{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole",
"Principal": {"Service": "sagemaker.amazonaws.com"}}]}"""
THERE, NOWHERE = "fraud-v1", "ghost-v1"
"""Of the same length: answers say their own."""
SERVICES = [table.service for table in tables.TABLES]
OWN_KEY = "AKIAIOSFODNN7EXAMPLE"


LOG_GROUP = f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:/aws/sagemaker/Endpoints/"


def sample(name: str, *, listed: bool = False) -> dict[str, Any]:
    """Members by name, of resources that the first account has or would have under a name."""
    iam = f"arn:aws:iam::{ACCOUNT}"
    return {
        "AccessKeyId": OWN_KEY,
        "ActionNames": ["s3:GetObject"],
        "AlarmName": name,
        "AlarmNames": [name],
        "AlarmRule": f"ALARM({name})",
        "AssumeRolePolicyDocument": TRUST,
        "Description": "d",
        "AttributeName": "DisplayName",
        "DesiredWeightsAndCapacities": [{"VariantName": "v", "DesiredWeight": 1.0}],
        "EndpointConfigName": name,
        "EndpointName": name,
        "GroupName": name,
        "EndTime": 1_700_000_000,
        "Message": "text",
        "MetricData": [{"MetricName": "m", "Value": 1.0}],
        "MetricDataQueries": [{"Id": "m", "Expression": "1"}],
        "MetricName": "m",
        "ModelName": name,
        "Name": name,
        "Namespace": name,
        "Period": 60,
        "PermissionsBoundary": f"{iam}:policy/{name}",
        "Protocol": "https",
        "PolicyArn": f"{iam}:policy/{name}",
        "PolicyDocument": POLICY,
        "PolicyInputList": [POLICY],
        "PolicyName": name,
        "PolicySourceArn": f"{iam}:user/{name}",
        "ResourceARN": f"arn:aws:cloudwatch:us-east-1:{ACCOUNT}:alarm:{name}",
        "ResourceArn": f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:endpoint/{name}",
        "RoleArn": f"{iam}:role/{name}",
        "RoleName": name,
        "RoleSessionName": "session",
        "StartTime": 1_600_000_000,
        "StateReason": "why",
        "StateValue": "ALARM",
        "Status": "Inactive",
        "SubscriptionArn": f"arn:aws:sns:us-east-1:{ACCOUNT}:{name}:1",
        "TagKeys": ["team"],
        "Tags": TAGS,
        "Token": "token",
        "TopicArn": f"arn:aws:sns:us-east-1:{ACCOUNT}:{name}",
        "UserName": name,
        "VersionId": "v1",
        "filterPattern": "",
        "logEvents": [{"timestamp": 1_700_000_000_000, "message": "m"}],
        "logGroupName": f"/aws/sagemaker/Endpoints/{name}",
        "logStreamName": name,
        "resourceArn": f"{LOG_GROUP}{name}",
        "retentionInDays": 7,
        "tagKeys": ["team"],
        "tags": ["team"] if listed else {"team": "rc"},
    }


def of_scaling(name: str) -> dict[str, Any]:
    """Members that mean something else in Application Auto Scaling."""
    return {
        "ResourceARN": f"arn:aws:application-autoscaling:us-east-1:{ACCOUNT}:scalable-target/0",
        "ResourceId": f"endpoint/{name}/variant/v",
        "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
        "ScheduledActionName": name,
        "ServiceNamespace": "sagemaker",
        "Tags": {"team": "rc"},
    }


CREATING = {
    "CreateModel": {
        "ExecutionRoleArn": f"arn:aws:iam::{OTHER}:role/own",
        "PrimaryContainer": {"Image": "image"},
    },
    "CreateEndpointConfig": {
        "ProductionVariants": [
            {
                "VariantName": "v",
                "ModelName": "own",
                "InstanceType": "ml.m5.large",
                "InitialInstanceCount": 1,
            }
        ]
    },
    "CreateEndpoint": {"EndpointConfigName": "own"},
    "PutMetricAlarm": {
        "MetricName": "m",
        "Namespace": "n",
        "Statistic": "Sum",
        "Period": 60,
        "EvaluationPeriods": 1,
        "Threshold": 1.0,
        "ComparisonOperator": "GreaterThanThreshold",
    },
    "CreateUser": {},
    "CreateRole": {},
    "CreatePolicy": {},
    "CreateGroup": {},
    "CreateLogGroup": {},
    "CreateTopic": {},
}
"""What makes something: in the other account both names are free. It is called after the others."""


def params(service: str, operation: str, name: str) -> dict[str, Any]:
    shape = SESSION.get_service_model(service).operation_model(operation).input_shape
    listed = operation == "UntagLogGroup"
    given = {**sample(name, listed=listed), **CREATING.get(operation, {})}
    if service == "application-autoscaling":
        given |= of_scaling(name)
    asked = {member: given[member] for member in shape.required_members} if shape else {}
    if shape and "UserName" in shape.members:
        asked.setdefault("UserName", name)
    if operation == "Publish":
        asked["TopicArn"] = given["TopicArn"]
    if service == "sns" and "ResourceArn" in asked:
        asked["ResourceArn"] = given["TopicArn"]
    if service == "logs" and "logGroupName" in shape.members:
        asked["logGroupName"] = given["logGroupName"]
    return {**asked, **CREATING.get(operation, {})}


@pytest.fixture
def theirs(world: Any, sagemaker: Any, deployable: Any) -> Any:
    """Makes clients of the other account; the first one has all kinds of things."""
    deployable("fraud")
    ours = {"EndpointConfigName": THERE, "EndpointName": THERE}
    variant = CREATING["CreateEndpointConfig"]["ProductionVariants"][0]
    sagemaker.create_endpoint_config(
        EndpointConfigName=THERE, ProductionVariants=[{**variant, "ModelName": THERE}], Tags=TAGS
    )
    sagemaker.create_endpoint(**ours, Tags=TAGS)
    scaled = {k: v for k, v in of_scaling(THERE).items() if k.startswith(("Re", "Sca", "Ser"))}
    del scaled["ResourceARN"]
    world.client("application-autoscaling").register_scalable_target(
        **scaled, MinCapacity=1, MaxCapacity=2
    )
    logs = world.client("logs")
    group = {"logGroupName": sample(THERE)["logGroupName"]}
    logs.create_log_group(**group)
    logs.create_log_stream(**group, logStreamName=THERE)
    world.client("cloudwatch").put_metric_alarm(AlarmName=THERE, **CREATING["PutMetricAlarm"])
    world.client("sns").create_topic(Name=THERE)
    iam = world.client("iam")
    iam.create_user(UserName=THERE, Tags=TAGS)
    iam.create_role(RoleName=THERE, AssumeRolePolicyDocument=TRUST)
    iam.create_policy(PolicyName=THERE, PolicyDocument=POLICY)
    iam.put_user_policy(UserName=THERE, PolicyName=THERE, PolicyDocument=POLICY)
    root = world.rooms.store.run(lambda tx: identities.ensure_root(tx, OTHER, 1.0), write=True)
    make = {name: world.client(name, root) for name in SERVICES}
    make["iam"].create_role(RoleName="own", AssumeRolePolicyDocument=TRUST)
    make["iam"].create_user(UserName="own")
    model = {"ModelName": "own", **CREATING["CreateModel"]}
    make["sagemaker"].create_model(**model)
    make["sagemaker"].create_endpoint_config(
        EndpointConfigName="own", **CREATING["CreateEndpointConfig"]
    )
    return make


@contextlib.contextmanager
def statements(world: Any) -> Iterator[list[str]]:
    """What the databases are asked meanwhile."""
    found: list[str] = []
    stores = (world.rooms.store, world.rooms.logs)

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        found.append(statement)

    for store in stores:
        event.listen(store._engine, "before_cursor_execute", note)
    yield found
    for store in stores:
        event.remove(store._engine, "before_cursor_execute", note)


def answer(world: Any, client: Any, operation: str, asked: dict[str, Any]) -> Any:
    """What is answered, without what is each request's own; and what was asked for it."""
    raw: dict[str, Any] = {}

    def keep(http_response: Any, **_: Any) -> None:
        raw["status"] = http_response.status_code
        raw["headers"] = dict(http_response.headers)
        raw["body"] = http_response.content.decode()

    client.meta.events.register("after-call", keep)
    with statements(world) as asked_of_stores, contextlib.suppress(ClientError):
        getattr(client, xform_name(operation))(**asked)
    client.meta.events.unregister("after-call", keep)
    name = NOWHERE if NOWHERE in str(asked) else THERE
    text = str(raw).replace(name, "NAME")
    text = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "ID", text)
    text = re.sub(r"\b(AIDA|AROA|ANPA|AGPA)[A-Z2-7]{17}", "UNIQUE", text)
    text = re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ|\b1[67]\d{8}(\.\d+)?", "TIME", text)
    return text, asked_of_stores


ABOUT_THE_CALLER = {"GetSessionToken"}
"""It takes no name, and no two answers are alike."""


def every() -> list[tuple[str, str]]:
    names = [
        (table.service, name)
        for table in tables.TABLES
        for name in sorted(table.operations.keys() - ABOUT_THE_CALLER)
    ]
    return sorted(names, key=lambda each: each[1] in CREATING)


def test_every_operation(world: Any, theirs: Any) -> None:
    answers = []
    for service, operation in every():
        client = theirs[service]
        there, nowhere = (
            answer(world, client, operation, params(service, operation, name))
            for name in (THERE, NOWHERE)
        )
        assert there == nowhere, operation
        answers.append(there[0])
    refused = [text for text in answers if "'status': 4" in text]
    assert len(refused) > 60, "what is called does meet somebody's resources"


OWN = {
    ("iam", "AttachUserPolicy"): {"UserName": "own"},
    ("iam", "DetachUserPolicy"): {"UserName": "own"},
    ("iam", "AttachRolePolicy"): {"RoleName": "own"},
    ("sagemaker", "CreateEndpoint"): {"EndpointName": "own"},
    ("logs", "DescribeLogStreams"): {"logGroupName": None},
    ("logs", "FilterLogEvents"): {"logGroupName": None},
    ("logs", "GetLogEvents"): {"logGroupName": None},
}
"""Where a call names something of its own beside; None: by its ARN instead."""


def test_what_is_named_beside_ones_own(world: Any, theirs: Any) -> None:
    """A policy to attach, a config to deploy, a log group by its ARN."""
    for (service, operation), own in OWN.items():
        answers = []
        for name in (THERE, NOWHERE):
            asked = {**params(service, operation, name), **own}
            if operation == "CreateEndpoint":
                asked["EndpointConfigName"] = name
            if service == "logs":
                asked["logGroupIdentifier"] = f"{LOG_GROUP}{name}"
            asked = {member: value for member, value in asked.items() if value is not None}
            answers.append(answer(world, theirs[service], operation, asked))
        assert answers[0] == answers[1], operation
        assert "'status': 4" in answers[0][0], operation
