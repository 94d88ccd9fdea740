"""What each process loads: what is not loaded cannot fail it, and makes no start longer."""

import json
import subprocess
import sys

LISTING = "import json, sys; print(json.dumps(list(sys.modules)))"


def _loaded(statement: str) -> set[str]:
    words = [sys.executable, "-I", "-c", f"{statement}; {LISTING}"]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout))


def _packages(modules: set[str]) -> set[str]:
    return {name.partition(".")[0] for name in modules}


def test_the_supervisor_loads_the_standard_library_alone() -> None:
    bare = _packages(_loaded("pass"))  # with whatever this installation's interpreter begins with
    own = _packages(_loaded("import hostler.app.supervisor.__main__")) - bare
    assert own - sys.stdlib_module_names == {"hostler"}
    assert not {"asyncio", "sqlite3", "http", "email"} & own


def test_control_loads_nothing_that_is_s3s_alone() -> None:
    own = _loaded("import hostler.app.control")
    assert not [name for name in own if name.startswith(("hostler.api.s3", "awscrt"))]


def test_a_gateway_loads_neither_databases_nor_sdks() -> None:
    own = _packages(_loaded("import hostler.gateway.main"))
    assert not {"sqlalchemy", "sqlite3", "botocore", "boto3", "starlette", "uvicorn"} & own
