import fcntl
import os
from pathlib import Path

import pytest

from hostler.backends.process import folders, observing
from hostler.domain.instance import FailureCause, Phase
from hostler.domain.model import Compression, Container, ModelData
from hostler.modelserver import folder, identity
from hostler.modelserver.sandbox import SandboxPlan
from instance_specs import instance_spec

SPEC = instance_spec(
    "i-0123456789abcdef0",
    container=Container("i:1", {"A": "é"}, ModelData("s3://b/k", Compression.NONE)),
)


@pytest.fixture
def made(tmp_path: Path) -> Path:
    path = tmp_path / "i" / SPEC.instance_id
    folders.create(path, SPEC, None)
    return path


def look(path: Path, *, preparing: bool = False) -> observing.Seen:
    return observing.observe(path, SPEC, 100.0, preparing=preparing)


def write(path: Path, name: str, value: dict[str, object]) -> None:
    with folders.opened(path) as directory:
        folder.write_json(directory, name, value)


def test_a_folder_is_whole_when_it_appears_and_says_whose_it_is(made: Path) -> None:
    assert observing.read_spec(made) == SPEC
    assert folders.listed(made.parent) == [SPEC.instance_id]
    assert made.stat().st_mode & 0o777 == 0o700
    assert [path.name for path in made.parent.iterdir()] == [made.name]


def test_phases_before_anything_runs(made: Path) -> None:
    assert look(made).observation.phase is Phase.ABSENT
    assert look(made, preparing=True).observation.phase is Phase.PREPARING
    assert look(made.with_name("i-other")).observation.phase is Phase.ABSENT


def test_a_living_process_without_readiness_is_starting(made: Path) -> None:
    write(made, folder.SHIM, {"pid": os.getpid(), "start_time": identity.start_time(os.getpid())})
    seen = look(made)
    assert (seen.observation.phase, seen.observation.pid) == (Phase.STARTING, os.getpid())


def test_a_recycled_pid_is_a_dead_instance(made: Path) -> None:
    write(made, folder.SHIM, {"pid": os.getpid(), "start_time": 1})
    seen = look(made)
    assert seen.observation.phase is Phase.EXITED
    assert seen.unexplained


def test_the_deadline_of_a_stop_is_read_from_disk(made: Path) -> None:
    write(made, folder.SHIM, {"pid": os.getpid(), "start_time": identity.start_time(os.getpid())})
    write(made, folder.STOP, {"grace_s": 1, "deadline_monotonic": 1e12})
    assert (look(made).observation.phase, look(made).kill_due) == (Phase.STOPPING, False)
    write(made, folder.STOP, {"grace_s": 1, "deadline_monotonic": 0.0})
    assert look(made).kill_due


def test_a_shim_that_has_said_its_end_and_is_not_gone_yet_is_believed(made: Path) -> None:
    write(made, folder.SHIM, {"pid": os.getpid(), "start_time": identity.start_time(os.getpid())})
    write(made, folder.EXIT, {"cause": "ModelLoad", "message": "boom", "at": 5.0})
    seen = look(made).observation
    assert seen.phase is Phase.STOPPING
    assert seen.exit is not None
    assert seen.exit.cause is FailureCause.MODEL_LOAD


def test_an_end_is_told_once_and_never_over_a_living_shim(made: Path) -> None:
    lock = os.open(made / folder.LOCK, os.O_RDWR | os.O_CREAT)
    fcntl.flock(lock, fcntl.LOCK_EX)
    folders.end(made, FailureCause.PLATFORM, "no", 1.0)
    assert look(made).observation.exit is None
    os.close(lock)
    folders.end(made, FailureCause.PLATFORM, "first", 1.0)
    folders.end(made, FailureCause.KILLED, "second", 2.0)
    ended = look(made).observation.exit
    assert ended is not None
    assert (ended.cause, ended.message, ended.at) == (FailureCause.PLATFORM, "first", 1.0)


def test_an_exit_file_of_an_unknown_cause_is_still_an_end(made: Path) -> None:
    write(made, folder.EXIT, {"cause": "Aliens", "message": "a\nb" + "x" * 5000, "at": "soon"})
    ended = look(made).observation.exit
    assert ended is not None
    assert ended.cause is FailureCause.EXITED
    assert ended.message.startswith("a bx")
    assert len(ended.message) < 1000
    assert ended.at == 100.0


def test_a_shim_that_left_a_traceback_is_our_failure(made: Path) -> None:
    (made / folder.ERRORS).write_text("Traceback\nRuntimeError: boom\n")
    folders.explain(made, 5.0)
    ended = look(made).observation.exit
    assert ended is not None
    assert ended.cause is FailureCause.PLATFORM
    assert "RuntimeError: boom" in ended.message


def test_a_launch_that_never_came_to_a_shim_leaves_no_control_group(made: Path) -> None:
    group = made.parent.parent / "hostler" / SPEC.instance_id
    group.mkdir(parents=True)
    plan = folder.LaunchPlan(
        instance_id=SPEC.instance_id,
        sandbox=SandboxPlan(root="/r"),
        settings={},
        python="/p",
        grace_s=1.0,
        cgroup_procs=(str(group / "cgroup.procs"),),
    )
    told = {observing.RUNTIME: "r", observing.DIGEST: "d", observing.SINCE: 1.0}
    write(made, folder.LAUNCH, {**plan.to_json(), **told})
    folders.sweep(made.parent)
    assert not made.exists()
    assert not group.exists()


def test_a_new_life_sweeps_what_never_started_and_spares_what_did(made: Path) -> None:
    root = made.parent
    (root / ".new-i-1").mkdir()
    (root / ".gone-i-2").mkdir()
    ended = root / "i-00000000000000003"
    folders.create(ended, SPEC, None)
    folders.end(ended, FailureCause.KILLED, "x", 1.0)
    folders.sweep(root)
    assert [path.name for path in root.iterdir()] == [ended.name]
