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


_ALARMS = (
    """
    CREATE TABLE alarms (
        account VARCHAR NOT NULL,
        region VARCHAR NOT NULL,
        name VARCHAR NOT NULL,
        kind VARCHAR NOT NULL,
        every_s INTEGER NOT NULL,
        state VARCHAR NOT NULL,
        version INTEGER NOT NULL,
        body BLOB NOT NULL,
        PRIMARY KEY (account, region, name)
    )
    """,
    "CREATE INDEX alarms_by_turn ON alarms (kind, every_s)",
    """
    CREATE TABLE alarm_history (
        id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
        account VARCHAR NOT NULL,
        region VARCHAR NOT NULL,
        name VARCHAR NOT NULL,
        kind VARCHAR NOT NULL,
        at FLOAT NOT NULL,
        type VARCHAR NOT NULL,
        summary VARCHAR NOT NULL,
        data TEXT NOT NULL
    )
    """,
    "CREATE INDEX alarm_history_by_name ON alarm_history (account, region, name, id)",
    "CREATE INDEX alarm_history_by_time ON alarm_history (at)",
    """
    CREATE TABLE alarm_actions (
        id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
        line VARCHAR NOT NULL,
        due FLOAT NOT NULL,
        attempts INTEGER NOT NULL,
        body BLOB NOT NULL
    )
    """,
    "CREATE INDEX alarm_actions_by_line ON alarm_actions (line, id)",
)


def there_are_alarms(tx: Connection) -> None:
    """4 → 5: alarms, their history, and actions to be carried out."""
    for statement in _ALARMS:
        tx.exec_driver_sql(statement)


_SCALING = (
    """
    CREATE TABLE scalable_targets (
        id VARCHAR NOT NULL,
        account VARCHAR NOT NULL,
        region VARCHAR NOT NULL,
        endpoint_key VARCHAR NOT NULL,
        variant VARCHAR NOT NULL,
        dimension VARCHAR NOT NULL,
        bounded BOOLEAN NOT NULL,
        body BLOB NOT NULL,
        PRIMARY KEY (id),
        UNIQUE (account, region, endpoint_key, variant, dimension)
    )
    """,
    """
    CREATE TABLE scaling_policies (
        target_id VARCHAR NOT NULL,
        name VARCHAR NOT NULL,
        arn VARCHAR NOT NULL,
        body BLOB NOT NULL,
        PRIMARY KEY (target_id, name),
        UNIQUE (arn)
    )
    """,
    """
    CREATE TABLE scheduled_actions (
        target_id VARCHAR NOT NULL,
        name VARCHAR NOT NULL,
        due FLOAT,
        body BLOB NOT NULL,
        PRIMARY KEY (target_id, name)
    )
    """,
    "CREATE INDEX scheduled_actions_by_due ON scheduled_actions (due)",
    """
    CREATE TABLE scaling_activities (
        number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
        id VARCHAR NOT NULL,
        target_id VARCHAR NOT NULL,
        account VARCHAR NOT NULL,
        region VARCHAR NOT NULL,
        resource_key VARCHAR NOT NULL,
        dimension VARCHAR NOT NULL,
        started FLOAT NOT NULL,
        scaled BOOLEAN NOT NULL,
        underway BOOLEAN NOT NULL,
        body BLOB NOT NULL,
        UNIQUE (id)
    )
    """,
    """
    CREATE INDEX scaling_activities_by_resource
    ON scaling_activities (account, region, resource_key, started)
    """,
    "CREATE INDEX scaling_activities_by_target ON scaling_activities (target_id, started)",
    "CREATE INDEX scaling_activities_by_time ON scaling_activities (started)",
    "CREATE INDEX scaling_activities_underway ON scaling_activities (underway)",
)


def there_is_scaling(tx: Connection) -> None:
    """5 → 6: scalable targets, their policies, scheduled actions and activities."""
    for statement in _SCALING:
        tx.exec_driver_sql(statement)


_TOPICS = (
    """
    CREATE TABLE sns_topics (
        account VARCHAR NOT NULL,
        region VARCHAR NOT NULL,
        name VARCHAR NOT NULL,
        body BLOB NOT NULL,
        PRIMARY KEY (account, region, name)
    )
    """,
    """
    CREATE TABLE sns_subscriptions (
        id VARCHAR NOT NULL,
        account VARCHAR NOT NULL,
        region VARCHAR NOT NULL,
        topic VARCHAR NOT NULL,
        confirmed BOOLEAN NOT NULL,
        created FLOAT NOT NULL,
        body BLOB NOT NULL,
        PRIMARY KEY (id)
    )
    """,
    "CREATE INDEX sns_subscriptions_by_topic ON sns_subscriptions (account, region, topic, id)",
    """
    CREATE TABLE sns_deliveries (
        id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
        subscription VARCHAR NOT NULL,
        due FLOAT NOT NULL,
        attempts INTEGER NOT NULL,
        body BLOB NOT NULL
    )
    """,
    "CREATE INDEX sns_deliveries_by_subscription ON sns_deliveries (subscription, id)",
)


def there_are_topics(tx: Connection) -> None:
    """6 → 7: SNS's topics, their subscriptions, and messages to be delivered."""
    for statement in _TOPICS:
        tx.exec_driver_sql(statement)


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
    """7 → 8: which endpoints are to be deleted because nobody calls them, and the next look."""
    for statement in _CLEANUPS:
        tx.exec_driver_sql(statement)


def updates_are_told(tx: Connection) -> None:
    """8 → 9: what became of endpoints' deployments, step by step."""
    tx.exec_driver_sql(
        """
        CREATE TABLE endpoint_updates (
            endpoint_id VARCHAR NOT NULL,
            number INTEGER NOT NULL,
            body BLOB NOT NULL,
            PRIMARY KEY (endpoint_id, number)
        )
        """
    )


STEPS: Sequence[Migration] = (
    sizes_are_frozen,
    identities_grow,
    secrets_are_sealed,
    there_are_alarms,
    there_is_scaling,
    there_are_topics,
    cleanups_are_kept,
    updates_are_told,
)
