"""The numbers that telemetry's databases give their rows."""

from sqlalchemy import BigInteger, Integer

ROW_ID = BigInteger().with_variant(Integer, "sqlite")
"""Their type: only INTEGER is SQLite's own row id."""
