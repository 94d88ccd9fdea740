"""The supervisor stays standard library only: what it does not load cannot fail it."""

import json
import subprocess
import sys

LISTING = "import json, sys; print(json.dumps([name.partition('.')[0] for name in sys.modules]))"


def _loaded(statement: str) -> set[str]:
    words = [sys.executable, "-I", "-c", f"{statement}; {LISTING}"]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout))


def test_the_supervisor_loads_the_standard_library_alone() -> None:
    bare = _loaded("pass")  # with whatever this installation's interpreter begins with
    own = _loaded("import hostler.app.supervisor.__main__") - bare
    assert own - sys.stdlib_module_names == {"hostler"}
    assert not {"asyncio", "sqlite3", "http", "email"} & own
