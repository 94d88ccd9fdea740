"""Every duration that a plan reckons with, and the back-off between two attempts.

Invariant: a deadline is a time in a record, compared with ``now``; none is ever waited for here.
"""

import hashlib
from dataclasses import replace

from hostler.domain import endings
from hostler.domain.endpoint import Endpoint, RolloutStage
from hostler.domain.instance import InstanceRecord

ACK_PATIENCE_S = 10.0
"""How long a change of routes waits for gateways that do not acknowledge it."""
KILL_PATIENCE_S = 2.0
"""How long past its deadline a stop is left to the backend before it is told to kill."""
BACKOFF_S_MAX = 60.0
STABLE_AFTER_S = 5.0
"""Ready for this long, an instance's death counts as the first again."""
IN_MOTION_POLL_S = 5.0
"""How often to look at instances that start or stop, should the backend's word be lost."""

ALARM_POLL_S = 1.0
"""How often to look at the alarms that a deployment is watched by."""
_WATCHED = frozenset({RolloutStage.BAKING, RolloutStage.TERMINATING})


def backoff_s(instance_id: str, failures: int) -> float:
    """Seconds to wait after so many deaths in a row: 1, 2, 4 … ≤60, jittered down by up to half."""
    if failures < 1:
        return 0.0
    spread = int.from_bytes(hashlib.sha256(instance_id.encode()).digest()[:4], "big") / 2**32
    return min(BACKOFF_S_MAX, 2.0 ** min(failures - 1, 10)) * (1.0 - spread / 2)


def waited_s(record: InstanceRecord) -> float:
    """The back-off before this record's launch, by its attempt: no clock is asked."""
    return backoff_s(record.id, record.attempt - 1)


def plausible(record: InstanceRecord, now: float) -> InstanceRecord:
    """The record without times that cannot be: a clock that was set back moves no deadline away."""
    latest = max(record.created, record.ready_at or 0.0, record.retired_at or 0.0)
    if latest <= now and max(record.launch_at, record.stop_deadline or 0.0) <= now:
        return record
    return replace(
        record,
        created=min(record.created, now),
        launch_at=min(record.launch_at, now + BACKOFF_S_MAX),
        ready_at=None if record.ready_at is None else min(record.ready_at, now),
        retired_at=None if record.retired_at is None else min(record.retired_at, now),
        stop_deadline=None
        if record.stop_deadline is None
        else min(record.stop_deadline, now + endings.SERVED_S),
    )


def plausible_rollout(endpoint: Endpoint, now: float, watching_since: float) -> Endpoint:
    """The endpoint, its stage begun no later than now, and one that is watched not before that."""
    rollout = endpoint.rollout
    if rollout is None:
        return endpoint
    since = min(rollout.since, now)
    if rollout.stage in _WATCHED:
        since = max(since, min(watching_since, now))
    if since == rollout.since:
        return endpoint
    return replace(endpoint, rollout=replace(rollout, since=since))
