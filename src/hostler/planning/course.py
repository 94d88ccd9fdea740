"""The course of a replacement: in which steps an endpoint goes from one deployment to another.

Invariant: pure arithmetic on a row's stage and step. Whatever part of the traffic a fleet is to
have, it has at least the same part of its instances; and both together never less than all.

``blue`` is what serves, ``green`` what is to follow. After step k green has ``shares[k]`` of the
traffic. Blue/green starts all of green first; rolling starts it step by step. LINEAR and rolling
retire of blue what a step took over, once that step was baked.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import ceil

from hostler.domain.endpoint import Deployment, Endpoint, Rollout, RolloutStage, Size
from hostler.domain.guardrails import BlueGreen, Guardrails, Policy, Rolling, Routing, read
from hostler.domain.ids import DeploymentId
from hostler.planning import sizing

NOTHING, ALL = Fraction(0), Fraction(1)
TURNING = frozenset({RolloutStage.SWITCHING, RolloutStage.BAKING})


@dataclass(frozen=True, slots=True)
class Course:
    """From ``blue`` (None: nothing serves yet), as it is sized now, to ``green``."""

    blue: Deployment | None
    green: Deployment
    guardrails: Guardrails
    shares: tuple[Fraction, ...]

    @property
    def alarms(self) -> tuple[str, ...]:
        return self.guardrails.alarms

    @property
    def wait_s(self) -> float:
        return self.guardrails.policy.wait_s

    @property
    def timeout_s(self) -> float | None:
        return self.guardrails.policy.timeout_s

    @property
    def termination_wait_s(self) -> float:
        policy = self.guardrails.policy
        return policy.termination_wait_s if isinstance(policy, BlueGreen) else 0.0

    @property
    def rolls(self) -> bool:
        """Whether green is started batch by batch."""
        return isinstance(self.guardrails.policy, Rolling)

    def covers(self, deployment: Deployment) -> bool:
        """Whether it is one of both."""
        return deployment.id in (self.green.id, self.blue.id if self.blue is not None else None)

    def is_last(self, rollout: Rollout) -> bool:
        return rollout.step >= len(self.shares) - 1

    def share(self, rollout: Rollout) -> Fraction:
        """The part of the traffic that green is to have."""
        match rollout.stage:
            case RolloutStage.SWITCHING | RolloutStage.BAKING:
                return self.shares[rollout.step]
            case RolloutStage.PROVISIONING:
                return self._before(rollout.step)
            case RolloutStage.TERMINATING:
                return ALL
            case RolloutStage.RETREATING:
                return ALL - self._regrown(rollout.step, rollout.back - 1)
            case _:
                return NOTHING

    def share_before(self, rollout: Rollout) -> Fraction:
        """The part that green had before the step that is being taken."""
        return self._before(rollout.step) if rollout.stage in TURNING else self.share(rollout)

    def returns(self, rollout: Rollout) -> bool:
        """Whether the way back to blue is open: it ends with the last step, or its bake."""
        if self.blue is None:
            return False
        match rollout.stage:
            case RolloutStage.PROVISIONING | RolloutStage.BAKING:
                return True
            case RolloutStage.SWITCHING:
                watched = self.wait_s > 0 or self.alarms or self.timeout_s is not None
                return bool(watched) or not self.is_last(rollout)
            case _:
                return False

    def lingers(self, rollout: Rollout) -> bool:
        """Whether blue stays in the routes, for its sessions, even without any traffic."""
        return self.termination_wait_s > 0 or self.returns(rollout)

    def sized(self, deployment: Deployment, rollout: Rollout) -> Deployment:
        """One of both, with as many instances as it is to have at this point."""
        if deployment.id == self.green.id:
            return _scaled(deployment, self._green(rollout))
        return _scaled(deployment, self._blue(rollout))

    def proven(self, deployment: Deployment, rollout: Rollout) -> dict[str, int]:
        """How many of each variant's instances proved themselves: those are repaired for ever.

        All of blue, but for what a retreat starts anew; of green none while there is a way back.
        """
        if deployment.id == self.green.id:
            part = NOTHING if self._is_coming(rollout) else ALL
            return _counts(deployment, part)
        if rollout.stage is RolloutStage.RETREATING:
            return _counts(deployment, self._regrown(rollout.step, rollout.back - 1))
        return _counts(deployment, ALL)

    def awaits(self, deployment: Deployment, rollout: Rollout) -> bool:
        """Whether a retreat goes no further without all of the deployment's instances."""
        return rollout.stage is RolloutStage.RETREATING and deployment.id != self.green.id

    def begins_back(self, rollout: Rollout) -> RolloutStage:
        """How the way back begins: at once, or (rolling) with blue's instances that are gone."""
        gone = self.rolls and self._blue(rollout) < ALL
        return RolloutStage.RETREATING if gone else RolloutStage.ROLLING_BACK

    def is_back(self, rollout: Rollout) -> bool:
        """Whether a retreat's batch is the last."""
        return self._regrown(rollout.step, rollout.back) == ALL

    def _is_coming(self, rollout: Rollout) -> bool:
        return rollout.stage is RolloutStage.PROVISIONING or self.returns(rollout)

    def _before(self, step: int) -> Fraction:
        return self.shares[step - 1] if step > 0 else NOTHING

    def _green(self, rollout: Rollout) -> Fraction:
        if rollout.stage is RolloutStage.RETREATING:
            return self.share(rollout)
        return self.shares[rollout.step] if self.rolls else ALL

    def _blue(self, rollout: Rollout) -> Fraction:
        if rollout.stage is RolloutStage.RETREATING:
            return self._regrown(rollout.step, rollout.back)
        return self._kept(rollout.step) if _is_forward(rollout) else ALL

    def _kept(self, step: int) -> Fraction:
        """The part of blue that stands during a step: what the steps before did not take over."""
        policy = self.guardrails.policy
        linear = isinstance(policy, BlueGreen) and policy.routing is Routing.LINEAR
        return ALL - self._before(step) if self.rolls or linear else ALL

    def _regrown(self, step: int, back: int) -> Fraction:
        """The part of blue that stands after a batch of the retreat; before the first: what was."""
        policy, blue = self.guardrails.policy, self.blue
        assert blue is not None
        batch = policy.rollback_batch if isinstance(policy, Rolling) else None
        total = _total(blue)
        each = ALL if batch is None else Fraction(batch.count(total), total)
        return min(ALL, self._kept(step) + (back + 1) * each)


def of(endpoint: Endpoint, deployments: Mapping[DeploymentId, Deployment]) -> Course | None:
    """The course of the replacement that is under way; None while nothing is replaced."""
    if endpoint.target is None or endpoint.target == endpoint.current or endpoint.deleting:
        return None
    green = deployments[endpoint.target]
    if endpoint.current is None:
        return Course(None, green, Guardrails(), (ALL,))
    blue = sizing.fitted(endpoint, deployments[endpoint.current])
    guardrails = read(green.deployment_config)
    return Course(blue, green, guardrails, steps(guardrails.policy, _total(green)))


def steps(policy: Policy, total: int) -> tuple[Fraction, ...]:
    """The part of the traffic that a green fleet of so many instances has after each step."""
    match policy:
        case Rolling(batch=batch):
            each = Fraction(batch.count(total), total)
        case BlueGreen(routing=Routing.CANARY, size=size) if size is not None:
            canary = size.share(total)
            return (canary, ALL) if canary < ALL else (ALL,)
        case BlueGreen(routing=Routing.LINEAR, size=size) if size is not None:
            each = size.share(total)
        case _:
            return (ALL,)
    return tuple(min(ALL, each * (step + 1)) for step in range(ceil(ALL / each)))


def _is_forward(rollout: Rollout) -> bool:
    return rollout.stage in TURNING or rollout.stage in (
        RolloutStage.PROVISIONING,
        RolloutStage.TERMINATING,
    )


def _total(deployment: Deployment) -> int:
    return sum(v.initial_instance_count for v in deployment.variants if not v.shadow)


def _counts(deployment: Deployment, part: Fraction) -> dict[str, int]:
    """At least this part of each variant's instances."""
    return {v.name: ceil(v.initial_instance_count * part) for v in deployment.variants}


def _scaled(deployment: Deployment, part: Fraction) -> Deployment:
    if part == ALL:
        return deployment
    counts = _counts(deployment, part)
    sizes = {v.name: Size(v.weight, counts[v.name]) for v in deployment.variants}
    return sizing.resized(deployment, sizes)
