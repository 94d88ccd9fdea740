"""From a record to the specification of its instance.

Invariant: a specification is made of the frozen deployment alone, so a second launch of an id asks
for the same.
"""

from hostler.domain.endpoint import Endpoint, Variant
from hostler.domain.instance import InstanceRecord, InstanceSpec


def specification(endpoint: Endpoint, variant: Variant, record: InstanceRecord) -> InstanceSpec:
    """What the backend is asked to run."""
    kind = variant.instance_type
    return InstanceSpec(
        instance_id=record.id,
        owner=endpoint.id,
        account=endpoint.account,
        region=endpoint.region,
        endpoint_name=endpoint.name,
        variant_name=variant.name,
        container=variant.model.container,
        role_arn=variant.model.role_arn,
        instance_type=kind.name,
        vcpus=kind.vcpus,
        memory_bytes=kind.memory_bytes,
        gpus=kind.gpus,
        gpu_memory_bytes=kind.gpu_memory_bytes,
        network_isolation=variant.model.network_isolation,
        startup_timeout_s=variant.startup_timeout_s,
        download_timeout_s=variant.download_timeout_s,
        one_worker=variant.serverless is not None,
        background=variant.shadow,
    )
