"""What the control databases of earlier versions say to today's code."""

import ast
import inspect
from pathlib import Path

from data_dirs import FIXTURES, thaw
from hostler.domain.instance_types import INSTANCE_TYPES
from hostler.store import control_migrations, control_sizes, endpoints, index_migrations, schema
from hostler.store.database import Store, Transaction


def test_deployments_of_version_1_have_their_instances_sizes(tmp_path: Path) -> None:
    thaw(FIXTURES / "version-1", tmp_path)

    def kinds(tx: Transaction) -> list[object]:
        found = [endpoints.by_id(tx, each) for each in endpoints.ids(tx)]
        targets = [each.target for each in found if each is not None and each.target is not None]
        deployments = [endpoints.deployment(tx, target) for target in targets]
        return [v.instance_type for each in deployments if each for v in each.variants]

    store = Store.at(tmp_path / "hostler.db", tables=schema.metadata)
    store.create_tables()
    try:
        assert store.run(kinds) == [INSTANCE_TYPES["ml.t2.medium"]] * 2
    finally:
        store.close()


def test_a_released_step_reads_nothing_of_todays_domain() -> None:
    for module in (control_migrations, control_sizes, index_migrations):
        for node in ast.walk(ast.parse(inspect.getsource(module))):
            if isinstance(node, ast.ImportFrom):
                assert not str(node.module).startswith("hostler.domain"), module
