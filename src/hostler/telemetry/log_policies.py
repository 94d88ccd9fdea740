"""Resource policies of log groups: an account's own in a region, each for whatever it names.

Invariant: an account has few of them, so all are read for each decision.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select

from hostler.telemetry.schema import policies


@dataclass(frozen=True, slots=True)
class Policy:
    """One policy, as it was put."""

    name: str
    document: str
    updated_ms: int


def of(tx: Connection, account: str, region: str) -> Sequence[Policy]:
    """All of an account in a region, by name."""
    query = select(policies).where(policies.c.account == account, policies.c.region == region)
    return [
        Policy(row.name, row.document, row.updated_ms)
        for row in tx.execute(query.order_by(policies.c.name))
    ]


def put(tx: Connection, account: str, region: str, policy: Policy) -> None:
    """Add a policy, or replace the one of its name."""
    remove(tx, account, region, policy.name)
    values = {
        "account": account,
        "region": region,
        "name": policy.name,
        "document": policy.document,
        "updated_ms": policy.updated_ms,
    }
    tx.execute(insert(policies).values(values))


def remove(tx: Connection, account: str, region: str, name: str) -> bool:
    """Remove a policy; whether there was one."""
    found = delete(policies).where(
        policies.c.account == account, policies.c.region == region, policies.c.name == name
    )
    return tx.execute(found).rowcount > 0
