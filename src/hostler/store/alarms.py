"""Alarms, and how they stand.

Invariant: an alarm's row changes only if nobody changed it since it was read (``version``); a
change of state, its history and its actions are one transaction (``settle``), so a crash neither
loses an action nor queues it twice. Names are told apart by their case, as in CloudWatch.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import msgspec
from sqlalchemy import (
    Column,
    Index,
    Integer,
    LargeBinary,
    Row,
    String,
    Table,
    bindparam,
    delete,
    func,
    insert,
    select,
    update,
)

from hostler.domain.alarm import (
    Alarm,
    AlarmKind,
    AlarmState,
    CompositeAlarm,
    Firing,
    HistoryItem,
    MetricAlarm,
    Standing,
    States,
    alarm_arn,
    kind_of,
)
from hostler.domain.batches import batched
from hostler.domain.errors import ConcurrentChangeError
from hostler.planning import alarm_transitions
from hostler.store import alarm_history, alarm_queue, tags
from hostler.store.control_metadata import metadata
from hostler.store.database import Transaction

_GAVE_WAY = f"more than {alarm_queue.WAITING_MAX} of its actions on this target were waiting"
CHUNK = 500
"""Names that one statement looks for."""
alarms = Table(
    "alarms",
    metadata,
    Column("account", String, primary_key=True),
    Column("region", String, primary_key=True),
    Column("name", String, primary_key=True),
    Column("kind", String, nullable=False),
    Column("every_s", Integer, nullable=False),
    Column("state", String, nullable=False),
    Column("version", Integer, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Index("alarms_by_turn", "kind", "every_s"),
)

_encode = msgspec.json.Encoder().encode
_DECODE: Mapping[AlarmKind, Callable[[bytes], Alarm]] = {
    AlarmKind.METRIC: msgspec.json.Decoder(MetricAlarm).decode,
    AlarmKind.COMPOSITE: msgspec.json.Decoder(CompositeAlarm).decode,
}

_BY_NAME = (
    alarms.c.account == bindparam("at_account"),
    alarms.c.region == bindparam("at_region"),
    alarms.c.name == bindparam("at_name"),
)
_COLUMNS = (alarms.c.kind, alarms.c.version, alarms.c.body)
_GET = select(*_COLUMNS).where(*_BY_NAME)
_CHANGE = (
    update(alarms)
    .where(*_BY_NAME, alarms.c.version == bindparam("expected"))
    .values(
        kind=bindparam("kind"),
        every_s=bindparam("every_s"),
        state=bindparam("state"),
        version=bindparam("version"),
        body=bindparam("body"),
    )
)


@dataclass(frozen=True, slots=True)
class Kept:
    """An alarm, and the version that its row had when it was read."""

    alarm: Alarm
    version: int


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which of an account's alarms; None asks for nothing."""

    kinds: Sequence[AlarmKind] = (AlarmKind.METRIC,)
    names: Sequence[str] | None = None
    prefix: str | None = None
    state: AlarmState | None = None
    action_prefix: str | None = None


def get(tx: Transaction, account: str, region: str, name: str) -> Kept | None:
    """The alarm of a name."""
    row = tx.execute(_GET, _key(account, region, name)).one_or_none()
    return None if row is None else _kept(row)


def by_arn(tx: Transaction, arn: str) -> Kept | None:
    """The alarm of an ARN."""
    parts = arn.split(":", 6)
    return get(tx, parts[4], parts[3], parts[6]) if len(parts) == 7 else None


def create(tx: Transaction, alarm: Alarm) -> None:
    """Insert an alarm; the caller has seen, in this transaction, that its name is free."""
    key = {"account": alarm.account, "region": alarm.region, "name": alarm.name}
    tx.execute(insert(alarms), {**key, **_columns(alarm, 1)})


def save(tx: Transaction, kept: Kept, alarm: Alarm) -> Kept:
    """Write an alarm in the place of the one that was read.

    Raises:
        ConcurrentChangeError: It changed, or went, in between.
    """
    key = _key(alarm.account, alarm.region, alarm.name)
    values = {**key, "expected": kept.version, **_columns(alarm, kept.version + 1)}
    if tx.execute(_CHANGE, values).rowcount != 1:
        raise ConcurrentChangeError(f"alarm {alarm.name} is no longer at {kept.version}")
    return Kept(alarm, kept.version + 1)


def count(tx: Transaction, account: str, region: str) -> int:
    """How many alarms an account has in a region."""
    query = select(func.count()).where(alarms.c.account == account, alarms.c.region == region)
    return tx.execute(query.select_from(alarms)).scalar_one()


def remove(tx: Transaction, account: str, region: str, names: Iterable[str]) -> None:
    """Forget alarms with their tags; their history stays."""
    for chunk in batched(names, CHUNK):
        for name in chunk:
            tags.remove_all(tx, alarm_arn(region, account, name))
        tx.execute(
            delete(alarms).where(
                alarms.c.account == account,
                alarms.c.region == region,
                alarms.c.name.in_(chunk),
            )
        )


def listed(
    tx: Transaction,
    account: str,
    region: str,
    wanted: Wanted,
    *,
    after: str | None = None,
    limit: int | None = None,
) -> Sequence[Alarm]:
    """An account's alarms in the order of their names, after a name, at most ``limit``."""
    query = select(*_COLUMNS).where(alarms.c.account == account, alarms.c.region == region)
    query = query.where(alarms.c.kind.in_([kind.value for kind in wanted.kinds]))
    if wanted.names is not None:
        query = query.where(alarms.c.name.in_(list(wanted.names)))
    if wanted.prefix:
        query = query.where(alarms.c.name.startswith(wanted.prefix, autoescape=True))
    if wanted.state is not None:
        query = query.where(alarms.c.state == wanted.state.value)
    if after is not None:
        query = query.where(alarms.c.name > after)
    rows = tx.execute(query.order_by(alarms.c.name))
    found = (_kept(row).alarm for row in rows)
    prefix = wanted.prefix or ""  # LIKE does not tell cases apart
    fitting = (
        each
        for each in found
        if each.name.startswith(prefix) and _has_action(each, wanted.action_prefix)
    )
    return list(islice(fitting, limit))


def due(tx: Transaction, every_s: Iterable[int]) -> Sequence[Kept]:
    """The metric alarms, of all accounts, that are evaluated at these intervals."""
    query = select(*_COLUMNS).where(
        alarms.c.kind == AlarmKind.METRIC.value, alarms.c.every_s.in_(list(every_s))
    )
    return [_kept(row) for row in tx.execute(query)]


def composites(tx: Transaction) -> Sequence[Kept]:
    """The composite alarms of all accounts."""
    query = select(*_COLUMNS).where(alarms.c.kind == AlarmKind.COMPOSITE.value)
    return [_kept(row) for row in tx.execute(query)]


def states(tx: Transaction, account: str, region: str, names: Iterable[str]) -> States:
    """How alarms stand, by their names; one that does not exist is left out."""
    found: dict[str, AlarmState] = {}
    for chunk in batched(names, CHUNK):
        query = select(alarms.c.name, alarms.c.state).where(
            alarms.c.account == account, alarms.c.region == region, alarms.c.name.in_(chunk)
        )
        found.update({row.name: AlarmState(row.state) for row in tx.execute(query)})
    return found


def standings(
    tx: Transaction, account: str, region: str, names: Iterable[str]
) -> dict[str, Standing]:
    """The same with their reasons and times."""
    found: dict[str, Standing] = {}
    for chunk in batched(names, CHUNK):
        query = select(*_COLUMNS).where(
            alarms.c.account == account, alarms.c.region == region, alarms.c.name.in_(chunk)
        )
        for row in tx.execute(query):
            alarm = _kept(row).alarm
            found[alarm.name] = alarm.standing
    return found


def settle(
    tx: Transaction,
    kept: Kept,
    alarm: Alarm,
    *,
    items: Sequence[HistoryItem] = (),
    firings: Sequence[Firing] = (),
) -> Kept:
    """Write how an alarm stands now, what happened, and what is to be done for it.

    Raises:
        ConcurrentChangeError: The alarm changed, or went, since it was read.
    """
    saved = save(tx, kept, alarm)
    for item in items:
        alarm_history.note(tx, alarm.account, alarm.region, item)
    for lost in alarm_queue.put(tx, firings):
        item = alarm_transitions.acted(lost, _GAVE_WAY, alarm.standing.updated)
        alarm_history.note(tx, alarm.account, alarm.region, item)
    return saved


def _columns(alarm: Alarm, version: int) -> dict[str, object]:
    return {
        "kind": kind_of(alarm).value,
        "every_s": alarm.every_s if isinstance(alarm, MetricAlarm) else 0,
        "state": alarm.standing.state.value,
        "version": version,
        "body": _encode(alarm),
    }


def _key(account: str, region: str, name: str) -> dict[str, str]:
    return {"at_account": account, "at_region": region, "at_name": name}


def _kept(row: Row[Any, Any, Any]) -> Kept:
    return Kept(_DECODE[AlarmKind(row.kind)](row.body), row.version)


def _has_action(alarm: Alarm, prefix: str | None) -> bool:
    if prefix is None:
        return True
    given = alarm.actions
    return any(each.startswith(prefix) for each in (*given.ok, *given.alarm, *given.insufficient))
