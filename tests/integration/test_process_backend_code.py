"""Code that lies apart from the model data (SAGEMAKER_SUBMIT_DIRECTORY), as the SDK uploads it."""

import asyncio
import io
import json
import tarfile
from collections.abc import Awaitable, Callable

import pytest

from archives import archive
from hostler.domain.instance import FailureCause, InstanceSpec, Phase
from hostler.domain.model import Compression, Container, DataType, ModelData
from machine import needs_namespaces
from process_world import World, invoke, world

TELLS = """
import json, os
def model_fn(model_dir):
    return model_dir
def transform_fn(model, data, content_type, accept):
    code = os.path.join(model, "code")
    told = {"files": sorted(os.listdir(model)), "code": sorted(os.listdir(code))}
    return json.dumps(told), "application/json"
"""
DATA, CODE = "s3://bucket/model.tar.gz", "s3://bucket/name/sourcedir.tar.gz"


def play(story: Callable[[World], Awaitable[None]]) -> None:
    async def run() -> None:
        async with world() as made:
            await story(made)

    asyncio.run(run())


GZIPPED = ModelData(DATA)


def spec(made: World, data: ModelData | None = GZIPPED) -> InstanceSpec:
    environment = {"SAGEMAKER_SUBMIT_DIRECTORY": CODE, "SAGEMAKER_PROGRAM": "serve.py"}
    return made.spec(container=Container("plain:1", environment, data))


async def told(made: World, wanted: InstanceSpec) -> dict[str, list[str]]:
    seen = await made.ready(wanted)
    status, body = invoke(seen.sockets[0], b"{}")
    assert status == 200
    answer: dict[str, list[str]] = json.loads(body)
    return answer


def test_code_is_put_beside_the_model() -> None:
    async def story(made: World) -> None:
        made.data.put(DATA, {"model.tar.gz": archive({"weights": "1"})})
        made.data.put(CODE, {"sourcedir.tar.gz": archive({"serve.py": TELLS, "extra.py": ""})})
        first = spec(made)
        assert await told(made, first) == {
            "files": ["code", "weights"],
            "code": ["extra.py", "serve.py"],
        }
        assert any(f"code {CODE} at /opt/ml/model/code" in line for line in made.log(first))
        before = set(made.layout.models.iterdir())
        made.data.put(CODE, {"sourcedir.tar.gz": archive({"serve.py": TELLS})})
        assert (await told(made, spec(made)))["code"] == ["serve.py"]
        assert len(set(made.layout.models.iterdir()) - before) == 1, "other code, another folder"

    play(story)


def test_it_takes_the_place_of_code_in_the_model_and_follows_no_link_there() -> None:
    async def story(made: World) -> None:
        made.data.put(DATA, {"model.tar.gz": archive({"code/serve.py": "1/0", "code/old.py": ""})})
        made.data.put(CODE, {"sourcedir.tar.gz": archive({"serve.py": TELLS})})
        assert await told(made, spec(made)) == {"files": ["code"], "code": ["serve.py"]}
        made.data.put(DATA, {"model.tar.gz": _linked("code", "mine", {"mine/kept": "1"})})
        assert (await told(made, spec(made)))["files"] == ["code", "mine"]
        assert any(made.layout.models.glob("*/mine/kept"))
        assert not any(made.layout.models.glob("*/mine/serve.py"))

    play(story)


def _linked(name: str, target: str, files: dict[str, str]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for path, content in files.items():
            info = tarfile.TarInfo(path)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content.encode()))
        link = tarfile.TarInfo(name)
        link.type, link.linkname = tarfile.SYMTYPE, target
        tar.addfile(link)
    return buffer.getvalue()


@needs_namespaces
def test_a_model_may_be_code_alone_or_lie_open_below_a_prefix() -> None:
    async def story(made: World) -> None:
        made.data.put(CODE, {"sourcedir.tar.gz": archive({"serve.py": TELLS})})
        assert await told(made, spec(made, None)) == {"files": ["code"], "code": ["serve.py"]}
        made.data.put("s3://bucket/open/", {"a": b"1", "code/old.py": b""})
        data = ModelData("s3://bucket/open/", Compression.NONE, DataType.PREFIX)
        assert await told(made, spec(made, data)) == {"files": ["a", "code"], "code": ["serve.py"]}

    play(story)


@pytest.mark.parametrize(
    ("content", "cause"),
    [
        (None, FailureCause.MISSING_OBJECT),
        (b"no archive", FailureCause.CORRUPT_ARCHIVE),
        (archive({"../serve.py": TELLS}), FailureCause.HOSTILE_ARCHIVE),
    ],
)
def test_what_is_wrong_with_the_code_is_said_of_the_code(
    content: bytes | None, cause: FailureCause
) -> None:
    async def story(made: World) -> None:
        made.data.put(DATA, {"model.tar.gz": archive({"weights": "1"})})
        if content is not None:
            made.data.put(CODE, {"sourcedir.tar.gz": content})
        wanted = spec(made)
        await made.backend.launch(wanted)
        seen = await made.until(wanted, Phase.EXITED)
        assert seen.exit is not None
        assert seen.exit.cause is cause
        assert "SAGEMAKER_SUBMIT_DIRECTORY" in seen.exit.message
        assert CODE in seen.exit.message
        assert not list(made.layout.models.glob("*"))

    play(story)
