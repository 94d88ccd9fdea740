"""CreateEndpointConfig, DescribeEndpointConfig, ListEndpointConfigs, DeleteEndpointConfig.

Invariant: a stored config can be deployed as long as its models exist; whatever else could be wrong
with it was refused when it was made.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from hostler.api.registry import Call
from hostler.api.sagemaker import keys, lists, models, serverless
from hostler.api.sagemaker import tags as tagged
from hostler.api.sagemaker.members import PRODUCTION, SHADOWS, VARIANTS
from hostler.api.sagemaker.operations import deletes, on, on_everything, reads, writes
from hostler.api.sagemaker.resources import CONFIG
from hostler.domain.errors import validation
from hostler.domain.instance_types import INSTANCE_TYPES
from hostler.store import tags
from hostler.store.configs import CONFIGS
from hostler.store.database import Transaction
from hostler.store.records import Record

FLOAT32_MAX = 3.4028234663852886e38


def create(tx: Transaction, call: Call) -> Mapping[str, Any]:
    """CreateEndpointConfig."""
    name: str = call.params["EndpointConfigName"]
    arn = CONFIG.arn(call, name)
    given_tags = tagged.requested(call.params)
    if CONFIGS.get(tx, call.account, call.region, name) is not None:
        raise CONFIG.taken(arn)
    variants = _variants(call.params)
    counted = Counter(variant["VariantName"] for variant in variants)
    for variant_name, count in counted.items():
        if count > 1:
            raise validation(
                f'The variant name "{variant_name}" was non-unique within the request.'
            )
    serverless.check_config(call.params)
    for variant in variants:
        _check_variant(variant)
        model = models.existing(tx, call, variant["ModelName"])
        if variant.get("ServerlessConfig"):
            serverless.check_model(model.request)
    lists.check_quota(tx, call, CONFIGS, call.quotas.endpoint_configs, "endpoint configurations")
    request = {key: value for key, value in call.params.items() if key != "Tags"}
    CONFIGS.create(tx, Record(call.account, call.region, name, arn, call.now, request))
    tags.replace(tx, arn, given_tags)
    return {"EndpointConfigArn": arn}


def describe(tx: Transaction, call: Call) -> Mapping[str, Any]:
    """DescribeEndpointConfig; a weight that was not given shows AWS's default."""
    record = existing(tx, call, call.params["EndpointConfigName"])
    shown = {name: value for name, value in record.request.items() if value not in ({}, [])}
    variants = {
        member: [{"InitialVariantWeight": 1.0, **one} for one in shown[member]]
        for member in VARIANTS
        if member in shown
    }
    return {
        **shown,
        **variants,
        "EndpointConfigArn": record.arn,
        "CreationTime": record.created,
    }


def listed(tx: Transaction, call: Call) -> Mapping[str, Any]:
    """ListEndpointConfigs."""
    return lists.of_records(tx, call, CONFIGS, "EndpointConfigs", "EndpointConfig")


def delete(tx: Transaction, call: Call) -> None:
    """DeleteEndpointConfig: only the record goes; there is no in-use check, as on AWS."""
    record = existing(tx, call, call.params["EndpointConfigName"])
    CONFIGS.remove(tx, call.account, call.region, record.name)
    tags.remove_all(tx, record.arn)


def existing(tx: Transaction, call: Call, name: str) -> Record:
    """The config of a name, or AWS's error."""
    record = CONFIGS.get(tx, call.account, call.region, name)
    if record is None:
        raise CONFIG.missing(CONFIG.arn(call, name))
    return record


def _variants(params: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """Those of production, and the shadow; as on AWS, one may shadow one."""
    production: Sequence[Mapping[str, Any]] = params[PRODUCTION]
    shadows: Sequence[Mapping[str, Any]] = params.get(SHADOWS) or ()
    if shadows and (len(production), len(shadows)) != (1, 1):
        raise validation(
            f"{SHADOWS} can be used with exactly one production variant and one shadow variant; "
            f"{len(production)} and {len(shadows)} are given."
        )
    return [*production, *shadows]


def _check_variant(variant: Mapping[str, Any]) -> None:
    name = variant["VariantName"]
    has_instances = serverless.settings(variant) is None
    needed = (
        ("ModelName", "InstanceType", "InitialInstanceCount") if has_instances else ("ModelName",)
    )
    for member in needed:
        if variant.get(member) is None:
            raise validation(f'{member} is required for the variant "{name}".')
    if has_instances and variant["InstanceType"] not in INSTANCE_TYPES:
        raise validation(
            f'The instance type {variant["InstanceType"]} of the variant "{name}" is '
            "not supported yet: its size is not known to this version."
        )
    check_weight("InitialVariantWeight", name, variant.get("InitialVariantWeight", 1.0))


def check_weight(member: str, variant_name: str, weight: float) -> None:
    """Refuse what is no number of 32 bits."""
    if not math.isfinite(weight) or weight > FLOAT32_MAX:
        raise validation(
            f'{member} of the variant "{variant_name}" must be a number up to {FLOAT32_MAX:.7g}.'
        )


_CONFIG = (CONFIG, "EndpointConfigName")
_on_config = on(_CONFIG)

OPERATIONS = (
    writes("CreateEndpointConfig", create, on(_CONFIG, keys=keys.of_config)),
    reads("DescribeEndpointConfig", describe, _on_config),
    reads("ListEndpointConfigs", listed, on_everything),
    deletes("DeleteEndpointConfig", delete, _on_config),
)
