"""What the control databases of earlier versions say to today's code."""

import ast
import inspect
import json
from pathlib import Path

from data_dirs import FIXTURES, thaw
from hostler.domain.instance_types import INSTANCE_TYPES
from hostler.store import control_migrations, control_sizes, endpoints, index_migrations, schema
from hostler.store.database import Store, Transaction
from hostler.store.identities import keys, tables
from hostler.vault.sealing import Vault


def test_deployments_of_version_1_have_their_instances_sizes(tmp_path: Path) -> None:
    thaw(FIXTURES / "version-1", tmp_path)

    def kinds(tx: Transaction) -> list[object]:
        found = [endpoints.by_id(tx, each) for each in endpoints.ids(tx)]
        targets = [each.target for each in found if each is not None and each.target is not None]
        deployments = [endpoints.deployment(tx, target) for target in targets]
        return [v.instance_type for each in deployments if each for v in each.variants]

    store = Store.at(tmp_path / "hostler.db", tables=schema.metadata, vault=Vault())
    store.create_tables()
    try:
        assert store.run(kinds) == [INSTANCE_TYPES["ml.t2.medium"]] * 2
    finally:
        store.close()


def test_secrets_of_earlier_versions_are_sealed_and_gone_from_the_file(tmp_path: Path) -> None:
    thaw(FIXTURES / "version-1", tmp_path)
    database = tmp_path / "hostler.db"
    kept = json.loads((tmp_path / "keys.json").read_text())
    secret = kept[0]["secret_access_key"]
    assert secret.encode() in database.read_bytes()
    vault = Vault(tmp_path / "secrets.key")
    vault.ensure()
    store = Store.at(database, tables=schema.metadata, vault=vault)
    store.create_tables()

    def found(tx: Transaction) -> set[str]:
        owners = tx.execute(tables.identities.select()).all()
        return {key.secret for owner in owners for key in keys.of(tx, owner.id)}

    try:
        assert secret in store.run(found)
        for path in tmp_path.glob("hostler.db*"):
            assert secret.encode() not in path.read_bytes(), path
        vault.add()
        assert store.run(keys.seal_anew, write=True)
        vault.forget_others()
        assert not store.run(keys.seal_anew, write=True)
        assert secret in store.run(found)
    finally:
        store.close()


def test_a_released_step_reads_nothing_of_todays_domain() -> None:
    for module in (control_migrations, control_sizes, index_migrations):
        for node in ast.walk(ast.parse(inspect.getsource(module))):
            if isinstance(node, ast.ImportFrom):
                assert not str(node.module).startswith("hostler.domain"), module
