"""Who has which instances: from the folders, and then without them."""

import shutil
from pathlib import Path

import pytest

from hostler.backends.process import folders
from hostler.backends.process.register import Register
from hostler.domain.ids import EndpointId, InstanceId
from instance_specs import instance_spec


def _made(root: Path, instance: str, owner: str) -> InstanceId:
    folders.create(root / instance, instance_spec(instance, owner=EndpointId(owner)), None)
    return InstanceId(instance)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    made = tmp_path / "i"
    _made(made, "i-1", "e-1")
    _made(made, "i-2", "e-2")
    _made(made, "i-3", "e-1")
    (made / "i-4").mkdir()  # of no version that we know
    return made


def test_an_owners_instances_are_told_without_a_look_at_the_disk(root: Path) -> None:
    register = Register(root)
    assert register.of(EndpointId("e-1")) == []
    assert register.all() == ["i-1", "i-2", "i-3"]
    shutil.rmtree(root)
    assert register.of(EndpointId("e-1")) == ["i-1", "i-3"]
    assert register.of(EndpointId("e-9")) == []
    assert register.all() == []
    assert register.of(EndpointId("e-1")) == []


def test_owners_are_those_whom_the_disk_shows(root: Path) -> None:
    register = Register(root)
    assert register.owners() == {"e-1", "e-2"}
    shutil.rmtree(root / "i-2")
    assert register.owners() == {"e-1"}


def test_one_that_was_made_since_is_known_once_it_is_asked_for(root: Path) -> None:
    register = Register(root)
    register.all()
    made = _made(root, "i-5", "e-2")
    assert register.spec(made) is not None
    assert register.of(EndpointId("e-2")) == ["i-2", "i-5"]
    register.forget(made)
    assert register.of(EndpointId("e-2")) == ["i-2"]
