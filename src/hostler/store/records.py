"""Named records: a request kept as it was given (a model, an endpoint config).

Invariant: the request's JSON is stored whole and never rewritten, so that Describe shows exactly
what was asked for. A name is unique in its account and region regardless of case.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import Column, Float, Row, String, Table, Text, delete, func, insert, select

from hostler.domain.ids import AccountId, Arn, Region, name_key
from hostler.store.control_metadata import metadata
from hostler.store.database import Transaction
from hostler.store.pages import Filter, Position, Window, filtered, windowed


@dataclass(frozen=True, slots=True)
class Record:
    """One kept request; ``created`` in epoch seconds."""

    account: AccountId
    region: Region
    name: str
    arn: Arn
    created: float
    request: Mapping[str, Any]


class Records:
    """One table of records."""

    def __init__(self, name: str) -> None:
        self._table = Table(
            name,
            metadata,
            Column("account", String, primary_key=True),
            Column("region", String, primary_key=True),
            Column("name_key", String, primary_key=True),
            Column("name", String, nullable=False),
            Column("arn", String, nullable=False),
            Column("created", Float(53), nullable=False),
            Column("request", Text, nullable=False),
        )

    def create(self, tx: Transaction, record: Record) -> None:
        """Keep a new record; the caller has seen that its name is free."""
        tx.execute(
            insert(self._table).values(
                account=record.account,
                region=record.region,
                name_key=name_key(record.name),
                name=record.name,
                arn=record.arn,
                created=record.created,
                request=msgspec.json.encode(record.request).decode(),
            )
        )

    def get(self, tx: Transaction, account: AccountId, region: Region, name: str) -> Record | None:
        """The record of a name, in any case."""
        table = self._table
        row = tx.execute(
            select(table).where(
                table.c.account == account,
                table.c.region == region,
                table.c.name_key == name_key(name),
            )
        ).one_or_none()
        return None if row is None else _record(row)

    def exists(self, tx: Transaction, arn: Arn) -> bool:
        """Whether there is a record of this ARN; reads them all."""
        table = self._table
        return tx.execute(select(table.c.arn).where(table.c.arn == arn)).first() is not None

    def count(self, tx: Transaction, account: AccountId, region: Region) -> int:
        """How many records an account has in a region."""
        table = self._table
        query = select(func.count()).where(table.c.account == account, table.c.region == region)
        return tx.execute(query.select_from(table)).scalar_one()

    def every(self, tx: Transaction, account: AccountId, region: Region) -> Sequence[Record]:
        """All records of an account in a region, by name."""
        table = self._table
        query = select(table).where(table.c.account == account, table.c.region == region)
        return [_record(row) for row in tx.execute(query.order_by(table.c.name_key))]

    def remove(self, tx: Transaction, account: AccountId, region: Region, name: str) -> bool:
        """Forget a record; False if there was none."""
        table = self._table
        done = tx.execute(
            delete(table).where(
                table.c.account == account,
                table.c.region == region,
                table.c.name_key == name_key(name),
            )
        )
        return done.rowcount > 0

    def page(
        self,
        tx: Transaction,
        account: AccountId,
        region: Region,
        wanted: Filter,
        *,
        by_name: bool,
        window: Window,
    ) -> tuple[Sequence[Record], Position | None]:
        """A page, sorted by name or by creation time, and where the next one continues."""
        table = self._table
        query = select(table).where(table.c.account == account, table.c.region == region)
        query = filtered(query, table.c.name_key, table.c.created, wanted)
        column = table.c.name_key if by_name else table.c.created
        rows = tx.execute(windowed(query, column, table.c.name_key, window)).all()
        records = [_record(row) for row in rows[: window.limit]]
        if len(rows) <= window.limit:
            return records, None
        last = records[-1]
        key = name_key(last.name)
        return records, Position(key if by_name else last.created, key)


def _record(row: Row[Any]) -> Record:
    return Record(
        account=AccountId(row.account),
        region=Region(row.region),
        name=row.name,
        arn=Arn(row.arn),
        created=row.created,
        request=msgspec.json.decode(row.request),
    )
