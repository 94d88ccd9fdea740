import os
from pathlib import Path
from typing import cast

import pytest

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


def with_5000_taken(path: str) -> memoryview:
    words = page.writer(page.open_page(path, write=True), 1)
    words[page.CONNECTION], words[page.LAST_TAKEN] = 1, 5000
    return words


def successor_s_or_all_of_the_predecessor_s(path: str) -> bool:
    found = page.read_slot(path, 1)
    assert found is not None
    return found[6] == 78 or found[3:5] == (1, 5000)


def test_a_worker_s_successor_clears_nothing_that_is_still_said_to_be_the_worker_s(
    tmp_path: Path,
) -> None:
    path = made(tmp_path)
    words = with_5000_taken(path)

    class Looking:
        def __setitem__(self, index: int, value: int) -> None:
            words[index] = value
            assert successor_s_or_all_of_the_predecessor_s(path)

    taken = page.taken_writer(page.open_page(path, write=True), 1)
    page.begin(cast("memoryview", Looking()), taken, 78)
    found = page.read_slot(path, 1)
    assert found is not None
    assert (found[1], found[6], *found[3:5]) == (page.LOADING, 78, 0, 0)


@pytest.mark.parametrize("during", [0, 1])
def test_what_a_worker_took_is_never_read_as_nothing_while_another_takes_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, during: int
) -> None:
    """Whatever order the kernel copies a slot's words in: here, from the last to the first."""
    path = made(tmp_path)
    words = with_5000_taken(path)
    taken = page.taken_writer(page.open_page(path, write=True), 1)
    pread, reads = os.pread, iter(range(9))

    def from_the_end(fd: int, size: int, offset: int) -> bytes:
        middle = size // 2
        end = pread(fd, size - middle, offset + middle)
        if next(reads) == during:
            page.begin(words, taken, 78)
        return pread(fd, middle, offset) + end

    monkeypatch.setattr(os, "pread", from_the_end)
    assert successor_s_or_all_of_the_predecessor_s(path)
    assert successor_s_or_all_of_the_predecessor_s(path)


def test_what_was_taken_from_each_of_the_latest_connections_is_known(tmp_path: Path) -> None:
    path = made(tmp_path)
    mapped = page.open_page(path, write=True)
    taken = page.taken_writer(mapped, 1)
    for serial in range(1, 41):
        at = page.taken_index(serial)
        taken[at], taken[at + 1] = serial, 100 + serial
    assert [page.read_taken(path, 1, serial) for serial in (9, 32, 40)] == [109, 132, 140]
    assert page.read_taken(path, 1, 8) is None, "a later connection has its place"
    assert page.read_taken(path, 1, 41) == 0
    assert page.read_taken(path, 0, 9) == 0
    page.begin(page.writer(mapped, 1), taken, 78)
    assert page.read_taken(path, 1, 40) == 0


def test_of_a_page_without_them_nothing_is_known(tmp_path: Path) -> None:
    path = made(tmp_path)
    os.truncate(path, 2 * page.SLOT_SIZE)
    assert page.read_slot(path, 1) is not None
    assert page.read_taken(path, 1, 1) is None
