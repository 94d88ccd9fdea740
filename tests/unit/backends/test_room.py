import os
from pathlib import Path

import pytest

from hostler.backends.process import folders, observing
from hostler.backends.process.room import NoRoomError, Room, Share, memory_bytes
from hostler.domain.config import Instances, Overcommit, WithoutGpu
from hostler.domain.instance import InstanceSpec
from hostler.domain.layout import Layout
from hostler.modelserver import folder
from hostler.planning.devices import Device
from instance_specs import instance_spec

GIB = 1 << 30
REFUSE = Instances(overcommit=Overcommit.REFUSE, gpu=WithoutGpu.REFUSE)


T4 = Device("GPU-t4", 0, "Tesla T4", 15 * GIB)


def _spec(number: int, gib: int = 8, gpus: int = 0) -> InstanceSpec:
    return instance_spec(
        f"i-{number:017x}",
        memory_bytes=gib * GIB,
        gpus=gpus,
        gpu_memory_bytes=15 * GIB if gpus else 0,
    )


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    made = Layout(tmp_path)
    made.instances.mkdir()
    return made


def _room(layout: Layout, settings: Instances, *gpus: Device) -> Room:
    return Room(layout, settings, memory=lambda: 16 * GIB, gpus=lambda: gpus)


def _placed(layout: Layout, *specs: InstanceSpec) -> None:
    for second, spec in enumerate(specs):
        path = layout.instance(spec.instance_id)
        folders.create(path, spec, None)
        os.utime(path / folder.SPEC, (second, second))


def test_what_fits_is_admitted_without_a_word(layout: Layout) -> None:
    one, two = _spec(1), _spec(2)
    _placed(layout, one, two)
    assert _room(layout, REFUSE).admit(one) == Share()
    assert _room(layout, REFUSE).admit(two) == Share()


def test_what_does_not_fit_is_warned_of_or_refused_with_the_sums(layout: Layout) -> None:
    specs = _spec(1), _spec(2), _spec(3)
    _placed(layout, *specs)
    [warning] = _room(layout, Instances()).admit(specs[2]).warnings
    sums = "ml.m5.large has 8 GiB of memory, other instances have 16 GiB, the machine 16 GiB"
    assert warning == f"more memory is promised than there is: {sums}"
    with pytest.raises(NoRoomError, match=rf'{sums}\. Take a smaller type.*overcommit = "warn"'):
        _room(layout, REFUSE).admit(specs[2])


def test_who_came_first_keeps_its_place(layout: Layout) -> None:
    """All three are being prepared at the same time: exactly two of them fit."""
    specs = _spec(3), _spec(1), _spec(2)
    _placed(layout, *specs)
    assert _room(layout, REFUSE).admit(specs[0]) == Share()
    assert _room(layout, REFUSE).admit(specs[1]) == Share()
    with pytest.raises(NoRoomError):
        _room(layout, REFUSE).admit(specs[2])


def test_what_has_ended_takes_no_room(layout: Layout) -> None:
    specs = _spec(1), _spec(2), _spec(3)
    _placed(layout, *specs)
    (layout.instance(specs[0].instance_id) / folder.EXIT).write_text("{}")
    assert _room(layout, REFUSE).admit(specs[2]) == Share()


def test_a_type_with_a_gpu_runs_on_the_cpu_or_is_refused(layout: Layout) -> None:
    spec = _spec(1, gpus=1)
    _placed(layout, spec)
    assert observing.read_spec(layout.instance(spec.instance_id)) == spec
    said = "ml.m5.large: no GPU on this machine; runs on CPU"
    assert _room(layout, Instances()).admit(spec) == Share(warnings=(said,))
    assert _room(layout, REFUSE, T4).admit(spec) == Share(gpus=(T4,))
    with pytest.raises(NoRoomError, match=r'no GPU on this machine.*gpu = "cpu"'):
        _room(layout, REFUSE).admit(spec)


def test_a_gpu_is_held_from_the_asking_until_the_end(layout: Layout) -> None:
    one, two = _spec(1, gib=1, gpus=1), _spec(2, gib=1, gpus=1)
    _placed(layout, one, two)
    assert _room(layout, REFUSE, T4).admit(two).gpus == (T4,)
    assert _room(layout, REFUSE, T4).admit(two).gpus == (T4,), "asked again, as after a restart"
    with pytest.raises(NoRoomError, match="none left and is shared"):
        _room(layout, REFUSE, T4).admit(one)
    shared = _room(layout, Instances(), T4).admit(one)
    assert shared.gpus == (T4,)
    assert "none left and is shared" in shared.warnings[0]
    (layout.instance(one.instance_id) / folder.EXIT).write_text("{}")
    three = _spec(3, gib=1, gpus=1)
    _placed(layout, three)
    (layout.instance(two.instance_id) / folder.EXIT).write_text("{}")
    assert _room(layout, REFUSE, T4).admit(three) == Share(gpus=(T4,))


def test_the_machine_s_memory_is_what_we_were_given() -> None:
    assert 1 << 20 < memory_bytes() <= os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def test_another_instances_spec_is_read_once(layout: Layout) -> None:
    one, two = _spec(1, gib=12), _spec(2)
    _placed(layout, one, two)
    room = _room(layout, REFUSE)
    with pytest.raises(NoRoomError):
        room.admit(two)
    spec = layout.instance(one.instance_id) / folder.SPEC
    spec.write_text("not read again")
    with pytest.raises(NoRoomError):
        room.admit(two)
    (spec.parent / folder.EXIT).write_text("{}")
    assert room.admit(two) == Share()
