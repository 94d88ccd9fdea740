"""A model's own requirements: an environment beside the runtime's, code/requirements.txt added.

Invariant: uv runs in the sandbox and takes wheels only, so that no code of a package runs at
installation; the runtime's own environment is never written to.
"""

import asyncio
import hashlib
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import uv

from hostler.backends.process import errands
from hostler.backends.process.environments import Environment, EnvironmentBuildError
from hostler.backends.process.isolation import Tier
from hostler.backends.process.pip_settings import Sources
from hostler.backends.process.references import AT_ONCE, SharedFolders
from hostler.backends.process.threads import Threads, go_on
from hostler.domain.config import Wheels
from hostler.domain.layout import Layout
from hostler.domain.ports import Wanted

FILE = "code/requirements.txt"
INSTALL_TIMEOUT_S = 900.0
_PASSED = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR")
INSPECTED_MAX = 1 << 20
_TAIL = 600


class Overlays:
    """The ``overlays`` folder of a data directory."""

    def __init__(self, layout: Layout, tier: Tier, sources: Sources) -> None:
        self._tier = tier
        self._sources = sources
        self._mount_point = layout.mount_point
        self._threads = Threads("overlay", AT_ONCE)
        self.folders = SharedFolders(
            layout.overlays, (layout.instances, layout.prepared), "environment"
        )

    async def ensure(
        self,
        environment: Environment,
        model: Path,
        instance_dir: Path,
        progress: Callable[[str], None],
    ) -> Environment:
        """The runtime's environment with the model's requirements installed into a copy of it.

        Raises:
            EnvironmentBuildError: uv's own words, and what to do.
        """
        key = hashlib.sha256(f"{environment.digest} {model.name}".encode()).hexdigest()[:40]

        async def make(folder: Path) -> None:
            progress(f"installing {FILE}")
            await self._threads.run(partial(_copy, environment.root, folder))
            await self._install(folder, model, environment.runtime.wheels, progress)

        try:
            root = await self.folders.ensure(key, instance_dir, make)
        except TimeoutError:
            text = f"{FILE} was not installed within {INSTALL_TIMEOUT_S:.0f} s"
            raise EnvironmentBuildError(text) from None
        except OSError as error:
            raise EnvironmentBuildError(f"{FILE} could not be installed: {error}") from error
        return replace(environment, root=root, python=root / "bin" / "python")

    async def _install(
        self, folder: Path, model: Path, builds: Wheels, progress: Callable[[str], None]
    ) -> None:
        added = self._sources.uv_environment()
        wheels = self._sources.folders()
        python = folder / "bin" / "python"
        install: list[str | Path] = ["pip", "install", "--python", python]
        words = [uv.find_uv_bin(), *install, "--only-binary", ":all:", "-r", model / FILE]
        words += self._sources.torch_backend(builds)
        certificate = [Path(added["SSL_CERT_FILE"])] if "SSL_CERT_FILE" in added else []
        errand = errands.Errand(
            words,
            self._mount_point,
            writable=folder,
            read_only=[Path(uv.find_uv_bin()), model, *wheels, *certificate],
            environment=_settings(added, folder),
            network=True,
        )
        if self._tier.users:
            await asyncio.to_thread(_hand_over, folder, self._tier.users.errands)
        outcome = await errands.run(self._tier, errand, INSTALL_TIMEOUT_S)
        await asyncio.to_thread(shutil.rmtree, folder / ".cache", ignore_errors=True)
        for line in outcome.output.splitlines()[-20:]:
            progress(line)
        if outcome.status:
            raise EnvironmentBuildError(
                f"{FILE} could not be installed (wheels only, beside the runtime's own packages): "
                f"{reason(outcome.output, folder, model)}"
            )


def reason(output: str, folder: Path, model: Path) -> str:
    """The end of uv's words in one line, without our own folders: their reader knows none."""
    lines = [line for line in output.splitlines() if not line.startswith("Using Python ")]
    text = " ".join(" ".join(lines).split())
    for ours in (f"{model}/", f"{folder}/"):
        text = text.replace(ours, "")
    return text[-_TAIL:]


def wanted(model: Path | None) -> bool:
    """Whether a model brings requirements that say anything."""
    if model is None:
        return False
    path = model / FILE
    if not path.is_file():
        return False
    with path.open(errors="replace") as file:  # the model's own: it may be of any size
        lines = [line.strip() for line in file.read(INSPECTED_MAX).splitlines()]
    return any(line and not line.startswith("#") for line in lines)


def _settings(added: dict[str, str], folder: Path) -> dict[str, str]:
    own = {k: v for k, v in os.environ.items() if k.startswith("UV_") or k.upper() in _PASSED}
    fixed = {
        "UV_NO_CONFIG": "1",
        "UV_NO_PROGRESS": "1",
        "NO_COLOR": "1",
        "UV_CACHE_DIR": str(folder / ".cache"),
        "UV_PYTHON_DOWNLOADS": "never",
    }
    return {**own, **added, **fixed}


def _copy(source: Path, folder: Path, wanted: Wanted) -> None:
    """The environment again, its files hard-linked where the file system allows."""

    def link(original: str, copy: str) -> str:
        go_on(wanted)
        try:
            os.link(original, copy, follow_symlinks=False)
        except OSError:
            shutil.copy2(original, copy, follow_symlinks=False)
        return copy

    shutil.copytree(source, folder, symlinks=True, copy_function=link, dirs_exist_ok=True)


def _hand_over(folder: Path, uid: int) -> None:
    """Folders become the errand's own, so that it may replace files; the files stay ours."""
    for base, _, _ in os.walk(folder):
        os.chown(base, uid, uid)
