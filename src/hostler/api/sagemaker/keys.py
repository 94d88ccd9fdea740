"""The condition keys that only operations of SageMaker have, as a request gives them.

Invariant: what a request leaves out is absent; a default that AWS may or may not take for the
request's own value is not known.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsagemaker.html
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from hostler.api.registry import Call
from hostler.api.sagemaker.members import VARIANTS
from hostler.api.sagemaker.resources import MODEL
from hostler.iam.context import ABSENT, Context, flag


def of_model(call: Call) -> Context:
    """CreateModel's."""
    return {
        **_network(call.params),
        "sagemaker:DirectGatedModelAccess": ABSENT,  # no model here is gated
    }


def of_config(call: Call) -> Context:
    """CreateEndpointConfig's."""
    params = call.params
    variants = [each for name in VARIANTS for each in params.get(name) or ()]
    serverless = [each.get("ServerlessConfig") or {} for each in variants]
    models = _given(variants, "ModelName")
    return {
        **_network(params),
        "sagemaker:AcceleratorTypes": _given(variants, "AcceleratorType"),
        "sagemaker:InstanceTypes": _given(variants, "InstanceType"),
        "sagemaker:ModelArn": [MODEL.arn(call, name) for name in models],
        "sagemaker:ServerlessMaxConcurrency": _given(serverless, "MaxConcurrency"),
        "sagemaker:ServerlessMemorySize": _given(serverless, "MemorySizeInMB"),
        "sagemaker:VolumeKmsKey": _given([params], "KmsKeyId"),
    }


def _network(params: Mapping[str, Any]) -> Context:
    isolated: bool | None = params.get("EnableNetworkIsolation")
    vpc = params.get("VpcConfig") or {}
    return {
        "sagemaker:NetworkIsolation": None if isolated is None else flag(value=isolated),
        "sagemaker:VpcSecurityGroupIds": vpc.get("SecurityGroupIds") or ABSENT,
        "sagemaker:VpcSubnets": vpc.get("Subnets") or ABSENT,
    }


def _given(where: Iterable[Mapping[str, Any]], member: str) -> Sequence[str]:
    """The values of a member, each once."""
    return list(dict.fromkeys(str(each[member]) for each in where if each.get(member) is not None))
