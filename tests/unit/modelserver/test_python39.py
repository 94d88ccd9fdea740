"""The room is read by the oldest interpreter it must run on, and imports nothing it may not."""

import ast
import sys
from pathlib import Path

import pytest

import hostler.modelserver

ROOM = Path(hostler.modelserver.__file__).parent
MODULES = sorted(ROOM.rglob("*.py"))
FROM_THE_MODEL_S_ENVIRONMENT = {
    *("numpy", "orjson", "joblib", "pandas", "scipy"),
    *("lightgbm", "onnxruntime", "PIL", "torch", "transformers", "xgboost"),
}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOM)))
def test_each_module_is_python_3_9(path: Path) -> None:
    tree = ast.parse(path.read_text(), feature_version=(3, 9))
    future = {
        alias.name
        for node in tree.body
        if isinstance(node, ast.ImportFrom) and node.module == "__future__"
        for alias in node.names
    }
    has_code = any(not isinstance(node, ast.Expr) for node in tree.body)
    assert not has_code or "annotations" in future


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOM)))
def test_each_import_is_relative_or_of_the_standard_library(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names = [node.module or ""]
        for name in names:
            top = name.partition(".")[0]
            allowed = sys.stdlib_module_names | FROM_THE_MODEL_S_ENVIRONMENT
            assert top in allowed, f"line {node.lineno}: {name}"
