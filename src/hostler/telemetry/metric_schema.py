"""The tables of the metrics' own database file.

Invariant: nothing here joins the control database or the logs': a busy one stalls no other, and
losing the file loses metrics alone.
"""

from sqlalchemy import (
    BigInteger,
    Column,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
)

from hostler.telemetry import metric_migrations
from hostler.telemetry.row_ids import ROW_ID


class Bytes(LargeBinary):
    """Bytes that the driver gets unchanged: SQLAlchemy would wrap each, thousands a minute."""

    def bind_processor(self, dialect: Dialect) -> None:
        """No conversion."""


metadata = MetaData(info={"migrations": metric_migrations.STEPS})

series = Table(
    "metric_series",
    metadata,
    Column("id", ROW_ID, primary_key=True),
    Column("digest", Bytes, nullable=False, unique=True),
    Column("account", String, nullable=False),
    Column("region", String, nullable=False),
    Column("namespace", String, nullable=False),
    Column("name", String, nullable=False),
    Column("dimensions", Text, nullable=False),
    Column("active_s", BigInteger, nullable=False),
    Index(
        "metric_series_by_name", "account", "region", "namespace", "name", "dimensions", "active_s"
    ),
    sqlite_autoincrement=True,  # the points of a series that ended are never another's
)

dimensions = Table(
    "metric_dimensions",
    metadata,
    Column("series_id", ROW_ID, ForeignKey("metric_series.id", ondelete="CASCADE"), nullable=False),
    Column("name", String, nullable=False),
    Column("value", String, nullable=False),
    PrimaryKeyConstraint("series_id", "name"),
    sqlite_with_rowid=False,
)

points = Table(
    "metric_points",
    metadata,
    Column("series_id", ROW_ID, nullable=False),
    Column("resolution_s", Integer, nullable=False),
    Column("time_s", BigInteger, nullable=False),
    Column("unit", Integer, nullable=False),
    Column("number", Float, nullable=False),
    Column("total", Float, nullable=False),
    Column("least", Float, nullable=False),
    Column("greatest", Float, nullable=False),
    Column("sketch", Bytes),
    PrimaryKeyConstraint("series_id", "resolution_s", "time_s", "unit"),
    sqlite_with_rowid=False,  # the key is the table: a range of time is one read
)

positions = Table(
    "metric_positions",
    metadata,
    Column("source", String, primary_key=True),
    Column("position", String, nullable=False),
)

calls = Table(
    "endpoint_calls",
    metadata,
    Column("account", String, primary_key=True),
    Column("region", String, primary_key=True),
    Column("endpoint", String, primary_key=True),
    Column("called_s", Float, nullable=False),
    sqlite_with_rowid=False,
)
"""When an endpoint (its ``name_key``) was last known to be called: ``telemetry.calls``."""
