"""The steps by which the log events' database of an older Hostler becomes today's.

Invariant: a step that has been released is never changed; it is written in SQL of its own time.
"""

from collections.abc import Callable, Sequence

from sqlalchemy import Connection

_GROUPS_HAVE_TAGS = (
    """
    CREATE TABLE log_tags (
        group_id INTEGER NOT NULL,
        "key" VARCHAR NOT NULL,
        value VARCHAR NOT NULL,
        PRIMARY KEY (group_id, "key"),
        FOREIGN KEY(group_id) REFERENCES log_groups (id) ON DELETE CASCADE
    )
    """,
)


def groups_have_tags(tx: Connection) -> None:
    """1 → 2: the tags of log groups."""
    for statement in _GROUPS_HAVE_TAGS:
        tx.exec_driver_sql(statement)


STEPS: Sequence[Callable[[Connection], None]] = (groups_have_tags,)
