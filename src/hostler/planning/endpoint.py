"""What to do next for one endpoint: the whole life of an endpoint, and of an update, is here.

Invariant: traffic goes to no deployment whose instances were not all ready when it was turned
there. Old instances stop only after the gateways have let go of them.

========================  ==================  ===========  =====================================
status, stage             repaired            left alone   goes on when
========================  ==================  ===========  =====================================
Creating, Provisioning    target                           target complete or at fault
Creating, Switching       target                           gateways know → InService
Updating, Provisioning    current and target               target complete or at fault
Updating, Switching       current and target               gateways know → Baking
Updating, last Switching  target              current      gateways know → Terminating, Draining
Updating, Baking          current and target               the wait is over → the next step
Updating, Terminating     target              current      the wait is over → Draining
Updating, Draining        current (was target)             the others gone → InService
Updating, Retreating      current and target               current's batch complete → the next
Updating, RollingBack     current                          the others gone → InService
Updating, Growing         current                          sizes reached or at fault
Updating, Shrinking       current                          surplus gone → InService
RollingBack, Restoring    current                          surplus gone → InService
InService                 current
Failed
Deleting                                                   all gone → no row
========================  ==================  ===========  =====================================

Provisioning to RollingBack is a replacement: in which steps is ``planning.course``, what takes it
on and back is ``planning.rollout``, who gets traffic is ``planning.traffic``. The last Switching is
one after which nothing is watched any more.

Growing to Restoring is a change of weights and counts (``planning.sizing``): what it adds is
started first, then the weights turn and the surplus drains; what cannot start is taken back.
In every stage, what serves has the environments that ``planning.serverless`` says are used.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from hostler.domain import lifecycle
from hostler.domain.endpoint import Deployment, Endpoint, EndpointStatus, RolloutStage
from hostler.domain.ids import DeploymentId, InstanceId
from hostler.domain.instance import Observation, Phase
from hostler.planning import course as courses
from hostler.planning import rollout, serverless, showing, sizing, stages, traffic, updates
from hostler.planning.course import Course
from hostler.planning.deadlines import IN_MOTION_POLL_S, plausible_rollout
from hostler.planning.departure import Departure, depart, strays
from hostler.planning.fleet import (
    Fleet,
    Member,
    desired_count,
    met,
    noticed,
    retired,
    tend,
    trimmed,
)
from hostler.planning.launch import specification
from hostler.planning.plan import Action, Exposure, LaunchInstance, Plan, Situation
from hostler.planning.traffic import Part

_S = RolloutStage
_TURNING = frozenset({_S.SWITCHING, _S.RETREATING, _S.DRAINING, _S.ROLLING_BACK, _S.SHRINKING})


@dataclass(frozen=True, slots=True)
class Roles:
    """Which deployments' instances are repaired, and which are left alone."""

    repaired: tuple[DeploymentId | None, ...] = ()
    spared: tuple[DeploymentId | None, ...] = ()


def roles(endpoint: Endpoint, course: Course | None) -> Roles:
    """The module's table, as code."""
    current, target, now = endpoint.current, endpoint.target, endpoint.rollout
    if endpoint.deleting or endpoint.status is EndpointStatus.FAILED:
        return Roles()
    old = (current,) if endpoint.beside is None else (current, endpoint.beside.deployment)
    if course is None or now is None or now.stage is _S.ROLLING_BACK:
        return Roles(repaired=old)
    if course.returns(now) or now.stage in (_S.PROVISIONING, _S.RETREATING):
        return Roles(repaired=(*old, target))
    return Roles(repaired=(target,), spared=old)


def plan(situation: Situation) -> Plan:
    """The next plan for an endpoint that has a row."""
    now, deployments = situation.now, situation.deployments
    endpoint = plausible_rollout(_begun(situation), now, situation.watching_since)
    endpoint = _stirred(endpoint, situation)
    seen = {each.instance_id: each for each in situation.observations}
    members = met(endpoint.id, situation.records, seen, now)
    fleets = _tended(endpoint, deployments, members, now)
    endpoint = _advanced(endpoint, fleets, situation)
    endpoint = _turned(situation.endpoint, endpoint, situation)
    fleets = _thinned(endpoint, deployments, fleets, now)
    everyone = [member for fleet in fleets.values() for member in fleet.members]
    departures = {
        m.record.id: depart(m, situation.exposure, now) for m in everyone if not m.standing
    }
    left = [m for m in everyone if m.standing or departures[m.record.id].record is not None]
    endpoint = _concluded(endpoint, fleets, left, situation.exposure, now)
    return _written(situation, endpoint, fleets, departures, left)


def sweep(observations: Sequence[Observation]) -> tuple[Action, ...]:
    """The actions for an owner that has no row: whatever runs in its name ends."""
    return tuple(strays(observations, ()))


def _begun(situation: Situation) -> Endpoint:
    """A change that was asked for starts with what it adds."""
    endpoint = situation.endpoint
    changing = endpoint.status in (EndpointStatus.CREATING, EndpointStatus.UPDATING)
    if endpoint.deleting or not changing or endpoint.rollout is not None:
        return endpoint
    course = courses.of(endpoint, situation.deployments)
    if endpoint.asked is not None or course is None:
        return stages.entered(endpoint, _S.GROWING, situation.now)
    return rollout.begun(endpoint, course, situation)


def _fitted(endpoint: Endpoint, course: Course | None, frozen: Deployment) -> Deployment:
    """The deployment with the sizes that it is to have at this stage of the endpoint."""
    sized = sizing.fitted(endpoint, frozen)
    if course is None or endpoint.rollout is None or not course.covers(frozen):
        return sized
    return course.sized(sized, endpoint.rollout)


def _stirred(endpoint: Endpoint, situation: Situation) -> Endpoint:
    """The endpoint, with environments for what its gateways need, and without those unused."""
    serving = None if endpoint.current is None else situation.deployments[endpoint.current]
    if serving is not None:
        serving = sizing.resized(serving, endpoint.sizes)
    return serverless.stirred(endpoint, serving, situation.demand, situation.now)


def _turned(before: Endpoint, endpoint: Endpoint, situation: Situation) -> Endpoint:
    """The endpoint; what was just begun to serve is kept awake for a while."""
    if endpoint.current == before.current or endpoint.current is None:
        return endpoint
    serving = situation.deployments[endpoint.current]
    return serverless.turned(endpoint, serving, situation.demand.idle_s)


def _tended(
    endpoint: Endpoint,
    deployments: Mapping[DeploymentId, Deployment],
    members: Sequence[Member],
    now: float,
) -> dict[DeploymentId, Fleet]:
    """Every deployment's fleet, those that are to stand repaired."""
    course = courses.of(endpoint, deployments)
    repaired = roles(endpoint, course).repaired
    fleets = {}
    for frozen in deployments.values():
        deployment = _fitted(endpoint, course, frozen)
        mine = tuple(m for m in members if m.record.deployment_id == deployment.id)
        if deployment.id not in repaired:
            # What is left alone may still become ready, and is sent its sessions' requests then.
            fleets[deployment.id] = Fleet(deployment, tuple(noticed(m, now) for m in mine))
        elif course is None or endpoint.rollout is None or not course.covers(frozen):
            proven = sizing.proven(endpoint, frozen)
            fleets[deployment.id] = tend(deployment, mine, now, proven=proven)
        else:
            proven = course.proven(sizing.fitted(endpoint, frozen), endpoint.rollout)
            awaited = course.awaits(frozen, endpoint.rollout)
            fleets[deployment.id] = tend(deployment, mine, now, proven=proven, awaited=awaited)
    return fleets


def _turning(endpoint: Endpoint) -> bool:
    """Whether the traffic is being turned, so that the gateways' word allows the next step."""
    return stages.stage(endpoint) in _TURNING


def _advanced(
    endpoint: Endpoint, fleets: Mapping[DeploymentId, Fleet], situation: Situation
) -> Endpoint:
    """The endpoint after the step that its fleets and the gateways allow."""
    course, now = courses.of(endpoint, situation.deployments), situation.now
    if endpoint.deleting or endpoint.rollout is None or endpoint.target is None:
        return endpoint
    if course is not None:
        return rollout.advanced(endpoint, course, fleets, situation)
    coming = fleets[endpoint.target]
    match endpoint.rollout.stage:
        case RolloutStage.GROWING if coming.fault is not None:
            endpoint = replace(endpoint, asked=None, status=EndpointStatus.ROLLING_BACK)
            return stages.entered(endpoint, _S.RESTORING, now, reason=coming.fault)
        case RolloutStage.GROWING if coming.complete:
            endpoint = replace(endpoint, sizes=endpoint.asked or {}, asked=None)
            return stages.entered(endpoint, _S.SHRINKING, now)
        case _:
            return endpoint


def _thinned(
    endpoint: Endpoint,
    deployments: Mapping[DeploymentId, Deployment],
    fleets: Mapping[DeploymentId, Fleet],
    now: float,
) -> dict[DeploymentId, Fleet]:
    """The fleets, those without a part in the endpoint's stage retired, and what is surplus."""
    course = courses.of(endpoint, deployments)
    part = roles(endpoint, course)
    stays = {*part.repaired, *part.spared}
    return {
        key: trimmed(fleet, _fitted(endpoint, course, deployments[key]), now)
        if key in stays
        else replace(fleet, members=tuple(retired(m, now) for m in fleet.members))
        for key, fleet in fleets.items()
    }


def _concluded(
    endpoint: Endpoint,
    fleets: Mapping[DeploymentId, Fleet],
    left: Sequence[Member],
    exposure: Exposure,
    now: float,
) -> Endpoint:
    """The endpoint, its change finished once nothing is left that is not to stay."""
    under_way, current = endpoint.rollout, endpoint.current
    if under_way is None or endpoint.deleting or current is None:
        return endpoint
    serving, beside = fleets[current], endpoint.beside
    counts = {
        (run, v.name): desired_count(v)
        for run in (current, *(() if beside is None else (beside.deployment,)))
        for v in fleets[run].deployment.variants
    }
    for record in (member.record for member in left):
        if record.slot >= counts.get((record.deployment_id, record.variant_name), 0):
            return endpoint
    giving_back = under_way.stage in (_S.DRAINING, _S.ROLLING_BACK)
    if giving_back and not _given_back(endpoint, fleets, exposure, now):
        return endpoint  # some gateway may still have requests for what is gone
    match under_way.stage:
        case RolloutStage.DRAINING:
            return stages.settled(endpoint, EndpointStatus.IN_SERVICE, now)
        case RolloutStage.SHRINKING if _divided(serving, exposure, now):
            return stages.settled(endpoint, EndpointStatus.IN_SERVICE, now)
        case RolloutStage.ROLLING_BACK | RolloutStage.RESTORING:
            endpoint = replace(endpoint, target=endpoint.current)
            at_rest = EndpointStatus.IN_SERVICE
            if beside is not None:
                at_rest = EndpointStatus.UPDATE_ROLLBACK_FAILED
            return stages.settled(endpoint, at_rest, now, reason=under_way.reason)
        case _:
            return endpoint


def _given_back(
    endpoint: Endpoint, fleets: Mapping[DeploymentId, Fleet], exposure: Exposure, now: float
) -> bool:
    """Whether every gateway sends to what serves alone."""
    weights = traffic.weights(traffic.parts(endpoint, None, fleets, exposure))
    return exposure.weighs(weights, now)


def _divided(serving: Fleet, exposure: Exposure, now: float) -> bool:
    """Whether every gateway divides requests by the new weights, among all that are ready."""
    ready = {member.record.id for member in serving.members if member.ready}
    weights = traffic.weights((Part(serving, 1.0),))
    return exposure.weighs(weights, now) and exposure.includes(ready, now)


def _written(
    situation: Situation,
    endpoint: Endpoint,
    fleets: Mapping[DeploymentId, Fleet],
    departures: Mapping[InstanceId, Departure],
    left: Sequence[Member],
) -> Plan:
    """The plan of everything decided."""
    now, exposure = situation.now, situation.exposure
    course = courses.of(endpoint, situation.deployments)
    parts = traffic.parts(endpoint, course, fleets, exposure)
    lifecycle.check(situation.endpoint.status, endpoint.status)
    launches, look_at = _launches(endpoint, fleets, left, now)
    before = {record.id: record for record in situation.records}
    after = [departures[m.record.id].record if not m.standing else m.record for m in left]
    stray = strays(situation.observations, situation.records)
    steps = departures.values()
    times = [*look_at, *(d.look_at for d in steps if d.look_at is not None)]
    if course is not None:
        times.extend(rollout.look_at(endpoint, course, situation))
    awaits = _turning(endpoint) or any(d.awaits_gateways for d in steps)
    stepped = endpoint.rollout is not None and _at(endpoint) != _at(situation.endpoint)
    if awaits or stray or stepped:
        times.append(now)
    if (sleep_at := serverless.look_at(endpoint, now)) is not None:
        times.append(sleep_at)
    needed = {endpoint.current, endpoint.target, *(m.record.deployment_id for m in left)}
    if endpoint.beside is not None:
        needed.add(endpoint.beside.deployment)
    return Plan(
        endpoint=endpoint,
        view=showing.view(endpoint, fleets, parts, course, before=situation.view),
        route=showing.route(endpoint, parts, situation.tags) if parts else None,
        records=tuple(r for r in after if r is not None and r != before.get(r.id)),
        dropped=tuple(key for key in before if departures.get(key) == Departure(None)),
        forgotten=tuple(key for key in situation.deployments if key not in needed),
        gone=endpoint.deleting and not left and not stray,
        actions=(*stray, *(d.action for d in steps if d.action is not None), *launches),
        told=updates.told(situation, endpoint, fleets, parts),
        awaits_gateways=awaits,
        requeue_after_s=max(0.0, min(times) - now) if times else None,
    )


def _at(endpoint: Endpoint) -> tuple[RolloutStage, int, int] | None:
    """Which step of a change it is."""
    under_way = endpoint.rollout
    return None if under_way is None else (under_way.stage, under_way.step, under_way.back)


def _launches(
    endpoint: Endpoint, fleets: Mapping[DeploymentId, Fleet], left: Sequence[Member], now: float
) -> tuple[list[Action], list[float]]:
    """Launches that are due, and when to look at what is being launched."""
    launches: list[Action] = []
    look_at: list[float] = []
    for member in left:
        record = member.record
        if not member.standing or member.ready:
            continue
        if member.seen.phase is Phase.ABSENT and record.launch_at > now:
            look_at.append(record.launch_at)
            continue
        look_at.append(now + IN_MOTION_POLL_S)
        if member.seen.phase is Phase.ABSENT:
            variants = fleets[record.deployment_id].deployment.variants
            variant = next(v for v in variants if v.name == record.variant_name)
            launches.append(LaunchInstance(specification(endpoint, variant, record)))
    return launches, look_at
