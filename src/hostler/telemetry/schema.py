"""The tables of the log events' own database file.

Invariant: nothing here joins the control database: a busy log stalls no endpoint, and losing the
file loses logs alone.
"""

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from hostler.telemetry import log_migrations
from hostler.telemetry.row_ids import ROW_ID

metadata = MetaData(info={"migrations": log_migrations.STEPS})

groups = Table(
    "log_groups",
    metadata,
    Column("id", ROW_ID, primary_key=True),
    Column("account", String, nullable=False),
    Column("region", String, nullable=False),
    Column("name", String, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("retention_days", Integer),
    UniqueConstraint("account", "region", "name"),
)

streams = Table(
    "log_streams",
    metadata,
    Column("id", ROW_ID, primary_key=True),
    Column("group_id", ROW_ID, ForeignKey("log_groups.id", ondelete="CASCADE"), nullable=False),
    Column("name", String, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("first_event_ms", BigInteger),
    Column("last_event_ms", BigInteger),
    Column("last_ingestion_ms", BigInteger),
    Column("stored_bytes", BigInteger, nullable=False),
    UniqueConstraint("group_id", "name"),
)

events = Table(
    "log_events",
    metadata,
    Column("id", ROW_ID, primary_key=True),
    Column("group_id", ROW_ID, ForeignKey("log_groups.id", ondelete="CASCADE"), nullable=False),
    Column("stream_id", ROW_ID, ForeignKey("log_streams.id", ondelete="CASCADE"), nullable=False),
    Column("time_ms", BigInteger, nullable=False),
    Column("ingested_ms", BigInteger, nullable=False),
    Column("message", Text, nullable=False),
    Index("log_events_by_group", "group_id", "time_ms", "id"),
    Index("log_events_by_stream", "stream_id", "time_ms", "id"),
    sqlite_autoincrement=True,  # an event's id is never used again: clients remember event ids
)

tags = Table(
    "log_tags",
    metadata,
    Column("group_id", ROW_ID, ForeignKey("log_groups.id", ondelete="CASCADE"), primary_key=True),
    Column("key", String, primary_key=True),
    Column("value", String, nullable=False),
)

policies = Table(
    "log_policies",
    metadata,
    Column("account", String, primary_key=True),
    Column("region", String, primary_key=True),
    Column("name", String, primary_key=True),
    Column("document", Text, nullable=False),
    Column("updated_ms", BigInteger, nullable=False),
)

positions = Table(
    "log_positions",
    metadata,
    Column("source", String, primary_key=True),
    Column("position", String, nullable=False),
)
