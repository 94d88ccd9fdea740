"""The actions of alarms that are still to be carried out.

Invariant: those of one line (``Firing.line``) leave it in the order in which they came, and at most
``WAITING_MAX`` of them wait.
"""

from collections.abc import Sequence

from sqlalchemy import and_, delete, func, select

from hostler.domain.alarm import Firing
from hostler.store.database import Transaction
from hostler.store.lines import Lines

WAITING_MAX = 100
"""Of one line; where more come than are carried out, the oldest give way, but for the first, which
may be under way."""

actions = Lines("alarm_actions", "line", Firing)


def put(tx: Transaction, firings: Sequence[Firing]) -> Sequence[Firing]:
    """Have actions carried out, those of one line in this order; the ones that gave way to them."""
    if not firings:
        return ()
    actions.put(tx, [(each.line, each.at, each) for each in firings])
    rows, given_way = actions.rows, list[Firing]()
    for line in dict.fromkeys(each.line for each in firings):
        of_line = actions.line == line
        first = select(func.min(rows.c.id)).where(of_line).scalar_subquery()
        too_old = and_(rows.c.id > first, rows.c.id <= actions.newest(line, WAITING_MAX - 1))
        query = select(rows.c.body).where(of_line, too_old).order_by(rows.c.id)
        given_way += [actions.decode(body) for body in tx.execute(query).scalars()]
        tx.execute(delete(rows).where(of_line, too_old))
    return given_way
