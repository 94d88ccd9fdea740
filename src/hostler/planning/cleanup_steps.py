"""A clean-up of one endpoint by the server: warned of, later deleted, then what only it used.

Invariant: pure. Nothing is deleted that was not warned of for the whole time before, and that is
not idle at the moment itself; a mark outlives its process, and each step may be taken twice.
"""

from dataclasses import dataclass, replace
from enum import StrEnum

from hostler.domain.endpoint import EndpointStatus
from hostler.domain.ids import AccountId, EndpointId, Region
from hostler.planning.cleanup import State, Verdict

GONE = "it is gone"
SCHEDULED, WITHDRAWN = "EndpointCleanupScheduled", "EndpointCleanupWithdrawn"
"""The events that the audit log has of warnings."""


class Stage(StrEnum):
    """How far a clean-up is."""

    WARNED = "Warned"
    DELETING = "Deleting"
    """What only the endpoint uses is written down, and its deletion asked for, or just about."""


@dataclass(frozen=True, slots=True)
class Mark:
    """An endpoint that is to be deleted; times are epoch seconds."""

    endpoint_id: EndpointId
    account: AccountId
    region: Region
    name: str
    arn: str
    warned_s: float
    delete_s: float
    idle_since_s: float
    why: str
    stage: Stage = Stage.WARNED
    config: str = ""
    models: tuple[str, ...] = ()


class Step(StrEnum):
    """What to do about an endpoint now."""

    NOTHING = "nothing"
    WARN = "warn"
    WITHDRAW = "withdraw"
    DELETE = "delete"
    CLEAR = "clear"
    """The endpoint is gone: delete its config and models, unless others use them."""


def step(mark: Mark | None, status: str | None, verdict: Verdict, now: float) -> Step:
    """The next step for an endpoint; ``status`` is None when it is gone."""
    if mark is None:
        return Step.WARN if verdict.state is State.IDLE else Step.NOTHING
    if mark.stage is Stage.DELETING:
        if status is None:
            return Step.CLEAR
        if status == EndpointStatus.DELETING:
            return Step.NOTHING
    if status is None or verdict.state in (State.USED, State.KEPT):
        return Step.WITHDRAW
    if verdict.state is State.UNKNOWN:
        return Step.NOTHING
    if mark.warned_s > now:  # the clock was set back since: what was promised cannot be told
        return Step.WARN
    return Step.DELETE if now >= mark.delete_s else Step.NOTHING


def deleting(mark: Mark, config: str, models: tuple[str, ...]) -> Mark:
    """The mark with what is to be deleted after the endpoint."""
    return replace(mark, stage=Stage.DELETING, config=config, models=models)
