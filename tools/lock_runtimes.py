"""Resolves runtimes.toml's requirements into the committed locks (`make locks`).

torch is kept without a local version (`+cpu`), and its CUDA packages are left out: which build of
it is installed is decided where the environment is built.
"""

import os
import subprocess
import tomllib
from pathlib import Path

import uv

from hostler.backends.process.pip_settings import uv_environment

HOME = Path(__file__).parent.parent / "src/hostler/backends/process"
LEFT_OUT = ("nvidia-", "cuda-", "triton==")


def main() -> None:
    for name, table in tomllib.loads((HOME / "runtimes.toml").read_text()).items():
        resolved = subprocess.run(
            [
                *(uv.find_uv_bin(), "pip", "compile", "-", "--python-version", "3.11"),
                *("--no-header", "--no-annotate", "--quiet"),
            ],
            input="\n".join(table["requirements"]),
            env={**os.environ, **uv_environment()},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        lines = [line.partition("+")[0] for line in resolved.splitlines()]
        kept = [line for line in lines if not line.startswith(LEFT_OUT)]
        (HOME / "locks" / f"{name}.txt").write_text("\n".join(kept) + "\n")


if __name__ == "__main__":
    main()
