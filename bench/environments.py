"""Environments of Python packages, one for each peer, kept in .cache/bench."""

import json
import os
import subprocess
import sys
import tomllib
from importlib.resources import files
from pathlib import Path

from hostler.backends.process.pip_settings import PIPS
from hostler.domain.config import Wheels

CACHE = Path(".cache/bench").resolve()


class EnvironmentFailedError(Exception):
    """It cannot be built; the text is one line that says why."""


def model_requirements() -> tuple[str, ...]:
    """What Hostler serves the same models with: versions differ several times in speed."""
    shipped = tomllib.loads(files("hostler.backends.process").joinpath("runtimes.toml").read_text())
    pinned = [*shipped["scikit-learn"]["requirements"], *shipped["pytorch"]["requirements"]]
    wanted = ("scikit-learn==", "torch==")
    return (*(each for each in pinned if each.startswith(wanted)), "numpy", "joblib", "orjson")


def python(name: str, requirements: tuple[str, ...]) -> Path:
    """The interpreter of an environment that holds the models' packages and these."""
    folder = CACHE / name
    interpreter = folder / "bin/python"
    wanted = "\n".join([*requirements, *model_requirements()])
    done_mark = folder / ".done"
    if done_mark.exists() and done_mark.read_text() == wanted:
        return interpreter
    CACHE.mkdir(parents=True, exist_ok=True)
    _uv("venv", "--quiet", "--clear", "--python", sys.executable, str(folder))
    install = ["pip", "install", "--quiet", "--compile-bytecode", "--python", str(interpreter)]
    _uv(*install, *PIPS.torch_backend(Wheels.CPU), *wanted.splitlines())
    done_mark.write_text(wanted)
    return interpreter


def packages(interpreter: Path) -> dict[str, str]:
    """Every distribution of an environment with its version."""
    listed = _uv("pip", "list", "--quiet", "--format", "json", "--python", str(interpreter))
    return {each["name"]: each["version"] for each in json.loads(listed)}


def _uv(*words: str) -> str:
    environment = {**os.environ, **PIPS.uv_environment()}
    command = [sys.executable, "-m", "uv", *words]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        said = " ".join(done.stderr.split()) or f"uv ended with {done.returncode}"
        raise EnvironmentFailedError(f"its environment cannot be built: {said[:300]}")
    return done.stdout
