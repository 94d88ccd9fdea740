"""When endpoints were last called, and since when that is known: what a clean-up asks.

A call is noted when its record is read, by the clock of who reads it: that is never before the call
was made, whatever the clock of the gateway says and however long the record lay in its spool.

Invariant: an endpoint was called at ``last`` or earlier, and all its calls since ``whole_since``
that were read are noted; what may have been lost moves ``whole_since``. Functions run inside a
transaction of the metrics' database; times are epoch seconds.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from hostler.domain.ids import name_key
from hostler.telemetry import metrics
from hostler.telemetry.metric_schema import calls

STEP_S = 60.0
"""How much later than its row an endpoint may have been called: so often one is written."""
WHOLE = "whole"
"""The source under which it is kept since when no record was lost."""


class Callee(NamedTuple):
    """An endpoint; its name as ``name_key`` has it."""

    account: str
    region: str
    endpoint: str


_SAVE = (
    update(calls)
    .where(
        calls.c.account == bindparam("of_account"),
        calls.c.region == bindparam("of_region"),
        calls.c.endpoint == bindparam("of_endpoint"),
    )
    .values(called_s=bindparam("now_s"))
)


def callee(account: str, region: str, endpoint: str) -> Callee:
    """An endpoint of a name in any case."""
    return Callee(account, region, name_key(endpoint))


def note(tx: Connection, called: Iterable[Callee], now_s: float) -> None:
    """Say that endpoints were called by now."""
    for each in sorted(set(called)):
        row = tx.execute(
            select(calls.c.called_s).where(
                calls.c.account == each.account,
                calls.c.region == each.region,
                calls.c.endpoint == each.endpoint,
            )
        ).scalar()
        if row is None:
            tx.execute(insert(calls).values(**each._asdict(), called_s=now_s))
        elif row <= now_s - STEP_S:
            of = {f"of_{name}": value for name, value in each._asdict().items()}
            tx.execute(_SAVE, {**of, "now_s": now_s})


def last(tx: Connection) -> Mapping[Callee, float]:
    """The latest moment at which each endpoint may have been called, of those that were."""
    return {
        Callee(row.account, row.region, row.endpoint): row.called_s + STEP_S
        for row in tx.execute(select(calls))
    }


def whole_since(tx: Connection) -> float | None:
    """Since when no record of a call was lost; None before anything was read."""
    kept = metrics.position(tx, WHOLE)
    return float(kept) if kept else None


def lost(tx: Connection, now_s: float) -> None:
    """Say that records of calls may have been lost until now."""
    metrics.move(tx, WHOLE, repr(now_s))


def forget(tx: Connection, before_s: float) -> None:
    """Drop endpoints that were not called since."""
    tx.execute(delete(calls).where(calls.c.called_s < before_s))
