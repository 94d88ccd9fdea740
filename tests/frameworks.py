"""The interpreters of the shipped runtimes, as instances get them."""

import asyncio
import subprocess
import tempfile
from functools import cache
from pathlib import Path

from hostler.backends.process.environments import Environments
from hostler.backends.process.runtimes import Runtimes


@cache
def framework_python(name: str) -> Path:
    """The interpreter of a runtime's environment, built at the first call and cached on disk."""
    runtime = Runtimes.shipped().named(name)
    return asyncio.run(Environments().ensure(runtime, print)).python


def run_in(name: str, code: str, *arguments: str | Path) -> str:
    """What a piece of code prints in a runtime's interpreter: makes models for tests."""
    with tempfile.NamedTemporaryFile("w", suffix=".py") as script:  # TorchScript reads its source
        script.write(code)
        script.flush()
        done = subprocess.run(
            [framework_python(name), "-W", "ignore", script.name, *arguments],
            check=False,
            capture_output=True,
            text=True,
        )
    assert done.returncode == 0, done.stderr
    return done.stdout
