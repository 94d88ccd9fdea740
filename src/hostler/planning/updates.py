"""What is told of a replacement: an event for each commit that takes it on, back or to its end.

Invariant: pure. A plan whose row enters another stage of a replacement, or ends it, has exactly one
event; every other plan has none. A change of weights and counts is none of these.
"""

import json
import math
from collections.abc import Iterable, Mapping, Sequence

from hostler.domain.alarm import Alarm, AlarmState, CompositeAlarm
from hostler.domain.endpoint import Deployment, Endpoint, EndpointStatus, RolloutStage
from hostler.domain.guardrails import Rolling
from hostler.domain.ids import DeploymentId
from hostler.domain.updates import Event, Fired, Outcome, Side, Terms, Told
from hostler.planning import course as courses
from hostler.planning import stages
from hostler.planning.course import Course
from hostler.planning.fleet import Fleet
from hostler.planning.plan import Situation
from hostler.planning.traffic import Part

BACK = frozenset({RolloutStage.RETREATING, RolloutStage.ROLLING_BACK})
ROLLING = "ROLLING"


def told(
    situation: Situation,
    endpoint: Endpoint,
    fleets: Mapping[DeploymentId, Fleet],
    parts: Sequence[Part],
) -> Told | None:
    """The event of a plan that takes the situation's endpoint to ``endpoint``, if it is one."""
    before = situation.endpoint
    if endpoint.deleting or _at(before) == _at(endpoint):
        return None
    terms = _terms(before, situation.deployments)
    if terms is None:
        return None
    rollout, outcome = endpoint.rollout, _outcome(endpoint, terms.deployment)
    blue, green = _sides(terms.deployment, fleets, parts)
    event = Event(
        at=situation.now,
        stage=rollout.stage if rollout else None,
        step=rollout.step if rollout else 0,
        back=rollout.back if rollout else 0,
        blue=blue,
        green=green,
        unsettled={k: s for k, s in situation.alarms.items() if s is not AlarmState.OK},
        fired=tuple(situation.fired) if _turns_back(before, endpoint, outcome) else (),
        outcome=outcome,
        reason=rollout.reason if rollout else endpoint.failure_reason,
    )
    return Told(terms, event)


def fired(alarm: Alarm) -> Fired:
    """An alarm in ALARM, with what it was evaluated on as far as that is known."""
    standing = alarm.standing
    if isinstance(alarm, CompositeAlarm):
        return Fired(alarm.name, standing.transitioned, standing.reason)
    return Fired(
        alarm.name,
        standing.transitioned,
        standing.reason,
        value=_newest(standing.reason_data),
        threshold=alarm.threshold,
        comparison=alarm.comparison,
    )


def _at(endpoint: Endpoint) -> tuple[EndpointStatus, RolloutStage | None, int, int]:
    rollout = endpoint.rollout
    if rollout is None:
        return endpoint.status, None, 0, 0
    return endpoint.status, rollout.stage, rollout.step, rollout.back


def _terms(before: Endpoint, deployments: Mapping[DeploymentId, Deployment]) -> Terms | None:
    """Of the replacement that was under way, or asked for; None where none was."""
    asked = before.update_started or before.created
    course = courses.of(before, deployments)
    if course is not None:
        return _asked(course, asked)
    if stages.stage(before) is RolloutStage.DRAINING and before.current is not None:
        return Terms(before.current, deployments[before.current].config_name, asked)
    return None


def _asked(course: Course, at: float) -> Terms:
    policy, blue = course.guardrails.policy, course.blue
    return Terms(
        deployment=course.green.id,
        config=course.green.config_name,
        asked=at,
        variants=_named(course.green),
        before=None if blue is None else blue.config_name,
        variants_before=() if blue is None else _named(blue),
        policy=ROLLING if isinstance(policy, Rolling) else policy.routing.value,
        shares=tuple(map(float, course.shares)),
        wait_s=course.wait_s,
        termination_wait_s=course.termination_wait_s,
        alarms=course.alarms,
    )


def _named(deployment: Deployment) -> tuple[str, ...]:
    return tuple(variant.name for variant in deployment.variants if not variant.shadow)


def _outcome(endpoint: Endpoint, green: DeploymentId) -> Outcome | None:
    if endpoint.rollout is not None:
        return None
    if endpoint.status is EndpointStatus.FAILED:
        return Outcome.FAILED
    if endpoint.current == green:
        return Outcome.COMPLETED
    if endpoint.beside is not None and endpoint.beside.deployment == green:
        return Outcome.ROLLBACK_FAILED
    return Outcome.ROLLED_BACK


def _turns_back(before: Endpoint, after: Endpoint, outcome: Outcome | None) -> bool:
    """Whether it is here that it was decided to go back, be it before anything was begun."""
    if before.rollout is None:
        return outcome is Outcome.ROLLED_BACK or stages.stage(after) in BACK
    return before.rollout.stage not in BACK and stages.stage(after) in BACK


def _sides(
    green: DeploymentId, fleets: Mapping[DeploymentId, Fleet], parts: Iterable[Part]
) -> tuple[Side, Side]:
    """Blue and green; blue is everything that is not green."""
    shares, instances = [0.0, 0.0], [0, 0]
    for part in parts:
        shares[part.fleet.deployment.id == green] += part.share
    for key, fleet in fleets.items():
        variants = [v for v in fleet.deployment.variants if not v.shadow and v.serverless is None]
        instances[key == green] += sum(len(fleet.ready(variant)) for variant in variants)
    return Side(shares[0], instances[0]), Side(shares[1], instances[1])


def _newest(reason_data: str | None) -> float | None:
    """The last of ``recentDatapoints``; whoever sets a state may write anything there."""
    try:
        points = json.loads(reason_data or "null")["recentDatapoints"]
        value = float(points[-1])
    except (ValueError, TypeError, KeyError, IndexError, OverflowError, RecursionError):
        return None
    return value if math.isfinite(value) else None
