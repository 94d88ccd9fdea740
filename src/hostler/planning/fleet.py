"""Keeping a deployment's instances standing: one in every slot, the dead ones followed by new ones.

Invariant: a slot has at most one record that is not retired, and every instance that is to be
launched has its record, with its id, first.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from hostler.domain.endpoint import Deployment, Variant
from hostler.domain.ids import EndpointId, InstanceId, derived_id
from hostler.domain.instance import (
    DETERMINISTIC,
    TRANSIENT,
    Exit,
    FailureCause,
    InstanceRecord,
    Observation,
    Phase,
)
from hostler.domain.reasons import failure_reason
from hostler.planning.deadlines import STABLE_AFTER_S, backoff_s, plausible, waited_s

FINAL = DETERMINISTIC | {FailureCause.HEALTH_TIMEOUT, FailureCause.DOWNLOAD_TIMEOUT}
"""Causes after which a start is not tried again: hopeless, or their time is used up."""


@dataclass(frozen=True, slots=True)
class Member:
    """An instance as it is meant (its record) and as it is (what was seen of it)."""

    record: InstanceRecord
    seen: Observation
    listed: bool = False
    """Whether the backend knows of it at all."""

    @property
    def standing(self) -> bool:
        """Whether it fills its slot; otherwise it is on its way out."""
        return self.record.retired_at is None

    @property
    def ready(self) -> bool:
        return self.standing and self.seen.phase is Phase.READY


@dataclass(frozen=True, slots=True)
class Fleet:
    """A deployment's instances, retired ones too, after they were tended."""

    deployment: Deployment
    members: tuple[Member, ...]
    fault: str | None = None
    """Why this fleet will not come up (a FailureReason); only of one that never served."""

    def ready(self, variant: Variant) -> Sequence[Member]:
        """The variant's instances that can take requests."""
        return [m for m in self.members if m.ready and m.record.variant_name == variant.name]

    @property
    def complete(self) -> bool:
        """Whether every slot of every variant is ready."""
        return all(len(self.ready(v)) >= desired_count(v) for v in self.deployment.variants)


def desired_count(variant: Variant) -> int:
    """How many instances a variant of a fitted deployment (``planning.sizing``) is to have."""
    return variant.initial_instance_count


def met(
    endpoint_id: EndpointId,
    records: Iterable[InstanceRecord],
    observations: Mapping[InstanceId, Observation],
    now: float,
) -> tuple[Member, ...]:
    """Every record with what was seen of its instance."""
    members = []
    for record in records:
        seen = observations.get(record.id)
        absent = Observation(record.id, endpoint_id, Phase.ABSENT)
        members.append(Member(plausible(record, now), seen or absent, listed=seen is not None))
    return tuple(members)


def tend(
    deployment: Deployment,
    members: Sequence[Member],
    now: float,
    *,
    proven: Mapping[str, int],
    awaited: bool = False,
) -> Fleet:
    """Fill empty slots, follow the dead, retire what stands outside the desired count.

    The first slots of a variant, as many as are ``proven`` (they serve), are repaired for ever;
    the fleet may be found at fault for others. Where it is ``awaited`` it may be for those as well,
    when a start is hopeless: what waits for it must not wait for ever.
    """
    standing = {(m.record.variant_name, m.record.slot): m for m in members if m.standing}
    tended: list[Member] = [m for m in members if not m.standing]
    fault: str | None = None
    for variant in deployment.variants:
        for slot in range(desired_count(variant)):
            member = standing.pop((variant.name, slot), None)
            if member is None:
                tended.append(_first(deployment, variant, slot, now))
                continue
            ended = _ended(member, variant, now)
            if ended is None:
                tended.append(noticed(member, now))
                continue
            tended.append(retired(member, now))
            started = member.record.ready_at is not None
            may_fail = slot >= proven.get(variant.name, 0) or (awaited and not started)
            if may_fail and _hopeless(member, ended, variant):
                fault = fault or _blame(variant, ended)
            else:
                tended.append(_successor(member, ended, now))
    tended.extend(retired(member, now) for member in standing.values())
    return Fleet(deployment, tuple(tended), fault)


def trimmed(fleet: Fleet, deployment: Deployment, now: float) -> Fleet:
    """The fleet of a deployment that was sized anew; who stands outside its counts retires."""
    counts = {variant.name: desired_count(variant) for variant in deployment.variants}
    kept = tuple(
        member if member.record.slot < counts[member.record.variant_name] else retired(member, now)
        for member in fleet.members
    )
    return replace(fleet, deployment=deployment, members=kept)


def retired(member: Member, now: float) -> Member:
    """The member, out of its slot and the routes for good."""
    if not member.standing:
        return member
    return replace(member, record=replace(member.record, retired_at=now))


def _ended(member: Member, variant: Variant, now: float) -> Exit | None:
    """How a standing member ended, if it did; one that is stopped from outside counts as dead."""
    seen = member.seen
    match seen.phase:
        case Phase.EXITED:
            return seen.exit or Exit(FailureCause.EXITED, "it left no word", now)
        case Phase.STOPPING:
            stopped = Exit(FailureCause.KILLED, "it was asked to stop, but not by Hostler", now)
            return seen.exit or stopped
        case Phase.STARTING if seen.starting_since is not None:
            if now - seen.starting_since < variant.startup_timeout_s:
                return None
            text = f"it did not answer within {variant.startup_timeout_s:g} seconds of its start"
            return Exit(FailureCause.HEALTH_TIMEOUT, text, now)
        case _:
            return None


def noticed(member: Member, now: float) -> Member:
    """The member, with what is worth keeping of what was seen."""
    if not member.standing:
        return member
    record, seen = member.record, member.seen
    if seen.phase is Phase.READY and record.ready_at is None:
        record = replace(record, ready_at=now)
    if seen.digest and seen.digest != record.digest:
        record = replace(record, digest=seen.digest)
    return replace(member, record=record)


def _hopeless(member: Member, ended: Exit, variant: Variant) -> bool:
    """Whether starting it once more would end the same way, or its start-up time is used up."""
    if ended.cause in FINAL:
        return True
    before = member.record.previous
    if before is not None and before.cause is ended.cause and ended.cause not in TRANSIENT:
        return True
    return _spent_s(member, ended) >= variant.startup_timeout_s


def _spent_s(member: Member, ended: Exit) -> float:
    """Start-up seconds used in vain in this slot; PREPARING and serving are no start-up time."""
    record, since = member.record, member.seen.starting_since
    if record.ready_at is not None:
        return 0.0
    starting = 0.0 if since is None else max(0.0, ended.at - since)
    return record.spent_s + waited_s(record) + starting


def _blame(variant: Variant, ended: Exit) -> str:
    return failure_reason(variant.name, ended, container=variant.model.container.hostname)


def _first(deployment: Deployment, variant: Variant, slot: int, now: float) -> Member:
    record = InstanceRecord(
        id=_instance_id(deployment, variant.name, slot, 1, now),
        endpoint_id=deployment.endpoint_id,
        deployment_id=deployment.id,
        variant_name=variant.name,
        slot=slot,
        created=now,
        launch_at=now,
    )
    return _unseen(record)


def _successor(member: Member, ended: Exit, now: float) -> Member:
    """What follows a dead member in its slot: at once if it had served well, else after a while."""
    before = member.record
    served_s = 0.0 if before.ready_at is None else now - before.ready_at
    failures = 0 if served_s >= STABLE_AFTER_S else before.attempt
    new_id = InstanceId(derived_id("i", before.id, str(failures), repr(now)))
    record = replace(
        before,
        id=new_id,
        created=now,
        launch_at=now + backoff_s(new_id, failures),
        attempt=failures + 1,
        previous=ended,
        spent_s=_spent_s(member, ended),
        ready_at=None,
        retired_at=None,
        stop_deadline=None,
    )
    return _unseen(record)


def _unseen(record: InstanceRecord) -> Member:
    return Member(record, Observation(record.id, record.endpoint_id, Phase.ABSENT))


def _instance_id(
    deployment: Deployment, variant_name: str, slot: int, attempt: int, now: float
) -> InstanceId:
    parts = (deployment.id, variant_name, str(slot), str(attempt), repr(now))
    return InstanceId(derived_id("i", *parts))
