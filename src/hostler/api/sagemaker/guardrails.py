"""DeploymentConfig: what CreateEndpoint and UpdateEndpoint accept of it.

Invariant: what is accepted can be carried out: its sizes fit the fleet, its waits the time that it
may take, and its alarms exist. Ranges of single numbers are botocore's and checked before.
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DeploymentConfig.html
"""

from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any

from hostler.api.registry import Call
from hostler.domain.endpoint import Deployment
from hostler.domain.errors import CallerError, validation
from hostler.domain.guardrails import CapacitySize, Guardrails, Rolling, SizeType, read
from hostler.planning import course
from hostler.store import alarms
from hostler.store.database import Transaction

_TRAFFIC = "BlueGreenUpdatePolicy.TrafficRoutingConfiguration"
_STEPS = {"CANARY": "CanarySize", "LINEAR": "LinearStepSize"}
_PARTS: Mapping[str, tuple[int, int]] = {
    f"{_TRAFFIC}.CanarySize": (1, 50),
    f"{_TRAFFIC}.LinearStepSize": (10, 50),
    "RollingUpdatePolicy.MaximumBatchSize": (5, 50),
    "RollingUpdatePolicy.RollbackMaximumBatchSize": (1, 100),
}
"""The least and the most of a fleet, in percent."""


def check_form(given: Mapping[str, Any]) -> None:
    """Refuse what contradicts itself, whatever the fleet."""
    if given.get("BlueGreenUpdatePolicy") and given.get("RollingUpdatePolicy"):
        raise _refusal("BlueGreenUpdatePolicy and RollingUpdatePolicy exclude each other.")
    traffic = (given.get("BlueGreenUpdatePolicy") or {}).get("TrafficRoutingConfiguration")
    if traffic is not None:
        wanted = _STEPS.get(traffic["Type"])
        for kind, member in _STEPS.items():
            if member == wanted and traffic.get(member) is None:
                raise _refusal(f"{_TRAFFIC}.{member} is required where Type is {kind}.")
            if member != wanted and traffic.get(member) is not None:
                raise _refusal(f"{_TRAFFIC}.{member} belongs to Type {kind} alone.")
    for path, size in _sizes(given):
        if size.type is SizeType.CAPACITY_PERCENT:
            _check_part(path, size, Fraction(size.value, 100))
    _check_alarms(given)


def check(tx: Transaction, call: Call, deployment: Deployment, serving: Deployment | None) -> None:
    """Refuse what this deployment cannot be put in the place of what serves with."""
    given = deployment.deployment_config
    if given is None or serving is None:
        return
    check_form(given)
    _check_serverless(given, deployment, serving)
    total = sum(v.initial_instance_count for v in deployment.variants if not v.shadow)
    for path, size in _sizes(given):
        if size.type is SizeType.INSTANCE_COUNT:
            _check_part(path, size, Fraction(size.value, max(1, total)), total)
    guardrails = read(given)
    if isinstance(guardrails.policy, Rolling):
        _check_rolling(deployment, serving)
    _check_time(deployment, total)
    states = alarms.states(tx, call.account, call.region, guardrails.alarms)
    missing = [name for name in guardrails.alarms if name not in states]
    if missing:
        raise _refusal(
            f"AutoRollbackConfiguration names alarms that do not exist: {', '.join(missing)}. "
            "Create them with PutMetricAlarm or PutCompositeAlarm first."
        )


def retained(call: Call, serving: Deployment | None) -> Mapping[str, Any] | None:
    """What RetainDeploymentConfig means: the last one, which the endpoint serves by."""
    if call.params.get("DeploymentConfig"):
        raise validation("DeploymentConfig and RetainDeploymentConfig exclude each other.")
    return None if serving is None else serving.deployment_config


def _check_part(path: str, size: CapacitySize, part: Fraction, total: int | None = None) -> None:
    least, most = _PARTS[path]
    if Fraction(least, 100) <= part <= Fraction(most, 100):
        return
    of = f" of {total} instance{'s' if total != 1 else ''}" if total is not None else ""
    least_text = f"at least {least}% and " if least > 1 else ""
    raise _refusal(
        f"{path} is {size.type} {size.value}{of}, and must be {least_text}at most {most}% of the "
        "capacity of the new fleet. With few instances give a CAPACITY_PERCENT."
    )


def _check_serverless(
    given: Mapping[str, Any], deployment: Deployment, serving: Deployment
) -> None:
    """What a serverless variant has environments for is counted for what serves alone."""
    wanted = read(given)
    if wanted == Guardrails() or not any(
        variant.serverless for each in (serving, deployment) for variant in each.variants
    ):
        return
    raise _refusal(
        "serverless variants are replaced all at once, without waits, alarms and a time-out: steps "
        "do not exist yet for them."
    )


def _check_rolling(deployment: Deployment, serving: Deployment) -> None:
    names = [[variant.name for variant in each.variants] for each in (serving, deployment)]
    if max(map(len, names)) > 1:
        raise _refusal(
            "RollingUpdatePolicy is for endpoints of one variant: use a BlueGreenUpdatePolicy."
        )
    if names[0] != names[1]:
        raise _refusal(
            f'RollingUpdatePolicy keeps the variant: "{names[0][0]}" serves, and "{names[1][0]}" '
            f'is in endpoint configuration "{deployment.config_name}".'
        )


def _check_time(deployment: Deployment, total: int) -> None:
    policy = read(deployment.deployment_config).policy
    bakes = len(course.steps(policy, total))
    waits_s = bakes * policy.wait_s + getattr(policy, "termination_wait_s", 0.0)
    if policy.timeout_s is not None and policy.timeout_s <= waits_s:
        raise _refusal(
            f"MaximumExecutionTimeoutInSeconds is {policy.timeout_s:g}, and must be more than the "
            f"waits of the deployment, which are {waits_s:g} seconds together."
        )


def _check_alarms(given: Mapping[str, Any]) -> None:
    seen: set[str] = set()
    for each in (given.get("AutoRollbackConfiguration") or {}).get("Alarms") or ():
        name = each.get("AlarmName")
        if name is None:
            raise _refusal("AutoRollbackConfiguration.Alarms needs an AlarmName each.")
        if name in seen:
            raise _refusal(f'AutoRollbackConfiguration names the alarm "{name}" twice.')
        seen.add(name)


def _sizes(given: Mapping[str, Any]) -> Iterator[tuple[str, CapacitySize]]:
    """Every size with its path."""
    for path in _PARTS:
        value: Any = given
        for member in path.split("."):
            value = (value or {}).get(member)
        if value is not None:
            yield path, CapacitySize(SizeType(value["Type"]), value["Value"])


def _refusal(text: str) -> CallerError:
    return validation(f"Invalid DeploymentConfig: {text}")
