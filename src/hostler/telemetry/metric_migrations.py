"""The steps by which the metrics' database of an older Hostler becomes today's.

Invariant: as in ``store.control_migrations``: a released step is never changed.
"""

from collections.abc import Callable, Sequence

from sqlalchemy import Connection

_CALLS = """
CREATE TABLE endpoint_calls (
    account VARCHAR NOT NULL,
    region VARCHAR NOT NULL,
    endpoint VARCHAR NOT NULL,
    called_s FLOAT NOT NULL,
    PRIMARY KEY (account, region, endpoint)
) WITHOUT ROWID
"""


def calls_are_noted(tx: Connection) -> None:
    """1 → 2: when each endpoint was last called."""
    tx.exec_driver_sql(_CALLS)


STEPS: Sequence[Callable[[Connection], None]] = (calls_are_noted,)
"""The steps to this version of the tables."""
