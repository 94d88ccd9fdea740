"""Resolves what is installed beside uv.lock into committed locks with hashes (`make locks`).

What is locked stays as it is while it fits; ``--upgrade`` takes the newest of everything.

Invariant: every package has the hashes of all its files on the index, so that a build takes none
that somebody else has put there since. torch alone has none: which of its builds is installed
(the index's, PyTorch's own for the CPU, a wheel in a folder) is decided where the environment is
built, and each has other bytes. For the same reason its local version (`+cpu`) and its CUDA
packages are left out.
"""

import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path

import uv

from hostler.backends.process.pip_settings import uv_environment

ROOT = Path(__file__).parent.parent
RUNTIMES = ROOT / "src/hostler/backends/process"
CLIENTS = ROOT / "tests/conformance/clients"
OWN = ROOT / "uv.lock"
BOOTSTRAP = ROOT / "tools/uv.txt"
"""What pip installs where there is no uv yet."""
ALONE = ("cli2",)
"""Clients of which nothing else is needed: it is unpacked."""
LEFT_OUT = ("nvidia-", "cuda-", "triton==")
WITHOUT_HASH = ("torch==",)

ENTRY = re.compile(r"^[^\s#].*(?:\n[ \t].*)*", re.MULTILINE)
"""A package in a list, with the lines that belong to it."""


def main() -> None:
    """Write all of them; arguments go to uv's compile as they are."""
    for name, table in tomllib.loads((RUNTIMES / "runtimes.toml").read_text()).items():
        lock = RUNTIMES / "locks" / f"{name}.txt"
        resolved = _resolved(table["requirements"], lock, sys.argv[1:])
        lock.write_text("".join(f"{each}\n" for each in kept(resolved)))
    for asked in sorted(CLIENTS.glob("*.in")):
        alone = ["--no-deps"] if asked.stem in ALONE else []
        requirements = asked.read_text().splitlines()
        _resolved(requirements, asked.with_suffix(".txt"), [*alone, *sys.argv[1:]])
    _resolved([f"uv=={own_version('uv', OWN.read_text())}"], BOOTSTRAP, [])


def kept(resolved: str) -> Iterator[str]:
    """The entries of a resolved list that belong into a runtime's lock, as they are written."""
    for entry in ENTRY.findall(resolved):
        if entry.startswith(WITHOUT_HASH):
            yield re.split(r"[\s+]", entry, maxsplit=1)[0]
        elif not entry.startswith(LEFT_OUT):
            yield entry


def own_version(name: str, lock: str) -> str:
    """Of a package in uv.lock's text."""
    found = next(each for each in tomllib.loads(lock)["package"] if each["name"] == name)
    return str(found["version"])


def _resolved(requirements: Sequence[str], lock: Path, options: Sequence[str]) -> str:
    """Write a lock anew, and read it; what it has is preferred."""
    command = [uv.find_uv_bin(), "pip", "compile", "-", "--python-version", "3.11", "--quiet"]
    command += ["--generate-hashes", "--no-header", "--no-annotate", "--output-file", str(lock)]
    subprocess.run(
        [*command, *options],
        input="\n".join(requirements),
        env={**os.environ, **uv_environment()},
        text=True,
        check=True,
    )
    return lock.read_text()


if __name__ == "__main__":
    main()
