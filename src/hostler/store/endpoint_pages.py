"""ListEndpoints' pages, and what quotas count.

Invariant: as in ``store.pages``: rows that come, go or change between two pages make none appear
twice on the way.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Column, func, select

from hostler.domain.endpoint import Deployment, Endpoint
from hostler.domain.ids import AccountId, DeploymentId, EndpointId, Region
from hostler.store import endpoints
from hostler.store.database import Transaction
from hostler.store.pages import Filter, Position, Query, Window, between, filtered, windowed


class SortBy(StrEnum):
    """ListEndpoints' EndpointSortKey."""

    NAME = "Name"
    CREATION_TIME = "CreationTime"
    STATUS = "Status"


@dataclass(frozen=True, slots=True)
class EndpointFilter(Filter):
    """Which endpoints to list; times in epoch seconds, as in ``Filter``."""

    modified_after: float | None = None
    modified_before: float | None = None
    status: str | None = None


_COLUMNS: Mapping[SortBy, Column[Any]] = {
    SortBy.NAME: endpoints.endpoints.c.name_key,
    SortBy.CREATION_TIME: endpoints.endpoints.c.created,
    SortBy.STATUS: endpoints.endpoints.c.status,
}


def count(tx: Transaction, account: AccountId, region: Region) -> int:
    """How many endpoints an account has in a region."""
    columns = endpoints.endpoints.c
    query = select(func.count()).where(columns.account == account, columns.region == region)
    return tx.execute(query.select_from(endpoints.endpoints)).scalar_one()


def deployed(
    tx: Transaction, account: AccountId, region: Region
) -> Iterable[tuple[Endpoint, Mapping[DeploymentId, Deployment]]]:
    """An account's endpoints in a region, each with what it runs and what it is to run."""
    columns = endpoints.endpoints.c
    query = select(columns.id).where(columns.account == account, columns.region == region)
    for row in tx.execute(query).scalars().all():
        known = endpoints.known(tx, EndpointId(row))
        if known is not None:
            yield known.endpoint, known.deployments


def page(
    tx: Transaction,
    account: AccountId,
    region: Region,
    wanted: EndpointFilter,
    *,
    sort_by: SortBy,
    window: Window,
) -> tuple[Sequence[Endpoint], Position | None]:
    """A page of an account's endpoints, and where the next one continues."""
    columns, order = endpoints.endpoints.c, _COLUMNS[sort_by]
    query: Query = select(columns.body, order, columns.id).where(
        columns.account == account, columns.region == region
    )
    query = filtered(query, columns.name_key, columns.created, wanted)
    query = between(query, columns.modified, wanted.modified_after, wanted.modified_before)
    if wanted.status is not None:
        query = query.where(columns.status == wanted.status)
    rows = tx.execute(windowed(query, order, columns.id, window)).all()
    last = rows[window.limit - 1] if len(rows) > window.limit else None
    found = [endpoints.read(row[0]) for row in rows[: window.limit]]
    return found, None if last is None else Position(last[1], last[2])
