"""Both kernels' control groups, on trees of plain files (and the real one where there is one)."""

import os
from pathlib import Path

import pytest

from hostler.backends.process import cgroup
from hostler.backends.process.cgroup import CgroupV1, CgroupV2, Limits


def test_v1_limits_each_controller_below_our_own_group(tmp_path: Path) -> None:
    parents = {name: tmp_path / name / "mine" for name in ("memory", "cpu", "pids")}
    made = CgroupV1(parents).create("i-1", Limits(1 << 30, cpus=2))
    memory, cpu, pids = (parents[name] / "hostler" / "i-1" for name in ("memory", "cpu", "pids"))
    assert (memory / "memory.limit_in_bytes").read_text() == str(1 << 30)
    assert (cpu / "cpu.cfs_quota_us").read_text() == "200000"
    assert (pids / "pids.max").read_text() == "4096"
    assert made.procs == tuple(group / "tasks" for group in (memory, cpu, pids))
    assert made.oom_file == memory / "memory.oom_control"


def test_v1_without_a_memory_controller_is_none(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="memory"):
        CgroupV1({"cpu": tmp_path})


def test_v2_enables_controllers_on_the_way_and_limits(tmp_path: Path) -> None:
    (tmp_path / "cgroup.subtree_control").write_text("cpu memory pids")
    parent = tmp_path / "hostler"
    parent.mkdir()
    (parent / "cgroup.subtree_control").write_text("")
    made = CgroupV2(tmp_path).create("i-1", Limits(1 << 30, cpus=1))
    group = parent / "i-1"
    assert (parent / "cgroup.subtree_control").read_text() == "+pids"  # the last of three writes
    assert (tmp_path / "cgroup.subtree_control").read_text() == "cpu memory pids"
    assert (group / "memory.max").read_text() == str(1 << 30)
    assert (group / "memory.swap.max").read_text() == "0"
    assert (group / "cpu.max").read_text() == "100000 100000"
    assert made.procs == (group / "cgroup.procs",)
    assert made.oom_file == group / "memory.events"


def test_what_is_in_the_background_has_a_tenth_of_the_usual_weight(tmp_path: Path) -> None:
    (tmp_path / "cgroup.subtree_control").write_text("cpu memory pids")
    parent = tmp_path / "hostler"
    parent.mkdir()
    (parent / "cgroup.subtree_control").write_text("cpu memory pids")
    limits = Limits(1 << 30, background=True)
    CgroupV2(tmp_path).create("i-1", limits)
    assert (parent / "i-1/cpu.weight").read_text() == "10"
    parents = {"memory": tmp_path / "memory", "cpu": tmp_path / "cpu"}
    CgroupV1(parents).create("i-1", limits)
    assert (tmp_path / "cpu/hostler/i-1/cpu.shares").read_text() == "102"


def test_processor_time_is_left_alone_when_the_instance_has_all_of_it(tmp_path: Path) -> None:
    parents = {"memory": tmp_path / "memory", "cpu": tmp_path / "cpu"}
    CgroupV1(parents).create("i-1", Limits(1 << 30))
    assert not (tmp_path / "cpu/hostler/i-1/cpu.cfs_quota_us").exists()


def test_data_directories_with_the_same_instance_ids_have_groups_of_their_own() -> None:
    ours, copied = (cgroup.name_of(Path(root) / "i" / "i-1") for root in ("/a", "/b"))
    assert ours != copied
    assert ours.endswith("-i-1")
    assert ours == cgroup.name_of(Path("/a/i/i-1"))


def test_a_parent_that_goes_while_a_group_is_made_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make, parent = Path.mkdir, tmp_path / "hostler"
    removed = []

    def interrupted(path: Path, mode: int = 0o777, *args: bool, **kwargs: bool) -> None:
        make(path, mode, *args, **kwargs)
        if path == parent and not removed:  # another data directory's last instance ends
            removed.append(path)
            path.rmdir()

    monkeypatch.setattr(Path, "mkdir", interrupted)
    made = CgroupV1({"memory": tmp_path}).create("i-1", Limits(5))
    assert removed
    assert made.procs[0].parent.is_dir()


def test_making_a_group_again_changes_nothing(tmp_path: Path) -> None:
    driver = CgroupV1({"memory": tmp_path})
    assert driver.create("i-1", Limits(5)) == driver.create("i-1", Limits(5))


def test_removal_is_idempotent_and_takes_the_empty_parent_along(tmp_path: Path) -> None:
    group = tmp_path / "hostler" / "i-1"
    group.mkdir(parents=True)
    assert cgroup.remove([group / "cgroup.procs"])
    assert not group.parent.exists()
    assert cgroup.remove([group / "cgroup.procs"])
    assert cgroup.remove([])


def test_a_group_in_use_is_said_to_be_there_still(tmp_path: Path) -> None:
    group = tmp_path / "hostler" / "i-1"
    group.mkdir(parents=True)
    (group / "held").write_text("")
    assert not cgroup.remove([group / "cgroup.procs"])


def test_a_machine_without_control_groups_has_no_driver(tmp_path: Path) -> None:
    assert cgroup.detect(tmp_path, own="0::/\n") is None


def test_empty_groups_of_the_past_are_swept_and_young_or_used_ones_spared(tmp_path: Path) -> None:
    driver = CgroupV2(tmp_path)
    parent = tmp_path / "hostler"
    for name, made in (("old", 10.0), ("used", 10.0), ("young", 100.0)):
        (parent / name).mkdir(parents=True)
        if name == "used":
            (parent / name / "held").write_text("")
        os.utime(parent / name, (made, made))
    cgroup.sweep(driver, older_than=50.0)
    assert sorted(path.name for path in parent.iterdir()) == ["used", "young"]
    cgroup.sweep(CgroupV2(tmp_path / "nothing"), older_than=50.0)
