import os
from pathlib import Path

from hostler.app.supervisor import journal


def test_a_log_that_grew_too_large_is_put_aside_under_its_writer(tmp_path: Path) -> None:
    path = tmp_path / "control.log"
    writer = journal.descriptor(path)
    os.write(writer, b"old\n" * 30)
    journal.bound(path, 100)
    os.write(writer, b"new\n")
    os.close(writer)
    assert path.read_bytes() == b"new\n"
    assert (tmp_path / "control.log.1").read_bytes() == b"old\n" * 30


def test_a_log_within_its_bound_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "control.log"
    path.write_bytes(b"x" * 100)
    journal.bound(path, 100)
    assert [each.name for each in tmp_path.iterdir()] == ["control.log"]
    journal.bound(tmp_path / "missing.log", 100)


def test_without_room_for_the_copy_the_log_is_cut_all_the_same(tmp_path: Path) -> None:
    path = tmp_path / "control.log"
    path.write_bytes(b"x" * 101)
    (tmp_path / "control.log.1").mkdir()
    journal.bound(path, 100)
    assert path.stat().st_size == 0


def test_a_log_that_cannot_be_opened_keeps_nobody_from_starting(tmp_path: Path) -> None:
    (tmp_path / "control.log").mkdir()
    writer = journal.descriptor(tmp_path / "control.log")
    assert os.write(writer, b"to nobody") == 9
    os.close(writer)
