"""Model data on this machine: fetched with the role's permissions, unpacked as somebody else.

Invariant: archives are opened only in the sandbox, never by this process; equal content is kept
once. A model whose code lies apart (SAGEMAKER_SUBMIT_DIRECTORY) is one folder with its code.
"""

import asyncio
import contextlib
import hashlib
import json
import os
import shutil
import time
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Protocol

from hostler.backends.process import errands
from hostler.backends.process.isolation import Tier
from hostler.backends.process.references import AT_ONCE, SharedFolders
from hostler.backends.process.threads import Threads, go_on
from hostler.domain.instance import FailureCause
from hostler.domain.layout import Layout
from hostler.domain.model import Compression, Container, ModelData
from hostler.domain.ports import LocalFile, ModelDataError, ModelDataSource, Wanted
from hostler.modelserver import confined

FORMAT = "1"
"""Part of every key: goes up when unpacking gives another result from the same bytes."""
SUBMIT_DIRECTORY = "SAGEMAKER_SUBMIT_DIRECTORY"
CODE = "code"
THREADS = 2 * AT_ONCE
"""Those who make a folder hold a thread each for their downloads: as many are left to look up."""


class Needs(Protocol):
    """What must be known to make a model ready; an InstanceSpec knows it."""

    @property
    def container(self) -> Container: ...

    @property
    def role_arn(self) -> str: ...

    @property
    def region(self) -> str: ...

    @property
    def download_timeout_s(self) -> float: ...


class Artifacts:
    """The ``models`` folder of a data directory."""

    def __init__(self, layout: Layout, source: ModelDataSource, tier: Tier) -> None:
        self._source = source
        self._tier = tier
        self._mount_point = layout.mount_point
        self._threads = Threads("model-data", THREADS)
        self.folders = SharedFolders(layout.models, (layout.instances, layout.prepared), "model")

    async def ensure(self, needs: Needs, user_dir: Path) -> Path | None:
        """The folder that is to be /opt/ml/model; None for a container without model data.

        ``user_dir`` (an instance's folder, or a preparation's) will hold a reference to it.

        Raises:
            ModelDataError: with the cause, DOWNLOAD_TIMEOUT after the time for it included, of
                which what it waits for others takes none.
        """
        data, code = needs.container.model_data, submitted_code(needs.container)
        if data is None and code is None:
            return None
        uris = " and ".join(each.uri for each in (data, code) if each)
        try:
            began = time.monotonic()
            async with asyncio.timeout(needs.download_timeout_s):
                files = await self._fetch(needs, data)
                with _as_code():
                    code_files = await self._fetch(needs, code)
            left_s = began + needs.download_timeout_s - time.monotonic()

            async def make(folder: Path) -> None:
                async with asyncio.timeout(left_s):
                    if data is not None:
                        await self._fill(data, files, folder, needs.download_timeout_s)
                    if code is not None:
                        with _as_code():
                            await self._add_code(code, code_files, folder, needs)

            key = _key(((data, files), (code, code_files)))
            return await self.folders.ensure(key, user_dir, make)
        except TimeoutError:
            text = (
                f"the model data at {uris} was not downloaded and unpacked within "
                f"{needs.download_timeout_s:g} seconds"
            )
            raise ModelDataError(FailureCause.DOWNLOAD_TIMEOUT, text) from None
        except OSError as error:
            text = f"the model data at {uris} could not be kept: {error}"
            raise ModelDataError(FailureCause.PLATFORM, text) from error

    async def _fetch(self, needs: Needs, data: ModelData | None) -> Sequence[LocalFile]:
        if data is None:
            return ()

        def found(wanted: Wanted) -> Sequence[LocalFile]:
            go_on(wanted)
            return self._source.fetch(needs.role_arn, needs.region, data)

        return await self._threads.run(found)

    async def _fill(
        self, data: ModelData, files: Sequence[LocalFile], folder: Path, timeout_s: float
    ) -> None:
        if data.compression is Compression.GZIP:
            await self._unpack(data, files, folder, timeout_s)
        else:
            await self._threads.run(partial(_place, data, files, folder))

    async def _add_code(
        self, code: ModelData, files: Sequence[LocalFile], folder: Path, needs: Needs
    ) -> None:
        """Put submitted code in the place of whatever ``code/`` the model itself brought.

        Unpacked aside and moved as a whole: nothing follows a link that the model's archive made.
        """
        aside = folder.with_name(f"{folder.name}.{CODE}")
        aside.mkdir()
        aside.chmod(0o755)
        try:
            await self._unpack(code, files, aside, needs.download_timeout_s)
            target = folder / CODE
            if target.is_dir() and not target.is_symlink():
                await asyncio.to_thread(shutil.rmtree, target)
            else:
                target.unlink(missing_ok=True)
            aside.rename(target)
        finally:
            await asyncio.to_thread(shutil.rmtree, aside, ignore_errors=True)

    async def _unpack(
        self, data: ModelData, files: Sequence[LocalFile], folder: Path, timeout_s: float
    ) -> None:
        if len(files) != 1:
            text = f"{data.uri} names {len(files)} objects, where CompressionType Gzip needs one"
            raise ModelDataError(FailureCause.CORRUPT_ARCHIVE, text)
        limit = ("--deadline-s", str(timeout_s))
        words = [confined.UNPACK, "--fd", "0", "--into", str(folder), *limit]
        errand = errands.Errand(words, self._mount_point, writable=folder)
        async with self._open(files[0]) as archive:
            outcome = await errands.run(self._tier, errand, timeout_s, stdin=archive)
        answer = _last_answer(outcome.output)
        if outcome.status == 0 and answer.get("ok") is True:
            return
        cause = str(answer.get("cause", ""))
        known = FailureCause(cause) if cause in set(FailureCause) else FailureCause.PLATFORM
        message = str(answer.get("message") or outcome.output[-300:] or "unpacking ended early")
        raise ModelDataError(known, f"{data.uri}: {message}")

    @contextlib.asynccontextmanager
    async def _open(self, file: LocalFile) -> AsyncIterator[int]:
        """A descriptor of the bytes, which need no name any more."""

        def opened(wanted: Wanted) -> int:
            go_on(wanted)
            with file.lent(wanted) as path:
                return os.open(path, os.O_RDONLY | os.O_CLOEXEC)

        descriptor = await self._threads.run(opened)
        try:
            yield descriptor
        finally:
            os.close(descriptor)


def submitted_code(container: Container) -> ModelData | None:
    """The archive of code that the SageMaker SDK uploaded beside the model, where there is one."""
    uri = container.environment.get(SUBMIT_DIRECTORY, "")
    return ModelData(uri) if uri.startswith("s3://") else None


@contextlib.contextmanager
def _as_code() -> Iterator[None]:
    """Say of what goes wrong that the code is meant, and not the model data."""
    try:
        yield
    except ModelDataError as error:
        text = f"{SUBMIT_DIRECTORY}: {error.message}"
        raise ModelDataError(error.cause, text) from error


def script_texts(folder: Path, limit_bytes: int = 1 << 20) -> dict[str, str]:
    """The Python files directly in ``code/``, for choosing a runtime; links are not followed."""
    texts = {}
    for path in sorted((folder / "code").glob("*.py")):
        if path.is_file() and not path.is_symlink() and path.stat().st_size <= limit_bytes:
            texts[f"code/{path.name}"] = path.read_text(errors="replace")
    return texts


def file_names(folder: Path, limit: int = 10_000) -> list[str]:
    """Relative paths of the regular files, at most ``limit`` of them."""
    names: list[str] = []
    for base, _, files in os.walk(folder):
        names += [os.path.relpath(os.path.join(base, name), folder) for name in files]  # noqa: PTH118
        if len(names) >= limit:
            break
    return sorted(names[:limit])


def _key(sources: Iterable[tuple[ModelData | None, Sequence[LocalFile]]]) -> str:
    """Names the content: of the model data, and of its code where that lies apart."""
    parts = [FORMAT]
    for data, files in sources:
        parts.append(data.compression.value if data else "")
        # An archive's own name does not show in what it holds.
        gzip = data is not None and data.compression is Compression.GZIP
        parts += [f"{'' if gzip else file.key}\0{file.digest}" for file in files]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:40]


def _place(data: ModelData, files: Sequence[LocalFile], folder: Path, wanted: Wanted) -> None:
    """Show objects as files: hard links where other users may read them, else copies."""
    for file in files:
        if file.key.endswith("/"):
            continue  # the console's folder markers
        go_on(wanted)
        target = folder / _safe(data, file.key)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with file.lent(wanted) as path:
                if not _link(path, target):
                    shutil.copyfile(path, target)
                    target.chmod(0o644)
        except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
            text = f"{data.uri}: key {file.key!r} is both a file and a folder"
            raise ModelDataError(FailureCause.CORRUPT_ARCHIVE, text) from error
    for base, _, _ in os.walk(folder):
        Path(base).chmod(0o755)  # whatever the umask: instances read it as users of their own


def _link(source: Path, target: Path) -> bool:
    if os.geteuid() == 0 and not source.stat().st_mode & 0o004:
        return False
    try:
        os.link(source, target)
    except OSError:  # another file system
        return False
    return True


def _safe(data: ModelData, key: str) -> PurePosixPath:
    path = PurePosixPath(key)
    if path.is_absolute() or ".." in path.parts or "\0" in key or not path.parts:
        text = f"{data.uri}: key {key!r} would lie outside the model's folder"
        raise ModelDataError(FailureCause.HOSTILE_ARCHIVE, text)
    return path


def _last_answer(output: str) -> dict[str, object]:
    for line in reversed(output.splitlines()):
        try:
            value = json.loads(line)
        except ValueError:
            continue
        if isinstance(value, dict):
            return value
    return {}
