"""The user's inference script: where it lies, and importing it.

Invariant: every way in which the import can end badly becomes a LoadFailure that names the user's
own file and line.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from types import ModuleType
from typing import Optional

from . import failures, toolkits
from .failures import LoadFailure
from .settings import PROGRAM, Settings


def find(settings: Settings) -> Optional[str]:
    """The script's path, or None when the model brings none.

    SAGEMAKER_PROGRAM below the code folder, else ``inference.py`` there, else ``inference.py``
    beside the model's files (archives of older SDKs).

    Raises:
        LoadFailure: SAGEMAKER_PROGRAM names a file that does not exist.
    """
    code_dir, program = settings.code_dir, settings.program
    named = program if program.endswith(".py") or not program else program + ".py"
    for folder in (code_dir, settings.model_dir):
        path = os.path.join(folder, named or PROGRAM)
        if os.path.isfile(path):
            return path
    if named and os.path.isdir(code_dir):
        held = sorted(name for name in os.listdir(code_dir) if name.endswith(".py"))
        holds = ", ".join(held) or "no Python file"
        raise LoadFailure(
            failures.BAD_SCRIPT,
            f"SAGEMAKER_PROGRAM names {program}, but {code_dir} holds {holds}.",
        )
    if named:
        raise LoadFailure(
            failures.BAD_SCRIPT,
            f"SAGEMAKER_PROGRAM names {program}, but the archive has no folder code/.",
        )
    return None


def load(path: str) -> ModuleType:
    """Import the script under its own name, with its folder first on the path.

    Raises:
        LoadFailure: it does not compile, imports what is not there, or raises.
    """
    folder = os.path.dirname(path)
    sys.dont_write_bytecode = True  # the model's folder is others' as well
    for entry in (os.path.join(folder, "lib"), folder):
        if os.path.isdir(entry) and entry not in sys.path:
            sys.path.insert(0, entry)
    toolkits.offer()
    name = os.path.basename(path)[: -len(".py")]
    if name in sys.modules:
        name = f"user_{name}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise LoadFailure(failures.BAD_SCRIPT, f"{path} cannot be imported.", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException as error:  # the user's code may raise anything
        raise explain(error, path, "while it was imported") from error
    return module


def explain(error: BaseException, path: str, doing: str) -> LoadFailure:
    """What went wrong in the user's script at ``path``, as the failure that names it."""
    if isinstance(error, LoadFailure):
        return error
    folder = os.path.dirname(path)
    if isinstance(error, SyntaxError) and error.filename:
        line = error.lineno or 0
        text = f"{_shown(error.filename, folder)}, line {line}: {type(error).__name__}: {error.msg}"
        return LoadFailure(failures.BAD_SCRIPT, text, error.filename, line)
    file, line, _ = failures.place(error.__traceback__, folder)
    file = file or path
    where = f"{_shown(file, folder)}, line {line}" if line else _shown(file, folder)
    if isinstance(error, ModuleNotFoundError) and error.name:
        package = error.name.partition(".")[0]
        text = f"{where}: no module named '{error.name}'; add {package} to code/requirements.txt"
        return LoadFailure(failures.IMPORT_ERROR, text, file, line)
    if isinstance(error, ImportError):
        return LoadFailure(failures.IMPORT_ERROR, f"{where}: {error}", file, line)
    if isinstance(error, MemoryError):
        text = f"{where}: out of memory {doing}"
        return LoadFailure(failures.OUT_OF_MEMORY, text, file, line)
    if isinstance(error, SystemExit):
        return LoadFailure(failures.BAD_SCRIPT, f"{where}: it called sys.exit {doing}", file, line)
    text = f"{where}: {failures.describe(error)} ({doing}){_advice(error)}"
    return LoadFailure(failures.MODEL_LOAD, text, file, line)


def _shown(file: str, folder: str) -> str:
    """The file as the user knows it: relative to the model where it lies in there."""
    root = os.path.dirname(folder) if os.path.basename(folder) == "code" else folder
    prefix = os.path.join(root, "")
    return file[len(prefix) :] if file.startswith(prefix) else file


def _advice(error: BaseException) -> str:
    text = str(error)
    if isinstance(error, AttributeError) and "__main__" in text:
        return MAIN_ADVICE
    return ""


MAIN_ADVICE = (
    ": the pickle refers to something that was defined in the training script itself; define it in "
    "a module of its own, put that into code/, and save the model again"
)
