"""Builds a runtime's environment from its lock, once a machine, with uv.

Invariant: an environment's folder appears whole or not at all (built aside, then renamed, under a
file lock), is never changed afterwards, and is shared by every data directory of the user.
"""

import asyncio
import contextlib
import fcntl
import functools
import os
import re
import shutil
import stat
import sys
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import uv

from hostler.backends.process import output, pip_settings
from hostler.backends.process.pip_settings import Sources
from hostler.backends.process.runtimes import Runtime
from hostler.domain.config import Wheels

BUILD_TIMEOUT_S = 1800.0
AT_ONCE = 8
"""Environments built at the same time; the others wait their turn."""
_LOCK_POLL_S = 0.2
LOCK, _PART = ".lock", ".part"
_TAIL_LINES = 8
_OPENLY = ("/bin/sh", "-c", 'umask 022 && exec "$@"', "sh")
"""Runs what follows so that instances can read the files as users of their own; uvloop, on which
the control process runs, knows no ``umask`` argument."""
_UV_SETTINGS = {"UV_NO_CONFIG": "1", "UV_NO_PROGRESS": "1", "NO_COLOR": "1"}

_LACKS = re.compile(r"(lib[\w+-]+\.so[.\d]*): cannot open shared object file")
_PACKAGES = {"libgomp.so.1": "libgomp1"}
"""Debian's names of what wheels expect of the system: LightGBM's brings no OpenMP of its own."""


class EnvironmentBuildError(Exception):
    """An environment cannot be built; the text holds the end of uv's own words."""


@dataclass(frozen=True, slots=True)
class Environment:
    """A built environment: its interpreter, and the folders an instance must see to run it."""

    runtime: Runtime
    root: Path
    python: Path

    @property
    def digest(self) -> str:
        return self.runtime.digest


def cache_root(environ: Mapping[str, str] | None = None) -> Path:
    """Where environments are kept: HOSTLER_CACHE_DIR, else the user's cache folder."""
    environ = os.environ if environ is None else environ
    if chosen := environ.get("HOSTLER_CACHE_DIR"):
        return Path(chosen).resolve()
    base = environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "hostler"


@dataclass(frozen=True, slots=True)
class _Build:
    """The builds of one environment: one at a time, heard by all who wait for it."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    listeners: list[Callable[[str], None]] = field(default_factory=list)

    def tell(self, line: str) -> None:
        for listener in tuple(self.listeners):
            listener(line)

    @contextlib.contextmanager
    def heard_by(self, listener: Callable[[str], None]) -> Iterator[None]:
        self.listeners.append(listener)
        try:
            yield
        finally:
            self.listeners.remove(listener)


class Environments:
    """The environments of a cache folder; ``ensure`` may be called from many tasks at once."""

    def __init__(
        self,
        root: Path | None = None,
        announce: Callable[[str], None] = lambda _line: None,
        sources: Sources = pip_settings.PIPS,
    ) -> None:
        """``announce`` gets the beginning and the end of each build, whoever waits for it."""
        self.sources = sources
        self._root = (root or cache_root()) / "runtimes"
        self._building: dict[str, _Build] = {}
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._announce = announce
        self.builds: dict[str, str] = {}
        """What is being built now: the last line of each, by the runtime's name."""

    def path(self, runtime: Runtime) -> Path:
        if runtime.root is not None:
            return runtime.root
        return self._root / f"{runtime.name}-{runtime.digest[:16]}"

    def built(self, runtime: Runtime) -> Environment | None:
        """The environment if it is there already."""
        root = self.path(runtime)
        proof = root / "bin" / "python" if runtime.root is not None else root / "pyvenv.cfg"
        if not proof.exists():
            return None
        return Environment(runtime, root, root / "bin" / "python")

    async def ensure(
        self, runtime: Runtime, progress: Callable[[str], None] = lambda _line: None
    ) -> Environment:
        """The environment, built if need be; ``progress`` gets a line at each step.

        Who comes while it is being built for another hears the rest of that build.

        Raises:
            EnvironmentBuildError: uv could not build it, or BUILD_TIMEOUT_S passed.
        """
        if environment := self.built(runtime):
            return environment
        if runtime.root is not None:
            raise EnvironmentBuildError(f"{runtime.root} is no environment: it has no bin/python")
        build = self._building.setdefault(runtime.digest, _Build())
        if build.lock.locked():
            progress(f"the {runtime.name} environment is being built")
        with build.heard_by(progress):
            async with build.lock:
                if self.built(runtime) is None:
                    async with self._turns:
                        await self._exclusively(runtime, build.tell)
        environment = self.built(runtime)
        if environment is None:
            raise EnvironmentBuildError(
                f"the {runtime.name} environment vanished while it was built"
            )
        return environment

    async def _exclusively(self, runtime: Runtime, tell: Callable[[str], None]) -> None:
        """Build it, unless somebody else has in the meantime."""
        try:
            async with asyncio.timeout(BUILD_TIMEOUT_S), self._exclusive(runtime, tell):
                if self.built(runtime) is None:
                    with self._announced(runtime, tell) as progress:
                        await self._build(runtime, progress)
        except TimeoutError:
            raise EnvironmentBuildError(
                f"the {runtime.name} environment was not built within {BUILD_TIMEOUT_S:.0f} s"
            ) from None
        except OSError as error:
            raise EnvironmentBuildError(
                f"the {runtime.name} environment cannot be written to {self._root}: {error}"
            ) from error

    @contextlib.contextmanager
    def _announced(
        self, runtime: Runtime, progress: Callable[[str], None]
    ) -> Iterator[Callable[[str], None]]:
        """Show a build to everybody while it goes on; ``progress`` gets every line of it."""

        def tell(line: str) -> None:
            self.builds[runtime.name] = line
            progress(line)

        name = f"the {runtime.name} environment"
        began = time.monotonic()
        self._announce(f"building {name} ({runtime.title})")
        try:
            yield tell
        except BaseException:
            self._announce(f"{name} was not built: the logs of the endpoints that need it say why")
            raise
        else:
            self._announce(f"built {name} in {time.monotonic() - began:.0f} s")
        finally:
            self.builds.pop(runtime.name, None)

    @contextlib.asynccontextmanager
    async def _exclusive(
        self, runtime: Runtime, progress: Callable[[str], None]
    ) -> AsyncIterator[None]:
        """Hold the build's file lock, without blocking the loop while another process builds."""
        self._root.mkdir(parents=True, exist_ok=True)
        path = self.path(runtime)
        with path.with_name(path.name + LOCK).open("w") as lock:
            waited = False
            while True:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if not waited:
                        progress(f"another process is building the {runtime.name} environment")
                    waited = True
                    await asyncio.sleep(_LOCK_POLL_S)
            yield

    async def _build(self, runtime: Runtime, progress: Callable[[str], None]) -> None:
        final = self.path(runtime)
        aside = final.with_name(final.name + _PART)
        await asyncio.to_thread(_clear, self._root)
        await asyncio.to_thread(_remove, aside)  # a build that was killed; we hold its lock
        python = runtime.python or getattr(sys, "_base_executable", sys.executable)
        progress(f"building the {runtime.name} environment ({runtime.title})")
        try:
            venv = ("venv", "--quiet", "--relocatable", "--no-project", "--python", python, aside)
            run = functools.partial(_run, progress, self.sources)
            await run(uv.find_uv_bin(), *venv)
            lock = aside / "requirements.lock"
            lock.write_text(runtime.lock)
            interpreter = aside / "bin" / "python"
            install: list[str | Path] = ["pip", "install", "--python", interpreter, "-r", lock]
            if runtime.locked and runtime.wheels is Wheels.CPU:
                install.append("--no-deps")  # a lock leaves out what only builds for GPUs need
            if not runtime.locked or "torch==" in runtime.lock:
                install += self.sources.torch_backend(runtime.wheels)
            await run(uv.find_uv_bin(), *install)
            # Proves that it works, and leaves the bytecode of what every instance will import.
            await run(interpreter, "-I", "-c", f"import {', '.join(('sys', *runtime.imports))}")
            await asyncio.to_thread(_open_to_readers, aside)
            aside.rename(final)
        except BaseException:
            await asyncio.to_thread(_remove, aside)
            raise
        progress(f"built the {runtime.name} environment")


def _clear(root: Path) -> None:
    """Delete what killed builds left, of runtimes too that nobody will ever build again."""
    for part in root.glob(f"*{_PART}"):
        lock = part.with_name(part.name.removesuffix(_PART) + LOCK)
        with contextlib.suppress(OSError), lock.open("w") as held:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _remove(part)


def _remove(root: Path) -> None:
    """Delete tens of thousands of files: not in the event loop."""
    shutil.rmtree(root, ignore_errors=True)


def _open_to_readers(root: Path) -> None:
    """Let other users read it: a wheel from uv's cache may have been kept under a strict umask."""
    for base, _, names in os.walk(root):
        for path in (base, *(os.path.join(base, name) for name in names)):  # noqa: PTH118
            status = os.lstat(path)
            if stat.S_ISLNK(status.st_mode) or status.st_uid != os.geteuid():
                continue
            wanted = status.st_mode | 0o444 | (0o111 if status.st_mode & 0o100 else 0)
            if wanted != status.st_mode:
                Path(path).chmod(stat.S_IMODE(wanted))


def remedy(said: str) -> str:
    """What would mend a step that said this before it failed; empty where nothing is known."""
    found = _LACKS.search(said)
    if found is None:
        return ""
    library = found[1]
    package = _PACKAGES.get(library)
    way = f"Debian: apt-get install {package}" if package else "install the package that has it"
    return f"the system lacks {library} ({way}): "


async def _run(progress: Callable[[str], None], sources: Sources, *words: str | Path) -> None:
    """Run a step of a build; its lines go to ``progress``, and its last ones into the error."""
    environ = {**os.environ, **sources.uv_environment(), **_UV_SETTINGS}
    for name in ("VIRTUAL_ENV", "UV_PROJECT_ENVIRONMENT", "PYTHONPATH", "PYTHONHOME"):
        environ.pop(name, None)
    process = await asyncio.create_subprocess_exec(
        *_OPENLY,
        *map(str, words),
        env=environ,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    last: deque[str] = deque(maxlen=_TAIL_LINES)
    try:
        if process.stdout is not None:
            async for line in output.lines(process.stdout):
                last.append(line)
                progress(line)
        status = await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if status:
        step = " ".join(str(word) for word in words[:2])
        tail = " ".join(line.strip() for line in last)
        raise EnvironmentBuildError(f"{remedy(tail)}{step} ended with status {status}: {tail}")
