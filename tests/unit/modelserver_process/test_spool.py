import errno
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hostler.modelserver import spool
from hostler.modelserver.spool import PLATFORM, STDERR, STDOUT, Position, Record, Writer


def writer(folder: Path, segment_bytes: int = spool.SEGMENT_BYTES) -> Writer:
    folder.mkdir(exist_ok=True)
    return Writer(os.open(folder, os.O_RDONLY | os.O_DIRECTORY), segment_bytes=segment_bytes)


def lines(records: list[Record]) -> list[str]:
    return [record.line for record in records]


def test_what_is_written_is_read_in_order_with_its_stream_and_time(tmp_path: Path) -> None:
    kept = writer(tmp_path / "spool")
    kept.append(5, STDOUT, [b"one", b""])
    kept.append(7, STDERR, ["zwei — 2".encode()])
    records, _ = spool.read(str(tmp_path / "spool"))
    assert records == [
        Record(5, STDOUT, "one"),
        Record(5, STDOUT, ""),
        Record(7, STDERR, "zwei — 2"),
    ]


def test_a_reader_goes_on_where_it_was_also_from_a_stored_position(tmp_path: Path) -> None:
    kept = writer(tmp_path)
    kept.append(1, STDOUT, [b"a", b"b"])
    first, position = spool.read(str(tmp_path))
    again, same = spool.read(str(tmp_path), Position.parse(str(position)))
    kept.append(2, STDOUT, [b"c"])
    rest, _ = spool.read(str(tmp_path), position)
    assert (lines(first), again, same, lines(rest)) == (["a", "b"], [], position, ["c"])


def test_an_absent_spool_and_an_empty_position_are_beginnings(tmp_path: Path) -> None:
    assert spool.read(str(tmp_path / "none")) == ([], Position())
    assert Position.parse("") == Position()


def test_a_limit_cuts_and_the_next_call_continues(tmp_path: Path) -> None:
    kept = writer(tmp_path, segment_bytes=200)
    kept.append(1, STDOUT, [str(n).encode() for n in range(40)])
    got: list[str] = []
    position = Position()
    for _ in range(30):
        records, position = spool.read(str(tmp_path), position, limit=3)
        assert len(records) <= 3
        got += lines(records)
    assert got == [str(n) for n in range(40)]


def test_a_long_line_is_cut_into_pieces(tmp_path: Path) -> None:
    writer(tmp_path).append(1, STDOUT, [b"x" * (spool.LINE_MAX * 2 + 5)])
    records, _ = spool.read(str(tmp_path))
    assert [len(record.line) for record in records] == [spool.LINE_MAX, spool.LINE_MAX, 5]


def test_old_segments_are_dropped_and_the_reader_is_told_how_many_lines(tmp_path: Path) -> None:
    kept = writer(tmp_path, segment_bytes=100)
    for number in range(100):
        kept.append(1, STDOUT, [f"{number:060}".encode()])
    assert len(list(tmp_path.glob("*.log"))) == spool.SEGMENTS_MAX
    records, _ = spool.read(str(tmp_path))
    assert records[0].stream == PLATFORM
    assert "92 lines" in records[0].line
    assert [int(line) for line in lines(records[1:])] == list(range(92, 100))


def test_a_reader_that_had_read_what_was_dropped_misses_nothing(tmp_path: Path) -> None:
    kept = writer(tmp_path, segment_bytes=100)
    position = Position()
    got: list[str] = []
    for number in range(100):
        kept.append(1, STDOUT, [f"{number:060}".encode()])
        if number % 5 == 0:
            records, position = spool.read(str(tmp_path), position)
            got += lines(records)
    got += lines(spool.read(str(tmp_path), position)[0])
    assert [int(line) for line in got] == list(range(100))


def test_a_torn_tail_is_the_end_and_the_next_writer_goes_on_after_it(tmp_path: Path) -> None:
    first = writer(tmp_path)
    first.append(1, STDOUT, [b"whole", b"torn away"])
    first.close()
    (segment,) = tmp_path.glob("*.log")
    os.truncate(segment, segment.stat().st_size - 4)
    records, position = spool.read(str(tmp_path))
    assert lines(records) == ["whole"]
    writer(tmp_path).append(2, STDOUT, [b"later"])
    assert lines(spool.read(str(tmp_path), position)[0]) == ["later"]


@pytest.mark.parametrize("garbage", [b"\0" * 64, b"\xff" * 64])
def test_garbage_after_the_records_is_no_record(tmp_path: Path, garbage: bytes) -> None:
    kept = writer(tmp_path)
    kept.append(1, STDOUT, [b"good"])
    (segment,) = tmp_path.glob("*.log")
    with segment.open("ab") as file:
        file.write(garbage)
    assert lines(spool.read(str(tmp_path))[0]) == ["good"]


def test_a_segment_of_another_version_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "00000001.log").write_bytes(b"HSPL" + b"\x09\0\0\0" + b"\0" * 8 + b"unknown")
    writer(tmp_path).append(1, STDOUT, [b"known"])
    assert lines(spool.read(str(tmp_path))[0]) == ["known"]


def test_a_folder_that_cannot_be_written_loses_lines_and_says_how_many(tmp_path: Path) -> None:
    kept = writer(tmp_path)
    kept.append(1, STDOUT, [b"before"])
    kept.close()
    blocker = tmp_path / "00000002.log"
    blocker.mkdir()  # what a full disk does: the segment cannot be made
    kept.append(1, STDOUT, [b"lost", b"lost too"])
    blocker.rmdir()
    kept.append(1, STDOUT, [b"after"])
    assert [record.stream for record in spool.read(str(tmp_path))[0]] == [1, 0, 1]
    assert "2 lines" in spool.read(str(tmp_path))[0][1].line


def test_a_full_disk_costs_its_lines_and_nothing_that_was_written_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = writer(tmp_path)
    kept.append(1, STDOUT, [b"before"])
    kept.close()
    written = os.write

    def full(_fd: int, _data: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    for _ in range(20):
        kept.append(1, STDOUT, [b"lost"])
    monkeypatch.setattr(os, "write", written)
    assert [path.name for path in tmp_path.iterdir()] == ["00000001.log"]
    kept.append(1, STDOUT, [b"after"])
    records = spool.read(str(tmp_path))[0]
    assert lines(records)[::2] == ["before", "after"]
    assert "20 lines" in records[1].line


@settings(max_examples=40, deadline=None)
@given(batches=st.lists(st.lists(st.binary(max_size=40), min_size=1, max_size=5), max_size=20))
def test_any_batches_come_back_whole(
    tmp_path_factory: pytest.TempPathFactory, batches: list[list[bytes]]
) -> None:
    folder = tmp_path_factory.mktemp("spool")
    kept = writer(folder, segment_bytes=100_000)
    for batch in batches:
        kept.append(1, STDOUT, batch)
    expected = [line.decode("utf-8", "replace") for batch in batches for line in batch]
    assert lines(spool.read(str(folder))[0]) == expected
