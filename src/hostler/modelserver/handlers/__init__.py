"""Frameworks: which one serves a model, by its files or by the object that a script loaded.

Invariant: a framework is imported only when its model is there; the choice names what it saw when
nothing fits.
"""

from __future__ import annotations

import os
import sys
from typing import Any

from .. import failures
from ..failures import LoadFailure
from ..settings import Settings
from .base import Handler, listed
from .huggingface import HuggingFace
from .lightgbm import LightGBM
from .onnx import Onnx
from .pytorch import PyTorch
from .scikit_learn import ScikitLearn
from .xgboost import XGBoost
from .xgboost_algorithm import XGBoostAlgorithm

_BY_RUNTIME: dict[str, type[Handler]] = {
    each.name: each for each in (ScikitLearn, PyTorch, XGBoost, LightGBM, Onnx, HuggingFace)
}
_DEPTH_MAX = 3


def _kind(settings: Settings) -> type[Handler] | None:
    """The handler of the runtime that the instance was given; None for the generic one."""
    kind = _BY_RUNTIME.get(settings.runtime)
    if kind is XGBoost and settings.repository in XGBoostAlgorithm.repositories:
        return XGBoostAlgorithm
    return kind


def model_files(model_dir: str) -> list[str]:
    """Relative paths of the archive's files outside ``code/``, nearest first; no hidden ones."""
    found: list[tuple[int, str]] = []
    for folder, folders, names in os.walk(model_dir):
        relative = os.path.relpath(folder, model_dir)
        depth = 0 if relative == "." else relative.count(os.sep) + 1
        hidden = {"code"} if depth == 0 else set()
        folders[:] = sorted(
            name
            for name in folders
            if name not in hidden and not name.startswith(".") and depth < _DEPTH_MAX
        )
        found.extend(
            (depth, os.path.normpath(os.path.join(relative, name)))
            for name in names
            if not name.startswith(".")  # macOS's tar adds ._name beside each file
        )
    return [name for _, name in sorted(found)]


def for_files(settings: Settings) -> tuple[Handler, str]:
    """The handler that can load the archive without a script, and what it is to load.

    Raises:
        LoadFailure: no known model file, several without a clear one, or no such framework here.
    """
    files = model_files(settings.model_dir)
    kind = _kind(settings)
    kinds = [kind] if kind is not None else list(_BY_RUNTIME.values())
    for candidate in kinds:
        found = candidate.find(files, settings)
        if found is not None:
            path = os.path.join(settings.model_dir, found) if found else settings.model_dir
            return _made(candidate, settings, found or "The model"), path
    text = _nothing_known(settings.model_dir, files, kinds)
    raise LoadFailure(failures.NO_HANDLER, text)


def for_model(model: Any, settings: Settings) -> Handler:
    """The handler whose defaults stand in for what a script leaves out."""
    torch = sys.modules.get("torch")
    kind = _kind(settings)
    if torch is not None and isinstance(model, torch.nn.Module) and kind is not HuggingFace:
        return PyTorch(settings, scripted=True)
    if kind is not None and kind is not PyTorch:
        return kind(settings, scripted=True)
    if "sklearn" in sys.modules and hasattr(model, "predict"):
        return ScikitLearn(settings, scripted=True)
    if kind is PyTorch:
        return _made(PyTorch, settings, "the runtime", scripted=True)
    return Handler(settings, scripted=True)


def _made(kind: type[Handler], settings: Settings, file: str, *, scripted: bool = False) -> Handler:
    try:
        return kind(settings, scripted=scripted)
    except ImportError as error:
        raise LoadFailure(
            failures.IMPORT_ERROR,
            f"{file} needs {error.name or kind.name}, which this environment does not have: use "
            f"the {kind.name} image, or add it to code/requirements.txt.",
        ) from error


def _nothing_known(model_dir: str, files: list[str], kinds: list[type[Handler]]) -> str:
    suffixes = ", ".join(suffix for kind in kinds for suffix in kind.suffixes)
    code = os.path.join(model_dir, "code")
    scripts = (
        sorted(n for n in os.listdir(code) if n.endswith(".py")) if os.path.isdir(code) else []
    )
    holds = listed(files + [f"code/{name}" for name in scripts]) or "no file"
    advice = "add code/inference.py with model_fn"
    if scripts:
        advice = f"set SAGEMAKER_PROGRAM to the script of code/ that serves ({listed(scripts)})"
    return (
        f"No inference script and no known model file ({suffixes}): the archive holds {holds}. "
        f"Save the model in one of these forms, or {advice}."
    )
