import errno
import os
from collections import namedtuple
from pathlib import Path

import pytest

from hostler.app.settings import Settings
from hostler.app.supervisor import place
from hostler.app.supervisor.place import DataDirError
from hostler.domain.layout import Layout

FreeSpace = namedtuple("FreeSpace", "f_bavail f_frsize")  # noqa: PYI024 (stands for os.statvfs_result)


def test_a_data_directory_is_made_and_held_by_one(tmp_path: Path) -> None:
    root = tmp_path / "new" / "deep"
    with place.hold(root) as lock:
        assert place.holds(root, lock)
        assert place.holder(root) == os.getpid()
        with pytest.raises(DataDirError, match=rf"in use by Hostler's process {os.getpid()}: see"):
            place.hold(root)
        assert sorted(each.name for each in root.iterdir()) == [
            "hostler.lock",
            "i",
            "log",
            "models",
            "run",
        ]
        assert (root / "run").stat().st_mode & 0o777 == 0o700
    assert place.holder(root) is None
    place.hold(root).close()


def test_a_folder_with_other_things_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("")
    mode = tmp_path.stat().st_mode
    with pytest.raises(DataDirError, match=r"thesis\.tex.*--data-dir"):
        place.hold(tmp_path)
    assert [each.name for each in tmp_path.iterdir()] == ["thesis.tex"]
    assert tmp_path.stat().st_mode == mode


def test_a_fresh_file_system_is_an_empty_folder(tmp_path: Path) -> None:
    (tmp_path / "lost+found").mkdir()
    Layout(tmp_path).up_log.write_text("")
    place.hold(tmp_path).close()


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataDirError, match="is, or lies below, a file"):
        place.hold(tmp_path / "file")
    with pytest.raises(DataDirError, match="is, or lies below, a file"):
        place.hold(tmp_path / "file" / "deeper")


def test_a_full_disk_is_said_before_anything_is_begun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.hold(tmp_path).close()
    monkeypatch.setattr(os, "statvfs", lambda _path: FreeSpace(1023, 4096))
    with pytest.raises(
        DataDirError, match=f"no space is left on the disk of {tmp_path}: free at least 4 MiB"
    ):
        place.hold(tmp_path)


def test_a_full_disk_keeps_nobody_from_stopping_what_runs_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.hold(tmp_path).close()
    monkeypatch.setattr(os, "statvfs", lambda _path: FreeSpace(0, 4096))
    with place.seize(tmp_path) as lock:
        assert place.holds(tmp_path, lock)
        with pytest.raises(DataDirError, match="in use by Hostler's process"):
            place.seize(tmp_path)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.tex").write_text("")
    with pytest.raises(DataDirError, match=r"thesis\.tex"):
        place.seize(tmp_path / "other")


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "no space is left"),
        (errno.EDQUOT, "no space is left"),
        (errno.EACCES, "not allowed to write"),
        (errno.EROFS, "read-only file system"),
        (errno.ENOTDIR, "a file"),
        (errno.EIO, "Input/output error"),
    ],
)
def test_each_hindrance_is_one_line_with_a_remedy(number: int, words: str) -> None:
    line = place.explain(OSError(number, os.strerror(number)), Path("/d"))
    assert words in line
    assert "--data-dir" in line
    assert "\n" not in line


def test_a_data_directory_that_was_deleted_is_noticed(tmp_path: Path) -> None:
    root = tmp_path / "d"
    with place.hold(root) as lock:
        moved = root.rename(tmp_path / "away")
        assert not place.holds(root, lock)
        with place.hold(root) as other:
            assert not place.holds(root, lock)
            assert place.holds(root, other)
        assert place.holds(moved, lock)


def test_nobody_holds_what_is_not_there(tmp_path: Path) -> None:
    assert place.holder(tmp_path) is None
    assert not list(tmp_path.iterdir())


def test_settings_are_written_whole_or_not_at_all(tmp_path: Path) -> None:
    settings = Settings(tmp_path)
    place.keep_settings(settings)
    assert Settings.load(tmp_path) == settings
    assert [each.name for each in tmp_path.iterdir()] == ["config.json"]
    before = settings.layout.config.stat().st_ino
    place.keep_settings(settings)
    assert settings.layout.config.stat().st_ino == before
