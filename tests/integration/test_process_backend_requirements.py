"""A model's own requirements.txt: installed in the sandbox, from wheels, for it alone."""

import asyncio
import io
import json
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from archives import archive
from hostler.domain.instance import FailureCause, InstanceSpec, Phase
from hostler.domain.model import Container, ModelData
from process_world import World, invoke, world

SCRIPT = """
import json
import tinything
def model_fn(d): return 1
def transform_fn(*a): return json.dumps(tinything.__file__), "application/json"
"""


@pytest.fixture
def wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An index of one wheel, whose .pth file would tell where it was run."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    folder.chmod(0o755)  # uv reads it as another user, through a window of its own
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as wheel:
        info = "tinything-1.0.dist-info"
        wheel.writestr("tinything.py", "x = 1\n")
        wheel.writestr("tinything.pth", "import sys; sys.stderr.write('pth was run\\n')\n")
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: tinything\nVersion: 1.0\n")
        wheel.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        record = "".join(f"{name},,\n" for name in (*wheel.namelist(), f"{info}/RECORD"))
        wheel.writestr(f"{info}/RECORD", record)
    (folder / "tinything-1.0-py3-none-any.whl").write_bytes(data.getvalue())
    monkeypatch.setenv("UV_FIND_LINKS", str(folder))
    monkeypatch.setenv("UV_NO_INDEX", "1")
    return folder


def with_requirements(made: World, text: str) -> InstanceSpec:
    made.data.put(
        "s3://b/m.tar.gz",
        {"m.tar.gz": archive({"code/inference.py": SCRIPT, "code/requirements.txt": text})},
    )
    return replace(made.spec(), container=Container("plain:1", {}, ModelData("s3://b/m.tar.gz")))


@pytest.mark.usefixtures("wheels")
def test_requirements_are_installed_beside_the_runtime_and_run_only_inside() -> None:
    async def run() -> None:
        async with world() as made:
            spec = with_requirements(made, "# ours\ntinything==1.0\n")
            seen = await made.ready(spec)
            status, body = invoke(seen.sockets[0], b"{}")
            assert status == 200
            assert "/overlays/" in json.loads(body)
            log = made.log(spec)
            assert "with the model's own requirements" in "\n".join(log)
            assert "pth was run" in log  # by a worker: its output
            assert len(list(made.layout.overlays.iterdir())) == 1
            await made.backend.stop(spec.instance_id, 0.0)
            await made.until(spec, Phase.EXITED)
            await made.backend.remove(spec.instance_id)
            assert list(made.layout.overlays.iterdir()) == []

    asyncio.run(run())


@pytest.mark.usefixtures("wheels")
def test_requirements_that_cannot_be_had_are_named() -> None:
    async def run() -> None:
        async with world() as made:
            spec = with_requirements(made, "nothing-of-that-name==3\n")
            await made.backend.launch(spec)
            seen = await made.until(spec, Phase.EXITED)
            assert seen.exit is not None
            assert seen.exit.cause is FailureCause.REQUIREMENTS
            assert "code/requirements.txt could not be installed" in seen.exit.message
            assert "nothing-of-that-name" in seen.exit.message
            assert list(made.layout.overlays.iterdir()) == []

    asyncio.run(run())
