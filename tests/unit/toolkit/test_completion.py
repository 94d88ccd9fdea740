"""HostlerCompletion, action by action: what the user's own two blocks refuse without it.

Each action is met by the operation that needs it, through the rules that the servers decide by.
"""

import contextlib
import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeAlias

import pytest

from hostler.api import tables
from hostler.api.authorize import authorize, context_of
from hostler.api.registry import Call
from hostler.api.resource_tags import with_tags
from hostler.api.s3 import access
from hostler.api.s3.guard import Asked, Guard, Holding
from hostler.api.s3.kept import Elsewhere
from hostler.domain.errors import CallerError
from hostler.domain.ids import AccountId, Region, iam_arn, sagemaker_arn
from hostler.domain.snapshot import Policy, Principal
from hostler.iam.evaluate import PolicyEngine
from hostler.store import schema
from hostler.store.database import Store
from hostler.telemetry import logs
from hostler.toolkit import policies
from hostler.toolkit.naming import Project

Stores: TypeAlias = Sequence[Store]

PROJECT = Project("acme", "rc", "project-a")
REGION, ACCOUNT = "ap-southeast-1", "123456789012"
ENDPOINT = PROJECT.endpoint("fraud")
ROLE = iam_arn(ACCOUNT, "role", PROJECT.execution_role)
ARN = sagemaker_arn(REGION, ACCOUNT, "endpoint", ENDPOINT)
TAGS = [{"Key": "Team", "Value": "rc"}]
GROUP = {"logGroupName": f"/aws/sagemaker/Endpoints/{ENDPOINT}"}
MODEL = {"ModelName": PROJECT.model("fraud"), "ExecutionRoleArn": ROLE}
OBJECT = {"Bucket": PROJECT.bucket, "Key": "models/artifacts/fraud/model.tar.gz"}
BUCKET = {"Bucket": PROJECT.bucket}
VARIANT = {
    "ServiceNamespace": "sagemaker",
    "ResourceId": f"endpoint/{ENDPOINT}/variant/AllTraffic",
    "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
}

NEEDED: dict[str, list[tuple[str, str, dict[str, Any]]]] = {
    "iam:PassRole": [("sagemaker", "CreateModel", MODEL)],
    "iam:GetRole": [("iam", "GetRole", {"RoleName": PROJECT.execution_role})],
    "sagemaker:AddTags": [
        ("sagemaker", "AddTags", {"ResourceArn": ARN, "Tags": TAGS}),
        (
            "sagemaker",
            "CreateEndpoint",
            {
                "EndpointName": ENDPOINT,
                "EndpointConfigName": PROJECT.endpoint_config("fraud"),
                "Tags": TAGS,
            },
        ),
    ],
    "sagemaker:DeleteTags": [
        ("sagemaker", "DeleteTags", {"ResourceArn": ARN, "TagKeys": ["Team"]})
    ],
    "sagemaker:UpdateEndpointWeightsAndCapacities": [
        ("sagemaker", "UpdateEndpointWeightsAndCapacities", {"EndpointName": ENDPOINT})
    ],
    "sagemaker:List*": [
        ("sagemaker", "ListEndpoints", {}),
        ("sagemaker", "ListEndpointConfigs", {}),
        ("sagemaker", "ListModels", {}),
        ("sagemaker", "ListTags", {"ResourceArn": ARN}),
    ],
    "application-autoscaling:*": [
        ("application-autoscaling", "RegisterScalableTarget", VARIANT),
        ("application-autoscaling", "PutScalingPolicy", {**VARIANT, "PolicyName": "p"}),
        ("application-autoscaling", "DescribeScalingPolicies", {"ServiceNamespace": "sagemaker"}),
    ],
    "cloudwatch:DescribeAlarms": [("cloudwatch", "DescribeAlarms", {})],
    "cloudwatch:GetMetricData": [("cloudwatch", "GetMetricData", {})],
    "s3:ListAllMyBuckets": [("s3", "ListBuckets", {})],
    "s3:ListBucket*": [
        ("s3", "ListObjectsV2", BUCKET),
        ("s3", "HeadBucket", BUCKET),
        ("s3", "ListMultipartUploads", BUCKET),
    ],
    "s3:GetBucketLocation": [("s3", "GetBucketLocation", BUCKET)],
    "s3:GetObject": [("s3", "GetObject", OBJECT), ("s3", "HeadObject", OBJECT)],
    "s3:PutObject": [
        ("s3", "PutObject", OBJECT),
        ("s3", "CreateMultipartUpload", OBJECT),
        ("s3", "UploadPart", {**OBJECT, "UploadId": "u", "PartNumber": 1}),
        ("s3", "CompleteMultipartUpload", {**OBJECT, "UploadId": "u"}),
    ],
    "s3:DeleteObject": [("s3", "DeleteObject", OBJECT)],
    "s3:AbortMultipartUpload": [("s3", "AbortMultipartUpload", {**OBJECT, "UploadId": "u"})],
    "s3:ListMultipartUploadParts": [("s3", "ListParts", {**OBJECT, "UploadId": "u"})],
    "logs:DescribeLogStreams": [("logs", "DescribeLogStreams", GROUP)],
    "logs:GetLogEvents": [("logs", "GetLogEvents", {**GROUP, "logStreamName": "s"})],
    "logs:FilterLogEvents": [("logs", "FilterLogEvents", GROUP)],
}
OTHERS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "another role": ("sagemaker", "CreateModel", {**MODEL, "ExecutionRoleArn": f"{ROLE}2"}),
    "another project's tags": (
        "sagemaker",
        "AddTags",
        {"ResourceArn": ARN.replace("project-a", "project-b"), "Tags": TAGS},
    ),
    "another project's models": ("s3", "GetObject", {**OBJECT, "Bucket": "acme-sm-rc-project-b"}),
    "another project's logs": (
        "logs",
        "FilterLogEvents",
        {"logGroupName": "/aws/sagemaker/Endpoints/rc-project-b-fraud-ep"},
    ),
    "another project's instances": (
        "application-autoscaling",
        "RegisterScalableTarget",
        {**VARIANT, "ResourceId": VARIANT["ResourceId"].replace("project-a", "project-b")},
    ),
    "the bucket itself": ("s3", "DeleteBucket", BUCKET),
    "the bucket's policy": ("s3", "PutBucketPolicy", {**BUCKET, "Policy": "{}"}),
    "its own permissions": ("iam", "PutUserPolicy", {"UserName": PROJECT.deployer}),
}


@pytest.fixture(scope="module")
def stores() -> Iterator[Stores]:
    """The control database, and that of the logs."""
    with contextlib.ExitStack() as stack:
        made = [Store("sqlite://", inline=True, tables=t) for t in (schema.metadata, logs.metadata)]
        for each in made:
            each.create_tables()
            stack.callback(each.close)
        yield made


def user(*documents: policies.Document) -> Principal:
    own = tuple(Policy(f"p{at}", json.dumps(each)) for at, each in enumerate(documents))
    arn = iam_arn(ACCOUNT, "user", PROJECT.deployer)
    return Principal(arn, ACCOUNT, "AIDADEPLOYER", PROJECT.deployer, own, tags={})


def may(
    stores: Stores, who: Principal, service: str, operation: str, params: dict[str, Any]
) -> bool:
    """Whether a principal may call an operation."""
    if service == "s3":
        guard = Guard(PolicyEngine(), REGION, Elsewhere(ACCOUNT))
        asked = Asked(who, {}, {params.get("Bucket", ""): Holding(ACCOUNT)})
        return all(guard.decide(asked, need).allowed for need in access.needed(operation, params))
    call = Call(
        service=service,
        operation=operation,
        account=AccountId(ACCOUNT),
        region=Region(REGION),
        principal=who,
        params=params,
        now=1_700_000_000.0,
        request_id="r",
    )
    table = next(each for each in tables.TABLES if each.service == service)
    rule = table.operations[operation]

    def judge(tx: Any) -> bool:
        needed = [*rule.access(call), *(rule.located(tx, call) if rule.located else ())]
        try:
            authorize(PolicyEngine(), who, with_tags(tx, call, needed), context_of(call))
        except CallerError:
            return False
        return True

    return stores[service == "logs"].run(judge)


def blocks() -> list[policies.Document]:
    """The user's own: the one who deploys, and the one who calls."""
    made: list[Callable[..., policies.Document]] = [policies.deployer, policies.caller]
    return [make(PROJECT, ACCOUNT, REGION) for make in made]


def completed() -> policies.Document:
    return policies.completion(PROJECT, ACCOUNT, REGION)


def actions(document: policies.Document) -> set[str]:
    return {action for statement in document["Statement"] for action in statement["Action"]}


def without(action: str) -> policies.Document:
    """The completion, but for one action."""
    document = completed()
    for statement in document["Statement"]:
        statement["Action"] = [each for each in statement["Action"] if each != action] or ["sts:No"]
    return document


def test_every_completed_action_is_met_by_an_operation() -> None:
    assert actions(completed()) == NEEDED.keys()


@pytest.mark.parametrize("action", NEEDED)
def test_the_users_blocks_fail_without_it(stores: Stores, action: str) -> None:
    whole = user(*blocks(), completed())
    for call in NEEDED[action]:
        assert may(stores, whole, *call), call
        assert not may(stores, user(*blocks()), *call), call
        assert not may(stores, user(*blocks(), without(action)), *call), call


@pytest.mark.parametrize("what", OTHERS)
def test_and_allows_no_more(stores: Stores, what: str) -> None:
    assert not may(stores, user(*blocks(), completed()), *OTHERS[what])


def test_a_caller_needs_nothing_more() -> None:
    engine = PolicyEngine()
    caller = user(policies.caller(PROJECT, ACCOUNT, REGION))
    assert engine.decide(caller, "sagemaker:InvokeEndpoint", ARN).allowed
    for action in ("sagemaker:DescribeEndpoint", "sagemaker:DeleteEndpoint"):
        assert not engine.decide(caller, action, ARN).allowed
