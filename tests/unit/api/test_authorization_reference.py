"""Every operation needs what AWS says it needs: the action, on its resources, with its keys."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import botocore.session
import pytest

from authorization_reference import EVERYWHERE, OF_RESOURCES, reference
from hostler.api import tables
from hostler.api.authorize import authorize, context_of
from hostler.api.registry import Access, Call, Operation, ServiceTable
from hostler.api.resource_tags import with_tags
from hostler.aws.http import HttpRequest
from hostler.domain import sender
from hostler.domain.errors import CallerError
from hostler.domain.ids import DEFAULT_ACCOUNT, DEFAULT_REGION
from hostler.domain.sender import Sender
from hostler.iam.evaluate import PolicyEngine
from known_keys import caller

SESSION = botocore.session.get_session()
NEEDS_NOTHING = {
    ("sts", "GetCallerIdentity"): "it is answered even under a policy that denies it",
    ("sts", "GetSessionToken"): "a caller's own credentials, which may do nothing more",
}
NOT_TOLD = {
    ("iam:PassRole", "iam:AssociatedResourceArn"): "AWS does not say what SageMaker gives",
}
"""Keys that nobody knows here, and so refuse, with the reason."""
ARN = f"arn:aws:iam::{DEFAULT_ACCOUNT}"
SAMPLE: dict[str, Any] = {
    "AccessKeyId": "AKIAIOSFODNN7EXAMPLE",
    "AlarmActions": [f"arn:aws:sns:{DEFAULT_REGION}:{DEFAULT_ACCOUNT}:ops"],
    "AlarmName": "errors",
    "ActionNames": ["s3:GetObject"],
    "EnableNetworkIsolation": True,
    "Endpoint": "https://example.com/told",
    "EndpointConfigName": "rc-config",
    "EndpointName": "rc-ep",
    "ExecutionRoleArn": f"{ARN}:role/Execution",
    "GroupName": "group",
    "KmsKeyId": "key",
    "ModelName": "rc-model",
    "Name": "ops",
    "Namespace": "Acme",
    "PolicyArn": f"{ARN}:policy/Own",
    "PolicyName": "Own",
    "PolicySourceArn": f"{ARN}:user/kim",
    "ProductionVariants": [{"ModelName": "rc-model", "InstanceType": "ml.m5.large"}],
    "Protocol": "https",
    "ResourceARN": f"arn:aws:cloudwatch:{DEFAULT_REGION}:{DEFAULT_ACCOUNT}:alarm:errors",
    "ResourceArn": f"arn:aws:sagemaker:{DEFAULT_REGION}:{DEFAULT_ACCOUNT}:endpoint/rc-ep",
    "RoleArn": f"{ARN}:role/Execution",
    "RoleName": "Execution",
    "RoleSessionName": "session",
    "SourceIdentity": "ann",
    "TagKeys": ["team"],
    "TopicArn": f"arn:aws:sns:{DEFAULT_REGION}:{DEFAULT_ACCOUNT}:ops",
    "UserName": "kim",
    "logGroupName": "/group",
    "logStreamName": "stream",
    "resourceArn": f"arn:aws:logs:{DEFAULT_REGION}:{DEFAULT_ACCOUNT}:log-group:/group",
}
OF_SERVICE: dict[str, dict[str, Any]] = {
    "application-autoscaling": {
        "ResourceARN": f"arn:aws:application-autoscaling:{DEFAULT_REGION}:{DEFAULT_ACCOUNT}:"
        "scalable-target/0123",
        "ResourceId": "endpoint/rc-ep/variant/AllTraffic",
        "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
        "ServiceNamespace": "sagemaker",
    },
    "sns": {"ResourceArn": f"arn:aws:sns:{DEFAULT_REGION}:{DEFAULT_ACCOUNT}:ops"},
}
"""Members that mean something else in a service."""
TAGS = [{"Key": "team", "Value": "rc"}]
TAG_MAPS = {"application-autoscaling"}
"""Services whose Tags are a map."""


def called(service: str, operation: str, keys: Sequence[str] = ()) -> Call:
    """A call with everything of the sample that the operation takes."""
    shape = SESSION.get_service_model(service).operation_model(operation).input_shape
    taken = shape.members if shape is not None else {}
    sample = {**SAMPLE, **OF_SERVICE.get(service, {})}
    params = {name: value for name, value in sample.items() if name in taken}
    if "Tags" in taken:
        params["Tags"] = {"team": "rc"} if service in TAG_MAPS else TAGS
    told = sender.written(Sender("10.1.2.3", secured=True, tls="1.3"))
    return Call(
        service=service,
        operation=operation,
        account=DEFAULT_ACCOUNT,
        region=DEFAULT_REGION,
        principal=caller(keys, DEFAULT_ACCOUNT),
        params=params,
        now=1_700_000_000.0,
        request_id="r",
        request=HttpRequest("POST", "/", ((sender.HEADER, told), ("user-agent", "Boto3"))),
    )


def needed(world: Any, operation: Operation, call: Call) -> list[Access]:
    """All that the call needs, as the server asks for it in the end."""

    def of(tx: Any) -> list[Access]:
        found = [*operation.access(call)]
        if operation.located is not None:
            found += operation.located(tx, call)
        return [*with_tags(tx, call, found)]

    (table,) = [table for table in tables.TABLES if table.service == call.service]
    where = operation.database or table.database
    return world.rooms.database(where).run(of)  # type: ignore[no-any-return]


def kind(resource: str) -> str:
    """A resource's type, in the reference's words."""
    if resource == "*":
        return ""
    service, rest = resource.split(":", 5)[2], resource.split(":", 5)[5]
    if service == "logs":
        return "log-group" if rest.endswith(":log-stream:") else "log-stream"
    if service == "cloudwatch":
        return rest.partition(":")[0]
    if service == "sns":
        return "topic"
    return rest.partition("/")[0]


@pytest.mark.parametrize("table", tables.TABLES, ids=lambda table: table.service)
def test_it_needs_its_own_action_on_its_resources(world: Any, table: ServiceTable) -> None:
    for operation in table.operations.values():
        check_actions(table.service, operation, world)


def check_actions(service: str, operation: Operation, world: Any) -> None:
    accesses = needed(world, operation, called(service, operation.name))
    if (service, operation.name) in NEEDS_NOTHING:
        assert accesses == []
        return
    action = f"{service}:{operation.name}"
    assert action in {access.action for access in accesses}, "an operation without a rule"
    for each in {access.action for access in accesses}:
        owner, _, name = each.partition(":")
        authorized = reference(owner)[name]
        kinds = {kind(access.resource) for access in accesses if access.action == each} - {""}
        if authorized.always | authorized.maybe:  # others may be on «*», or on what lists take
            assert authorized.always <= kinds <= authorized.always | authorized.maybe, each
            assert kinds, each


@pytest.mark.parametrize("table", tables.TABLES, ids=lambda table: table.service)
def test_every_condition_key_of_it_is_known(world: Any, table: ServiceTable) -> None:
    for operation in table.operations.values():
        for access in needed(world, operation, called(table.service, operation.name)):
            owner, _, name = access.action.partition(":")
            keys = {*reference(owner)[name].keys, *EVERYWHERE}
            keys -= {key for action, key in NOT_TOLD if action == access.action}
            if access.is_new:
                keys -= set(OF_RESOURCES[owner])
            unknown = [key for key in keys if not known(table.service, operation, access, key)]
            assert unknown == [], f"{operation.name}: {access.action}"


def known(service: str, operation: Operation, access: Access, key: str) -> bool:
    call = called(service, operation.name, [key])
    try:
        own = replace(access, on=None)  # whatever the resource itself says
        authorize(PolicyEngine(), call.principal, [own], context_of(call))
    except CallerError:
        return False
    return True


def test_a_key_that_nobody_tells_is_found(world: Any) -> None:
    operation = tables.TABLES[0].operations["DescribeEndpoint"]
    (access,) = needed(world, operation, called("sagemaker", "DescribeEndpoint"))
    assert known("sagemaker", operation, access, "sagemaker:ResourceTag/some")
    bare = replace(access, context={})
    assert not known("sagemaker", operation, bare, "sagemaker:ResourceTag/some")
    assert not known("sagemaker", operation, access, "sagemaker:TaggingAction")
