"""Commands that handle what users uploaded, run in the sandbox, as another user, with a deadline.

Invariant: an errand sees its inputs read-only and writes one folder; it ends with its deadline, and
with us.
"""

import asyncio
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hostler.backends.process import output
from hostler.backends.process.isolation import Tier, confined
from hostler.modelserver import launcher, sandbox

_OUTPUT_MAX = 64 * 1024


@dataclass(frozen=True, slots=True)
class Errand:
    """A command and what it may see.

    ``mount_point`` is the one that was probed (``Layout.mount_point``); ``writable`` is handed to
    the errand's user for its time.
    """

    words: Sequence[str | Path]
    mount_point: Path
    writable: Path
    read_only: Sequence[Path] = ()
    environment: Mapping[str, str] | None = None
    network: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    status: int
    output: str
    """stdout and stderr together, the end of it."""


async def run(tier: Tier, errand: Errand, timeout_s: float, stdin: int | None = None) -> Outcome:
    """Run an errand; raises TimeoutError when it was not done in time, and has then ended it."""
    uid = tier.users.errands if tier.users else None
    if uid is not None:
        os.chown(errand.writable, uid, uid)
    plan = sandbox.SandboxPlan(
        root=str(errand.mount_point),
        kind=sandbox.NAMESPACES if tier.namespaces else sandbox.RLIMITS,
        uid=uid,
        isolate_network=not errand.network,
        hostname="hostler",
        read_only=(*interpreter_paths(own_python()), *_shown(errand)),
        writable=((str(errand.writable), str(errand.writable)),),
        environment=clean_environment() | dict(errand.environment or {}),
    )
    with confined(plan, *map(str, errand.words)) as (words, descriptor):
        process = await asyncio.create_subprocess_exec(
            *words,
            pass_fds=(descriptor,),
            stdin=asyncio.subprocess.DEVNULL if stdin is None else stdin,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env=clean_environment(),
        )
    try:
        async with asyncio.timeout(timeout_s):
            said = b"" if process.stdout is None else await output.tail(process.stdout, _OUTPUT_MAX)
            status = await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return Outcome(status, said.decode(errors="replace").strip())


def clean_environment() -> dict[str, str]:
    """What our helpers start with: nothing of ours that a model's code could find in /proc."""
    kept = {"PATH": "/usr/bin:/bin", "HOME": "/tmp", "LANG": "C.UTF-8"}  # noqa: S108
    libraries = os.environ.get("LD_LIBRARY_PATH")  # some interpreters do not start without
    return kept | ({"LD_LIBRARY_PATH": libraries} if libraries else {})


def own_python() -> Path:
    """The interpreter below our own virtual environment."""
    return Path(getattr(sys, "_base_executable", sys.executable))


def interpreter_paths(python: Path) -> list[tuple[str, str]]:
    """What an interpreter needs to be seen, as (source, path inside).

    A virtual environment names its base by a path that may itself lead over links, so each step's
    prefix is shown where it is named.
    """
    steps = [python]
    while steps[-1].is_symlink():
        steps.append(Path(os.path.normpath(steps[-1].parent / steps[-1].readlink())))
    steps.append(python.resolve())
    prefixes = {step.parent.parent for step in steps} - {Path("/")}
    return sorted((str(prefix.resolve()), str(prefix)) for prefix in prefixes)


def _shown(errand: Errand) -> list[tuple[str, str]]:
    paths = [*errand.read_only, Path(launcher.BOOTSTRAP).parent]
    return [(str(path), str(path)) for path in paths]
