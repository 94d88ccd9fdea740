import os
from pathlib import Path

from hostler.modelserver import page


def made(tmp_path: Path) -> str:
    path = str(tmp_path / "page")
    page.create(path, 2)
    mapped = page.open_page(path, write=True)
    page.write_state(page.writer(mapped, 1), page.READY, 77)
    return path


def test_a_slot_is_read_without_mapping(tmp_path: Path) -> None:
    path = made(tmp_path)
    found = page.read_slot(path, 1)
    assert found is not None
    assert (found[1], found[6]) == (page.READY, 77)
    assert page.read_slot(path, 0) is None  # nobody has written it yet
    assert page.read_slot(path, 2) is None


def test_a_page_that_the_model_spoilt_is_no_page(tmp_path: Path) -> None:
    path = Path(made(tmp_path))
    os.truncate(path, 70)
    assert page.read_slot(str(path), 1) is None
    path.rename(tmp_path / "real")
    path.symlink_to(tmp_path / "real")
    assert page.read_slot(str(path), 0) is None
    path.unlink()
    os.mkfifo(path)  # opening it would wait for a writer
    assert page.read_slot(str(path), 0) is None
    path.unlink()
    path.mkdir()
    assert page.read_slot(str(path), 0) is None
