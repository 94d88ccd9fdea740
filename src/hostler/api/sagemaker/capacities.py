"""UpdateEndpointWeightsAndCapacities: other weights and counts for what serves.

Invariant: as in ``endpoints``: a wish is written and the controller woken; the config stays as it
is, and the next UpdateEndpoint begins with its own sizes unless it is told to retain these.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from hostler.api.registry import Call
from hostler.api.sagemaker import configs
from hostler.api.sagemaker.endpoints import changeable, on_endpoint
from hostler.api.sagemaker.operations import writes
from hostler.domain.endpoint import Deployment, Variant
from hostler.domain.errors import validation
from hostler.planning.sizing import Wish
from hostler.store import capacities, endpoints
from hostler.store.database import Transaction


def update(tx: Transaction, call: Call) -> Mapping[str, Any]:
    """UpdateEndpointWeightsAndCapacities."""
    endpoint = changeable(tx, call)
    if endpoint.beside is not None:
        raise validation(
            f'Cannot update endpoint "{endpoint.arn}" with status {endpoint.status}: two '
            "configurations serve. Use UpdateEndpoint to go back to one."
        )
    current = endpoints.deployment(tx, endpoint.current) if endpoint.current else None
    assert current is not None, "what may be updated serves something"
    wishes = _wishes(current, call.params["DesiredWeightsAndCapacities"])
    capacities.ask(tx, endpoint, wishes, call.quotas, call.now)
    call.wakes.append(endpoint.id)
    return {"EndpointArn": endpoint.arn}


def _wishes(current: Deployment, given: Sequence[Mapping[str, Any]]) -> dict[str, Wish]:
    """What is asked for, by variant, checked."""
    for name, count in Counter(each["VariantName"] for each in given).items():
        if count > 1:
            raise validation(f'The variant name "{name}" was non-unique within the request.')
    known = {variant.name for variant in current.variants}
    unknown = [each["VariantName"] for each in given if each["VariantName"] not in known]
    if unknown:
        raise validation(
            f'The variant name(s) "{", ".join(unknown)}" is/are not present within endpoint '
            f'configuration "{current.config_name}".'
        )
    variants = {variant.name: variant for variant in current.variants}
    return {each["VariantName"]: _wish(each, variants[each["VariantName"]]) for each in given}


def _wish(given: Mapping[str, Any], variant: Variant) -> Wish:
    name, weight = given["VariantName"], given.get("DesiredWeight")
    count = given.get("DesiredInstanceCount")
    if weight is not None:
        configs.check_weight("DesiredWeight", name, weight)
    config = given.get("ServerlessUpdateConfig")
    if variant.serverless is not None:
        if count is not None:
            raise validation(
                f'DesiredInstanceCount cannot be specified for the production variant "{name}": '
                "it is serverless and takes a ServerlessUpdateConfig."
            )
        changes = config or {}
        return Wish(weight, changes.get("ProvisionedConcurrency"), changes.get("MaxConcurrency"))
    if config:
        raise validation(
            f'ServerlessUpdateConfig cannot be specified for the production variant "{name}": it '
            "is not serverless."
        )
    if count == 0:
        raise validation(
            f'DesiredInstanceCount of the variant "{name}" must be at least 1: only '
            "asynchronous endpoints and inference components may have no instance."
        )
    return Wish(weight, count)


OPERATIONS = (writes("UpdateEndpointWeightsAndCapacities", update, on_endpoint),)
