"""The steps by which the control database of an older Hostler becomes today's.

Invariant: a step that has been released is never changed; it is written in SQL and in values of
its own time.
"""

import json
from collections.abc import Sequence

from sqlalchemy import Connection, text

from hostler.store.control_sizes import SIZES
from hostler.store.database import vault_of
from hostler.store.versions import Migration


def sizes_are_frozen(tx: Connection) -> None:
    """1 → 2: a deployment's variants hold the sizes of their instances beside the types' names."""
    changed = text("UPDATE deployments SET body = :body WHERE id = :id")
    for row_id, body in tx.execute(text("SELECT id, body FROM deployments")).all():
        deployment = json.loads(body)
        for variant in deployment["variants"]:
            variant["instance_type"] = SIZES[variant["instance_type"]]
        tx.execute(changed, {"id": row_id, "body": json.dumps(deployment).encode()})


_IDENTITIES_GROW = (
    "ALTER TABLE iam_identities ADD COLUMN boundary VARCHAR",
    """
    CREATE TABLE iam_memberships (
        identity VARCHAR NOT NULL,
        of_group VARCHAR NOT NULL,
        PRIMARY KEY (identity, of_group),
        FOREIGN KEY(identity) REFERENCES iam_identities (id),
        FOREIGN KEY(of_group) REFERENCES iam_identities (id)
    )
    """,
    "CREATE INDEX ix_iam_memberships_of_group ON iam_memberships (of_group)",
    """
    CREATE TABLE iam_session_keys (
        id INTEGER NOT NULL,
        secret BLOB NOT NULL,
        created FLOAT NOT NULL,
        PRIMARY KEY (id)
    )
    """,
    "ALTER TABLE iam_access_keys ADD COLUMN used FLOAT",
    "ALTER TABLE iam_access_keys ADD COLUMN used_service VARCHAR",
    "ALTER TABLE iam_access_keys ADD COLUMN used_region VARCHAR",
)


def identities_grow(tx: Connection) -> None:
    """2 → 3: groups and their members, boundaries, the key of session tokens, last uses of keys."""
    for statement in _IDENTITIES_GROW:
        tx.exec_driver_sql(statement)


def secrets_are_sealed(tx: Connection) -> None:
    """3 → 4: the secrets of access keys are sealed, each for its id; so is session tokens' key."""
    vault = vault_of(tx)
    changed = text("UPDATE iam_access_keys SET secret = :secret WHERE id = :id")
    for key_id, secret in tx.execute(text("SELECT id, secret FROM iam_access_keys")).all():
        tx.execute(changed, {"id": key_id, "secret": vault.seal_text(secret, key_id)})
    changed = text("UPDATE iam_session_keys SET secret = :secret WHERE id = :id")
    for key_id, secret in tx.execute(text("SELECT id, secret FROM iam_session_keys")).all():
        tx.execute(changed, {"id": key_id, "secret": vault.seal(secret, "session tokens")})


_CLEANUPS = (
    """
    CREATE TABLE cleanup_marks (
        endpoint_id VARCHAR NOT NULL,
        body BLOB NOT NULL,
        PRIMARY KEY (endpoint_id)
    )
    """,
    """
    CREATE TABLE cleanup_schedule (
        id INTEGER NOT NULL,
        next_s FLOAT NOT NULL,
        PRIMARY KEY (id)
    )
    """,
)


def cleanups_are_kept(tx: Connection) -> None:
    """4 → 5: which endpoints are to be deleted because nobody calls them, and the next look."""
    for statement in _CLEANUPS:
        tx.exec_driver_sql(statement)


STEPS: Sequence[Migration] = (
    sizes_are_frozen,
    identities_grow,
    secrets_are_sealed,
    cleanups_are_kept,
)
