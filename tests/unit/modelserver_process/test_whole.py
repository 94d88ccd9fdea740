"""Small files that are replaced whole."""

import stat
from pathlib import Path

import pytest

from hostler.modelserver import whole


def test_a_file_is_replaced_and_private_whatever_it_was(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    path.write_text("old")
    path.chmod(0o644)
    whole.write(path, b"new")
    assert path.read_text() == "new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [each.name for each in tmp_path.iterdir()] == ["keys.json"]


def test_a_link_in_its_place_is_replaced_and_not_followed(tmp_path: Path) -> None:
    target = tmp_path / "elsewhere"
    target.write_text("another's")
    (tmp_path / "keys.json").symlink_to(target)
    whole.write(tmp_path / "keys.json", b"secret")
    assert target.read_text() == "another's"
    assert not (tmp_path / "keys.json").is_symlink()


def test_what_cannot_be_put_in_place_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "keys.json").mkdir()
    with pytest.raises(OSError, match="directory"):
        whole.write(tmp_path / "keys.json", b"secret")
    assert [each.name for each in tmp_path.iterdir()] == ["keys.json"]
