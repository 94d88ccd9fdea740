"""Deletes blobs that nothing refers to any more.

Invariant: a content goes only when, inside one write transaction, no version of an object and no
part refers to it, it has been garbage for the grace period (a reader that saw its row may be about
to open it), and no writer has just stored it again. Candidates come from the index (a row went
away) and from ``adopt`` (a blob whose row was never written, because its process died in between).
"""

from sqlalchemy import delete, select, union

from hostler.store.blobs import Blobs
from hostler.store.database import Transaction
from hostler.store.object_versions import VERSIONS
from hostler.store.objects import GARBAGE, OBJECTS, note_garbage, successor
from hostler.store.uploads import PARTS

GRACE_S, CROWDED_GRACE_S = 300.0, 5.0
"""The second while the disk is nearly full: longer than any reader takes to open the file."""
_REFERRING = (OBJECTS.c.digest, VERSIONS.c.digest, PARTS.c.digest)
BATCH = 200
"""Contents looked at in one transaction, so that uploads never wait long for the writer."""


def collect(tx: Transaction, blobs: Blobs, now: float, grace_s: float = GRACE_S) -> int:
    """Delete a batch of garbage; how many rows it dealt with (0 when there is none left)."""
    due = select(GARBAGE.c.digest).where(GARBAGE.c.since <= now - grace_s).limit(BATCH)
    dealt_with = [
        digest
        for digest in tx.execute(due).scalars().all()
        if is_referred_to(tx, digest) or blobs.remove(digest)
    ]
    tx.execute(delete(GARBAGE).where(GARBAGE.c.digest.in_(dealt_with)))
    return len(dealt_with)


def adopt(tx: Transaction, blobs: Blobs, prefix: str, now: float) -> int:
    """Note as garbage the blobs of a two-digit folder that no row knows; how many they were."""
    known = union(
        *(
            select(column).where(column >= prefix, column < (successor(prefix) or ""))
            for column in (*_REFERRING, GARBAGE.c.digest)
        )
    )
    referred = set(tx.execute(known).scalars())
    orphans = [digest for digest in blobs.digests(prefix) if digest not in referred]
    for digest in orphans:
        note_garbage(tx, digest, now)
    return len(orphans)


def is_referred_to(tx: Transaction, digest: str) -> bool:
    """Whether an object, a version of one, or a part needs this content."""
    return any(
        tx.execute(select(column).where(column == digest).limit(1)).first() is not None
        for column in _REFERRING
    )
