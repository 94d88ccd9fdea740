"""The steps by which the log events' database of an older Hostler becomes today's.

Invariant: a step that has been released is never changed; it is written in SQL of its own time.
"""

from collections.abc import Callable, Sequence

from sqlalchemy import Connection

_TAGS_AND_POLICIES = (
    """
    CREATE TABLE log_tags (
        group_id INTEGER NOT NULL,
        "key" VARCHAR NOT NULL,
        value VARCHAR NOT NULL,
        PRIMARY KEY (group_id, "key"),
        FOREIGN KEY(group_id) REFERENCES log_groups (id) ON DELETE CASCADE
    )
    """,
    """
    CREATE TABLE log_policies (
        account VARCHAR NOT NULL,
        region VARCHAR NOT NULL,
        name VARCHAR NOT NULL,
        document TEXT NOT NULL,
        updated_ms BIGINT NOT NULL,
        PRIMARY KEY (account, region, name)
    )
    """,
)


def tags_and_policies(tx: Connection) -> None:
    """1 → 2: the tags of log groups, and resource policies."""
    for statement in _TAGS_AND_POLICIES:
        tx.exec_driver_sql(statement)


STEPS: Sequence[Callable[[Connection], None]] = (tags_and_policies,)
