"""Asking the supervisor for zygotes: sockets stand in for the supervisor and the zygote."""

import asyncio
import contextlib
import json
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from hostler.backends.process import zygotes
from hostler.backends.process.environments import Environment
from hostler.backends.process.runtimes import Runtime
from hostler.backends.process.zygotes import SupervisedZygotes, ZygoteError
from hostler.domain.layout import Layout

RUNTIME = Runtime(
    name="plain",
    repositories=(),
    suffixes=(),
    modules=(),
    imports=("json", "email.message"),
    lock="",
    version_of="python",
)
ENVIRONMENT = Environment(RUNTIME, Path("/e"), Path("/e/bin/python"))


@pytest.fixture
def layout() -> Iterator[Layout]:
    root = Path(tempfile.mkdtemp(dir="/tmp", prefix="h-"))
    (root / "run").mkdir()
    yield Layout(root)
    shutil.rmtree(root)


@contextlib.asynccontextmanager
async def peer(path: Path, answers: list[Any]) -> AsyncIterator[list[dict[str, Any]]]:
    """A socket that takes one line a connection and gives the next answer; what it was asked."""
    asked: list[dict[str, Any]] = []
    serving = 0
    idle = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal serving
        serving += 1
        idle.clear()
        line = await reader.readline()
        if line:
            asked.append(json.loads(line))
            answer = answers.pop(0)
            writer.write(answer if isinstance(answer, bytes) else json.dumps(answer).encode())
        writer.close()
        await writer.wait_closed()
        serving -= 1
        if not serving:
            idle.set()

    server = await asyncio.start_unix_server(serve, path)
    async with server:
        yield asked
        await asyncio.sleep(0.01)  # what was connected last is accepted
        if serving:
            await idle.wait()


def test_a_zygote_is_asked_for_once_and_found_again_by_its_socket(layout: Layout) -> None:
    async def story() -> None:
        own = SupervisedZygotes(layout)
        path = layout.zygote_socket(RUNTIME.digest)
        async with peer(layout.supervisor_socket, [{"ok": True}]) as asked:
            ensuring = [asyncio.create_task(own.ensure(ENVIRONMENT)) for _ in range(3)]
            while not asked:
                await asyncio.sleep(0.001)
            async with peer(path, []):
                assert {await each for each in ensuring} == {path}
                assert await SupervisedZygotes(layout).ensure(ENVIRONMENT) == path
        (request,) = asked
        assert (request["op"], request["name"]) == ("zygote", f"plain-{RUNTIME.digest[:12]}")
        assert request["argv"] == zygotes.zygote_words(ENVIRONMENT, path)

    asyncio.run(story())


def test_the_command_begins_without_our_variables_and_names_the_imports() -> None:
    words = zygotes.zygote_words(ENVIRONMENT, Path("/s"))
    assert words[:2] == ["/usr/bin/env", "-i"]
    assert words[words.index("/e/bin/python") + 1] == "-I"
    assert words[-4:] == ["--socket", "/s", "--imports", "json,email.message"]


def test_a_supervisor_that_is_gone_or_refuses_is_an_error_of_zygotes(layout: Layout) -> None:
    async def story() -> None:
        own = SupervisedZygotes(layout)
        with pytest.raises(ZygoteError, match=r"supervisor\.sock did not answer"):
            await own.ensure(ENVIRONMENT)
        async with peer(layout.supervisor_socket, [{"error": "no"}]):
            with pytest.raises(ZygoteError, match="no"):
                await own.ensure(ENVIRONMENT)

    asyncio.run(story())


def test_a_zygote_that_is_given_up_is_waited_for_no_longer(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Imports that start threads end it with a status that is final; that used to cost a minute."""
    monkeypatch.setattr(zygotes, "_ASK_EVERY_S", 0.02)

    async def story() -> None:
        answers = [{"ok": True}, {"error": "zygote-plain cannot be forked from (status 64)"}]
        async with peer(layout.supervisor_socket, answers):
            with pytest.raises(ZygoteError, match=r"cannot be forked from \(status 64\)"):
                await SupervisedZygotes(layout).ensure(ENVIRONMENT)

    asyncio.run(story())


def test_a_zygote_that_never_comes_is_not_waited_for_again(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zygotes, "START_TIMEOUT_S", 0.05)

    async def story() -> None:
        own = SupervisedZygotes(layout)
        async with peer(layout.supervisor_socket, [{"ok": True}]) as asked:
            for _ in range(2):
                with pytest.raises(ZygoteError, match="plain zygote was not ready"):
                    await own.ensure(ENVIRONMENT)
            assert len(asked) == 1
            async with peer(layout.zygote_socket(RUNTIME.digest), []):
                await own.ensure(ENVIRONMENT)  # there after all

    asyncio.run(story())


@pytest.mark.parametrize(
    ("answer", "text"),
    [({"error": "fork: no"}, "fork: no"), (b"nonsense", "did not answer"), (b"[1]", "answered")],
)
def test_a_launch_that_a_zygote_cannot_do_says_why(layout: Layout, answer: Any, text: str) -> None:
    async def story() -> None:
        path = layout.run / "z.sock"
        async with peer(path, [answer]):
            with pytest.raises(ZygoteError, match=text):
                await zygotes.launch(path, Path("/i"))

    asyncio.run(story())


def test_a_launch_gives_the_shims_pid(layout: Layout) -> None:
    async def story() -> None:
        path = layout.run / "z.sock"
        async with peer(path, [{"pid": 7}]) as asked:
            assert await zygotes.launch(path, Path("/i")) == 7
        assert asked == [{"version": 1, "op": "launch", "instance_dir": "/i"}]

    asyncio.run(story())
