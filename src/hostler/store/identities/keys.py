"""Access keys: long-term credentials of users and roots; and what temporary ones are sealed with.

Invariant: a secret is shown once, at creation; it leaves the store again only as a ``Credential``,
for the verifier.
"""

import secrets
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Row, delete, insert, or_, select, update

from hostler.domain.uses import Use
from hostler.store.database import Transaction
from hostler.store.identities import tables
from hostler.store.identities.entities import unique_id

_SECRET_ALPHABET = string.ascii_letters + string.digits + "+/"
_SECRET_LENGTH = 40
SESSION_KEY_BYTES = 32


@dataclass(frozen=True, slots=True)
class AccessKey:
    """One access key; ``created`` in epoch seconds."""

    id: str
    identity: str
    """The unique id of its owner."""
    secret: str = field(repr=False)
    active: bool
    created: float
    used: Use | None = None
    """Its last use, a minute or so late; None: never."""


def create(tx: Transaction, identity: str, now: float) -> AccessKey:
    """A new active key of an identity's id."""
    secret = new_secret()
    key = AccessKey(unique_id("AKIA"), identity, secret, active=True, created=now)
    tx.execute(
        insert(tables.access_keys).values(
            id=key.id, identity=identity, secret=secret, active=True, created=now
        )
    )
    return key


def of(tx: Transaction, identity: str) -> Sequence[AccessKey]:
    """An identity's keys, oldest first."""
    table = tables.access_keys
    query = select(table).where(table.c.identity == identity)
    return [_key(row) for row in tx.execute(query.order_by(table.c.created, table.c.id))]


def get(tx: Transaction, key_id: str) -> AccessKey | None:
    """The key of an id, active or not."""
    table = tables.access_keys
    row = tx.execute(select(table).where(table.c.id == key_id)).one_or_none()
    return None if row is None else _key(row)


def note_uses(tx: Transaction, uses: Mapping[str, Use]) -> None:
    """Keep the last use of keys, by id; what is older than what is kept, or of no key, is not."""
    table = tables.access_keys
    for key_id, use in uses.items():
        tx.execute(
            update(table)
            .where(table.c.id == key_id, or_(table.c.used.is_(None), table.c.used < use.at))
            .values(used=use.at, used_service=use.service, used_region=use.region)
        )


def new_secret() -> str:
    """A secret access key."""
    return "".join(secrets.choice(_SECRET_ALPHABET) for _ in range(_SECRET_LENGTH))


def session_key(tx: Transaction) -> bytes:
    """What session tokens are sealed with; empty in a database that has no root yet."""
    table = tables.session_keys
    found: bytes | None = tx.execute(select(table.c.secret)).scalar_one_or_none()
    return found or b""


def ensure_session_key(tx: Transaction, now: float) -> None:
    """Make the key of session tokens, unless there is one."""
    if not session_key(tx):
        made = secrets.token_bytes(SESSION_KEY_BYTES)
        tx.execute(insert(tables.session_keys).values(id=1, secret=made, created=now))


def set_active(tx: Transaction, key_id: str, *, active: bool) -> None:
    """Switch a key on or off."""
    table = tables.access_keys
    tx.execute(update(table).where(table.c.id == key_id).values(active=active))


def remove(tx: Transaction, key_id: str) -> None:
    """Delete a key."""
    tx.execute(delete(tables.access_keys).where(tables.access_keys.c.id == key_id))


def _key(row: Row[Any]) -> AccessKey:
    used = None if row.used is None else Use(row.used, row.used_service, row.used_region)
    return AccessKey(row.id, row.identity, row.secret, row.active, row.created, used)
