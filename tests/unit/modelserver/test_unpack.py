"""Hostile and broken archives, one a class, built here byte by byte where tarfile would not."""

import gzip
import io
import os
import tarfile
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from hostler.modelserver.archive import Limits, Refused
from hostler.modelserver.extract import unpack
from hostler.modelserver.failures import CORRUPT_ARCHIVE, HOSTILE_ARCHIVE, PLATFORM

Member = tuple[tarfile.TarInfo, bytes]


def file(name: str, data: bytes = b"data", **fields: object) -> Member:
    info = tarfile.TarInfo(name)
    info.size = len(data)
    for field, value in fields.items():
        setattr(info, field, value)
    return info, data


def special(name: str, kind: bytes, target: str = "") -> Member:
    info = tarfile.TarInfo(name)
    info.type = kind
    info.linkname = target
    return info, b""


def folder(name: str) -> Member:
    return special(name, tarfile.DIRTYPE)


def symlink(name: str, target: str) -> Member:
    return special(name, tarfile.SYMTYPE, target)


def hard_link(name: str, target: str) -> Member:
    return special(name, tarfile.LNKTYPE, target)


def tar(*members: Member, kind: int = tarfile.PAX_FORMAT) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=kind) as archive:
        for info, data in members:
            archive.addfile(info, io.BytesIO(data) if data else None)
    return out.getvalue()


def packed(*members: Member, kind: int = tarfile.PAX_FORMAT) -> bytes:
    return gzip.compress(tar(*members, kind=kind))


def run(archive: bytes, into: Path, **limits: float) -> tuple[int, int]:
    into.mkdir(exist_ok=True)
    return unpack(io.BytesIO(archive), str(into), Limits(**limits))  # type: ignore[arg-type]


def refused(archive: bytes, tmp_path: Path, **limits: float) -> Refused:
    """The refusal; nothing is left inside the folder and nothing appeared beside it."""
    into = tmp_path / "into"
    with pytest.raises(Refused) as caught:
        run(archive, into, **limits)
    assert list(into.iterdir()) == []
    assert [path.name for path in tmp_path.iterdir()] == ["into"]
    assert "\n" not in str(caught.value)
    return caught.value


def test_an_ordinary_archive_keeps_files_folders_links_and_the_execute_bit(tmp_path: Path) -> None:
    archive = packed(
        folder("./"),
        file("./model.joblib", b"m" * 1000),
        file("code/run.sh", b"#!/bin/sh\n", mode=0o4755),
        symlink("code/latest", "../model.joblib"),
        hard_link("copy.joblib", "./model.joblib"),
    )
    assert run(archive, tmp_path / "into") == (3, 1010)
    into = tmp_path / "into"
    assert (into / "model.joblib").read_bytes() == b"m" * 1000
    assert (into / "code/latest").read_bytes() == b"m" * 1000
    assert (into / "copy.joblib").stat().st_nlink == 2
    assert (into / "code/run.sh").stat().st_mode & 0o7777 == 0o755
    assert (into / "model.joblib").stat().st_mode & 0o7777 == 0o644


@pytest.mark.parametrize("kind", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_every_tar_format_is_read(tmp_path: Path, kind: int) -> None:
    run(packed(file("a/b.txt"), symlink("c", "a/b.txt"), kind=kind), tmp_path / "into")
    assert (tmp_path / "into/c").read_bytes() == b"data"


@pytest.mark.parametrize("kind", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_long_and_foreign_names_survive(tmp_path: Path, kind: int) -> None:
    name = "/".join(["ordner-ä" * 10] * 4) + "/模型.bin"
    run(packed(file(name), symlink("l", name), kind=kind), tmp_path / "into")
    assert (tmp_path / "into" / name).read_bytes() == b"data"
    assert (tmp_path / "into/l").read_bytes() == b"data"


@pytest.mark.parametrize("size", [0, 1, 511, 512, 513, 1 << 20, (1 << 20) + 1, 3_333_333])
def test_every_size_and_padding_is_read(tmp_path: Path, size: int) -> None:
    assert run(packed(file("zeros", bytes(size)), file("after")), tmp_path / "into")[0] == 2
    assert (tmp_path / "into/zeros").stat().st_size == size


def test_several_gzip_streams_and_trailing_zeros_are_one_archive(tmp_path: Path) -> None:
    data = tar(file("a", b"a" * 5000))
    archive = gzip.compress(data[:2000]) + gzip.compress(data[2000:]) + bytes(700)
    assert run(archive, tmp_path / "into") == (1, 5000)


def test_a_later_member_replaces_an_earlier_file(tmp_path: Path) -> None:
    run(packed(file("a", b"old"), file("b"), file("a", b"new")), tmp_path / "into")
    assert (tmp_path / "into/a").read_bytes() == b"new"


def test_a_later_file_replaces_a_link_and_not_what_it_points_to(tmp_path: Path) -> None:
    run(packed(file("kept", b"1"), symlink("l", "kept"), file("l", b"2")), tmp_path / "into")
    assert (tmp_path / "into/kept").read_bytes() == b"1"
    assert (tmp_path / "into/l").read_bytes() == b"2"


HOSTILE_ARCHIVES: dict[str, Callable[[], bytes]] = {
    "dot-dot name": lambda: packed(file("../out")),
    "dot-dot inside": lambda: packed(file("a/../../out")),
    "absolute name": lambda: packed(file("/tmp/h-out")),
    "absolute folder": lambda: packed(folder("/tmp/h-out")),
    "character device": lambda: packed(special("null", tarfile.CHRTYPE)),
    "block device": lambda: packed(special("sda", tarfile.BLKTYPE)),
    "named pipe": lambda: packed(special("pipe", tarfile.FIFOTYPE)),
    "unknown kind": lambda: packed(special("odd", b"Z")),
    "newline in a name": lambda: packed(file("a\nb")),
    "escape in a name": lambda: packed(file("\x1b[2J")),
    "delete in a name": lambda: packed(file("a\x7f")),
    "control character in a link": lambda: packed(symlink("l", "a\x01")),
    "nul in a name": lambda: gzip.compress(pax_header(b"path=a\0b") + tar(file("x"))),
    "absolute link": lambda: packed(symlink("l", "/etc/passwd")),
    "link out": lambda: packed(symlink("l", "../out")),
    "link out of a folder": lambda: packed(symlink("a/l", "../../out")),
    "link in a circle": lambda: packed(symlink("a", "b"), symlink("b", "a")),
    "empty link": lambda: packed(symlink("l", "")),
    "chain that leaves by another link": lambda: packed(
        folder("d"), symlink("d/up", ".."), symlink("l", "d/up/../out")
    ),
    "chain whose middle is replaced later": lambda: packed(
        folder("a/b"),
        symlink("l", "a/b/../../ok"),
        symlink("a/b/c", "../../.."),
        symlink("m", "a/b/c/out"),
    ),
    "long chain of short steps": lambda: packed(
        folder("a/a/a/a"),
        *[symlink("a/" * depth + "s", "../" * depth + "a") for depth in range(1, 4)],
        symlink("z", "a/a/a/s/../../../../out"),
    ),
    "file below a link": lambda: packed(symlink("l", "."), file("l/file")),
    "folder below a link": lambda: packed(symlink("l", "."), folder("l/d")),
    "file below a file": lambda: packed(file("f"), file("f/file")),
    "file over a folder": lambda: packed(folder("d"), file("d")),
    "file over the root": lambda: packed(file(".")),
    "hard link out": lambda: packed(hard_link("l", "../../etc/passwd")),
    "absolute hard link": lambda: packed(hard_link("l", "/etc/passwd")),
    "hard link to a link": lambda: packed(symlink("s", "x"), hard_link("l", "s")),
    "hard link to a folder": lambda: packed(folder("d"), hard_link("l", "d")),
    "hard link below a link": lambda: packed(
        folder("d"), file("d/f"), symlink("s", "d"), hard_link("l", "s/f")
    ),
    "too deep": lambda: packed(file("d/" * 40 + "f")),
    "name too long": lambda: packed(file("n" * 300)),
    "sparse file": lambda: packed(special("s", tarfile.GNUTYPE_SPARSE)),
    "sparse file by pax": lambda: packed(file("s", pax_headers={"GNU.sparse.major": "1"})),
    "huge extended header": lambda: gzip.compress(
        raw_header(b"x", tarfile.XHDTYPE, 1 << 40) + bytes(4096)
    ),
}


def raw_header(name: bytes, kind: bytes, size: int) -> bytes:
    info = tarfile.TarInfo(name.decode())
    info.type, info.size = kind, size
    return info.tobuf(tarfile.GNU_FORMAT)


def pax_header(record: bytes) -> bytes:
    line = b" " + record + b"\n"
    data = str(len(line) + 2).encode() + line
    return raw_header(b"x", tarfile.XHDTYPE, len(data)) + data.ljust(512, b"\0")


@pytest.mark.parametrize("name", HOSTILE_ARCHIVES)
def test_hostile_archives_are_refused_and_leave_nothing(tmp_path: Path, name: str) -> None:
    harmless = gzip.compress(tar(file("before", b"x"))[:1024])
    archive = harmless + HOSTILE_ARCHIVES[name]()
    assert refused(archive, tmp_path).cause == HOSTILE_ARCHIVE


CLASSES: dict[str, tuple[str, ...]] = {
    "dot-dot": ("dot-dot name", "dot-dot inside"),
    "absolute names": ("absolute name", "absolute folder"),
    "devices": ("character device", "block device"),
    "fifos": ("named pipe",),
    "NUL in a name": ("nul in a name",),
    "control characters": (
        "newline in a name",
        "escape in a name",
        "delete in a name",
        "control character in a link",
    ),
    "links out": ("absolute link", "link out", "link out of a folder", "empty link"),
    "chains of links": (
        "link in a circle",
        "chain that leaves by another link",
        "chain whose middle is replaced later",
        "long chain of short steps",
    ),
    "writing through a link": ("file below a link", "folder below a link"),
    "hard links": (
        "hard link out",
        "absolute hard link",
        "hard link to a link",
        "hard link to a folder",
        "hard link below a link",
        "hard link to nothing",
    ),
    "duplicates of another kind": ("file below a file", "file over a folder", "file over the root"),
    "depth": ("too deep",),
    "long names": ("name too long",),
    "sparse files": ("sparse file", "sparse file by pax"),
    "unknown kinds": ("unknown kind",),
    "sizes that lie": ("huge extended header", "truncated tar", "wrong length"),
    "truncated": ("truncated gzip", "missing trailer", "no end mark"),
    "a wrong checksum": ("wrong crc", "broken header in the middle"),
    "what follows the end": ("garbage after the end",),
    "another format": (
        "empty file",
        "not gzip",
        "plain tar",
        "not tar",
        "broken deflate",
        "broken pax record",
    ),
}
"""Every class of broken and hostile archives, with its cases here. The caps on bytes, entries and
ratio, setuid bits, duplicates and foreign names have tests of their own; the deadline has one of
the program's."""


def test_every_case_is_of_a_class() -> None:
    of_classes = [case for cases in CLASSES.values() for case in cases]
    known = {*HOSTILE_ARCHIVES, *CORRUPT_ARCHIVES}
    assert len(of_classes) == len(set(of_classes))
    assert set(of_classes) == known


def test_memory_is_bounded_whatever_the_size_of_a_member(tmp_path: Path) -> None:
    archive = io.BytesIO(packed(file("weights", bytes(48 << 20))))
    into = tmp_path / "into"
    into.mkdir()
    tracemalloc.start()
    try:
        unpack(archive, str(into), Limits())
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 8 << 20


def test_names_that_look_alike_stay_apart(tmp_path: Path) -> None:
    """Composed and decomposed, and what a terminal would turn around: names are bytes."""
    names = ["\u00e9.bin", "e\u0301.bin", "E\u0301.bin", "a\u202eb.bin"]
    run(packed(*[file(name, name.encode()) for name in names]), tmp_path / "into")
    for name in names:
        assert (tmp_path / "into" / name).read_bytes() == name.encode()


def wrong_crc() -> bytes:
    data = bytearray(packed(file("a")))
    data[-8] ^= 1
    return bytes(data)


def wrong_length() -> bytes:
    data = bytearray(packed(file("a")))
    data[-1] ^= 1
    return bytes(data)


def broken_header() -> bytes:
    data = bytearray(tar(file("a"), file("b")))
    data[1024] ^= 1
    return gzip.compress(bytes(data))


CORRUPT_ARCHIVES: dict[str, Callable[[], bytes]] = {
    "empty file": lambda: b"",
    "not gzip": lambda: b"PK\x03\x04" + bytes(100),
    "plain tar": lambda: tar(file("a")),
    "not tar": lambda: gzip.compress(b"hello " * 1000),
    "truncated gzip": lambda: packed(file("a", os.urandom(10_000)))[:-600],
    "missing trailer": lambda: packed(file("a"))[:-8],
    "wrong crc": wrong_crc,
    "wrong length": wrong_length,
    "garbage after the end": lambda: packed(file("a")) + b"garbage",
    "truncated tar": lambda: gzip.compress(tar(file("a", bytes(5000)))[:2048]),
    "no end mark": lambda: gzip.compress(tar(file("a"))[:1024]),
    "broken header in the middle": broken_header,
    "hard link to nothing": lambda: packed(hard_link("l", "nothing")),
    "broken pax record": lambda: gzip.compress(
        raw_header(b"x", tarfile.XHDTYPE, 5) + b"99 a=".ljust(512, b"\0") + tar(file("x"))
    ),
    "broken deflate": lambda: packed(file("a"))[:12] + b"\xff" * 60,
}


@pytest.mark.parametrize("name", CORRUPT_ARCHIVES)
def test_corrupt_archives_are_refused_and_leave_nothing(tmp_path: Path, name: str) -> None:
    assert refused(CORRUPT_ARCHIVES[name](), tmp_path).cause == CORRUPT_ARCHIVE


def test_the_cap_on_bytes_holds_before_they_are_written(tmp_path: Path) -> None:
    archive = packed(file("a", os.urandom(50_000)), file("b", os.urandom(60_000)))
    assert "100000 bytes" in str(refused(archive, tmp_path, bytes_max=100_000))


def test_the_cap_on_bytes_counts_what_lies_behind_the_end_mark(tmp_path: Path) -> None:
    archive = gzip.compress(tar(file("a")) + bytes(200_000))
    assert refused(archive, tmp_path, bytes_max=100_000).cause == HOSTILE_ARCHIVE


def test_the_cap_on_entries(tmp_path: Path) -> None:
    archive = packed(*[file(f"f{number}", b"") for number in range(11)])
    assert refused(archive, tmp_path, entries_max=10).cause == HOSTILE_ARCHIVE
    assert run(archive, tmp_path / "into", entries_max=11)[0] == 11


def test_endless_extended_headers_are_bounded(tmp_path: Path) -> None:
    one = raw_header(b"x", tarfile.XGLTYPE, 0)
    assert refused(gzip.compress(one * 100), tmp_path, entries_max=10).cause == HOSTILE_ARCHIVE


def test_a_header_full_of_records_costs_what_its_size_is(tmp_path: Path) -> None:
    """The rest of it was once copied for each of them: minutes for a megabyte."""
    records = b"6 a=b\n" * 174_000 + b"14 path=named\n"
    padded = records.ljust(-(-len(records) // 512) * 512, b"\0")
    header = raw_header(b"x", tarfile.XHDTYPE, len(records)) + padded
    run(gzip.compress(header + tar(file("x"))), tmp_path / "into")
    assert [path.name for path in (tmp_path / "into").iterdir()] == ["named"]


def test_a_bomb_is_refused_by_its_ratio(tmp_path: Path) -> None:
    bomb = packed(file("z", bytes(70 << 20)))
    assert "times" in str(refused(bomb, tmp_path, ratio_max=100, ratio_from_bytes=64 << 20))


def test_a_hundred_megabytes_of_zeros_are_no_bomb(tmp_path: Path) -> None:
    run(packed(file("weights", bytes(100 << 20))), tmp_path / "into")
    assert (tmp_path / "into/weights").stat().st_size == 100 << 20


def test_a_bomb_in_an_outer_stream_is_refused(tmp_path: Path) -> None:
    pump = zlib.compressobj(9, wbits=31)
    archive = packed(file("a")) + pump.compress(bytes(70 << 20)) + pump.flush()
    limits = {"ratio_max": 100, "ratio_from_bytes": 64 << 20}
    assert refused(archive, tmp_path, **limits).cause == HOSTILE_ARCHIVE


def test_a_folder_that_is_not_empty_is_ours_to_answer_for(tmp_path: Path) -> None:
    (tmp_path / "into").mkdir()
    (tmp_path / "into/kept").touch()
    with pytest.raises(Refused) as caught:
        run(packed(file("a")), tmp_path / "into")
    assert caught.value.cause == PLATFORM
    assert (tmp_path / "into/kept").exists()
