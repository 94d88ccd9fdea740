"""A row that enters a stage of a change, or comes to rest.

Invariant: every stage is entered through ``lifecycle.check_stage``.
"""

from dataclasses import replace

from hostler.domain import lifecycle
from hostler.domain.endpoint import Endpoint, EndpointStatus, Rollout, RolloutStage


def stage(endpoint: Endpoint) -> RolloutStage | None:
    """Where the endpoint's change stands; None while there is none."""
    return None if endpoint.rollout is None else endpoint.rollout.stage


def entered(
    endpoint: Endpoint,
    to: RolloutStage,
    now: float,
    *,
    reason: str | None = None,
    step: int = 0,
    back: int = 0,
) -> Endpoint:
    """The endpoint at the beginning of a stage."""
    lifecycle.check_stage(stage(endpoint), to)
    return replace(endpoint, rollout=Rollout(to, since=now, reason=reason, step=step, back=back))


def settled(
    endpoint: Endpoint, status: EndpointStatus, now: float, *, reason: str | None = None
) -> Endpoint:
    """The endpoint at rest."""
    lifecycle.check_stage(stage(endpoint), None)
    return replace(
        endpoint,
        status=status,
        failure_reason=reason,
        rollout=None,
        update_started=None,
        modified=now,
    )
