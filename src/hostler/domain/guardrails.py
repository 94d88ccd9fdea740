"""How an endpoint goes over to another deployment: SageMaker's DeploymentConfig, as values.

Invariant: ``read`` takes what the API has accepted and kept; whatever it leaves out has AWS's
default. Times are seconds.
https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails.html
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from typing import Any, TypeAlias


class SizeType(StrEnum):
    """CapacitySize.Type."""

    INSTANCE_COUNT = "INSTANCE_COUNT"
    CAPACITY_PERCENT = "CAPACITY_PERCENT"


class Routing(StrEnum):
    """TrafficRoutingConfig.Type."""

    ALL_AT_ONCE = "ALL_AT_ONCE"
    CANARY = "CANARY"
    LINEAR = "LINEAR"


@dataclass(frozen=True, slots=True)
class CapacitySize:
    """A part of a fleet."""

    type: SizeType
    value: int

    def share(self, total: int) -> Fraction:
        """The part of a fleet of so many instances, at most all of it."""
        whole = 100 if self.type is SizeType.CAPACITY_PERCENT else max(1, total)
        return min(Fraction(1), Fraction(self.value, whole))

    def count(self, total: int) -> int:
        """How many instances of so many; a percentage is a maximum, and one is the least."""
        return max(1, int(self.share(total) * total))


@dataclass(frozen=True, slots=True)
class BlueGreen:
    """BlueGreenUpdatePolicy; ``size`` is of the canary or of a linear step."""

    routing: Routing = Routing.ALL_AT_ONCE
    size: CapacitySize | None = None
    wait_s: float = 0.0
    termination_wait_s: float = 0.0
    timeout_s: float | None = None


@dataclass(frozen=True, slots=True)
class Rolling:
    """RollingUpdatePolicy; without ``rollback_batch`` the whole old fleet comes back at once."""

    batch: CapacitySize
    wait_s: float = 0.0
    rollback_batch: CapacitySize | None = None
    timeout_s: float | None = None


Policy: TypeAlias = BlueGreen | Rolling


@dataclass(frozen=True, slots=True)
class Guardrails:
    """A whole DeploymentConfig; ``alarms`` are names that take a deployment back."""

    policy: Policy = BlueGreen()
    alarms: tuple[str, ...] = ()


def read(given: Mapping[str, Any] | None) -> Guardrails:
    """What a DeploymentConfig says; nothing is blue/green, all at once."""
    given = given or {}
    watched = (given.get("AutoRollbackConfiguration") or {}).get("Alarms") or ()
    rolling = given.get("RollingUpdatePolicy")
    policy = _rolling(rolling) if rolling else _blue_green(given.get("BlueGreenUpdatePolicy") or {})
    return Guardrails(policy, tuple(each["AlarmName"] for each in watched if "AlarmName" in each))


def _blue_green(given: Mapping[str, Any]) -> BlueGreen:
    traffic = given.get("TrafficRoutingConfiguration") or {}
    return BlueGreen(
        routing=Routing(traffic.get("Type", Routing.ALL_AT_ONCE)),
        size=_size(traffic.get("CanarySize") or traffic.get("LinearStepSize")),
        wait_s=float(traffic.get("WaitIntervalInSeconds", 0)),
        termination_wait_s=float(given.get("TerminationWaitInSeconds", 0)),
        timeout_s=given.get("MaximumExecutionTimeoutInSeconds"),
    )


def _rolling(given: Mapping[str, Any]) -> Rolling:
    batch = _size(given["MaximumBatchSize"])
    assert batch is not None
    return Rolling(
        batch=batch,
        wait_s=float(given.get("WaitIntervalInSeconds", 0)),
        rollback_batch=_size(given.get("RollbackMaximumBatchSize")),
        timeout_s=given.get("MaximumExecutionTimeoutInSeconds"),
    )


def _size(given: Mapping[str, Any] | None) -> CapacitySize | None:
    return None if given is None else CapacitySize(SizeType(given["Type"]), given["Value"])
