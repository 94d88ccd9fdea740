"""A specification of an instance as the controller writes it."""

from dataclasses import replace
from typing import Any

from hostler.domain.ids import AccountId, EndpointId, InstanceId, Region
from hostler.domain.instance import InstanceSpec
from hostler.domain.model import Container

SPEC = InstanceSpec(
    instance_id=InstanceId("i-0123456789abcdef0"),
    owner=EndpointId("e-1"),
    account=AccountId("123456789012"),
    region=Region("us-east-1"),
    endpoint_name="demo",
    variant_name="AllTraffic",
    container=Container("plain:1", {}, None),
    role_arn="arn:aws:iam::123456789012:role/r",
    instance_type="ml.m5.large",
    vcpus=2,
    memory_bytes=8 << 30,
)


def instance_spec(instance_id: str, **changes: Any) -> InstanceSpec:
    """The specification of another instance."""
    return replace(SPEC, instance_id=InstanceId(instance_id), **changes)
