"""How the traffic went over to each deployment: its steps, and how long each was watched.

Invariant: what is published is held against what the client asked for, and against alarms and time
as the world has them; no planner is asked.
"""

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from math import ceil

from hostler.domain.endpoint import Endpoint, RolloutStage
from hostler.domain.ids import DeploymentId, EndpointId
from hostler.sim.alarms import Alarms
from hostler.sim.faults import Faults
from hostler.sim.policies import Policy
from hostler.sim.sizes import EPSILON, Served, counts

BLIND_S_MAX = 3.0
"""What an alarm has been in for so long, a decision has seen."""
ROLLBACK_S_MAX = 5.0
"""Half of what is promised: nothing delays a decision where this is asked."""
TICK_S = 1e-3
"""Of a clock in epoch seconds less is rounding."""
_WATCHED = (RolloutStage.SWITCHING, RolloutStage.BAKING)
_PAST = (RolloutStage.TERMINATING, RolloutStage.DRAINING)


@dataclass(slots=True)
class Turns:
    """Of every deployment that there ever was."""

    policies: Mapping[DeploymentId, Policy]
    asked_at: Mapping[DeploymentId, float]
    alarms: Alarms
    faults: Faults
    _reached: dict[DeploymentId, list[float]] = field(default_factory=dict)
    """When each of its steps was published first (the loop's time)."""
    _sent: dict[DeploymentId, list[tuple[float, float]]] = field(default_factory=dict)
    """The shares that snapshots gave it, and when: (the loop's time, share)."""
    _had: dict[DeploymentId, list[tuple[float, float]]] = field(default_factory=dict)
    """The same of those that every gateway gave it."""
    _stuck: set[DeploymentId] = field(default_factory=set)
    """What came to serve beside another."""
    _watched: dict[EndpointId, tuple[DeploymentId, float]] = field(default_factory=dict)
    """Whose traffic is being turned, by its endpoint, and since when."""

    @property
    def _deadly(self) -> bool:
        """Whether instances may die, so that others have the traffic of the dead."""
        return bool(self.faults.deaths or self.faults.foreign_stops)

    def used(self, part: Served) -> None:
        """Every gateway gives a deployment this part."""
        self._had.setdefault(part.deployment, []).append((_now(), part.share))

    def published(self, part: Served, least: Mapping[str, int], *, instead: bool) -> str | None:
        """A snapshot gives a deployment a part of the traffic.

        Args:
            part: What it gives.
            least: The instances that the deployment must have had when traffic came to it first.
            instead: The deployment beside it cannot answer: having its share is no step.
        """
        deadly = self._deadly
        asleep = any(each.max_concurrency for each in part.variants)
        alive = deadly or asleep or all(counts(part.variants).values())
        if part.share > 0.0 and not alive:
            return f"{part.deployment} has a share of {part.share} and no instance for it"
        policy = self.policies[part.deployment]
        reached = self._reached.setdefault(part.deployment, [])
        over = len(reached) == len(policy.shares) or part.deployment in self._stuck
        self._sent.setdefault(part.deployment, []).append((_now(), part.share))
        if part.share <= 0.0 or over or instead:
            return None
        if policy.rolls and reached and part.share < policy.shares[len(reached) - 1]:
            return None  # on its way back
        known = [step for step, share in enumerate(policy.shares) if _same(share, part.share)]
        if not known:
            return f"{part.deployment} has a share of {part.share}, of {policy.shares}"
        if known[0] < len(reached):
            return None
        if known[0] > len(reached):
            return None if deadly else f"{part.deployment} skipped a step to {part.share}"
        have, part_of = counts(part.variants), part.share if policy.rolls else 1.0
        if deadly and not any(have.values()):
            return None  # all that it had died since that was decided
        if any(have[name] < ceil(least[name] * part_of - EPSILON) for name in have):
            if deadly and _same(part.share, 1.0):
                return None  # the others are dead
            return f"turned to {part.deployment} before it was complete: {have}"
        baked_s = self._baked_s(part.deployment)
        if reached and baked_s < policy.wait_s - TICK_S:
            return f"{part.deployment} baked for {baked_s:.3f} s, not {policy.wait_s}"
        reached.append(_now())
        return None

    def written(self, before: Endpoint | None, after: Endpoint) -> Iterator[str]:
        """A row was written: what is decided by alarms and time is decided rightly."""
        self._note(after)
        if after.beside is not None:
            self._stuck.add(after.beside.deployment)
        was, stage = _stage(before), _stage(after)
        if before is None or before.current is None or stage not in _PAST or stage is was:
            return
        target = before.target or DeploymentId("")
        policy, reached = self.policies[target], self._reached.setdefault(target, [])
        wait_s = policy.wait_s
        if stage is RolloutStage.DRAINING:
            wait_s += policy.termination_wait_s
        for name in policy.alarms if was in _WATCHED else ():
            if self.alarms.bad_for_s(name) > BLIND_S_MAX:
                yield f"{target} went on though {name} was bad"
        if len(reached) < len(policy.shares):
            if self._deadly:  # it may have had all since there was nothing else
                reached.extend(
                    self._first(target, share, 0.0) for share in policy.shares[len(reached) :]
                )
                return
            yield f"{target} took over after {len(reached)} of {len(policy.shares)} steps"
        elif self._baked_s(target) < wait_s - TICK_S:
            yield f"{target} went to {stage} before its waits were over"

    def taken_back(self, endpoint: Endpoint, target: DeploymentId) -> Iterator[str]:
        """A replacement ended with a FailureReason: it is true."""
        policy, asked_at = self.policies[target], self.asked_at[target]
        reason = endpoint.failure_reason or ""
        if "alarm" in reason:
            named = [name for name in policy.alarms if f'"{name}"' in reason]
            if not any(self.alarms.was_bad_after(name, asked_at) for name in named):
                yield f"{target} was taken back for an alarm that was not bad: {reason}"
        if "MaximumExecution" in reason and _now() - asked_at < (policy.timeout_s or 1e9) - TICK_S:
            yield f"{target} was taken back before its time was over"

    def overlooked(self) -> Iterator[str]:
        """What an alarm should have taken back by now; only where nothing delays decisions."""
        for target, since in self._watched.values():
            for name in self.policies[target].alarms:
                if min(self.alarms.bad_for_s(name), _now() - since) > ROLLBACK_S_MAX:
                    yield f"{target} still has traffic, though {name} is bad"

    def _baked_s(self, deployment: DeploymentId) -> float:
        """For how long it has had its latest step's share in every gateway that does as it should.

        That begins before the step is seen where the other side could not answer meanwhile, and so
        had given this one more than its share; not before the step ahead of it was seen.
        """
        reached = self._reached[deployment]
        if not reached:
            return 0.0
        share = self.policies[deployment].shares[len(reached) - 1]
        before = reached[-2] if len(reached) > 1 else 0.0
        return _now() - self._first(deployment, share, before)

    def _first(self, deployment: DeploymentId, share: float, since: float) -> float:
        """When it was first given so much of the traffic; now, if it was not."""
        seen = self._sent if self.faults.bends_deadlines else self._had
        known = (
            at for at, had in seen.get(deployment, ()) if at >= since and had > share - EPSILON
        )
        return next(known, _now())

    def _note(self, endpoint: Endpoint) -> None:
        watched = endpoint.rollout is not None and endpoint.rollout.stage in _WATCHED
        if watched and endpoint.current is not None and endpoint.target is not None:
            self._watched.setdefault(endpoint.id, (endpoint.target, _now()))
        else:
            self._watched.pop(endpoint.id, None)


def _stage(endpoint: Endpoint | None) -> RolloutStage | None:
    return None if endpoint is None or endpoint.rollout is None else endpoint.rollout.stage


def _same(one: float, other: float) -> bool:
    return abs(one - other) < EPSILON


def _now() -> float:
    return asyncio.get_running_loop().time()
