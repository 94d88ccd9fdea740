"""What instances use: from control groups of both kinds, from processes, from nvidia-smi."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from hostler.backends.process import folders, gpus, observing, usage
from hostler.backends.process.usage import ProcessUsage, Shares
from hostler.domain.ids import InstanceId
from hostler.domain.layout import Layout
from hostler.domain.usage import Extent, GpuUse, Usage
from hostler.modelserver import folder, identity
from hostler.modelserver.folder import LaunchPlan
from hostler.modelserver.sandbox import SandboxPlan
from instance_specs import instance_spec

MIB = 1 << 20
BUSY = """
import sys
b = bytearray(64 << 20)
sum(range(3_000_000))
print(flush=True)
sys.stdin.read()
"""
SMI = """GPU-5d7c1f6e-0b1a-4f0e-9c3d-6a1f2b3c4d5e, 37, 20112, 23028
GPU-shared-out, [N/A], 512, 23028
"""


@pytest.fixture
def busy() -> Iterator[subprocess.Popen[bytes]]:
    """A process that has used some time and 64 MiB."""
    process = subprocess.Popen(
        [sys.executable, "-c", BUSY], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    process.stdout.readline()
    yield process
    process.kill()
    process.communicate()


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    made = Layout(tmp_path)
    made.instances.mkdir()
    return made


def instance(
    layout: Layout, pid: int, *groups: Path, name: str = "i-1", given: tuple[str, ...] = ()
) -> InstanceId:
    """The folder of an instance whose shim is this process."""
    spec = instance_spec(name, memory_bytes=256 * MIB)
    plan = LaunchPlan(
        name,
        SandboxPlan(""),
        {},
        sys.executable,
        1.0,
        cgroup_procs=tuple(str(group / "cgroup.procs") for group in groups),
    )
    told = {observing.RUNTIME: "", observing.DIGEST: "", observing.SINCE: 0.0}
    folders.create(layout.instance(name), spec, None)
    with folders.opened(layout.instance(name)) as directory:
        folder.write_json(directory, folder.LAUNCH, {**plan.to_json(), **told})
        process = {"pid": pid, "start_time": identity.start_time(pid)}
        folder.write_json(directory, folder.SHIM, process)
        folder.write_json(directory, folder.GPUS, {"devices": given})
    return spec.instance_id


def test_without_control_groups_the_processes_are_asked(
    layout: Layout, busy: subprocess.Popen[bytes]
) -> None:
    name = instance(layout, busy.pid)
    found = ProcessUsage(layout).read()[name]
    assert found.memory.whole == 256 * MIB
    assert 20.0 < found.memory.percent < 60.0
    assert sum(found.processor_s.values()) > 0
    assert 0 < found.disk.used < found.disk.whole


def test_who_is_gone_or_was_never_launched_is_left_out(
    layout: Layout, busy: subprocess.Popen[bytes]
) -> None:
    instance(layout, busy.pid)
    (layout.instances / ".gone").mkdir()
    (layout.instances / "i-broken").mkdir()
    look = ProcessUsage(layout)
    assert list(look.read()) == ["i-1"]
    busy.kill()
    busy.wait()
    assert look.read() == {}
    assert ProcessUsage(Layout(layout.root / "absent")).read() == {}


@pytest.mark.parametrize("version", [1, 2])
def test_control_groups_of_both_kinds(layout: Layout, tmp_path: Path, version: int) -> None:
    memory, cpu = (tmp_path / name for name in ("memory", "cpu"))
    for group in (memory, cpu):
        group.mkdir()
    if version == 1:
        (memory / "memory.usage_in_bytes").write_text(f"{100 * MIB}\n")
        (memory / "memory.stat").write_text(f"cache 5\ntotal_inactive_file {36 * MIB}\n")
        (cpu / "cpu.stat").write_text("nr_periods 0\n")  # of limits: it counts no time
        (cpu / "cpuacct.usage").write_text("2500000000\n")
        groups = (memory, cpu)
    else:
        (cpu / "memory.current").write_text(f"{100 * MIB}\n")
        (cpu / "memory.stat").write_text(f"anon 5\ninactive_file {36 * MIB}\n")
        (cpu / "cpu.stat").write_text("usage_usec 2500000\nuser_usec 1\n")
        groups = (cpu,)
    name = instance(layout, os.getpid(), *groups)
    found = ProcessUsage(layout).read()[name]
    assert (found.processor_s, found.memory.percent) == ({"all": 2.5}, 25.0)


def test_gpus_are_asked_of_when_one_was_given(layout: Layout) -> None:
    uuid = "GPU-5d7c1f6e-0b1a-4f0e-9c3d-6a1f2b3c4d5e"
    asked: list[str] = []

    def ask() -> str:
        asked.append(SMI)
        return SMI

    look = ProcessUsage(layout, ask)
    plain = instance(layout, os.getpid(), name="i-0")
    assert look.read()[plain].gpus == []
    assert asked == []
    with_gpu = instance(layout, os.getpid(), name="i-2", given=(uuid, "GPU-shared-out"))
    memory = Extent(20112 * MIB, 23028 * MIB)
    assert look.read()[with_gpu].gpus == [GpuUse(uuid, 37.0, memory)]
    assert asked == [SMI]


@pytest.mark.parametrize("text", ["", "No devices were found\n", "a, b, c, d\n", "x, 1, 2\n"])
def test_nvidia_smi_may_say_nothing_of_use(text: str) -> None:
    assert gpus.uses(text) == {}


def test_sizes_by_share_are_asked_of_a_few_processes_each_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[int] = []
    monkeypatch.setattr(usage.processes, "resident", lambda pid: 1000)

    def share(pid: int, resident: int) -> int:
        asked.append(pid)
        return resident // 4

    monkeypatch.setattr(usage.processes, "share", share)
    shares, tree = Shares(), range(1, 13)
    shares.begin()
    assert shares.of(tree) == 8 * 250 + 4 * 1000
    assert asked == [*range(1, 9)]
    shares.begin()
    assert shares.of(tree) == 12 * 250
    assert asked[8:] == [1, 2, 3, 4, 9, 10, 11, 12]
    shares.keep_only({1, 12})
    shares.begin()
    assert asked[16:] == [1, 12]


def test_processor_time_between_two_looks() -> None:
    """Who ended takes nothing away; who began counts from its beginning."""

    def at(moment: float, **processor_s: float) -> Usage:
        nothing = Extent(0, 0)
        return Usage(None, moment, processor_s, nothing, nothing)  # type: ignore[arg-type]

    before = at(100.0, a=5.0, b=50.0)
    assert at(160.0, a=35.0, c=60.0).processor_percent(before) == 150.0
    assert at(100.0, a=35.0).processor_percent(before) == 0.0
