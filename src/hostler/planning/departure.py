"""The way out of an instance: out of the routes, then asked to stop, then killed, then removed.

Invariant: an instance that served is asked to stop only when no gateway sends to it any more, or
when the gateways had their time to say so; its record goes last of all.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from hostler.domain import endings
from hostler.domain.instance import InstanceRecord, Observation, Phase
from hostler.planning.deadlines import (
    IN_MOTION_POLL_S,
    KILL_PATIENCE_S,
)
from hostler.planning.fleet import Member
from hostler.planning.plan import Action, Exposure, RemoveInstance, StopInstance


@dataclass(frozen=True, slots=True)
class Departure:
    """The next step of one retired instance. ``record`` is None once nothing is left of it."""

    record: InstanceRecord | None
    action: Action | None = None
    look_at: float | None = None
    """When to look again (epoch seconds)."""
    awaits_gateways: bool = False


def depart(member: Member, exposure: Exposure, now: float) -> Departure:
    """What is next for a retired member."""
    record = member.record
    match member.seen.phase:
        case Phase.ABSENT if not member.listed:
            return Departure(None)
        case Phase.ABSENT | Phase.EXITED:
            return Departure(record, RemoveInstance(record.id), look_at=now)
        case _:
            pass
    if record.stop_deadline is None:
        served = record.ready_at is not None
        if served and not exposure.excludes(record.id, now):
            return Departure(record, look_at=exposure.patience_ends, awaits_gateways=True)
        grace_s = endings.SERVED_S if served else endings.UNSERVED_S
        record = replace(record, stop_deadline=now + grace_s)
    return _stop(record, member.seen, now)


def _stop(record: InstanceRecord, seen: Observation, now: float) -> Departure:
    left_s = max(0.0, (record.stop_deadline or now) - now)
    look_at = now + IN_MOTION_POLL_S
    if seen.phase is not Phase.STOPPING:
        return Departure(record, StopInstance(record.id, left_s), look_at)
    if record.stop_deadline is not None and now >= record.stop_deadline + KILL_PATIENCE_S:
        return Departure(record, StopInstance(record.id, 0.0), look_at)
    return Departure(record, look_at=look_at)


def strays(observations: Sequence[Observation], records: Sequence[InstanceRecord]) -> list[Action]:
    """Ends what runs without a record: no route can lead to it."""
    known = {record.id for record in records}
    actions: list[Action] = []
    for seen in observations:
        if seen.instance_id in known:
            continue
        if seen.phase in (Phase.ABSENT, Phase.EXITED):
            actions.append(RemoveInstance(seen.instance_id))
        else:
            actions.append(StopInstance(seen.instance_id, 0.0))
    return actions
