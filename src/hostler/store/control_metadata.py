"""Where the tables of the control database register, and the steps to this version of them.

Invariant: who wants the whole of it imports ``store.schema``, which imports every table's module.
"""

from sqlalchemy import BigInteger, Integer, MetaData

from hostler.store import control_migrations

metadata = MetaData(info={"migrations": control_migrations.STEPS})

ROW_ID = BigInteger().with_variant(Integer, "sqlite")
"""The type of a number that the database gives: only INTEGER is SQLite's own row id."""
