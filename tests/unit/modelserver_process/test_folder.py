import os
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

from hostler.modelserver import folder
from hostler.modelserver.folder import LaunchPlan
from hostler.modelserver.sandbox import SandboxPlan


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[int]:
    fd = folder.open_folder(str(tmp_path))
    yield fd
    os.close(fd)


def test_a_plan_comes_back_as_it_was_written(directory: int) -> None:
    plan = LaunchPlan(
        instance_id="i-1",
        sandbox=SandboxPlan(
            root="/r",
            uid=7,
            isolate_network=True,
            read_only=(("/a", "/b"),),
            common=(("/a", "/b"),),
            writable=(("/c", "/d"),),
            devices=("/dev/nvidia0",),
            environment={"A": "1"},
        ),
        settings={"socket_dir": "/d"},
        python="/usr/bin/python3",
        grace_s=30.0,
        workers=2,
        fresh=True,
        memory_bytes=5,
        watch_memory=True,
        cgroup_procs=("/x/cgroup.procs",),
        oom_file="/x/memory.events",
        nice=10,
        notes=("one",),
        spare_root="/mnt",
    )
    folder.write_json(directory, folder.LAUNCH, plan.to_json())
    value = folder.read_json(directory, folder.LAUNCH)
    assert value is not None
    assert LaunchPlan.from_json(value) == plan


def test_another_format_is_refused(directory: int) -> None:
    with pytest.raises(ValueError, match="launch format 2, expected 1"):
        LaunchPlan.from_json({"version": 2})


def test_a_file_is_replaced_whole_and_leaves_nothing_beside(directory: int, tmp_path: Path) -> None:
    folder.write_json(directory, folder.STOP, {"grace_s": 1})
    folder.write_json(directory, folder.STOP, {"grace_s": 2})
    assert [path.name for path in tmp_path.iterdir()] == [folder.STOP]
    assert folder.read_json(directory, folder.STOP) == {"version": 1, "grace_s": 2}


def test_a_file_that_cannot_be_written_leaves_the_earlier_one_and_nothing_beside(
    directory: int, tmp_path: Path
) -> None:
    folder.write_json(directory, folder.STOP, {"grace_s": 1})
    with pytest.raises(TypeError):
        folder.write_json(directory, folder.STOP, {"grace_s": object()})
    assert [path.name for path in tmp_path.iterdir()] == [folder.STOP]
    assert folder.read_json(directory, folder.STOP) == {"version": 1, "grace_s": 1}


@pytest.mark.parametrize("text", ["", "{", "[1]", '"x"', "[" * 100_000])
def test_what_is_not_an_object_is_nothing(directory: int, tmp_path: Path, text: str) -> None:
    (tmp_path / folder.EXIT).write_text(text)
    assert folder.read_json(directory, folder.EXIT) is None


def test_a_pipe_is_not_waited_for_and_a_flood_not_read(directory: int, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / folder.EXIT)
    assert folder.read_json(directory, folder.EXIT) is None
    (tmp_path / folder.EXIT).unlink()
    (tmp_path / folder.EXIT).mkdir()
    assert folder.read_json(directory, folder.EXIT) is None
    with (tmp_path / folder.STOP).open("wb") as file:
        file.truncate(1 << 40)
    assert folder.read_json(directory, folder.STOP) is None


def test_a_link_is_not_followed(directory: int, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text("{}")
    (tmp_path / folder.EXIT).symlink_to(tmp_path / "elsewhere")
    assert folder.read_json(directory, folder.EXIT) is None


def test_a_file_that_there_is_no_descriptor_for_is_not_an_absent_one(directory: int) -> None:
    folder.write_json(directory, folder.SHIM, {"pid": 1})
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))
    try:
        with pytest.raises(OSError, match="Too many open files"):
            folder.read_json(directory, folder.SHIM)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert folder.read_json(directory, folder.SHIM) is not None
