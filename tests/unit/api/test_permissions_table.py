"""The page of who may do what is what boto3 meets: every operation of the control plane.

The execution role's cells, S3's and the gateway's: ``integration/test_permissions_table.py``.
"""

from typing import Any

import pytest
from tools import permissions

from hostler.api import tables
from hostler.domain.snapshot import Credential
from hostler.store import identities
from permission_calls import TRUST, cells, code


@pytest.fixture
def keys(world: Any) -> dict[str, Credential]:
    """Of the project's users, as bootstrap makes them, and of the stranger."""
    iam = world.client("iam")
    role = permissions.OWN.execution_role
    iam.delete_role(RoleName=role)  # the world's own, spelt otherwise
    iam.create_role(RoleName=role, AssumeRolePolicyDocument=TRUST)
    made = {}
    for who, own in (("deployer", permissions.OWN.deployer), ("caller", permissions.OWN.caller)):
        iam.create_user(UserName=own)
        for policy in permissions.callers()[who].principal.policies:
            iam.put_user_policy(
                UserName=own, PolicyName=policy.name, PolicyDocument=policy.document
            )
        key = iam.create_access_key(UserName=own)["AccessKey"]
        made[who] = Credential(key["AccessKeyId"], key["SecretAccessKey"], "")
    account = permissions.OTHER_ACCOUNT
    root = world.rooms.store.run(lambda tx: identities.ensure_root(tx, account, 1.0), write=True)
    return {**made, "stranger": root}


def test_the_table_is_what_clients_meet(world: Any, keys: dict[str, Credential]) -> None:
    clients = {
        (table.service, who): world.client(table.service, key)
        for table in tables.TABLES
        for who, key in keys.items()
    }
    for cell in cells():
        if (client := clients.get((cell.service, cell.who))) is not None:
            cell.check(code(client, cell))
