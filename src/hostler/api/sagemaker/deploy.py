"""A config frozen with its models, for one endpoint.

Invariant: what is frozen is complete; nothing of it is looked up again when instances start.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from hostler.api.registry import Call
from hostler.api.sagemaker import configs, models, serverless
from hostler.api.sagemaker.members import SHADOWS, VARIANTS
from hostler.domain.endpoint import Deployment, Routing, Variant
from hostler.domain.ids import DeploymentId, EndpointId, Home, derived_id
from hostler.domain.instance_types import INSTANCE_TYPES
from hostler.domain.model import DOWNLOAD_TIMEOUT_S, STARTUP_TIMEOUT_S
from hostler.domain.serverless import STARTUP_TIMEOUT_S as SERVERLESS_STARTUP_TIMEOUT_S
from hostler.domain.serverless import environment_type
from hostler.store import capacities
from hostler.store.database import Transaction


def identify(call: Call, arn: str, kind: str) -> str:
    """A new id that one request makes once: ``kind`` and 17 hexadecimal digits."""
    return derived_id(kind, arn, call.request_id, repr(call.now))


def freeze(
    tx: Transaction, call: Call, endpoint_id: EndpointId, arn: str, config_name: str
) -> Deployment:
    """The deployment of a config as it is now; AWS's error if it or a model of it is missing."""
    record = configs.existing(tx, call, config_name)
    isolated: bool = record.request.get("EnableNetworkIsolation", False)
    return Deployment(
        id=DeploymentId(identify(call, arn, "d")),
        endpoint_id=endpoint_id,
        config_name=record.name,
        variants=tuple(
            _variant(tx, call, given, isolated=isolated, shadow=member == SHADOWS)
            for member in VARIANTS
            for given in record.request.get(member) or ()
        ),
        created=call.now,
        deployment_config=call.params.get("DeploymentConfig") or None,
    )


def check_instances(
    tx: Transaction, call: Call, *, delta: Mapping[str, int], whole: Mapping[str, int]
) -> None:
    """Refuse what the account's quotas do not hold (``planning.quotas``)."""
    home = Home(call.account, call.region)
    capacities.check_instances(tx, home, call.quotas, delta=delta, whole=whole)


def _variant(
    tx: Transaction, call: Call, given: Mapping[str, Any], *, isolated: bool, shadow: bool
) -> Variant:
    model = models.domain_model(models.existing(tx, call, given["ModelName"]).request)
    if isolated:
        model = replace(model, network_isolation=True)
    startup = given.get("ContainerStartupHealthCheckTimeoutInSeconds", STARTUP_TIMEOUT_S)
    download = given.get("ModelDataDownloadTimeoutInSeconds", DOWNLOAD_TIMEOUT_S)
    strategy = (given.get("RoutingConfig") or {}).get("RoutingStrategy")
    asked = serverless.settings(given)
    if asked is not None:
        kind, count = environment_type(asked.memory_mb), asked.provisioned
        startup = min(startup, SERVERLESS_STARTUP_TIMEOUT_S)
    else:
        kind, count = INSTANCE_TYPES[given["InstanceType"]], given["InitialInstanceCount"]
    return Variant(
        name=given["VariantName"],
        model=model,
        instance_type=kind,
        initial_instance_count=count,
        weight=given.get("InitialVariantWeight", 1.0),
        startup_timeout_s=float(startup),
        download_timeout_s=float(download),
        routing=Routing(strategy) if strategy is not None else None,
        serverless=asked,
        shadow=shadow,
    )
