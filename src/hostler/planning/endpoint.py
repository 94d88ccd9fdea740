"""What to do next for one endpoint: the whole life of an endpoint, and of an update, is here.

Invariant: traffic goes to one deployment at a time, and to none whose instances were not all ready
when it was turned there. Old instances stop only after the gateways have let go of them.

======================  ==================  ===========  ==============  ========================
status, stage           repaired            left alone   traffic         goes on when
======================  ==================  ===========  ==============  ========================
Creating, Provisioning  target                           nobody          target complete or at fault
Creating, Switching     target                           target          gateways know → InService
Updating, Provisioning  current and target               current         target complete or at fault
Updating, Switching     target              current      target          gateways know → Draining
Updating, Draining      current (was target)             current         the others gone → InService
Updating, RollingBack   current                          current         the others gone → InService
Updating, Growing       current                          current         sizes reached or at fault
Updating, Shrinking     current                          current         surplus gone → InService
RollingBack, Restoring  current                          current         surplus gone → InService
InService               current                          current
Failed                                                   nobody
Deleting                                                 nobody          all gone → no row
======================  ==================  ===========  ==============  ========================

Growing to Restoring is a change of weights and counts (``planning.sizing``): what it adds is
started first, then the weights turn and the surplus drains; what cannot start is taken back.
In every stage, what serves has the environments that ``planning.serverless`` says are used.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from hostler.domain import lifecycle
from hostler.domain.endpoint import Deployment, Endpoint, EndpointStatus, Rollout, RolloutStage
from hostler.domain.ids import DeploymentId, InstanceId
from hostler.domain.instance import Observation, Phase
from hostler.planning import serverless, showing, sizing
from hostler.planning.deadlines import IN_MOTION_POLL_S, plausible_rollout
from hostler.planning.departure import Departure, depart, strays
from hostler.planning.fleet import Fleet, Member, desired_count, met, retired, tend, trimmed
from hostler.planning.launch import specification
from hostler.planning.plan import Action, Exposure, LaunchInstance, Plan, Situation


@dataclass(frozen=True, slots=True)
class Roles:
    """Which deployments' instances are repaired, which left alone, and which one gets traffic."""

    repaired: tuple[DeploymentId | None, ...] = ()
    spared: tuple[DeploymentId | None, ...] = ()
    routed: DeploymentId | None = None


def roles(endpoint: Endpoint) -> Roles:
    """The module's table, as code."""
    current, target = endpoint.current, endpoint.target
    if endpoint.deleting or endpoint.status is EndpointStatus.FAILED:
        return Roles()
    match endpoint.rollout:
        case Rollout(stage=RolloutStage.PROVISIONING):
            return Roles(repaired=(current, target), routed=current)
        case Rollout(stage=RolloutStage.SWITCHING):
            return Roles(repaired=(target,), spared=(current,), routed=target)
        case _:
            return Roles(repaired=(current,), routed=current)


def plan(situation: Situation) -> Plan:
    """The next plan for an endpoint that has a row."""
    now, before = situation.now, situation.endpoint
    endpoint = _stirred(plausible_rollout(_begun(before, now), now), situation)
    seen = {each.instance_id: each for each in situation.observations}
    members = met(endpoint.id, situation.records, seen, now)
    fleets = _tended(endpoint, situation.deployments, members, now)
    endpoint = _advanced(endpoint, fleets, situation.exposure, now)
    endpoint = _turned(before, endpoint, situation)
    fleets = _thinned(endpoint, situation.deployments, fleets, now)
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


def _begun(endpoint: Endpoint, now: float) -> Endpoint:
    """A change that was asked for starts with what it adds."""
    changing = endpoint.status in (EndpointStatus.CREATING, EndpointStatus.UPDATING)
    if endpoint.deleting or not changing or endpoint.rollout is not None:
        return endpoint
    resizing = endpoint.asked is not None
    return _entered(endpoint, RolloutStage.GROWING if resizing else RolloutStage.PROVISIONING, now)


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
    repaired = roles(endpoint).repaired
    fleets = {}
    for frozen in deployments.values():
        deployment = sizing.fitted(endpoint, frozen)
        mine = tuple(m for m in members if m.record.deployment_id == deployment.id)
        if deployment.id in repaired:
            proven = sizing.proven(endpoint, frozen)
            fleets[deployment.id] = tend(deployment, mine, now, proven=proven)
        else:
            fleets[deployment.id] = Fleet(deployment, mine)
    return fleets


def _turning(endpoint: Endpoint) -> bool:
    """Whether the traffic is being turned, so that the gateways' word allows the next step."""
    return _stage(endpoint) in (RolloutStage.SWITCHING, RolloutStage.SHRINKING)


def _advanced(
    endpoint: Endpoint, fleets: Mapping[DeploymentId, Fleet], exposure: Exposure, now: float
) -> Endpoint:
    """The endpoint after the step that its fleets and the gateways allow."""
    rollout, target = endpoint.rollout, endpoint.target
    if endpoint.deleting or rollout is None or target is None:
        return endpoint
    coming = fleets[target]
    match rollout.stage:
        case RolloutStage.PROVISIONING if coming.fault is not None:
            if endpoint.current is None:
                return _settled(endpoint, EndpointStatus.FAILED, now, reason=coming.fault)
            return _entered(endpoint, RolloutStage.ROLLING_BACK, now, reason=coming.fault)
        case RolloutStage.PROVISIONING if coming.complete:
            return _entered(endpoint, RolloutStage.SWITCHING, now)
        case RolloutStage.SWITCHING if _switched(coming, fleets, exposure, now):
            served_before = endpoint.current is not None
            config = coming.deployment.config_name
            endpoint = replace(endpoint, current=target, sizes={}, config_name=config, modified=now)
            if served_before:
                return _entered(endpoint, RolloutStage.DRAINING, now)
            return _settled(endpoint, EndpointStatus.IN_SERVICE, now)
        case RolloutStage.GROWING if coming.fault is not None:
            endpoint = replace(endpoint, asked=None, status=EndpointStatus.ROLLING_BACK)
            return _entered(endpoint, RolloutStage.RESTORING, now, reason=coming.fault)
        case RolloutStage.GROWING if coming.complete:
            endpoint = replace(endpoint, sizes=endpoint.asked or {}, asked=None)
            return _entered(endpoint, RolloutStage.SHRINKING, now)
        case _:
            return endpoint


def _switched(
    coming: Fleet, fleets: Mapping[DeploymentId, Fleet], exposure: Exposure, now: float
) -> bool:
    """Whether the new fleet stands, and every gateway sends to it and to nothing else."""
    new = {m.record.id for m in coming.members if m.ready}
    old = [m.record.id for f in fleets.values() if f is not coming for m in f.members]
    letting_go = all(exposure.excludes(instance_id, now) for instance_id in old)
    return coming.complete and exposure.includes(new, now) and letting_go


def _routed(
    endpoint: Endpoint, fleets: Mapping[DeploymentId, Fleet], exposure: Exposure
) -> DeploymentId | None:
    """The deployment that gets traffic.

    While the old fleet still stands, an incomplete new one gets none, unless it has some already: a
    switch may be decided and not yet published, or all that it was published with may have died.
    """
    routed = roles(endpoint).routed
    if routed is None or routed == endpoint.current:
        return routed
    coming = fleets[routed]
    turned = {m.record.id for m in coming.members} & (exposure.published or frozenset())
    return routed if coming.complete or turned else endpoint.current


def _thinned(
    endpoint: Endpoint,
    deployments: Mapping[DeploymentId, Deployment],
    fleets: Mapping[DeploymentId, Fleet],
    now: float,
) -> dict[DeploymentId, Fleet]:
    """The fleets, those without a part in the endpoint's stage retired, and what is surplus."""
    part = roles(endpoint)
    stays = {*part.repaired, *part.spared}
    return {
        key: trimmed(fleet, sizing.fitted(endpoint, deployments[key]), now)
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
    rollout, current = endpoint.rollout, endpoint.current
    if rollout is None or endpoint.deleting or current is None:
        return endpoint
    serving = fleets[current]
    counts = {v.name: desired_count(v) for v in serving.deployment.variants}
    for record in (member.record for member in left):
        if record.deployment_id != current or record.slot >= counts[record.variant_name]:
            return endpoint
    match rollout.stage:
        case RolloutStage.DRAINING:
            return _settled(endpoint, EndpointStatus.IN_SERVICE, now)
        case RolloutStage.SHRINKING if _divided(serving, exposure, now):
            return _settled(endpoint, EndpointStatus.IN_SERVICE, now)
        case RolloutStage.ROLLING_BACK | RolloutStage.RESTORING:
            endpoint = replace(endpoint, target=endpoint.current)
            return _settled(endpoint, EndpointStatus.IN_SERVICE, now, reason=rollout.reason)
        case _:
            return endpoint


def _divided(serving: Fleet, exposure: Exposure, now: float) -> bool:
    """Whether every gateway divides requests by the new weights, among all that are ready."""
    weights = {variant.name: variant.weight for variant in serving.deployment.variants}
    ready = {member.record.id for member in serving.members if member.ready}
    return exposure.weighs(weights, now) and exposure.includes(ready, now)


def _entered(
    endpoint: Endpoint, stage: RolloutStage, now: float, *, reason: str | None = None
) -> Endpoint:
    """The endpoint at the beginning of a stage."""
    lifecycle.check_stage(_stage(endpoint), stage)
    return replace(endpoint, rollout=Rollout(stage, since=now, reason=reason))


def _stage(endpoint: Endpoint) -> RolloutStage | None:
    return None if endpoint.rollout is None else endpoint.rollout.stage


def _settled(
    endpoint: Endpoint, status: EndpointStatus, now: float, *, reason: str | None = None
) -> Endpoint:
    """The endpoint at rest."""
    lifecycle.check_stage(_stage(endpoint), None)
    return replace(
        endpoint,
        status=status,
        failure_reason=reason,
        rollout=None,
        update_started=None,
        modified=now,
    )


def _written(
    situation: Situation,
    endpoint: Endpoint,
    fleets: Mapping[DeploymentId, Fleet],
    departures: Mapping[InstanceId, Departure],
    left: Sequence[Member],
) -> Plan:
    """The plan of everything decided."""
    now, routed = situation.now, _routed(endpoint, fleets, situation.exposure)
    lifecycle.check(situation.endpoint.status, endpoint.status)
    launches, look_at = _launches(endpoint, fleets, left, now)
    before = {record.id: record for record in situation.records}
    after = [departures[m.record.id].record if not m.standing else m.record for m in left]
    stray = strays(situation.observations, situation.records)
    steps = departures.values()
    times = [*look_at, *(d.look_at for d in steps if d.look_at is not None)]
    awaits = _turning(endpoint) or any(d.awaits_gateways for d in steps)
    if awaits or stray:
        times.append(now)
    if (sleep_at := serverless.look_at(endpoint, now)) is not None:
        times.append(sleep_at)
    needed = {endpoint.current, endpoint.target, *(m.record.deployment_id for m in left)}
    return Plan(
        endpoint=endpoint,
        view=showing.view(endpoint, fleets, routed, before=situation.view),
        route=showing.route(endpoint, fleets[routed], situation.tags) if routed else None,
        records=tuple(r for r in after if r is not None and r != before.get(r.id)),
        dropped=tuple(key for key in before if departures.get(key) == Departure(None)),
        forgotten=tuple(key for key in situation.deployments if key not in needed),
        gone=endpoint.deleting and not left and not stray,
        actions=(*stray, *(d.action for d in steps if d.action is not None), *launches),
        awaits_gateways=awaits,
        requeue_after_s=max(0.0, min(times) - now) if times else None,
    )


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
