"""The next step of a replacement: forward, when a step is done; back, when something is wrong.

Invariant: every wait ends at a time that the row gives. There is a way back until the last bake is
over, and none after it.

A bake is watched without a gap: what passed before this life of the control plane began to look
does not count, neither towards a bake nor towards the time-out, whatever became of the wall clock.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from hostler.domain import reasons
from hostler.domain.alarm import AlarmState
from hostler.domain.endpoint import (
    Beside,
    Endpoint,
    EndpointStatus,
    Rollout,
    RolloutStage,
    Size,
)
from hostler.domain.ids import DeploymentId
from hostler.planning import stages, traffic
from hostler.planning.course import Course
from hostler.planning.deadlines import ALARM_POLL_S
from hostler.planning.fleet import Fleet
from hostler.planning.plan import Situation


def begun(endpoint: Endpoint, course: Course, situation: Situation) -> Endpoint:
    """A replacement begins with green's instances, unless an alarm says that it should not."""
    now = situation.now
    for name in course.alarms if course.blue is not None else ():
        match situation.alarms.get(name):
            case None:
                why = reasons.unguarded(name)
            case AlarmState.ALARM:
                why = reasons.alarmed_before(name)
            case _:
                continue
        return stages.entered(endpoint, RolloutStage.ROLLING_BACK, now, reason=why)
    return stages.entered(endpoint, RolloutStage.PROVISIONING, now)


def advanced(
    endpoint: Endpoint,
    course: Course,
    fleets: Mapping[DeploymentId, Fleet],
    situation: Situation,
) -> Endpoint:
    """The endpoint after the step that its fleets, the gateways, alarms and time allow."""
    rollout, now = endpoint.rollout, situation.now
    assert rollout is not None
    green = fleets[course.green.id]
    if course.returns(rollout) and (why := _wrong(endpoint, course, green, situation)):
        way = course.begins_back(rollout)
        return stages.entered(endpoint, way, now, reason=why, step=rollout.step)
    match rollout.stage:
        case RolloutStage.PROVISIONING if green.fault is not None:
            return stages.settled(endpoint, EndpointStatus.FAILED, now, reason=green.fault)
        case RolloutStage.PROVISIONING if green.complete:
            return stages.entered(endpoint, RolloutStage.SWITCHING, now, step=rollout.step)
        case RolloutStage.SWITCHING if _turned(endpoint, course, fleets, situation):
            if course.returns(rollout):
                return stages.entered(endpoint, RolloutStage.BAKING, now, step=rollout.step)
            return _baked(endpoint, course, now)
        case RolloutStage.BAKING if now >= rollout.since + course.wait_s:
            if course.is_last(rollout):
                return _baked(endpoint, course, now)
            following = RolloutStage.PROVISIONING if course.rolls else RolloutStage.SWITCHING
            return stages.entered(endpoint, following, now, step=rollout.step + 1)
        case RolloutStage.TERMINATING if now >= rollout.since + course.termination_wait_s:
            return _taken_over(endpoint, course, now)
        case RolloutStage.RETREATING:
            return _retreated(endpoint, course, fleets, situation)
        case _:
            return endpoint


def look_at(endpoint: Endpoint, course: Course, situation: Situation) -> Iterator[float]:
    """When to look again for the sake of the replacement itself (epoch seconds)."""
    rollout = endpoint.rollout
    if rollout is None:
        return
    if rollout.stage is RolloutStage.BAKING:
        yield rollout.since + course.wait_s
    if rollout.stage is RolloutStage.TERMINATING:
        yield rollout.since + course.termination_wait_s
    if not course.returns(rollout):
        return
    if course.alarms and _has_traffic(rollout):
        yield situation.now + ALARM_POLL_S
    if course.timeout_s is not None:
        yield _started(endpoint, situation) + course.timeout_s


def _wrong(endpoint: Endpoint, course: Course, green: Fleet, situation: Situation) -> str | None:
    """Why the replacement is to be taken back, if it is."""
    rollout = endpoint.rollout
    assert rollout is not None
    if green.fault is not None:
        return green.fault
    for name in course.alarms if _has_traffic(rollout) else ():
        match situation.alarms.get(name):
            case None:
                return reasons.unguarded(name)
            case AlarmState.ALARM:
                return reasons.alarmed(name)
            case _:
                pass
    timeout_s = course.timeout_s
    if timeout_s is not None and situation.now >= _started(endpoint, situation) + timeout_s:
        return reasons.overdue(timeout_s)
    return None


def _started(endpoint: Endpoint, situation: Situation) -> float:
    asked_at = min(endpoint.update_started or situation.now, situation.now)
    return max(asked_at, situation.watching_since)


def _has_traffic(rollout: Rollout) -> bool:
    return rollout.step > 0 or rollout.stage is not RolloutStage.PROVISIONING


def _turned(
    endpoint: Endpoint,
    course: Course,
    fleets: Mapping[DeploymentId, Fleet],
    situation: Situation,
) -> bool:
    """Whether green stands, and every gateway divides the traffic as it is to at this step.

    That is not as the step asks for where blue cannot answer: green then has all of it.
    """
    green, exposure, now = fleets[course.green.id], situation.exposure, situation.now
    shadows = {variant.name for variant in green.deployment.variants if variant.shadow}
    ready = {
        member.record.id
        for member in green.members
        if member.ready and member.record.variant_name not in shadows
    }
    weights = traffic.weights(traffic.parts(endpoint, course, fleets, exposure))
    return green.complete and exposure.includes(ready, now) and exposure.weighs(weights, now)


def _baked(endpoint: Endpoint, course: Course, now: float) -> Endpoint:
    if course.termination_wait_s > 0 and endpoint.rollout is not None:
        step = endpoint.rollout.step
        return stages.entered(endpoint, RolloutStage.TERMINATING, now, step=step)
    return _taken_over(endpoint, course, now)


def _taken_over(endpoint: Endpoint, course: Course, now: float) -> Endpoint:
    """Green is what serves, with the sizes of its config."""
    green = course.green
    serving = replace(
        endpoint,
        current=green.id,
        sizes={},
        beside=None,
        config_name=green.config_name,
        modified=now,
    )
    if course.blue is None:
        return stages.settled(serving, EndpointStatus.IN_SERVICE, now)
    return stages.entered(serving, RolloutStage.DRAINING, now)


def _retreated(
    endpoint: Endpoint,
    course: Course,
    fleets: Mapping[DeploymentId, Fleet],
    situation: Situation,
) -> Endpoint:
    """Blue has one batch more, or has all that it had, or cannot have it."""
    rollout, now = endpoint.rollout, situation.now
    assert rollout is not None
    assert course.blue is not None
    blue = fleets[course.blue.id]
    if blue.fault is not None:
        return _stuck(endpoint, course, blue.fault, now)
    ready = {member.record.id for member in blue.members if member.ready}
    if not blue.complete or not situation.exposure.includes(ready, now):
        return endpoint
    if course.is_back(rollout):
        why = rollout.reason
        return stages.entered(endpoint, RolloutStage.ROLLING_BACK, now, reason=why)
    return stages.entered(
        endpoint,
        RolloutStage.RETREATING,
        now,
        reason=rollout.reason,
        step=rollout.step,
        back=rollout.back + 1,
    )


def _stuck(endpoint: Endpoint, course: Course, why_not: str, now: float) -> Endpoint:
    """Both serve, with the instances that each has: UpdateRollbackFailed."""
    rollout = endpoint.rollout
    assert rollout is not None
    assert course.blue is not None
    blue = replace(rollout, back=rollout.back - 1)
    sizes = {
        v.name: Size(v.weight, v.initial_instance_count)
        for v in course.sized(course.blue, blue).variants
    }
    green = course.sized(course.green, rollout)
    count = sum(variant.initial_instance_count for variant in green.variants)
    mixed = replace(endpoint, target=endpoint.current, sizes=sizes, beside=Beside(green.id, count))
    reason = reasons.stuck(rollout.reason or "", why_not)
    return stages.settled(mixed, EndpointStatus.UPDATE_ROLLBACK_FAILED, now, reason=reason)
