"""Everything between a spec and a shim: runtime, model data, environment, plan, start.

Invariant: may be abandoned at any await and done again from the beginning; its progress is told in
the instance's own log stream, its failure as a cause and a line.
"""

import asyncio
import contextlib
import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

from hostler.backends.process import launch, observing, requirements, zygotes
from hostler.backends.process.artifacts import Artifacts, Needs, file_names, script_texts
from hostler.backends.process.environments import (
    Environment,
    EnvironmentBuildError,
    Environments,
)
from hostler.backends.process.isolation import Tier
from hostler.backends.process.room import NoRoomError, Room, Share
from hostler.backends.process.runtimes import Runtime, Runtimes, UnknownImageError
from hostler.backends.process.zygotes import ZygoteError, Zygotes
from hostler.domain.instance import FailureCause, InstanceSpec
from hostler.domain.layout import Layout
from hostler.domain.ports import ModelDataError, ModelDataSource
from hostler.modelserver import folder, provenance, spool
from hostler.modelserver.provenance import Written

Say: TypeAlias = Callable[[str], None]
"""Takes a line of progress."""


class PreparationError(Exception):
    """The instance will not run: why, in one line."""

    def __init__(self, cause: FailureCause, message: str) -> None:
        super().__init__(message)
        self.cause = cause
        self.message = message


class Preparer:
    """Prepares and starts instances; holds no state of theirs."""

    def __init__(
        self,
        layout: Layout,
        *,
        runtimes: Runtimes,
        environments: Environments,
        model_data: ModelDataSource,
        zygotes: Zygotes,
        tier: Tier,
        room: Room,
        manners: launch.Manners,
    ) -> None:
        self._room = room
        self._manners = manners
        self._runtimes = runtimes
        self._environments = environments
        self._zygotes = zygotes
        self._tier = tier
        self.artifacts = Artifacts(layout, model_data, tier)
        self.overlays = requirements.Overlays(layout, tier, environments.sources)
        self.shared = (self.artifacts.folders, self.overlays.folders)

    async def run(self, spec: InstanceSpec, path: Path) -> None:
        """Bring a shim to life in the instance's folder. Raises PreparationError."""
        progress = Progress(path)
        try:
            with _explained(progress.say):
                share = await self._admit(spec, progress.say)
                prepared = await self._prepare(spec, path, progress.say)
                prepared = replace(prepared, share=share)
                zygote = await self._zygote(prepared, progress.say)
                if zygote is None or not await self._forked(spec, path, prepared, zygote, progress):
                    progress.close()
                    self._compose(spec, path, prepared, fresh=True)
                    await launch.start_fresh(path)
        finally:
            progress.close()

    async def _admit(self, spec: InstanceSpec, say: Say) -> Share:
        try:
            return await asyncio.to_thread(self._room.admit, spec)
        except NoRoomError as error:
            say(str(error))
            raise PreparationError(FailureCause.CAPACITY, str(error)) from error

    async def ahead(self, needs: Needs, path: Path, say: Say) -> None:
        """Make ready what an instance will need, with references from ``path``.

        Raises:
            PreparationError: an instance of it would fail as well, for now.
        """
        with _explained(say):
            await self._zygote(await self._prepare(needs, path, say), say)

    async def let_go(self, path: Path) -> None:
        """Delete a folder, and what only it referred to."""
        used = [(shared, shared.used_by(path)) for shared in self.shared]
        await asyncio.to_thread(shutil.rmtree, path, ignore_errors=True)
        for shared, key in used:
            if key is not None:
                await shared.release(key)

    async def _prepare(self, needs: Needs, path: Path, say: Say) -> launch.Prepared:
        image = needs.container.image
        if self._runtimes.waits_for_archive(image):
            model = await self.artifacts.ensure(needs, path)
            written = await asyncio.to_thread(_written, model)
            chosen = self._chosen(image, model, written)
            environment = await self._environments.ensure(chosen, say)
        else:
            runtime = self._runtimes.for_image(image)
            model, environment = await self._together(needs, path, runtime, say)
            written = await asyncio.to_thread(_written, model)
        prepared = launch.Prepared(environment, model, overlaid=False, written=written)
        if model is None or not requirements.wanted(model):
            return prepared
        try:
            overlay = await self.overlays.ensure(environment, model, path, say)
        except EnvironmentBuildError as error:
            say(str(error))
            raise PreparationError(FailureCause.REQUIREMENTS, str(error)) from error
        return replace(prepared, environment=overlay, overlaid=True)

    async def _together(
        self, needs: Needs, path: Path, runtime: Runtime, say: Say
    ) -> tuple[Path | None, Environment]:
        """Model data and environment at the same time; the first failure is the one told."""
        model = asyncio.create_task(self.artifacts.ensure(needs, path))
        environment = asyncio.create_task(self._environments.ensure(runtime, say))
        try:
            return await model, await environment
        finally:
            model.cancel()
            environment.cancel()
            await asyncio.gather(model, environment, return_exceptions=True)

    def _chosen(self, image: str, model: Path | None, written: Sequence[Written]) -> Runtime:
        if model is None:
            return self._runtimes.choose(image)
        return self._runtimes.choose(image, file_names(model), script_texts(model), written)

    async def _zygote(self, prepared: launch.Prepared, say: Say) -> Path | None:
        runtime = prepared.environment.runtime
        if prepared.overlaid or runtime.fresh or not runtime.imports:
            return None
        try:
            return await self._zygotes.ensure(prepared.environment)
        except ZygoteError as error:
            say(f"starting with an interpreter of its own: {error}")
            return None

    async def _forked(
        self,
        spec: InstanceSpec,
        path: Path,
        prepared: launch.Prepared,
        zygote: Path,
        progress: "Progress",
    ) -> bool:
        """Start from a zygote; False if it says no.

        One that starts the instance but cannot say so does no harm: the folder's lock lets no
        second shim in.
        """
        progress.close()
        self._compose(spec, path, prepared, fresh=False)
        try:
            await zygotes.launch(zygote, path)
        except ZygoteError as error:
            progress.say(f"starting with an interpreter of its own: {error}")
            return False
        return True

    def _compose(
        self, spec: InstanceSpec, path: Path, prepared: launch.Prepared, *, fresh: bool
    ) -> None:
        plan = launch.compose(spec, path, prepared, self._tier, fresh=fresh, manners=self._manners)
        runtime = prepared.environment.runtime
        directory = folder.open_folder(str(path))
        try:
            told = {
                observing.RUNTIME: runtime.serves,
                observing.DIGEST: runtime.digest,
                observing.SINCE: time.monotonic(),
            }
            folder.write_json(directory, folder.LAUNCH, {**plan.to_json(), **told})
        finally:
            os.close(directory)


def _written(model: Path | None) -> tuple[Written, ...]:
    return () if model is None else tuple(provenance.of_folder(str(model)))


@contextlib.contextmanager
def _explained(say: Say) -> Iterator[None]:
    """Whatever goes wrong becomes a cause and a line."""
    try:
        yield
    except UnknownImageError as error:
        raise PreparationError(FailureCause.UNKNOWN_IMAGE, str(error)) from error
    except EnvironmentBuildError as error:
        say(str(error))
        raise PreparationError(FailureCause.ENVIRONMENT, str(error)) from error
    except ModelDataError as error:
        say(error.message)
        raise PreparationError(error.cause, error.message) from error
    except (launch.LaunchError, OSError) as error:
        raise PreparationError(FailureCause.PLATFORM, str(error)) from error


class Progress:
    """Lines in the instance's log stream, while there is no shim to write them."""

    def __init__(self, path: Path) -> None:
        self._path = path / folder.SPOOL
        self._writer: spool.Writer | None = None
        self._directory = -1

    def say(self, line: str) -> None:
        if self._writer is None:
            self._directory = folder.open_folder(str(self._path))
            self._writer = spool.Writer(self._directory)
        text = f"[hostler] {line}".encode(errors="replace")
        self._writer.append(int(time.time() * 1000), spool.PLATFORM, text.splitlines())

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
            os.close(self._directory)
            self._writer = None
