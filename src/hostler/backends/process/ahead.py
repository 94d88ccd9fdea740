"""What instances of a model will need, made ready before there are any.

Invariant: nothing waits for it and nothing depends on it. What it holds is bounded and belongs to
this process: the next one clears it away and begins with nothing.
"""

import asyncio
import hashlib
import logging
import shutil
from dataclasses import dataclass
from pathlib import Path

from hostler.backends.process.preparing import PreparationError, Preparer
from hostler.domain.ids import Arn
from hostler.domain.model import DOWNLOAD_TIMEOUT_S, Container

AT_ONCE = 2
"""Few, so that launches keep the machine to themselves."""
KEPT = 16
"""Models that are kept unpacked though no instance uses them: the newest."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Needs:
    container: Container
    role_arn: str
    region: str
    download_timeout_s: float = DOWNLOAD_TIMEOUT_S


class Ahead:
    """The folders below ``root`` refer to what is ready, as instances' folders do."""

    def __init__(self, root: Path, preparer: Preparer) -> None:
        self._root = root
        self._preparer = preparer
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._kept: dict[Arn, Path] = {}
        """By model, the newest last."""

    def recover(self) -> None:
        """Forget what an earlier life made ready; the shared folders' sweep deletes it."""
        shutil.rmtree(self._root, ignore_errors=True)

    async def prepare(self, model: Arn, container: Container, role_arn: str) -> None:
        """Try once; a failure is a line in the log, for the launch will meet it again."""
        uri = container.model_data.uri if container.model_data else container.image
        named = f"{model} {container} {role_arn}"
        needs = _Needs(container, role_arn, model.split(":")[3])
        holder = self._root / hashlib.sha256(named.encode()).hexdigest()[:32]

        def say(line: str) -> None:
            _log.info("%s: %s", uri, line)

        async with self._turns:
            try:
                holder.mkdir(mode=0o700, parents=True, exist_ok=True)
                await self._preparer.ahead(needs, holder, say)
            except (PreparationError, OSError) as error:
                say(f"cannot be made ready ahead of an instance: {error}")
            await self._keep(model, holder)

    async def give_up(self, model: Arn) -> None:
        """Let go of what a model needed; what instances or other models need as well stays."""
        holder = self._kept.pop(model, None)
        if holder is not None:
            await self._preparer.let_go(holder)

    async def _keep(self, model: Arn, holder: Path) -> None:
        before = self._kept.pop(model, holder)
        self._kept[model] = holder
        if before != holder:
            await self._preparer.let_go(before)
        while len(self._kept) > KEPT:
            await self.give_up(next(iter(self._kept)))
