"""The file that foreign interpreters run: loads this folder as ``hostler_modelserver`` and obeys.

Invariant: nothing of hostler but this folder is importable there. Usage::

    python -I bootstrap.py zygote --socket PATH [--imports a,b]
    python -I -S bootstrap.py launch INSTANCE_DIR
    python -I -S bootstrap.py shim DIRECTORY_FD OOM_FD
    python -I -S bootstrap.py confined PLAN_FD PROGRAM [ARGUMENT …]
    python -I -S bootstrap.py unpack --fd N --into DIR [LIMITS …]
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from typing import Any

PACKAGE = "hostler_modelserver"


def load() -> None:
    """Make the package importable under its own name."""
    here = os.path.dirname(os.path.abspath(__file__))
    spec = importlib.util.spec_from_file_location(
        PACKAGE, os.path.join(here, "__init__.py"), submodule_search_locations=[here]
    )
    if spec is None or spec.loader is None:
        raise ImportError(f"cannot load {here}")
    module = importlib.util.module_from_spec(spec)
    sys.modules[PACKAGE] = module
    spec.loader.exec_module(module)


def _module(name: str) -> Any:
    return importlib.import_module(f"{PACKAGE}.{name}")


def main() -> None:
    """Run one of the verbs."""
    load()
    verb, arguments = sys.argv[1], sys.argv[2:]
    if verb == "zygote":
        # By hand: argparse would lie in the memory of every instance, and cost each start its time.
        options = dict(zip(arguments[::2], arguments[1::2]))
        imports = [name for name in options.get("--imports", "").split(",") if name]
        _module("zygote").main(options["--socket"], imports)
    elif verb == "launch":
        _module("confined").launch(arguments[0])
    elif verb == "shim":
        _module("shim").main(arguments)
    elif verb == "confined":
        _module("confined").run(int(arguments[0]), arguments[1:])
    elif verb == "unpack":
        sys.exit(_module("unpack").main(arguments))
    else:
        sys.exit(f"unknown verb {verb!r}")


if __name__ == "__main__":
    main()
