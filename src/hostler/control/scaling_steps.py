"""The steps of scaling, each one transaction: look, decide by the planners, write what follows.

Invariant: a step reads all that it decides on in its own transaction, but for data points; it
raises ConcurrentChangeError where they were read for rows that are not there any more.
"""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from hostler.domain import lifecycle
from hostler.domain.alarm import Alarm, AlarmState, Firing, MetricAlarm
from hostler.domain.config import Quotas
from hostler.domain.endpoint import Endpoint
from hostler.domain.errors import CallerError, ConcurrentChangeError
from hostler.domain.scaling import (
    Activity,
    ActivityStatus,
    Cooldown,
    Direction,
    Policy,
    ScheduledAction,
    Target,
)
from hostler.planning import activities, schedule
from hostler.planning import scaling as planning
from hostler.planning.scaling import Signal
from hostler.planning.sizing import Wish, size
from hostler.store import alarms, capacities, endpoints, scaling, scaling_activities
from hostler.store.alarms import Wanted
from hostler.store.database import Transaction

BOUNDS = ""
"""Whose change it was, where it was no policy's."""
BUSY_S = 1.0
"""How soon to look again at an endpoint that is changing."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What does not come from the database: the time (epoch seconds) and the account's quotas."""

    now: float
    quotas: Quotas


@dataclass(slots=True)
class Done:
    """Whom to wake after the commit, and when to look again."""

    wakes: list[str] = field(default_factory=list)
    again_s: float | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """A target whose alarm acted, and its alarms that act now, each with its policy."""

    target: Target
    policies: tuple[Policy, ...]
    acting: tuple[tuple[Policy, MetricAlarm], ...]


def look(tx: Transaction, firing: Firing) -> Seen | None:
    """What an alarm's action is about; None where nothing is to be decided."""
    policy = scaling.policy_by_arn(tx, firing.action)
    target = None if policy is None else scaling.by_id(tx, policy.target_id)
    if target is None or (target.account, target.region) != (firing.account, firing.region):
        return None
    policies = tuple(scaling.policies(tx, target.id))
    acting = tuple((each, alarm) for each in policies for alarm in _acting(tx, target, each))
    return Seen(target, policies, acting) if acting else None


def triggered(tx: Transaction, seen: Seen, signals: list[Signal], rules: Rules) -> Done:
    """Decide on what the alarms say, and ask for what follows."""
    target = scaling.by_id(tx, seen.target.id)
    if target is None:
        return Done()
    if target != seen.target or tuple(scaling.policies(tx, target.id)) != seen.policies:
        raise ConcurrentChangeError(f"{target.resource_id} changed while its metrics were read")
    target = planning.plausible(target, rules.now)
    endpoint = _endpoint(tx, target)
    current = None if endpoint is None else _count(tx, endpoint, target)
    if endpoint is None or current is None or not capacities.is_changeable(endpoint):
        return Done()
    if scaling_activities.underway(tx, target.id) is not None:
        return Done(again_s=BUSY_S)  # it is done, and the reconciler has to see it first
    decision = planning.decide(target, current, signals, seen.policies, rules.now)
    evidence = activities.evidence(target, current, decision, signals, rules.now)
    if decision.capacity is None or decision.signal is None:
        if decision.signal is not None:
            told = activities.not_scaled(target, _new_id(), decision, rules.now, evidence)
            _note(tx, target, told)
        return Done()
    cause = activities.caused_by(decision.signal)
    begun = activities.begun(
        target, _new_id(), decision.capacity, cause, rules.now, evidence=evidence
    )
    return _ask(tx, replace(target, cooldown=decision.cooldown), endpoint, begun, rules)


def settle(tx: Transaction, target_id: str, rules: Rules) -> Done:
    """Follow what is under way, do what is scheduled, pull the capacity within new bounds."""
    target = scaling.by_id(tx, target_id)
    if target is None:
        return Done()
    endpoint = _endpoint(tx, target)
    target, is_waiting = _followed(tx, target, endpoint, rules.now)
    for action in scaling.due_actions(tx, target.id, rules.now):
        target = _scheduled(tx, target, action, rules.now)
    if is_waiting or endpoint is None or not target.bounded:
        return Done(again_s=BUSY_S if is_waiting else _until_next(tx, target, rules.now))
    if not capacities.is_changeable(endpoint):
        if endpoint.status in lifecycle.BUSY:
            return Done(again_s=BUSY_S)
        # Only an update or another endpoint helps; each resync looks whether there was one.
        return Done(again_s=_until_next(tx, target, rules.now))
    return _pulled(tx, target, endpoint, rules)


def _followed(
    tx: Transaction, target: Target, endpoint: Endpoint | None, now: float
) -> tuple[Target, bool]:
    """The target after what became of its change, and whether that is still under way."""
    activity = scaling_activities.underway(tx, target.id)
    if activity is None:
        return target, False
    if endpoint is not None and endpoint.status in lifecycle.BUSY:
        return target, True
    count = None if endpoint is None else _count(tx, endpoint, target)
    ended = activities.concluded(activity, endpoint, count or 0, now)
    scaling_activities.put(tx, target.id, ended)
    cooling = target.cooldown
    if cooling is not None and cooling.until is None:
        successful = ended.status is ActivityStatus.SUCCESSFUL
        until = replace(cooling, until=now + cooling.seconds) if successful else None
        target = replace(target, cooldown=until)
        scaling.put_target(tx, target)
    return target, False


def _scheduled(tx: Transaction, target: Target, action: ScheduledAction, now: float) -> Target:
    """The target after a scheduled action, whose next time is written."""
    due = schedule.next_fire(
        action.schedule,
        action.timezone,
        now,
        created=action.created,
        start=action.start,
        end=action.end,
    )
    scaling.put_action(tx, replace(action, due=due))
    if target.suspended.scheduled:
        return target
    least = target.min if action.min is None else action.min
    most = target.max if action.max is None else action.max
    why_not = None
    if most < least:
        why_not = f"maximum capacity {most} cannot be less than minimum capacity {least}"
    told = activities.bounds_set(target, _new_id(), action, why_not, now)
    scaling_activities.put(tx, target.id, told)
    if why_not is None:
        target = replace(target, min=least, max=most, bounded=True)
        scaling.put_target(tx, target)
    return target


def _pulled(tx: Transaction, target: Target, endpoint: Endpoint, rules: Rules) -> Done:
    """Ask for the nearest capacity within the bounds that were set; no cooldown holds it back."""
    target = replace(target, bounded=False)
    current = _count(tx, endpoint, target)
    if current is None or target.clamped(current) == current:
        scaling.put_target(tx, target)
        return Done(again_s=_until_next(tx, target, rules.now))
    wanted = target.clamped(current)
    cause = activities.bounded_by(target, current)
    direction = Direction.OUT if wanted > current else Direction.IN
    target = replace(target, cooldown=Cooldown(direction, BOUNDS, current, 0.0))
    evidence = {"at": rules.now, "current": current, "bounds": [target.min, target.max]}
    begun = activities.begun(target, _new_id(), wanted, cause, rules.now, evidence=evidence)
    return _ask(tx, target, endpoint, begun, rules)


def _ask(
    tx: Transaction,
    target: Target,
    endpoint: Endpoint,
    begun: Activity,
    rules: Rules,
) -> Done:
    """Ask the endpoint for a capacity, and write the target as it is to be when that was granted.

    What the account's quotas do not hold is told so.
    """
    try:
        wishes = {target.variant: Wish(count=begun.capacity)}
        capacities.ask(tx, endpoint, wishes, rules.quotas, rules.now)
    except CallerError as error:
        scaling.put_target(tx, replace(target, cooldown=None))
        _note(tx, target, activities.refused(begun, error.message, rules.now))
        return Done()
    scaling_activities.put(tx, target.id, begun)
    scaling.put_target(tx, target)
    return Done(wakes=[endpoint.id, target.key], again_s=BUSY_S)


def _note(tx: Transaction, target: Target, told: Activity) -> None:
    """Write down that nothing was scaled, unless the last word was the same.

    The low alarm of a quiet endpoint acts each minute.
    """
    last = scaling_activities.newest(tx, target.id)
    if last is None or (last.cause, last.message) != (told.cause, told.message):
        scaling_activities.put(tx, target.id, told)


def _acting(tx: Transaction, target: Target, policy: Policy) -> list[MetricAlarm]:
    """The alarms whose action, in the state that they are in, is the policy."""
    return [
        alarm
        for alarm in _alarms(tx, target, policy)
        if isinstance(alarm, MetricAlarm)
        and alarm.actions.enabled
        and policy.arn in alarm.actions.of(alarm.standing.state)
        and (policy.tracking is None or alarm.standing.state is AlarmState.ALARM)
    ]


def _alarms(tx: Transaction, target: Target, policy: Policy) -> Iterable[Alarm]:
    """A target tracking policy's own; a step policy's are found among all of the account."""
    home = target.account, target.region
    if policy.step is not None:
        return alarms.listed(tx, *home, Wanted(action_prefix=policy.arn))
    made = [name for name in (policy.high_alarm, policy.low_alarm) if name is not None]
    kept = [alarms.get(tx, *home, name) for name in made]
    return [each.alarm for each in kept if each is not None]


def _endpoint(tx: Transaction, target: Target) -> Endpoint | None:
    return endpoints.get(tx, target.account, target.region, target.endpoint)


def _count(tx: Transaction, endpoint: Endpoint, target: Target) -> int | None:
    """How many instances the variant is to have; None where what serves lacks it."""
    serving = endpoints.deployment(tx, endpoint.current) if endpoint.current else None
    for variant in serving.variants if serving is not None else ():
        if variant.name == target.variant:
            return size(variant, endpoint.sizes).count
    return None


def _until_next(tx: Transaction, target: Target, now: float) -> float | None:
    """Seconds until the target's next scheduled action, where it has one."""
    due = [each.due for each in scaling.actions(tx, target.id) if each.due is not None]
    return max(0.0, min(due) - now) if due else None


def _new_id() -> str:
    return str(uuid.uuid4())
