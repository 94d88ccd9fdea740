"""How the simulated client wants its deployments done, and what that means for the traffic.

Invariant: the shares are written down here by hand, beside the DeploymentConfig that asks for them:
an oracle that reckoned as the planner does would share its mistakes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from random import Random
from typing import Any

from hostler.sim.alarms import NAMES

PLAIN = 0.4
"""The share of deployments without any guardrail."""
WATCHED = 0.5
"""The share of the others that name alarms."""
TIMED = 0.25
SLOWLY_BACK = 0.5


@dataclass(frozen=True, slots=True)
class Pace:
    """How long things take, in seconds; alternatives are drawn from."""

    bakes: tuple[int, ...]
    rolling_bakes: tuple[int, ...]
    termination_waits: tuple[int, ...]
    timeouts: tuple[float, float]
    """The shortest and the longest."""
    pause_s_max: float
    """Between two requests of a client."""
    longer: float
    """How many times as long as others a world of this pace goes on."""

    @property
    def longest_s(self) -> float:
        """What a deployment may take by its waits alone, at most."""
        return STEPS_MAX * max(self.bakes) + max(self.termination_waits)


STEPS_MAX = 4
QUICK = Pace((0, 0, 2, 5, 13), (0, 0, 2, 5), (0, 0, 4), (3.0, 25.0), 9.0, 1.0)
AWS = Pace((0, 120, 300, 900), (0, 300, 600), (0, 0, 600), (600.0, 1800.0), 900.0, 60.0)
"""What AWS accepts: no time-out is shorter than 600 s there."""


@dataclass(frozen=True, slots=True)
class Policy:
    """A DeploymentConfig, and the shares of the traffic that the new deployment has in turn."""

    config: Mapping[str, Any] | None = None
    shares: tuple[float, ...] = (1.0,)
    wait_s: float = 0.0
    termination_wait_s: float = 0.0
    timeout_s: float | None = None
    alarms: tuple[str, ...] = ()
    rolls: bool = False
    """Whether the new deployment is started batch by batch."""


UNGUARDED = Policy()


def drawn(rng: Random, pace: Pace, plain: float = PLAIN) -> Policy:
    """Some policy; of so many as ``plain`` says none."""
    if rng.random() < plain:
        return UNGUARDED
    wait_s, termination_wait_s = rng.choice(pace.bakes), rng.choice(pace.termination_waits)
    routing, shares = _routing(rng)
    routing["WaitIntervalInSeconds"] = wait_s
    blue_green = {
        "TrafficRoutingConfiguration": routing,
        "TerminationWaitInSeconds": termination_wait_s,
    }
    timeout_s = _timed(rng, pace, blue_green)
    config: dict[str, Any] = {"BlueGreenUpdatePolicy": blue_green}
    return _watched(
        rng, Policy(config, shares, float(wait_s), float(termination_wait_s), timeout_s)
    )


def rolling(rng: Random, pace: Pace, count: int) -> Policy:
    """A rolling policy for so many new instances, four at most."""
    batch = rng.choice([each for each in (1, 2) if each <= max(1, count // 2)])
    wait_s = rng.choice(pace.rolling_bakes)
    policy: dict[str, Any] = {
        "MaximumBatchSize": {"Type": "INSTANCE_COUNT", "Value": batch},
        "WaitIntervalInSeconds": wait_s,
    }
    if rng.random() < SLOWLY_BACK:
        policy["RollbackMaximumBatchSize"] = {"Type": "INSTANCE_COUNT", "Value": 1}
    timeout_s = _timed(rng, pace, policy)
    shares = tuple(min(1.0, started / count) for started in range(batch, count + batch, batch))
    config = {"RollingUpdatePolicy": policy}
    return _watched(rng, Policy(config, shares, float(wait_s), timeout_s=timeout_s, rolls=True))


def _timed(rng: Random, pace: Pace, policy: dict[str, Any]) -> float | None:
    """The time-out in seconds that some policies get."""
    if rng.random() >= TIMED:
        return None
    timeout_s = rng.uniform(*pace.timeouts)
    policy["MaximumExecutionTimeoutInSeconds"] = timeout_s
    return timeout_s


def _routing(rng: Random) -> tuple[dict[str, Any], tuple[float, ...]]:
    match rng.choice(("ALL_AT_ONCE", "CANARY", "LINEAR", "LINEAR")):
        case "CANARY":
            percent = rng.choice((10, 50))
            size = {"Type": "CAPACITY_PERCENT", "Value": percent}
            return {"Type": "CANARY", "CanarySize": size}, (percent / 100, 1.0)
        case "LINEAR":
            percent, shares = rng.choice(((50, (0.5, 1.0)), (40, (0.4, 0.8, 1.0))))
            size = {"Type": "CAPACITY_PERCENT", "Value": percent}
            return {"Type": "LINEAR", "LinearStepSize": size}, shares
        case _:
            return {"Type": "ALL_AT_ONCE"}, (1.0,)


def _watched(rng: Random, policy: Policy) -> Policy:
    """The policy, with alarms for some."""
    if rng.random() >= WATCHED:
        return policy
    names = NAMES[: rng.choice((1, 2))]
    watched = {"Alarms": [{"AlarmName": name} for name in names]}
    config = {**(policy.config or {}), "AutoRollbackConfiguration": watched}
    return replace(policy, config=config, alarms=names)
