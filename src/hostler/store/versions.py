"""Which version of its tables a database file has, and the steps from there to ours.

Invariant: a file is brought to this version in one transaction or left as it was, and one that a
newer Hostler wrote is not touched. The version is one row in the file itself. A set of tables
carries its steps with it: ``MetaData(info={"migrations": (one_to_two, two_to_three, …)})``, each a
function of a transaction, in SQL of its own time (no table of today's code), complete: what it
leaves is what ``create_all`` makes of that version.
"""

from collections.abc import Callable, Sequence
from typing import TypeAlias

from sqlalchemy import Column, Connection, Integer, MetaData, Table, inspect

Migration: TypeAlias = Callable[[Connection], None]

_own = MetaData()
_VERSION = Table("schema_version", _own, Column("version", Integer, nullable=False))
_FIRST = 1
"""Of files that were written before versions were."""


class NewerSchemaError(Exception):
    """A newer Hostler wrote this file; the text says what would do."""


def bring_up(tx: Connection, tables: MetaData) -> bool:
    """Make the tables in an empty database; take an older one through the steps it lacks.

    Returns: whether there were any.

    Raises:
        NewerSchemaError: Its version is above ours.
    """
    steps: Sequence[Migration] = tables.info.get("migrations", ())
    ours = _FIRST + len(steps)
    names = inspect(tx).get_table_names()
    if not names:
        tables.create_all(tx)
        _stamp(tx, ours)
        return False
    stamped = tx.execute(_VERSION.select()).scalar_one() if _VERSION.name in names else None
    found = _FIRST if stamped is None else stamped
    if found > ours:
        raise NewerSchemaError(
            "this data directory was written by a newer Hostler: upgrade this one, or choose "
            f"another --data-dir ({tx.engine.url.database} has version {found}, this Hostler "
            f"knows {ours})"
        )
    for step in steps[found - _FIRST :]:
        step(tx)
    if stamped != ours:
        _stamp(tx, ours)
    return found < ours


def _stamp(tx: Connection, version: int) -> None:
    _VERSION.create(tx, checkfirst=True)
    tx.execute(_VERSION.delete())
    tx.execute(_VERSION.insert().values(version=version))
