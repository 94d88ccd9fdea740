"""The steps by which the control database of an older Hostler becomes today's.

Invariant: a step that has been released is never changed; it is written in SQL and in values of
its own time.
"""

import json
from collections.abc import Sequence

from sqlalchemy import Connection, text

from hostler.store.control_sizes import SIZES
from hostler.store.versions import Migration


def sizes_are_frozen(tx: Connection) -> None:
    """1 → 2: a deployment's variants hold the sizes of their instances beside the types' names."""
    changed = text("UPDATE deployments SET body = :body WHERE id = :id")
    for row_id, body in tx.execute(text("SELECT id, body FROM deployments")).all():
        deployment = json.loads(body)
        for variant in deployment["variants"]:
            variant["instance_type"] = SIZES[variant["instance_type"]]
        tx.execute(changed, {"id": row_id, "body": json.dumps(deployment).encode()})


STEPS: Sequence[Migration] = (sizes_are_frozen,)
