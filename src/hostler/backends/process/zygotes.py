"""Zygotes as the backend knows them: one for each runtime, kept running by the supervisor.

Invariant: a zygote that cannot be had costs a slower start, never the instance.
"""

import asyncio
import json
import socket
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from hostler.backends.process import errands
from hostler.backends.process.environments import Environment
from hostler.domain.layout import Layout
from hostler.modelserver import folder, launcher

AT_ONCE = 8
"""Zygotes started at the same time; the others wait their turn."""
START_TIMEOUT_S = 60.0
ANSWER_TIMEOUT_S = 15.0
REFUSED_S = 60.0
"""After a zygote that did not come up, instances start without one for this long."""
_POLL_S = 0.02
_ASK_EVERY_S = 0.5
_LINE_MAX = 64 * 1024


class ZygoteError(Exception):
    """No zygote answers for this environment; the text says why."""


class Zygotes(Protocol):
    """Finds or starts the zygote of an environment."""

    async def ensure(self, environment: Environment) -> Path:
        """The socket of a running zygote; raises ZygoteError."""
        ...


class SupervisedZygotes:
    """Zygotes that ``hostler up``'s supervisor starts and restarts at our asking."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._starting: dict[str, asyncio.Lock] = {}
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._refused: dict[str, tuple[float, str]] = {}
        """Until when (monotonic) a zygote is not asked for again, and why."""

    async def ensure(self, environment: Environment) -> Path:
        digest = environment.digest
        path = self._layout.zygote_socket(digest)
        async with self._starting.setdefault(digest, asyncio.Lock()):
            if await _listens(path):
                return path
            until, refusal = self._refused.get(digest, (0.0, ""))
            if time.monotonic() < until:
                raise ZygoteError(refusal)
            try:
                async with self._turns, asyncio.timeout(START_TIMEOUT_S):
                    await self._appears(environment, path)
            except TimeoutError:
                name = environment.runtime.name
                text = f"the {name} zygote was not ready within {START_TIMEOUT_S:.0f} s"
                self._refused[digest] = (time.monotonic() + REFUSED_S, text)
                raise ZygoteError(text) from None
        return path

    async def _appears(self, environment: Environment, path: Path) -> None:
        """Wait for a zygote; the supervisor, asked again, says when it has given it up."""
        asked_at = 0.0
        while not await _listens(path):
            if time.monotonic() >= asked_at + _ASK_EVERY_S:
                await self._ask(environment, path)
                asked_at = time.monotonic()
            await asyncio.sleep(_POLL_S)

    async def _ask(self, environment: Environment, path: Path) -> None:
        name = f"{environment.runtime.name}-{environment.digest[:12]}"
        words = zygote_words(environment, path)
        request = {"op": "zygote", "name": name, "argv": words}
        answer = await exchange(self._layout.supervisor_socket, request)
        if not answer.get("ok"):
            raise ZygoteError(f"the supervisor: {answer.get('error', answer)}")


def zygote_words(environment: Environment, path: Path) -> list[str]:
    """The command that runs an environment's zygote on a socket.

    Begun with an environment of its own: an instance can read what its zygote was started with.
    """
    variables = [f"{name}={value}" for name, value in errands.clean_environment().items()]
    imports = ",".join(environment.runtime.imports)
    words = [str(environment.python), "-I", launcher.BOOTSTRAP, "zygote"]
    return ["/usr/bin/env", "-i", *variables, *words, "--socket", str(path), "--imports", imports]


async def launch(path: Path, instance_dir: Path) -> int:
    """Have a zygote start an instance; the shim's pid. Raises ZygoteError."""
    request = {"version": folder.VERSION, "op": "launch", "instance_dir": str(instance_dir)}
    match await exchange(path, request):
        case {"pid": int(pid)}:
            return pid
        case answer:
            raise ZygoteError(str(answer.get("error", answer)))


async def exchange(path: Path, request: Mapping[str, object]) -> dict[str, object]:
    """One JSON line to a Unix socket, one back."""
    try:
        async with asyncio.timeout(ANSWER_TIMEOUT_S):
            reader, writer = await asyncio.open_unix_connection(path, limit=_LINE_MAX)
            try:
                writer.write(json.dumps(request).encode() + b"\n")
                await writer.drain()
                line = await reader.readline()
            finally:
                writer.close()
        answer = json.loads(line)
    except (OSError, ValueError, TimeoutError) as error:
        raise ZygoteError(f"{path.name} did not answer: {error or type(error).__name__}") from error
    if not isinstance(answer, dict):
        raise ZygoteError(f"{path.name} answered {answer!r}")
    return answer


async def _listens(path: Path) -> bool:
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            probe.setblocking(False)
            await asyncio.get_running_loop().sock_connect(probe, str(path))
    except OSError:
        return False
    return True
